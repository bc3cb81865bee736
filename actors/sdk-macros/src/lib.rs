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
#[proc_macro_attribute]
pub fn actor(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let block = match parse::impl_block(item.into()) {
        Ok(block) => block,
        Err(error) => return error.into_compile_error().into(),
    };
    let class = match parse::class(attribute.into(), &block) {
        Ok(class) => expand::class(&class),
        Err(errors) => errors.into_compile_error(),
    };
    // The block is there even after an error, so that rustc does not also miss its functions.
    let block = rewrite::block(block);
    quote!(#block #class).into()
}
