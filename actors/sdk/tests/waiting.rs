//! A class that calls others and waits, as its unit tests meet it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vactor_sdk::testing::{Reply, Target};
use vactor_sdk::{Class, Context, Failure, Fault, Handle, IntoFailure, Limit, Origin, Timestamp, actor};

const SECOND: Duration = Duration::from_secs(1);

/// Written, and not read: an argument alone need not be both.
#[derive(Serialize, Deserialize, JsonSchema, Debug, PartialEq, Clone)]
pub struct Point {
    x: i128,
}

#[derive(Deserialize, JsonSchema)]
pub struct ReadOnly {
    x: i64,
}

#[derive(Serialize, Deserialize, JsonSchema, Debug, PartialEq)]
pub struct ShoppingCart {
    items: Vec<String>,
}

#[actor]
impl ShoppingCart {
    pub fn new(items: Vec<String>, _ctx: &Context) -> Self {
        ShoppingCart { items }
    }

    pub fn put(&mut self, item: String, #[default(1)] times: usize, _ctx: &Context) -> Result<usize, Failure> {
        self.items.extend(vec![item; times]);
        if self.items.len() > 3 { Err(Failure::new("full", "no more")) } else { Ok(self.items.len()) }
    }

    pub fn last(&mut self) -> Option<&str> {
        self.items.last().map(String::as_str)
    }

    pub fn all(&mut self) -> &[String] {
        &self.items
    }

    pub fn clear(&mut self) {
        self.items.clear();
    }

    pub fn at(&mut self, point: Point) -> Self {
        ShoppingCart { items: vec![point.x.to_string()] }
    }

    pub fn count(&self, #[default] item: Option<String>, _ctx: &Context) -> Result<usize, Failure> {
        match item {
            Some(item) if item.is_empty() => Err(Failure::new("no-item", "an item has a name")),
            Some(item) => Ok(self.items.iter().filter(|one| **one == item).count()),
            None => Ok(self.items.len()),
        }
    }

    pub fn first(&self) -> Option<&str> {
        self.items.first().map(String::as_str)
    }

    pub fn unsendable(&mut self, point: ReadOnly) -> i64 {
        point.x
    }

    #[task(retries = 3, backoff = "200ms")]
    pub fn price(item: String, ctx: &Context) -> Result<u64, Failure> {
        ctx.info(&item);
        item.parse().map_err(|_| Failure::new("no-price", item))
    }

    #[task(retries = 0)]
    pub fn once() {}
}

/// Registered under a name of its own.
#[derive(Serialize, Deserialize)]
struct Other;

#[actor(name = "the.other")]
impl Other {
    pub fn new() -> Self {
        Other
    }

    pub fn ping(&mut self) {}

    pub fn pong() {}
}

#[test]
fn task_describes_its_retries() {
    let description: Value = serde_json::from_str(&ShoppingCart::describe()).expect("a description is JSON");
    let task = |name: &str| {
        let methods = description["methods"].as_array().expect("a list");
        methods.iter().find(|method| method["name"] == name).expect("it is there").clone()
    };
    assert_eq!((&task("price")["retries"], &task("price")["backoff-ms"]), (&json!(3), &json!(200)));
    assert_eq!((&task("once")["retries"], task("once").get("backoff-ms")), (&json!(0), None));
    assert_eq!(task("put").get("retries"), None);
}

#[test]
fn calls_by_type_have_the_methods_of_the_class() {
    let ctx = Context::for_test();
    let put: Handle<usize> = ctx.start::<ShoppingCart>("ada").put("egg".into(), 2);
    let sent: String = ctx.send_after::<ShoppingCart>(SECOND, "ada").clear();
    ctx.start::<ShoppingCart>("bob").or_create(vec!["\"".into()]).at(Point { x: i128::MAX });
    ctx.send::<Other>("o").or_create().limit(Limit::Time(SECOND)).ping();
    ctx.send_task::<Other>().pong();
    ctx.send_task_after::<ShoppingCart>(2 * SECOND).once();
    ctx.task::<ShoppingCart>().price("7".into());

    let calls = ctx.calls();
    let arguments: Vec<String> = calls.iter().map(|call| call.arguments.to_string()).collect();
    assert_eq!(calls[0].target, Target::Actor { id: "ada".into() });
    assert_eq!((calls[0].method.as_str(), calls[0].delay), ("put", None));
    assert_eq!(arguments[0], r#"{"item":"egg","times":2}"#);
    assert_eq!((&put.invocation(), &sent), (&calls[0].invocation, &calls[1].invocation));
    assert_ne!(put.invocation(), sent);
    assert_eq!((calls[1].method.as_str(), calls[1].delay, arguments[1].as_str()), ("clear", Some(SECOND), "{}"));
    let made_from = json!({ "items": ["\""] });
    let bob = Target::ActorOrNew { class: "shopping-cart".into(), id: "bob".into(), arguments: made_from };
    assert_eq!(calls[2].target, bob);
    let other = Target::ActorOrNew { class: "the.other".into(), id: "o".into(), arguments: json!({}) };
    assert_eq!((&calls[3].target, calls[3].delay), (&other, Some(Duration::ZERO)));
    assert_eq!((&calls[0].limits[..], &calls[3].limits[..]), (&[][..], &[Limit::Time(SECOND)][..]));
    assert_eq!(calls[4].target, Target::Task { class: "the.other".into() });
    assert_eq!(calls[5].delay, Some(2 * SECOND));
    assert_eq!((calls[6].delay, calls[6].target.actor()), (None, None));
}

#[test]
fn borrowed_results_are_owned_by_callers() {
    let ctx = Context::for_test();
    let cart = Rc::new(RefCell::new(ShoppingCart { items: vec!["egg".into()] }));
    let ctx = ctx.with_actor("ada", cart.clone());
    let last: Result<Option<String>, Fault> = ctx.start::<ShoppingCart>("ada").last().wait();
    assert_eq!(last, Ok(Some("egg".into())));
    let all: Result<Vec<String>, Fault> = ctx.start::<ShoppingCart>("ada").all().wait();
    assert_eq!(all, Ok(vec!["egg".into()]));
    let most = ctx.start::<ShoppingCart>("ada").at(Point { x: i128::MIN }).wait();
    assert_eq!(most.expect("it answers").items, [i128::MIN.to_string()], "integers are exact");
    assert_eq!(ctx.start::<ShoppingCart>("ada").clear().wait(), Ok(()));
    assert_eq!(cart.borrow().items, Vec::<String>::new());
}

#[test]
fn failed_child_is_a_fault_and_changes_nothing() {
    let cart = Rc::new(RefCell::new(ShoppingCart { items: vec![] }));
    let ctx = Context::for_test().with_actor("ada", cart.clone());
    let full = ctx.start::<ShoppingCart>("ada").put("egg".into(), 4);
    let fault = full.wait().expect_err("four are too many");
    assert_eq!((fault.origin, fault.kind.as_str(), fault.message.as_str()), (Origin::Class, "full", "no more"));
    assert_eq!(fault.invocation, full.invocation());
    assert_eq!(cart.borrow().items.len(), 0);
    assert_eq!(full.wait(), Err(fault.clone()), "an answer stays the handle's");
    assert_eq!(Failure::from(fault), Failure::new("full", "no more"));

    let told = Fault::new(Origin::Host, Failure::BAD_ARGUMENTS, "the argument `n` is missing");
    let failure = told.into_failure();
    assert_eq!(failure.kind, "child-bad-arguments", "the host would take it for one of the caller's own");
}

#[test]
fn calls_by_name_have_any_target() {
    let ctx = Context::for_test();
    ctx.on_start(|call| match (call.target.actor(), call.method.as_str()) {
        (Some("bob"), "deposit") => Some(Reply::result(json!({ "balance": call.arguments["amount"] }))),
        (Some("bob"), _) => Some(Reply::fault(Fault::new(Origin::Host, "trap", "it broke"))),
        _ => None,
    });
    let bob = ctx.actor("bob");
    let paid = bob.start::<Value>("deposit", json!({ "amount": 5 })).wait();
    assert_eq!(paid, Ok(json!({ "balance": 5 })));
    assert_eq!(bob.start::<()>("close", ()).wait().expect_err("it breaks").kind, "trap");

    let misread = bob.start::<i64>("deposit", json!({ "amount": 5 })).wait().expect_err("an object is no number");
    assert_eq!((misread.origin, misread.kind.as_str()), (Origin::Caller, Fault::UNEXPECTED_ANSWER));
    assert_eq!(misread.message, "the answer is not what was expected: invalid type: map, expected i64");
    assert_eq!(misread.invocation, ctx.calls()[2].invocation);

    ctx.actor_or_create("account", "eve", json!({ "owner": "Eve" })).send_after(SECOND, "deposit", Point { x: 1 });
    ctx.tasks("trainer").start::<f64>("fit", [("rate", 1)].into_iter().collect::<std::collections::BTreeMap<_, _>>());
    let calls = ctx.calls();
    assert_eq!((calls[3].delay, &calls[3].arguments), (Some(SECOND), &json!({ "x": 1 })));
    assert_eq!(
        (&calls[4].target, &calls[4].arguments),
        (&Target::Task { class: "trainer".into() }, &json!({ "rate": 1 }))
    );
    assert_eq!(calls[1].arguments, json!({}));
}

#[test]
fn task_called_by_type_runs_in_a_test() {
    let ctx = Context::for_test();
    let prices = ["3", "x", "5"].map(|item| ctx.task::<ShoppingCart>().price(item.into()));
    let prices = ctx.join(&prices);
    assert_eq!(prices.iter().map(|price| price.as_ref().ok()).collect::<Vec<_>>(), [Some(&3), None, Some(&5)]);
    assert_eq!(prices[1].as_ref().expect_err("no number").kind, "no-price");
    assert_eq!(ctx.join(vec![ctx.task::<ShoppingCart>().once()]), [Ok(())]);
}

#[test]
fn first_of_several_answers_moves_the_clock() {
    let ctx = Context::for_test().with_now(Timestamp::from_millis(500));
    ctx.on_start(|call| Some(Reply::result(&call.method).after(10 * SECOND)));
    let child = ctx.actor("a").start::<String>("m", ());
    let (timer, event) = (ctx.timer(20 * SECOND), ctx.event::<u8>("go"));
    ctx.emit_at(ctx.now() + 15 * SECOND, "go", 7);

    assert_eq!(ctx.wait_any((&timer, &event, &child)), 2);
    assert_eq!(ctx.now().as_millis(), 10_500);
    assert_eq!(child.wait(), Ok("m".into()));
    assert_eq!(ctx.wait_any((&timer, &event)), 1);
    assert_eq!((event.wait(), ctx.now().as_millis()), (Ok(7), 15_500));
    assert_eq!(timer.wait(), Ok(()));
    assert_eq!(ctx.now().as_millis(), 20_500);

    ctx.sleep(Duration::from_nanos(1));
    assert_eq!(ctx.now().as_millis(), 20_501, "never early");
    let same = [ctx.timer(2 * SECOND), ctx.timer(SECOND)];
    assert_eq!(ctx.wait_any(&same), 1);
    assert_eq!(ctx.wait_any(same.iter().collect::<Vec<_>>()), 1, "what is answered stays so");
}

#[test]
fn events_are_taken_once_and_in_order() {
    let ctx = Context::for_test();
    let (one, two) = (ctx.event::<u8>("e"), ctx.event::<u8>("e"));
    ctx.emit("e", 1);
    ctx.emit("other", 0);
    ctx.emit("e", 2);
    assert_eq!((two.wait(), one.wait(), two.wait()), (Ok(1), Ok(2), Ok(1)));
    assert_eq!(ctx.wait_event::<u8>("e", SECOND), Ok(None));
    assert_eq!(ctx.now().as_millis(), 1000);
    ctx.emit("e", "three");
    let misread = ctx.wait_event::<u8>("e", SECOND).expect_err("a text is no number");
    assert_eq!((misread.kind.as_str(), misread.invocation.as_str()), (Fault::UNEXPECTED_ANSWER, ""));
    assert_eq!(ctx.now().as_millis(), 1000, "it was there");
}

#[test]
fn cancelled_child_is_found_by_attach() {
    let ctx = Context::for_test();
    ctx.on_start(|call| (call.method == "quick").then(|| Reply::result(1)));
    let quick = ctx.actor("a").start::<u8>("quick", ());
    let slow = ctx.actor("a").start::<u8>("slow", ());
    quick.cancel();
    slow.cancel();
    assert_eq!(quick.wait(), Ok(1), "it had ended");
    let fault = slow.wait().expect_err("it was cancelled");
    assert!(fault.is_cancelled());
    assert_eq!(ctx.calls().iter().map(|call| call.cancelled).collect::<Vec<_>>(), [false, true]);
    assert_eq!(ctx.attach::<u8>(&slow.invocation()).wait(), Err(fault));

    ctx.on_attach("of-another", Reply::result(9).after(SECOND));
    assert_eq!(ctx.attach::<u8>("of-another").wait(), Ok(9));
    assert_eq!(ctx.now().as_millis(), 1000);
}

#[test]
#[should_panic(expected = "the test answers nothing of `m` of Actor { id: \"a\" }, the event `go`")]
fn wait_without_an_answer_panics() {
    let ctx = Context::for_test();
    ctx.wait_any((&ctx.actor("a").start::<()>("m", ()), &ctx.event::<()>("go")));
}

#[test]
#[should_panic(expected = "a wait needs at least one handle")]
fn wait_without_handles_panics() {
    Context::for_test().wait_any(Vec::<Handle<()>>::new());
}

#[test]
fn saves_returns_the_saved_states() {
    let ctx = Context::for_test();
    let mut cart = ShoppingCart::new(vec![], &ctx);
    ctx.save(&cart).expect("it can be written");
    cart.items.push("egg".into());
    ctx.save(&cart).expect("it can be written");
    assert_eq!(ctx.saves::<ShoppingCart>().iter().map(|cart| cart.items.len()).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn query_runs_at_once_on_an_actor_of_the_test() {
    let cart = Rc::new(RefCell::new(ShoppingCart { items: vec!["egg".into(), "milk".into(), "egg".into()] }));
    let ctx = Context::for_test().with_actor("ada", cart);
    let count = |item: Option<&str>| ctx.ask::<ShoppingCart>("ada").count(item.map(str::to_owned));
    assert_eq!((count(None), count(Some("egg"))), (Ok(3), Ok(2)));
    assert_eq!(ctx.ask::<ShoppingCart>("ada").first(), Ok(Some("egg".to_owned())));
    assert_eq!(ctx.actor("ada").ask::<usize>("count", json!({ "item": "milk" })), Ok(1));
    let refused = count(Some("")).unwrap_err();
    assert_eq!((refused.origin, refused.kind.as_str(), refused.invocation.as_str()), (Origin::Class, "no-item", ""));
    let unread = ctx.actor("ada").ask::<u8>("first", ()).unwrap_err();
    assert_eq!((unread.origin, unread.kind.as_str()), (Origin::Caller, Fault::UNEXPECTED_ANSWER));
    let mutation = ctx.actor("ada").ask::<Value>("clear", ()).unwrap_err();
    assert_eq!((mutation.origin, mutation.kind.as_str()), (Origin::Host, "bad-arguments"));
    let absent = ctx.ask::<ShoppingCart>("bob").first().unwrap_err();
    assert_eq!((absent.origin, absent.kind.as_str()), (Origin::Host, "not-found"));
    assert_eq!(ctx.calls(), [], "a query is no call");
}

#[test]
fn query_is_answered_by_on_ask() {
    let ctx = Context::for_test();
    ctx.on_ask(|question| (question.id == "ada").then(|| Ok(question.arguments["item"].clone())));
    ctx.on_ask(|question| {
        (question.query == "count").then(|| Err(Fault::new(Origin::Host, "limit", "it computed for too long")))
    });
    assert_eq!(ctx.actor("ada").ask::<String>("name", json!({ "item": "egg" })), Ok("egg".to_owned()));
    assert_eq!(ctx.ask::<ShoppingCart>("ada").count(None).unwrap_err().kind, "limit");
    assert_eq!(ctx.actor("bob").ask::<String>("name", ()).unwrap_err().kind, "not-found");
}

#[test]
#[should_panic(expected = "the tasks of shopping-cart have no state")]
fn query_of_a_task_panics() {
    let _ = Context::for_test().tasks("shopping-cart").ask::<Value>("count", ());
}

#[test]
fn call_keeps_its_own_metadata() {
    let ctx = Context::for_test();
    ctx.start::<ShoppingCart>("ada").meta("order", "17").meta("by", "me").or_create(vec![]).clear();
    ctx.send::<ShoppingCart>("ada").meta("order", "18").clear();
    ctx.task::<ShoppingCart>().meta("order", "19").once();
    ctx.send_task::<ShoppingCart>().once();
    let named = ctx.actor("ada").meta("order", "20");
    named.start::<()>("clear", ());
    named.send("clear", ());
    let meta = ctx.calls().into_iter().map(|call| call.meta);
    let orders: Vec<Vec<String>> =
        meta.map(|meta| meta.into_iter().map(|(name, value)| format!("{name}={value}")).collect()).collect();
    assert_eq!(orders[0], ["order=17", "by=me"]);
    assert_eq!(orders[1..].concat(), ["order=18", "order=19", "order=20", "order=20"]);
}
