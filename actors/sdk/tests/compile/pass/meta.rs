//! A class with methods that are named like options of a call.

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
