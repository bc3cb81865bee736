//! Makes plain Rust of a class's impl block, with prints to the step's log.

use syn::{Block, FnArg, ImplItem, ItemImpl, parse_quote};

use crate::parse::{is_ours, is_task};

pub fn block(mut block: ItemImpl) -> ItemImpl {
    for item in &mut block.items {
        if let ImplItem::Fn(function) = item {
            function.attrs.retain(|attribute| !is_task(attribute));
            for input in &mut function.sig.inputs {
                if let FnArg::Typed(parameter) = input {
                    parameter.attrs.retain(|attribute| !is_ours(attribute));
                }
            }
            redirect_output(&mut function.block);
        }
    }
    block
}

/// Imports the SDK's macros in the function's own scope, the only one where a named `println` wins over that of the
/// prelude. A glob would be ambiguous (E0659).
fn redirect_output(body: &mut Block) {
    let named = parse_quote! {
        #[allow(unused_imports)]
        use ::vactor_sdk::output::{dbg, eprint, eprintln, print, println};
    };
    body.stmts.insert(0, named);
}
