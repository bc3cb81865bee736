use syn::{Error, Ident, ImplItemFn, ReceiverKind, Result, Safety, Signature};

use super::method::{context, output, typed};
use crate::model::{Hook, HookInput};

/// A hook's function. The number of its parameters is checked here, their types by rustc.
pub fn read(function: &ImplItemFn) -> Result<Hook> {
    let signature = &function.sig;
    let mut inputs = Vec::new();
    for input in signature.inputs.iter().filter_map(typed) {
        if let Some(attribute) = input.attrs.iter().find(|attribute| attribute.path().is_ident("default")) {
            return Err(Error::new_spanned(attribute, "callers do not see this parameter: the host gives it"));
        }
        inputs.push(match context(&input.ty)? {
            Some(_) => HookInput::Context,
            None => HookInput::Value(input.ty.clone()),
        });
    }
    let values = inputs.iter().filter(|input| matches!(input, HookInput::Value(_))).count();
    let name = signature.ident.to_string();
    let (reads_self, takes) = match name.as_str() {
        "get_state" => (true, 0),
        "set_state" => (false, 1),
        _ => (false, 2),
    };
    let is_plain = signature.asyncness.is_none()
        && signature.generics.params.is_empty()
        && signature.abi.is_none()
        && matches!(signature.safety, Safety::Default);
    if !is_plain
        || reads_self != takes_shared_self(signature)
        || reads_self != signature.receiver().is_some()
        || values != takes
    {
        let message = format!("`{name}` is called by the host, and must look like {}", example(&name));
        return Err(Error::new_spanned(signature, message));
    }
    Ok(Hook { ident: signature.ident.clone(), inputs, output: output(&signature.output) })
}

/// The error of `get_state` without `set_state`, or the reverse.
pub fn alone(ident: &Ident, missing: &str) -> Error {
    let message = format!(
        "`{ident}` needs `{missing}`: a class writes and reads its state itself, or leaves both to serde; add {}, or \
         give `{ident}` another name if callers are to call it",
        example(missing)
    );
    Error::new_spanned(ident, message)
}

fn example(hook: &str) -> &'static str {
    match hook {
        "get_state" => "`fn get_state(&self) -> Vec<u8>`",
        "set_state" => "`fn set_state(state: Vec<u8>) -> Self`",
        _ => "`fn migrate(from_version: u32, state: Vec<u8>) -> Vec<u8>`",
    }
}

fn takes_shared_self(signature: &Signature) -> bool {
    let kind = signature.receiver().map(|receiver| &receiver.kind);
    matches!(kind, Some(ReceiverKind::Reference(_, _, None)))
}
