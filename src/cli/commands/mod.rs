//! The commands, one group to a file.

mod help;
mod place;
mod util;

pub use help::Help;
pub use place::Where;
pub use util::Util;
