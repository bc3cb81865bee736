//! Another process on the same store: this test binary in a role.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use vactor::model::Error;
use vactor::store::{Mode, RedbStore, Store};

use super::fixture::*;

const ROLE: &str = "VACTOR_TEST_ROLE";
const FOLDER: &str = "VACTOR_TEST_FOLDER";

/// A running helper_process.
pub struct Helper {
    pub child: Child,
    stdin: ChildStdin,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

pub fn command(role: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "store::helper::helper_process", "--nocapture"]);
    command.env(ROLE, role).env(FOLDER, folder);
    command
}

impl Helper {
    pub fn start(role: &str, folder: &Path) -> Helper {
        Helper::run(command(role, folder))
    }

    pub fn run(mut command: Command) -> Helper {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Helper { child, stdin, lines }
    }

    /// Its next message; None when it has ended.
    pub fn hear(&mut self) -> Option<String> {
        // the test harness prints lines of its own
        self.lines.by_ref().map(|line| line.unwrap()).find_map(|line| line.strip_prefix("> ").map(str::to_owned))
    }

    pub fn tell(&mut self) {
        writeln!(self.stdin).unwrap();
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn say(words: impl std::fmt::Display) {
    // on a new line, because the harness may have left one unfinished
    println!("\n> {words}");
}

fn listen() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// One increment of the actor `a`, whose state is a number. It is retried while other processes are
/// faster.
fn increment(store: &dyn Store) -> u64 {
    loop {
        let there = store.load(&id("a")).unwrap().unwrap();
        let number = String::from_utf8(there.state).unwrap().parse::<u64>().unwrap() + 1;
        let step = ends(fresh(call("a", "incr", 5)), there.record.counters.steps, 6, number.to_string().as_bytes());
        match commit(store, step) {
            Ok(_) => return number,
            Err(Error::Stale { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// No test: the process that other tests start.
#[test]
fn helper_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let folder = std::env::var_os(FOLDER).unwrap();
    let open = |mode| RedbStore::open(Path::new(&folder), mode);
    match role.as_str() {
        "steps and exits without closing" => {
            let store = open(Mode::Write).unwrap();
            say(increment(&store));
            std::process::exit(0);
        }
        "increments for ever" => {
            let store = open(Mode::Write).unwrap();
            loop {
                say(increment(&store));
            }
        }
        "increments fifty times" => {
            let store = open(Mode::Write).unwrap();
            for n in 0..50 {
                let hold = if n % 2 == 0 { store.lock(&name("a"), None).unwrap() } else { None };
                say(increment(&store));
                drop(hold);
            }
        }
        "increments when told" => {
            let store = open(Mode::Write).unwrap();
            say("ready");
            listen();
            increment(&store);
        }
        "holds" => {
            let store = open(Mode::Write).unwrap();
            let _hold = store.lock(&name("a"), None).unwrap().unwrap();
            say("holds");
            listen();
        }
        "reads as a stranger" => {
            become_a_stranger();
            let store = open(Mode::Read).unwrap();
            say(String::from_utf8(store.load(&id("a")).unwrap().unwrap().state).unwrap());
            say(open(Mode::Write).unwrap_err());
            say(RedbStore::create(Path::new(&folder)).unwrap_err());
        }
        "is refused as a stranger" => {
            become_a_stranger();
            say(open(Mode::Read).unwrap_err());
        }
        "grows" => {
            let store = open(Mode::Write).unwrap();
            for n in 1.. {
                let steps = store.name_record(&name("a")).unwrap().unwrap().counters.steps;
                let larger = ends(fresh(call("a", "grow", 5)), steps, 6, &vec![b'1'; n * 100_000]);
                match commit_all(&store, vec![larger]) {
                    Ok(_) => say(n * 100_000),
                    Err(error) => {
                        say(format!("{:?} {error}", error.category()));
                        break;
                    }
                }
            }
        }
        other => panic!("no role {other}"),
    }
}

/// Gives up the rights of root, if it has them.
fn become_a_stranger() {
    use nix::unistd::{Gid, Uid, setgid, setuid};
    if Uid::effective().is_root() {
        setgid(Gid::from_raw(65534)).unwrap();
        setuid(Uid::from_raw(65534)).unwrap();
    }
}
