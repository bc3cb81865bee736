//! Changed pages of redb with valid checksums: the right answer or an error, never a panic or a hang.
#![no_main]

use std::sync::LazyLock;

mod store;

use store::rewrite::{with_sums, without_sums};

static PAGES: LazyLock<Vec<u8>> = LazyLock::new(|| without_sums(&store::file()));

// each five bytes are an offset and a byte that is written there
libfuzzer_sys::fuzz_target!(|changes: &[u8]| {
    let mut pages = PAGES.clone();
    for change in changes.chunks_exact(5) {
        let offset = u32::from_be_bytes(change[..4].try_into().unwrap()) as usize % pages.len();
        pages[offset] = change[4];
    }
    store::use_all(with_sums(&pages));
});
