//! redb's structures with valid checksums and wrong content: an error at once, within the memory
//! that the file needs.

use std::process::{Command, Stdio};

use vactor::store::{Mode, RedbStore, Store};

use super::fixture::*;
use super::rewrite::{newest_slot, rewrite, with_sums, without_sums};
use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

const PAGE: usize = 4096;

/// The address space of a command in KiB: a page number can ask for 4 GiB.
const ADDRESSES: usize = 1 << 20;

/// A store with branch pages in its tree, of some MiB.
fn vactor() -> Vactor {
    let class = RawClass::new().text("seven", "7").query("ask", "(call $ok (call $text_seven))").mutation("go", NULL);
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    let store = RedbStore::open(&vactor.path(".vactor"), Mode::Write).unwrap();
    for n in 0..200 {
        store.accept(vec![call("a", "go", n)], 1000).unwrap().remove(0).unwrap();
    }
    vactor
}

/// Runs commands with limited memory. Each must end with 6, or as on a store with other pages, with
/// 0 or 3. At least one ends with 6.
#[track_caller]
fn all_end(vactor: &Vactor, what: &str) {
    let mut refused = 0;
    for line in ["ls", "show a", "log a", "ps", "classes", "ps --actor a --json", "emit a e 1", "cancel a#5"] {
        let shell = format!("ulimit -v {ADDRESSES}; exec timeout 60 {} {line}", env!("CARGO_BIN_EXE_vactor"));
        let mut command = Command::new("bash");
        command.args(["-c", &shell]).current_dir(vactor.path(".")).envs(vactor.environment()).stdin(Stdio::null());
        let ran = Ran::from(command.output().unwrap());
        assert!(!ran.stderr.contains("panicked at"), "{what}: {line}: {ran:?}");
        assert!(matches!(ran.code, 0 | 3 | 6), "{what}: {line}: {ran:?}");
        refused += usize::from(ran.code == 6);
    }
    assert!(refused > 0, "{what}: no command found it");
}

type Change = (String, Box<dyn Fn(&mut Vec<u8>)>);

fn change(what: impl Into<String>, change: impl Fn(&mut Vec<u8>) + 'static) -> Change {
    (what.into(), Box::new(change))
}

/// Plays changes of the pages on the same store.
fn play(changes: impl IntoIterator<Item = Change>) {
    let vactor = vactor();
    let folder = vactor.path(".vactor");
    let whole = std::fs::read(folder.join("store.redb")).unwrap();
    for line in ["ls", "show a", "log a", "ps", "classes"] {
        vactor.line(line).ok();
    }
    for (what, change) in changes {
        std::fs::write(folder.join("store.redb"), &whole).unwrap();
        rewrite(&folder, |bare| change(bare));
        all_end(&vactor, &what);
    }
}

fn put(bare: &mut [u8], at: usize, number: u64) {
    bare[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

fn number(bare: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bare[at..at + 8].try_into().unwrap())
}

/// The offset of the page of order 0 that a page number names.
fn offset(number: u64) -> usize {
    assert_eq!(number >> 59, 0);
    PAGE * (1 + (number & 0xf_ffff) as usize)
}

/// Page numbers outside of all test files.
const WRONG: [u64; 6] = [1 << 63, 20 << 59, 13 << 59, 31 << 59 | 0xf_ffff, 0xf_ffff, 7 << 20];

#[test]
fn wrong_root_in_header_is_refused() {
    let changes = [8, 40].into_iter().flat_map(|root| WRONG.map(|wrong| (root, wrong)));
    play(changes.map(|(root, wrong)| {
        change(format!("root at {root} is {wrong:#x}"), move |bare| {
            let at = newest_slot(bare) + root;
            put(bare, at, wrong);
        })
    }));
}

/// Offsets of the page numbers in the definitions of a tree of tables of one page.
fn definitions(bare: &[u8], slot: usize) -> Vec<usize> {
    let page = offset(number(bare, newest_slot(bare) + slot));
    let short = |at: usize| u32::from_le_bytes(bare[page + at..page + at + 4].try_into().unwrap()) as usize;
    assert_eq!(bare[page], 1);
    let count = usize::from(u16::from_le_bytes([bare[page + 2], bare[page + 3]]));
    let first = short(4 + 4 * (count - 1));
    let ends = (0..count).map(|n| short(4 + 4 * count + 4 * n));
    let starts = std::iter::once(first).chain(ends);
    starts.take(count).map(|start| page + start + 10).collect()
}

#[test]
fn wrong_root_of_table_is_refused() {
    let changes = [8, 40].into_iter().flat_map(|root| WRONG.map(|wrong| (root, wrong)));
    play(changes.map(|(root, wrong)| {
        change(format!("roots of tables at {root} are {wrong:#x}"), move |bare| {
            definitions(bare, root).into_iter().for_each(|at| put(bare, at, wrong));
        })
    }));
}

/// Offsets of all branch pages of the trees.
fn branches(bare: &[u8]) -> Vec<usize> {
    let mut open: Vec<u64> = definitions(bare, 8).into_iter().map(|at| number(bare, at)).collect();
    let mut found = Vec::new();
    while let Some(page) = open.pop() {
        if page >> 59 != 0 || bare[offset(page)] != 2 {
            continue;
        }
        found.push(offset(page));
        open.extend(children(bare, offset(page)).map(|at| number(bare, at)));
    }
    found
}

/// Offsets of the page numbers in a branch page.
fn children(bare: &[u8], page: usize) -> impl Iterator<Item = usize> + use<> {
    let count = 1 + usize::from(u16::from_le_bytes([bare[page + 2], bare[page + 3]]));
    (0..count).map(move |n| page + 8 + 16 * count + 8 * n)
}

#[test]
fn wrong_child_of_page_is_refused() {
    play(WRONG.map(|wrong| {
        change(format!("children are {wrong:#x}"), move |bare| {
            let branches = branches(bare);
            assert!(!branches.is_empty());
            for child in branches.into_iter().flat_map(|page| children(bare, page)).collect::<Vec<_>>() {
                put(bare, child, wrong);
            }
        })
    }));
}

/// Replaces some children of each branch page by the page that `to` gives for the page's own number
/// and its first child.
fn lead(bare: &mut [u8], skipped: usize, to: impl Fn(u64, u64) -> u64) {
    for page in branches(bare) {
        let all: Vec<usize> = children(bare, page).collect();
        let to = to((page / PAGE - 1) as u64, number(bare, all[0]));
        all[skipped..].iter().for_each(|child| put(bare, *child, to));
    }
}

#[test]
fn self_referring_page_is_refused() {
    play([
        change("all children are the page itself", |bare| lead(bare, 0, |page, _| page)),
        change("all but the first are the page itself", |bare| lead(bare, 1, |page, _| page)),
        change("all children are one page", |bare| lead(bare, 0, |_, first| first)),
    ]);
}

#[test]
fn exponential_chain_of_pages_is_refused() {
    // a chain of pages in which all children of each are the next: two to the power of its length
    // paths
    const CHAIN: usize = 100;
    play([change("a chain", |bare| {
        let page = branches(bare)[0];
        let copy = bare[page..page + PAGE].to_vec();
        let last = number(&copy, children(&copy, 0).next().unwrap());
        let first = bare.len() / PAGE - 1;
        bare.resize(bare.len() + CHAIN * PAGE, 0);
        for n in 0..CHAIN {
            let at = (1 + first + n) * PAGE;
            bare[at..at + PAGE].copy_from_slice(&copy);
            let next = if n + 1 < CHAIN { (first + n + 1) as u64 } else { last };
            children(bare, at).for_each(|child| put(bare, child, next));
        }
        children(bare, page).for_each(|child| put(bare, child, first as u64));
        // the length of the only region, in the header
        let pages = (bare.len() / PAGE - 1) as u32;
        bare[28..32].copy_from_slice(&pages.to_le_bytes());
    })]);
}

#[test]
fn wrong_lengths_in_header_are_refused() {
    let changes =
        [12, 16, 20].into_iter().flat_map(|at| [1_u32, 2, 1 << 19, 1 << 21, u32::MAX].map(|wrong| (at, wrong)));
    play(changes.map(|(at, wrong)| {
        change(format!("{wrong} at {at} of the header"), move |bare| {
            bare[at..at + 4].copy_from_slice(&wrong.to_le_bytes());
        })
    }));
}

/// Changed bytes in a run; VACTOR_SEED replays a run.
const CHANGES: usize = 300;

#[test]
fn page_with_wrong_bytes_gives_right_answer_or_error() {
    let seed = std::env::var("VACTOR_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("VACTOR_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = RedbStore::create(folder.path()).unwrap();
    for change in super::workload::story() {
        change(&store).unwrap();
    }
    for n in 0..100 {
        store.accept(vec![call("a", "go", n)], 1000).unwrap().remove(0).unwrap();
    }
    let bare = without_sums(&std::fs::read(folder.path().join("store.redb")).unwrap());
    let used: Vec<usize> = (0..bare.len() / PAGE).filter(|page| matches!(bare[page * PAGE], 1 | 2 | b'r')).collect();
    for _ in 0..CHANGES {
        let page = *random.choice(&used).unwrap();
        let mut changed = bare.clone();
        // the beginning of a page has most of its structure
        let within = if page == 0 {
            320
        } else if random.bool() {
            64
        } else {
            PAGE
        };
        let mut what = format!("page {page}:");
        for _ in 0..random.usize(1..4) {
            let at = page * PAGE + random.usize(..within);
            changed[at] = if random.bool() { random.u8(..) } else { [0, 1, 0x7f, 0xff][random.usize(..4)] };
            what += &format!(" {:#x} at {}", changed[at], at % PAGE);
        }
        super::records::asked(with_sums(&changed), what);
    }
}
