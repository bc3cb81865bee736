use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::place::at;
use crate::model::{Class, Hook, HookInput};

pub fn get(class: &Class) -> TokenStream {
    let ty = &class.ty;
    let body = match class.hooks.state() {
        Some((get, set)) => {
            let get = call(get, quote!(self,), &[]);
            let set = call(set, TokenStream::new(), &["state"]);
            quote!(::vactor_sdk::__private::own_state(#get, |state: ::std::vec::Vec<u8>| #set))
        }
        None => quote_spanned!(at(ty)=> ::vactor_sdk::__private::write_state::<#ty>(self)),
    };
    quote! {
        fn get_state(
            &self,
            ctx: &::vactor_sdk::Context,
        ) -> ::core::result::Result<::std::vec::Vec<u8>, ::vactor_sdk::Failure> {
            #body
        }
    }
}

pub fn set(class: &Class) -> TokenStream {
    let ty = &class.ty;
    let body = match class.hooks.state() {
        Some((_, set)) => call(set, TokenStream::new(), &["state"]),
        None => quote_spanned!(at(ty)=> ::vactor_sdk::__private::read_state::<#ty>(&state)),
    };
    quote! {
        fn set_state(
            state: ::std::vec::Vec<u8>,
            ctx: &::vactor_sdk::Context,
        ) -> ::core::result::Result<Self, ::vactor_sdk::Failure> {
            #body
        }
    }
}

pub fn migrate(class: &Class) -> TokenStream {
    let body = match &class.hooks.migrate {
        Some(hook) => call(hook, TokenStream::new(), &["from_version", "state"]),
        None => quote!(::core::result::Result::Ok(state)),
    };
    quote! {
        fn migrate(
            from_version: u32,
            state: ::std::vec::Vec<u8>,
            ctx: &::vactor_sdk::Context,
        ) -> ::core::result::Result<::std::vec::Vec<u8>, ::vactor_sdk::Failure> {
            #body
        }
    }
}

fn call(hook: &Hook, this: TokenStream, values: &[&str]) -> TokenStream {
    let Hook { ident, inputs, output } = hook;
    let mut values = values.iter();
    let inputs = inputs.iter().map(|input| match input {
        HookInput::Context => quote!(ctx),
        HookInput::Value(ty) => {
            let value = values.next().expect("the parser counted the values of a hook");
            Ident::new(value, at(ty)).into_token_stream()
        }
    });
    quote_spanned!(at(output)=> ::vactor_sdk::__outcome!(#output, Self::#ident(#this #(#inputs),*)))
}
