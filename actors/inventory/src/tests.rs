use serde_json::json;
use vactor_sdk::IntoFailure;

use super::*;

fn store() -> Inventory {
    Inventory::new(Vec::new(), true).expect("the parts list has no flaw")
}

fn line(sku: &str, quantity: u32) -> Line {
    Line { sku: sku.to_owned(), quantity }
}

fn skus(goods: Vec<&Good>) -> Vec<&str> {
    goods.into_iter().map(|good| good.sku.as_str()).collect()
}

#[test]
fn parts_list_is_loaded_on_request() {
    assert_eq!(store().find(None, None, Vec::new(), None, false).len(), parts_list().len());
    let empty = Inventory::new(Vec::new(), false).expect("an empty store can be opened");
    assert_eq!(empty.find(None, None, Vec::new(), None, false), Vec::<&Good>::new());
}

#[test]
fn search_applies_all_filters() {
    let store = store();
    let find = |text: &str, category, tags: &[&str], most, in_stock| {
        let tags = tags.iter().map(|tag| tag.to_string()).collect();
        skus(store.find(Some(text.to_owned()), category, tags, most, in_stock))
    };
    assert_eq!(find("TEXAS", None, &[], None, false), ["U-74HC595N", "U-LM358P", "U-NE555P"]);
    assert_eq!(find("", Some(Category::Transistor), &["npn"], None, false), ["Q-2N3904", "Q-BC547B"]);
    assert_eq!(find("", Some(Category::Transistor), &["npn"], None, true), ["Q-2N3904"]);
    assert_eq!(find("", Some(Category::Microcontroller), &[], Some(100), false), ["M-RP2040"]);
    assert_eq!(find("", None, &["smd", "ldo"], None, false), ["U-AMS1117-33"]);
}

#[test]
fn order_takes_all_its_lines() {
    let mut store = store();
    let picked = store.pick(vec![line("Q-IRLZ44N", 30), line("D-1N4148", 1), line("Q-IRLZ44N", 5)], None);
    // 35 at the price from ten on; the two lines of one good count as one.
    assert_eq!(picked, Ok(Picked { total: 35 * 118 + 10, reorder: vec!["Q-IRLZ44N".to_owned()] }));
    assert_eq!(store.good("Q-IRLZ44N".to_owned()).map(|good| good.stock), Ok(40));
}

#[test]
fn order_over_the_stock_names_the_shortages() {
    let mut store = store();
    let refusal = store.pick(vec![line("M-ESP32-WROOM", 13), line("D-1N4148", 1), line("Q-BC547B", 1)], None);
    let failure = refusal.expect_err("there is not enough").into_failure();
    assert_eq!(failure.kind, "out-of-stock");
    assert_eq!(
        failure.details,
        Some(json!({ "shortages": [
            { "sku": "M-ESP32-WROOM", "requested": 13, "stock": 12 },
            { "sku": "Q-BC547B", "requested": 1, "stock": 0 },
        ] }))
    );
    let unknown = store.pick(vec![line("Q-NONE", 1)], None);
    assert_eq!(unknown, Err(Refusal::UnknownSku { sku: "Q-NONE".to_owned() }));
}

#[test]
fn delivery_fills_the_shelves() {
    let mut store = store();
    assert!(store.to_reorder().contains(&line("Q-BC547B", 0)));
    assert_eq!(store.receive(vec![line("Q-BC547B", 200), line("Q-BC547B", 1)]), Ok(()));
    assert!(!store.to_reorder().iter().any(|line| line.sku == "Q-BC547B"));
    let too_large = store.receive(vec![line("Q-BC547B", u32::MAX)]);
    assert_eq!(too_large, Err(Refusal::StockTooLarge { sku: "Q-BC547B".to_owned() }));
}

#[test]
fn good_with_a_flaw_or_a_taken_sku_is_refused() {
    let mut store = store();
    let good = store.good("U-NE555P".to_owned()).expect("it is on the list").clone();
    assert_eq!(store.add(good.clone()), Err(Refusal::SkuTaken { sku: good.sku.clone() }));
    let unpriced = Good { sku: "U-NEW".to_owned(), prices: Vec::new(), ..good.clone() };
    let prices = vec![Price { from: 1, cents: 9 }, Price { from: 1, cents: 8 }];
    let disordered = Good { sku: "U-NEW".to_owned(), prices, ..good.clone() };
    for flawed in [unpriced, disordered, Good { sku: " ".to_owned(), ..good.clone() }] {
        assert!(matches!(store.add(flawed), Err(Refusal::BadGood { .. })));
    }
    let worth = store.worth();
    let new = Good { sku: "U-NEW".to_owned(), stock: 2, ..good };
    assert_eq!(store.add(new), Ok(()));
    assert_eq!(store.worth(), worth + 2 * 52);
}

#[test]
fn order_over_the_largest_total_is_refused() {
    let dear = |sku: &str| {
        let mut good = parts_list().remove(0);
        (good.sku, good.stock) = (sku.to_owned(), 2);
        good.prices = vec![Price { from: 1, cents: u64::MAX }];
        good
    };
    let mut store = Inventory::new(vec![dear("A"), dear("B")], false).expect("the goods are fine");
    let line = |sku: &str, quantity| Line { sku: sku.to_owned(), quantity };
    for lines in [vec![line("A", 2)], vec![line("A", 1), line("B", 1)]] {
        assert!(matches!(store.pick(lines, None), Err(Refusal::TotalTooLarge { .. })));
        // the host changes nothing when a method fails; a test has to begin anew
        store = Inventory::new(vec![dear("A"), dear("B")], false).expect("the goods are fine");
    }
    assert_eq!(store.pick(vec![line("A", 1)], None).map(|picked| picked.total), Ok(u64::MAX));
}
