//! What a kernel does beyond its angles: sums, distances, rows, heads, directions, lengths.

use super::machine::{answer_as, numbers};
use super::probe::{Matrix, Probe, Rows};
use crate::audit::judge::answer::judge;
use crate::audit::judge::{Mark, Marked};
use crate::audit::outcome::Outcome;
use crate::audit::tolerance::Tolerances;
use crate::number::Tensor;
use crate::profile;
use crate::request::{Object, Operation, Position};

/// Sentences about what is not as a config has it: the parts of the survey that differ, and where.
pub(super) fn strange(probe: &Probe, config: &Object) -> Vec<String> {
    let mut list = Vec::new();
    for (case, answered) in probe.answered() {
        let Ok(Outcome::Output(output)) = &answered.outcome else { continue };
        let unit = case.comment.starts_with("unit vectors");
        if case.ask.operation != Operation::Rotate || unit {
            continue;
        }
        let what = &case.comment;
        if answered.fickle {
            list.push(format!("{what}: asked again, it answers otherwise"));
            continue;
        }
        let Some((question, truth)) = answer_as(probe, case, config) else { continue };
        let Some(expected) = truth.expected.tensors() else { continue };
        let case = crate::audit::Case { truth: truth.clone(), ..case.clone() };
        let common = profile::common(probe.dtype);
        let tolerances = Tolerances::new(&question, &common[common.len().saturating_sub(1)..]);
        match judge(&case, &question, expected, output, &tolerances) {
            Err(misfit) => list.push(format!("{what}: {misfit}")),
            Ok(judged) => {
                for Marked { name, marks, .. } in judged.outputs {
                    let tensor = output.iter().find(|(n, _)| *n == name).map(|(_, t)| t);
                    let place = tensor.and_then(|tensor| place(tensor, marks.first()?));
                    list.extend(place.map(|place| format!("{what}: {name} is not, {place}")));
                }
            }
        }
    }
    list
}

/// Where rows are wrong, by axis; none if nothing is.
fn place(tensor: &Tensor, marks: &[Mark]) -> Option<String> {
    let &[batch, heads, seq, dim] = tensor.shape() else { return None };
    let wrong = |row: &usize| marks[row * dim..][..dim].contains(&Mark::Wrong);
    let wrong: Vec<usize> = (0..batch * heads * seq).filter(wrong).collect();
    if wrong.is_empty() {
        return None;
    }
    let some = |what: &str, of: &dyn Fn(usize) -> usize, all: usize| {
        let mut list: Vec<usize> = wrong.iter().map(|&row| of(row)).collect();
        list.sort_unstable();
        list.dedup();
        (list.len() < all && list.len() <= 8).then(|| format!("{what} {list:?} only"))
    };
    let parts: Vec<String> = [
        some("rows of the batch", &|row| row / (heads * seq), batch),
        some("heads", &|row| row / seq % heads, heads),
        some("tokens", &|row| row % seq, seq),
    ]
    .into_iter()
    .flatten()
    .collect();
    Some(match parts.is_empty() {
        true => format!("{} of {} vectors", wrong.len(), batch * heads * seq),
        false => parts.join(", "),
    })
}

/// Whether the map of a sum is the sum of the maps.
pub(super) fn is_linear(probe: &mut Probe, matrix: &Matrix, position: i64) -> Option<bool> {
    probe.about("unit vectors and their sums");
    let dim = probe.head_dim;
    let (x, y) = (numbers(dim, 17), numbers(dim, 19));
    let sum: Vec<f64> = x.iter().zip(&y).map(|(a, b)| (a + b) / 2.0).collect();
    let values = [x.clone(), y, sum].concat();
    let positions = vec![vec![vec![Position::integer(position); 3]]; probe.axes];
    let rows = Rows { shape: [1, 1, 3], values: &values, keys: None };
    let output = probe.rotate(rows, &positions, None).ok()?;
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
