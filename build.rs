//! Links the binary without PIE on Linux: relocating wasmtime and Cranelift at every start costs 0.3 ms of a
//! command that takes 3 (docs/decisions/0002-no-pie.md).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    if var("CARGO_CFG_TARGET_OS") == "linux" && var("CARGO_CFG_TARGET_ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
