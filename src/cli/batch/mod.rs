//! What `vactor batch` is made of: lines come in (`lines`), each is read as a call (`line`), and `flow` brings calls to the
//! threads that run them and answers back in order.

mod flow;
mod line;
mod lines;

pub use flow::{Answer, Call, Ended, Flow, Input, Line};
pub use line::{actor, call};
pub use lines::{Lines, Read};
