//! Random comparisons with another library at higher precision.
//!
//! In tests only, and deliberately the library of the first oracle: agreement of two methods that
//! share nothing is what is being tested.

use super::{Ball, Elementary, Radius, ln_2, pi};
use rug::{Float, Integer, Rational, ops::Pow};

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// An exact dyadic of up to 64 bits, between 2^low and 2^high in size.
    fn dyadic(&mut self, low: i32, high: i32) -> (bool, u64, i32) {
        let length = 1 + self.below(64) as i32;
        let significand = self.next() >> (64 - length) | 1 << (length - 1);
        let top = low + self.below((high - low) as u64) as i32 + 1;
        (self.next() & 1 == 1, significand, top - length)
    }

    fn bits(&mut self) -> u32 {
        match self.below(8) {
            0 => 64 + self.below(1000) as u32,
            _ => 96 + self.below(120) as u32,
        }
    }
}

fn float(precision: u32, (negative, significand, exponent): (bool, u64, i32)) -> Float {
    let magnitude = Float::with_val(precision, significand) << exponent;
    if negative { -magnitude } else { magnitude }
}

/// |truth − midpoint| ≤ radius, where the truth errs by far less than the radius, and the radius is
/// at most 2^`width` times the midpoint, or 2^`absolute`.
fn assert_holds(ball: &Ball, truth: &Float, width: i64, absolute: i64, what: &str) {
    let precision = truth.prec();
    let mut distance =
        Float::with_val(precision, &ball.mid) << i32::try_from(ball.exponent).unwrap();
    distance -= truth;
    let radius = match ball.is_exact() {
        true => Float::new(64),
        false => {
            let units = ball.radius().in_units(ball.radius().top() - 40);
            Float::with_val(64, units) << i32::try_from(ball.radius().top() - 40).unwrap()
        }
    };
    // Slack for the truth itself: its last place.
    let slack = Float::with_val(64, truth.abs_ref()) >> (precision - 2);
    assert!(distance.abs() <= radius + slack, "{what}: {ball:?} against {truth}");
    let size = ball.top().saturating_add(width).max(absolute);
    assert!(ball.is_exact() || ball.radius().top() <= size, "{what}: {ball:?} is wide");
}

fn check_sin_cos(argument: (bool, u64, i32), bits: u32) {
    let (negative, significand, exponent) = argument;
    let top = i64::from(exponent) + 64;
    let precision = 2 * bits + 200 + top.unsigned_abs() as u32 * if top < 0 { 2 } else { 1 };
    let x = float(precision, argument);
    let (sine, cosine) = x.sin_cos(Float::new(precision));
    let ball = Ball::dyadic(negative, significand, exponent, bits);
    let (s, c) = Elementary::TRUE.sin_cos(&ball);
    let (width, absolute) = (3 - i64::from(bits), 2 - i64::from(bits));
    // Near 0 the sine keeps its relative precision; near other zeros precision is absolute.
    let near_zero = top < i64::from(significand.leading_zeros());
    assert_holds(&s, &sine, width, if near_zero { i64::MIN } else { absolute }, "sin");
    assert_holds(&c, &cosine, width, absolute, "cos");
}

#[test]
fn sines_and_cosines() {
    let mut random = Random(1);
    for _ in 0..60_000 {
        let argument = random.dyadic(-30, 62);
        check_sin_cos(argument, random.bits());
    }
    for _ in 0..20_000 {
        let argument = random.dyadic(-150, 100);
        check_sin_cos(argument, random.bits());
    }
    for _ in 0..1000 {
        let argument = random.dyadic(-1100, -60);
        check_sin_cos(argument, random.bits());
        let argument = random.dyadic(0, 1020);
        check_sin_cos(argument, random.bits());
    }
}

#[test]
fn near_multiples_of_half_pi() {
    let mut random = Random(2);
    let half = Float::with_val(400, rug::float::Constant::Pi) >> 1u32;
    for _ in 0..30_000 {
        // The double nearest to n π/2, or one beside it.
        let length = 1 + random.below(62) as u32;
        let n = random.next() >> (64 - length);
        let product = Float::with_val(400, &half * n);
        let Some(exponent) = product.get_exp() else { continue };
        let significand = Float::with_val(400, product << (53 - exponent)).to_integer().unwrap();
        let significand = significand.to_u64().unwrap() - 1 + random.below(3);
        check_sin_cos((random.next() & 1 == 1, significand, exponent - 53), random.bits());
    }
    // The double closest to a multiple of π/2 of all (Kahan; Muller, Elementary Functions, 11.1).
    check_sin_cos((false, 6381956970095103, 797), 160);
}

#[test]
fn wide_arguments_keep_the_truth() {
    let mut random = Random(3);
    for _ in 0..20_000 {
        let (negative, significand, exponent) = random.dyadic(-40, 40);
        let radius =
            Radius::new(random.next() >> 40, i64::from(exponent) - random.below(140) as i64);
        let exact = Ball::dyadic(negative, significand, exponent, 160);
        let ball = Ball { radius, ..exact.clone() };
        // Truths at the ends of the ball.
        for above in [false, true] {
            let end =
                Ball::new(radius.in_units(radius.top() - 40), radius.top() - 40, Radius::ZERO, 400);
            let end = if above {
                exact.clone().with_bits(400) + end
            } else {
                exact.clone().with_bits(400) - end
            };
            assert!(end.is_exact());
            let x = Float::with_val(800, &end.mid) << i32::try_from(end.exponent).unwrap();
            let (sine, cosine) = x.clone().sin_cos(Float::new(800));
            let (s, c) = Elementary::TRUE.sin_cos(&ball);
            let absolute = radius.top().max(-160) + 2;
            assert_holds(&s, &sine, -157, absolute, "wide sin");
            assert_holds(&c, &cosine, -157, absolute, "wide cos");
            if let Some(e) = Elementary::TRUE.exp(&ball.clone().scaled(-20)) {
                let truth = Float::with_val(800, &x >> 20u32).exp();
                assert_holds(&e, &truth, i64::MAX, i64::MAX, "wide exp");
            }
            if let Some(l) = Elementary::TRUE.ln(&ball) {
                assert_holds(&l, &x.clone().ln(), i64::MAX, i64::MAX, "wide ln");
            }
            if let Some(root) = ball.root(3) {
                assert_holds(&root, &x.root(3), i64::MAX, i64::MAX, "wide root");
            }
        }
    }
}

#[test]
fn exponentials_and_logarithms() {
    let mut random = Random(4);
    for k in 0..20_000 {
        let bits = random.bits();
        let width = 3 - i64::from(bits);
        let precision = 2 * bits + 300;
        let argument = random.dyadic(-100, 20);
        let (negative, significand, exponent) = argument;
        let ball = Ball::dyadic(negative, significand, exponent, bits);
        let truth = float(precision, argument).exp();
        assert_holds(&Elementary::TRUE.exp(&ball).unwrap(), &truth, width, i64::MIN, "exp");

        let (_, significand, exponent) = match k % 4 {
            // Near 1, on both sides.
            0 => (false, (1 << 63) + (random.next() >> (1 + random.below(63))), -63),
            1 => (false, u64::MAX - (random.next() >> random.below(64)), -64),
            _ => random.dyadic(-1100, 1100),
        };
        let ball = Ball::dyadic(false, significand, exponent, bits);
        let truth = float(precision, (false, significand, exponent)).ln();
        assert_holds(&Elementary::TRUE.ln(&ball).unwrap(), &truth, width, i64::MIN, "ln");
    }
}

#[test]
fn real_powers() {
    let mut random = Random(5);
    for k in 0..10_000 {
        let bits = random.bits();
        let base = match k % 3 {
            0 => (false, 1 + random.below(10_000_000), 0),
            1 => (false, u64::MAX - (random.next() >> random.below(64)), -64),
            _ => random.dyadic(-1000, 1000),
        };
        let denominator = 1 + random.below(512);
        let numerator = Integer::from(random.next() as i64 >> random.below(50).max(20));
        let exponent = Rational::from((numerator, denominator));
        let ball = Ball::dyadic(false, base.1, base.2, bits);
        let precision = 2 * bits + 300;
        let base = float(precision, (false, base.1, base.2));
        let truth = base.pow(Float::with_val(precision, &exponent));
        if truth.get_exp().is_none() {
            continue; // out of the other library's range
        }
        let power = Elementary::TRUE.power(&ball, &exponent).unwrap();
        assert_holds(&power, &truth, 3 - i64::from(bits), i64::MIN, "power");
    }
}

#[test]
fn roots_and_constants() {
    let mut random = Random(6);
    for _ in 0..10_000 {
        let bits = random.bits();
        let x = random.dyadic(-1100, 1100);
        let index = 1 + random.below(12) as u32;
        let root = Ball::dyadic(false, x.1, x.2, bits).root(index).unwrap();
        let truth = float(2 * bits + 100, (false, x.1, x.2)).root(index);
        assert_holds(&root, &truth, 2 - i64::from(bits), i64::MIN, "root");
    }
    for bits in (2..4000).step_by(61) {
        let truth = Float::with_val(bits + 100, rug::float::Constant::Pi);
        assert_holds(&pi(bits), &truth, 2 - i64::from(bits), i64::MIN, "pi");
        let truth = Float::with_val(bits + 100, rug::float::Constant::Log2);
        assert_holds(&ln_2(bits), &truth, 2 - i64::from(bits), i64::MIN, "ln 2");
    }
}
