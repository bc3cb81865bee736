use std::time::Duration;

use serde_json::json;
use vactor_sdk::{Context, Failure, Limit, actor};

/// Reaches each function of the contract: calls, messages, waits, saves, events, queries.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct Relay {
    seen: Vec<String>,
}

#[actor(
    state = 2,            // 0.2.0
    events(word: String), // 0.2.0
)]
impl Relay {
    pub fn new() -> Self {
        Relay { seen: Vec::new() }
    }

    /// Notes a text, or fails with it.
    pub fn note(&mut self, text: String) -> Result<usize, Failure> {
        if text == "bad" {
            let failure = Failure::new("refused", "the text is bad").with_details(json!({ "text": text }));
            let failure = failure.permanent().not_resumable(); // 0.2.0
            return Err(failure);
        }
        self.seen.push(text);
        Ok(self.seen.len())
    }

    /// Creates another relay, waits for its answer and for a timer, runs a task, and asks a query.
    pub fn pass(&mut self, id: String, text: String, ctx: &Context) -> Result<Vec<String>, Failure> {
        let call = ctx.start::<Relay>(&id).or_create().meta("by", ctx.actor_id());
        let call = call.limit(Limit::Time(Duration::from_secs(20))); // 0.2.0
        call.note(text.clone()).wait()?;
        ctx.sleep(Duration::from_millis(1));
        self.seen.push(ctx.task::<Relay>().shout(text).wait()?);
        ctx.save(self)?;
        let lines: Vec<String> = ctx.ask::<Relay>(&id).seen()?;
        ctx.send::<Relay>(&id).meta("by", "send").note("sent".to_owned());
        Ok(lines)
    }

    /// Waits for an event, and notes its payload.
    pub fn listen(&mut self, ctx: &Context) -> Result<String, Failure> {
        let word: String = ctx.event("word").wait()?;
        self.seen.push(word.clone());
        Ok(word)
    }

    pub fn seen(&self) -> Vec<String> {
        self.seen.clone()
    }

    pub fn shout(text: String) -> String {
        println!("{text}");
        text.to_uppercase()
    }
}
