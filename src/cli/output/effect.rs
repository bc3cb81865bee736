//! The effect of a command, in the error of a failure after it.

use vactor::Reference;

use crate::cli::output::problem::Problem;

/// The effect of a command. It holds even if the command fails afterwards.
pub struct Effect<'a> {
    /// Such as `c#2 was accepted`.
    pub sentence: String,
    /// The call that the command accepted or ended.
    pub reference: Option<&'a Reference>,
}

impl Effect<'static> {
    /// An effect without a call.
    pub fn new(sentence: impl Into<String>) -> Effect<'static> {
        Effect { sentence: sentence.into(), reference: None }
    }
}

impl Effect<'_> {
    /// The result of printing it. An error names the effect.
    pub fn printed(&self, printed: Result<(), Problem>) -> Result<(), Problem> {
        printed.map_err(|problem| self.failed_after(problem, |_| "the output could not be written".to_owned()))
    }

    /// The result of starting a worker for the calls that can run now. An error names the effect.
    pub fn started(&self, started: Result<(), Problem>) -> Result<(), Problem> {
        started.map_err(|problem| self.failed_after(problem, |why| format!("no worker could be started: {why}")))
    }

    fn failed_after(&self, problem: Problem, what: impl FnOnce(&str) -> String) -> Problem {
        if problem.is_no_reader() {
            return problem;
        }
        let message = format!("{}, but {}", self.sentence, what(&problem.message));
        Problem { message, reference: self.reference.cloned().map(Box::new), ..problem }
    }
}

/// The state of a call whose result cannot be written.
pub const WAS_MADE: &str = "was made";
pub const HAS_ENDED: &str = "has ended";

/// The result of printing a call's result. An error names the call. A query has no reference and no
/// effect to name.
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

/// The error of a call whose result was not written.
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
