//! Durable objects in one file, no server.
#![deny(unsafe_code)]

pub mod model;
pub mod sandbox;
pub mod store;
