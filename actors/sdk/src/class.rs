//! The class as the host calls it: arguments in, a result or a failure out, and the state between.

use std::collections::BTreeMap;
use std::fmt::Display;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::call::{CallBuilder, Verb};
use crate::context::Context;
use crate::failure::Failure;
use crate::json;

/// A class; [`#[actor]`](macro@crate::actor) implements it.
#[diagnostic::on_unimplemented(message = "`{Self}` is no class", label = "not a type with an `#[actor]` block")]
pub trait Class: Sized + 'static {
    /// The name under which callers by type expect the class to be registered: the type's name in kebab-case, or that of
    /// `#[actor(name = "…")]`.
    const NAME: &'static str;

    /// The mutations and `or_create`, for [`Context::start`] and [`Context::send`].
    type Calls<'c, V: Verb>;
    /// The tasks, for [`Context::task`] and [`Context::send_task`].
    type Tasks<'c, V: Verb>;
    /// The queries, for [`Context::ask`].
    type Queries<'c, V>;

    // The names of these are the contract's; JSON is text, as the host sends it.

    #[doc(hidden)]
    fn calls<'c, V: Verb>(call: CallBuilder<'c, V>) -> Self::Calls<'c, V>;
    #[doc(hidden)]
    fn tasks<'c, V: Verb>(call: CallBuilder<'c, V>) -> Self::Tasks<'c, V>;
    #[doc(hidden)]
    fn queries<'c, V>(call: CallBuilder<'c, V>) -> Self::Queries<'c, V>;
    #[doc(hidden)]
    fn describe() -> String;
    #[doc(hidden)]
    fn construct(arguments: &str, ctx: &Context) -> Result<Self, Failure>;
    /// `actor` is None for a task.
    #[doc(hidden)]
    fn invoke(actor: Option<&mut Self>, method: &str, arguments: &str, ctx: &Context) -> Result<String, Failure>;
    #[doc(hidden)]
    fn get_state(&self, ctx: &Context) -> Result<Vec<u8>, Failure>;
    #[doc(hidden)]
    fn set_state(state: Vec<u8>, ctx: &Context) -> Result<Self, Failure>;
    #[doc(hidden)]
    fn migrate(from_version: u32, state: Vec<u8>, ctx: &Context) -> Result<Vec<u8>, Failure>;
}

/// The type of a parameter.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument",
    label = "callers cannot send this",
    note = "it and all within it must implement `serde::Deserialize` and `schemars::JsonSchema`, which can be derived"
)]
pub trait Argument: DeserializeOwned + JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema> Argument for T {}

/// The type of a method's result.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a result",
    label = "callers cannot receive this",
    note = "it and all within it must implement `serde::Serialize` and `schemars::JsonSchema`, which can be derived"
)]
pub trait Output: Serialize + JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + JsonSchema> Output for T {}

/// The type of a class that leaves its state to serde.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be saved",
    label = "the state of this class cannot be saved and restored",
    note = "it and all within it must implement `serde::Serialize` and `serde::Deserialize`, which can be derived",
    note = "or the class has functions of its own: `fn get_state(&self) -> Vec<u8>` and `fn set_state(state: Vec<u8>) -> Self`"
)]
pub trait State: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<A: Serialize + DeserializeOwned> State for A {}

/// The arguments of one call, each as the text that was sent.
pub struct Arguments<'a> {
    values: BTreeMap<String, &'a RawValue>,
}

impl<'a> Arguments<'a> {
    pub fn read(json: &'a str, parameters: &[&str]) -> Result<Self, Failure> {
        let values: BTreeMap<String, &'a RawValue> = serde_json::from_str(json)
            .map_err(|error| bad_arguments(format!("the arguments are no JSON object: {}", json::reason(&error))))?;
        match values.keys().find(|name| !parameters.contains(&name.as_str())) {
            Some(unknown) => Err(bad_arguments(format!("there is no parameter `{unknown}`"))),
            None => Ok(Arguments { values }),
        }
    }

    /// One argument, or its default if it is missing.
    pub fn take<T: Argument>(&self, name: &str, default: Option<fn() -> T>) -> Result<T, Failure> {
        match (self.values.get(name), default) {
            (Some(value), _) => serde_json::from_str(value.get()).map_err(|error| {
                bad_arguments(format!("the argument `{name}` does not fit: {}", json::reason(&error)))
            }),
            (None, Some(default)) => Ok(default()),
            (None, None) => Err(bad_arguments(format!("the argument `{name}` is missing"))),
        }
    }
}

fn bad_arguments(message: String) -> Failure {
    Failure::new(Failure::BAD_ARGUMENTS, message)
}

/// The actor that a mutation or a query runs on.
///
/// # Panics
///
/// Without an actor: the host restores one before it invokes such a method.
pub fn present<A>(actor: Option<&mut A>) -> &mut A {
    actor.expect("the host restores an actor before it invokes its method")
}

pub fn unknown_method(name: &str) -> Failure {
    Failure::new("unknown-method", format!("the class has no method `{name}`"))
}

pub fn write_result<T: Output>(result: T) -> Result<String, Failure> {
    json::text(&result)
        .map_err(|error| Failure::new(Failure::BAD_RESULT, format!("the result cannot be written as JSON: {error}")))
}

/// The state as JSON. A state that cannot be read again is refused, because every later call would fail on it.
pub fn write_state<A: State>(actor: &A) -> Result<Vec<u8>, Failure> {
    let state = json::text(actor)
        .map_err(|error| Failure::new(Failure::BAD_STATE, format!("the state cannot be written as JSON: {error}")))?;
    match serde_json::from_str::<A>(&state) {
        Ok(_) => Ok(state.into_bytes()),
        Err(error) => Err(not_readable(error)),
    }
}

/// The state of the class's own `get_state`, if its own `set_state` takes it.
///
/// The bytes of a second `get_state` may differ: equal values have several forms, such as a map in any order.
pub fn own_state<A>(
    state: Result<Vec<u8>, Failure>,
    set: impl FnOnce(Vec<u8>) -> Result<A, Failure>,
) -> Result<Vec<u8>, Failure> {
    let state = state?;
    match set(state.clone()) {
        Ok(_) => Ok(state),
        Err(failure) => Err(not_readable(failure)),
    }
}

fn not_readable(reason: impl Display) -> Failure {
    Failure::new(Failure::BAD_STATE, format!("the state could not be read again after it was written: {reason}"))
}

pub fn read_state<A: State>(state: &[u8]) -> Result<A, Failure> {
    json::read(state)
        .map_err(|error| Failure::new(Failure::BAD_STATE, format!("the state does not fit the class: {error}")))
}
