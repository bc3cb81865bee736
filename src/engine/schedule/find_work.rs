//! The search of a helper thread for work: an invocation that can run, and that callers or guests of this process wait for.

use std::collections::{HashSet, VecDeque};

use super::Scheduler;
use super::claim::Claim;
use crate::model::{CallKind, Invocation, Reference, ResolvedTarget, Result, Status};

/// Invocations that one search follows, at most.
const MAX_FOLLOWED: usize = 10_000;

impl Scheduler {
    /// Claims an awaited invocation that can run; if this process has a worker, any that can run. Each search begins elsewhere,
    /// so that an invocation that can always run does not keep the rest from running.
    pub fn find_work(&self) -> Result<Option<Claim>> {
        let search = self.executor.next_search();
        let wanted_first = search.is_multiple_of(2);
        if wanted_first && let Some(claim) = self.find_wanted()? {
            return Ok(Some(claim));
        }
        if let Some(claim) = self.find_waited_for(search)? {
            return Ok(Some(claim));
        }
        if !wanted_first && let Some(claim) = self.find_wanted()? {
            return Ok(Some(claim));
        }
        if !self.executor.has_worker() {
            return Ok(None);
        }
        let found = self.claim_any()?;
        Ok(found.claim.filter(|_| self.executor.has_worker()))
    }

    /// Claims an invocation that a caller or a guest waits for, or one that it waits for in turn.
    fn find_waited_for(&self, search: usize) -> Result<Option<Claim>> {
        let mut roots: Vec<Reference> = self.executor.state().waited_for.keys().cloned().collect();
        let first = search.checked_rem(roots.len()).unwrap_or(0);
        roots.rotate_left(first);
        let mut seen = HashSet::new();
        for root in roots {
            let Some(claim) = self.find_below(&root, &mut seen)? else { continue };
            if self.executor.state().waited_for.contains_key(&root) {
                return Ok(Some(claim));
            }
            // the waiter left during the search; another one may wait for the same invocations
            seen.clear();
        }
        Ok(None)
    }

    /// Claims an invocation that a guest of this process started. Those that cannot be claimed now are kept for a later
    /// search.
    fn find_wanted(&self) -> Result<Option<Claim>> {
        let names = self.executor.state().wanted.len();
        for _ in 0..names {
            let Some(mut references) = self.executor.state().wanted.next() else { break };
            let claim = self.claim_first(&mut references);
            self.executor.state().wanted.extend(references);
            if let Some(claim) = claim? {
                return Ok(Some(claim));
            }
        }
        Ok(None)
    }

    /// Claims the first of a name's invocations that can run, and removes those that have ended.
    fn claim_first(&self, references: &mut VecDeque<Reference>) -> Result<Option<Claim>> {
        let mut pending = VecDeque::new();
        let mut claim = None;
        while let Some(reference) = references.pop_front() {
            let Some(invocation) = self.core.store.invocation(&reference)? else { continue };
            if !matches!(invocation.status, Status::Pending) {
                continue;
            }
            pending.push_back(reference);
            claim = self.claim(&invocation)?;
            if claim.is_some() || !matches!(invocation.request.kind, CallKind::Task { .. }) {
                break;
            }
        }
        references.append(&mut pending);
        Ok(claim)
    }

    /// Claims an invocation that can run among `root` and those that it waits for, but none of `seen`.
    fn find_below(&self, root: &Reference, seen: &mut HashSet<Reference>) -> Result<Option<Claim>> {
        let mut to_visit = vec![root.clone()];
        while let Some(reference) = to_visit.pop() {
            if seen.len() >= MAX_FOLLOWED || !seen.insert(reference.clone()) {
                continue;
            }
            let Some(invocation) = self.core.store.invocation(&reference)? else { continue };
            if !matches!(invocation.status, Status::Pending) {
                continue;
            }
            if let Some(claim) = self.claim(&invocation)? {
                return Ok(Some(claim));
            }
            to_visit.extend(self.awaited_by(&invocation)?);
        }
        Ok(None)
    }

    /// The invocations that one waits for: its wait targets, or the first one of its inbox.
    fn awaited_by(&self, invocation: &Invocation) -> Result<Vec<Reference>> {
        if matches!(invocation.request.kind, CallKind::Task { .. }) {
            return Ok(Vec::new());
        }
        let reference = invocation.reference();
        let Some(wait) = invocation.pending_wait() else {
            let first = self.core.store.pending(Some(&reference.name), None, 1)?;
            return Ok(first.iter().map(Invocation::reference).collect());
        };
        let mut awaited = Vec::new();
        for target in &wait.targets {
            match target {
                ResolvedTarget::Invocation(other) => awaited.push(other.clone()),
                ResolvedTarget::Child(index) => awaited.extend(self.core.children_of(&reference, *index, 1)?),
                ResolvedTarget::Itself | ResolvedTarget::Timer(_) | ResolvedTarget::Event { .. } => {}
            }
        }
        Ok(awaited)
    }
}
