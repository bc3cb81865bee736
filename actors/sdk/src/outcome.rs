//! From what a method returned to a value or a [`Failure`].
//!
//! Two choices depend on a type and cannot be one blanket implementation each, because the cases
//! overlap: whether a method's return type is a `Result`, and which way its error becomes a failure.
//! Both are made where the macro's output names the concrete type, by method lookup: it tries a
//! method on `&&T` before the same on `&T` and that before `T`, so the first case that holds wins. The macro
//! `__outcome!` writes the lookup.

use std::convert::Infallible;
use std::error::Error;
use std::fmt::Display;
use std::marker::PhantomData;

use crate::failure::{Failure, IntoFailure};

/// Stands for a method's return type.
pub struct Returned<R>(PhantomData<R>);

impl<R> Returned<R> {
    #[expect(clippy::new_without_default, reason = "only the macro makes one")]
    pub fn new() -> Self {
        Returned(PhantomData)
    }
}

/// Of the return type `Result<T, E>`: an `Err` is a failure.
pub trait ReturnedResult<T, E> {
    fn split(&self) -> fn(Result<T, E>) -> Result<T, E> {
        |output| output
    }
}

impl<T, E> ReturnedResult<T, E> for &Returned<Result<T, E>> {}

/// Of any other return type: it never fails.
pub trait ReturnedValue<T> {
    fn split(&self) -> fn(T) -> Result<T, Infallible> {
        Ok
    }
}

impl<T> ReturnedValue<T> for Returned<T> {}

/// Stands for an error of a type.
pub struct Raised<E>(pub PhantomData<E>);

impl<E> Raised<E> {
    pub fn by<R, T>(_: fn(R) -> Result<T, E>) -> Self {
        Raised(PhantomData)
    }
}

pub trait RaisedFailure<E> {
    fn convert(&self) -> fn(E) -> Failure;
}

impl<E: IntoFailure> RaisedFailure<E> for &&&Raised<E> {
    fn convert(&self) -> fn(E) -> Failure {
        E::into_failure
    }
}

pub trait RaisedError<E> {
    fn convert(&self) -> fn(E) -> Failure;
}

impl<E: Error> RaisedError<E> for &&Raised<E> {
    fn convert(&self) -> fn(E) -> Failure {
        |error| Failure::new(kind_of::<E>(), with_sources(&error))
    }
}

pub trait RaisedText<E> {
    fn convert(&self) -> fn(E) -> Failure;
}

impl<E: Display> RaisedText<E> for &Raised<E> {
    /// The alternate form is how error types that are no `Error`, such as `anyhow`'s, show their causes.
    fn convert(&self) -> fn(E) -> Failure {
        |error| Failure::new(kind_of::<E>(), format!("{error:#}"))
    }
}

/// The last resort, there for its error message.
pub trait RaisedOther<E> {
    fn convert(&self) -> fn(E) -> Failure
    where
        E: CanFail;
}

impl<E> RaisedOther<E> for Raised<E> {
    fn convert(&self) -> fn(E) -> Failure
    where
        E: CanFail,
    {
        |error| error.fail()
    }
}

/// Implemented by nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a method",
    label = "not an error that can become a failure",
    note = "implement `std::error::Error`, `std::fmt::Display` or `vactor_sdk::IntoFailure` for it"
)]
pub trait CanFail {
    fn fail(self) -> Failure;
}

/// The function that splits what a method of the return type gave into its value and its error.
#[doc(hidden)]
#[macro_export]
macro_rules! __returned {
    ($returns:ty) => {{
        #[allow(unused_imports)]
        use $crate::__private::outcome::*;
        (&&Returned::<$returns>::new()).split()
    }};
}

/// Gives `Result<T, Failure>` from what a method of the return type gave.
#[doc(hidden)]
#[macro_export]
macro_rules! __outcome {
    ($returns:ty, $output:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::outcome::*;
        let split = $crate::__returned!($returns);
        let convert = (&&&&Raised::by(split)).convert();
        split($output).map_err(convert)
    }};
}

/// A type's own name in kebab-case: `ParseIntError` gives `parse-int-error`.
///
/// Texts and boxes say nothing of what went wrong: [`Failure::PLAIN`].
fn kind_of<E>() -> String {
    let path = std::any::type_name::<E>();
    let path = path.split('<').next().unwrap_or(path);
    let name = path.rsplit("::").next().unwrap_or(path);
    let says_nothing =
        path.starts_with(['&', '(', '[']) || matches!(name, "String" | "str" | "Box" | "Rc" | "Arc" | "Cow");
    if says_nothing { Failure::PLAIN.to_owned() } else { kebab_case(name) }
}

/// `HTTPError` gives `http-error`, `E404` gives `e404`.
fn kebab_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut kebab = String::with_capacity(name.len() + 4);
    for (i, &letter) in letters.iter().enumerate() {
        let after_word = i > 0 && !letters[i - 1].is_uppercase() && letters[i - 1] != '_';
        let before_word = i > 0 && letters[i - 1] != '_' && letters.get(i + 1).is_some_and(|next| next.is_lowercase());
        match letter {
            '_' => kebab.push('-'),
            _ if letter.is_uppercase() => {
                if after_word || before_word {
                    kebab.push('-');
                }
                kebab.extend(letter.to_lowercase());
            }
            _ => kebab.push(letter),
        }
    }
    kebab
}

/// An error's message, then those of its sources that it does not repeat.
fn with_sources(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        source = error.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_kebab_case() {
        for (name, kebab) in [
            ("ParseIntError", "parse-int-error"),
            ("HTTPError", "http-error"),
            ("E404", "e404"),
            ("Error", "error"),
            ("Not_Found", "not-found"),
            ("already", "already"),
        ] {
            assert_eq!(kebab_case(name), kebab);
        }
    }

    #[test]
    fn kinds_of_types() {
        struct Own<T>(T);
        let _ = Own(());
        assert_eq!(kind_of::<std::num::ParseIntError>(), "parse-int-error");
        assert_eq!(kind_of::<Own<String>>(), "own");
        assert_eq!(kind_of::<String>(), "error");
        assert_eq!(kind_of::<&'static str>(), "error");
        assert_eq!(kind_of::<std::borrow::Cow<'static, str>>(), "error");
        assert_eq!(kind_of::<Box<dyn Error + Send + Sync>>(), "error");
    }
}
