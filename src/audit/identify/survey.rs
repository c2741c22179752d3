//! What is asked of every kernel: enough that "it computes what is declared" is said of something.

use super::angles::ladder;
use super::machine::numbers;
use super::probe::{Probe, Rows};
use crate::encoding::{Body, Double, Plane, Rope};
use crate::number::{Format, Tensor};
use crate::profile::{self, Profile};
use crate::request::{Direction, Json, Object, Operation, Position};

/// The positions that every kernel is asked, unless it claims fewer.
pub(super) const NEAR: i64 = 32768;
/// The furthest position that slow planes are asked at, where no length is declared.
const FAR: i64 = 1 << 20;

/// Rotations: positions near and far, rows, heads and keys, two decoding steps, both ways back,
/// and other lengths; everything twice.
///
/// What could not be asked, in words.
///
/// # Errors
/// Why the first rotation has no answer.
pub(super) fn rotations(
    probe: &mut Probe,
    declared: &Object,
    rope: &Rope,
) -> Result<Vec<String>, String> {
    let integers =
        |list: Vec<i64>| -> Vec<Position> { list.into_iter().map(Position::integer).collect() };
    let near = probe.furthest(NEAR);
    let positions = integers(std::iter::once(0).chain(ladder(near)).collect());
    for axis in 0..probe.axes {
        tokens(probe, axis, &positions, &format!("positions up to {near}"))?;
    }
    let mut open = Vec::new();
    let far = furthest(probe, declared, rope);
    if far > near {
        let what = format!("positions up to {far}");
        let list = integers(ladder(far).into_iter().filter(|&p| p > near).collect());
        for axis in 0..probe.axes {
            open.extend(tokens(probe, axis, &list, &what).err());
        }
    }
    // Half turns and more are others at whole positions.
    if rope.planes.iter().any(|plane| turns(plane) >= std::f64::consts::PI) {
        let part = |p: i64| Position { numerator: 2 * p - 1, denominator: 16 };
        let list: Vec<Position> = (1..=16).map(part).collect();
        for axis in 0..probe.axes {
            open.extend(tokens(probe, axis, &list, "positions that are no integers").err());
        }
    }
    // As many keys as it takes: in groups, for each head, none.
    let mut keys = None;
    for heads in [Some(2), Some(4), None] {
        keys = heads;
        match batch(probe, [2, 4, 3], keys, 0, None) {
            Ok(()) => break,
            Err(why) => open.push(why),
        }
    }
    // What holds of a kind of question is told by three of them.
    for step in 0..3 {
        open.extend(batch(probe, [3, 4, 1], keys, step, None).err());
    }
    open.extend(batch(probe, [1, 2, 67], keys.map(|_| 2), 0, None).err());
    for direction in ["inverse", "backward"] {
        for shape in [[2, 4, 3], [3, 4, 1], [1, 2, 5]] {
            let keys = keys.map(|heads| heads.min(shape[1]));
            match batch(probe, shape, keys, 0, Some(direction)) {
                Ok(()) => {}
                Err(why) => {
                    open.push(why);
                    break;
                }
            }
        }
    }
    open.extend(lengths(probe));
    probe.again();
    open.dedup();
    Ok(open)
}

/// |θ| in radians per position.
fn turns(plane: &Plane) -> f64 {
    plane.frequency.evaluate(&Double).map_or(f64::NAN, f64::abs)
}

/// How far slow planes must be asked to turn by what the format shows, as far as anything allows.
fn furthest(probe: &Probe, declared: &Object, rope: &Rope) -> i64 {
    let moving = rope.planes.iter().map(turns).filter(|theta| *theta > 0.0);
    let slowest = moving.fold(f64::INFINITY, f64::min);
    let needed = 256.0 * probe.epsilon() / slowest;
    let length = declared.get("max_position_embeddings").and_then(Json::number);
    let most = length.map_or(FAR, |length| (length as i64).min(FAR));
    // Beyond what 16 bits hold, where that is not too far.
    let mut far = most.clamp(NEAR, 1 << 17);
    while far < most && (far as f64) < needed {
        far *= 2;
    }
    // The last position of so many, not their number.
    probe.furthest(far.min((most - 1).max(NEAR)))
}

/// One head at many positions on an axis; numbers of several sizes.
fn tokens(probe: &mut Probe, axis: usize, list: &[Position], what: &str) -> Result<(), String> {
    let what = match probe.axes {
        1 => what.to_string(),
        _ => format!("{what} on axis {axis}"),
    };
    probe.about(&what);
    let dim = probe.head_dim;
    let vector = |token: usize| -> Vec<f64> {
        let size = [1.0, 0.0625, 8.0][token % 3];
        numbers(dim, 23 + token as u64).into_iter().map(|x| size * x).collect()
    };
    probe.vectors_at(&vector, axis, list).map(|_| ()).map_err(|why| format!("{what}: {why}"))
}

/// Rows, heads and keys, every row at positions of its own, moved on by some steps.
fn batch(
    probe: &mut Probe,
    [batch, heads, seq]: [usize; 3],
    keys: Option<usize>,
    step: i64,
    direction: Option<&str>,
) -> Result<(), String> {
    let what = match (direction, seq, step) {
        (Some(word), 1, _) => format!("direction {word}, a decoding step"),
        (Some(word), ..) => format!("direction {word}"),
        (None, 1, 0) => format!("a decoding step of {batch} rows"),
        (None, 1, 1) => "the next decoding step".to_string(),
        (None, 1, _) => "one more decoding step".to_string(),
        _ if seq > 8 => format!("a row of {seq} tokens"),
        _ => match keys {
            Some(keys) => format!("rows with {heads} heads of q and {keys} of k"),
            None => format!("rows with {heads} heads of q alone"),
        },
    };
    probe.about(&what);
    let most = probe.furthest(NEAR);
    // Every row and every axis has positions of its own.
    let at = |axis: usize, row: usize, token: usize| {
        let p = [2, 11, 37][row] + 3 * axis as i64 + token as i64 * (row as i64 + 1) + step;
        Position::integer(p.min(most))
    };
    let positions: Vec<Vec<Vec<Position>>> = (0..probe.axes)
        .map(|axis| {
            let row = |row| (0..seq).map(|token| at(axis, row, token)).collect();
            (0..batch).map(row).collect()
        })
        .collect();
    let dim = probe.head_dim;
    let seed = 31 + step as u64;
    let values = numbers(batch * heads * seq * dim, seed);
    let of_keys = numbers(batch * keys.unwrap_or(0) * seq * dim, seed + 2);
    let keys = keys.map(|heads| (heads, &of_keys[..]));
    let rows = Rows { shape: [batch, heads, seq], values: &values, keys };
    probe.rotate(rows, &positions, direction).map(|_| ()).map_err(|why| format!("{what}: {why}"))
}

/// Other total lengths, where the declared rule depends on them.
fn lengths(probe: &mut Probe) -> Vec<String> {
    let Some(original) = probe.seq_len else { return vec![] };
    let mut open = Vec::new();
    let list = [0, 1, 2, 7].map(Position::integer);
    for length in [original.saturating_add(1), original.saturating_mul(4)] {
        probe.seq_len = Some(length);
        open.extend(tokens(probe, 0, &list, &format!("seq_len {length}")).err());
    }
    probe.seq_len = Some(original);
    open
}

/// A table of cos and sin, and frequencies: where no rotation can be asked.
///
/// # Errors
/// Why neither has an answer.
pub(super) fn tables(probe: &mut Probe) -> Result<(), String> {
    let mut input = Object::default();
    if let Some(length) = probe.seq_len {
        input.set("seq_len", Json::from(length));
    }
    probe.about("frequencies");
    let frequencies = probe.ask(Operation::InvFreq, input.clone());
    let list: Vec<Json> = ladder(probe.furthest(NEAR)).into_iter().map(Json::from).collect();
    let list = Json::Array(list);
    let positions = match probe.axes {
        1 => list,
        axes => Json::Array(vec![list; axes]),
    };
    input.set("positions", positions);
    probe.about("a table of cos and sin");
    let table = probe.ask(Operation::Table, input);
    frequencies.or(table)?;
    probe.again();
    Ok(())
}

/// By plane, how far off its frequency may be from the declared one for all that the answers of a
/// kernel of this profile show. ∞ where nothing is judged.
pub(super) fn resolution(probe: &Probe, rope: &Rope, profile: &Profile) -> Vec<f64> {
    let mut least = vec![f64::INFINITY; rope.planes.len()];
    for (case, _) in probe.answered() {
        let Ok(question) = case.ask.question() else { continue };
        let Body::Rotate(rotate) = &question.body else { continue };
        let forward = rotate.direction == Direction::Forward;
        let &[1, 1, seq, dim] = rotate.q.shape() else { continue };
        if !forward || rotate.seq_len != probe.seq_len {
            continue;
        }
        let bounds = profile::bounds(question, std::slice::from_ref(profile));
        let Some(bound) = bounds[0].1.iter().find(|named| named.name == "q") else { continue };
        let number = |tensor: &Tensor, i: usize| {
            tensor.dtype().format().unwrap_or(Format::F64).to_f64(tensor.data()[i])
        };
        for (index, plane) in rope.planes.iter().enumerate() {
            for token in 0..seq {
                let p = rotate.positions.data()[plane.axis * seq + token];
                let p = p.numerator as f64 / p.denominator as f64;
                let of = |tensor: &Tensor| {
                    let [x, y] =
                        [plane.pair.re, plane.pair.im].map(|i| number(tensor, token * dim + i));
                    libm::hypot(x, y)
                };
                // A chord; its angle is at most π/2 times as large.
                let own = 1.6 * of(&bound.tensor) / of(&rotate.q) / p.abs();
                if p != 0.0 && own < least[index] {
                    least[index] = own;
                }
            }
        }
    }
    least
}

/// The planes of which the format does not tell how fast they turn, to a twentieth.
pub(super) fn unknown(probe: &Probe, rope: &Rope) -> Vec<usize> {
    let common = profile::common(probe.dtype);
    let Some(profile) = common.last() else { return vec![] };
    let errors = resolution(probe, rope, profile);
    let untold = |i: &usize| {
        let theta = turns(&rope.planes[*i]);
        theta != 0.0 && errors[*i] > 0.05 * theta
    };
    (0..errors.len()).filter(untold).collect()
}
