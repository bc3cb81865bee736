//! From source to component: `vactor new` and `vactor build`.

use std::process::Command;

use crate::classes;
use crate::support::{Ran, Vactor};

/// Runs `vactor build` in the folder, with the environment that cargo needs.
fn build(vactor: &Vactor, args: &[&str]) -> Ran {
    Ran::from(classes::builder().current_dir(vactor.path("")).arg("build").args(args).output().unwrap())
}

#[test]
fn new_class_builds_registers_and_runs() {
    let vactor = Vactor::new();
    assert_eq!(vactor.line("new shopping-cart").ok(), "");
    assert_eq!(build(&vactor, &["shopping-cart"]).ok(), "shopping-cart.wasm\n");
    vactor.line("register cart shopping-cart.wasm").ok();
    vactor.line("create cart mine").ok();
    assert_eq!(vactor.line("call mine add 2").ok(), "2\n");
    assert_eq!(vactor.line("get mine count").ok(), "2\n");
}

#[test]
fn build_of_two_classes_in_one_crate_says_so_in_any_modules() {
    let vactor = Vactor::new();
    vactor.line("new shopping-cart").ok();
    let class = std::fs::read_to_string(vactor.path("shopping-cart/src/lib.rs")).unwrap();
    let derived = "#[derive(serde::Serialize, serde::Deserialize)]\npub struct Other;\n";
    let other = format!("{derived}#[vactor_sdk::actor]\nimpl Other {{ pub fn new() -> Self {{ Other }} }}\n");
    for other in [other.clone(), format!("mod other {{ {other} }}")] {
        vactor.write("shopping-cart/src/lib.rs", format!("{class}{other}"));
        let built = build(&vactor, &["shopping-cart"]);
        assert!(built.stderr.contains("cause: its crate has two classes, and a component holds one"), "{built:?}");
        built.refuses(2, "the class shopping-cart does not build", "move one of them to a crate of its own");
    }
}

/// Writes two new classes, of which `cart` calls `price-list`.
fn write_two(vactor: &Vactor) {
    vactor.line("new price-list").ok();
    vactor.line("new cart").ok();
    vactor.write(
        "cart/src/lib.rs",
        r#"
        use price_list::PriceList;
        use vactor_sdk::{Context, Fault, actor};

        #[derive(serde::Serialize, serde::Deserialize)]
        pub struct Cart;

        #[actor]
        impl Cart {
            pub fn new() -> Self {
                Cart
            }

            pub fn pay(&mut self, n: i64, ctx: &Context) -> Result<i64, Fault> {
                ctx.start::<PriceList>("prices").or_create(1).add(n).wait()
            }
        }
        "#,
    );
    depend(vactor, "cart", r#"price-list = { path = "../price-list", features = ["client"] }"#);
}

/// Adds a line to a class's dependencies.
fn depend(vactor: &Vactor, class: &str, line: &str) {
    let manifest = format!("{class}/Cargo.toml");
    let text = std::fs::read_to_string(vactor.path(&manifest)).unwrap();
    vactor.write(&manifest, text.replace("[dependencies]\n", &format!("[dependencies]\n{line}\n")));
}

/// Both builds use the same target folder.
#[test]
fn class_that_calls_new_class_builds_in_one_target_folder() {
    let vactor = Vactor::new();
    write_two(&vactor);
    let built = |class: &str| {
        build(&vactor, &[class]).ok();
        std::fs::read(vactor.path(format!("{class}.wasm"))).unwrap()
    };
    let (cart, prices) = (built("cart"), built("price-list"));
    vactor.line("register cart cart.wasm").ok();
    vactor.line("register price-list price-list.wasm").ok();
    vactor.line("create cart mine").ok();
    assert_eq!(vactor.line("call mine pay 2").ok(), "3\n");
    // newer sources: cargo has to compile both again
    for class in ["price-list", "cart", "price-list"] {
        let file = format!("{class}/src/lib.rs");
        vactor.write(&file, std::fs::read(vactor.path(&file)).unwrap());
        assert!(built(class) == if class == "cart" { &cart[..] } else { &prices[..] }, "{class}");
    }
}

#[test]
fn build_of_dependency_with_exports_names_feature() {
    let vactor = Vactor::new();
    write_two(&vactor);
    let manifest = std::fs::read_to_string(vactor.path("cart/Cargo.toml")).unwrap();
    vactor.write("cart/Cargo.toml", manifest.replace(r#", features = ["client"]"#, ""));
    build(&vactor, &["cart"]).refuses(2, "the class cart does not build", r#"features = ["client"]"#);
}

#[test]
fn build_notes_dependency_that_becomes_module() {
    let vactor = Vactor::new();
    write_two(&vactor);
    let built = build(&vactor, &["cart"]);
    assert!(built.code == 0 && !built.stderr.contains("cdylib"), "{built:?}");
    let manifest = std::fs::read_to_string(vactor.path("price-list/Cargo.toml")).unwrap();
    vactor.write("price-list/Cargo.toml", format!("{manifest}\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n"));
    let built = build(&vactor, &["cart"]);
    assert!(
        built.code == 0 && built.stderr.contains("price_list has the crate type `cdylib` in its Cargo.toml"),
        "{built:?}"
    );
}

/// cargo knows a package by its path in its own workspace, which two classes of one name share.
#[test]
fn classes_of_same_name_keep_their_components() {
    let vactor = Vactor::new();
    let folder = |name: &str| vactor.path(name).join("twin");
    for name in ["first", "second"] {
        std::fs::create_dir(vactor.path(name)).unwrap();
        let mut new = vactor.command();
        new.args(["new", "twin"]).current_dir(vactor.path(name));
        Ran::from(new.output().unwrap()).ok();
    }
    let source = std::fs::read_to_string(folder("second").join("src/lib.rs")).unwrap();
    vactor.write("second/twin/src/lib.rs", source.replace("Ok(self.count)", "Ok(100 * self.count)"));
    // the second source is older than the first build, so cargo need not compile it by its time
    for name in ["first", "second", "first"] {
        build(&vactor, &[&format!("{name}/twin"), "-o", &format!("{name}.wasm")]).ok();
        vactor.line(&format!("register {name} {name}.wasm")).ok();
        vactor.line(&format!("create {name} {name} --if-absent")).ok();
    }
    assert_eq!(vactor.line("call first add 2").ok(), "2\n");
    assert_eq!(vactor.line("call second add 2").ok(), "200\n");
    assert!(vactor.line("classes --json").ok().lines().all(|line| line.contains(r#""versions":1"#)));
}

/// cargo leaves a folder with a manifest out of a package, but the SDK must be in it.
#[test]
fn packed_crate_has_files_that_new_writes() {
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
fn new_class_passes_its_own_test() {
    let vactor = Vactor::new();
    vactor.line("new tally").ok();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--quiet"]).current_dir(vactor.path("tally"));
    cargo.env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/classes"));
    assert!(Ran::from(cargo.output().unwrap()).ok().contains("1 passed"));
}

#[test]
fn new_never_overwrites() {
    let vactor = Vactor::new();
    vactor.write("tally", "mine");
    vactor.line("new tally").refuses(4, "tally exists already", "another name");
    assert_eq!(std::fs::read(vactor.path("tally")).unwrap(), b"mine");
}

#[test]
fn invalid_names_and_languages_are_refused() {
    let vactor = Vactor::new();
    vactor.line("new fn").refuses(2, "\"fn\": it is a keyword of Rust", "shopping-cart");
    vactor.line("new ../up").refuses(2, "it does not begin with a letter", "shopping-cart");
    vactor.line("new --lang cobol tally").refuses(2, "invalid value `cobol`", "");
    assert_eq!(std::fs::read_dir(vactor.path("")).unwrap().count(), 0);
}

#[test]
fn build_names_crate_that_it_cannot_build() {
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
    build(&vactor, &[]).refuses(2, "plain builds no class", "depends on `vactor-sdk`");
    manifest("[package]\nname = \"plain\"\n[lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n");
    build(&vactor, &[]).refuses(2, "no actor class", "");
    vactor.write("src/lib.rs", "fn f() { nonsense }");
    let said = build(&vactor, &[]).fails(2);
    assert!(said.contains("error[E0425]") && said.contains("error: the class plain does not build"), "{said}");
    assert!(!vactor.path("plain.wasm").exists());
}

#[test]
fn build_without_target_names_command_that_adds_it() {
    let vactor = Vactor::new();
    vactor.line("new tally").ok();
    // a sysroot without targets stands for a toolchain that lacks this one
    let mut command = classes::builder();
    command.current_dir(vactor.path("")).args(["build", "tally"]);
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", format!("--sysroot={}", vactor.path("").display()));
    Ran::from(command.output().unwrap()).refuses(2, "wasm32-unknown-unknown is not installed", "rustup target add");
}

#[test]
fn build_without_cargo_says_so() {
    let vactor = Vactor::new();
    vactor.line("new tally").ok();
    let mut command = vactor.command();
    command.args(["build", "tally"]).env("PATH", vactor.path(""));
    Ran::from(command.output().unwrap()).refuses(2, "cannot run cargo", "installs Rust");
}

#[test]
fn counter_component_is_small() {
    let bytes = std::fs::metadata(classes::component("counter")).unwrap().len();
    assert!(bytes <= 140 << 10, "{bytes} bytes");
}

/// A class without waits imports no functions for them.
#[test]
fn component_imports_functions_that_class_uses() {
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
