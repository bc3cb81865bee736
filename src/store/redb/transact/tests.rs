//! Commits while another process has the header's lock.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use redb::{BackendError, StorageBackend};

use crate::model::{ActorId, ClassName, Error, Name};
use crate::store::redb::backend::disk::Disk;
use crate::store::redb::backend::handle::RedbHandle;
use crate::store::redb::redb_internals::HEADER;
use crate::store::{Mode, RedbStore, Store, deadline};

fn data(folder: &Path) -> File {
    File::options().read(true).write(true).open(folder.join("store.redb")).unwrap()
}

/// Locks the header as a reader does.
fn lock_header(data: &File) {
    let lock = libc::flock {
        l_type: libc::F_RDLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: HEADER as libc::off_t,
        l_pid: 0,
    };
    fcntl(data, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
}

/// A disk on which another process reads the header, from the end of the sync with this number on.
#[derive(Debug)]
struct ReadAfterSync {
    disk: Disk,
    reader: Arc<File>,
    syncs: Arc<AtomicU32>,
    at: u32,
}

impl StorageBackend for ReadAfterSync {
    fn sync_data(&self) -> io::Result<()> {
        self.disk.sync_data()?;
        if self.syncs.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            lock_header(&self.reader);
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.set_len(len)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.disk.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.disk.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.disk.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        panic!("the kernel waits for a lock");
    }

    fn lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        panic!("the kernel waits for a lock");
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.disk.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.disk.query_lock_range(start, end)
    }
}

/// Registers a class, which `has` finds.
fn write(store: &RedbStore, class: &str) -> Result<(), Error> {
    store.write(|writer| writer.register(&version(class)).map(drop))
}

fn version(class: &str) -> crate::store::NewVersion {
    crate::store::NewVersion {
        class: ClassName::new(class).unwrap(),
        hash: crate::model::Hash::of(class.as_bytes()),
        component: class.as_bytes().to_vec(),
        description: crate::model::Json::null(),
        at: crate::model::Timestamp::from_millis(1),
    }
}

fn has(store: &RedbStore, class: &str) -> bool {
    store.class(&ClassName::new(class).unwrap()).unwrap().is_some()
}

#[test]
fn commit_refused_before_its_header_is_durable_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = RedbStore::create(folder.path()).unwrap();
    let reader = data(folder.path());
    let refused = {
        let _now = deadline(Some(Instant::now()));
        store.write(|writer| {
            writer.register(&version("one"))?;
            lock_header(&reader);
            Ok(())
        })
    };
    assert_eq!(refused, Err(Error::StoreBusy { holder: None }));
    assert!(!has(&store, "one"));
    drop(reader);
    write(&store, "two").unwrap();
    assert!(has(&store, "two") && !has(&store, "one"));
    assert!(store.lock(&Name::from(&ActorId::new("a").unwrap()), None).unwrap().is_some());
}

#[test]
fn commit_refused_after_its_header_is_durable_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    RedbStore::create(folder.path()).unwrap();
    // each sync of a commit in turn; the last one makes the header durable
    for at in 1..=4 {
        let reader = Arc::new(data(folder.path()));
        let other = RedbStore::open(folder.path(), Mode::Write).unwrap();
        let store = RedbStore::of_backend("the store", Mode::Write);
        let syncs = Arc::new(AtomicU32::new(0));
        let disk = ReadAfterSync {
            disk: Disk::new(data(folder.path())).unwrap(),
            reader: reader.clone(),
            syncs: syncs.clone(),
            at,
        };
        let opened = RedbHandle::open(disk, true, &store.place, &store.lock_waits).unwrap();
        let store = store.with(opened);
        let class = format!("c{at}");
        let written = {
            let _now = deadline(Some(Instant::now()));
            write(&store, &class)
        };
        let late = RedbStore::open(folder.path(), Mode::Read).unwrap();
        assert_eq!([&other, &late].map(|store| has(store, &class)), [written.is_ok(); 2], "sync {at}: {written:?}");
        assert!(written.is_err() || has(&store, &class), "sync {at}");
        drop((store, reader));
        write(&other, &format!("d{at}")).unwrap();
        if syncs.load(Ordering::SeqCst) < at {
            break;
        }
    }
}
