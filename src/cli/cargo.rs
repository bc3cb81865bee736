//! Compiles a class's source with cargo. It installs nothing.

use std::io::{self, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use cargo_metadata::diagnostic::Diagnostic;
use cargo_metadata::{Message, MetadataCommand, Package};

use vactor::Error;

use crate::cli::output::{Problem, stream};

const TARGET: &str = "wasm32-unknown-unknown";

/// A heap of 1 MiB, which suffices for most runs. The SDK's allocator begins there. A memory that
/// does not grow makes a run in a batch or a worker cheaper.
const HEAP: &str = "link-arg=--initial-heap=1048576";

/// The crate that makes a package a class.
const SDK: &str = "vactor-sdk";

/// The result of cargo.
pub struct BuiltModule {
    /// The package's name.
    pub name: String,
    /// The core module.
    pub module: PathBuf,
    /// Dependencies of which cargo made modules, too, because their manifests say `cdylib`.
    pub modules_beside: Vec<String>,
}

/// Compiles the class in a folder. The messages of cargo go to stderr at once.
pub fn build(folder: &Path) -> Result<BuiltModule, Problem> {
    let package = read_package(folder)?;
    compile(&package)
}

/// The package of a folder, or of the `Cargo.toml` in it.
fn read_package(folder: &Path) -> Result<Package, Problem> {
    let manifest = match folder.file_name() {
        Some(name) if name == "Cargo.toml" => folder.to_owned(),
        _ => folder.join("Cargo.toml"),
    };
    let manifest = std::path::absolute(&manifest)
        .map_err(|e| Problem::input(format!("cannot find {}: {e}", manifest.display())))?;
    if !manifest.is_file() {
        let message = format!("there is no class in {}: it has no Cargo.toml", folder.display());
        return Err(Problem::input(message).hint("`vactor new NAME` writes a class to begin with"));
    }
    let metadata = MetadataCommand::new()
        .cargo_path(cargo())
        .current_dir(manifest.parent().unwrap_or(Path::new(".")))
        .manifest_path(&manifest)
        .no_deps()
        .exec()
        .map_err(|e| metadata_failed(&manifest, e))?;
    let canonical = std::fs::canonicalize(&manifest).ok();
    let is_named = |package: &&Package| std::fs::canonicalize(&package.manifest_path).ok() == canonical;
    let Some(package) = metadata.packages.iter().find(is_named) else {
        let classes: Vec<_> =
            metadata.packages.iter().filter(|package| is_class(package)).map(|p| p.name.as_str()).collect();
        let problem = Problem::input(format!("{} is a workspace, not one class", manifest.display()));
        return Err(problem.hint(format!("give the folder of one class; there are {}", classes.join(", "))));
    };
    if !is_class(package) {
        let message = format!("the package {} builds no class", package.name);
        let hint = "a class is a library that depends on `vactor-sdk`; `vactor new NAME` writes one";
        return Err(Problem::input(message).hint(hint));
    }
    Ok(package.clone())
}

/// A class is a library that depends on the SDK, or has the crate type `cdylib`.
fn is_class(package: &Package) -> bool {
    let with_sdk = package.dependencies.iter().any(|dependency| dependency.name == SDK);
    package.targets.iter().any(|target| target.is_cdylib() || with_sdk && target.is_lib())
}

/// Builds the core module.
///
/// The crate type is given here and not in the manifest. Otherwise cargo would build a module of
/// each class among the dependencies, too. In a target folder of several classes, that module and
/// its library would replace the files of the other class's own build, because neither name has a
/// hash.
fn compile(package: &Package) -> Result<BuiltModule, Problem> {
    let folder = package.manifest_path.parent().expect("a manifest is in a folder");
    // in the folder, so that cargo reads its .cargo/config.toml and rust-toolchain.toml
    let mut cargo = Command::new(cargo())
        .args(["rustc", "--release", "--lib", "--crate-type", "cdylib", "--target", TARGET])
        .args(["--message-format=json-diagnostic-rendered-ansi", "--manifest-path"])
        .arg(&package.manifest_path)
        .args(["--", "-C", HEAP])
        // Changes nothing in the module. cargo identifies a package by its path within its
        // workspace, so it would take the build of a class of this name in another folder for this
        // one's.
        .args(["-L", &format!("native={folder}")])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(no_cargo)?;
    let stdout = BufReader::new(cargo.stdout.take().expect("stdout is piped"));
    let (mut module, mut target_missing, mut exported_twice, mut two_classes) = (None, false, false, false);
    let mut modules_beside = Vec::new();
    for message in Message::parse_stream(stdout) {
        match message.map_err(|e| Problem::input(format!("cannot read the messages of cargo: {e}")))? {
            Message::CompilerMessage(message) => {
                exported_twice |= is_exported_twice(&message.message);
                two_classes |= has_two_classes(&message.message);
                target_missing |= is_target_missing(&message.message);
                if !target_missing {
                    show(&message.message);
                }
            }
            Message::CompilerArtifact(artifact) => {
                let wasm = artifact.filenames.into_iter().find(|file| file.extension() == Some("wasm"));
                if artifact.package_id == package.id {
                    module = wasm.or(module);
                } else if wasm.is_some() {
                    modules_beside.push(artifact.target.name);
                }
            }
            _ => {}
        }
    }
    let status = cargo.wait().map_err(no_cargo)?;
    let failed = || Problem::input(format!("the class {} does not build", package.name));
    match module {
        Some(module) if status.success() => {
            Ok(BuiltModule { name: package.name.to_string(), module: module.into(), modules_beside })
        }
        _ if interrupted(status) => Err(Error::Interrupted.into()),
        _ if target_missing => Err(Problem::input(format!("Rust's target {TARGET} is not installed"))
            .hint(format!("`rustup target add {TARGET}` adds it"))),
        _ if two_classes => Err(failed().cause("its crate has two classes, and a component holds one").hint(
            "move one of them to a crate of its own, which `vactor new NAME` writes; a class calls another one by a \
             dependency with `features = [\"client\"]`",
        )),
        _ if exported_twice => Err(failed().cause("a class among its dependencies has exports, too").hint(
            "in Cargo.toml, `features = [\"client\"]` takes the other class without its exports; that class declares \
             `client = []` under `[features]`",
        )),
        _ => Err(failed().hint("the errors of cargo, above, say why")),
    }
}

/// Two classes in one component export the same names. The profile's `lto` decides which tool
/// reports it.
fn is_exported_twice(diagnostic: &Diagnostic) -> bool {
    let names_export = |text: &str| {
        text.contains("vactor:actor/class@")
            && (text.contains("symbol multiply defined") || text.contains("duplicate symbol"))
    };
    names_export(&diagnostic.message) || diagnostic.children.iter().any(|note| names_export(&note.message))
}

/// The macro `#[actor]` exports a macro of this name, and a crate exports a name once.
fn has_two_classes(diagnostic: &Diagnostic) -> bool {
    diagnostic.message.contains("`a_component_holds_one_class` is defined multiple times")
}

fn is_target_missing(diagnostic: &Diagnostic) -> bool {
    diagnostic.code.as_ref().is_some_and(|code| code.code == "E0463")
        && diagnostic.children.iter().any(|note| note.message.contains("target may not be installed"))
}

/// Writes a diagnostic to stderr. cargo's progress bar leaves the cursor at its first column, so it
/// is wiped first.
fn show(diagnostic: &Diagnostic) {
    let Some(rendered) = &diagnostic.rendered else { return };
    let wipe = if io::stderr().is_terminal() { "\x1b[K" } else { "" };
    let text = match anstream::AutoStream::choice(&io::stderr()) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(rendered).to_string(),
        _ => format!("{wipe}{rendered}"),
    };
    // a closed stderr is no error
    let _ = stream::write(&io::stderr(), text.as_bytes());
}

#[cfg(unix)]
fn interrupted(status: ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(nix::libc::SIGINT)
}

#[cfg(not(unix))]
fn interrupted(_: ExitStatus) -> bool {
    false
}

/// The cargo that started this program, or the one on the path.
fn cargo() -> std::ffi::OsString {
    named_cargo().unwrap_or_else(|| "cargo".into())
}

fn named_cargo() -> Option<std::ffi::OsString> {
    std::env::var_os("CARGO").filter(|cargo| !cargo.is_empty())
}

fn no_cargo(error: io::Error) -> Problem {
    let problem = Problem::input(format!("cannot run cargo, which builds a class: {error}"));
    match named_cargo() {
        Some(cargo) => problem.hint(format!("the variable CARGO names `{}`", cargo.display())),
        None => problem.hint("https://rustup.rs installs Rust"),
    }
}

fn metadata_failed(manifest: &Path, error: cargo_metadata::Error) -> Problem {
    match error {
        cargo_metadata::Error::Io(error) => no_cargo(error),
        cargo_metadata::Error::CargoMetadata { stderr } => {
            Problem::input(format!("cargo cannot read {}", manifest.display())).cause(stderr.trim())
        }
        other => Problem::input(format!("cargo cannot read {}", manifest.display())).cause(other.to_string()),
    }
}
