//! The component's exports, its heap, and the message of a panic.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::PanicHookInfo;

use crate::class::Class;
use crate::context::Context;
use crate::failure::Failure;
use crate::host::Host;
pub use crate::host::bindings;
use crate::level::Level;
use crate::output::log_unfinished;

use bindings::exports::vactor::actor::class::{Failure as WireFailure, Guest};

/// The standard library's allocator, in a version that starts with the heap that the linker reserves (`vactor build` asks
/// for one). A memory that does not grow costs no system call per run, for which threads would wait for each other.
#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

thread_local! {
    /// The actor of this instance, which serves one run. Its type is the class that the component exports.
    static ACTOR: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// The exports of the component that holds class `C`.
pub struct Exports<C>(PhantomData<C>);

/// Exports the class from this component.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($class:ty) => {
        const _: () = {
            type Exports = $crate::__private::wasm::Exports<$class>;
            $crate::__private::wasm::bindings::export!(Exports);
        };
    };
}

impl<C: Class> Guest for Exports<C> {
    fn describe() -> String {
        run::<C, _>(|_| C::describe())
    }

    fn construct(arguments: String) -> Result<(), WireFailure> {
        run::<C, _>(|ctx| C::construct(&arguments, ctx).map(keep)).map_err(wire)
    }

    fn set_state(state: Vec<u8>) -> Result<(), WireFailure> {
        run::<C, _>(|ctx| C::set_state(state, ctx).map(keep)).map_err(wire)
    }

    fn get_state() -> Result<Vec<u8>, WireFailure> {
        run::<C, _>(|ctx| with_actor(|actor: Option<&mut C>| crate::class::present(actor).get_state(ctx))).map_err(wire)
    }

    fn invoke(method: String, arguments: String) -> Result<String, WireFailure> {
        run::<C, _>(|ctx| with_actor(|actor| C::invoke(actor, &method, &arguments, ctx))).map_err(wire)
    }

    fn migrate(from_version: u32, state: Vec<u8>) -> Result<Vec<u8>, WireFailure> {
        run::<C, _>(|ctx| C::migrate(from_version, state, ctx)).map_err(wire)
    }
}

/// Runs an export's own work, with the panic hook before it and the unfinished output after it.
fn run<C: Class, T>(work: impl FnOnce(&Context) -> T) -> T {
    std::panic::set_hook(Box::new(log_panic));
    let result = work(&Context { host: Host, class: Some(TypeId::of::<C>()) });
    log_unfinished();
    result
}

fn keep<C: Class>(actor: C) {
    ACTOR.set(Some(Box::new(actor)));
}

fn with_actor<C: Class, T>(work: impl FnOnce(Option<&mut C>) -> T) -> T {
    ACTOR.with_borrow_mut(|actor| work(actor.as_mut().and_then(|actor| actor.downcast_mut())))
}

fn wire(failure: Failure) -> WireFailure {
    WireFailure {
        kind: failure.kind.into_owned(),
        message: failure.message,
        permanent: failure.permanent,
        resumable: failure.resumable,
        details: failure.details.map(|details| serde_json::to_string(&details).expect("JSON can be written as JSON")),
    }
}

/// Logs the message and the place of a panic, which is a bare trap otherwise.
fn log_panic(panic: &PanicHookInfo<'_>) {
    log_unfinished();
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or("(no message)");
    Host.log(Level::Error, &format!("panicked{place}: {message}"));
}
