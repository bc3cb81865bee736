//! The usage of class versions, counted as it changes.
//!
//! Steps are not counted: as long as an actor is on a version, its journal has steps of that
//! version.

use crate::model::{CallKind, ClassName};
use crate::store::redb::errors::TxResult;
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::UsageRecord;

use super::writer::{UsageChange, Writer};

impl Writer<'_> {
    /// An actor of the version was created (1) or removed (-1).
    pub(super) fn count_actor(&mut self, class: &ClassName, version: u32, by: i64) {
        self.usage_of(class, version).actors += by;
    }

    /// An invocation became pending (1) or ended (-1). A mutation runs on its actor's version,
    /// whichever that is then.
    pub(super) fn count_pending(&mut self, call: &CallKind, by: i64) {
        if let CallKind::Construct { class, version } | CallKind::Task { class, version } = call {
            self.usage_of(class, *version).pending += by;
        }
    }

    fn usage_of(&mut self, class: &ClassName, version: u32) -> &mut UsageChange {
        self.usage.entry((class.clone(), version)).or_default()
    }

    /// A count below zero is stored as zero: nothing depends on it.
    pub(super) fn put_usage(&mut self) -> TxResult<()> {
        for ((class, version), UsageChange { actors, pending }) in std::mem::take(&mut self.usage) {
            if (actors, pending) == (0, 0) {
                continue;
            }
            let key = RecordKey::usage(&class, version);
            let before: UsageRecord = self.tables.get(&key)?.unwrap_or_default();
            let usage = UsageRecord {
                actors: before.actors.saturating_add_signed(actors),
                pending: before.pending.saturating_add_signed(pending),
            };
            match usage == UsageRecord::default() {
                true => self.tables.delete(&key)?,
                false => self.tables.put(&key, &usage).map(drop)?,
            }
        }
        Ok(())
    }
}
