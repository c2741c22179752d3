//! Numbers that look like ties: how near they are, or that only algebra can tell.
//!
//! Nothing here is trusted. It says how many bits a proof needs, and which lemmas Coq would refuse.

use super::term::{Id, Terms};
use super::text::{decode, named_format};
use rug::Float;
use rug::float::Round::Nearest;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Bits that tell what is e^−2800 beside a tie from the tie.
const BITS: u32 = 12_000;
/// Bits that rounding may have cost.
const LOST: i32 = 400;

/// What a number is to the midpoints around an expected one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Nearness {
    /// So many bits tell it from them, or none are needed, since it is computed exactly.
    Bits(u32),
    /// It is one, and enclosures do not show it.
    Tie,
}

/// How far a term is from the midpoints around significand · 2^exponent.
pub(super) fn nearness(terms: &Terms, id: Id, (m, e): (i128, i32)) -> Option<Nearness> {
    let mut evaluation = Evaluation { terms, known: HashMap::new() };
    let (x, exact) = evaluation.value(id)?;
    if exact {
        return Some(Nearness::Bits(0));
    }
    let size = x.get_exp()?;
    // Quarters, since a power of two has its lower neighbour at half the distance.
    let apart = |quarters: i128| {
        let middle = Float::with_val(BITS, 4 * m + quarters) << (e - 2);
        let off = Float::with_val(BITS, &x - middle);
        off.get_exp().map_or(i32::MAX, |exponent| size.saturating_sub(exponent))
    };
    let bits = [-2, -1, 1, 2].into_iter().map(apart).max()?;
    Some(match bits >= BITS as i32 - LOST {
        true => Nearness::Tie,
        false => Nearness::Bits(bits.max(0).unsigned_abs()),
    })
}

/// A number, and whether nothing in it was rounded.
type Number = (Float, bool);

struct Evaluation<'t, 'a> {
    terms: &'t Terms<'a>,
    known: HashMap<Id, Number>,
}

impl Evaluation<'_, '_> {
    fn value(&mut self, id: Id) -> Option<Number> {
        if let Some(known) = self.known.get(&id) {
            return Some(known.clone());
        }
        let terms = self.terms;
        let node = &terms.nodes[id];
        let made = self.apply(&node.head, &node.parts)?;
        self.known.insert(id, made.clone());
        Some(made)
    }

    fn apply(&mut self, head: &str, parts: &[Id]) -> Option<Number> {
        let mut words = head.split(' ');
        let name = words.next()?;
        let integer = |word: &str| word.trim_matches(['(', ')']).parse::<i128>().ok();
        match name {
            "Int" => return Some((Float::with_val(BITS, integer(words.next()?)?), true)),
            "Bits" => {
                let format = named_format(words.next()?)?;
                let bits = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
                let (m, e) = decode(format, bits)?;
                return Some((Float::with_val(BITS, m) << e, true));
            }
            "Pi" => return Some((Float::with_val(BITS, rug::float::Constant::Pi), false)),
            "Less" | "Equal" => {
                let (a, b) = (self.value(*parts.first()?)?, self.value(*parts.get(1)?)?);
                let holds = if name == "Less" { a.0 < b.0 } else { a.0 == b.0 };
                return self.value(*parts.get(if holds { 2 } else { 3 })?);
            }
            _ => {}
        }
        let given = parts.iter().map(|&part| self.value(part)).collect::<Option<Vec<_>>>()?;
        let all = given.iter().all(|(_, exact)| *exact);
        let (a, b) = (&given.first()?.0, given.get(1).map(|(b, _)| b));
        let rounded = |(x, way): (Float, Ordering)| Some((x, all && way == Ordering::Equal));
        match (name, b) {
            ("Neg", None) => Some((-a.clone(), all)),
            ("Inv", None) => rounded(Float::with_val_round(BITS, a.recip_ref(), Nearest)),
            ("Sqrt", None) => rounded(Float::with_val_round(BITS, a.sqrt_ref(), Nearest)),
            ("Exp", None) => rounded(Float::with_val_round(BITS, a.exp_ref(), Nearest)),
            ("Ln", None) => rounded(Float::with_val_round(BITS, a.ln_ref(), Nearest)),
            ("Cos", None) => rounded(Float::with_val_round(BITS, a.cos_ref(), Nearest)),
            ("Sin", None) => rounded(Float::with_val_round(BITS, a.sin_ref(), Nearest)),
            ("Floor", None) => Some((a.clone().floor(), all || !a.is_integer())),
            ("Ceil", None) => Some((a.clone().ceil(), all || !a.is_integer())),
            ("Add", Some(b)) => rounded(Float::with_val_round(BITS, a + b, Nearest)),
            ("Sub", Some(b)) => rounded(Float::with_val_round(BITS, a - b, Nearest)),
            ("Mul", Some(b)) => rounded(Float::with_val_round(BITS, a * b, Nearest)),
            ("Div", Some(b)) => rounded(Float::with_val_round(BITS, a / b, Nearest)),
            ("Max", Some(b)) => Some((a.clone().max(b), all)),
            ("Min", Some(b)) => Some((a.clone().min(b), all)),
            ("Power", Some(b)) => {
                let product = Float::with_val(BITS, a.log2_ref()) * b;
                rounded(Float::with_val_round(BITS, product.exp2_ref(), Nearest))
            }
            // 2^a · n / √c, by the square that the prelude takes the root of where 2a is whole.
            ("Root", Some(c)) => {
                let n = integer(words.next()?)?;
                let twice = Float::with_val(BITS, a * 2u32);
                let (power, way) = Float::with_val_round(BITS, twice.exp2_ref(), Nearest);
                let squared = Float::with_val(BITS, n) * n * power;
                let (square, other) = Float::with_val_round(BITS, &squared / c, Nearest);
                let (root, last) = Float::with_val_round(BITS, square.sqrt_ref(), Nearest);
                let exact = all && [way, other, last].iter().all(|way| *way == Ordering::Equal);
                Some((if n < 0 { -root } else { root }, exact))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::formula::Formula;
    use super::*;

    #[test]
    fn ties_that_only_algebra_sees_are_told_from_those_beside_one() {
        let formula = Formula::default();
        let mut terms = Terms::new(&formula);
        let mut of = |text: &str| {
            let id = terms.read(text).unwrap();
            // 1 as a bf16.
            nearness(&terms, id, (128, -7)).unwrap()
        };
        assert_eq!(of("1 + 1 / 256"), Nearness::Bits(0));
        assert_eq!(of("sqrt (257 * 257) / 256"), Nearness::Bits(0));
        assert_eq!(of("257 * (exp 1 / exp 1) / 256"), Nearness::Tie);
        assert_eq!(of("257 / 256 * (3 * (1 / 3))"), Nearness::Tie);
        let Nearness::Bits(bits) = of("257 / 256 - exp (-2000)") else { panic!("no tie") };
        assert!((2880..2890).contains(&bits), "{bits}");
    }
}
