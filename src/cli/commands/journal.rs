//! The parts that the journals of actors and of tasks share.

use serde_json::Value;
use vactor::{CallRequest, Fault, FaultOrigin, Json, Log, LogLine, Outcome};

#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Fault")]
pub struct FaultBody<'a> {
    /// `class` if the class raised it, `host` if vactor ended the run.
    origin: &'static str,
    kind: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
    /// `true` if a retry would fail as well, as the class says.
    #[serde(skip_serializing_if = "Option::is_none")]
    permanent: Option<bool>,
    /// `false` if the failed call cannot be resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<bool>,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Said")]
pub struct SaidBody<'a> {
    /// `debug`, `info`, `warn` or `error`.
    level: String,
    message: &'a str,
}

/// A result, or the failure, in short.
pub fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded(result) => result.as_str().to_owned(),
        Outcome::Failed(fault) => format!("failed: {}: {}", fault.kind, fault.message),
    }
}

/// The lines that a class logged.
pub fn said(log: &Log) -> String {
    let cut = log.truncated.then_some("(cut)");
    log.lines.iter().map(|line| line.message.as_str()).chain(cut).collect::<Vec<_>>().join("\n")
}

pub fn meta(request: &CallRequest) -> serde_json::Map<String, Value> {
    request.meta.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

pub fn pairs(meta: &[(String, String)]) -> String {
    meta.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n")
}

impl<'a> From<&'a Fault> for FaultBody<'a> {
    fn from(fault: &'a Fault) -> FaultBody<'a> {
        let origin = match fault.origin {
            FaultOrigin::Class => "class",
            FaultOrigin::Host => "host",
        };
        FaultBody {
            origin,
            kind: &fault.kind,
            message: &fault.message,
            details: fault.details.as_ref().map(Json::value),
            permanent: fault.permanent.then_some(true),
            retryable: (!fault.resumable).then_some(false),
        }
    }
}

impl<'a> From<&'a LogLine> for SaidBody<'a> {
    fn from(line: &'a LogLine) -> SaidBody<'a> {
        SaidBody { level: line.level.to_string(), message: &line.message }
    }
}
