//! Seeing that another process committed.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::store::Watch;

/// How often a file is looked at where the system does not tell of changes.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Watches a file that changes with each commit.
pub(super) fn watch(file: &Path) -> Box<dyn Watch> {
    #[cfg(target_os = "linux")]
    if let Ok(told) = told::Told::new(file) {
        return Box::new(told);
    }
    Box::new(Looking::new(file))
}

/// Looks at when the file changed last.
struct Looking {
    file: PathBuf,
    seen: Option<SystemTime>,
}

impl Looking {
    fn new(file: &Path) -> Looking {
        let mut looking = Looking { file: file.to_owned(), seen: None };
        looking.seen = looking.look();
        looking
    }

    fn look(&self) -> Option<SystemTime> {
        self.file.metadata().and_then(|data| data.modified()).ok()
    }
}

impl Watch for Looking {
    fn wait(&mut self, deadline: Instant) {
        loop {
            let found = self.look();
            let left = deadline.saturating_duration_since(Instant::now());
            if found != self.seen || left.is_zero() {
                self.seen = found;
                return;
            }
            thread::sleep(left.min(LOOK_EVERY));
        }
    }
}

#[cfg(target_os = "linux")]
mod told {
    use std::os::fd::AsFd;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

    use crate::store::Watch;

    /// Is told by the kernel.
    pub(super) struct Told(Inotify);

    impl Told {
        pub(super) fn new(file: &Path) -> nix::Result<Told> {
            let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
            inotify.add_watch(file, AddWatchFlags::IN_MODIFY)?;
            Ok(Told(inotify))
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

    impl Watch for Told {
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
