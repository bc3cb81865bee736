//! From a [`Class`] to its side of the contract: an implementation of `vactor_sdk`'s `Class`.
//!
//! Code that rustc checks against the user's types (an argument can be read, a result has a schema) has the place of that
//! type, so that an error points there.

mod client;
mod describe;
mod invoke;
mod place;
mod state;

use proc_macro2::TokenStream;
use quote::quote;

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
        // A scope of its own keeps the macro's names apart from the class's.
        const _: () = {
            #client
            #implementation
        };

        // Two classes in one component would export the same names. So a class that depends on this one builds it without
        // its exports.
        #[allow(unexpected_cfgs)]
        const _: () = {
            #[cfg(all(target_arch = "wasm32", not(feature = "client")))]
            ::vactor_sdk::__export!(#ty);
        };

        // A macro that is exported is one of the whole crate. A second class in any of its modules is an error with this
        // name, and `vactor build` explains it.
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[doc(hidden)]
            #[macro_export]
            macro_rules! a_component_holds_one_class {
                () => {};
            }
        };
    }
}
