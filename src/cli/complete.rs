//! Completions from the store: ids, classes, methods, parameters.
//!
//! A shell passes all words of its line after a `--`. The completions of the last word depend on
//! those before. After an error there are none.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use clap_complete::{ArgValueCompleter, CompleteEnv, CompletionCandidate};
use vactor::{Cache, Sandbox};
use vactor::{Description, Invocation, Method, MethodKind, Name};
use vactor::{Engine, Settings};
use vactor::{LockWaitOptions, Mode};

use crate::cli::command::CommandTable;
use crate::cli::encoding::after;
use crate::cli::open;
use crate::cli::output::escape;

/// The variable by which a shell asks for completions.
pub const VARIABLE: &str = "VACTOR_COMPLETE";

/// The most completions of a word.
const MOST: usize = 100;

/// If a shell requests completions, prints them and ends the process.
pub fn answer_shell(table: &CommandTable) {
    if std::env::var_os(VARIABLE).is_some() {
        CompleteEnv::with_factory(|| table.tree()).var(VARIABLE).complete();
    }
}

pub fn ids() -> ArgValueCompleter {
    completer(|line, current| {
        let actors = line.engine()?.actors(current, None, MOST).ok()?;
        let described =
            |(id, class): (String, Option<String>)| CompletionCandidate::new(id).help(class.map(Into::into));
        let pairs = actors.into_iter().map(|(id, head)| (id.to_string(), head.actor.map(|a| a.class.to_string())));
        Some(pairs.map(described).collect())
    })
}

pub fn classes() -> ArgValueCompleter {
    completer(|line, _| {
        let classes = line.engine()?.classes().ok()?;
        Some(classes.into_iter().map(|class| CompletionCandidate::new(class.name.as_str())).collect())
    })
}

/// Calls that have not ended.
pub fn references() -> ArgValueCompleter {
    completer(|line, current| {
        let name = current.split_once('#').map(|(name, _)| Name::new_unchecked(name));
        let pending = line.engine()?.pending(name.as_ref(), None, MOST).ok()?;
        let described = |call: Invocation| {
            CompletionCandidate::new(call.reference().to_string()).help(Some(call.request.method.into()))
        };
        Some(pending.into_iter().map(described).collect())
    })
}

/// The methods of `call`.
pub fn methods() -> ArgValueCompleter {
    completer(|line, _| line.methods(&[MethodKind::Mutation, MethodKind::Query]))
}

/// The methods of `get`.
pub fn queries() -> ArgValueCompleter {
    completer(|line, _| line.methods(&[MethodKind::Query]))
}

/// The tasks of `run`.
pub fn tasks() -> ArgValueCompleter {
    completer(|line, _| {
        let class = line.engine()?.class(line.values.get(1)?, None).ok()?;
        Some(described(&class.description, &[MethodKind::Task]))
    })
}

/// The arguments of a method: `name=` for each parameter without one.
pub fn arguments() -> ArgValueCompleter {
    completer(|line, _| {
        let method = line.method()?;
        let is_given = |name: &str| line.values.iter().any(|word| word.strip_prefix(name).is_some_and(is_value));
        let missing = method.parameters.iter().filter(|parameter| !is_given(&parameter.name));
        let candidate = |parameter: &vactor::Parameter| {
            let type_name = vactor::type_name(&parameter.schema);
            CompletionCandidate::new(format!("{}=", parameter.name)).help(Some(type_name.into()))
        };
        Some(missing.map(candidate).collect())
    })
}

fn is_value(rest: &str) -> bool {
    rest.starts_with('=') || rest.starts_with(":=")
}

/// Completes the current word by the values of `offer` that begin with it.
fn completer(
    offer: impl Fn(&CommandLine, &str) -> Option<Vec<CompletionCandidate>> + Send + Sync + 'static,
) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        let Some(current) = current.to_str() else { return vec![] };
        let mut offered = offer(&CommandLine::typed(), current).unwrap_or_default();
        offered.retain(|candidate| {
            let value = candidate.get_value().to_string_lossy();
            value.starts_with(current) && escape::harmless_line(&value) == value
        });
        offered.into_iter().map(harmless).collect()
    })
}

/// The shell shows the class's text on its terminal.
fn harmless(candidate: CompletionCandidate) -> CompletionCandidate {
    let help = candidate.get_help().map(|help| escape::harmless_line(&help.to_string()).into_owned().into());
    candidate.help(help)
}

fn described(class: &Description, kinds: &[MethodKind]) -> Vec<CompletionCandidate> {
    let fitting = class.methods.iter().filter(|method| kinds.contains(&method.kind));
    let candidate = |method: &Method| {
        let help = format!("{} {}", method.signature(), method.doc.lines().next().unwrap_or_default());
        CompletionCandidate::new(method.name.as_str()).help(Some(help.trim().to_owned().into()))
    };
    fitting.map(candidate).collect()
}

/// The line that a shell completes.
struct CommandLine {
    store: Option<OsString>,
    /// All words that are not flags, the command first.
    values: Vec<String>,
}

impl CommandLine {
    fn typed() -> CommandLine {
        let mut words = std::env::args_os().skip_while(|word| word != "--").skip(2);
        let mut line = CommandLine { store: None, values: vec![] };
        while let Some(word) = words.next() {
            if word == "--store" {
                line.store = words.next();
            } else if let Some(path) = after("--store=", &word) {
                line.store = Some(path.to_owned());
            } else if after("-", &word).is_none() {
                line.values.push(word.to_string_lossy().into_owned());
            }
        }
        line
    }

    fn engine(&self) -> Option<Engine> {
        // a shell does not wait for another process
        let waits = LockWaitOptions { stopped: Arc::new(|| true), ..LockWaitOptions::default() };
        let store = open::store(self.store.as_deref(), Mode::Read, waits).ok()?;
        Some(Engine::new(store, Sandbox::new(Cache::user()), Settings::default()))
    }

    /// The methods of the actor that the line names.
    fn methods(&self, kinds: &[MethodKind]) -> Option<Vec<CompletionCandidate>> {
        let engine = self.engine()?;
        let class = engine.class_of_actor(self.values.get(1)?).ok()?;
        Some(described(&class.description, kinds))
    }

    /// The method whose arguments the line continues.
    fn method(&self) -> Option<Method> {
        let engine = self.engine()?;
        match &self.values[..] {
            [command, class, ..] if command == "create" => {
                engine.class(class, None).ok()?.description.constructor().cloned()
            }
            [command, class, task, ..] if command == "run" => {
                engine.class(class, None).ok()?.description.method(task).cloned()
            }
            [_, id, method, ..] => engine.method(id, method).ok().map(|method| method.declaration().clone()),
            _ => None,
        }
    }
}
