//! The limits of runs and of compiling.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::value::StrDeserializer;
use serde::{Deserialize, Serialize};

/// The limits of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most processor time of the guest between two waits.
    pub time: Duration,
    /// The most memory of the guest, in bytes: memories, tables, and the host's data for its
    /// handles.
    pub memory: u64,
    /// The longest saved state, in bytes.
    pub state: u64,
    /// The longest arguments, in bytes of JSON.
    pub arguments: u64,
    /// The longest result, in bytes of JSON.
    pub result: u64,
    /// The longest log of a step, in bytes. A longer log is truncated.
    pub log: u64,
    /// The most pending invocations of an actor, and the most events that no method has taken.
    pub inbox: u64,
    /// The most starts and sends of one invocation.
    pub children: u64,
    /// The most operations of one invocation.
    pub operations: u64,
    /// The longest chain of invocations that wait for one another.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        const MIB: u64 = 1 << 20;
        Limits {
            time: Duration::from_secs(30),
            memory: 256 * MIB,
            state: 64 * MIB,
            arguments: 8 * MIB,
            result: 8 * MIB,
            log: MIB / 4,
            inbox: 100_000,
            children: 10_000,
            operations: 100_000,
            depth: 64,
        }
    }
}

/// A limit that a caller named is over its ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is over the ceiling of the {limit}: {} at most", limit.shown(*value), limit.shown(limit.ceiling()))]
pub struct OverCeiling {
    /// The limit.
    pub limit: Limit,
    /// The value that the caller named, in the limit's unit.
    pub value: u64,
}

impl Limits {
    /// One limit in its unit: microseconds, bytes, or a number.
    fn value(&self, limit: Limit) -> u64 {
        match limit {
            Limit::Time => u64::try_from(self.time.as_micros()).unwrap_or(u64::MAX),
            Limit::Memory => self.memory,
            Limit::State => self.state,
            Limit::Arguments => self.arguments,
            Limit::Result => self.result,
            Limit::Log => self.log,
            Limit::Children => self.children,
            Limit::Operations => self.operations,
            Limit::Depth => self.depth.into(),
        }
    }
}

/// The limits that a caller named, in the place of the defaults. None is over its ceiling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<Limit, u64>")]
pub struct LimitOverrides(BTreeMap<Limit, u64>);

impl LimitOverrides {
    /// Limits, each in its unit: microseconds of computing time, bytes, or a number.
    /// [`OverCeiling`] where a value is too high.
    pub fn new(named: impl IntoIterator<Item = (Limit, u64)>) -> Result<LimitOverrides, OverCeiling> {
        let checked = named.into_iter().map(|(limit, value)| match value > limit.ceiling() {
            true => Err(OverCeiling { limit, value }),
            false => Ok((limit, value)),
        });
        checked.collect::<Result<_, _>>().map(LimitOverrides)
    }

    /// These limits, and those of `base` that they do not name.
    pub fn over(&self, base: &LimitOverrides) -> LimitOverrides {
        let mut all = base.0.clone();
        all.extend(&self.0);
        LimitOverrides(all)
    }

    /// These, with limits that a class names lowered to its values, in milliseconds, bytes or
    /// numbers. None is raised. The error is a name that is no limit's.
    pub fn lowered<'n>(&self, named: &'n [(String, u64)]) -> Result<LimitOverrides, &'n str> {
        let mut lowered = self.clone();
        for (name, value) in named {
            let text = StrDeserializer::<serde::de::value::Error>::new(name);
            let limit = Limit::deserialize(text).map_err(|_| name.as_str())?;
            let value = if limit == Limit::Time { value.saturating_mul(1000) } else { *value };
            let current = lowered.limits().value(limit);
            lowered.0.insert(limit, value.min(current));
        }
        Ok(lowered)
    }

    /// The limits of a run: these, and the defaults for the others.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for (limit, value) in &self.0 {
            match limit {
                Limit::Time => limits.time = Duration::from_micros(*value),
                Limit::Memory => limits.memory = *value,
                Limit::State => limits.state = *value,
                Limit::Arguments => limits.arguments = *value,
                Limit::Result => limits.result = *value,
                Limit::Log => limits.log = *value,
                Limit::Children => limits.children = *value,
                Limit::Operations => limits.operations = *value,
                // no ceiling is over 32 bits
                Limit::Depth => limits.depth = u32::try_from(*value).unwrap_or(u32::MAX),
            }
        }
        limits
    }

    /// Whether no limit is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<BTreeMap<Limit, u64>> for LimitOverrides {
    type Error = OverCeiling;

    fn try_from(named: BTreeMap<Limit, u64>) -> Result<LimitOverrides, OverCeiling> {
        LimitOverrides::new(named)
    }
}

/// The name of a limit of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// [`Limits::time`].
    Time,
    /// [`Limits::memory`].
    Memory,
    /// [`Limits::state`].
    State,
    /// [`Limits::arguments`].
    Arguments,
    /// [`Limits::result`].
    Result,
    /// [`Limits::log`].
    Log,
    /// [`Limits::children`].
    Children,
    /// [`Limits::operations`].
    Operations,
    /// [`Limits::depth`].
    Depth,
}

impl Limit {
    /// The highest value that a caller can name, in the limit's unit. It keeps a store from running
    /// a class for days.
    pub fn ceiling(self) -> u64 {
        const HOUR: u64 = 3_600_000_000;
        // all that 32 bits of a guest's memory reach
        const GIB_4: u64 = 4 << 30;
        match self {
            Limit::Time => 2 * HOUR,
            Limit::Memory | Limit::State | Limit::Arguments | Limit::Result | Limit::Log => GIB_4,
            Limit::Children | Limit::Operations => 10_000_000,
            Limit::Depth => 10_000,
        }
    }

    /// A value of the limit with its unit.
    pub fn shown(self, value: u64) -> String {
        match self {
            Limit::Time => show_time(Duration::from_micros(value)),
            Limit::Memory | Limit::State | Limit::Arguments | Limit::Result | Limit::Log => show_bytes(value),
            Limit::Children | Limit::Operations | Limit::Depth => value.to_string(),
        }
    }
}

/// A span of time in the largest unit that divides it.
pub fn show_time(time: Duration) -> String {
    let millis = time.as_millis();
    match millis {
        _ if !time.subsec_nanos().is_multiple_of(1_000_000) => format!("{} µs", time.as_micros()),
        _ if millis == 0 || !millis.is_multiple_of(1000) => format!("{millis} ms"),
        _ if !millis.is_multiple_of(3_600_000) => format!("{} s", millis / 1000),
        _ => format!("{} h", millis / 3_600_000),
    }
}

/// A number of bytes in the largest binary unit that divides it.
pub fn show_bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None if bytes == 1 => "1 byte".to_owned(),
        None => format!("{bytes} bytes"),
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Time => "computing time",
            Limit::Memory => "memory",
            Limit::State => "state",
            Limit::Arguments => "arguments",
            Limit::Result => "result",
            Limit::Log => "log",
            Limit::Children => "number of children",
            Limit::Operations => "number of operations",
            Limit::Depth => "depth of nested calls",
        })
    }
}

/// The name of a limit of compiling a class. It is no limit of a run, so no call keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompileLimit {
    /// The size of the component.
    Component,
    /// The processor time of the compiling process.
    Time,
    /// The memory of the compiling process.
    Memory,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_hold_up_to_their_ceilings() {
        let highest = [(Limit::Time, 7_200_000_000), (Limit::Memory, 4 << 30)];
        let limits = LimitOverrides::new(highest).unwrap().limits();
        assert_eq!(limits, Limits { time: Duration::from_secs(7200), memory: 4 << 30, ..Limits::default() });
        for (limit, value) in highest {
            let error = LimitOverrides::new([(limit, value + 1)]).unwrap_err().to_string();
            assert!(error.contains(&limit.shown(value)), "{error}");
        }
    }

    #[test]
    fn overrides_from_a_store_are_checked() {
        let stored = |time: u64| {
            let bytes = rmp_serde::to_vec(&BTreeMap::from([(Limit::Time, time)])).unwrap();
            rmp_serde::from_slice::<LimitOverrides>(&bytes)
        };
        assert_eq!(stored(7).unwrap().limits().time, Duration::from_micros(7));
        assert!(stored(u64::MAX).is_err());
        assert_eq!(rmp_serde::to_vec(&LimitOverrides::default()).unwrap().len(), 1);
    }

    #[test]
    fn class_lowers_limits_and_raises_none() {
        let base = LimitOverrides::new([(Limit::Depth, 2)]).unwrap();
        let named = [("time".to_owned(), 5), ("depth".to_owned(), 9), ("memory".to_owned(), u64::MAX)];
        let limits = base.lowered(&named).unwrap().limits();
        assert_eq!(limits, Limits { time: Duration::from_millis(5), depth: 2, ..Limits::default() });
        assert_eq!(base.lowered(&[("speed".to_owned(), 1)]), Err("speed"));
    }

    #[test]
    fn named_limits_go_before_those_of_the_base() {
        let named = |limit, value| LimitOverrides::new([(limit, value)]).unwrap();
        let base = named(Limit::Time, 1).over(&named(Limit::Depth, 2));
        let limits = named(Limit::Time, 3).over(&base).limits();
        assert_eq!((limits.time, limits.depth), (Duration::from_micros(3), 2));
    }
}
