//! How a kernel computes: the tightest profile that bounds it, and the recipe if bits tell.

use super::probe::Probe;
use crate::audit::case::{Case, Truth};
use crate::audit::judge::answer::judge;
use crate::audit::outcome::Outcome;
use crate::audit::tolerance::{Tolerances, right_profiles};
use crate::encoding::{Question, RopeConfig};
use crate::number::Tensor;
use crate::profile::{self, NAMED, Profile};
use crate::request::{Input, Json, Object, Operation, Request};

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

/// The question of a case in another config, and what is right there.
pub(super) fn answer_as(probe: &Probe, case: &Case, config: &Object) -> Option<(Question, Truth)> {
    let mut request: Request = case.ask.request().clone();
    let rule = RopeConfig::new(config).ok()?;
    request.config = config.clone();
    let mut input = request.input.object().clone();
    if !rule.scheme().needs_seq_len() {
        input.remove("seq_len");
    } else if input.get("seq_len").is_none() {
        input.set("seq_len", Json::from(2i64));
    }
    request.input = Input::new(input);
    let question = Question::new(&request).ok()?;
    let truth = match *config == probe.config {
        true => case.truth.clone(),
        false => (probe.inquiry.truth)(&question)?,
    };
    Some((question, truth))
}

/// Compares the first answers of many numbers with what machines make of the config that is
/// computed.
pub(super) fn precision(probe: &Probe, computed: &Object) -> Precision {
    let mut found = Precision::default();
    let Some((case, answered)) = probe.answered().next() else { return found };
    let Ok(Outcome::Output(output)) = &answered.outcome else { return found };
    let Some((question, truth)) = answer_as(probe, case, computed) else { return found };
    let Some(expected) = truth.expected.tensors() else { return found };
    let case = Case { truth: truth.clone(), ..case.clone() };
    // Of those that bound everything, the one with the smallest bounds in all.
    let tightest = |profiles: &[Profile]| -> Option<&'static str> {
        let tolerances = Tolerances::new(&question, profiles);
        let judged = judge(&case, &question, expected, output, &tolerances).ok()?;
        let all = profiles.iter().zip(&judged.tallies);
        let bounds = all.filter(|(_, tally)| tally.wrong == 0 && tally.judged > 0);
        let best = bounds.min_by(|(_, a), (_, b)| a.looseness.total_cmp(&b.looseness));
        best.map(|(profile, _)| profile.name)
    };
    found.profile = tightest(&right_profiles(probe.dtype));
    if found.profile.is_none() {
        let others = NAMED.iter().filter(|p| !p.is_right(probe.dtype)).copied();
        found.explained_by = tightest(&others.collect::<Vec<_>>());
    }
    let equal = |profile: &Profile| -> f64 {
        let mut all = 0;
        let mut same = 0;
        for named in profile::emulate(profile, &question) {
            let got: Option<&Tensor> =
                output.iter().find(|(name, _)| name == named.name).map(|(_, tensor)| tensor);
            let pairs = got.into_iter().flat_map(|got| got.data().iter().zip(named.tensor.data()));
            pairs.for_each(|(a, b)| {
                all += 1;
                same += usize::from(a == b);
            });
        }
        same as f64 / all.max(1) as f64
    };
    let shares: Vec<(f64, &'static str)> = NAMED.iter().map(|p| (equal(p), p.name)).collect();
    found.share = shares.iter().map(|(share, _)| *share).fold(0.0, f64::max);
    let best = shares.iter().filter(|(share, _)| *share > found.share - 0.002);
    found.alike = best.map(|(_, name)| *name).collect();
    found
}

/// Whether what a config computes can be told from what is declared, by what was asked.
pub(super) fn is_apart(probe: &Probe, config: &Object) -> bool {
    let profiles = right_profiles(probe.dtype);
    let rows = probe.answered().map(|(case, _)| case);
    rows.filter(|case| case.ask.operation == Operation::Rotate).any(|case| {
        let Some((_, truth)) = answer_as(probe, case, config) else { return true };
        let (Some(other), Some(own)) = (truth.expected.tensors(), case.truth.expected.tensors())
        else {
            return true;
        };
        let Ok(question) = case.ask.question() else { return false };
        match judge(case, question, own, &other.0, &Tolerances::new(question, &profiles)) {
            Ok(judged) => judged.tallies.iter().all(|tally| tally.wrong > 0),
            Err(_) => true,
        }
    })
}
