//! Seeing that another process committed.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::store::Watch;
use crate::store::folder::File;

/// How often a file is looked at where the system does not tell of changes.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Watches a file that changes with each commit. Without one, waits end at their deadlines alone.
pub(super) fn watch(file: Option<(PathBuf, File)>) -> Box<dyn Watch> {
    #[cfg(target_os = "linux")]
    if let Some(told) = file.as_ref().and_then(|(path, file)| told::Told::new(path, file).ok()) {
        return Box::new(told);
    }
    Box::new(Looking::new(file.map(|(_, file)| file)))
}

/// Looks at when the file changed last.
struct Looking {
    file: Option<File>,
    seen: Option<SystemTime>,
}

impl Looking {
    fn new(file: Option<File>) -> Looking {
        let mut looking = Looking { file, seen: None };
        looking.seen = looking.look();
        looking
    }

    fn look(&self) -> Option<SystemTime> {
        self.file.as_ref()?.metadata().and_then(|data| data.modified()).ok()
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
    use std::os::fd::{AsFd, AsRawFd};
    use std::path::Path;
    use std::time::{Duration, Instant};

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

    use crate::store::Watch;
    use crate::store::folder::File;

    /// Is told by the kernel.
    pub(super) struct Told(Inotify);

    impl Told {
        /// The file that is open is watched, wherever its folder is by now. Without `/proc`, what has its path: a watch on
        /// another file costs latency alone.
        pub(super) fn new(path: &Path, file: &File) -> nix::Result<Told> {
            let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
            let open = format!("/proc/self/fd/{}", file.as_raw_fd());
            if inotify.add_watch(open.as_str(), AddWatchFlags::IN_MODIFY).is_err() {
                inotify.add_watch(path, AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_DONT_FOLLOW)?;
            }
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
