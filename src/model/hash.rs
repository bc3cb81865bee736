//! Hashes, and the seeds of invocations.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The blake3 hash of some bytes: a state, a component, a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(#[serde(with = "serde_bytes")] [u8; 32]);

impl Hash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(blake3::hash(bytes).into())
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Hash {
        Hash(bytes)
    }
}

impl fmt::Display for Hash {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&blake3::Hash::from(self.0).to_hex())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The origin of an invocation's random bytes and opaque id. It is drawn when the invocation is
/// accepted.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(#[serde(with = "serde_bytes")] pub [u8; 32]);

impl Seed {
    /// The seed of the start or send with this ordinal, from 1 on.
    pub fn child(&self, ordinal: u64) -> Seed {
        let mut hasher = blake3::Hasher::new_derive_key("vactor child seed");
        hasher.update(&self.0).update(&ordinal.to_le_bytes());
        Seed(hasher.finalize().into())
    }

    /// The opaque id that guests see of the invocation: `i` and 32 hexadecimal digits.
    pub fn opaque_id(&self) -> String {
        let hash = blake3::Hasher::new_derive_key("vactor invocation id").update(&self.0).finalize();
        format!("i{}", &hash.to_hex()[..32])
    }

    /// Whether a text may be an opaque id.
    pub fn is_opaque_id(text: &str) -> bool {
        let digits = text.strip_prefix('i').unwrap_or_default();
        digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", blake3::Hash::from(self.0).to_hex())
    }
}
