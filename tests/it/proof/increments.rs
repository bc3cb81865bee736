//! Updates of concurrent commands are never lost (docs/concepts.md).

use crate::support::Vactor;

#[test]
fn concurrent_processes_lose_no_increment() {
    let vactor = Vactor::new();
    vactor.write("counter.wasm", include_bytes!("../../contracts/counter-0.1.0.wasm"));
    vactor.line("register counter counter.wasm").ok();
    vactor.line("create counter c 0").ok();
    let increment = || vactor.line("call c incr").ok().trim().parse::<u64>().unwrap();
    let mut results: Vec<u64> = std::thread::scope(|scope| {
        let processes: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..100).map(|_| increment()).collect::<Vec<_>>())).collect();
        processes.into_iter().flat_map(|process| process.join().unwrap()).collect()
    });
    results.sort_unstable();
    assert_eq!(results, (1..=400).collect::<Vec<_>>());
    assert_eq!(vactor.line("get c value").ok(), "400\n");
}
