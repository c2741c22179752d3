//! A sweep for a reader.

use super::record::{Certified, Record};
use ropewalk::profile::Measure;

/// Planes shown of a long rope, evenly spread.
const SHOWN: usize = 12;

/// A number with so many digits after the first.
fn written(x: f64, digits: usize) -> String {
    let exponential = format!("{x:.digits$e}");
    let exponent = exponential.split_once('e').and_then(|(_, e)| e.parse::<i32>().ok());
    match exponent {
        Some(e) if (-4..7).contains(&e) => {
            format!("{x:.0$}", (digits as i32 - e).max(0) as usize)
        }
        _ => exponential,
    }
}

/// The digits that both ends have in common, at most six.
fn digits(certified: &Certified) -> String {
    let Certified { at_least, at_most, .. } = *certified;
    if at_most == 0.0 || !at_most.is_finite() {
        return at_most.to_string();
    }
    if at_least == 0.0 {
        return format!("< {:.0e}", 2.0 * at_most);
    }
    let agreed = (0..6).rev().find(|n| written(at_least, *n) == written(at_most, *n));
    match agreed {
        Some(n) => written(at_most, n),
        None => format!("{at_least:e} to {at_most:e}"),
    }
}

/// The table of planes, and what it comes to.
pub fn text(record: &Record, all: bool) -> String {
    let header = record.header;
    let count = record.planes.len();
    let ranges = header.ranges.iter().filter(|range| !range.is_empty());
    let ranges: Vec<_> =
        ranges.map(|range| format!("{} to {}", range.start, range.end - 1)).collect();
    if ranges.is_empty() {
        return format!("{}: no positions in this part of the range\n", header.profile.name);
    }
    let mut text = format!(
        "{}, positions {}: every position, every plane\n\n",
        header.profile.name,
        ranges.join(", ")
    );
    let worst = |index: usize| {
        let of = |plane: &usize| record.planes[*plane].measures[index].0.map(|c| c.worst.error);
        (0..count).rev().max_by(|a, b| of(a).unwrap_or(-1.0).total_cmp(&of(b).unwrap_or(-1.0)))
    };
    let first = |index: usize| {
        let of = |plane: usize| record.planes[plane].measures[index].1.map(|p| (p, plane));
        (0..count).filter_map(of).min()
    };
    let remarkable: Vec<usize> =
        (0..3).flat_map(|i| [worst(i), first(i).map(|f| f.1)]).flatten().collect();
    let step = count.div_ceil(SHOWN).max(1);
    let shown = |plane: &usize| {
        all || count <= 2 * SHOWN
            || plane.is_multiple_of(step)
            || plane + 1 == count
            || remarkable.contains(plane)
    };
    text += &format!(
        "{:>5} {:>11} {:>12} {:>11} {:>12} {:>11} {:>12}  first beyond {}\n",
        "plane", "frequency", "angle", "at", "table", "rotation", "at", header.bound
    );
    for plane in (0..count).filter(shown) {
        let row = &record.planes[plane];
        let error = |index: usize| row.measures[index].0.map_or("-".to_string(), |c| digits(&c));
        let at = |index: usize| {
            row.measures[index].0.map_or("-".to_string(), |c| c.worst.position.to_string())
        };
        text += &format!(
            "{plane:>5} {:>11} {:>12} {:>11} {:>12} {:>11} {:>12}  {}\n",
            format!("{:.4e}", row.frequency),
            error(0),
            at(0),
            error(1),
            error(2),
            at(2),
            row.measures[2].1.map_or("never".to_string(), |p| p.to_string()),
        );
    }
    text += "\n";
    for (index, measure) in Measure::ALL.iter().enumerate() {
        let Some(plane) = worst(index) else { continue };
        let Some(certified) = record.planes[plane].measures[index].0 else { continue };
        let beyond = match first(index) {
            Some((position, plane)) => {
                format!("beyond {} first at {position} (plane {plane})", header.bound)
            }
            None => format!("never beyond {}", header.bound),
        };
        text += &format!(
            "{:<9} worst {} at {} (plane {plane}); {beyond}\n",
            measure.name(),
            digits(&certified),
            certified.worst.position,
        );
    }
    text
}
