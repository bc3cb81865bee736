//! Ranges of keys.

use super::key::{KeySpace, NamePart, QueueKind, RecordKey};
use crate::model::{ClassName, Name, Reference, Timestamp};
use crate::store::RunnableCursor;

/// The keys from the first on, below the second.
pub type KeyRange = (RecordKey, RecordKey);

impl RecordKey {
    /// Steps from a number on.
    pub fn steps_from(name: &Name, from: u64) -> KeyRange {
        (RecordKey::step(name, from), RecordKey::part(name, NamePart::NameRecord))
    }

    /// Steps below a number.
    pub fn steps_below(name: &Name, number: u64) -> KeyRange {
        (RecordKey::step(name, 0), RecordKey::step(name, number))
    }

    pub fn invocations_below(name: &Name, number: u64) -> KeyRange {
        (RecordKey::invocation(name, 0), RecordKey::invocation(name, number))
    }

    pub fn invocations(name: &Name) -> KeyRange {
        (RecordKey::part(name, NamePart::Invocation), RecordKey::part(name, NamePart::ResumedBy))
    }

    pub fn resumptions(name: &Name) -> KeyRange {
        (RecordKey::part(name, NamePart::ResumedBy), RecordKey::part(name, NamePart::KeyUse))
    }

    pub fn key_uses(name: &Name) -> KeyRange {
        (RecordKey::part(name, NamePart::KeyUse), RecordKey::part(name, NamePart::Step))
    }

    /// The checkpoints and the steps of an actor.
    pub fn journal(name: &Name) -> [KeyRange; 2] {
        [
            (RecordKey::part(name, NamePart::Checkpoint), RecordKey::part(name, NamePart::Invocation)),
            (RecordKey::part(name, NamePart::Step), RecordKey::part(name, NamePart::NameRecord)),
        ]
    }

    /// All records of names that begin with a text, and of later names.
    pub fn named_from(prefix: &str) -> KeyRange {
        (RecordKey::of(KeySpace::Named, prefix), RecordKey::after_space(KeySpace::Named))
    }

    /// All records of names after a name.
    pub fn named_after(name: &str) -> KeyRange {
        (RecordKey::of(KeySpace::Named, name).after_name(), RecordKey::after_space(KeySpace::Named))
    }

    pub fn classes() -> KeyRange {
        RecordKey::all(KeySpace::Class)
    }

    pub fn versions() -> KeyRange {
        RecordKey::all(KeySpace::Version)
    }

    pub fn usage_of(class: &ClassName) -> KeyRange {
        let class = RecordKey::of(KeySpace::Usage, class.as_str());
        (class.clone().end_name(), class.after_name())
    }

    pub fn inbox_of(name: &Name) -> KeyRange {
        let name = RecordKey::of(KeySpace::Inbox, name.as_str());
        (name.clone().end_name(), name.after_name())
    }

    /// One queue of an inbox.
    pub fn inbox_queue(name: &Name, queue: QueueKind) -> KeyRange {
        (RecordKey::queue(KeySpace::Inbox, name, queue), RecordKey::inbox(name, queue, u64::MAX))
    }

    pub fn delayed_of(name: &Name) -> KeyRange {
        let name = RecordKey::of(KeySpace::Delayed, name.as_str());
        (name.clone().end_name(), name.after_name())
    }

    /// The delayed invocations of a queue that are due at a time.
    pub fn delayed_until(name: &Name, queue: QueueKind, now: Timestamp) -> KeyRange {
        let name = RecordKey::queue(KeySpace::Delayed, name, queue);
        match now.as_millis().checked_add(1) {
            Some(after) => (name.clone(), name.number(after)),
            None => (name.clone(), name.number(u64::MAX).number(u64::MAX)),
        }
    }

    pub fn inboxes_after(name: Option<&Name>) -> KeyRange {
        RecordKey::after_in(KeySpace::Inbox, name)
    }

    pub fn delayed_after(name: Option<&Name>) -> KeyRange {
        RecordKey::after_in(KeySpace::Delayed, name)
    }

    /// The ready index behind a cursor, or from its begin on.
    pub fn ready_after(cursor: Option<&RunnableCursor>) -> KeyRange {
        match cursor {
            Some(RunnableCursor::Ready(name)) => RecordKey::after_in(KeySpace::Ready, Some(name)),
            Some(RunnableCursor::Due(..)) | None => RecordKey::all(KeySpace::Ready),
        }
    }

    pub fn waiters(awaited: &Reference) -> KeyRange {
        let name = RecordKey::of(KeySpace::Waiter, awaited.name.as_str()).end_name();
        (name.clone().number(awaited.number), name.number(awaited.number.saturating_add(1)))
    }

    /// Entries of an invocation's history from an index on.
    pub fn history_from(name: &Name, number: u64, index: u64) -> KeyRange {
        (RecordKey::history(name, number, index), RecordKey::history(name, number.saturating_add(1), 0))
    }

    /// The failed attempts of a task's invocation.
    pub fn attempts(name: &Name, number: u64) -> KeyRange {
        (RecordKey::attempt(name, number, 0), RecordKey::attempt(name, number.saturating_add(1), 0))
    }

    /// Events with one name and numbers over `after`.
    pub fn events_after(name: &Name, event: &str, after: u64) -> KeyRange {
        (RecordKey::event(name, event, after.saturating_add(1)), RecordKey::event(name, event, u64::MAX))
    }

    pub fn events(name: &Name) -> KeyRange {
        (RecordKey::part(name, NamePart::Event), RecordKey::part(name, NamePart::OpaqueId))
    }

    /// The histories, initial states and events of an actor.
    pub fn beside(name: &Name) -> KeyRange {
        (RecordKey::part(name, NamePart::History), RecordKey::part(name, NamePart::OpaqueId))
    }

    pub fn opaque_ids_of(name: &Name) -> KeyRange {
        (RecordKey::opaque_id_of(name, 0), RecordKey::opaque_id_of(name, u64::MAX))
    }

    /// All due times until `now`, behind a cursor or from the first on.
    pub fn due_between(cursor: Option<&RunnableCursor>, now: Timestamp) -> KeyRange {
        let (first, end) = (RecordKey(vec![KeySpace::Due as u8]), RecordKey::due_after(now).0);
        let from = match cursor {
            Some(RunnableCursor::Due(due, Reference { name, number })) => {
                RecordKey::due(*due, name, number.saturating_add(1))
            }
            Some(RunnableCursor::Ready(_)) | None => first,
        };
        // the clock may have gone back since the cursor was made
        (from.min(end.clone()), end)
    }

    /// All due times after `now`.
    pub fn due_after(now: Timestamp) -> KeyRange {
        RecordKey::timed_after(KeySpace::Due, now)
    }

    /// All times of requests after `now`.
    pub fn requested_after(now: Timestamp) -> KeyRange {
        RecordKey::timed_after(KeySpace::Requested, now)
    }

    fn timed_after(space: KeySpace, now: Timestamp) -> KeyRange {
        let end = RecordKey::after_space(space);
        match now.as_millis().checked_add(1) {
            Some(after) => (RecordKey(vec![space as u8]).number(after), end),
            None => (end.clone(), end),
        }
    }

    fn all(space: KeySpace) -> KeyRange {
        (RecordKey(vec![space as u8]), RecordKey::after_space(space))
    }

    fn after_in(space: KeySpace, name: Option<&Name>) -> KeyRange {
        match name {
            Some(name) => (RecordKey::of(space, name.as_str()).after_name(), RecordKey::after_space(space)),
            None => RecordKey::all(space),
        }
    }

    fn after_space(space: KeySpace) -> RecordKey {
        RecordKey(vec![space as u8 + 1])
    }

    /// The first key behind all keys of a name.
    fn after_name(mut self) -> RecordKey {
        self.0.push(1);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_names_do() {
        let mut names = ["a", "a-b", "a/b", "ab", "b", "A", "a.b"].map(Name::new_unchecked);
        let mut keys: Vec<RecordKey> = names.iter().map(RecordKey::name_record).collect();
        names.sort();
        keys.sort();
        assert_eq!(keys.iter().map(|key| key.name().unwrap()).collect::<Vec<_>>(), names.map(|n| n.to_string()));
    }

    #[test]
    fn range_of_a_name_contains_no_other_name() {
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
    fn range_of_due_times_ends_behind_the_last_one() {
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
    fn range_of_an_event_contains_no_other_event() {
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
    fn key_of_a_waiter_names_it() {
        let [awaited, waiter] =
            [("a", 7), ("b/c", u64::MAX)].map(|(name, number)| Reference::new(Name::new_unchecked(name), number));
        let key = RecordKey::waiter(&awaited, &waiter);
        let (from, to) = RecordKey::waiters(&awaited);
        assert!(from <= key && key < to);
        assert_eq!(key.waiting(), Some(waiter));
    }
}
