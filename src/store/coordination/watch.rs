//! Seeing that another process committed.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::store::Watch;
use crate::store::folder::File;

/// How often a file is looked at where the system does not tell of changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Signals that threads of this process gave.
#[derive(Default)]
pub(super) struct Signals {
    count: Mutex<u64>,
    given: Condvar,
}

impl Signals {
    pub(super) fn count(&self) -> u64 {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn give(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.given.notify_all();
    }

    /// Waits until there are others than so many, for a while at most.
    fn wait(&self, seen: u64, left: Duration) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.given.wait_timeout_while(count, left, |count| *count == seen));
    }
}

/// Watches a file that changes with each commit. Without one, waits end at their deadlines and at signals of this process.
pub(super) fn watch(file: Option<(PathBuf, File)>, signals: &Arc<Signals>) -> Box<dyn Watch> {
    #[cfg(target_os = "linux")]
    if let Some(told) = file.as_ref().and_then(|(path, file)| inotify::InotifyWatch::new(path, file).ok()) {
        return Box::new(told);
    }
    Box::new(PollingWatch::new(file.map(|(_, file)| file), signals.clone()))
}

/// Looks at when the file changed last. What this process commits it sees at once.
struct PollingWatch {
    file: Option<File>,
    signals: Arc<Signals>,
    seen: (Option<SystemTime>, u64),
    #[cfg(test)]
    looks: u32,
}

impl PollingWatch {
    fn new(file: Option<File>, signals: Arc<Signals>) -> PollingWatch {
        let mut watch = PollingWatch {
            file,
            signals,
            seen: (None, 0),
            #[cfg(test)]
            looks: 0,
        };
        watch.seen = watch.look();
        watch
    }

    fn look(&mut self) -> (Option<SystemTime>, u64) {
        #[cfg(test)]
        {
            self.looks += 1;
        }
        let signals = self.signals.count();
        (self.file.as_ref().and_then(|file| file.metadata().and_then(|data| data.modified()).ok()), signals)
    }
}

impl Watch for PollingWatch {
    fn wait(&mut self, deadline: Instant) {
        loop {
            let found = self.look();
            let left = deadline.saturating_duration_since(Instant::now());
            if found != self.seen || left.is_zero() {
                self.seen = found;
                return;
            }
            self.signals.wait(found.1, left.min(LOOK_EVERY));
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

    use crate::store::Watch;
    use crate::store::folder::File;

    /// Is told by the kernel.
    pub(super) struct InotifyWatch(Inotify);

    impl InotifyWatch {
        /// The file that is open is watched, wherever its folder is by now. Without `/proc`, what has its path: a watch on
        /// another file costs latency alone.
        pub(super) fn new(path: &Path, file: &File) -> nix::Result<InotifyWatch> {
            let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
            let open = format!("/proc/self/fd/{}", file.as_raw_fd());
            if inotify.add_watch(open.as_str(), AddWatchFlags::IN_MODIFY).is_err() {
                inotify.add_watch(path, AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_DONT_FOLLOW)?;
            }
            Ok(InotifyWatch(inotify))
        }

        /// Takes what the kernel told so far; whether there was something.
        fn drain(&self) -> bool {
            let mut told = false;
            while self.0.read_events().is_ok_and(|events| !events.is_empty()) {
                told = true;
            }
            told
        }
    }

    impl Watch for InotifyWatch {
        fn wait(&mut self, deadline: Instant) {
            while !self.drain() {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return;
                }
                // rounded up, so that the last wait is not cut into many of none
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
    fn waiter_that_is_not_told_looks_once_a_second_at_most() {
        let mut watch = PollingWatch::new(None, Arc::default());
        let before = watch.looks;
        watch.wait(Instant::now() + LOOK_EVERY / 2);
        assert_eq!(watch.looks - before, 2, "before it waits, and at its deadline");
    }

    #[test]
    fn waiter_that_is_not_told_sees_a_commit_of_its_process() {
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
