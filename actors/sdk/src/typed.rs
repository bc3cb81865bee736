//! Calls and saves by the type of a class.

use std::time::Duration;

use crate::call::{Ask, CallBuilder, Send, Start, Verb};
use crate::class::Class;
use crate::context::Context;
use crate::failure::Failure;
use crate::outgoing::CallTarget;

/// Calls by the type of the class, with the methods that [`actor`](macro@crate::actor) made of its own.
impl Context {
    /// Starts a mutation of an actor: `ctx.start::<Account>("bob").deposit(5)` returns a handle.
    ///
    /// The methods of the value are the class's mutations, without their context, and `or_create`, which takes the
    /// constructor's parameters and creates the actor first if it does not exist:
    /// `ctx.start::<Counter>("hits").or_create(0).incr(1)`. Before them, `meta` adds metadata, a name and a value that
    /// `vactor log` shows: `ctx.start::<Account>("bob").meta("order", "17").deposit(5)`. A name that is given twice is the
    /// fault `bad-arguments`. `limit` lowers a [`Limit`](crate::Limit) of the call. If the class has a method `meta` or
    /// `limit` of its own, these options are given [by name](crate::Named).
    ///
    /// A start never fails: a call that cannot be accepted is a fault of its handle. Many children run in parallel.
    ///
    /// # Panics
    ///
    /// The methods of the value panic if an argument cannot be written as JSON, such as a float that is not finite.
    pub fn start<A: Class>(&self, id: impl Into<String>) -> A::Calls<'_, Start> {
        A::calls(CallBuilder::new(self, CallTarget::Actor { id: id.into() }, Duration::ZERO))
    }

    /// Sends a mutation to an actor and does not wait for it: `ctx.send::<Account>("bob").deposit(5)` returns the opaque id
    /// of its invocation.
    ///
    /// The call leaves with the next [`save`](Context::save) or the method's end, or not at all if the method fails first.
    /// A call that cannot be accepted then is a line of the log.
    pub fn send<A: Class>(&self, id: impl Into<String>) -> A::Calls<'_, Send> {
        self.send_after::<A>(Duration::ZERO, id)
    }

    /// The same, delayed: the delay counts from the time at which the call leaves.
    pub fn send_after<A: Class>(&self, delay: Duration, id: impl Into<String>) -> A::Calls<'_, Send> {
        A::calls(CallBuilder::new(self, CallTarget::Actor { id: id.into() }, delay))
    }

    /// Runs a query of an actor: `ctx.ask::<Prices>("inv").total_value()` returns its result at once, or the
    /// [`Fault`](crate::Fault).
    ///
    /// The methods of the value are the class's queries. A query runs on the last committed state of its actor, takes no
    /// lock and waits for nothing. So an actor that this method created, and that is not committed yet, is `not-found`, and
    /// a query of the actor itself runs on the state of its last [`save`](Context::save), or before this method. The result
    /// is recorded: a replay returns the same.
    ///
    /// # Panics
    ///
    /// The methods of the value panic if an argument cannot be written as JSON, such as a float that is not finite.
    pub fn ask<A: Class>(&self, id: impl Into<String>) -> A::Queries<'_, Ask> {
        A::queries(CallBuilder::new(self, CallTarget::Actor { id: id.into() }, Duration::ZERO))
    }

    /// Starts a task: `ctx.task::<Trainer>().fit(parameters)` returns a handle.
    pub fn task<A: Class>(&self) -> A::Tasks<'_, Start> {
        A::tasks(task::<A, _>(self, Duration::ZERO))
    }

    /// Sends a task and does not wait for it, as [`send`](Context::send) does with a mutation.
    pub fn send_task<A: Class>(&self) -> A::Tasks<'_, Send> {
        self.send_task_after::<A>(Duration::ZERO)
    }

    /// The same, delayed: the delay counts from the time at which the call leaves.
    pub fn send_task_after<A: Class>(&self, delay: Duration) -> A::Tasks<'_, Send> {
        A::tasks(task::<A, _>(self, delay))
    }

    /// Commits the actor as it is now, and the calls that were sent so far. Queries see this state from now on, and a
    /// failure or a cancel goes back to it. A constructor that saves has created its actor.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use vactor_sdk::{Context, Failure, actor};
    /// # #[derive(Serialize, Deserialize)]
    /// # struct Machine { status: String }
    /// # #[actor]
    /// # impl Machine {
    /// #     pub fn new() -> Self { Machine { status: "down".into() } }
    /// pub fn boot(&mut self, ctx: &Context) -> Result<(), Failure> {
    ///     self.status = "starting".to_owned();
    ///     ctx.save(self)?;
    ///     ctx.task::<Machine>().check_disks().wait()?;
    ///     self.status = "up".to_owned();
    ///     Ok(())
    /// }
    /// #     pub fn check_disks() {}
    /// # }
    /// # let ctx = Context::for_test();
    /// # Machine::new().boot(&ctx).unwrap();
    /// # assert_eq!(ctx.saves::<Machine>()[0].status, "starting");
    /// ```
    ///
    /// Fails as [`Failure::BAD_STATE`] if the state cannot be written, or not be read again.
    pub fn save<A: Class>(&self, actor: &A) -> Result<(), Failure> {
        self.host.save(actor.get_state(self)?);
        Ok(())
    }
}

fn task<A: Class, V: Verb>(ctx: &Context, delay: Duration) -> CallBuilder<'_, V> {
    let call = CallBuilder::new(ctx, CallTarget::Task { class: ctx.name_of::<A>(A::NAME) }, delay);
    #[cfg(not(target_arch = "wasm32"))]
    let call = call.with_run_task(|task, arguments, now| {
        A::invoke(None, task, arguments, &Context::for_test().with_actor_id("").with_now(now))
    });
    call
}
