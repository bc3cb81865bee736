//! Where a record stands. One ordered table holds them all, so that what changes together lies together:
//! an actor's newest step, its head and its state are neighbours, and a step touches one leaf of the tree.

use crate::model::{ClassName, Hash, Name, Timestamp};

/// A record's key, ordered as its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Vec<u8>);

/// Keys from the first to before the second.
pub(super) type Span = (Key, Key);

/// What a key is of. The first byte of it.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Space {
    /// What a name has: its actor's journal, head and state, its invocations.
    Named = b'a',
    Class = b'c',
    Component = b'm',
    /// When a delayed invocation comes due, of all names.
    Due = b't',
    Version = b'v',
    Inbox = b'w',
    /// A name's delayed invocations.
    Delayed = b'x',
}

/// What of a name a key is of, in this order.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Part {
    /// A state that is too long to stand in its step's record.
    Checkpoint = 1,
    Invocation = 2,
    /// Which invocation took up a failed one again.
    Resumed = 3,
    /// Which invocation used a caller's key.
    Use = 4,
    Step = 5,
    Head = 6,
    State = 7,
}

impl Key {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Key {
        Key(bytes.to_vec())
    }

    fn of(space: Space, name: &str) -> Key {
        let mut bytes = Vec::with_capacity(name.len() + 12);
        bytes.push(space as u8);
        bytes.extend(name.as_bytes());
        Key(bytes)
    }

    /// A name ends with a zero byte, which none contains: so names sort as texts do.
    fn end_name(mut self) -> Key {
        self.0.push(0);
        self
    }

    fn part(name: &Name, part: Part) -> Key {
        let mut key = Key::of(Space::Named, name.as_str()).end_name();
        key.0.push(part as u8);
        key
    }

    fn number(mut self, number: u64) -> Key {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(super) fn head(name: &Name) -> Key {
        Key::part(name, Part::Head)
    }

    pub(super) fn state(name: &Name) -> Key {
        Key::part(name, Part::State)
    }

    pub(super) fn step(name: &Name, number: u64) -> Key {
        Key::part(name, Part::Step).number(number)
    }

    pub(super) fn checkpoint(name: &Name, step: u64) -> Key {
        Key::part(name, Part::Checkpoint).number(step)
    }

    pub(super) fn invocation(name: &Name, number: u64) -> Key {
        Key::part(name, Part::Invocation).number(number)
    }

    pub(super) fn resumed(name: &Name, number: u64) -> Key {
        Key::part(name, Part::Resumed).number(number)
    }

    pub(super) fn used(name: &Name, key: &str) -> Key {
        let mut used = Key::part(name, Part::Use);
        used.0.extend(key.as_bytes());
        used
    }

    pub(super) fn class(name: &ClassName) -> Key {
        Key::of(Space::Class, name.as_str()).end_name()
    }

    pub(super) fn version(class: &ClassName, number: u32) -> Key {
        Key::of(Space::Version, class.as_str()).end_name().number(number.into())
    }

    pub(super) fn component(hash: &Hash) -> Key {
        Key([&[Space::Component as u8], &hash.as_bytes()[..]].concat())
    }

    pub(super) fn inbox(name: &Name, turn: u64) -> Key {
        Key::of(Space::Inbox, name.as_str()).end_name().number(turn)
    }

    pub(super) fn delayed(name: &Name, due: Timestamp, number: u64) -> Key {
        Key::of(Space::Delayed, name.as_str()).end_name().number(due.as_millis()).number(number)
    }

    pub(super) fn due(due: Timestamp, name: &Name, number: u64) -> Key {
        let mut key = Key(vec![Space::Due as u8]).number(due.as_millis());
        key.0.extend(name.as_str().as_bytes());
        key.end_name().number(number)
    }

    // Spans

    /// Steps from a number on.
    pub(super) fn steps_from(name: &Name, from: u64) -> Span {
        (Key::step(name, from), Key::part(name, Part::Head))
    }

    /// Steps below a number.
    pub(super) fn steps_below(name: &Name, number: u64) -> Span {
        (Key::step(name, 0), Key::step(name, number))
    }

    pub(super) fn invocations_below(name: &Name, number: u64) -> Span {
        (Key::invocation(name, 0), Key::invocation(name, number))
    }

    pub(super) fn invocations(name: &Name) -> Span {
        (Key::part(name, Part::Invocation), Key::part(name, Part::Resumed))
    }

    pub(super) fn resumptions(name: &Name) -> Span {
        (Key::part(name, Part::Resumed), Key::part(name, Part::Use))
    }

    pub(super) fn uses(name: &Name) -> Span {
        (Key::part(name, Part::Use), Key::part(name, Part::Step))
    }

    /// Everything of the actor itself: checkpoints, and steps. Its head and its state are one key each.
    pub(super) fn journal(name: &Name) -> [Span; 2] {
        [
            (Key::part(name, Part::Checkpoint), Key::part(name, Part::Invocation)),
            (Key::part(name, Part::Step), Key::part(name, Part::Head)),
        ]
    }

    /// Everything of names that begin with a text.
    pub(super) fn named_from(prefix: &str) -> Span {
        (Key::of(Space::Named, prefix), Key::after_space(Space::Named))
    }

    /// Everything of names after a name.
    pub(super) fn named_after(name: &str) -> Span {
        (Key::of(Space::Named, name).after_name(), Key::after_space(Space::Named))
    }

    pub(super) fn classes() -> Span {
        Key::all(Space::Class)
    }

    pub(super) fn versions() -> Span {
        Key::all(Space::Version)
    }

    pub(super) fn inbox_of(name: &Name) -> Span {
        let name = Key::of(Space::Inbox, name.as_str());
        (name.clone().end_name(), name.after_name())
    }

    pub(super) fn delayed_of(name: &Name) -> Span {
        let name = Key::of(Space::Delayed, name.as_str());
        (name.clone().end_name(), name.after_name())
    }

    /// The delayed of a name that are due at a time.
    pub(super) fn delayed_until(name: &Name, now: Timestamp) -> Span {
        let name = Key::of(Space::Delayed, name.as_str()).end_name();
        match now.as_millis().checked_add(1) {
            Some(after) => (name.clone(), name.number(after)),
            None => (name.clone(), name.number(u64::MAX).number(u64::MAX)),
        }
    }

    pub(super) fn inboxes_after(name: Option<&Name>) -> Span {
        Key::after_in(Space::Inbox, name)
    }

    pub(super) fn delayed_after(name: Option<&Name>) -> Span {
        Key::after_in(Space::Delayed, name)
    }

    /// What is due at a time, of all names.
    pub(super) fn due_until(now: Timestamp) -> Span {
        (Key(vec![Space::Due as u8]), Key::due_after(now).0)
    }

    /// What is due later than that.
    pub(super) fn due_after(now: Timestamp) -> Span {
        let end = Key::after_space(Space::Due);
        match now.as_millis().checked_add(1) {
            Some(after) => (Key(vec![Space::Due as u8]).number(after), end),
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

    // Reading

    /// The name in the key, of every space but that of components.
    pub(super) fn name(&self) -> Option<&str> {
        let from = if self.0.first() == Some(&(Space::Due as u8)) { 9 } else { 1 };
        let name = self.0.get(from..)?;
        let end = name.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&name[..end]).ok()
    }

    /// The number that it ends with.
    pub(super) fn last_number(&self) -> Option<u64> {
        Some(u64::from_be_bytes(*self.0.last_chunk()?))
    }

    /// The time of a key of [`Key::due`].
    pub(super) fn due_time(&self) -> Option<Timestamp> {
        let millis = self.0.get(1..)?.first_chunk()?;
        Some(Timestamp::from_millis(u64::from_be_bytes(*millis)))
    }

    /// What it is the key of, for a person.
    pub(super) fn describe(&self) -> String {
        let name = self.name().unwrap_or("?");
        let number = self.last_number().unwrap_or(0);
        let part = self.0.iter().position(|byte| *byte == 0).and_then(|end| self.0.get(end + 1));
        match self.0.first() {
            Some(b'c') => format!("the class {name}"),
            Some(b'v') => format!("version {number} of the class {name}"),
            Some(b'm') => "a component".to_owned(),
            Some(b'a') => match part {
                Some(1) => format!("the checkpoint at step {number} of {name}"),
                Some(2) => format!("the invocation {name}#{number}"),
                Some(3) => format!("the resumption of {name}#{number}"),
                Some(4) => format!("a key of {name}"),
                Some(5) => format!("step {number} of {name}"),
                Some(7) => format!("the state of {name}"),
                _ => format!("the head of {name}"),
            },
            _ => format!("the inbox of {name}"),
        }
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
        assert!(within(Key::inbox(&name, 0)) && within(Key::inbox(&name, u64::MAX)));
        for other in ["a-", "a/b", "ab", "Z", "b"] {
            assert!(!within(Key::inbox(&Name::from_stored(other), 1)), "{other}");
        }
    }

    #[test]
    fn due_times_end_with_the_span_they_belong_to() {
        let name = Name::from_stored("a");
        for now in [0, 5, u64::MAX - 1, u64::MAX] {
            let now = Timestamp::from_millis(now);
            let due = Key::due(now, &name, u64::MAX);
            let (_, end) = Key::due_until(now);
            assert!(due < end);
            assert!(Key::delayed(&name, now, u64::MAX - 1) < Key::delayed_until(&name, now).1);
            assert_eq!((due.name(), due.due_time(), due.last_number()), (Some("a"), Some(now), Some(u64::MAX)));
        }
    }
}
