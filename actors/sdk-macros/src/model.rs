//! A class, as its impl block states it.

use proc_macro2::Span;
use syn::{Attribute, Expr, Ident, LitStr, Type};

pub struct Class {
    /// The type of the block.
    pub ty: Type,
    /// The name under which callers expect it to be registered.
    pub name: String,
    /// The version of its saved state.
    pub state_version: u32,
    /// The events that its methods wait for.
    pub events: Vec<Event>,
    pub doc: String,
    /// One of them is the constructor.
    pub methods: Vec<Method>,
    pub hooks: Hooks,
}

/// An event, by its name and the type of its payload.
pub struct Event {
    pub name: LitStr,
    pub ty: Type,
    pub doc: String,
}

/// A function that callers can name.
pub struct Method {
    pub kind: Kind,
    pub ident: Ident,
    /// Its `#[cfg]`s.
    pub cfgs: Vec<Attribute>,
    pub doc: String,
    pub inputs: Vec<Input>,
    pub output: Type,
    /// The retries of a task, by `#[task(…)]`.
    pub retries: Option<Retries>,
}

/// The number of retries of a task, and the pause before the first.
pub struct Retries {
    pub times: u32,
    pub backoff_ms: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Constructor,
    Mutation,
    Query,
    Task,
}

impl Kind {
    /// Its name in the contract.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Constructor => "constructor",
            Kind::Mutation => "mutation",
            Kind::Query => "query",
            Kind::Task => "task",
        }
    }
}

/// A parameter of a method after its `self`.
pub enum Input {
    /// `ctx: &Context`, which callers do not see.
    Context(Span),
    Parameter(Box<Parameter>),
}

pub struct Parameter {
    pub ident: Ident,
    pub ty: Type,
    pub doc: String,
    pub default: Option<DefaultValue>,
}

/// The value of a missing argument.
pub enum DefaultValue {
    /// `#[default]`, and an `Option` without a default of its own.
    OfType,
    /// `#[default(…)]`
    Value(Expr),
}

/// The functions of a class that handles its state itself. It has both of `get_state` and `set_state`, or neither.
#[derive(Default)]
pub struct Hooks {
    pub get_state: Option<Hook>,
    pub set_state: Option<Hook>,
    pub migrate: Option<Hook>,
}

impl Hooks {
    /// `get_state` and `set_state`.
    pub fn state(&self) -> Option<(&Hook, &Hook)> {
        self.get_state.as_ref().zip(self.set_state.as_ref())
    }
}

pub struct Hook {
    pub ident: Ident,
    /// Its parameters after its `self`.
    pub inputs: Vec<HookInput>,
    pub output: Type,
}

pub enum HookInput {
    Context,
    /// A value of the host: the state, or before it the version of the state.
    Value(Box<Type>),
}
