//! Calls of the class by its type: structures whose methods have the names and the parameters of the class's methods, and
//! return the value of the call, such as a handle or the id of a sent call.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{GenericArgument, PathArguments, Type, TypeTuple};

use super::place::at;
use crate::model::{Class, Input, Kind, Method, Parameter};

pub fn structs(class: &Class) -> TokenStream {
    let ty = &class.ty;
    let of_kind = |kind| class.methods.iter().filter(move |method| method.kind == kind);
    let or_create = of_kind(Kind::Constructor).map(constructor);
    let mutations = of_kind(Kind::Mutation).map(call);
    let tasks = of_kind(Kind::Task).map(call);
    let queries = of_kind(Kind::Query).map(query);
    let [call_options, task_options] = [Kind::Mutation, Kind::Task].map(|kind| options(of_kind(kind)));
    let allowed = quote!(#[allow(dead_code, private_interfaces, private_bounds, clippy::all)]);
    quote! {
        /// The class, as it is named in here.
        type __Class = #ty;

        pub struct __Calls<'__c, __V>(::vactor_sdk::__private::CallBuilder<'__c, __V>);
        pub struct __Tasks<'__c, __V>(::vactor_sdk::__private::CallBuilder<'__c, __V>);
        pub struct __Queries<'__c, __V>(::vactor_sdk::__private::CallBuilder<'__c, __V>);

        #allowed
        impl<'__c, __V: ::vactor_sdk::Verb> __Calls<'__c, __V> {
            #call_options
            #(#or_create)*
            #(#mutations)*
        }

        #allowed
        impl<'__c, __V: ::vactor_sdk::Verb> __Tasks<'__c, __V> {
            #task_options
            #(#tasks)*
        }

        #allowed
        impl<'__c, __V> __Queries<'__c, __V> {
            #(#queries)*
        }
    }
}

/// The options of a call, without those whose name is that of a method of the class.
fn options<'m>(methods: impl Iterator<Item = &'m Method>) -> TokenStream {
    let names: Vec<Ident> = methods.map(|method| method.ident.unraw()).collect();
    let is_free = |option: &str| !names.iter().any(|name| name == option);
    let meta = is_free("meta").then(|| {
        quote! {
            /// Metadata of the call: a name (each one once) and a value, which `vactor log` shows.
            pub fn meta(
                self,
                name: impl ::std::convert::Into<::std::string::String>,
                value: impl ::std::convert::Into<::std::string::String>,
            ) -> Self {
                Self(self.0.meta(name, value))
            }
        }
    });
    let limit = is_free("limit").then(|| {
        quote! {
            /// Lowers a limit of the call.
            pub fn limit(self, limit: ::vactor_sdk::Limit) -> Self {
                Self(self.0.limit(limit))
            }
        }
    });
    quote!(#meta #limit)
}

/// The part of the trait's implementation that leads to the structures.
pub fn types() -> TokenStream {
    quote! {
        type Calls<'__c, __V: ::vactor_sdk::Verb> = __Calls<'__c, __V>;
        type Tasks<'__c, __V: ::vactor_sdk::Verb> = __Tasks<'__c, __V>;
        type Queries<'__c, __V> = __Queries<'__c, __V>;

        fn calls<'__c, __V: ::vactor_sdk::Verb>(
            call: ::vactor_sdk::__private::CallBuilder<'__c, __V>,
        ) -> __Calls<'__c, __V> {
            __Calls(call)
        }

        fn tasks<'__c, __V: ::vactor_sdk::Verb>(
            call: ::vactor_sdk::__private::CallBuilder<'__c, __V>,
        ) -> __Tasks<'__c, __V> {
            __Tasks(call)
        }

        fn queries<'__c, __V>(call: ::vactor_sdk::__private::CallBuilder<'__c, __V>) -> __Queries<'__c, __V> {
            __Queries(call)
        }
    }
}

fn call(method: &Method) -> TokenStream {
    let Method { cfgs, ident, output, .. } = method;
    let doc = &method.doc;
    let name = ident.unraw().to_string();
    let Parameters { declared, bounds, put } = parameters(method);
    let result = owned(success(output));
    quote_spanned! {at(ident)=>
        #(#cfgs)*
        #[doc = #doc]
        pub fn #ident(self, #declared) -> __V::Of<#result>
        where
            #bounds
        {
            #put
            self.0.make(#name, __arguments)
        }
    }
}

/// A query, which returns at once.
fn query(method: &Method) -> TokenStream {
    let Method { cfgs, ident, output, .. } = method;
    let doc = &method.doc;
    let name = ident.unraw().to_string();
    let Parameters { declared, bounds, put } = parameters(method);
    let result = owned(success(output));
    let read = quote_spanned!(at(output)=> ::vactor_sdk::__private::ReadResult<#result>);
    quote_spanned! {at(ident)=>
        #(#cfgs)*
        #[doc = #doc]
        pub fn #ident(self, #declared) -> ::std::result::Result<#result, ::vactor_sdk::Fault>
        where
            #bounds
            __V: #read,
        {
            #put
            <__V as #read>::ask(self.0, #name, __arguments)
        }
    }
}

/// The constructor, as `or_create` of a call.
fn constructor(method: &Method) -> TokenStream {
    let Method { cfgs, .. } = method;
    let Parameters { declared, bounds, put } = parameters(method);
    quote! {
        #(#cfgs)*
        /// Creates the actor first if it does not exist, from these arguments of the constructor.
        pub fn or_create(self, #declared) -> Self
        where
            #bounds
        {
            #put
            __Calls(self.0.or_create::<__Class>(<__Class as ::vactor_sdk::Class>::NAME, __arguments))
        }
    }
}

struct Parameters {
    declared: TokenStream,
    /// Bounds on the types of the parameters, which hold for the caller and not for the class.
    bounds: TokenStream,
    put: TokenStream,
}

fn parameters(method: &Method) -> Parameters {
    let parameters = method.inputs.iter().filter_map(|input| match input {
        Input::Parameter(parameter) => Some(&**parameter),
        Input::Context(_) => None,
    });
    let mut declared = TokenStream::new();
    let mut bounds = TokenStream::new();
    let mut put = quote!(let mut __arguments = ::vactor_sdk::__private::ArgsWriter::new(););
    for Parameter { ident, ty, .. } in parameters {
        let name = ident.unraw().to_string();
        let ty = without_self(ty.to_token_stream());
        declared.extend(quote!(#ident: #ty,));
        bounds.extend(quote_spanned!(at(&ty)=> __V: ::vactor_sdk::__private::WriteArgument<#ty>,));
        put.extend(
            quote!(<__V as ::vactor_sdk::__private::WriteArgument<#ty>>::write(&mut __arguments, #name, &#ident);),
        );
    }
    Parameters { declared, bounds, put }
}

/// `T` of a `Result<T, …>`, judged by the name; any other type is the result itself.
fn success(output: &Type) -> &Type {
    let Type::Path(path) = output else {
        return output;
    };
    let last = path.path.segments.last().filter(|segment| segment.ident.to_string().ends_with("Result"));
    let Some(PathArguments::AngleBracketed(arguments)) = last.map(|segment| &segment.arguments) else {
        return output;
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.into_iter().next().unwrap_or(output)
}

/// The result as the caller owns it: a `&str` is a `String` there, a `&[T]` a `Vec<T>`, a `&T` a `T`.
fn owned(result: &Type) -> TokenStream {
    match result {
        Type::Reference(reference) => match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => quote!(::std::string::String),
            Type::Slice(slice) => {
                let item = owned(&slice.elem);
                quote!(::std::vec::Vec<#item>)
            }
            other => owned(other),
        },
        Type::Tuple(TypeTuple { elems, .. }) => {
            let elems = elems.iter().map(owned);
            quote!((#(#elems,)*))
        }
        Type::Path(path) => {
            let mut path = path.clone();
            for segment in &mut path.path.segments {
                if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
                    arguments.args.iter_mut().for_each(own_argument);
                }
            }
            without_self(path.into_token_stream())
        }
        Type::Paren(paren) => owned(&paren.elem),
        Type::Group(group) => owned(&group.elem),
        other => without_self(other.to_token_stream()),
    }
}

fn own_argument(argument: &mut GenericArgument) {
    match argument {
        GenericArgument::Type(ty) => *ty = Type::Verbatim(owned(ty)),
        GenericArgument::Lifetime(lifetime) => *lifetime = syn::parse_quote!('static),
        _ => {}
    }
}

/// The tokens with the class in the place of `Self`.
fn without_self(tokens: TokenStream) -> TokenStream {
    let replaced = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(ident) if ident == "Self" => Ident::new("__Class", self_span(&ident)).into(),
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), without_self(group.stream()));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        other => other,
    });
    replaced.collect()
}

fn self_span(ident: &Ident) -> Span {
    Span::call_site().located_at(ident.span())
}
