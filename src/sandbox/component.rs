//! Checks that some bytes are a component that keeps to the contract.

use std::collections::BTreeSet;

use wasmparser::component_types::{ComponentEntityType, ComponentItem};
use wasmparser::types::Types;
use wasmparser::{Parser, Payload, Validator};
use wit_component::ComponentEncoder;
use wit_parser::Resolve;

use super::settings::FEATURES;
use crate::model::{ClassDefect, Error, Result};

/// The versions of the contract, the last one of each line.
const CONTRACTS: [&str; 2] = [include_str!("../../wit/0.1/actor.wit"), include_str!("../../wit/actor.wit")];

/// Checks that the bytes are a component with the contract's imports and exports. Returns the
/// component that a core module becomes.
pub fn from_bytes(bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let made = if Parser::is_component(bytes) {
        None
    } else if Parser::is_core_wasm(bytes) {
        Some(from_module(bytes)?)
    } else if bytes.is_empty() {
        return Err(Error::not_a_class("it is empty", ClassDefect::NoClass));
    } else {
        return Err(Error::not_a_class("it is no WebAssembly", ClassDefect::NoClass));
    };
    check(made.as_deref().unwrap_or(bytes))?;
    Ok(made)
}

/// The component of a core module, which a `wasm32-unknown-unknown` build with wit-bindgen returns.
fn from_module(module: &[u8]) -> Result<Vec<u8>> {
    Validator::new_with_features(FEATURES).validate_all(module).map_err(|error| damaged(&error))?;
    let carries_type = wit_component::metadata::decode(module).is_ok_and(|(rest, _)| rest.is_some());
    let foreign = foreign_imports_of_module(module);
    if !foreign.is_empty() {
        return Err(refuse_imports(&foreign));
    }
    if !carries_type {
        return Err(Error::not_a_class(
            "it is a core module that does not carry a component's type".to_owned(),
            ClassDefect::NoClass,
        ));
    }
    let encoded = ComponentEncoder::default().validate(true).module(module).and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| {
        let reason = error.root_cause().to_string();
        Error::not_a_class(format!("no component can be made of this core module: {reason}"), ClassDefect::NoClass)
    })
}

/// The imported modules of a core module that the contract does not have.
fn foreign_imports_of_module(module: &[u8]) -> BTreeSet<String> {
    let imports = Parser::new(0).parse_all(module).filter_map(|payload| match payload {
        Ok(Payload::ImportSection(section)) => Some(section),
        _ => None,
    });
    let names = imports.flat_map(|section| section.into_imports()).filter_map(|import| Some(import.ok()?.module));
    // other names belong to the component model: `$root`, `[export]…`
    let own = |name: &str| name.contains("vactor:actor/") || name.starts_with(['$', '[']);
    names.filter(|name| !own(name)).map(str::to_owned).collect()
}

fn check(component: &[u8]) -> Result<()> {
    let types = Validator::new_with_features(FEATURES).validate_all(component).map_err(|error| damaged(&error))?;
    let (imports, exports) = names(component).map_err(|error| damaged(&error))?;
    let contracts = CONTRACTS.map(Contract::read);

    let foreign = imports.iter().filter(|name| !is_of_contract(name, &["context", "types"])).cloned().collect();
    refuse_some(foreign, refuse_imports)?;
    for import in &imports {
        let contract = contract_of(&contracts, import)?;
        let asked = functions(&types, types.component_item_for_import(import));
        let unknown: BTreeSet<_> = asked.difference(&contract.functions(import)).cloned().collect();
        refuse_some(unknown, |unknown| refuse_functions(import, unknown))?;
    }

    let Some(class) = exports.iter().find(|name| is_of_contract(name, &["class"])) else {
        return Err(Error::not_a_class("it does not export `vactor:actor/class`", ClassDefect::NoClass));
    };
    let contract = contract_of(&contracts, class)?;
    let given = functions(&types, types.component_item_for_export(class));
    let missing = contract.functions(class).difference(&given).cloned().collect();
    refuse_some(missing, |missing| {
        let reason = format!("its export `vactor:actor/class` lacks {}", list(missing));
        Error::not_a_class(reason, ClassDefect::MissingExports)
    })
}

/// The imports and exports of a component, without those of components within it.
fn names(component: &[u8]) -> wasmparser::Result<(Vec<String>, Vec<String>)> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export?.name.name.to_owned());
                }
            }
            _ => (),
        }
    }
    Ok((imports, exports))
}

/// The names of an interface that are no types.
fn functions(types: &Types, interface: Option<&ComponentItem>) -> BTreeSet<String> {
    let Some(ComponentEntityType::Instance(id)) = interface.map(|item| item.ty) else {
        return BTreeSet::new();
    };
    let items = types[id].exports.iter().filter(|(_, item)| !matches!(item.ty, ComponentEntityType::Type { .. }));
    items.map(|(name, _)| name.clone()).collect()
}

/// Whether a name is one of these interfaces of the contract, of any version.
fn is_of_contract(name: &str, interfaces: &[&str]) -> bool {
    let unversioned = name.split('@').next().and_then(|name| name.strip_prefix("vactor:actor/"));
    unversioned.is_some_and(|interface| interfaces.contains(&interface))
}

/// The contract that an interface's name belongs to. A class may be built with an older version of
/// its line: later versions only add functions.
fn contract_of<'c>(contracts: &'c [Contract], name: &str) -> Result<&'c Contract> {
    let version = name.split_once('@').map_or("none", |(_, version)| version);
    let numbers = version.split('.').map(str::parse).collect::<Result<Vec<u64>, _>>().unwrap_or_default();
    let fits = |contract: &&Contract| {
        let (major, minor, patch) = contract.version;
        matches!(numbers[..], [same, line, older] if same == major && line == minor && older <= patch)
    };
    contracts.iter().find(fits).ok_or_else(|| {
        let known: Vec<String> =
            contracts.iter().map(|Contract { version: (a, b, c), .. }| format!("{a}.{b}.{c}")).collect();
        let known = known.join(" and ");
        let reason = format!("it is built for version {version} of the contract, this vactor knows {known}");
        Error::not_a_class(reason, ClassDefect::OtherContract)
    })
}

/// A version of the contract.
struct Contract {
    wit: Resolve,
    version: (u64, u64, u64),
}

impl Contract {
    fn read(text: &str) -> Contract {
        let mut wit = Resolve::default();
        let package = wit.push_str("actor.wit", text).expect("the contract is WIT");
        let version = wit.packages[package].name.version.as_ref().expect("the contract has a version");
        let version = (version.major, version.minor, version.patch);
        Contract { wit, version }
    }

    fn functions(&self, name: &str) -> BTreeSet<String> {
        let interface = name.split('@').next().and_then(|name| name.strip_prefix("vactor:actor/"));
        let all = self.wit.interfaces.iter().map(|(_, interface)| interface);
        let of_this_name = all.filter(|candidate| candidate.name.as_deref() == interface);
        of_this_name.flat_map(|interface| interface.functions.keys().cloned()).collect()
    }
}

fn refuse_some(names: BTreeSet<String>, refuse: impl FnOnce(&BTreeSet<String>) -> Error) -> Result<()> {
    if names.is_empty() { Ok(()) } else { Err(refuse(&names)) }
}

fn refuse_imports(names: &BTreeSet<String>) -> Error {
    let reason = format!("it imports {}; a class may import `vactor:actor/context` alone", list(names));
    let of_a_browser = names.iter().any(|name| name.starts_with("__wbindgen"));
    Error::not_a_class(reason, if of_a_browser { ClassDefect::BrowserImports } else { ClassDefect::Imports })
}

fn refuse_functions(interface: &str, names: &BTreeSet<String>) -> Error {
    let reason = format!("it asks `{interface}` for {}, which this vactor does not have", list(names));
    Error::not_a_class(reason, ClassDefect::OtherContract)
}

fn damaged(error: &wasmparser::BinaryReaderError) -> Error {
    let reason = format!("it is damaged, or uses what no class may: {} (at byte {})", error.message(), error.offset());
    Error::not_a_class(reason, ClassDefect::Invalid)
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
