//! The repeated announcement of a worker.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::model::{lock, wait_timeout};
use crate::store::AnnouncementGuard;

/// The time between two announcements.
const INTERVAL: Duration = Duration::from_secs(2);

/// Repeats an announcement until it is dropped.
pub struct Heartbeat {
    shared: Arc<RepeatedAnnouncement>,
    thread: Option<JoinHandle<()>>,
}

struct RepeatedAnnouncement {
    announcement: Box<dyn AnnouncementGuard>,
    has_ended: Mutex<bool>,
    end: Condvar,
}

impl Heartbeat {
    pub fn start(announcement: Box<dyn AnnouncementGuard>) -> Heartbeat {
        let shared = Arc::new(RepeatedAnnouncement { announcement, has_ended: Mutex::default(), end: Condvar::new() });
        let thread = thread::Builder::new().name("vactor-heart".to_owned()).stack_size(1 << 16);
        let of_thread = shared.clone();
        // without the thread, commands start another worker beside this one
        let thread = thread.spawn(move || of_thread.repeat()).ok();
        Heartbeat { shared, thread }
    }
}

impl RepeatedAnnouncement {
    fn repeat(&self) {
        let mut has_ended = lock(&self.has_ended);
        while !*has_ended {
            self.announcement.beat();
            has_ended = wait_timeout(&self.end, has_ended, INTERVAL);
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        *lock(&self.shared.has_ended) = true;
        self.shared.end.notify_all();
        // the thread has the announcement, too
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
