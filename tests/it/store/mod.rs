//! What every store promises, played against each: `promises` holds one function per promise.

mod fixture;
mod promises;
