//! What a sweep measures, and what it finds out.

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

pub(super) fn larger(a: Worst, b: Worst) -> Worst {
    let order = a.error.total_cmp(&b.error).then(b.position.cmp(&a.position));
    if order.is_ge() { a } else { b }
}

pub(super) fn either<T>(a: Option<T>, b: Option<T>, choose: impl FnOnce(T, T) -> T) -> Option<T> {
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
