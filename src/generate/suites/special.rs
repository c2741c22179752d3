//! `rotate` on special values: huge, tiny, cancelling, signed zeros, infinities, NaN.

use super::{plain, row, sliced};
use crate::encoding::Layout;
use crate::generate::lists::{band_of, slug_of};
use crate::generate::near_tie::Phase;
use crate::generate::plan::{FilePlan, Input};
use crate::generate::values::{Random, bits, nearest};
use crate::number::{Dtype, Format};

/// Bit patterns of a format that are special.
pub(super) struct Patterns {
    pub(super) least: u64,
    pub(super) largest_subnormal: u64,
    pub(super) smallest_normal: u64,
    pub(super) largest: u64,
    pub(super) infinity: u64,
    /// A quiet NaN with a payload.
    pub(super) nan: u64,
    /// A signalling NaN.
    pub(super) signalling: u64,
    pub(super) sign: u64,
    pub(super) one: u64,
}

impl Patterns {
    pub(super) fn new(dtype: Dtype) -> Patterns {
        // Integers have no special values; the patterns of binary64 stand in unused.
        let format = dtype.format().unwrap_or(Format::F64);
        let smallest_normal = 1 << (format.precision - 1);
        Patterns {
            least: 1,
            largest_subnormal: smallest_normal - 1,
            smallest_normal,
            largest: format.largest(),
            infinity: format.infinity(),
            nan: format.quiet_nan() | 0x12,
            signalling: format.infinity() | 1,
            sign: format.sign_bit(),
            one: nearest(dtype, 1.0),
        }
    }
}

pub(super) fn groups(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    extremes(file, layout, dtype);
    cancelling(file, layout, dtype);
    zeros_and_nonfinite(file, layout, dtype);
    outside(file, layout, dtype);
}

/// A row of four planes at a position.
fn at(layout: Layout, dtype: Dtype, planes: &[(u64, u64)], p: i64) -> Input {
    let data = row(layout, 8, 0, planes);
    Input::new().with("q", bits(dtype, &[1, 1, 1, 8], data)).positions(&[&[p]])
}

fn extremes(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let s = Patterns::new(dtype);
    let (minus, half) =
        (s.sign, s.largest - (1 << (dtype.format().map_or(1, |f| f.precision) - 1)));
    let group = file.group("extremes", plain(8, layout, 10000.0), dtype);
    let huge = [
        (s.largest, s.largest),
        (s.largest, minus | s.largest),
        (half, minus | half),
        (minus | s.largest, s.one),
    ];
    let tiny = [
        (s.least, 0),
        (s.least * 3, minus | (s.least * 2)),
        (s.largest_subnormal, s.largest_subnormal),
        (s.smallest_normal, minus | s.smallest_normal),
    ];
    let both = [
        (s.largest, s.least),
        (s.one, s.least),
        (s.smallest_normal + 1, s.least),
        (minus | s.largest, minus | s.least),
    ];
    for p in [1, 5, 4097] {
        group.test(
            format!("huge-at-{p}"),
            "the largest numbers: some results overflow, some do not",
            &["overflow"],
            at(layout, dtype, &huge, p),
        );
        group.test(
            format!("tiny-at-{p}"),
            "subnormal numbers and the smallest normal ones",
            &["subnormal"],
            at(layout, dtype, &tiny, p),
        );
        group.test(
            format!("huge-and-tiny-at-{p}"),
            "the largest beside the least",
            &["overflow", "subnormal"],
            at(layout, dtype, &both, p),
        );
    }
    // Random numbers just above and below the subnormal border, and near the overflow threshold.
    let format = dtype.format().unwrap_or(Format::F64);
    let around = |centre: u64, words: &str| -> Vec<(u64, u64)> {
        let mut random = Random::new(words);
        let width = centre.min(format.infinity() - 1 - centre).min(1 << (format.precision - 1));
        let mut pick = || (centre - width + random.bits() % (2 * width)) | random.bits() & s.sign;
        (0..4).map(|_| (pick(), pick())).collect()
    };
    let border = around(s.smallest_normal, "border");
    let top = around(format.infinity() - (1 << format.precision), "top");
    group.test(
        "border-at-3",
        "random numbers around the smallest normal one",
        &["subnormal"],
        at(layout, dtype, &border, 3),
    );
    group.test(
        "top-at-3",
        "random numbers in the last binades",
        &["overflow"],
        at(layout, dtype, &top, 3),
    );
}

fn cancelling(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let group = file.group("cancelling", plain(8, layout, 10000.0), dtype);
    for p in [1, 257, 4097, 131071] {
        let plane = |index| {
            let words = format!("cancelling {p} {index}");
            Phase::new(10000.0, index, 8, p)?.cancelling(dtype, &words)
        };
        let planes: Vec<_> = (0..4).filter_map(plane).collect();
        group.test(
            slug_of(p),
            format!("x cos − y sin nearly vanishes in every plane at position {p}"),
            &["cancellation", band_of(p).flag],
            at(layout, dtype, &planes, p),
        );
    }
}

fn zeros_and_nonfinite(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let s = Patterns::new(dtype);
    let minus = s.sign;
    let zeros = [(0, 0), (minus, 0), (0, minus), (minus, minus)];
    let beside = [(minus, s.one), (s.one, minus), (minus | s.one, 0), (0, minus | s.one)];
    let group = file.group("signed-zeros", plain(8, layout, 10000.0), dtype);
    for p in [0, 1] {
        group.test(
            format!("pairs-at-{p}"),
            "planes of zeros of either sign: the result is a zero of either sign",
            &["signed-zero"],
            at(layout, dtype, &zeros, p),
        );
        group.test(
            format!("beside-one-at-{p}"),
            "a zero of either sign beside 1 or -1",
            &["signed-zero"],
            at(layout, dtype, &beside, p),
        );
    }
    let nonfinite =
        [(s.infinity, s.one), (s.one, minus | s.infinity), (s.nan, s.one), (s.one, minus | s.one)];
    let worse = [
        (s.infinity, minus | s.infinity),
        (s.nan, s.infinity),
        (minus | s.nan, s.nan),
        (0, s.infinity),
    ];
    let group = file.group("nonfinite", plain(8, layout, 10000.0), dtype);
    for p in [0, 5] {
        let what = match p {
            0 => "bits are copied, and any nonfinite value is accepted in their planes",
            _ => "their planes are NaN or infinite, the last plane is an ordinary one",
        };
        group.test(
            format!("beside-one-at-{p}"),
            format!("infinities and a NaN beside 1 at position {p}: {what}"),
            &["nonfinite"],
            at(layout, dtype, &nonfinite, p),
        );
        group.test(
            format!("pairs-at-{p}"),
            format!("infinities and NaN in pairs at position {p}"),
            &["nonfinite"],
            at(layout, dtype, &worse, p),
        );
    }
}

/// Channels that are copied: every special pattern must come through, bit for bit.
fn outside(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let s = Patterns::new(dtype);
    let specials =
        [s.sign, s.nan, s.signalling, s.infinity, s.sign | s.infinity, s.least, s.largest, s.one];
    let config = sliced(10, layout, 2, 4);
    let group = file.group("outside", config, dtype);
    for p in [0, 9, 131071] {
        let mut data = specials[..4].to_vec();
        data.extend([s.one, s.sign | s.one]);
        data.extend(&specials[4..]);
        group.test(
            slug_of(p),
            "−0, NaN, infinities, subnormal and largest outside the planes are copied",
            &["copied-bits", "signed-zero"],
            Input::new().with("q", bits(dtype, &[1, 1, 1, 10], data)).positions(&[&[p]]),
        );
    }
}
