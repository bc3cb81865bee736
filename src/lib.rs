//! Durable objects in one file, no server.
//!
//! An **actor class** is a WebAssembly component. An **actor** is one object of a class, with an id; its state and its
//! whole history live in a **store**, one file. Each call restores the state, runs one method in a sandbox, and commits the
//! new state, the result and a journal entry in one durable transaction. Nothing has to run before or after.
//!
//! What the command line does, a program does through an [`Engine`]:
//!
//! ```
//! use serde_json::json;
//! use vactor::{Engine, Options};
//!
//! # let folder = tempfile::tempdir()?;
//! # let place = folder.path().join("actors");
//! # let component = include_bytes!("../tests/contracts/counter-0.1.0.wasm");
//! let engine = Engine::open(&place)?;
//! engine.register("counter", component)?;
//! engine.create("counter", "my_counter", json!({"init_val": 0}), &Options::default())?;
//! let reply = engine.call("my_counter", "incr", json!({"val": 10}), &Options::default())?;
//! assert_eq!(reply.result.as_str(), "10");
//! assert_eq!(engine.get("my_counter", "value", json!({}))?.result.as_str(), "10");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An [`Error`] has a kind, a category and the names that it is about.
//!
//! ```
//! # use serde_json::json;
//! # use vactor::{Category, Engine};
//! let engine = Engine::in_memory()?;
//! let error = engine.get("my_countr", "value", json!({})).unwrap_err();
//! assert_eq!(error.to_string(), "there is no actor my_countr");
//! assert_eq!(error.category(), Category::NotFound);
//! assert_eq!(error.kind(), "no-actor");
//! # Ok::<(), vactor::Error>(())
//! ```
//!
//! A call made with a key happens once, however often it is made:
//!
//! ```
//! # use serde_json::json;
//! # use vactor::{Engine, Options};
//! # let engine = Engine::in_memory()?;
//! # engine.register("counter", include_bytes!("../tests/contracts/counter-0.1.0.wasm"))?;
//! # engine.create("counter", "my_counter", json!({"init_val": 0}), &Options::default())?;
//! let paid = Options { key: Some("order-17".to_owned()), ..Options::default() };
//! let first = engine.call("my_counter", "incr", json!({}), &paid)?;
//! let again = engine.call("my_counter", "incr", json!({}), &paid)?;
//! assert_eq!((first.result.as_str(), again.result.as_str()), ("1", "1"));
//! assert!(again.is_duplicate);
//! # Ok::<(), vactor::Error>(())
//! ```
//!
//! And a call that nobody waits for is accepted, with a reference that ends in a result whoever runs it:
//!
//! ```
//! # use serde_json::json;
//! # use vactor::{Engine, Options};
//! # let engine = Engine::in_memory()?;
//! # engine.register("counter", include_bytes!("../tests/contracts/counter-0.1.0.wasm"))?;
//! # engine.create("counter", "my_counter", json!({"init_val": 0}), &Options::default())?;
//! let reference = engine.submit_call("my_counter", "incr", json!({"val": 5}), &Options::default())?;
//! assert_eq!(reference.to_string(), "my_counter#2");
//! assert_eq!(engine.wait(&reference, None)?.result.as_str(), "5");
//! # Ok::<(), vactor::Error>(())
//! ```
//!
//! # The house
//!
//! | floor | room | knows |
//! | --- | --- | --- |
//! | 0 | [`model`] | the words as plain data |
//! | 1 | [`store`] | where actors live: one trait, whole transactions |
//! | 1 | [`sandbox`] | wasmtime: one run of one method is a value |
//! | 2 | [`engine`] | accepts, runs, waits, commits |
//! | 4 | the binary | arguments in, text out, exit codes |
//!
//! A floor uses the floors below it. `store` and `sandbox` never meet, `engine` prints nothing, only the binary sees a person;
//! a test keeps these walls. `docs/architecture.md` has the rest.
#![deny(unsafe_code)]

pub mod engine;
pub mod model;
pub mod sandbox;
pub mod store;

pub use engine::{Engine, Observer, Options, Reply, Settings};
pub use model::{ActorId, Category, ClassName, Error, Json, Limits, Reference, Result, Timestamp};
