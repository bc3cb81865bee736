//! Waiting: for children, timers and events alike.

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::class::{self, Class};
use crate::context::Context;
use crate::failure::Failure;
use crate::fault::{Fault, Origin};
use crate::host;
use crate::time::whole_millis;

/// Something that will be answered: an invocation, a timer, an event.
///
/// Making one waits for nothing and takes nothing, and neither does dropping one.
pub struct Handle<T> {
    pub(crate) host: host::Handle,
    answer: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    pub(crate) fn new(host: host::Handle) -> Self {
        Handle { host, answer: PhantomData }
    }

    /// Waits for the answer: what the method gave, null for a timer, the payload of an event. Waiting again gives it
    /// again.
    ///
    /// The wait is durable: the process may end meanwhile, and the method goes on in another, from its beginning
    /// and with everything that it was answered so far. [`Context::now`] is later after it.
    ///
    /// An answer that is no `T` is a fault of the [origin `Caller`](Origin::Caller).
    pub fn wait(&self) -> Result<T, Fault>
    where
        T: DeserializeOwned,
    {
        read(&self.host.wait()?, || self.invocation())
    }

    /// Ends the invocation, if it has not ended, and its children. Nothing for timers and events.
    pub fn cancel(&self) {
        self.host.cancel();
    }

    /// The opaque id of the invocation, good for [`Context::attach`]; empty for timers and events.
    pub fn invocation(&self) -> String {
        self.host.invocation()
    }

    /// The same, with the answer read as another type.
    pub fn cast<U>(self) -> Handle<U> {
        Handle::new(self.host)
    }
}

/// Reads an answer, of an invocation if it is one's.
pub(crate) fn read<T: DeserializeOwned>(json: &str, invocation: impl FnOnce() -> String) -> Result<T, Fault> {
    class::read(json.as_bytes()).map_err(|error| {
        let message = format!("the answer is not what was expected: {}", class::reason(&error));
        Fault { invocation: invocation(), ..Fault::new(Origin::Caller, Fault::UNEXPECTED_ANSWER, message) }
    })
}

/// A handle of whatever type.
pub trait Awaited {
    #[doc(hidden)]
    fn host(&self) -> &host::Handle;
}

impl<T> Awaited for Handle<T> {
    fn host(&self) -> &host::Handle {
        &self.host
    }
}

impl<A: Awaited + ?Sized> Awaited for &A {
    fn host(&self) -> &host::Handle {
        (**self).host()
    }
}

/// Handles in their order: a tuple of up to six, each of a type of its own, or a list of one type.
pub trait Handles {
    #[doc(hidden)]
    fn hosts(&self) -> Vec<&host::Handle>;
}

impl<A: Awaited> Handles for [A] {
    fn hosts(&self) -> Vec<&host::Handle> {
        self.iter().map(A::host).collect()
    }
}

impl<A: Awaited> Handles for Vec<A> {
    fn hosts(&self) -> Vec<&host::Handle> {
        self.as_slice().hosts()
    }
}

impl<A: Awaited, const N: usize> Handles for [A; N] {
    fn hosts(&self) -> Vec<&host::Handle> {
        self.as_slice().hosts()
    }
}

impl<H: Handles + ?Sized> Handles for &H {
    fn hosts(&self) -> Vec<&host::Handle> {
        (**self).hosts()
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))+) => {$(
        impl<$($name: Awaited),+> Handles for ($($name,)+) {
            #[allow(non_snake_case)]
            fn hosts(&self) -> Vec<&host::Handle> {
                let ($($name,)+) = self;
                vec![$($name.host()),+]
            }
        }
    )+};
}

tuples!((A)(A B)(A B C)(A B C D)(A B C D E)(A B C D E F));

/// Waiting, and keeping what was done so far.
impl Context {
    /// Waits for the first of several to be answered, and gives its place; its answer is then there at once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vactor_sdk::{Context, Failure};
    ///
    /// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    ///
    /// fn decision(ctx: &Context) -> Result<&'static str, Failure> {
    ///     let (approved, rejected) = (ctx.event::<String>("approved"), ctx.event::<String>("rejected"));
    ///     let deadline = ctx.timer(3 * DAY);
    ///     Ok(match ctx.wait_any((&approved, &rejected, &deadline)) {
    ///         0 => "approved",
    ///         1 => "rejected",
    ///         _ => "nobody said anything",
    ///     })
    /// }
    ///
    /// let ctx = Context::for_test();
    /// ctx.emit("rejected", "Ada");
    /// assert_eq!(decision(&ctx), Ok("rejected"));
    /// assert_eq!(decision(&ctx), Ok("nobody said anything"));
    /// ```
    ///
    /// # Panics
    ///
    /// Without handles: nothing would ever be answered.
    pub fn wait_any(&self, handles: impl Handles) -> usize {
        let handles = handles.hosts();
        assert!(!handles.is_empty(), "nothing to wait for: no handles");
        self.host.wait_any(&handles)
    }

    /// Waits for all of them, and gives each one's result in their order.
    pub fn join<T: DeserializeOwned>(
        &self,
        handles: impl IntoIterator<Item = impl Borrow<Handle<T>>>,
    ) -> Vec<Result<T, Fault>> {
        handles.into_iter().map(|handle| handle.borrow().wait()).collect()
    }

    /// An invocation by its opaque id, such as one that an earlier method kept in the state.
    pub fn attach<T>(&self, invocation: &str) -> Handle<T> {
        Handle::new(self.host.attach(invocation))
    }

    /// Is answered so long after [`now`](Context::now), never earlier.
    pub fn timer(&self, duration: Duration) -> Handle<()> {
        Handle::new(self.host.timer(whole_millis(duration)))
    }

    /// The next event of this name that is sent to this actor, or was sent and not taken yet.
    ///
    /// Each event is taken once, by the wait that it answers; the handle alone takes none.
    pub fn event<T>(&self, name: &str) -> Handle<T> {
        Handle::new(self.host.event(name))
    }

    /// Waits so long, and no shorter.
    pub fn sleep(&self, duration: Duration) {
        let timer = self.timer(duration);
        // A timer is never answered otherwise than by null.
        let _ = timer.host.wait();
    }

    /// Waits so long for an event, and gives its payload; `None` when none came.
    pub fn wait_event<T: DeserializeOwned>(&self, name: &str, timeout: Duration) -> Result<Option<T>, Fault> {
        let event = self.event::<T>(name);
        match self.wait_any((&event, &self.timer(timeout))) {
            0 => event.wait().map(Some),
            _ => Ok(None),
        }
    }

    /// Commits the actor as it is now, and what was sent so far: queries see it from now on, and a failure or a
    /// cancel goes back to here. A constructor that saves has made its actor.
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
    /// Fails as [`Failure::BAD_STATE`] when the state cannot be written, or not be read again.
    pub fn save<A: Class>(&self, actor: &A) -> Result<(), Failure> {
        self.host.save(actor.get_state(self)?);
        Ok(())
    }
}
