//! The process that compiles, from within: it reads one class, bounds itself, and answers.

use std::any::Any;
use std::io::{self, BufReader, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::exit;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use super::wire::{self, ABANDONED, Answer, OVER_TIME, Request};
use crate::model::{ClassDefect, Error};

/// What the command of [`Compiling`](super::Compiling) does: checks or compiles the class that the process which started it
/// writes to its stdin, answers on its stdout, and ends.
///
/// It bounds its own time and memory before it reads the class, and ends when the process that started it does. Nothing else
/// may have been read from stdin or written to stdout before.
pub fn compile_for_parent() -> ! {
    // the words of a panic are part of the answer
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
    // who cannot hear the answer has gone
    let ended = wire::put(&mut io::stdout().lock(), &answer, &body);
    exit(if ended.is_ok() { 0 } else { ABANDONED })
}

fn failed(error: &io::Error) -> Answer {
    Answer::Failed { reason: error.to_string() }
}

fn read(input: &mut BufReader<io::Stdin>) -> io::Result<(Request, Vec<u8>)> {
    let request: Request = wire::head(input)?;
    if request.build != wire::build() {
        let reason = format!("it is {}, and {} started it", wire::build(), request.build);
        return Err(io::Error::other(reason));
    }
    bounds::set(&request)?;
    let mut class = vec![0; request.length];
    input.read_exact(&mut class)?;
    Ok((request, class))
}

fn answer(request: &Request, class: &[u8], time: Duration) -> (Answer, Vec<u8>) {
    let done = panic::catch_unwind(AssertUnwindSafe(|| super::here(request.job, class)));
    // the limit holds where the thread that watches did not come to run
    if bounds::used() > time {
        exit(OVER_TIME);
    }
    match done {
        Ok(Ok(body)) => (Answer::Done { length: body.as_ref().map(Vec::len) }, body.unwrap_or_default()),
        Ok(Err(Error::NotAClass { reason, defect })) => (Answer::NotAClass { reason, defect }, Vec::new()),
        Ok(Err(Error::Shortage { cause, .. })) => (Answer::NoMemory { reason: cause.to_string() }, Vec::new()),
        Ok(Err(Error::Internal { what })) => (Answer::Internal { what }, Vec::new()),
        Ok(Err(error)) => (Answer::Failed { reason: error.to_string() }, Vec::new()),
        Err(panic) => {
            let reason = format!("the compiler panicked on it: {}", words(panic.as_ref()));
            (Answer::NotAClass { reason, defect: ClassDefect::NotCompiled }, Vec::new())
        }
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message")
}

/// Ends the process when its time is up, or when the one that started it has ended and so closed the pipe.
fn watch(mut input: BufReader<io::Stdin>, time: Duration) -> io::Result<()> {
    let watcher = || thread::Builder::new().stack_size(1 << 16);
    // a thread that has been started may still not get what it needs to run
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

    use super::Request;
    use crate::sandbox::compile::parent::address_space;

    pub fn set(request: &Request) -> io::Result<()> {
        lower(Resource::RLIMIT_AS, address_space(request.memory))?;
        // a thread watches the time to the millisecond; this holds where that thread does not run
        lower(Resource::RLIMIT_CPU, request.time_ms / 1000 + 10)?;
        lower(Resource::RLIMIT_CORE, 0)
    }

    fn lower(resource: Resource, to: rlim_t) -> io::Result<()> {
        let (soft, hard) = getrlimit(resource)?;
        Ok(setrlimit(resource, soft.min(to), hard.min(to))?)
    }

    /// Processor time that this process has used.
    pub fn used() -> Duration {
        ClockId::CLOCK_PROCESS_CPUTIME_ID.now().map_or(Duration::ZERO, Duration::from)
    }
}

/// Where the system bounds no process, only the time is bounded, by the wall.
#[cfg(not(unix))]
mod bounds {
    use std::io;
    use std::sync::LazyLock;
    use std::time::{Duration, Instant};

    use super::Request;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    #[expect(clippy::unnecessary_wraps, reason = "setting bounds can fail on other systems")]
    pub fn set(_: &Request) -> io::Result<()> {
        LazyLock::force(&START);
        Ok(())
    }

    pub fn used() -> Duration {
        START.elapsed()
    }
}
