//! Which planes of rows go wrong, where others of the same rows do not.

use super::exhibit::{Exhibit, Part, Scene, Turn, Unit};
use super::pairs::{Pairs, turning};
use super::place::by_axis;
use crate::audit::judge::Mark;
use std::collections::BTreeSet;

/// The planes of a wrong row: which are wrong, which turn and are right, and what the elements of the
/// wrong ones are.
struct Seen<'e> {
    turn: &'e Turn,
    wrong: Vec<usize>,
    right: Vec<usize>,
    /// Whether all that is wrong is what went in, and whether it is zero.
    input: bool,
    zero: bool,
}

fn seen<'e>(exhibit: &'e Exhibit, turn: &'e Turn, unit: &Unit) -> Seen<'e> {
    let side = &exhibit.sides[unit.side];
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    let at = |index: usize| [turn.planes[index].re, turn.planes[index].im].map(|c| start + c);
    let wrong: Vec<usize> = (0..turn.planes.len())
        .filter(|&index| at(index).iter().any(|&i| side.marks[i] == Mark::Wrong))
        .collect();
    let all = |is: &dyn Fn(usize) -> bool| wrong.iter().all(|&index| at(index).into_iter().all(is));
    let (input, zero) = (all(&|i| side.got[i] == side.input[i]), all(&|i| side.got[i] == 0.0));
    Seen { turn, right: turning(exhibit, turn, unit).collect(), wrong, input, zero }
}

/// Which planes go wrong, and what comes of them, in words: by their place in any head where that
/// tells wrong from right, else by number.
pub(super) fn planes(exhibits: &[Exhibit], wrong: &[&Unit]) -> Option<String> {
    let of = |unit: &&Unit| {
        let exhibit = &exhibits[unit.exhibit];
        match &exhibit.scene {
            Scene::Turn(turn) => Some(seen(exhibit, turn, unit)),
            Scene::Grid(_) | Scene::Whole(_) => None,
        }
    };
    let rows = wrong.iter().filter(|unit| unit.part == Part::Turned);
    let rows: Vec<Seen> = rows.filter_map(of).filter(|s| !s.wrong.is_empty()).collect();
    let fate = match () {
        () if rows.iter().all(|row| row.input) => " (left as it went in)",
        () if rows.iter().all(|row| row.zero) => " (zeros)",
        () => "",
    };
    // Told by rows that have others, of more widths than one.
    let tells = |pairs: &Pairs| {
        let all = rows.iter().all(|row| row.wrong.iter().all(|&i| pairs.has(row.turn, i)));
        let apart = rows.iter().filter(|row| row.right.iter().any(|&i| !pairs.has(row.turn, i)));
        let widths: BTreeSet<usize> = apart.map(|row| row.turn.planes.len()).collect();
        all && widths.len() >= 2
    };
    if let Some(pairs) = Pairs::all().iter().find(|pairs| tells(pairs)) {
        let goes = if pairs.is_one() { "goes" } else { "go" };
        return Some(format!("in these rows only {} {goes} wrong{fate}", pairs.words()));
    }
    let most = rows.iter().map(|row| row.turn.planes.len()).max()?;
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
