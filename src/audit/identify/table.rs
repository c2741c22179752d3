//! What frequencies or a table show, where there is no rotation to ask for.

use super::angles::{Turning, ladder, unwrap};
use super::found::{FoundPlane, Identified};
use super::probe::Probe;
use super::spectrum::Measured;
use crate::encoding::Rope;
use crate::number::Dtype;
use crate::request::{Json, Object, Operation};

/// Frequencies and factor alone, where there is no rotation to ask.
pub(super) fn by_table(
    probe: &mut Probe,
    rope: &Rope,
    found: &mut Identified,
) -> Result<(), String> {
    let epsilon = probe.epsilon();
    let doubles = |tensor: &crate::number::Tensor| -> Vec<f64> {
        let format = tensor.dtype().format().unwrap_or(crate::number::Format::F64);
        tensor.data().iter().map(|&bits| format.to_f64(bits)).collect()
    };
    let mut input = Object::default();
    if let Some(length) = probe.seq_len {
        input.set("seq_len", Json::from(length));
    }
    let count = rope.planes.len();
    let (turning, magnitude) = if probe.claims(Operation::InvFreq) {
        let output = probe.ask(Operation::InvFreq, input)?;
        let get = |name: &str| output.iter().find(|(n, _)| n == name).map(|(_, t)| doubles(t));
        let inv_freq = get("inv_freq").unwrap_or_default();
        let turning = |theta: f64| Turning { theta, error: epsilon * theta.abs(), bends_at: None };
        let factor = get("attention_factor").and_then(|list| list.first().copied());
        (inv_freq.into_iter().map(turning).collect::<Vec<_>>(), factor.unwrap_or(1.0))
    } else {
        let positions = ladder(probe.furthest(32768));
        let list = Json::Array(positions.iter().map(|&p| Json::from(p)).collect());
        input.set(
            "positions",
            if probe.axes == 1 { list } else { Json::Array(vec![list; probe.axes]) },
        );
        let output = probe.ask(Operation::Table, input)?;
        let get = |name: &str| output.iter().find(|(n, _)| n == name).map(|(_, t)| doubles(t));
        let (cos, sin) = (get("cos").unwrap_or_default(), get("sin").unwrap_or_default());
        if cos.len() != count * positions.len() || sin.len() != cos.len() {
            return Err("its table has another shape".into());
        }
        let inside = if probe.dtype == Dtype::F64 { -52 } else { -23 };
        let spacing = probe.spacing();
        let plane = |index: usize| {
            let angle =
                |row: usize| libm::atan2(sin[row * count + index], cos[row * count + index]);
            let list: Vec<(i64, f64)> =
                positions.iter().enumerate().map(|(row, &p)| (p, angle(row))).collect();
            unwrap(&list, spacing, libm::ldexp(1.0, inside))
        };
        let first = cos.first().zip(sin.first());
        let magnitude = first.map_or(1.0, |(cos, sin)| libm::hypot(*cos, *sin));
        ((0..count).map(plane).collect(), magnitude)
    };
    if turning.len() != count {
        found.unknown.push(format!("it has {} frequencies, {count} are declared", turning.len()));
    }
    found.attention_factor = Some(magnitude);
    found.planes = turning
        .iter()
        .zip(&rope.planes)
        .map(|(t, p)| FoundPlane {
            re: p.pair.re,
            im: p.pair.im,
            axis: p.axis,
            theta: t.theta,
            error: t.error,
        })
        .collect();
    let turns = |t: &&Turning| t.theta != 0.0;
    let measured = Measured {
        pairs: rope.pairs(),
        axes: rope.planes.iter().map(|plane| plane.axis).collect(),
        turning: turning.iter().filter(turns).copied().collect(),
        magnitude,
        slack: 4.0 * epsilon * magnitude,
        seq_len: probe.seq_len,
        located: false,
    };
    let mut shape = Object::default();
    for key in
        ["head_dim", "layout", "rotary_dim", "rotary_offset", "mrope_section", "mrope_interleaved"]
    {
        if let Some(value) = found.declared.get(key) {
            shape.set(key, value.clone());
        }
    }
    let declared = found.declared.clone();
    found.config = measured.config(&declared, &shape);
    if found.config.is_none() {
        found.differences.extend(measured.other_frequencies(rope));
    }
    found.remarks.push("layout and slice are as declared: no rotation could be asked".into());
    Ok(())
}
