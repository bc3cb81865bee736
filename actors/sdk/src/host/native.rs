//! A host whose answers a unit test chooses. Its handles share it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::fault::{Fault, Origin};
use crate::json;
use crate::level::Level;
use crate::limit::Limit;
use crate::outgoing::{CallTarget, OutgoingCall};
use crate::time::Timestamp;

#[derive(Clone)]
pub struct Host(pub(crate) Rc<TestHost>);

/// The values of a test's host, and the calls that it saw.
#[derive(Default)]
pub(crate) struct TestHost {
    pub class_name: RefCell<String>,
    pub version: Cell<u32>,
    pub actor_id: RefCell<String>,
    pub invocation: RefCell<String>,
    pub attempt: Cell<u32>,
    pub now: Cell<u64>,
    /// The state of the random generator.
    pub random: Cell<u64>,
    pub logs: RefCell<Vec<(Level, String)>>,
    pub calls: RefCell<Vec<ScriptedCall>>,
    /// Replies to invocations that the method attaches to and did not start.
    pub attached: RefCell<Vec<(String, Due)>>,
    pub saves: RefCell<Vec<Vec<u8>>>,
    pub events: RefCell<Vec<ScriptedEvent>>,
    pub on_start: RefCell<Vec<OnStart>>,
    pub on_ask: RefCell<Vec<OnAsk>>,
    pub actors: RefCell<Vec<TestActor>>,
}

type Answer = Result<String, Fault>;
pub(crate) type OnStart = Box<dyn Fn(&Call) -> Option<Reply>>;
pub(crate) type OnAsk = Box<dyn Fn(&QueryCall) -> Option<Result<Value, Fault>>>;
/// Runs a method, given its name, its arguments and the time.
pub(crate) type RunMethod = Box<dyn Fn(&str, &str, Timestamp) -> Result<String, Failure>>;

/// An actor of the test.
pub(crate) struct TestActor {
    pub id: String,
    /// The names of its queries.
    pub queries: Vec<String>,
    pub run: RunMethod,
}

/// The answer of a handle and its time; None if it never ends.
pub(crate) type Due = Option<(u64, Answer)>;

pub(crate) struct ScriptedCall {
    pub call: Call,
    pub due: Due,
}

pub(crate) struct ScriptedEvent {
    pub at: u64,
    pub name: String,
    pub payload: String,
}

/// A call that a method made.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub target: Target,
    pub method: String,
    pub arguments: Value,
    pub meta: Vec<(String, String)>,
    pub limits: Vec<Limit>,
    /// The delay of a call that was sent; `None` for one that was started.
    pub delay: Option<Duration>,
    pub invocation: String,
    pub cancelled: bool,
}

/// A query that a method asked.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryCall {
    /// The actor.
    pub id: String,
    pub query: String,
    pub arguments: Value,
}

/// The target of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Actor { id: String },
    ActorOrNew { class: String, id: String, arguments: Value },
    Task { class: String },
}

impl Target {
    /// The actor's id, whether the actor may be created or not.
    pub fn actor(&self) -> Option<&str> {
        match self {
            Target::Actor { id } | Target::ActorOrNew { id, .. } => Some(id),
            Target::Task { .. } => None,
        }
    }
}

impl From<&CallTarget> for Target {
    fn from(target: &CallTarget) -> Target {
        match target.clone() {
            CallTarget::Actor { id } => Target::Actor { id },
            CallTarget::ActorOrNew { class, id, arguments } => {
                Target::ActorOrNew { class, id, arguments: value(&arguments) }
            }
            CallTarget::Task { class } => Target::Task { class },
        }
    }
}

/// A test's reply to a child.
#[derive(Clone, Debug)]
pub struct Reply {
    answer: Option<Answer>,
    after: Duration,
}

impl Reply {
    /// # Panics
    ///
    /// If the result cannot be written as JSON.
    pub fn result(result: impl Serialize) -> Self {
        Reply { answer: Some(Ok(written(&result))), after: Duration::ZERO }
    }

    pub fn fault(fault: Fault) -> Self {
        Reply { answer: Some(Err(fault)), after: Duration::ZERO }
    }

    /// The child runs for ever, unless it is cancelled.
    pub fn never() -> Self {
        Reply { answer: None, after: Duration::ZERO }
    }

    /// The child ends this long after its start.
    pub fn after(self, after: Duration) -> Self {
        Reply { after, ..self }
    }

    fn of(result: Result<String, Failure>, invocation: &str) -> Self {
        Reply { answer: Some(result.map_err(|failure| fault_of(failure, invocation))), after: Duration::ZERO }
    }
}

/// A handle of a test's host.
pub struct HostHandle {
    host: Rc<TestHost>,
    target: HandleTarget,
}

enum HandleTarget {
    /// One of the calls, by its index.
    Call(usize),
    /// An invocation that the method attached to and did not start.
    Attached(String),
    Timer(u64),
    Event {
        name: String,
        taken: RefCell<Option<String>>,
    },
}

impl Host {
    pub fn class_name(&self) -> String {
        self.0.class_name.borrow().clone()
    }

    pub fn version(&self) -> u32 {
        self.0.version.get()
    }

    pub fn actor_id(&self) -> String {
        self.0.actor_id.borrow().clone()
    }

    pub fn invocation(&self) -> String {
        self.0.invocation.borrow().clone()
    }

    pub fn attempt(&self) -> u32 {
        self.0.attempt.get()
    }

    pub fn now(&self) -> u64 {
        self.0.now.get()
    }

    pub fn random(&self, length: u32) -> Vec<u8> {
        let words = (0..length.div_ceil(8)).flat_map(|_| self.0.next_random().to_le_bytes());
        words.take(length as usize).collect()
    }

    pub fn log(&self, level: Level, message: &str) {
        self.0.logs.borrow_mut().push((level, message.to_owned()));
    }

    pub fn save(&self, state: Vec<u8>) {
        self.0.saves.borrow_mut().push(state);
    }

    pub fn start(&self, call: &OutgoingCall<'_>) -> HostHandle {
        let index = self.record(call, None);
        let recorded = self.0.calls.borrow()[index].call.clone();
        let reply = self.0.reply(&recorded, call.arguments).or_else(|| {
            let result = call.run_task?(call.method, call.arguments, self.0.time());
            Some(Reply::of(result, &recorded.invocation))
        });
        self.0.calls.borrow_mut()[index].due = reply.and_then(|reply| self.0.due(reply, &recorded.invocation));
        self.handle(HandleTarget::Call(index))
    }

    pub fn send(&self, call: &OutgoingCall<'_>) -> String {
        let index = self.record(call, Some(Duration::from_millis(call.delay_ms)));
        self.0.calls.borrow()[index].call.invocation.clone()
    }

    /// The test's own reply, or that of an actor of the test. No other actor exists.
    pub fn ask(&self, id: &str, query: &str, arguments: &str) -> Answer {
        let asked = QueryCall { id: id.into(), query: query.into(), arguments: value(arguments) };
        if let Some(answer) = self.0.on_ask.borrow().iter().rev().find_map(|on_ask| on_ask(&asked)) {
            return answer.map(|answer| written(&answer));
        }
        let actors = self.0.actors.borrow();
        let Some(actor) = actors.iter().find(|actor| actor.id == id) else {
            return Err(Fault::new(Origin::Host, "not-found", format!("there is no actor {id}")));
        };
        if !actor.queries.iter().any(|name| name == query) {
            return Err(Fault::new(Origin::Host, Failure::BAD_ARGUMENTS, format!("{query} is no query of {id}")));
        }
        (actor.run)(query, arguments, self.0.time()).map_err(|failure| fault_of(failure, ""))
    }

    pub fn attach(&self, invocation: &str) -> HostHandle {
        let index = self.0.calls.borrow().iter().position(|scripted| scripted.call.invocation == invocation);
        self.handle(index.map_or_else(|| HandleTarget::Attached(invocation.to_owned()), HandleTarget::Call))
    }

    pub fn timer(&self, ms: u64) -> HostHandle {
        self.handle(HandleTarget::Timer(self.now().saturating_add(ms)))
    }

    pub fn event(&self, name: &str) -> HostHandle {
        self.handle(HandleTarget::Event { name: name.to_owned(), taken: RefCell::default() })
    }

    pub fn wait_any(&self, handles: &[&HostHandle]) -> usize {
        self.0.wait_any(handles)
    }

    fn handle(&self, target: HandleTarget) -> HostHandle {
        HostHandle { host: Rc::clone(&self.0), target }
    }

    /// Keeps a call and returns its index.
    fn record(&self, call: &OutgoingCall<'_>, delay: Option<Duration>) -> usize {
        let mut calls = self.0.calls.borrow_mut();
        let call = Call {
            target: Target::from(call.target),
            method: call.method.to_owned(),
            arguments: value(call.arguments),
            meta: call.meta.to_vec(),
            limits: call.limits.to_vec(),
            delay,
            invocation: format!("{}/{}", self.invocation(), calls.len() + 1),
            cancelled: false,
        };
        calls.push(ScriptedCall { call, due: None });
        calls.len() - 1
    }
}

impl TestHost {
    pub fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.now.get())
    }

    /// SplitMix64: the shortest generator whose bits are good enough for a test.
    fn next_random(&self) -> u64 {
        self.random.set(self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut z = self.random.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The test's own reply, or that of an actor of the test.
    fn reply(&self, call: &Call, arguments: &str) -> Option<Reply> {
        if let Some(reply) = self.on_start.borrow().iter().rev().find_map(|on_start| on_start(call)) {
            return Some(reply);
        }
        let id = call.target.actor()?;
        let actors = self.actors.borrow();
        let actor = actors.iter().find(|actor| actor.id == id)?;
        Some(Reply::of((actor.run)(&call.method, arguments, self.time()), &call.invocation))
    }

    pub fn due(&self, reply: Reply, invocation: &str) -> Due {
        let at = (self.time() + reply.after).as_millis();
        let named = |fault| Fault { invocation: invocation.to_owned(), ..fault };
        reply.answer.map(|answer| (at, answer.map_err(named)))
    }

    /// Moves the time to the first answer and returns the index of its handle.
    fn wait_any(&self, handles: &[&HostHandle]) -> usize {
        let ready = handles.iter().enumerate();
        let ready =
            ready.filter_map(|(index, handle)| self.ready(&handle.target).map(|at| (at.max(self.now.get()), index)));
        let Some((at, index)) = ready.min() else {
            let targets: Vec<String> = handles.iter().map(|handle| self.in_words(&handle.target)).collect();
            panic!("the method waits for ever: the test answers nothing of {}", targets.join(", "));
        };
        self.now.set(at);
        self.take(&handles[index].target);
        index
    }

    /// The time of an answer, if the test gives one.
    fn ready(&self, target: &HandleTarget) -> Option<u64> {
        match target {
            HandleTarget::Call(_) | HandleTarget::Attached(_) => self.answer(target).map(|(at, _)| at),
            HandleTarget::Timer(at) => Some(*at),
            HandleTarget::Event { taken, .. } if taken.borrow().is_some() => Some(0),
            HandleTarget::Event { name, .. } => self.next_event(name).map(|(at, _)| at),
        }
    }

    fn answer(&self, target: &HandleTarget) -> Due {
        match target {
            HandleTarget::Call(index) => self.calls.borrow()[*index].due.clone(),
            HandleTarget::Attached(invocation) => {
                let attached = self.attached.borrow();
                attached.iter().find(|(id, _)| id == invocation).and_then(|(_, due)| due.clone())
            }
            HandleTarget::Timer(_) | HandleTarget::Event { .. } => None,
        }
    }

    /// Moves the event that answers a handle into that handle.
    fn take(&self, target: &HandleTarget) {
        if let HandleTarget::Event { name, taken } = target
            && taken.borrow().is_none()
            && let Some((_, index)) = self.next_event(name)
        {
            let event = self.events.borrow_mut().remove(index);
            taken.replace(Some(event.payload));
        }
    }

    /// The time and the index of the next event of a name.
    fn next_event(&self, name: &str) -> Option<(u64, usize)> {
        let events = self.events.borrow();
        let named = events.iter().enumerate().filter(|(_, event)| event.name == name);
        named.map(|(index, event)| (event.at, index)).min()
    }

    fn in_words(&self, target: &HandleTarget) -> String {
        match target {
            HandleTarget::Call(index) => {
                let call = &self.calls.borrow()[*index].call;
                format!("`{}` of {:?}", call.method, call.target)
            }
            HandleTarget::Timer(_) => "a timer".to_owned(),
            HandleTarget::Event { name, .. } => format!("the event `{name}`"),
            HandleTarget::Attached(invocation) => format!("the invocation `{invocation}`"),
        }
    }
}

impl HostHandle {
    pub fn invocation(&self) -> String {
        match &self.target {
            HandleTarget::Call(index) => self.host.calls.borrow()[*index].call.invocation.clone(),
            HandleTarget::Attached(invocation) => invocation.clone(),
            HandleTarget::Timer(_) | HandleTarget::Event { .. } => String::new(),
        }
    }

    pub fn wait(&self) -> Answer {
        self.host.wait_any(&[self]);
        match &self.target {
            HandleTarget::Event { taken, .. } => Ok(taken.borrow().clone().expect("the wait took the event")),
            HandleTarget::Timer(_) => Ok("null".to_owned()),
            call => self.host.answer(call).expect("the wait found an answer").1,
        }
    }

    pub fn cancel(&self) {
        let now = self.host.now.get();
        let fault = Fault::new(Origin::Host, "cancelled", "the invocation was cancelled");
        let cancelled = Some((now, Err(Fault { invocation: self.invocation(), ..fault })));
        let is_pending = |due: &Due| due.as_ref().is_none_or(|(at, _)| *at > now);
        match &self.target {
            HandleTarget::Call(index) => {
                let scripted = &mut self.host.calls.borrow_mut()[*index];
                if is_pending(&scripted.due) {
                    scripted.call.cancelled = true;
                    scripted.due = cancelled;
                }
            }
            HandleTarget::Attached(invocation) if is_pending(&self.host.answer(&self.target)) => {
                let mut attached = self.host.attached.borrow_mut();
                attached.retain(|(id, _)| id != invocation);
                attached.push((invocation.clone(), cancelled));
            }
            _ => {}
        }
    }
}

fn fault_of(failure: Failure, invocation: &str) -> Fault {
    Fault {
        origin: if Failure::is_of_host(&failure.kind) { Origin::Host } else { Origin::Class },
        kind: failure.kind.into_owned(),
        message: failure.message,
        details: failure.details,
        permanent: failure.permanent,
        resumable: failure.resumable,
        invocation: invocation.to_owned(),
    }
}

pub(crate) fn written(value: &impl Serialize) -> String {
    json::text(value).expect("a test's values can be written as JSON")
}

pub(crate) fn value(json: &str) -> Value {
    serde_json::from_str(json).expect("the SDK's JSON can be read")
}
