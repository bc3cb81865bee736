//! The way of a batch: calls go to the threads that run them, answers come back in the order of the lines.
//!
//! Calls of one actor go to one thread as long as any of them is under way, so their order is kept; an actor that has none
//! goes to the thread with the least to do. What is under way is bounded: the reader waits for room, and so does a thread
//! while the answers pile up behind an older line than its next one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use vactor::Reference;

use crate::cli::output::Problem;

/// Lines under way, and bytes of them; give or take one read.
const LINES: usize = 1 << 15;
const BYTES: usize = 32 << 20;

/// Lines that a thread takes at once.
const TAKEN: usize = 1 << 12;

/// Bytes of answers that wait for an older line's; give or take a group of each thread.
const ANSWERS: usize = 32 << 20;

pub struct Flow {
    state: Mutex<FlowState>,
    /// For the reader: there is room.
    room: Condvar,
    /// For each thread: there are calls for it, or room for its answers, or it is over.
    work: Vec<Condvar>,
    /// For who prints: the next answer is there, or it is over.
    ready: Condvar,
}

struct FlowState {
    queues: Vec<VecDeque<QueuedCall>>,
    /// Lines under way of each thread.
    loads: Vec<usize>,
    /// The thread of each actor with calls under way, and how many they are.
    actors: HashMap<String, (usize, usize)>,
    /// The answers from the oldest line on that was not printed, and the number of that line; they count from 1.
    answers: VecDeque<Option<OutputLine>>,
    oldest: u64,
    line_bytes: usize,
    answer_bytes: usize,
    ended: Option<BatchEnd>,
    /// Threads that still run.
    threads: usize,
}

/// What a line is.
pub enum InputLine {
    Call(CallLine),
    /// None that can be made, and what is to be said of it.
    Bad(OutputLine),
}

/// A line that calls an actor. It stays text until it is run: as values it may be many times as large.
pub struct CallLine {
    pub actor: String,
    pub text: Vec<u8>,
}

/// A call on its way.
pub struct QueuedCall {
    pub text: Vec<u8>,
    pub ticket: LineTicket,
}

/// What its answer is brought back with.
pub struct LineTicket {
    pub line: u64,
    actor: String,
    bytes: usize,
}

/// What becomes of a line.
pub struct OutputLine {
    /// The line to print, with its end.
    pub text: String,
    /// What went wrong with it.
    pub problem: Option<Problem>,
    /// Whether it did not run because all ended before.
    pub dropped: bool,
    /// Whether it may have left something to run.
    pub leaves_work: bool,
    /// The call that was made or accepted.
    pub made: Option<Reference>,
}

/// Why no more lines are taken.
#[derive(Clone, Debug)]
pub enum BatchEnd {
    /// There are no more.
    Input,
    /// They cannot be read.
    Unreadable(Problem),
    Interrupted,
    /// The store cannot be used.
    StoreFailed(Problem),
    /// No more answers can be printed: what has not begun to run does not run.
    Unwritten,
}

impl OutputLine {
    /// Of a line that does not run, and of which nothing is told.
    pub fn unrun() -> OutputLine {
        OutputLine { text: String::new(), problem: None, dropped: true, leaves_work: false, made: None }
    }
}

impl Flow {
    pub fn new(threads: usize) -> Flow {
        let state = FlowState {
            queues: std::iter::repeat_with(VecDeque::new).take(threads).collect(),
            loads: vec![0; threads],
            actors: HashMap::new(),
            answers: VecDeque::new(),
            oldest: 1,
            line_bytes: 0,
            answer_bytes: 0,
            ended: None,
            threads,
        };
        let work = std::iter::repeat_with(Condvar::new).take(threads).collect();
        Flow { state: Mutex::new(state), room: Condvar::new(), work, ready: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, FlowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reader's: lines, once there is room. Whether more are wanted.
    pub fn push(&self, lines: Vec<InputLine>) -> bool {
        let is_full = |state: &mut FlowState| {
            state.ended.is_none() && (state.answers.len() >= LINES || state.line_bytes >= BYTES)
        };
        let mut state = self.room.wait_while(self.lock(), is_full).unwrap_or_else(PoisonError::into_inner);
        if state.ended.is_some() {
            return false;
        }
        // who has something to do already looks for more by itself
        let idle: Vec<usize> = (0..self.work.len()).filter(|thread| state.queues[*thread].is_empty()).collect();
        for input in lines {
            match input {
                InputLine::Call(line) => state.enter(line),
                InputLine::Bad(bad) => {
                    state.answer_bytes += bad.text.len();
                    state.answers.push_back(Some(bad));
                }
            }
        }
        if state.answers.front().is_some_and(Option::is_some) {
            self.ready.notify_one();
        }
        for thread in idle.into_iter().filter(|thread| !state.queues[*thread].is_empty()) {
            self.work[thread].notify_one();
        }
        true
    }

    /// No more lines are taken. What is worse than what was said before is what holds.
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

    /// Whether no more answers can be printed.
    pub fn is_unwritten(&self) -> bool {
        matches!(self.lock().ended, Some(BatchEnd::Unwritten))
    }

    /// A thread's: the calls that are there for it, once there are any. None when it is over.
    pub fn take(&self, thread: usize) -> VecDeque<QueuedCall> {
        let is_idle = |state: &mut FlowState| state.queues[thread].is_empty() && state.ended.is_none();
        let waited = self.work[thread].wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        taken(waited, thread)
    }

    /// A thread's: the calls that are there for it already.
    pub fn take_more(&self, thread: usize) -> VecDeque<QueuedCall> {
        taken(self.lock(), thread)
    }

    /// A thread's, before it runs calls of which this is the first line: waits until there is room for answers. The oldest
    /// line never waits.
    pub fn wait_for_room(&self, thread: usize, line: u64) {
        let piled =
            |state: &mut FlowState| state.answer_bytes >= ANSWERS && state.oldest != line && state.ended.is_none();
        drop(self.work[thread].wait_while(self.lock(), piled));
    }

    /// A thread's: what became of calls.
    pub fn answer(&self, thread: usize, answers: impl Iterator<Item = (LineTicket, OutputLine)>) {
        let mut state = self.lock();
        for (ticket, answer) in answers {
            state.leave(thread, ticket, answer);
        }
        if state.answers.front().is_some_and(Option::is_some) {
            self.ready.notify_one();
        }
        self.room.notify_one();
    }

    /// A thread's last word.
    pub fn leave(&self) {
        self.lock().threads -= 1;
        self.ready.notify_one();
    }

    /// The printer's: the next answers in order, once there are any. None when all are printed.
    pub fn next(&self) -> Option<Vec<OutputLine>> {
        let is_waiting =
            |state: &mut FlowState| state.threads > 0 && !state.answers.front().is_some_and(Option::is_some);
        let mut state = self.ready.wait_while(self.lock(), is_waiting).unwrap_or_else(PoisonError::into_inner);
        let mut next = Vec::new();
        while let Some(Some(answer)) = state.answers.front_mut().map(Option::take) {
            state.answers.pop_front();
            state.oldest += 1;
            state.answer_bytes -= answer.text.len();
            next.push(answer);
        }
        drop(state);
        self.room.notify_one();
        self.work.iter().for_each(Condvar::notify_one);
        (!next.is_empty()).then_some(next)
    }
}

/// Calls from a thread's queue, those of an actor together: it is read and written once for all of them.
fn taken(mut state: MutexGuard<'_, FlowState>, thread: usize) -> VecDeque<QueuedCall> {
    let queue = &mut state.queues[thread];
    let calls: Vec<QueuedCall> = queue.drain(..queue.len().min(TAKEN)).collect();
    drop(state);
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut order: Vec<(usize, usize)> = Vec::with_capacity(calls.len());
    for (n, call) in calls.iter().enumerate() {
        order.push((*places.entry(&call.ticket.actor).or_insert(n), n));
    }
    order.sort_unstable();
    let mut calls: Vec<Option<QueuedCall>> = calls.into_iter().map(Some).collect();
    order.into_iter().filter_map(|(_, n)| calls[n].take()).collect()
}

impl FlowState {
    /// Gives a call to its thread.
    fn enter(&mut self, CallLine { actor, text }: CallLine) {
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
        let line = self.oldest + self.answers.len() as u64;
        self.answers.push_back(None);
        let ticket = LineTicket { line, actor, bytes: text.len() };
        self.queues[thread].push_back(QueuedCall { text, ticket });
    }

    /// Answers what no thread has taken yet.
    fn drop_queued(&mut self) {
        for thread in 0..self.queues.len() {
            for call in std::mem::take(&mut self.queues[thread]) {
                self.leave(thread, call.ticket, OutputLine::unrun());
            }
        }
    }

    fn leave(&mut self, thread: usize, ticket: LineTicket, answer: OutputLine) {
        if let Some((_, lines)) = self.actors.get_mut(&ticket.actor) {
            *lines -= 1;
            if *lines == 0 {
                self.actors.remove(&ticket.actor);
            }
        }
        self.loads[thread] -= 1;
        self.line_bytes -= ticket.bytes;
        self.answer_bytes += answer.text.len();
        let place = (ticket.line - self.oldest) as usize;
        self.answers[place] = Some(answer);
    }
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
