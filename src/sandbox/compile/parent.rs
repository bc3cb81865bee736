//! The process that compiles, from without: started, given a class, waited for, ended.

use std::ffi::OsString;
use std::io::{self, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::wire::{self, Answer, Job, OVER_TIME, Request};
use super::{Compiling, over};
use crate::model::{ClassDefect, CompileLimit, Error, Result, lock, show_bytes, show_time, wait, wait_timeout};
use crate::sandbox::not_a_class;
use crate::sandbox::run::{Aborted, Bounds, Wake};

/// Has the command do the job.
pub fn perform(
    command: &[OsString],
    job: Job,
    class: &[u8],
    compiling: &Compiling,
    until: Bounds<'_>,
) -> Result<Option<Vec<u8>>, Aborted> {
    let request = Request {
        build: wire::build(),
        job,
        time_ms: u64::try_from(compiling.time.as_millis()).unwrap_or(u64::MAX),
        memory: compiling.memory,
        length: class.len(),
    };
    let (mut child, output) = start(command).map_err(|error| broken(error.to_string()))?;
    let (said, status) = watch(&mut child, output, &request, class, until)?;
    let (begun, said) = match said.strip_prefix(wire::BEGUN) {
        Some(rest) => (true, rest),
        None => (false, &*said),
    };
    match read(said).filter(|_| status.is_none_or(|status| status.success())) {
        Some(Answer::Done { length }) => Ok(take(said, length)?),
        Some(Answer::NotAClass { reason, defect }) => Err(not_a_class(reason, defect).into()),
        Some(Answer::NoMemory { reason }) => Err(no_memory(0, reason, compiling).into()),
        Some(Answer::Failed { reason }) => Err(broken(reason).into()),
        Some(Answer::Internal { what }) => Err(Error::internal(what).into()),
        None => Err(unanswered(status, begun, said, compiling).into()),
    }
}

fn start(command: &[OsString]) -> io::Result<(Child, io::PipeReader)> {
    let [program, args @ ..] = command else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the command that compiles is empty"));
    };
    let (output, writer) = io::pipe()?;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer);
    // each thread would else reserve address space of its own
    command.env("MALLOC_ARENA_MAX", "1");
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        // the terminal's Ctrl-C is for this process, which then ends the other
        command.process_group(0);
    }
    Ok((command.spawn()?, output))
}

/// Gives the process its class and reads what it says, until it has ended. Its stdin stays open meanwhile: by that it knows
/// that this process lives.
fn watch(
    child: &mut Child,
    output: io::PipeReader,
    request: &Request,
    class: &[u8],
    until: Bounds<'_>,
) -> Result<(Vec<u8>, Option<ExitStatus>), Aborted> {
    let input = child.stdin.take();
    let watched = Arc::new(Watched::default());
    until.stop.wakes(&(watched.clone() as Arc<dyn Wake>));
    let (said, ended) = thread::scope(|scope| {
        let speaker = thread::Builder::new().name("vactor-compiling".to_owned()).spawn_scoped(scope, || {
            let said = exchange(input, output, request, class);
            watched.end();
            said
        });
        let ended = match &speaker {
            Ok(_) => watched.wait(child, until),
            Err(_) => Ended::Itself(kill(child)),
        };
        let said = speaker.and_then(|speaker| speaker.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())));
        (said, ended)
    });
    match (said, ended) {
        (_, Ended::Killed(aborted)) => Err(aborted),
        (Ok(said), Ended::Itself(status)) => Ok((said, status)),
        (Err(error), Ended::Itself(_)) => Err(broken(error.to_string()).into()),
    }
}

fn exchange(
    input: Option<ChildStdin>,
    mut output: io::PipeReader,
    request: &Request,
    class: &[u8],
) -> io::Result<Vec<u8>> {
    let mut input = input.ok_or(io::ErrorKind::BrokenPipe)?;
    // a process that has ended, or needs no class to say no, leaves its reason in what it said
    let _ = wire::put(&mut input, request, class);
    let mut said = Vec::new();
    output.read_to_end(&mut said)?;
    Ok(said)
}

/// Whether the process has said all that it says.
#[derive(Default)]
struct Watched {
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Watched {
    fn wake(&self) {
        // under the lock, or the wake could fall between a look and the wait after it
        let _ended = lock(&self.ended);
        self.changed.notify_all();
    }
}

impl Watched {
    fn end(&self) {
        *lock(&self.ended) = true;
        self.changed.notify_all();
    }

    /// Waits for the end of the process, or ends it.
    fn wait(&self, child: &mut Child, until: Bounds<'_>) -> Ended {
        let mut ended = lock(&self.ended);
        loop {
            if *ended && let Some(status) = child.try_wait().map_or(Some(None), |status| status.map(Some)) {
                return Ended::Itself(status);
            }
            if let Err(aborted) = until.check() {
                drop(ended);
                kill(child);
                return Ended::Killed(aborted);
            }
            // what has closed its output is about to end, which nothing tells
            let look = if *ended { Some(Duration::from_millis(1)) } else { until.deadline.map(left) };
            ended = match look {
                Some(look) => wait_timeout(&self.changed, ended, look),
                None => wait(&self.changed, ended),
            };
        }
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// How a process came to its end. The system does not tell it to a process that ignores SIGCHLD, as one may that was started
/// by another that does.
enum Ended {
    Itself(Option<ExitStatus>),
    Killed(Aborted),
}

fn kill(child: &mut Child) -> Option<ExitStatus> {
    kill_group(child);
    child.wait().ok()
}

/// Kills what the command has started, too. What has ended already is none the worse for it.
#[cfg(unix)]
fn kill_group(child: &mut Child) {
    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    let _ = i32::try_from(child.id()).map(|group| killpg(Pid::from_raw(group), Signal::SIGKILL));
}

#[cfg(not(unix))]
fn kill_group(child: &mut Child) {
    let _ = child.kill();
}

fn read(said: &[u8]) -> Option<Answer> {
    wire::head(&mut BufReader::new(said)).ok()
}

/// What follows the first line.
fn take(said: &[u8], length: Option<usize>) -> Result<Option<Vec<u8>>> {
    let Some(length) = length else { return Ok(None) };
    let start = said.iter().position(|byte| *byte == b'\n').map_or(said.len(), |end| end + 1);
    let body = &said[start..];
    if body.len() != length {
        return Err(broken(format!("it gave {} bytes of {length}", body.len())));
    }
    Ok(Some(body.to_vec()))
}

/// Why a process ended without an answer.
fn unanswered(status: Option<ExitStatus>, begun: bool, said: &[u8], compiling: &Compiling) -> Error {
    let said = String::from_utf8_lossy(said);
    let (code, signal) = (status.and_then(|status| status.code()), status.map_or(Signal::None, signal));
    if code == Some(OVER_TIME) || signal == Signal::Time {
        let allowed = show_time(compiling.time);
        return over(CompileLimit::Time, format!("compiling it took more than {allowed} of processor time"));
    }
    if let Some(bytes) = refused_allocation(&said) {
        return no_memory(bytes, "there is not enough memory".to_owned(), compiling);
    }
    if said.contains("has overflowed its stack") {
        return not_a_class("it is nested too deep to be compiled".to_owned(), ClassDefect::NotCompiled);
    }
    match signal {
        Signal::Crash(name) if begun => {
            not_a_class(format!("the compiler crashed on it ({name})"), ClassDefect::NotCompiled)
        }
        _ => {
            let status = status.map_or_else(|| "it ended without an answer".to_owned(), |status| status.to_string());
            let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
            broken(last.map_or_else(|| status.clone(), |last| format!("{status}: {last}")))
        }
    }
}

/// The error of a process that was refused these bytes of memory.
fn no_memory(bytes: u64, reason: String, compiling: &Compiling) -> Error {
    if is_short(bytes, compiling) {
        return broken(reason);
    }
    let allowed = show_bytes(compiling.memory);
    over(CompileLimit::Memory, format!("compiling it took more than {allowed} of memory"))
}

/// The process could not be started, or did not do its part; the class is not at fault.
fn broken(reason: String) -> Error {
    Error::shortage("run the process that compiles classes", reason)
}

/// How many bytes a process asked for in vain, where it ended by that: it is what the standard library says then.
fn refused_allocation(said: &str) -> Option<u64> {
    let (_, after) = said.split_once("memory allocation of ")?;
    after.split_once(" bytes failed")?.0.parse().ok()
}

/// How a signal ended a process.
#[derive(Debug, PartialEq, Eq)]
enum Signal {
    None,
    Time,
    /// Of the process's own making.
    Crash(&'static str),
    /// From elsewhere: the system was short of memory, or a person ended it.
    Other,
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Signal {
    use std::os::unix::process::ExitStatusExt;

    use nix::sys::signal::Signal as Named;

    let Some(number) = status.signal() else { return Signal::None };
    match Named::try_from(number) {
        Ok(Named::SIGXCPU) => Signal::Time,
        Ok(crash @ (Named::SIGABRT | Named::SIGSEGV | Named::SIGILL | Named::SIGFPE | Named::SIGBUS)) => {
            Signal::Crash(crash.as_str())
        }
        _ => Signal::Other,
    }
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Signal {
    Signal::None
}

/// The address space of a process that compiles with so much memory: the program itself and its stacks need some too.
#[cfg(unix)]
pub fn address_space(memory: u64) -> u64 {
    const PROGRAM: u64 = 256 << 20;
    memory.saturating_add(PROGRAM)
}

/// Whether it was the machine that refused these bytes, and not the limit: this process may not have so much memory itself, or
/// the other had used far less than it may.
#[cfg(unix)]
fn is_short(bytes: u64, compiling: &Compiling) -> bool {
    use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};

    let allowed = getrlimit(Resource::RLIMIT_AS).map_or(u64::MAX, |(soft, _)| soft);
    // of the largest process so far; in KiB, on some systems in bytes
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).map_or(u64::MAX, |usage| usage.max_rss().unsigned_abs());
    let used = if cfg!(target_os = "macos") { used } else { used.saturating_mul(1024) };
    allowed < address_space(compiling.memory) || used.saturating_add(bytes) < compiling.memory / 2
}

#[cfg(not(unix))]
fn is_short(_: u64, _: &Compiling) -> bool {
    true
}
