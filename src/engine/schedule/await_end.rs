//! Waiting for an accepted invocation, and having its work done where nobody else does it.

use std::time::{Duration, Instant};

use crate::engine::api::calls::goes_on;
use crate::engine::run::execute::{Bounds, Invoked, snapshot};
use crate::engine::run::operations::Abort;
use crate::engine::{Engine, Reply};
use crate::model::{Error, Invocation, Name, Reference, Result, Seed, Status, Timestamp};
use crate::store::{self, NameLock};

/// Who waits looks again after so long even if nobody woke it: the process that held the actor may have been killed. It
/// looks less and less often while nothing happens.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const LOOK_SELDOM: Duration = Duration::from_secs(2);

/// Runs of one inbox after which a thread leaves it, and the time: there may be always more in it.
const MOST_AT_ONCE: u32 = 64;
const LONGEST_AT_ONCE: Duration = Duration::from_millis(100);

impl Engine {
    /// Waits for an accepted invocation's end. Has it run, and what it waits for, where nobody else does.
    pub fn wait(&self, reference: &Reference, deadline: Option<Instant>) -> Result<Reply> {
        let _deadline = store::deadline(deadline);
        self.answer(reference, deadline, false)
    }

    /// Waits for the first of some invocations to end, and gives its index with its end. Of those that have ended
    /// already it is the one that was committed first. Has them run if no other process does.
    pub fn wait_any(&self, references: &[Reference], deadline: Option<Instant>) -> Result<(usize, Result<Reply>)> {
        let _deadline = store::deadline(deadline);
        let first = self.first_to_end(references, deadline)?;
        Ok((first, self.answer(&references[first], deadline, false)))
    }

    /// The invocation once it has ended.
    pub(in crate::engine) fn wait_for(&self, reference: &Reference, deadline: Option<Instant>) -> Result<Invocation> {
        self.first_to_end(std::slice::from_ref(reference), deadline)?;
        self.invocation(reference)
    }

    fn first_to_end(&self, references: &[Reference], deadline: Option<Instant>) -> Result<usize> {
        let Some(reference) = references.first() else { return Err(Error::NothingToWaitFor) };
        if let Some(ended) = self.ended_of(references)? {
            return Ok(ended);
        }
        self.wait_for_first(references, reference, deadline).map_err(|error| goes_on(error, reference))
    }

    fn wait_for_first(&self, references: &[Reference], first: &Reference, deadline: Option<Instant>) -> Result<usize> {
        let mut listener = self.notifier.subscribe(&self.store, &self.settings.stop)?;
        let _participant = self.enter_caller(deadline);
        // what failed before is tried again for this caller
        references.iter().for_each(|reference| drop(self.executor.take_failure(&reference.name)));
        let _roots: Vec<_> = references.iter().map(|reference| self.executor.root(reference)).collect();
        let mut pause = LOOK_AGAIN;
        loop {
            if let Some(ended) = self.ended_of(references)? {
                return Ok(ended);
            }
            if self.settings.stop.is_stopped() {
                return Err(Error::LeftRunning { reference: first.clone() });
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(Error::StillRunning { reference: first.clone() });
            }
            for reference in references {
                if let Some(error) = self.executor.take_failure(&reference.name)
                    && !self.is_left_to_worker(&error)
                {
                    return Err(error);
                }
            }
            let now = self.now()?;
            if !self.spawn_helper() && self.help_on_this_thread(deadline)? {
                continue;
            }
            let look_again = self.look_again(now, pause)?;
            let woken = listener.wait(deadline.map_or(look_again, |deadline| deadline.min(look_again)));
            pause = if woken { LOOK_AGAIN } else { (2 * pause).min(LOOK_SELDOM) };
        }
    }

    /// Whether this process could not run something because its user may only read the store, and a worker will.
    fn is_left_to_worker(&self, error: &Error) -> bool {
        error.is_of_machine() && !self.store.can_write() && self.has_worker()
    }

    /// When to look again at the latest: after a pause, and when the next thing comes due that was not due at `now`.
    pub(in crate::engine) fn look_again(&self, now: Timestamp, pause: Duration) -> Result<Instant> {
        let due = self.store.next_due(now)?;
        Ok(Instant::now() + due.map_or(pause, |due| due.since(now).min(pause)))
    }

    /// The one that was committed first of those that have ended; of two at one time the first of the list.
    fn ended_of(&self, references: &[Reference]) -> Result<Option<usize>> {
        let mut first = None;
        for (n, reference) in references.iter().enumerate() {
            if let Some(ended) = self.invocation(reference)?.ended_at() {
                first = first.into_iter().chain([(ended, n)]).min();
            }
        }
        Ok(first.map(|(_, n)| n))
    }

    /// What a person names: a reference as it is printed, or the opaque id that guests see.
    pub fn reference(&self, text: &str) -> Result<Reference> {
        if !Seed::is_opaque_id(text) {
            return Ok(text.parse()?);
        }
        self.store.reference_of(text)?.ok_or_else(|| Error::NoOpaqueId { id: text.to_owned() })
    }

    /// An invocation by its reference.
    pub fn invocation(&self, reference: &Reference) -> Result<Invocation> {
        let found = self.store.invocation(reference)?;
        found.ok_or_else(|| Error::NoInvocation { reference: reference.clone() })
    }

    /// Runs what stands in the inbox of a held actor, in the order of turns, until it is empty, its first one waits, or
    /// `last` has ended, and not for long: other actors have their turn. Whether anything ended.
    pub(in crate::engine) fn run_inbox(
        &self,
        name: &Name,
        _held: &NameLock,
        last: Option<u64>,
        bounds: Bounds<'_>,
    ) -> Result<bool> {
        let mut ended = false;
        let has_ended = |number| -> Result<bool> {
            let last = self.store.invocation(&Reference { name: name.clone(), number })?;
            Ok(last.is_none_or(|last| matches!(last.status, Status::Ended { .. })))
        };
        let mut refused = None;
        let (mut left, end) = (MOST_AT_ONCE, Instant::now() + LONGEST_AT_ONCE);
        while let Some(invocation) = self.store.next_in_inbox(name, self.now()?)? {
            if left == 0 || ended && end <= Instant::now() {
                break;
            }
            left -= 1;
            if bounds.stop.is_stopped() {
                return Err(Error::Interrupted);
            }
            // somebody else may have ended it, even before the actor was held
            if let Some(last) = last
                && last != invocation.number
                && has_ended(last)?
            {
                break;
            }
            let snapshot = snapshot(self, &name.actor()?)?;
            // a commit is refused because something else was committed: without that it would be refused for ever
            let begun = invocation.resume_point.as_ref().map(|begun| begun.history_len);
            let found = Some((invocation.number, snapshot.record.counters.steps, begun));
            if refused == found {
                return Err(crate::engine::api::calls::refused_for_nothing(name));
            }
            let _announced = self.store.announce(name, Some(invocation.number));
            match self.execute(Invoked::Accepted(&invocation), &snapshot, bounds) {
                Ok(executed) => match self.commit_one(executed.commit()) {
                    Ok(_) => ended = true,
                    // it was ended, or run without the lock: look again
                    Err(Error::Stale { .. }) => refused = found,
                    Err(error) => return Err(error),
                },
                Err(unfinished) => match unfinished.why {
                    Abort::Suspended => break,
                    // somebody cancelled it: what stands behind it goes on
                    Abort::Stopped if !bounds.stop.is_stopped() => ended = true,
                    Abort::Failed(Error::Stale { .. }) => refused = found,
                    Abort::Failed(error) => return Err(error),
                    Abort::Stopped | Abort::Deadline | Abort::Known(_) | Abort::NotInGroup => {
                        return Err(Error::Interrupted);
                    }
                },
            }
            if last == Some(invocation.number) {
                break;
            }
        }
        Ok(ended)
    }
}
