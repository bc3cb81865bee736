//! Where a record stands. One ordered table holds them all, so that what changes together lies together:
//! an actor's newest step, its head and its state are neighbours, and a step touches one leaf of the tree.

use crate::model::{CallKind, ClassName, Hash, Name, Reference, Timestamp};

/// A record's key, ordered as its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKey(pub Vec<u8>);

/// Which invocations of a name stand in a row. An actor and a task may have one name: neither waits for the other.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum QueueKind {
    /// Of an actor: one after the other.
    Actor = 0,
    /// Of a task: any number at once.
    Task = 1,
}

impl From<&CallKind> for QueueKind {
    fn from(call: &CallKind) -> QueueKind {
        match call {
            CallKind::Construct { .. } | CallKind::Mutate => QueueKind::Actor,
            CallKind::Task { .. } => QueueKind::Task,
        }
    }
}

/// What a key is of. The first byte of it.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Space {
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
pub enum Part {
    /// A state that is too long to stand in its step's record.
    Checkpoint = 1,
    Invocation = 2,
    /// Which invocation took up a failed one again.
    Resumed = 3,
    /// Which invocation used a caller's key.
    KeyUse = 4,
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

impl RecordKey {
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn from_bytes(bytes: &[u8]) -> RecordKey {
        RecordKey(bytes.to_vec())
    }

    pub fn of(space: Space, name: &str) -> RecordKey {
        let mut bytes = Vec::with_capacity(name.len() + 12);
        bytes.push(space as u8);
        bytes.extend(name.as_bytes());
        RecordKey(bytes)
    }

    /// A name ends with a zero byte, which none contains: so names sort as texts do.
    pub fn end_name(mut self) -> RecordKey {
        self.0.push(0);
        self
    }

    pub fn part(name: &Name, part: Part) -> RecordKey {
        let mut key = RecordKey::of(Space::Named, name.as_str()).end_name();
        key.0.push(part as u8);
        key
    }

    pub fn number(mut self, number: u64) -> RecordKey {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub fn head(name: &Name) -> RecordKey {
        RecordKey::part(name, Part::Head)
    }

    pub fn state(name: &Name) -> RecordKey {
        RecordKey::part(name, Part::State)
    }

    pub fn step(name: &Name, number: u64) -> RecordKey {
        RecordKey::part(name, Part::Step).number(number)
    }

    pub fn checkpoint(name: &Name, step: u64) -> RecordKey {
        RecordKey::part(name, Part::Checkpoint).number(step)
    }

    pub fn invocation(name: &Name, number: u64) -> RecordKey {
        RecordKey::part(name, Part::Invocation).number(number)
    }

    pub fn resumed(name: &Name, number: u64) -> RecordKey {
        RecordKey::part(name, Part::Resumed).number(number)
    }

    pub fn used(name: &Name, key: &str) -> RecordKey {
        let mut used = RecordKey::part(name, Part::KeyUse);
        used.0.extend(key.as_bytes());
        used
    }

    pub fn class(name: &ClassName) -> RecordKey {
        RecordKey::of(Space::Class, name.as_str()).end_name()
    }

    pub fn version(class: &ClassName, number: u32) -> RecordKey {
        RecordKey::of(Space::Version, class.as_str()).end_name().number(number.into())
    }

    pub fn counts(class: &ClassName, number: u32) -> RecordKey {
        RecordKey::of(Space::Counts, class.as_str()).end_name().number(number.into())
    }

    pub fn component(hash: &Hash) -> RecordKey {
        RecordKey([&[Space::Component as u8], &hash.as_bytes()[..]].concat())
    }

    pub fn lane(space: Space, name: &Name, lane: QueueKind) -> RecordKey {
        let mut key = RecordKey::of(space, name.as_str()).end_name();
        key.0.push(lane as u8);
        key
    }

    pub fn inbox(name: &Name, lane: QueueKind, turn: u64) -> RecordKey {
        RecordKey::lane(Space::Inbox, name, lane).number(turn)
    }

    pub fn delayed(name: &Name, lane: QueueKind, due: Timestamp, number: u64) -> RecordKey {
        RecordKey::lane(Space::Delayed, name, lane).number(due.as_millis()).number(number)
    }

    pub fn due(due: Timestamp, name: &Name, number: u64) -> RecordKey {
        RecordKey::timed(Space::Due, due, name, number)
    }

    pub fn asked(at: Timestamp, name: &Name, number: u64) -> RecordKey {
        RecordKey::timed(Space::Asked, at, name, number)
    }

    fn timed(space: Space, at: Timestamp, name: &Name, number: u64) -> RecordKey {
        let mut key = RecordKey(vec![space as u8]).number(at.as_millis());
        key.0.extend(name.as_str().as_bytes());
        key.end_name().number(number)
    }

    pub fn ready(name: &Name) -> RecordKey {
        RecordKey::of(Space::Ready, name.as_str()).end_name()
    }

    pub fn waiter(awaited: &Reference, waiter: &Reference) -> RecordKey {
        let mut key = RecordKey::of(Space::Waiter, awaited.name.as_str()).end_name().number(awaited.number);
        key.0.extend(waiter.name.as_str().as_bytes());
        key.end_name().number(waiter.number)
    }

    pub fn opaque(id: &str) -> RecordKey {
        RecordKey::of(Space::Opaque, id).end_name()
    }

    pub fn told(name: &Name, number: u64) -> RecordKey {
        RecordKey::part(name, Part::Told).number(number)
    }

    pub fn attempt(name: &Name, number: u64, attempt: u32) -> RecordKey {
        RecordKey::part(name, Part::Attempt).number(number).number(attempt.into())
    }

    pub fn recorded(name: &Name, number: u64, index: u64) -> RecordKey {
        RecordKey::part(name, Part::Recorded).number(number).number(index)
    }

    pub fn beginning(name: &Name, number: u64) -> RecordKey {
        RecordKey::part(name, Part::Beginning).number(number)
    }

    /// An event's name may hold anything, so its length goes before it.
    pub fn event(name: &Name, event: &str, number: u64) -> RecordKey {
        let mut key = RecordKey::part(name, Part::Event).number(event.len() as u64);
        key.0.extend(event.as_bytes());
        key.number(number)
    }

    // Reading

    /// The name in the key, of every space but that of components.
    pub fn name(&self) -> Option<&str> {
        let is_timed = |space: &u8| [Space::Due as u8, Space::Asked as u8].contains(space);
        let from = if self.0.first().is_some_and(is_timed) { 9 } else { 1 };
        let name = self.0.get(from..)?;
        let end = name.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&name[..end]).ok()
    }

    /// The class in the key, of the spaces of classes, versions and counts.
    pub fn class_name(&self) -> Option<ClassName> {
        ClassName::new(self.name()?).ok()
    }

    /// The number that it ends with.
    pub fn last_number(&self) -> Option<u64> {
        Some(u64::from_be_bytes(*self.0.last_chunk()?))
    }

    /// The time of a key of [`Key::due`].
    pub fn due_time(&self) -> Option<Timestamp> {
        let millis = self.0.get(1..)?.first_chunk()?;
        Some(Timestamp::from_millis(u64::from_be_bytes(*millis)))
    }

    /// Who waits, by a key of [`Key::waiter`].
    pub fn waiting(&self) -> Option<Reference> {
        let awaited = self.name()?.len() + 2;
        let (name, number) = self.0.get(awaited + 8..)?.split_last_chunk()?;
        let name = std::str::from_utf8(name.strip_suffix(&[0])?).ok()?;
        Some(Reference { name: Name::new_unchecked(name), number: u64::from_be_bytes(*number) })
    }

    /// The event's name, by a key of [`Key::event`].
    pub fn event_name(&self) -> Option<&str> {
        let length = self.name()?.len() + 3;
        let name = self.0.get(length + 8..self.0.len().checked_sub(8)?)?;
        std::str::from_utf8(name).ok()
    }

    /// What it is the key of, for a person.
    pub fn describe(&self) -> String {
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
