//! Covering arrays: few rows in which the levels of every wanted set of factors meet, whatever
//! cannot meet set aside with the reason. Greedy (AETG, Cohen et al. 1997), the same rows for the
//! same seed.

use super::values::Random;

/// What is to be covered.
pub struct Problem<'a> {
    /// How many levels each factor has.
    pub levels: &'a [usize],
    /// Sets of factors, all of whose combinations are to meet.
    pub wanted: &'a [Vec<usize>],
    /// Whether a row can be asked at all, or why not.
    pub possible: &'a dyn Fn(&[usize]) -> Result<(), String>,
    /// The least cost of any row with these levels; none is open still.
    pub cost: &'a dyn Fn(&[Option<usize>]) -> u64,
    /// What a row may cost, and what it may where some combination has no cheaper one.
    pub budget: [u64; 2],
}

/// Levels, by factor, that are to meet.
pub type Tuple = Vec<(usize, usize)>;

/// The rows, and what does not meet in any of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Array {
    /// A level for every factor.
    pub rows: Vec<Vec<usize>>,
    /// What cannot meet, and why.
    pub apart: Vec<(Tuple, String)>,
}

/// Rows that are weighed against each other before one is taken.
const CANDIDATES: usize = 6;
/// Rows that are tried before a combination counts as impossible.
const ATTEMPTS: usize = 40;
/// And before everything does, or a single level.
const SEARCH: [usize; 2] = [2000, 60];

/// Rows that cover.
pub fn cover(problem: &Problem, random: &mut Random) -> Array {
    let mut search = Search { problem, random, open: Open::new(problem), array: Array::default() };
    let Some(first) = search.any() else {
        let everything = (problem.possible)(&vec![0; problem.levels.len()]);
        let why = everything.err().unwrap_or_else(|| "no row is possible".to_string());
        return Array { rows: vec![], apart: vec![(vec![], why)] };
    };
    search.drop_levels(&first);
    while let Some(tuple) = search.open.next() {
        match search.row(&tuple) {
            Ok(row) => {
                search.open.close(&row);
                search.array.rows.push(row);
            }
            Err(why) => {
                search.open.close_one(&tuple);
                search.array.apart.push((tuple, why));
            }
        }
    }
    search.array
}

struct Search<'a, 'p> {
    problem: &'a Problem<'p>,
    random: &'a mut Random,
    open: Open,
    array: Array,
}

impl Search<'_, '_> {
    fn below(&mut self, n: usize) -> usize {
        (self.random.bits() % n.max(1) as u64) as usize
    }

    fn fits(&self, row: &[Option<usize>], most: u64) -> bool {
        (self.problem.cost)(row) <= most
    }

    /// Some possible row.
    fn any(&mut self) -> Option<Vec<usize>> {
        for _ in 0..SEARCH[0] {
            let levels = self.problem.levels;
            let row: Vec<usize> = levels.iter().map(|&n| self.below(n)).collect();
            if (self.problem.possible)(&row).is_ok() {
                return Some(row);
            }
        }
        None
    }

    /// Closes all that a level is part of that no row can have.
    fn drop_levels(&mut self, valid: &[usize]) {
        for factor in 0..self.problem.levels.len() {
            for level in 0..self.problem.levels[factor] {
                let mut row = valid.to_vec();
                row[factor] = level;
                // Nothing else is changed in a row that is possible: this is the reason.
                let Err(why) = (self.problem.possible)(&row) else { continue };
                let found = (0..SEARCH[1]).any(|_| {
                    let mut row: Vec<usize> =
                        self.problem.levels.iter().map(|&n| self.below(n)).collect();
                    // Half of a row that is possible.
                    for (slot, &known) in row.iter_mut().zip(valid) {
                        if self.random.bits() & 1 == 0 {
                            *slot = known;
                        }
                    }
                    row[factor] = level;
                    (self.problem.possible)(&row).is_ok()
                });
                if !found {
                    self.open.close_level(factor, level);
                    self.array.apart.push((vec![(factor, level)], why));
                }
            }
        }
    }

    /// The row that closes most, among some that hold a combination.
    fn row(&mut self, tuple: &Tuple) -> Result<Vec<usize>, String> {
        let mut bare = vec![None; self.problem.levels.len()];
        tuple.iter().for_each(|&(factor, level)| bare[factor] = Some(level));
        let least = (self.problem.cost)(&bare);
        let [usual, most] = self.problem.budget;
        if least > most {
            return Err(format!("{least} elements in one question, {most} at most"));
        }
        let usual = usual.max(least);
        let mut best: Option<(usize, Vec<usize>)> = None;
        let (mut found, mut why) = (0, String::from("no question has both"));
        for attempt in 0..ATTEMPTS {
            // What is cheap may be what is impossible: in the end cost is no object.
            let most = if 2 * attempt >= ATTEMPTS && found == 0 { most } else { usual };
            let mut start = bare.clone();
            // Where rows are refused, one that is known to be possible helps.
            if attempt >= CANDIDATES && found == 0 && !self.array.rows.is_empty() {
                let known = self.below(self.array.rows.len());
                for factor in 0..start.len() {
                    let take = start[factor].is_none() && self.random.bits() & 3 != 0;
                    let level = self.array.rows[known][factor];
                    let mut with = start.clone();
                    with[factor] = Some(level);
                    if take && self.fits(&with, most) {
                        start = with;
                    }
                }
            }
            let row = self.filled(start, most);
            match (self.problem.possible)(&row) {
                Ok(()) => {
                    let gain = self.open.gain(&row);
                    found += 1;
                    if best.as_ref().is_none_or(|(most, _)| gain > *most) {
                        best = Some((gain, row));
                    }
                }
                Err(reason) => why = reason,
            }
            if found == CANDIDATES || found > 0 && attempt >= 2 * CANDIDATES {
                break;
            }
        }
        best.map(|(_, row)| row).ok_or(why)
    }

    /// The other factors one by one, each at the level that closes most.
    fn filled(&mut self, mut row: Vec<Option<usize>>, most: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..row.len()).filter(|&f| row[f].is_none()).collect();
        for i in (1..order.len()).rev() {
            let other = self.below(i + 1);
            order.swap(i, other);
        }
        for factor in order {
            let first = self.below(self.problem.levels[factor]);
            let mut best: Option<(bool, usize, usize)> = None;
            for step in 0..self.problem.levels[factor] {
                let level = (first + step) % self.problem.levels[factor];
                row[factor] = Some(level);
                let own = (self.fits(&row, most), self.open.gain_of(&row, factor), level);
                if best.is_none_or(|best| (own.0, own.1) > (best.0, best.1)) {
                    best = Some(own);
                }
            }
            row[factor] = best.map(|(.., level)| level);
        }
        row.into_iter().map(Option::unwrap_or_default).collect()
    }
}

/// Combinations that no row has yet.
struct Open {
    levels: Vec<usize>,
    sets: Vec<Vec<usize>>,
    /// By set, a flag for every combination.
    left: Vec<Vec<bool>>,
    at: (usize, usize),
}

impl Open {
    fn new(problem: &Problem) -> Open {
        let levels = problem.levels.to_vec();
        let sets = problem.wanted.to_vec();
        let size = |set: &Vec<usize>| set.iter().map(|&factor| levels[factor]).product();
        let left = sets.iter().map(|set| vec![true; size(set)]).collect();
        Open { levels, sets, left, at: (0, 0) }
    }

    fn index(&self, set: usize, level: impl Fn(usize) -> Option<usize>) -> Option<usize> {
        self.sets[set].iter().try_fold(0, |sum, &f| Some(sum * self.levels[f] + level(f)?))
    }

    fn tuple(&self, set: usize, mut index: usize) -> Tuple {
        let mut tuple: Tuple = self.sets[set]
            .iter()
            .rev()
            .map(|&factor| {
                let level = index % self.levels[factor];
                index /= self.levels[factor];
                (factor, level)
            })
            .collect();
        tuple.reverse();
        tuple
    }

    /// The next combination that is open, in a fixed order.
    fn next(&mut self) -> Option<Tuple> {
        while self.at.0 < self.sets.len() {
            let (set, index) = self.at;
            match self.left[set][index..].iter().position(|&left| left) {
                Some(step) => {
                    self.at.1 = index + step;
                    return Some(self.tuple(set, self.at.1));
                }
                None => self.at = (set + 1, 0),
            }
        }
        None
    }

    fn close(&mut self, row: &[usize]) {
        for set in 0..self.sets.len() {
            if let Some(index) = self.index(set, |factor| Some(row[factor])) {
                self.left[set][index] = false;
            }
        }
    }

    fn close_one(&mut self, tuple: &Tuple) {
        let (set, index) = self.at;
        debug_assert_eq!(self.tuple(set, index), *tuple);
        self.left[set][index] = false;
    }

    fn close_level(&mut self, factor: usize, level: usize) {
        for set in 0..self.sets.len() {
            for index in 0..self.left[set].len() {
                if self.left[set][index] && self.tuple(set, index).contains(&(factor, level)) {
                    self.left[set][index] = false;
                }
            }
        }
    }

    fn gain(&self, row: &[usize]) -> usize {
        let sets = 0..self.sets.len();
        let closes = |&set: &usize| {
            self.index(set, |factor| Some(row[factor])).is_some_and(|index| self.left[set][index])
        };
        sets.filter(closes).count()
    }

    /// What the sets of one factor gain, as far as their levels are chosen.
    fn gain_of(&self, row: &[Option<usize>], factor: usize) -> usize {
        let sets = (0..self.sets.len()).filter(|&set| self.sets[set].contains(&factor));
        let closes = |&set: &usize| {
            self.index(set, |factor| row[factor]).is_some_and(|index| self.left[set][index])
        };
        sets.filter(closes).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_meets_or_has_its_reason() {
        let levels = [3, 4, 2, 5];
        let wanted: Vec<Vec<usize>> =
            (0..4).flat_map(|a| (a + 1..4).map(move |b| vec![a, b])).collect();
        let possible = |row: &[usize]| match row[0] == 1 && row[3] == 4 {
            true => Err("never together".to_string()),
            false => Ok(()),
        };
        let weight = [1, 10, 100, 1000, 10000];
        let cost =
            |row: &[Option<usize>]| weight[row[3].unwrap_or(0)] * (1 + row[1].unwrap_or(0) as u64);
        let problem = Problem {
            levels: &levels,
            wanted: &wanted,
            possible: &possible,
            cost: &cost,
            budget: [2000, 30_000],
        };
        let array = cover(&problem, &mut Random::new("a seed"));
        assert_eq!(array, cover(&problem, &mut Random::new("a seed")));
        for set in &wanted {
            for a in 0..levels[set[0]] {
                for b in 0..levels[set[1]] {
                    let tuple = vec![(set[0], a), (set[1], b)];
                    let met = array.rows.iter().any(|row| row[set[0]] == a && row[set[1]] == b);
                    let apart = array.apart.iter().any(|(other, _)| *other == tuple);
                    assert!(met != apart, "{tuple:?}");
                }
            }
        }
        // Never together, and one that costs 40 000.
        assert_eq!(array.apart.len(), 2, "{:?}", array.apart);
        assert!(array.rows.len() <= 30, "{}", array.rows.len());
    }
}
