//! `vactor emit`.

use serde_json::Value;

use super::{Probes, ended};

#[test]
fn event_is_taken_when_sent_before_or_after_wait() {
    let probes = Probes::new(&["a"]);
    probes.line("emit a go before").ok();
    assert_eq!(probes.line("call a take go").ok(), "\"before\"\n");
    assert_eq!(probes.line("wait --any a#2").ok(), "a#2\t\"before\"\n");
    assert_eq!(probes.line("wait --any a#2 --raw").ok(), "a#2\tbefore\n");
    let waits = probes.start("call a take go");
    probes.until("a#3", "waiting");
    probes.line("emit a go after").ok();
    assert_eq!(ended(waits).ok(), "\"after\"\n");
    // no process runs while it waits, and only its detached worker afterwards
    probes.line("call a take go --async").ok();
    probes.work();
    probes.0.line("emit a go late").ok();
    while probes.get("a", "status") != "late" {}
}

#[test]
fn event_with_used_key_is_sent_once() {
    let probes = Probes::new(&["a"]);
    for _ in 0..2 {
        let sent: Value = serde_json::from_str(&probes.line("emit a go x --key k --json").ok()).unwrap();
        assert_eq!((&sent["event"], &sent["number"]), (&"go".into(), &1.into()));
    }
    probes.line("emit a go y --key k").refuses(4, "the key \"k\" was used for an event of a", "take another key");
    assert!(probes.line("show a --json").ok().contains(r#""events":1,"#));
}

#[test]
fn payload_is_read_from_words_file_or_stdin() {
    let probes = Probes::new(&["a"]);
    probes.0.write("payload", "from a file\n");
    probes.line("emit a go @payload").ok();
    probes.0.fed(["emit", "a", "go", "-"], "\"from stdin\"\n").ok();
    probes.run(&["emit", "a", "go", "two words"]).ok();
    let taken = probes.line("call a take_all go 3").ok();
    assert_eq!(taken, "[\"from a file\",\"from stdin\",\"two words\"]\n");
    probes.line("emit a go @nowhere").refuses(2, "cannot read PAYLOAD from nowhere", "");
}

#[test]
fn event_without_actor_or_name_is_refused() {
    let probes = Probes::new(&["a"]);
    probes.line("emit missing go").refuses(3, "there is no actor missing", "`vactor ls`");
    probes.run(&["emit", "a", "two words"]).refuses(2, "\"two words\" is no name for an event", "without spaces");
    probes.run(&["emit", "a", ""]).refuses(2, "\"\" is no name for an event", "");
    let big = format!("\"{}\"", "x".repeat(100));
    probes.run(&["emit", "a", "go", &big, "--max-args", "64B"]).refuses(2, "over the limit", "`--max-args`");
}
