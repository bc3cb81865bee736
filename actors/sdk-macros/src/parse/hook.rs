use syn::{Error, ImplItemFn, ReceiverKind, Result, Signature};

use super::method::{context, typed};
use super::output;
use crate::model::{Hook, HookInput};

/// A hook's function: that it takes the right number of things is seen here, that their types are
/// the right ones is seen by rustc.
pub fn read(function: &ImplItemFn) -> Result<Hook> {
    let signature = &function.sig;
    let mut inputs = Vec::new();
    for input in signature.inputs.iter().filter_map(typed) {
        inputs.push(match context(&input.ty)? {
            Some(_) => HookInput::Context,
            None => HookInput::Value(input.ty.clone()),
        });
    }
    let values = inputs.iter().filter(|input| matches!(input, HookInput::Value(_))).count();
    let (reads_self, takes, example) = match signature.ident.to_string().as_str() {
        "get_state" => (true, 0, "`fn get_state(&self) -> Vec<u8>`"),
        "set_state" => (false, 1, "`fn set_state(state: Vec<u8>) -> Self`"),
        _ => (false, 2, "`fn migrate(from_version: u32, state: Vec<u8>) -> Vec<u8>`"),
    };
    let is_plain = signature.asyncness.is_none() && signature.generics.params.is_empty();
    if !is_plain
        || reads_self != takes_shared_self(signature)
        || reads_self != signature.receiver().is_some()
        || values != takes
    {
        let message = format!("`{}` is called by the host, and must look like {example}", signature.ident);
        return Err(Error::new_spanned(signature, message));
    }
    Ok(Hook { ident: signature.ident.clone(), inputs, output: output(&signature.output) })
}

fn takes_shared_self(signature: &Signature) -> bool {
    let kind = signature.receiver().map(|receiver| &receiver.kind);
    matches!(kind, Some(ReceiverKind::Reference(_, _, None)))
}
