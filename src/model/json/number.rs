//! Numbers of JSON, exact at any length.

use serde_json::{Number, Value};

/// The most digits before or behind the point of a number, written without an exponent, for
/// arithmetic. The largest and the smallest 64-bit floating-point numbers have fewer than 350.
pub const MAX_DIGITS: u64 = 400;

/// A number's parts: `0.` and the significant digits, times ten to the power of `point`.
struct Parts<'n> {
    negative: bool,
    /// Neither the first nor the last is a zero; empty for zero itself.
    significant: String,
    /// None if it exceeds 64 bits.
    point: Option<i64>,
    written: &'n str,
}

impl Parts<'_> {
    /// The parts of a number in JSON's grammar.
    fn of(written: &str) -> Parts<'_> {
        let (negative, rest) = written.strip_prefix('-').map_or((false, written), |rest| (true, rest));
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        let leading = digits.len() - digits.trim_start_matches('0').len();
        let significant = digits.trim_matches('0').to_owned();
        // lengths of texts in memory are far from the ends of 64 bits
        let shift = whole.len() as i64 - leading as i64;
        let point = exponent.parse::<i64>().ok().and_then(|exponent| exponent.checked_add(shift));
        Parts { negative, significant, point, written }
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }
}

/// The one text of equal numbers: the digits without leading or trailing zeros, and an exponent. If
/// the exponent exceeds 64 bits, the number stays as it was written.
pub fn canonical(number: &Number) -> String {
    let parts = Parts::of(number.as_str());
    if parts.significant.is_empty() {
        return "0".to_owned();
    }
    let digits = parts.significant.len() as i64;
    match parts.point.and_then(|point| point.checked_sub(digits)) {
        Some(0) => format!("{}{}", parts.sign(), parts.significant),
        Some(exponent) => format!("{}{}e{exponent}", parts.sign(), parts.significant),
        None => parts.written.to_owned(),
    }
}

/// Whether the number has more than [`MAX_DIGITS`].
pub fn is_too_long(number: &Number) -> bool {
    let written = number.as_str();
    if written.len() < 19 && !written.contains(['e', 'E']) {
        return false;
    }
    let parts = Parts::of(written);
    let Some(point) = parts.point else { return !parts.significant.is_empty() };
    let behind = (parts.significant.len() as i64).saturating_sub(point);
    !parts.significant.is_empty() && (point > MAX_DIGITS as i64 || behind > MAX_DIGITS as i64)
}

/// The first number in a value that has more than [`MAX_DIGITS`].
pub fn find_too_long(value: &Value) -> Option<&Number> {
    match value {
        Value::Number(number) => is_too_long(number).then_some(number),
        Value::Array(items) => items.iter().find_map(find_too_long),
        Value::Object(map) => map.values().find_map(find_too_long),
        _ => None,
    }
}

/// Whether a number is written with a fraction or an exponent.
pub fn is_spelled_as_fraction(number: &Number) -> bool {
    number.as_str().contains(['.', 'e', 'E'])
}

/// The digits of an integer that is written with a fraction of zeros or an exponent. None if the
/// number is no integer or has too many digits.
pub fn as_integer(number: &Number) -> Option<Number> {
    let parts = Parts::of(number.as_str());
    if parts.significant.is_empty() {
        return Some(Number::from(0));
    }
    let point = parts.point.and_then(|point| usize::try_from(point).ok())?;
    let zeros = point.checked_sub(parts.significant.len())?;
    if point as u64 > MAX_DIGITS {
        return None;
    }
    Some(Number::from_string_unchecked(format!("{}{}{}", parts.sign(), parts.significant, "0".repeat(zeros))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::from_string_unchecked(text.to_owned())
    }

    #[test]
    fn equal_numbers_have_one_canonical_text() {
        for (written, text) in [
            ("1", "1"),
            ("1.0", "1"),
            ("10e-1", "1"),
            ("-120", "-12e1"),
            ("1.2e2", "12e1"),
            ("0.001", "1e-3"),
            ("1.0E+000000000000000000000000002", "1e2"),
            ("-0.00e99999999999999999999", "0"),
            ("1e99999999999999999999", "1e99999999999999999999"),
            ("9007199254740993", "9007199254740993"),
        ] {
            assert_eq!(canonical(&number(written)), text, "{written}");
        }
    }

    #[test]
    fn integer_is_written_in_digits_alone() {
        let written = |text: &str| as_integer(&number(text)).map(|number| number.to_string());
        for (text, integer) in [("10.0", "10"), ("1e1", "10"), ("-2.50e1", "-25"), ("-0.0", "0"), ("0e999", "0")] {
            assert_eq!(written(text).as_deref(), Some(integer), "{text}");
        }
        assert_eq!(written("1e399").map(|digits| digits.len()), Some(400));
        for text in ["1.5", "1e-1", "12e-1", "1e400", "1e999999999", "1e-999999999", "1e99999999999999999999"] {
            assert_eq!(written(text), None, "{text}");
        }
    }

    #[test]
    fn length_of_a_number_is_that_without_an_exponent() {
        for text in ["0", "1.7976931348623157e308", "4.9406564584124654e-324", "0e999999999", "1e399", "1e-400"] {
            assert!(!is_too_long(&number(text)), "{text}");
        }
        for text in ["1e400", "-1e-401", "1e999999999", "1e-999999999", "1.5e99999999999999999999"] {
            assert!(is_too_long(&number(text)), "{text}");
        }
        assert!(!is_too_long(&number(&"9".repeat(400))) && is_too_long(&number(&"9".repeat(401))));
        assert!(is_too_long(&number(&format!("0.{}1", "0".repeat(400)))));
        assert!(!is_too_long(&number(&format!("1.{}", "0".repeat(4000)))));
    }
}
