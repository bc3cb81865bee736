//! The options of `#[actor(…)]`.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Ident, LitInt, LitStr, Result, Token, Type, meta, parenthesized};

use super::attributes;
use crate::model::Event;

pub struct Options {
    /// `name = "…"`, or the type's name in kebab-case.
    pub name: String,
    /// `state = 2`, or 1.
    pub state_version: u32,
    /// `events(…)`
    pub events: Vec<Event>,
}

pub fn read(attribute: TokenStream, ty: &Type) -> Result<Options> {
    let mut name: Option<LitStr> = None;
    let (mut state_version, mut events) = (1, Vec::new());
    meta::parser(|meta| {
        if meta.path.is_ident("name") {
            name = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("state") {
            state_version = version(&meta.value()?.parse()?)?;
        } else if meta.path.is_ident("events") {
            let content;
            parenthesized!(content in meta.input);
            events.extend(Punctuated::<Event, Token![,]>::parse_terminated(&content)?);
        } else {
            return Err(meta.error("`#[actor]` has the options `name = \"…\"`, `state = 2` and `events(…)`"));
        }
        Ok(())
    })
    .parse2(attribute)?;
    check_names(&events)?;
    Ok(Options { name: class_name(name, ty)?, state_version, events })
}

fn version(number: &LitInt) -> Result<u32> {
    match number.base10_parse()? {
        0 => Err(Error::new(number.span(), "the versions of a state begin with 1")),
        version => Ok(version),
    }
}

/// `approved: String`, or `"reply:*": Reply` for all events with that prefix.
impl Parse for Event {
    fn parse(input: ParseStream<'_>) -> Result<Event> {
        let doc = attributes::doc(&input.call(Attribute::parse_outer)?);
        let name = match input.peek(LitStr) {
            true => input.parse()?,
            false => {
                let ident = input.call(Ident::parse_any)?;
                LitStr::new(&ident.unraw().to_string(), ident.span())
            }
        };
        input.parse::<Token![:]>()?;
        Ok(Event { name, ty: input.parse()?, doc })
    }
}

fn check_names(events: &[Event]) -> Result<()> {
    let mut names = HashSet::new();
    for Event { name, .. } in events {
        let text = name.value();
        if !(1..=255).contains(&text.len()) || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            let message = "the name of an event has 1 to 255 bytes without spaces and control characters";
            return Err(Error::new(name.span(), message));
        }
        if !names.insert(text) {
            return Err(Error::new(name.span(), "there are two events of this name"));
        }
    }
    Ok(())
}

fn class_name(name: Option<LitStr>, ty: &Type) -> Result<String> {
    match name {
        Some(name) if is_class_name(&name.value()) => Ok(name.value()),
        Some(name) => Err(Error::new(
            name.span(),
            "a class's name has at most 255 letters, digits, `-`, `_` and `.`, and starts with a letter",
        )),
        None => match own_name(ty) {
            Some(own) if is_class_name(&own) => Ok(kebab_case(&own)),
            _ => Err(Error::new_spanned(ty, "no class can be registered under this name: `#[actor(name = \"…\")]`")),
        },
    }
}

fn is_class_name(name: &str) -> bool {
    name.len() <= 255
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn own_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        Type::Paren(paren) => own_name(&paren.elem),
        Type::Group(group) => own_name(&group.elem),
        _ => None,
    }
}

// The reverse of `vactor new`, which makes a type's name of a class's.
include!("../kebab_case.rs");

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::read;

    #[test]
    fn type_names_its_class() {
        for (ty, name) in [
            (parse_quote!(Counter), "counter"),
            (parse_quote!(shop::ShoppingCart), "shopping-cart"),
            (parse_quote!(HTTPProbe), "http-probe"),
            (parse_quote!(Snake_Case), "snake-case"),
            (parse_quote!(ParseIntError), "parse-int-error"),
            (parse_quote!(E404), "e404"),
            (parse_quote!(already), "already"),
        ] {
            assert_eq!(read(quote!(), &ty).expect("it has a name").name, name);
        }
        let own = read(quote!(name = "tally.v2"), &parse_quote!(Counter)).expect("the name is one");
        assert_eq!((own.name.as_str(), own.state_version), ("tally.v2", 1));
    }
}
