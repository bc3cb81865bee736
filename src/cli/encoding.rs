//! Text from a file, a pipe, a batch or the command line: UTF-8, perhaps with a byte order mark.

use std::ffi::OsStr;

use crate::cli::output::Problem;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// The bytes of a text without its byte order mark.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// The text of some bytes without the mark. The error names them as `what`.
pub fn text(bytes: &[u8], what: &str) -> Result<String, Problem> {
    expect_utf8(bytes, what)?;
    match std::str::from_utf8(without_mark(bytes)) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(Problem::input(format!("{what} is not UTF-8 text"))
            .cause(format!("byte {} is not part of a character", error.valid_up_to() + 1))),
    }
}

/// Refuses text whose first bytes are of another encoding.
pub fn expect_utf8(bytes: &[u8], what: &str) -> Result<(), Problem> {
    let Some((name, iconv)) = other_encoding(bytes) else { return Ok(()) };
    let hint = format!("`iconv -f {iconv} -t utf-8` converts it");
    Err(Problem::input(format!("{what} is {name} text, not UTF-8")).hint(hint))
}

/// The name of the encoding, and its name for `iconv`. Without a mark, zeros beside the first two
/// characters reveal it, because JSON begins with ASCII.
fn other_encoding(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some(("UTF-32", "utf-32")),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(("UTF-16", "utf-16")),
        [1..=255, 0, 0, 0, ..] => Some(("UTF-32", "utf-32le")),
        [0, 0, 0, 1..=255, ..] => Some(("UTF-32", "utf-32be")),
        [1..=255, 0, 1..=255, 0, ..] | [1..=255, 0] => Some(("UTF-16", "utf-16le")),
        [0, 1..=255, 0, 1..=255, ..] | [0, 1..=255] => Some(("UTF-16", "utf-16be")),
        _ => None,
    }
}

/// The rest of a word after a prefix.
pub fn after<'w>(prefix: &str, word: &'w OsStr) -> Option<&'w OsStr> {
    let begins = word.as_encoded_bytes().starts_with(prefix.as_bytes());
    begins.then(|| rest(word, prefix.len())).flatten()
}

/// A word from a byte on, which begins a character. On systems whose paths may be any bytes, the
/// word may, too.
#[cfg(unix)]
pub fn rest(word: &OsStr, start: usize) -> Option<&OsStr> {
    use std::os::unix::ffi::OsStrExt;
    word.as_bytes().get(start..).map(OsStr::from_bytes)
}

#[cfg(not(unix))]
pub fn rest(word: &OsStr, start: usize) -> Option<&OsStr> {
    word.to_str()?.get(start..).map(OsStr::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_mark_is_dropped() {
        assert_eq!(text(b"\xef\xbb\xbf{}", "x").unwrap(), "{}");
        assert_eq!(text("ü".as_bytes(), "x").unwrap(), "ü");
        assert_eq!(text(b"\xef\xbb\xbf\xef\xbb\xbf", "x").unwrap(), "\u{feff}");
    }

    #[test]
    fn other_encodings_are_named() {
        let utf16 =
            |text: &str, to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect::<Vec<_>>();
        for (bytes, name, hint) in [
            (utf16("\u{feff}{\"a\":\"漢\"}", u16::to_le_bytes), "x is UTF-16 text", "`iconv -f utf-16 -t utf-8`"),
            (utf16("\u{feff}{}", u16::to_be_bytes), "x is UTF-16 text", "utf-16 "),
            (utf16("[1]", u16::to_le_bytes), "x is UTF-16 text", "utf-16le "),
            (utf16("[1]", u16::to_be_bytes), "x is UTF-16 text", "utf-16be "),
            (utf16("7", u16::to_le_bytes), "x is UTF-16 text", "utf-16le "),
            (b"\xff\xfe\0\0{\0\0\0".to_vec(), "x is UTF-32 text", "utf-32 "),
            (b"{\0\0\0}\0\0\0".to_vec(), "x is UTF-32 text", "utf-32le "),
        ] {
            let problem = text(&bytes, "x").unwrap_err();
            let told = problem.hint.unwrap();
            assert!(problem.message.starts_with(name) && told.contains(hint), "{} {told}", problem.message);
        }
        assert!(text(b"a\0b", "x").is_ok() && text(b"", "x").is_ok());
        let problem = text(b"ab\xff", "x").unwrap_err();
        assert_eq!((problem.message.as_str(), problem.hint), ("x is not UTF-8 text", None));
    }
}
