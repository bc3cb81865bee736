//! The component's exports, its heap, and what WebAssembly lacks: printing and words for a panic.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::PanicHookInfo;

use crate::class::Class;
use crate::context::{Context, Level};
use crate::failure::Failure;
use crate::host::Host;
use crate::output::Unfinished;

pub mod bindings {
    wit_bindgen::generate!({
        world: "actor",
        path: "wit",
        pub_export_macro: true,
        default_bindings_module: "vactor_sdk::__private::wasm::bindings",
    });
}

use bindings::exports::vactor::actor::class::{Failure as WireFailure, Guest};

/// The standard library's allocator, in a version that begins with the heap that the linker leaves room for (`vactor build`
/// has it do so). A memory that need not grow is not taken from the system and given back at every run; threads that make
/// many runs at once would wait for each other in that.
#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

thread_local! {
    /// The actor of this instance: an instance serves one run. Its type is the one class that the
    /// component exports.
    static ACTOR: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
    /// Per level, as each prints to a stream of its own.
    static UNFINISHED: RefCell<[(Level, Unfinished); 3]> = const {
        RefCell::new([
            (Level::Debug, Unfinished::new()),
            (Level::Info, Unfinished::new()),
            (Level::Warn, Unfinished::new()),
        ])
    };
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

/// What every export does around its own work.
fn run<C: Class, T>(work: impl FnOnce(&Context) -> T) -> T {
    std::panic::set_hook(Box::new(log_panic));
    let result = work(&Context { host: Host, runs: Some(TypeId::of::<C>()) });
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
        details: failure.details.map(|details| serde_json::to_string(&details).expect("JSON can be written as JSON")),
    }
}

/// Without this a panic would be a bare trap.
fn log_panic(panic: &PanicHookInfo<'_>) {
    log_unfinished();
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or("(no message)");
    Host.log(Level::Error, &format!("panicked{place}: {message}"));
}

/// Puts what was printed in the step's log, as soon as it is a whole line.
pub fn print(level: Level, text: fmt::Arguments<'_>, newline: bool) {
    // Formatted before the buffer is borrowed: a `Display` may print, too.
    let text = if newline { format!("{text}\n") } else { text.to_string() };
    let lines = UNFINISHED.with_borrow_mut(|outputs| {
        let output = outputs.iter_mut().find(|output| output.0 == level);
        output.and_then(|(_, output)| output.push(&text))
    });
    if let Some(lines) = lines {
        Host.log(level, &lines);
    }
}

fn log_unfinished() {
    UNFINISHED.with_borrow_mut(|outputs| {
        for (level, output) in outputs {
            if let Some(rest) = output.finish() {
                Host.log(*level, &rest);
            }
        }
    });
}
