use std::time::Duration;

use vactor_sdk::Timestamp;

#[test]
fn times_are_rfc_3339_in_json() {
    let time = Timestamp::from_millis(1_795_498_241_123);
    assert_eq!(serde_json::to_string(&time).expect("it can be written"), r#""2026-11-24T05:30:41.123Z""#);
    for text in ["2026-11-24T05:30:41.123Z", "2026-11-24T07:30:41.1239+02:00", "2026-11-23T23:45:41.123-05:45"] {
        assert_eq!(text.parse(), Ok(time), "{text}");
        assert_eq!(serde_json::from_value::<Timestamp>(text.into()).expect("it can be read"), time);
    }
    for text in [
        "",
        "yesterday",
        "1969-12-31T23:59:59Z",
        "2026-11-24",
        "1795498241123",
        "2026-11-24T07:30:41+02:0",
        "2026-11-24T07:30:41+24:00",
        "1970-01-01T00:00:00+00:01",
    ] {
        let error = text.parse::<Timestamp>().expect_err(text);
        assert!(error.to_string().contains("2026-11-24T05:30:41Z"), "the error shows a time that is one");
    }
}

#[test]
fn times_add_and_subtract_durations() {
    let (early, second) = (Timestamp::from_millis(500), Duration::from_secs(1));
    assert_eq!(early + second, Timestamp::from_millis(1500));
    assert_eq!((early + second).since(early), second);
    assert_eq!(early.since(early + second), Duration::ZERO);
    assert_eq!(early - second, Timestamp::default());
    assert_eq!(early + Duration::MAX, Timestamp::from_millis(u64::MAX));
    assert_eq!((early + Duration::MAX).to_string(), format!("{} ms after 1970", u64::MAX));
}
