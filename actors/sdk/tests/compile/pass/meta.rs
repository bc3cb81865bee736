//! A class whose own methods have the names that calls have beside them.

#![deny(warnings)]

use vactor_sdk::{Context, Fault, Limit, actor};

#[derive(serde::Serialize, serde::Deserialize)]
struct Page;

#[actor]
impl Page {
    pub fn new() -> Self {
        Page
    }

    pub fn meta(&mut self, text: String, ctx: &Context) -> Result<(), Fault> {
        ctx.start::<Page>("other").or_create().limit(Limit::Depth(1)).meta(text).wait()?;
        ctx.actor("other").meta("by", "me").start::<()>("meta", serde_json::json!({ "text": "" })).wait()
    }
}

fn main() {}
