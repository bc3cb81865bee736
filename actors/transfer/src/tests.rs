use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::json;
use vactor_sdk::testing::{Call, Reply};
use vactor_sdk::{Context, Fault, Origin};

use super::*;

/// Accounts that a context's calls reach.
type Bank = BTreeMap<String, Rc<RefCell<Account>>>;

fn bank(openings: &[(&str, i64)]) -> Bank {
    let ctx = Context::for_test();
    let open = |(id, opening): &(&str, i64)| {
        let account = Account::new(id.to_string(), *opening, &ctx).expect("the opening balance is fine");
        (id.to_string(), Rc::new(RefCell::new(account)))
    };
    openings.iter().map(open).collect()
}

fn context(bank: &Bank) -> Context {
    let ctx = Context::for_test().with_actor_id("t/1");
    bank.iter().fold(ctx, |ctx, (id, account)| ctx.with_actor(id, account.clone()))
}

fn balances(bank: &Bank) -> Vec<i64> {
    bank.values().map(|account| account.borrow().balance()).collect()
}

fn transfer(amount: i64) -> Transfer {
    Transfer::new("ada".into(), "bob".into(), amount).expect("the transfer is fine")
}

fn kind(result: Result<(), Failure>) -> String {
    result.expect_err("it fails").kind.into_owned()
}

fn gone(_: &Call) -> Option<Reply> {
    Some(Reply::fault(Fault::new(Origin::Host, "not-found", "there is no such actor")))
}

#[test]
fn transfer_moves_the_money_once() {
    let bank = bank(&[("ada", 100), ("bob", 0)]);
    let ctx = context(&bank);
    let mut transfer = transfer(30);
    assert_eq!(transfer.run(&ctx), Ok(()));
    assert_eq!(balances(&bank), [70, 30]);
    assert_eq!(transfer.run(&ctx), Ok(()), "run again, it says the same");
    assert_eq!(balances(&bank), [70, 30]);
    let calls: Vec<_> = ctx.calls().iter().map(|call| (call.method.clone(), call.arguments.clone())).collect();
    assert_eq!(
        calls,
        [
            ("withdraw".to_owned(), json!({ "amount": 30, "note": "to bob" })),
            ("deposit".to_owned(), json!({ "amount": 30, "note": "from ada" }))
        ]
    );
}

#[test]
fn transfer_over_the_balance_is_refused() {
    let bank = bank(&[("ada", 29), ("bob", 0)]);
    let ctx = context(&bank);
    let mut transfer = transfer(30);
    for _ in 0..2 {
        let refused = transfer.run(&ctx).expect_err("there is not enough");
        assert_eq!(refused, Failure::new("refused", "30 cents requested, and 29 are there"));
    }
    assert_eq!((balances(&bank), ctx.calls().len()), (vec![29, 0], 1));
    assert_eq!(ctx.saves::<Transfer>().last().map(Transfer::stage), Some(transfer.stage()), "the failure keeps it");
}

#[test]
fn refused_deposit_goes_back() {
    let bank = bank(&[("ada", 100), ("bob", i64::MAX)]);
    let ctx = context(&bank);
    let mut transfer = transfer(30);
    let returned = transfer.run(&ctx).expect_err("it cannot be counted");
    assert_eq!(returned.kind, "returned");
    assert!(returned.message.ends_with("more than can be counted"), "{returned}");
    assert_eq!(balances(&bank), [100, i64::MAX]);
    assert_eq!(kind(transfer.run(&ctx)), "returned");
    assert_eq!(ctx.calls().len(), 3, "withdrawn, not deposited, and given back; once");
}

#[test]
fn owed_money_is_returned_by_a_later_run() {
    let accounts = bank(&[("ada", 100)]);
    let ctx = context(&accounts);
    let closed = Rc::new(Cell::new(true));
    let is_closed = closed.clone();
    ctx.on_start(move |call| match call.target.actor() {
        Some("ada") if call.method == "withdraw" || !is_closed.get() => None,
        _ => gone(call),
    });
    let mut transfer = transfer(30);
    let owed = transfer.run(&ctx).expect_err("neither takes it");
    assert_eq!(owed, Failure::new("owed", "ada is owed the money: there is no such actor"));
    assert_eq!(kind(transfer.run(&ctx)), "owed");
    assert_eq!(balances(&accounts), [70]);
    closed.set(false);
    assert_eq!(kind(transfer.run(&ctx)), "returned");
    assert_eq!(balances(&accounts), [100]);
}

/// The run ends at each of its saves in turn, as a cancel ends it; what it asked for still comes about. The next one
/// begins with the state that was saved, and asks for nothing a second time.
#[test]
fn interrupted_run_is_continued_by_the_next() {
    for (opening, expected) in [(0, [70, 30]), (i64::MAX, [100, i64::MAX])] {
        let whole = context(&bank(&[("ada", 100), ("bob", opening)]));
        let _ = transfer(30).run(&whole);
        let saves = whole.saves::<Transfer>();
        assert!(saves.len() >= 3);
        for saved in 0..saves.len() {
            let bank = bank(&[("ada", 100), ("bob", opening)]);
            let first = context(&bank);
            let _ = transfer(30).run(&first);
            let mut transfer = first.saves::<Transfer>().remove(saved);
            let committed = first.calls();
            // Calls after that save were never made: use accounts that saw only the earlier calls.
            let asked = match transfer.stage() {
                Stage::Withdrawing { .. } => 1,
                Stage::Depositing { .. } => 2,
                _ => committed.len(),
            };
            let (bank, replies) = replayed(&committed[..asked], opening);
            let second = context(&bank).with_invocation("second");
            for (invocation, reply) in replies {
                second.on_attach(invocation, reply);
            }
            let _ = transfer.run(&second);
            assert_eq!(balances(&bank), expected, "from {:?}", first.saves::<Transfer>()[saved].stage());
        }
    }
}

/// Accounts to which these calls were made, and what they gave.
fn replayed(calls: &[Call], opening: i64) -> (Bank, Vec<(String, Reply)>) {
    let bank = bank(&[("ada", 100), ("bob", opening)]);
    let ctx = context(&bank);
    let replies = calls.iter().map(|call| {
        let handle = ctx.actor(call.target.actor().expect("an account")).start::<i64>(&call.method, &call.arguments);
        let reply = handle.wait().map_or_else(Reply::fault, Reply::result);
        (call.invocation.clone(), reply)
    });
    let replies = replies.collect();
    (bank, replies)
}

#[test]
fn invalid_transfer_is_refused() {
    let new = |from: &str, to: &str, amount| Transfer::new(from.into(), to.into(), amount).expect_err("it is refused");
    assert_eq!(new("ada", "ada", 1).kind, "same-account");
    assert_eq!(new("ada", "bob", 0).kind, "amount-not-positive");
}
