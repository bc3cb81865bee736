//! Printing that reaches the step's log.
//!
//! Inside an `#[actor]` block, `print!`, `println!`, `eprint!`, `eprintln!` and `dbg!` are these macros. Other functions
//! of a class import them: `use vactor_sdk::output::println;`. In WebAssembly their text goes to the log, line by line:
//! `print!` and `println!` log as `info`, `eprint!` and `eprintln!` as `warn`, `dbg!` as `debug`. In a native test they
//! print as usual.

#[cfg(target_arch = "wasm32")]
use std::cell::RefCell;
use std::fmt;

#[cfg(target_arch = "wasm32")]
use crate::host::Host;
use crate::level::Level;

#[doc(inline)]
pub use crate::{__dbg as dbg, __eprint as eprint, __eprintln as eprintln, __print as print, __println as println};

#[doc(hidden)]
#[macro_export]
macro_rules! __print {
    ($($arg:tt)*) => { $crate::output::__write($crate::Level::Info, ::std::format_args!($($arg)*), false) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __println {
    () => { $crate::__println!("") };
    ($($arg:tt)*) => { $crate::output::__write($crate::Level::Info, ::std::format_args!($($arg)*), true) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __eprint {
    ($($arg:tt)*) => { $crate::output::__write($crate::Level::Warn, ::std::format_args!($($arg)*), false) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __eprintln {
    () => { $crate::__eprintln!("") };
    ($($arg:tt)*) => { $crate::output::__write($crate::Level::Warn, ::std::format_args!($($arg)*), true) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __dbg {
    () => {
        $crate::output::__write(
            $crate::Level::Debug,
            ::std::format_args!("[{}:{}:{}]", ::std::file!(), ::std::line!(), ::std::column!()),
            true,
        )
    };
    ($value:expr $(,)?) => {
        // `match`, so that temporaries in the expression live as long as in a call of a function.
        match $value {
            value => {
                $crate::output::__write(
                    $crate::Level::Debug,
                    ::std::format_args!(
                        "[{}:{}:{}] {} = {:#?}",
                        ::std::file!(), ::std::line!(), ::std::column!(), ::std::stringify!($value), &value,
                    ),
                    true,
                );
                value
            }
        }
    };
    ($($value:expr),+ $(,)?) => { ($($crate::__dbg!($value)),+,) };
}

#[doc(hidden)]
#[cfg(not(target_arch = "wasm32"))]
pub fn __write(level: Level, text: fmt::Arguments<'_>, newline: bool) {
    let end = if newline { "\n" } else { "" };
    match level {
        Level::Info => ::std::print!("{text}{end}"),
        _ => ::std::eprint!("{text}{end}"),
    }
}

#[cfg(target_arch = "wasm32")]
thread_local! {
    /// One for each level: a level prints to a stream of its own.
    static UNFINISHED: RefCell<[(Level, Unfinished); 3]> = const {
        RefCell::new([
            (Level::Debug, Unfinished::new()),
            (Level::Info, Unfinished::new()),
            (Level::Warn, Unfinished::new()),
        ])
    };
}

/// Puts printed text in the step's log as soon as a line is whole.
#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub fn __write(level: Level, text: fmt::Arguments<'_>, newline: bool) {
    // Formatted before the buffer is borrowed: a `Display` may print, too.
    let text = if newline { format!("{text}\n") } else { text.to_string() };
    let lines = UNFINISHED.with_borrow_mut(|outputs| {
        let output = outputs.iter_mut().find(|output| output.0 == level);
        output.and_then(|(_, output)| output.push(&text))
    });
    if let Some(lines) = lines {
        Host.log(level, &lines);
    }
}

/// Logs the unfinished lines at the end of a run.
#[cfg(target_arch = "wasm32")]
pub(crate) fn log_unfinished() {
    UNFINISHED.with_borrow_mut(|outputs| {
        for (level, output) in outputs {
            if let Some(rest) = output.finish() {
                Host.log(*level, &rest);
            }
        }
    });
}

/// Printed text that is not a whole line yet.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
struct Unfinished(String);

#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
impl Unfinished {
    const fn new() -> Self {
        Unfinished(String::new())
    }

    /// Adds printed text and returns the lines that are whole now, without the last line's end.
    fn push(&mut self, text: &str) -> Option<String> {
        self.0.push_str(text);
        let end = self.0.rfind('\n')?;
        let rest = self.0.split_off(end + 1);
        let mut lines = std::mem::replace(&mut self.0, rest);
        lines.pop();
        Some(lines)
    }

    /// Takes the rest at the end of a run.
    fn finish(&mut self) -> Option<String> {
        Some(std::mem::take(&mut self.0)).filter(|rest| !rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::Unfinished;

    #[test]
    fn printed_text_becomes_whole_lines() {
        let mut output = Unfinished::new();
        assert_eq!(output.push("a"), None);
        assert_eq!(output.push("b\n"), Some("ab".into()));
        assert_eq!(output.push("\n"), Some("".into()));
        assert_eq!(output.push("c\nd\ne"), Some("c\nd".into()));
        assert_eq!(output.finish(), Some("e".into()));
        assert_eq!(output.finish(), None);
    }
}
