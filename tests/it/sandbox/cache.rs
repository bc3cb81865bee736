//! Compiled code is cached for later processes, and ignored if other users could have written it.
#![cfg(unix)]

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use vactor::model::{Error, Hash};
use vactor::sandbox::{Aborted, Cache, NotKept, Sandbox, StopSignal};

use super::World;
use crate::raw::{NULL, RawClass};

struct Place {
    folder: TempDir,
    component: Vec<u8>,
}

impl Place {
    fn new() -> Place {
        Place { folder: TempDir::new().unwrap(), component: RawClass::new().mutation("go", NULL).build() }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("deep/vactor")
    }

    /// Runs the class as a new process does. True if it was compiled.
    fn compiles(&self) -> bool {
        self.run(Cache::at(self.cache())).0
    }

    /// Runs the class as a new process does. Whether it was compiled, and the reasons for which it
    /// was not cached.
    fn run(&self, cache: Cache) -> (bool, Vec<NotKept>) {
        let (mut asked, mut compiled) = (false, false);
        let component = || {
            asked = true;
            Ok(&self.component)
        };
        let (told, not_kept) = mpsc::channel();
        let sandbox = Sandbox::new(cache).on_not_kept(move |not_kept| told.send(not_kept.clone()).unwrap());
        let class = sandbox
            .class(&Hash::of(&self.component), component, (&StopSignal::default()).into(), &mut || compiled = true)
            .unwrap();
        assert!(World::new().mutate(&class, "go").outcome.is_ok());
        assert_eq!(asked, compiled);
        (compiled, not_kept.try_iter().collect())
    }

    fn entries(&self) -> Vec<PathBuf> {
        fs::read_dir(self.cache()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn entry(&self) -> PathBuf {
        let entries = self.entries();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0].clone()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn class_is_compiled_once_for_all_processes() {
    let place = Place::new();
    assert!(place.compiles());
    assert!(!place.compiles());
    let entry = place.entry();
    assert_eq!((mode(&place.cache()), mode(&entry)), (0o700, 0o600));
    let name = entry.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(&Hash::of(&place.component).to_string()) && name.contains("-48."), "{name}");
}

#[test]
fn damaged_entry_is_compiled_again() {
    let place = Place::new();
    place.compiles();
    let entry = place.entry();
    let whole = fs::read(&entry).unwrap();
    for damaged in [&whole[..0], &whole[..whole.len() / 2], &[b"text".as_slice(), &whole].concat()] {
        fs::remove_file(&entry).unwrap();
        fs::write(&entry, damaged).unwrap();
        fs::set_permissions(&entry, Permissions::from_mode(0o600)).unwrap();
        assert!(place.compiles());
        assert!(!place.compiles());
    }
}

#[test]
fn entry_of_other_settings_is_ignored() {
    // under the right name, as if it had been renamed
    let place = Place::new();
    place.compiles();
    let entry = place.entry();
    let mut code = fs::read(&entry).unwrap();
    let mark = code.windows(7).position(|bytes| bytes == b"48.0.8/").expect("the version stands in the code");
    code[mark + 7] += 1;
    fs::remove_file(&entry).unwrap();
    fs::write(&entry, &code).unwrap();
    fs::set_permissions(&entry, Permissions::from_mode(0o600)).unwrap();
    assert!(place.compiles());
}

#[test]
fn entry_writable_by_others_is_ignored() {
    let place = Place::new();
    place.compiles();
    for (path, open, closed) in [(place.cache(), 0o755, 0o700), (place.entry(), 0o660, 0o600)] {
        fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
        assert!(place.compiles(), "{path:?}");
        fs::set_permissions(&path, Permissions::from_mode(closed)).unwrap();
        assert!(!place.compiles(), "{path:?}");
    }
    // a link to a file outside of the folder
    let (entry, elsewhere) = (place.entry(), place.folder.path().join("elsewhere"));
    fs::rename(&entry, &elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    assert!(place.compiles());
}

#[test]
fn unusable_cache_reports_reason_once() {
    let place = Place::new();
    let folder = place.cache();
    // a file in the place of the folder
    fs::write(place.folder.path().join("deep"), "a file").unwrap();
    let refused = |part: &str| {
        let (compiled, not_kept) = place.run(Cache::at(&folder));
        let [NotKept::Unusable { folder: named, reason }] = &not_kept[..] else { panic!("{not_kept:?}") };
        assert!(compiled && *named == folder && reason.contains(part), "{reason}");
    };
    refused("it cannot be made: ");
    refused("it cannot be made: ");
    fs::remove_file(place.folder.path().join("deep")).unwrap();
    assert_eq!(place.run(Cache::at(&folder)), (true, vec![]));
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    refused("its mode is 755, and `chmod 700` closes it");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    assert_eq!(place.run(Cache::at(&folder)), (false, vec![]));
    // a folder in the place of the entry
    fs::remove_file(place.entry()).unwrap();
    let name = Hash::of(&place.component).to_string();
    assert_eq!(place.run(Cache::none()), (true, vec![]));
    assert_eq!(place.run(Cache::at(&folder)), (true, vec![]));
    let entry = place.entry();
    assert!(entry.to_str().unwrap().contains(&name));
    fs::remove_file(&entry).unwrap();
    fs::create_dir(&entry).unwrap();
    refused("it cannot be written: ");
}

#[test]
fn cache_of_other_user_is_reported_as_such() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    fs::create_dir_all(place.cache()).unwrap();
    std::os::unix::fs::chown(place.cache(), Some(65534), None).unwrap();
    let (compiled, not_kept) = place.run(Cache::at(place.cache()));
    assert!(
        compiled && not_kept[0].to_string().contains("it belongs to user 65534, and this is user 0"),
        "{not_kept:?}"
    );
}

#[test]
fn unused_entries_are_removed_on_write() {
    let place = Place::new();
    place.compiles();
    let days = |days: u64| SystemTime::now() - Duration::from_secs(days * 24 * 3600);
    let put = |name: &str, age: u64| {
        let path = place.cache().join(name);
        let file = File::create(&path).unwrap();
        file.set_times(FileTimes::new().set_modified(days(age)).set_accessed(days(age))).unwrap();
        path
    };
    let old = [put("a.compiled", 91), put("b.compiled.17", 2)];
    let young = [put("c.compiled", 89), put("d.compiled.18", 0), put("notes.txt", 1000)];
    fs::remove_file(place.entries().iter().find(|path| path.to_str().unwrap().contains("-48.")).unwrap()).unwrap();
    assert!(place.compiles());
    assert!(old.iter().all(|path| !path.exists()) && young.iter().all(|path| path.exists()));
}

#[test]
fn component_with_other_hash_is_damage() {
    let sandbox = Sandbox::new(Cache::none());
    let error = sandbox
        .class(&Hash::of(b"other"), || Ok(RawClass::new().build()), (&StopSignal::default()).into(), &mut || ())
        .err()
        .unwrap();
    assert!(matches!(error, Aborted::Failed(Error::Damaged { .. })), "{error:?}");
}
