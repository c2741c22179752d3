//! Lower bounds of the bounds of a rotation, for tensors too large for [`bounds`](super::bounds).
//!
//! The bound of a coordinate is, with z = |(x, y)| and m the exact factor on cos and sin,
//! m·z·min(δ, 2) and what the roundings from there on add, each at least in proportion to
//! m·min(z, |x| + |y|·min(|φ|, 1)) (`docs/tolerances.md`). What is cheap about it:
//!
//! * δ(p) ≥ |p|·δ(1), nearly. Every step from position to angle widens a span outwards, in
//!   proportion to its numbers or by more, or not at all where it is one number of the format; and
//!   a product that is exact at p = 1 only adds something elsewhere. What is not in proportion is
//!   taken off: the outward rounding of the spans themselves, by one number of f64 for each end
//!   and step, which is between 2⁻⁵³ and 2⁻⁵² of it; and the rounding of a quotient by a scaling
//!   factor and of its product with a 1, both of which may be exact at p and not at 1.
//! * The factor of proportion is by how much more the steps are off for x = 2 than for x = 1,
//!   where y = 0 and δ = 0.
//!
//! A floor is only given where the bound is far from what was mixed, so that it judges: the bound is
//! below 2·|p|·δ(1), 16 roundings of the angle and 8 of the steps after it, together
//! below half of |z|. Both claims are tested against the bounds themselves.
//!
//! An error that is not above the floor is within the bound. Everything else, and whatever might
//! be judged by no bound, is for [`bounds`](super::bounds) to say.

use super::bound::Bounder;
use super::pipeline::Route;
use super::plane::Phase;
use super::span::{Span, unit};
use super::{Profile, Recipe};
use crate::encoding::{Expression, Rope};
use crate::number::{Dtype, Format};
use crate::request::{Direction, Position};

/// A little less, for the roundings of the floor itself.
const LESS: f64 = 1.0 - 1.0 / (1u64 << 20) as f64;

/// The floor of one profile, rope and direction.
#[derive(Clone, Debug)]
pub struct Floor {
    planes: Vec<Drift>,
    /// The magnitude, rounded down, how well it is known, relatively, and what the steps after the
    /// angle add for each 1.
    magnitude: f64,
    blur: f64,
    rounding: f64,
    /// |z| within these is far from the ends of every format on the way.
    small: f64,
    large: f64,
    /// The coarsest rounding before the table.
    unit: f64,
}

#[derive(Clone, Copy, Debug)]
struct Drift {
    /// δ(1), radians.
    per_position: f64,
    /// |θ|, rounded down and up.
    least: f64,
    most: f64,
}

/// A plane at a position.
#[derive(Clone, Copy, Debug)]
pub struct Turned {
    chord: f64,
    sway: f64,
    magnitude: f64,
    blur: f64,
    rounding: f64,
    small: f64,
    large: f64,
}

impl Floor {
    /// None for ropes with growth and magnitudes that no bound is derived for.
    pub fn new(
        profile: &Profile,
        rope: &Rope,
        direction: Direction,
        input: Format,
        output: Dtype,
    ) -> Option<Floor> {
        if rope.planes.iter().any(|plane| plane.growth != Expression::integer(1)) {
            return None;
        }
        let bounder = Bounder::new(profile, output.format()?);
        let (factor, angles) = bounder.unit_angles(rope, direction)?;
        let running = profile.recipe == Recipe::RunningProduct;
        let steps = if running { 128.0 } else { 4.0 };
        let rounding = unit(profile.angle.format()).max(match running {
            true => unit(profile.frequency.format()),
            false => unit(profile.position.format()),
        });
        let planes = angles.into_iter().map(|(exact, machine, divides)| {
            let apart = steps * unit(Format::F64) + if divides { 2.5 * rounding } else { 0.0 };
            let (lo, hi) = (exact.lo.abs(), exact.hi.abs());
            let most = lo.max(hi);
            let per_position = (exact.distance(&machine) - apart * most).max(0.0) * LESS;
            Drift { per_position, least: lo.min(hi), most }
        });
        let phase = Phase {
            still: false,
            plain: factor.is(1.0),
            delta: 0.0,
            reach: 0.0,
            factor,
            factor_error: 0.0,
            given: None,
        };
        let formats = bounder.formats();
        let exponents = formats.iter().map(|machine| match machine.flush {
            true => machine.format.e_min(),
            false => machine.format.least_exponent(),
        });
        let largest = formats.iter().map(|machine| machine.format.e_max()).chain([input.e_max()]);
        Some(Floor {
            planes: planes.collect(),
            magnitude: factor.lo,
            blur: factor.hi / factor.lo - 1.0,
            // What grows with x; the rest is lost below the normal numbers, whatever x is.
            rounding: (bounder.of(&phase, 2.0, input)? - bounder.of(&phase, 1.0, input)?) * LESS,
            small: libm::ldexp(1.0, exponents.max()? + 8) / factor.lo.min(1.0),
            large: libm::ldexp(1.0, largest.min()? - 4) / factor.hi.max(1.0),
            unit: rounding.max(unit(profile.position.format())),
        })
    }

    /// Whether z = |(x, y)| is far from the ends of every format on the way.
    #[inline]
    pub fn fits(&self, z: f64) -> bool {
        z >= self.small && z <= self.large
    }

    /// A plane at a position other than 0; none if it does not turn, or if its elements may be
    /// judged by no bound.
    pub fn at(&self, plane: usize, position: i64) -> Option<Turned> {
        let (drift, p) = (self.planes[plane], position.unsigned_abs() as f64);
        let delta = p * drift.per_position;
        let relative = self.rounding / self.magnitude;
        let most = 2.0 * delta + 16.0 * self.unit * p * drift.most + 8.0 * relative;
        // Not less than NaN either.
        let judged = most < 0.5 && drift.least > 0.0 && position != 0;
        judged.then(|| Turned {
            chord: self.magnitude * delta * LESS,
            magnitude: self.magnitude,
            blur: self.blur,
            sway: (p * drift.least).min(1.0) * LESS,
            rounding: self.rounding,
            small: self.small,
            large: self.large,
        })
    }
}

impl Turned {
    /// What errors of both coordinates of (x, y) are certainly within their bounds; none near the
    /// ends of a format.
    #[inline]
    pub fn of(&self, x: f64, y: f64) -> Option<[f64; 2]> {
        let (x, y) = (x.abs(), y.abs());
        let z = (x * x + y * y).sqrt();
        // A square that underflows is not small enough to matter: z is then too small as well.
        let judged = z >= self.small && z <= self.large;
        let floor = |own, other| self.chord * z + self.rounding * self.size(z, own, other);
        judged.then(|| [floor(x, y) * LESS, floor(y, x) * LESS])
    }

    /// min(z, |x| + |y|·min(|φ|, 1)), nearly.
    #[inline]
    fn size(&self, z: f64, own: f64, other: f64) -> f64 {
        let size = (own + other * self.sway) * LESS;
        if size < z * LESS { size } else { z * LESS }
    }

    /// Whether the norm of what came of (x, y) is certainly within its [`Ring`](super::Ring):
    /// with N = m|z| and R < N, ||ŷ|² − N²| ≤ R·(2N − R) is enough, as N² − R(2N − R) = (N − R)² and
    /// N² + R(2N − R) ≤ (N + R)²; and the squares are known to 2⁻⁵⁰, for which R has 2⁻⁴⁹.
    #[inline]
    pub fn keeps_norm(&self, [x, y]: [f64; 2], [re, im]: [f64; 2]) -> bool {
        let square = x * x + y * y;
        let (x, y, z) = (x.abs(), y.abs(), square.sqrt());
        let (a, b) = (self.size(z, x, y), self.size(z, y, x));
        let norm = self.magnitude * z;
        let floor = (self.rounding * (a * a + b * b).sqrt() + norm * 2f64.powi(-49)) * LESS;
        let right = norm * norm;
        let off = (re * re + im * im - right).abs() + right * (2.0 * self.blur + 2f64.powi(-50));
        // No square has lost anything to underflow or overflow.
        (1e-290..1e290).contains(&right) && floor < norm && off <= floor * (2.0 * norm - floor)
    }
}

/// Exact, of a machine, and whether it divides.
type Angles = (Span, Span, bool);

impl Bounder {
    /// The factor on cos and sin, and of every plane the angle at position 1: exact, of a machine,
    /// and whether that divides.
    fn unit_angles(&self, rope: &Rope, direction: Direction) -> Option<(Span, Vec<Angles>)> {
        let factor = self.exact.magnitude(rope, direction)?;
        let (exact, machine) = (self.exact.planes(rope), self.machine.planes(rope));
        let one = Position::integer(1);
        let angles = exact.iter().zip(&machine).map(|(exact, machine)| {
            let divides = match self.machine.route(machine)? {
                Route::Product { divisor, .. } | Route::Running { divisor, .. } => {
                    divisor.is_some()
                }
            };
            Some((self.exact.angle(exact, one)?, self.machine.angle(machine, one)?, divides))
        });
        let angles = angles.collect::<Option<Vec<_>>>()?;
        (factor.lo > 0.0).then_some((factor, angles))
    }
}
