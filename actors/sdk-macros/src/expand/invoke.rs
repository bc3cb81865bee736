use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, ExprLit, Lit};

use super::place::at;
use crate::model::{Class, DefaultValue, Input, Kind, Method, Parameter};

pub fn construct(class: &Class) -> TokenStream {
    let constructor = class.methods.iter().find(|method| method.kind == Kind::Constructor).map(outcome);
    quote! {
        fn construct(
            json: &str,
            ctx: &::vactor_sdk::Context,
        ) -> ::core::result::Result<Self, ::vactor_sdk::Failure> {
            #constructor
        }
    }
}

pub fn function(class: &Class) -> TokenStream {
    let methods = class.methods.iter().filter(|method| method.kind != Kind::Constructor).map(arm);
    quote! {
        fn invoke(
            actor: ::core::option::Option<&mut Self>,
            method: &str,
            json: &str,
            ctx: &::vactor_sdk::Context,
        ) -> ::core::result::Result<::std::string::String, ::vactor_sdk::Failure> {
            match method {
                #(#methods)*
                unknown => ::core::result::Result::Err(::vactor_sdk::__private::unknown_method(unknown)),
            }
        }
    }
}

fn arm(method: &Method) -> TokenStream {
    let cfgs = &method.cfgs;
    let name = method.ident.unraw().to_string();
    let outcome = outcome(method);
    let ty = &method.output;
    let write = quote_spanned!(at(ty)=> ::vactor_sdk::__private::write_result(result));
    quote! {
        #(#cfgs)*
        #name => {
            let result = { #outcome }?;
            #write
        }
    }
}

/// Reads the arguments, calls the method, and returns its result or a failure.
fn outcome(method: &Method) -> TokenStream {
    let ident = &method.ident;
    let output = &method.output;
    let names = method.inputs.iter().filter_map(|input| match input {
        Input::Parameter(parameter) => Some(parameter.ident.unraw().to_string()),
        Input::Context(_) => None,
    });
    let this = match method.kind {
        Kind::Mutation | Kind::Query => Some(quote!(::vactor_sdk::__private::present(actor),)),
        Kind::Constructor | Kind::Task => None,
    };
    let inputs = method.inputs.iter().map(argument);
    quote_spanned! {at(output)=>
        let arguments = ::vactor_sdk::__private::Arguments::read(json, &[#(#names),*])?;
        ::vactor_sdk::__outcome!(#output, Self::#ident(#this #(#inputs),*))
    }
}

fn argument(input: &Input) -> TokenStream {
    let Parameter { ident, ty, default, .. } = &**match input {
        Input::Context(span) => return quote_spanned!(at(span)=> ctx),
        Input::Parameter(parameter) => parameter,
    };
    let name = ident.unraw().to_string();
    let default = match default {
        Some(default) => {
            let value = default_value(default);
            quote!(::core::option::Option::Some(|| #value))
        }
        None => quote!(::core::option::Option::None),
    };
    quote_spanned!(at(ty)=> arguments.take::<#ty>(#name, #default)?)
}

/// The value of a default, for a place whose type rustc knows.
pub fn default_value(default: &DefaultValue) -> TokenStream {
    match default {
        DefaultValue::OfType => quote!(::core::default::Default::default()),
        // The parameter is most often a `String`.
        DefaultValue::Value(text @ Expr::Lit(ExprLit { lit: Lit::Str(_), .. })) => {
            quote_spanned!(at(text)=> ::core::convert::Into::into(#text))
        }
        DefaultValue::Value(value) => quote!(#value),
    }
}
