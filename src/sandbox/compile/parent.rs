//! The parent of the compiling process: it starts the child, sends a class, awaits the answer, and
//! ends the child.

use std::ffi::OsString;
use std::io::{self, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::compiling::Compiling;
#[cfg(unix)]
use super::compiling::address_space;
use super::job::Job;
use super::wire::{self, CompileAnswer, CompileRequest, OVER_TIME};
use crate::model::{ClassDefect, CompileLimit, Error, Result, lock, show_bytes, show_time, wait, wait_timeout};
use crate::sandbox::run::{Aborted, Bounds};
use crate::sandbox::stop::Wake;

/// Does a job by the command.
pub fn perform(
    command: &[OsString],
    job: Job,
    class: &[u8],
    compiling: &Compiling,
    until: Bounds<'_>,
) -> Result<Option<Vec<u8>>, Aborted> {
    let request = CompileRequest {
        build: wire::build(),
        job,
        time_ms: u64::try_from(compiling.time.as_millis()).unwrap_or(u64::MAX),
        memory: compiling.memory,
        length: class.len(),
    };
    let (mut child, output) = start(command).map_err(|error| not_done(error.to_string()))?;
    let (said, status) = watch(&mut child, output, &request, class, until)?;
    let (begun, said) = match said.strip_prefix(wire::BEGUN) {
        Some(rest) => (true, rest),
        None => (false, &*said),
    };
    match read(said).filter(|_| status.is_none_or(|status| status.success())) {
        Some(CompileAnswer::Done { length }) => Ok(take(said, length)?),
        Some(CompileAnswer::NotAClass { reason, defect }) => Err(Error::not_a_class(reason, defect).into()),
        Some(CompileAnswer::NoMemory { reason }) => Err(no_memory(0, reason, compiling).into()),
        Some(CompileAnswer::Failed { reason }) => Err(not_done(reason).into()),
        Some(CompileAnswer::Internal { what }) => Err(Error::internal(what).into()),
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
    // otherwise each thread reserves address space of its own
    command.env("MALLOC_ARENA_MAX", "1");
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        // Ctrl-C goes to this process alone, which then ends the child
        command.process_group(0);
    }
    Ok((command.spawn()?, output))
}

/// Sends the child its class and reads its output until it has ended. The child's stdin stays open
/// meanwhile: it closes when this process ends.
fn watch(
    child: &mut Child,
    output: io::PipeReader,
    request: &CompileRequest,
    class: &[u8],
    until: Bounds<'_>,
) -> Result<(Vec<u8>, Option<ExitStatus>), Aborted> {
    let input = child.stdin.take();
    let watched = Arc::new(OutputWatch::default());
    until.stop.wakes(&(watched.clone() as Arc<dyn Wake>));
    let (said, ended) = thread::scope(|scope| {
        let speaker = thread::Builder::new().name("vactor-compiling".to_owned()).spawn_scoped(scope, || {
            let said = exchange(input, output, request, class);
            watched.end();
            said
        });
        let ended = match &speaker {
            Ok(_) => watched.wait(child, until),
            Err(_) => ChildEnd::Itself(kill(child)),
        };
        let said = speaker.and_then(|speaker| speaker.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())));
        (said, ended)
    });
    match (said, ended) {
        (_, ChildEnd::Killed(aborted)) => Err(aborted),
        (Ok(said), ChildEnd::Itself(status)) => Ok((said, status)),
        (Err(error), ChildEnd::Itself(_)) => Err(not_done(error.to_string()).into()),
    }
}

fn exchange(
    input: Option<ChildStdin>,
    mut output: io::PipeReader,
    request: &CompileRequest,
    class: &[u8],
) -> io::Result<Vec<u8>> {
    let mut input = input.ok_or(io::ErrorKind::BrokenPipe)?;
    // a child that has ended, or refuses without the class, says the reason in its output
    let _ = wire::put(&mut input, request, class);
    let mut said = Vec::new();
    output.read_to_end(&mut said)?;
    Ok(said)
}

/// Whether the output of the child has ended.
#[derive(Default)]
struct OutputWatch {
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Wake for OutputWatch {
    fn wake(&self) {
        // under the lock: otherwise a thread between its look and its wait would miss this
        let _ended = lock(&self.ended);
        self.changed.notify_all();
    }
}

impl OutputWatch {
    fn end(&self) {
        *lock(&self.ended) = true;
        self.changed.notify_all();
    }

    /// Waits for the end of the child, or ends it.
    fn wait(&self, child: &mut Child, until: Bounds<'_>) -> ChildEnd {
        let mut ended = lock(&self.ended);
        loop {
            if *ended && let Some(status) = child.try_wait().map_or(Some(None), |status| status.map(Some)) {
                return ChildEnd::Itself(status);
            }
            if let Err(aborted) = until.check() {
                drop(ended);
                kill(child);
                return ChildEnd::Killed(aborted);
            }
            // a child that has closed its output ends soon, without a notification
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

/// The end of a child. The status is None in a process that ignores SIGCHLD, which a process
/// inherits.
enum ChildEnd {
    Itself(Option<ExitStatus>),
    Killed(Aborted),
}

fn kill(child: &mut Child) -> Option<ExitStatus> {
    kill_group(child);
    child.wait().ok()
}

/// Kills the processes that the command has started, too.
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

fn read(said: &[u8]) -> Option<CompileAnswer> {
    wire::head(&mut BufReader::new(said)).ok()
}

/// The bytes after the first line.
fn take(said: &[u8], length: Option<usize>) -> Result<Option<Vec<u8>>> {
    let Some(length) = length else { return Ok(None) };
    let start = said.iter().position(|byte| *byte == b'\n').map_or(said.len(), |end| end + 1);
    let body = &said[start..];
    if body.len() != length {
        return Err(not_done(format!("it gave {} bytes of {length}", body.len())));
    }
    Ok(Some(body.to_vec()))
}

/// The error of a child that ended without an answer.
fn unanswered(status: Option<ExitStatus>, begun: bool, said: &[u8], compiling: &Compiling) -> Error {
    let said = String::from_utf8_lossy(said);
    let (code, signal) = (status.and_then(|status| status.code()), status.map_or(ExitSignal::None, signal));
    if code == Some(OVER_TIME) || signal == ExitSignal::Time {
        let allowed = show_time(compiling.time);
        return over_limit(CompileLimit::Time, format!("compiling it took more than {allowed} of processor time"));
    }
    if let Some(bytes) = refused_allocation(&said) {
        return no_memory(bytes, "there is not enough memory".to_owned(), compiling);
    }
    if said.contains("has overflowed its stack") {
        return Error::not_a_class("it is nested too deep to be compiled".to_owned(), ClassDefect::NotCompiled);
    }
    match signal {
        ExitSignal::Crash(name) if begun => {
            Error::not_a_class(format!("the compiler crashed on it ({name})"), ClassDefect::NotCompiled)
        }
        _ => {
            let status = status.map_or_else(|| "it ended without an answer".to_owned(), |status| status.to_string());
            let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
            not_done(last.map_or_else(|| status.clone(), |last| format!("{status}: {last}")))
        }
    }
}

/// The error of a child that was refused these bytes of memory.
fn no_memory(bytes: u64, reason: String, compiling: &Compiling) -> Error {
    if is_short(bytes, compiling) {
        return not_done(reason);
    }
    let allowed = show_bytes(compiling.memory);
    over_limit(CompileLimit::Memory, format!("compiling it took more than {allowed} of memory"))
}

fn over_limit(limit: CompileLimit, reason: String) -> Error {
    Error::NotCompiled { limit, reason }
}

/// The error of a child that cannot be started, or breaks off. The class is not at fault.
fn not_done(reason: String) -> Error {
    Error::shortage("run the process that compiles classes", reason)
}

/// The bytes of an allocation whose failure ended the child, by the message of the standard
/// library.
fn refused_allocation(said: &str) -> Option<u64> {
    let (_, after) = said.split_once("memory allocation of ")?;
    after.split_once(" bytes failed")?.0.parse().ok()
}

/// The signal that ended a child.
#[derive(Debug, PartialEq, Eq)]
enum ExitSignal {
    None,
    Time,
    /// The child caused it.
    Crash(&'static str),
    /// It came from elsewhere: from a system that is short of memory, or from a user.
    Other,
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> ExitSignal {
    use std::os::unix::process::ExitStatusExt;

    use nix::sys::signal::Signal as Named;

    let Some(number) = status.signal() else { return ExitSignal::None };
    match Named::try_from(number) {
        Ok(Named::SIGXCPU) => ExitSignal::Time,
        Ok(crash @ (Named::SIGABRT | Named::SIGSEGV | Named::SIGILL | Named::SIGFPE | Named::SIGBUS)) => {
            ExitSignal::Crash(crash.as_str())
        }
        _ => ExitSignal::Other,
    }
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> ExitSignal {
    ExitSignal::None
}

/// Whether the machine refused these bytes, and not the limit: this process may not have so much
/// memory itself, or the child used far less than its limit.
#[cfg(unix)]
fn is_short(bytes: u64, compiling: &Compiling) -> bool {
    use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};

    let allowed = getrlimit(Resource::RLIMIT_AS).map_or(u64::MAX, |(soft, _)| soft);
    // of the largest child so far; in KiB, on some systems in bytes
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).map_or(u64::MAX, |usage| usage.max_rss().unsigned_abs());
    let used = if cfg!(target_os = "macos") { used } else { used.saturating_mul(1024) };
    allowed < address_space(compiling.memory) || used.saturating_add(bytes) < compiling.memory / 2
}

#[cfg(not(unix))]
fn is_short(_: u64, _: &Compiling) -> bool {
    true
}
