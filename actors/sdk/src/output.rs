//! Printing that reaches the step's log.
//!
//! Inside an `#[actor]` block `print!`, `println!`, `eprint!`, `eprintln!` and `dbg!` are these. In
//! other functions of a class name them: `use vactor_sdk::output::println;`. In WebAssembly what
//! they print goes to the log, line by line: of `print!` and `println!` as `info`, of `eprint!` and
//! `eprintln!` as `warn`, of `dbg!` as `debug`. In a native test they print as usual.

#[cfg(not(target_arch = "wasm32"))]
use std::fmt;

#[cfg(not(target_arch = "wasm32"))]
use crate::context::Level;

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

#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub use crate::wasm::print as __write;

/// Text that was printed and is not a whole line yet.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
pub(crate) struct Unfinished(String);

#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
impl Unfinished {
    pub(crate) const fn new() -> Self {
        Unfinished(String::new())
    }

    /// Takes what was printed and gives the lines that are whole now, without the last line's end.
    pub(crate) fn push(&mut self, text: &str) -> Option<String> {
        self.0.push_str(text);
        let end = self.0.rfind('\n')?;
        let rest = self.0.split_off(end + 1);
        let mut lines = std::mem::replace(&mut self.0, rest);
        lines.pop();
        Some(lines)
    }

    /// What is left when the run ends.
    pub(crate) fn finish(&mut self) -> Option<String> {
        Some(std::mem::take(&mut self.0)).filter(|rest| !rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::Unfinished;

    #[test]
    fn prints_become_whole_lines() {
        let mut output = Unfinished::new();
        assert_eq!(output.push("a"), None);
        assert_eq!(output.push("b\n"), Some("ab".into()));
        assert_eq!(output.push("\n"), Some("".into()));
        assert_eq!(output.push("c\nd\ne"), Some("c\nd".into()));
        assert_eq!(output.finish(), Some("e".into()));
        assert_eq!(output.finish(), None);
    }
}
