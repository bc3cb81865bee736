//! Each call of the C library that a command makes fails in turn: memory, threads, random bytes,
//! files, clocks. The class is never blamed, and the repeated command succeeds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use fastrand::Rng;
use serde_json::json;
use vactor::engine::{Engine, Settings};
use vactor::model::{ClassName, Name, Outcome, Status};
use vactor::sandbox::{Cache, Sandbox};
use vactor::store::{Mode, RedbStore};

use super::seed;
use crate::classes;
use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

/// The default number of plays.
const FEW: usize = 40;

/// A command, and what it prints if all is well.
struct Case {
    name: &'static str,
    before: &'static str,
    line: &'static str,
    stdin: &'static str,
    prints: &'static str,
    /// The value of the actor afterwards, and its number of steps.
    leaves: (&'static str, usize),
}

const NOTHING: (&str, usize) = ("0", 1);
const BATCH: &str = r#"{"actor":"a","method":"add","args":[5],"key":"k"}
{"actor":"a","method":"value"}
"#;
const BATCH_PRINTS: &str = r#"{"reference":"a#2","step":2,"result":5}
{"reference":null,"step":null,"result":5}
"#;

const fn case(name: &'static str, line: &'static str, prints: &'static str, leaves: (&'static str, usize)) -> Case {
    Case { name, before: "", line, stdin: "", prints, leaves }
}

const CASES: [Case; 10] = [
    case("call", "call a add 5 --key k -q", "5\n", ("5", 2)),
    case("ask", "call a ask a value --key k -q", "0\n", ("1", 2)),
    case("get", "get a value", "0\n", NOTHING),
    case("accept", "call a add 5 --key k --async", "a#2\n", NOTHING),
    Case { before: "call a add 5 --async", ..case("work", "worker --until-idle -q", "", ("5", 2)) },
    Case { before: "call a add 5 --async", ..case("wait", "wait a#2 -q", "5\n", ("5", 2)) },
    case("run", "run probe square 3 --key k -q", "9\n", NOTHING),
    case("create", "create probe b 7 --key k -q", "", NOTHING),
    Case { stdin: BATCH, ..case("batch", "batch -q", BATCH_PRINTS, ("5", 2)) },
    case("register", "register other other.wasm -q", "", NOTHING),
];

/// A store with an actor, copied for each run, and the library that makes calls fail.
struct Stage {
    vactor: Vactor,
    library: PathBuf,
}

impl Stage {
    fn new() -> Stage {
        let vactor = Vactor::new();
        let library = vactor.path("fail.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/proof/shortage/fail.c");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
        assert!(compiled.unwrap().success());
        vactor.run(["register".as_ref(), "probe".as_ref(), classes::component("probe").as_os_str()]).ok();
        vactor.line("create probe a").ok();
        Stage { vactor, library }
    }

    /// A copy of the store before the case's command.
    fn set(&self, case: &Case) -> Vactor {
        let copy = Vactor::new();
        fs::create_dir(copy.path(".vactor")).unwrap();
        for file in ["store.redb", "lock"] {
            fs::copy(self.vactor.path(".vactor").join(file), copy.path(".vactor").join(file)).unwrap();
        }
        copy.write("other.wasm", RawClass::new().mutation("other", NULL).build());
        if !case.before.is_empty() {
            plain(&copy, case.before, "").ok();
        }
        copy
    }

    /// Makes the command of a case, with the call `call` failing at its n-th time.
    fn play(&self, case: &Case, call: &str, n: u64) -> (Vactor, Ran) {
        let store = self.set(case);
        let mut command = store.command();
        command.env("LD_PRELOAD", &self.library).env("FAIL_COUNTS", store.path("counts"));
        command.env("FAIL_CALL", call).env("FAIL_AT", n.to_string());
        let ran = feed(&store, command, case);
        (store, ran)
    }

    /// How often the command of a case makes each call.
    fn counts(&self, case: &Case) -> BTreeMap<String, u64> {
        let (store, ran) = self.play(case, "", 0);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, case.prints), "{}: {ran:?}", case.name);
        let counts = fs::read_to_string(store.path("counts")).unwrap();
        let count = |line: &str| line.split_once(' ').map(|(call, count)| (call.to_owned(), count.parse().unwrap()));
        counts.lines().filter_map(count).collect()
    }
}

fn feed(store: &Vactor, mut command: Command, case: &Case) -> Ran {
    let input = store.write("input", case.stdin);
    // without a cache, so that each run compiles
    if case.name == "register" {
        command.env("XDG_CACHE_HOME", store.path("cache"));
    }
    command.env("VACTOR_WORKER", "off").args(case.line.split(' ')).stdin(fs::File::open(input).unwrap());
    Ran::from(command.output().unwrap())
}

fn plain(store: &Vactor, line: &str, name: &'static str) -> Ran {
    feed(
        store,
        store.command(),
        &Case { line: Box::leak(line.to_owned().into_boxed_str()), ..case(name, "", "", NOTHING) },
    )
}

/// Messages of the standard library or the C library itself when it aborts, which no program can
/// prevent.
const GIVEN_UP: [&str; 3] = [
    "failed to allocate an alternative stack",
    "failed to set up alternative stack guard page",
    "failed to generate random data",
];

/// The kind of a command's result; Err if it is wrong.
fn outcome(case: &Case, ran: &Ran) -> Result<&'static str, String> {
    let gave_up = GIVEN_UP.iter().any(|text| ran.stderr.contains(text));
    match ran.code {
        0 if ran.stdout == case.prints => Ok("went on"),
        6 if ran.stderr.contains("error: ") && !ran.stderr.contains("panicked") => Ok("said so"),
        _ if gave_up => Ok("gave up in a library"),
        _ => Err(format!("{ran:?}")),
    }
}

/// Checks the state that the command left, and the repeated command.
fn aftermath(store: &Vactor, case: &Case) -> Result<(), String> {
    let again = feed(store, store.command(), case);
    let recorded = |text: &str| text.replace(",\"recorded\":true", "");
    if (again.code, recorded(&again.stdout).as_str()) != (0, case.prints) {
        // it was created, and its answer was lost
        let made = ["create", "register"].contains(&case.name) && again.stderr.contains("exist");
        if !made {
            return Err(format!("made again: {again:?}"));
        }
    }
    let engine = engine(store);
    let value = engine.get("a", "value", json!({})).map(|reply| reply.result.to_string()).map_err(|e| e.to_string())?;
    let steps = engine.steps("a", 1, usize::MAX).map_err(|error| error.to_string())?;
    let failed = |outcome: &Outcome| matches!(outcome, Outcome::Failed(_));
    let mut tasks = engine.invocations(&Name::task(&ClassName::new("probe").unwrap(), "square"), None, 9).unwrap();
    tasks.retain(|task| matches!(&task.status, Status::Ended { outcome, .. } if failed(outcome)));
    let found = (value.as_str(), steps.len());
    match found == case.leaves && tasks.is_empty() && !steps.iter().any(|step| failed(&step.outcome)) {
        true => Ok(()),
        false => Err(format!("left {found:?}: {steps:?} {tasks:?}")),
    }
}

fn engine(store: &Vactor) -> Engine {
    let cache = Cache::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/vactor/classes"));
    let store = RedbStore::open(&store.path(".vactor"), Mode::Write).unwrap();
    Engine::new(Arc::new(store), Sandbox::new(cache), Settings::default())
}

#[test]
fn failed_system_call_is_no_class_error() {
    let mut random = Rng::with_seed(seed());
    let stage = Stage::new();
    let mut plays: Vec<(&Case, String, u64)> = CASES
        .iter()
        .flat_map(|case| stage.counts(case).into_iter().map(move |(call, count)| (case, call, count)))
        .flat_map(|(case, call, count)| (1..=count).map(move |n| (case, call.clone(), n)))
        .collect();
    println!("{} plays", plays.len());
    let all = std::env::var_os("VACTOR_SHORTAGES").is_some();
    if !all {
        random.shuffle(&mut plays);
        plays.truncate(FEW);
    }
    let mut tally = BTreeMap::<_, usize>::new();
    let mut wrong = Vec::new();
    for (case, call, n) in plays {
        let (store, ran) = stage.play(case, &call, n);
        let ended = outcome(case, &ran).and_then(|how| aftermath(&store, case).map(|()| how));
        match ended {
            Ok(how) => *tally.entry((case.name, call, how)).or_default() += 1,
            Err(error) => {
                let what = format!("{}, {call} {n}: {error}\n  after {ran:?}", case.name);
                println!("{what}");
                wrong.push(what);
            }
        }
    }
    tally.iter().for_each(|((case, call, how), count)| println!("{case:10}{call:16}{how:22}{count}"));
    assert!(wrong.is_empty(), "{} of them went wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Runs a line that cannot start a thread.
fn alone(stage: &Stage, store: &Vactor, line: &str) -> Ran {
    let mut command = store.command();
    command.env("LD_PRELOAD", &stage.library).env("VACTOR_WORKER", "off").args(line.split(' '));
    command.envs([("FAIL_CALL", "pthread_create"), ("FAIL_AT", "1"), ("FAIL_ALWAYS", "")]);
    Ran::from(command.output().unwrap())
}

#[test]
fn process_without_threads_runs_awaited_call_itself() {
    let stage = Stage::new();
    let store = stage.set(&case("alone", "", "", NOTHING));
    let alone = |line: &str| alone(&stage, &store, line);
    assert_eq!(alone("call a add 5").ok(), "5\n");
    // longer than a run stays unwatched, on a guest's thread that checks by itself
    alone("run probe spin 3000000000 --max-time 50ms --retries 0").refuses(
        5,
        "spin computed for longer than 50 ms",
        "",
    );
    alone("run probe spin 30000000000 --timeout 50ms").refuses(4, "had not ended when the time ran out", "");
    assert_eq!(alone("run probe square 3").ok(), "9\n");
    // its tasks run one after the other, between its own runs
    assert_eq!(alone("call a sum_of_squares 3").ok(), "14\n");
    alone("call a add 1 --async").ok();
    store.line("cancel probe/spin#2").ok();
    alone("worker --until-idle -q").ok();
    assert_eq!(store.line("get a value").ok(), "15\n");
    store.write("lines", BATCH);
    alone("batch lines").refuses(6, "cannot start a thread", "");
    assert_eq!(store.line("get a value").ok(), "15\n");
}
