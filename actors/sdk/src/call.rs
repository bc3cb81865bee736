//! Calls of other actors, and of tasks: by the type of their class, or by name.

use std::any::TypeId;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::class::Class;
use crate::context::Context;
use crate::fault::Fault;
use crate::handle::{self, Handle};
use crate::json;
use crate::time::whole_millis;

/// Whom a call goes to.
#[derive(Clone, Debug)]
pub enum Whom {
    Actor {
        id: String,
    },
    /// An actor that is made if it is not there.
    ActorOrNew {
        class: String,
        id: String,
        arguments: String,
    },
    Task {
        class: String,
    },
}

/// How a unit test runs a task whose class it knows.
#[cfg(not(target_arch = "wasm32"))]
pub type RunTask = fn(&str, &str, &Context) -> Result<String, crate::Failure>;

/// What is done with a call: [`Start`] or [`Send`].
pub trait Verb: Sized {
    /// What making the call of a method gives that returns an `R`.
    type Of<R>;
    #[doc(hidden)]
    fn make<R>(call: Call<'_, Self>, method: &str, arguments: &str) -> Self::Of<R>;
}

/// The call is a child of the method that makes it, which can wait for what comes of it: a [`Handle`].
pub struct Start;

/// The call is sent and forgotten; its opaque id is what is left of it, a `String`.
pub struct Send;

impl Verb for Start {
    type Of<R> = Handle<R>;

    fn make<R>(call: Call<'_, Self>, method: &str, arguments: &str) -> Handle<R> {
        Handle::new(call.ctx.host.start(&call, method, arguments))
    }
}

impl Verb for Send {
    type Of<R> = String;

    fn make<R>(call: Call<'_, Self>, method: &str, arguments: &str) -> String {
        call.ctx.host.send(&call, method, arguments)
    }
}

/// The query is asked, and its result is there at once, or the [`Fault`].
pub struct Ask;

/// A call of which the method is still to be said.
pub struct Call<'c, V> {
    ctx: &'c Context,
    pub(crate) whom: Whom,
    pub(crate) delay_ms: u64,
    pub(crate) meta: Vec<(String, String)>,
    verb: PhantomData<V>,
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) run: Option<RunTask>,
}

impl<'c, V> Call<'c, V> {
    fn new(ctx: &'c Context, whom: Whom, delay: Duration) -> Self {
        Call {
            ctx,
            whom,
            delay_ms: whole_millis(delay),
            meta: Vec::new(),
            verb: PhantomData,
            #[cfg(not(target_arch = "wasm32"))]
            run: None,
        }
    }

    /// Metadata of the call.
    pub fn meta(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.meta.push((name.into(), value.into()));
        self
    }
}

impl<'c, V: Verb> Call<'c, V> {
    fn task<A: Class>(ctx: &'c Context, delay: Duration) -> Self {
        let call = Call::new(ctx, Whom::Task { class: ctx.name_of::<A>() }, delay);
        #[cfg(not(target_arch = "wasm32"))]
        let call = Call { run: Some(|task, arguments, ctx| A::invoke(None, task, arguments, ctx)), ..call };
        call
    }

    pub fn or_create<A: Class>(mut self, arguments: Written) -> Self {
        if let Whom::Actor { id } = self.whom {
            self.whom = Whom::ActorOrNew { class: self.ctx.name_of::<A>(), id, arguments: arguments.finish() };
        }
        self
    }

    pub fn make<R>(self, method: &str, arguments: Written) -> V::Of<R> {
        V::make(self, method, &arguments.finish())
    }
}

/// Arguments by name, as they are written.
pub struct Written(String);

impl Written {
    #[expect(clippy::new_without_default, reason = "only the macro makes one")]
    pub fn new() -> Self {
        Written("{".to_owned())
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

/// That a type can be written as an argument. Every verb can do so; the trait is of the verb because the bound
/// is then asked for where a method is called, not where it is declared.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be sent as an argument",
    label = "this method cannot be called from here",
    note = "it and all within it must implement `serde::Serialize`, which can be derived"
)]
pub trait Write<T> {
    fn write(arguments: &mut Written, name: &str, value: &T);
}

#[diagnostic::do_not_recommend]
impl<V, T: Serialize> Write<T> for V {
    fn write(arguments: &mut Written, name: &str, value: &T) {
        arguments.put(name, value);
    }
}

/// That the result of a query can be read, which is asked for where the query is asked, too.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be read as the answer of a query",
    label = "this query cannot be asked from here",
    note = "it and all within it must implement `serde::Deserialize`, which can be derived"
)]
pub trait Read<T>: Sized {
    fn ask(call: Call<'_, Self>, query: &str, arguments: Written) -> Result<T, Fault>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Read<T> for Ask {
    fn ask(call: Call<'_, Self>, query: &str, arguments: Written) -> Result<T, Fault> {
        asked(call.ctx, &call.whom, query, &arguments.finish())
    }
}

fn asked<T: DeserializeOwned>(ctx: &Context, whom: &Whom, query: &str, arguments: &str) -> Result<T, Fault> {
    match whom {
        Whom::Actor { id } | Whom::ActorOrNew { id, .. } => {
            let answer = ctx.host.ask(id, query, arguments)?;
            handle::read(&answer, String::new)
        }
        Whom::Task { class } => panic!("the tasks of {class} have no state: `ask` is for an actor"),
    }
}

/// By the type of the class, which the macro [`actor`](macro@crate::actor) gave its mutations and tasks as methods.
impl Context {
    /// Starts a mutation of an actor: `ctx.start::<Account>("bob").deposit(5)` gives a handle.
    ///
    /// The methods that follow are the class's mutations, without their context, and `or_create`, which takes the
    /// constructor's parameters and makes the actor first if it is not there:
    /// `ctx.start::<Counter>("hits").or_create(0).incr(1)`. Before them, `meta` gives the call metadata, a name and a
    /// value that `vactor log` shows: `ctx.start::<Account>("bob").meta("order", "17").deposit(5)`. Each name is there
    /// once; a name that is given twice is the fault `bad-arguments`. A class that has a method `meta` itself is given
    /// metadata [by name](Named::meta).
    ///
    /// A start never fails: what cannot be accepted is a fault of its handle. Many children run in parallel.
    ///
    /// # Panics
    ///
    /// The methods that follow do when an argument cannot be written as JSON: a float that is not finite, say.
    pub fn start<A: Class>(&self, id: impl Into<String>) -> A::Calls<'_, Start> {
        A::calls(Call::new(self, Whom::Actor { id: id.into() }, Duration::ZERO))
    }

    /// Sends a mutation to an actor and forgets it: `ctx.send::<Account>("bob").deposit(5)` gives the opaque id of the
    /// invocation that it will be.
    ///
    /// It leaves with the next [`save`](Context::save) or the method's end, or not at all if that fails. What cannot
    /// be accepted then is a line of the log.
    pub fn send<A: Class>(&self, id: impl Into<String>) -> A::Calls<'_, Send> {
        self.send_after::<A>(Duration::ZERO, id)
    }

    /// The same, so much later than it leaves.
    pub fn send_after<A: Class>(&self, delay: Duration, id: impl Into<String>) -> A::Calls<'_, Send> {
        A::calls(Call::new(self, Whom::Actor { id: id.into() }, delay))
    }

    /// Asks a query of an actor: `ctx.ask::<Prices>("inv").total_value()` gives its result at once, or the [`Fault`].
    ///
    /// The methods that follow are the class's queries. A query runs on the last state that its actor has committed when it is
    /// asked; what an actor does at that time it does not see, and it waits for nothing. So an actor that this method has
    /// made, and that is not committed yet, is `not-found`, and the actor itself answers by its last
    /// [`save`](Context::save), or as it was before this method. The answer is recorded: in a replay it is the same.
    ///
    /// # Panics
    ///
    /// The methods that follow do when an argument cannot be written as JSON: a float that is not finite, say.
    pub fn ask<A: Class>(&self, id: impl Into<String>) -> A::Queries<'_, Ask> {
        A::queries(Call::new(self, Whom::Actor { id: id.into() }, Duration::ZERO))
    }

    /// Starts a task: `ctx.task::<Trainer>().fit(parameters)` gives a handle.
    pub fn task<A: Class>(&self) -> A::Tasks<'_, Start> {
        A::tasks(Call::task::<A>(self, Duration::ZERO))
    }

    /// Sends a task and forgets it, as [`send`](Context::send) does with a mutation.
    pub fn send_task<A: Class>(&self) -> A::Tasks<'_, Send> {
        self.send_task_after::<A>(Duration::ZERO)
    }

    /// The same, so much later than it leaves.
    pub fn send_task_after<A: Class>(&self, delay: Duration) -> A::Tasks<'_, Send> {
        A::tasks(Call::task::<A>(self, delay))
    }

    /// A class that calls itself does so under the name that it is registered under.
    fn name_of<A: Class>(&self) -> String {
        if self.runs == Some(TypeId::of::<A>()) { self.class_name() } else { A::NAME.to_owned() }
    }
}

/// By name, for what is known only when the method runs.
impl Context {
    /// An actor by its id.
    pub fn actor(&self, id: impl Into<String>) -> Named<'_> {
        Named { ctx: self, whom: Whom::Actor { id: id.into() }, meta: Vec::new() }
    }

    /// An actor by its id, which is made from the class and the arguments if it is not there.
    ///
    /// # Panics
    ///
    /// When the arguments cannot be written as JSON: a float that is not finite, say.
    pub fn actor_or_create(
        &self,
        class: impl Into<String>,
        id: impl Into<String>,
        arguments: impl Serialize,
    ) -> Named<'_> {
        let whom = Whom::ActorOrNew { class: class.into(), id: id.into(), arguments: object(&arguments) };
        Named { ctx: self, whom, meta: Vec::new() }
    }

    /// The tasks of a class by its name.
    pub fn tasks(&self, class: impl Into<String>) -> Named<'_> {
        Named { ctx: self, whom: Whom::Task { class: class.into() }, meta: Vec::new() }
    }
}

/// An actor or a class, by name. Arguments are anything that serde writes as an object: a structure, a map, what
/// `serde_json::json!` makes; `()` stands for none.
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
/// Its methods do when the arguments cannot be written as JSON: a float that is not finite, say.
pub struct Named<'c> {
    ctx: &'c Context,
    whom: Whom,
    meta: Vec<(String, String)>,
}

impl<'c> Named<'c> {
    /// Metadata of each call that is made with this: a name, each one once, and a value, which `vactor log` shows.
    pub fn meta(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.meta.push((name.into(), value.into()));
        self
    }

    /// Starts a mutation or a task whose result is read as a `T`.
    pub fn start<T>(&self, method: &str, arguments: impl Serialize) -> Handle<T> {
        Start::make(self.call(Duration::ZERO), method, &object(&arguments))
    }

    /// Asks a query of the actor, whose result is read as a `T`: see [`Context::ask`]. An actor that may have to be made is
    /// not made by this.
    ///
    /// # Panics
    ///
    /// For the tasks of a class: they have no state, and so no queries.
    pub fn ask<T: DeserializeOwned>(&self, query: &str, arguments: impl Serialize) -> Result<T, Fault> {
        asked(self.ctx, &self.whom, query, &object(&arguments))
    }

    /// Sends it and forgets it; gives the opaque id of the invocation that it will be.
    pub fn send(&self, method: &str, arguments: impl Serialize) -> String {
        self.send_after(Duration::ZERO, method, arguments)
    }

    /// The same, so much later than it leaves.
    pub fn send_after(&self, delay: Duration, method: &str, arguments: impl Serialize) -> String {
        Send::make::<()>(self.call(delay), method, &object(&arguments))
    }

    fn call<V>(&self, delay: Duration) -> Call<'c, V> {
        Call { meta: self.meta.clone(), ..Call::new(self.ctx, self.whom.clone(), delay) }
    }
}

fn object(arguments: &impl Serialize) -> String {
    let text = json::text(arguments).unwrap_or_else(|error| panic!("the arguments cannot be written as JSON: {error}"));
    if text == "null" { "{}".to_owned() } else { text }
}
