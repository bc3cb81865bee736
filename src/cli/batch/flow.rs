//! The queues of a batch: calls for the threads that run them, and output lines in the order of the
//! input lines.
//!
//! While calls of an actor are queued or run, further calls of it go to the same thread, so their
//! order is kept. Calls of another actor go to the thread with the fewest calls. All queues are
//! bounded: the reader waits for room, and a thread waits while too many output lines wait for a
//! line that is older than its next one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use vactor::Reference;

use crate::cli::output::Problem;

/// Bounds of the queued lines, in lines and bytes. One read may exceed them.
const LINES: usize = 1 << 15;
const BYTES: usize = 32 << 20;

/// The most lines that a thread takes at once.
const TAKEN: usize = 1 << 12;

/// Bound of the output lines, in bytes. One group of each thread may exceed it.
const OUTPUT_BYTES: usize = 32 << 20;

pub struct Flow {
    state: Mutex<FlowState>,
    /// Wakes the reader: there is room.
    room: Condvar,
    /// Wakes each thread: there are calls for it, or room for its output lines, or the batch ends.
    work: Vec<Condvar>,
    /// Wakes the printer: the next output line is there, or the batch ends.
    ready: Condvar,
}

struct FlowState {
    queues: Vec<VecDeque<QueuedCall>>,
    /// The queued and running calls of each thread.
    loads: Vec<usize>,
    /// For each actor with queued or running calls, its thread and their count.
    actors: HashMap<String, (usize, usize)>,
    /// The output lines from the oldest that was not printed, and the number of that line, from 1.
    outputs: VecDeque<Option<OutputLine>>,
    oldest: u64,
    line_bytes: usize,
    output_bytes: usize,
    ended: Option<BatchEnd>,
    /// How many threads have not left.
    threads: usize,
}

/// An input line.
pub enum InputLine {
    Call(CallLine),
    /// A line that is not a call, and its output line.
    Bad(OutputLine),
}

/// A line that calls an actor. It stays text until it runs, because parsed values may be many times
/// as large.
pub struct CallLine {
    pub actor: String,
    pub text: Vec<u8>,
}

/// A call in the queue of a thread.
pub struct QueuedCall {
    pub text: Vec<u8>,
    pub ticket: LineTicket,
}

/// The data that puts the output line of a call in its place.
pub struct LineTicket {
    pub line: u64,
    actor: String,
    bytes: usize,
}

/// The result of an input line.
pub struct OutputLine {
    /// The line to print, with its end.
    pub text: String,
    /// The error of the call.
    pub problem: Option<Problem>,
    /// Whether it did not run because the batch ended.
    pub dropped: bool,
    /// Whether it may have left calls that can run.
    pub leaves_work: bool,
    /// The call that ended or was accepted.
    pub reference: Option<Reference>,
}

/// Why no more lines are taken.
#[derive(Clone, Debug)]
pub enum BatchEnd {
    /// The input has ended.
    Input,
    /// The input cannot be read.
    Unreadable(Problem),
    Interrupted,
    /// The store cannot be used.
    StoreFailed(Problem),
    /// No more output can be written. Queued calls do not run.
    Unwritten,
}

impl OutputLine {
    /// The output of a call that does not run and is not reported.
    pub fn dropped() -> OutputLine {
        OutputLine { text: String::new(), problem: None, dropped: true, leaves_work: false, reference: None }
    }
}

impl Flow {
    pub fn new(threads: usize) -> Flow {
        let state = FlowState {
            queues: std::iter::repeat_with(VecDeque::new).take(threads).collect(),
            loads: vec![0; threads],
            actors: HashMap::new(),
            outputs: VecDeque::new(),
            oldest: 1,
            line_bytes: 0,
            output_bytes: 0,
            ended: None,
            threads,
        };
        let work = std::iter::repeat_with(Condvar::new).take(threads).collect();
        Flow { state: Mutex::new(state), room: Condvar::new(), work, ready: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, FlowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the reader: waits for room and queues lines. Returns whether the batch goes on.
    pub fn push(&self, lines: Vec<InputLine>) -> bool {
        let is_full = |state: &mut FlowState| {
            state.ended.is_none() && (state.outputs.len() >= LINES || state.line_bytes >= BYTES)
        };
        let mut state = self.room.wait_while(self.lock(), is_full).unwrap_or_else(PoisonError::into_inner);
        if state.ended.is_some() {
            return false;
        }
        // a busy thread looks for more calls by itself
        let idle: Vec<usize> = (0..self.work.len()).filter(|thread| state.queues[*thread].is_empty()).collect();
        for input in lines {
            match input {
                InputLine::Call(line) => state.enqueue(line),
                InputLine::Bad(bad) => {
                    state.output_bytes += bad.text.len();
                    state.outputs.push_back(Some(bad));
                }
            }
        }
        if state.outputs.front().is_some_and(Option::is_some) {
            self.ready.notify_one();
        }
        for thread in idle.into_iter().filter(|thread| !state.queues[*thread].is_empty()) {
            self.work[thread].notify_one();
        }
        true
    }

    /// Ends the input. The worst of several ends counts.
    pub fn end(&self, ended: BatchEnd) {
        let mut state = self.lock();
        match ended {
            BatchEnd::Unwritten => {
                state.ended = Some(ended);
                state.drop_queued();
                self.ready.notify_one();
            }
            _ if matches!(state.ended, None | Some(BatchEnd::Input)) => state.ended = Some(ended),
            _ => {}
        }
        self.room.notify_all();
        self.work.iter().for_each(Condvar::notify_all);
    }

    pub fn ended(&self) -> Option<BatchEnd> {
        self.lock().ended.clone()
    }

    /// Whether no more output can be written.
    pub fn is_unwritten(&self) -> bool {
        matches!(self.lock().ended, Some(BatchEnd::Unwritten))
    }

    /// For a thread: waits for calls in its queue and takes them. Without any, the batch has ended.
    pub fn take(&self, thread: usize) -> VecDeque<QueuedCall> {
        let is_idle = |state: &mut FlowState| state.queues[thread].is_empty() && state.ended.is_none();
        let waited = self.work[thread].wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        taken(waited, thread)
    }

    /// For a thread: takes the calls in its queue.
    pub fn take_more(&self, thread: usize) -> VecDeque<QueuedCall> {
        taken(self.lock(), thread)
    }

    /// For a thread, before it runs calls whose first line this is: waits for room for output. The
    /// oldest line never waits.
    pub fn wait_for_room(&self, thread: usize, line: u64) {
        let is_full =
            |state: &mut FlowState| state.output_bytes >= OUTPUT_BYTES && state.oldest != line && state.ended.is_none();
        drop(self.work[thread].wait_while(self.lock(), is_full));
    }

    /// For a thread: adds the output of calls.
    pub fn add_outputs(&self, thread: usize, outputs: impl Iterator<Item = (LineTicket, OutputLine)>) {
        let mut state = self.lock();
        for (ticket, output) in outputs {
            state.finish(thread, ticket, output);
        }
        if state.outputs.front().is_some_and(Option::is_some) {
            self.ready.notify_one();
        }
        self.room.notify_one();
    }

    /// For a thread, when it ends.
    pub fn leave(&self) {
        self.lock().threads -= 1;
        self.ready.notify_one();
    }

    /// For the printer: waits for the next output lines and returns them in order. None if all are
    /// printed.
    pub fn next(&self) -> Option<Vec<OutputLine>> {
        let is_waiting =
            |state: &mut FlowState| state.threads > 0 && !state.outputs.front().is_some_and(Option::is_some);
        let mut state = self.ready.wait_while(self.lock(), is_waiting).unwrap_or_else(PoisonError::into_inner);
        let mut next = Vec::new();
        while let Some(Some(output)) = state.outputs.front_mut().map(Option::take) {
            state.outputs.pop_front();
            state.oldest += 1;
            state.output_bytes -= output.text.len();
            next.push(output);
        }
        drop(state);
        self.room.notify_one();
        self.work.iter().for_each(Condvar::notify_one);
        (!next.is_empty()).then_some(next)
    }
}

/// Calls from a thread's queue. Those of an actor are together, so that its state is read and
/// written once.
fn taken(mut state: MutexGuard<'_, FlowState>, thread: usize) -> VecDeque<QueuedCall> {
    let queue = &mut state.queues[thread];
    let calls: Vec<QueuedCall> = queue.drain(..queue.len().min(TAKEN)).collect();
    drop(state);
    let mut firsts: HashMap<&str, usize> = HashMap::new();
    let mut order: Vec<(usize, usize)> = Vec::with_capacity(calls.len());
    for (n, call) in calls.iter().enumerate() {
        order.push((*firsts.entry(&call.ticket.actor).or_insert(n), n));
    }
    order.sort_unstable();
    let mut calls: Vec<Option<QueuedCall>> = calls.into_iter().map(Some).collect();
    order.into_iter().filter_map(|(_, n)| calls[n].take()).collect()
}

impl FlowState {
    /// Queues a call for its thread.
    fn enqueue(&mut self, CallLine { actor, text }: CallLine) {
        let idlest = || (0..self.loads.len()).min_by_key(|thread| self.loads[*thread]).unwrap_or_default();
        let thread = match self.actors.get_mut(&actor) {
            Some((thread, lines)) => {
                *lines += 1;
                *thread
            }
            None => {
                let thread = idlest();
                self.actors.insert(actor.clone(), (thread, 1));
                thread
            }
        };
        self.loads[thread] += 1;
        self.line_bytes += text.len();
        let line = self.oldest + self.outputs.len() as u64;
        self.outputs.push_back(None);
        let ticket = LineTicket { line, actor, bytes: text.len() };
        self.queues[thread].push_back(QueuedCall { text, ticket });
    }

    /// Drops the calls that no thread has taken.
    fn drop_queued(&mut self) {
        for thread in 0..self.queues.len() {
            for call in std::mem::take(&mut self.queues[thread]) {
                self.finish(thread, call.ticket, OutputLine::dropped());
            }
        }
    }

    fn finish(&mut self, thread: usize, ticket: LineTicket, output: OutputLine) {
        if let Some((_, lines)) = self.actors.get_mut(&ticket.actor) {
            *lines -= 1;
            if *lines == 0 {
                self.actors.remove(&ticket.actor);
            }
        }
        self.loads[thread] -= 1;
        self.line_bytes -= ticket.bytes;
        self.output_bytes += output.text.len();
        let index = (ticket.line - self.oldest) as usize;
        self.outputs[index] = Some(output);
    }
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
