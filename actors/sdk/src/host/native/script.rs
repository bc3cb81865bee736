//! What a test answers, and what it sees: operations without a host.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::{Host, State};
use crate::call::Call;
use crate::class::Class;
use crate::context::Context;
use crate::failure::Failure;
use crate::fault::{Fault, Origin};
use crate::testing::{self, Reply, To, value, written};
use crate::time::Timestamp;

type Answer = Result<String, Fault>;
type OnStart = Box<dyn Fn(&testing::Call) -> Option<Reply>>;
type OnAsk = Box<dyn Fn(&testing::Question) -> Option<Result<Value, Fault>>>;
/// Runs a method, given its name and its arguments, on a context of its own.
type RunActor = Box<dyn Fn(&str, &str, &Context) -> Result<String, Failure>>;

/// An actor that a test put there.
struct Actor {
    id: String,
    /// Names of its queries.
    queries: Vec<String>,
    run: RunActor,
}

#[derive(Default)]
pub struct Script {
    calls: RefCell<Vec<Made>>,
    /// Of invocations that the method did not make itself.
    others: RefCell<Vec<(String, Due)>>,
    saves: RefCell<Vec<Vec<u8>>>,
    events: RefCell<Vec<Event>>,
    on_start: RefCell<Vec<OnStart>>,
    on_ask: RefCell<Vec<OnAsk>>,
    actors: RefCell<Vec<Actor>>,
}

/// From when on, and what. None where it is never answered.
type Due = Option<(u64, Answer)>;

struct Made {
    call: testing::Call,
    due: Due,
}

struct Event {
    at: u64,
    name: String,
    payload: String,
}

/// Something that a test answers.
pub struct Handle {
    host: Rc<State>,
    what: What,
}

enum What {
    /// One of the calls, by its place.
    Call(usize),
    /// An invocation that the method did not make.
    Other(String),
    Timer(u64),
    Event {
        name: String,
        taken: RefCell<Option<String>>,
    },
}

impl Host {
    pub fn save(&self, state: Vec<u8>) {
        self.0.script.saves.borrow_mut().push(state);
    }

    pub fn start<V>(&self, call: &Call<'_, V>, method: &str, arguments: &str) -> Handle {
        let index = self.record(call, method, arguments, None);
        let recorded = self.0.script.calls.borrow()[index].call.clone();
        let reply = self.reply(&recorded, arguments).or_else(|| {
            let run = call.run?;
            let ctx = self.context_of_child("");
            Some(replied(run(method, arguments, &ctx), &recorded))
        });
        self.0.script.calls.borrow_mut()[index].due = reply.and_then(|reply| self.due(reply, &recorded.invocation));
        Handle { host: self.0.clone(), what: What::Call(index) }
    }

    pub fn send<V>(&self, call: &Call<'_, V>, method: &str, arguments: &str) -> String {
        let index = self.record(call, method, arguments, Some(Duration::from_millis(call.delay_ms)));
        self.0.script.calls.borrow()[index].call.invocation.clone()
    }

    /// What the test replies, or an actor that it put there; any other actor is not there.
    pub fn ask(&self, id: &str, query: &str, arguments: &str) -> Answer {
        let script = &self.0.script;
        let question = testing::Question { id: id.into(), query: query.into(), arguments: value(arguments) };
        if let Some(answer) = script.on_ask.borrow().iter().rev().find_map(|on_ask| on_ask(&question)) {
            return answer.map(|answer| written(&answer));
        }
        let actors = script.actors.borrow();
        let Some(actor) = actors.iter().find(|actor| actor.id == id) else {
            return Err(Fault::new(Origin::Host, "not-found", format!("there is no actor {id}")));
        };
        if !actor.queries.iter().any(|name| name == query) {
            return Err(Fault::new(Origin::Host, Failure::BAD_ARGUMENTS, format!("{query} is no query of {id}")));
        }
        (actor.run)(query, arguments, &self.context_of_child(id)).map_err(|failure| fault_of(failure, ""))
    }

    pub fn attach(&self, invocation: &str) -> Handle {
        let made = self.0.script.calls.borrow().iter().position(|made| made.call.invocation == invocation);
        let what = made.map_or_else(|| What::Other(invocation.to_owned()), What::Call);
        Handle { host: self.0.clone(), what }
    }

    pub fn timer(&self, ms: u64) -> Handle {
        Handle { host: self.0.clone(), what: What::Timer(self.now().saturating_add(ms)) }
    }

    pub fn event(&self, name: &str) -> Handle {
        let what = What::Event { name: name.to_owned(), taken: RefCell::default() };
        Handle { host: self.0.clone(), what }
    }

    pub fn wait_any(&self, handles: &[&Handle]) -> usize {
        self.0.wait_any(handles)
    }

    fn record<V>(&self, made: &Call<'_, V>, method: &str, arguments: &str, delay: Option<Duration>) -> usize {
        let mut calls = self.0.script.calls.borrow_mut();
        let invocation = format!("{}/{}", self.invocation(), calls.len() + 1);
        let call = testing::Call {
            to: To::from(&made.whom),
            method: method.to_owned(),
            arguments: value(arguments),
            meta: made.meta.clone(),
            delay,
            invocation,
            cancelled: false,
        };
        calls.push(Made { call, due: None });
        calls.len() - 1
    }

    /// What the test replies, or an actor that it put there.
    fn reply(&self, call: &testing::Call, arguments: &str) -> Option<Reply> {
        let script = &self.0.script;
        if let Some(reply) = script.on_start.borrow().iter().rev().find_map(|on_start| on_start(call)) {
            return Some(reply);
        }
        let id = call.to.actor()?;
        let actors = script.actors.borrow();
        let actor = actors.iter().find(|actor| actor.id == id)?;
        let result = (actor.run)(&call.method, arguments, &self.context_of_child(id));
        Some(replied(result, call))
    }

    fn due(&self, reply: Reply, invocation: &str) -> Due {
        let at = (Timestamp::from_millis(self.now()) + reply.after).as_millis();
        let named = |fault| Fault { invocation: invocation.to_owned(), ..fault };
        reply.answer.map(|answer| (at, answer.map_err(named)))
    }

    fn context_of_child(&self, id: &str) -> Context {
        Context::for_test().with_actor_id(id).with_now(Timestamp::from_millis(self.now()))
    }
}

fn replied(result: Result<String, Failure>, call: &testing::Call) -> Reply {
    let answer = result.map_err(|failure| fault_of(failure, &call.invocation));
    Reply { answer: Some(answer), after: Duration::ZERO }
}

fn fault_of(failure: Failure, invocation: &str) -> Fault {
    Fault {
        origin: if Failure::is_of_host(&failure.kind) { Origin::Host } else { Origin::Class },
        kind: failure.kind.into_owned(),
        message: failure.message,
        details: failure.details,
        invocation: invocation.to_owned(),
    }
}

/// Names of a class's queries.
fn queries<A: Class>() -> Vec<String> {
    let description = value(&A::describe());
    let methods = description["methods"].as_array().into_iter().flatten();
    let queries = methods.filter(|method| method["kind"] == "query").filter_map(|method| method["name"].as_str());
    queries.map(str::to_owned).collect()
}

impl State {
    /// The first to be answered: time goes on until then.
    fn wait_any(&self, handles: &[&Handle]) -> usize {
        let ready = handles
            .iter()
            .enumerate()
            .filter_map(|(index, handle)| handle.what.ready(self).map(|at| (at.max(self.now.get()), index)));
        let Some((at, index)) = ready.min() else {
            let awaited: Vec<String> = handles.iter().map(|handle| handle.what.in_words(self)).collect();
            panic!("the method waits for ever: the test answers nothing of {}", awaited.join(", "));
        };
        self.now.set(at);
        handles[index].what.take(self);
        index
    }
}

impl What {
    /// From when on it is answered, as far as the test says.
    fn ready(&self, state: &State) -> Option<u64> {
        match self {
            What::Call(_) | What::Other(_) => state.script.due(self).map(|(at, _)| at),
            What::Timer(at) => Some(*at),
            What::Event { taken, .. } if taken.borrow().is_some() => Some(0),
            What::Event { name, .. } => state.script.next_event(name).map(|(at, _)| at),
        }
    }

    /// Makes the answer that is ready the handle's own.
    fn take(&self, state: &State) {
        if let What::Event { name, taken } = self
            && taken.borrow().is_none()
            && let Some((_, index)) = state.script.next_event(name)
        {
            let event = state.script.events.borrow_mut().remove(index);
            taken.replace(Some(event.payload));
        }
    }

    fn in_words(&self, state: &State) -> String {
        match self {
            What::Call(index) => {
                let call = &state.script.calls.borrow()[*index].call;
                format!("`{}` of {:?}", call.method, call.to)
            }
            What::Timer(_) => "a timer".to_owned(),
            What::Event { name, .. } => format!("the event `{name}`"),
            What::Other(invocation) => format!("the invocation `{invocation}`"),
        }
    }
}

impl Script {
    fn due(&self, what: &What) -> Due {
        match what {
            What::Call(index) => self.calls.borrow()[*index].due.clone(),
            What::Other(invocation) => {
                let others = self.others.borrow();
                others.iter().find(|(other, _)| other == invocation).and_then(|(_, due)| due.clone())
            }
            What::Timer(_) | What::Event { .. } => None,
        }
    }

    /// When the next event of the name is there, and its place.
    fn next_event(&self, name: &str) -> Option<(u64, usize)> {
        let events = self.events.borrow();
        let named = events.iter().enumerate().filter(|(_, event)| event.name == name);
        named.map(|(index, event)| (event.at, index)).min()
    }
}

impl Handle {
    pub fn invocation(&self) -> String {
        match &self.what {
            What::Call(index) => self.host.script.calls.borrow()[*index].call.invocation.clone(),
            What::Other(invocation) => invocation.clone(),
            What::Timer(_) | What::Event { .. } => String::new(),
        }
    }

    pub fn wait(&self) -> Answer {
        self.host.wait_any(&[self]);
        match &self.what {
            What::Event { taken, .. } => Ok(taken.borrow().clone().expect("the wait took it")),
            What::Timer(_) => Ok("null".to_owned()),
            call => self.host.script.due(call).expect("the wait saw that it is answered").1,
        }
    }

    pub fn cancel(&self) {
        let now = self.host.now.get();
        let fault = Fault::new(Origin::Host, "cancelled", "the invocation was cancelled");
        let cancelled = Some((now, Err(Fault { invocation: self.invocation(), ..fault })));
        let runs = |due: &Due| due.as_ref().is_none_or(|(at, _)| *at > now);
        match &self.what {
            What::Call(index) => {
                let made = &mut self.host.script.calls.borrow_mut()[*index];
                if runs(&made.due) {
                    made.call.cancelled = true;
                    made.due = cancelled;
                }
            }
            What::Other(invocation) if runs(&self.host.script.due(&self.what)) => {
                let mut others = self.host.script.others.borrow_mut();
                others.retain(|(other, _)| other != invocation);
                others.push((invocation.clone(), cancelled));
            }
            _ => {}
        }
    }
}

/// What a test scripts, and what it sees; not there in WebAssembly. See [`testing`](crate::testing).
impl Context {
    /// Answers what is started; what it has no reply for is asked of the function that was given before it, and
    /// then of what else answers.
    pub fn on_start(&self, reply: impl Fn(&testing::Call) -> Option<Reply> + 'static) {
        self.host.0.script.on_start.borrow_mut().push(Box::new(reply));
    }

    /// Answers an invocation that the method attaches to, and did not make itself.
    pub fn on_attach(&self, invocation: impl Into<String>, reply: Reply) {
        let invocation = invocation.into();
        let due = self.host.due(reply, &invocation);
        self.host.0.script.others.borrow_mut().push((invocation, due));
    }

    /// Answers queries that the method asks, as [`on_start`](Context::on_start) answers what it starts.
    pub fn on_ask(&self, reply: impl Fn(&testing::Question) -> Option<Result<Value, Fault>> + 'static) {
        self.host.0.script.on_ask.borrow_mut().push(Box::new(reply));
    }

    /// An actor that what is started reaches, and that answers queries. As on the host, a method that fails, or leaves a state that cannot be saved,
    /// changes nothing.
    pub fn with_actor<A: Class>(self, id: impl Into<String>, actor: Rc<RefCell<A>>) -> Self {
        let run = move |method: &str, arguments: &str, ctx: &Context| {
            let before = actor.borrow().get_state(ctx)?;
            let result = A::invoke(Some(&mut actor.borrow_mut()), method, arguments, ctx);
            let result = result.and_then(|result| actor.borrow().get_state(ctx).map(|_| result));
            if result.is_err() {
                actor.replace(A::set_state(before, ctx)?);
            }
            result
        };
        let actor = Actor { id: id.into(), queries: queries::<A>(), run: Box::new(run) };
        self.host.0.script.actors.borrow_mut().push(actor);
        self
    }

    /// Sends the actor an event, now.
    pub fn emit(&self, name: impl Into<String>, payload: impl Serialize) {
        self.emit_at(self.now(), name, payload);
    }

    /// Sends the actor an event at a moment to come.
    pub fn emit_at(&self, at: Timestamp, name: impl Into<String>, payload: impl Serialize) {
        let event = Event { at: at.as_millis(), name: name.into(), payload: written(&payload) };
        self.host.0.script.events.borrow_mut().push(event);
    }

    /// What was started and sent so far.
    pub fn calls(&self) -> Vec<testing::Call> {
        self.host.0.script.calls.borrow().iter().map(|made| made.call.clone()).collect()
    }

    /// What was saved so far, by a class of this type.
    ///
    /// # Panics
    ///
    /// When the class cannot read what it saved.
    pub fn saves<A: Class>(&self) -> Vec<A> {
        let saves = self.host.0.script.saves.borrow();
        saves.iter().map(|state| A::set_state(state.clone(), self).expect("the class reads what it saved")).collect()
    }
}
