//! Unit tests of classes that call others and wait, without a host; not there in WebAssembly.
//!
//! [`Context::for_test`] makes a context on which time stands still except while a method waits: a wait goes on at
//! the moment of the first answer, be it after three days, and [`Context::now`] says so. What answers:
//!
//! - **a timer**, when it is due;
//! - **an event**, one of [`Context::emit`] or [`Context::emit_at`], taken once;
//! - **a child**, in this order: what [`Context::on_start`] replies; the actor that [`Context::with_actor`] put there;
//!   for a task that is called by its class's type, the task itself. It runs where it is started, and what it
//!   sends or starts itself is not followed. Else it is never answered.
//!
//! A query that the method asks is answered at once: by [`Context::on_ask`], or by the actor that
//! [`Context::with_actor`] put there. Any other actor is `not-found`.
//!
//! A wait that nothing would ever answer panics, and says for what it waited. [`Context::calls`] tells what was started
//! and sent, [`Context::saves`] what was saved.
//!
//! ```
//! use std::time::Duration;
//! use serde_json::json;
//! use vactor_sdk::testing::Reply;
//! use vactor_sdk::{Context, Fault};
//!
//! /// Asks, and asks again a day later if there was no answer.
//! fn ask(ctx: &Context) -> Result<Option<String>, Fault> {
//!     for _ in 0..2 {
//!         ctx.actor("desk").send("ask", ());
//!         if let Some(answer) = ctx.wait_event("answer", Duration::from_secs(86_400))? {
//!             return Ok(Some(answer));
//!         }
//!     }
//!     Ok(None)
//! }
//!
//! let ctx = Context::for_test();
//! ctx.emit_at(ctx.now() + Duration::from_secs(100_000), "answer", "yes");
//! assert_eq!(ask(&ctx), Ok(Some("yes".to_owned())));
//! assert_eq!(ctx.now().as_millis(), 100_000_000);
//! assert_eq!(ctx.calls().len(), 2);
//! ```
//!
//! [`Context::for_test`]: crate::Context::for_test
//! [`Context::now`]: crate::Context::now
//! [`Context::emit`]: crate::Context::emit
//! [`Context::emit_at`]: crate::Context::emit_at
//! [`Context::on_start`]: crate::Context::on_start
//! [`Context::on_ask`]: crate::Context::on_ask
//! [`Context::with_actor`]: crate::Context::with_actor
//! [`Context::calls`]: crate::Context::calls
//! [`Context::saves`]: crate::Context::saves

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::call::Whom;
use crate::fault::Fault;
use crate::json;

/// A call that a method made.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub to: To,
    pub method: String,
    pub arguments: Value,
    pub meta: Vec<(String, String)>,
    /// Of a call that was sent, how much later than it left; `None` of one that was started.
    pub delay: Option<Duration>,
    pub invocation: String,
    pub cancelled: bool,
}

/// A query that a method asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The actor.
    pub id: String,
    pub query: String,
    pub arguments: Value,
}

/// Whom a call went to.
#[derive(Clone, Debug, PartialEq)]
pub enum To {
    Actor { id: String },
    ActorOrNew { class: String, id: String, arguments: Value },
    Task { class: String },
}

impl To {
    /// An actor, whether it would have been made or not.
    pub fn actor(&self) -> Option<&str> {
        match self {
            To::Actor { id } | To::ActorOrNew { id, .. } => Some(id),
            To::Task { .. } => None,
        }
    }
}

/// What a test answers a child.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) answer: Option<Result<String, Fault>>,
    pub(crate) after: Duration,
}

impl Reply {
    /// # Panics
    ///
    /// When the result cannot be written as JSON.
    pub fn result(result: impl Serialize) -> Self {
        Reply { answer: Some(Ok(written(&result))), after: Duration::ZERO }
    }

    pub fn fault(fault: Fault) -> Self {
        Reply { answer: Some(Err(fault)), after: Duration::ZERO }
    }

    /// It runs for ever, unless it is cancelled.
    pub fn never() -> Self {
        Reply { answer: None, after: Duration::ZERO }
    }

    /// So long after the start.
    pub fn after(self, after: Duration) -> Self {
        Reply { after, ..self }
    }
}

pub(crate) fn written(value: &impl Serialize) -> String {
    json::text(value).expect("a test's values can be written as JSON")
}

impl From<&Whom> for To {
    fn from(whom: &Whom) -> To {
        match whom.clone() {
            Whom::Actor { id } => To::Actor { id },
            Whom::ActorOrNew { class, id, arguments } => To::ActorOrNew { class, id, arguments: value(&arguments) },
            Whom::Task { class } => To::Task { class },
        }
    }
}

pub(crate) fn value(json: &str) -> Value {
    serde_json::from_str(json).expect("what was written as JSON can be read")
}
