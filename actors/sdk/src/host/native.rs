use std::cell::{Cell, RefCell};

use crate::context::{Context, Level};
use crate::time::Timestamp;

/// A host of a unit test's own, with answers that the test sets.
pub struct Host {
    class_name: String,
    version: u32,
    actor_id: String,
    invocation: String,
    attempt: u32,
    now: Cell<u64>,
    random: Cell<u64>,
    logs: RefCell<Vec<(Level, String)>>,
}

impl Host {
    pub fn class_name(&self) -> String {
        self.class_name.clone()
    }

    pub fn version(&self) -> u32 {
        self.version
    }

    pub fn actor_id(&self) -> String {
        self.actor_id.clone()
    }

    pub fn invocation(&self) -> String {
        self.invocation.clone()
    }

    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    pub fn now(&self) -> u64 {
        self.now.get()
    }

    pub fn random(&self, length: u32) -> Vec<u8> {
        let words = (0..length.div_ceil(8)).flat_map(|_| self.next_random().to_le_bytes());
        words.take(length as usize).collect()
    }

    pub fn log(&self, level: Level, message: &str) {
        self.logs.borrow_mut().push((level, message.to_owned()));
    }

    /// SplitMix64: the shortest generator whose bits are good enough for a test.
    fn next_random(&self) -> u64 {
        self.random.set(self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut z = self.random.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// For unit tests; not there in WebAssembly.
impl Context {
    /// A context for a unit test: version 1 of the class `test`, the actor `test`, the first second
    /// of 1970, and the same randomness each time.
    pub fn for_test() -> Self {
        let host = Host {
            class_name: "test".into(),
            version: 1,
            actor_id: "test".into(),
            invocation: "test".into(),
            attempt: 1,
            now: Cell::new(0),
            random: Cell::new(0),
            logs: RefCell::default(),
        };
        Context { host }
    }

    pub fn with_class_name(mut self, name: impl Into<String>) -> Self {
        self.host.class_name = name.into();
        self
    }

    pub fn with_version(mut self, version: u32) -> Self {
        self.host.version = version;
        self
    }

    pub fn with_actor_id(mut self, id: impl Into<String>) -> Self {
        self.host.actor_id = id.into();
        self
    }

    pub fn with_invocation(mut self, id: impl Into<String>) -> Self {
        self.host.invocation = id.into();
        self
    }

    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.host.attempt = attempt;
        self
    }

    pub fn with_seed(self, seed: u64) -> Self {
        self.host.random.set(seed);
        self
    }

    pub fn with_now(self, now: Timestamp) -> Self {
        self.set_now(now);
        self
    }

    /// Lets time pass between two calls of a test.
    pub fn set_now(&self, now: Timestamp) {
        self.host.now.set(now.as_millis());
    }

    /// What was logged through this context so far.
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.host.logs.borrow().clone()
    }
}
