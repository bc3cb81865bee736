//! The SDK has a copy of the contract, so that its folder can be copied alone.

#[test]
fn contract_of_the_sdk_equals_that_of_the_project() {
    let sdk = concat!(env!("CARGO_MANIFEST_DIR"), "/wit/actor.wit");
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/actor.wit");
    let read = |path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(read(sdk), read(project), "copy wit/actor.wit to actors/sdk/wit/actor.wit");
}
