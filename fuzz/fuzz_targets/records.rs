//! A changed record with a valid checksum: the right answer or an error, never a panic or a hang.
#![no_main]

use std::sync::LazyLock;

mod store;

use store::rewrite::{records, sealed, with_value};

static FILE: LazyLock<Vec<u8>> = LazyLock::new(store::file);
static RECORDS: LazyLock<Vec<(Vec<u8>, Vec<u8>)>> = LazyLock::new(|| records(&FILE));

// the first byte selects a record, the second the end of its part that stays
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [number, kept, rest @ ..] = bytes else { return };
    let (key, value) = &RECORDS[usize::from(*number) % RECORDS.len()];
    let kept = value.get(9..).unwrap_or_default().iter().take(usize::from(*kept));
    let changed: Vec<u8> = kept.chain(rest).copied().collect();
    store::use_all(with_value(&FILE, key, &sealed(key, &changed)));
});
