//! The examples that wait, in processes that are killed at random moments: the results are those of
//! undisturbed runs.

use vactor::model::Name;

use super::killed::{KilledProcesses, goal};
use super::seed;
use crate::classes;
use fastrand::Rng;

const PROCESSES: usize = 4;

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn register(processes: &KilledProcesses, class: &str) {
    let component = classes::component(class);
    processes.vactor.run(["register".as_ref(), class.as_ref(), component.as_os_str()]).ok();
}

/// One search that four processes request repeatedly with one key.
#[test]
fn killed_training_finds_result_of_undisturbed_training() {
    const SEARCH: &str = "call --key grid iris search epochs=100";
    let mut random = Rng::with_seed(seed());
    let calm = KilledProcesses::default();
    let processes = KilledProcesses::default();
    for store in [&calm, &processes] {
        register(store, "trainer");
        store.vactor.line("create trainer iris").ok();
    }
    let best = calm.vactor.line(SEARCH).ok();
    processes.play(PROCESSES, goal(60), &mut random, |random| {
        let worker = random.u8(..2) == 0;
        let ended = processes.run(words(SEARCH), "", Some(processes.moment(random)), worker);
        assert!(ended.lines(&[0]).all(|line| line == best.trim_end()));
    });
    println!("{processes}");
    let engine = processes.settle();
    assert_eq!(processes.vactor.line(SEARCH).ok(), best);
    for query in ["progress", "leaderboard 99", "failed"] {
        let asked = format!("get iris {query}");
        assert_eq!(processes.vactor.line(&asked).ok(), calm.vactor.line(&asked).ok(), "{query}");
    }
    let fits = engine.invocations(&Name::new_unchecked("trainer/fit"), None, 100).unwrap();
    assert_eq!(fits.len(), 12, "each was started once");
}
