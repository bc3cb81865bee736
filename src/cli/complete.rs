//! Completions of what the store at hand holds.

use clap_complete::CompleteEnv;

use super::tree;

/// The variable by which a shell asks for completions.
pub const VARIABLE: &str = "VACTOR_COMPLETE";

/// Answers a shell that asks for completions, and ends; otherwise does nothing.
pub fn answer_a_shell() {
    if std::env::var_os(VARIABLE).is_some() {
        CompleteEnv::with_factory(tree::whole).var(VARIABLE).complete();
    }
}
