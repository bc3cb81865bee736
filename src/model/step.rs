//! What a store keeps of an actor: its head, and the steps of its journal.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CallRequest, ClassName, Json, Limit, Times, Timestamp};

/// A checkpoint of the whole state is kept at least every so many steps.
pub const CHECKPOINT_EVERY: u64 = 64;

/// blake3 of some bytes: a state, a component, a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(#[serde(with = "serde_bytes")] [u8; 32]);

impl Hash {
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(blake3::hash(bytes).into())
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Hash {
        Hash(bytes)
    }
}

impl fmt::Display for Hash {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&blake3::Hash::from(self.0).to_hex())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an invocation's random bytes and opaque id come from; drawn when it is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(#[serde(with = "serde_bytes")] pub [u8; 32]);

impl Seed {
    /// The seed of what the operation of this ordinal, from 1, starts or sends.
    pub fn child(&self, ordinal: u64) -> Seed {
        let mut hasher = blake3::Hasher::new_derive_key("vactor child seed");
        hasher.update(&self.0).update(&ordinal.to_le_bytes());
        Seed(hasher.finalize().into())
    }

    /// The opaque id that guests see of the invocation: `i` and 32 hexadecimal digits.
    pub fn opaque_id(&self) -> String {
        let hash = blake3::Hasher::new_derive_key("vactor invocation id").update(&self.0).finalize();
        format!("i{}", &hash.to_hex()[..32])
    }

    /// Whether a text may be an opaque id.
    pub fn is_opaque_id(text: &str) -> bool {
        let digits = text.strip_prefix('i').unwrap_or_default();
        digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", blake3::Hash::from(self.0).to_hex())
    }
}

/// What the store knows of a name: its numbers, what stands in its inbox, and the actor, if there
/// is one.
///
/// Numbers outlive the actor, so that an old reference never names a new call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameRecord {
    pub counters: Counters,
    /// Accepted invocations that have their turn and have not ended.
    pub queued: u64,
    /// Accepted invocations that are not due yet, or that are due and nobody has looked yet.
    pub delayed: u64,
    /// None before it was made, after it was removed, and for a task's name.
    pub actor: Option<Actor>,
    /// The first accepted construction that has not ended, where there is no actor.
    pub construction: Option<u64>,
    /// Events that were sent to it and not taken yet.
    pub events: u64,
}

/// The last number given of each series; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub steps: u64,
    pub references: u64,
    /// Places in the inbox.
    pub positions: u64,
    /// Events.
    pub events: u64,
}

/// One object of a class, as its last step left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub class: ClassName,
    pub version: u32,
    /// When its first step was committed.
    pub created: Timestamp,
    /// When its last step was committed.
    pub updated: Timestamp,
    /// What the guest's clock answered at its last step; no later step sees an earlier time.
    pub clock: Timestamp,
    /// The step that made it: the first of its journal.
    pub first_step: u64,
    /// Of the state.
    pub state: Hash,
    /// Length of the state in bytes.
    pub state_bytes: u64,
    /// The step of the last checkpoint.
    pub checkpoint: u64,
    /// Bytes of journal since the last checkpoint.
    pub since_checkpoint: u64,
}

impl Actor {
    /// Whether the step `number`, after which so many bytes of journal stand since the last
    /// checkpoint, is to keep the whole state: so any earlier state is at most [`CHECKPOINT_EVERY`]
    /// steps of replay away, and checkpoints never weigh more than the journal does.
    pub fn wants_checkpoint(&self, number: u64) -> bool {
        number - self.checkpoint >= CHECKPOINT_EVERY || self.since_checkpoint > self.state_bytes
    }
}

/// One committed entry of an actor's journal: what was called, with what, by whom, and what came of
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub number: u64,
    /// The invocation that this step belongs to.
    pub reference: u64,
    /// The class's version that ran.
    pub version: u32,
    /// What was called, with what, and by which caller.
    pub request: CallRequest,
    pub times: Times,
    pub outcome: Outcome,
    pub log: Log,
    /// How long the guest computed, in microseconds of processor time.
    pub micros: u64,
    /// Hash of the state after the step.
    pub state: Hash,
    /// Of an invocation with a history: how far its run had come at this step.
    pub run: Option<RunProgress>,
}

/// A run of several commits, at one of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunProgress {
    /// What the guest's clock answered first: where a replay begins.
    pub first_now: Timestamp,
    /// Entries of the invocation's record up to and with this step.
    pub history_len: u64,
    /// Whether the invocation went on after the step: it is a save.
    pub is_save: bool,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Succeeded(Json),
    Failed(Fault),
}

/// Why an invocation did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub origin: FaultOrigin,
    /// A short, stable, machine-readable name.
    pub kind: String,
    /// One sentence for a person.
    pub message: String,
    pub details: Option<Json>,
    /// Whether a retry would fail as well: a task is not retried.
    pub permanent: bool,
    /// Whether the invocation may be resumed.
    pub resumable: bool,
}

/// Who ended an invocation that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultOrigin {
    /// The class raised a failure.
    Class,
    /// The host ended it.
    Host,
}

/// The host's kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostFault {
    /// The guest trapped: a panic, `unreachable`, a stack overflow, a call that its run may not
    /// make.
    Trap,
    /// The guest ran over a limit.
    Limit(Limit),
    /// Somebody ended it.
    Cancelled,
    /// The actor that was called is not there.
    NotFound,
    /// The actor that was to be made is there already.
    Exists,
    /// The arguments do not fit the method.
    BadArguments,
    /// The actor's inbox is full.
    InboxFull,
    /// The class cannot read a saved state ([`CANNOT_READ`]), or cannot save the one that its
    /// method left.
    BadState,
    /// The result is no JSON.
    BadResult,
    /// A wait would have closed a cycle of waits.
    Deadlock,
    /// Run again, it asked for something else than its record has.
    Diverged,
}

/// How the message of a `bad-state` begins where the class does not read a state that was saved
/// before. All others are about a state that is to be saved.
pub const CANNOT_READ: &str = "the class cannot read the saved state";

impl HostFault {
    pub const fn kind(self) -> &'static str {
        match self {
            HostFault::Trap => "trap",
            HostFault::Limit(_) => "limit",
            HostFault::Cancelled => "cancelled",
            HostFault::NotFound => "not-found",
            HostFault::Exists => "exists",
            HostFault::BadArguments => "bad-arguments",
            HostFault::InboxFull => "inbox-full",
            HostFault::BadState => "bad-state",
            HostFault::BadResult => "bad-result",
            HostFault::Deadlock => "deadlock",
            HostFault::Diverged => "diverged",
        }
    }
}

impl Fault {
    /// A fault of the host. Details of [`HostFault::Limit`] name the limit, as [`Fault::limit`]
    /// reads it.
    pub fn host(fault: HostFault, message: impl Into<String>) -> Fault {
        let details = match fault {
            HostFault::Limit(limit) => Json::of(&LimitDetails { limit }).ok(),
            _ => None,
        };
        let (kind, message) = (fault.kind().to_owned(), message.into());
        Fault { origin: FaultOrigin::Host, kind, message, details, permanent: false, resumable: true }
    }

    /// The limit that was exceeded: by the method that failed, or by a child whose fault it passed
    /// on.
    pub fn limit(&self) -> Option<Limit> {
        let details = self.details.as_ref().filter(|_| self.kind == HostFault::Limit(Limit::Time).kind())?;
        details.read::<LimitDetails>().ok().map(|details| details.limit)
    }

    /// Whether the host ended it in this way.
    pub fn is_host(&self, fault: HostFault) -> bool {
        self.origin == FaultOrigin::Host && self.kind == fault.kind()
    }
}

/// The details of a fault of the kind `limit`.
#[derive(Serialize, Deserialize)]
struct LimitDetails {
    limit: Limit,
}

/// What a class said while it ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    pub lines: Vec<LogLine>,
    /// Whether more was said than the limit lets in.
    pub truncated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    pub level: Level,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        })
    }
}
