//! Text as it is shown: what came from a class or from a store is not to be trusted with a terminal.

use std::borrow::Cow;

/// Text that a terminal shows and does not obey: control characters, and those that turn the direction of writing, as
/// `\u{1b}`. Line ends and tabs stay.
pub fn harmless(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_harmful(c) && c != '\n' && c != '\t')
}

/// Text for one field of a line: as [`harmless`], without line ends and tabs.
pub fn harmless_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_harmful)
}

/// Text for one field between tabs, from which it can be had back.
pub fn field(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\t' | '\n' | '\r' | '\\'))
}

/// Alternatives in words, those past a few by their number alone: there may be thousands.
pub fn any_of(words: &[String]) -> String {
    const A_FEW: usize = 4;
    match words {
        few if few.len() <= A_FEW => few.join(" or "),
        many => format!("{} or {} others", many[..A_FEW - 1].join(" or "), many.len() + 1 - A_FEW),
    }
}

fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
    fn a_terminal_is_not_commanded() {
        assert_eq!(harmless("a\u{1b}[31mb\u{9b}c\u{202e}d"), r"a\u{1b}[31mb\u{9b}c\u{202e}d");
        assert_eq!(harmless("a\n\tb ü 漢"), "a\n\tb ü 漢");
        assert_eq!(harmless_line("a\nb\r"), r"a\nb\r");
    }

    #[test]
    fn alternatives_stay_readable() {
        let words: Vec<String> = (1..=10_000).map(|n| format!("a#{n}")).collect();
        assert_eq!(any_of(&words[..1]), "a#1");
        assert_eq!(any_of(&words[..4]), "a#1 or a#2 or a#3 or a#4");
        assert_eq!(any_of(&words[..5]), "a#1 or a#2 or a#3 or 2 others");
        assert_eq!(any_of(&words), "a#1 or a#2 or a#3 or 9997 others");
    }

    #[test]
    fn a_field_holds_no_tab_and_no_line_end() {
        assert_eq!(field("a\tb\nc\\n\u{1b}"), "a\\tb\\nc\\\\n\u{1b}");
    }
}
