//! The words of all errors and helps, compared with the files of `tests/snapshots`, so that a
//! review shows each change of them. `REWRITE=1 cargo test snapshots` writes the files.

use std::fmt::Write;
use std::path::Path;

use clap::Command;
use vactor::{
    ActorId, CANNOT_READ, ClassDefect, ClassName, CompileLimit, Error, Fault, FaultOrigin, HostFault, Json, Limit,
    LimitOverrides, MethodKind, Process, QueryOption, Reference, UntrustedPath,
};

use crate::cli::commands::TABLE;
use crate::cli::output::Problem;

#[test]
fn snapshots_of_errors_are_current() {
    let mut text = String::new();
    for error in errors() {
        show(&error, &mut text);
    }
    compare("errors.txt", &text);
}

#[test]
fn snapshots_of_faults_are_current() {
    let mut text = String::new();
    for fault in faults() {
        let (id, method, reference) = ("cart".to_owned(), "add".to_owned(), "cart#3".parse().ok());
        show(&Error::Failed { id, method, fault: Box::new(fault), reference }, &mut text);
    }
    compare("faults.txt", &text);
}

#[test]
fn snapshots_of_help_are_current() {
    let mut tree = TABLE.tree().term_width(100);
    tree.build();
    let mut text = String::new();
    help(&tree, &mut text);
    compare("help.txt", &text);
}

/// Each variant of the error has an example.
#[test]
fn each_variant_of_the_error_has_an_example() {
    let source = include_str!("../model/error.rs");
    let (_, source) = source.split_once("pub enum Error {\n").expect("the enum");
    let (variants, _) = source.split_once("\n}\n").expect("the end of the enum");
    let names = variants.lines().filter_map(|line| line.strip_prefix("    "));
    let names = names.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let shown: Vec<_> = errors().iter().map(name).collect();
    for line in names {
        let variant = first_word(line);
        assert!(shown.contains(&variant.to_owned()), "no example of {variant}");
    }
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
}

fn name(error: &Error) -> String {
    first_word(&format!("{error:?}")).to_owned()
}

fn show(error: &Error, text: &mut String) {
    let problem = Problem::from(error.clone());
    let _ = writeln!(text, "{}: kind {}, exit code {}", name(error), problem.kind, problem.code());
    let _ = writeln!(text, "error: {}", problem.message);
    for (word, line) in [("cause", &problem.cause), ("hint", &problem.hint)] {
        let _ = line.as_ref().map(|line| writeln!(text, "{word}: {line}"));
    }
    text.push('\n');
}

fn help(command: &Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let long = command.clone().term_width(100).render_long_help().to_string();
    let lines: Vec<_> = long.lines().map(str::trim_end).collect();
    let _ = writeln!(text, "=== {name} --help\n{}\n", lines.join("\n"));
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        help(command, text);
    }
}

fn compare(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(file);
    if std::env::var_os("REWRITE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = stored.lines().zip(text.lines()).position(|(stored, line)| stored != line);
    let line = differing.unwrap_or_else(|| stored.lines().count().min(text.lines().count()));
    let at = |text: &str| text.lines().nth(line).unwrap_or("(the end)").to_owned();
    let (stored_line, line_now) = (at(&stored), at(text));
    assert!(
        stored == text,
        "{file}:{}: the stored line is\n{stored_line}\nand the words are now\n{line_now}\n\
         `REWRITE=1 cargo test snapshots` writes the files",
        line + 1
    );
}

fn faults() -> Vec<Fault> {
    use HostFault::{
        BadArguments, BadResult, BadState, Cancelled, Deadlock, Diverged, Exists, InboxFull, NotFound, Trap,
    };
    let limits = [
        Limit::Time,
        Limit::Memory,
        Limit::State,
        Limit::Arguments,
        Limit::Result,
        Limit::Log,
        Limit::Children,
        Limit::Operations,
        Limit::Depth,
    ];
    let kinds = [Trap, Cancelled, NotFound, Exists, BadArguments, InboxFull, BadState, BadResult, Deadlock, Diverged];
    let kinds = limits.into_iter().map(HostFault::Limit).chain(kinds);
    let host = kinds.map(|kind| Fault::host(kind, format!("the message of the {} fault", kind.kind())));
    let cannot_read = Fault::host(BadState, format!("{CANNOT_READ}: the message of the class"));
    let of_class = Fault {
        origin: FaultOrigin::Class,
        kind: "out-of-stock".into(),
        message: "there are only 3".into(),
        details: Json::parse(r#"{"left":3}"#).ok(),
        ..Fault::host(Trap, "")
    };
    host.chain([cannot_read, of_class]).collect()
}

fn errors() -> Vec<Error> {
    let (id, class) = ("cart".to_owned(), ClassName::new("shop").unwrap());
    let reference: Reference = "cart#3".parse().unwrap();
    let process = |stopped| Some(Process { pid: 4711, stopped });
    let text = str::to_owned;
    let mut errors = vec![
        ActorId::new("-x y").unwrap_err().into(),
        ClassName::new("7up").unwrap_err().into(),
        "cart".parse::<Reference>().unwrap_err().into(),
        LimitOverrides::new([(Limit::Memory, 1 << 50)].into_iter()).unwrap_err().into(),
        Error::UnknownMethod { class: class.clone(), method: text("ad"), similar: Some(text("add")) },
        Error::UnknownMethod { class: class.clone(), method: text("x"), similar: None },
        Error::OptionOfQuery { method: text("count"), option: QueryOption::Key },
        Error::OptionOfQuery { method: text("count"), option: QueryOption::Metadata },
        Error::BadArguments {
            method: text("add"),
            signature: text("add(item: string, n: integer = 1) -> integer"),
            reason: text("item is missing"),
        },
        Error::OverLimit { limit: Limit::Arguments, allowed: 8 << 20 },
        Error::InvalidKey { key: String::new() },
        Error::InvalidEvent { event: text("a b") },
        Error::InvalidPayload { reason: text("it is nested too deep") },
        Error::MetadataTwice { name: text("why") },
        Error::NothingToWaitFor,
        Error::NoActor { id: text("crt"), similar: Some(text("cart")) },
        Error::NoActor { id: text("crt"), similar: None },
        Error::NoClass { class: text("shp"), similar: Some(text("shop")) },
        Error::NoClass { class: text("shp"), similar: None },
        Error::NoVersion { class: class.clone(), version: 7 },
        Error::NoInvocation { reference: reference.clone() },
        Error::NoOpaqueId { id: text("0123456789abcdef") },
        Error::NoStep { id: id.clone(), step: 9, first: 1, last: 3 },
        Error::NoStore { place: text("/home/ada/.vactor") },
        Error::ActorExists { id: id.clone() },
        Error::OtherClass { id: id.clone(), class: class.clone(), wanted: ClassName::new("bank").unwrap() },
        Error::BeingMade { id: id.clone(), reference: reference.clone() },
        Error::ClassInUse { class, example: reference.to_string() },
        Error::KeyTaken { key: text("order-17"), reference: reference.clone() },
        Error::KeyTakenByEvent { key: text("order-17"), id: id.clone(), number: 2 },
        Error::InboxFull { id: id.clone(), allowed: 10_000 },
        Error::EventsFull { id: id.clone(), allowed: 1_000 },
        Error::Busy { id: id.clone() },
        Error::Stale { id: id.clone() },
        Error::NotAccepted { id: id.clone() },
        Error::StillRunning { reference: reference.clone() },
        Error::AlreadyEnded { reference: reference.clone() },
        Error::NotEnded { reference: reference.clone() },
        Error::Succeeded { reference: reference.clone() },
        Error::NotResumable { reference: reference.clone() },
        Error::AlreadyResumed { by: "cart#5".parse().unwrap(), reference: reference.clone() },
        Error::Failed {
            id: id.clone(),
            method: text("count"),
            fault: Box::new(Fault::host(HostFault::Trap, "unreachable")),
            reference: None,
        },
        Error::Diverged { id, step: 3, what: text("the state is another one") },
        Error::StoreBusy { holder: None },
        Error::StoreBusy { holder: process(false) },
        Error::StoreBusy { holder: process(true) },
        Error::Damaged { what: text("a page has the wrong checksum") },
        Error::StoreGone { place: text("/home/ada/.vactor") },
        Error::NewerFormat { found: 9, known: 2 },
        Error::OlderFormat { found: 1, known: 2 },
        Error::io("open store.redb", text("permission denied")),
        Error::shortage("start a thread", text("out of memory")),
        Error::internal("a record is missing"),
        Error::WrongClock,
        Error::Interrupted,
        Error::LeftRunning { reference },
    ];
    for kind in [MethodKind::Constructor, MethodKind::Mutation, MethodKind::Query, MethodKind::Task] {
        let wanted = vec![if kind == MethodKind::Query { MethodKind::Task } else { MethodKind::Query }];
        errors.push(Error::WrongKind { method: text("add"), kind, wanted });
    }
    for limit in [CompileLimit::Component, CompileLimit::Time, CompileLimit::Memory] {
        errors.push(Error::NotCompiled { limit, reason: text("it takes more than allowed") });
    }
    let of_describe =
        |limit, message: Option<&str>| ClassDefect::Description { limit, last_message: message.map(text) };
    for defect in [
        ClassDefect::NoClass,
        ClassDefect::Imports,
        ClassDefect::BrowserImports,
        ClassDefect::MissingExports,
        ClassDefect::OtherContract,
        ClassDefect::Invalid,
        ClassDefect::Types,
        ClassDefect::NotCompiled,
        of_describe(Some(Limit::Time), None),
        of_describe(None, Some("panicked at src/lib.rs:3")),
    ] {
        errors.push(Error::NotAClass { reason: text("the reason"), defect });
    }
    for path in [
        UntrustedPath::FoundStore { path: text("/tmp/.vactor") },
        UntrustedPath::LinkToFolder,
        UntrustedPath::DataWithSecondName,
        UntrustedPath::Data,
        UntrustedPath::Auxiliary,
    ] {
        errors.push(Error::Untrusted { what: text("/tmp/.vactor belongs to another user"), path });
    }
    errors
}
