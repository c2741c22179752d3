//! The arrows: what the items of a file name, and where that is defined.

use crate::house::{Arrow, House};
use crate::read::{attributes, is_test, leaves};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use syn::visit::{self, Visit};

/// All arrows between different files.
pub fn arrows(house: &House) -> BTreeSet<Arrow> {
    let mut found = BTreeSet::new();
    for (id, module) in house.modules.iter().enumerate() {
        let mut named = Named { house, module: id, found: &mut found };
        module.items.iter().for_each(|item| named.visit_item(item));
    }
    found
}

/// Collects the arrows of one module.
struct Named<'h> {
    house: &'h House,
    module: usize,
    found: &'h mut BTreeSet<Arrow>,
}

impl Named<'_> {
    fn path(&mut self, path: &[String]) {
        let from = &self.house.modules[self.module].file;
        for to in self.house.files(self.module, path) {
            if to != from {
                let (from, to) = (from.clone(), to.to_string());
                self.found.insert(Arrow { from, to, name: path.join("::") });
            }
        }
    }

    /// The paths in the tokens of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.path(&std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.path(&std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.path(&path);
    }
}

impl<'ast> Visit<'ast> for Named<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    /// An import is an arrow; a re-export is none.
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if matches!(item.vis, syn::Visibility::Inherited) {
            for (path, name) in leaves(&item.tree) {
                if name.as_deref() != Some("*") {
                    self.path(&path);
                }
            }
        }
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> =
            path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.path(&names);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        self.visit_path(&invoked.path);
        self.tokens(invoked.tokens.clone());
    }
}
