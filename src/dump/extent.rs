//! What is wrong in a tensor, by its own axes: which batches, heads, tokens, coordinates.

use super::geometry::Geometry;
use crate::audit::Large;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Indices with a wrong element, along each axis of the tensor.
pub struct Extent {
    /// The letter of the axis, its length, the indices.
    axes: Vec<(char, usize, BTreeSet<usize>)>,
    /// Rows with a wrong element.
    rows: usize,
    of: usize,
}

impl Extent {
    /// Of what was judged.
    pub fn new(geometry: &Geometry, large: &Large) -> Extent {
        let mut axes: Vec<_> = geometry
            .letters
            .chars()
            .zip(geometry.shape())
            .map(|(letter, length)| (letter, length, BTreeSet::new()))
            .collect();
        for &row in &large.rows {
            for ((.., found), index) in axes.iter_mut().zip(geometry.index(row, 0)) {
                found.insert(index);
            }
        }
        if let Some((.., found)) = axes.last_mut() {
            let wrong = large.columns.iter().enumerate().filter(|(_, count)| **count > 0);
            *found = wrong.map(|(column, _)| column).collect();
        }
        Extent { axes, rows: large.rows.len(), of: geometry.rows() }
    }

    /// One sentence: exactly what is wrong, if every combination of the indices is; else how many.
    pub fn sentence(&self) -> String {
        let said: Vec<String> = self
            .axes
            .iter()
            .filter(|(_, length, found)| *length > 1 && found.len() < *length)
            .map(|(letter, _, found)| {
                let name = match letter {
                    'b' => "batch",
                    'h' => "head",
                    'd' => "coordinate",
                    _ => "token",
                };
                let plural = if found.len() == 1 {
                    ""
                } else if name == "batch" {
                    "es"
                } else {
                    "s"
                };
                format!("{name}{plural} {}", ranges(found))
            })
            .collect();
        let place = match said.is_empty() {
            true => "all over the tensor".to_string(),
            false => said.join(", "),
        };
        let (rows, of) = (self.rows, self.of);
        match self.is_exact() {
            true if rows == of => format!("wrong: {place}, in every row"),
            true => format!("wrong: {place}; every other row is right"),
            false => format!("wrong: {place}, in {rows} of the {of} rows"),
        }
    }

    /// Whether a row is wrong exactly where all its indices are among those found.
    fn is_exact(&self) -> bool {
        let outer = &self.axes[..self.axes.len().saturating_sub(1)];
        outer.iter().try_fold(1usize, |n, (.., found)| n.checked_mul(found.len()))
            == Some(self.rows)
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let axes = self.axes.iter().map(|(letter, length, found)| {
            let ranges: Vec<[usize; 2]> = runs(found);
            (letter.to_string(), json!({"length": length, "indices": ranges}))
        });
        let axes: serde_json::Map<String, Value> = axes.collect();
        json!({"rows": self.rows, "of": self.of, "exact": self.is_exact(), "axes": axes})
    }
}

/// Runs of neighbours, both ends included.
fn runs(found: &BTreeSet<usize>) -> Vec<[usize; 2]> {
    let mut runs: Vec<[usize; 2]> = Vec::new();
    for &index in found {
        match runs.last_mut() {
            Some([_, last]) if *last + 1 == index => *last = index,
            _ => runs.push([index, index]),
        }
    }
    runs
}

/// Runs for a reader, the first few.
fn ranges(found: &BTreeSet<usize>) -> String {
    const FEW: usize = 8;
    let runs = runs(found);
    let one = |[first, last]: &[usize; 2]| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first}–{last}"),
    };
    let mut text = runs.iter().take(FEW).map(one).collect::<Vec<_>>().join(", ");
    if runs.len() > FEW {
        let rest: usize = runs[FEW..].iter().map(|[first, last]| last - first + 1).sum();
        text += &format!(" and {rest} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_written_as_runs() {
        assert_eq!(ranges(&[0, 1, 2, 3, 7, 9, 10].into()), "0–3, 7, 9, 10");
        assert_eq!(
            ranges(&(0..20).map(|n| 2 * n).collect()),
            "0, 2, 4, 6, 8, 10, 12, 14 and 12 more"
        );
    }

    #[test]
    fn a_product_of_indices_is_exact_and_a_scattering_is_not() {
        let geometry = Geometry::new(None, &[2, 3, 4, 2], "bhsd").unwrap();
        let of = |rows: &[usize]| {
            let large = Large { rows: rows.to_vec(), columns: vec![1, 0], ..Large::default() };
            Extent::new(&geometry, &large).sentence()
        };
        // The last token of every head and batch.
        let last = [3, 7, 11, 15, 19, 23];
        assert_eq!(of(&last), "wrong: token 3, coordinate 0; every other row is right");
        assert_eq!(of(&[0, 13]), "wrong: head 0, tokens 0, 1, coordinate 0, in 2 of the 24 rows");
        assert_eq!(of(&(0..24).collect::<Vec<_>>()), "wrong: coordinate 0, in every row");
    }
}
