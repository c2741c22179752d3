//! How a kernel computes: the tightest profile that bounds it, and the recipe if bits tell.

use super::probe::Probe;
use crate::audit::right_profiles;
use crate::encoding::Question;
use crate::number::{Dtype, Format, Tensor};
use crate::profile::{self, NAMED, Profile};
use crate::request::{Input, Object, Operation, Position, Positions, Request, tensor_json};

/// What the bits of a kernel say of its machine.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Precision {
    /// The tightest right profile that bounds everything.
    pub profile: Option<&'static str>,
    /// If none does: a profile that is wrong for the dtype and explains it.
    pub explained_by: Option<&'static str>,
    /// The profiles whose emulation has the most elements bit for bit, and the share of them.
    pub alike: Vec<&'static str>,
    /// That share.
    pub share: f64,
}

/// A small generator of numbers in ±1 that every format has. The same on every machine.
pub(super) fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 33) % 63) as f64 - 31.0
    };
    (0..count).map(|_| next() / 32.0).map(|x| if x == 0.0 { 0.5 } else { x }).collect()
}

/// Asks for a rotation of many numbers with the declared config and compares with what machines
/// make of the config that it computes.
pub(super) fn precision(probe: &mut Probe, computed: &Object, furthest: i64) -> Precision {
    let mut found = Precision::default();
    let Some((question, got)) = ask(probe, computed, furthest) else { return found };
    let truth = profile::find("numpy-f64").unwrap_or(&NAMED[0]);
    let right = right_profiles(probe.dtype);
    let list = profile::bounds(&question, NAMED);
    // In f64, whatever the kernel's format: nothing is rounded twice.
    let wide = Question { dtype: Dtype::F64, ..question.clone() };
    let exact = profile::emulate(truth, &wide);
    let Some(exact) = exact.into_iter().find(|n| n.name == "q").map(|n| n.tensor) else {
        return found;
    };
    // Of those that bound everything, the one with the smallest bounds in all.
    let size = |profile: &Profile| -> Option<f64> {
        let (_, named) = list.iter().find(|(name, _)| *name == profile.name)?;
        let bound = &named.iter().find(|n| n.name == "q")?.tensor;
        covered(&got, &exact, bound)
    };
    let tightest = |profiles: &mut dyn Iterator<Item = &Profile>| -> Option<&'static str> {
        profiles
            .filter_map(|profile| Some((size(profile)?, profile.name)))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, name)| name)
    };
    found.profile = tightest(&mut right.iter());
    if found.profile.is_none() {
        found.explained_by = tightest(&mut NAMED.iter().filter(|p| !p.is_right(probe.dtype)));
    }
    let equal = |profile: &Profile| -> f64 {
        let emulated = profile::emulate(profile, &question);
        let q = emulated.into_iter().find(|n| n.name == "q").map(|n| n.tensor);
        let Some(q) = q else { return 0.0 };
        let same = q.data().iter().zip(got.data()).filter(|(a, b)| a == b).count();
        same as f64 / got.data().len().max(1) as f64
    };
    let shares: Vec<(f64, &'static str)> = NAMED.iter().map(|p| (equal(p), p.name)).collect();
    found.share = shares.iter().map(|(share, _)| *share).fold(0.0, f64::max);
    let best = shares.iter().filter(|(share, _)| *share > found.share - 0.002);
    found.alike = best.map(|(_, name)| *name).collect();
    found
}

/// The answer to a question in the declared config, and the question in the computed one.
fn ask(probe: &mut Probe, computed: &Object, furthest: i64) -> Option<(Question, Tensor)> {
    let dim = probe.head_dim;
    let list: Vec<i64> = super::angles::ladder(furthest.min(8192))
        .into_iter()
        .map(|p| if p > 8 { p - 3 } else { p })
        .collect();
    let seq = list.len().min((1 << 13) / dim.max(1)).max(1);
    let values = numbers(seq * dim, 7);
    let q = probe.tensor(vec![1, 1, seq, dim], &values)?;
    let nest = |data: Vec<Position>| Positions::new(vec![1, seq], data).map(|p| p.to_json());
    let positions = nest(list[..seq].iter().map(|&p| Position::integer(p)).collect())?;
    let positions = match probe.axes {
        1 => positions,
        axes => crate::request::Json::Array(vec![positions; axes]),
    };
    let mut input = Object::default();
    input.set("q", tensor_json(&q));
    input.set("positions", positions);
    if let Some(length) = probe.seq_len {
        input.set("seq_len", crate::request::Json::from(length));
    }
    let output = probe.ask(Operation::Rotate, input.clone()).ok()?;
    let got = output.into_iter().find(|(name, _)| name == "q").map(|(_, tensor)| tensor)?;
    let rule = crate::encoding::RopeConfig::new(computed).ok()?;
    if !rule.scheme().needs_seq_len() {
        input.remove("seq_len");
    } else if input.get("seq_len").is_none() {
        input.set("seq_len", crate::request::Json::from(2i64));
    }
    let request = Request {
        id: "identify".into(),
        operation: Operation::Rotate,
        dtype: probe.dtype,
        config: computed.clone(),
        input: Input::new(input),
    };
    let question = Question::new(&request).ok()?;
    (got.data().len() == q.data().len() && got.dtype() == probe.dtype).then_some((question, got))
}

/// The sum of the bounds if all errors are within; none if one is not. Elements that no bound
/// judges count as if their error were 1.
fn covered(got: &Tensor, exact: &Tensor, bound: &Tensor) -> Option<f64> {
    let format = got.dtype().format()?;
    let mut sum = 0.0;
    for index in 0..got.data().len() {
        let [got, bound] = [got, bound].map(|tensor| format.to_f64(tensor.data()[index]));
        let exact = f64::from_bits(exact.data()[index]);
        if bound.is_infinite() {
            sum += 1.0;
            continue;
        }
        // The emulation in f64 has an error of its own, which counts where the kernel's is alike.
        let own = if format == Format::F64 { bound } else { exact.abs() * libm::ldexp(1.0, -40) };
        let off = (got - exact).abs();
        if off.is_nan() || off > bound + own {
            return None;
        }
        sum += bound;
    }
    Some(sum)
}
