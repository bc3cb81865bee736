//! The examples that wait, their processes killed at random moments: what comes of them is what comes of them undisturbed.

use vactor::model::Name;

use super::mortals::{Mortals, goal};
use super::seed;
use crate::classes;
use fastrand::Rng;

const PROCESSES: usize = 4;

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn register(mortals: &Mortals, class: &str) {
    let component = classes::component(class);
    mortals.vactor.run(["register".as_ref(), class.as_ref(), component.as_os_str()]).ok();
}

/// One search, which four processes ask for with one key, again and again.
#[test]
fn a_study_whose_processes_die_finds_what_an_undisturbed_one_finds() {
    const SEARCH: &str = "call --key grid iris search epochs=100";
    let mut random = Rng::with_seed(seed());
    let calm = Mortals::default();
    let mortals = Mortals::default();
    for store in [&calm, &mortals] {
        register(store, "trainer");
        store.vactor.line("create trainer iris").ok();
    }
    let best = calm.vactor.line(SEARCH).ok();
    mortals.play(PROCESSES, goal(60), &mut random, |random| {
        let worker = random.u8(..2) == 0;
        let ended = mortals.run(words(SEARCH), "", Some(mortals.moment(random)), worker);
        assert!(ended.lines(&[0]).all(|line| line == best.trim_end()));
    });
    println!("{mortals}");
    let engine = mortals.settle();
    assert_eq!(mortals.vactor.line(SEARCH).ok(), best);
    for query in ["progress", "leaderboard 99", "failed"] {
        let asked = format!("get iris {query}");
        assert_eq!(mortals.vactor.line(&asked).ok(), calm.vactor.line(&asked).ok(), "{query}");
    }
    let fits = engine.invocations(&Name::from_stored("trainer/fit"), None, 100).unwrap();
    assert_eq!(fits.len(), 12, "each was started once");
}
