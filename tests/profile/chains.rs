//! Emulated fused kernels against their bounds.

use crate::oracles::{case::Random, chain::chain};
use ropewalk::audit::{Element, Ruling};
use ropewalk::exact::answer;
use ropewalk::number::{Dtype, Format};
use ropewalk::profile::{self, Profile};

/// Elements judged, and the largest share of a bound that an error takes, by profile.
fn compare(profile: &Profile, seeds: std::ops::Range<u64>) -> (usize, f64) {
    let (mut judged, mut closest) = (0, 0f64);
    for seed in seeds {
        let case = chain(&mut Random(seed));
        let question = case.question();
        if !profile.is_right(question.dtype) {
            continue;
        }
        let Ok(right) = answer(&question) else { continue };
        let emulated = profile::emulate(profile, &question);
        let bounds = &profile::bounds(&question, &[*profile])[0].1;
        for named in &right.tensors {
            let find = |list: &[profile::Named]| {
                list.iter().find(|other| other.name == named.name).map(|n| n.tensor.clone())
            };
            let (got, bound) = (find(&emulated).unwrap(), find(bounds).unwrap());
            let format = named.expected.dtype().format().unwrap();
            let unit = bound.dtype().format().unwrap();
            let residuals = named.residual.as_ref().unwrap();
            for (i, &want) in named.expected.data().iter().enumerate() {
                let residual = Format::F16.to_f64(residuals.data()[i]);
                let bits = got.data()[i];
                if residual.is_nan() || !format.is_finite(want) || !format.is_finite(bits) {
                    continue;
                }
                let element = Element { residual, ..Element::value(format, bits, want) };
                match element.ruling(unit.to_f64(bound.data()[i])) {
                    Ruling::Open => {}
                    Ruling::Right(share) => {
                        judged += 1;
                        closest = closest.max(share);
                    }
                    Ruling::Wrong(_) => panic!(
                        "{} {}[{i}]: {bits:x} for {want:x} ({residual}), bound {:e}\n{}",
                        profile.name,
                        named.name,
                        unit.to_f64(bound.data()[i]),
                        case.line()
                    ),
                }
            }
        }
    }
    (judged, closest)
}

#[test]
fn chains_stay_within_their_bounds_and_come_near() {
    for name in ["hf-f32", "vllm-bf16-cache", "hf-bf16", "numpy-f64"] {
        let profile = profile::find(name).unwrap();
        let (judged, closest) = compare(profile, 0..600);
        assert!(judged > 3000 && closest > 0.3, "{name}: {judged} judged, {closest} of the bound");
    }
    assert!(Dtype::EIGHT_BITS.iter().all(|dtype| !profile::carried(*dtype).is_empty()));
}
