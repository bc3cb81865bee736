//! The name under which callers expect a class to be registered.

use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::{Error, LitStr, Result, Type, meta};

/// `#[actor(name = "…")]`, or the type's name in kebab-case.
pub fn of(attribute: TokenStream, ty: &Type) -> Result<String> {
    let mut name: Option<LitStr> = None;
    meta::parser(|meta| {
        if !meta.path.is_ident("name") {
            return Err(meta.error("`#[actor]` takes nothing in brackets but `name = \"…\"`"));
        }
        name = Some(meta.value()?.parse()?);
        Ok(())
    })
    .parse2(attribute)?;
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

    use super::of;

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
            assert_eq!(of(quote!(), &ty).expect("it has a name"), name);
        }
        let own = of(quote!(name = "tally.v2"), &parse_quote!(Counter)).expect("the name is one");
        assert_eq!(own, "tally.v2");
    }
}
