use std::any::TypeId;
use std::fmt;
use std::ops::Range;

use crate::host::Host;
use crate::level::Level;
use crate::time::Timestamp;

/// The host, as a run sees it: its identity, the time, randomness and the log; calls, waits and saves.
///
/// A method gets it by a parameter `ctx: &Context`, which callers do not see. The step records the time, the seed of the
/// randomness, and each operation with its result. So a replay of the call gets the same answers.
///
/// | run | may use |
/// | --- | --- |
/// | a constructor, a mutation | everything |
/// | a query, a task; `get_state`, `set_state`, `migrate` | its identity, the time, randomness, the log |
///
/// Anything else compiles, and traps: it ends the run.
///
/// In a unit test, [`Context::for_test`] makes a context whose answers the test chooses.
pub struct Context {
    pub(crate) host: Host,
    /// The type of the class that runs; None in a unit test.
    pub(crate) class: Option<TypeId>,
}

impl Context {
    /// The registered name of the class of this type, which the class says is `name`. A class that runs may be registered
    /// under another name.
    pub(crate) fn name_of<A: 'static>(&self, name: &str) -> String {
        if self.class == Some(TypeId::of::<A>()) { self.class_name() } else { name.to_owned() }
    }

    /// The name that the actor's class is registered under.
    pub fn class_name(&self) -> String {
        self.host.class_name()
    }

    /// The version of the class, counted from 1.
    pub fn version(&self) -> u32 {
        self.host.version()
    }

    /// The actor's id; empty while a task runs.
    pub fn actor_id(&self) -> String {
        self.host.actor_id()
    }

    /// An opaque id of the invocation that runs.
    pub fn invocation(&self) -> String {
        self.host.invocation()
    }

    /// 1 for the first try of a task, and always 1 elsewhere.
    pub fn attempt(&self) -> u32 {
        self.host.attempt()
    }

    /// The time at which the run began, or its last wait ended. It is never before an earlier step of the actor.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.host.now())
    }

    /// Random bytes, from the seed that is recorded with the step.
    ///
    /// A crate with a generator of its own is seeded: `SmallRng::seed_from_u64(ctx.random_u64())`.
    pub fn random(&self, length: usize) -> Vec<u8> {
        // The host's limit for one call.
        const MOST: usize = 1 << 20;
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let part = (length - bytes.len()).min(MOST);
            bytes.extend_from_slice(&self.host.random(part as u32));
        }
        bytes
    }

    /// A uniform random number.
    pub fn random_u64(&self) -> u64 {
        let bytes = self.host.random(8);
        u64::from_le_bytes(bytes.try_into().expect("the host returns 8 bytes"))
    }

    /// A uniform random number in a range.
    ///
    /// # Panics
    ///
    /// When the range is empty.
    pub fn random_range(&self, range: Range<u64>) -> u64 {
        assert!(range.start < range.end, "the range {range:?} is empty");
        let width = range.end - range.start;
        // Numbers past the last whole multiple of `width` would favour the small ones: draw again.
        let end = u64::MAX - u64::MAX % width;
        loop {
            let number = self.random_u64();
            if number < end {
                return range.start + number % width;
            }
        }
    }

    /// Writes to the step's log.
    pub fn log(&self, level: Level, message: impl fmt::Display) {
        self.host.log(level, &message.to_string());
    }

    pub fn debug(&self, message: impl fmt::Display) {
        self.log(Level::Debug, message);
    }

    pub fn info(&self, message: impl fmt::Display) {
        self.log(Level::Info, message);
    }

    pub fn warn(&self, message: impl fmt::Display) {
        self.log(Level::Warn, message);
    }

    pub fn error(&self, message: impl fmt::Display) {
        self.log(Level::Error, message);
    }
}
