//! The worst error of a profile over every position of a range, and where it first exceeds a bound.
//!
//! A machine knows a position only as its format has it, so integers that round alike form a
//! *group* with one computed angle: 75.5 million groups up to 2^31 in f32, 2944 in bf16. Within a
//! group the error of the angle, computed − pθ, is linear in p, so that its ends have the extremes.
//! Between the ends, the distance of (cos, sin) from a point is at most the larger one at the ends
//! plus L²/8 times the magnitude, L being the angle between the ends: a curve whose second
//! derivative is at most 1 departs by no more from its chord. Where that leaves open which position
//! is the worst, every position of the group is looked at. Nothing is sampled.
//!
//! Errors are evaluated in f64 with θ in three pieces, the first two short enough for exact
//! products ([`Known`]); what that may be off ([`slack`]) is added where an error is claimed to be
//! the largest, and where it could turn a comparison with the bound, the reference decides
//! ([`Truth`]). The result does not depend on the number of threads, nor on how a range is cut.

mod blocks;
mod chain;
mod search;

use super::emulator::{Emulator, Stored};
use super::pipeline::Route;
use super::{Machine, Profile};
use crate::encoding::{Expression, Rope};
use crate::number::Format;
use crate::request::Direction;
use rayon::prelude::*;
use std::ops::Range;

/// Positions are below this: then a position times a piece of a frequency is exact.
pub const LAST_POSITION: u64 = 1 << 32;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// |computed angle − pθ|, radians.
    Angle,
    /// The larger of the errors of cos and sin as the table holds them, magnitude included.
    Table,
    /// The largest error of a rotated vector over its length, exact arithmetic after the table:
    /// the distance of the stored cos + i·sin from the exact one.
    Rotation,
}

impl Measure {
    /// All of them.
    pub const ALL: [Measure; 3] = [Measure::Angle, Measure::Table, Measure::Rotation];

    /// The word in a report.
    pub const fn name(self) -> &'static str {
        match self {
            Measure::Angle => "angle",
            Measure::Table => "table",
            Measure::Rotation => "rotation",
        }
    }
}

/// What is known of a plane, in machine numbers.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// θ = the sum, up to 2^−93·θ: two pieces of at most 21 bits, and the rest.
    pub pieces: [f64; 3],
    /// θ/2π modulo 1, in units of 2^−128, at most one off.
    pub turn: u128,
    /// The magnitude, within 2^−52 of it.
    pub magnitude: f64,
}

/// What a machine has at a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Computed {
    /// The angle, radians.
    pub angle: f64,
    /// cos and sin as they are stored, magnitude included.
    pub table: [f64; 2],
}

/// The exact side of a sweep, which a layer above supplies.
pub trait Truth: Sync {
    /// A plane of the rope.
    fn plane(&self, plane: usize) -> Known;

    /// The three errors of a result, each between two numbers, as close as anybody needs.
    fn errors(&self, plane: usize, position: u64, result: &Computed) -> [[f64; 2]; 3];
}

/// An error and the first position that has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worst {
    /// As evaluated in f64; infinite where the machine has no number.
    pub error: f64,
    /// Where.
    pub position: u64,
}

/// What a sweep finds out about one measure of one plane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Finding {
    /// The largest error; none of an empty range.
    pub worst: Option<Worst>,
    /// The first position whose error exceeds the bound.
    pub first: Option<u64>,
}

/// What a sweep finds out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Swept {
    /// Plane by plane, in the order of [`Measure::ALL`].
    pub planes: Vec<[Finding; 3]>,
    /// The largest angle error of any plane among positions from 2^(k−1) to 2^k − 1 (entry 0:
    /// position 0), and the plane.
    pub octaves: Vec<Option<(Worst, usize)>>,
}

fn larger(a: Worst, b: Worst) -> Worst {
    let order = a.error.total_cmp(&b.error).then(b.position.cmp(&a.position));
    if order.is_ge() { a } else { b }
}

fn either<T>(a: Option<T>, b: Option<T>, choose: impl FnOnce(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(choose(a, b)),
        (a, b) => a.or(b),
    }
}

impl Finding {
    /// What is true of both ranges.
    pub fn merge(self, other: Finding) -> Finding {
        Finding {
            worst: either(self.worst, other.worst, larger),
            first: either(self.first, other.first, u64::min),
        }
    }
}

impl Swept {
    /// What is true of both ranges. The order does not matter.
    pub fn merge(mut self, other: Swept) -> Swept {
        if self.planes.len() < other.planes.len() {
            self.planes.resize(other.planes.len(), Default::default());
        }
        for (mine, theirs) in self.planes.iter_mut().zip(other.planes) {
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                *mine = mine.merge(theirs);
            }
        }
        if self.octaves.len() < other.octaves.len() {
            self.octaves.resize(other.octaves.len(), None);
        }
        for (mine, theirs) in self.octaves.iter_mut().zip(other.octaves) {
            *mine = either(*mine, theirs, |(a, plane), (b, other)| {
                match a.error == b.error && a.position == b.position {
                    true => (a, plane.min(other)),
                    false if larger(a, b) == a => (a, plane),
                    false => (b, other),
                }
            });
        }
        self
    }
}

/// The most that an evaluated error of a measure is off: in parts of it, and absolutely at a
/// position.
///
/// Angle: pθ₁ and pθ₂ are exact; the three differences and pθ₃, which is below 2^−41·pθ, are rounded
/// to 2^−53, and intermediate results exceed the error by at most 2^−41·pθ: with what the pieces
/// leave out, less than 2^−50 of the error and 2^−91·pθ. Table and rotation: the turn, its product
/// with 2π, `libm`'s sine and cosine (1 ulp), the magnitude and the difference are each within
/// 2^−51 of what they stand for.
pub fn slack(measure: Measure, known: &Known, position: u64) -> (f64, f64) {
    match measure {
        Measure::Angle => (
            2f64.powi(-50),
            2f64.powi(-91) * position as f64 * known.pieces.iter().sum::<f64>().abs(),
        ),
        _ => (2f64.powi(-50), 2f64.powi(-48) * known.magnitude.abs()),
    }
}

/// A profile and a rope, ready to be swept.
pub struct Sweep<'a> {
    routes: Vec<Option<Route<f64>>>,
    known: Vec<Known>,
    /// Where positions are rounded.
    format: Format,
    /// Where a running product is multiplied.
    tensor: Machine,
    angle: Machine,
    stored: Stored,
    magnitude: Option<f64>,
    truth: &'a dyn Truth,
    bound: Option<f64>,
}

impl<'a> Sweep<'a> {
    /// Computes the frequencies. All axes have the same position. None for a rope with growth,
    /// which has no single table.
    pub fn new(
        profile: &Profile,
        rope: &Rope,
        truth: &'a dyn Truth,
        bound: Option<f64>,
    ) -> Option<Sweep<'a>> {
        if rope.planes.iter().any(|plane| plane.growth != Expression::integer(1)) {
            return None;
        }
        let Emulator { pipeline, stored, .. } = Emulator::new(profile, Format::F64);
        let routes = pipeline.planes(rope).iter().map(|turning| pipeline.route(turning)).collect();
        Some(Sweep {
            routes,
            known: (0..rope.planes.len()).map(|plane| truth.plane(plane)).collect(),
            format: pipeline.position.as_ref().unwrap_or(&pipeline.angle).format,
            tensor: pipeline.tiers.tensor,
            angle: pipeline.angle,
            stored,
            magnitude: pipeline.magnitude(rope, Direction::Forward),
            truth,
            bound,
        })
    }

    /// What a plane's machine has at a position.
    pub fn computed(&self, plane: usize, position: u64) -> Computed {
        let block = blocks::Block::new(position..position + 1, self.format);
        let mut angle = f64::NAN;
        chain::angles(self, &block, &mut |at, angles| {
            if at == plane {
                angle = angles[0];
            }
        });
        Computed { angle, table: self.table(angle) }
    }

    fn table(&self, angle: f64) -> [f64; 2] {
        self.magnitude.map_or([f64::NAN; 2], |magnitude| self.stored.cos_sin(angle, &[magnitude]))
    }

    /// Looks at every position of a range below [`LAST_POSITION`]; `progress` hears how many
    /// positions were done, from any thread.
    pub fn run(&self, range: Range<u64>, progress: &(dyn Fn(u64) + Sync)) -> Swept {
        let shared = search::Shared::new(self.routes.len());
        // The largest positions first: they have the largest errors, which need no second look
        // elsewhere.
        let blocks = blocks::cut(range.start..range.end.min(LAST_POSITION), self.format);
        let swept = blocks.into_par_iter().rev().map(|range| {
            let count = range.end - range.start;
            let found = search::block(self, &shared, range);
            progress(count);
            found
        });
        let empty =
            || Swept { planes: vec![Default::default(); self.routes.len()], octaves: vec![] };
        swept.reduce(empty, Swept::merge)
    }
}
