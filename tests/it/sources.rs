//! From source to component: `vactor new` and `vactor build`.

use std::process::Command;

use crate::classes;
use crate::support::{Ran, Vactor};

/// Runs `vactor build` in the folder, with what cargo needs.
fn build(vactor: &Vactor, args: &[&str]) -> Ran {
    Ran::from(classes::builder().current_dir(vactor.path("")).arg("build").args(args).output().unwrap())
}

#[test]
fn a_new_class_builds_registers_and_runs_as_it_is() {
    let vactor = Vactor::new();
    assert_eq!(vactor.line("new shopping-cart").ok(), "");
    assert_eq!(build(&vactor, &["shopping-cart"]).ok(), "shopping-cart.wasm\n");
    vactor.line("register cart shopping-cart.wasm").ok();
    vactor.line("create cart mine").ok();
    assert_eq!(vactor.line("call mine add 2").ok(), "2\n");
    assert_eq!(vactor.line("get mine count").ok(), "2\n");
    // one class it is, and no more
    let class = std::fs::read_to_string(vactor.path("shopping-cart/src/lib.rs")).unwrap();
    let other = "\n#[actor]\nimpl Other { pub fn new() -> Self { Other } }\n";
    let derived = "#[derive(serde::Serialize, serde::Deserialize)]\npub struct Other;\n";
    vactor.write("shopping-cart/src/lib.rs", format!("{class}{derived}{other}"));
    let said = build(&vactor, &["shopping-cart"]).fails(2);
    assert!(said.contains("`a_component_holds_one_class` is defined multiple times"), "{said}");
}

/// A folder with a manifest of its own is left out of a package: the SDK must be in it all the same.
#[test]
fn a_packed_crate_has_what_new_writes() {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "package",
        "--list",
        "--allow-dirty",
        "--manifest-path",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
    ]);
    let listed = Ran::from(cargo.output().unwrap()).ok();
    for file in
        ["Cargo.toml.in", "src/lib.rs", "vactor/sdk/Cargo.toml.in", "vactor/sdk/src/lib.rs", "vactor/sdk/wit/actor.wit"]
    {
        assert!(listed.contains(&format!("templates/rust/{file}\n")), "{file} is not in:\n{listed}");
    }
}

#[test]
fn a_new_class_passes_its_own_test() {
    let vactor = Vactor::new();
    vactor.line("new tally").ok();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--quiet"]).current_dir(vactor.path("tally"));
    cargo.env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/classes"));
    assert!(Ran::from(cargo.output().unwrap()).ok().contains("1 passed"));
}

#[test]
fn a_new_class_never_overwrites() {
    let vactor = Vactor::new();
    vactor.write("tally", "mine");
    vactor.line("new tally").refuses(4, "tally exists already", "another name");
    assert_eq!(std::fs::read(vactor.path("tally")).unwrap(), b"mine");
}

#[test]
fn bad_names_and_languages_are_refused() {
    let vactor = Vactor::new();
    vactor.line("new fn").refuses(2, "\"fn\": it is a word of Rust", "shopping-cart");
    vactor.line("new ../up").refuses(2, "it does not begin with a letter", "shopping-cart");
    vactor.line("new --lang cobol tally").refuses(2, "invalid value `cobol`", "");
    assert_eq!(std::fs::read_dir(vactor.path("")).unwrap().count(), 0);
}

#[test]
fn build_says_what_it_cannot_build() {
    let vactor = Vactor::new();
    let manifest = |text: &str| vactor.write("Cargo.toml", text);
    build(&vactor, &["nowhere"]).refuses(2, "no class in nowhere", "vactor new");
    build(&vactor, &[]).refuses(2, "it has no Cargo.toml", "vactor new");
    manifest("[workspace]\n");
    build(&vactor, &[]).refuses(2, "a workspace", "one class");
    manifest("[package]\nname = 1\n");
    build(&vactor, &["Cargo.toml"]).refuses(2, "cargo cannot read", "");
    manifest("[package]\nname = \"plain\"\n[workspace]\n");
    std::fs::create_dir(vactor.path("src")).unwrap();
    vactor.write("src/lib.rs", "");
    build(&vactor, &[]).refuses(2, "plain builds no class", "cdylib");
    manifest("[package]\nname = \"plain\"\n[lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n");
    build(&vactor, &[]).refuses(2, "no actor class", "");
    vactor.write("src/lib.rs", "fn f() { nonsense }");
    let said = build(&vactor, &[]).fails(2);
    assert!(said.contains("error[E0425]") && said.contains("error: the class plain does not build"), "{said}");
    assert!(!vactor.path("plain.wasm").exists());
}

#[test]
fn build_names_the_command_that_adds_the_target() {
    let vactor = Vactor::new();
    vactor.line("new tally").ok();
    // a sysroot without any target stands for a toolchain that lacks this one
    let mut command = classes::builder();
    command.current_dir(vactor.path("")).args(["build", "tally"]);
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", format!("--sysroot={}", vactor.path("").display()));
    Ran::from(command.output().unwrap()).refuses(2, "wasm32-unknown-unknown is not installed", "rustup target add");
}

#[test]
fn build_says_so_where_there_is_no_cargo() {
    let vactor = Vactor::new();
    vactor.line("new tally").ok();
    let mut command = vactor.command();
    command.args(["build", "tally"]).env("PATH", vactor.path(""));
    Ran::from(command.output().unwrap()).refuses(2, "cannot run cargo", "installs Rust");
}

#[test]
fn the_counter_is_small() {
    let bytes = std::fs::metadata(classes::component("counter")).unwrap().len();
    assert!(bytes <= 200 << 10, "{bytes} bytes");
}

/// A class that waits for nothing carries nothing of waiting.
#[test]
fn a_component_asks_for_what_its_class_uses() {
    assert_eq!(asked_for_by("counter"), ["log"]);
    let waits =
        ["[method]handle.invocation", "[method]handle.wait", "event", "log", "now", "save", "timer", "wait-any"];
    assert_eq!(asked_for_by("approval"), waits);
}

/// The functions of the context that a component imports.
fn asked_for_by(class: &str) -> Vec<String> {
    let component = std::fs::read(classes::component(class)).unwrap();
    let wit_component::DecodedWasm::Component(resolve, world) = wit_component::decode(&component).unwrap() else {
        panic!("{class} is no component");
    };
    let imports = resolve.worlds[world].imports.values().filter_map(|item| match item {
        wit_parser::WorldItem::Interface { id, .. } => Some(&resolve.interfaces[*id]),
        _ => None,
    });
    let mut asked: Vec<String> = imports.flat_map(|interface| interface.functions.keys().cloned()).collect();
    asked.sort();
    asked
}
