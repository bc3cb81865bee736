//! How much is on each class version, counted as it changes.
//!
//! Steps are not counted: as long as an actor is on a version, its journal has steps of that version.

use crate::model::{CallKind, ClassName};
use crate::store::redb::errors::TxResult;
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::record::CountsRecord;

use super::Writer;

/// What a transaction changes in the counts of a class version.
#[derive(Default)]
pub struct UsageChange {
    actors: i64,
    pending: i64,
}

impl Writer<'_> {
    /// An actor of the version was made (1) or removed (-1).
    pub fn count_actor(&mut self, class: &ClassName, version: u32, by: i64) {
        self.change_of(class, version).actors += by;
    }

    /// A pending invocation was enqueued (1) or dequeued (-1). A mutation runs on its actor's version, whichever that is then.
    pub fn count_pending(&mut self, call: &CallKind, by: i64) {
        if let CallKind::Construct { class, version } | CallKind::Task { class, version } = call {
            self.change_of(class, *version).pending += by;
        }
    }

    fn change_of(&mut self, class: &ClassName, version: u32) -> &mut UsageChange {
        self.counts.entry((class.clone(), version)).or_default()
    }

    /// A count that would fall below zero stays there: it decides nothing.
    pub fn put_counts(&mut self) -> TxResult<()> {
        for ((class, version), UsageChange { actors, pending }) in std::mem::take(&mut self.counts) {
            if (actors, pending) == (0, 0) {
                continue;
            }
            let key = RecordKey::counts(&class, version);
            let before: CountsRecord = self.tables.get(&key)?.unwrap_or_default();
            let counts = CountsRecord {
                actors: before.actors.saturating_add_signed(actors),
                pending: before.pending.saturating_add_signed(pending),
            };
            match counts == CountsRecord::default() {
                true => self.tables.delete(&key)?,
                false => self.tables.put(&key, &counts).map(drop)?,
            }
        }
        Ok(())
    }
}
