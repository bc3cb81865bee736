//! This program, started by itself.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use vactor::compile_for_parent;

/// The word by which this program has another process of it compile a class. It is no command: a person has no use for it.
pub const COMPILE: &str = "compile-for-parent";

/// The file of the running program on Linux, also where its name was removed or given to another file since.
pub const RUNNING: &str = "/proc/self/exe";

/// What starts this program once more; None where the system does not tell.
pub fn find() -> Option<PathBuf> {
    let running = Path::new(RUNNING);
    if running.exists() {
        return Some(running.to_owned());
    }
    let told = env::current_exe().ok().filter(|file| file.is_file());
    told.or_else(|| named(&env::args_os().next()?, &env::var_os("PATH").unwrap_or_default()))
}

/// The file that a shell means by a word.
fn named(word: &OsStr, path: &OsStr) -> Option<PathBuf> {
    let is_path = Path::new(word).parent().is_some_and(|folder| !folder.as_os_str().is_empty());
    let folders = if is_path { vec![PathBuf::new()] } else { env::split_paths(path).collect() };
    let files = folders.into_iter().map(|folder| folder.join(word));
    files.filter_map(|file| std::path::absolute(file).ok()).find(|file| is_program(file))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

/// The command by which this program has a class compiled.
pub fn compiling() -> Vec<OsString> {
    // what cannot be found cannot be started either, and the error of that says so
    let program = find().map_or_else(|| env::args_os().next().unwrap_or_default(), OsString::from);
    vec![program, COMPILE.into()]
}

/// Does what the process that started this one asks for, if it did.
pub fn compile_if_asked(words: &[OsString]) {
    if let [_, word] = words
        && word == COMPILE
    {
        take_name();
        compile_for_parent();
    }
}

/// Gives this process the name that it would have if it had been started by its path: one that was started by
/// `/proc/self/exe` is called `exe`.
pub fn take_name() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_name(c"vactor");
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn program_is_found_as_a_shell_finds_it() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, mode: u32| {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            path
        };
        let (program, _) = (file("vactor", 0o755), file("text", 0o644));
        let path = env::join_paths([Path::new("/nonexistent"), folder.path()]).unwrap();
        assert_eq!(named("vactor".as_ref(), &path), Some(program.clone()));
        assert_eq!(named(program.as_ref(), "".as_ref()), Some(program));
        for unknown in ["text", "other", "./vactor", ""] {
            assert_eq!(named(unknown.as_ref(), &path), None, "{unknown}");
        }
    }
}
