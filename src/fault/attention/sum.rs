//! P10 and P11: the softmax and its logarithm.

use super::super::Fault;
use super::super::change::{Change, View};
use super::super::row;
use super::ask::{answer, summed, viewed};
use super::head::limit;
use crate::encoding::Attention;
use crate::profile::encode;
use crate::request::Output;

/// The logarithms, each changed. None where they stay, or were not asked for.
fn logarithms(view: &View, output: &mut Output, edit: impl Fn(f64) -> f64) -> Option<()> {
    viewed(view)?;
    let format = view.question.dtype.format()?;
    let lse = row::named(output, "lse")?;
    let bits = lse.data().iter().map(|&bits| encode(format, edit(format.to_f64(bits)))).collect();
    row::replace(lse, bits)
}

/// What a kernel without a maximum overflows at, or loses.
fn bare(view: &View, output: &mut Output) -> Option<()> {
    let limit = limit(view.question.dtype);
    summed(view, output, |row| {
        let most = row.most();
        // Below 2⁻¹⁴⁹, or 2⁻¹⁰⁷⁴, nothing is left.
        let least = if limit > 100.0 { -745.2 } else { -104.0 };
        let nan = || vec![f64::NAN; row.values(&[]).len()];
        match () {
            _ if most > limit => Some((nan(), Some(f64::INFINITY))),
            _ if most < least => Some((nan(), Some(f64::NEG_INFINITY))),
            _ => None,
        }
    })
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "p10-lse-in-base-2",
            class: "P10",
            summary: "the logarithm of the sum is to base 2",
            signature: "values are right; whoever merges two parts by their logarithms gets other weights",
            fix: "multiply by ln 2 where it is stored",
            links: &[
                "sgl-project/sglang#35045",
                "flashinfer-ai/flashinfer#2114",
                "lightseekorg/tokenspeed#571",
            ],
            change: Change::Output(|view, output| {
                logarithms(view, output, |lse| lse * std::f64::consts::LOG2_E)
            }),
        },
        Fault {
            name: "p10-lse-without-the-maximum",
            class: "P10",
            summary: "the logarithm is that of the sum after the maximum was subtracted, which is not added again",
            signature: "values are right; logarithms are between 0 and ln of the number of keys",
            fix: "the logarithm is maximum + ln of the sum",
            links: &["Dao-AILab/flash-attention#404"],
            change: Change::Output(|view, output| {
                viewed(view)?.lse.then_some(())?;
                let mut changed = output.clone();
                // Logarithms less their maxima; the values stay.
                let format = view.question.dtype.format()?;
                let before = row::named(output, "lse")?.clone();
                summed(view, &mut changed, |row| {
                    Some((vec![0.0; row.values(&[]).len()], Some(row.most())))
                })?;
                let most = row::named(&mut changed, "lse")?;
                let less =
                    |(&lse, &most): (&u64, &u64)| match (format.to_f64(lse), format.to_f64(most)) {
                        (lse, most) if lse.is_finite() => encode(format, lse - most),
                        (lse, _) => encode(format, lse),
                    };
                let bits = before.data().iter().zip(most.data()).map(less).collect();
                row::replace(row::named(output, "lse")?, bits)
            }),
        },
        Fault {
            name: "p10-lse-without-the-sink",
            class: "P10",
            summary: "the sink is in the weights and not in the logarithm of their sum",
            signature: "values are right; parts that are merged count the sink not at all",
            fix: "add the sink before the logarithm is taken",
            links: &["vllm-project/flash-attention#34"],
            change: Change::Output(|view, output| {
                let a = viewed(view)?;
                a.sinks.as_ref()?;
                let other = Attention { sinks: None, ..a.clone() };
                let other = answer(view, other, view.question.dtype);
                let lse = other.into_iter().find(|(name, _)| *name == "lse")?.1;
                row::put(row::named(output, "lse")?, lse)
            }),
        },
        Fault {
            name: "p11-maximum-not-subtracted",
            class: "P11",
            summary: "exponentials are taken of the scores themselves, without their maximum",
            signature: "NaN where scores are above 88 or all below −104; else right",
            fix: "subtract the maximum before the exponential",
            links: &[],
            change: Change::Output(bare),
        },
    ]
}
