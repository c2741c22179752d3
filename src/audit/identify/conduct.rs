//! What a kernel does beyond its angles: rows, heads, keys, directions, sums, distances.

use super::machine::numbers;
use super::probe::{Matrix, Probe};
use crate::encoding::Pair;

/// The map that was found, for predictions.
pub(super) struct Map<'m> {
    pub(super) pairs: &'m [Pair],
    pub(super) thetas: &'m [f64],
    /// By plane, how far off its frequency may be.
    pub(super) errors: &'m [f64],
    pub(super) axes: &'m [usize],
    pub(super) magnitude: f64,
    /// Where position 0 puts a coordinate.
    pub(super) moved: Option<&'m [usize]>,
}

impl Map<'_> {
    /// What becomes of a vector at a position, in f64; `sign` −1 turns back.
    fn turn(&self, x: &[f64], position: &[i64], sign: f64, magnitude: f64) -> Vec<f64> {
        let mut y = x.to_vec();
        for (index, pair) in self.pairs.iter().enumerate() {
            let p = position.get(self.axes[index]).copied().unwrap_or(0) as f64;
            let (sin, cos) =
                (libm::sin(sign * p * self.thetas[index]), libm::cos(p * self.thetas[index]));
            y[pair.re] = magnitude * (x[pair.re] * cos - x[pair.im] * sin);
            y[pair.im] = magnitude * (x[pair.im] * cos + x[pair.re] * sin);
        }
        match self.moved {
            None => y,
            Some(to) => {
                let mut moved = y.clone();
                to.iter().enumerate().for_each(|(from, &row)| moved[row] = y[from]);
                moved
            }
        }
    }

    /// Whether a vector is what the map makes of another, up to rounding.
    fn holds(&self, got: &[f64], want: &[f64], position: &[i64], epsilon: f64) -> bool {
        let p = position.iter().map(|p| p.abs()).max().unwrap_or(0) as f64;
        let angle = self.errors.iter().fold(0.0, |a: f64, &b| a.max(b)) * p;
        let slack = 3.0 * self.magnitude.max(1.0) * (16.0 * epsilon + angle);
        got.len() == want.len() && got.iter().zip(want).all(|(a, b)| (a - b).abs() <= slack)
    }
}

/// Sentences about what should not be and is, and what could not be asked.
pub(super) fn conduct(probe: &mut Probe, map: &Map, furthest: i64) -> (Vec<String>, Vec<String>) {
    let (mut strange, mut open) = (Vec::new(), Vec::new());
    let epsilon = probe.epsilon();
    let dim = probe.head_dim;
    let [batch, heads, seq] = [2, 3, 3];
    let place = |p: i64| p.min(furthest);
    let rows = [[2, 5, 9], [11, 3, 7]].map(|row| row.map(place).to_vec());
    // Every axis has positions of its own.
    let positions: Vec<Vec<Vec<i64>>> = (0..probe.axes)
        .map(|axis| {
            let shift = |row: &Vec<i64>| row.iter().map(|p| place(p + axis as i64)).collect();
            rows.iter().map(shift).collect()
        })
        .collect();
    let values = numbers(batch * heads * seq * dim, 11);
    let keys = numbers(batch * heads * seq * dim, 13);
    let at = |row: usize| -> Vec<i64> {
        let (b, t) = (row / (heads * seq), row % seq);
        positions.iter().map(|axis| axis[b][t]).collect()
    };
    let mut off = |name: &str, got: &[f64], input: &[f64], sign: f64, magnitude: f64| {
        let wrong = |row: &usize| {
            let want = map.turn(&input[row * dim..][..dim], &at(*row), sign, magnitude);
            !map.holds(&got[row * dim..][..dim], &want, &at(*row), epsilon)
        };
        let wrong: Vec<usize> = (0..batch * heads * seq).filter(wrong).collect();
        if wrong.is_empty() {
            return false;
        }
        let some = |of: &dyn Fn(usize) -> usize, all: usize| {
            let mut list: Vec<usize> = wrong.iter().map(|&row| of(row)).collect();
            list.sort_unstable();
            list.dedup();
            (list.len() < all).then(|| format!("{list:?}"))
        };
        let mut where_: Vec<String> = Vec::new();
        let parts: [(&str, Option<String>); 3] = [
            ("rows of the batch", some(&|row| row / (heads * seq), batch)),
            ("heads", some(&|row| row / seq % heads, heads)),
            ("tokens", some(&|row| row % seq, seq)),
        ];
        for (what, list) in parts {
            where_.extend(list.map(|list| format!("{what} {list} only")));
        }
        let all = match where_.is_empty() {
            true => format!("{} of {} vectors", wrong.len(), batch * heads * seq),
            false => where_.join(", "),
        };
        strange.push(format!(
            "in a batch of {batch} × {heads} heads × {seq} tokens, {name} are not turned by their \
             own positions: {all}"
        ));
        true
    };
    match probe.rotate([batch, heads, seq], &values, Some((heads, &keys)), &positions, None) {
        Err(why) => open.push(format!("a batch with keys: {why}")),
        Ok(output) => {
            for (name, input) in [("q", &values), ("k", &keys)] {
                match output.iter().find(|(n, _)| n == name) {
                    Some((_, got)) if got.len() == input.len() => {
                        let name = if name == "q" { "queries" } else { "keys" };
                        off(name, got, input, 1.0, map.magnitude);
                    }
                    _ => open.push(format!("{name} did not come back in its shape")),
                }
            }
        }
    }
    for (direction, magnitude) in [("inverse", 1.0 / map.magnitude), ("backward", map.magnitude)] {
        match probe.rotate([batch, heads, seq], &values, None, &positions, Some(direction)) {
            Err(why) => open.push(format!("direction {direction}: {why}")),
            Ok(output) => {
                if let (Some((_, got)), None) = (output.iter().find(|(n, _)| n == "q"), map.moved) {
                    off(
                        &format!("queries of direction {direction}"),
                        got,
                        &values,
                        -1.0,
                        magnitude,
                    );
                }
            }
        }
    }
    (strange, open)
}

/// Whether the map of a sum is the sum of the maps.
pub(super) fn is_linear(probe: &mut Probe, matrix: &Matrix, position: &[i64]) -> Option<bool> {
    let dim = probe.head_dim;
    let (x, y) = (numbers(dim, 17), numbers(dim, 19));
    let sum: Vec<f64> = x.iter().zip(&y).map(|(a, b)| (a + b) / 2.0).collect();
    let values = [x.clone(), y, sum].concat();
    let positions: Vec<Vec<Vec<i64>>> = position.iter().map(|&p| vec![vec![p; 3]]).collect();
    let output = probe.rotate([1, 1, 3], &values, None, &positions, None).ok()?;
    let (_, q) = output.iter().find(|(name, _)| name == "q")?;
    let size = matrix.columns.iter().flatten().fold(0.0f64, |a, b| a.max(b.abs()));
    let slack = 16.0 * probe.epsilon() * size.max(1.0);
    let holds = |index: usize| {
        let want = matrix.times(&values[index * dim..][..dim]);
        let got = &q[index * dim..][..dim];
        want.iter().zip(got).all(|(a, b)| (a - b).abs() <= slack)
    };
    Some((0..3).all(holds))
}

/// Whether the map at 1, transposed, times the map at 3 is that at 0 times that at 2: scores then
/// depend on distances only. The error, in units of the format's spacing, too.
pub(super) fn is_relative(matrices: &[Matrix], epsilon: f64) -> (bool, f64) {
    let [zero, one, two, three] = matrices else { return (false, f64::NAN) };
    let dim = zero.columns.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut worst = 0.0f64;
    for i in 0..dim {
        for j in 0..dim {
            let left = dot(&one.columns[i], &three.columns[j]);
            let right = dot(&zero.columns[i], &two.columns[j]);
            worst = worst.max((left - right).abs());
        }
    }
    let size = zero.columns.iter().flatten().fold(1.0f64, |a, b| a.max(b.abs()));
    (worst <= 16.0 * epsilon * size * size, worst / epsilon)
}
