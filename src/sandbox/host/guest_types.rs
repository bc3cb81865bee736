//! Values of the contract as guests send and receive them, for each version of the contract.

use wasmtime::component::{ComponentType, Lift, Lower};

use crate::model::{Fault, FaultOrigin, Level};

/// A failure that a class raised.
#[derive(ComponentType, Lift)]
#[component(record)]
pub struct GuestFailure {
    pub kind: String,
    pub message: String,
    pub details: Option<String>,
    pub permanent: bool,
    pub resumable: bool,
}

/// The same in contract 0.1.
#[derive(ComponentType, Lift)]
#[component(record)]
pub struct GuestFailure01 {
    kind: String,
    message: String,
    details: Option<String>,
}

impl From<GuestFailure01> for GuestFailure {
    fn from(failure: GuestFailure01) -> GuestFailure {
        let GuestFailure01 { kind, message, details } = failure;
        GuestFailure { kind, message, details, permanent: false, resumable: true }
    }
}

/// A fault of an awaited invocation, for the guest.
#[derive(ComponentType, Lower)]
#[component(record)]
pub struct GuestFault {
    origin: GuestOrigin,
    kind: String,
    message: String,
    details: Option<String>,
    permanent: bool,
    resumable: bool,
    invocation: String,
}

/// The same in contract 0.1.
#[derive(ComponentType, Lower)]
#[component(record)]
pub struct GuestFault01 {
    origin: GuestOrigin,
    kind: String,
    message: String,
    details: Option<String>,
    invocation: String,
}

#[derive(ComponentType, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
pub enum GuestOrigin {
    #[component(name = "class")]
    Class,
    #[component(name = "host")]
    Host,
}

impl GuestFault {
    /// The fault of an invocation with this opaque id.
    pub fn new(fault: &Fault, invocation: &str) -> GuestFault {
        GuestFault {
            origin: match fault.origin {
                FaultOrigin::Class => GuestOrigin::Class,
                FaultOrigin::Host => GuestOrigin::Host,
            },
            kind: fault.kind.clone(),
            message: fault.message.clone(),
            details: fault.details.as_ref().map(|details| details.as_str().to_owned()),
            permanent: fault.permanent,
            resumable: fault.resumable,
            invocation: invocation.to_owned(),
        }
    }
}

impl From<GuestFault> for GuestFault01 {
    fn from(fault: GuestFault) -> GuestFault01 {
        let GuestFault { origin, kind, message, details, invocation, .. } = fault;
        GuestFault01 { origin, kind, message, details, invocation }
    }
}

#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
pub enum GuestLevel {
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

impl From<GuestLevel> for Level {
    fn from(level: GuestLevel) -> Level {
        match level {
            GuestLevel::Debug => Level::Debug,
            GuestLevel::Info => Level::Info,
            GuestLevel::Warn => Level::Warn,
            GuestLevel::Error => Level::Error,
        }
    }
}
