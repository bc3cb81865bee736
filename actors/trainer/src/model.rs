//! Softmax regression (multinomial logistic regression) by gradient descent, and its cross-validation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::iris::{Flower, Measures, SPECIES, Species};

/// How a model is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Parameters {
    /// The length of each step down the gradient.
    pub rate: f64,
    /// The penalty of large weights (L2).
    pub penalty: f64,
    /// The number of steps, each over all flowers.
    pub epochs: u32,
}

/// The quality of models of some parameters, on flowers that they have not seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    /// The part of all flowers whose species was found.
    pub accuracy: f64,
    /// The flowers whose species was found.
    pub correct: usize,
    /// The mean surprise at a flower's species, in nats (cross-entropy): the less, the surer.
    pub loss: f64,
}

/// A trained model. It scales measures to mean 0 and deviation 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    mean: Measures,
    deviation: Measures,
    weights: [Measures; SPECIES],
    bias: [f64; SPECIES],
}

impl Model {
    pub fn train(flowers: &[Flower], parameters: Parameters) -> Model {
        let (mean, deviation) = spread(flowers);
        let mut model = Model { mean, deviation, weights: Default::default(), bias: Default::default() };
        let inputs: Vec<Measures> = flowers.iter().map(|flower| model.scaled(&flower.measures)).collect();
        for _ in 0..parameters.epochs {
            model.step(&inputs, flowers, parameters);
        }
        model
    }

    /// How likely each species is.
    pub fn probabilities(&self, measures: &Measures) -> [f64; SPECIES] {
        self.softmax(&self.scaled(measures))
    }

    fn step(&mut self, inputs: &[Measures], flowers: &[Flower], parameters: Parameters) {
        let mut weights = [Measures::default(); SPECIES];
        let mut bias = [0.0; SPECIES];
        for (input, flower) in inputs.iter().zip(flowers) {
            let mut errors = self.softmax(input);
            errors[flower.species as usize] -= 1.0;
            for (species, error) in errors.iter().enumerate() {
                bias[species] += error;
                for (weight, measure) in weights[species].iter_mut().zip(input) {
                    *weight += error * measure;
                }
            }
        }
        let count = inputs.len() as f64;
        for species in 0..SPECIES {
            self.bias[species] -= parameters.rate * bias[species] / count;
            for (weight, gradient) in self.weights[species].iter_mut().zip(weights[species]) {
                *weight -= parameters.rate * (gradient / count + parameters.penalty * *weight);
            }
        }
    }

    fn scaled(&self, measures: &Measures) -> Measures {
        std::array::from_fn(|i| (measures[i] - self.mean[i]) / self.deviation[i])
    }

    fn softmax(&self, input: &Measures) -> [f64; SPECIES] {
        let sums: [f64; SPECIES] = std::array::from_fn(|species| {
            let products = self.weights[species].iter().zip(input).map(|(weight, measure)| weight * measure);
            self.bias[species] + products.sum::<f64>()
        });
        // The largest is taken off first, so that none overflows.
        let largest = sums.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let powers = sums.map(|sum| libm::exp(sum - largest));
        let total: f64 = powers.iter().sum();
        powers.map(|power| power / total)
    }
}

/// The species that is most likely, and how likely it is.
pub fn likeliest(probabilities: &[f64; SPECIES]) -> (Species, f64) {
    let all = Species::ALL.into_iter().zip(probabilities.iter().copied());
    all.reduce(|best, next| if next.1 > best.1 { next } else { best }).expect("there are species")
}

/// Trains on all folds but one and tries that one, for each. The folds have as many flowers of each species, as far as
/// that goes.
///
/// Gives nothing where the training ran away and there is no number any more.
pub fn cross_validate(flowers: &[Flower], parameters: Parameters, folds: usize) -> Option<Score> {
    let mut correct = 0;
    let mut loss = 0.0;
    let folded = in_folds(flowers, folds);
    for fold in 0..folds {
        let (tried, learned): (Vec<_>, Vec<_>) = folded.iter().partition(|(of, _)| *of == fold);
        let learned: Vec<Flower> = learned.into_iter().map(|(_, flower)| flower).collect();
        let model = Model::train(&learned, parameters);
        for (_, flower) in tried {
            let probabilities = model.probabilities(&flower.measures);
            correct += usize::from(likeliest(&probabilities).0 == flower.species);
            // At most so surprised: a species cannot be impossible.
            loss -= libm::log(probabilities[flower.species as usize].clamp(1e-15, 1.0));
        }
    }
    let count = flowers.len() as f64;
    let score = Score { accuracy: correct as f64 / count, correct, loss: loss / count };
    score.loss.is_finite().then_some(score)
}

/// Deals each species' flowers to the folds in turn.
fn in_folds(flowers: &[Flower], folds: usize) -> Vec<(usize, Flower)> {
    let mut dealt = [0; SPECIES];
    let fold = |flower: &Flower| {
        let next = &mut dealt[flower.species as usize];
        *next += 1;
        ((*next - 1) % folds, *flower)
    };
    flowers.iter().map(fold).collect()
}

fn spread(flowers: &[Flower]) -> (Measures, Measures) {
    let count = flowers.len() as f64;
    let mean: Measures = std::array::from_fn(|i| flowers.iter().map(|flower| flower.measures[i]).sum::<f64>() / count);
    let variance = |i: usize| {
        let squares = flowers.iter().map(|flower| (flower.measures[i] - mean[i]) * (flower.measures[i] - mean[i]));
        squares.sum::<f64>() / count
    };
    (mean, std::array::from_fn(|i| variance(i).sqrt()))
}
