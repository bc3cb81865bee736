//! A class, as its impl block tells it.

use proc_macro2::Span;
use syn::{Attribute, Expr, Ident, Type};

pub struct Class {
    /// The type that the block is of.
    pub ty: Type,
    /// What callers take it to be registered under.
    pub name: String,
    pub doc: String,
    /// One of them is the constructor.
    pub methods: Vec<Method>,
    pub hooks: Hooks,
}

/// A function that callers can name.
pub struct Method {
    pub kind: Kind,
    pub ident: Ident,
    /// The `#[cfg]`s that it stands under.
    pub cfgs: Vec<Attribute>,
    pub doc: String,
    pub inputs: Vec<Input>,
    pub output: Type,
    /// What a task is told of in `#[task(…)]`.
    pub retries: Option<Retries>,
}

/// How often a task that failed is tried again, and after how long.
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
    /// The contract's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Constructor => "constructor",
            Kind::Mutation => "mutation",
            Kind::Query => "query",
            Kind::Task => "task",
        }
    }
}

/// What a method takes after its `self`.
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

/// What a parameter is when it was left out.
pub enum DefaultValue {
    /// `#[default]`, and an `Option` without a default of its own.
    OfType,
    /// `#[default(…)]`
    Value(Expr),
}

/// The functions by which a class handles its state itself. There are both of `get_state` and `set_state`, or neither.
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
    /// What it takes after its `self`.
    pub inputs: Vec<HookInput>,
    pub output: Type,
}

pub enum HookInput {
    Context,
    /// What the host gives: the state, or before it the version that it comes from.
    Value(Box<Type>),
}
