//! The compiling process: it reads one class, limits itself, and answers.

use std::any::Any;
use std::io::{self, BufReader, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::exit;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use super::job;
use super::wire::{self, ABANDONED, CompileAnswer, CompileRequest, OVER_TIME};
use crate::model::{ClassDefect, Error};

/// The work of the command of [`Compiling`](super::Compiling): checks or compiles one class, which
/// its parent writes to stdin, answers on stdout, and ends the process.
///
/// It limits its own time and memory before it reads the class, and ends with its parent. The
/// program must not have read stdin or written stdout before.
pub fn compile_for_parent() -> ! {
    // the message of a panic is part of the answer
    panic::set_hook(Box::new(|_| ()));
    let mut input = BufReader::new(io::stdin());
    let (answer, body) = match read(&mut input) {
        Ok((request, class)) => {
            let time = Duration::from_millis(request.time_ms);
            match watch(input, time) {
                Ok(()) => {
                    let _ = io::stdout().write_all(wire::BEGUN);
                    answer(&request, &class, time)
                }
                Err(error) => (failed(&error), Vec::new()),
            }
        }
        Err(error) => (failed(&error), Vec::new()),
    };
    // a parent that cannot read the answer has ended
    let ended = wire::put(&mut io::stdout().lock(), &answer, &body);
    exit(if ended.is_ok() { 0 } else { ABANDONED })
}

fn failed(error: &io::Error) -> CompileAnswer {
    CompileAnswer::Failed { reason: error.to_string() }
}

fn read(input: &mut BufReader<io::Stdin>) -> io::Result<(CompileRequest, Vec<u8>)> {
    let request: CompileRequest = wire::head(input)?;
    if request.build != wire::build() {
        let reason = format!("it is {}, and {} started it", wire::build(), request.build);
        return Err(io::Error::other(reason));
    }
    bounds::set(&request)?;
    let mut class = vec![0; request.length];
    input.read_exact(&mut class)?;
    Ok((request, class))
}

fn answer(request: &CompileRequest, class: &[u8], time: Duration) -> (CompileAnswer, Vec<u8>) {
    let done = panic::catch_unwind(AssertUnwindSafe(|| job::perform(request.job, class)));
    // the limit holds also if the watching thread did not run
    if bounds::used() > time {
        exit(OVER_TIME);
    }
    match done {
        Ok(Ok(body)) => (CompileAnswer::Done { length: body.as_ref().map(Vec::len) }, body.unwrap_or_default()),
        Ok(Err(Error::NotAClass { reason, defect })) => (CompileAnswer::NotAClass { reason, defect }, Vec::new()),
        Ok(Err(Error::Shortage { cause, .. })) => (CompileAnswer::NoMemory { reason: cause.to_string() }, Vec::new()),
        Ok(Err(Error::Internal { what })) => (CompileAnswer::Internal { what }, Vec::new()),
        Ok(Err(error)) => (CompileAnswer::Failed { reason: error.to_string() }, Vec::new()),
        Err(panic) => {
            let reason = format!("the compiler panicked on it: {}", words(panic.as_ref()));
            (CompileAnswer::NotAClass { reason, defect: ClassDefect::NotCompiled }, Vec::new())
        }
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message")
}

/// Ends the process when its time is up, or when its parent has ended and so closed the pipe.
fn watch(mut input: BufReader<io::Stdin>, time: Duration) -> io::Result<()> {
    let watcher = || thread::Builder::new().stack_size(1 << 16);
    // a thread that has been started may still fail to run
    let running = Arc::new(Barrier::new(3));
    let (first, second) = (running.clone(), running.clone());
    watcher().spawn(move || {
        first.wait();
        // nothing follows the class
        let _ = input.read(&mut [0]);
        exit(ABANDONED);
    })?;
    watcher().spawn(move || {
        second.wait();
        while let Some(left) = time.checked_sub(bounds::used()).filter(|left| !left.is_zero()) {
            thread::sleep(left);
        }
        exit(OVER_TIME);
    })?;
    running.wait();
    Ok(())
}

#[cfg(unix)]
mod bounds {
    use std::io;
    use std::time::Duration;

    use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
    use nix::time::ClockId;

    use super::CompileRequest;
    use crate::sandbox::compile::compiling::address_space;

    pub fn set(request: &CompileRequest) -> io::Result<()> {
        lower(Resource::RLIMIT_AS, address_space(request.memory))?;
        // a thread watches the time to the millisecond; this limit holds also if that thread does
        // not run
        lower(Resource::RLIMIT_CPU, request.time_ms / 1000 + 10)?;
        lower(Resource::RLIMIT_CORE, 0)
    }

    fn lower(resource: Resource, to: rlim_t) -> io::Result<()> {
        let (soft, hard) = getrlimit(resource)?;
        Ok(setrlimit(resource, soft.min(to), hard.min(to))?)
    }

    /// Processor time of this process so far.
    pub fn used() -> Duration {
        ClockId::CLOCK_PROCESS_CPUTIME_ID.now().map_or(Duration::ZERO, Duration::from)
    }
}

/// If the system limits no process, only the wall time is limited.
#[cfg(not(unix))]
mod bounds {
    use std::io;
    use std::sync::LazyLock;
    use std::time::{Duration, Instant};

    use super::CompileRequest;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    #[expect(clippy::unnecessary_wraps, reason = "setting bounds can fail on other systems")]
    pub fn set(_: &CompileRequest) -> io::Result<()> {
        LazyLock::force(&START);
        Ok(())
    }

    pub fn used() -> Duration {
        START.elapsed()
    }
}
