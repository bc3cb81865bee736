//! A replay that performs another operation than its history has. A forged history stands for the
//! divergence.

use std::sync::Arc;

use serde_json::json;
use vactor::model::{Hash, Name};
use vactor::store::{Mode, RedbStore, Store};
use vactor::{Error, Options};

use super::faulty_store::FaultyStore;
use super::player::Player;
use super::{Flow, InitialStore, PROBE, facts, sandbox};

#[test]
fn diverged_replay_ends_and_names_both_operations() {
    let folder = InitialStore::of(&Flow { name: "diverged", classes: PROBE, play: |_| {} }).copy();
    let open = || FaultyStore::new(RedbStore::open(folder.path(), Mode::Write).unwrap(), None);
    let player = Player::new(Arc::new(open()), sandbox(), &|_| {});
    player.probes(&["a"]);
    let takes = player.submit("a", "take_all", json!({"event": "go", "n": 2}));
    player.work();
    player.emit("a", "go", json!("first"));
    player.work();
    // a guest that still waits in memory would continue there
    drop(open().lock(&Name::new_unchecked("a"), None).unwrap());
    player.emit("a", "go", json!("second"));
    drop(player);

    let mut store = open();
    store.forge_history = |record| {
        for entry in record {
            entry.fingerprint.summary = "wait for a bus".to_owned();
            entry.fingerprint.hash = Hash::of(b"a bus");
        }
    };
    Player::new(Arc::new(store), sandbox(), &|_| {}).work();

    let player = Player::new(Arc::new(open()), sandbox(), &|_| {});
    let Err(Error::Failed { fault, .. }) = player.engine.wait(&takes, None) else { panic!("it did not fail") };
    assert_eq!(fault.kind, "diverged");
    assert!(fault.message.contains("wait for a bus") && fault.message.contains("event go"), "{}", fault.message);
    let left = player.engine.events("a", 0, 9).unwrap();
    assert_eq!(
        left.iter().map(|event| event.payload.value()).collect::<Vec<_>>(),
        ["second"],
        "what was taken stays so"
    );
    let added = player.engine.call("a", "add", json!({}), &Options::default()).unwrap();
    assert_eq!(added.result.value(), 1, "the actor is free, and as it was");
    facts(&player.engine);
}
