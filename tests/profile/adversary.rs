//! Machines that use the whole allowance of a profile: pow off by 4 ulp, sin and cos by 2, products
//! fused or not as they please. No bound may be broken by any of them.

use super::truth::Truth;
use super::{Random, json, question};
use ropewalk::number::{Dtype, Format};
use ropewalk::profile::{bounds, find, rings};

/// A neighbour of x, up to `ulps` away.
fn nudge(random: &mut Random, x: f32, ulps: i32) -> f32 {
    let step = random.below(2 * ulps as u64 + 1) as i32 - ulps;
    // Mostly the extremes.
    let step = if random.below(4) > 0 { ulps * step.signum() } else { step };
    f32::from_bits((x.to_bits() as i32 + step) as u32)
}

/// a·c + b·s, one of the products fused, or none.
fn combine(random: &mut Random, [a, c]: [f32; 2], [b, s]: [f32; 2]) -> f32 {
    match random.below(3) {
        0 => a * c + b * s,
        1 => a.mul_add(c, b * s),
        _ => b.mul_add(s, a * c),
    }
}

#[test]
fn machines_at_the_limit_stay_within_their_bounds() {
    const DIM: usize = 64;
    let mut random = Random(11);
    let (mut tightest, mut rounded) = (0f64, 0f64);
    for round in 0..40 {
        let base = [10000.0f32, 500000.0, 1e6, 300.0][round % 4];
        let positions: Vec<i64> =
            (0..16).map(|_| 1 + (random.next() >> (44 + random.below(19))) as i64).collect();
        let x: Vec<f32> =
            (0..16 * DIM).map(|_| (random.next() as i32 as f32) * 2f32.powi(-30)).collect();
        let config = format!(r#"{{"head_dim":{DIM},"layout":"half","rope_theta":{base:?}}}"#);
        let bits = x.iter().map(|x| x.to_bits() as u64).collect();
        let q = json(Dtype::F32, &[1, 1, 16, DIM], bits);
        let input = format!(r#"{{"q":{q},"positions":[{positions:?}]}}"#);
        // Truth and bounds in f64, so that nothing is rounded but by the machine.
        let truth = Truth::new(question("rotate", Dtype::F64, &config, &input));
        let (_, limits) = &bounds(&truth.question, &[*find("hf-f32").unwrap()])[0];
        let limits = limits[0].tensor.data();
        let rings = rings(&truth.question, find("hf-f32").unwrap());
        let exact = truth.answer.tensors[0].expected.data();
        let half = DIM / 2;
        for i in 0..half {
            // The frequencies of one machine; correctly rounded f64 powers rounded to f32.
            let power = (base as f64).powf(2.0 * i as f64 / DIM as f64) as f32;
            let power = if i == 0 { power } else { nudge(&mut random, power, 3) };
            let frequency = 1.0 / power;
            for (row, &p) in positions.iter().enumerate() {
                let angle = p as f32 * frequency;
                let cos = nudge(&mut random, (angle as f64).cos() as f32, 1);
                let sin = nudge(&mut random, (angle as f64).sin() as f32, 1);
                let (re, im) = (row * DIM + i, row * DIM + i + half);
                let got = [
                    (re, combine(&mut random, [x[re], cos], [-x[im], sin])),
                    (im, combine(&mut random, [x[im], cos], [x[re], sin])),
                ];
                let ring = rings.iter().find(|ring| (ring.re, ring.im) == (re, im)).unwrap();
                let [x, y] = got.map(|(_, got)| got as f64);
                assert!(ring.holds(x, y), "base {base} p {p} pair {i}: {ring:?} {x:e} {y:e}");
                rounded = rounded.max((libm::hypot(x, y) - ring.norm).abs() / ring.bound);
                for (at, got) in got {
                    let limit = Format::F64.to_f64(limits[at]);
                    let error = (got as f64 - f64::from_bits(exact[at])).abs();
                    assert!(error <= limit, "base {base} p {p} pair {i}: {error:e} > {limit:e}");
                    if limit.is_finite() {
                        tightest = tightest.max(error / limit);
                    }
                }
            }
        }
    }
    println!("largest error over bound: {tightest}");
    assert!(tightest > 0.6, "{tightest}");
    println!("of the norm: {rounded}");
    assert!(rounded > 0.25, "{rounded}");
}
