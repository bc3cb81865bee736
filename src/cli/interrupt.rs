//! Ctrl-C.

use std::process::exit;

use vactor::model::Category;
use vactor::sandbox::Stop;

use super::{Code, Problem};

/// From now on Ctrl-C stops what runs; a second one ends the process.
pub fn stops(stop: &Stop) -> Result<(), Problem> {
    let stop = stop.clone();
    on_interrupt(move || {
        if stop.is_stopped() {
            exit(Code::of(Category::Interrupted).into());
        }
        stop.stop();
    })
}

/// From now on Ctrl-C ends the process with its own exit code.
pub fn ends() -> Result<(), Problem> {
    on_interrupt(|| exit(Code::of(Category::Interrupted).into()))
}

fn on_interrupt(act: impl FnMut() + Send + 'static) -> Result<(), Problem> {
    ctrlc::set_handler(act)
        .map_err(|error| Problem::new(Category::Store, "io", "cannot listen for Ctrl-C").cause(error.to_string()))
}
