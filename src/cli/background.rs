//! Starting this program as a process that stays when the one that starts it has ended. It has nothing of its starter: not
//! its descriptors, folder, session, signals or settings.

use std::ffi::OsStr;
use std::fs::File;
use std::io;

use crate::cli::program;

/// The variables that such a process has: what it takes to start the program, and to find the user's cache.
const KEPT: [&str; 4] = ["HOME", "LD_LIBRARY_PATH", "PATH", "XDG_CACHE_HOME"];

/// Starts it with these words; its stderr is the file, if there is one. When this returns, the process has none of the
/// descriptors of this one, also if it has not come to run.
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

    /// As many descriptors are closed where the system does not list those that are open.
    const MANY: u64 = 1 << 12;

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

    /// Nothing is open but 0, 1 and 2.
    fn actions(null: &File, stderr: Option<&File>) -> nix::Result<PosixSpawnFileActions> {
        let mut actions = PosixSpawnFileActions::init()?;
        for (standard, file) in [null, null, stderr.unwrap_or(null)].into_iter().enumerate() {
            actions.add_dup2(file.as_raw_fd(), standard as RawFd)?;
        }
        for descriptor in descriptors().filter(|descriptor| *descriptor > 2) {
            // one over the limit of descriptors is refused here, and was opened before the limit was lowered
            let _ = actions.add_close(descriptor);
        }
        Ok(actions)
    }

    /// All that may be open. Closing what is not open does nothing.
    fn descriptors() -> Box<dyn Iterator<Item = RawFd>> {
        match fs::read_dir("/proc/self/fd") {
            Ok(entries) => Box::new(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())),
            Err(_) => {
                let most = getrlimit(Resource::RLIMIT_NOFILE).map_or(MANY, |(soft, _)| soft.min(MANY));
                Box::new(0..most as RawFd)
            }
        }
    }

    /// A session of its own, out of reach of the terminal, and no signal blocked or ignored.
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

    /// Does it in the folder `/`, and comes back: the new process begins where this one is.
    fn in_root<T>(spawn: impl FnOnce() -> nix::Result<T>) -> io::Result<T> {
        let here = open(".", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
        let Ok(here) = here else { return Ok(spawn()?) };
        env::set_current_dir("/")?;
        let spawned = spawn();
        nix::unistd::fchdir(&here)?;
        Ok(spawned?)
    }
}

/// Elsewhere, what the standard library can keep from the new process.
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
            // out of reach of the terminal's Ctrl-C
            command.env_clear().envs(variables).current_dir("/").process_group(0);
        }
        // other systems have variables without which no program starts
        #[cfg(not(unix))]
        drop(variables);
        command.spawn().map(drop)
    }
}
