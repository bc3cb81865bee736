//! Starting this program once more.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use vactor::compile_for_parent;

/// The argument of the process that compiles a class for its parent. It is not a command for users.
pub const COMPILE: &str = "compile-for-parent";

/// The file of the running program on Linux, even if its name was removed or now names another
/// file.
pub const RUNNING: &str = "/proc/self/exe";

/// The file of this program; None if the system does not know it.
pub fn find() -> Option<PathBuf> {
    let running = Path::new(RUNNING);
    if running.exists() {
        return Some(running.to_owned());
    }
    let known = env::current_exe().ok().filter(|file| file.is_file());
    known.or_else(|| named(&env::args_os().next()?, &env::var_os("PATH").unwrap_or_default()))
}

/// The file that a shell would run for a word.
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

/// The command that compiles a class.
pub fn compiling() -> Vec<OsString> {
    // if the file is not found, the start fails with an error
    let program = find().map_or_else(|| env::args_os().next().unwrap_or_default(), OsString::from);
    vec![program, COMPILE.into()]
}

/// If this process was started to compile a class, compiles it and ends.
pub fn compile_if_requested(words: &[OsString]) {
    if let [_, word] = words
        && word == COMPILE
    {
        take_name();
        compile_for_parent();
    }
}

/// Names this process `vactor`. A process that was started by `/proc/self/exe` is named `exe`.
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
