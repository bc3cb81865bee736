//! `vactor where` and `vactor init`: the store's folder.

use clap::Args;
use vactor::Error;
use vactor::RedbStore;

use crate::cli::command::{Cli, RunCommand};
use crate::cli::output::{Effect, Problem};
use crate::cli::store_location::{self, LocationReason};

/// Prints which store is meant, and why
///
/// The folder's path is one line: one with a line end or another control character in it is quoted as a shell's `$'…'`.
#[derive(Args)]
pub struct Where {}

#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct WhereLine {
    /// The store's folder. What is not UTF-8 in its path is U+FFFD.
    store: String,
    /// LocationReason it is that one.
    why: LocationReason,
    /// Whether there is a store in it.
    exists: bool,
}

impl RunCommand for Where {
    type Line = WhereLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let place = store_location::find(cli.common.store.as_deref())?;
        let exists = place.has_store()?;
        let store = place.folder.display().to_string();
        if cli.console.wants_json() {
            cli.console.json(&WhereLine { store: store.clone(), why: place.why, exists })?;
        } else {
            cli.console.note(place.why.sentence());
            cli.console.path(&place.folder)?;
        }
        if exists { Ok(()) } else { Err(Error::NoStore { place: store }.into()) }
    }
}

/// Makes a store, where there is none yet
///
/// A new folder and its files are for their owner alone. In a folder that exists, the users who may use the folder may use the
/// store, less what the umask takes away.
#[derive(Args)]
pub struct Init {}

#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct InitLine {
    /// The store's folder. What is not UTF-8 in its path is U+FFFD.
    store: String,
    /// Whether it was made; it may have been there.
    created: bool,
}

impl RunCommand for Init {
    type Line = InitLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let place = store_location::find(cli.common.store.as_deref())?;
        let (_, created) = RedbStore::create_in(place.create()?, cli.lock_waits())?;
        let store = place.folder.display().to_string();
        let note = match (created, place.why) {
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
