//! Watches of commits of other processes.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};

use crate::model::lock;
use crate::store::folder::file::File;

use super::types::Watch;

/// The period of a polling watch.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// Signals of this process's threads.
#[derive(Default)]
pub(super) struct Signals {
    count: Mutex<u64>,
    given: Condvar,
}

impl Signals {
    pub(super) fn count(&self) -> u64 {
        *lock(&self.count)
    }

    pub(super) fn give(&self) {
        *lock(&self.count) += 1;
        self.given.notify_all();
    }

    /// Waits until the count is not `seen`, for `left` at most.
    fn wait(&self, seen: u64, left: Duration) {
        drop(self.given.wait_timeout_while(lock(&self.count), left, |count| *count == seen));
    }
}

/// Watches a file that changes with each commit. Without a file, waits end at their deadlines and
/// at signals of this process.
pub(super) fn watch(file: Option<(PathBuf, File)>, signals: &Arc<Signals>) -> Box<dyn Watch> {
    #[cfg(target_os = "linux")]
    if let Some(watch) = file.as_ref().and_then(|(path, file)| inotify::InotifyWatch::new(path, file).ok()) {
        return Box::new(watch);
    }
    Box::new(PollingWatch::new(file.map(|(_, file)| file), signals.clone()))
}

/// Compares the file's time of modification. It sees commits of this process at once.
struct PollingWatch {
    file: Option<File>,
    signals: Arc<Signals>,
    seen: (Option<SystemTime>, u64),
    #[cfg(test)]
    polls: u32,
}

impl PollingWatch {
    fn new(file: Option<File>, signals: Arc<Signals>) -> PollingWatch {
        let mut watch = PollingWatch {
            file,
            signals,
            seen: (None, 0),
            #[cfg(test)]
            polls: 0,
        };
        watch.seen = watch.poll();
        watch
    }

    fn poll(&mut self) -> (Option<SystemTime>, u64) {
        #[cfg(test)]
        {
            self.polls += 1;
        }
        let signals = self.signals.count();
        (self.file.as_ref().and_then(|file| file.metadata().and_then(|data| data.modified()).ok()), signals)
    }
}

impl Watch for PollingWatch {
    fn wait(&mut self, deadline: Instant) {
        loop {
            let found = self.poll();
            let left = deadline.saturating_duration_since(Instant::now());
            if found != self.seen || left.is_zero() {
                self.seen = found;
                return;
            }
            self.signals.wait(found.1, left.min(POLL_EVERY));
        }
    }
}

#[cfg(target_os = "linux")]
mod inotify {
    use std::os::fd::{AsFd, AsRawFd};
    use std::path::Path;
    use std::time::{Duration, Instant};

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

    use crate::store::coordination::types::Watch;
    use crate::store::folder::file::File;

    /// Watches by events of the kernel.
    pub(super) struct InotifyWatch(Inotify);

    impl InotifyWatch {
        /// Watches the open file, also after a move of its folder. Without `/proc` it watches the
        /// path: a watch of another file costs latency only.
        pub(super) fn new(path: &Path, file: &File) -> nix::Result<InotifyWatch> {
            let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
            let open = format!("/proc/self/fd/{}", file.as_raw_fd());
            if inotify.add_watch(open.as_str(), AddWatchFlags::IN_MODIFY).is_err() {
                inotify.add_watch(path, AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_DONT_FOLLOW)?;
            }
            Ok(InotifyWatch(inotify))
        }

        /// Takes all pending events. Whether there was one.
        fn drain(&self) -> bool {
            let mut any = false;
            while self.0.read_events().is_ok_and(|events| !events.is_empty()) {
                any = true;
            }
            any
        }
    }

    impl Watch for InotifyWatch {
        fn wait(&mut self, deadline: Instant) {
            while !self.drain() {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return;
                }
                // rounded up, so that the last milliseconds are not spent in waits of 0 ms
                let left = (left + Duration::from_micros(999)).as_millis();
                let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
                let waited = poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], timeout);
                if waited.is_err_and(|error| error != Errno::EINTR) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polling_watch_looks_once_a_second() {
        let mut watch = PollingWatch::new(None, Arc::default());
        let before = watch.polls;
        watch.wait(Instant::now() + POLL_EVERY / 2);
        assert_eq!(watch.polls - before, 2, "before it waits, and at its deadline");
    }

    #[test]
    fn polling_watch_sees_commit_of_its_process() {
        let signals = Arc::new(Signals::default());
        let mut watch = PollingWatch::new(None, signals.clone());
        std::thread::scope(|scope| {
            scope.spawn(|| signals.give());
            // without the signal it would wait for an hour
            watch.wait(Instant::now() + Duration::from_secs(3600));
        });
        assert_eq!(watch.seen, (None, 1));
    }
}
