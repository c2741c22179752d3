//! Proofs of lemmas by enclosures: numbers that several lemmas need are enclosed once.

use super::lemma::Lemma;
use super::term::{Id, Terms};
use std::collections::{BTreeMap, BTreeSet};

/// What a number has to weigh to be worth an enclosure of its own.
const WORTH: usize = 6;
/// What an elementary function weighs, in additions.
const HEAVY: usize = 20;

/// Definitions of enclosures, and how a lemma is written with them.
pub(super) struct Proofs<'t, 'a> {
    terms: &'t Terms<'a>,
    /// The names' numbers of what is enclosed, by precision and term.
    names: BTreeMap<(u32, Id), usize>,
    /// The definitions.
    pub(super) text: String,
}

/// Precisions are rounded up, so that lemmas share enclosures.
fn rounded(precision: u32) -> u32 {
    let step = match precision {
        ..=128 => 32,
        129..=512 => 64,
        _ => 256,
    };
    precision.next_multiple_of(step)
}

impl<'t, 'a> Proofs<'t, 'a> {
    /// Encloses whatever several of these lemmas, or several places in them, need.
    pub(super) fn new(terms: &'t Terms<'a>, lemmas: &[(Lemma, Id)]) -> Proofs<'t, 'a> {
        let mut proofs = Proofs { terms, names: BTreeMap::new(), text: String::new() };
        let mut roots: BTreeMap<u32, Vec<Id>> = BTreeMap::new();
        for (lemma, id) in lemmas {
            roots.entry(rounded(lemma.precision)).or_default().push(*id);
        }
        for (precision, roots) in roots {
            proofs.text += &format!("Definition p{precision} := F.PtoP {precision}.\n");
            proofs.share(precision, &roots);
        }
        proofs
    }

    fn share(&mut self, precision: u32, roots: &[Id]) {
        let mut uses: BTreeMap<Id, usize> = BTreeMap::new();
        roots.iter().for_each(|&root| *uses.entry(root).or_default() += 1);
        let mut open: BTreeSet<Id> = uses.keys().copied().collect();
        while let Some(id) = open.pop_last() {
            for &part in &self.terms.nodes[id].parts {
                *uses.entry(part).or_default() += 1;
                open.insert(part);
            }
        }
        let mut weights: BTreeMap<Id, usize> = BTreeMap::new();
        for (&id, &count) in &uses {
            let node = &self.terms.nodes[id];
            let own = match node.head.split(' ').next().unwrap_or_default() {
                "Cos" | "Sin" | "Sqrt" | "Ln" | "Exp" | "Power" | "Root" => HEAVY,
                _ => 1,
            };
            let weight = own + node.parts.iter().map(|part| weights[part]).sum::<usize>();
            if count < 2 || weight < WORTH {
                weights.insert(id, weight);
                continue;
            }
            weights.insert(id, 1);
            let (known, expression) = self.expression(precision, id, true);
            let number = self.names.len() + 1;
            // A name spares Coq to unfold the term wherever it is used.
            let real = match self.terms.names.get(&id) {
                Some(name) => name.clone(),
                None => format!("real _ x{number}"),
            };
            let list = |prefix: &str, join: &str, end: &str| -> String {
                known.iter().map(|known| format!("{prefix}{known}{join}")).collect::<String>() + end
            };
            self.text += &format!(
                "Definition x{number} := {expression}.\n\
                 Definition i{number} := bound p{precision} ({}) x{number}.\n\
                 Definition e{number} : encloses i{number} ({real}) := \
                 bounded p{precision} {} x{number}.\n",
                list("i", " :: ", "nil"),
                also(&known),
            );
            self.names.insert((precision, id), number);
        }
    }

    /// A term as an expression, and the numbers of the enclosures that it refers to.
    fn expression(&self, precision: u32, id: Id, whole: bool) -> (Vec<usize>, String) {
        let (mut known, mut text) = (Vec::new(), String::new());
        self.write(precision, id, whole, &mut known, &mut text);
        (known, text)
    }

    fn write(
        &self,
        precision: u32,
        id: Id,
        whole: bool,
        known: &mut Vec<usize>,
        text: &mut String,
    ) {
        if let (false, Some(&number)) = (whole, self.names.get(&(precision, id))) {
            let at = known.iter().position(|&n| n == number).unwrap_or_else(|| {
                known.push(number);
                known.len() - 1
            });
            *text += &format!("Known {at}");
            return;
        }
        let node = &self.terms.nodes[id];
        *text += &node.head;
        for (place, &part) in node.parts.iter().enumerate() {
            // Two numbers that are compared for equality are shown: they may be the same term.
            let whole = node.head == "Equal" && place < 2;
            let plain =
                self.terms.nodes[part].head == "Pi" && !self.names.contains_key(&(precision, part));
            *text += if plain { " " } else { " (" };
            self.write(precision, part, whole, known, text);
            *text += if plain { "" } else { ")" };
        }
    }

    /// A lemma with its proof.
    pub(super) fn lemma(&self, lemma: &Lemma, id: Id) -> String {
        let precision = rounded(lemma.precision);
        let (known, expression) = self.expression(precision, id, false);
        let Lemma { name, says, by, holes, .. } = lemma;
        format!(
            "Lemma {name} :\n  {says}.\n\
             Proof. by_enclosure ({by} p{precision} {} ({expression}){holes}). Qed.\n",
            also(&known)
        )
    }
}

/// The proofs that some enclosures are right.
fn also(known: &[usize]) -> String {
    let start: String = known.iter().map(|number| format!("(also e{number} ")).collect();
    format!("{start}none{}", ")".repeat(known.len()))
}
