//! `vactor build`: from a class's source to a component.

use std::path::{Path, PathBuf};

use clap::Args;
use vactor::{Cache, Sandbox};

use crate::cli::cargo;
use crate::cli::command::{Cli, RunCommand};
use crate::cli::options::{LimitFlags, OF_REGISTER, only};
use crate::cli::output::{Effect, Problem};

/// Compiles a class's source to a component, and prints its path
///
/// cargo builds the package, in release mode, as a module for Rust's target wasm32-unknown-unknown.
/// Nothing is installed: if the target is missing, `rustup target add wasm32-unknown-unknown` adds
/// it.
#[derive(Args)]
#[command(mut_args = only(OF_REGISTER))]
pub struct Build {
    /// The folder with the class's Cargo.toml
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The component's file [default: NAME.wasm in the current folder, with the package's name]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitFlags,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct BuildLine {
    /// The component's file.
    file: String,
    /// Its size.
    bytes: usize,
}

impl RunCommand for Build {
    type Line = BuildLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let built = cargo::build(&self.path)?;
        for name in &built.modules_beside {
            cli.console.note(&format!(
                "{name} has the crate type `cdylib` in its Cargo.toml, so its module in this target folder replaces that of \
                 its own build; without `crate-type` both stay"
            ));
        }
        let output = self.output.unwrap_or_else(|| PathBuf::from(format!("{}.wasm", built.name)));
        let module = std::fs::read(&built.module).map_err(|e| cannot("read", &built.module, e))?;
        let component = component_of(&module, &self.limits, cli)?;
        std::fs::write(&output, &component).map_err(|e| cannot("write", &output, e))?;
        let file = output.display().to_string();
        let done = Effect::new(format!("wrote {file}"));
        done.printed(match cli.console.wants_json() {
            true => cli.console.json(&BuildLine { file, bytes: component.len() }),
            false => cli.console.path(&output),
        })
    }
}

/// The component, validated as by `register`, with the same errors.
fn component_of(module: &[u8], limits: &LimitFlags, cli: &Cli) -> Result<Vec<u8>, Problem> {
    let mut lines = Vec::new();
    let sandbox = cli.sandbox(Sandbox::new(Cache::user()), limits);
    let inspected = sandbox.inspect(
        module,
        &limits.overrides()?.limits(),
        &cli.stop,
        &mut || cli.console.note("compiling the component for this machine"),
        &mut |line| lines.push(line.message.clone()),
    );
    // the lines that the class wrote while it described itself help if that failed
    lines.iter().for_each(|line| cli.console.note(line));
    Ok(inspected?.component)
}

fn cannot(action: &str, path: &Path, error: std::io::Error) -> Problem {
    Problem::input(format!("cannot {action} {}", path.display())).cause(error.to_string())
}
