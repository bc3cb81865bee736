//! Starts this program as a process that outlives this one. It inherits no descriptors, folder,
//! session, signal settings or variables, but for those of [`KEPT`].

use std::ffi::OsStr;
use std::fs::File;
use std::io;

use crate::cli::output::trace;
use crate::cli::program;

/// The variables that the process inherits: those that start the program and find the user's cache,
/// and the level of the log.
const KEPT: [&str; 5] = ["HOME", "LD_LIBRARY_PATH", "PATH", "XDG_CACHE_HOME", trace::VARIABLE];

/// Starts the program with these arguments and this stderr. When it returns, the new process has
/// none of the descriptors of this one, even if it does not run yet.
pub fn start(words: &[&OsStr], stderr: Option<&File>) -> io::Result<()> {
    let program = program::find().ok_or_else(|| io::Error::other("the file of this program is not found"))?;
    let kept = KEPT.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
    system::start(&program, words, kept, stderr)
}

#[cfg(target_os = "linux")]
mod system {
    use std::env;
    use std::ffi::{CString, OsStr, OsString};
    use std::fs::{self, File};
    use std::io;
    use std::os::fd::{AsRawFd, RawFd};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::Path;

    use nix::fcntl::{OFlag, open};
    use nix::libc;
    use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
    use nix::sys::resource::{Resource, getrlimit};
    use nix::sys::signal::{SigSet, Signal};
    use nix::sys::stat::Mode;

    use crate::cli::program;

    /// How many descriptors are closed if the system does not list the open ones.
    const MOST_DESCRIPTORS: u64 = 1 << 12;

    pub fn start(
        program: &Path,
        words: &[&OsStr],
        variables: impl Iterator<Item = (&'static str, OsString)>,
        stderr: Option<&File>,
    ) -> io::Result<()> {
        // without /proc, the process finds its program by the first word
        let name = if program == Path::new(program::RUNNING) { OsStr::new("vactor") } else { program.as_os_str() };
        let words = [name].into_iter().chain(words.iter().copied());
        let words: Vec<_> = words.map(|word| CString::new(word.as_bytes())).collect::<Result<_, _>>()?;
        let variable =
            |(name, value): (&str, OsString)| CString::new([name.as_bytes(), b"=", &value.into_vec()].concat());
        let variables: Vec<_> = variables.map(variable).collect::<Result<_, _>>()?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let (actions, attributes) = (actions(&null, stderr)?, attributes()?);
        in_root(|| posix_spawn(program, &actions, &attributes, &words, &variables))?;
        Ok(())
    }

    /// Opens 0, 1 and 2, and closes all others.
    fn actions(null: &File, stderr: Option<&File>) -> nix::Result<PosixSpawnFileActions> {
        let mut actions = PosixSpawnFileActions::init()?;
        for (standard, file) in [null, null, stderr.unwrap_or(null)].into_iter().enumerate() {
            actions.add_dup2(file.as_raw_fd(), standard as RawFd)?;
        }
        for descriptor in descriptors().filter(|descriptor| *descriptor > 2) {
            // a descriptor over the limit was opened before the limit was lowered, and is refused
            // here
            let _ = actions.add_close(descriptor);
        }
        Ok(actions)
    }

    /// All descriptors that may be open. To close another one is harmless.
    fn descriptors() -> Box<dyn Iterator<Item = RawFd>> {
        match fs::read_dir("/proc/self/fd") {
            Ok(entries) => Box::new(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())),
            Err(_) => {
                let most =
                    getrlimit(Resource::RLIMIT_NOFILE).map_or(MOST_DESCRIPTORS, |(soft, _)| soft.min(MOST_DESCRIPTORS));
                Box::new(0..most as RawFd)
            }
        }
    }

    /// A session of its own, so that the terminal does not signal it, and no signal blocked or
    /// ignored.
    fn attributes() -> nix::Result<PosixSpawnAttr> {
        let mut attributes = PosixSpawnAttr::init()?;
        let mut all = SigSet::all();
        all.remove(Signal::SIGKILL);
        all.remove(Signal::SIGSTOP);
        attributes.set_sigdefault(&all)?;
        attributes.set_sigmask(&SigSet::empty())?;
        let session = PosixSpawnFlags::from_bits_retain(libc::POSIX_SPAWN_SETSID.into());
        attributes
            .set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | session)?;
        Ok(attributes)
    }

    /// Calls `spawn` in the folder `/`: the new process begins in the folder of this one.
    fn in_root<T>(spawn: impl FnOnce() -> nix::Result<T>) -> io::Result<T> {
        let here = open(".", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
        let Ok(here) = here else { return Ok(spawn()?) };
        env::set_current_dir("/")?;
        let spawned = spawn();
        nix::unistd::fchdir(&here)?;
        Ok(spawned?)
    }
}

/// On other systems, as far as the standard library can do it.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::ffi::{OsStr, OsString};
    use std::fs::File;
    use std::io;
    use std::path::Path;
    use std::process::{Command, Stdio};

    pub fn start(
        program: &Path,
        words: &[&OsStr],
        variables: impl Iterator<Item = (&'static str, OsString)>,
        stderr: Option<&File>,
    ) -> io::Result<()> {
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(stderr.map(File::try_clone).transpose()?.map_or_else(Stdio::null, Stdio::from));
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // the terminal's Ctrl-C does not reach another process group
            command.env_clear().envs(variables).current_dir("/").process_group(0);
        }
        // other systems have variables that every program needs
        #[cfg(not(unix))]
        drop(variables);
        command.spawn().map(drop)
    }
}
