//! Floor 1: a component becomes a compiled class, a compiled class runs one method.
//!
//! One run is a value: everything that it may depend on goes in, everything that came of it comes out.
//! It knows no disk, no clock and no terminal. wasmtime is named here alone. A class is compiled by a process of its own,
//! if the program that uses this has named a command for that ([`Compiling`]).

mod cache;
mod class;
mod clock;
mod compile;
mod component;
mod engine;
mod exports;
mod fault;
mod guard;
mod host;
mod pool;
mod precompiled;
mod run;
mod slot;
mod watchdog;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

pub use cache::{Cache, NotKept};
pub use class::CompiledClass;
pub use compile::{Compiling, compile_for_parent};
pub use run::{Aborted, Bounds, Identity, MethodCall, Operations, Run, RunOutput, StopSignal, Success, Wake};

use crate::model::{ClassDefect, Description, Error, Hash, Json, Limits, LogLine, Result, lock};
use class::{NoRoom, not_described};
use engine::{Form, Runtime};
use pool::{Place, Pool};
use slot::Slot;

/// Where classes run. Making one starts nothing and links nothing; the first class does.
///
/// Share one among threads: classes are compiled, loaded and linked once, and each run is on its own.
pub struct Sandbox {
    cache: Cache,
    compiling: Compiling,
    reserved: Loaded,
    compact: Loaded,
    /// Whether there was no address space for a class's memories: from then on all are compact.
    is_compact: AtomicBool,
    /// Places for many runs; none where there will be few.
    pool: Option<Pool>,
    on_not_kept: OnNotKept,
}

/// Told once that compiled classes are not kept.
type OnNotKept = Box<dyn Fn(&NotKept) + Send + Sync>;

/// What is there of one form.
#[derive(Default)]
struct Loaded {
    runtime: Mutex<Option<Arc<Runtime>>>,
    classes: Mutex<HashMap<Hash, Arc<Slot>>>,
}

/// A class that is ready for one run, and the place that it has for that.
pub struct ReadyClass {
    class: Arc<CompiledClass>,
    #[expect(dead_code, reason = "taken until the run is over")]
    place: Option<Place>,
}

impl std::ops::Deref for ReadyClass {
    type Target = CompiledClass;

    fn deref(&self) -> &CompiledClass {
        &self.class
    }
}

/// A file that was found to be an actor class.
#[derive(Debug)]
pub struct Inspected {
    /// The component: the bytes that were given, or the component that was made of a core module.
    pub component: Vec<u8>,
    /// blake3 of the component.
    pub hash: Hash,
    /// What the class says of itself, as it said it.
    pub description: Json,
    /// The same, read and checked.
    pub class: Description,
}

impl Sandbox {
    pub fn new(cache: Cache) -> Sandbox {
        let (reserved, compact) = (Loaded::default(), Loaded::default());
        let compiling = Compiling::default();
        let (is_compact, on_not_kept) = (AtomicBool::new(false), Box::new(|_: &NotKept| ()));
        Sandbox { cache, compiling, reserved, compact, is_compact, pool: None, on_not_kept }
    }

    /// The same, which compiles classes so.
    pub fn compiling(self, compiling: Compiling) -> Sandbox {
        Sandbox { compiling, ..self }
    }

    /// The same, which tells `on_not_kept` at most once that a class was compiled and cannot be kept for the next process.
    pub fn on_not_kept(self, on_not_kept: impl Fn(&NotKept) + Send + Sync + 'static) -> Sandbox {
        let told = AtomicBool::new(false);
        let once = move |not_kept: &NotKept| {
            if !told.swap(true, Ordering::Relaxed) {
                on_not_kept(not_kept);
            }
        };
        Sandbox { on_not_kept: Box::new(once), ..self }
    }

    /// For a process that makes many runs, so many of them beside each other: it starts more slowly, and each run is cheaper. More
    /// runs at once are as they are elsewhere.
    pub fn pooled(cache: Cache, runs: usize) -> Sandbox {
        Sandbox { pool: Some(Pool::new(runs)), ..Sandbox::new(cache) }
    }

    /// The same, which reserves no address space for the memories of classes. A sandbox that finds out that it cannot have
    /// that much does so by itself.
    pub fn without_reservations(self) -> Sandbox {
        Sandbox { is_compact: AtomicBool::new(true), pool: None, ..self }
    }

    /// Finds out whether some bytes are an actor class, and what it says of itself.
    ///
    /// A core module that carries its component's type becomes a component. The contract's imports and exports are
    /// checked, the component is compiled (into the cache), and `describe` is called once. `on_compile` is told before a
    /// compilation, which may take seconds; `on_log` sees what `describe` says to the log. `stop` ends it all, with
    /// [`Error::Interrupted`].
    ///
    /// [`Error::NotAClass`] where the bytes are none, [`Error::NotCompiled`] where that takes more than it may.
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
        let described = self.where_there_is_room(&hash, || Ok(&component), stop.into(), on_compile, describe);
        let description = described.map_err(not_described)??;
        let said = Description::read(&description).and_then(|class| class.check().map(|()| class));
        match said {
            Ok(class) => Ok(Inspected { component: component.into_owned(), hash, description, class }),
            Err(reason) => Err(not_a_class(
                format!("the result of `describe` breaks a rule: {reason}"),
                ClassDefect::Description { limit: None, last_message: None },
            )),
        }
    }

    /// Runs one method of a class, which is made ready as [`class`](Sandbox::class) does, wherever the machine has room for it.
    pub fn run<B: AsRef<[u8]>>(
        &self,
        hash: &Hash,
        component: impl FnMut() -> Result<B>,
        on_compile: &mut dyn FnMut(),
        mut run: Run<'_>,
    ) -> Result<RunOutput, Aborted> {
        let until = Bounds { stop: run.stop, deadline: run.deadline };
        self.where_there_is_room(hash, component, until, on_compile, |class| class.try_run(&mut run))?
    }

    /// In a place of the pool, with memories that are reserved, or with compact ones: the first that there is room for.
    fn where_there_is_room<B: AsRef<[u8]>, T>(
        &self,
        hash: &Hash,
        mut component: impl FnMut() -> Result<B>,
        until: Bounds<'_>,
        on_compile: &mut dyn FnMut(),
        mut run: impl FnMut(&CompiledClass) -> Result<T, NoRoom>,
    ) -> Result<T, Aborted> {
        if let Some(ready) = self.in_a_place(hash)
            && let Ok(ran) = run(&ready)
        {
            return Ok(ran);
        }
        if !self.is_compact.load(Ordering::Relaxed) {
            let class = self.class_of(Form::Reserved, hash, &mut component, until, on_compile)?;
            if let Ok(ran) = run(&class) {
                return Ok(ran);
            }
            self.is_compact.store(true, Ordering::Relaxed);
        }
        let class = self.class_of(Form::Compact, hash, &mut component, until, on_compile)?;
        run(&class).map_err(|NoRoom(error)| error.into())
    }

    /// A class ready for one run, as [`class`](Sandbox::class) is for any number.
    pub fn ready<B: AsRef<[u8]>>(
        &self,
        hash: &Hash,
        component: impl FnMut() -> Result<B>,
        until: Bounds<'_>,
        on_compile: &mut dyn FnMut(),
    ) -> Result<ReadyClass, Aborted> {
        match self.in_a_place(hash) {
            Some(ready) => Ok(ready),
            None => Ok(ReadyClass { class: self.class(hash, component, until, on_compile)?, place: None }),
        }
    }

    fn in_a_place(&self, hash: &Hash) -> Option<ReadyClass> {
        let pool = self.pool.as_ref()?;
        let place = pool.place()?;
        let class = pool.class(hash, &self.cache, lock(&self.reserved.classes).contains_key(hash))?;
        Some(ReadyClass { class, place: Some(place) })
    }

    /// A class ready to run: from this process's memory, from the cache, or compiled now. `component` is asked for the
    /// component's bytes only to compile them, after `on_compile` was told. `until` ends a compilation.
    ///
    /// [`Error::Damaged`] where the bytes are not those of the hash, [`Error::NotAClass`] where they are no class,
    /// [`Error::NotCompiled`] where compiling them takes more than it may.
    pub fn class<B: AsRef<[u8]>>(
        &self,
        hash: &Hash,
        mut component: impl FnMut() -> Result<B>,
        until: Bounds<'_>,
        on_compile: &mut dyn FnMut(),
    ) -> Result<Arc<CompiledClass>, Aborted> {
        let form = if self.is_compact.load(Ordering::Relaxed) { Form::Compact } else { Form::Reserved };
        self.class_of(form, hash, &mut component, until, on_compile)
    }

    fn class_of<B: AsRef<[u8]>>(
        &self,
        form: Form,
        hash: &Hash,
        component: &mut impl FnMut() -> Result<B>,
        until: Bounds<'_>,
        on_compile: &mut dyn FnMut(),
    ) -> Result<Arc<CompiledClass>, Aborted> {
        let loaded = match form {
            Form::Reserved => &self.reserved,
            Form::Compact => &self.compact,
        };
        let slot = lock(&loaded.classes).entry(*hash).or_default().clone();
        slot.get(until, || self.load(form, loaded, hash, component, until, on_compile))
    }

    fn load<B: AsRef<[u8]>>(
        &self,
        form: Form,
        loaded: &Loaded,
        hash: &Hash,
        component: &mut impl FnMut() -> Result<B>,
        until: Bounds<'_>,
        on_compile: &mut dyn FnMut(),
    ) -> Result<Arc<CompiledClass>, Aborted> {
        let runtime = loaded.runtime(form)?;
        let compiled = match self.cache.load(&runtime.engine, hash, form) {
            Some(compiled) => compiled,
            None => {
                let component = component()?;
                if Hash::of(component.as_ref()) != *hash {
                    return Err(Error::Damaged { what: format!("the component {hash} has other bytes") }.into());
                }
                on_compile();
                let code = self.compiling.compile(component.as_ref(), form, until)?;
                let (component, not_kept) = self.cache.keep(&runtime.engine, hash, form, &code)?;
                if let Some(not_kept) = &not_kept {
                    (self.on_not_kept)(not_kept);
                }
                component
            }
        };
        Ok(Arc::new(CompiledClass::new(runtime, compiled)?))
    }
}

impl Loaded {
    fn runtime(&self, form: Form) -> Result<Arc<Runtime>> {
        let mut runtime = lock(&self.runtime);
        if let Some(started) = &*runtime {
            return Ok(started.clone());
        }
        Ok(runtime.insert(Arc::new(Runtime::start(form)?)).clone())
    }
}

fn not_a_class(reason: String, defect: ClassDefect) -> Error {
    Error::NotAClass { reason, defect }
}
