//! Many actors wait for an event: the one that gets it runs, and no other.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use vactor::engine::Until;
use vactor::model::Name;
use vactor::store::{Mode, RedbStore, Store};

use super::faulty_store::FaultyStore;
use super::player::Player;
use super::{Flow, InitialStore, PROBE, sandbox};

const CROWD: usize = 300;

#[test]
fn event_wakes_only_its_actor() {
    let folder = InitialStore::of(&Flow { name: "a crowd", classes: PROBE, play: |_| {} }).copy();
    let store = Arc::new(FaultyStore::new(RedbStore::open(folder.path(), Mode::Write).unwrap(), None));
    let player = Player::new(store.clone(), sandbox(), &|_| {});
    let ids: Vec<String> = (0..CROWD).map(|n| format!("w{n}")).collect();
    player.probes(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let takes: Vec<_> = ids.iter().map(|id| player.submit(id, "take", json!({"event": "go"}))).collect();
    player.work();
    // a suspended guest has unlocked its actor, and all writes are counted
    let all_let_go = || ids.iter().for_each(|id| drop(store.lock(&Name::new_unchecked(id), None).unwrap()));

    for n in [7, 250] {
        all_let_go();
        let before = store.counts();
        player.emit(&ids[n], "go", json!("now"));
        player.work();
        all_let_go();
        let (writes, loads) = store.counts();
        // the event and the end of one actor
        assert_eq!((writes - before.0, loads - before.1), (2, 1));
        assert_eq!(player.end_of(&takes[n]).unwrap(), "now");
    }
    let before = store.counts();
    player.engine.work(2, Until::Idle { ahead: Duration::ZERO }).unwrap();
    assert_eq!(store.counts(), before, "the others wait, and are not read");
    assert_eq!(player.engine.pending(None, None, usize::MAX).unwrap().len(), CROWD - 2);
}
