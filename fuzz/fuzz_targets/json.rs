//! Bytes as JSON, as arguments, payloads and the lines of a batch are read: an error, or a text that is read as the same again.
#![no_main]

use vactor::Json;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let Ok(json) = Json::parse(text) else { return };
    assert!(is_json, "{text} is not JSON");
    let again = Json::parse(json.as_str()).expect("a text that was read is read again");
    assert_eq!(again, json);
    assert_eq!(again.value(), json.value());
    let canonical = Json::parse(&json.canonical()).expect("the canonical text is JSON");
    assert_eq!(canonical.canonical(), json.canonical());
});
