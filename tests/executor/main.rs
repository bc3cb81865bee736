//! The permits and the counts of the executor under shuttle, which runs the threads of a test in many
//! orders and finds deadlocks. The files of the library are compiled here with shuttle's locks and
//! threads in the place of those of std.

#![allow(dead_code, reason = "the files have more than these tests use")]

extern crate self as std;
extern crate std as real_std;

pub use real_std::{collections, mem, time};

pub mod sync {
    pub use real_std::sync::PoisonError;
    pub use shuttle::sync::*;
}

pub mod thread {
    pub use shuttle::thread::*;

    /// The number of permits if no worker sets it.
    pub fn available_parallelism() -> Option<core::num::NonZeroUsize> {
        core::num::NonZeroUsize::new(2)
    }
}

#[path = "."]
mod model {
    #[path = "../../src/model/sync.rs"]
    mod sync;

    pub use sync::{lock, wait, wait_timeout};

    pub type Name = real_std::string::String;

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct Reference {
        pub name: Name,
        pub number: u64,
    }
}

mod sandbox {
    use real_std::sync::Arc;
    use real_std::sync::atomic::{AtomicBool, Ordering};

    #[derive(Clone, Default)]
    pub struct StopSignal(Arc<AtomicBool>);

    impl StopSignal {
        pub fn child(&self) -> StopSignal {
            StopSignal::default()
        }

        pub fn stop(&self) {
            self.0.store(true, Ordering::SeqCst);
        }

        pub fn is_stopped(&self) -> bool {
            self.0.load(Ordering::SeqCst)
        }
    }
}

#[path = "."]
mod schedule {
    #[path = "../../src/engine/schedule/executor.rs"]
    pub mod executor;
    #[path = "../../src/engine/schedule/wanted.rs"]
    pub mod wanted;
}

use real_std::sync::atomic::{AtomicUsize, Ordering};

use model::Reference;
use sandbox::StopSignal;
use schedule::executor::{Executor, Role};
use shuttle::sync::Arc;
use shuttle::sync::mpsc::channel;

/// Orders of the threads that each test plays.
const ORDERS: usize = 1000;

fn reference(number: u64) -> Reference {
    Reference { name: "a".to_owned(), number }
}

fn with_permits(jobs: usize) -> Executor {
    let executor = Executor::default();
    executor.enter(Role::Worker { jobs });
    executor
}

fn play(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(test, ORDERS);
}

#[test]
fn guests_compute_with_at_most_jobs_permits() {
    play(|| {
        let (executor, computing) = (with_permits(2), Arc::new(AtomicUsize::new(0)));
        let guests: Vec<_> = (0..4)
            .map(|number| {
                let (executor, computing) = (executor.clone(), computing.clone());
                shuttle::thread::spawn(move || {
                    let compute = || {
                        assert!(computing.fetch_add(1, Ordering::SeqCst) < 2);
                        shuttle::thread::yield_now();
                        computing.fetch_sub(1, Ordering::SeqCst);
                    };
                    let permit = executor.permit();
                    compute();
                    drop(executor.yield_permit(Some(&permit), &reference(number)));
                    compute();
                })
            })
            .collect();
        guests.into_iter().for_each(|guest| guest.join().unwrap());
        let permits = [executor.try_permit(), executor.try_permit(), executor.try_permit()];
        assert_eq!(permits.map(|permit| permit.is_some()), [true, true, false]);
    });
}

#[test]
fn waiting_guest_leaves_its_permit_to_awaited_guest() {
    play(|| {
        let executor = with_permits(1);
        let (tell, told) = channel();
        let parent = executor.permit();
        let child = {
            let executor = executor.clone();
            shuttle::thread::spawn(move || {
                let _permit = executor.permit();
                tell.send(()).unwrap();
            })
        };
        let yielded = executor.yield_permit(Some(&parent), &reference(1)).unwrap();
        told.recv().unwrap();
        drop(yielded);
        assert!(executor.try_permit().is_none(), "the parent has the permit again");
        child.join().unwrap();
        drop(parent);
        assert!(executor.try_permit().is_some());
    });
}

#[test]
fn guests_that_wait_for_each_other_in_turn_never_hang() {
    play(|| {
        let executor = with_permits(1);
        let guests: Vec<_> = (0..3)
            .map(|number| {
                let executor = executor.clone();
                shuttle::thread::spawn(move || {
                    let permit = executor.permit();
                    for _ in 0..2 {
                        drop(executor.yield_permit(Some(&permit), &reference(number)));
                    }
                })
            })
            .collect();
        guests.into_iter().for_each(|guest| guest.join().unwrap());
        assert!(executor.state().waited_for.is_empty());
    });
}

#[test]
fn last_caller_waits_for_stopped_helpers() {
    play(|| {
        let (executor, running) = (Executor::default(), Arc::new(AtomicUsize::new(0)));
        executor.enter(Role::Caller);
        let waited_for = executor.wait_for(&reference(1));
        let started = executor.spawn_helper(|helper| {
            let (executor, running) = (executor.clone(), running.clone());
            shuttle::thread::spawn(move || {
                let mut helper = helper;
                running.fetch_add(1, Ordering::SeqCst);
                while let Some(stop) = executor.helpers_stop(&StopSignal::default()) {
                    let Some(_permit) = executor.try_permit() else { break };
                    helper.stop_searching();
                    while !stop.is_stopped() && executor.helpers_stop(&StopSignal::default()).is_some() {
                        shuttle::thread::yield_now();
                    }
                    helper.search_again();
                }
                running.fetch_sub(1, Ordering::SeqCst);
            });
            true
        });
        assert!(started);
        drop(waited_for);
        if let Some(stop) = executor.leave(Role::Caller) {
            stop.stop();
            executor.wait_for_helpers(None);
        }
        assert_eq!(running.load(Ordering::SeqCst), 0);
        assert!(executor.state().is_idle());
    });
}

#[test]
fn one_helper_searches_at_a_time() {
    play(|| {
        let (executor, searching) = (with_permits(3), Arc::new(AtomicUsize::new(0)));
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let (executor, searching) = (executor.clone(), searching.clone());
                shuttle::thread::spawn(move || {
                    executor.spawn_helper(|mut helper| {
                        assert_eq!(searching.fetch_add(1, Ordering::SeqCst), 0);
                        shuttle::thread::yield_now();
                        searching.fetch_sub(1, Ordering::SeqCst);
                        helper.end_search();
                        true
                    })
                })
            })
            .collect();
        assert!(callers.into_iter().all(|caller| caller.join().unwrap()));
    });
}

#[test]
fn helper_is_spawned_only_when_needed_and_possible() {
    play(|| {
        let executor = Executor::default();
        let spawned = |executor: &Executor| {
            let mut spawned = false;
            executor.spawn_helper(|_| {
                spawned = true;
                true
            });
            spawned
        };
        assert!(!spawned(&executor), "no caller");
        executor.enter(Role::Caller);
        assert!(!spawned(&executor), "no awaited invocation");
        let _waited_for = executor.wait_for(&reference(1));
        assert!(spawned(&executor));
        let permits = [executor.permit(), executor.permit()];
        assert!(!spawned(&executor), "no free permit");
        drop(permits);
        assert!(!executor.spawn_helper(|_| false), "no thread, and no other that will search");
        let _permit = executor.permit();
        assert!(executor.spawn_helper(|_| false), "the computing guest's thread searches later");
    });
}

#[test]
fn guests_in_memory_are_bounded() {
    play(|| {
        let executor = with_permits(1);
        let waits: Vec<_> = (0..100).map_while(|number| executor.yield_permit(None, &reference(number))).collect();
        assert_eq!(waits.len(), 64);
        assert_eq!(executor.state().waited_for.len(), 64);
        drop(waits);
        assert!(executor.state().waited_for.is_empty());
    });
}

#[test]
fn wanted_children_are_searched_until_no_invocation_is_awaited() {
    play(|| {
        let executor = Executor::default();
        executor.enter(Role::Caller);
        let waits = [executor.wait_for(&reference(1)), executor.wait_for(&reference(1))];
        executor.want(vec![reference(2), reference(3)]);
        assert_eq!(executor.state().wanted.len(), 1, "one name");
        let [first, second] = waits;
        drop(first);
        assert_eq!(executor.state().wanted.len(), 1);
        drop(second);
        assert_eq!(executor.state().wanted.len(), 0);
        executor.enter(Role::Worker { jobs: 1 });
        executor.want(vec![reference(2)]);
        assert_eq!(executor.state().wanted.len(), 0, "a worker finds them itself");
    });
}
