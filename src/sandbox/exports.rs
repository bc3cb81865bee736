//! The exports of a class, for each version of the contract that it may be built with.

use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, ComponentNamedList, ComponentType, Instance, Lift, Lower};

use super::fault::Export;
use super::host::{GuestFailure, GuestFailure01, Host};

/// The names of the exported functions.
const FUNCTIONS: [(Export, &str); 6] = [
    (Export::Describe, "describe"),
    (Export::Construct, "construct"),
    (Export::SetState, "set-state"),
    (Export::GetState, "get-state"),
    (Export::Invoke, "invoke"),
    (Export::Migrate, "migrate"),
];

/// The exported functions of a class.
pub struct Exports {
    /// Whether the class is built with contract 0.1, whose failures have another type.
    is_01: bool,
    functions: Vec<(Export, ComponentExportIndex)>,
}

impl Exports {
    /// None if the component lacks one. A name of the contract finds the earlier versions of its
    /// line, too.
    pub fn of(component: &Component) -> Option<Exports> {
        let class = |version| component.get_export_index(None, format!("vactor:actor/class@{version}").as_str());
        let (class, is_01) = class("0.2.0").map(|class| (class, false)).or(class("0.1.1").map(|class| (class, true)))?;
        let index = |(export, name)| Some((export, component.get_export_index(Some(&class), name)?));
        Some(Exports { is_01, functions: FUNCTIONS.into_iter().map(index).collect::<Option<_>>()? })
    }

    /// Checks the types of all functions.
    pub fn check(&self, instance: &Instance, store: &mut Store<Host>) -> wasmtime::Result<()> {
        match self.is_01 {
            true => self.check_with::<GuestFailure01>(instance, store),
            false => self.check_with::<GuestFailure>(instance, store),
        }
    }

    fn check_with<F: ComponentType + Lift>(
        &self,
        instance: &Instance,
        store: &mut Store<Host>,
    ) -> wasmtime::Result<()> {
        self.function::<(), (String,)>(Export::Describe, instance, store)?;
        self.function::<(&str,), (Result<(), F>,)>(Export::Construct, instance, store)?;
        self.function::<(&[u8],), (Result<(), F>,)>(Export::SetState, instance, store)?;
        self.function::<(), (Result<Vec<u8>, F>,)>(Export::GetState, instance, store)?;
        self.function::<(&str, &str), (Result<String, F>,)>(Export::Invoke, instance, store)?;
        self.function::<(u32, &[u8]), (Result<Vec<u8>, F>,)>(Export::Migrate, instance, store)?;
        Ok(())
    }

    pub fn describe(&self, instance: &Instance, store: &mut Store<Host>) -> wasmtime::Result<String> {
        let describe = self.function::<(), (String,)>(Export::Describe, instance, store)?;
        Ok(describe.call(store, ())?.0)
    }

    /// Calls a function that can fail.
    pub fn call<P, T>(
        &self,
        export: Export,
        params: P,
        instance: &Instance,
        store: &mut Store<Host>,
    ) -> wasmtime::Result<Result<T, GuestFailure>>
    where
        P: ComponentNamedList + Lower,
        T: ComponentType + Lift,
    {
        if self.is_01 {
            let function = self.function::<P, (Result<T, GuestFailure01>,)>(export, instance, store)?;
            return Ok(function.call(store, params)?.0.map_err(GuestFailure::from));
        }
        let function = self.function::<P, (Result<T, GuestFailure>,)>(export, instance, store)?;
        Ok(function.call(store, params)?.0)
    }

    fn function<P, R>(
        &self,
        export: Export,
        instance: &Instance,
        store: &mut Store<Host>,
    ) -> wasmtime::Result<wasmtime::component::TypedFunc<P, R>>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let index = self.functions.iter().find(|(name, _)| *name == export).map(|(_, index)| index);
        let index = index.ok_or_else(|| wasmtime::format_err!("the class does not export {export:?}"))?;
        instance.get_typed_func::<P, R>(store, index)
    }
}
