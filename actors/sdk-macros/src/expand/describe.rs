use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;

use super::invoke::default_value;
use super::place::at;
use crate::model::{Class, Event, Input, Kind, Method, Parameter, Retries};

pub fn function(class: &Class) -> TokenStream {
    let doc = &class.doc;
    let methods = class.methods.iter().map(method);
    let events =
        class.events.iter().map(|Event { name, ty, doc }| quote_spanned!(at(ty)=> class.event::<#ty>(#name, #doc);));
    let (ty, version) = (&class.ty, class.state_version);
    // the bytes of a class that writes its state itself have no schema
    let schema = match class.hooks.state() {
        Some(_) => quote!(::core::option::Option::None),
        None => quote!({
            #[allow(unused_imports)]
            use ::vactor_sdk::__private::{StateWithSchema as _, StateWithoutSchema as _};
            (&&::vactor_sdk::__private::StateType::<#ty>::new()).schema()
        }),
    };
    quote! {
        fn describe() -> ::std::string::String {
            let mut class = ::vactor_sdk::__private::Description::new(#doc);
            class.state(#version, #schema);
            #(#events)*
            #(#methods)*
            class.finish()
        }
    }
}

fn method(method: &Method) -> TokenStream {
    let cfgs = &method.cfgs;
    let name = method.ident.unraw().to_string();
    let kind = method.kind.word();
    let doc = &method.doc;
    let parameters = method.inputs.iter().map(parameter);
    let result = result(method);
    let retries = method.retries.as_ref().map(|Retries { times, backoff_ms }| {
        let backoff = backoff_ms.iter();
        quote!(method.retries(#times); #(method.backoff(#backoff);)*)
    });
    quote! {
        #(#cfgs)*
        class.method({
            let mut method = ::vactor_sdk::__private::Method::new(#name, #kind, #doc);
            #(#parameters)*
            #result
            #retries
            method
        });
    }
}

fn parameter(input: &Input) -> TokenStream {
    let Input::Parameter(parameter) = input else {
        return TokenStream::new();
    };
    let Parameter { ident, ty, doc, default } = &**parameter;
    let name = ident.unraw().to_string();
    let declare = quote_spanned!(at(ty)=> method.parameter::<#ty>(#name, #doc););
    let default = default.as_ref().map(|default| {
        let value = default_value(default);
        quote_spanned!(at(ty)=> method.default::<#ty>(#value);)
    });
    quote!(#declare #default)
}

/// The schema of the result; a constructor has none.
fn result(method: &Method) -> TokenStream {
    if method.kind == Kind::Constructor {
        return TokenStream::new();
    }
    let ty = &method.output;
    quote_spanned!(at(ty)=> method.result(::vactor_sdk::__returned!(#ty));)
}
