//! The SDK carries the contract with it, so that a copy of its folder is whole. There is one truth.

#[test]
fn the_sdks_contract_is_the_projects() {
    let sdk = concat!(env!("CARGO_MANIFEST_DIR"), "/wit/actor.wit");
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/actor.wit");
    let read = |path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(read(sdk), read(project), "copy wit/actor.wit to actors/sdk/wit/actor.wit");
}
