//! The model of an engine, without a store, a sandbox or a lock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::actions::{Act, Call, IDS, Pick, What};

/// The answer of an act. Errors by their kinds.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done,
    Reply {
        reference: u64,
        step: Option<u64>,
        result: String,
        recorded: bool,
    },
    Value(String),
    Reference(u64),
    /// It existed, and nothing changed.
    There,
    Error(String),
    Many(Vec<Answer>),
}

#[derive(Default)]
pub struct Plain {
    pub now: u64,
    pub names: [Named; IDS.len()],
}

/// The data of an id.
#[derive(Default)]
pub struct Named {
    pub steps: u64,
    pub references: u64,
    pub account: Option<Account>,
    pub inbox: VecDeque<u64>,
    /// Due times with numbers.
    pub delayed: BTreeSet<(u64, u64)>,
    pub invocations: BTreeMap<u64, Invocation>,
    pub keys: BTreeMap<u8, u64>,
    pub journal: Vec<Step>,
}

#[derive(Clone)]
pub struct Account {
    pub balance: i64,
    pub entries: usize,
    updated: u64,
}

pub struct Invocation {
    pub what: What,
    due: Option<u64>,
    pub end: Option<End>,
    pub resumed_by: Option<u64>,
}

/// The result, or the kind of the failure, and the step.
#[derive(Clone, Debug)]
pub struct End {
    pub outcome: Result<String, String>,
    pub step: Option<u64>,
}

pub struct Step {
    pub number: u64,
    pub reference: u64,
    pub at: u64,
    pub after: Account,
}

impl Plain {
    pub fn act(&mut self, act: &Act) -> Answer {
        let now = self.now;
        match act {
            Act::Call(call) => self.names[call.id].call(call, now),
            Act::CreateIfAbsent { id, opening } => {
                let call = Call { id: *id, what: What::Open(*opening), key: None };
                match self.names[*id].call(&call, now) {
                    Answer::Error(kind) if kind == "exists" => Answer::There,
                    Answer::Error(kind) if kind == "being-made" => self.names[*id].ensure(&call, now),
                    answer => answer,
                }
            }
            Act::Submit { call, after } => self.names[call.id].submit(call, after.map(|after| now + after), now),
            Act::Get { id } => match &self.names[*id].account {
                Some(account) => Answer::Value(account.balance.to_string()),
                None => self.names[*id].absent(),
            },
            Act::Many(calls) => {
                // a constructor is no mutation
                let answer = |call: &Call| match call.what {
                    What::Open(_) => self.names[call.id].call_constructor(call),
                    _ => self.names[call.id].call(call, now),
                };
                Answer::Many(calls.iter().map(answer).collect())
            }
            Act::Wait(pick) => self.of(pick, |named, number| match named.invocations.contains_key(&number) {
                true => named.answer(number, false, now),
                false => error("no-invocation"),
            }),
            Act::Cancel(pick) => self.of(pick, Named::cancel),
            Act::Resume(pick) => self.of(pick, |named, number| named.resume(number, now)),
            Act::Remove { id, force } => self.names[*id].remove(*force),
            Act::Work { .. } => {
                for named in &mut self.names {
                    while let Some(next) = named.next(now) {
                        named.run(next, now);
                    }
                }
                Answer::Done
            }
            Act::Pass(millis) => {
                self.now += millis;
                Answer::Done
            }
            Act::Reopen => Answer::Done,
            Act::Wrong => error("wrong"),
        }
    }

    pub fn number(&self, pick: &Pick) -> u64 {
        pick.number % (self.names[pick.id].references + 1) + 1
    }

    fn of(&mut self, pick: &Pick, act: impl FnOnce(&mut Named, u64) -> Answer) -> Answer {
        let number = self.number(pick);
        act(&mut self.names[pick.id], number)
    }

    /// Whether it waits for an invocation that is not due yet, or calls an actor whose construction
    /// is not due: such a call is accepted only if the actor is locked at the moment.
    pub fn depends_on_the_clock(&self, act: &Act) -> bool {
        let depends = |call: &Call| {
            let named = &self.names[call.id];
            let opens = |number: &u64| matches!(named.invocations[number].what, What::Open(_));
            let is_made_later = named.account.is_none() && named.delayed.iter().any(|(_, number)| opens(number));
            named.key_is_delayed(call, self.now) || is_made_later && !matches!(call.what, What::Open(_))
        };
        match act {
            Act::Call(call) => depends(call),
            Act::Many(calls) => calls.iter().any(depends),
            Act::Wait(pick) => self.names[pick.id].is_delayed(self.number(pick), self.now),
            _ => false,
        }
    }
}

fn error(kind: &str) -> Answer {
    Answer::Error(kind.to_owned())
}

impl Named {
    fn is_delayed(&self, number: u64, now: u64) -> bool {
        self.delayed.iter().any(|(due, delayed)| *delayed == number && *due > now)
    }

    fn key_is_delayed(&self, call: &Call, now: u64) -> bool {
        let used = call.key.and_then(|key| self.keys.get(&key));
        used.is_some_and(|number| self.is_delayed(*number, now))
    }

    /// The call that used the key before; an error if it was a different call.
    fn known(&self, call: &Call) -> Option<Result<u64, Answer>> {
        let number = *self.keys.get(&call.key?)?;
        Some(if self.invocations[&number].what == call.what { Ok(number) } else { Err(error("key-taken")) })
    }

    /// Whether the actor exists, or its construction is pending.
    fn is_to_be(&self) -> bool {
        let opens = |invocation: &Invocation| invocation.end.is_none() && matches!(invocation.what, What::Open(_));
        self.account.is_some() || self.invocations.values().any(opens)
    }

    /// The answer for a missing actor.
    fn absent(&self) -> Answer {
        if self.is_to_be() { error("being-made") } else { error("no-actor") }
    }

    fn queued_construction(&self) -> Option<u64> {
        self.inbox.iter().copied().find(|number| matches!(self.invocations[number].what, What::Open(_)))
    }

    /// The reason for which a construction is refused.
    fn made_already(&self) -> Option<Answer> {
        match self.account {
            Some(_) => Some(error("exists")),
            None => self.queued_construction().map(|_| error("being-made")),
        }
    }

    /// Waits for the pending constructions of an actor, and creates it if all of them fail.
    fn ensure(&mut self, call: &Call, now: u64) -> Answer {
        while let Some(number) = self.queued_construction().filter(|_| self.account.is_none()) {
            self.answer(number, false, now);
        }
        match self.call(call, now) {
            Answer::Error(kind) if kind == "exists" => Answer::There,
            answer => answer,
        }
    }

    fn call(&mut self, call: &Call, now: u64) -> Answer {
        match self.known(call) {
            Some(Ok(number)) => return self.answer(number, true, now),
            Some(Err(taken)) => return taken,
            None => {}
        }
        let constructs = matches!(call.what, What::Open(_));
        if constructs && self.account.is_some() {
            return error("exists");
        }
        if !constructs && !self.is_to_be() {
            return error("no-actor");
        }
        let free = self.next(now).is_none();
        if free && !constructs && self.account.is_none() {
            return self.absent();
        }
        if !free {
            self.enter_due(now);
            if constructs && let Some(refused) = self.made_already() {
                return refused;
            }
        }
        let number = self.give_number(call, None);
        if free {
            self.end(number, now);
        } else {
            self.enter(number);
        }
        self.answer(number, false, now)
    }

    /// `call` names no constructor.
    fn call_constructor(&self, call: &Call) -> Answer {
        match self.known(call) {
            // the key was used by another kind of call, possibly by the construction
            Some(_) => error("key-taken"),
            None if !self.is_to_be() => error("no-actor"),
            None => error("wrong-kind"),
        }
    }

    fn submit(&mut self, call: &Call, due: Option<u64>, now: u64) -> Answer {
        match self.known(call) {
            Some(Ok(number)) => return Answer::Reference(number),
            Some(Err(taken)) => return taken,
            None => {}
        }
        match call.what {
            What::Open(_) if self.account.is_some() => return error("exists"),
            What::Deposit(_) | What::Withdraw(_) if !self.is_to_be() => return error("no-actor"),
            _ => {}
        }
        self.accept(call, due, now)
    }

    fn accept(&mut self, call: &Call, due: Option<u64>, now: u64) -> Answer {
        self.enter_due(now);
        if matches!(call.what, What::Open(_))
            && let Some(refused) = self.made_already()
        {
            return refused;
        }
        let number = self.give_number(call, due);
        match due {
            Some(due) if due > now => {
                self.delayed.insert((due, number));
            }
            _ => self.enter(number),
        }
        Answer::Reference(number)
    }

    fn give_number(&mut self, call: &Call, due: Option<u64>) -> u64 {
        self.references += 1;
        let invocation = Invocation { what: call.what, due, end: None, resumed_by: None };
        self.invocations.insert(self.references, invocation);
        if let Some(key) = call.key {
            self.keys.insert(key, self.references);
        }
        self.references
    }

    fn enter(&mut self, number: u64) {
        self.inbox.push_back(number);
    }

    fn enter_due(&mut self, now: u64) {
        while let Some((due, number)) = self.delayed.first().copied()
            && due <= now
        {
            self.delayed.pop_first();
            self.enter(number);
        }
    }

    fn next(&self, now: u64) -> Option<u64> {
        let due = self.delayed.first().filter(|(due, _)| *due <= now);
        self.inbox.front().copied().or(due.map(|(_, number)| *number))
    }

    /// Runs a pending invocation.
    fn run(&mut self, number: u64, now: u64) {
        self.leave(number);
        self.end(number, now);
    }

    fn leave(&mut self, number: u64) {
        self.inbox.retain(|queued| *queued != number);
        self.delayed.retain(|(_, delayed)| *delayed != number);
    }

    fn end(&mut self, number: u64, now: u64) {
        let invocation = &self.invocations[&number];
        let at = invocation.due.map_or(now, |due| now.max(due));
        let what = invocation.what;
        let kind = |kind: &str| Err(kind.to_owned());
        let (outcome, after) = match (what, self.account.clone()) {
            (What::Open(_), Some(_)) => (kind("exists"), None),
            (What::Open(opening), None) if opening < 0 => (kind("amount-not-positive"), None),
            (What::Open(opening), None) => {
                let entries = usize::from(opening != 0);
                (Ok("null".to_owned()), Some(Account { balance: opening, entries, updated: at }))
            }
            (_, None) => (kind("not-found"), None),
            (What::Deposit(0), Some(account)) => (kind("amount-not-positive"), Some(account)),
            (What::Withdraw(amount), Some(account)) if amount > account.balance => {
                (kind("insufficient-funds"), Some(account))
            }
            (What::Deposit(change), Some(account)) => account.booked(change),
            (What::Withdraw(amount), Some(account)) => account.booked(-amount),
        };
        let step = after.map(|account| {
            let at = self.account.as_ref().map_or(at, |before| at.max(before.updated));
            let account = Account { updated: at, ..account };
            self.steps += 1;
            self.journal.push(Step { number: self.steps, reference: number, at, after: account.clone() });
            self.account = Some(account);
            self.steps
        });
        self.invocations.get_mut(&number).unwrap().end = Some(End { outcome, step });
    }

    /// Runs the invocations before it in the inbox, and itself.
    fn answer(&mut self, number: u64, recorded: bool, now: u64) -> Answer {
        while self.invocations[&number].end.is_none() {
            let next = self.next(now).expect("it has its turn");
            self.run(next, now);
        }
        let End { outcome, step } = self.invocations[&number].end.clone().unwrap();
        match outcome {
            Ok(result) => Answer::Reply { reference: number, step, result, recorded },
            Err(kind) => Answer::Error(kind),
        }
    }

    fn cancel(&mut self, number: u64) -> Answer {
        match self.invocations.get(&number) {
            None => error("no-invocation"),
            Some(Invocation { end: Some(_), .. }) => error("ended"),
            Some(_) => {
                self.end_cancelled(number);
                Answer::Done
            }
        }
    }

    fn end_cancelled(&mut self, number: u64) {
        self.leave(number);
        let end = End { outcome: Err("cancelled".to_owned()), step: None };
        self.invocations.get_mut(&number).unwrap().end = Some(end);
    }

    fn resume(&mut self, number: u64, now: u64) -> Answer {
        let Some(old) = self.invocations.get(&number) else { return error("no-invocation") };
        match &old.end {
            None => return error("not-ended"),
            Some(End { outcome: Ok(_), .. }) => return error("ended"),
            Some(_) => {}
        }
        let what = old.what;
        if !matches!(what, What::Open(_)) && !self.is_to_be() {
            return error("no-actor");
        }
        if old.resumed_by.is_some() {
            return error("resumed");
        }
        let again = self.accept(&Call { id: 0, what, key: None }, None, now);
        if let Answer::Reference(number_of_again) = again {
            self.invocations.get_mut(&number).unwrap().resumed_by = Some(number_of_again);
        }
        again
    }

    fn remove(&mut self, force: bool) -> Answer {
        if self.account.is_none() && !(force && self.is_to_be()) {
            return self.absent();
        }
        let open: Vec<u64> = self.inbox.iter().copied().chain(self.delayed.iter().map(|(_, number)| *number)).collect();
        if !open.is_empty() && !force {
            return error("busy");
        }
        self.invocations.retain(|_, invocation| invocation.end.is_none());
        open.into_iter().for_each(|number| self.end_cancelled(number));
        self.keys.clear();
        self.journal.clear();
        self.account = None;
        Answer::Done
    }
}

impl Account {
    fn booked(self, change: i64) -> (Result<String, String>, Option<Account>) {
        let balance = self.balance + change;
        (Ok(balance.to_string()), Some(Account { balance, entries: self.entries + 1, ..self }))
    }
}
