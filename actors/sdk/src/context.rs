use std::any::TypeId;
use std::fmt;
use std::ops::Range;

use crate::host::Host;
use crate::time::Timestamp;

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// What a run may ask: who it is, what time it is, randomness, and the log; and what it may do: call others, wait, save.
///
/// A method that wants it takes a parameter `ctx: &Context`; callers do not see that parameter. The
/// time and the seed of the randomness are recorded with the step, and so is each thing that is done with its
/// answer; so the same call gives the same answers when it is replayed.
///
/// | run | may use |
/// | --- | --- |
/// | a constructor, a mutation | everything |
/// | a query, a task; `get_state`, `set_state`, `migrate` | who it is, the time, randomness, the log |
///
/// Anything else traps: it compiles, and ends the run.
///
/// In a unit test, [`Context::for_test`] makes one whose answers the test chooses.
pub struct Context {
    pub(crate) host: Host,
    /// The class that runs, where one does.
    pub(crate) runs: Option<TypeId>,
}

impl Context {
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

    /// When the run began, or its last wait was answered. Never earlier than an earlier step of the actor.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.host.now())
    }

    /// This many random bytes, from the seed that is recorded with the step.
    ///
    /// To use a crate that brings its own generator, seed that:
    /// `SmallRng::seed_from_u64(ctx.random_u64())`.
    pub fn random(&self, length: usize) -> Vec<u8> {
        // The host gives at most so many in one call.
        const MOST: usize = 1 << 20;
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let part = (length - bytes.len()).min(MOST);
            bytes.extend_from_slice(&self.host.random(part as u32));
        }
        bytes
    }

    /// A random number of the whole width.
    pub fn random_u64(&self) -> u64 {
        let bytes = self.host.random(8);
        u64::from_le_bytes(bytes.try_into().expect("the host gives as many bytes as asked for"))
    }

    /// A random number in a range, each as likely as the other.
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
