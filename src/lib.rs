//! Durable objects in one file, no server.
//!
//! A **class** is a WebAssembly component. An **actor** is one object of a class, with an id. Its state and its whole
//! history are in a **store**, which is one file. Each call restores the state, runs one method in a sandbox, and commits
//! the new state, the result and a journal entry in one durable transaction. No server has to run.
//!
//! A program uses an [`Engine`], which can do all that the command line can:
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
//! A call with a key has its effect once, however often it is made:
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
//! A submitted call is accepted durably, and returns its reference before it runs. A worker runs it, in this process or
//! another; so does a caller that waits for it:
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
//! # Errors, threads and time
//!
//! All calls block; an asynchronous program makes them on threads for blocking work. An engine may be shared by threads and
//! is cheap to clone, and other processes may use the same store at the same time. A method runs on the thread of its
//! caller or of a worker, which needs more than 1 MiB of free stack. While a call waits, threads of the engine run the
//! invocations that it waits for, and end with it.
//!
//! An error with [`Category::Store`] leaves nothing behind, unless the call was accepted before; then the error names the
//! reference of the call. [`Options::deadline`] bounds the time that a call waits, and [`Limits`] bound the computing time and
//! the memory of a method.
//!
//! # Layers
//!
//! | module | |
//! | --- | --- |
//! | the command line | arguments, output, exit codes; another crate, which uses this page's names alone |
//! | `engine` | accepts, runs, waits, commits |
//! | `sandbox` | compiles classes, and runs one method as a value |
//! | `store` | whole transactions, behind the trait [`Store`] |
//! | `model` | ids, invocations, steps, errors, limits |
//!
//! A module uses only modules below it, and `sandbox` and `store` do not use each other. The library prints nothing and ends
//! no process. `docs/architecture.md` has the layers of the engine and the life of a call.
#![deny(missing_docs, unsafe_code)]

#[cfg(not(feature = "internals"))]
mod engine;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod engine;
#[cfg(not(feature = "internals"))]
mod model;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod model;
#[cfg(not(feature = "internals"))]
mod sandbox;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod sandbox;
#[cfg(not(feature = "internals"))]
mod store;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod store;

pub use engine::{
    ActorInfo, ActorMethod, CallGroup, ClassInfo, Engine, GroupCall, Observer, Options, PendingConstruction, Phase,
    Registration, Reply, Settings, Submitted, Until, WaitReason,
};
pub use model::{
    Actor, ActorId, Attempt, CANNOT_READ, CallKind, CallRequest, CallTarget, Category, Cause, ClassDefect, ClassName,
    CompileLimit, Counters, Description, Error, Event, EventDescription, Fault, FaultOrigin, Fingerprint, Hash,
    HistoryEntry, HostFault, InvalidName, Invocation, Json, Key, Level, Limit, LimitOverrides, Limits, Log, LogLine,
    MAX_NESTING, Method, MethodKind, Name, NameRecord, NotJson, OperationResult, Outcome, OverCeiling, Parameter,
    PendingWait, Process, QueryOption, Reference, ResolvedTarget, Result, ResumePoint, RunProgress, Schema, Seed,
    Status, Step, Times, Timestamp, UntrustedPath, WaitResult, deserialize_value, read_value, referenced, shortened,
    similar, type_name,
};
pub use sandbox::{Cache, Compiling, NotKept, Sandbox, StopSignal, compile_for_parent};
pub use store::{
    ClassVersion, DeadlineScope, Folder, LockWaitOptions, Mode, RedbStore, Registered, RegisteredClass, Store,
    VersionUsage, deadline,
};
