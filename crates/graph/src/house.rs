//! What is known of the source: crates, their modules, and the names in each.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A crate to be read.
#[derive(Clone, Debug)]
pub struct Crate {
    /// The name that other crates import it by.
    pub name: String,
    /// Its root file.
    pub root: PathBuf,
}

/// All modules of all crates.
#[derive(Default)]
pub struct House {
    /// The root module of each crate, by the name that others import it by.
    pub(crate) roots: BTreeMap<String, usize>,
    pub(crate) modules: Vec<Module>,
}

/// A module: a file, or a part of one.
pub(crate) struct Module {
    /// The file, as paths are written from the root of the repository.
    pub file: String,
    pub parent: Option<usize>,
    pub root: usize,
    /// A name may stand for a module and for a function at once.
    pub scope: BTreeMap<String, Vec<Name>>,
    pub globs: Vec<Vec<String>>,
    /// What the module holds, child modules and tests left out.
    pub items: Vec<syn::Item>,
}

/// What a name in a module stands for.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    /// Defined in the module itself.
    Here,
    Child(usize),
    Imported(Vec<String>),
}

/// A file names something that another defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    /// The file that names it.
    pub from: String,
    /// The file that defines it.
    pub to: String,
    /// The name.
    pub name: String,
}
