//! Requests made to be hard, and the proof that they are.

use super::case::{Case, Part, Random, positions};
use super::classes::Counts;
use super::config::Base;
use super::generate::{ANY, Wanted, rotate, score};
use super::places::{Places, fraction};
use super::values::{Fill, format, nearest, scaled};
use ropewalk::number::{Decoded, Dtype, Format};
use rug::{Float, Rational};

/// Makes requests, compares, and counts what it can prove of them.
pub type Constructor = fn(&mut Random, &mut Counts);

pub fn all() -> Vec<(Constructor, u64)> {
    const CONSTRUCTORS: [(Constructor, u64); 8] = [
        (near_ties, 12),
        (cancelling, 8),
        (cancelling_scores, 20),
        (extremes, 16),
        (far, 3),
        (slow, 6),
        (grids, 60),
        (growing, 30),
    ];
    let seeds = |(maker, count): (Constructor, u64)| (0..count).map(move |seed| (maker, seed));
    CONSTRUCTORS.into_iter().flat_map(seeds).collect()
}

/// Working precision of the constructions: far beyond what they aim at.
const BITS: u32 = 320;

/// (cos, sin) of p · base^(−2i/r), by MPFR.
fn phasor(p: i64, base: f64, i: usize, r: usize) -> (Float, Float) {
    let exponent = Rational::from((-2 * i as i64, r as i64));
    let log = Float::with_val(BITS, base).ln() * Float::with_val(BITS, exponent);
    let angle = log.exp() * Float::with_val(64, p);
    let (sin, cos) = angle.sin_cos(Float::new(BITS));
    (cos, sin)
}

/// The midpoint above a positive finite pattern; above the largest, the overflow threshold.
fn midpoint(format: Format, bits: u64) -> Float {
    let Decoded::Finite { significand, exponent, .. } = format.decode(bits) else {
        panic!("{bits:x} is not finite")
    };
    Float::with_val(64, 2 * significand + 1) << (exponent - 1)
}

/// The f64 nearest to a Float, if it is normal: subnormal ones have too few digits here.
fn normal(x: &Float) -> Option<f64> {
    let x = x.to_f64();
    x.is_normal().then_some(x)
}

/// Rotations of f64 inputs whose exact results are within 2^−30 ulp of a midpoint of a narrow
/// format: x = RN((midpoint + y sin φ)/cos φ) with y such that x is smaller than the midpoint, and
/// has the finer ulp.
fn near_ties(random: &mut Random, counts: &mut Counts) {
    let dtype = random.pick(&[Dtype::F32, Dtype::Bf16, Dtype::F16]);
    let narrow = format(dtype);
    let (heads, seq, dim) = (350, 4, 8usize);
    let base = random.pick(&[10_000.0, 500_000.0, 7.3]);
    let layout = random.pick(&["half", "interleaved"]);
    let at: Vec<i64> = (0..seq).map(|_| random.within(1, 200_000)).collect();
    let mut data = vec![0u64; heads * seq * dim];
    let mut proved = 0;
    let phasors: Vec<Vec<(Float, Float)>> =
        at.iter().map(|&p| (0..dim / 2).map(|i| phasor(p, base, i, dim)).collect()).collect();
    for row in 0..heads * seq {
        for (i, (cos, sin)) in phasors[row % seq].iter().enumerate() {
            // Any finite pattern, sometimes the largest.
            let bits = match random.below(16) {
                0 => narrow.largest(),
                _ => random.below(narrow.infinity()),
            };
            let middle = midpoint(narrow, bits);
            let middle = if random.chance(2) { -middle } else { middle };
            let share = scaled(random.real(0.5, 1.0), -(random.within(1, 12) as i32));
            let y = Float::with_val(BITS, &middle * (1.0 - share)) / -sin.clone();
            let Some(y) = normal(&y) else { continue };
            let lifted = Float::with_val(BITS, sin * y) + &middle;
            let Some(x) = normal(&(lifted / cos)) else { continue };
            let (re, im) = match layout {
                "half" => (i, i + dim / 2),
                _ => (2 * i, 2 * i + 1),
            };
            data[row * dim + re] = x.to_bits();
            data[row * dim + im] = y.to_bits();
            // How far from the midpoint it really is, in ulp of the pattern below.
            let value = Float::with_val(BITS, cos * x) - Float::with_val(BITS, sin * y);
            let Decoded::Finite { exponent, .. } = narrow.decode(bits) else { continue };
            let distance = Float::with_val(BITS, value - middle).abs() >> exponent;
            proved += usize::from(distance < 2f64.powi(-30));
        }
    }
    counts.add(format!("within 2^-30 ulp of a tie in {dtype}"), proved);
    let case = Case {
        operation: "rotate",
        dtype,
        config: format!(r#"{{"head_dim":{dim},"layout":"{layout}","rope_theta":{base}}}"#),
        input: vec![
            ("q", Part::Tensor(Dtype::F64, vec![1, heads, seq, dim], data)),
            ("positions", positions(&[1, seq], at)),
        ],
    };
    counts.compare(&case);
}

/// Rotations of f64 inputs that cancel: x = RN(y sin φ / cos φ), or y from x for the other row.
fn cancelling(random: &mut Random, counts: &mut Counts) {
    let dtype = random.pick(&Dtype::FLOATS);
    let (heads, seq, dim) = (200, 4, 8usize);
    let base = random.pick(&[10_000.0, 1_000_000.0, 0.37]);
    let at: Vec<i64> = (0..seq).map(|_| random.within(1, 1 << 40)).collect();
    let mut data = vec![0u64; heads * seq * dim];
    for row in 0..heads * seq {
        for i in 0..dim / 2 {
            let (cos, sin) = phasor(at[row % seq], base, i, dim);
            let one = scaled(random.real(1.0, 2.0), random.within(-20, 20) as i32);
            let ratio = sin / cos;
            let (x, y) = match random.chance(2) {
                true => (Float::with_val(BITS, &ratio * one).to_f64(), one),
                false => (one, -Float::with_val(BITS, &ratio * one).to_f64()),
            };
            data[row * dim + 2 * i] = x.to_bits();
            data[row * dim + 2 * i + 1] = y.to_bits();
        }
    }
    let case = Case {
        operation: "rotate",
        dtype,
        config: format!(r#"{{"head_dim":{dim},"layout":"interleaved","rope_theta":{base}}}"#),
        input: vec![
            ("q", Part::Tensor(Dtype::F64, vec![1, heads, seq, dim], data)),
            ("positions", positions(&[1, seq], at)),
        ],
    };
    counts.compare(&case);
}

/// Scores whose pass-through part cancels the rotated part, or that cancel exactly.
fn cancelling_scores(random: &mut Random, counts: &mut Counts) {
    let dtype = random.pick(&Dtype::FLOATS);
    let dim = 8usize;
    let config = |base: f64| {
        format!(
            r#"{{"head_dim":{},"layout":"half","rope_theta":{base},"rotary_dim":{dim}}}"#,
            dim + 2
        )
    };
    let (m, n) = (random.within(-1 << 50, 1 << 50), random.within(-1000, 1000));
    let case = |config: String, dtype: Dtype, q: &[f64], k: &[f64]| {
        let part = |x: &[f64]| {
            let data = x.iter().map(|x| x.to_bits()).collect();
            Part::Tensor(Dtype::F64, vec![1, 1, 1, x.len()], data)
        };
        Case {
            operation: "score",
            dtype,
            config,
            input: vec![
                ("q", part(q)),
                ("k", part(k)),
                ("query_positions", positions(&[1, 1], [m])),
                ("key_positions", positions(&[1, 1], [n])),
            ],
        }
    };
    let mut vector = || -> Vec<f64> { (0..dim + 2).map(|_| random.real(-2.0, 2.0)).collect() };
    let (mut q, mut k) = (vector(), vector());
    (q[dim], q[dim + 1]) = (1.0, 0.0);
    k[dim] = 0.0;
    let Some(rotated) = counts.compare(&case(config(10_000.0), Dtype::F64, &q, &k)) else { return };
    k[dim] = -f64::from_bits(rotated.tensors[0].expected.data()[0]);
    counts.compare(&case(config(10_000.0), dtype, &q, &k));
    // Base 1: all planes turn alike, and q k̄ cancels in pairs. What is left is rational: a tie, or
    // nothing at all.
    for i in 0..2 {
        (q[i + 2], k[i + 2]) = (q[i], -k[i]);
        (q[i + 2 + dim / 2], k[i + 2 + dim / 2]) = (q[i + dim / 2], -k[i + dim / 2]);
    }
    for passed in [0.0, 1.0 + 1.0 / 256.0, 1.0 + 1.0 / 2048.0] {
        k[dim] = passed;
        counts.compare(&case(config(1.0), dtype, &q, &k));
    }
    counts.add("rational scores that turn", 3);
}

/// Results in the subnormal range and around the overflow threshold of every format.
fn extremes(random: &mut Random, counts: &mut Counts) {
    for dtype in Dtype::FLOATS {
        for fill in [Fill::Tiny(format(dtype)), Fill::Huge(format(dtype))] {
            let input = if random.chance(2) { Dtype::F64 } else { dtype };
            let wanted = Wanted {
                scheme: Some(random.pick(&["default", "yarn", "linear"])),
                fill: Some(fill),
                input: Some(input),
                output: Some(dtype),
                places: Places::Near,
                values: 1000,
                ..ANY
            };
            counts.compare(&rotate(random, wanted));
        }
    }
}

/// Positions beyond 2^53.
fn far(random: &mut Random, counts: &mut Counts) {
    let wanted = Wanted { places: Places::Far, scheme: Some("default"), values: 5000, ..ANY };
    counts.compare(&rotate(random, wanted));
}

/// Frequencies of 10^−150 and less, and frequencies that grow.
fn slow(random: &mut Random, counts: &mut Counts) {
    let fill = Some(Fill::Ordinary);
    let wanted = Wanted {
        base: Base::Huge,
        scheme: Some("default"),
        places: Places::Near,
        values: 3000,
        fill,
        ..ANY
    };
    counts.compare(&rotate(random, wanted));
    counts.compare(&rotate(random, Wanted { base: Base::BelowOne, ..wanted }));
}

/// Scores of patches of a centred grid: angles that are rational multiples of π, and sums of their
/// cosines, some of which are rational for any number of rows.
fn grids(random: &mut Random, counts: &mut Counts) {
    let dim = 4 * random.within(1, 4) as usize;
    let (scheme, key) = random.pick(&[
        ("dinov3", "\"rope_theta\":100"),
        ("dinov3", "\"rope_theta\":1"),
        ("ltx", "\"rope_theta\":4,\"num_axes\":2"),
        ("pixel", "\"max_freq\":10"),
    ]);
    let config = format!(r#"{{"head_dim":{dim},"layout":"half","rope_type":"{scheme}",{key}}}"#);
    let rows = random.pick(&[2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 37]);
    let seq = 5;
    let vectors = |random: &mut Random| {
        let entry = |random: &mut Random| (random.within(-1, 1) as f64).to_bits();
        let data = (0..seq * dim).map(|_| entry(random)).collect();
        Part::Tensor(Dtype::F64, vec![1, 1, seq, dim], data)
    };
    let centres = |random: &mut Random| {
        let centre =
            |random: &mut Random| fraction(2 * random.within(0, rows - 1) + 1 - rows, rows);
        Part::Positions(vec![2, 1, seq], (0..2 * seq).map(|_| centre(random)).collect())
    };
    let input = vec![
        ("q", vectors(random)),
        ("k", vectors(random)),
        ("query_positions", centres(random)),
        ("key_positions", centres(random)),
    ];
    let dtype = random.pick(&Dtype::FLOATS);
    counts.compare(&Case { operation: "score", dtype, config, input });
    counts.add("scores on grids", seq * seq);
}

/// xPos so far from its origin that growth passes every format, and every exponent of MPFR.
fn growing(random: &mut Random, counts: &mut Counts) {
    let wanted = Wanted {
        places: random.pick(&[Places::Far, Places::Near]),
        scheme: Some("xpos"),
        values: 200,
        ..ANY
    };
    counts.compare(&rotate(random, wanted));
    counts.compare(&score(random, Wanted { places: Places::Near, ..wanted }));
}

/// An f64 that is not used elsewhere keeps its pattern: the generators rely on it.
#[test]
fn patterns_of_f64_are_kept() {
    for x in [1.0, -0.1, 5e-324, 1.7e308] {
        assert_eq!(nearest(Format::F64, x), x.to_bits());
    }
}
