//! A folder in which vactor runs, and its output.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::raw::RawClass;

pub mod lock;

/// An empty folder for vactor, without settings of the user.
pub struct Vactor {
    folder: TempDir,
}

/// How a run of vactor ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Vactor {
    pub fn new() -> Vactor {
        Vactor { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with a store that has this class.
    pub fn with(name: &str, class: &RawClass) -> Vactor {
        let vactor = Vactor::new();
        vactor.write("class", class.build());
        vactor.run(["register", name, "class"]).ok();
        vactor
    }

    /// A path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The binary, without arguments.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vactor"));
        command.env_clear().envs(self.environment()).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Its environment: a home of its own, and the variables by which classes are built.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let passed = ["PATH", "CARGO_HOME", "RUSTUP_HOME", "CARGO_ENCODED_RUSTFLAGS"];
        let passed = passed.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let home = self.folder.path().as_os_str().to_owned();
        passed.chain([("HOME", home), ("XDG_CACHE_HOME", cache().into_os_string())]).collect()
    }

    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Ran {
        Ran::from(self.command().args(args).output().unwrap())
    }

    /// Runs a line of words without quotes.
    pub fn line(&self, line: &str) -> Ran {
        self.run(line.split_whitespace())
    }

    /// Runs it with this text on stdin.
    pub fn fed<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>, stdin: impl AsRef<[u8]>) -> Ran {
        let mut command = self.command();
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // it may end before it reads its input
        let _ = child.stdin.take().unwrap().write_all(stdin.as_ref());
        Ran::from(child.wait_with_output().unwrap())
    }

    /// The binary as another user, in no group but one with the user's number; without root as the
    /// current user. It is a copy beside the store, because other users may have no access to the
    /// target folder. A process of its own writes the copy: a child that another test starts may
    /// inherit files that this process has open for writing, and such a file cannot be executed.
    #[cfg(unix)]
    pub fn command_as(&self, user: u32) -> Command {
        let binary = self.path("binary");
        if !binary.exists() {
            let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_vactor")).arg(&binary).status();
            assert!(copied.unwrap().success());
        }
        as_user(Command::new(binary), self, user)
    }

    /// Runs a line of words without quotes as another user.
    #[cfg(unix)]
    pub fn line_as(&self, user: u32, line: &str) -> Ran {
        Ran::from(self.command_as(user).args(line.split_whitespace()).output().unwrap())
    }

    /// A shell with a script as another user; `$VACTOR` is the binary.
    #[cfg(unix)]
    pub fn shell_as(&self, user: u32, script: &str) -> Command {
        let mut shell = as_user(Command::new("bash"), self, user);
        shell.args(["-c", script]).env("VACTOR", self.command_as(user).get_program());
        shell
    }

    #[cfg(unix)]
    pub fn script_as(&self, user: u32, script: &str) -> Ran {
        Ran::from(self.shell_as(user, script).output().unwrap())
    }

    /// Starts it, stdout and stderr as pipes.
    pub fn start<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Child {
        self.command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// A command with the environment of [`Vactor::command`] and without a cache, because other users
/// have no access to the common one.
#[cfg(unix)]
fn as_user(mut command: Command, vactor: &Vactor, user: u32) -> Command {
    use std::os::unix::process::CommandExt;
    command.env_clear().envs(vactor.environment()).current_dir(vactor.path(".")).stdin(Stdio::null());
    command.env("XDG_CACHE_HOME", "/nonexistent");
    if nix::unistd::geteuid().is_root() {
        command.uid(user).gid(user);
    }
    command
}

/// One cache of compiled classes for all tests, keyed by the bytes of the classes.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            // a signal becomes the exit code of a shell
            code: output.status.code().unwrap_or_else(|| 128 + ended_by(&output)),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

#[cfg(unix)]
fn ended_by(output: &Output) -> i32 {
    std::os::unix::process::ExitStatusExt::signal(&output.status).unwrap_or_default()
}

#[cfg(not(unix))]
fn signal(_: &Output) -> i32 {
    0
}

/// Sends a signal, such as `INT`.
#[cfg(unix)]
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

impl Ran {
    /// Its stdout. Asserts success.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    /// Its stderr. Asserts the exit code, and that it printed nothing.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:?}");
        assert!(!self.stderr.contains("panicked at"), "{self:?}");
        self.stderr
    }

    /// As [`fails`](Ran::fails). Asserts the error and the hint.
    #[track_caller]
    pub fn refuses(self, code: i32, error: &str, hint: &str) {
        let said = self.fails(code);
        let has = |word: &str, text: &str| said.lines().any(|line| line.starts_with(word) && line.contains(text));
        assert!(has("error: ", error), "no error with {error:?} in:\n{said}");
        assert!(hint.is_empty() || has("hint: ", hint), "no hint with {hint:?} in:\n{said}");
    }
}
