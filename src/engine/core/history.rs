//! The history of an invocation, read from the store page by page.

use std::collections::VecDeque;

use super::Core;
use crate::model::{Error, HistoryEntry, OperationResult, Reference, Result, ResumePoint};

/// Entries of one page. The store gives fewer where they are large.
const PAGE: usize = 256;

/// Entries of a history that are still to be read, in order. At most one page of them is in memory.
pub struct History<'c> {
    core: &'c Core,
    /// The invocation; None if there is no history.
    of: Option<Reference>,
    page: VecDeque<HistoryEntry>,
    /// The index of the first entry behind the page.
    next: u64,
    /// The index at which reading ends.
    end: u64,
    /// The resume point whose entries must all be there.
    expected: Option<ResumePoint>,
}

impl<'c> History<'c> {
    /// The history of an invocation that has committed nothing yet.
    pub fn none(core: &'c Core) -> History<'c> {
        History { core, of: None, page: VecDeque::new(), next: 0, end: 0, expected: None }
    }

    /// The entries of an invocation before the index `end`, as many as there are.
    pub fn new(core: &'c Core, of: Reference, end: u64) -> History<'c> {
        History { of: Some(of), end, ..History::none(core) }
    }

    /// The entries from one index to another.
    pub fn between(core: &'c Core, of: Reference, from: u64, end: u64) -> History<'c> {
        History { next: from.min(end), ..History::new(core, of, end) }
    }

    /// The whole history of a pending invocation, as its resume point counts it.
    pub fn up_to(core: &'c Core, of: Reference, resume_point: &ResumePoint) -> History<'c> {
        History { expected: Some(resume_point.clone()), ..History::new(core, of, resume_point.history_len) }
    }

    /// Entries that are left to read.
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
            self.page = self.core.store.history(of, self.next, limit)?.into();
            if self.page.is_empty() {
                self.missing(of)?;
                self.end = self.next;
            }
            self.next += self.page.len() as u64;
        }
        Ok(self.page.pop_front())
    }

    /// Expected entries are missing: the store is damaged, or another process ended the invocation in the meantime.
    fn missing(&self, of: &Reference) -> Result<()> {
        let Some(expected) = &self.expected else { return Ok(()) };
        let now = self.core.store.invocation(of)?;
        match now.is_some_and(|now| now.resume_point.as_ref() == Some(expected)) {
            true => {
                let what = format!("the history of {of} has {} entries, not {}", self.next, self.end);
                Err(Error::Damaged { what })
            }
            false => Err(Error::Stale { id: of.name.to_string() }),
        }
    }
}

impl Core {
    /// The children that the history entries from `from` on started, `entries` of them at most.
    pub fn children_of(&self, reference: &Reference, from: u64, entries: u64) -> Result<Vec<Reference>> {
        let mut history = History::between(self, reference.clone(), from, from.saturating_add(entries));
        let mut children = Vec::new();
        while let Some(entry) = history.next()? {
            if let OperationResult::Started(Ok(child)) = entry.result {
                children.push(child);
            }
        }
        Ok(children)
    }
}
