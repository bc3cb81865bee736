//! Escaping of text. Text of a class or a store may hold characters that command a terminal.

use std::borrow::Cow;
use std::path::Path;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Text that a terminal shows and does not obey. Characters that are invisible, or hide or reorder
/// others, become their code, such as `\u{1b}`. Line ends and tabs stay.
pub fn harmless(text: &str) -> Cow<'_, str> {
    shown(text, &['\n', '\t'], |c, shown| shown.extend(c.escape_default()))
}

/// Text for one field of a line: as [`harmless`], without line ends and tabs.
pub fn harmless_line(text: &str) -> Cow<'_, str> {
    shown(text, &[], |c, shown| shown.extend(c.escape_default()))
}

/// Lines of JSON as [`harmless`], and still the same JSON.
pub fn harmless_json(text: &str) -> Cow<'_, str> {
    shown(text, &['\n'], |c, shown| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            shown.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

/// Text for one field between tabs, reversibly escaped.
pub fn field(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\t' | '\n' | '\r' | '\\'))
}

/// A path as one line: its bytes, or if they hold a control character, such as a line end, a
/// shell's `$'…'`. For a terminal, harmful characters and bytes that are not UTF-8 are quoted, too.
pub fn path_line(path: &Path, terminal: bool) -> Cow<'_, [u8]> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let is_plain = !bytes.iter().any(u8::is_ascii_control) && !bytes.starts_with(b"$'");
    let is_shown = || path.to_str().is_some_and(is_harmless);
    if is_plain && (!terminal || is_shown()) {
        return Cow::Borrowed(bytes);
    }
    let mut quoted = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => quoted.push_str("\\n"),
                '\'' | '\\' => quoted.extend(['\\', c]),
                c if is_harmless(c.encode_utf8(&mut [0; 4])) => quoted.push(c),
                c => push_codes(&mut quoted, c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        push_codes(&mut quoted, chunk.invalid());
    }
    quoted.push('\'');
    Cow::Owned(quoted.into_bytes())
}

fn is_harmless(text: &str) -> bool {
    harmless_line(text) == text
}

fn push_codes(quoted: &mut String, bytes: &[u8]) {
    bytes.iter().for_each(|byte| quoted.push_str(&format!("\\x{byte:02x}")));
}

/// Alternatives in words. Only the first few are named, because there may be thousands.
pub fn any_of(words: &[String]) -> String {
    const A_FEW: usize = 4;
    match words {
        few if few.len() <= A_FEW => few.join(" or "),
        many => format!("{} or {} others", many[..A_FEW - 1].join(" or "), many.len() + 1 - A_FEW),
    }
}

/// Control characters, format characters (some change the direction of writing), line and paragraph
/// separators, and characters that a terminal does not show.
static HARMFUL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]").expect("the pattern is sound")
});

/// The text with each harmful character, but for those of `stay`, replaced by `write`.
fn shown<'a>(text: &'a str, stay: &[char], write: impl Fn(char, &mut String)) -> Cow<'a, str> {
    if text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Cow::Borrowed(text);
    }
    HARMFUL.replace_all(text, |found: &Captures| {
        let mut shown = String::new();
        for c in found[0].chars() {
            if stay.contains(&c) { shown.push(c) } else { write(c, &mut shown) }
        }
        shown
    })
}

fn escaped(text: &str, is_bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_bad) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if is_bad(c) => clean.extend(c.escape_default()),
            c => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(harmless("a\u{1b}[31mb\u{9b}c\u{202e}d"), r"a\u{1b}[31mb\u{9b}c\u{202e}d");
        assert_eq!(harmless("a\n\tb ü 漢"), "a\n\tb ü 漢");
        assert_eq!(harmless_line("a\nb\r"), r"a\nb\r");
    }

    #[test]
    fn character_that_hides_or_reorders_is_shown_as_its_code() {
        let all = [
            "\0",
            "\u{7f}",
            "\u{85}",
            "\u{9b}",
            "\u{ad}",
            "\u{34f}",
            "\u{600}",
            "\u{61c}",
            "\u{115f}",
            "\u{1160}",
            "\u{17b4}",
            "\u{180b}",
            "\u{180e}",
            "\u{200b}",
            "\u{200d}",
            "\u{200e}",
            "\u{200f}",
            "\u{2028}",
            "\u{2029}",
            "\u{202a}",
            "\u{202e}",
            "\u{2060}",
            "\u{2065}",
            "\u{2066}",
            "\u{2069}",
            "\u{206f}",
            "\u{3164}",
            "\u{fe00}",
            "\u{fe0f}",
            "\u{feff}",
            "\u{ffa0}",
            "\u{fff9}",
            "\u{1bca0}",
            "\u{1d173}",
            "\u{e0001}",
            "\u{e0041}",
            "\u{e007f}",
            "\u{e0100}",
            "\u{e01ef}",
        ];
        for hidden in all {
            let code = hidden.escape_default().to_string();
            assert_eq!(harmless(&format!("a{hidden}b")), format!("a{code}b"));
            assert_eq!(harmless_line(hidden), code);
            let json = format!("[\"{hidden}\"]\n");
            let shown = harmless_json(&json);
            assert!(shown.is_ascii() && shown.ends_with("]\n"), "{shown}");
            if !hidden.chars().all(|c| c < ' ') {
                assert_eq!(serde_json::from_str::<[String; 1]>(&shown).unwrap(), [hidden], "{shown}");
            }
        }
        for plain in
            ["äöü ßéñ", "e\u{301}", "漢字 かな 한국어", "שלום مرحبا", "नमस्ते", "🎉 👍🏽", "a\u{a0}b\u{3000}c", "→ … „“ €"]
        {
            assert_eq!(
                (harmless(plain), harmless_line(plain), harmless_json(plain)),
                (plain.into(), plain.into(), plain.into())
            );
        }
    }

    #[test]
    fn long_list_of_alternatives_is_shortened() {
        let words: Vec<String> = (1..=10_000).map(|n| format!("a#{n}")).collect();
        assert_eq!(any_of(&words[..1]), "a#1");
        assert_eq!(any_of(&words[..4]), "a#1 or a#2 or a#3 or a#4");
        assert_eq!(any_of(&words[..5]), "a#1 or a#2 or a#3 or 2 others");
        assert_eq!(any_of(&words), "a#1 or a#2 or a#3 or 9997 others");
    }

    #[cfg(unix)]
    #[test]
    fn path_is_one_line_that_a_shell_reads_back() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        for (path, piped, shown) in [
            (&b"/a b/c's\\d"[..], &b"/a b/c's\\d"[..], &b"/a b/c's\\d"[..]),
            (b"/x\xff", b"/x\xff", br"$'/x\xff'"),
            (b"/y\nz's\\", br"$'/y\nz\'s\\'", br"$'/y\nz\'s\\'"),
            (b"/\x1b[m1\xff\r", br"$'/\x1b[m1\xff\x0d'", br"$'/\x1b[m1\xff\x0d'"),
            ("/ü\u{202e}".as_bytes(), "/ü\u{202e}".as_bytes(), r"$'/ü\xe2\x80\xae'".as_bytes()),
            (b"$'x'", br"$'$\'x\''", br"$'$\'x\''"),
        ] {
            let path = Path::new(OsStr::from_bytes(path));
            assert_eq!((&*path_line(path, false), &*path_line(path, true)), (piped, shown), "{path:?}");
        }
    }

    #[test]
    fn field_escapes_tabs_and_line_ends() {
        assert_eq!(field("a\tb\nc\\n\u{1b}"), "a\\tb\\nc\\\\n\u{1b}");
    }
}
