//! Bytes as a component: a class, or an error with a reason.
#![no_main]

use std::sync::LazyLock;

use vactor::Limits;
use vactor::sandbox::{Cache, Sandbox, StopSignal};

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::new(Cache::none()));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { time: std::time::Duration::from_millis(100), ..Limits::default() };
    let inspected = SANDBOX.inspect(bytes, &limits, &StopSignal::default(), &mut || {}, &mut |_| {});
    if let Err(error) = inspected {
        assert!(!error.to_string().is_empty());
    }
});
