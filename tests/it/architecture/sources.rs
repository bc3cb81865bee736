//! The Rust files of a crate as syntax trees, with a table of the names of each module. Code of tests is left out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemMod, Meta, UseTree};

pub type ModuleId = usize;

/// A definition that a path leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Definition {
    Module(ModuleId),
    Item(ModuleId, String),
}

/// A module, in a file of its own or inline.
pub struct Module {
    pub file: PathBuf,
    pub items: Vec<Item>,
    /// The module, or one around it, is compiled on some systems only.
    pub conditional: bool,
    parent: Option<ModuleId>,
    names: HashMap<String, Vec<Binding>>,
    globs: Vec<Vec<String>>,
}

#[derive(Clone)]
enum Binding {
    Module(ModuleId),
    Item,
    Import(Vec<String>),
}

/// A crate. Its first module is the root.
#[derive(Default)]
pub struct Crate {
    pub modules: Vec<Module>,
}

impl Crate {
    pub fn read(root: &Path) -> Self {
        let mut this = Self::default();
        this.read_file(root, root.parent().unwrap(), None, false);
        this
    }

    fn read_file(&mut self, file: &Path, folder: &Path, parent: Option<ModuleId>, conditional: bool) -> ModuleId {
        let source = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&source).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.add(file, folder, parent, conditional, parsed.items)
    }

    /// Adds a module and its children; the files of its children are in `folder`.
    fn add(
        &mut self,
        file: &Path,
        folder: &Path,
        parent: Option<ModuleId>,
        conditional: bool,
        mut items: Vec<Item>,
    ) -> ModuleId {
        items.retain(|item| !is_of_tests(attributes(item)));
        let id = self.modules.len();
        let (file, names, globs) = (file.to_owned(), HashMap::new(), Vec::new());
        self.modules.push(Module { file: file.clone(), items: Vec::new(), conditional, parent, names, globs });
        for item in &mut items {
            match item {
                Item::Mod(child) => {
                    let conditional = conditional || is_conditional(&child.attrs) || has_variants(&child.attrs);
                    let inner = folder.join(child.ident.to_string());
                    let children = match &mut child.content {
                        Some((_, items)) => vec![self.add(&file, &inner, Some(id), conditional, std::mem::take(items))],
                        None => files_of(child, &file, folder)
                            .iter()
                            .map(|path| self.read_file(path, &inner, Some(id), conditional))
                            .collect(),
                    };
                    for child_id in children {
                        self.bind(id, child.ident.to_string(), Binding::Module(child_id));
                    }
                }
                Item::Use(import) => {
                    for (path, name) in leaves(&import.tree) {
                        match name {
                            Some(name) => self.bind(id, name, Binding::Import(path)),
                            None => self.modules[id].globs.push(path),
                        }
                    }
                }
                item => {
                    if let Some(name) = name_of(item) {
                        self.bind(id, name, Binding::Item);
                    }
                }
            }
        }
        self.modules[id].items = items;
        id
    }

    fn bind(&mut self, id: ModuleId, name: String, binding: Binding) {
        self.modules[id].names.entry(name).or_default().push(binding);
    }

    /// The definitions that `path` leads to from the module `from`, and the number of its segments that lead there.
    pub fn resolve(&self, from: ModuleId, path: &[String]) -> Vec<(Definition, usize)> {
        self.resolve_within(from, path, 0)
    }

    fn resolve_within(&self, from: ModuleId, path: &[String], depth: usize) -> Vec<(Definition, usize)> {
        let Some(first) = path.first().filter(|_| depth < 16) else { return Vec::new() };
        let start = match first.as_str() {
            "crate" => vec![Definition::Module(0)],
            "self" => vec![Definition::Module(from)],
            "super" => self.modules[from].parent.map(Definition::Module).into_iter().collect(),
            name => self.look_up(from, name, depth),
        };
        let go_on = |definition| match definition {
            Definition::Module(id) if path.len() > 1 => {
                let rest = &path[1..];
                let found = match rest[0].as_str() {
                    "super" | "self" => self.resolve_within(id, rest, depth + 1),
                    name => self
                        .look_up(id, name, depth)
                        .into_iter()
                        .flat_map(|next| self.follow(next, rest, depth))
                        .collect(),
                };
                found.into_iter().map(|(definition, used)| (definition, used + 1)).collect()
            }
            definition => vec![(definition, 1)],
        };
        start.into_iter().flat_map(go_on).collect()
    }

    /// Goes on from the definition that the first segment of `path` named.
    fn follow(&self, definition: Definition, path: &[String], depth: usize) -> Vec<(Definition, usize)> {
        match definition {
            Definition::Module(id) if path.len() > 1 => {
                let next = self.look_up(id, &path[1], depth);
                let found = next.into_iter().flat_map(|next| self.follow(next, &path[1..], depth));
                found.map(|(definition, used)| (definition, used + 1)).collect()
            }
            definition => vec![(definition, 1)],
        }
    }

    fn look_up(&self, id: ModuleId, name: &str, depth: usize) -> Vec<Definition> {
        if depth > 16 {
            return Vec::new();
        }
        let module = &self.modules[id];
        let import = |path: &[String]| {
            let whole = self.resolve_within(id, path, depth + 1).into_iter().filter(|(_, used)| *used == path.len());
            whole.map(|(definition, _)| definition).collect::<Vec<_>>()
        };
        if let Some(bindings) = module.names.get(name) {
            let definitions = bindings.iter().flat_map(|binding| match binding {
                Binding::Module(id) => vec![Definition::Module(*id)],
                Binding::Item => vec![Definition::Item(id, name.to_owned())],
                // `use name::…` names a crate
                Binding::Import(path) if path.first().is_some_and(|first| first == name) => Vec::new(),
                Binding::Import(path) => import(path),
            });
            return definitions.collect();
        }
        let globs = module.globs.iter().flat_map(|path| import(path));
        let within = globs.flat_map(|definition| match definition {
            Definition::Module(other) if other != id => self.look_up(other, name, depth + 1),
            _ => Vec::new(),
        });
        within.collect()
    }
}

/// The file of `mod name;`, or the files of its variants for several systems.
fn files_of(module: &ItemMod, parent: &Path, folder: &Path) -> Vec<PathBuf> {
    let name = module.ident.to_string();
    let beside = parent.parent().unwrap();
    let text = |meta: &Meta| match meta {
        Meta::NameValue(path) if path.path.is_ident("path") => match &path.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(beside.join(text.value())),
            _ => None,
        },
        _ => None,
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for attribute in &module.attrs {
        files.extend(text(&attribute.meta));
        if attribute.path().is_ident("cfg_attr") {
            let metas =
                attribute.parse_args_with(syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated);
            files.extend(metas.unwrap().iter().filter_map(text));
        }
    }
    let usual = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
    files.extend(usual.into_iter().filter(|file| file.exists()));
    files
}

/// Each path that an import names, with the name it gets; `None` for `*`.
pub fn leaves(tree: &UseTree) -> Vec<(Vec<String>, Option<String>)> {
    fn walk(tree: &UseTree, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, Option<String>)>) {
        let mut leaf = |ident: &syn::Ident, name: &syn::Ident| {
            let mut whole = path.clone();
            // `use a::{self}` names `a`
            if ident != "self" || path.is_empty() {
                whole.push(ident.to_string());
            }
            let name = if name == "self" { whole.last().unwrap().clone() } else { name.to_string() };
            found.push((whole, Some(name)));
        };
        match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                walk(&step.tree, path, found);
                path.pop();
            }
            UseTree::Name(name) => leaf(&name.ident, &name.ident),
            UseTree::Rename(rename) => leaf(&rename.ident, &rename.rename),
            UseTree::Glob(_) => found.push((path.clone(), None)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| walk(tree, path, found)),
        }
    }
    let mut found = Vec::new();
    walk(tree, &mut Vec::new(), &mut found);
    found
}

fn name_of(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Macro(item) => item.ident.as_ref()?.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Union(item) => item.ident.to_string(),
        _ => return None,
    })
}

pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

pub fn is_conditional(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg") && !is_of_the_product(attribute))
}

/// The module is private without the feature that the library's own tests use.
fn is_of_the_product(attribute: &Attribute) -> bool {
    matches!(&attribute.meta, Meta::List(list) if list.tokens.to_string() == "not (feature = \"internals\")")
}

/// Its file is another one on some systems.
fn has_variants(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg_attr"))
}

/// `#[cfg(test)]`, also as one of several conditions, and the feature of the tests.
pub fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if attribute.path().is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition == "feature = \"internals\"" || condition.starts_with("all (test")
        }
        _ => attribute.path().is_ident("test"),
    })
}
