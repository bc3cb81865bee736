//! The end of a write transaction.

use crate::store::redb::errors::TxResult;
use crate::store::redb::schema::key::RecordKey;

use super::writer::Writer;

impl Writer<'_> {
    /// Writes the changed records of names. Whether the transaction is to be committed.
    pub fn finish(&mut self) -> TxResult<bool> {
        self.update_ready_index()?;
        self.put_usage()?;
        for (name, touched) in &self.names {
            if touched.changed {
                self.changed = true;
                self.tables.put(&RecordKey::name_record(name), &touched.record)?;
            }
            if let Some(state) = &touched.state {
                self.tables.put_bytes(&RecordKey::state(name), state)?;
            }
        }
        Ok(self.changed)
    }
}
