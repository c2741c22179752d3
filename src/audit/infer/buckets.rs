//! Buckets of T5 that follow from the distance otherwise than declared.

use super::exhibit::{Exhibit, Form, Scene};
use crate::audit::judge::Mark;
use crate::encoding::Buckets;
use crate::request::{Json, Position};
use std::collections::{BTreeMap, BTreeSet};

/// How a kernel finds a bucket.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bucketed {
    /// A key has this value, whatever is declared.
    Read(&'static str, i64),
    /// One direction where both are declared, and the reverse.
    OtherDirections,
    /// As they were measured, by distance.
    Measured(BTreeMap<Shape, BTreeMap<i64, usize>>),
}

/// What a bucket depends on besides the distance: number, largest distance, directions.
type Shape = (usize, i64, bool);

fn shape(buckets: &Buckets) -> Shape {
    (buckets.num_buckets, buckets.max_distance, buckets.bidirectional)
}

/// The bucket of a distance.
pub(super) fn declared(buckets: &Buckets, distance: i64) -> usize {
    buckets.bucket(Position::integer(0), Position::integer(distance))
}

impl Bucketed {
    /// All but what has to be measured.
    pub(super) fn usual() -> Vec<Bucketed> {
        let distances = [64, 128, 256, 512].map(|n| Bucketed::Read("max_distance", n));
        let counts = [16, 32, 64].map(|n| Bucketed::Read("num_buckets", n));
        [Bucketed::OtherDirections].into_iter().chain(distances).chain(counts).collect()
    }

    /// The buckets that such a kernel reads out of a config, before what was measured; none where
    /// the config is none then.
    pub(super) fn read(&self, buckets: &Buckets) -> Option<Buckets> {
        let mut config = buckets.config.clone();
        match self {
            Bucketed::Read(key, value) => config.set(key, Json::from(*value)),
            Bucketed::OtherDirections => {
                config.set("bidirectional", Json::Bool(!buckets.bidirectional));
            }
            Bucketed::Measured(_) => return Some(buckets.clone()),
        }
        Buckets::new(&config).ok()
    }

    /// The bucket of a distance; `read` are the buckets of [`Bucketed::read`].
    pub(super) fn bucket(&self, read: &Buckets, distance: i64) -> usize {
        let own = match self {
            Bucketed::Measured(table) => {
                table.get(&shape(read)).and_then(|known| known.get(&distance)).copied()
            }
            _ => None,
        };
        own.unwrap_or_else(|| declared(read, distance))
    }

    pub(super) fn cost(&self) -> u32 {
        match self {
            Bucketed::Measured(_) => 20,
            _ => 3,
        }
    }

    /// What is computed.
    pub(super) fn words(&self) -> String {
        match self {
            Bucketed::Read(key, value) => format!("{key} is {value}, whatever is declared"),
            Bucketed::OtherDirections => {
                "bidirectional is taken for its contrary: both directions for one, and one for both"
                    .into()
            }
            Bucketed::Measured(table) => {
                let mut list = Vec::new();
                for ((count, most, both), known) in table {
                    for (distance, bucket) in known {
                        list.push(format!(
                            "distance {distance} has bucket {bucket} (num_buckets {count}, \
                             max_distance {most}, bidirectional {both})"
                        ));
                    }
                }
                let more = if list.len() > 3 { " …" } else { "" };
                list.truncate(3);
                format!(
                    "the bucket follows from the distance, but otherwise than declared, and no rule \
                     is known for it: {}{more}",
                    list.join(", ")
                )
            }
        }
    }

    /// What to change.
    pub(super) fn mend(&self) -> &'static str {
        match self {
            Bucketed::Read(..) | Bucketed::OtherDirections => {
                "read num_buckets, max_distance and bidirectional from the config"
            }
            Bucketed::Measured(_) => {
                "compare the buckets of these distances with `ropewalk compute --operation t5_bucket`"
            }
        }
    }
}

/// The buckets of the distances at which something is wrong, where all rows agree on one.
pub(super) fn measured(exhibits: &[Exhibit]) -> Option<Bucketed> {
    // Buckets that all rows so far allow, and how many rows these are.
    let mut table: BTreeMap<Shape, BTreeMap<i64, (BTreeSet<usize>, usize)>> = BTreeMap::new();
    for (index, exhibit) in exhibits.iter().enumerate() {
        let Scene::Grid(grid) = &exhibit.scene else { continue };
        for unit in exhibit.units(index).into_iter().filter(|unit| unit.wrong) {
            let side = &exhibit.sides[unit.side];
            let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
            for (j, key) in grid.keys.iter().enumerate() {
                let got = side.got[start + j];
                let (buckets, all): (&Buckets, BTreeSet<usize>) = match &grid.form {
                    Form::Bucket(buckets) if got >= 0.0 => (buckets, [got as usize].into()),
                    Form::Bias(buckets, table, columns) => {
                        let slack = 8.0 * exhibit.unit * got.abs() + exhibit.least;
                        let own = |b: &usize| {
                            let entry = table.get(b * columns + unit.head);
                            entry.is_some_and(|entry| (entry - got).abs() <= slack)
                        };
                        (buckets, (0..buckets.num_buckets).filter(own).collect())
                    }
                    _ => continue,
                };
                let distance = key.checked_sub(grid.queries[unit.token]);
                if let Some(distance) = distance.filter(|_| side.marks[start + j] == Mark::Wrong) {
                    let known = table.entry(shape(buckets)).or_default();
                    let (allowed, rows) = known.entry(distance).or_insert_with(|| (all.clone(), 0));
                    allowed.retain(|bucket| all.contains(bucket));
                    *rows += 1;
                }
            }
        }
    }
    // What each row has another of says nothing: distances must have been seen twice on average.
    let seen = || table.values().flat_map(BTreeMap::values);
    if seen().map(|(_, rows)| rows).sum::<usize>() < 2 * seen().count() {
        return None;
    }
    let mut measured: BTreeMap<Shape, BTreeMap<i64, usize>> = BTreeMap::new();
    for (shape, known) in table {
        for (distance, (allowed, _)) in known {
            if let (1, Some(&bucket)) = (allowed.len(), allowed.first()) {
                measured.entry(shape).or_default().insert(distance, bucket);
            }
        }
    }
    (!measured.is_empty()).then_some(Bucketed::Measured(measured))
}
