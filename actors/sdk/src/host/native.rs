mod script;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::context::{Context, Level};
use crate::time::Timestamp;

pub use script::Handle;

/// A host of a unit test's own, with answers that the test sets. Its handles share it.
pub struct Host(Rc<State>);

struct State {
    class_name: RefCell<String>,
    version: Cell<u32>,
    actor_id: RefCell<String>,
    invocation: RefCell<String>,
    attempt: Cell<u32>,
    now: Cell<u64>,
    random: Cell<u64>,
    logs: RefCell<Vec<(Level, String)>>,
    script: script::Script,
}

impl Host {
    pub fn class_name(&self) -> String {
        self.0.class_name.borrow().clone()
    }

    pub fn version(&self) -> u32 {
        self.0.version.get()
    }

    pub fn actor_id(&self) -> String {
        self.0.actor_id.borrow().clone()
    }

    pub fn invocation(&self) -> String {
        self.0.invocation.borrow().clone()
    }

    pub fn attempt(&self) -> u32 {
        self.0.attempt.get()
    }

    pub fn now(&self) -> u64 {
        self.0.now.get()
    }

    pub fn random(&self, length: u32) -> Vec<u8> {
        let words = (0..length.div_ceil(8)).flat_map(|_| self.next_random().to_le_bytes());
        words.take(length as usize).collect()
    }

    pub fn log(&self, level: Level, message: &str) {
        self.0.logs.borrow_mut().push((level, message.to_owned()));
    }

    /// SplitMix64: the shortest generator whose bits are good enough for a test.
    fn next_random(&self) -> u64 {
        let random = &self.0.random;
        random.set(random.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut z = random.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// For unit tests; not there in WebAssembly. What answers waits is told in [`testing`](crate::testing).
impl Context {
    /// A context for a unit test: version 1 of the class `test`, the actor `test`, the first second
    /// of 1970, and the same randomness each time.
    pub fn for_test() -> Self {
        let state = State {
            class_name: RefCell::new("test".into()),
            version: Cell::new(1),
            actor_id: RefCell::new("test".into()),
            invocation: RefCell::new("test".into()),
            attempt: Cell::new(1),
            now: Cell::new(0),
            random: Cell::new(0),
            logs: RefCell::default(),
            script: script::Script::default(),
        };
        Context { host: Host(Rc::new(state)), runs: None }
    }

    pub fn with_class_name(self, name: impl Into<String>) -> Self {
        self.host.0.class_name.replace(name.into());
        self
    }

    pub fn with_version(self, version: u32) -> Self {
        self.host.0.version.set(version);
        self
    }

    pub fn with_actor_id(self, id: impl Into<String>) -> Self {
        self.host.0.actor_id.replace(id.into());
        self
    }

    pub fn with_invocation(self, id: impl Into<String>) -> Self {
        self.host.0.invocation.replace(id.into());
        self
    }

    pub fn with_attempt(self, attempt: u32) -> Self {
        self.host.0.attempt.set(attempt);
        self
    }

    pub fn with_seed(self, seed: u64) -> Self {
        self.host.0.random.set(seed);
        self
    }

    pub fn with_now(self, now: Timestamp) -> Self {
        self.set_now(now);
        self
    }

    /// Lets time pass between two calls of a test.
    pub fn set_now(&self, now: Timestamp) {
        self.host.0.now.set(now.as_millis());
    }

    /// What was logged through this context so far.
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.host.0.logs.borrow().clone()
    }
}
