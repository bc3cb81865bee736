//! Money in whole cents: an amount that does not fit is refused, and changes nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vactor_sdk::{Context, Failure, IntoFailure, Timestamp, actor};

#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    owner: String,
    /// In cents; never below zero.
    balance: i64,
    entries: Vec<Entry>,
}

/// One line of the statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    pub time: Timestamp,
    /// Cents that were paid in; negative if they were paid out.
    pub change: i64,
    /// Cents after it.
    pub balance: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The reason for which an amount cannot be moved.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    NotPositive { amount: i64 },
    InsufficientFunds { balance: i64, requested: i64 },
    BalanceTooLarge { balance: i64, amount: i64 },
}

impl IntoFailure for Refusal {
    fn into_failure(self) -> Failure {
        match self {
            Refusal::NotPositive { amount } => {
                Failure::new("amount-not-positive", format!("an amount is at least one cent, not {amount}"))
                    .with_details(json!({ "amount": amount }))
            }
            Refusal::InsufficientFunds { balance, requested } => {
                Failure::new("insufficient-funds", format!("{requested} cents requested, and {balance} are there"))
                    .with_details(json!({ "balance": balance, "requested": requested }))
            }
            Refusal::BalanceTooLarge { balance, amount } => {
                Failure::new("balance-too-large", format!("{balance} and {amount} cents are more than can be counted"))
                    .with_details(json!({ "balance": balance, "amount": amount }))
            }
        }
    }
}

/// An account of money, in cents.
#[actor]
impl Account {
    /// Opens an account.
    pub fn new(
        /// The name of the owner.
        owner: String,
        /// Cents to begin with.
        #[default(0)]
        opening: i64,
        ctx: &Context,
    ) -> Result<Self, Refusal> {
        let mut account = Account { owner, balance: 0, entries: Vec::new() };
        if opening != 0 {
            account.deposit(opening, Some("opening balance".to_owned()), ctx)?;
        }
        Ok(account)
    }

    /// Pays money in and returns the balance.
    pub fn deposit(
        &mut self,
        /// Cents, at least one.
        amount: i64,
        /// The purpose.
        note: Option<String>,
        ctx: &Context,
    ) -> Result<i64, Refusal> {
        positive(amount)?;
        let too_large = Refusal::BalanceTooLarge { balance: self.balance, amount };
        let balance = self.balance.checked_add(amount).ok_or(too_large)?;
        Ok(self.book(amount, balance, note, ctx))
    }

    /// Pays money out, if there is enough, and returns the balance.
    pub fn withdraw(
        &mut self,
        /// Cents, at least one.
        amount: i64,
        /// The purpose.
        note: Option<String>,
        ctx: &Context,
    ) -> Result<i64, Refusal> {
        positive(amount)?;
        if amount > self.balance {
            return Err(Refusal::InsufficientFunds { balance: self.balance, requested: amount });
        }
        Ok(self.book(-amount, self.balance - amount, note, ctx))
    }

    /// The name of the owner.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The balance in cents.
    pub fn balance(&self) -> i64 {
        self.balance
    }

    /// The entries, the oldest first.
    pub fn statement(
        &self,
        /// Only entries from this time on.
        since: Option<Timestamp>,
        /// Only this number of entries, the newest.
        last: Option<usize>,
    ) -> Vec<&Entry> {
        let since = since.unwrap_or_default();
        let entries: Vec<&Entry> = self.entries.iter().filter(|entry| entry.time >= since).collect();
        let skipped = entries.len().saturating_sub(last.unwrap_or(usize::MAX));
        entries[skipped..].to_vec()
    }

    fn book(&mut self, change: i64, balance: i64, note: Option<String>, ctx: &Context) -> i64 {
        self.balance = balance;
        self.entries.push(Entry { time: ctx.now(), change, balance, note });
        balance
    }
}

fn positive(amount: i64) -> Result<(), Refusal> {
    if amount > 0 { Ok(()) } else { Err(Refusal::NotPositive { amount }) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn account(opening: i64) -> (Account, Context) {
        let ctx = Context::for_test().with_now(Timestamp::from_millis(1_000));
        let account = Account::new("Ada".to_owned(), opening, &ctx).expect("the opening balance is fine");
        (account, ctx)
    }

    #[test]
    fn money_comes_and_goes() {
        let (mut account, ctx) = account(0);
        assert_eq!(account.deposit(500, None, &ctx), Ok(500));
        assert_eq!(account.withdraw(499, None, &ctx), Ok(1));
        assert_eq!(account.withdraw(1, None, &ctx), Ok(0));
        assert_eq!((account.owner(), account.balance()), ("Ada", 0));
    }

    #[test]
    fn withdrawal_over_the_balance_is_refused() {
        let (mut account, ctx) = account(100);
        let refusal = account.withdraw(101, None, &ctx).expect_err("there is not enough");
        assert_eq!(account.balance(), 100);
        assert_eq!(account.statement(None, None).len(), 1, "only the opening balance");
        let failure = refusal.into_failure();
        assert_eq!(failure.kind, "insufficient-funds");
        assert_eq!(failure.details, Some(json!({ "balance": 100, "requested": 101 })));
    }

    #[test]
    fn amounts_are_positive_and_can_be_counted() {
        let (mut account, ctx) = account(1);
        for amount in [0, -1, i64::MIN] {
            let refusal = Refusal::NotPositive { amount };
            assert_eq!(account.deposit(amount, None, &ctx), Err(refusal));
            assert_eq!(account.withdraw(amount, None, &ctx), Err(Refusal::NotPositive { amount }));
        }
        let refusal = Refusal::BalanceTooLarge { balance: 1, amount: i64::MAX };
        assert_eq!(account.deposit(i64::MAX, None, &ctx), Err(refusal));
        let negative = Account::new("Ada".to_owned(), -1, &ctx);
        assert_eq!(negative.expect_err("no account opens below zero"), Refusal::NotPositive { amount: -1 });
    }

    #[test]
    fn statement_lists_entries_in_order() {
        let (mut account, ctx) = account(100);
        let opened = ctx.now();
        ctx.set_now(opened + Duration::from_secs(60));
        account.withdraw(30, Some("bread".to_owned()), &ctx).expect("there is enough");
        let withdrawal = Entry { time: ctx.now(), change: -30, balance: 70, note: Some("bread".to_owned()) };
        let opening = Entry { time: opened, change: 100, balance: 100, note: Some("opening balance".to_owned()) };
        assert_eq!(account.statement(None, None), [&opening, &withdrawal]);
        assert_eq!(account.statement(None, Some(1)), [&withdrawal]);
        assert_eq!(account.statement(Some(ctx.now()), Some(9)), [&withdrawal]);
        assert_eq!(account.statement(None, Some(0)), Vec::<&Entry>::new());
    }
}
