//! Processes of this machine, and their clock.

use std::time::Duration;

use crate::model::Process;

/// The start time of this process, in ticks since the machine started. It tells a process from a
/// later one with the same id. 0 if the system does not give it.
pub(in crate::store) fn start_of_this() -> u64 {
    stat(std::process::id()).map_or(0, |stat| stat.start)
}

/// The process with an id, if it lives and started at this time.
pub(in crate::store) fn living(pid: u32, start: u64) -> Option<Process> {
    match stat(pid) {
        Some(stat) if stat.start == start && !matches!(stat.state, 'Z' | 'X') => {
            Some(Process { pid, stopped: matches!(stat.state, 'T' | 't') })
        }
        Some(_) => None,
        None => (start == 0 && exists(pid)).then_some(Process { pid, stopped: false }),
    }
}

/// A clock that all processes of this machine share, and that no user can set.
pub(in crate::store) fn clock() -> Duration {
    #[cfg(unix)]
    let now = nix::time::ClockId::CLOCK_MONOTONIC.now().map(Duration::from).unwrap_or_default();
    #[cfg(not(unix))]
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    now
}

struct ProcessStat {
    state: char,
    start: u64,
}

/// The entry of a process in `/proc`. Its name, in brackets, may contain any character.
fn stat(pid: u32) -> Option<ProcessStat> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    Some(ProcessStat { state, start: fields.nth(18)?.parse().ok()? })
}

#[cfg(unix)]
fn exists(pid: u32) -> bool {
    use nix::errno::Errno;
    use nix::sys::signal::kill;
    use nix::unistd::Pid;
    i32::try_from(pid).is_ok_and(|pid| !matches!(kill(Pid::from_raw(pid), None), Err(Errno::ESRCH)))
}

#[cfg(not(unix))]
fn exists(_: u32) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn process_lives_only_with_its_own_start() {
        let (pid, start) = (std::process::id(), start_of_this());
        assert_eq!(living(pid, start), Some(Process { pid, stopped: false }));
        assert_eq!(living(pid, start + 1), None);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let start = stat(child.id()).map_or(1, |stat| stat.start);
        child.wait().unwrap();
        assert_eq!(living(child.id(), start), None);
    }
}
