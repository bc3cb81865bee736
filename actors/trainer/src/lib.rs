//! A study that trains models: a grid of parameters, each tried in a task of its own, many at once. The result of each is
//! saved at once, so that queries see the study grow, and a cancel loses no result.

mod iris;
mod model;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vactor_sdk::{Context, Failure, Handle, IntoFailure, actor};

pub use iris::{Flower, Measures, Species, flowers};
pub use model::{Model, Parameters, Score};

#[derive(Debug, Serialize, Deserialize)]
pub struct Trainer {
    folds: usize,
    /// The number of trials that the last search planned.
    planned: usize,
    /// The best first.
    trials: Vec<Trial>,
    failed: Vec<Failed>,
    /// Trained with the best parameters, on all flowers.
    model: Option<Model>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    pub parameters: Parameters,
    pub score: Score,
}

/// A trial that gave no score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failed {
    pub parameters: Parameters,
    pub reason: String,
}

/// The progress of a search.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    pub planned: usize,
    pub tried: usize,
    pub failed: usize,
    /// Of the best trial so far.
    pub accuracy: Option<f64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Guess {
    pub species: Species,
    pub probability: f64,
}

#[derive(Debug, PartialEq)]
pub enum Refusal {
    Folds { folds: usize },
    Parameters { parameters: Parameters },
    RanAway { parameters: Parameters },
    Untrained,
}

impl IntoFailure for Refusal {
    fn into_failure(self) -> Failure {
        match self {
            Refusal::Folds { folds } => Failure::new("bad-folds", format!("2 to 50 folds, not {folds}")),
            Refusal::Parameters { parameters } => {
                let message = "a rate is over 0, a penalty is not below it, and there is at least one epoch";
                Failure::new("bad-parameters", message).with_details(parameters)
            }
            Refusal::RanAway { parameters } => {
                let message = format!("the training ran away at the rate {}", parameters.rate);
                Failure::new("ran-away", message).with_details(parameters)
            }
            Refusal::Untrained => Failure::new("untrained", "no search has ended yet"),
        }
    }
}

/// A study of how iris flowers are told apart best.
#[actor]
impl Trainer {
    /// A study without trials.
    pub fn new(
        /// Into how many parts the flowers are dealt: each part is tried by a model that learned from the others.
        #[default(5)]
        folds: usize,
    ) -> Result<Self, Refusal> {
        check_folds(folds)?;
        Ok(Trainer { folds, planned: 0, trials: Vec::new(), failed: Vec::new(), model: None })
    }

    /// Tries each rate with each penalty in a task of its own, and returns the best trial.
    ///
    /// A trial of an earlier search, such as one that was cancelled, is not repeated.
    pub fn search(
        &mut self,
        /// The length of each step.
        #[default(vec![0.1, 0.3, 1.0])]
        rates: Vec<f64>,
        /// The penalty of large weights.
        #[default(vec![0.0, 0.001, 0.01, 0.1])]
        penalties: Vec<f64>,
        /// The number of steps of each training.
        #[default(1000)]
        epochs: u32,
        ctx: &Context,
    ) -> Result<Trial, Failure> {
        let grid = rates.iter().flat_map(|&rate| penalties.iter().map(move |&penalty| (rate, penalty)));
        let grid: Vec<_> = grid.map(|(rate, penalty)| Parameters { rate, penalty, epochs }).collect();
        self.planned = grid.len();
        self.failed.clear();
        let untried = grid.iter().filter(|parameters| self.trials.iter().all(|t| t.parameters != **parameters));
        let running = untried.map(|&parameters| (parameters, ctx.task::<Self>().fit(parameters, self.folds))).collect();
        self.collect(running, ctx)?;
        let best = self.trials.iter().find(|trial| grid.contains(&trial.parameters)).cloned();
        let best = best.ok_or_else(|| Failure::new("no-trial", "no trial of this search gave a score"))?;
        self.model = Some(ctx.task::<Self>().train(best.parameters).wait()?);
        Ok(best)
    }

    /// The trials so far, the best first.
    pub fn leaderboard(
        &self,
        /// The number of trials.
        #[default(10)]
        top: usize,
    ) -> &[Trial] {
        &self.trials[..top.min(self.trials.len())]
    }

    /// The trials of the last search without a score, with the reasons.
    pub fn failed(&self) -> &[Failed] {
        &self.failed
    }

    /// The progress of the search.
    pub fn progress(&self) -> Progress {
        let accuracy = self.trials.first().map(|best| best.score.accuracy);
        Progress { planned: self.planned, tried: self.trials.len(), failed: self.failed.len(), accuracy }
    }

    /// The species of a flower, by the model of the best parameters.
    pub fn classify(
        &self,
        /// Sepal length, sepal width, petal length and petal width, in centimetres.
        measures: Measures,
    ) -> Result<Guess, Refusal> {
        let model = self.model.as_ref().ok_or(Refusal::Untrained)?;
        let (species, probability) = model::likeliest(&model.probabilities(&measures));
        Ok(Guess { species, probability })
    }

    /// The score of models of these parameters.
    #[task(retries = 2, backoff = "200ms")]
    pub fn fit(parameters: Parameters, #[default(5)] folds: usize) -> Result<Score, Refusal> {
        check_folds(folds)?;
        check(parameters)?;
        model::cross_validate(&flowers(), parameters, folds).ok_or(Refusal::RanAway { parameters })
    }

    /// A model that learned from all flowers.
    #[task(retries = 2, backoff = "200ms")]
    pub fn train(parameters: Parameters) -> Result<Model, Refusal> {
        check(parameters)?;
        Ok(Model::train(&flowers(), parameters))
    }

    /// Takes the scores as they come, and keeps each at once.
    fn collect(&mut self, mut running: Vec<(Parameters, Handle<Score>)>, ctx: &Context) -> Result<(), Failure> {
        ctx.save(self)?;
        while !running.is_empty() {
            let first = ctx.wait_any(running.iter().map(|(_, handle)| handle).collect::<Vec<_>>());
            let (parameters, handle) = running.remove(first);
            match handle.wait() {
                Ok(score) => self.rank(Trial { parameters, score }),
                Err(fault) => self.failed.push(Failed { parameters, reason: fault.message }),
            }
            ctx.save(self)?;
        }
        Ok(())
    }

    /// The rank of a trial does not depend on the order of completion.
    fn rank(&mut self, trial: Trial) {
        let order = |a: &Trial, b: &Trial| {
            let by_score = b.score.correct.cmp(&a.score.correct).then(a.score.loss.total_cmp(&b.score.loss));
            let (left, right) = (&a.parameters, &b.parameters);
            by_score
                .then(left.rate.total_cmp(&right.rate))
                .then(left.penalty.total_cmp(&right.penalty))
                .then(left.epochs.cmp(&right.epochs))
        };
        let place = self.trials.partition_point(|other| order(other, &trial).is_lt());
        self.trials.insert(place, trial);
    }
}

fn check(parameters: Parameters) -> Result<(), Refusal> {
    let Parameters { rate, penalty, epochs } = parameters;
    let fits = rate.is_finite() && rate > 0.0 && penalty.is_finite() && penalty >= 0.0 && epochs > 0;
    if fits { Ok(()) } else { Err(Refusal::Parameters { parameters }) }
}

fn check_folds(folds: usize) -> Result<(), Refusal> {
    if (2..=50).contains(&folds) { Ok(()) } else { Err(Refusal::Folds { folds }) }
}
