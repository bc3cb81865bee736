//! Compiles classes and runs their methods. No other module uses wasmtime.
//!
//! A run is a value: [`Run`] has all of its input, and [`RunOutput`] all of its output. If the
//! program has named a command for it ([`Compiling`]), classes are compiled by a process of their
//! own.

mod cache;
mod class;
mod class_cell;
mod clock;
mod compile;
mod component;
mod exports;
mod fault;
mod guard;
mod halt;
mod host;
mod pool;
mod precompiled;
mod run;
mod runtime;
mod settings;
mod stop;
mod watchdog;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

pub use cache::{Cache, NotKept};
pub use class::CompiledClass;
pub use compile::{Compiling, compile_for_parent};
#[cfg(feature = "internals")]
pub use run::Success;
pub use run::{Aborted, Bounds, Identity, MethodCall, Operations, Run, RunOutput};
pub use stop::{StopSignal, Wake};

use crate::model::{ClassDefect, Description, Error, Hash, Json, Limits, LogLine, Result, lock};
use class::{NoRoom, not_described};
use class_cell::ClassCell;
use pool::{Pool, PoolPlace};
use runtime::Runtime;
use settings::MemoryLayout;

/// Runs classes. The first class starts wasmtime; making a sandbox starts nothing.
///
/// Threads share one: it compiles, loads and links a class once, and runs are independent.
pub struct Sandbox {
    cache: Cache,
    compiling: Compiling,
    reserved: LayoutClasses,
    compact: LayoutClasses,
    /// Set once there was no address space for the memories of a class: from then on all layouts
    /// are compact.
    is_compact: AtomicBool,
    /// Places for many runs; None if there will be few.
    pool: Option<Pool>,
    on_not_kept: OnNotKept,
}

/// Called once if compiled classes are not kept.
type OnNotKept = Box<dyn Fn(&NotKept) + Send + Sync>;

/// The runtime and the classes of one memory layout.
#[derive(Default)]
struct LayoutClasses {
    runtime: Mutex<Option<Arc<Runtime>>>,
    classes: Mutex<HashMap<Hash, Arc<ClassCell>>>,
}

/// A class that is ready for one run, with its place.
pub struct ReadyClass {
    class: Arc<CompiledClass>,
    #[expect(dead_code, reason = "taken until the run is over")]
    place: Option<PoolPlace>,
}

impl std::ops::Deref for ReadyClass {
    type Target = CompiledClass;

    fn deref(&self) -> &CompiledClass {
        &self.class
    }
}

/// An actor class that was checked.
#[derive(Debug)]
pub struct Inspected {
    /// The component: the given bytes, or the component that a core module became.
    pub component: Vec<u8>,
    /// blake3 of the component.
    pub hash: Hash,
    /// The result of `describe`, as it is.
    pub description: Json,
    /// The description, read and checked.
    pub class: Description,
}

impl Sandbox {
    /// A sandbox for a process of few runs, which compiles classes in this process.
    pub fn new(cache: Cache) -> Sandbox {
        let (reserved, compact) = (LayoutClasses::default(), LayoutClasses::default());
        let compiling = Compiling::default();
        let (is_compact, on_not_kept) = (AtomicBool::new(false), Box::new(|_: &NotKept| ()));
        Sandbox { cache, compiling, reserved, compact, is_compact, pool: None, on_not_kept }
    }

    /// The same sandbox with this configuration of compiling.
    pub fn compiling(self, compiling: Compiling) -> Sandbox {
        Sandbox { compiling, ..self }
    }

    /// The same sandbox, which calls `on_not_kept` at most once: if a class was compiled and cannot
    /// be kept for later processes.
    pub fn on_not_kept(self, on_not_kept: impl Fn(&NotKept) + Send + Sync + 'static) -> Sandbox {
        let called = AtomicBool::new(false);
        let once = move |not_kept: &NotKept| {
            if !called.swap(true, Ordering::Relaxed) {
                on_not_kept(not_kept);
            }
        };
        Sandbox { on_not_kept: Box::new(once), ..self }
    }

    /// A sandbox for a process of many runs, `runs` of them at once. It starts more slowly, and
    /// each run is faster. Further runs at once are possible, outside of the pool.
    pub fn pooled(cache: Cache, runs: usize) -> Sandbox {
        Sandbox { pool: Some(Pool::new(runs)), ..Sandbox::new(cache) }
    }

    /// The same sandbox, which reserves no address space for the memories of classes. Any sandbox
    /// stops to reserve it once the system refuses it.
    pub fn without_reservations(self) -> Sandbox {
        Sandbox { is_compact: AtomicBool::new(true), pool: None, ..self }
    }

    /// Checks that some bytes are an actor class, and reads its description.
    ///
    /// A core module that carries the type of its component becomes a component. The imports and
    /// exports of the contract are checked, the component is compiled (into the cache), and
    /// `describe` is called once. `on_compile` is called before a compilation, which may take
    /// seconds; `on_log` gets the log of `describe`.
    ///
    /// [`Error::NotAClass`] if the bytes are no class, [`Error::NotCompiled`] if compiling exceeds
    /// a limit, [`Error::Interrupted`] after a stop, [`Error::Shortage`] if the machine gives too
    /// little.
    pub fn inspect(
        &self,
        bytes: &[u8],
        limits: &Limits,
        stop: &StopSignal,
        on_compile: &mut dyn FnMut(),
        on_log: &mut (dyn FnMut(&LogLine) + Send),
    ) -> Result<Inspected> {
        let component = self.compiling.check(bytes, stop.into()).map_err(not_described)?;
        let component = component.map_or(Cow::Borrowed(bytes), Cow::Owned);
        let hash = Hash::of(&component);
        let describe = |class: &CompiledClass| class.describe(limits, stop, on_log);
        let described = self.with_room(&hash, || Ok(&component), stop.into(), on_compile, describe);
        let description = described.map_err(not_described)??;
        let read = Description::read(&description).and_then(|class| class.check().map(|()| class));
        match read {
            Ok(class) => Ok(Inspected { component: component.into_owned(), hash, description, class }),
            Err(reason) => Err(Error::not_a_class(
                format!("the result of `describe` breaks a rule: {reason}"),
                ClassDefect::Description { limit: None, last_message: None },
            )),
        }
    }

    /// Runs one method of a class, which is made ready as by [`class`](Sandbox::class). The calling
    /// thread runs the guest and must have more than 1 MiB of stack to spare.
    pub fn run<B: AsRef<[u8]>>(
        &self,
        hash: &Hash,
        component: impl FnMut() -> Result<B>,
        on_compile: &mut dyn FnMut(),
        mut run: Run<'_>,
    ) -> Result<RunOutput, Aborted> {
        let until = Bounds { stop: run.stop, deadline: run.deadline };
        self.with_room(hash, component, until, on_compile, |class| class.try_run(&mut run))?
    }

    /// Runs a class in a place of the pool, with reserved memories, or with compact ones: the first
    /// that there is room for.
    fn with_room<B: AsRef<[u8]>, T>(
        &self,
        hash: &Hash,
        mut component: impl FnMut() -> Result<B>,
        until: Bounds<'_>,
        on_compile: &mut dyn FnMut(),
        mut run: impl FnMut(&CompiledClass) -> Result<T, NoRoom>,
    ) -> Result<T, Aborted> {
        if let Some(ready) = self.in_pool(hash)
            && let Ok(ran) = run(&ready)
        {
            return Ok(ran);
        }
        if !self.is_compact.load(Ordering::Relaxed) {
            let class = self.class_of(MemoryLayout::Reserved, hash, &mut component, until, on_compile)?;
            if let Ok(ran) = run(&class) {
                return Ok(ran);
            }
            self.is_compact.store(true, Ordering::Relaxed);
        }
        let class = self.class_of(MemoryLayout::Compact, hash, &mut component, until, on_compile)?;
        run(&class).map_err(|NoRoom(error)| error.into())
    }

    /// A class that is ready for one run. For many runs, use [`class`](Sandbox::class).
    pub fn ready<B: AsRef<[u8]>>(
        &self,
        hash: &Hash,
        component: impl FnMut() -> Result<B>,
        until: Bounds<'_>,
        on_compile: &mut dyn FnMut(),
    ) -> Result<ReadyClass, Aborted> {
        match self.in_pool(hash) {
            Some(ready) => Ok(ready),
            None => Ok(ReadyClass { class: self.class(hash, component, until, on_compile)?, place: None }),
        }
    }

    fn in_pool(&self, hash: &Hash) -> Option<ReadyClass> {
        let pool = self.pool.as_ref()?;
        let place = pool.place()?;
        let class = pool.class(hash, &self.cache, lock(&self.reserved.classes).contains_key(hash))?;
        Some(ReadyClass { class, place: Some(place) })
    }

    /// A class that is ready to run: from the memory of this process, from the cache, or compiled
    /// now. `component` returns the bytes of the component; it is called only before a compilation,
    /// and `on_compile` after it. `until` ends a compilation.
    ///
    /// [`Error::Damaged`] if the hash of the bytes is another one, [`Error::NotAClass`] if they are
    /// no class, [`Error::NotCompiled`] if compiling exceeds a limit.
    pub fn class<B: AsRef<[u8]>>(
        &self,
        hash: &Hash,
        mut component: impl FnMut() -> Result<B>,
        until: Bounds<'_>,
        on_compile: &mut dyn FnMut(),
    ) -> Result<Arc<CompiledClass>, Aborted> {
        let layout =
            if self.is_compact.load(Ordering::Relaxed) { MemoryLayout::Compact } else { MemoryLayout::Reserved };
        self.class_of(layout, hash, &mut component, until, on_compile)
    }

    fn class_of<B: AsRef<[u8]>>(
        &self,
        layout: MemoryLayout,
        hash: &Hash,
        component: &mut impl FnMut() -> Result<B>,
        until: Bounds<'_>,
        on_compile: &mut dyn FnMut(),
    ) -> Result<Arc<CompiledClass>, Aborted> {
        let classes = match layout {
            MemoryLayout::Reserved => &self.reserved,
            MemoryLayout::Compact => &self.compact,
        };
        let cell = lock(&classes.classes).entry(*hash).or_default().clone();
        cell.get(until, || self.load(layout, classes, hash, component, until, on_compile))
    }

    fn load<B: AsRef<[u8]>>(
        &self,
        layout: MemoryLayout,
        classes: &LayoutClasses,
        hash: &Hash,
        component: &mut impl FnMut() -> Result<B>,
        until: Bounds<'_>,
        on_compile: &mut dyn FnMut(),
    ) -> Result<Arc<CompiledClass>, Aborted> {
        let runtime = classes.runtime(layout)?;
        let compiled = match self.cache.load(&runtime.engine, hash, layout) {
            Some(compiled) => compiled,
            None => {
                let component = component()?;
                if Hash::of(component.as_ref()) != *hash {
                    return Err(Error::Damaged { what: format!("the component {hash} has other bytes") }.into());
                }
                on_compile();
                let code = self.compiling.compile(component.as_ref(), layout, until)?;
                let (component, not_kept) = self.cache.keep(&runtime.engine, hash, layout, &code)?;
                if let Some(not_kept) = &not_kept {
                    (self.on_not_kept)(not_kept);
                }
                component
            }
        };
        Ok(Arc::new(CompiledClass::new(runtime, compiled)?))
    }
}

impl LayoutClasses {
    fn runtime(&self, layout: MemoryLayout) -> Result<Arc<Runtime>> {
        let mut runtime = lock(&self.runtime);
        if let Some(started) = &*runtime {
            return Ok(started.clone());
        }
        Ok(runtime.insert(Arc::new(Runtime::start(layout)?)).clone())
    }
}
