//! Calls of other actors and of tasks, as far as their class need not be known.

use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::fault::Fault;
use crate::handle::{self, Handle};
use crate::json;
use crate::limit::Limit;
#[cfg(not(target_arch = "wasm32"))]
use crate::outgoing::RunTask;
use crate::outgoing::{CallTarget, OutgoingCall};
use crate::time::whole_millis;

/// The verb of a call: [`Start`] or [`Send`].
pub trait Verb: Sized {
    /// The value of a call of a method whose result is an `R`.
    type Of<R>;
    #[doc(hidden)]
    fn make<R>(call: CallBuilder<'_, Self>, method: &str, arguments: &str) -> Self::Of<R>;
}

/// The call is a child of the method that makes it, which can wait for it by a [`Handle`].
pub struct Start;

/// The call is sent and not waited for; its value is its opaque id, a `String`.
pub struct Send;

/// The query runs at once; its value is its result or the [`Fault`].
pub struct Ask;

impl Verb for Start {
    type Of<R> = Handle<R>;

    fn make<R>(call: CallBuilder<'_, Self>, method: &str, arguments: &str) -> Handle<R> {
        Handle::new(call.ctx.host.start(&call.outgoing(method, arguments)))
    }
}

impl Verb for Send {
    type Of<R> = String;

    fn make<R>(call: CallBuilder<'_, Self>, method: &str, arguments: &str) -> String {
        call.ctx.host.send(&call.outgoing(method, arguments))
    }
}

/// A call whose method is not known yet.
pub struct CallBuilder<'c, V> {
    ctx: &'c Context,
    target: CallTarget,
    delay_ms: u64,
    meta: Vec<(String, String)>,
    limits: Vec<Limit>,
    verb: PhantomData<V>,
    #[cfg(not(target_arch = "wasm32"))]
    run_task: Option<RunTask>,
}

impl<'c, V> CallBuilder<'c, V> {
    pub(crate) fn new(ctx: &'c Context, target: CallTarget, delay: Duration) -> Self {
        CallBuilder {
            ctx,
            target,
            delay_ms: whole_millis(delay),
            meta: Vec::new(),
            limits: Vec::new(),
            verb: PhantomData,
            #[cfg(not(target_arch = "wasm32"))]
            run_task: None,
        }
    }

    /// The task of a class that a unit test knows runs by this.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn with_run_task(self, run_task: RunTask) -> Self {
        CallBuilder { run_task: Some(run_task), ..self }
    }

    /// Metadata of the call.
    pub fn meta(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.meta.push((name.into(), value.into()));
        self
    }

    /// A limit of the call.
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    /// Creates the actor first if it does not exist. `class` is the name that its class `A` states.
    pub fn or_create<A: 'static>(mut self, class: &str, arguments: ArgsWriter) -> Self {
        if let CallTarget::Actor { id } = self.target {
            let class = self.ctx.name_of::<A>(class);
            self.target = CallTarget::ActorOrNew { class, id, arguments: arguments.finish() };
        }
        self
    }

    fn outgoing<'a>(&'a self, method: &'a str, arguments: &'a str) -> OutgoingCall<'a> {
        OutgoingCall {
            target: &self.target,
            method,
            arguments,
            delay_ms: self.delay_ms,
            meta: &self.meta,
            limits: &self.limits,
            #[cfg(not(target_arch = "wasm32"))]
            run_task: self.run_task,
        }
    }
}

impl<V: Verb> CallBuilder<'_, V> {
    pub fn make<R>(self, method: &str, arguments: ArgsWriter) -> V::Of<R> {
        V::make(self, method, &arguments.finish())
    }
}

/// Writes arguments by name.
pub struct ArgsWriter(String);

impl ArgsWriter {
    #[expect(clippy::new_without_default, reason = "for the macro alone")]
    pub fn new() -> Self {
        ArgsWriter("{".to_owned())
    }

    fn put(&mut self, name: &str, value: &impl Serialize) {
        let value = json::text(value)
            .unwrap_or_else(|error| panic!("the argument `{name}` cannot be written as JSON: {error}"));
        let comma = if self.0.len() > 1 { "," } else { "" };
        self.0.push_str(&format!("{comma}\"{name}\":{value}"));
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A verb that can send an argument of this type. Every verb can; as a bound on the verb it is checked where a method is
/// called, not where it is declared.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be sent as an argument",
    label = "this method cannot be called from here",
    note = "it and all within it must implement `serde::Serialize`, which can be derived"
)]
pub trait WriteArgument<T> {
    fn write(arguments: &mut ArgsWriter, name: &str, value: &T);
}

#[diagnostic::do_not_recommend]
impl<V, T: Serialize> WriteArgument<T> for V {
    fn write(arguments: &mut ArgsWriter, name: &str, value: &T) {
        arguments.put(name, value);
    }
}

/// A verb that can read the result of a query, which is checked where the query is asked, too.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be read as the answer of a query",
    label = "this query cannot be asked from here",
    note = "it and all within it must implement `serde::Deserialize`, which can be derived"
)]
pub trait ReadResult<T>: Sized {
    fn ask(call: CallBuilder<'_, Self>, query: &str, arguments: ArgsWriter) -> Result<T, Fault>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> ReadResult<T> for Ask {
    fn ask(call: CallBuilder<'_, Self>, query: &str, arguments: ArgsWriter) -> Result<T, Fault> {
        ask(call.ctx, &call.target, query, &arguments.finish())
    }
}

fn ask<T: DeserializeOwned>(ctx: &Context, target: &CallTarget, query: &str, arguments: &str) -> Result<T, Fault> {
    match target {
        CallTarget::Actor { id } | CallTarget::ActorOrNew { id, .. } => {
            let answer = ctx.host.ask(id, query, arguments)?;
            handle::read(&answer, String::new)
        }
        CallTarget::Task { class } => panic!("the tasks of {class} have no state: `ask` is for an actor"),
    }
}

/// Calls by name, for names that are known only when the method runs.
impl Context {
    /// An actor by its id.
    pub fn actor(&self, id: impl Into<String>) -> Named<'_> {
        Named::new(self, CallTarget::Actor { id: id.into() })
    }

    /// An actor by its id, created from the class and the arguments if it does not exist.
    ///
    /// # Panics
    ///
    /// If the arguments cannot be written as JSON, such as a float that is not finite.
    pub fn actor_or_create(
        &self,
        class: impl Into<String>,
        id: impl Into<String>,
        arguments: impl Serialize,
    ) -> Named<'_> {
        let target = CallTarget::ActorOrNew { class: class.into(), id: id.into(), arguments: object(&arguments) };
        Named::new(self, target)
    }

    /// The tasks of a class by its name.
    pub fn tasks(&self, class: impl Into<String>) -> Named<'_> {
        Named::new(self, CallTarget::Task { class: class.into() })
    }
}

/// An actor or a class, by name. Arguments are any value that serde writes as an object: a structure, a map, a value of
/// `serde_json::json!`; `()` stands for none.
///
/// ```
/// use serde_json::json;
/// use vactor_sdk::{Context, Failure};
///
/// fn pay(ctx: &Context) -> Result<i64, Failure> {
///     let balance = ctx.actor("bob").start::<i64>("deposit", json!({ "amount": 5 })).wait()?;
///     ctx.actor("audit").meta("by", "pay").send("note", json!({ "text": "bob was paid" }));
///     let limit: i64 = ctx.actor("bob").ask("limit", ())?;
///     Ok(balance.min(limit))
/// }
/// ```
///
/// # Panics
///
/// Its methods panic if the arguments cannot be written as JSON, such as a float that is not finite.
pub struct Named<'c> {
    ctx: &'c Context,
    target: CallTarget,
    meta: Vec<(String, String)>,
    limits: Vec<Limit>,
}

impl<'c> Named<'c> {
    fn new(ctx: &'c Context, target: CallTarget) -> Self {
        Named { ctx, target, meta: Vec::new(), limits: Vec::new() }
    }

    /// Metadata of each call by this value: a name (each one once) and a value, which `vactor log` shows.
    pub fn meta(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.meta.push((name.into(), value.into()));
        self
    }

    /// A limit of each call by this value.
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    /// Starts a mutation or a task whose result is read as a `T`.
    pub fn start<T>(&self, method: &str, arguments: impl Serialize) -> Handle<T> {
        Start::make(self.call(Duration::ZERO), method, &object(&arguments))
    }

    /// Runs a query of the actor, whose result is read as a `T`: see [`Context::ask`]. This creates no actor.
    ///
    /// # Panics
    ///
    /// For the tasks of a class, which have no queries.
    pub fn ask<T: DeserializeOwned>(&self, query: &str, arguments: impl Serialize) -> Result<T, Fault> {
        ask(self.ctx, &self.target, query, &object(&arguments))
    }

    /// Sends a mutation or a task and does not wait for it. Returns the opaque id of its invocation.
    pub fn send(&self, method: &str, arguments: impl Serialize) -> String {
        self.send_after(Duration::ZERO, method, arguments)
    }

    /// The same, delayed: the delay counts from the time at which the call leaves.
    pub fn send_after(&self, delay: Duration, method: &str, arguments: impl Serialize) -> String {
        Send::make::<()>(self.call(delay), method, &object(&arguments))
    }

    fn call<V>(&self, delay: Duration) -> CallBuilder<'c, V> {
        let (meta, limits) = (self.meta.clone(), self.limits.clone());
        CallBuilder { meta, limits, ..CallBuilder::new(self.ctx, self.target.clone(), delay) }
    }
}

fn object(arguments: &impl Serialize) -> String {
    let text = json::text(arguments).unwrap_or_else(|error| panic!("the arguments cannot be written as JSON: {error}"));
    if text == "null" { "{}".to_owned() } else { text }
}
