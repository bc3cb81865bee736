//! Money from one account to another, each an actor of its own: the withdrawn amount arrives, or goes back.
//!
//! No transaction spans two actors. So a transfer is an actor, too, that goes from stage to stage, and saves each stage
//! before it waits for the call of that stage. If the waiting run ends (by a cancel, a deadlock, a limit), the next run
//! waits for the same withdrawal or deposit, by its id, and never makes a second one.

use account::Account;
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use vactor_sdk::{Context, Failure, Fault, Handle, actor};

#[derive(Debug, Serialize, Deserialize)]
pub struct Transfer {
    from: String,
    to: String,
    /// In cents.
    amount: i64,
    stage: Stage,
}

/// The stage of a transfer. The invocation is that of the current withdrawal or deposit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing was moved.
    Planned,
    Withdrawing {
        invocation: String,
    },
    Depositing {
        invocation: String,
    },
    Returning {
        invocation: String,
        reason: String,
    },
    /// The money was withdrawn, and could be neither deposited nor returned yet.
    Owed {
        reason: String,
    },
    /// The money has arrived.
    Done,
    /// The first account refused the withdrawal.
    Refused {
        reason: String,
    },
    /// The second account refused the deposit, and the first has the money again.
    Returned {
        reason: String,
    },
}

/// Money from one account to another.
#[actor]
impl Transfer {
    /// Plans a transfer, and moves nothing.
    pub fn new(
        /// The account that gives.
        from: String,
        /// The account that gets.
        to: String,
        /// Cents, at least one.
        amount: i64,
    ) -> Result<Self, Failure> {
        if from == to {
            return Err(Failure::new("same-account", format!("{from} cannot pay itself")));
        }
        if amount < 1 {
            return Err(Failure::new("amount-not-positive", format!("an amount is at least one cent, not {amount}")));
        }
        Ok(Transfer { from, to, amount, stage: Stage::Planned })
    }

    /// Moves the money, from the current stage on. Fails if the money does not arrive. A second run returns the same.
    pub fn run(&mut self, ctx: &Context) -> Result<(), Failure> {
        let mut moving = None;
        loop {
            self.stage = match self.stage.clone() {
                Stage::Planned => Stage::Withdrawing { invocation: kept(&mut moving, self.withdraw(ctx)) },
                Stage::Withdrawing { invocation } => match ended(&mut moving, &invocation, ctx) {
                    Ok(_) => Stage::Depositing { invocation: kept(&mut moving, self.deposit(ctx)) },
                    Err(fault) => Stage::Refused { reason: fault.message },
                },
                Stage::Depositing { invocation } => match ended(&mut moving, &invocation, ctx) {
                    Ok(_) => Stage::Done,
                    Err(fault) => {
                        let invocation = kept(&mut moving, self.give_back(ctx));
                        Stage::Returning { invocation, reason: fault.message }
                    }
                },
                Stage::Returning { invocation, reason } => match ended(&mut moving, &invocation, ctx) {
                    Ok(_) => Stage::Returned { reason },
                    Err(fault) => {
                        self.stage = Stage::Owed { reason };
                        ctx.save(self)?;
                        return Err(Failure::new("owed", format!("{} is owed the money: {fault}", self.from)));
                    }
                },
                Stage::Owed { reason } => {
                    Stage::Returning { invocation: kept(&mut moving, self.give_back(ctx)), reason }
                }
                Stage::Done => return Ok(()),
                Stage::Refused { reason } => return Err(Failure::new("refused", reason)),
                Stage::Returned { reason } => return Err(Failure::new("returned", reason)),
            };
            println!("{}", self.stage.in_words());
            ctx.save(self)?;
        }
    }

    /// The stage of the transfer.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    fn withdraw(&self, ctx: &Context) -> Handle<i64> {
        let note = format!("to {}", self.to);
        ctx.start::<Account>(&self.from).withdraw(self.amount, Some(note))
    }

    fn deposit(&self, ctx: &Context) -> Handle<i64> {
        let note = format!("from {}", self.from);
        ctx.start::<Account>(&self.to).deposit(self.amount, Some(note))
    }

    fn give_back(&self, ctx: &Context) -> Handle<i64> {
        let note = format!("back from {}", self.to);
        ctx.start::<Account>(&self.from).deposit(self.amount, Some(note))
    }
}

/// Keeps the handle of a started call, and returns its id.
fn kept(moving: &mut Option<Handle<i64>>, handle: Handle<i64>) -> String {
    moving.insert(handle).invocation()
}

/// Waits for the call of this run or an earlier one. The balance that it returns does not matter.
fn ended(moving: &mut Option<Handle<i64>>, invocation: &str, ctx: &Context) -> Result<IgnoredAny, Fault> {
    let handle = moving.take().unwrap_or_else(|| ctx.attach(invocation));
    handle.cast::<IgnoredAny>().wait()
}

impl Stage {
    fn in_words(&self) -> String {
        match self {
            Stage::Planned => "planned".to_owned(),
            Stage::Withdrawing { .. } => "withdrawing".to_owned(),
            Stage::Depositing { .. } => "depositing".to_owned(),
            Stage::Returning { reason, .. } => format!("returning: {reason}"),
            Stage::Owed { reason } => format!("owed: {reason}"),
            Stage::Done => "done".to_owned(),
            Stage::Refused { reason } => format!("refused: {reason}"),
            Stage::Returned { reason } => format!("returned: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests;
