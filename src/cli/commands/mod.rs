//! The commands, one group to a file.

mod accepted;
mod actor;
mod batch;
mod build;
mod call;
mod class;
mod help;
mod log;
mod new;
mod place;
mod ps;
mod rm;
mod task_log;
mod util;
mod workflow;

pub use accepted::{Cancel, Resume, Wait, Worker};
pub use actor::{Ls, Show};
pub use batch::Batch;
pub use build::Build;
pub use call::{Call, Create, Get};
pub use class::{Classes, Describe, Register};
pub use help::Help;
pub use log::Log;
pub use new::New;
pub use place::{Init, Where};
pub use ps::Ps;
pub use rm::Rm;
pub use util::Util;
pub use workflow::{Emit, RunTask};
