//! `vactor where` and `vactor init`: the store's folder.

use clap::Args;
use vactor::model::Error;

use crate::cli::place::{self, Why};
use crate::cli::{Cli, Problem, Run};

/// Prints which store is meant, and why
#[derive(Args)]
pub struct Where {}

#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct WhereLine {
    /// The store's folder.
    store: String,
    /// Why it is that one.
    why: Why,
    /// Whether there is a store in it.
    exists: bool,
}

impl Run for Where {
    type Line = WhereLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let place = place::find(cli.common.store.as_deref())?;
        let exists = place.exists();
        let store = place.folder.display().to_string();
        if cli.console.wants_json() {
            cli.console.json(&WhereLine { store: store.clone(), why: place.why, exists })?;
        } else {
            cli.console.note(place.why.sentence());
            cli.console.line(&store)?;
        }
        if exists { Ok(()) } else { Err(Error::NoStore { place: store }.into()) }
    }
}
