//! Places for instances that are made once and used again, for a process that makes many runs.
//!
//! Without them each run maps and unmaps its memories, which is most of what a short run costs, and threads wait for each other
//! in it. A place is emptied between two runs: an instance still serves one run, and begins as any other does. What a
//! class may do must not depend on where it runs, so no bound of a place is below what a class can have elsewhere; one
//! that does not fit, or finds no place free, runs without.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::engine::{Form, Runtime};
use super::{Cache, CompiledClass};
use crate::model::{Hash, lock};

/// More places than that are not made.
const MOST: u32 = 64;

/// What a class in a place may have of each; one with more is no usual one.
const CORE_INSTANCES: u32 = 32;
const MEMORIES: u32 = 2;
const TABLES: u32 = 4;

/// Elements of a table: more than any table can have. It is address space, and no memory.
const ELEMENTS: usize = 1 << 33;
/// Bytes of a memory: all that 32 bits reach.
const MEMORY: usize = 1 << 32;

/// What a place keeps between two runs instead of giving it back and asking for it again.
const KEPT: usize = 4 << 20;

pub struct Pool {
    places: u32,
    /// None where this system does not give that much address space.
    runtime: OnceLock<Option<Arc<Runtime>>>,
    /// None for a class that does not fit.
    classes: Mutex<HashMap<Hash, Option<Arc<CompiledClass>>>>,
    used: Arc<AtomicUsize>,
}

/// A place for one instance, until this is dropped.
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl Pool {
    pub fn new(places: usize) -> Pool {
        let places = u32::try_from(places).unwrap_or(MOST).min(MOST);
        Pool { places, runtime: OnceLock::new(), classes: Mutex::default(), used: Arc::default() }
    }

    /// A place, if one is free.
    pub fn place(&self) -> Option<Place> {
        let free = |used: usize| (used < self.places as usize).then_some(used + 1);
        self.used.fetch_update(Ordering::Acquire, Ordering::Relaxed, free).ok().map(|_| Place(self.used.clone()))
    }

    /// A class for a place, if it is in the cache and fits. One that was compiled and cannot be had all the same never will be.
    pub fn class(&self, hash: &Hash, cache: &Cache, is_compiled: bool) -> Option<Arc<CompiledClass>> {
        if let Some(known) = lock(&self.classes).get(hash) {
            return known.clone();
        }
        let runtime =
            self.runtime.get_or_init(|| Runtime::pooled(strategy(self.places)).ok().map(Arc::new)).as_ref()?;
        let component = cache.load(&runtime.engine, hash, Form::Reserved);
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
