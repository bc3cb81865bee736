//! Durable actor classes.
#[cfg_attr(not(test), expect(unused_extern_crates))]
extern crate self as vactor_sdk;

mod class;
mod context;
mod describe;
mod failure;
mod host;
mod outcome;
pub mod output;
mod time;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use context::{Context, Level};
pub use failure::{Failure, IntoFailure};
pub use time::{ParseTimestampError, Timestamp};
pub use vactor_sdk_macros::actor;

/// What the macro's output names; nothing here is for people.
#[doc(hidden)]
pub mod __private {
    pub use crate::class::*;
    pub use crate::describe::*;

    pub mod outcome {
        pub use crate::outcome::*;
    }

    #[cfg(target_arch = "wasm32")]
    pub mod wasm {
        pub use crate::wasm::*;
    }
}
