//! What an invocation asked for and was answered so far, read from the store page by page.

use std::collections::VecDeque;

use crate::engine::Engine;
use crate::model::{Error, HistoryEntry, Reference, Result, ResumePoint};

/// Entries that are asked for at once. The store gives fewer where they are large.
const PAGE: usize = 256;

pub(in crate::engine) struct History<'e> {
    engine: &'e Engine,
    /// None where there is no history.
    of: Option<Reference>,
    page: VecDeque<HistoryEntry>,
    /// The index of the first entry behind the page.
    next: u64,
    /// How many entries there are at most.
    end: u64,
    /// The state of the invocation that has as many entries, which must all be there.
    begun: Option<ResumePoint>,
}

impl<'e> History<'e> {
    /// Of an invocation that has committed nothing yet.
    pub fn none(engine: &'e Engine) -> History<'e> {
        History { engine, of: None, page: VecDeque::new(), next: 0, end: 0, begun: None }
    }

    /// Entries of an invocation up to an index, as many as there are.
    pub fn new(engine: &'e Engine, of: Reference, end: u64) -> History<'e> {
        History { of: Some(of), end, ..History::none(engine) }
    }

    /// From an index on, up to another one.
    pub fn between(engine: &'e Engine, of: Reference, from: u64, end: u64) -> History<'e> {
        History { next: from.min(end), ..History::new(engine, of, end) }
    }

    /// Of an invocation that has not ended.
    pub fn of_begun(engine: &'e Engine, of: Reference, begun: &ResumePoint) -> History<'e> {
        History { begun: Some(begun.clone()), ..History::new(engine, of, begun.history_len) }
    }

    /// How many entries are left, where all are there.
    pub fn left(&self) -> u64 {
        self.end - self.next + self.page.len() as u64
    }

    /// The next entry, in order.
    pub fn next(&mut self) -> Result<Option<HistoryEntry>> {
        if self.page.is_empty()
            && self.next < self.end
            && let Some(of) = &self.of
        {
            let limit = (self.end - self.next).min(PAGE as u64) as usize;
            self.page = self.engine.store.history(of, self.next, limit)?.into();
            if self.page.is_empty() {
                self.missing(of)?;
                self.end = self.next;
            }
            self.next += self.page.len() as u64;
        }
        Ok(self.page.pop_front())
    }

    /// Entries that must be there are not: another process may have ended the invocation since it was read.
    fn missing(&self, of: &Reference) -> Result<()> {
        let Some(begun) = &self.begun else { return Ok(()) };
        let now = self.engine.store.invocation(of)?;
        match now.is_some_and(|now| now.resume_point.as_ref() == Some(begun)) {
            true => {
                let what = format!("the record of {of} has {} entries, not {}", self.next, self.end);
                Err(Error::Damaged { what })
            }
            false => Err(Error::Stale { id: of.name.to_string() }),
        }
    }
}
