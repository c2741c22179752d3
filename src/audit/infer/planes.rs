//! Which planes of rows go wrong, where others of the same rows do not.

use super::exhibit::{Exhibit, Part, Scene, Side, Turn, Unit};
use super::place::by_axis;
use crate::audit::judge::Mark;
use std::collections::BTreeSet;

/// The planes of a wrong row: which are wrong, which turn and are right, and what the elements of the
/// wrong ones are.
struct Seen {
    count: usize,
    wrong: Vec<usize>,
    right: Vec<usize>,
    /// Whether all that is wrong is what went in, and whether it is zero.
    input: bool,
    zero: bool,
}

/// Whether a right element is another than its input, so that it would show what others show.
fn moves(side: &Side, at: usize) -> bool {
    (side.right[at] - side.input[at]).abs() > side.input[at].abs() / 64.0
}

fn seen(exhibit: &Exhibit, turn: &Turn, unit: &Unit) -> Seen {
    let side = &exhibit.sides[unit.side];
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    let (mut wrong, mut right) = (vec![], vec![]);
    let (mut input, mut zero) = (true, true);
    for (index, plane) in turn.planes.iter().enumerate() {
        let at = [plane.re, plane.im].map(|c| start + c);
        let marks = at.map(|i| side.marks[i]);
        if marks.contains(&Mark::Wrong) {
            wrong.push(index);
            input &= at.iter().all(|&i| side.got[i] == side.input[i]);
            zero &= at.iter().all(|&i| side.got[i] == 0.0);
        } else if marks.contains(&Mark::Right) && at.iter().any(|&i| moves(side, i)) {
            right.push(index);
        }
    }
    Seen { count: turn.planes.len(), wrong, right, input, zero }
}

/// What is said, and whether it holds of a pair by its number and how many there are.
type Kind = (&'static str, fn(usize, usize) -> bool);

/// Pairs as a person names them in heads of any width.
const KINDS: [Kind; 8] = [
    ("the last pair goes wrong", |i, n| i + 1 == n),
    ("the first pair goes wrong", |i, _| i == 0),
    ("pairs of the second half go wrong", |i, n| 2 * i + 1 >= n),
    ("pairs of the first half go wrong", |i, n| 2 * i < n),
    ("pairs of odd number go wrong", |i, _| i % 2 == 1),
    ("pairs of even number go wrong", |i, _| i % 2 == 0),
    ("pairs from the 17th on go wrong", |i, _| i >= 16),
    ("pairs from the 33rd on go wrong", |i, _| i >= 32),
];

/// Which planes go wrong, and what comes of them, in words: by their place in any head where that
/// tells wrong from right, else by number.
pub(super) fn planes(exhibits: &[Exhibit], wrong: &[&Unit]) -> Option<String> {
    let of = |unit: &&&Unit| {
        let exhibit = &exhibits[unit.exhibit];
        match &exhibit.scene {
            Scene::Turn(turn) => Some(seen(exhibit, turn, unit)),
            Scene::Grid(_) => None,
        }
    };
    let rows = wrong.iter().filter(|unit| unit.part == Part::Turned);
    let rows: Vec<Seen> =
        rows.filter_map(|unit| of(&unit)).filter(|s| !s.wrong.is_empty()).collect();
    let fate = match () {
        () if rows.iter().all(|row| row.input) => " (left as it went in)",
        () if rows.iter().all(|row| row.zero) => " (zeros)",
        () => "",
    };
    // Told by rows that have others, of more widths than one.
    let tells = |is: fn(usize, usize) -> bool| {
        let all = rows.iter().all(|row| row.wrong.iter().all(|&i| is(i, row.count)));
        let apart = rows.iter().filter(|row| row.right.iter().any(|&i| !is(i, row.count)));
        let widths: BTreeSet<usize> = apart.map(|row| row.count).collect();
        all && widths.len() >= 2
    };
    if let Some((words, _)) = KINDS.into_iter().find(|(_, is)| tells(*is)) {
        return Some(format!("in these rows only {words}{fate}"));
    }
    let most = rows.iter().map(|row| row.count).max()?;
    let mut counts = vec![(0usize, 0usize); most];
    for row in &rows {
        row.wrong.iter().for_each(|&i| counts[i].0 += 1);
        row.right.iter().for_each(|&i| counts[i].1 += 1);
    }
    let of = |test: &dyn Fn(&(usize, usize)) -> bool| -> Vec<usize> {
        (0..counts.len()).filter(|&i| test(&counts[i])).collect()
    };
    let (bad, clean) = (of(&|c| c.0 > 0), of(&|c| c.0 == 0 && c.1 >= 3));
    (!bad.is_empty() && !clean.is_empty()).then(|| {
        format!(
            "in these rows pairs {} go wrong{fate}, pairs {} never",
            by_axis(&bad),
            by_axis(&clean)
        )
    })
}
