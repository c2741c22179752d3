//! f32 inside of f64, shown by the bits of an answer.

use crate::encoding::{Body, Question};
use crate::number::{Dtype, Tensor};

/// Whether an answer in f64 shows f32 inside, by its very bits: its outputs are numbers of f32, or
/// the cos and sin that follow from a plane and what became of it. None where that cannot be told.
///
/// Two planes of f64 give cos and sin to 2⁻⁵⁰; numbers of f32 are 2⁻²⁴ apart.
pub(super) fn shows_singles(
    question: &Question,
    output: &[(String, Tensor)],
    outputs: bool,
) -> Option<bool> {
    let is_single = |x: f64, slack: f64| (x - x as f32 as f64).abs() <= slack;
    let (mut single, mut all) = (0, 0);
    let mut count = |holds: bool| {
        all += 1;
        single += usize::from(holds);
    };
    let pairs = match &question.body {
        _ if outputs => None,
        Body::Rotate(r) => Some((r.rope.pairs(), &r.q, r.k.as_ref())),
        Body::Apply(a) => Some((a.pairs.clone(), &a.q, a.k.as_ref())),
        _ => None,
    };
    for (name, got) in output.iter().filter(|(_, tensor)| tensor.dtype() == Dtype::F64) {
        let Some((pairs, q, k)) = &pairs else {
            got.data().iter().map(|&bits| f64::from_bits(bits)).for_each(|x| {
                if x != 0.0 && x != 1.0 {
                    count(is_single(x, 0.0));
                }
            });
            continue;
        };
        let input = if name == "k" { *k } else { Some(*q) };
        let Some(input) = input else { continue };
        let (Some(format), true) = (input.dtype().format(), input.shape() == got.shape()) else {
            continue;
        };
        let dim = got.columns().max(1);
        for row in (0..got.data().len()).step_by(dim) {
            for pair in pairs {
                let [x, y] = [pair.re, pair.im].map(|i| format.to_f64(input.data()[row + i]));
                let [u, v] = [pair.re, pair.im].map(|i| f64::from_bits(got.data()[row + i]));
                let square = x * x + y * y;
                for part in [(x * u + y * v) / square, (x * v - y * u) / square] {
                    // Smaller numbers of f32 are closer together; 0 and 1 are in every format.
                    if (2f64.powi(-8)..0.999).contains(&part.abs()) {
                        count(is_single(part, 2f64.powi(-49)));
                    }
                }
            }
        }
    }
    (all >= 4).then(|| single * 100 >= all * 99)
}
