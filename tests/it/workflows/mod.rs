//! Methods that wait, tasks and events by the command line, in processes of their own.

mod calls;
mod events;
mod limits;
mod listings;
mod queries;
mod records;
mod tasks;

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::classes;
use crate::support::{Ran, Vactor};

/// A store with the class `probe` and actors of it. No worker is started.
struct Probes(Vactor);

impl Probes {
    fn new(ids: &[&str]) -> Probes {
        let probes = Probes(Vactor::new());
        let component = classes::component("probe");
        probes.run(&["register", "probe", component.to_str().unwrap()]).ok();
        for id in ids {
            probes.line(&format!("create probe {id}")).ok();
        }
        probes
    }

    fn command(&self) -> Command {
        let mut command = self.0.command();
        command.env("VACTOR_WORKER", "off");
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        Ran::from(self.command().args(words).output().unwrap())
    }

    /// Runs a line of words without quotes.
    fn line(&self, line: &str) -> Ran {
        self.run(&line.split_whitespace().collect::<Vec<_>>())
    }

    fn start(&self, line: &str) -> Child {
        let mut command = self.command();
        command.args(line.split_whitespace());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs all runnable invocations in a process of its own.
    fn work(&self) {
        self.line("worker --until-idle").ok();
    }

    fn get(&self, id: &str, query: &str) -> Value {
        serde_json::from_str(&self.line(&format!("get {id} {query}")).ok()).unwrap()
    }

    /// Calls by reference with their states, as `ps` lists them.
    fn listed(&self, flags: &str) -> Vec<String> {
        let rows = self.line(&format!("ps {flags}")).ok();
        let cells = |row: &str| row.split('\t').step_by(2).take(2).collect::<Vec<_>>().join(" ");
        rows.lines().skip(1).map(cells).collect()
    }

    /// Polls until a call has this status.
    fn until(&self, reference: &str, status: &str) {
        let id = reference.split_once('#').unwrap().0;
        let wanted = format!("{reference} {status}");
        while !self.listed(&format!("--actor {id}")).contains(&wanted) {}
    }

    /// The methods of an actor's steps that succeeded, in order.
    fn steps(&self, id: &str) -> Vec<String> {
        let lines = self.line(&format!("log {id} --json")).ok();
        let steps = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        steps.filter(|step| step["ok"] == true).map(|step| step["method"].as_str().unwrap().to_owned()).collect()
    }
}

/// The result of a started process.
fn ended(child: Child) -> Ran {
    Ran::from(child.wait_with_output().unwrap())
}
