//! `vactor register`, `vactor classes` and `vactor describe`.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::Value;
use vactor::{Category, EventDescription, Method, MethodKind, type_name};
use vactor::{Registered, VersionUsage};

use crate::cli::command::{Cli, RunCommand};
use crate::cli::options::{LimitFlags, OF_REGISTER, only};
use crate::cli::output::{Effect, Listing, Problem};
use crate::cli::{complete, interrupt, quantity};
use vactor::Mode;

/// Adds a class, or a new version of it
#[derive(Args)]
#[command(mut_args = only(OF_REGISTER))]
pub struct Register {
    /// The class's name in the store
    #[arg(add = complete::classes())]
    name: String,
    /// The component, as `vactor build` makes it
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    limits: LimitFlags,
}

/// Lists the classes
#[derive(Args)]
pub struct Classes {}

/// Shows the methods of a class, with types, defaults and docs
#[derive(Args)]
pub struct Describe {
    /// The class
    #[arg(add = complete::classes())]
    class: String,
}

/// The effect of `register`.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct RegisterLine<'a> {
    class: &'a str,
    /// The version that is current now.
    version: u32,
    /// `new` for new bytes, `again` for those of an older version, `unchanged` for those of the
    /// current version.
    registered: &'a str,
    /// blake3 of the component.
    hash: String,
    /// Size of the component in bytes.
    bytes: u64,
    /// The actors and calls of the class's other versions.
    staying: Vec<StayingBody>,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Staying")]
struct StayingBody {
    version: u32,
    /// How many actors are on it.
    actors: u64,
    /// How many constructions and tasks of this version are pending.
    pending: u64,
}

/// A class.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct ClassesLine<'a> {
    class: &'a str,
    /// The version that new actors get.
    version: u32,
    /// How many versions there are.
    versions: u32,
    /// blake3 of the current version's component.
    hash: String,
    /// Size of that component in bytes.
    bytes: u64,
    /// When that version was registered, RFC 3339.
    registered: String,
    doc: &'a str,
}

/// The description of a class.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct DescribeLine<'a> {
    class: &'a str,
    version: u32,
    doc: &'a str,
    state: StateBody<'a>,
    /// The events that the methods wait for.
    events: Vec<EventBody<'a>>,
    methods: Vec<MethodBody<'a>>,
}

/// The form of a saved state.
#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "State")]
struct StateBody<'a> {
    /// Counts the forms of the state, from 1.
    version: u32,
    /// JSON Schema of the state; null if the class states none.
    schema: Option<&'a Value>,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "EventOfClass")]
struct EventBody<'a> {
    /// A name that ends in `*` stands for all names with that prefix.
    event: &'a str,
    /// JSON Schema of the payload.
    schema: &'a Value,
    doc: &'a str,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Method")]
struct MethodBody<'a> {
    method: &'a str,
    /// `constructor`, `mutation`, `query` or `task`.
    kind: &'static str,
    /// The method in a line, such as `incr(val: integer = 1) -> integer`.
    signature: String,
    doc: &'a str,
    parameters: Vec<ParameterBody<'a>>,
    /// JSON Schema of the result; null if there is none.
    result: Option<&'a Value>,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Parameter")]
struct ParameterBody<'a> {
    name: &'a str,
    /// JSON Schema of the value.
    schema: &'a Value,
    /// The default; absent for a parameter without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'a Value>,
    doc: &'a str,
}

impl RunCommand for Register {
    type Line = RegisterLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let bytes = read_component(&self.file, self.limits.compiling().component)?;
        interrupt::stops(&cli.stop)?;
        let registration = cli.register(&self.name, &bytes, &self.limits)?;
        let (word, version, note) = match registration.registered {
            Registered::New(version) => ("new", version, format!("registered {}, version {version}", self.name)),
            Registered::Again(version) => ("again", version, format!("{} has version {version} again", self.name)),
            Registered::Unchanged(version) => {
                ("unchanged", version, format!("{} has these bytes already, version {version}", self.name))
            }
        };
        if cli.console.wants_json() {
            let printed = cli.console.json(&RegisterLine {
                class: &self.name,
                version,
                registered: word,
                hash: registration.hash.to_string(),
                bytes: registration.component_bytes,
                staying: registration.staying.iter().map(StayingBody::from).collect(),
            });
            return Effect::new(note).printed(printed);
        }
        cli.console.note(&(note + &staying(&registration.staying)));
        Ok(())
    }
}

impl From<&VersionUsage> for StayingBody {
    fn from(usage: &VersionUsage) -> StayingBody {
        let VersionUsage { version, actors, pending } = *usage;
        StayingBody { version, actors, pending }
    }
}

/// `; 2 actors stay on version 1, 1 actor and 3 accepted calls on version 2`; empty if all are on
/// the current version.
fn staying(usages: &[VersionUsage]) -> String {
    let counted = |count: u64, one: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {one}s")),
    };
    let mut shown = String::new();
    for usage in usages {
        let parts: Vec<_> =
            [counted(usage.actors, "actor"), counted(usage.pending, "accepted call")].into_iter().flatten().collect();
        let (separator, verb) = match (shown.is_empty(), usage.actors + usage.pending) {
            (true, 1) => ("; ", " stays"),
            (true, _) => ("; ", " stay"),
            (false, _) => (", ", ""),
        };
        shown += &format!("{separator}{}{verb} on version {}", parts.join(" and "), usage.version);
    }
    shown
}

/// Reads at most one byte over the limit, so that a larger file is refused by its size.
fn read_component(file: &PathBuf, allowed: u64) -> Result<Vec<u8>, Problem> {
    if file.is_dir() {
        let (folder, problem) = (file.display(), Problem::input(format!("{} is a folder", file.display())));
        return Err(problem.hint(format!("`vactor build {folder}` compiles a class's source to a component")));
    }
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(allowed.saturating_add(1)).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| {
        let problem = Problem::unread(format!("cannot read {}", file.display()), &error);
        match problem.category {
            Category::BadInput => problem.hint("`vactor build` compiles a class's source to such a file"),
            _ => problem,
        }
    })
}

impl RunCommand for Classes {
    type Line = ClassesLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let engine = cli.engine(Mode::Read, &LimitFlags::default())?;
        let mut listing = Listing::new(&cli.console, &["class", "version", "size", "registered", "doc"]);
        for class in engine.classes()? {
            let info = engine.class(class.name.as_str(), None)?;
            let (version, doc) = (&info.version, info.description.doc.as_str());
            let line = ClassesLine {
                class: class.name.as_str(),
                version: class.current,
                versions: class.versions,
                hash: version.hash.to_string(),
                bytes: version.component_bytes,
                registered: version.registered.to_string(),
                doc,
            };
            let size = quantity::size(version.component_bytes);
            let number = class.current.to_string();
            let first_line = doc.lines().next().unwrap_or_default().to_owned();
            let registered = line.registered.clone();
            listing.add(|| line, || [class.name.to_string(), number, size, registered, first_line]);
        }
        listing.end("there are no classes yet; `vactor register` adds one")
    }
}

impl RunCommand for Describe {
    type Line = DescribeLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let engine = cli.engine(Mode::Read, &LimitFlags::default())?;
        let info = engine.class(&self.class, None)?;
        let state = &info.description.state;
        if cli.console.wants_json() {
            return cli.console.json(&DescribeLine {
                class: &self.class,
                version: info.version.number,
                doc: &info.description.doc,
                state: StateBody { version: state.version, schema: state.schema.as_ref() },
                events: info.description.events.iter().map(EventBody::from).collect(),
                methods: info.description.methods.iter().map(MethodBody::from).collect(),
            });
        }
        if cli.console.stdout_is_terminal() {
            let (number, doc) = (info.version.number, &info.description.doc);
            let state = if state.version > 1 { format!(", state {}", state.version) } else { String::new() };
            cli.console.line(format!("{}, version {number}{state}: {doc}\n", self.class))?;
        }
        let mut listing = Listing::new(&cli.console, &["method", "kind", "parameters", "result", "doc"]);
        for method in &info.description.methods {
            let result = method.result.as_ref().map(type_name).unwrap_or_default();
            let cells = || [method.name.clone(), kind(method.kind).into(), parameters(method), result, doc(method)];
            listing.add(|| (), cells);
        }
        for EventDescription { name, schema, doc } in &info.description.events {
            listing.add(|| (), || [name.clone(), "event".into(), type_name(schema), String::new(), doc.clone()]);
        }
        listing.end("")
    }
}

impl<'a> From<&'a EventDescription> for EventBody<'a> {
    fn from(event: &'a EventDescription) -> EventBody<'a> {
        EventBody { event: &event.name, schema: &event.schema, doc: &event.doc }
    }
}

impl<'a> From<&'a Method> for MethodBody<'a> {
    fn from(method: &'a Method) -> MethodBody<'a> {
        let parameters = method.parameters.iter().map(|parameter| ParameterBody {
            name: &parameter.name,
            schema: &parameter.schema,
            default: parameter.default.as_ref(),
            doc: &parameter.doc,
        });
        MethodBody {
            method: &method.name,
            kind: kind(method.kind),
            signature: method.signature(),
            doc: &method.doc,
            parameters: parameters.collect(),
            result: method.result.as_ref(),
        }
    }
}

fn kind(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Constructor => "constructor",
        MethodKind::Mutation => "mutation",
        MethodKind::Query => "query",
        MethodKind::Task => "task",
    }
}

fn parameters(method: &Method) -> String {
    let shown = method.parameters.iter().map(|parameter| {
        let default = parameter.default.as_ref().map(|default| format!(" = {default}")).unwrap_or_default();
        format!("{}: {}{default}", parameter.name, type_name(&parameter.schema))
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// The method's doc, and below it a line for each parameter that has one.
fn doc(method: &Method) -> String {
    let documented = method.parameters.iter().filter(|parameter| !parameter.doc.is_empty());
    let mut lines: Vec<_> = documented.map(|parameter| format!("{}: {}", parameter.name, parameter.doc)).collect();
    if !method.doc.is_empty() {
        lines.insert(0, method.doc.clone());
    }
    lines.join("\n")
}
