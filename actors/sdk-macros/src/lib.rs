//! The attribute `#[actor]` of `vactor-sdk`, which re-exports and documents it.
//!
//! [`parse`] reads the impl block into the [`model`] and refuses blocks that cannot work, [`expand`] writes the class's side
//! of the contract, [`rewrite`] makes the block plain Rust.

mod expand;
mod model;
mod parse;
mod rewrite;

use proc_macro::TokenStream;
use quote::quote;

/// Makes an actor class of an `impl` block.
///
/// After an error the output still has the block, so that rustc reports no errors about its absence.
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

/// The function `kebab_case`, for the SDK: a crate of macros can export it in no other way.
#[doc(hidden)]
#[proc_macro]
pub fn kebab_case(_: TokenStream) -> TokenStream {
    include_str!("kebab_case.rs").parse().expect("the file is Rust")
}
