//! `vactor where` and `vactor init`: the store's folder.

use clap::Args;
use vactor::Error;
use vactor::RedbStore;

use crate::cli::command::{Cli, RunCommand};
use crate::cli::output::{Effect, Problem};
use crate::cli::store_location::{self, LocationReason};

/// Prints the location of the store, and the reason for it
///
/// The folder's path is one line. A path with a control character, such as a line end, is quoted as
/// a shell's `$'…'`.
#[derive(Args)]
pub struct Where {}

#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct WhereLine {
    /// The store's folder. Bytes of its path that are not UTF-8 are U+FFFD.
    store: String,
    /// The reason for this location.
    why: LocationReason,
    /// Whether it has a store.
    exists: bool,
}

impl RunCommand for Where {
    type Line = WhereLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let location = store_location::find(cli.common.store.as_deref())?;
        let exists = location.has_store()?;
        let store = location.folder.display().to_string();
        if cli.console.wants_json() {
            cli.console.json(&WhereLine { store: store.clone(), why: location.why, exists })?;
        } else {
            cli.console.note(location.why.sentence());
            cli.console.path(&location.folder)?;
        }
        if exists { Ok(()) } else { Err(Error::NoStore { place: store }.into()) }
    }
}

/// Makes a store, unless it exists
///
/// A new folder and its files have permissions for their owner only. In an existing folder, users
/// with access to the folder have access to the store, as far as the umask allows.
#[derive(Args)]
pub struct Init {}

#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct InitLine {
    /// The store's folder. Bytes of its path that are not UTF-8 are U+FFFD.
    store: String,
    /// Whether it was made; false if it existed.
    created: bool,
}

impl RunCommand for Init {
    type Line = InitLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let location = store_location::find(cli.common.store.as_deref())?;
        let (_, created) = RedbStore::create_in(location.create()?, cli.lock_waits())?;
        let store = location.folder.display().to_string();
        let note = match (created, location.why) {
            (true, _) => format!("made a store at {store}"),
            (false, LocationReason::Nearest) => format!(
                "the store at {store} is used here already; `vactor init --store .vactor` makes one in this folder"
            ),
            (false, _) => format!("there is a store at {store} already"),
        };
        cli.console.note(&note);
        if !cli.console.wants_json() {
            return Ok(());
        }
        Effect::new(note).printed(cli.console.json(&InitLine { store, created }))
    }
}
