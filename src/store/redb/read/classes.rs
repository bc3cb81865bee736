//! Classes, their versions and components.

use crate::model::{ClassName, Hash};
use crate::store::{ClassVersion, RegisteredClass, VersionUsage};

use crate::store::redb::errors::{TxResult, damaged};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::{ClassRecord, UsageRecord, VersionRecord};
use crate::store::redb::schema::sealed;
use crate::store::redb::schema::tables::{TableSource, Tables};

pub fn class(tables: &Tables<impl TableSource>, name: &ClassName) -> TxResult<Option<RegisteredClass>> {
    let record: Option<ClassRecord> = tables.get(&RecordKey::class(name))?;
    Ok(record.and_then(|record| record.class(name.clone())))
}

pub fn classes(tables: &Tables<impl TableSource>) -> TxResult<Vec<RegisteredClass>> {
    let records = tables.records(RecordKey::classes())?;
    let class = |entry: TxResult<(RecordKey, ClassRecord)>| {
        let (key, record) = entry?;
        Ok(record.class(class_name(&key)?))
    };
    records.filter_map(|entry| class(entry).transpose()).collect()
}

pub fn class_name(key: &RecordKey) -> TxResult<ClassName> {
    key.class_name().map_or_else(|| damaged("a class has an invalid name"), Ok)
}

pub fn version(tables: &Tables<impl TableSource>, class: &ClassName, number: u32) -> TxResult<Option<ClassVersion>> {
    let key = RecordKey::version(class, number);
    if let Some(record) = tables.get::<VersionRecord>(&key)? {
        return Ok(Some(record.version(class, number)));
    }
    match tables.get(&RecordKey::class(class))? {
        Some(ClassRecord { current: Some(_), first, last }) if (first..=last).contains(&number) => {
            damaged(format!("{} is missing", key.describe()))
        }
        _ => Ok(None),
    }
}

pub fn version_usage(tables: &Tables<impl TableSource>, class: &ClassName) -> TxResult<Vec<VersionUsage>> {
    let usage = |entry: TxResult<(RecordKey, UsageRecord)>| {
        let (key, UsageRecord { actors, pending }) = entry?;
        let number = key.last_number().and_then(|number| u32::try_from(number).ok());
        number.map_or_else(
            || damaged(format!("{} is not readable", key.describe())),
            |version| Ok(VersionUsage { version, actors, pending }),
        )
    };
    tables.records(RecordKey::usage_of(class))?.map(usage).collect()
}

pub fn component(tables: &Tables<impl TableSource>, hash: &Hash) -> TxResult<Option<Vec<u8>>> {
    let key = RecordKey::component(hash);
    tables.get_bytes(&key, |bytes| sealed::checked(&key, bytes, hash))
}
