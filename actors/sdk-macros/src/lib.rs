//! The attribute `#[actor]` of `vactor-sdk`, which re-exports and documents it.
//!
//! [`parse`] reads the impl block and refuses what cannot work, [`model`] is what it found,
//! [`expand`] writes the class's side of the contract, [`rewrite`] makes the block plain Rust.

mod expand;
mod model;
mod parse;
mod rewrite;

use proc_macro::TokenStream;
use quote::quote;

/// Makes an actor class of an `impl` block.
///
/// After an error, too, the output has what the attribute is on: else rustc would miss it as well.
#[proc_macro_attribute]
pub fn actor(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    let block = match parse::impl_block(item.clone()) {
        Ok(block) => block,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#item #error).into();
        }
    };
    let class = match parse::class(attribute.into(), &block) {
        Ok(class) => expand::class(&class),
        Err(errors) => errors.into_compile_error(),
    };
    let block = rewrite::block(block);
    quote!(#block #class).into()
}
