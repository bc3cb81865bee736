//! The host's side of the contract: what a guest may ask for, and how much it may take.

use std::time::Instant;

use scoped_tls_hkt::scoped_thread_local;
use wasmtime::{ResourceLimiter, StoreContextMut, UpdateDeadline};

use super::run::{Identity, Run};
use super::watchdog::Guard;
use crate::model::{Level, Limits, Log, LogLine, Seed, Timestamp};

wasmtime::component::bindgen!({ path: "wit", world: "actor", imports: { default: trappable } });

use self::vactor::actor::{context, types};

scoped_thread_local!(
    /// Who sees the log of the run on this thread. It borrows from the caller, which what a wasmtime store owns
    /// may not.
    pub static mut ON_LOG: for<'a> &'a mut (dyn FnMut(&LogLine) + Send + 'a)
);

/// What `random` gives at most in one call.
const RANDOM_AT_ONCE: u32 = 1 << 20;
/// Core instances, memories and tables, each: how many a class may have.
const PARTS: usize = 256;
/// Bytes that an element of a table counts, the same on every machine.
const TABLE_ELEMENT: u64 = 8;

/// Why the host ended a guest.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    #[error("the time is up")]
    Time,
    #[error("the run was stopped")]
    Stopped,
    #[error("the memory is used up")]
    Memory,
    #[error("this machine has no more memory")]
    MachineMemory,
    #[error("no thread could be started to watch the time: {0}")]
    NoThread(std::io::Error),
    #[error("`describe` called `{0}`, and may call `log` alone")]
    Forbidden(&'static str),
    #[error("`random` was asked for {0} bytes; it gives 1 MiB a call")]
    Random(u32),
}

/// What one run's guest can reach.
pub struct Host {
    /// None while a class is asked for its description: it may log and nothing else.
    known: Option<Known>,
    pub log: Log,
    /// None when the last line took all.
    log_left: Option<u64>,
    memory_left: u64,
    pub guard: Guard,
}

/// What the guest of a run is told.
struct Known {
    class: String,
    version: u32,
    actor: String,
    invocation: String,
    attempt: u32,
    now: Timestamp,
    random: Random,
}

/// The bytes of blake3 keyed by the seed, read on from call to call.
enum Random {
    Seeded(Seed),
    Reading(Box<blake3::OutputReader>),
}

impl Host {
    /// Of a run of a method.
    pub fn of(run: &Run<'_>, guard: Guard) -> Host {
        let Identity { class, version, actor, invocation, attempt } = run.identity;
        let known = Known {
            class: class.as_str().to_owned(),
            version,
            actor: actor.map_or_else(String::new, |id| id.as_str().to_owned()),
            invocation: invocation.to_owned(),
            attempt,
            now: run.now,
            random: Random::Seeded(run.seed),
        };
        Host { known: Some(known), ..Host::describing(run.limits, guard) }
    }

    /// Of a class that says what it is.
    pub fn describing(limits: &Limits, guard: Guard) -> Host {
        let log = Log::default();
        Host { known: None, log, log_left: Some(limits.log), memory_left: limits.memory, guard }
    }

    /// Whether a guest goes on; asked whenever the engine's epoch has risen as often as it was told to wait for.
    pub fn check(mut store: StoreContextMut<'_, Host>) -> wasmtime::Result<UpdateDeadline> {
        Ok(UpdateDeadline::Continue(store.data_mut().guard.look()?))
    }

    fn known(&mut self, function: &'static str) -> wasmtime::Result<&mut Known> {
        self.known.as_mut().ok_or_else(|| Halt::Forbidden(function).into())
    }

    /// Takes from what is left of the memory.
    fn take(&mut self, bytes: u64) -> wasmtime::Result<bool> {
        self.memory_left = self.memory_left.checked_sub(bytes).ok_or(Halt::Memory)?;
        Ok(true)
    }
}

impl types::Host for Host {}

impl context::Host for Host {
    fn class_name(&mut self) -> wasmtime::Result<String> {
        Ok(self.known("class-name")?.class.clone())
    }

    fn version(&mut self) -> wasmtime::Result<u32> {
        Ok(self.known("version")?.version)
    }

    fn actor_id(&mut self) -> wasmtime::Result<String> {
        Ok(self.known("actor-id")?.actor.clone())
    }

    fn invocation(&mut self) -> wasmtime::Result<String> {
        Ok(self.known("invocation")?.invocation.clone())
    }

    fn attempt(&mut self) -> wasmtime::Result<u32> {
        Ok(self.known("attempt")?.attempt)
    }

    /// A line costs its bytes and one more, so that empty ones end too.
    fn log(&mut self, level: context::Level, mut message: String) -> wasmtime::Result<()> {
        let Some(left) = self.log_left.filter(|_| !self.log.cut) else {
            self.log.cut = true;
            return Ok(());
        };
        if message.len() as u64 > left {
            self.log.cut = true;
            message.truncate(message.floor_char_boundary(left as usize));
            message.shrink_to_fit();
            if message.is_empty() {
                return Ok(());
            }
        }
        self.log_left = left.checked_sub(message.len() as u64 + 1);
        let line = LogLine { level: level.into(), message };
        let told = Instant::now();
        ON_LOG.with(|on_log| on_log(&line));
        self.guard.put_off(told.elapsed()); // who reads slowly does not take the guest's time
        self.log.lines.push(line);
        Ok(())
    }

    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.known("now")?.now.as_millis())
    }

    fn random(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        let known = self.known("random")?;
        if length > RANDOM_AT_ONCE {
            return Err(Halt::Random(length).into());
        }
        let mut bytes = vec![0; length as usize];
        known.random.fill(&mut bytes);
        Ok(bytes)
    }
}

impl From<context::Level> for Level {
    fn from(level: context::Level) -> Level {
        match level {
            context::Level::Debug => Level::Debug,
            context::Level::Info => Level::Info,
            context::Level::Warn => Level::Warn,
            context::Level::Error => Level::Error,
        }
    }
}

impl Random {
    fn fill(&mut self, bytes: &mut [u8]) {
        if let Random::Seeded(seed) = self {
            let hasher = blake3::Hasher::new_keyed(&seed.0).update(b"context.random").finalize_xof();
            *self = Random::Reading(Box::new(hasher));
        }
        if let Random::Reading(reader) = self {
            reader.fill(bytes);
        }
    }
}

/// Growing past the limit ends the run, so that no class can come to depend on the limit; growing past the maximum
/// that the class itself states fails in the guest, as it does everywhere.
impl ResourceLimiter for Host {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.take(desired.saturating_sub(current) as u64)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        Err(Halt::MachineMemory.into())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.take((desired.saturating_sub(current) as u64).saturating_mul(TABLE_ELEMENT))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        Err(Halt::MachineMemory.into())
    }

    fn instances(&self) -> usize {
        PARTS
    }

    fn tables(&self) -> usize {
        PARTS
    }

    fn memories(&self) -> usize {
        PARTS
    }
}
