//! What a path means: the files that define it, re-exports looked through.

use crate::house::{House, Name};
use std::collections::BTreeSet;

/// No path is longer, imports put together.
const LONGEST: usize = 16;

impl House {
    /// The files that define what a path in a module names; none for a module, for what comes from
    /// outside of the workspace, and for what is no name of an item.
    pub(crate) fn files(&self, module: usize, path: &[String]) -> BTreeSet<&str> {
        let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
        self.follow(module, path, &mut seen, &mut found);
        found
    }

    fn follow<'h>(
        &'h self,
        module: usize,
        path: &[String],
        seen: &mut BTreeSet<(usize, Vec<String>)>,
        found: &mut BTreeSet<&'h str>,
    ) {
        let Some((first, rest)) = path.split_first() else { return };
        // Globs of each other's names would never end.
        if path.len() > LONGEST || !seen.insert((module, path.to_vec())) {
            return;
        }
        let here = &self.modules[module];
        let next = match &**first {
            "crate" => Some(here.root),
            "self" => Some(module),
            "super" => here.parent,
            _ => None,
        };
        if let Some(next) = next {
            return self.follow(next, rest, seen, found);
        }
        let Some(meanings) = here.scope.get(first) else {
            match self.roots.get(first) {
                Some(&root) => self.follow(root, rest, seen, found),
                None => {
                    // A glob of another crate brings nothing of this house.
                    let known = |name: &str| {
                        ["crate", "self", "super"].contains(&name)
                            || here.scope.contains_key(name)
                            || self.roots.contains_key(name)
                    };
                    for glob in here.globs.iter().filter(|glob| known(&glob[0])) {
                        self.follow(module, &[glob, path].concat(), seen, found);
                    }
                }
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
                Name::Child(child) => self.follow(*child, rest, seen, found),
                // `use ropewalk;` names the crate, not itself.
                Name::Imported(target) if target[0] == *first => {
                    if let Some(&root) = self.roots.get(first) {
                        self.follow(root, &[&target[1..], rest].concat(), seen, found);
                    }
                }
                Name::Imported(target) => {
                    self.follow(module, &[target, rest].concat(), seen, found);
                }
            }
        }
    }
}
