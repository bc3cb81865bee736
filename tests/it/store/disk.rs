//! Disks in memory.

use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use redb::{BackendError, StorageBackend};

/// An operation on a disk.
#[derive(Clone)]
pub enum Op {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
    /// The store acknowledged this much.
    Acknowledged(usize),
}

/// A disk in memory, for one process. Clones share it.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    bytes: Vec<u8>,
    ops: Vec<Op>,
    /// The capacity in bytes.
    room: Option<u64>,
}

impl Disk {
    pub fn holding(bytes: Vec<u8>) -> Disk {
        let disk = Disk::default();
        disk.0.lock().unwrap().bytes = bytes;
        disk
    }

    pub fn ops(&self) -> Vec<Op> {
        self.0.lock().unwrap().ops.clone()
    }

    /// The number of operations.
    pub fn happened(&self) -> usize {
        self.0.lock().unwrap().ops.len()
    }

    pub fn acknowledge(&self, done: usize) {
        self.0.lock().unwrap().ops.push(Op::Acknowledged(done));
    }

    /// Sets the capacity.
    pub fn fill(&self, room: Option<u64>) {
        self.0.lock().unwrap().room = room;
    }

    pub fn len(&self) -> u64 {
        self.0.lock().unwrap().bytes.len() as u64
    }
}

impl Inner {
    fn grow(&mut self, length: u64) -> io::Result<()> {
        if self.room.is_some_and(|room| length > room) {
            return Err(ErrorKind::StorageFull.into());
        }
        if length > self.bytes.len() as u64 {
            self.bytes.resize(length as usize, 0);
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(Disk::len(self))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inner = self.0.lock().unwrap();
        let from = inner.bytes.get(offset as usize..).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(from.get(..out.len()).ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        inner.grow(len)?;
        inner.bytes.truncate(len as usize);
        inner.ops.push(Op::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.lock().unwrap().ops.push(Op::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        inner.grow(offset + data.len() as u64)?;
        inner.bytes[offset as usize..][..data.len()].copy_from_slice(data);
        inner.ops.push(Op::Write(offset, data.to_vec()));
        Ok(())
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(false)
    }
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a disk in memory")
    }
}
