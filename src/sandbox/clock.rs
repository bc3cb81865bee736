//! How long a guest computes: the processor time of the thread that runs it.

use std::io;
use std::time::Duration;

/// Processor time that the calling thread has used so far. A thread that waits for a processor, and a process that is
/// stopped, use none.
#[cfg(unix)]
pub fn thread_time() -> io::Result<Duration> {
    let time = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID.now()?;
    Ok(time.into())
}

/// Where the system has no such clock, the time on the wall takes its place: a run then also pays for the time in which its
/// thread does not run.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "reading the clock can fail on other systems")]
pub fn thread_time() -> io::Result<Duration> {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Ok(START.elapsed())
}
