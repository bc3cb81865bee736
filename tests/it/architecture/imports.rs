//! Which file uses a definition of which other file: by a path, or by a call of a method whose receiver's type is
//! written down (`self`, arguments, fields, results of functions). Other receivers are not followed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Block, Expr, FnArg, ImplItem, Item, Pat, ReturnType, Signature, TraitItem, Type, Visibility};

use super::sources::{self, Crate, Definition, Module, ModuleId};

/// For each file, the files that it uses, with the names by which it does.
pub type Imports = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

/// A type, by its module and name.
type TypeKey = (ModuleId, String);

pub fn imports(krate: &Crate) -> Imports {
    let signatures = Signatures::read(krate);
    let mut imports = Imports::new();
    for (module, Module { file, items, .. }) in krate.modules.iter().enumerate() {
        let found = imports.entry(file.clone()).or_default();
        let mut reader =
            Reader { krate, signatures: &signatures, module, this: None, locals: HashMap::new(), found, file };
        items.iter().for_each(|item| reader.visit_item(item));
    }
    imports
}

/// The file that defines a method, and the type that it returns.
type DefinedMethod = (PathBuf, Option<TypeKey>);

/// Types of fields, and of what functions and methods return.
#[derive(Default)]
struct Signatures {
    fields: HashMap<(TypeKey, String), TypeKey>,
    methods: HashMap<(TypeKey, String), Vec<DefinedMethod>>,
    functions: HashMap<TypeKey, TypeKey>,
}

impl Signatures {
    fn read(krate: &Crate) -> Self {
        let mut read = Self::default();
        for (module, Module { items, .. }) in krate.modules.iter().enumerate() {
            items.iter().for_each(|item| read.item(krate, module, item));
        }
        read
    }

    fn item(&mut self, krate: &Crate, module: ModuleId, item: &Item) {
        let file = &krate.modules[module].file;
        match item {
            Item::Struct(item) => {
                let this = (module, item.ident.to_string());
                for (at, field) in item.fields.iter().enumerate() {
                    let name = field.ident.as_ref().map_or(at.to_string(), ToString::to_string);
                    if let Some(of) = core_type(krate, module, Some(&this), &field.ty) {
                        self.fields.insert((this.clone(), name), of);
                    }
                }
            }
            Item::Fn(item) => {
                if let Some(returned) = returned(krate, module, None, &item.sig) {
                    self.functions.insert((module, item.sig.ident.to_string()), returned);
                }
            }
            Item::Impl(item) if item.trait_.is_none() => {
                let Some(this) = core_type(krate, module, None, &item.self_ty) else { return };
                for part in &item.items {
                    if let ImplItem::Fn(method) = part {
                        self.method(krate, module, file, &this, &method.sig);
                    }
                }
            }
            Item::Trait(item) => {
                let this = (module, item.ident.to_string());
                for part in &item.items {
                    if let TraitItem::Fn(method) = part {
                        self.method(krate, module, file, &this, &method.sig);
                    }
                }
            }
            _ => {}
        }
    }

    fn method(&mut self, krate: &Crate, module: ModuleId, file: &Path, this: &TypeKey, signature: &Signature) {
        let of = returned(krate, module, Some(this), signature);
        self.methods.entry((this.clone(), signature.ident.to_string())).or_default().push((file.to_owned(), of));
    }
}

fn returned(krate: &Crate, module: ModuleId, this: Option<&TypeKey>, signature: &Signature) -> Option<TypeKey> {
    match &signature.output {
        ReturnType::Type(_, of) => core_type(krate, module, this, of),
        ReturnType::Default => None,
    }
}

/// The crate's own type inside of references, `Arc`, `Option`, `Result` and the like.
fn core_type(krate: &Crate, module: ModuleId, this: Option<&TypeKey>, of: &Type) -> Option<TypeKey> {
    let bounds = |bounds: &Punctuated<syn::TypeParamBound, syn::Token![+]>| {
        bounds.iter().find_map(|bound| match bound {
            syn::TypeParamBound::Trait(bound) => item_of(krate, module, &segments(&bound.path)),
            _ => None,
        })
    };
    match of {
        Type::Reference(of) => core_type(krate, module, this, &of.elem),
        Type::Paren(of) => core_type(krate, module, this, &of.elem),
        Type::TraitObject(of) => bounds(&of.bounds),
        Type::ImplTrait(of) => bounds(&of.bounds),
        Type::Path(of) => {
            let last = of.path.segments.last()?;
            if last.ident == "Self" {
                return this.cloned();
            }
            if let Some(found) = item_of(krate, module, &segments(&of.path)) {
                let is_alias = |item: &Item| matches!(item, Item::Type(alias) if alias.ident == found.1);
                if !krate.modules[found.0].items.iter().any(is_alias) {
                    return Some(found);
                }
            }
            let wraps = ["Arc", "Rc", "Box", "Option", "Result", "LazyLock", "OnceLock", "MutexGuard"];
            match &last.arguments {
                syn::PathArguments::AngleBracketed(arguments) if wraps.iter().any(|name| last.ident == name) => {
                    arguments.args.iter().find_map(|argument| match argument {
                        syn::GenericArgument::Type(of) => core_type(krate, module, this, of),
                        _ => None,
                    })
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

fn item_of(krate: &Crate, module: ModuleId, path: &[String]) -> Option<TypeKey> {
    krate.resolve(module, path).into_iter().find_map(|(definition, used)| match definition {
        Definition::Item(module, name) if used == path.len() => Some((module, name)),
        _ => None,
    })
}

/// Walks one module of a file.
struct Reader<'a> {
    krate: &'a Crate,
    signatures: &'a Signatures,
    module: ModuleId,
    file: &'a Path,
    /// The type of `self`.
    this: Option<TypeKey>,
    locals: HashMap<String, TypeKey>,
    found: &'a mut BTreeMap<PathBuf, BTreeSet<String>>,
}

impl Reader<'_> {
    fn note(&mut self, file: &Path, name: String) {
        if file != self.file {
            self.found.entry(file.to_owned()).or_default().insert(name);
        }
    }

    fn path(&mut self, path: &[String]) {
        if path.first().is_some_and(|first| first == "Self") {
            if let (Some(this), Some(method)) = (self.this.clone(), path.get(1)) {
                self.method(&this, method);
            }
            return;
        }
        for (definition, used) in self.krate.resolve(self.module, path) {
            let Definition::Item(module, name) = definition else { continue };
            let key = (module, name);
            let is_method = path.get(used).is_some_and(|method| self.method(&key, method));
            if !is_method {
                self.note(&self.krate.modules[module].file, key.1);
            }
        }
    }

    /// Notes the file that defines a method; whether the type has it.
    fn method(&mut self, of: &TypeKey, method: &str) -> bool {
        let Some(defined) = self.signatures.methods.get(&(of.clone(), method.to_owned())) else { return false };
        for (file, _) in defined {
            self.note(file, format!("{}::{method}", of.1));
        }
        true
    }

    fn type_of(&self, expression: &Expr) -> Option<TypeKey> {
        match expression {
            Expr::Path(path) => match path.path.get_ident()?.to_string().as_str() {
                "self" => self.this.clone(),
                name => self.locals.get(name).cloned(),
            },
            Expr::Field(field) => {
                let name = match &field.member {
                    syn::Member::Named(name) => name.to_string(),
                    syn::Member::Unnamed(index) => index.index.to_string(),
                };
                self.signatures.fields.get(&(self.type_of(&field.base)?, name)).cloned()
            }
            Expr::MethodCall(call) => {
                let name = call.method.to_string();
                let of = self.type_of(&call.receiver)?;
                match self.signatures.methods.get(&(of.clone(), name.clone())) {
                    Some(defined) => defined.first()?.1.clone(),
                    None if ["clone", "as_ref", "unwrap", "expect", "as_deref", "borrow"].contains(&name.as_str()) => {
                        Some(of)
                    }
                    None => None,
                }
            }
            Expr::Call(call) => {
                let Expr::Path(path) = &*call.func else { return None };
                let path = segments(&path.path);
                let of = match path.as_slice() {
                    [first, method] if first == "Self" => Some((self.this.clone()?, method.clone())),
                    _ => None,
                };
                let (definition, used) = match of {
                    Some(key) => return self.signatures.methods.get(&key)?.first()?.1.clone(),
                    None => self.krate.resolve(self.module, &path).into_iter().next()?,
                };
                let Definition::Item(module, name) = definition else { return None };
                match path.get(used) {
                    Some(method) => self.signatures.methods.get(&((module, name), method.clone()))?.first()?.1.clone(),
                    None => self.signatures.functions.get(&(module, name)).cloned(),
                }
            }
            Expr::Struct(made) => match segments(&made.path).as_slice() {
                [name] if name == "Self" => self.this.clone(),
                path => item_of(self.krate, self.module, path),
            },
            Expr::Reference(inner) => self.type_of(&inner.expr),
            Expr::Paren(inner) => self.type_of(&inner.expr),
            Expr::Try(inner) => self.type_of(&inner.expr),
            Expr::Unary(inner) => self.type_of(&inner.expr),
            _ => None,
        }
    }

    fn function(&mut self, signature: &Signature, block: Option<&Block>) {
        let around = std::mem::take(&mut self.locals);
        self.visit_signature(signature);
        for argument in &signature.inputs {
            if let FnArg::Typed(argument) = argument {
                self.local(&argument.pat, core_type(self.krate, self.module, self.this.as_ref(), &argument.ty));
            }
        }
        if let Some(block) = block {
            self.visit_block(block);
        }
        self.locals = around;
    }

    fn local(&mut self, pattern: &Pat, of: Option<TypeKey>) {
        match pattern {
            Pat::Type(pattern) => {
                let of = core_type(self.krate, self.module, self.this.as_ref(), &pattern.ty).or(of);
                self.local(&pattern.pat, of);
            }
            Pat::Reference(pattern) => self.local(&pattern.pat, of),
            Pat::Ident(name) => match of {
                Some(of) => drop(self.locals.insert(name.ident.to_string(), of)),
                None => drop(self.locals.remove(&name.ident.to_string())),
            },
            // `Some(name)`, `Ok(name)`: `core_type` looks inside of these
            Pat::TupleStruct(pattern) if pattern.elems.len() == 1 && pattern.path.get_ident().is_some() => {
                self.local(&pattern.elems[0], of);
            }
            _ => {}
        }
    }

    /// Paths in tokens that are no expressions.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.path(&std::mem::take(&mut path));
                    }
                    path.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.path(&std::mem::take(&mut path));
                    self.tokens(group.stream());
                }
                _ => self.path(&std::mem::take(&mut path)),
            }
        }
        self.path(&path);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    /// A name that is only handed on is no use of it; where the file uses it, a path says so.
    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        if matches!(import.vis, Visibility::Inherited) {
            for (path, _) in sources::leaves(&import.tree) {
                self.path(&path);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.path(&segments(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.path(&segments(&call.path));
        match call.parse_body_with(Punctuated::<Expr, syn::Token![,]>::parse_terminated) {
            Ok(expressions) => expressions.iter().for_each(|expression| self.visit_expr(expression)),
            Err(_) => self.tokens(call.tokens.clone()),
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.this = core_type(self.krate, self.module, None, &item.self_ty);
        visit::visit_item_impl(self, item);
        self.this = None;
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.this = Some((self.module, item.ident.to_string()));
        visit::visit_item_trait(self, item);
        self.this = None;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, Some(&item.block));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !sources::is_of_tests(&item.attrs) {
            self.function(&item.sig, Some(&item.block));
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig, item.default.as_ref());
    }

    fn visit_local(&mut self, item: &'ast syn::Local) {
        visit::visit_local(self, item);
        let of = item.init.as_ref().and_then(|init| self.type_of(&init.expr));
        self.local(&item.pat, of);
    }

    fn visit_expr_let(&mut self, item: &'ast syn::ExprLet) {
        visit::visit_expr_let(self, item);
        self.local(&item.pat, self.type_of(&item.expr));
    }

    fn visit_pat_ident(&mut self, name: &'ast syn::PatIdent) {
        self.locals.remove(&name.ident.to_string());
        visit::visit_pat_ident(self, name);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if let Some(of) = self.type_of(&call.receiver) {
            self.method(&of, &call.method.to_string());
        }
        visit::visit_expr_method_call(self, call);
    }
}
