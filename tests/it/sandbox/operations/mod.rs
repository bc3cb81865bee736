//! Operations of a mutation.

mod permissions;
mod waits;

use std::time::Duration;

use vactor::model::{
    CallTarget, Fault, HostFault, Json, Limit, Log, Operation, OutgoingCall, QueryCall, Seed, Timestamp, WaitResult,
    WaitTarget,
};
use vactor::sandbox::{CompiledClass, MethodCall, Operations, RunOutput};

use super::{World, assert_fault, compile, messages, none};
use crate::raw::{NULL, RawClass};

/// Performs operations as the test says, and records them.
struct Performer<F> {
    perform: F,
    asked: Vec<Operation>,
    logs: Vec<Log>,
}

impl<F: FnMut(&Operation) -> Performed + Send> Operations for Performer<F> {
    fn perform(&mut self, operation: Operation, log: &Log, _: Duration) -> Performed {
        let performed = (self.perform)(&operation);
        self.asked.push(operation);
        self.logs.push(log.clone());
        performed
    }
}

type Performed = Result<Option<WaitResult>, Fault>;

/// The output of a run, its operations, and the log at each operation.
struct Asked {
    ran: RunOutput,
    asked: Vec<Operation>,
    logs: Vec<Log>,
}

impl World {
    fn ask(
        &self,
        class: &CompiledClass,
        method: MethodCall<'_>,
        perform: impl FnMut(&Operation) -> Performed + Send,
    ) -> Asked {
        let mut performer = Performer { perform, asked: Vec::new(), logs: Vec::new() };
        let ran = self.run_all(class, method, &mut |_| (), Some(&mut performer)).unwrap();
        Asked { ran, asked: performer.asked, logs: performer.logs }
    }

    /// A mutation of this body on an empty state.
    fn go(&self, body: &str, perform: impl FnMut(&Operation) -> Performed + Send) -> Asked {
        let class = compile(&class(body));
        self.ask(&class, MethodCall::Mutate { state: b"", name: "go", arguments: &none() }, perform)
    }
}

fn class(body: &str) -> RawClass {
    let raw = RawClass::new().operations().text("id", "bob").text("method", "deposit").text("args", r#"{"n": 5}"#);
    raw.text("class", "account").text("init", "[1").text("said", "so").mutation("go", body)
}

/// Answers every wait by its first target, with the number of earlier answers.
fn counting() -> impl FnMut(&Operation) -> Performed + Send {
    let mut answers = 0;
    move |operation| {
        let (Operation::Wait(_) | Operation::Ask(_)) = operation else { return Ok(None) };
        answers += 1;
        answered(0, Ok(&answers.to_string()))
    }
}

fn answered(index: u32, answer: Result<&str, Fault>) -> Performed {
    let answer = answer.map(|text| Json::parse(text).unwrap());
    Ok(Some(WaitResult { index, result: answer, at: Timestamp::from_millis(2_000_000) }))
}

fn text(text: &str) -> String {
    format!("(call $text_{text})")
}

fn say(what: &str) -> String {
    format!("(call $log (i32.const 1) {what})")
}

fn child(ordinal: u64) -> String {
    Seed([7; 32]).child(ordinal).opaque_id()
}

/// A call of each function that makes an operation or a handle. The texts are those of [`class`].
const CALLS: [(&str, &str); 14] = [
    ("save", "(call $save (call $text_said))"),
    ("wait-any", "(drop (call $wait-kept (i32.const 1)))"),
    (
        "start-actor",
        "(call $keep (i32.const 0) (call $start-actor (call $text_id) (call $text_method) (call $text_args)))",
    ),
    (
        "start-or-create",
        "(call $keep (i32.const 1) (call $start-or-create (call $text_class) (call $text_id) (call $text_init) (call $text_method) (call $text_args)))",
    ),
    (
        "start-task",
        "(call $keep (i32.const 2) (call $start-task (call $text_class) (call $text_method) (call $text_args)))",
    ),
    ("attach", "(call $keep (i32.const 3) (call $attach (call $text_id)))"),
    (
        "send-actor",
        "(call $send-actor (call $text_id) (call $text_method) (call $text_args) (i64.const -1) (global.get $pair))",
    ),
    (
        "send-or-create",
        "(call $send-or-create (call $text_class) (call $text_id) (call $text_init) (call $text_method) (call $text_args) (i64.const 0) (global.get $pair))",
    ),
    (
        "send-task",
        "(call $send-task (call $text_class) (call $text_method) (call $text_args) (i64.const 7) (global.get $pair))",
    ),
    ("timer", "(call $keep (i32.const 4) (call $timer (i64.const 500)))"),
    ("event", "(call $keep (i32.const 5) (call $event (call $text_said)))"),
    ("handle.cancel", "(call $handle.cancel (call $kept (i32.const 0)))"),
    ("meta", "(call $meta (call $text_said) (call $text_id))"),
    ("ask", "(call $ask (call $text_id) (call $text_method) (call $text_args) (i32.const 128))"),
];

/// The name of a function in the SDK, as messages use it.
fn of_sdk(function: &str) -> String {
    match function {
        "start-actor" | "start-or-create" => "ctx.start".to_owned(),
        "start-task" => "ctx.task".to_owned(),
        "send-actor" | "send-or-create" => "ctx.send".to_owned(),
        "meta" => "meta".to_owned(),
        _ => match function.strip_prefix("handle.") {
            Some(method) => format!("Handle::{method}"),
            None => format!("ctx.{}", function.replace('-', "_")),
        },
    }
}

/// The call of one function.
fn call(name: &str) -> &'static str {
    CALLS.iter().find(|(other, _)| *other == name).unwrap().1
}

fn wait(slot: u32) -> String {
    format!("(call $wait (call $kept (i32.const {slot})))")
}

#[test]
fn operations_arrive_as_called() {
    let sent = say("(call $pair)");
    let started = "(call $handle.invocation (call $kept (i32.const 2)) (global.get $pair))";
    let timer = "(call $handle.invocation (call $kept (i32.const 4)) (global.get $pair))";
    let mut body: String = call("meta").to_owned() + call("meta");
    body += &(["start-actor", "start-or-create", "start-task"].map(call).concat() + started + &sent);
    for name in ["send-actor", "send-or-create", "send-task"] {
        body += &(call(name).to_owned() + &sent);
    }
    body += &[call("attach"), call("timer"), call("event"), timer, &sent, call("handle.cancel"), call("save")].concat();
    body += call("ask");
    body += &format!("(drop (call $wait-kept (i32.const 6))) {NULL}");
    let Asked { ran, asked, .. } = World::new().go(&body, counting());
    assert_eq!(ran.outcome.unwrap().state.unwrap(), b"");

    let actor = || CallTarget::Actor { id: "bob".to_owned() };
    let or_new =
        || CallTarget::ActorOrNew { class: "account".to_owned(), id: "bob".to_owned(), arguments: "[1".to_owned() };
    let task = || CallTarget::Task { class: "account".to_owned() };
    let call = |ordinal, target| {
        let (method, arguments) = ("deposit".to_owned(), r#"{"n": 5}"#.to_owned());
        OutgoingCall { ordinal, target, method, arguments, meta: Vec::new(), limits: Vec::new() }
    };
    let meta = || ("so".to_owned(), "bob".to_owned());
    let question = QueryCall { id: "bob".to_owned(), query: "deposit".to_owned(), arguments: r#"{"n": 5}"#.to_owned() };
    let awaited = vec![
        WaitTarget::Invocation(child(1)),
        WaitTarget::Invocation(child(2)),
        WaitTarget::Invocation(child(3)),
        WaitTarget::Invocation("bob".to_owned()),
        WaitTarget::Timer(Timestamp::from_millis(1_235_067)),
        WaitTarget::Event("so".to_owned()),
    ];
    let expected = [
        Operation::Start(OutgoingCall { meta: vec![meta(), meta()], ..call(1, actor()) }),
        Operation::Start(call(2, or_new())),
        Operation::Start(call(3, task())),
        Operation::Send(call(4, actor()), u64::MAX),
        Operation::Send(call(5, or_new()), 0),
        Operation::Send(call(6, task()), 7),
        Operation::Cancel(child(1)),
        Operation::Save(b"so".to_vec()),
        Operation::Ask(question),
        Operation::Wait(awaited),
    ];
    assert_eq!(asked, expected);
}

#[test]
fn guest_gets_ids_of_started_and_sent_calls() {
    let told = |of: &str| format!("(call $handle.invocation {of} (global.get $pair)) {}", say("(call $pair)"));
    let body = [
        told(&format!("(call $start-task {} {} {})", text("class"), text("method"), text("args"))),
        call("send-task").to_owned() + &say("(call $pair)"),
        told(&format!("(call $attach {})", text("said"))),
        told("(call $timer (i64.const 1))"),
        told(&format!("(call $event {})", text("said"))),
        NULL.to_owned(),
    ];
    let ran = World::new().go(&body.concat(), counting()).ran;
    assert_eq!(messages(&ran), [&child(1), &child(2), "so", "", ""]);
}

#[test]
fn save_begins_new_log() {
    let mut world = World::new();
    world.limits.log = 5;
    let said = say(&text("said"));
    let body = [&said, &said, call("save"), &said, call("send-task"), NULL].concat();
    let Asked { ran, logs, .. } = world.go(&body, counting());
    let lines = |log: &Log| log.lines.iter().map(|line| line.message.clone()).collect::<Vec<_>>();
    assert_eq!(logs.iter().map(lines).collect::<Vec<_>>(), [vec!["so", "so"], vec!["so"]]);
    assert_eq!((lines(&ran.log), ran.log.truncated), (vec!["so".to_owned()], false));
    assert!(ran.outcome.is_ok());
    // a refused operation exposes no id
    let refused = world.go(&body, |_| Err(Fault::host(HostFault::Diverged, "it is another one")));
    assert_eq!(lines(&refused.ran.log), ["so", "so"]);
}

#[test]
fn saved_state_over_limit_is_refused() {
    let mut world = World::new();
    world.limits.state = 2;
    let save = |name: &str| format!("(call $save {}) {NULL}", text(name));
    assert_eq!(world.go(&save("said"), counting()).asked, [Operation::Save(b"so".to_vec())]);
    let Asked { ran, asked, .. } = world.go(&save("id"), counting());
    let message = "the state of go has 3 bytes, more than 2 bytes";
    assert_fault(&ran.outcome.unwrap_err(), HostFault::Limit(Limit::State), message);
    assert_eq!(asked, []);
}

#[test]
fn performer_can_end_run() {
    let fault =
        Fault { details: Some(Json::null()), ..Fault::host(HostFault::Diverged, "it asked for something else") };
    for name in ["start-actor", "send-task", "save"] {
        let body = [call(name), &say(&text("said")), NULL].concat();
        let ran = World::new().go(&body, |_| Err(fault.clone())).ran;
        assert_eq!(ran.outcome.unwrap_err(), fault);
        assert_eq!(ran.log.lines, []);
    }
}

#[test]
fn run_reports_whether_id_was_exposed() {
    let told = |body: &str| World::new().go(&format!("{body} {NULL}"), counting()).ran.id_exposed;
    assert!(told("(call $invocation (global.get $pair))"));
    assert!(!told(call("send-task")));
}
