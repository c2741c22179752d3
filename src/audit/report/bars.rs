//! Errors as rows of bars: against position, and by size in ulp.

use super::words::{count, short};
use crate::audit::errors::{Band, Cell};
use crate::audit::finding::Section;
use crate::audit::judge::HISTOGRAM;
use std::collections::BTreeMap;

/// One row of a picture made of text.
pub(super) struct Bar {
    /// What the row is of.
    pub label: String,
    /// Length of the bar, 0 to 1.
    pub length: f64,
    /// Where the mark of the bound stands, 0 to 1.
    pub mark: Option<f64>,
    /// The number.
    pub value: String,
    /// Whether something in it is wrong.
    pub wrong: bool,
}

/// The largest error by position, in bands of a factor of four, on a logarithmic scale; and its
/// unit.
pub(super) fn by_position(section: &Section) -> (&'static str, Vec<Bar>) {
    let mut bands: BTreeMap<i32, Cell> = BTreeMap::new();
    for (band, cell) in section.errors.by_position() {
        let key = match band {
            Band::None => continue,
            Band::Zero => -1,
            Band::From(n) => n.clamp(0, 24) / 2,
        };
        bands.entry(key).or_default().merge(&cell);
    }
    let relative = bands.values().any(|cell| cell.relative.is_some());
    let size = |cell: &Cell| if relative { cell.relative } else { Some(cell.ulp) };
    let sizes = bands.values().flat_map(|c| [size(c), c.bound.filter(|_| relative)]).flatten();
    let (low, high) = sizes
        .filter(|x| *x > 0.0 && x.is_finite())
        .fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    let place = |x: f64| match x {
        x if x >= high => 1.0,
        x if x <= 0.0 || low >= high => 0.0,
        // The least one is a short bar, not none.
        x => 0.05 + 0.95 * (x / low).ln().max(0.0) / (high / low).ln(),
    };
    let label = |key: i32| match key {
        -1 => "0".to_string(),
        12 => "from 2^24".to_string(),
        k @ 0..=5 => format!("{}-{}", 1u64 << (2 * k), (1u64 << (2 * k + 2)) - 1),
        k => format!("2^{}-2^{}", 2 * k, 2 * k + 2),
    };
    let bars = bands.iter().filter_map(|(&key, cell)| {
        let x = size(cell)?;
        Some(Bar {
            label: label(key),
            length: place(x),
            mark: cell.bound.filter(|_| relative).map(place),
            value: short(x),
            wrong: cell.beyond > 0,
        })
    });
    (if relative { "of |z|" } else { "ulp" }, bars.collect())
}

/// How many elements are off by how much.
pub(super) fn histogram(section: &Section) -> Vec<Bar> {
    let most = section.histogram.iter().copied().max().unwrap_or(0).max(1) as f64;
    let first = section.histogram.iter().position(|&n| n > 0).unwrap_or(0);
    let last = section.histogram.iter().rposition(|&n| n > 0).unwrap_or(0);
    let label = |slot: usize| match slot {
        0 => "to 1/2".to_string(),
        n if n == HISTOGRAM.len() => format!("over {}", HISTOGRAM[n - 1]),
        n => format!("to {}", HISTOGRAM[n]),
    };
    let bar = |slot: usize| {
        let n = section.histogram[slot];
        // Logarithmic: one wrong element among a million must be seen.
        let length = (n as f64 + 1.0).ln() / (most + 1.0).ln();
        let (mark, wrong) = (None, false);
        Bar { label: label(slot), length, mark, value: count(n, "element"), wrong }
    };
    (first..=last).map(bar).collect()
}

/// A bar of so many columns, in eighths.
pub(super) fn drawn(bar: &Bar, columns: usize) -> String {
    let eighths = (bar.length.clamp(0.0, 1.0) * columns as f64 * 8.0).round() as usize;
    let mut cells: Vec<char> = vec!['█'; eighths / 8];
    if !eighths.is_multiple_of(8) {
        cells.push(['▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8 - 1]);
    }
    cells.resize(columns.max(cells.len()), ' ');
    if let Some(mark) = bar.mark {
        let column = ((mark.clamp(0.0, 1.0) * columns as f64) as usize).min(columns - 1);
        cells[column] = '┊';
    }
    cells.into_iter().collect()
}
