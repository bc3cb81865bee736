//! From a method's return value to a result or a [`Failure`].
//!
//! Two choices depend on a type: whether a method's return type is a `Result`, and how its error becomes a failure. Their
//! cases overlap, so that neither can be one blanket implementation. Method lookup makes both choices where the macro's
//! output names the concrete type: it tries a method on `&&T` before the same on `&T`, and that before `T`. So the first
//! case that fits wins. The macro `__outcome!` writes the lookup.

use std::convert::Infallible;
use std::error::Error;
use std::fmt::Display;
use std::marker::PhantomData;

use crate::failure::{Failure, IntoFailure};

/// A method's return type.
pub struct ReturnType<R>(PhantomData<R>);

impl<R> ReturnType<R> {
    #[expect(clippy::new_without_default, reason = "for the macro alone")]
    pub fn new() -> Self {
        ReturnType(PhantomData)
    }
}

/// The return type `Result<T, E>`: an `Err` is a failure.
pub trait ReturnsResult<T, E> {
    fn split(&self) -> fn(Result<T, E>) -> Result<T, E> {
        |output| output
    }
}

impl<T, E> ReturnsResult<T, E> for &ReturnType<Result<T, E>> {}

/// Any other return type: the method never fails.
pub trait ReturnsValue<T> {
    fn split(&self) -> fn(T) -> Result<T, Infallible> {
        Ok
    }
}

impl<T> ReturnsValue<T> for ReturnType<T> {}

/// The type of an error.
pub struct ErrorType<E>(pub PhantomData<E>);

impl<E> ErrorType<E> {
    pub fn by<R, T>(_: fn(R) -> Result<T, E>) -> Self {
        ErrorType(PhantomData)
    }
}

pub trait ErrorAsFailure<E> {
    fn convert(&self) -> fn(E) -> Failure;
}

impl<E: IntoFailure> ErrorAsFailure<E> for &&&ErrorType<E> {
    fn convert(&self) -> fn(E) -> Failure {
        E::into_failure
    }
}

pub trait ErrorAsError<E> {
    fn convert(&self) -> fn(E) -> Failure;
}

impl<E: Error> ErrorAsError<E> for &&ErrorType<E> {
    fn convert(&self) -> fn(E) -> Failure {
        |error| Failure::new(kind_of::<E>(), with_sources(&error))
    }
}

pub trait ErrorAsText<E> {
    fn convert(&self) -> fn(E) -> Failure;
}

impl<E: Display> ErrorAsText<E> for &ErrorType<E> {
    /// In the alternate form, error types that are no `Error`, such as `anyhow`'s, show their causes.
    fn convert(&self) -> fn(E) -> Failure {
        |error| Failure::new(kind_of::<E>(), format!("{error:#}"))
    }
}

/// The last case, for its error message.
pub trait ErrorAsOther<E> {
    fn convert(&self) -> fn(E) -> Failure
    where
        E: CanFail;
}

impl<E> ErrorAsOther<E> for ErrorType<E> {
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

/// The function that splits a value of the return type into a result and an error.
#[doc(hidden)]
#[macro_export]
macro_rules! __returned {
    ($returns:ty) => {{
        #[allow(unused_imports)]
        use $crate::__private::outcome::*;
        (&&ReturnType::<$returns>::new()).split()
    }};
}

/// A `Result<T, Failure>` of a value of the return type.
#[doc(hidden)]
#[macro_export]
macro_rules! __outcome {
    ($returns:ty, $output:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::outcome::*;
        let split = $crate::__returned!($returns);
        let convert = (&&&&ErrorType::by(split)).convert();
        split($output).map_err(convert)
    }};
}

/// A type's own name in kebab-case: `ParseIntError` gives `parse-int-error`. Texts and boxes give [`Failure::PLAIN`].
fn kind_of<E>() -> String {
    let path = std::any::type_name::<E>();
    let path = path.split('<').next().unwrap_or(path);
    let name = path.rsplit("::").next().unwrap_or(path);
    let is_plain = path.starts_with(['&', '(', '[']) || matches!(name, "String" | "str" | "Box" | "Rc" | "Arc" | "Cow");
    if is_plain { Failure::PLAIN.to_owned() } else { kebab_case(name) }
}

vactor_sdk_macros::kebab_case!();

/// An error's message, then the messages of its sources that it does not contain yet.
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
    fn error_type_names_its_kind() {
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
