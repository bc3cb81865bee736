//! Ctrl-C and the signal to end.

use std::io;
use std::process::exit;

use vactor::Category;
use vactor::StopSignal;

use crate::cli::output::{Code, Problem};

/// From now on Ctrl-C interrupts the running class; a second one ends the process.
pub fn stops(stop: &StopSignal) -> Result<(), Problem> {
    stops_and(stop, || ())
}

/// As [`stops`], and calls `act` then.
pub fn stops_and(stop: &StopSignal, act: impl Fn() + Send + 'static) -> Result<(), Problem> {
    let stop = stop.clone();
    listen(move || {
        if stop.is_stopped() {
            end();
        }
        stop.stop();
        act();
    })
}

/// From now on Ctrl-C ends the process with its own exit code.
pub fn ends() -> Result<(), Problem> {
    listen(end)
}

fn end() {
    exit(Code::of(Category::Interrupted).into())
}

fn listen(act: impl Fn() + Send + 'static) -> Result<(), Problem> {
    on_interrupt(act)
        .map_err(|error| Problem::new(Category::Store, "io", "cannot listen for Ctrl-C").cause(error.to_string()))
}

/// Starts a thread that waits for the signals. All later threads have them blocked. Every call pays
/// for this; a handler and a pipe would cost five times as much.
#[cfg(unix)]
fn on_interrupt(act: impl Fn() + Send + 'static) -> io::Result<()> {
    use nix::sys::signal::{SigSet, Signal};

    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.thread_block()?;
    let wait = move || {
        while signals.wait().is_ok() {
            act();
        }
    };
    let thread = std::thread::Builder::new().name("vactor-interrupt".to_owned()).stack_size(1 << 16);
    // without the thread, Ctrl-C ends the process at once, which is safe for the store
    thread.spawn(wait).map(drop).or_else(|_| Ok(signals.thread_unblock()?))
}

#[cfg(not(unix))]
fn on_interrupt(act: impl Fn() + Send + 'static) -> io::Result<()> {
    ctrlc::set_handler(act).map_err(io::Error::other)
}
