//! Unit tests of classes that call others and wait, without a host. Not available in WebAssembly.
//!
//! [`Context::for_test`] makes a context whose time moves only while a method waits: a wait ends at the time of the first
//! answer, even three days later, and [`Context::now`] returns that time. The answers are those of
//!
//! - **a timer**, when it is due;
//! - **an event** of [`Context::emit`] or [`Context::emit_at`], taken once;
//! - **a child**, by the first of these: the reply of [`Context::on_start`]; the actor of [`Context::with_actor`]; for a
//!   task that is called by its class's type, the task itself. It runs where it is started; its own calls are not made.
//!   Otherwise the child never ends.
//!
//! A query runs at once: by [`Context::on_ask`], or on the actor of [`Context::with_actor`]. Any other actor is `not-found`.
//!
//! A wait without any answer panics with the names of its targets. [`Context::calls`] lists the calls, [`Context::saves`]
//! the saved states.
//!
//! ```
//! use std::time::Duration;
//! use serde_json::json;
//! use vactor_sdk::testing::Reply;
//! use vactor_sdk::{Context, Fault};
//!
//! /// Asks, and asks again a day later without an answer.
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

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde::Serialize;
use serde_json::Value;

use crate::class::Class;
use crate::context::Context;
use crate::fault::Fault;
use crate::host::{Host, ScriptedEvent, TestActor, TestHost, value, written};
use crate::level::Level;
use crate::time::Timestamp;

pub use crate::host::{Call, QueryCall, Reply, Target};

/// For unit tests: see [`testing`](crate::testing). Not available in WebAssembly.
impl Context {
    /// A context for a unit test: version 1 of the class `test`, the actor `test`, the first second
    /// of 1970, and the same randomness each time.
    pub fn for_test() -> Self {
        let host = TestHost { version: Cell::new(1), attempt: Cell::new(1), ..TestHost::default() };
        for name in [&host.class_name, &host.actor_id, &host.invocation] {
            name.replace("test".to_owned());
        }
        Context { host: Host(Rc::new(host)), class: None }
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

    /// Sets the time between two calls of a test.
    pub fn set_now(&self, now: Timestamp) {
        self.host.0.now.set(now.as_millis());
    }

    /// The lines that were logged so far.
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.host.0.logs.borrow().clone()
    }

    /// Replies to calls that are started. If it returns None, the function that was given before it replies, and then the
    /// test's actors.
    pub fn on_start(&self, reply: impl Fn(&Call) -> Option<Reply> + 'static) {
        self.host.0.on_start.borrow_mut().push(Box::new(reply));
    }

    /// Replies to an invocation that the method attaches to and did not start.
    pub fn on_attach(&self, invocation: impl Into<String>, reply: Reply) {
        let invocation = invocation.into();
        let due = self.host.0.due(reply, &invocation);
        self.host.0.attached.borrow_mut().push((invocation, due));
    }

    /// Replies to queries that the method asks, as [`on_start`](Context::on_start) replies to calls.
    pub fn on_ask(&self, reply: impl Fn(&QueryCall) -> Option<Result<Value, Fault>> + 'static) {
        self.host.0.on_ask.borrow_mut().push(Box::new(reply));
    }

    /// An actor that runs the started calls and the queries of its id. As on the host, a method that fails, or leaves a
    /// state that cannot be saved, changes nothing.
    pub fn with_actor<A: Class>(self, id: impl Into<String>, actor: Rc<RefCell<A>>) -> Self {
        let id = id.into();
        let own_id = id.clone();
        let run = move |method: &str, arguments: &str, now: Timestamp| {
            let ctx = &Context::for_test().with_actor_id(&own_id).with_now(now);
            let before = actor.borrow().get_state(ctx)?;
            let result = A::invoke(Some(&mut actor.borrow_mut()), method, arguments, ctx);
            let result = result.and_then(|result| actor.borrow().get_state(ctx).map(|_| result));
            if result.is_err() {
                actor.replace(A::set_state(before, ctx)?);
            }
            result
        };
        let actor = TestActor { id, queries: queries::<A>(), run: Box::new(run) };
        self.host.0.actors.borrow_mut().push(actor);
        self
    }

    /// Sends the actor an event, now.
    pub fn emit(&self, name: impl Into<String>, payload: impl Serialize) {
        self.emit_at(self.now(), name, payload);
    }

    /// Sends the actor an event at a later time.
    pub fn emit_at(&self, at: Timestamp, name: impl Into<String>, payload: impl Serialize) {
        let event = ScriptedEvent { at: at.as_millis(), name: name.into(), payload: written(&payload) };
        self.host.0.events.borrow_mut().push(event);
    }

    /// The calls that were started and sent so far.
    pub fn calls(&self) -> Vec<Call> {
        self.host.0.calls.borrow().iter().map(|scripted| scripted.call.clone()).collect()
    }

    /// The states that a class of this type saved so far.
    ///
    /// # Panics
    ///
    /// If the class cannot read a state that it saved.
    pub fn saves<A: Class>(&self) -> Vec<A> {
        let saves = self.host.0.saves.borrow();
        saves.iter().map(|state| A::set_state(state.clone(), self).expect("the class reads its own states")).collect()
    }
}

/// The names of a class's queries.
fn queries<A: Class>() -> Vec<String> {
    let description = value(&A::describe());
    let methods = description["methods"].as_array().into_iter().flatten();
    let queries = methods.filter(|method| method["kind"] == "query").filter_map(|method| method["name"].as_str());
    queries.map(str::to_owned).collect()
}
