//! The commands, one group to a file.

mod build;
mod help;
mod new;
mod place;
mod util;

pub use build::Build;
pub use help::Help;
pub use new::New;
pub use place::Where;
pub use util::Util;
