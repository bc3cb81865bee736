//! What compiles, and what does not, with words that help.
//!
//! What rustc says is in the `.stderr` files; `TRYBUILD=overwrite cargo test --test compile` writes
//! them anew.

#[test]
fn classes_compile() {
    trybuild::TestCases::new().pass("tests/compile/pass/*.rs");
}

#[test]
fn what_cannot_work_is_an_error_at_its_place() {
    trybuild::TestCases::new().compile_fail("tests/compile/fail/*.rs");
}
