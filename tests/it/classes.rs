//! Components of classes, built by `vactor build` once for all tests of a run.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The component of a class under `actors/`, such as `counter`.
#[track_caller]
pub fn component(name: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.get(name) {
        return path.clone();
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("actors").join(name);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.wasm"));
    build(&source, &path);
    built.insert(name.to_owned(), path.clone());
    path
}

/// Builds a class. Another process may build it at the same time, or read the result.
#[track_caller]
fn build(source: &Path, to: &Path) {
    let lock = File::create(to.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let fresh = to.with_extension("new");
    let output = builder().arg("build").arg(source).arg("-o").arg(&fresh).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::rename(&fresh, to).unwrap();
}

/// The binary with the environment that cargo needs.
pub fn builder() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vactor"));
    set_environment(&mut command);
    command
}

/// One target folder for all builds, one cache of compiled classes, and no settings of the user.
pub fn set_environment(command: &mut Command) -> &mut Command {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    command.env("CARGO_TARGET_DIR", folder.join("classes")).env("XDG_CACHE_HOME", folder.join("cache"));
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.as_encoded_bytes().starts_with(b"VACTOR_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null())
}
