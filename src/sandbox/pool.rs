//! Places for instances that are reused, for a process of many runs.
//!
//! Without them each run maps and unmaps its memories. That is most of the time of a short run, and
//! threads wait for each other in it. A place is emptied between two runs: an instance serves one
//! run, and begins as any other. A class must be able to do the same everywhere, so no limit of a
//! place is below the limits of other runs. A class that does not fit, or finds no free place, runs
//! outside of the pool.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::cache::Cache;
use super::class::CompiledClass;
use super::runtime::Runtime;
use super::settings::MemoryLayout;
use crate::model::{Hash, lock};

/// The most places.
const MOST: u32 = 64;

/// The most core instances of a class in a place.
const CORE_INSTANCES: u32 = 32;
/// The most memories of a class in a place.
const MEMORIES: u32 = 2;
/// The most tables of a class in a place.
const TABLES: u32 = 4;

/// Elements of a table, more than any table can have. They are address space, and no memory.
const ELEMENTS: usize = 1 << 33;
/// Bytes of a memory, all that 32 bits reach.
const MEMORY: usize = 1 << 32;

/// Bytes that a place keeps between two runs.
const KEPT: usize = 4 << 20;

/// The places of a process, and the classes that fit.
pub struct Pool {
    places: u32,
    /// None if the system does not give that much address space.
    runtime: OnceLock<Option<Arc<Runtime>>>,
    /// None for a class that does not fit.
    classes: Mutex<HashMap<Hash, Option<Arc<CompiledClass>>>>,
    used: Arc<AtomicUsize>,
}

/// A place for one instance, until this is dropped.
pub struct PoolPlace(Arc<AtomicUsize>);

impl Drop for PoolPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl Pool {
    /// A pool of `places` places, at most [`MOST`].
    pub fn new(places: usize) -> Pool {
        let places = u32::try_from(places).unwrap_or(MOST).min(MOST);
        Pool { places, runtime: OnceLock::new(), classes: Mutex::default(), used: Arc::default() }
    }

    /// A place, if one is free.
    pub fn place(&self) -> Option<PoolPlace> {
        let free = |used: usize| (used < self.places as usize).then_some(used + 1);
        self.used.fetch_update(Ordering::Acquire, Ordering::Relaxed, free).ok().map(|_| PoolPlace(self.used.clone()))
    }

    /// A class for a place, if it is in the cache and fits. A compiled class that is not in the
    /// cache never will be.
    pub fn class(&self, hash: &Hash, cache: &Cache, is_compiled: bool) -> Option<Arc<CompiledClass>> {
        if let Some(class) = lock(&self.classes).get(hash) {
            return class.clone();
        }
        let runtime =
            self.runtime.get_or_init(|| Runtime::pooled(strategy(self.places)).ok().map(Arc::new)).as_ref()?;
        let component = cache.load(&runtime.engine, hash, MemoryLayout::Reserved);
        let class = component.and_then(|component| CompiledClass::new(runtime.clone(), component).ok()).map(Arc::new);
        if class.is_some() || is_compiled {
            lock(&self.classes).insert(*hash, class.clone());
        }
        class
    }
}

fn strategy(places: u32) -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(places)
        .total_core_instances(places * CORE_INSTANCES)
        .total_memories(places * MEMORIES)
        .total_tables(places * TABLES)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_module(TABLES)
        .table_elements(ELEMENTS)
        .max_memory_size(MEMORY)
        .linear_memory_keep_resident(KEPT)
        .table_keep_resident(KEPT)
        .pagemap_scan(Enabled::Auto);
    InstanceAllocationStrategy::Pooling(pool)
}
