use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, FnArg, GenericParam, ImplItemFn, Pat, PatType, Receiver, ReceiverKind, Result, ReturnType,
    Safety, Signature, Type, TypeReference, parse_quote,
};

use super::{attributes, retries};
use crate::model::{DefaultValue, Input, Kind, Method, Parameter};

pub fn read(function: &ImplItemFn, cfgs: Vec<Attribute>) -> Result<Method> {
    let signature = &function.sig;
    check(signature)?;
    let method = Method {
        kind: kind(signature)?,
        ident: signature.ident.clone(),
        cfgs,
        doc: attributes::doc(&function.attrs),
        inputs: signature.inputs.iter().filter_map(typed).map(input).collect::<Result<_>>()?,
        output: output(&signature.output),
        retries: retries::read(function)?,
    };
    if method.kind != Kind::Task {
        retries::none(function, "only a task is tried again: a public function without `self`")?;
    }
    if let Type::ImplTrait(ty) = &method.output {
        return Err(refused(ty, "a method returns a type with a name: its schema is written from that"));
    }
    Ok(method)
}

/// Refuses signatures that no kind of method can have.
fn check(signature: &Signature) -> Result<()> {
    if let Some(keyword) = &signature.asyncness {
        return Err(refused(keyword, "a method cannot be `async`: a run does one thing after the other"));
    }
    if !matches!(signature.safety, Safety::Default) {
        return Err(refused(&signature.safety, "a method cannot be `unsafe`: any caller may call it"));
    }
    if let Some(abi) = &signature.abi {
        return Err(refused(abi, "a method is plain Rust, without an ABI"));
    }
    match signature.generics.params.first() {
        Some(lifetime @ GenericParam::Lifetime(_)) => Err(refused(
            lifetime,
            "a method cannot name a lifetime: what it returns may borrow from `self` without one",
        )),
        Some(generic) => Err(refused(generic, "a method cannot be generic: its callers send JSON, and no types")),
        None => Ok(()),
    }
}

fn kind(signature: &Signature) -> Result<Kind> {
    let receiver = signature.receiver();
    if signature.ident == "new" {
        return match receiver {
            None => Ok(Kind::Constructor),
            Some(receiver) => Err(refused(receiver, "the constructor makes the actor: it has no `self`")),
        };
    }
    match receiver {
        None => Ok(Kind::Task),
        Some(receiver) => match is_mutable(receiver) {
            Some(true) => Ok(Kind::Mutation),
            Some(false) => Ok(Kind::Query),
            None => Err(refused(
                receiver,
                "an actor outlives its methods: take `&mut self` to change it, or `&self` to read it",
            )),
        },
    }
}

/// Whether `self` is borrowed mutably; None if it is not borrowed.
fn is_mutable(receiver: &Receiver) -> Option<bool> {
    match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => Some(mutability.is_some()),
        ReceiverKind::Typed(_, ty) => match &**ty {
            Type::Reference(reference) => Some(reference.mutability.is_some()),
            _ => None,
        },
        _ => None,
    }
}

fn input(parameter: &PatType) -> Result<Input> {
    if let Some(context) = context(&parameter.ty)? {
        if let Some(attribute) = parameter.attrs.iter().find(|attribute| attributes::is_ours(attribute)) {
            return Err(refused(attribute, "callers do not see this parameter"));
        }
        return Ok(Input::Context(context.span()));
    }
    let ident = match &*parameter.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => pat.ident.clone(),
        other => {
            return Err(refused(other, "a parameter needs a name: callers give its argument by it"));
        }
    };
    check_type(&parameter.ty)?;
    let default = match attributes::default(&parameter.attrs)? {
        None if is_named(&parameter.ty, "Option") => Some(DefaultValue::OfType),
        default => default,
    };
    Ok(Input::Parameter(Box::new(Parameter {
        ident,
        ty: Type::clone(&parameter.ty),
        doc: attributes::doc(&parameter.attrs),
        default,
    })))
}

/// The type of the parameter `ctx: &Context`, which may have any name.
pub fn context(ty: &Type) -> Result<Option<&TypeReference>> {
    match ty {
        Type::Reference(reference) if is_named(&reference.elem, "Context") => match &reference.mutability {
            None => Ok(Some(reference)),
            Some(_) => Err(refused(reference, "the context is shared: take `&Context`")),
        },
        ty if is_named(ty, "Context") => Err(refused(ty, "the context is the run's own: take `&Context`")),
        _ => Ok(None),
    }
}

fn check_type(ty: &Type) -> Result<()> {
    match ty {
        Type::Reference(reference) => {
            let owned = if is_named(&reference.elem, "str") { "`String`" } else { "an owned type" };
            Err(refused(ty, format_args!("an argument is a value that was sent: take {owned}, not a reference")))
        }
        Type::ImplTrait(_) => Err(refused(ty, "a method cannot be generic: its callers send JSON, and no types")),
        _ => Ok(()),
    }
}

/// Whether a type is written with this name.
fn is_named(ty: &Type, name: &str) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|segment| segment.ident == name),
        Type::Paren(paren) => is_named(&paren.elem, name),
        Type::Group(group) => is_named(&group.elem, name),
        _ => false,
    }
}

pub fn typed(input: &FnArg) -> Option<&PatType> {
    match input {
        FnArg::Typed(parameter) => Some(parameter),
        FnArg::Receiver(_) => None,
    }
}

fn refused(place: impl ToTokens, message: impl std::fmt::Display) -> Error {
    Error::new_spanned(place, message)
}

/// The return type of a function, `()` if it names none.
pub fn output(output: &ReturnType) -> Type {
    match output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => Type::clone(ty),
    }
}
