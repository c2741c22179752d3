//! What a path means: the files that define it, re-exports looked through.

use crate::house::{House, Name};
use std::collections::BTreeSet;

/// No chain of re-exports is longer; imports of each other's globs would never end.
const DEPTH: usize = 24;

impl House {
    /// The files that define what a path in a module names; none for a module, for what comes from
    /// outside of the workspace, and for what is no name of an item.
    pub(crate) fn files(&self, module: usize, path: &[String]) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        self.follow(module, path, DEPTH, &mut found);
        found
    }

    fn follow<'h>(
        &'h self,
        module: usize,
        path: &[String],
        depth: usize,
        found: &mut BTreeSet<&'h str>,
    ) {
        let (Some((first, rest)), Some(depth)) = (path.split_first(), depth.checked_sub(1)) else {
            return;
        };
        let here = &self.modules[module];
        let next = match &**first {
            "crate" => Some(here.root),
            "self" => Some(module),
            "super" => here.parent,
            _ => None,
        };
        if let Some(next) = next {
            return self.follow(next, rest, depth, found);
        }
        let Some(meanings) = here.scope.get(first) else {
            match self.roots.get(first) {
                Some(&root) => self.follow(root, rest, depth, found),
                None => here.globs.iter().for_each(|glob| {
                    self.follow(module, &[glob, path].concat(), depth, found);
                }),
            }
            return;
        };
        // What goes on after the name is in a module, where there is one of the name.
        let module_only =
            !rest.is_empty() && meanings.iter().any(|name| matches!(name, Name::Child(_)));
        for meaning in meanings {
            match meaning {
                Name::Here | Name::Imported(_) if module_only => {}
                Name::Here => {
                    found.insert(&here.file);
                }
                Name::Child(child) => self.follow(*child, rest, depth, found),
                // `use ropewalk;` names the crate, not itself.
                Name::Imported(target) if target[0] == *first => {
                    if let Some(&root) = self.roots.get(first) {
                        self.follow(root, &[&target[1..], rest].concat(), depth, found);
                    }
                }
                Name::Imported(target) => {
                    self.follow(module, &[target, rest].concat(), depth, found);
                }
            }
        }
    }
}
