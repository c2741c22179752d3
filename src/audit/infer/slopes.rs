//! Biases with other slopes than the declared ones.

use super::exhibit::{Exhibit, Form, Scene};
use super::rule::round;
use crate::encoding::{self, Alibi, Double};
use crate::request::Position;
use std::collections::BTreeMap;

/// Slopes that a kernel may have in place of the declared ones. H are the heads, m is
/// alibi_bias_max, p the largest power of two up to H.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Slopes {
    /// 2^(−m·h/H), or over p: the series begins at 1.
    FromOne,
    /// 2^(−m(h + 1)/n), n the next power of two from H on.
    NextPower,
    /// 2^(−m(h + 1)/p), in the heads from p on too.
    LowerPower,
    /// The paper's list for the code's, and the reverse.
    OtherList,
    /// In the heads from p on, slopes of 2p heads: from the first one on, one of every `step`.
    Extra { first: i64, step: i64 },
    /// In the heads from p on, the first ones again.
    Repeated,
    /// m is 8, whatever is declared.
    Eight,
    /// Rounded to so many bits.
    Rounded(u32),
    /// As they were measured, by head.
    Measured(BTreeMap<Shape, BTreeMap<usize, f64>>),
}

/// What slopes depend on: heads, whether the paper's list is declared, and the last exponent.
type Shape = (usize, bool, i64);

fn shape(alibi: &Alibi) -> Shape {
    (alibi.num_heads, alibi.slopes == encoding::Slopes::Paper, alibi.bias_max)
}

/// A number rounded to so many bits.
fn short(x: f64, bits: u32) -> f64 {
    let (fraction, exponent) = libm::frexp(x);
    libm::ldexp(libm::rint(libm::ldexp(fraction, bits as i32)), exponent - bits as i32)
}

impl Slopes {
    /// All but what has to be measured.
    pub(super) fn usual() -> Vec<Slopes> {
        let mut list = vec![
            Slopes::FromOne,
            Slopes::NextPower,
            Slopes::LowerPower,
            Slopes::OtherList,
            Slopes::Extra { first: 2, step: 2 },
            Slopes::Extra { first: 1, step: 1 },
            Slopes::Repeated,
            Slopes::Eight,
        ];
        list.extend([8, 11].map(Slopes::Rounded));
        list
    }

    /// The slope of a head; none where nothing is said of it.
    pub(super) fn slope(&self, alibi: &Alibi, head: usize) -> Option<f64> {
        let declared = |alibi: &Alibi| alibi.slope(head).evaluate(&Double);
        let (m, h) = (alibi.bias_max as f64, head as f64);
        let lower = 1i64 << alibi.num_heads.max(1).ilog2();
        let extra = head as i64 - lower;
        let code = alibi.slopes == encoding::Slopes::Code;
        let series = |h: f64, of: i64| Some(libm::exp2(-m * h / of as f64));
        match self {
            Slopes::FromOne if code && extra >= 0 => declared(alibi),
            Slopes::FromOne => series(h, if code { lower } else { alibi.num_heads as i64 }),
            Slopes::NextPower => series(h + 1.0, alibi.num_heads.next_power_of_two() as i64),
            Slopes::LowerPower => series(h + 1.0, lower),
            Slopes::OtherList => {
                let slopes = if code { encoding::Slopes::Paper } else { encoding::Slopes::Code };
                declared(&Alibi { slopes, ..alibi.clone() })
            }
            Slopes::Extra { .. } | Slopes::Repeated if !code => None,
            Slopes::Extra { first, step } if extra >= 0 => {
                series((first + step * extra) as f64, 2 * lower)
            }
            Slopes::Repeated if extra >= 0 => series((extra + 1) as f64, lower),
            Slopes::Extra { .. } | Slopes::Repeated => declared(alibi),
            Slopes::Eight => declared(&Alibi { bias_max: 8, ..alibi.clone() }),
            Slopes::Rounded(bits) => Some(short(declared(alibi)?, *bits)),
            Slopes::Measured(table) => table.get(&shape(alibi))?.get(&head).copied(),
        }
    }

    /// The bias of a head.
    pub(super) fn bias(&self, alibi: &Alibi, head: usize, distance: i128) -> Option<f64> {
        Some(self.slope(alibi, head)? * distance as f64 * beside(alibi)?)
    }

    pub(super) fn cost(&self) -> u32 {
        match self {
            Slopes::OtherList | Slopes::Eight => 3,
            Slopes::Measured(_) => 20,
            _ => 4,
        }
    }

    /// What is computed.
    pub(super) fn words(&self) -> String {
        match self {
            Slopes::FromOne => {
                "the slopes begin at 1: 2^(−m·h/H) instead of 2^(−m(h + 1)/H)".into()
            }
            Slopes::NextPower => {
                "the slopes are the first ones of the next power of two of heads".into()
            }
            Slopes::LowerPower => {
                "the series of the first heads goes on beyond the last power of two: 2^(−m(h + 1)/p)"
                    .into()
            }
            Slopes::OtherList => {
                "the slopes are those of the other list (`paper` for `code`, and the reverse)".into()
            }
            Slopes::Extra { first, step: 2 } => format!(
                "heads beyond the last power of two take every second slope of twice as many heads \
                 from number {first} on, not from number 1 on"
            ),
            Slopes::Extra { .. } => {
                "heads beyond the last power of two take the slopes of twice as many heads one after \
                 the other, not every second"
                    .into()
            }
            Slopes::Repeated => {
                "heads beyond the last power of two have the slopes of the first heads again".into()
            }
            Slopes::Eight => "alibi_bias_max is taken to be 8, whatever is declared".into(),
            Slopes::Rounded(8) => "the slopes are rounded to bf16".into(),
            Slopes::Rounded(_) => "the slopes are rounded to f16".into(),
            Slopes::Measured(table) => {
                let mut list = Vec::new();
                for ((heads, _, _), slopes) in table {
                    for (head, slope) in slopes {
                        list.push(format!("head {head} of {heads} has {}", round(*slope)));
                    }
                }
                let more = if list.len() > 3 { " …" } else { "" };
                list.truncate(3);
                format!(
                    "the biases are proportional to the distance, with other slopes than declared, \
                     and no rule is known that they follow: {}{more}",
                    list.join(", ")
                )
            }
        }
    }

    /// What to change.
    pub(super) fn mend(&self) -> &'static str {
        match self {
            Slopes::Rounded(_) => "compute slopes, distances and their product in f32",
            Slopes::Eight => "read alibi_bias_max",
            _ => {
                "slopes: 2^(−m(h + 1)/p) for the first p heads, p = 2^⌊log₂ H⌋; then those of 2p \
                 heads with numbers 1, 3, 5 …; `paper`: 2^(−m(h + 1)/H)"
            }
        }
    }
}

/// What else multiplies a bias.
fn beside(alibi: &Alibi) -> Option<f64> {
    let factor = match &alibi.factor {
        Some(factor) => factor.evaluate(&Double)?,
        None => 1.0,
    };
    Some(factor / alibi.head_dim.map_or(1.0, |dim| libm::sqrt(dim as f64)))
}

/// The slopes of the heads in which something is wrong, each from its largest distance.
pub(super) fn measured(exhibits: &[Exhibit]) -> Option<Slopes> {
    let mut table: BTreeMap<Shape, BTreeMap<usize, (f64, f64)>> = BTreeMap::new();
    for (index, exhibit) in exhibits.iter().enumerate() {
        let Scene::Grid(grid) = &exhibit.scene else { continue };
        let (alibi, is_bias) = match &grid.form {
            Form::Alibi(alibi) => (alibi, true),
            Form::Slopes(alibi) => (alibi, false),
            _ => continue,
        };
        let more = if is_bias { beside(alibi)? } else { 1.0 };
        let last = grid.keys.iter().copied().max().unwrap_or(0);
        for unit in exhibit.units(index).into_iter().filter(|unit| unit.wrong) {
            let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
            for (j, &key) in grid.keys.iter().enumerate() {
                let [i, k, last] = [grid.queries[unit.token], key, last].map(Position::integer);
                let distance = if is_bias { alibi.distance(i, k, last) as f64 } else { 1.0 };
                let got = exhibit.sides[unit.side].got[start + j];
                let own = table.entry(shape(alibi)).or_default().entry(unit.head);
                let known = own.or_insert((0.0, f64::NAN));
                if distance.abs() > known.0 && got.is_finite() {
                    *known = (distance.abs(), got / distance / more);
                }
            }
        }
    }
    let plain = |(shape, heads): (Shape, BTreeMap<usize, (f64, f64)>)| {
        let heads = heads.into_iter().filter(|(_, (_, slope))| slope.is_finite());
        (shape, heads.map(|(head, (_, slope))| (head, slope)).collect())
    };
    (!table.is_empty()).then(|| Slopes::Measured(table.into_iter().map(plain).collect()))
}
