//! `#[task(retries = 3, backoff = "200ms")]` on a task.

use syn::{Attribute, Error, ImplItemFn, LitInt, LitStr, Result};

use crate::model::Retries;

/// Whether this is the attribute `#[task]`, which rustc does not know.
pub fn is_task(attribute: &Attribute) -> bool {
    attribute.path().is_ident("task")
}

pub fn read(function: &ImplItemFn) -> Result<Option<Retries>> {
    let mut attributes = function.attrs.iter().filter(|attribute| is_task(attribute));
    let Some(attribute) = attributes.next() else {
        return Ok(None);
    };
    if let Some(second) = attributes.next() {
        return Err(Error::new_spanned(second, "a task has one `#[task]`"));
    }
    let mut times = None;
    let mut backoff_ms = None;
    let unreadable = "write it as `#[task(retries = 3, backoff = \"200ms\")]`";
    attribute.meta.require_list().map_err(|_| Error::new_spanned(attribute, unreadable))?;
    attribute.parse_nested_meta(|meta| {
        if meta.path.is_ident("retries") {
            times = Some(meta.value()?.parse::<LitInt>()?.base10_parse()?);
        } else if meta.path.is_ident("backoff") {
            let text: LitStr = meta.value()?.parse()?;
            let bad = "a backoff is a whole number of `ms`, `s` or `m`, such as \"200ms\"";
            backoff_ms = Some(milliseconds(&text.value()).ok_or_else(|| Error::new(text.span(), bad))?);
        } else {
            return Err(meta.error("a task has `retries` and `backoff`, and nothing else"));
        }
        Ok(())
    })?;
    match times {
        Some(times) => Ok(Some(Retries { times, backoff_ms })),
        None => Err(Error::new_spanned(attribute, "say how often the task is tried again: `retries = 3`")),
    }
}

/// Refuses the attribute on a function that is no task.
pub fn none(function: &ImplItemFn, reason: &str) -> Result<()> {
    match function.attrs.iter().find(|attribute| is_task(attribute)) {
        Some(attribute) => Err(Error::new_spanned(attribute, reason)),
        None => Ok(()),
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    // `parse` alone would accept a sign
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn backoff_is_read_in_milliseconds() {
        for (text, ms) in [("200ms", Some(200)), ("3s", Some(3_000)), ("2m", Some(120_000)), ("0s", Some(0))] {
            assert_eq!(milliseconds(text), ms, "{text}");
        }
        for text in ["", "5", "s", "1.5s", "1 s", "-1s", "1h", "+1s", "999999999999999999m"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}
