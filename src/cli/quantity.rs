//! Times and sizes in text.

use std::time::Duration;

use vactor::Timestamp;

/// `30s`, `1.5s`, `250ms`, `2m`, `1h 30m`, `7d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let explained = || "write a time such as 250ms, 30s, 5m or 1h".to_owned();
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    if let Some(days) = days {
        return Ok(Duration::from_secs(u64::from(days) * 86_400));
    }
    let signed: jiff::SignedDuration = text.parse().map_err(|_| explained())?;
    Duration::try_from(signed).map_err(|_| explained())
}

/// A point in time by RFC 3339; seconds may be left out: `2026-12-01T09:00Z`,
/// `2026-12-01T10:00:30+01:00`.
pub fn time(text: &str) -> Result<Timestamp, String> {
    let read: Result<jiff::Timestamp, _> = text.parse();
    let time = read.map_err(|_| "write a time with its offset, such as 2026-12-01T09:00Z".to_owned())?;
    // a time before 1970 is past, as 1970 is
    Ok(Timestamp::from_millis(u64::try_from(time.as_millisecond()).unwrap_or(0)))
}

/// `1024`, `64KiB`, `256MiB`, `1GiB`; kB, MB and GB are powers of ten.
pub fn bytes(text: &str) -> Result<u64, String> {
    let explained = || "write a size such as 1024, 64KiB, 256MiB or 1GB".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(explained()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(explained)
}

/// A size for a reader: `80 B`, `1.5 KiB`, `12 MiB`.
pub fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && value < 10.0);
    format!("{value:.decimals$} {}", units[unit])
}

/// A span of time for a reader: `85 µs`, `1.2 ms`, `3.4 s`.
pub fn span(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => format!("{:.1} s", micros as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_span_is_parsed() {
        for (text, millis) in
            [("250ms", 250), ("30s", 30_000), ("1.5s", 1_500), ("5m", 300_000), ("1h", 3_600_000), ("0s", 0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
        for bad in ["", "5", "s", "-5s", "soon", "99999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn time_with_offset_is_parsed() {
        for (text, shown) in [
            ("2026-12-01T09:00Z", "2026-12-01T09:00:00.000Z"),
            ("2026-12-01T09:00:30.25Z", "2026-12-01T09:00:30.250Z"),
            ("2026-12-01 10:00+01:00", "2026-12-01T09:00:00.000Z"),
            ("1066-10-14T09:00Z", "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(time(text).map(|time| time.to_string()), Ok(shown.to_owned()), "{text}");
        }
        for bad in ["", "tomorrow", "2026-12-01", "2026-12-01T09:00", "2026-02-30T09:00Z", "5s"] {
            assert!(time(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn size_is_parsed() {
        for (text, value) in [("0", 0), ("1024", 1024), ("64KiB", 65_536), ("1 MiB", 1 << 20), ("2MB", 2_000_000)] {
            assert_eq!(bytes(text), Ok(value), "{text}");
        }
        for bad in ["", "MiB", "-1", "1.5MiB", "1XB", "99999999999GiB"] {
            assert!(bytes(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn size_and_span_are_shown_short() {
        assert_eq!((size(0), size(1023), size(1536)), ("0 B".into(), "1023 B".into(), "1.5 KiB".into()));
        assert_eq!(size(12 << 20), "12 MiB");
        assert_eq!((span(85), span(1_234), span(3_400_000)), ("85 µs".into(), "1.2 ms".into(), "3.4 s".into()));
    }
}
