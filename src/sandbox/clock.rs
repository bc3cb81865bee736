//! The computing time of a guest: the processor time of the thread that runs it.

use std::io;
use std::time::Duration;

/// The processor time of the calling thread so far. A thread that waits for a processor uses none,
/// and neither does a stopped process.
#[cfg(unix)]
pub fn thread_time() -> io::Result<Duration> {
    let time = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID.now()?;
    Ok(time.into())
}

/// If the system has no such clock, wall time takes its place: the time in which the thread does
/// not run counts, too.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "reading the clock can fail on other systems")]
pub fn thread_time() -> io::Result<Duration> {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Ok(START.elapsed())
}
