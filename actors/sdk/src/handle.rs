//! Waiting: for children, timers and events alike.

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::fault::{Fault, Origin};
use crate::host::HostHandle;
use crate::json;
use crate::time::whole_millis;

/// An invocation, a timer or an event that a method can wait for.
///
/// Making or dropping a handle waits for nothing and takes no event.
pub struct Handle<T> {
    pub(crate) host: HostHandle,
    answer: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    pub(crate) fn new(host: HostHandle) -> Self {
        Handle { host, answer: PhantomData }
    }

    /// Waits for the answer: the result of the method, null for a timer, the payload of an event. A second wait returns
    /// the same answer.
    ///
    /// The wait is durable: if the process ends meanwhile, the method runs again in another one, from its start and with
    /// the same results so far. [`Context::now`] moves on with a wait.
    ///
    /// An answer that is not a `T` is a fault of the [origin `Caller`](Origin::Caller).
    pub fn wait(&self) -> Result<T, Fault>
    where
        T: DeserializeOwned,
    {
        read(&self.host.wait()?, || self.invocation())
    }

    /// Ends the invocation, if it has not ended, and its children. Does nothing for timers and events.
    pub fn cancel(&self) {
        self.host.cancel();
    }

    /// The opaque id of the invocation, good for [`Context::attach`]; empty for timers and events.
    pub fn invocation(&self) -> String {
        self.host.invocation()
    }

    /// The same handle, with the answer read as another type.
    pub fn cast<U>(self) -> Handle<U> {
        Handle::new(self.host)
    }
}

/// Reads an answer. `invocation` is the id of the invocation that gave it, empty for others.
pub(crate) fn read<T: DeserializeOwned>(answer: &str, invocation: impl FnOnce() -> String) -> Result<T, Fault> {
    json::read(answer.as_bytes()).map_err(|error| {
        let message = format!("the answer is not what was expected: {}", json::reason(&error));
        Fault { invocation: invocation(), ..Fault::new(Origin::Caller, Fault::UNEXPECTED_ANSWER, message) }
    })
}

/// A handle of any type.
pub trait AnyHandle {
    #[doc(hidden)]
    fn host(&self) -> &HostHandle;
}

impl<T> AnyHandle for Handle<T> {
    fn host(&self) -> &HostHandle {
        &self.host
    }
}

impl<A: AnyHandle + ?Sized> AnyHandle for &A {
    fn host(&self) -> &HostHandle {
        (**self).host()
    }
}

/// Handles in order: a tuple of up to six, each of a type of its own, or a list of one type.
pub trait Handles {
    #[doc(hidden)]
    fn hosts(&self) -> Vec<&HostHandle>;
}

impl<A: AnyHandle> Handles for [A] {
    fn hosts(&self) -> Vec<&HostHandle> {
        self.iter().map(A::host).collect()
    }
}

impl<A: AnyHandle> Handles for Vec<A> {
    fn hosts(&self) -> Vec<&HostHandle> {
        self.as_slice().hosts()
    }
}

impl<A: AnyHandle, const N: usize> Handles for [A; N] {
    fn hosts(&self) -> Vec<&HostHandle> {
        self.as_slice().hosts()
    }
}

impl<H: Handles + ?Sized> Handles for &H {
    fn hosts(&self) -> Vec<&HostHandle> {
        (**self).hosts()
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))+) => {$(
        impl<$($name: AnyHandle),+> Handles for ($($name,)+) {
            #[allow(non_snake_case)]
            fn hosts(&self) -> Vec<&HostHandle> {
                let ($($name,)+) = self;
                vec![$($name.host()),+]
            }
        }
    )+};
}

tuples!((A)(A B)(A B C)(A B C D)(A B C D E)(A B C D E F));

/// Waiting.
impl Context {
    /// Waits for the first answer among several handles and returns the index of that handle, whose `wait` then returns
    /// at once.
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
    ///         _ => "no decision",
    ///     })
    /// }
    ///
    /// let ctx = Context::for_test();
    /// ctx.emit("rejected", "Ada");
    /// assert_eq!(decision(&ctx), Ok("rejected"));
    /// assert_eq!(decision(&ctx), Ok("no decision"));
    /// ```
    ///
    /// # Panics
    ///
    /// Without handles: the wait would never end.
    pub fn wait_any(&self, handles: impl Handles) -> usize {
        let handles = handles.hosts();
        assert!(!handles.is_empty(), "a wait needs at least one handle");
        self.host.wait_any(&handles)
    }

    /// Waits for all handles and returns their results in order.
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

    /// A timer that ends this long after [`now`](Context::now), never earlier.
    pub fn timer(&self, duration: Duration) -> Handle<()> {
        Handle::new(self.host.timer(whole_millis(duration)))
    }

    /// The next event of this name that is sent to this actor, or was sent and not taken yet.
    ///
    /// Each event is taken once, by the wait that it answers. The handle alone takes none.
    pub fn event<T>(&self, name: &str) -> Handle<T> {
        Handle::new(self.host.event(name))
    }

    /// Waits this long, and no shorter.
    pub fn sleep(&self, duration: Duration) {
        let timer = self.timer(duration);
        // A timer answers null, and nothing else.
        let _ = timer.host.wait();
    }

    /// Waits this long for an event and returns its payload, or `None` if no event came.
    pub fn wait_event<T: DeserializeOwned>(&self, name: &str, timeout: Duration) -> Result<Option<T>, Fault> {
        let event = self.event::<T>(name);
        match self.wait_any((&event, &self.timer(timeout))) {
            0 => event.wait().map(Some),
            _ => Ok(None),
        }
    }
}
