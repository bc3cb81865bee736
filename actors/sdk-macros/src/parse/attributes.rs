use syn::{Attribute, Error, Expr, ExprLit, Lit, Meta, Result};

use crate::model::DefaultValue;

/// The text of the doc comments, without the space that follows each `///`.
pub fn doc(attributes: &[Attribute]) -> String {
    let comments: Vec<String> = attributes.iter().filter_map(doc_text).collect();
    let text = comments.join("\n");
    let lines: Vec<&str> = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n").trim().to_owned()
}

fn doc_text(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

pub fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}

/// Whether the attribute of a parameter is one of this crate, which rustc does not know.
pub fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("default") || attribute.path().is_ident("doc")
}

/// `#[default]` or `#[default(…)]` among a parameter's attributes.
pub fn default(attributes: &[Attribute]) -> Result<Option<DefaultValue>> {
    let mut defaults = attributes.iter().filter(|attribute| attribute.path().is_ident("default"));
    let Some(first) = defaults.next() else {
        return Ok(None);
    };
    if let Some(second) = defaults.next() {
        return Err(Error::new_spanned(second, "a parameter has one default"));
    }
    match &first.meta {
        Meta::Path(_) => Ok(Some(DefaultValue::OfType)),
        Meta::List(list) => Ok(Some(DefaultValue::Value(list.parse_args()?))),
        Meta::NameValue(meta) => Err(Error::new_spanned(meta, "write it as `#[default(…)]`")),
    }
}
