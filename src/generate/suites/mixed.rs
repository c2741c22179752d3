//! `rotate` with inputs and outputs of different formats: one rounding, straight into the output's.

use super::special::Patterns;
use super::{row, sliced};
use crate::encoding::Layout;
use crate::generate::near_tie::Phase;
use crate::generate::plan::{FilePlan, Input};
use crate::generate::values::{bits, mixed, numbered, values};
use crate::number::{Dtype, Format};
use crate::request::Operation;

pub(super) fn files() -> Vec<FilePlan> {
    Layout::ALL.into_iter().map(file).collect()
}

fn file(layout: Layout) -> FilePlan {
    let path = format!("rotate/mixed-{}.json", layout.name());
    let mut file = FilePlan::new(path, Operation::Rotate);
    file.group("basic", sliced(8, layout, 4, 2), Dtype::Bf16).test(
        "f32-to-bf16",
        "f32 in, bf16 out, small whole numbers at position 0",
        &["basic"],
        Input::new().with("q", numbered(Dtype::F32, &[1, 1, 1, 8], 1)).positions(&[&[0]]),
    );
    for from in Dtype::FLOATS {
        for to in Dtype::FLOATS.into_iter().filter(|&to| to != from) {
            pair(&mut file, layout, from, to);
        }
    }
    file
}

fn pair(file: &mut FilePlan, layout: Layout, from: Dtype, to: Dtype) {
    let (source, target) =
        (from.format().unwrap_or(Format::F64), to.format().unwrap_or(Format::F64));
    let name = format!("{from}-to-{to}");
    let words = |test: &str| format!("{name} {test}");
    let group = file.group(&name, sliced(8, layout, 4, 2), to);
    let s = Patterns::new(from);
    let shape = [1, 1, 1, 8];
    group
        .test(
            "random",
            format!("random {from} queries at position 3, answered in {to}"),
            &["mixed-dtype"],
            Input::new().with("q", mixed(from, &shape, &words("random"))).positions(&[&[3]]),
        )
        .test(
            "origin",
            "position 0: every channel is rounded once",
            &["mixed-dtype", "identity"],
            Input::new().with("q", mixed(from, &shape, &words("origin"))).positions(&[&[0]]),
        )
        .test(
            "queries-and-keys",
            format!("queries in {from}, keys in {to}"),
            &["mixed-dtype", "wires"],
            Input::new()
                .with("q", mixed(from, &shape, &words("q")))
                .with("k", mixed(to, &shape, &words("k")))
                .positions(&[&[7]]),
        );
    // Channels 0, 1, 6, 7 are copied, 2 to 5 rotated.
    let specials =
        vec![s.sign, s.nan, s.one, s.one, s.one, s.sign | s.one, s.sign | s.infinity, s.largest];
    let tiny = vec![
        s.least,
        s.sign | s.smallest_normal,
        s.least,
        s.smallest_normal,
        s.sign | s.least,
        s.least,
        s.sign | s.largest_subnormal,
        s.least * 3,
    ];
    group
        .test(
            "specials-outside",
            "−0, NaN, −infinity and the largest number, copied into another format",
            &["mixed-dtype", "copied-bits", "signed-zero"],
            Input::new().with("q", bits(from, &shape, specials)).positions(&[&[9]]),
        )
        .test(
            "tiny",
            "the least numbers of the input's format, copied and rotated",
            &["mixed-dtype", "subnormal"],
            Input::new().with("q", bits(from, &shape, tiny)).positions(&[&[9]]),
        );
    if source.precision <= target.precision {
        return;
    }
    let plane = |index| {
        Phase::new(10000.0, index, 4, 5)?.wide_input(from, to, &words(&format!("tie {index}")))
    };
    let planes: Vec<_> = (0..2).filter_map(plane).collect();
    group.test(
        "near-tie",
        format!(
            "{from} inputs made so that the result lies next to the middle of two {to} numbers"
        ),
        &["near-tie", "mixed-dtype"],
        Input::new().with("q", bits(from, &shape, row(layout, 8, 2, &planes))).positions(&[&[5]]),
    );
    // 1 + half an ulp of the target, exactly and nudged by the least that the input can hold.
    let ulp = 2f64.powi(1 - target.precision as i32);
    let nudge = 2f64.powi(1 - source.precision as i32);
    let (tie, odd) = (1.0 + ulp / 2.0, 1.0 + ulp * 1.5);
    let list = [tie, -odd, tie + nudge, tie - nudge, odd + nudge, odd - nudge, -tie - nudge, -tie];
    group.test(
        "ties-at-0",
        "ties and their nearest neighbours: a detour over another format rounds them twice",
        &["tie", "double-rounding", "mixed-dtype"],
        Input::new().with("q", values(from, &shape, &list)).positions(&[&[0]]),
    );
}
