//! Actor classes for `vactor`, in Rust: an attribute on an `impl` block does it all.
//!
//! A class becomes a WebAssembly component. An actor is one object of it, whose state is kept between calls. The source
//! is plain Rust:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use vactor_sdk::{Context, actor};
//!
//! #[derive(Serialize, Deserialize)]
//! pub struct Quota {
//!     left: u32,
//! }
//!
//! /// A limited number of uses.
//! #[actor]
//! impl Quota {
//!     /// A quota with this many uses.
//!     pub fn new(uses: u32) -> Self {
//!         Quota { left: uses }
//!     }
//!
//!     /// Takes some of the uses.
//!     pub fn take(
//!         &mut self,
//!         /// The number of uses.
//!         #[default(1)]
//!         uses: u32,
//!         ctx: &Context,
//!     ) -> Result<u32, String> {
//!         self.left = self.left.checked_sub(uses).ok_or("the quota is used up")?;
//!         println!("{uses} taken at {}", ctx.now());
//!         Ok(self.left)
//!     }
//!
//!     /// The uses that are left.
//!     pub fn left(&self) -> u32 {
//!         self.left
//!     }
//! }
//!
//! // A unit test needs no WebAssembly and no host.
//! let ctx = Context::for_test();
//! let mut quota = Quota::new(3);
//! assert_eq!(quota.take(2, &ctx), Ok(1));
//! assert_eq!(quota.take(2, &ctx), Err("the quota is used up".to_owned()));
//! assert_eq!(quota.left(), 1);
//! ```
//!
//! # The package
//!
//! A class is a crate of its own, a plain library. It needs the SDK, serde for the state and, if its methods take or
//! return types of its own, schemars 1 for their schemas. `vactor new` writes such a package, with a copy of the SDK:
//!
//! ```toml
//! [features]
//! client = [] # for a class that calls this one: without the component's exports
//!
//! [dependencies]
//! serde = { version = "1", features = ["derive"] }
//! vactor-sdk = "=0.2.0"
//!
//! [patch.crates-io]
//! vactor-sdk = { path = "vactor/sdk" } # the copy, for this class and for those that it depends on
//!
//! [profile.release] # small, a panic is a trap, and a number that overflows is a panic, as in tests
//! opt-level = "s"
//! lto = true
//! codegen-units = 1
//! strip = true
//! panic = "abort"
//! overflow-checks = true
//! ```
//!
//! `vactor build` compiles it as a module for the target `wasm32-unknown-unknown`, and makes a component of the module.
//! The manifest needs no `crate-type`. If other classes depend on the class, a `cdylib` in its manifest makes their
//! builds replace each other's files in a shared target folder. A component holds one class: the crate has one `#[actor]`
//! block.
//!
//! # Methods
//!
//! The parameters of a public function of the block decide its kind:
//!
//! | function | is a | that |
//! | --- | --- | --- |
//! | `pub fn new(…) -> Self` | constructor | makes the first state; every class has one |
//! | `pub fn f(&mut self, …)` | mutation | may change the state |
//! | `pub fn f(&self, …)` | query | reads it |
//! | `pub fn f(…)` | task | has no state |
//!
//! A function that is not `pub` is private to the class, and so are the functions of its other `impl` blocks.
//! Doc comments become the docs that callers see: of the block, of a method, and of a parameter.
//!
//! **Parameters** are named values that are sent as JSON. Their types implement `serde::Deserialize`
//! and `schemars::JsonSchema`. So there are no references, and `String` stands for `&str`. Integers are exact up to 128
//! bits; inside a `serde_json::Value`, and in values that serde has to buffer (untagged and flattened types), up to 64
//! bits. A missing argument of a type `Option<…>` is `None`. A missing argument with `#[default(…)]` is the value of the
//! expression, or `Default::default()` with a bare `#[default]`. Arguments that do not fit are a failure of the kind
//! `bad-arguments` that names the parameter.
//!
//! **Results** implement `serde::Serialize` and `schemars::JsonSchema`, and may borrow from `self`. A
//! method that returns `()` has no result; its callers get `null`.
//!
//! **A parameter `ctx: &Context`**, anywhere after `self` and of any name, is not seen by callers. It has the actor's
//! identity, the time and random numbers, and with it a mutation or a constructor calls others and waits: see
//! [`Context`].
//!
//! **A task** runs at least once, and its result is kept once. `#[task(retries = 3, backoff = "200ms")]` states the number
//! of retries after a failure, and the pause before the first one (`ms`, `s` or `m`). [`Context::attempt`] counts.
//!
//! # Calls, and waiting for them
//!
//! A mutation or a constructor can start children, which run in parallel and can be awaited, and send calls without
//! waiting. `#[actor]` makes the mutations, queries and tasks of each class callable by its type, with their parameters and
//! results:
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! # use vactor_sdk::{Context, Failure, actor};
//! # #[derive(Serialize, Deserialize)]
//! # struct Account { balance: i64 }
//! # #[actor]
//! # impl Account {
//! #     pub fn new() -> Self { Account { balance: 0 } }
//! #     pub fn withdraw(&mut self, amount: i64) -> Result<i64, String> { self.balance -= amount; Ok(self.balance) }
//! #     pub fn deposit(&mut self, amount: i64) -> i64 { self.balance += amount; self.balance }
//! #     pub fn rate(currency: String) -> f64 { if currency == "EUR" { 1.0 } else { 1.1 } }
//! # }
//! # #[derive(Serialize, Deserialize)]
//! # struct Shop;
//! # #[actor]
//! # impl Shop {
//! #     pub fn new() -> Self { Shop }
//! pub fn sell(&mut self, price: i64, ctx: &Context) -> Result<f64, Failure> {
//!     let left: i64 = ctx.start::<Account>("customers/ada").withdraw(price).wait()?;
//!     ctx.start::<Account>("shop").or_create().deposit(price).wait()?; // created if it does not exist
//!     ctx.send::<Account>("charity").deposit(1); // without waiting
//!
//!     let rates = ["EUR", "USD"].map(|currency| ctx.task::<Account>().rate(currency.to_owned()));
//!     let rates: Vec<Result<f64, _>> = ctx.join(rates); // both at once
//!     println!("{left} left");
//!     Ok(rates.into_iter().flatten().sum())
//! }
//! # }
//! # use std::{cell::RefCell, rc::Rc};
//! # let account = || Rc::new(RefCell::new(Account { balance: 5 }));
//! # let ctx = Context::for_test().with_actor("customers/ada", account()).with_actor("shop", account());
//! # assert_eq!(Shop.sell(5, &ctx), Ok(2.1));
//! # assert_eq!(ctx.calls().len(), 5);
//! ```
//!
//! - [`Context::start`], [`Context::send`] and [`Context::task`] go by the type of the class; [`Context::actor`] and
//!   [`Context::tasks`] by name, with arguments that serde writes as an object.
//! - A [`Handle`] can be awaited, cancelled, or found again by its invocation's id ([`Context::attach`]). A child that does
//!   not succeed gives a [`Fault`], which `?` turns into a failure of the same kind.
//! - [`Context::timer`] and [`Context::event`] are handles, too. [`Context::wait_any`] waits for the first of several
//!   handles of any kind, [`Context::join`] for all. [`Context::sleep`] and [`Context::wait_event`] are the usual cases.
//! - `limit` before a method lowers a [`Limit`] of the call, `meta` gives it metadata.
//! - [`Context::save`] commits the state as it is: queries see it, and a failure or a cancel goes back to it.
//!
//! Waits are durable. If the process of a waiting method ends, the method runs again from its start, with the state at its
//! start, and its operations return the recorded results. So it must ask for the same operations again: it decides by the
//! state, the arguments and the results of the context alone.
//!
//! Callers expect a class to be registered under its type's name in kebab-case (`shopping-cart` for `ShoppingCart`), or
//! under the name of `#[actor(name = "…")]`. The name matters for tasks, and for calls that may create an actor. A class
//! that calls itself uses the name under which it is registered.
//!
//! A class of another crate is a dependency. A component holds one class, so the other class must leave out its exports:
//! it declares a feature `client` (`[features]` `client = []`), and the dependency names it:
//! `price-list = { path = "../price-list", features = ["client"] }`. Both use one SDK, that of the class which is built: a
//! patch counts only in the package that cargo builds. (Another program that depends on a class has the two lines of
//! `[patch.crates-io]`, too.) In a workspace, cargo gives a package the features of all packages that it builds at once, so
//! build such classes one by one, as `vactor build` does.
//!
//! Results that borrow are owned by the caller (`&str` is a `String`, `&[T]` a `Vec<T>`), and a wait returns the `T` of a
//! `Result<T, …>`. If the result type has another name, such as an alias, [`Handle::cast`] names the type of the answer,
//! and a query is asked by name ([`Named::ask`]).
//!
//! A unit test gives the answers and sees the calls: [`testing`].
//!
//! # Failures
//!
//! A method, the constructor included, that returns a `Result` fails with its `Err`, and then changes nothing. The failure
//! has a kind, a message and perhaps details:
//!
//! | the error | kind | message |
//! | --- | --- | --- |
//! | implements [`IntoFailure`], as [`Failure`] does | its own, and its own details | its own |
//! | implements [`std::error::Error`] | its type's name in kebab-case: `parse-int-error` | its text, and its sources' |
//! | implements [`Display`](std::fmt::Display) | the same | its text |
//! | is a `String`, a `&str`, a `Box<dyn Error>` | `error` | its text |
//!
//! [`Failure::permanent`] states that a retry would fail as well: a task is not retried. [`Failure::not_resumable`] states
//! that the call cannot be resumed.
//!
//! A panic ends the run, too, as a class error; its message and its place are in the log. A number that overflows is a
//! panic. If arguments can cause it, return a failure:
//!
//! ```
//! # use vactor_sdk::Failure;
//! # struct Counter { val: i64 }
//! # impl Counter {
//! pub fn incr(&mut self, val: i64) -> Result<i64, Failure> {
//!     let too_large = || Failure::new("overflow", format!("{} and {val} are more than can be counted", self.val));
//!     self.val = self.val.checked_add(val).ok_or_else(too_large)?;
//!     Ok(self.val)
//! }
//! # }
//! # assert_eq!(Counter { val: 1 }.incr(i64::MAX).unwrap_err().kind, "overflow");
//! ```
//!
//! # State
//!
//! The actor's state is the value itself, written by serde as compact JSON. It is read once more before it is committed: a
//! method that leaves an unreadable state fails as `bad-state`. Functions of these names replace serde. They are no
//! methods, and may be private, return a `Result`, and take a `ctx: &Context`:
//!
//! - `fn get_state(&self) -> Vec<u8>` returns the state as bytes;
//! - `fn set_state(state: Vec<u8>) -> Self` restores the actor from such bytes;
//! - `fn migrate(from_version: u32, state: Vec<u8>) -> Vec<u8>` converts a state of an older version of the state into one
//!   for `set_state`. Without it the bytes stay as they are, which is enough if new fields are `#[serde(default)]`.
//!
//! A class has both of `get_state` and `set_state` or neither. Its `set_state` is called after each `get_state`, on a
//! value of its own, and a state that it refuses is not committed.
//!
//! `#[actor(state = 2)]` states the version of the state, which is 1 by default. `migrate` of a later version gets that
//! number. If the type derives `schemars::JsonSchema`, the class's description has the schema of its state.
//!
//! # Events
//!
//! A class can state the events that its methods wait for, with the types of their payloads; `vactor describe` shows them.
//! A name that ends in `*` stands for all names with that prefix:
//!
//! ```
//! # use vactor_sdk::{Context, Failure, actor};
//! # #[derive(serde::Serialize, serde::Deserialize)]
//! # struct Order;
//! #[actor(
//!     state = 2,
//!     events(
//!         /// The customer paid, in cents.
//!         paid: u64,
//!         "reply:*": String,
//!     ),
//! )]
//! impl Order {
//! #     pub fn new() -> Self { Order }
//!     pub fn ship(&mut self, ctx: &Context) -> Result<u64, Failure> {
//!         Ok(ctx.event("paid").wait()?)
//!     }
//! }
//! # assert!(<Order as vactor_sdk::Class>::describe().contains("reply:*"));
//! ```
//!
//! # Floats
//!
//! JSON has no NaN and no infinities. A result, or details of a failure, with such a float ends the run as `bad-result`, a
//! state as `bad-state`; both change nothing. An argument of a call with such a float is a panic, and so is a default.
//! (`serde_json::json!` writes `null` for them before the SDK sees the value.)
//!
//! # The sandbox
//!
//! A class reaches the context alone: no files, no network, no clock, no environment. The standard library's
//! `Instant::now` and `SystemTime::now` panic: use [`Context::now`]. A `HashMap` works, and keeps one order for the same
//! operations. Crates that need `getrandom` do not compile for this target: seed their generators from
//! [`Context::random_u64`].
//!
//! `print!`, `println!`, `eprint!`, `eprintln!` and `dbg!` inside the block write to the step's log. Other functions import
//! them: see [`output`].

#![deny(unsafe_code)]

mod call;
mod class;
mod context;
mod describe;
#[cfg(target_arch = "wasm32")]
mod exports;
mod failure;
mod fault;
mod handle;
mod host;
mod json;
mod level;
mod limit;
mod outcome;
mod outgoing;
pub mod output;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod time;
mod typed;

pub use call::{Ask, Named, Send, Start, Verb};
pub use class::Class;
pub use context::Context;
pub use failure::{Failure, IntoFailure};
pub use fault::{Fault, Origin};
pub use handle::{AnyHandle, Handle, Handles};
pub use level::Level;
pub use limit::Limit;
pub use time::{ParseTimestampError, Timestamp};

/// Makes an actor class of an `impl` block: see [the crate's page](crate).
pub use vactor_sdk_macros::actor;

/// For the macro's output alone.
#[doc(hidden)]
pub mod __private {
    pub use crate::call::{ArgsWriter, CallBuilder, ReadResult, WriteArgument};
    pub use crate::class::*;
    pub use crate::describe::*;

    pub mod outcome {
        pub use crate::outcome::*;
    }

    #[cfg(target_arch = "wasm32")]
    pub mod wasm {
        pub use crate::exports::*;
    }
}
