//! Vectors for a config of the caller's: what an author asks of one kernel for one model.

use crate::encoding::{Pair, RopeConfig};
use crate::generate::lists::band_of;
use crate::generate::plan::{FilePlan, GroupPlan, Input, config};
use crate::generate::values::{flat, mixed, one_hot, same_rows};
use crate::number::Dtype;
use crate::request::{Json, Object, Operation, Reject};

/// Positions of decoding and prefilling up to a million, with the last exact integers of bf16 and
/// f16 and the lengths at which contexts end.
const LADDER: [i64; 24] = [
    0, 1, 2, 3, 7, 64, 255, 256, 257, 1024, 2047, 2048, 2049, 4095, 4096, 4097, 8191, 16000, 32767,
    32768, 65535, 65536, 131071, 1048575,
];

/// The plans for a config, flat or in the model form, in all four formats: frequencies, tables,
/// rotations and applications of the caller's table, at lengths around the original one where the
/// scheme depends on the length.
///
/// # Errors
/// Whatever is wrong with the config.
pub fn plans_for(given: &Object) -> Result<Vec<FilePlan>, Reject> {
    let checked = RopeConfig::new(given)?;
    let own = Own {
        config: config_of(&checked),
        table: table_of(&checked),
        head_dim: checked.head_dim(),
        axes: checked.axes(),
        lengths: match checked.scheme().needs_seq_len() {
            true => lengths(checked.normalised()),
            false => vec![None],
        },
    };
    let files = Dtype::FLOATS.iter().flat_map(|&dtype| {
        let files = [own.frequencies(dtype), own.tables(dtype), own.rotations(dtype)];
        files.into_iter().chain(own.applications(dtype))
    });
    Ok(files.collect())
}

/// The config that questions carry: normalised, without a length that its scheme does not read,
/// which a kernel may refuse as it refuses any key that it does not know.
pub(in crate::generate) fn config_of(checked: &RopeConfig) -> Object {
    const LENGTH: &str = "max_position_embeddings";
    let config = checked.normalised();
    let without: Object = config
        .iter()
        .filter(|(key, _)| *key != LENGTH)
        .map(|(key, value)| (key.to_string(), value.clone()))
        .collect();
    let reads = checked.scheme().keys().iter().any(|key| key.name == LENGTH);
    match !reads && RopeConfig::new(&without).is_ok() {
        true => without,
        false => config.clone(),
    }
}

/// The config of `apply` with the same pairs, and how many there are; none where they are not those
/// of one slice in one layout.
pub(in crate::generate) fn table_of(checked: &RopeConfig) -> Option<(Object, usize)> {
    let length = checked.scheme().needs_seq_len().then_some(1);
    let pairs = checked.rope(length).ok()?.pairs();
    let (layout, head_dim) = (checked.layout(), checked.head_dim());
    let offset = pairs.first()?.re;
    let regular = |(i, pair): (usize, &Pair)| *pair == layout.pair(i, pairs.len(), offset);
    if !pairs.iter().enumerate().all(regular) {
        return None;
    }
    let mut config = config([("head_dim", head_dim.into()), ("layout", layout.name().into())]);
    if 2 * pairs.len() != head_dim {
        config.set("rotary_dim", (2 * pairs.len()).into());
    }
    if offset > 0 {
        config.set("rotary_offset", offset.into());
    }
    Some((config, pairs.len()))
}

/// One below, at, above and twice the original length, and the largest.
fn lengths(config: &Object) -> Vec<Option<i64>> {
    let length = |key: &str| match config.get(key) {
        Some(Json::Integer(n)) => i64::try_from(*n).ok(),
        _ => None,
    };
    let largest = length("max_position_embeddings");
    let original = length("original_max_position_embeddings").or(largest).unwrap_or(4096);
    let mut list = vec![original - 1, original, original + 1, original.saturating_mul(2)];
    list.extend(largest);
    list.retain(|&n| n > 0);
    list.sort_unstable();
    list.dedup();
    list.into_iter().map(Some).collect()
}

struct Own {
    config: Object,
    /// The config of `apply` and its planes.
    table: Option<(Object, usize)>,
    head_dim: usize,
    axes: usize,
    lengths: Vec<Option<i64>>,
}

impl Own {
    /// A group for every length; `add` fills it with inputs that begin with the length.
    fn file(
        &self,
        operation: Operation,
        dtype: Dtype,
        add: impl Fn(&mut GroupPlan, &dyn Fn() -> Input, i64),
    ) -> FilePlan {
        let mut file =
            FilePlan::new(format!("own/{}-{}.json", operation.name(), dtype.name()), operation);
        for &length in &self.lengths {
            let name = length.map_or("any-length".to_string(), |n| format!("length-{n}"));
            let input = || match length {
                Some(n) => Input::new().with("seq_len", n),
                None => Input::new(),
            };
            let last = length.map_or(i64::MAX, |n| n - 1);
            add(file.group(name, self.config.clone(), dtype), &input, last);
        }
        file
    }

    fn frequencies(&self, dtype: Dtype) -> FilePlan {
        self.file(Operation::InvFreq, dtype, |group, input, _| {
            let comment = "frequencies, factors, planes and axes of this config";
            group.test("all", comment, &["spectrum", "exponent", "magnitude"], input());
        })
    }

    fn tables(&self, dtype: Dtype) -> FilePlan {
        self.file(Operation::Table, dtype, |group, input, last| {
            for position in ladder(last) {
                let comment = format!("cos and sin at position {position}");
                let flag = band_of(position).flag;
                let list = self.on_axes(&[&[position]], true);
                group.test(
                    position.to_string(),
                    comment,
                    &[flag, "base"],
                    input().with("positions", list),
                );
            }
        })
    }

    fn rotations(&self, dtype: Dtype) -> FilePlan {
        let width = self.head_dim;
        self.file(Operation::Rotate, dtype, |group, input, last| {
            let tokens = |shape: [usize; 4], words: &str| mixed(dtype, &shape, words);
            let ones: Vec<i64> = vec![1; width];
            group.test(
                "one-hot",
                "every coordinate alone at position 1: who is paired with whom, and the sign",
                &["layout", "sign", "exponent", "basic"],
                input().with("q", one_hot(dtype, width)).with("positions", self.on_axes(&[&ones], false)),
            );
            group.test(
                "origin",
                "at position 0 nothing turns",
                &["identity"],
                input()
                    .with("q", tokens([1, 2, 1, width], "origin q"))
                    .with("k", tokens([1, 1, 1, width], "origin k"))
                    .with("positions", self.on_axes(&[&[0]], false)),
            );
            let ladder: Vec<i64> = ladder(last).collect();
            for chunk in ladder.chunks(6) {
                let rows = [chunk.to_vec(), chunk.iter().rev().copied().collect()];
                let rows: Vec<&[i64]> = rows.iter().map(Vec::as_slice).collect();
                let seq = chunk.len();
                let furthest = chunk[seq - 1];
                group.test(
                    format!("up-to-{furthest}"),
                    format!("two rows in opposite order, four query heads and two key heads, up to position {furthest}"),
                    &[band_of(furthest).flag, "base", "ragged-offsets", "heads", "wires", "batch"],
                    input()
                        .with("q", tokens([2, 4, seq, width], "ladder q"))
                        .with("k", tokens([2, 2, seq, width], "ladder k"))
                        .with("positions", self.on_axes(&rows, false)),
                );
            }
            let late = ladder.iter().copied().filter(|&p| p <= 4097).max().unwrap_or(0);
            group.test(
                "decode",
                format!("three equal rows, one token each, at offsets 0, 7 and {late}"),
                &["decode", "ragged-offsets", "batch"],
                input()
                    .with("q", same_rows(dtype, [3, 2, 1, width], "decode"))
                    .with("positions", self.on_axes(&[&[0], &[7.min(late)], &[late]], false)),
            );
            group.test(
                "decode-grouped",
                format!("three rows with a token each, at 1, 7 and {late}, four query heads on two"),
                &["decode", "ragged-offsets", "batch", "heads"],
                input()
                    .with("q", tokens([3, 4, 1, width], "decode q"))
                    .with("k", tokens([3, 2, 1, width], "decode k"))
                    .with("positions", self.on_axes(&[&[1], &[7.min(late)], &[late]], false)),
            );
            let many: Vec<[i64; 1]> = (0..33).map(|row| [(row * 31) % (late + 1)]).collect();
            let many: Vec<&[i64]> = many.iter().map(|row| &row[..]).collect();
            group.test(
                "decode-33-rows",
                "33 rows with one token each, no two alike",
                &["decode", "ragged-offsets", "batch"],
                input()
                    .with("q", tokens([33, 1, 1, width], "many"))
                    .with("positions", self.on_axes(&many, false)),
            );
            let square: Vec<i64> = (0..5).map(|t| (t * 3 + 1).min(late)).collect();
            group.test(
                "as-many-heads-as-tokens",
                "five heads and five tokens",
                &["heads", "batch"],
                input()
                    .with("q", tokens([1, 5, 5, width], "square q"))
                    .with("k", tokens([1, 5, 5, width], "square k"))
                    .with("positions", self.on_axes(&[&square], false)),
            );
            for direction in ["inverse", "backward"] {
                let flag = if direction == "inverse" { "inverse" } else { "backward" };
                let rows: [&[i64]; 2] = [&[1, late / 2, late], &[2.min(late), late / 3, 0]];
                group.test(
                    direction,
                    format!("the {direction} rotation of two rows, four query heads on two"),
                    &[flag, "batch", "heads", "ragged-offsets"],
                    input()
                        .with("q", tokens([2, 4, 3, width], direction))
                        .with("k", tokens([2, 2, 3, width], &format!("{direction} k")))
                        .with("positions", self.on_axes(&rows, false))
                        .with("direction", direction),
                );
                group.test(
                    format!("{direction}-one-token"),
                    format!("the {direction} rotation of one token"),
                    &[flag, "decode"],
                    input()
                        .with("q", tokens([1, 2, 1, width], &format!("{direction} one")))
                        .with("positions", self.on_axes(&[&[late]], false))
                        .with("direction", direction),
                );
            }
        })
    }

    /// The caller's cos and sin, off the unit circle; none where the pairs are not regular.
    fn applications(&self, dtype: Dtype) -> Option<FilePlan> {
        let (config, planes) = self.table.clone()?;
        let path = format!("own/apply-{}.json", dtype.name());
        let mut file = FilePlan::new(path, Operation::Apply);
        let group = file.group("any-length", config, dtype);
        for direction in ["forward", "backward"] {
            for (name, [rows, heads, keys, seq]) in
                [("prompt", [2, 4, 2, 3]), ("decode", [3, 4, 2, 1]), ("square", [1, 5, 5, 5])]
            {
                let data = |what: &str, shape: &[usize]| {
                    mixed(dtype, shape, &format!("apply {direction} {name} {what}"))
                };
                let flag = if direction == "forward" { "layout" } else { "backward" };
                group.test(
                    format!("{direction}-{name}"),
                    format!("{direction}: {rows} rows, {heads} heads on {keys}, {seq} tokens"),
                    &["caller-table", "heads", "batch", flag],
                    Input::new()
                        .with("q", data("q", &[rows, heads, seq, self.head_dim]))
                        .with("k", data("k", &[rows, keys, seq, self.head_dim]))
                        .with("cos", data("cos", &[rows, seq, planes]))
                        .with("sin", data("sin", &[rows, seq, planes]))
                        .with("direction", direction),
                );
            }
        }
        Some(file)
    }

    /// Positions of rows; with several axes the first axis has them and every other one its own
    /// share, so that no two agree (7, 101 and 1009 are coprime).
    fn on_axes(&self, rows: &[&[i64]], table: bool) -> Json {
        let share = |axis: usize, p: i64| match axis {
            0 => p,
            _ => (p * [101, 1009, 7][axis % 3] + axis as i64) % 4099,
        };
        let axis = |axis: usize| {
            let row =
                |row: &&[i64]| flat(&row.iter().map(|&p| share(axis, p)).collect::<Vec<i64>>());
            match table {
                true => row(&rows[0]),
                false => Json::Array(rows.iter().map(row).collect()),
            }
        };
        match self.axes {
            1 => axis(0),
            several => Json::Array((0..several).map(axis).collect()),
        }
    }
}

fn ladder(last: i64) -> impl Iterator<Item = i64> {
    LADDER.into_iter().filter(move |&p| p <= last)
}
