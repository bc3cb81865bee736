//! From an impl block to a [`Class`]. A block that cannot work is refused with the first error of each function.

mod attributes;
mod hook;
mod method;
mod options;
mod retries;

use std::collections::HashSet;

use proc_macro2::TokenStream;
use syn::{Error, ImplItem, Item, ItemImpl, Result, Type, Visibility};

use crate::model::{Class, Hook, Hooks, Method};

pub use attributes::is_ours;
use options::Options;
pub use retries::is_task;

pub fn impl_block(item: TokenStream) -> Result<ItemImpl> {
    match syn::parse2(item)? {
        Item::Impl(block) => Ok(block),
        other => Err(Error::new_spanned(other, "`#[actor]` goes on the `impl` block of a class, not here")),
    }
}

pub fn class(attribute: TokenStream, block: &ItemImpl) -> Result<Class> {
    check_block(block)?;
    let Options { name, state_version, events } = options::read(attribute, &block.self_ty)?;
    let (methods, hooks) = functions(block)?;
    let (ty, doc) = (Type::clone(&block.self_ty), attributes::doc(&block.attrs));
    Ok(Class { ty, name, state_version, events, doc, methods, hooks })
}

fn check_block(block: &ItemImpl) -> Result<()> {
    if let Some((path, _)) = &block.trait_ {
        return Err(Error::new_spanned(path, "`#[actor]` goes on the class's own `impl` block, not on a trait's"));
    }
    if !block.generics.params.is_empty() {
        let message = "a class cannot be generic: its callers name no types";
        return Err(Error::new_spanned(&block.generics.params, message));
    }
    Ok(())
}

/// Sorts the block's functions: three names are hooks, the public functions are methods, and the others are private to the
/// class.
fn functions(block: &ItemImpl) -> Result<(Vec<Method>, Hooks)> {
    let mut methods = Vec::new();
    let mut hooks = Hooks::default();
    let mut names = HashSet::new();
    let mut errors = Errors::default();
    for item in &block.items {
        let ImplItem::Fn(function) = item else {
            continue;
        };
        let ident = &function.sig.ident;
        let cfgs = attributes::cfgs(&function.attrs);
        // Only one of two functions under different `cfg`s exists.
        if !names.insert(ident) && cfgs.is_empty() {
            let message = format!("there are two functions `{ident}`: callers know a method by its name alone");
            errors.push(Error::new_spanned(ident, message));
        } else if let Some(hook) = hook_named(&mut hooks, &ident.to_string()) {
            errors.keep(retries::none(function, "the host calls this function: it is no task"));
            *hook = errors.keep(hook::read(function));
        } else if matches!(function.vis, Visibility::Public(_)) {
            methods.extend(errors.keep(method::read(function, cfgs)));
        } else {
            errors.keep(retries::none(function, "a task is public: `pub fn`"));
            if ident == "new" {
                errors.push(Error::new_spanned(&function.sig, "the constructor must be public: `pub fn new`"));
            }
        }
    }
    if !names.iter().any(|name| *name == "new") {
        let message = "the class has no constructor: add `pub fn new(…) -> Self`, which makes the first state";
        errors.push(Error::new_spanned(&block.self_ty, message));
    }
    let has = |name: &str| names.iter().find(|ident| **ident == name);
    match (has("get_state"), has("set_state")) {
        (Some(get), None) => errors.push(hook::alone(get, "set_state")),
        (None, Some(set)) => errors.push(hook::alone(set, "get_state")),
        _ => {}
    }
    errors.none()?;
    Ok((methods, hooks))
}

fn hook_named<'a>(hooks: &'a mut Hooks, name: &str) -> Option<&'a mut Option<Hook>> {
    match name {
        "get_state" => Some(&mut hooks.get_state),
        "set_state" => Some(&mut hooks.set_state),
        "migrate" => Some(&mut hooks.migrate),
        _ => None,
    }
}

/// All errors of a block, as one.
#[derive(Default)]
struct Errors(Option<Error>);

impl Errors {
    fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            none => *none = Some(error),
        }
    }

    fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    fn none(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
