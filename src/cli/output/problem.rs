//! The error of a command, and the exit codes.

use std::io;

use serde::Serialize;
use vactor::{Category, Error, FaultOrigin, Json, Reference};

use super::hint;

/// An error with an exit code: a sentence, perhaps a cause, and a hint.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// A short, stable, machine-readable name.
    pub kind: Box<str>,
    pub category: Category,
    pub message: String,
    pub cause: Option<String>,
    pub hint: Option<String>,
    /// More of the fault: details of the class's failure, or which limit was exceeded.
    pub details: Option<Json>,
    /// Whether a retry would fail as well, as the class says.
    pub permanent: bool,
    /// Whether the failed call may be resumed.
    pub retryable: bool,
    /// The call, if it was accepted.
    pub reference: Option<Box<Reference>>,
}

const NO_FILE: &str = "no-file";
const NO_READER: &str = "no-reader";

impl Problem {
    pub fn new(category: Category, kind: &str, message: impl Into<String>) -> Problem {
        let (kind, message) = (kind.into(), message.into());
        Problem {
            kind,
            category,
            message,
            cause: None,
            hint: None,
            details: None,
            permanent: false,
            retryable: true,
            reference: None,
        }
    }

    /// Bad input of any kind.
    pub fn input(message: impl Into<String>) -> Problem {
        Problem::new(Category::BadInput, "bad-input", message)
    }

    /// A named file cannot be read: the name is wrong, or the machine fails.
    pub fn unread(message: impl Into<String>, error: &io::Error) -> Problem {
        use io::ErrorKind::{InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied};
        let (category, kind) = match error.kind() {
            InvalidFilename | InvalidInput | IsADirectory | NotADirectory | NotFound | PermissionDenied => {
                (Category::BadInput, NO_FILE)
            }
            _ => (Category::Store, "io"),
        };
        Problem::new(category, kind, message).cause(error.to_string())
    }

    /// A conflict, which may pass.
    pub fn conflict(message: impl Into<String>) -> Problem {
        Problem::new(Category::Conflict, "conflict", message)
    }

    /// The user stopped the command.
    pub fn interrupted(message: impl Into<String>) -> Problem {
        Problem::new(Category::Interrupted, "interrupted", message)
    }

    /// Stdout cannot be written.
    pub fn unwritten(error: &io::Error) -> Problem {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe { NO_READER } else { "io" };
        Problem::new(Category::Store, kind, "cannot write the output").cause(error.to_string())
    }

    /// Whether the reader of stdout went away.
    pub fn is_no_reader(&self) -> bool {
        &*self.kind == NO_READER
    }

    pub fn is_no_file(&self) -> bool {
        &*self.kind == NO_FILE
    }

    pub fn cause(self, cause: impl Into<String>) -> Problem {
        Problem { cause: Some(cause.into()), ..self }
    }

    pub fn hint(self, hint: impl Into<String>) -> Problem {
        Problem { hint: Some(hint.into()), ..self }
    }

    pub fn code(&self) -> Code {
        Code::of(self.category)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let mut problem = Problem::new(error.category(), error.kind(), error.to_string());
        problem.hint = hint::of(&error);
        problem.reference = match &error {
            Error::Failed { reference, .. } => reference.clone().map(Box::new),
            Error::StillRunning { reference } | Error::LeftRunning { reference } => Some(Box::new(reference.clone())),
            _ => None,
        };
        if let Error::Failed { fault, .. } = &error {
            problem.details = fault.details.clone();
            (problem.permanent, problem.retryable) = (fault.permanent, fault.resumable);
            if fault.origin == FaultOrigin::Class {
                let details = fault.details.as_ref().map(|details| format!(" {}", details.as_str()));
                problem.cause = Some(format!("{}{}", fault.kind, details.unwrap_or_default()));
            }
        }
        problem
    }
}

impl From<anyhow::Error> for Problem {
    /// An error without a category comes from the operating system.
    fn from(error: anyhow::Error) -> Problem {
        let error = match error.downcast::<Problem>() {
            Ok(problem) => return problem,
            Err(error) => error,
        };
        match error.downcast::<Error>() {
            Ok(error) => error.into(),
            Err(error) => {
                let causes: Vec<String> = error.chain().skip(1).map(|cause| cause.to_string()).collect();
                let problem = Problem::new(Category::Store, "io", error.to_string());
                if causes.is_empty() { problem } else { problem.cause(causes.join(": ")) }
            }
        }
    }
}

/// The exit code of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(u8);

/// The one table of exit codes.
pub const CODES: [(Code, Option<Category>, &str); 8] = [
    (Code::DONE, None, "done"),
    (Code(1), Some(Category::Failure), "failure: the method returned a failure"),
    (
        Code(2),
        Some(Category::BadInput),
        "bad input: a flag, an id, an argument of the wrong type or over a limit, an unknown method, a missing @FILE, \
         a file that is not a valid component, a failed build",
    ),
    (Code(3), Some(Category::NotFound), "not found: an actor, a class, a reference, the store"),
    (
        Code(4),
        Some(Category::Conflict),
        "conflict: the actor exists, the key was used for another call, the actor is busy, the call was cancelled, \
         --timeout ran out; another try may succeed",
    ),
    (
        Code(5),
        Some(Category::ClassError),
        "class error: the class failed on the host's side: a trap, a limit inside the class, a state that it rejects, a \
         result that is not JSON, a divergence, a deadlock",
    ),
    (
        Code(6),
        Some(Category::Store),
        "the store cannot be used: damaged, of a newer format, another user's, no permission, disk full, failed input or \
         output; or the machine has no memory or no threads left; or an internal error of vactor",
    ),
    (Code(130), Some(Category::Interrupted), "interrupted"),
];

impl Code {
    pub const DONE: Code = Code(0);

    pub fn of(category: Category) -> Code {
        let line = CODES.iter().find(|(_, of, _)| *of == Some(category));
        line.map(|(code, ..)| *code).expect("the table has a line for every category")
    }
}

impl From<Code> for i32 {
    fn from(code: Code) -> i32 {
        code.0.into()
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// An error's line in `--json`.
#[derive(Serialize, schemars::JsonSchema)]
pub struct ErrorLine<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Error")]
struct ErrorBody<'a> {
    /// A short, stable name.
    kind: &'a str,
    /// One sentence.
    message: &'a str,
    /// The cause, such as an error of the operating system.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    /// A command or a flag that may help.
    hint: Option<&'a str>,
    /// More of the fault: details of the class's failure, or which limit was exceeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<serde_json::Value>,
    /// `true` if a retry would fail as well, as the class says.
    #[serde(skip_serializing_if = "Option::is_none")]
    permanent: Option<bool>,
    /// `false` if the failed call cannot be resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<bool>,
    /// The call, if it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

impl<'a> From<&'a Problem> for ErrorLine<'a> {
    fn from(problem: &'a Problem) -> ErrorLine<'a> {
        ErrorLine {
            error: ErrorBody {
                kind: &problem.kind,
                message: &problem.message,
                cause: problem.cause.as_deref().filter(|_| problem.details.is_none()),
                hint: problem.hint.as_deref(),
                details: problem.details.as_ref().map(Json::value),
                permanent: problem.permanent.then_some(true),
                retryable: (!problem.retryable).then_some(false),
                reference: problem.reference.as_ref().map(ToString::to_string),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use vactor::Fault;

    use super::*;

    #[test]
    fn each_category_has_its_exit_code() {
        use Category::*;
        let codes = [Failure, BadInput, NotFound, Conflict, ClassError, Store, Interrupted].map(Code::of);
        assert_eq!(codes.map(i32::from), [1, 2, 3, 4, 5, 6, 130]);
    }

    #[test]
    fn failure_of_a_class_shows_kind_and_details() {
        let details = Json::parse(r#"{"missing":5}"#).unwrap();
        let fault = Fault {
            origin: FaultOrigin::Class,
            kind: "insufficient-funds".into(),
            message: "there is not enough".into(),
            details: Some(details),
            permanent: true,
            resumable: false,
        };
        let problem = Problem::from(Error::Failed {
            id: "a".into(),
            method: "withdraw".into(),
            fault: Box::new(fault),
            reference: Some("a#3".parse().unwrap()),
        });
        assert_eq!(i32::from(problem.code()), 1);
        assert_eq!(problem.cause.as_deref(), Some(r#"insufficient-funds {"missing":5}"#));
        let line = serde_json::to_string(&ErrorLine::from(&problem)).unwrap();
        assert_eq!(
            line,
            r#"{"error":{"kind":"insufficient-funds","message":"there is not enough","hint":null,"details":{"missing":5},"permanent":true,"retryable":false,"reference":"a#3"}}"#
        );
    }
}
