//! The children of a failed invocation that its resumption uses again.

use std::collections::{HashMap, VecDeque};

use crate::engine::core::Core;
use crate::engine::core::history::History;
use crate::model::{CallRequest, Hash, OperationResult, Outcome, Reference, Result, Status};

/// The children by the hash of their start, in order; None stands for a child that did not succeed.
#[derive(Default)]
pub struct ReusableChildren(HashMap<Hash, VecDeque<Option<Reference>>>);

impl ReusableChildren {
    /// The children of the invocation that a request resumes.
    pub fn of(core: &Core, request: &CallRequest) -> Result<ReusableChildren> {
        let Some(resumed) = request.resumes else { return Ok(ReusableChildren::default()) };
        let mut children: HashMap<_, VecDeque<_>> = HashMap::new();
        let mut history = History::new(core, Reference { name: request.name.clone(), number: resumed }, u64::MAX);
        while let Some(entry) = history.next()? {
            let OperationResult::Started(started) = entry.result else { continue };
            let succeeded = match started {
                Ok(child) if succeeded(core, &child)? => Some(child),
                _ => None,
            };
            children.entry(entry.fingerprint.hash).or_default().push_back(succeeded);
        }
        Ok(ReusableChildren(children))
    }

    /// The child that answers the next start with this hash.
    pub fn next(&mut self, start: &Hash) -> Option<Reference> {
        self.0.get_mut(start)?.pop_front()?
    }
}

fn succeeded(core: &Core, reference: &Reference) -> Result<bool> {
    let found = core.store.invocation(reference)?;
    let is_success = |status| matches!(status, Status::Ended { outcome: Outcome::Succeeded(_), .. });
    Ok(found.is_some_and(|child| is_success(child.status)))
}
