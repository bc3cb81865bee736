//! This program, started by itself.

use std::ffi::OsString;
use std::path::Path;

use vactor::sandbox::compile_for_parent;

/// The word by which this program has another process of it compile a class. It is no command: a person has no use for it.
pub const COMPILE: &str = "compile-for-parent";

/// What starts this program once more, also where its file has been replaced or removed since.
pub fn this() -> OsString {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return running.into();
    }
    // without /proc what is left is the word by which it was started; a shell's search for it is made again
    std::env::current_exe().map_or_else(|_| std::env::args_os().next().unwrap_or_default(), OsString::from)
}

/// Does what the process that started this one asks for, if it did.
pub fn compile_if_asked(words: &[OsString]) {
    if let [_, word] = words
        && word == COMPILE
    {
        compile_for_parent();
    }
}
