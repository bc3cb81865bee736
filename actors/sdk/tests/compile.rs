//! Classes that compile, and classes that do not, with errors that help.
//!
//! The errors of rustc are in the `.stderr` files; `TRYBUILD=overwrite cargo test --test compile` writes them.

#[test]
fn valid_class_compiles() {
    trybuild::TestCases::new().pass("tests/compile/pass/*.rs");
}

#[test]
fn invalid_class_is_an_error_at_its_place() {
    trybuild::TestCases::new().compile_fail("tests/compile/fail/*.rs");
}
