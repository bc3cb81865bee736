//! Operations of a mutation or a constructor: the runs that may ask for them, and how they are
//! performed.

use super::state::{GuestContext, Host, OPERATIONS};
use crate::model::{Fault, Json, Operation, QueryCall, WaitResult};
use crate::sandbox::fault::Export;
use crate::sandbox::halt::Halt;

impl Host {
    /// Checks whether the run may call this function, which not every run may.
    pub(super) fn may(&mut self, function: &'static str) -> Result<&mut GuestContext, Halt> {
        let export = self.export;
        let context = self.context(function)?;
        let who = match export {
            Export::Start => Some("the start of a class"),
            Export::SetState => Some("`set_state`"),
            Export::GetState => Some("`get_state`"),
            Export::Describe | Export::Construct | Export::Invoke | Export::Migrate => context.without_operations,
        };
        match who {
            Some(who) => Err(Halt::Forbidden { who, function }),
            None if !context.has_performer => Err(Halt::NotPerformed(function)),
            None => Ok(context),
        }
    }

    /// Has an operation performed. Its time is not the guest's, and after a wait the guest has its
    /// whole time again.
    pub(super) fn perform(&mut self, operation: Operation) -> Result<Option<WaitResult>, Halt> {
        let (waits, saves) = (matches!(operation, Operation::Wait(_)), matches!(operation, Operation::Save(_)));
        let pause = self.guard.pause()?;
        let computed = self.guard.computed();
        let performed = OPERATIONS.with(|operations| operations.perform(operation, &self.log.log, computed));
        let going = if waits { self.guard.restart(pause) } else { self.guard.resume(pause) };
        let answered = performed.map_err(|fault| Halt::Fault(Box::new(fault)))?;
        if saves {
            self.log.clear();
        }
        if let (Some(context), Some(answered)) = (&mut self.context, &answered) {
            context.now = context.now.max(answered.at);
        }
        going?;
        Ok(answered)
    }

    /// Runs a query and returns its result.
    pub(super) fn ask(&mut self, call: QueryCall) -> Result<Result<Json, Fault>, Halt> {
        self.may("ctx.ask")?;
        match self.perform(Operation::Ask(call))? {
            Some(answered) => Ok(answered.result),
            None => Err(Halt::Internal("`ctx.ask` has no result".to_owned())),
        }
    }
}
