//! From source files to modules.

use crate::house::{Crate, House, Module, Name};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// A source file that cannot be read.
#[derive(Debug)]
pub struct ReadError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for ReadError {}

/// The crates of a workspace: the root package and those in `crates/`.
///
/// # Errors
/// A folder or a manifest cannot be read.
pub fn workspace(root: &Path) -> Result<Vec<Crate>, ReadError> {
    let mut folders = vec![root.to_path_buf()];
    let crates = root.join("crates");
    let entries = std::fs::read_dir(&crates).map_err(|error| failed(&crates, error))?;
    folders.extend(entries.filter_map(Result::ok).map(|entry| entry.path()));
    folders.sort();
    let mut found = Vec::new();
    for folder in folders {
        let roots = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file));
        let Some(root) = roots.into_iter().find(|file| file.exists()) else { continue };
        let manifest = folder.join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).map_err(|error| failed(&manifest, error))?;
        let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        let name = name.ok_or_else(|| failed(&manifest, "no name of a package"))?;
        found.push(Crate { name: name.replace('-', "_"), root });
    }
    Ok(found)
}

/// Reads all modules of the crates; files are named from `base`.
///
/// # Errors
/// A file cannot be read, or is not Rust.
pub fn read(base: &Path, crates: &[Crate]) -> Result<House, ReadError> {
    let mut house = House::default();
    for Crate { name, root } in crates {
        let folder = root.parent().unwrap_or(base);
        let id = file(&mut house, base, root, folder, None)?;
        house.roots.insert(name.clone(), id);
    }
    Ok(house)
}

/// Reads a file and what hangs on it; its child modules lie in `folder`.
fn file(
    house: &mut House,
    base: &Path,
    path: &Path,
    folder: &Path,
    parent: Option<usize>,
) -> Result<usize, ReadError> {
    let text = std::fs::read_to_string(path).map_err(|error| failed(path, error))?;
    let parsed = syn::parse_file(&text).map_err(|error| failed(path, error))?;
    let name = path.strip_prefix(base).unwrap_or(path).display().to_string();
    module(house, base, &name, parsed.items, folder, parent)
}

fn module(
    house: &mut House,
    base: &Path,
    file_name: &str,
    items: Vec<syn::Item>,
    folder: &Path,
    parent: Option<usize>,
) -> Result<usize, ReadError> {
    let id = house.modules.len();
    house.modules.push(Module {
        file: file_name.to_string(),
        parent,
        root: parent.map_or(id, |parent| house.modules[parent].root),
        scope: Default::default(),
        globs: Vec::new(),
        items: Vec::new(),
    });
    for item in items.into_iter().filter(|item| !is_test(attributes(item))) {
        if let syn::Item::Mod(child) = item {
            let name = child.ident.to_string();
            let inner = folder.join(&name);
            let child = match child.content {
                Some((_, items)) => module(house, base, file_name, items, &inner, Some(id))?,
                None => {
                    let beside = folder.join(format!("{name}.rs"));
                    let path = if beside.exists() { beside } else { inner.join("mod.rs") };
                    file(house, base, &path, &inner, Some(id))?
                }
            };
            house.modules[id].scope.entry(name).or_default().push(Name::Child(child));
        } else {
            let mut scope = Scope { module: &mut house.modules[id] };
            if let Some(name) = defined(&item) {
                scope.add(name, Name::Here);
            }
            scope.visit_item(&item);
            house.modules[id].items.push(item);
        }
    }
    Ok(id)
}

/// Collects what `use` brings in, those inside functions included.
struct Scope<'m> {
    module: &'m mut Module,
}

impl Scope<'_> {
    fn add(&mut self, name: String, meaning: Name) {
        self.module.scope.entry(name).or_default().push(meaning);
    }
}

impl<'ast> Visit<'ast> for Scope<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for (path, name) in leaves(&item.tree) {
            match name.as_deref() {
                Some("*") => self.module.globs.push(path),
                Some(name) => self.add(name.to_string(), Name::Imported(path)),
                None => {}
            }
        }
    }

    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }
}

/// The paths of a `use`, each with the name it gets here; `*` for all of a module's.
pub(crate) fn leaves(tree: &syn::UseTree) -> Vec<(Vec<String>, Option<String>)> {
    fn walk(
        tree: &syn::UseTree,
        before: &[String],
        found: &mut Vec<(Vec<String>, Option<String>)>,
    ) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => walk(&path.tree, &with(&path.ident), found),
            syn::UseTree::Name(name) if name.ident == "self" => {
                found.push((with(&name.ident), before.last().cloned()));
            }
            syn::UseTree::Name(name) => {
                found.push((with(&name.ident), Some(name.ident.to_string())));
            }
            syn::UseTree::Rename(rename) => {
                let path =
                    if rename.ident == "self" { before.to_vec() } else { with(&rename.ident) };
                let name = rename.rename.to_string();
                found.push((path, (name != "_").then_some(name)));
            }
            syn::UseTree::Glob(_) => found.push((before.to_vec(), Some("*".to_string()))),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| walk(tree, before, found));
            }
        }
    }
    let mut found = Vec::new();
    walk(tree, &[], &mut found);
    found
}

fn defined(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

pub(crate) fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether what has these attributes is compiled for tests alone.
pub(crate) fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let text = list.tokens.to_string();
        list.path.is_ident("cfg") && text.split(|c: char| !c.is_alphanumeric()).any(|w| w == "test")
    })
}

fn failed(path: &Path, why: impl ToString) -> ReadError {
    ReadError { path: path.to_path_buf(), why: why.to_string() }
}
