//! Keys of records. One ordered table has all records, so that those which change together are
//! neighbours: an actor's newest step, the record of its name and its state are in one leaf of the
//! tree in most cases.

use crate::model::{CallKind, ClassName, Hash, Name, Reference, Timestamp};
use crate::store::redb::errors::{TxResult, damaged};

/// Numbers of invocations, steps and events, and all counters, are below this one, so that they can
/// be added to. At a million a second it takes nine years to reach it.
pub const MAX_NUMBER: u64 = 1 << 48;

/// The key of a record, ordered by its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKey(pub Vec<u8>);

/// The kind of a queue. An actor and a task may have the same name; each has its own queue.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum QueueKind {
    /// Invocations of an actor, which run one after the other.
    Actor = 0,
    /// Invocations of a task, which run in any number at once.
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

/// The first byte of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum KeySpace {
    /// Records of a name: the journal and the state of its actor, its invocations.
    Named = b'a',
    Class = b'c',
    /// The usage of a class version.
    Usage = b'd',
    /// The waiting invocations of an awaited one.
    Waiter = b'e',
    Component = b'm',
    /// Opaque ids of invocations.
    OpaqueId = b'o',
    /// The ready index: names with a runnable invocation.
    Ready = b'r',
    /// The times when delays were requested, and when waits with a timer began.
    Requested = b's',
    /// The due times of delayed invocations, and of the timers of waits.
    Due = b't',
    Version = b'v',
    Inbox = b'w',
    /// The delayed invocations of a name.
    Delayed = b'x',
}

/// The parts of a name's records, in this order.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum NamePart {
    /// A state that is too long for the record of its step.
    Checkpoint = 1,
    Invocation = 2,
    /// The number of the invocation that resumed a failed one.
    ResumedBy = 3,
    /// The use of a caller's key.
    KeyUse = 4,
    Step = 5,
    NameRecord = 6,
    State = 7,
    /// An entry of an invocation's history.
    History = 8,
    /// The state before the first run of an invocation that has saved.
    InitialState = 9,
    Event = 10,
    /// The opaque id of an invocation, if a guest has seen it.
    OpaqueId = 11,
    /// A failed attempt of a task, before the last one.
    Attempt = 12,
}

impl RecordKey {
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn from_bytes(bytes: &[u8]) -> RecordKey {
        RecordKey(bytes.to_vec())
    }

    pub fn of(space: KeySpace, name: &str) -> RecordKey {
        let mut bytes = Vec::with_capacity(name.len() + 12);
        bytes.push(space as u8);
        bytes.extend(name.as_bytes());
        RecordKey(bytes)
    }

    /// A zero byte, which no name contains, ends a name: so keys sort as names do.
    pub fn end_name(mut self) -> RecordKey {
        self.0.push(0);
        self
    }

    pub fn part(name: &Name, part: NamePart) -> RecordKey {
        let mut key = RecordKey::of(KeySpace::Named, name.as_str()).end_name();
        key.0.push(part as u8);
        key
    }

    pub fn number(mut self, number: u64) -> RecordKey {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub fn name_record(name: &Name) -> RecordKey {
        RecordKey::part(name, NamePart::NameRecord)
    }

    pub fn state(name: &Name) -> RecordKey {
        RecordKey::part(name, NamePart::State)
    }

    pub fn step(name: &Name, number: u64) -> RecordKey {
        RecordKey::part(name, NamePart::Step).number(number)
    }

    pub fn checkpoint(name: &Name, step: u64) -> RecordKey {
        RecordKey::part(name, NamePart::Checkpoint).number(step)
    }

    pub fn invocation(name: &Name, number: u64) -> RecordKey {
        RecordKey::part(name, NamePart::Invocation).number(number)
    }

    pub fn resumed_by(name: &Name, number: u64) -> RecordKey {
        RecordKey::part(name, NamePart::ResumedBy).number(number)
    }

    pub fn key_use(name: &Name, key: &str) -> RecordKey {
        let mut used = RecordKey::part(name, NamePart::KeyUse);
        used.0.extend(key.as_bytes());
        used
    }

    pub fn class(name: &ClassName) -> RecordKey {
        RecordKey::of(KeySpace::Class, name.as_str()).end_name()
    }

    pub fn version(class: &ClassName, number: u32) -> RecordKey {
        RecordKey::of(KeySpace::Version, class.as_str()).end_name().number(number.into())
    }

    pub fn usage(class: &ClassName, number: u32) -> RecordKey {
        RecordKey::of(KeySpace::Usage, class.as_str()).end_name().number(number.into())
    }

    pub fn component(hash: &Hash) -> RecordKey {
        RecordKey([&[KeySpace::Component as u8], &hash.as_bytes()[..]].concat())
    }

    pub fn queue(space: KeySpace, name: &Name, queue: QueueKind) -> RecordKey {
        let mut key = RecordKey::of(space, name.as_str()).end_name();
        key.0.push(queue as u8);
        key
    }

    pub fn inbox(name: &Name, queue: QueueKind, position: u64) -> RecordKey {
        RecordKey::queue(KeySpace::Inbox, name, queue).number(position)
    }

    pub fn delayed(name: &Name, queue: QueueKind, due: Timestamp, number: u64) -> RecordKey {
        RecordKey::queue(KeySpace::Delayed, name, queue).number(due.as_millis()).number(number)
    }

    pub fn due(due: Timestamp, name: &Name, number: u64) -> RecordKey {
        RecordKey::timed(KeySpace::Due, due, name, number)
    }

    pub fn requested(at: Timestamp, name: &Name, number: u64) -> RecordKey {
        RecordKey::timed(KeySpace::Requested, at, name, number)
    }

    fn timed(space: KeySpace, at: Timestamp, name: &Name, number: u64) -> RecordKey {
        let mut key = RecordKey(vec![space as u8]).number(at.as_millis());
        key.0.extend(name.as_str().as_bytes());
        key.end_name().number(number)
    }

    pub fn ready(name: &Name) -> RecordKey {
        RecordKey::of(KeySpace::Ready, name.as_str()).end_name()
    }

    pub fn waiter(awaited: &Reference, waiter: &Reference) -> RecordKey {
        let mut key = RecordKey::of(KeySpace::Waiter, awaited.name.as_str()).end_name().number(awaited.number);
        key.0.extend(waiter.name.as_str().as_bytes());
        key.end_name().number(waiter.number)
    }

    pub fn opaque_id(id: &str) -> RecordKey {
        RecordKey::of(KeySpace::OpaqueId, id).end_name()
    }

    pub fn opaque_id_of(name: &Name, number: u64) -> RecordKey {
        RecordKey::part(name, NamePart::OpaqueId).number(number)
    }

    pub fn attempt(name: &Name, number: u64, attempt: u32) -> RecordKey {
        RecordKey::part(name, NamePart::Attempt).number(number).number(attempt.into())
    }

    pub fn history(name: &Name, number: u64, index: u64) -> RecordKey {
        RecordKey::part(name, NamePart::History).number(number).number(index)
    }

    pub fn initial_state(name: &Name, number: u64) -> RecordKey {
        RecordKey::part(name, NamePart::InitialState).number(number)
    }

    /// The length of an event's name comes before the name, which may contain any character.
    pub fn event(name: &Name, event: &str, number: u64) -> RecordKey {
        let mut key = RecordKey::part(name, NamePart::Event).number(event.len() as u64);
        key.0.extend(event.as_bytes());
        key.number(number)
    }

    // Parts of a key

    fn is_in(&self, space: KeySpace) -> bool {
        self.0.first() == Some(&(space as u8))
    }

    /// The name in the key, in every space except that of components.
    pub fn name(&self) -> Option<&str> {
        let from = if self.is_in(KeySpace::Due) || self.is_in(KeySpace::Requested) { 9 } else { 1 };
        let name = self.0.get(from..)?;
        let end = name.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&name[..end]).ok()
    }

    /// The class in the key, in the spaces of classes, versions and usage.
    pub fn class_name(&self) -> Option<ClassName> {
        ClassName::new(self.name()?).ok()
    }

    /// The number at the end of the key.
    pub fn last_number(&self) -> Option<u64> {
        Some(u64::from_be_bytes(*self.0.last_chunk()?))
    }

    /// The time of a key of [`RecordKey::due`].
    pub fn due_time(&self) -> Option<Timestamp> {
        let millis = self.0.get(1..)?.first_chunk()?;
        Some(Timestamp::from_millis(u64::from_be_bytes(*millis)))
    }

    /// The waiting invocation of a key of [`RecordKey::waiter`].
    pub fn waiting(&self) -> Option<Reference> {
        let awaited = self.name()?.len() + 2;
        let (name, number) = self.0.get(awaited + 8..)?.split_last_chunk()?;
        let name = std::str::from_utf8(name.strip_suffix(&[0])?).ok()?;
        Some(Reference { name: Name::new_unchecked(name), number: u64::from_be_bytes(*number) })
    }

    /// The event's name of a key of [`RecordKey::event`].
    pub fn event_name(&self) -> Option<&str> {
        let length = self.name()?.len() + 3;
        let name = self.0.get(length + 8..self.0.len().checked_sub(8)?)?;
        std::str::from_utf8(name).ok()
    }

    /// The number at the end of a key that a file must have.
    pub fn required_number(&self) -> TxResult<u64> {
        match self.last_number() {
            Some(number) if number < MAX_NUMBER => Ok(number),
            _ => damaged(format!("{} has a key without a number", self.describe())),
        }
    }

    /// The name in a key that a file must have.
    pub fn required_name(&self) -> TxResult<Name> {
        match self.name().map(Name::new) {
            Some(Ok(name)) => Ok(name),
            Some(Err(error)) => damaged(format!("{} has an invalid name: {error}", self.describe())),
            None => damaged("a record has a key without a name"),
        }
    }

    /// The record of the key, in words for a message.
    pub fn describe(&self) -> String {
        let name = self.name().unwrap_or("?");
        let number = self.last_number().unwrap_or(0);
        let is = |space| self.is_in(space);
        if is(KeySpace::Named) {
            return self.describe_part(name, number);
        }
        match () {
            () if is(KeySpace::Class) => format!("the class {name}"),
            () if is(KeySpace::Usage) => format!("the usage of version {number} of the class {name}"),
            () if is(KeySpace::Version) => format!("version {number} of the class {name}"),
            () if is(KeySpace::Component) => "a component".to_owned(),
            () if is(KeySpace::OpaqueId) => "an opaque id".to_owned(),
            () => format!("the inbox of {name}"),
        }
    }

    fn describe_part(&self, name: &str, number: u64) -> String {
        let part = self.0.iter().position(|byte| *byte == 0).and_then(|end| self.0.get(end + 1));
        let is = |wanted: NamePart| part == Some(&(wanted as u8));
        match () {
            () if is(NamePart::Checkpoint) => format!("the checkpoint at step {number} of {name}"),
            () if is(NamePart::Invocation) => format!("the invocation {name}#{number}"),
            () if is(NamePart::ResumedBy) => format!("the resumption of {name}#{number}"),
            () if is(NamePart::KeyUse) => format!("a key of {name}"),
            () if is(NamePart::Step) => format!("step {number} of {name}"),
            () if is(NamePart::State) => format!("the state of {name}"),
            () if is(NamePart::History) => format!("entry {number} of a history of {name}"),
            () if is(NamePart::InitialState) => format!("the initial state of {name}#{number}"),
            () if is(NamePart::Event) => format!("event {number} of {name}"),
            () if is(NamePart::OpaqueId) => format!("the opaque id of {name}#{number}"),
            () if is(NamePart::Attempt) => format!("attempt {number} of a call of the task {name}"),
            () => format!("the record of the name {name}"),
        }
    }
}
