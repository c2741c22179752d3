//! Where tokens stand.

use super::rope::Rope;
use crate::generate::values::Random;
use crate::request::{Json, Position};

/// Positions of rows of tokens on the axes of a rope.
pub(super) struct Places<'a> {
    /// near, negative, huge, or about where it ends.
    pub(super) reach: &'a str,
    /// one, alike, different.
    pub(super) rows: usize,
    pub(super) alike: bool,
    pub(super) tokens: usize,
}

/// The first position where a row may begin, by the word for its reach, the step to the next, and
/// how many there are.
fn starts(reach: &str) -> (i64, i64, u64) {
    match reach {
        "near" => (1, 1, 60),
        "8191" => (4097, 1, 3000),
        "131071" => (8192, 1, 122_000),
        "1048575" => (1 << 17, 1, 900_000),
        "16777215" => (1 << 20, 1, 15_000_000),
        "negative" => (-1, -1, 5000),
        // Odd, so that f32 cannot hold it.
        "33554431" => ((1 << 24) + 1, 2, 8_000_000),
        "huge" => ((1 << 24) + 1, 2, 1 << 28),
        _ => (0, 1, 4),
    }
}

/// Where a row begins, by the word for its reach.
pub(super) fn start(reach: &str, random: &mut Random) -> i64 {
    let (first, step, count) = starts(reach);
    first + step * (random.bits() % count) as i64
}

/// Whether a row with this reach may lie within these positions.
pub(super) fn reaches(reach: &str, [least, most]: [i64; 2]) -> bool {
    let (first, step, _) = starts(reach);
    // Rows go away from 0, so that what begins outside stays there.
    if step > 0 { first <= most } else { first >= least }
}

impl Places<'_> {
    /// Rows of positions; each begins somewhere and goes on with jumps, in order or against it.
    pub(super) fn rows(&self, random: &mut Random) -> Vec<Vec<i64>> {
        let mut rows: Vec<Vec<i64>> = Vec::new();
        for row in 0..self.rows {
            if self.alike && row > 0 {
                rows.push(rows[0].clone());
                continue;
            }
            let start = start(self.reach, random);
            let step = if self.reach == "negative" { -1 } else { 1 };
            let every = 2 + (random.bits() % 7) as i64;
            rows.push((0..self.tokens as i64).map(|t| start + step * (t + t / every)).collect());
        }
        rows
    }

    /// As an input: [row][token], with a level of axes where there are several.
    pub(super) fn input(&self, rope: &Rope, random: &mut Random) -> Result<Json, String> {
        if matches!(self.reach, "huge" | "33554431") && (rope.thirds || rope.grows) {
            return Err("no precision is left there".into());
        }
        // What grows is lost further out.
        let near = |p: i64| if rope.grows { p % 4000 } else { p };
        let one = |p: i64| match rope.thirds {
            true => match Position::parse(&Json::from(format!("{}/3", 3 * p + 1).as_str())) {
                Ok(position) => position.to_json(),
                Err(_) => Json::Null,
            },
            false => Position::integer(near(p)).to_json(),
        };
        let mut axis = |_: usize| {
            let rows = self.rows(random);
            let row = |row: &Vec<i64>| Json::Array(row.iter().map(|&p| one(p)).collect());
            Json::Array(rows.iter().map(row).collect())
        };
        Ok(match rope.axes {
            0 | 1 => axis(0),
            axes => Json::Array((0..axes).map(axis).collect()),
        })
    }
}

/// The first row of each axis: what a table takes.
pub(super) fn flat(positions: Json, axes: usize) -> Json {
    let first = |json: Json| match json {
        Json::Array(mut rows) if !rows.is_empty() => rows.remove(0),
        other => other,
    };
    match (axes, positions) {
        (2.., Json::Array(list)) => Json::Array(list.into_iter().map(first).collect()),
        (_, positions) => first(positions),
    }
}
