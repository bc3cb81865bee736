//! Which keys belong together.

use super::{Key, Lane, Part, Space};
use crate::model::{ClassName, Name, Reference, Timestamp};
use crate::store::RunnableCursor;

/// Keys from the first to before the second.
pub(in crate::store::redb) type Span = (Key, Key);

impl Key {
    /// Steps from a number on.
    pub(in crate::store::redb) fn steps_from(name: &Name, from: u64) -> Span {
        (Key::step(name, from), Key::part(name, Part::Head))
    }

    /// Steps below a number.
    pub(in crate::store::redb) fn steps_below(name: &Name, number: u64) -> Span {
        (Key::step(name, 0), Key::step(name, number))
    }

    pub(in crate::store::redb) fn invocations_below(name: &Name, number: u64) -> Span {
        (Key::invocation(name, 0), Key::invocation(name, number))
    }

    pub(in crate::store::redb) fn invocations(name: &Name) -> Span {
        (Key::part(name, Part::Invocation), Key::part(name, Part::Resumed))
    }

    pub(in crate::store::redb) fn resumptions(name: &Name) -> Span {
        (Key::part(name, Part::Resumed), Key::part(name, Part::Use))
    }

    pub(in crate::store::redb) fn uses(name: &Name) -> Span {
        (Key::part(name, Part::Use), Key::part(name, Part::Step))
    }

    /// Everything of the actor itself: checkpoints, and steps. Its head and its state are one key each.
    pub(in crate::store::redb) fn journal(name: &Name) -> [Span; 2] {
        [
            (Key::part(name, Part::Checkpoint), Key::part(name, Part::Invocation)),
            (Key::part(name, Part::Step), Key::part(name, Part::Head)),
        ]
    }

    /// Everything of names that begin with a text.
    pub(in crate::store::redb) fn named_from(prefix: &str) -> Span {
        (Key::of(Space::Named, prefix), Key::after_space(Space::Named))
    }

    /// Everything of names after a name.
    pub(in crate::store::redb) fn named_after(name: &str) -> Span {
        (Key::of(Space::Named, name).after_name(), Key::after_space(Space::Named))
    }

    pub(in crate::store::redb) fn classes() -> Span {
        Key::all(Space::Class)
    }

    pub(in crate::store::redb) fn versions() -> Span {
        Key::all(Space::Version)
    }

    pub(in crate::store::redb) fn counts_of(class: &ClassName) -> Span {
        let class = Key::of(Space::Counts, class.as_str());
        (class.clone().end_name(), class.after_name())
    }

    pub(in crate::store::redb) fn inbox_of(name: &Name) -> Span {
        let name = Key::of(Space::Inbox, name.as_str());
        (name.clone().end_name(), name.after_name())
    }

    /// What stands in one lane of an inbox.
    pub(in crate::store::redb) fn inbox_lane(name: &Name, lane: Lane) -> Span {
        (Key::lane(Space::Inbox, name, lane), Key::inbox(name, lane, u64::MAX))
    }

    pub(in crate::store::redb) fn delayed_of(name: &Name) -> Span {
        let name = Key::of(Space::Delayed, name.as_str());
        (name.clone().end_name(), name.after_name())
    }

    /// The delayed of a lane that are due at a time.
    pub(in crate::store::redb) fn delayed_until(name: &Name, lane: Lane, now: Timestamp) -> Span {
        let name = Key::lane(Space::Delayed, name, lane);
        match now.as_millis().checked_add(1) {
            Some(after) => (name.clone(), name.number(after)),
            None => (name.clone(), name.number(u64::MAX).number(u64::MAX)),
        }
    }

    pub(in crate::store::redb) fn inboxes_after(name: Option<&Name>) -> Span {
        Key::after_in(Space::Inbox, name)
    }

    pub(in crate::store::redb) fn delayed_after(name: Option<&Name>) -> Span {
        Key::after_in(Space::Delayed, name)
    }

    /// Names that are noted as ready, behind a place among them or from the first on.
    pub(in crate::store::redb) fn ready_after(place: Option<&RunnableCursor>) -> Span {
        match place {
            Some(RunnableCursor::Ready(name)) => Key::after_in(Space::Ready, Some(name)),
            Some(RunnableCursor::Due(..)) | None => Key::all(Space::Ready),
        }
    }

    pub(in crate::store::redb) fn waiters(awaited: &Reference) -> Span {
        let name = Key::of(Space::Waiter, awaited.name.as_str()).end_name();
        (name.clone().number(awaited.number), name.number(awaited.number.saturating_add(1)))
    }

    /// Entries of an invocation's record from an index on.
    pub(in crate::store::redb) fn recorded_from(name: &Name, number: u64, index: u64) -> Span {
        (Key::recorded(name, number, index), Key::recorded(name, number.saturating_add(1), 0))
    }

    /// The failed tries of a task's invocation.
    pub(in crate::store::redb) fn attempts(name: &Name, number: u64) -> Span {
        (Key::attempt(name, number, 0), Key::attempt(name, number.saturating_add(1), 0))
    }

    /// Events of one name with numbers over `after`.
    pub(in crate::store::redb) fn events_after(name: &Name, event: &str, after: u64) -> Span {
        (Key::event(name, event, after.saturating_add(1)), Key::event(name, event, u64::MAX))
    }

    pub(in crate::store::redb) fn events(name: &Name) -> Span {
        (Key::part(name, Part::Event), Key::part(name, Part::Told))
    }

    /// What stands beside an actor's journal: records, beginnings and events.
    pub(in crate::store::redb) fn beside(name: &Name) -> Span {
        (Key::part(name, Part::Recorded), Key::part(name, Part::Told))
    }

    pub(in crate::store::redb) fn told_of(name: &Name) -> Span {
        (Key::told(name, 0), Key::told(name, u64::MAX))
    }

    /// What is due at a time, of all names, behind a place among it or from the first on.
    pub(in crate::store::redb) fn due_between(place: Option<&RunnableCursor>, now: Timestamp) -> Span {
        let (first, end) = (Key(vec![Space::Due as u8]), Key::due_after(now).0);
        let from = match place {
            Some(RunnableCursor::Due(due, Reference { name, number })) => {
                Key::due(*due, name, number.saturating_add(1))
            }
            Some(RunnableCursor::Ready(_)) | None => first,
        };
        // the clock may have gone back since
        (from.min(end.clone()), end)
    }

    /// What is due later than that.
    pub(in crate::store::redb) fn due_after(now: Timestamp) -> Span {
        Key::timed_after(Space::Due, now)
    }

    /// What was asked for later than that.
    pub(in crate::store::redb) fn asked_after(now: Timestamp) -> Span {
        Key::timed_after(Space::Asked, now)
    }

    fn timed_after(space: Space, now: Timestamp) -> Span {
        let end = Key::after_space(space);
        match now.as_millis().checked_add(1) {
            Some(after) => (Key(vec![space as u8]).number(after), end),
            None => (end.clone(), end),
        }
    }

    fn all(space: Space) -> Span {
        (Key(vec![space as u8]), Key::after_space(space))
    }

    fn after_in(space: Space, name: Option<&Name>) -> Span {
        match name {
            Some(name) => (Key::of(space, name.as_str()).after_name(), Key::after_space(space)),
            None => Key::all(space),
        }
    }

    fn after_space(space: Space) -> Key {
        Key(vec![space as u8 + 1])
    }

    /// The first key after all of a name's.
    fn after_name(mut self) -> Key {
        self.0.push(1);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_order_of_their_texts() {
        let mut names = ["a", "a-b", "a/b", "ab", "b", "A", "a.b"].map(Name::from_stored);
        let mut keys: Vec<Key> = names.iter().map(Key::head).collect();
        names.sort();
        keys.sort();
        assert_eq!(keys.iter().map(|key| key.name().unwrap()).collect::<Vec<_>>(), names.map(|n| n.to_string()));
    }

    #[test]
    fn a_name_s_span_holds_nothing_of_another() {
        let name = Name::from_stored("a");
        let (from, to) = Key::inbox_of(&name);
        let within = |key: Key| from <= key && key < to;
        assert!(within(Key::inbox(&name, Lane::Actor, 0)) && within(Key::inbox(&name, Lane::Task, u64::MAX)));
        for other in ["a-", "a/b", "ab", "Z", "b"] {
            assert!(!within(Key::inbox(&Name::from_stored(other), Lane::Actor, 1)), "{other}");
        }
    }

    #[test]
    fn due_times_end_with_the_span_they_belong_to() {
        let name = Name::from_stored("a");
        for now in [0, 5, u64::MAX - 1, u64::MAX] {
            let now = Timestamp::from_millis(now);
            let due = Key::due(now, &name, u64::MAX);
            let (_, end) = Key::due_between(None, now);
            assert!(due < end);
            assert!(Key::delayed(&name, Lane::Task, now, u64::MAX - 1) < Key::delayed_until(&name, Lane::Task, now).1);
            assert_eq!((due.name(), due.due_time(), due.last_number()), (Some("a"), Some(now), Some(u64::MAX)));
        }
    }

    #[test]
    fn an_event_s_span_holds_no_other_event() {
        let name = Name::from_stored("a");
        let (from, to) = Key::events_after(&name, "up", 3);
        let within = |key: Key| from <= key && key < to;
        assert!(within(Key::event(&name, "up", 4)) && !within(Key::event(&name, "up", 3)));
        for other in ["", "u", "uq", "upp", "up\0\0\0\0\0\0\0\x05"] {
            let key = Key::event(&name, other, 5);
            assert_eq!((key.event_name(), key.last_number()), (Some(other), Some(5)));
            assert!(!within(key), "{other:?}");
        }
    }

    #[test]
    fn who_waits_is_read_from_its_key() {
        let [awaited, waiter] =
            [("a", 7), ("b/c", u64::MAX)].map(|(name, number)| Reference::new(Name::from_stored(name), number));
        let key = Key::waiter(&awaited, &waiter);
        let (from, to) = Key::waiters(&awaited);
        assert!(from <= key && key < to);
        assert_eq!(key.waiting(), Some(waiter));
    }
}
