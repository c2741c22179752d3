//! sin and cos of balls, by series in fixed-point integers.

use super::constants::{half_pi, whole_steps};
use super::elementary::{Elementary, GUARD, Reduced, fixed, halvings};
use super::{Ball, Radius};
use rug::{Complete, Integer};

/// Angles beyond 2^this are not worth the digits of π that they would need.
const LARGEST_ANGLE: i64 = 1 << 16;

impl Elementary {
    /// (sin x, cos x). The radius is that of x plus about 2^−bits of each value if x is small or
    /// far from the zeros of the function; near a zero other than 0 it is absolute.
    ///
    /// Nothing is refused: where the angle is too uncertain, or beyond 2^65536, both are 0 ± 1.
    pub fn sin_cos(&self, x: &Ball) -> (Ball, Ball) {
        let bits = x.bits;
        if x.is_zero() {
            return (x.clone(), Ball::dyadic(false, 1, 0, bits));
        }
        let top = x.top().max(-LARGEST_ANGLE);
        if x.radius.top() > 0 || top > LARGEST_ANGLE {
            let whole = Ball::new(Integer::new(), 0, Radius::unit(0), bits);
            return (whole.clone(), whole);
        }
        let size = Radius::above(&x.mid, x.exponent).plus(x.radius);
        if 2 * size.top() < -i64::from(bits) - 4 {
            return tiny_sin_cos(x, size);
        }

        // Absolute precision for a result of `bits` bits, relative to x where x is small; but no
        // more than the argument's own error is worth.
        let mut precision = i64::from(bits) - top.min(0);
        if !x.is_exact() {
            precision = precision.min(-x.radius.top());
        }
        let h = halvings(bits);
        let fraction = whole_steps(precision.max(0) as u32 + GUARD + 2 * h) - h;
        let (t, quadrant) = quarter_turns(x, top, fraction);
        let negative = t.is_negative();
        let reduced = Reduced::halve(t.abs(), fraction, h);
        let fraction = reduced.fraction;

        // The error of t is at most 2 units before halving; the functions are 1-Lipschitz.
        let (mut sine, versine, error) = self.sine_versine(reduced, 2 << h);
        if negative {
            sine = -sine;
        }
        let cosine = (Integer::from(1) << fraction) - versine;
        let (sine, cosine) = match quadrant {
            0 => (sine, cosine),
            1 => (cosine, -sine),
            2 => (-sine, -cosine),
            _ => (-cosine, sine),
        };
        let radius = x.radius.plus(Radius::new(error, -i64::from(fraction)));
        let ball = |mid| Ball::new(mid, -i64::from(fraction), radius, bits);
        (ball(sine), ball(cosine))
    }

    /// sin t and 1 − cos t for t = argument · 2^halvings in [0, π/4 + 2^−10], in units of
    /// 2^−fraction, and a bound on the error of either: `error` (of t) plus that made here.
    ///
    /// Doubling: sin 2t = 2 sin t (1 − v), 1 − cos 2t = 2 sin² t with v = 1 − cos t, which loses no
    /// digits to cancellation. If both err by at most e units, then for t ≤ π/8 + 2^−10, where
    /// sin t < 0.39 and v < 0.08, the first errs by 2e(1 − v) + 2e sin t + 2e²u < 2.8e + 2e²u plus
    /// one unit, the second by 4e sin t + 2e²u plus one: both by less than 3e + 2.
    fn sine_versine(&self, reduced: Reduced, error: u64) -> (Integer, Integer, u64) {
        let Reduced { argument, fraction, halvings } = reduced;
        let square = argument.square_ref().complete() >> fraction;
        let half = Integer::from(&square >> 1);
        let (mut sine, first) = self.sine.sum(argument, &square, fraction);
        let (mut versine, second) = self.versine.sum(half, &square, fraction);
        let mut made = first.max(second);
        for _ in 0..halvings {
            versine *= &sine;
            versine >>= fraction - 1;
            // `versine` holds 2v sin t for the moment.
            let square = sine.square_ref().complete() >> (fraction - 1);
            sine <<= 1;
            sine -= &versine;
            versine = square;
            made = 3 * made + 2;
        }
        (sine, versine, made + error)
    }
}

/// x − n · π/2 in units of 2^−`fraction`, within 2 units, and n mod 4, where n is nearest to
/// x / (π/2), or 0 if |x| < ½. `top` is that of x.
fn quarter_turns(x: &Ball, top: i64, fraction: u32) -> (Integer, u32) {
    if top < 0 {
        return (fixed(x, fraction), 0);
    }
    // |n| ≤ 2^top: two units of π/2 for each and the one of x make at most half a unit of t, and
    // cutting makes one.
    let wide = whole_steps(fraction + top as u32 + 3);
    let quarter = half_pi(wide);
    let mut x = fixed(x, wide);
    x += Integer::from(quarter.as_ref() >> 1);
    let (n, mut t): (Integer, Integer) = x.div_rem_floor_ref(quarter.as_ref()).complete();
    t -= Integer::from(quarter.as_ref() >> 1);
    (t >> (wide - fraction), n.mod_u(4))
}

/// sin and cos where |x| ≤ `size` is so small that one term of each series is below the precision:
/// |sin x − x| ≤ |x|³/6, 0 ≤ 1 − cos x ≤ x²/2, and sin is 1-Lipschitz.
fn tiny_sin_cos(x: &Ball, size: Radius) -> (Ball, Ball) {
    let square = size.times(size);
    let sine = Ball { radius: x.radius.plus(square.times(size).scaled(-2)), ..x.clone() };
    let cosine = Ball::new(Integer::from(1), 0, square.scaled(-1), x.bits);
    (sine, cosine)
}

#[cfg(test)]
mod tests {
    use super::super::Series;
    use super::super::elementary::tests::assert_is;
    use super::*;

    #[test]
    fn known_digits() {
        let far = Integer::from(10_000_000_000u64) * 1_000_000_000_000u64;
        for bits in [64, 100, 160, 192, 193, 1000] {
            let (sine, cosine) = Elementary::TRUE.sin_cos(&Ball::integer(1, bits));
            assert_is(&sine, "0.841470984807896506652502321630298999622563060798371065672752");
            assert_is(&cosine, "0.540302305868139717400936607442976603732310420617922227670097");
            let (sine, cosine) = Elementary::TRUE.sin_cos(&Ball::integer(&far, bits.max(80)));
            assert_is(&sine, "-0.852200849767188801772705893753029368261762150410043656256509");
            assert_is(&cosine, "0.523214785395138945497594473384709492140919972439387953527211");
        }
    }

    /// The counted error against 128 more bits, for the doublings alone.
    #[test]
    fn error_counts() {
        let f = Elementary::TRUE;
        for k in 1..400u32 {
            let t = (half_pi(192).into_owned() >> 1u32) * k / 400u32;
            for h in [2, 6, 12, 24] {
                let coarse = Reduced::halve(t.clone(), 192, h);
                let fine = Reduced::halve(t.clone() << 128, 320, h);
                let (sine, versine, error) = f.sine_versine(coarse, 0);
                let (fine_sine, fine_versine, _) = f.sine_versine(fine, 0);
                let bound = Integer::from(error) << 128;
                let near = |coarse: Integer, fine: Integer| {
                    (fine - (coarse << 128u32)).cmp_abs(&bound).is_le()
                };
                assert!(near(sine, fine_sine) && near(versine, fine_versine));
            }
        }
    }

    #[test]
    fn limits() {
        let f = Elementary::TRUE;
        let one = Ball::integer(1, 100);
        let (sine, cosine) = f.sin_cos(&Ball::zero(100));
        assert!(sine.is_zero() && (cosine - &one).is_zero());
        let (sine, cosine) = f.sin_cos(&one.clone().scaled(1 << 40));
        assert!(sine.sign().is_none() && cosine.sign().is_none());
        let (sine, cosine) = f.sin_cos(&one.scaled(-(1 << 40)));
        assert!(sine.sign().is_some() && cosine.sign().is_some());
    }

    #[test]
    fn a_wrong_coefficient_shows() {
        fn wrong_sine(k: u64) -> u64 {
            2 * k * (2 * k + 1) + u64::from(k == 5)
        }
        fn wrong_versine(k: u64) -> u64 {
            (2 * k + 1) * (2 * k + 2) - u64::from(k == 5)
        }
        let x = Ball::dyadic(false, 12_345, -3, 160);
        let (sine, cosine) = Elementary::TRUE.sin_cos(&x);
        let mutant = |s: fn(u64) -> u64, v: fn(u64) -> u64| Elementary {
            sine: Series { ratio: s, ..Series::SINE },
            versine: Series { ratio: v, ..Series::VERSINE },
            ..Elementary::TRUE
        };
        let (right, other) = (Series::SINE.ratio, Series::VERSINE.ratio);
        for mutant in [mutant(wrong_sine, other), mutant(right, wrong_versine)] {
            let (s, c) = mutant.sin_cos(&x);
            assert!(sine.compare(&s).is_some() && cosine.compare(&c).is_some());
        }
        let (s, c) = mutant(right, other).sin_cos(&x);
        assert!(sine.compare(&s).is_none() && cosine.compare(&c).is_none());
    }
}
