//! A class for vactor's own tests, and no example: each method uses one operation of the context.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vactor_sdk::{Context, Failure, Fault, Handle, Limit, actor};

#[derive(Serialize, Deserialize)]
pub struct Probe {
    value: i64,
    status: String,
    /// The opaque id of a child that an earlier method started.
    child: Option<String>,
}

/// Waits and calls of every kind.
#[actor]
impl Probe {
    /// Creates a partner first if it is named.
    pub fn new(#[default(0)] value: i64, partner: Option<String>, ctx: &Context) -> Result<Self, Fault> {
        if let Some(partner) = partner {
            ctx.start::<Probe>(partner).or_create(value, None).add(0).wait()?;
        }
        Ok(Probe { value, status: "new".to_owned(), child: None })
    }

    pub fn value(&self) -> i64 {
        self.value
    }

    pub fn status(&self) -> &str {
        &self.status
    }

    pub fn add(&mut self, #[default(1)] n: i64) -> i64 {
        println!("adds {n}");
        self.value += n;
        self.value
    }

    pub fn fail(&mut self, kind: String) -> Result<(), Failure> {
        self.value = -1;
        Err(Failure::new(kind, "as it was told"))
    }

    /// Fails for good.
    pub fn refuse(&mut self) -> Result<(), Failure> {
        Err(Failure::new("refused", "this cannot be resumed").not_resumable())
    }

    /// Has another actor fail for good, and passes its failure on.
    pub fn refuse_by(&mut self, other: String, ctx: &Context) -> Result<(), Fault> {
        ctx.start::<Probe>(other).refuse().wait()
    }

    // Children

    /// Has a task compute for ever, with a limit on its time.
    pub fn hurry(&mut self, ms: u64, ctx: &Context) -> Result<u64, Fault> {
        let time = Limit::Time(Duration::from_millis(ms));
        ctx.task::<Probe>().limit(time).spin(u64::MAX).wait()
    }

    /// Has another actor add, and waits.
    pub fn add_to(&mut self, other: String, #[default(1)] n: i64, ctx: &Context) -> Result<i64, Fault> {
        println!("asks {other}");
        ctx.start::<Probe>(other).add(n).wait()
    }

    /// The same on an actor that is created if it does not exist.
    pub fn add_to_new(&mut self, other: String, n: i64, ctx: &Context) -> Result<i64, Fault> {
        ctx.start::<Probe>(other).or_create(100, None).add(n).wait()
    }

    /// Meets an actor that may meet this one, or call itself: a cycle of waits.
    pub fn meet(&mut self, other: String, ctx: &Context) -> String {
        let met = ctx.start::<Probe>(other).add(1).wait();
        self.value += 1;
        met.map_or_else(|fault| fault.kind, |_| "met".to_owned())
    }

    /// Meets the next of a row, which meets the one after it.
    pub fn meet_row(&mut self, row: Vec<String>, ctx: &Context) -> Result<String, Fault> {
        match row.split_first() {
            None => Ok("met".to_owned()),
            Some((next, rest)) => ctx.start::<Probe>(next.as_str()).meet_row(rest.to_vec()).wait(),
        }
    }

    /// Squares numbers in parallel and adds them up.
    pub fn sum_of_squares(&mut self, n: i64, ctx: &Context) -> Result<i64, Fault> {
        let tasks: Vec<Handle<i64>> = (1..=n).map(|number| ctx.task::<Probe>().square(number)).collect();
        self.value = ctx.join(&tasks).into_iter().sum::<Result<i64, Fault>>()?;
        Ok(self.value)
    }

    /// Starts so many waits for an event on others and gives the order in which they ended.
    pub fn race(&mut self, others: Vec<String>, ctx: &Context) -> Vec<String> {
        let mut left: Vec<(String, Handle<String>)> =
            others.into_iter().map(|id| (id.clone(), ctx.start::<Probe>(id).take("go".to_owned()))).collect();
        let mut order = Vec::new();
        while !left.is_empty() {
            let handles: Vec<&Handle<String>> = left.iter().map(|(_, handle)| handle).collect();
            let (id, handle) = left.remove(ctx.wait_any(handles));
            order.push(format!("{id} {}", handle.wait().unwrap_or_else(|fault| fault.kind)));
        }
        order
    }

    /// A sequence of calls with a save after each; the status says how far it came. A paced one waits for an event before each.
    pub fn pipeline(
        &mut self,
        steps: i64,
        gate: String,
        #[default(false)] paced: bool,
        ctx: &Context,
    ) -> Result<i64, Failure> {
        for step in 1..=steps {
            if paced {
                let _: Option<i64> = ctx.event("next").wait()?;
            }
            self.value += ctx.start::<Probe>(gate.as_str()).pass(step).wait()?;
            self.status = format!("did {step}");
            ctx.save(self)?;
        }
        Ok(self.value)
    }

    /// Counts who came by; refuses those of a number over its value.
    pub fn pass(&mut self, step: i64) -> Result<i64, Failure> {
        if step > self.value {
            return Err(Failure::new("closed", format!("{step} is too far")));
        }
        self.status.push('+');
        Ok(step)
    }

    pub fn open(&mut self, up_to: i64) {
        self.value = up_to;
    }

    /// Shows its status while it waits.
    pub fn boot(&mut self, ctx: &Context) -> Result<(), Failure> {
        self.status = "starting".to_owned();
        ctx.save(self)?;
        let _: Option<String> = ctx.wait_event("checked", Duration::from_secs(1_000_000))?;
        self.status = "up".to_owned();
        Ok(())
    }

    /// Shows its status while a task computes and after it ended.
    pub fn warm_up(&mut self, rounds: u64, ctx: &Context) -> Result<(), Failure> {
        self.status = "starting".to_owned();
        ctx.save(self)?;
        let warm = ctx.task::<Probe>().spin(rounds).wait();
        self.status = if warm.is_ok() { "up" } else { "cold" }.to_owned();
        Ok(())
    }

    /// Has a task compute, and waits for an event before it takes the result.
    pub fn warm_then_wait(&mut self, rounds: u64, ctx: &Context) -> Result<(), Fault> {
        let warm = ctx.task::<Probe>().spin(rounds);
        ctx.event::<Option<String>>("go").wait()?;
        warm.wait().map(drop)
    }

    /// Saves, sends, waits, changes more, and fails.
    pub fn save_and_fail(&mut self, other: String, ctx: &Context) -> Result<(), Failure> {
        self.value = 1;
        ctx.send::<Probe>(other.as_str()).add(1);
        ctx.save(self)?;
        ctx.send::<Probe>(other.as_str()).add(10);
        let _: String = ctx.event("taken").wait()?;
        ctx.send::<Probe>(other.as_str()).add(100);
        self.value = 2;
        let _never_committed = ctx.start::<Probe>(other.as_str()).add(1000);
        Err(Failure::new("told-to", "after it saved"))
    }

    /// Starts a child and remembers it; `collect` waits for it.
    pub fn begin(&mut self, other: String, ctx: &Context) {
        self.child = Some(ctx.start::<Probe>(other).take("go".to_owned()).invocation());
    }

    pub fn collect(&mut self, ctx: &Context) -> Result<String, Failure> {
        let child = self.child.take().ok_or_else(|| Failure::new("no-child", "nothing was begun"))?;
        Ok(ctx.attach::<String>(&child).wait()?)
    }

    /// Starts a child, remembers it once it has ended, and passes a gate.
    pub fn keep(&mut self, other: String, gate: String, step: i64, ctx: &Context) -> Result<i64, Failure> {
        let child = ctx.start::<Probe>(other).take("go".to_owned());
        child.wait()?;
        self.child = Some(child.invocation());
        Ok(ctx.start::<Probe>(gate).pass(step).wait()?)
    }

    /// Waits for what was begun or for a message to itself, which only comes when this has ended.
    pub fn wait_for_own_message(&mut self, delay_ms: u64, ctx: &Context) -> Result<String, Failure> {
        let id = ctx.send_after::<Probe>(Duration::from_millis(delay_ms), ctx.actor_id()).add(1);
        self.status = "sent".to_owned();
        ctx.save(self)?;
        Ok(match ctx.attach::<i64>(&id).wait() {
            Ok(value) => value.to_string(),
            Err(fault) => fault.kind,
        })
    }

    /// Waits for its own end.
    pub fn wait_for_itself(&mut self, ctx: &Context) -> String {
        match ctx.attach::<String>(&ctx.invocation()).wait() {
            Ok(result) => result,
            Err(fault) => format!("{}: {}", fault.kind, fault.message),
        }
    }

    /// Cancels itself, and goes on.
    pub fn cancel_itself(&mut self, ctx: &Context) -> i64 {
        ctx.attach::<i64>(&ctx.invocation()).cancel();
        self.value += 1;
        self.value
    }

    /// Starts one child that waits, one that fails, and fails with that.
    pub fn leave_behind(&mut self, other: String, ctx: &Context) -> Result<(), Fault> {
        let _goes_on = ctx.start::<Probe>(other.as_str()).take("go".to_owned());
        ctx.start::<Probe>("nowhere").add(1).wait().map(drop)
    }

    /// Cancels a child that would wait for ever.
    pub fn give_up(&mut self, other: String, ctx: &Context) -> String {
        let child = ctx.start::<Probe>(other).take("never".to_owned());
        ctx.wait_any((&child, &ctx.timer(Duration::from_millis(10))));
        child.cancel();
        child.wait().unwrap_or_else(|fault| fault.kind)
    }

    // Queries of others

    /// The result of a query of another actor, or the kind and the message of the fault.
    pub fn ask(&mut self, other: String, query: String, arguments: Option<Value>, ctx: &Context) -> Value {
        let answer = ctx.actor(other).ask::<Value>(&query, arguments.unwrap_or_else(|| json!({})));
        self.value += 1;
        answer.unwrap_or_else(|fault| format!("{:?} {}: {}", fault.origin, fault.kind, fault.message).into())
    }

    /// Asks for the value of another actor, waits for an event, and asks again.
    pub fn ask_twice(&mut self, other: String, ctx: &Context) -> Result<(i64, i64), Failure> {
        let before = ctx.ask::<Probe>(other.as_str()).value()?;
        let _: Option<String> = ctx.event("go").wait()?;
        Ok((before, ctx.ask::<Probe>(other).value()?))
    }

    /// Asks so often for as many characters.
    pub fn ask_often(&mut self, other: String, times: u64, length: u64, ctx: &Context) -> Result<u64, Fault> {
        (0..times).map(|_| Ok(ctx.ask::<Probe>(other.as_str()).long(length)?.len() as u64)).sum()
    }

    /// Queries of itself: before its method, and after its save.
    pub fn ask_itself(&mut self, ctx: &Context) -> Result<(i64, i64), Failure> {
        self.value += 1;
        let before = ctx.ask::<Probe>(ctx.actor_id()).value()?;
        ctx.save(self)?;
        Ok((before, ctx.ask::<Probe>(ctx.actor_id()).value()?))
    }

    /// Asks an actor that it has had made, before and after that is there.
    pub fn ask_new(&mut self, other: String, ctx: &Context) -> Result<(String, i64), Fault> {
        let child = ctx.start::<Probe>(other.as_str()).or_create(100, None).add(1);
        let before = ctx.ask::<Probe>(other.as_str()).value();
        child.wait()?;
        Ok((before.map_or_else(|fault| fault.kind, |value| value.to_string()), ctx.ask::<Probe>(other).value()?))
    }

    /// A query that does what none may: it asks.
    pub fn asks(&self, other: String, ctx: &Context) -> Result<i64, Fault> {
        ctx.ask::<Probe>(other).value()
    }

    pub fn refuses(&self) -> Result<(), Failure> {
        Err(Failure::new("closed", "not today").with_details(self.value))
    }

    pub fn computes(&self, rounds: u64) -> u64 {
        Probe::spin(rounds)
    }

    pub fn long(&self, length: u64) -> String {
        "x".repeat(length as usize)
    }

    /// Starts and sends calls with metadata, of an actor and of a task.
    pub fn label(&mut self, other: String, ctx: &Context) -> Result<i64, Fault> {
        let task = ctx.task::<Probe>().meta("kind", "task").meta("order", "17").square(7);
        let child = ctx.start::<Probe>(other.as_str()).meta("kind", "child").or_create(1, None).add(10);
        ctx.send::<Probe>(other.as_str()).meta("kind", "message").add(1);
        let named = ctx.actor(other).meta("kind", "named").start::<i64>("add", json!({ "n": 100 }));
        Ok(task.wait()? + child.wait()? + named.wait()?)
    }

    /// Gives a call a name of metadata twice.
    pub fn label_twice(&mut self, other: String, ctx: &Context) -> Result<i64, Fault> {
        ctx.start::<Probe>(other).meta("a", "1").meta("a", "2").add(1).wait()
    }

    // Events and timers

    /// Waits for an event and gives its payload.
    pub fn take(&mut self, event: String, ctx: &Context) -> Result<String, Fault> {
        let payload: String = ctx.event(&event).wait()?;
        self.value += 1;
        self.status.clone_from(&payload);
        Ok(payload)
    }

    /// Takes so many events of a name.
    pub fn take_all(&mut self, event: String, n: usize, ctx: &Context) -> Result<Vec<String>, Fault> {
        (0..n).map(|_| ctx.event(&event).wait()).collect()
    }

    /// The first of two events, or the deadline.
    pub fn decide(&mut self, deadline_ms: u64, ctx: &Context) -> &str {
        let (yes, no) = (ctx.event::<()>("yes"), ctx.event::<()>("no"));
        let deadline = ctx.timer(Duration::from_millis(deadline_ms));
        self.status = ["yes", "no", "late"][ctx.wait_any((&yes, &no, &deadline))].to_owned();
        &self.status
    }

    /// How many milliseconds later it is after a sleep.
    pub fn sleep(&mut self, ms: u64, ctx: &Context) -> u64 {
        let before = ctx.now();
        ctx.sleep(Duration::from_millis(ms));
        ctx.now().as_millis() - before.as_millis()
    }

    /// Sleeps so often for no time at all.
    pub fn tick(&mut self, times: u64, ctx: &Context) {
        for _ in 0..times {
            ctx.sleep(Duration::ZERO);
        }
    }

    // Messages

    /// Adds one, and has the rest counted by a message to itself.
    pub fn count(&mut self, n: i64, ctx: &Context) -> i64 {
        self.value += 1;
        if n > 1 {
            ctx.send::<Probe>(ctx.actor_id()).count(n - 1);
        }
        self.value
    }

    pub fn send(&mut self, other: String, n: i64, #[default(0)] delay_ms: u64, ctx: &Context) {
        ctx.send_after::<Probe>(Duration::from_millis(delay_ms), other).add(n);
    }

    /// Notes what came, in order.
    pub fn note(&mut self, word: String) {
        self.status = format!("{} {word}", self.status);
    }

    pub fn send_notes(&mut self, other: String, n: usize, ctx: &Context) {
        for number in 0..n {
            ctx.send::<Probe>(other.as_str()).note(number.to_string());
        }
    }

    /// Sends to whom it may concern, and fails.
    pub fn send_and_fail(&mut self, other: String, ctx: &Context) -> Result<(), Failure> {
        ctx.send::<Probe>(other).add(1);
        Err(Failure::new("told-to", "after it sent"))
    }

    // Tasks

    pub fn square(n: i64) -> i64 {
        n * n
    }

    /// Fails until it was tried so often.
    #[task(retries = 3, backoff = "10ms")]
    pub fn flaky(tries: u32, ctx: &Context) -> Result<u32, Failure> {
        println!("try {}", ctx.attempt());
        if ctx.attempt() < tries { Err(Failure::new("flaky", "not yet")) } else { Ok(ctx.attempt()) }
    }

    /// Fails for good at its first attempt.
    #[task(retries = 3, backoff = "10ms")]
    pub fn decline(ctx: &Context) -> Result<(), Failure> {
        println!("try {}", ctx.attempt());
        Err(Failure::new("declined", "no retry helps").permanent())
    }

    /// Computes for long.
    pub fn spin(rounds: u64) -> u64 {
        (0..rounds).fold(1, |hash: u64, round| std::hint::black_box(hash.wrapping_mul(31) ^ round))
    }
}
