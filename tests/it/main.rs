//! The real binary on real stores, in folders of their own.

mod lines;
mod support;
