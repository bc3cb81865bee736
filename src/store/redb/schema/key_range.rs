//! Which keys belong together.

use super::key::{Part, QueueKind, RecordKey, Space};
use crate::model::{ClassName, Name, Reference, Timestamp};
use crate::store::RunnableCursor;

/// Keys from the first to before the second.
pub type Span = (RecordKey, RecordKey);

impl RecordKey {
    /// Steps from a number on.
    pub fn steps_from(name: &Name, from: u64) -> Span {
        (RecordKey::step(name, from), RecordKey::part(name, Part::Head))
    }

    /// Steps below a number.
    pub fn steps_below(name: &Name, number: u64) -> Span {
        (RecordKey::step(name, 0), RecordKey::step(name, number))
    }

    pub fn invocations_below(name: &Name, number: u64) -> Span {
        (RecordKey::invocation(name, 0), RecordKey::invocation(name, number))
    }

    pub fn invocations(name: &Name) -> Span {
        (RecordKey::part(name, Part::Invocation), RecordKey::part(name, Part::Resumed))
    }

    pub fn resumptions(name: &Name) -> Span {
        (RecordKey::part(name, Part::Resumed), RecordKey::part(name, Part::KeyUse))
    }

    pub fn uses(name: &Name) -> Span {
        (RecordKey::part(name, Part::KeyUse), RecordKey::part(name, Part::Step))
    }

    /// Everything of the actor itself: checkpoints, and steps. Its head and its state are one key each.
    pub fn journal(name: &Name) -> [Span; 2] {
        [
            (RecordKey::part(name, Part::Checkpoint), RecordKey::part(name, Part::Invocation)),
            (RecordKey::part(name, Part::Step), RecordKey::part(name, Part::Head)),
        ]
    }

    /// Everything of names that begin with a text.
    pub fn named_from(prefix: &str) -> Span {
        (RecordKey::of(Space::Named, prefix), RecordKey::after_space(Space::Named))
    }

    /// Everything of names after a name.
    pub fn named_after(name: &str) -> Span {
        (RecordKey::of(Space::Named, name).after_name(), RecordKey::after_space(Space::Named))
    }

    pub fn classes() -> Span {
        RecordKey::all(Space::Class)
    }

    pub fn versions() -> Span {
        RecordKey::all(Space::Version)
    }

    pub fn counts_of(class: &ClassName) -> Span {
        let class = RecordKey::of(Space::Counts, class.as_str());
        (class.clone().end_name(), class.after_name())
    }

    pub fn inbox_of(name: &Name) -> Span {
        let name = RecordKey::of(Space::Inbox, name.as_str());
        (name.clone().end_name(), name.after_name())
    }

    /// What stands in one lane of an inbox.
    pub fn inbox_lane(name: &Name, lane: QueueKind) -> Span {
        (RecordKey::lane(Space::Inbox, name, lane), RecordKey::inbox(name, lane, u64::MAX))
    }

    pub fn delayed_of(name: &Name) -> Span {
        let name = RecordKey::of(Space::Delayed, name.as_str());
        (name.clone().end_name(), name.after_name())
    }

    /// The delayed of a lane that are due at a time.
    pub fn delayed_until(name: &Name, lane: QueueKind, now: Timestamp) -> Span {
        let name = RecordKey::lane(Space::Delayed, name, lane);
        match now.as_millis().checked_add(1) {
            Some(after) => (name.clone(), name.number(after)),
            None => (name.clone(), name.number(u64::MAX).number(u64::MAX)),
        }
    }

    pub fn inboxes_after(name: Option<&Name>) -> Span {
        RecordKey::after_in(Space::Inbox, name)
    }

    pub fn delayed_after(name: Option<&Name>) -> Span {
        RecordKey::after_in(Space::Delayed, name)
    }

    /// Names that are noted as ready, behind a place among them or from the first on.
    pub fn ready_after(place: Option<&RunnableCursor>) -> Span {
        match place {
            Some(RunnableCursor::Ready(name)) => RecordKey::after_in(Space::Ready, Some(name)),
            Some(RunnableCursor::Due(..)) | None => RecordKey::all(Space::Ready),
        }
    }

    pub fn waiters(awaited: &Reference) -> Span {
        let name = RecordKey::of(Space::Waiter, awaited.name.as_str()).end_name();
        (name.clone().number(awaited.number), name.number(awaited.number.saturating_add(1)))
    }

    /// Entries of an invocation's record from an index on.
    pub fn recorded_from(name: &Name, number: u64, index: u64) -> Span {
        (RecordKey::recorded(name, number, index), RecordKey::recorded(name, number.saturating_add(1), 0))
    }

    /// The failed tries of a task's invocation.
    pub fn attempts(name: &Name, number: u64) -> Span {
        (RecordKey::attempt(name, number, 0), RecordKey::attempt(name, number.saturating_add(1), 0))
    }

    /// Events of one name with numbers over `after`.
    pub fn events_after(name: &Name, event: &str, after: u64) -> Span {
        (RecordKey::event(name, event, after.saturating_add(1)), RecordKey::event(name, event, u64::MAX))
    }

    pub fn events(name: &Name) -> Span {
        (RecordKey::part(name, Part::Event), RecordKey::part(name, Part::Told))
    }

    /// What stands beside an actor's journal: records, beginnings and events.
    pub fn beside(name: &Name) -> Span {
        (RecordKey::part(name, Part::Recorded), RecordKey::part(name, Part::Told))
    }

    pub fn told_of(name: &Name) -> Span {
        (RecordKey::told(name, 0), RecordKey::told(name, u64::MAX))
    }

    /// What is due at a time, of all names, behind a place among it or from the first on.
    pub fn due_between(place: Option<&RunnableCursor>, now: Timestamp) -> Span {
        let (first, end) = (RecordKey(vec![Space::Due as u8]), RecordKey::due_after(now).0);
        let from = match place {
            Some(RunnableCursor::Due(due, Reference { name, number })) => {
                RecordKey::due(*due, name, number.saturating_add(1))
            }
            Some(RunnableCursor::Ready(_)) | None => first,
        };
        // the clock may have gone back since
        (from.min(end.clone()), end)
    }

    /// What is due later than that.
    pub fn due_after(now: Timestamp) -> Span {
        RecordKey::timed_after(Space::Due, now)
    }

    /// What was asked for later than that.
    pub fn asked_after(now: Timestamp) -> Span {
        RecordKey::timed_after(Space::Asked, now)
    }

    fn timed_after(space: Space, now: Timestamp) -> Span {
        let end = RecordKey::after_space(space);
        match now.as_millis().checked_add(1) {
            Some(after) => (RecordKey(vec![space as u8]).number(after), end),
            None => (end.clone(), end),
        }
    }

    fn all(space: Space) -> Span {
        (RecordKey(vec![space as u8]), RecordKey::after_space(space))
    }

    fn after_in(space: Space, name: Option<&Name>) -> Span {
        match name {
            Some(name) => (RecordKey::of(space, name.as_str()).after_name(), RecordKey::after_space(space)),
            None => RecordKey::all(space),
        }
    }

    fn after_space(space: Space) -> RecordKey {
        RecordKey(vec![space as u8 + 1])
    }

    /// The first key after all of a name's.
    fn after_name(mut self) -> RecordKey {
        self.0.push(1);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_order_of_their_texts() {
        let mut names = ["a", "a-b", "a/b", "ab", "b", "A", "a.b"].map(Name::new_unchecked);
        let mut keys: Vec<RecordKey> = names.iter().map(RecordKey::head).collect();
        names.sort();
        keys.sort();
        assert_eq!(keys.iter().map(|key| key.name().unwrap()).collect::<Vec<_>>(), names.map(|n| n.to_string()));
    }

    #[test]
    fn a_name_s_span_holds_nothing_of_another() {
        let name = Name::new_unchecked("a");
        let (from, to) = RecordKey::inbox_of(&name);
        let within = |key: RecordKey| from <= key && key < to;
        assert!(
            within(RecordKey::inbox(&name, QueueKind::Actor, 0))
                && within(RecordKey::inbox(&name, QueueKind::Task, u64::MAX))
        );
        for other in ["a-", "a/b", "ab", "Z", "b"] {
            assert!(!within(RecordKey::inbox(&Name::new_unchecked(other), QueueKind::Actor, 1)), "{other}");
        }
    }

    #[test]
    fn due_times_end_with_the_span_they_belong_to() {
        let name = Name::new_unchecked("a");
        for now in [0, 5, u64::MAX - 1, u64::MAX] {
            let now = Timestamp::from_millis(now);
            let due = RecordKey::due(now, &name, u64::MAX);
            let (_, end) = RecordKey::due_between(None, now);
            assert!(due < end);
            assert!(
                RecordKey::delayed(&name, QueueKind::Task, now, u64::MAX - 1)
                    < RecordKey::delayed_until(&name, QueueKind::Task, now).1
            );
            assert_eq!((due.name(), due.due_time(), due.last_number()), (Some("a"), Some(now), Some(u64::MAX)));
        }
    }

    #[test]
    fn an_event_s_span_holds_no_other_event() {
        let name = Name::new_unchecked("a");
        let (from, to) = RecordKey::events_after(&name, "up", 3);
        let within = |key: RecordKey| from <= key && key < to;
        assert!(within(RecordKey::event(&name, "up", 4)) && !within(RecordKey::event(&name, "up", 3)));
        for other in ["", "u", "uq", "upp", "up\0\0\0\0\0\0\0\x05"] {
            let key = RecordKey::event(&name, other, 5);
            assert_eq!((key.event_name(), key.last_number()), (Some(other), Some(5)));
            assert!(!within(key), "{other:?}");
        }
    }

    #[test]
    fn who_waits_is_read_from_its_key() {
        let [awaited, waiter] =
            [("a", 7), ("b/c", u64::MAX)].map(|(name, number)| Reference::new(Name::new_unchecked(name), number));
        let key = RecordKey::waiter(&awaited, &waiter);
        let (from, to) = RecordKey::waiters(&awaited);
        assert!(from <= key && key < to);
        assert_eq!(key.waiting(), Some(waiter));
    }
}
