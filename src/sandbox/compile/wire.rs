//! The messages between the two processes: one line of JSON each, with bytes after it.

use std::io::{self, BufRead, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::job::Job;
use crate::model::ClassDefect;
use crate::sandbox::settings::{SETTINGS, WASMTIME};

/// The message of the parent. The bytes of the class follow.
#[derive(Debug, Serialize, Deserialize)]
pub struct CompileRequest {
    /// [`build`] of the parent.
    pub build: String,
    pub job: Job,
    pub time_ms: u64,
    pub memory: u64,
    /// The number of bytes that follow.
    pub length: usize,
}

/// A line before the answer, written once the child has all that it needs. If the child crashes
/// after it, the class is at fault.
pub const BEGUN: &[u8] = b"begun\n";

/// The message of the child.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompileAnswer {
    /// So many bytes follow: machine code, or the component that a module became. None if the bytes
    /// are a component.
    Done { length: Option<usize> },
    /// The bytes break a rule of classes.
    NotAClass { reason: String, defect: ClassDefect },
    /// The memory was too small: that of the machine, or the limit of the child.
    NoMemory { reason: String },
    /// The child, or the machine, cannot do it.
    Failed { reason: String },
    /// A state that cannot occur.
    Internal { what: String },
}

/// The exit code of a child whose time is up.
pub const OVER_TIME: i32 = 124;
/// The exit code of a child whose parent has ended.
pub const ABANDONED: i32 = 125;

/// The versions that both processes must have in common.
pub fn build() -> String {
    format!("{}/{WASMTIME}/{SETTINGS}", env!("CARGO_PKG_VERSION"))
}

/// The longest line, in bytes.
const LINE: u64 = 1 << 20;

/// Writes a message and the bytes after it.
pub fn put(output: &mut impl Write, head: &impl Serialize, body: &[u8]) -> io::Result<()> {
    let mut line = serde_json::to_vec(head)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.write_all(body)?;
    output.flush()
}

/// Reads a message.
pub fn head<T: DeserializeOwned>(input: &mut impl BufRead) -> io::Result<T> {
    let mut line = Vec::new();
    io::Read::take(input, LINE).read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}
