use serde_json::json;
use vactor_sdk::testing::{Reply, Target};
use vactor_sdk::{Context, Fault, Origin};

use super::*;
use crate::iris::{MEASURES, SPECIES};

fn close(a: f64, b: f64, within: f64) -> bool {
    (a - b).abs() < within
}

fn trainer() -> Trainer {
    Trainer::new(5).expect("five folds are fine")
}

fn best_of(trainer: &mut Trainer, ctx: &Context) -> Trial {
    trainer.search(vec![0.1, 0.3, 1.0], vec![0.0, 0.001, 0.01, 0.1], 1000, ctx).expect("a search gives the best")
}

/// Fisher's table by its published means and counts.
#[test]
fn flowers_are_those_of_fishers_table() {
    let flowers = flowers();
    assert_eq!(flowers.len(), 150);
    for species in Species::ALL {
        assert_eq!(flowers.iter().filter(|flower| flower.species == species).count(), 50);
    }
    let sums: [f64; MEASURES] = std::array::from_fn(|i| flowers.iter().map(|flower| flower.measures[i]).sum());
    for (sum, mean) in sums.iter().zip([5.8433, 3.0573, 3.7580, 1.1993]) {
        assert!(close(sum / 150.0, mean, 5e-5), "{sums:?}");
    }
    assert_eq!(flowers[34].measures, [4.9, 3.1, 1.5, 0.2]);
    assert_eq!(flowers[37].measures, [4.9, 3.6, 1.4, 0.1]);
}

/// The right column was computed with scikit-learn's `LogisticRegression` (lbfgs, C = 1/(n·penalty)) on the same
/// folds: descent that is long enough arrives at the same models.
#[test]
fn scores_equal_those_of_scikit_learn() {
    for (penalty, correct, loss) in [(0.001, 144, 0.087_667_9), (0.01, 143, 0.170_423_4)] {
        let score = Trainer::fit(Parameters { rate: 1.0, penalty, epochs: 5000 }, 5).expect("it can be trained");
        assert_eq!(score.correct, correct);
        assert!(close(score.loss, loss, 1e-5), "{score:?}");
        assert_eq!(score.accuracy, correct as f64 / 150.0);
    }
}

/// Computed with numpy, from the same start in as many steps.
#[test]
fn short_descent_equals_that_of_numpy() {
    let score =
        |folds| Trainer::fit(Parameters { rate: 1.0, penalty: 0.001, epochs: 1000 }, folds).expect("it can be trained");
    let computed = [(2, 146, 0.079_691_811_917_607), (5, 144, 0.090_092_429_873_706), (10, 146, 0.081_783_172_349_239)];
    for (folds, correct, loss) in computed {
        assert_eq!(score(folds).correct, correct, "{folds} folds");
        assert!(close(score(folds).loss, loss, 1e-12), "{folds} folds: {:?}", score(folds));
    }
}

#[test]
fn search_ranks_the_grid_and_trains_the_best() {
    let ctx = Context::for_test();
    let mut trainer = trainer();
    let best = best_of(&mut trainer, &ctx);
    assert_eq!(best.parameters, Parameters { rate: 1.0, penalty: 0.0, epochs: 1000 });
    assert_eq!((best.score.correct, best.score.accuracy), (144, 0.96));
    let board = trainer.leaderboard(100);
    assert_eq!((board.len(), &board[0]), (12, &best));
    assert!(board.windows(2).all(|pair| pair[0].score.correct >= pair[1].score.correct));
    assert_eq!(trainer.leaderboard(3), &board[..3]);
    let progress = Progress { planned: 12, tried: 12, failed: 0, accuracy: Some(best.score.accuracy) };
    assert_eq!(trainer.progress(), progress);

    let guess = trainer.classify([5.9, 3.0, 5.1, 1.8]).expect("it has learned");
    assert_eq!(guess.species, Species::Virginica);
    let right = flowers().iter().filter(|f| trainer.classify(f.measures).is_ok_and(|g| g.species == f.species)).count();
    assert!(right >= best.score.correct, "{right}: it has seen all of them");
    let probabilities = trainer.model.as_ref().expect("it has learned").probabilities(&[5.0; MEASURES]);
    assert!(close(probabilities.iter().sum(), 1.0, 1e-12) && probabilities.len() == SPECIES);
}

/// For any order of completion and any earlier trials.
#[test]
fn ranking_is_independent_of_the_order_of_completion() {
    let slowed = |slow: fn(f64) -> u64| {
        let ctx = Context::for_test();
        ctx.on_start(move |call| {
            let parameters: Parameters = serde_json::from_value(call.arguments["parameters"].clone()).ok()?;
            let seconds = std::time::Duration::from_secs(slow(parameters.penalty));
            (call.method == "fit").then(|| Reply::result(Trainer::fit(parameters, 5).ok()).after(seconds))
        });
        let mut trainer = trainer();
        trainer.search(vec![1.0, 0.1], vec![0.1, 0.0, 0.01], 50, &ctx).expect("a search gives the best");
        (trainer.trials, ctx.saves::<Trainer>())
    };
    let (forwards, seen) = slowed(|penalty| (penalty * 1000.0) as u64);
    let (backwards, _) = slowed(|penalty| 1000 - (penalty * 1000.0) as u64);
    assert_eq!(forwards, backwards);
    let tried: Vec<_> = seen.iter().map(|trainer| trainer.progress().tried).collect();
    assert_eq!(tried, [0, 1, 2, 3, 4, 5, 6], "queries see it grow");
    assert!(seen.iter().all(|trainer| trainer.progress().planned == 6));
    assert_eq!(seen[1].trials[0].parameters.penalty, 0.0, "the quick one came first");
}

#[test]
fn earlier_trial_is_not_repeated() {
    let mut trainer = trainer();
    let rates = vec![1.0, 0.1];
    trainer.search(rates.clone(), vec![0.01], 50, &Context::for_test()).expect("a search gives the best");
    let before = trainer.leaderboard(1).to_vec();
    let ctx = Context::for_test();
    let best = trainer.search(rates, vec![0.01, 0.1], 50, &ctx).expect("a search gives the best");
    assert_eq!(before, [best]);
    let penalties: Vec<_> = ctx.calls().iter().map(|call| call.arguments["parameters"]["penalty"].clone()).collect();
    assert_eq!(penalties, [json!(0.1), json!(0.1), json!(0.01)], "two trials, and the training of the best");
    assert!(ctx.calls().iter().all(|call| call.target == Target::Task { class: "trainer".into() }));
}

#[test]
fn failed_trial_does_not_end_the_search() {
    let ctx = Context::for_test();
    ctx.on_start(|call| {
        let lost = call.method == "fit" && call.arguments["parameters"]["penalty"] == json!(0.1);
        lost.then(|| Reply::fault(Fault::new(Origin::Host, "cancelled", "it was cancelled")))
    });
    let mut trainer = trainer();
    let best = trainer.search(vec![0.5, -1.0], vec![0.0, 0.1], 20, &ctx).expect("one trial is left");
    assert_eq!((best.parameters.rate, best.parameters.penalty), (0.5, 0.0));
    let reasons: Vec<_> = trainer.failed().iter().map(|failed| failed.reason.as_str()).collect();
    let refused = "a rate is over 0, a penalty is not below it, and there is at least one epoch";
    assert_eq!(reasons, ["it was cancelled", refused, "it was cancelled"]);
    let nothing = trainer.search(vec![0.0], vec![0.0], 20, &ctx).expect_err("no trial is left");
    assert_eq!(nothing.kind, "no-trial");
}

#[test]
fn invalid_parameters_are_refused() {
    assert_eq!(Trainer::new(1).expect_err("one fold is none"), Refusal::Folds { folds: 1 });
    assert_eq!(trainer().classify([1.0; MEASURES]), Err(Refusal::Untrained));
    let wild = Parameters { rate: 1e200, penalty: 1.0, epochs: 50 };
    assert_eq!(Trainer::fit(wild, 5), Err(Refusal::RanAway { parameters: wild }));
    let still = Parameters { rate: 1.0, penalty: 0.0, epochs: 0 };
    assert_eq!(Trainer::train(still), Err(Refusal::Parameters { parameters: still }));
}
