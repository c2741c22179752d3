//! Rounding analysis of one plane: from the error of an angle to the error of a coordinate.
//!
//! Notation of `docs/tolerances.md`: z = (x, y) the inputs, m the exact factor on cos and sin, φ
//! the exact angle. Two numbers travel through the steps, both upper bounds: `size`, of
//! |x̂||ĉ| + |ŷ||ŝ| as the machine has them, and `error`, of the distance from the exact
//! coordinate. A step that rounds relatively by u adds u·size to both.

use super::machine::{contains, power_of_two};
use super::span::{Span, unit};
use super::{Accuracy, Machine, Profile};
use crate::number::Format;

/// a + b, rounded up, for non-negative numbers.
pub(super) fn up_add(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { a + b } else { (a + b).next_up() }
}

/// a · b, rounded up, for non-negative numbers; 0 · ∞ is ∞, which judges nothing.
pub(super) fn up_mul(a: f64, b: f64) -> f64 {
    if a == 0.0 && b.is_finite() || b == 0.0 && a.is_finite() {
        0.0
    } else if a == 1.0 || b == 1.0 {
        a * b
    } else {
        let product = (a * b).next_up();
        if product.is_nan() { f64::INFINITY } else { product }
    }
}

/// √(x² + y²) rounded up, without overflow of the squares.
pub(super) fn up_hypot(x: f64, y: f64) -> f64 {
    let (large, small) = if x > y { (x, y) } else { (y, x) };
    if small == 0.0 {
        return large;
    }
    // The quotient, its square, the sum, the root and the product err by u each, up to 2⁻⁵⁰
    // together.
    let ratio = small / large;
    up_mul(large * (1.0 + ratio * ratio).sqrt(), 1.0 + power_of_two(-49))
}

/// A plane at a position, as far as errors are concerned.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    /// Whether the angle is exactly 0.
    pub(super) still: bool,
    /// Whether the factor is exactly 1 in truth and in every machine.
    pub(super) plain: bool,
    /// Error of the angle, radians, at most 2 (the diameter of the circle) where it counts.
    pub(super) delta: f64,
    /// The largest |angle|, exact or not, radians.
    pub(super) reach: f64,
    /// The exact factor m on cos and sin.
    pub(super) factor: Span,
    /// Error of the factor, absolute.
    pub(super) factor_error: f64,
    /// cos and sin of a given table, which no error precedes; its format.
    pub(super) given: Option<([f64; 2], Format)>,
}

/// A rotated coordinate before the output.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// At least |x̂||ĉ| + |ŷ||ŝ|, hence at least what the machine has.
    pub(super) size: f64,
    /// At least |machine − exact|; ∞ where nothing is known.
    pub(super) error: f64,
    /// What was mixed, m·|z|: an error as large judges nothing.
    pub(super) mixed: f64,
    /// A format that holds whatever the machine has.
    pub(super) format: Format,
}

impl Value {
    /// Nothing can be judged.
    pub(super) const OPEN: Value = Value {
        size: f64::INFINITY,
        error: f64::INFINITY,
        mixed: f64::INFINITY,
        format: Format::F64,
    };

    /// A number of a format without any error, of which |number| ≤ `size`.
    pub(super) fn exact(size: f64, mixed: f64, format: Format) -> Value {
        Value { size, error: 0.0, mixed, format }
    }

    /// A relative error of both, and an absolute one.
    pub(super) fn perturb(&mut self, relative: f64, absolute: f64) {
        let added = up_add(up_mul(relative, self.size), absolute);
        self.error = up_add(self.error, added);
        self.size = up_add(self.size, added);
    }

    /// Rounding into a format; nothing if it holds the number already.
    pub(super) fn convert(&mut self, to: &Machine) {
        if self.round_from(self.format, to, 1.0) {
            self.format = to.format;
        }
    }

    /// What rounding a factor of the products from a format into another adds, an absolute error
    /// of it counting `weight` times; whether there is any rounding.
    fn round_from(&mut self, from: Format, to: &Machine, weight: f64) -> bool {
        // Zero is a number of every format.
        if self.size == 0.0 && self.error == 0.0 {
            return false;
        }
        let rounds = !contains(to.format, from);
        if rounds {
            self.perturb(unit(to.format), up_mul(least(to), weight));
        } else if to.flush && self.size > 0.0 {
            self.perturb(0.0, up_mul(least(to), weight));
        }
        rounds
    }
}

/// What one rounding loses at most below the normal numbers: half the least subnormal, or all of
/// them.
pub(super) fn least(machine: &Machine) -> f64 {
    match machine.flush {
        true => power_of_two(machine.format.e_min()),
        // Of f64 the whole, for want of a half.
        false => power_of_two((machine.format.least_exponent() - 1).max(-1074)),
    }
}

/// The steps from cos and sin on.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    pub(super) accuracy: Accuracy,
    /// Where cos and sin are computed.
    pub(super) trig: Machine,
    pub(super) table: Machine,
    pub(super) arithmetic: Machine,
}

impl Steps {
    pub(super) fn new(profile: &Profile) -> Steps {
        Steps {
            accuracy: profile.accuracy,
            trig: profile.machine(profile.angle.computing()),
            table: profile.machine(profile.table.format()),
            arithmetic: profile.machine(profile.arithmetic.format()),
        }
    }

    /// |x||ĉ| + |y||ŝ| for stored entries and the error that they bring, `own` multiplying cos and
    /// `other` sin; in the format that the entries have. `mixed` is left to the caller. An error
    /// of the angle counts with `chord` times itself.
    fn entries(&self, phase: &Phase, own: f64, other: f64, chord: f64) -> Value {
        let sum = up_add(own, other);
        if let Some(([cos, sin], format)) = phase.given {
            let size = up_add(up_mul(own, cos.abs()), up_mul(other, sin.abs()));
            return Value::exact(size, 0.0, format);
        }
        let z = up_hypot(own, other);
        let m = phase.factor.hi;
        // |x||cos φ| + |y||sin φ| ≤ |z|, for φ and for φ̂; and |sin φ| ≤ |φ|.
        let size = up_mul(m, z.min(up_add(own, up_mul(other, phase.reach.min(1.0)))));
        // Both e^{iφ̂} and e^{iφ} are unit phasors: the coordinate moves by the chord at most.
        let error = up_mul(up_mul(m, z), up_mul(chord, phase.delta.min(2.0)));
        let mut value = Value { size, error, mixed: 0.0, format: self.trig.format };
        if !phase.still {
            let added = match self.accuracy.fast_trig {
                Some(fast) => {
                    let each = up_add(fast.absolute, up_mul(fast.per_radian, phase.reach));
                    up_mul(each, sum)
                }
                None => self.trig_error(phase, own, other, z),
            };
            value.perturb(0.0, up_mul(m, added));
        }
        if !phase.plain {
            let relative = (phase.factor_error / phase.factor.lo).next_up();
            value.perturb(relative, 0.0);
            value.perturb(unit(self.trig.format), up_mul(least(&self.trig), sum));
        }
        // 1 and 0 are numbers of every format.
        let exact = phase.still && phase.plain;
        if exact || value.round_from(self.trig.format, &self.table, sum) {
            value.format = self.table.format;
        }
        value
    }

    /// Errors of accurate cos and sin. |cos φ̂| and |sin φ̂| are below 1, where an ulp is at most
    /// u, and at most 2u times the number itself.
    fn trig_error(&self, phase: &Phase, own: f64, other: f64, z: f64) -> f64 {
        let k = self.accuracy.trig;
        let u = up_mul(k, unit(self.trig.format));
        let sin = (2.0 * phase.reach).min(1.0);
        let by_entry = up_mul(u, up_add(own, up_mul(other, sin)));
        let relative = up_mul(2.0 * u, z);
        let below = up_mul(2.0 * k * least(&self.trig), up_add(own, other));
        up_add(by_entry.min(relative), below)
    }

    /// cos or sin as they are stored.
    pub(super) fn entry(&self, phase: &Phase, is_sin: bool) -> Value {
        if is_sin && phase.still {
            return Value::exact(0.0, 0.0, self.table.format);
        }
        // |cos a − cos b| ≤ |a − b|·sup|sin|: small angles have small errors in cos.
        let (own, other, chord) =
            if is_sin { (0.0, 1.0, 1.0) } else { (1.0, 0.0, phase.reach.min(1.0)) };
        Value { mixed: phase.factor.lo, ..self.entries(phase, own, other, chord) }
    }

    /// A plane turned: x·cos − y·sin for `own` = |x|, `other` = |y|, or the reverse.
    pub(super) fn turn(&self, phase: &Phase, own: f64, other: f64, input: Format) -> Value {
        let norm = match phase.given {
            Some(([cos, sin], _)) => up_hypot(cos.abs(), sin.abs()),
            None => phase.factor.hi,
        };
        let mixed = up_mul(norm, up_hypot(own, other));
        let m = &self.arithmetic;
        // An input or an entry that the arithmetic's format does not hold becomes an infinity.
        let largest = m.format.to_f64(m.format.largest());
        if own.max(other).max(norm) > largest {
            return Value::OPEN;
        }
        // sin 0 is exactly 0, and so is its product.
        let other = if phase.still { 0.0 } else { other };
        let mut value = Value { mixed, ..self.entries(phase, own, other, 1.0) };
        if value.size == 0.0 {
            return Value::exact(0.0, mixed, m.format);
        }
        // Absolute errors of inputs count with a table entry, those of entries with an input.
        let rounded = value.round_from(input, m, up_mul(4.0, norm));
        value.round_from(value.format, m, up_mul(2.0, up_add(own, other)));
        if !self.products_fit(phase, &value, own, other, largest) {
            return Value::OPEN;
        }
        if phase.still && phase.plain {
            value.format = if rounded { m.format } else { input };
        } else {
            value.format = m.format;
            let u = unit(m.format);
            // Both products; a fused one is rounded with the sum.
            value.perturb(u, up_mul(2.0, least(m)));
            if !phase.still {
                // Sums of subnormals are exact.
                value.perturb(u, if m.flush { least(m) } else { 0.0 });
            }
        }
        value
    }

    /// Whether neither product can overflow, though their sum might.
    fn products_fit(
        &self,
        phase: &Phase,
        value: &Value,
        own: f64,
        other: f64,
        largest: f64,
    ) -> bool {
        if value.size < largest * (1.0 - power_of_two(-6)) {
            return true;
        }
        let (cos, sin) = match phase.given {
            Some(([cos, sin], _)) => (cos.abs(), sin.abs()),
            None => (phase.factor.hi, phase.factor.hi),
        };
        // While the error is small, so are those of the entries: each is part of it.
        let product = (own * cos).max(other * sin) * (1.0 + power_of_two(-5));
        value.error < value.mixed * power_of_two(-7) && product < largest
    }
}
