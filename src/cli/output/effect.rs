//! What a command did, told where something fails after it.

use vactor::Reference;

use crate::cli::output::problem::Problem;

/// What a command did, which holds whatever fails after it.
pub struct Effect<'a> {
    /// Such as `c#2 was accepted`.
    pub sentence: String,
    /// The call that it is about.
    pub reference: Option<&'a Reference>,
}

impl Effect<'static> {
    /// Something that is about no call.
    pub fn new(sentence: impl Into<String>) -> Effect<'static> {
        Effect { sentence: sentence.into(), reference: None }
    }
}

impl Effect<'_> {
    /// Passes on whether its output was written. If it was not, the error says what was done.
    pub fn printed(&self, printed: Result<(), Problem>) -> Result<(), Problem> {
        printed.map_err(|problem| self.but(problem, |_| "the output could not be written".to_owned()))
    }

    /// Passes on whether a worker was started for what it lets run.
    pub fn started(&self, started: Result<(), Problem>) -> Result<(), Problem> {
        started.map_err(|problem| self.but(problem, |why| format!("no worker could be started: {why}")))
    }

    fn but(&self, problem: Problem, what: impl FnOnce(&str) -> String) -> Problem {
        if problem.is_no_reader() {
            return problem;
        }
        let message = format!("{}, but {}", self.sentence, what(&problem.message));
        Problem { message, reference: self.reference.cloned().map(Box::new), ..problem }
    }
}

/// What holds of a call whose result cannot be written.
pub const WAS_MADE: &str = "was made";
pub const HAS_ENDED: &str = "has ended";

/// Passes on whether the result of a call was written. If it was not, the error says that the call `was made`, and names
/// it. A query has no reference, and leaves nothing that has to be told.
pub fn result_printed(
    reference: Option<&Reference>,
    was_made: &str,
    printed: Result<(), Problem>,
) -> Result<(), Problem> {
    match reference {
        Some(reference) => printed.map_err(|problem| result_lost(reference, was_made, problem)),
        None => printed,
    }
}

/// The error of a call whose result could not be written.
pub fn result_lost(reference: &Reference, was_made: &str, problem: Problem) -> Problem {
    if problem.is_no_reader() {
        return problem;
    }
    Problem {
        message: format!("{reference} {was_made}; its result could not be written"),
        hint: Some(format!("`vactor wait {reference}` prints it")),
        reference: Some(Box::new(reference.clone())),
        ..problem
    }
}
