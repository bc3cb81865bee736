//! The commands, one group to a file, and their table.

mod actor;
mod batch;
mod build;
mod call;
mod class;
mod help;
mod journal;
mod log;
mod new;
mod pending;
mod ps;
mod rm;
mod store;
mod task;
mod task_log;
mod util;

use crate::cli::command::{CommandEntry, CommandTable};

/// All commands, in the order in which `--help` shows them.
pub const TABLE: CommandTable = CommandTable(&[
    CommandEntry::new::<new::New>("new"),
    CommandEntry::new::<build::Build>("build"),
    CommandEntry::new::<class::Register>("register"),
    CommandEntry::new::<call::Create>("create"),
    CommandEntry::new::<call::Call>("call"),
    CommandEntry::new::<call::Get>("get"),
    CommandEntry::new::<batch::Batch>("batch"),
    CommandEntry::new::<task::RunTask>("run"),
    CommandEntry::new::<pending::Wait>("wait"),
    CommandEntry::new::<pending::Cancel>("cancel"),
    CommandEntry::new::<pending::Resume>("resume"),
    CommandEntry::new::<ps::Ps>("ps"),
    CommandEntry::new::<task::Emit>("emit"),
    CommandEntry::new::<pending::Worker>("worker"),
    CommandEntry::new::<actor::Show>("show"),
    CommandEntry::new::<actor::Ls>("ls"),
    CommandEntry::new::<log::ShowLog>("log"),
    CommandEntry::new::<rm::Rm>("rm"),
    CommandEntry::new::<class::Classes>("classes"),
    CommandEntry::new::<class::Describe>("describe"),
    CommandEntry::new::<store::Init>("init"),
    CommandEntry::new::<store::Where>("where"),
    CommandEntry::new::<util::Util>("util"),
    CommandEntry::new::<help::Help>("help"),
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_pass_the_checks_of_clap() {
        TABLE.tree().debug_assert();
    }

    #[test]
    fn each_command_and_flag_has_help() {
        let mut tree = TABLE.tree();
        tree.build();
        for command in tree.get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for arg in command.get_arguments().filter(|arg| arg.get_id() != "help") {
                assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
            }
        }
    }
}
