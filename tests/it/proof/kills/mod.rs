//! Eight processes of the real binary on one store, killed by SIGKILL at random moments; after each round, and nothing done by hand,
//! what was acknowledged is in the state, nothing is there twice, every reference has ended, nothing is stuck.
//!
//! `VACTOR_KILLS=5000` sets how many are killed. `VACTOR_SEED` replays the choices: the commands of each of the eight, and when each
//! is killed; what the machine does between is its own.
#![cfg(unix)]

mod commands;
mod journals;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vactor::engine::Settings;
use vactor::sandbox::{Cache, Sandbox};
use vactor::store::{Mode, RedbStore};
use vactor::{Engine, Reference};

use super::seed;
use crate::support::Vactor;
use commands::Command;
use journals::Journals;

const PROCESSES: u64 = 8;

/// Kills between two looks at the whole store.
const ROUND: u64 = 100;

/// Who has not ended by then is stuck.
const STUCK: Duration = Duration::from_secs(120);

/// The actors that are there from the beginning, counters at 0.
const COUNTERS: [&str; 4] = ["c0", "c1", "c2", "c3"];

/// The store, and what the processes on it told.
struct Driver {
    vactor: Vactor,
    log: Mutex<Log>,
    killed: AtomicU64,
    /// How many of them were workers that nobody waited for.
    detached: AtomicU64,
    /// Microseconds that a process lives if it is let live.
    lifetime: AtomicU64,
}

/// What was asked of the processes and what they answered.
#[derive(Default)]
struct Log {
    ops: Vec<Op>,
    /// References that were printed, and not seen to have ended.
    open: Vec<Reference>,
    /// What `wait` printed: None is `null`.
    waited: Vec<(Reference, Option<i64>)>,
    /// References of calls without a key.
    cancellable: Vec<Reference>,
    /// What somebody tried to cancel, and whether it was told that it did.
    cancels: HashMap<Reference, bool>,
    /// Actors whose creation was acknowledged.
    made: Vec<String>,
}

/// A call or a creation that changes something. Its number goes with it into the journal.
struct Op {
    actor: String,
    key: Option<String>,
    told: Told,
}

/// What a process said of an op before it ended.
#[derive(Clone, PartialEq, Debug)]
enum Told {
    /// It may have happened or not.
    Nothing,
    Result(i64),
    Reference(Reference),
}

/// How a process ended.
struct Ended {
    args: Vec<String>,
    stdout: String,
    stderr: String,
    killed: bool,
    code: Option<i32>,
}

impl Driver {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of the eight: a process after the other until so many were killed.
    fn play(&self, random: &mut Rng, until: u64) {
        while self.killed.load(Ordering::SeqCst) < until {
            let command = Command::pick(random, self);
            let dies_after = command.is_killed(random).then(|| self.moment(random));
            let ended = self.run(command.args(), command.stdin(), dies_after, random.u8(..4) == 0);
            command.hear(self, &ended);
            if random.u8(..10) == 0 {
                self.kill_detached();
            }
        }
    }

    /// A moment in a process's life, or shortly after.
    fn moment(&self, random: &mut Rng) -> Duration {
        Duration::from_micros(random.u64(..=self.lifetime.load(Ordering::SeqCst) * 5 / 4))
    }

    /// Kills the worker that nobody waits for, if there is one.
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

    /// Runs a process to its end, or kills it then. What it accepts may be left to a worker that it starts.
    fn run(&self, args: Vec<String>, stdin: &str, dies_after: Option<Duration>, worker: bool) -> Ended {
        let mut command = self.vactor.command();
        command.args(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !worker {
            command.env("VACTOR_WORKER", "off");
        }
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        // it may be dead before it reads
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (tell, told) = channel();
        let listener = thread::spawn(move || {
            let (mut stdout, mut stderr) = (String::new(), String::new());
            out.read_to_string(&mut stdout).unwrap();
            err.read_to_string(&mut stderr).unwrap();
            // who has killed it does not listen any more
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

impl Ended {
    /// The lines that it printed, whole ones; where it was not killed, it ended with one of these codes.
    #[track_caller]
    fn lines(&self, codes: &[i32]) -> impl Iterator<Item = &str> {
        if let Some(code) = self.code {
            assert!(codes.contains(&code), "{:?} printed {:?} and said {}", self.args, self.stdout, self.stderr);
        }
        self.stdout.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
    }
}

#[test]
fn kill_9_at_any_moment_loses_nothing_doubles_nothing_and_leaves_nothing_stuck() {
    let goal = std::env::var("VACTOR_KILLS").map_or(400, |kills| kills.parse().unwrap());
    let mut random = Rng::with_seed(seed());
    let driver = Driver {
        vactor: Vactor::new(),
        log: Mutex::default(),
        killed: AtomicU64::new(0),
        detached: AtomicU64::new(0),
        lifetime: AtomicU64::new(50_000),
    };
    let vactor = &driver.vactor;
    vactor.write("counter.wasm", include_bytes!("../../../contracts/counter-0.1.0.wasm"));
    vactor.line("register counter counter.wasm").ok();
    for counter in COUNTERS {
        vactor.run(["create", "counter", counter, "0"]).ok();
    }
    let mut journals = Journals::default();
    let mut until = 0;
    while until < goal {
        until = goal.min(until + ROUND);
        thread::scope(|scope| {
            for _ in 0..PROCESSES {
                let mut random = random.fork();
                let driver = &driver;
                scope.spawn(move || driver.play(&mut random, until));
            }
        });
        // what died is taken up by the next worker, and that one has an end; some of it is not due yet
        let engine = engine(&driver.vactor.path(".vactor"));
        while !engine.pending(None, None, 1).unwrap().is_empty() {
            driver.run(vec!["worker".to_owned(), "--until-idle".to_owned()], "", None, false).lines(&[0]).count();
        }
        let log = driver.log();
        journals.read(&engine);
        journals.hold(&log);
    }
    let log = driver.log();
    let told = log.ops.iter().filter(|op| op.told != Told::Nothing).count();
    println!(
        "{} killed, {} of them detached; {} calls, {told} acknowledged, {} steps; {} waited for, {} cancelled",
        driver.killed.load(Ordering::SeqCst),
        driver.detached.load(Ordering::SeqCst),
        log.ops.len(),
        journals.steps(),
        log.waited.len(),
        log.cancels.values().filter(|cancelled| **cancelled).count(),
    );
    let told_any = |told: fn(&Told) -> bool| log.ops.iter().any(|op| told(&op.told));
    assert!(told_any(|told| *told == Told::Nothing) && told_any(|told| matches!(told, Told::Result(_))));
    assert!(told_any(|told| matches!(told, Told::Reference(_))) && !log.waited.is_empty());
}

fn engine(folder: &Path) -> Engine {
    let store = RedbStore::open(folder, Mode::Read).unwrap();
    let cache = Cache::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
    Engine::new(Arc::new(store), Sandbox::new(cache), Settings::default())
}
