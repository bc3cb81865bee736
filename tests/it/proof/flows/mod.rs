//! Methods that wait, in processes that are killed at each write or after a few writes: in the end
//! the store has the same facts as without kills.
//!
//! A killed process is this test binary again, on a store that kills it. The flow is then played
//! again from its beginning, with the keys of its calls and events: acknowledged acts have no
//! second effect, and unfinished ones continue. `VACTOR_SEED` replays the writes at which processes
//! are killed.
#![cfg(unix)]

mod diverged;
mod event_wakeup;
pub mod facts;
pub mod faulty_store;
mod player;
mod power_cuts;
mod scenarios;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use tempfile::TempDir;
use vactor::Engine;
use vactor::engine::Settings;
use vactor::sandbox::{Cache, Sandbox};
use vactor::store::{Mode, RedbStore};

use super::seed;
use crate::classes::component;
use facts::{Facts, facts};
use faulty_store::{FaultyStore, KillPoint};
use player::Player;

const FLOW: &str = "VACTOR_TEST_FLOW";
const FOLDER: &str = "VACTOR_TEST_FOLDER";
const KILL_POINT: &str = "VACTOR_TEST_KILL_POINT";

/// A process that has not ended by then is stuck.
const STUCK: Duration = Duration::from_mins(10);

/// More writes than any flow makes.
const ENOUGH: u64 = 1000;

/// Tests of each flow.
macro_rules! flows {
    ($($name:ident of $classes:expr;)*) => {
        const FLOWS: &[Flow] = &[$(Flow { name: stringify!($name), classes: $classes, play: scenarios::$name }),*];

        mod killed_at_each_write {
            $(#[test]
            fn $name() {
                super::killed_at_each_write(super::flow(stringify!($name)));
            })*
        }

        mod power_cut_at_each_sync {
            $(#[test]
            fn $name() {
                super::power_cuts::power_cut_at_each_sync(super::flow(stringify!($name)));
            })*
        }

        mod killed_every_few_writes {
            $(#[test]
            fn $name() {
                super::killed_every_few_writes(super::flow(stringify!($name)));
            })*
        }
    };
}

const PROBE: &[&str] = &["probe"];

flows! {
    tasks_are_joined of PROBE;
    tasks_are_retried of PROBE;
    children_create_their_actors of PROBE;
    pipeline_is_resumed of PROBE;
    events_decide_race of PROBE;
    deadline_passes of PROBE;
    events_are_taken of PROBE;
    method_fails_after_save of PROBE;
    messages_are_sent of PROBE;
    cancel_cancels_children of PROBE;
    child_outlives_parent of PROBE;
    failure_leaves_children of PROBE;
    cycle_is_reported of PROBE;
    money_is_moved of &["account", "transfer"];
    request_is_decided of &["approval"];
    models_are_trained of &["trainer"];
}

#[derive(Clone, Copy)]
pub struct Flow {
    name: &'static str,
    classes: &'static [&'static str],
    play: fn(&Player),
}

fn flow(name: &str) -> &'static Flow {
    FLOWS.iter().find(|flow| flow.name == name).unwrap()
}

/// A store at the beginning of a flow.
struct InitialStore {
    flow: Flow,
    folder: TempDir,
    /// The facts of a play without kills.
    undisturbed: Facts,
}

impl InitialStore {
    fn of(flow: &Flow) -> InitialStore {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = RedbStore::create(folder.path()).unwrap();
        let engine = Engine::new(Arc::new(store), sandbox(), Settings::default());
        for class in flow.classes {
            engine.register(class, &std::fs::read(component(class)).unwrap()).unwrap();
        }
        drop(engine);
        let mut beginning = InitialStore { flow: *flow, folder, undisturbed: Facts::new() };
        beginning.undisturbed = beginning.play_to_the_end(&beginning.copy());
        beginning
    }

    fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(self.folder.path().join("store.redb"), copy.path().join("store.redb")).unwrap();
        copy
    }

    fn play_to_the_end(&self, folder: &TempDir) -> Facts {
        let store = RedbStore::open(folder.path(), Mode::Write).unwrap();
        let player = Player::new(Arc::new(store), sandbox(), &|_| {});
        (self.flow.play)(&player);
        facts(&player.engine)
    }

    fn expect_the_same(&self, folder: &TempDir, after: &str) {
        self.expect(&self.play_to_the_end(folder), after);
    }

    fn expect(&self, found: &Facts, after: &str) {
        for (about, expected) in &self.undisturbed {
            assert_eq!(found.get(about), Some(expected), "{about}, in `{}` {after}", self.flow.name);
        }
        let more: Vec<_> = found.iter().filter(|(about, _)| !self.undisturbed.contains_key(*about)).collect();
        assert!(more.is_empty(), "{more:?}, in `{}` {after}", self.flow.name);
    }

    /// Plays the flow in a process that is killed at a write. False if the process ended before.
    fn is_killed(&self, folder: &TempDir, kill_point: KillPoint) -> bool {
        let (when, number) = match kill_point {
            KillPoint::Before(number) => ("before", number),
            KillPoint::After(number) => ("after", number),
        };
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "proof::flows::child_process", "--nocapture"]).stdin(Stdio::null());
        command.env(FLOW, self.flow.name).env(FOLDER, folder.path()).env(KILL_POINT, format!("{when} {number}"));
        let output = command.output().unwrap();
        let killed = output.status.signal() == Some(9);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(killed || output.status.success(), "`{}`, to be killed {when} {number}: {said}", self.flow.name);
        killed
    }
}

/// No test: the process that other tests start.
#[test]
fn child_process() {
    let Ok(name) = std::env::var(FLOW) else { return };
    thread::spawn(|| {
        thread::sleep(STUCK);
        eprintln!("it is stuck");
        std::process::exit(1);
    });
    let (folder, kill_point) = (std::env::var_os(FOLDER).unwrap(), std::env::var(KILL_POINT).unwrap());
    let kill_point = match kill_point.split_once(' ') {
        Some(("before", number)) => KillPoint::Before(number.parse().unwrap()),
        Some(("after", number)) => KillPoint::After(number.parse().unwrap()),
        _ => panic!("no kill point {kill_point}"),
    };
    let store = RedbStore::open(Path::new(&folder), Mode::Write).unwrap();
    let store = FaultyStore::new(store, Some(kill_point));
    (flow(&name).play)(&Player::new(Arc::new(store), sandbox(), &|_| {}));
}

fn sandbox() -> Sandbox {
    Sandbox::new(Cache::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")))
}

fn killed_at_each_write(flow: &'static Flow) {
    let mut random = Rng::with_seed(seed());
    let beginning = InitialStore::of(flow);
    for number in 1..ENOUGH {
        // before a write, the store is as after the previous one
        if random.u8(..4) == 0 {
            let folder = beginning.copy();
            beginning.is_killed(&folder, KillPoint::Before(number));
            beginning.expect_the_same(&folder, &format!("after a kill before write {number}"));
        }
        let folder = beginning.copy();
        if !beginning.is_killed(&folder, KillPoint::After(number)) {
            assert!(number > 1);
            return;
        }
        beginning.expect_the_same(&folder, &format!("after a kill after write {number}"));
    }
    panic!("`{}` never ends", flow.name);
}

fn killed_every_few_writes(flow: &'static Flow) {
    let mut random = Rng::with_seed(seed());
    let beginning = InitialStore::of(flow);
    // a deadlock is recorded with the next write, so a process needs more than one write to record
    // it
    let most = random.u64(2..5);
    let folder = beginning.copy();
    let lives = (1..ENOUGH).find(|_| !beginning.is_killed(&folder, KillPoint::After(random.u64(1..=most))));
    let lives = lives.unwrap_or_else(|| panic!("`{}` never ends, by lives of {most} writes at most", flow.name));
    beginning.expect_the_same(&folder, &format!("after {lives} lives of {most} writes at most"));
}
