//! Where a record stands. One ordered table holds them all, so that what changes together lies together:
//! an actor's newest step, its head and its state are neighbours, and a step touches one leaf of the tree.

mod span;

pub(super) use span::Span;

use crate::model::{CallKind, ClassName, Hash, Name, Reference, Timestamp};

/// A record's key, ordered as its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Vec<u8>);

/// Which invocations of a name stand in a row. An actor and a task may have one name: neither waits for the other.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Lane {
    /// Of an actor: one after the other.
    Actor = 0,
    /// Of a task: any number at once.
    Task = 1,
}

impl From<&CallKind> for Lane {
    fn from(call: &CallKind) -> Lane {
        match call {
            CallKind::Construct { .. } | CallKind::Mutate => Lane::Actor,
            CallKind::Task { .. } => Lane::Task,
        }
    }
}

/// What a key is of. The first byte of it.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Space {
    /// What a name has: its actor's journal, head and state, its invocations.
    Named = b'a',
    Class = b'c',
    /// How much is on a class version.
    Counts = b'd',
    /// Who waits for an invocation.
    Waiter = b'e',
    Component = b'm',
    /// Opaque ids of invocations.
    Opaque = b'o',
    /// Names that have something to run.
    Ready = b'r',
    /// When a delayed invocation asked for its delay, or a wait began for a timer, of all names.
    Asked = b's',
    /// When a delayed invocation comes due, or the timer of a wait, of all names.
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
    /// An operation in the record of an invocation.
    Recorded = 8,
    /// The state that an invocation which has saved began with.
    Beginning = 9,
    Event = 10,
    /// The opaque id of an invocation, where anybody was told it.
    Told = 11,
    /// A try of a task that failed, and was tried again.
    Attempt = 12,
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

    pub(super) fn counts(class: &ClassName, number: u32) -> Key {
        Key::of(Space::Counts, class.as_str()).end_name().number(number.into())
    }

    pub(super) fn component(hash: &Hash) -> Key {
        Key([&[Space::Component as u8], &hash.as_bytes()[..]].concat())
    }

    fn lane(space: Space, name: &Name, lane: Lane) -> Key {
        let mut key = Key::of(space, name.as_str()).end_name();
        key.0.push(lane as u8);
        key
    }

    pub(super) fn inbox(name: &Name, lane: Lane, turn: u64) -> Key {
        Key::lane(Space::Inbox, name, lane).number(turn)
    }

    pub(super) fn delayed(name: &Name, lane: Lane, due: Timestamp, number: u64) -> Key {
        Key::lane(Space::Delayed, name, lane).number(due.as_millis()).number(number)
    }

    pub(super) fn due(due: Timestamp, name: &Name, number: u64) -> Key {
        Key::timed(Space::Due, due, name, number)
    }

    pub(super) fn asked(at: Timestamp, name: &Name, number: u64) -> Key {
        Key::timed(Space::Asked, at, name, number)
    }

    fn timed(space: Space, at: Timestamp, name: &Name, number: u64) -> Key {
        let mut key = Key(vec![space as u8]).number(at.as_millis());
        key.0.extend(name.as_str().as_bytes());
        key.end_name().number(number)
    }

    pub(super) fn ready(name: &Name) -> Key {
        Key::of(Space::Ready, name.as_str()).end_name()
    }

    pub(super) fn waiter(awaited: &Reference, waiter: &Reference) -> Key {
        let mut key = Key::of(Space::Waiter, awaited.name.as_str()).end_name().number(awaited.number);
        key.0.extend(waiter.name.as_str().as_bytes());
        key.end_name().number(waiter.number)
    }

    pub(super) fn opaque(id: &str) -> Key {
        Key::of(Space::Opaque, id).end_name()
    }

    pub(super) fn told(name: &Name, number: u64) -> Key {
        Key::part(name, Part::Told).number(number)
    }

    pub(super) fn attempt(name: &Name, number: u64, attempt: u32) -> Key {
        Key::part(name, Part::Attempt).number(number).number(attempt.into())
    }

    pub(super) fn recorded(name: &Name, number: u64, index: u64) -> Key {
        Key::part(name, Part::Recorded).number(number).number(index)
    }

    pub(super) fn beginning(name: &Name, number: u64) -> Key {
        Key::part(name, Part::Beginning).number(number)
    }

    /// An event's name may hold anything, so its length goes before it.
    pub(super) fn event(name: &Name, event: &str, number: u64) -> Key {
        let mut key = Key::part(name, Part::Event).number(event.len() as u64);
        key.0.extend(event.as_bytes());
        key.number(number)
    }

    // Reading

    /// The name in the key, of every space but that of components.
    pub(super) fn name(&self) -> Option<&str> {
        let is_timed = |space: &u8| [Space::Due as u8, Space::Asked as u8].contains(space);
        let from = if self.0.first().is_some_and(is_timed) { 9 } else { 1 };
        let name = self.0.get(from..)?;
        let end = name.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&name[..end]).ok()
    }

    /// The class in the key, of the spaces of classes, versions and counts.
    pub(super) fn class_name(&self) -> Option<ClassName> {
        ClassName::new(self.name()?).ok()
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

    /// Who waits, by a key of [`Key::waiter`].
    pub(super) fn waiting(&self) -> Option<Reference> {
        let awaited = self.name()?.len() + 2;
        let (name, number) = self.0.get(awaited + 8..)?.split_last_chunk()?;
        let name = std::str::from_utf8(name.strip_suffix(&[0])?).ok()?;
        Some(Reference { name: Name::from_stored(name), number: u64::from_be_bytes(*number) })
    }

    /// The event's name, by a key of [`Key::event`].
    pub(super) fn event_name(&self) -> Option<&str> {
        let length = self.name()?.len() + 3;
        let name = self.0.get(length + 8..self.0.len().checked_sub(8)?)?;
        std::str::from_utf8(name).ok()
    }

    /// What it is the key of, for a person.
    pub(super) fn describe(&self) -> String {
        let name = self.name().unwrap_or("?");
        let number = self.last_number().unwrap_or(0);
        let part = self.0.iter().position(|byte| *byte == 0).and_then(|end| self.0.get(end + 1));
        match self.0.first() {
            Some(b'c') => format!("the class {name}"),
            Some(b'd') => format!("what is on version {number} of the class {name}"),
            Some(b'v') => format!("version {number} of the class {name}"),
            Some(b'm') => "a component".to_owned(),
            Some(b'a') => match part {
                Some(1) => format!("the checkpoint at step {number} of {name}"),
                Some(2) => format!("the invocation {name}#{number}"),
                Some(3) => format!("the resumption of {name}#{number}"),
                Some(4) => format!("a key of {name}"),
                Some(5) => format!("step {number} of {name}"),
                Some(7) => format!("the state of {name}"),
                Some(8) => format!("the record of an invocation of {name}, at {number},"),
                Some(9) => format!("the state that {name}#{number} began with"),
                Some(10) => format!("event {number} of {name}"),
                Some(11) => format!("the opaque id of {name}#{number}"),
                Some(12) => format!("attempt {number} of a call of the task {name}"),
                _ => format!("the head of {name}"),
            },
            Some(b'o') => "an opaque id".to_owned(),
            _ => format!("the inbox of {name}"),
        }
    }
}
