//! Processes of the real binary on one store, which are killed by SIGKILL at random moments.
#![cfg(unix)]

use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vactor::Engine;
use vactor::engine::Settings;
use vactor::sandbox::{Cache, Sandbox};
use vactor::store::{Mode, RedbStore};

use crate::support::Vactor;

/// A process that has not ended by then is stuck.
const STUCK: Duration = Duration::from_mins(10);

/// After so many workers with `--until-idle`, one after the other, the last has found nothing to
/// run.
const WORKERS: usize = 100;

pub struct KilledProcesses {
    pub vactor: Vactor,
    killed: AtomicU64,
    /// The number of detached workers among them.
    detached: AtomicU64,
    /// The mean life of a process that is not killed, in microseconds.
    lifetime: AtomicU64,
}

/// How a process ended.
pub struct Ended {
    args: Vec<String>,
    stdout: String,
    stderr: String,
    pub killed: bool,
    pub code: Option<i32>,
}

/// The number of processes to kill.
pub fn goal(otherwise: u64) -> u64 {
    std::env::var("VACTOR_KILLS").map_or(otherwise, |kills| kills.parse().unwrap())
}

/// Plays rounds of kills up to the goal, and further rounds until all expected things were seen, up
/// to ten times the goal.
pub fn rounds(goal: u64, round: u64, mut play: impl FnMut(u64), has_seen_all: impl Fn() -> bool) {
    let mut until = 0;
    while until < goal || !has_seen_all() && until < 10 * goal {
        until += if until < goal { round.min(goal - until) } else { round };
        play(until);
    }
}

impl Default for KilledProcesses {
    fn default() -> KilledProcesses {
        KilledProcesses {
            vactor: Vactor::new(),
            killed: AtomicU64::new(0),
            detached: AtomicU64::new(0),
            lifetime: AtomicU64::new(50_000),
        }
    }
}

impl KilledProcesses {
    /// Runs so many processes at a time until `until` were killed in all.
    pub fn play(&self, processes: usize, until: u64, random: &mut Rng, one: impl Fn(&mut Rng) + Sync) {
        thread::scope(|scope| {
            for _ in 0..processes {
                let (mut random, one) = (random.fork(), &one);
                scope.spawn(move || {
                    while self.killed.load(Ordering::SeqCst) < until {
                        one(&mut random);
                        if random.u8(..10) == 0 {
                            self.kill_detached();
                        }
                    }
                });
            }
        });
    }

    /// Runs workers until nothing is pending, not even delayed calls.
    pub fn settle(&self) -> Engine {
        let engine = self.engine();
        for _ in 0..WORKERS {
            if engine.pending(None, None, 1).unwrap().is_empty() {
                return engine;
            }
            self.run(vec!["worker".to_owned(), "--until-idle".to_owned()], "", None, false).lines(&[0]).count();
        }
        panic!("no worker can run {:?}", engine.pending(None, None, 3));
    }

    /// An engine that only reads the store.
    pub fn engine(&self) -> Engine {
        let store = RedbStore::open(&self.vactor.path(".vactor"), Mode::Read).unwrap();
        let cache = Cache::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
        Engine::new(Arc::new(store), Sandbox::new(cache), Settings::default())
    }

    /// Replays all journals: each replay gives the recorded state.
    pub fn replay(&self) {
        let engine = self.engine();
        for (id, _) in engine.actors("", None, usize::MAX).unwrap() {
            for step in engine.steps(id.as_str(), 1, usize::MAX).unwrap() {
                engine.state_at(id.as_str(), step.number).unwrap();
            }
        }
    }

    /// A random moment of a process's life, or shortly after it.
    pub fn moment(&self, random: &mut Rng) -> Duration {
        Duration::from_micros(random.u64(..=self.lifetime.load(Ordering::SeqCst) * 5 / 4))
    }

    /// Kills the detached worker, if there is one.
    fn kill_detached(&self) {
        let folder = self.vactor.path(".vactor");
        for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            let has = |word: &[u8]| command.split(|byte| *byte == 0).any(|found| found == word);
            let number = process.file_name().to_string_lossy().parse();
            if let Ok(number) = number
                && has(b"--detached")
                && has(folder.as_os_str().as_encoded_bytes())
                && kill(Pid::from_raw(number), Signal::SIGKILL).is_ok()
            {
                self.killed.fetch_add(1, Ordering::SeqCst);
                self.detached.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// Runs a process to its end, or kills it after a time. With `worker`, it may start a detached
    /// worker.
    pub fn run(&self, args: Vec<String>, stdin: &str, dies_after: Option<Duration>, worker: bool) -> Ended {
        let mut command = self.vactor.command();
        command.args(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !worker {
            command.env("VACTOR_WORKER", "off");
        }
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        // it may be killed before it reads
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (tell, told) = channel();
        let listener = thread::spawn(move || {
            let (mut stdout, mut stderr) = (String::new(), String::new());
            out.read_to_string(&mut stdout).unwrap();
            err.read_to_string(&mut stderr).unwrap();
            // the receiver is gone if the process was killed
            let _ = tell.send(());
            (stdout, stderr)
        });
        let waited = told.recv_timeout(dies_after.unwrap_or(STUCK));
        if waited.is_err() {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        let (stdout, stderr) = listener.join().unwrap();
        assert!(waited.is_ok() || dies_after.is_some(), "{args:?} is stuck: {stderr}");
        let killed = status.signal() == Some(9);
        if killed {
            self.killed.fetch_add(1, Ordering::SeqCst);
        } else {
            let (lived, before) = (started.elapsed().as_micros() as u64, self.lifetime.load(Ordering::SeqCst));
            self.lifetime.store((before * 9 + lived) / 10, Ordering::SeqCst);
        }
        Ended { args, stdout, stderr, killed, code: status.code() }
    }
}

impl fmt::Display for KilledProcesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (killed, detached) = (self.killed.load(Ordering::SeqCst), self.detached.load(Ordering::SeqCst));
        write!(f, "{killed} killed, {detached} of them detached")
    }
}

impl Ended {
    /// The whole lines that it printed. Asserts that its exit code is one of these, if it was not
    /// killed.
    #[track_caller]
    pub fn lines(&self, codes: &[i32]) -> impl Iterator<Item = &str> {
        if let Some(code) = self.code {
            assert!(codes.contains(&code), "{:?} printed {:?} and said {}", self.args, self.stdout, self.stderr);
        }
        self.stdout.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
    }
}
