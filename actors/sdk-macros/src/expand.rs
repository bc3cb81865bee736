//! From a [`Class`] to its side of the contract: an implementation of `vactor_sdk`'s `Class`.
//!
//! What rustc has to check (that an argument can be read, that a result has a schema) is written
//! with the place of the user's type, so that an error points there.

mod client;
mod describe;
mod invoke;
mod state;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;

use crate::model::Class;

pub fn class(class: &Class) -> TokenStream {
    let ty = &class.ty;
    let describe = describe::function(class);
    let construct = invoke::construct(class);
    let invoke = invoke::function(class);
    let get_state = state::get(class);
    let set_state = state::set(class);
    let migrate = state::migrate(class);
    let name = &class.name;
    let client = client::structs(class);
    let client_types = client::types();
    let implementation = quote! {
        #[automatically_derived]
        impl ::vactor_sdk::Class for #ty {
            const NAME: &'static str = #name;
            #client_types
            #describe
            #construct
            #invoke
            #get_state
            #set_state
            #migrate
        }
    };
    quote! {
        // Its own scope: what the macro names is not in the way of the class's names.
        const _: () = {
            #client
            #implementation
        };

        // Two classes in one component would export the same names: a crate that calls this class, and is one
        // itself, takes it without them.
        #[allow(unexpected_cfgs)]
        const _: () = {
            #[cfg(all(target_arch = "wasm32", not(feature = "client")))]
            ::vactor_sdk::__export!(#ty);
        };

        // says so by its name where a module has two
        #[cfg(target_arch = "wasm32")]
        #[allow(non_upper_case_globals, dead_code)]
        const a_component_holds_one_class: () = ();
    }
}

/// The place of the user's code, for an error to point at; names are looked up as the macro's own, so
/// that a block that another macro wrote works, too.
fn at(place: &impl Spanned) -> Span {
    Span::call_site().located_at(place.span())
}
