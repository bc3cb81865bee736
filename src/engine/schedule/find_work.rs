//! What a helper thread looks for: something that can run and that a caller or a guest of this process waits for.

use std::collections::{HashSet, VecDeque};

use crate::engine::Engine;
use crate::engine::schedule::claim::Claim;
use crate::model::{CallKind, Invocation, Reference, ResolvedTarget, Result, Status};

/// Invocations that one look follows at most.
const LOOK_AT: usize = 10_000;

impl Engine {
    /// Something that can run: of what this process waits for, or of all where it works on all. Each look begins elsewhere,
    /// so that nothing that can always run keeps the rest from running.
    pub(in crate::engine) fn find_work(&self) -> Result<Option<Claim>> {
        let turn = self.executor.next_turn();
        let wanted_first = turn.is_multiple_of(2);
        if wanted_first && let Some(claim) = self.find_wanted()? {
            return Ok(Some(claim));
        }
        if let Some(claim) = self.find_for_waiting(turn)? {
            return Ok(Some(claim));
        }
        if !wanted_first && let Some(claim) = self.find_wanted()? {
            return Ok(Some(claim));
        }
        if !self.executor.works_on_all() {
            return Ok(None);
        }
        let found = self.claim_anything()?;
        Ok(found.claim.filter(|_| self.executor.works_on_all()))
    }

    fn find_for_waiting(&self, turn: usize) -> Result<Option<Claim>> {
        let mut roots: Vec<Reference> = self.executor.lock().roots.keys().cloned().collect();
        let first = turn.checked_rem(roots.len()).unwrap_or(0);
        roots.rotate_left(first);
        let mut seen = HashSet::new();
        for root in roots {
            let Some(claim) = self.find_awaited(&root, &mut seen)? else { continue };
            if self.executor.lock().roots.contains_key(&root) {
                return Ok(Some(claim));
            }
            // who waited went during the look; what it led to may be what another one waits for
            seen.clear();
        }
        Ok(None)
    }

    /// What guests of this process started. What another process has, or cannot run yet, is looked at again later.
    fn find_wanted(&self) -> Result<Option<Claim>> {
        let all = self.executor.lock().wanted.len();
        for _ in 0..all {
            let Some(mut references) = self.executor.lock().wanted.next() else { break };
            let claim = self.claim_first(&mut references);
            self.executor.lock().wanted.extend(references);
            if let Some(claim) = claim? {
                return Ok(Some(claim));
            }
        }
        Ok(None)
    }

    /// Claims the first of a name's invocations that can run. Those that have ended are taken out.
    fn claim_first(&self, references: &mut VecDeque<Reference>) -> Result<Option<Claim>> {
        let mut looked_at = VecDeque::new();
        let mut claim = None;
        while let Some(reference) = references.pop_front() {
            let Some(invocation) = self.store.invocation(&reference)? else { continue };
            if !matches!(invocation.status, Status::Pending) {
                continue;
            }
            looked_at.push_back(reference);
            claim = self.claim(&invocation)?;
            if claim.is_some() || !matches!(invocation.request.kind, CallKind::Task { .. }) {
                break;
            }
        }
        references.append(&mut looked_at);
        Ok(claim)
    }

    /// What an invocation waits for in the end: one that can run, and was not seen before.
    fn find_awaited(&self, root: &Reference, seen: &mut HashSet<Reference>) -> Result<Option<Claim>> {
        let mut open = vec![root.clone()];
        while let Some(reference) = open.pop() {
            if seen.len() >= LOOK_AT || !seen.insert(reference.clone()) {
                continue;
            }
            let Some(invocation) = self.store.invocation(&reference)? else { continue };
            if !matches!(invocation.status, Status::Pending) {
                continue;
            }
            if let Some(claim) = self.claim(&invocation)? {
                return Ok(Some(claim));
            }
            open.extend(self.awaited_by(&invocation)?);
        }
        Ok(None)
    }

    /// What an invocation that cannot run waits for: its children and others, or what waits before it in the inbox.
    fn awaited_by(&self, invocation: &Invocation) -> Result<Vec<Reference>> {
        if matches!(invocation.request.kind, CallKind::Task { .. }) {
            return Ok(Vec::new());
        }
        let reference = invocation.reference();
        let Some(waiting) = invocation.pending_wait() else {
            let first = self.store.pending(Some(&reference.name), None, 1)?;
            return Ok(first.iter().map(Invocation::reference).collect());
        };
        let mut awaited = Vec::new();
        for on in &waiting.targets {
            match on {
                ResolvedTarget::Invocation(other) => awaited.push(other.clone()),
                ResolvedTarget::Child(index) => awaited.extend(self.children_of(&reference, *index, 1)?),
                ResolvedTarget::Itself | ResolvedTarget::Timer(_) | ResolvedTarget::Event { .. } => {}
            }
        }
        Ok(awaited)
    }
}
