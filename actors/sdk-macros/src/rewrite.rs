//! Makes an impl block of a class plain Rust that prints to the step's log.

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

/// Names our macros in the function's own scope: there, and only there, a `println` that is named
/// wins over the one that Rust brings without being asked. A glob would be ambiguous (E0659).
fn redirect_output(body: &mut Block) {
    let named = parse_quote! {
        #[allow(unused_imports)]
        use ::vactor_sdk::output::{dbg, eprint, eprintln, print, println};
    };
    body.stmts.insert(0, named);
}
