//! The version of a program, and of the stores that it reads and writes.

use serde::{Deserialize, Serialize};

/// The format of stores that this program reads and writes.
pub(in crate::store) const FORMAT: u16 = 2;

/// The version of a process's program. A later release is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProgramVersion {
    version: [u32; 3],
    /// The format of the stores that it reads and writes.
    format: u16,
}

impl ProgramVersion {
    /// A version as three numbers, with the format of its stores.
    pub const fn new(version: [u32; 3], format: u16) -> ProgramVersion {
        ProgramVersion { version, format }
    }

    /// The version of this program.
    pub fn this() -> ProgramVersion {
        let part = |text: &str| text.parse().unwrap_or_default();
        let version = [
            part(env!("CARGO_PKG_VERSION_MAJOR")),
            part(env!("CARGO_PKG_VERSION_MINOR")),
            part(env!("CARGO_PKG_VERSION_PATCH")),
        ];
        ProgramVersion { version, format: FORMAT }
    }
}
