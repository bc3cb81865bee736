use proc_macro2::Span;
use syn::spanned::Spanned;

/// The place of the user's code, for an error to point at. Names are looked up as the macro's own, so that a block that
/// another macro wrote works, too.
pub fn at(place: &impl Spanned) -> Span {
    Span::call_site().located_at(place.span())
}
