//! Circles: sets of files each of which can be reached from each other along arrows.

use crate::house::Arrow;
use std::collections::{BTreeMap, BTreeSet};

/// The largest sets of files that are in circles with each other, by Tarjan's algorithm.
///
/// ```
/// use ropewalk_graph::{Arrow, circles};
/// let arrow = |from: &str, to: &str| Arrow { from: from.into(), to: to.into(), name: "x".into() };
/// let arrows = [arrow("a", "b"), arrow("b", "c"), arrow("c", "b"), arrow("c", "d")];
/// assert_eq!(circles(&arrows.into()), [["b".to_string(), "c".to_string()].into()]);
/// ```
pub fn circles(arrows: &BTreeSet<Arrow>) -> Vec<BTreeSet<String>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for arrow in arrows {
        next.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let mut search = Search { next: &next, order: BTreeMap::new(), open: vec![], found: vec![] };
    for &file in next.keys() {
        if !search.order.contains_key(file) {
            search.visit(file);
        }
    }
    search.found.sort();
    search.found
}

struct Search<'g> {
    next: &'g BTreeMap<&'g str, BTreeSet<&'g str>>,
    /// When a file was first seen.
    order: BTreeMap<&'g str, usize>,
    /// The files whose circle is not complete.
    open: Vec<&'g str>,
    found: Vec<BTreeSet<String>>,
}

impl<'g> Search<'g> {
    /// Visits a file; returns the earliest that it reaches among those whose circle is open.
    fn visit(&mut self, file: &'g str) -> usize {
        let seen = self.order.len();
        self.order.insert(file, seen);
        let start = self.open.len();
        self.open.push(file);
        let mut earliest = seen;
        for &target in self.next.get(file).into_iter().flatten() {
            if !self.order.contains_key(target) {
                earliest = earliest.min(self.visit(target));
            } else if self.open.contains(&target) {
                earliest = earliest.min(self.order[target]);
            }
        }
        if earliest == seen {
            let circle: BTreeSet<String> =
                self.open.split_off(start).into_iter().map(str::to_string).collect();
            if circle.len() > 1 {
                self.found.push(circle);
            }
        }
        earliest
    }
}
