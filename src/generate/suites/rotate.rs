//! `rotate`, the default rope: layouts, positions, bases, widths, directions.

use super::{batches, layouts_and_floats, plain, row, sliced, special};
use crate::encoding::Layout;
use crate::generate::lists::{BASES, DIMS, POSITIONS, band_of, slug_of};
use crate::generate::near_tie::Phase;
use crate::generate::plan::{FilePlan, Input, config};
use crate::generate::values::{bits, mixed, number, numbered, one_hot, repeated, values};
use crate::number::Dtype;
use crate::request::Operation;

/// Head and rotary widths, ascending: every listed rotary width, in heads of released models where
/// there is one.
const PARTIAL: &[(usize, usize)] = &[
    (4, 2),
    (6, 4),
    (20, 6),
    (34, 20),
    (40, 34),
    (64, 40),
    (80, 32),
    (72, 66),
    (80, 72),
    (92, 80),
    (96, 92),
    (100, 96),
    (128, 100),
    (192, 64),
    (256, 64),
    (192, 128),
    (256, 192),
    (288, 256),
];

pub(super) fn files() -> Vec<FilePlan> {
    layouts_and_floats()
        .map(|(layout, dtype)| {
            let path = format!("rotate/{}-{dtype}.json", layout.name());
            let mut file = FilePlan::new(path, Operation::Rotate);
            basic(&mut file, layout, dtype);
            layouts(&mut file, layout, dtype);
            positions(&mut file, layout, dtype);
            bases(&mut file, layout, dtype);
            dims(&mut file, layout, dtype);
            factors(&mut file, layout, dtype);
            directions(&mut file, layout, dtype);
            near_ties(&mut file, layout, dtype);
            special::groups(&mut file, layout, dtype);
            batches::groups(&mut file, layout, dtype);
            file
        })
        .collect()
}

fn basic(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let row = || numbered(dtype, &[1, 1, 1, 4], 1);
    file.group("basic", plain(4, layout, 10000.0), dtype)
        .test(
            "position-0",
            "position 0 leaves 1, 2, 3, 4 as they are",
            &["basic"],
            Input::new().with("q", row()).positions(&[&[0]]),
        )
        .test(
            "position-1",
            "1, 2, 3, 4 at position 1: angles of 1 and 0.01 radians",
            &["basic"],
            Input::new().with("q", row()).positions(&[&[1]]),
        )
        .test(
            "queries-and-keys",
            "one query head and one key head, two tokens",
            &["basic"],
            Input::new()
                .with("q", numbered(dtype, &[1, 1, 2, 4], 1))
                .with("k", numbered(dtype, &[1, 1, 2, 4], -8))
                .positions(&[&[0, 1]]),
        );
}

/// Trap T1: the layout and the sign can be read off where sin 1 = 0.841 lands.
fn layouts(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let group = file.group("layout", plain(8, layout, 10000.0), dtype);
    for p in [1, 3] {
        group.test(
            format!("one-hot-at-{p}"),
            format!(
                "every unit vector at position {p}: where do cos and sin land, with which sign?"
            ),
            &["layout", "sign", "exponent"],
            Input::new().with("q", one_hot(dtype, 8)).positions(&[&[p; 8]]),
        );
    }
    let signs = [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]];
    let quadrants: Vec<f64> = signs
        .iter()
        .flat_map(|s| (0..8).map(|i| s[if layout == Layout::Half { i / 4 } else { i % 2 }]))
        .collect();
    group
        .test(
            "quadrants-at-1",
            "all four combinations of signs in a plane",
            &["sign", "layout"],
            Input::new()
                .with("q", values(dtype, &[1, 1, 4, 8], &quadrants))
                .positions(&[&[1, 1, 1, 1]]),
        )
        .test(
            "queries-not-keys",
            "queries 1…8 and keys −8…−1: each must come back in its own tensor",
            &["wires", "layout"],
            Input::new()
                .with("q", numbered(dtype, &[1, 1, 1, 8], 1))
                .with("k", numbered(dtype, &[1, 1, 1, 8], -8))
                .positions(&[&[1]]),
        )
        .test(
            "constant-queries-and-keys",
            "queries all 1, keys all 2: halves and tensors cannot be crossed unseen",
            &["wires"],
            Input::new()
                .with("q", repeated(dtype, &[1, 2, 2, 8], &[1.0]))
                .with("k", repeated(dtype, &[1, 2, 2, 8], &[2.0]))
                .positions(&[&[1, 3]]),
        );
}

/// Trap T5: every listed position, alone, so that a kernel's limits can leave it out.
fn positions(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let data = |name: &str, heads, p: i64| mixed(dtype, &[1, heads, 1, 8], &format!("{name} {p}"));
    let group = file.group("positions", plain(8, layout, 10000.0), dtype);
    for &p in POSITIONS {
        let band = band_of(p);
        let comment = match p {
            0 => "random queries and keys at position 0 are copied".to_string(),
            _ => format!("random queries and keys at position {p}"),
        };
        let input = Input::new().with("q", data("q", 2, p)).with("k", data("k", 1, p));
        group.test(slug_of(p), comment, &[band.flag, "rounding"], input.positions(&[&[p]]));
    }
    let group = file.group("negative-positions", plain(8, layout, 10000.0), dtype);
    for &p in POSITIONS.iter().filter(|&&p| p > 0) {
        let flags = ["negative-position", band_of(p).flag];
        let input = Input::new().with("q", data("q", 1, -p)).positions(&[&[-p]]);
        group.test(slug_of(-p), format!("random queries at position {}", -p), &flags, input);
    }
}

/// A base in a name: 10000, 0-5.
fn base_slug(base: f64) -> String {
    base.to_string().replace('.', "-")
}

fn bases(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    for &base in BASES.iter().filter(|&&base| base != 10000.0) {
        let name = format!("base-{}", base_slug(base));
        let group = file.group(&name, plain(16, layout, base), dtype);
        for (label, tokens) in [("near", [1, 64, 512]), ("far", [4097, 131071, 1000003])] {
            let flags: &[_] = match label {
                "near" => &["base", "exponent"],
                _ => &["base", "long-position"],
            };
            group.test(
                label,
                format!("base {base} at positions {tokens:?}"),
                flags,
                Input::new()
                    .with("q", mixed(dtype, &[1, 1, 3, 16], &format!("{name} {label}")))
                    .positions(&[&tokens]),
            );
        }
    }
}

/// Trap T6: widths that are no power of two, slices at the front, at the end and inside.
fn dims(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    for &dim in DIMS {
        let name = format!("width-{dim}");
        // A second head is a sentinel for reads and writes past the first.
        let heads = if dim <= 40 { 2 } else { 1 };
        let tokens: &[i64] = if dim <= 64 { &[3, 1000] } else { &[1000] };
        file.group(&name, plain(dim, layout, 10000.0), dtype).test(
            "whole",
            format!("a head of {dim}, all of it rotated"),
            &["width"],
            Input::new()
                .with("q", mixed(dtype, &[1, heads, tokens.len(), dim], &name))
                .positions(&[tokens]),
        );
    }
    let inside = [(8, 4, 2), (8, 2, 3), (20, 6, 5)];
    // A trailing slice of a wide head is MLA's, 64 of 192; narrow ones serve for the rest.
    let trailing = |&(head, rotary): &(usize, usize)| head <= 80 || (head, rotary) == (192, 64);
    let at_the_end = PARTIAL.iter().filter(|slice| trailing(slice));
    let slices = PARTIAL
        .iter()
        .map(|&(head, rotary)| (head, rotary, 0))
        .chain(at_the_end.map(|&(head, rotary)| (head, rotary, head - rotary)))
        .chain(inside);
    for (head, rotary, offset) in slices {
        let name = format!("slice-{head}-{rotary}-from-{offset}");
        file.group(&name, sliced(head, layout, rotary, offset), dtype).test(
            "random",
            format!(
                "{rotary} of {head} channels from channel {offset} are rotated, the others copied"
            ),
            &["partial", "exponent", "copied-bits", "slice", "rounding"],
            Input::new()
                .with("q", mixed(dtype, &[1, if head <= 40 { 2 } else { 1 }, 1, head], &name))
                .positions(&[&[1000]]),
        );
    }
}

fn factors(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    for (head, factor, name) in
        [(8, 0.5, "factor-half"), (16, 0.25, "factor-quarter"), (80, 0.6, "factor-three-fifths")]
    {
        let object = config([
            ("head_dim", head.into()),
            ("layout", layout.name().into()),
            ("rope_theta", number(10000.0)),
            ("partial_rotary_factor", number(factor)),
        ]);
        let width = (head as f64 * factor) as usize;
        file.group(name, object, dtype).test(
            "random",
            format!("trunc(RN64({head} × {factor})) = {width} channels are rotated"),
            &["partial", "exponent", "copied-bits"],
            Input::new().with("q", mixed(dtype, &[1, 1, 1, head], name)).positions(&[&[7]]),
        );
    }
}

fn directions(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    for (direction, what) in
        [("inverse", "undoes the rotation"), ("backward", "is the gradient with random g")]
    {
        let group = file.group(direction, plain(8, layout, 10000.0), dtype);
        for p in [0, 1, 4095, 131071, -7] {
            let data = |name: &str| mixed(dtype, &[1, 1, 1, 8], &format!("{direction} {name} {p}"));
            group.test(
                slug_of(p),
                format!("{direction} at position {p} {what}"),
                &[direction, band_of(p).flag],
                Input::new()
                    .with("q", data("q"))
                    .with("k", data("k"))
                    .positions(&[&[p]])
                    .with("direction", direction),
            );
        }
        group.test(
            "per-element",
            format!("{direction}: every token, head and channel has a number of its own"),
            &[direction, "batch"],
            Input::new()
                .with("q", numbered(dtype, &[2, 2, 2, 8], -32))
                .positions(&[&[1, 2], &[5, 9]])
                .with("direction", direction),
        );
    }
}

fn near_ties(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let group = file.group("near-ties", plain(4, layout, 10000.0), dtype);
    for p in [1, 7, 257, 4097, 131071, (1 << 31) - 1] {
        let plane = |index| {
            let words = format!("near tie {p} {index}");
            Phase::new(10000.0, index, 4, p)?.two_terms(dtype, &words)
        };
        let planes: Vec<_> = (0..2).filter_map(plane).collect();
        group.test(
            slug_of(p),
            format!("the real parts at position {p} lie next to the middle of two numbers"),
            &["near-tie", band_of(p).flag],
            Input::new()
                .with("q", bits(dtype, &[1, 1, 1, 4], row(layout, 4, 0, &planes)))
                .positions(&[&[p]]),
        );
    }
}
