//! Actor classes for `vactor`, in Rust: an attribute on an `impl` block does it all.
//!
//! A class becomes a WebAssembly component; an actor is one object of it, whose state is kept between
//! calls. You write plain Rust:
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
//! /// So many uses, and no more.
//! #[actor]
//! impl Quota {
//!     /// A quota with this many uses.
//!     pub fn new(uses: u32) -> Self {
//!         Quota { left: uses }
//!     }
//!
//!     /// Takes some of what is left.
//!     pub fn take(
//!         &mut self,
//!         /// How many.
//!         #[default(1)]
//!         uses: u32,
//!         ctx: &Context,
//!     ) -> Result<u32, String> {
//!         self.left = self.left.checked_sub(uses).ok_or("the quota is used up")?;
//!         println!("{uses} taken at {}", ctx.now());
//!         Ok(self.left)
//!     }
//!
//!     /// How many uses are left.
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
//! give types of its own, schemars 1 for their schemas. `vactor new` writes such a package, with a copy of the SDK:
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
//! `vactor build` compiles it as a module for the target `wasm32-unknown-unknown`, and makes a component of that. It
//! needs no `crate-type`, and a `cdylib` in the manifest of a class that others depend on makes their builds replace each
//! other's files in a target folder that they share. A component holds one class: one `#[actor]` block in the crate.
//!
//! # Methods
//!
//! What a public function of the block takes says what it is:
//!
//! | function | is a | that |
//! | --- | --- | --- |
//! | `pub fn new(…) -> Self` | constructor | makes the first state; every class has one |
//! | `pub fn f(&mut self, …)` | mutation | may change the state |
//! | `pub fn f(&self, …)` | query | reads it |
//! | `pub fn f(…)` | task | has no state |
//!
//! A function that is not `pub` is the class's own business, and so are those of its other `impl` blocks.
//! Doc comments become the docs that callers see: of the block, of a method, and of a parameter.
//!
//! **Parameters** are named values that are sent as JSON. Their types implement `serde::Deserialize`
//! and `schemars::JsonSchema`; so there are no references, and `String` stands for `&str`. Integers are
//! exact, up to 128 bits, except inside a `serde_json::Value` and what serde has to buffer (untagged and
//! flattened types), where 64 bits are. A parameter of a type `Option<…>` may be left out and is then
//! `None`; one with `#[default(…)]` may be left out and is then what the expression gives, or
//! `Default::default()` with a bare `#[default]`. Arguments that do not fit are a failure of the kind
//! `bad-arguments` that names the parameter.
//!
//! **Results** implement `serde::Serialize` and `schemars::JsonSchema`, and may borrow from `self`. A
//! method that gives `()` has no result; its callers get `null`.
//!
//! **A parameter `ctx: &Context`**, anywhere after `self` and of any name, is not seen by callers. It
//! tells who the actor is, what time it is, and random numbers, and with it a mutation or a constructor calls others and
//! waits: see [`Context`].
//!
//! **A task** is run at least once, and its result is kept once. `#[task(retries = 3, backoff = "200ms")]` says how
//! often it is tried again after a failure, and after how long at first (`ms`, `s` or `m`); [`Context::attempt`] counts.
//!
//! # Calls, and waiting for them
//!
//! A mutation or a constructor can start children, which run in parallel and are waited for, and send what it does not
//! wait for. `#[actor]` makes each class's mutations and tasks callable by its type, with the parameters and the result
//! that they have there:
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
//!     ctx.start::<Account>("shop").or_create().deposit(price).wait()?; // made if it is not there
//!     ctx.send::<Account>("charity").deposit(1); // not waited for
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
//! - A [`Handle`] is waited for, cancelled, or found again by its invocation's id ([`Context::attach`]). A child that does
//!   not succeed gives a [`Fault`], which `?` turns into a failure of the same kind.
//! - [`Context::timer`] and [`Context::event`] are handles, too; [`Context::wait_any`] waits for the first of several of
//!   whatever kind, [`Context::join`] for all, [`Context::sleep`] and [`Context::wait_event`] are short for the usual.
//! - [`Context::save`] commits the state as it is: queries see it, and a failure or a cancel goes back to it.
//!
//! Waits are durable. While a method waits, its process may end; it is then run again from its beginning, with
//! the state that it began with, and everything that it asks for is answered as before. So it must ask for the same
//! again: decide by the state, the arguments and what the context answers, and by nothing else.
//!
//! A class is taken to be registered under its type's name in kebab-case (`shopping-cart` for `ShoppingCart`), or under
//! what `#[actor(name = "…")]` says. That matters where an actor may have to be made, and for tasks. A class
//! that calls itself does so under the name that it really has.
//!
//! A class of another crate comes from that crate as a dependency. A component holds one class, so the other one must
//! leave its exports out: it declares a feature `client` (`[features]` `client = []`), and the dependency names it:
//! `price-list = { path = "../price-list", features = ["client"] }`. Both use one SDK, that of the class which is built: a
//! patch counts in the package that cargo builds, and nowhere else. (Another program that depends on a class has the two
//! lines of `[patch.crates-io]`, too.) In a workspace cargo gives a package the features of everything that it
//! builds at once, so build such classes one by one, as `vactor build` does.
//!
//! Results that borrow are owned by the caller (`&str` is a `String`, `&[T]` a `Vec<T>`), and `T` is what is waited for of a
//! `Result<T, …>`; where it has another name, such as that of an alias, [`Handle::cast`] says as what the answer is
//! read, and a query is asked by name ([`Named::ask`]).
//!
//! A unit test says what answers, and sees what was called: [`testing`].
//!
//! # Failures
//!
//! A method, the constructor included, that returns a `Result` fails with its `Err`, and then nothing
//! is changed. The failure that callers see has a kind, a message and perhaps details:
//!
//! | the error | kind | message |
//! | --- | --- | --- |
//! | implements [`IntoFailure`], as [`Failure`] does | its own, and its own details | its own |
//! | implements [`std::error::Error`] | its type's name in kebab-case: `parse-int-error` | its text, and its sources' |
//! | implements [`Display`](std::fmt::Display) | the same | its text |
//! | is a `String`, a `&str`, a `Box<dyn Error>` | `error` | its text |
//!
//! A panic ends the run, too, but says that the class is broken; its message and its place are in the
//! log. A number that overflows is a panic. Where arguments can make it do so, say what it means:
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
//! The actor's state is the value itself, written by serde as compact JSON. It is read once more
//! before it is committed: a method that leaves a state behind that could not be read again fails as
//! `bad-state`. Functions of these names replace how it is done; they are no methods, and may be
//! private, return a `Result`, and take a `ctx: &Context`:
//!
//! - `fn get_state(&self) -> Vec<u8>` gives the state as bytes;
//! - `fn set_state(state: Vec<u8>) -> Self` restores the actor from such bytes;
//! - `fn migrate(from_version: u32, state: Vec<u8>) -> Vec<u8>` turns the state of an older version of
//!   the class into one that `set_state` takes. Without it the bytes stay as they are, which serves
//!   where new fields are `#[serde(default)]`.
//!
//! A class has both of `get_state` and `set_state` or neither. Its `set_state` is called after each `get_state`, on a
//! value of its own, and what it refuses is not committed.
//!
//! # Floats
//!
//! JSON has no NaN and no infinities. A result, or details of a failure, with such a float ends the run as `bad-result`, a
//! state with one as `bad-state`; either way nothing is changed. An argument of a call of another actor with one is a
//! panic, and so is a default. (`serde_json::json!` writes `null` for them before the SDK sees the value.)
//!
//! # What a class can reach
//!
//! The context, and nothing else: no files, no network, no clock, no environment. The standard
//! library's `Instant::now` and `SystemTime::now` panic: use [`Context::now`]. A `HashMap` works, and
//! keeps one order for the same operations. Crates that want randomness from `getrandom` do not compile
//! for this target: seed their generators from [`Context::random_u64`].
//!
//! `print!`, `println!`, `eprint!`, `eprintln!` and `dbg!` inside the block reach the step's log, and in
//! functions elsewhere do so when they are named: see [`output`].

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
