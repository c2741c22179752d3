//! Emulations against the truth: no error exceeds its bound, and none is far below everywhere.

use ropewalk::encoding::{Body, Expression, Question, Rotate};
use ropewalk::exact::{Answer, answer};
use ropewalk::number::{Dtype, Format, Tensor};
use ropewalk::profile::{Named, Profile, bounds, emulate, rings};

impl super::Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Bits of a number of a dtype: mostly of ordinary size, sometimes tiny, huge or zero.
    pub fn element(&mut self, dtype: Dtype) -> u64 {
        let format = dtype.format().unwrap();
        let fraction = self.next() & ((1 << (format.precision - 1)) - 1);
        let sign = if self.next() & 1 == 1 { format.sign_bit() } else { 0 };
        let bias = format.e_max() as u64;
        let exponent = match self.below(64) {
            0 => return sign,
            1 => self.below(format.precision as u64),
            2 => 2 * bias - self.below(4),
            3..8 => bias - bias / 2 + self.below(bias),
            _ => bias - 3 + self.below(4),
        };
        sign | exponent << (format.precision - 1) | fraction
    }

    pub fn tensor(&mut self, dtype: Dtype, shape: &[usize]) -> String {
        let count = shape.iter().product();
        super::json(dtype, shape, (0..count).map(|_| self.element(dtype)).collect())
    }
}

/// A question and its proven answer.
pub struct Truth {
    pub question: Question,
    pub answer: Answer,
}

/// What was seen of a profile.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub elements: usize,
    pub judged: usize,
    /// Elements whose error exceeds their bound.
    pub broken: usize,
    /// The largest error over its bound.
    pub tightest: f64,
}

impl Truth {
    pub fn new(question: Question) -> Truth {
        let answer = answer(&question).unwrap();
        Truth { question, answer }
    }

    /// Compares an emulation with the truth, element by element; panics where a bound is broken.
    pub fn judge(&self, profile: &Profile, seen: &mut Seen) {
        let got = emulate(profile, &self.question);
        let (_, limits) = &bounds(&self.question, &[*profile])[0];
        let truths: Vec<_> = self.answer.tensors.iter().filter(|t| t.residual.is_some()).collect();
        assert_eq!(truths.len(), got.len());
        for ring in rings(&self.question, profile) {
            let tensor = &got.iter().find(|got| got.name == ring.name).unwrap().tensor;
            let format = tensor.dtype().format().unwrap();
            let [re, im] = [ring.re, ring.im].map(|i| format.to_f64(tensor.data()[i]));
            assert!(ring.holds(re, im), "{} {ring:?}: {re:e} {im:e}", profile.name);
            // √2·(2k·u_trig + u_table + 2·u_arithmetic + u_output) to first order, where no factor
            // has an error of its own, once more u_arithmetic for inputs that it does not hold; and
            // the norm itself is computed to 2⁻⁴⁸.
            let unit = |f: Format| 2f64.powi(-(f.precision as i32));
            let trig = 2.0 * profile.accuracy.trig * unit(profile.angle.format());
            let formats = [&profile.table].into_iter().chain([&profile.arithmetic; 3]);
            let steps: f64 = formats.map(|step| unit(step.format())).sum();
            let wide = 1.1 * 2f64.sqrt() * (trig + steps + unit(format)) + 2f64.powi(-48);
            let plain = match &self.question.body {
                Body::Rotate(Rotate { rope, .. }) => std::iter::once(&rope.magnitude)
                    .chain(rope.planes.iter().map(|plane| &plane.growth))
                    .all(|factor| *factor == Expression::integer(1)),
                _ => false,
            };
            if plain && ring.norm > 2f64.powi(-10) && profile.accuracy.fast_trig.is_none() {
                let least = 8.0 * 2f64.powi(format.e_min());
                assert!(ring.bound < ring.norm * wide + least, "{} {ring:?}", profile.name);
            }
        }
        for ((truth, got), limit) in truths.iter().zip(&got).zip(limits) {
            assert_eq!((truth.name, truth.name), (got.name, limit.name));
            self.tensor(profile, &truth.expected, truth.residual.as_ref(), got, limit, seen);
        }
    }

    fn tensor(
        &self,
        profile: &Profile,
        expected: &Tensor,
        residual: Option<&Tensor>,
        got: &Named,
        limit: &Named,
        seen: &mut Seen,
    ) {
        let format = expected.dtype().format().unwrap();
        let value = |bits: u64| match format.to_f64(bits) {
            x if x.is_infinite() => 2f64.powi(format.e_max()) * 2.0 * x.signum(),
            x => x,
        };
        for (i, &bits) in expected.data().iter().enumerate() {
            seen.elements += 1;
            let unit = limit.tensor.dtype().format().unwrap();
            let limit = unit.to_f64(limit.tensor.data()[i]);
            assert!(limit >= 0.0);
            if limit.is_infinite() || format.is_nan(bits) {
                continue;
            }
            seen.judged += 1;
            let residual = crate::kill::cut(format, bits, residual.unwrap().data()[i]);
            let ulp = ldexp(1.0, format.ulp_exponent(bits).unwrap());
            // Half the range, so that differences of the largest numbers do not overflow.
            let difference = value(got.tensor.data()[i]) / 2.0 - value(bits) / 2.0;
            let error = (difference - residual * ulp / 2.0).abs() * 2.0;
            // The residual is known to 11 bits.
            let known = residual.abs() * ulp * 2f64.powi(-11);
            if error - known > limit {
                seen.broken += 1;
                if seen.broken <= 3 {
                    println!(
                        "{}, {} {:?} [{i}]: got {:e}, exact {:e} + {residual} ulp, error {error:e} > {limit:e} in {}",
                        profile.name,
                        got.name,
                        expected.dtype(),
                        format.to_f64(got.tensor.data()[i]),
                        format.to_f64(bits),
                        serde_json::to_string(self.question.config()).unwrap(),
                    );
                }
                continue;
            }
            // Where ordinary numbers were mixed; below, half an ulp is all there is.
            let precision = profile.arithmetic.format().precision as i32;
            if limit > 2f64.powi(-precision - 6) && limit < 1.0 {
                seen.tightest = seen.tightest.max(error / limit);
            }
        }
    }
}

/// x · 2^k, also where 2^k is subnormal.
fn ldexp(x: f64, k: i32) -> f64 {
    let half = k / 2;
    x * 2f64.powi(half) * 2f64.powi(k - half)
}
