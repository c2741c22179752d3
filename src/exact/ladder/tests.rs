//! Tests that look inside: how large errors are, and that a bound or a seed that is slightly wrong
//! is noticed.

use super::super::{phasor, sin_cos};
use super::bound::power_of_two;
use super::entry::{double_products, plain_products};
use super::fixed::to_double;
use super::*;
use crate::encoding::RopeConfig;
use crate::exact::Interval;
use crate::request::{Json, Object};
use rug::{Float, Integer};

fn rope(base: i128) -> ResolvedRope {
    let mut config = Object::default();
    config.set("head_dim", Json::Integer(16));
    config.set("layout", "half".into());
    config.set("rope_theta", Json::Integer(base));
    ResolvedRope::new(&RopeConfig::new(&config).unwrap().rope(None).unwrap()).unwrap()
}

fn enclosed(rope: &ResolvedRope, plane: usize, position: i64) -> Interval {
    let theta = rope.planes[plane].frequency.enclose(320).unwrap();
    &theta * &Interval::point(position)
}

/// Multiples k·q of the denominators of the convergents of π/(2θ): there q·θ is closer to a
/// multiple of π/2 than anywhere before, so a cosine or a sine is tiny.
fn near_quarter_turns(rope: &ResolvedRope, plane: usize, multiples: i64) -> Vec<i64> {
    let theta = rope.planes[plane].frequency.enclose(320).unwrap();
    let mut x = Float::with_val(320, rug::float::Constant::Pi) / 2u32 / theta.lo();
    let (mut before, mut q) = (Integer::from(0), Integer::from(1));
    let mut found = Vec::new();
    for _ in 0..40 {
        let whole = x.clone().floor();
        let Some(n) = whole.to_integer() else { break };
        x = 1 / (x - whole);
        let next = Integer::from(&n * &q) + &before;
        before = std::mem::replace(&mut q, next);
        let Some(p) = before.to_i64() else { break };
        let reach = (1..=multiples).filter_map(|k| p.checked_mul(k));
        found.extend(reach.filter(|&p| p <= POSITION_LIMIT && p > 0).flat_map(|p| [p, -p]));
    }
    found
}

/// Positions that are random, small, or near a quarter turn of some plane.
fn positions(rope: &ResolvedRope) -> Vec<i64> {
    let mut state = 11u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state as i64 >> 1) >> (state % 61)
    };
    let mut list: Vec<i64> = (0..2000).map(|_| random()).chain(-300..300).collect();
    for plane in 0..rope.planes.len() {
        list.extend(near_quarter_turns(rope, plane, 3));
    }
    list
}

/// The largest |product − exact| of a ladder over positions and planes where |exact| ≤ `limit`.
fn worst<O: Output>(
    ladder: &Ladder<O>,
    positions: &[i64],
    limit: f64,
    products: impl Fn(&O::Entry, &O::Entry) -> [[Float; 8]; 2],
) -> f64 {
    let mut walk = ladder.rungs.walk();
    let mut worst = 0f64;
    for &p in positions {
        let low = (p & ((1 << SHORT_BITS) - 1)) as usize;
        let x = walk.go(p >> SHORT_BITS)[0];
        let [cos, sin] = products(&x, &ladder.rungs.short(low)[0]);
        for plane in 0..8 {
            let exact = phasor(&enclosed(&ladder.rope, plane, p));
            for (value, exact) in [(&cos[plane], &exact.re), (&sin[plane], &exact.im)] {
                let error = Float::with_val(320, value - exact.lo()).abs();
                if exact.abs().lo() <= &limit {
                    worst = worst.max(error.to_f64());
                }
            }
        }
    }
    worst
}

fn worst_double(ladder: &Ladder<f64>, positions: &[i64], limit: f64) -> f64 {
    worst(ladder, positions, limit, |x, y| {
        double_products(x, y).map(|[sum, low]| {
            std::array::from_fn(|i| Float::with_val(320, sum[i]) + Float::with_val(320, low[i]))
        })
    })
}

#[test]
fn observed_errors_stay_below_their_bounds() {
    for base in [10_000, 500_000, 3] {
        let rope = rope(base);
        let positions = positions(&rope);
        let ladder = Ladder::<f64>::new(&rope).unwrap();
        let worst = worst_double(&ladder, &positions, 1.0) / power_of_two(-107);
        assert!(worst < PRODUCT + ENTRY, "{worst}");
        // Neither is the bound much too large.
        assert!(worst > 2.0, "{worst}");
        let ladder = Ladder::<f32>::new(&rope).unwrap();
        let plain = super::tests::worst(&ladder, &positions, 1.0, |x, y| {
            plain_products(x, y).map(|x| x.map(|x| Float::with_val(320, x)))
        });
        let plain = plain / power_of_two(-54);
        assert!(plain < PLAIN_PRODUCT + PLAIN_ENTRY, "{plain}");
        assert!(plain > 1.0, "{plain}");
    }
}

#[test]
fn rotations_stay_below_their_bound() {
    let rope = rope(10_000);
    let ladder = Ladder::<f64>::new(&rope).unwrap();
    let mut walk = ladder.rungs.walk();
    let mut state = 5u64;
    let mut real = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state as i64 as f64 * power_of_two(-63)
    };
    let mut worst = 0f64;
    for p in positions(&rope) {
        let low = (p & ((1 << SHORT_BITS) - 1)) as usize;
        let x = walk.go(p >> SHORT_BITS)[0];
        let (a, b): ([f64; 8], [f64; 8]) = ([0; 8].map(|_| real()), [0; 8].map(|_| real()));
        let turned = x.turn::<super::lanes::Portable>(&ladder.rungs.short(low)[0], false, &a, &b);
        let sums = turned.map(|(sum, low)| {
            let (mut s, mut l) = ([0.0; 8], [0.0; 8]);
            super::lanes::Lanes::store(sum, &mut s);
            super::lanes::Lanes::store(low, &mut l);
            [s, l]
        });
        for plane in 0..8 {
            let exact = phasor(&enclosed(&rope, plane, p));
            let (cos, sin) = (exact.re.lo(), exact.im.lo());
            let wide = |x: f64| Float::with_val(320, x);
            let re = wide(a[plane]) * cos - wide(b[plane]) * sin;
            let im = wide(a[plane]) * sin + wide(b[plane]) * cos;
            for (sums, exact) in sums.iter().zip([re, im]) {
                let error = wide(sums[0][plane]) + wide(sums[1][plane]) - exact;
                let size = a[plane].abs().max(b[plane].abs());
                worst = worst.max((error.abs() / size).to_f64() / power_of_two(-107));
            }
        }
    }
    assert!(worst < ROTATE + 2.0 * (PRODUCT + ENTRY), "{worst}");
    assert!(worst > 3.0, "{worst}");
}

#[test]
fn chains_stay_below_their_bound() {
    let ladder = Ladder::<f64>::new(&rope(10_000)).unwrap();
    let mut walk = ladder.rungs.walk();
    for p in [1 << 62, -(1 << 62), (1 << 62) - 1, 0x2aaa_aaaa_aaaa_aaaa, -7, 12345678901234567] {
        walk.go(p >> SHORT_BITS);
        for (plane, z) in walk.high_row().iter().enumerate() {
            let exact = phasor(&enclosed(&ladder.rope, plane, p >> SHORT_BITS << SHORT_BITS));
            // High rows are those of |p|.
            let im = if p < 0 { -z.im } else { z.im };
            for (value, exact) in [(z.re, exact.re), (im, exact.im)] {
                let value = Float::with_val(320, value) >> bound::FRACTION_BITS;
                assert!((value - exact.lo()).abs() < CHAIN, "{p} {plane}");
            }
        }
    }
}

/// Positions on one plane and the correctly rounded (cos, sin) there.
struct Hard {
    plane: usize,
    positions: Vec<i64>,
    right: Vec<[f64; 2]>,
}

impl Hard {
    fn new(rope: &ResolvedRope, plane: usize, positions: Vec<i64>) -> Hard {
        let rounded = |x: &Interval| {
            assert_eq!(x.lo().to_f64(), x.hi().to_f64());
            x.lo().to_f64()
        };
        let right = positions.iter().map(|&p| {
            let (sin, cos) = sin_cos(&enclosed(rope, plane, p));
            [rounded(&cos), rounded(&sin)]
        });
        Hard { plane, right: right.collect(), positions }
    }

    /// How many numbers a ladder gets wrong: none, if its ε is a bound.
    fn wrong(&self, ladder: &Ladder<f64>) -> usize {
        let planes = ladder.planes();
        let size = planes * self.positions.len();
        let (mut cos, mut sin) = (vec![0.0; size], vec![0.0; size]);
        ladder.fill_at(&[&self.positions], &mut cos, &mut sin).unwrap();
        let differ = |(row, right): (usize, &[f64; 2])| {
            let index = row * planes + self.plane;
            (right[0] != cos[index]) as usize + (right[1] != sin[index]) as usize
        };
        self.right.iter().enumerate().map(differ).sum()
    }
}

#[test]
fn a_bound_below_the_worst_error_is_found_out() {
    let rope = rope(10_000);
    // Numbers around 2^−50, whose half ulp is as large as the errors of small numbers.
    let hard: Vec<_> = (0..8)
        .map(|plane| {
            let list = near_quarter_turns(&rope, plane, 300).into_iter();
            Hard::new(&rope, plane, list.filter(|p| *p > 1 << 46).collect())
        })
        .collect();
    let mut ladder = Ladder::<f64>::new(&rope).unwrap();
    let positions: Vec<i64> = hard.iter().flat_map(|hard| hard.positions.clone()).collect();
    let worst = worst_double(&ladder, &positions, power_of_two(-40));
    let count = |ladder: &Ladder<f64>| hard.iter().map(|hard| hard.wrong(ladder)).sum::<usize>();
    assert_eq!(count(&ladder), 0);
    for fraction in [0.0, 0.25, 0.5] {
        ladder.bound = fraction * worst;
        assert!(count(&ladder) > 0, "{fraction} of the worst error served as a bound");
    }
}

/// Ordinary entries do not show a seed that is wrong by 2^−100; these do.
#[test]
fn a_seed_wrong_by_two_to_the_minus_100_is_found_out() {
    let rope = rope(10_000);
    // Denominators of convergents of π: sines of 2^−47 and 2^−50.8, and of their sums.
    let (q, r) = (139755218526789i64, 428224593349304i64);
    let list: Vec<i64> = (1..30).flat_map(|k| (-30..30).map(move |j| k * q + j * r)).collect();
    let hard = Hard::new(&rope, 0, list);
    assert_eq!(hard.wrong(&Ladder::<f64>::new(&rope).unwrap()), 0);
    for bit in 0..50 {
        // What the seed moves a sine by must be more than ε, or it would be no error.
        let z = Seeds::new(&rope).rows(bit, 1)[0][0];
        let moved = (to_double(z.re).0 * to_double(z.im).0).abs();
        for part in [false, true].into_iter().filter(|_| moved > 0.25) {
            let mut seeds = Seeds::new(&rope);
            seeds.perturbed = Some((bit, part));
            let ladder = Ladder::<f64>::with_seeds(&rope, seeds).unwrap();
            assert!(hard.wrong(&ladder) > 0, "seed {bit} {part}");
        }
    }
}
