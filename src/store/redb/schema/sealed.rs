//! Sealed records: MessagePack behind a sum that includes the key.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::Hash;
use crate::store::redb::errors::{TxResult, damaged, internal};

use super::key::RecordKey;
pub use super::validate::Validate;

const SUM: usize = 8;

/// The largest nesting of values. No record is half as deep.
const DEPTH: usize = 32;

pub fn seal(key: &RecordKey, record: &impl Serialize) -> TxResult<Vec<u8>> {
    let mut sealed = vec![0; SUM];
    if let Err(error) = rmp_serde::encode::write(&mut sealed, record) {
        return internal(format!("{} cannot be encoded: {error}", key.describe()));
    }
    let sum = sum_of(key, &sealed[SUM..]);
    sealed[..SUM].copy_from_slice(&sum);
    Ok(sealed)
}

pub fn unseal<T: DeserializeOwned + Validate>(key: &RecordKey, sealed: &[u8]) -> TxResult<T> {
    let Some((sum, record)) = sealed.split_first_chunk::<SUM>() else {
        return damaged(format!("{} is too short", key.describe()));
    };
    if *sum != sum_of(key, record) {
        return damaged(format!("{} does not match its sum", key.describe()));
    }
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(record);
    deserializer.set_max_depth(DEPTH);
    let read = T::deserialize(&mut deserializer).map_err(|error| error.to_string());
    let valid = read.and_then(|record| record.validate(key).map(|()| record).map_err(str::to_owned));
    valid.or_else(|reason| damaged(format!("{} is not readable: {reason}", key.describe())))
}

/// The sum includes the key, so that a record under the key of another is damage.
fn sum_of(key: &RecordKey, record: &[u8]) -> [u8; SUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.bytes().len() as u64).to_be_bytes());
    hasher.update(key.bytes());
    hasher.update(record);
    let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
    [a, b, c, d, e, f, g, h]
}

/// Checks bytes against their hash.
pub fn checked(key: &RecordKey, bytes: Cow<'_, [u8]>, hash: &Hash) -> TxResult<Vec<u8>> {
    if Hash::of(&bytes) != *hash {
        return damaged(format!("{} does not match its hash", key.describe()));
    }
    Ok(bytes.into_owned())
}
