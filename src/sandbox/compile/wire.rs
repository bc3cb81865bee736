//! What the two processes say to each other: each one line of JSON, with bytes after it.

use std::io::{self, BufRead, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::ClassDefect;
use crate::sandbox::engine::{Form, SETTINGS, WASMTIME};

/// From the process that wants a class; the bytes of the class follow.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// [`build`] of the process that asks.
    pub build: String,
    pub job: Job,
    pub time_ms: u64,
    pub memory: u64,
    /// How many bytes follow.
    pub length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    Check,
    Compile(Form),
}

/// A line of its own before the answer, as soon as the process has all that it needs: what ends it from here on is of the
/// class's making.
pub const BEGUN: &[u8] = b"begun\n";

/// From the process that compiles.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// So many bytes follow: machine code, or the component that a module became; none where the bytes are a component.
    Done {
        length: Option<usize>,
    },
    NotAClass {
        reason: String,
        defect: ClassDefect,
    },
    /// There was not enough memory: of the machine, or within the bounds of the process.
    NoMemory {
        reason: String,
    },
    /// The process, or the machine, cannot do it.
    Failed {
        reason: String,
    },
    /// A state that cannot occur.
    Internal {
        what: String,
    },
}

/// How the process that compiles ends beside success.
pub const OVER_TIME: i32 = 124;
/// The process that asked has gone.
pub const ABANDONED: i32 = 125;

/// What both processes must have in common.
pub fn build() -> String {
    format!("{}/{WASMTIME}/{SETTINGS}", env!("CARGO_PKG_VERSION"))
}

/// No line is longer.
const LINE: u64 = 1 << 20;

pub fn put(output: &mut impl Write, head: &impl Serialize, body: &[u8]) -> io::Result<()> {
    let mut line = serde_json::to_vec(head)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.write_all(body)?;
    output.flush()
}

pub fn head<T: DeserializeOwned>(input: &mut impl BufRead) -> io::Result<T> {
    let mut line = Vec::new();
    io::Read::take(input, LINE).read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}
