//! Announcements in a file beside the data, in slots of one size. A process takes a slot by a lock,
//! and keeps it. The record of a slot is valid as long as its process lives. Slot 0 belongs to the
//! process that has redb's writer lock, so it needs no lock of its own.

use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::model::{Name, Process, lock};
use crate::store::folder::Folder;
use crate::store::folder::file::{File, Purpose, RUNNING};
use crate::store::folder::size::largest_file;
use crate::store::folder::write_at;
use crate::store::process::{clock, living, start_of_this};
use crate::store::program_version::ProgramVersion;

use super::lock_place::place_of;
use super::locks::LockGroup;
use super::types::{Announcement, AnnouncementGuard};

const SLOT: usize = 512;
/// The sum, and the length of the record.
const HEAD: usize = 10;
/// The largest number of announcements at one time.
const SLOTS: u32 = 4096;
/// The slot of the last process that had the writer's lock.
const WRITER: u32 = 0;

pub(super) struct Announcements {
    folder: Arc<Folder>,
    /// Open for writing; None if this user may not write to it.
    file: OnceLock<Option<File>>,
    /// The start time of this process.
    start: OnceLock<u64>,
    slots: Mutex<Slots>,
}

/// Slots that this process has taken.
#[derive(Default)]
struct Slots {
    locks: LockGroup,
    free: Vec<u32>,
    /// No slot below this one is free, except those in `free`.
    next: u32,
}

/// The record of a slot.
#[derive(Serialize, Deserialize)]
struct SlotRecord {
    pid: u32,
    start: u64,
    build: ProgramVersion,
    name: String,
    number: Option<u64>,
    /// The time when it was last repeated, in milliseconds of the machine's clock.
    beat: u64,
}

/// An announcement, until this is dropped.
pub(super) struct SlotAnnouncement {
    of: Arc<Announcements>,
    slot: u32,
    name: String,
    number: Option<u64>,
}

impl Announcements {
    pub fn new(folder: Arc<Folder>) -> Announcements {
        Announcements { folder, file: OnceLock::new(), start: OnceLock::new(), slots: Mutex::default() }
    }

    /// None if this process cannot announce anything.
    pub fn announce(self: &Arc<Self>, name: &str, number: Option<u64>) -> Option<SlotAnnouncement> {
        let slot = self.take_slot()?;
        let announcement = SlotAnnouncement { of: self.clone(), slot, name: name.to_owned(), number };
        announcement.beat();
        Some(announcement)
    }

    /// Announces that this process has the writer's lock.
    pub fn announce_writer(&self) {
        self.write(WRITER, "", None);
    }

    /// The last process that had the writer's lock, if it lives.
    pub fn writer(&self) -> Option<Process> {
        let records = self.read(1);
        let record = records.first()?;
        living(record.pid, record.start)
    }

    /// Announcements of living processes, with a name or with any.
    pub fn all(&self, name: Option<&str>) -> Vec<Announcement> {
        let now = clock();
        let mut found = self.read(SLOTS as usize);
        found.retain(|record| !record.name.is_empty() && name.is_none_or(|name| record.name == name));
        let announcement = |record: SlotRecord| {
            let process = living(record.pid, record.start)?;
            let age = now.saturating_sub(Duration::from_millis(record.beat));
            let SlotRecord { build, name, number, .. } = record;
            Some(Announcement { process, build, name: Name::new_unchecked(&name), number, age })
        };
        found.into_iter().filter_map(announcement).collect()
    }

    fn take_slot(&self) -> Option<u32> {
        let mut slots = lock(&self.slots);
        if let Some(free) = slots.free.pop() {
            return Some(free);
        }
        let first = slots.next.max(WRITER + 1);
        for slot in first..SLOTS {
            slots.next = slot + 1;
            if slots.locks.try_add(&self.folder, place_of(&format!("#slot {slot}"))).ok()? {
                return Some(slot);
            }
        }
        slots.next = first;
        None
    }

    fn write(&self, slot: u32, name: &str, number: Option<u64>) {
        let pid = std::process::id();
        let start = *self.start.get_or_init(start_of_this);
        let beat = u64::try_from(clock().as_millis()).unwrap_or(u64::MAX);
        let record = SlotRecord { pid, start, build: ProgramVersion::this(), name: name.to_owned(), number, beat };
        if let Some(bytes) = seal(&record) {
            self.write_bytes(slot, &bytes);
        }
    }

    /// Errors are ignored: an announcement is a hint.
    fn write_bytes(&self, slot: u32, bytes: &[u8]) {
        let file = self.file.get_or_init(|| self.folder.open_or_make(RUNNING, Purpose::Writing).ok());
        let at = u64::from(slot) * SLOT as u64;
        if let Some(file) = file
            && at + SLOT as u64 <= largest_file()
        {
            let _ = write_at(file, bytes, at);
        }
    }

    /// The records of the first slots, without empty slots. A file that cannot be used has none.
    fn read(&self, slots: usize) -> Vec<SlotRecord> {
        let Ok(Some(file)) = self.folder.find_file(RUNNING) else { return Vec::new() };
        let mut bytes = Vec::new();
        let _ = file.take((slots * SLOT) as u64).read_to_end(&mut bytes);
        bytes.chunks(SLOT).filter_map(unseal).collect()
    }
}

impl AnnouncementGuard for SlotAnnouncement {
    fn beat(&self) {
        self.of.write(self.slot, &self.name, self.number);
    }
}

impl Drop for SlotAnnouncement {
    fn drop(&mut self) {
        self.of.write_bytes(self.slot, &[0; HEAD]);
        lock(&self.of.slots).free.push(self.slot);
    }
}

/// None if it is too long.
fn seal(record: &SlotRecord) -> Option<Vec<u8>> {
    let body = rmp_serde::to_vec(record).ok()?;
    let length = u16::try_from(body.len()).ok().filter(|length| usize::from(*length) + HEAD <= SLOT)?;
    let sealed = [&length.to_be_bytes()[..], &body].concat();
    Some([&xxh3_64(&sealed).to_be_bytes()[..], &sealed].concat())
}

/// The record of a slot, if its sum is right.
fn unseal(slot: &[u8]) -> Option<SlotRecord> {
    let (sum, rest) = slot.split_at_checked(8)?;
    let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
    let sealed = rest.get(..length + 2)?;
    if sum != xxh3_64(sealed).to_be_bytes() {
        return None;
    }
    let record: SlotRecord = rmp_serde::from_slice(&sealed[2..]).ok()?;
    (record.pid > 0 && i32::try_from(record.pid).is_ok()).then_some(record)
}

/// Stands for an announcement that could not be made.
pub(super) struct NoAnnouncement;

impl AnnouncementGuard for NoAnnouncement {
    fn beat(&self) {}
}
