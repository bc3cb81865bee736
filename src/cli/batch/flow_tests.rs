use super::*;

fn call(actor: &str) -> InputLine {
    sized(actor, 10)
}

fn sized(actor: &str, bytes: usize) -> InputLine {
    InputLine::Call(CallLine { actor: actor.to_owned(), text: vec![0; bytes] })
}

fn answer(text: impl Into<String>) -> OutputLine {
    OutputLine { text: text.into(), problem: None, dropped: false, leaves_work: false, reference: None }
}

fn ids(calls: &VecDeque<QueuedCall>) -> Vec<&str> {
    calls.iter().map(|call| call.ticket.actor.as_str()).collect()
}

fn done(flow: &Flow, thread: usize, calls: VecDeque<QueuedCall>) {
    flow.add_outputs(
        thread,
        calls
            .into_iter()
            .map(|call| (answer(&call.ticket.actor), call.ticket))
            .map(|(answer, ticket)| (ticket, answer)),
    );
}

fn printed(flow: &Flow) -> Vec<String> {
    flow.next().unwrap_or_default().into_iter().map(|answer| answer.text).collect()
}

#[test]
fn actor_stays_with_its_thread_and_outputs_come_in_order() {
    let flow = Flow::new(2);
    assert!(flow.push(vec![call("a"), call("b"), InputLine::Bad(answer("bad")), call("a"), call("c")]));
    let (first, second) = (flow.take(0), flow.take(1));
    assert_eq!((ids(&first), ids(&second)), (vec!["a", "a"], vec!["b", "c"]));
    done(&flow, 1, second);
    // `b` has no calls, so it goes to the thread with the fewest
    flow.push(vec![call("b"), call("a")]);
    done(&flow, 0, first);
    assert_eq!(printed(&flow), ["a", "b", "bad", "a", "c"]);
    assert_eq!((ids(&flow.take_more(0)), ids(&flow.take_more(1))), (vec!["a"], vec!["b"]));
}

#[test]
fn thread_takes_the_calls_of_an_actor_together() {
    let flow = Flow::new(1);
    flow.push(["a", "b", "a", "c", "b", "a"].map(call).into());
    let calls = flow.take(0);
    let lines: Vec<u64> = calls.iter().map(|call| call.ticket.line).collect();
    assert_eq!((ids(&calls), lines), (vec!["a", "a", "a", "b", "b", "c"], vec![1, 3, 6, 2, 5, 4]));
    done(&flow, 0, calls);
    assert_eq!(printed(&flow), ["a", "b", "a", "c", "b", "a"]);
}

#[test]
fn reader_waits_for_room() {
    let flow = Flow::new(1);
    flow.push(vec![sized("a", BYTES)]);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| tell.send(flow.push(vec![call("b")])));
        // its wait is not visible, but its lines are not there before there is room
        let first = flow.take(0);
        assert_eq!(ids(&first), ["a"]);
        assert!(told.try_recv().is_err() && flow.take_more(0).is_empty());
        done(&flow, 0, first);
        assert!(told.recv().unwrap());
    });
    assert_eq!(ids(&flow.take(0)), ["b"]);
}

#[test]
fn thread_waits_while_outputs_wait_for_an_older_line() {
    let flow = Flow::new(2);
    flow.push(vec![call("slow"), call("fast"), call("fast")]);
    let (slow, mut fast) = (flow.take(0), flow.take(1));
    let first = fast.pop_front().unwrap();
    flow.add_outputs(1, [(first.ticket, answer("x".repeat(OUTPUT_BYTES)))].into_iter());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            flow.wait_for_room(1, 3);
            tell.send(())
        });
        // the oldest line never waits
        flow.wait_for_room(0, 1);
        assert!(told.try_recv().is_err());
        done(&flow, 0, slow);
        assert_eq!(flow.next().unwrap().len(), 2);
        told.recv().unwrap();
    });
}

#[test]
fn batch_ends_when_all_threads_have_left() {
    let flow = Flow::new(1);
    flow.push(vec![call("a")]);
    flow.end(BatchEnd::Input);
    assert!(!flow.push(vec![call("b")]));
    // queued calls still run
    let calls = flow.take(0);
    assert_eq!(ids(&calls), ["a"]);
    done(&flow, 0, calls);
    assert!(flow.take(0).is_empty());
    flow.leave();
    assert_eq!((printed(&flow), flow.next().is_none()), (vec!["a".to_owned()], true));
    flow.end(BatchEnd::Interrupted);
    flow.end(BatchEnd::Input);
    assert!(matches!(flow.ended(), Some(BatchEnd::Interrupted)));
}

#[test]
fn failed_output_drops_what_no_thread_has_taken() {
    let flow = Flow::new(2);
    flow.push(vec![call("a"), call("b")]);
    let taken = flow.take(0);
    flow.push(vec![call("b"), call("a")]);
    flow.end(BatchEnd::Unwritten);
    // a later end is less important
    flow.end(BatchEnd::Interrupted);
    assert!(flow.is_unwritten() && !flow.push(vec![call("c")]));
    assert!(flow.take(0).is_empty() && flow.take(1).is_empty());
    done(&flow, 0, taken);
    flow.leave();
    flow.leave();
    assert_eq!(
        (printed(&flow), flow.next().is_none()),
        (vec!["a".to_owned(), String::new(), String::new(), String::new()], true)
    );
}
