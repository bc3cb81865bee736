//! The parts of `vactor batch`: `lines` splits the input, `line` reads a line as a call, `flow`
//! carries calls to the threads that run them and output lines back in order.

mod flow;
mod line;
mod lines;

pub use flow::{BatchEnd, CallLine, Flow, InputLine, OutputLine, QueuedCall};
pub use line::{actor, call};
pub use lines::{Lines, ReadLine};
