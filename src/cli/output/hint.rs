//! The hint below an error: a command or a flag that helps, made from the error's structure.

use std::fmt::Display;

use vactor::{
    CANNOT_READ, ClassDefect, CompileLimit, Error, Fault, HostFault, InvalidName, Limit, MAX_NESTING, MethodKind,
    OverCeiling, Process, QueryOption, UntrustedPath,
};

/// The hint for an error, if a command or a flag helps.
pub fn of(error: &Error) -> Option<String> {
    let hint = match error {
        Error::InvalidName(InvalidName::Id { .. }) => {
            "an id is 1 to 255 letters, digits and `._~:@/+-`, not beginning with `-`, such as `user:1/cart`"
        }
        Error::InvalidName(InvalidName::Class { .. }) => {
            "a class name is letters, digits and `_.-`, beginning with a letter"
        }
        Error::InvalidName(InvalidName::Reference { .. }) => {
            "`--async` prints the reference of a call, `vactor ps` and `vactor log` show it"
        }
        Error::WrongKind { kind: MethodKind::Constructor, .. } => "`vactor create` runs it",
        Error::WrongKind { kind: MethodKind::Mutation, .. } => "`vactor call` runs it",
        Error::WrongKind { kind: MethodKind::Query, .. } => "`vactor get` runs it",
        Error::WrongKind { kind: MethodKind::Task, .. } => "`vactor run` runs it",
        Error::OptionOfQuery { option: QueryOption::Key, .. } => {
            "leave out the key: a query can be called again at any time"
        }
        Error::OptionOfQuery { option: QueryOption::Metadata, .. } => "leave out the metadata",
        Error::NotResumable { .. } => "a new call of the method runs it again, under a new reference",
        Error::NoOpaqueId { .. } => {
            "an invocation has an opaque id once a guest has read it; `vactor ps` shows references"
        }
        Error::NoStore { .. } => "`vactor init` makes a store here, `--store` names another",
        Error::KeyTaken { .. } => "a key belongs to one call or event: take another key, or make the same call again",
        Error::KeyTakenByEvent { .. } => {
            "a key belongs to one call or event: take another key, or send the same event again"
        }
        Error::InboxFull { .. } => "wait until some have run; `vactor worker` runs them",
        Error::EventsFull { .. } => "a method that waits for an event of such a name takes the first of them",
        Error::Busy { .. } | Error::Stale { .. } => "try again",
        Error::NotAccepted { .. } => "a longer `--timeout` waits for it; `--async` leaves a mutation to a worker",
        Error::Diverged { .. } => {
            "given the same state, arguments and results, a class must do the same again; the recorded step is unchanged"
        }
        Error::Damaged { .. } => "restore a copy; nothing was changed",
        Error::StoreGone { .. } => "`--store PATH` names the place where it is now",
        Error::NewerFormat { .. } => "a newer vactor wrote it: use that one",
        Error::OlderFormat { .. } => {
            "the vactor that wrote it still reads it; `vactor init --store PATH` makes a new store"
        }
        Error::InvalidEvent { .. } => "a name is 1 to 255 bytes without spaces, such as `approved`",
        Error::MetadataTwice { .. } => "give each name once",
        Error::NothingToWaitFor => "name one reference at least",
        Error::WrongClock => "set the clock of this machine; `date` shows it",
        Error::InvalidKey { .. } => "a key is 1 to 255 bytes, such as the id of the order",
        Error::Shortage { .. } => {
            "nothing is recorded: try again when the machine has room; `ulimit -a` shows the limits of this shell"
        }
        Error::Internal { .. } => "this is a defect of vactor: report it with this text",
        error => return with_names(error),
    };
    Some(hint.to_owned())
}

/// The hints with a name or a flag of the error.
fn with_names(error: &Error) -> Option<String> {
    Some(match error {
        Error::UnknownMethod { class, similar, .. } => {
            did_you_mean(similar.as_deref(), &format!("`vactor describe {class}` shows its methods"))
        }
        Error::NoActor { similar, .. } => {
            did_you_mean(similar.as_deref(), "`vactor ls` shows the actors, `vactor create` makes one")
        }
        Error::NoClass { similar, .. } => {
            did_you_mean(similar.as_deref(), "`vactor classes` shows the classes, `vactor register` adds one")
        }
        Error::BadArguments { signature, .. } => format!("the method is `{signature}`"),
        Error::OverLimit { limit, .. } => raises(flag(*limit)),
        Error::OverCeiling(OverCeiling { limit, .. }) => {
            format!("name a lower limit: `{}` takes at most {}", flag(*limit), limit.shown(limit.ceiling()))
        }
        Error::NotCompiled { limit, .. } => raises(compile_flag(*limit)),
        Error::NotAClass { defect, .. } => return of_defect(defect),
        Error::InvalidPayload { .. } => format!("a payload has at most {MAX_NESTING} levels"),
        Error::NoVersion { class, .. } => format!("`vactor describe {class}` shows the current one"),
        Error::NoInvocation { reference } => {
            let separator = if reference.name.as_str().starts_with('-') { '=' } else { ' ' };
            format!("`vactor ps --actor{separator}{}` lists the calls that are known", reference.name)
        }
        Error::NoStep { id, .. } => format!("`vactor log {}` shows the steps", operand(id)),
        Error::OtherClass { id, .. } => {
            format!("`vactor show {}` shows it; give the new actor another id", operand(id))
        }
        Error::BeingMade { reference, .. } => format!("`vactor wait {}` waits for it", operand(reference)),
        Error::ActorExists { id } => {
            format!("`vactor show {}` shows it; with `--if-absent`, `create` succeeds", operand(id))
        }
        Error::ClassInUse { class, .. } => {
            format!("`vactor rm --class {class} --force` removes it with its actors and cancels its calls")
        }
        Error::StoreBusy { holder: Some(Process { pid, stopped: true }) } => {
            format!("`kill -CONT {pid}` lets it go on, `kill -9 {pid}` ends it; no commit is lost")
        }
        Error::StoreBusy { .. } => "a longer `--timeout` waits for it".to_owned(),
        Error::StillRunning { reference }
        | Error::LeftRunning { reference }
        | Error::AlreadyEnded { reference }
        | Error::Succeeded { reference }
        | Error::AlreadyResumed { by: reference, .. } => {
            format!("`vactor wait {}` gives its result", operand(reference))
        }
        Error::NotEnded { reference } => {
            format!("`vactor wait {}` waits for it, `vactor cancel` ends it", operand(reference))
        }
        Error::Failed { id, fault, reference, .. } => return of_fault(id, fault, reference.is_some()),
        Error::Untrusted { path, .. } => of_untrusted(path),
        _ => return None,
    })
}

fn of_fault(id: &str, fault: &Fault, was_accepted: bool) -> Option<String> {
    let is = |host: HostFault| fault.is_host(host);
    if let Some(limit) = fault.limit() {
        Some(raises(flag(limit)))
    } else if is(HostFault::Trap) && !was_accepted {
        Some("the log of a query is shown while it runs, and not kept; the actor is unchanged".to_owned())
    } else if is(HostFault::Trap) {
        Some(format!("`vactor log {}` shows the log before the trap; its state is unchanged", operand(id)))
    } else if is(HostFault::BadState) {
        Some(
            match fault.message.starts_with(CANNOT_READ) {
                true => "the class does not read what it or an older version of it saved; the saved state is unchanged",
                false => "the method left a state behind that the class cannot save; the saved state is unchanged",
            }
            .to_owned(),
        )
    } else if is(HostFault::BadResult) {
        let rules = format!("a result is one finite JSON value, no key twice, at most {MAX_NESTING} levels deep");
        Some(rules + "; nothing was changed")
    } else {
        None
    }
}

fn of_defect(defect: &ClassDefect) -> Option<String> {
    let hint = match defect {
        ClassDefect::NoClass => "`vactor build` makes a class from its source, `vactor new` writes one to begin with",
        ClassDefect::Imports => {
            "build it for wasm32-unknown-unknown, with an SDK; a class in Python or JavaScript is to be built with its \
             WASI stubbed out"
        }
        ClassDefect::BrowserImports => {
            "a crate that the class uses expects a browser there: do without its feature for that, often named `js` or \
             `wasmbind`"
        }
        ClassDefect::MissingExports => "a class exports all functions of the contract; an SDK writes them",
        ClassDefect::OtherContract => "build it with the SDK of this vactor, or take the vactor that it was built for",
        ClassDefect::Invalid => {
            "build it again; threads, shared memory, 64-bit memories and exceptions are not supported"
        }
        ClassDefect::Types => "build it with an SDK of this version",
        ClassDefect::NotCompiled => return None,
        ClassDefect::Description { limit: Some(limit), .. } => return Some(raises(flag(*limit))),
        ClassDefect::Description { last_message, .. } => {
            return last_message.as_ref().map(|message| format!("the last message that it logged: {message}"));
        }
    };
    Some(hint.to_owned())
}

fn of_untrusted(path: &UntrustedPath) -> String {
    let hint = match path {
        UntrustedPath::FoundStore { path } => {
            return format!(
                "`--store {path}` or VACTOR_STORE uses it nevertheless, `vactor init --store .vactor` makes one here"
            );
        }
        UntrustedPath::LinkToFolder => "name the folder itself, without the link",
        UntrustedPath::DataWithSecondName => "make it a file of its own: copy it, and move the copy in its place",
        UntrustedPath::Data => "restore the store's own file, or name another store with `--store`",
        UntrustedPath::Auxiliary => "remove it: it has no data, and is made again",
    };
    hint.to_owned()
}

fn did_you_mean(similar: Option<&str>, otherwise: &str) -> String {
    similar.map_or_else(|| otherwise.to_owned(), |name| format!("did you mean `{name}`?"))
}

/// The hint for a limit that this flag sets.
pub fn raises(flag: &str) -> String {
    format!("`{flag}` raises the limit")
}

/// The flag that sets a limit of a run.
pub fn flag(limit: Limit) -> &'static str {
    match limit {
        Limit::Time => "--max-time",
        Limit::Memory => "--max-memory",
        Limit::State => "--max-state",
        Limit::Arguments => "--max-args",
        Limit::Result => "--max-result",
        Limit::Log => "--max-log",
        Limit::Children => "--max-children",
        Limit::Operations => "--max-operations",
        Limit::Depth => "--max-depth",
    }
}

/// The flag that sets a limit of compiling.
pub fn compile_flag(limit: CompileLimit) -> &'static str {
    match limit {
        CompileLimit::Component => "--max-component",
        CompileLimit::Time => "--max-compile-time",
        CompileLimit::Memory => "--max-compile-memory",
    }
}

/// A name as an argument of a command line. One that begins with `-` comes after `--`: it would be
/// read as a flag.
pub fn operand(name: impl Display) -> String {
    let name = name.to_string();
    if name.starts_with('-') { format!("-- {name}") } else { name }
}

#[cfg(test)]
mod tests {
    use vactor::{ClassName, Reference};

    use super::*;

    /// Every hint that gives a command with a name of the store.
    #[test]
    fn hint_with_a_name_like_a_flag_is_a_valid_command() {
        let (id, reference): (_, Reference) = ("-x".to_owned(), "-x#9".parse().unwrap());
        let (class, wanted) = (ClassName::new("a").unwrap(), ClassName::new("b").unwrap());
        let fault = Box::new(Fault::host(HostFault::Trap, "unreachable"));
        let method = "go".to_owned();
        for (error, command) in [
            (Error::NoInvocation { reference: reference.clone() }, "`vactor ps --actor=-x`"),
            (Error::NoStep { id: id.clone(), step: 3, first: 1, last: 2 }, "`vactor log -- -x`"),
            (Error::OtherClass { id: id.clone(), class, wanted }, "`vactor show -- -x`"),
            (Error::BeingMade { id: id.clone(), reference: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::StillRunning { reference: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::LeftRunning { reference: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::AlreadyEnded { reference: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::Succeeded { reference: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::NotEnded { reference: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::AlreadyResumed { reference: reference.clone(), by: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::Failed { id, method, fault, reference: Some(reference) }, "`vactor log -- -x`"),
        ] {
            let hint = of(&error).unwrap();
            assert!(hint.contains(command), "{error}: {hint}");
        }
        assert_eq!(operand("x#9"), "x#9");
    }

    #[test]
    fn hint_of_a_limit_names_its_flag_for_a_parent_too() {
        let own = Fault::host(HostFault::Limit(Limit::Children), "the invocation started and sent more than 5");
        let passed_on = Fault { origin: vactor::FaultOrigin::Class, ..own.clone() };
        for fault in [own, passed_on] {
            assert!(!fault.message.contains("--"), "{}", fault.message);
            let hint = of_fault("a", &fault, true);
            assert_eq!(hint.as_deref(), Some("`--max-children` raises the limit"));
        }
    }
}
