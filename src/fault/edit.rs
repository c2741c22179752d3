//! Small edits of questions. Each gives none where it leaves the question as it was.

use super::history::{self, seq_len};
use crate::encoding::spectrum::{SCHEMES, find};
use crate::encoding::{
    Alibi, Body, Buckets, DebertaBuckets, Expression, Learned, Node, Permutation, Question, Rope,
    RopeConfig, Shaw, Sinusoidal, Temperature,
};
use crate::request::{Json, Object, POSITION_LIMIT, Position, Positions};

/// Reads the normalised config and the total length otherwise.
pub(super) fn reconfigure(
    question: &mut Question,
    read: fn(&mut Object, &mut Option<i64>, &Question) -> Option<()>,
) -> Option<()> {
    if let Body::Attention(_) = question.body {
        return inside(question, read);
    }
    let own = history::config(question);
    let (mut config, mut length) = (own.clone(), seq_len(question));
    read(&mut config, &mut length, question)?;
    if config == *own && length == seq_len(question) {
        return None;
    }
    let before = history::rope(question).cloned();
    apply(question, &config, length)?;
    // A length or a key that the rule does not read makes no difference.
    (before.is_none() || history::rope(question) != before.as_ref()).then_some(())
}

/// Reads the configs inside of attention otherwise: each by itself.
fn inside(
    question: &mut Question,
    read: fn(&mut Object, &mut Option<i64>, &Question) -> Option<()>,
) -> Option<()> {
    let mut changed = None;
    for key in ["rope", "alibi", "t5"] {
        let Some(Json::Object(before)) = question.config().get(key).cloned() else { continue };
        let (mut config, mut length) = (before.clone(), seq_len(question));
        let read = read(&mut config, &mut length, question);
        if read.is_some() && (config != before || length != seq_len(question)) {
            changed = put_inside(question, key, &config, length).or(changed);
        }
    }
    changed
}

/// Puts a config into attention. None if it means nothing there, or the same.
fn put_inside(
    question: &mut Question,
    key: &str,
    config: &Object,
    length: Option<i64>,
) -> Option<()> {
    let Body::Attention(a) = &mut question.body else { return None };
    let new = match key {
        "rope" => {
            let read = RopeConfig::new(config).ok()?;
            let length = length.filter(|_| read.scheme().needs_seq_len());
            let rope = read.rope(length).ok()?;
            let before = a.rope.as_ref()?;
            ((rope.head_dim, rope.axes) == (before.head_dim, before.axes) && rope != *before)
                .then_some(())?;
            (a.rope, a.seq_len) = (Some(rope), length);
            read.normalised().clone()
        }
        "alibi" => {
            let heads = a.alibi.as_ref()?.num_heads;
            let new = Alibi::new(config, true).ok().filter(|new| new.num_heads == heads)?;
            a.alibi.insert(new).config.clone()
        }
        _ => {
            let (buckets, _) = a.t5.as_mut()?;
            let count = buckets.num_buckets;
            *buckets = Buckets::new(config).ok().filter(|new| new.num_buckets == count)?;
            buckets.config.clone()
        }
    };
    a.config.set(key, Json::Object(new));
    Some(())
}

/// Puts a config and a total length into a question. None if they mean nothing there.
pub(super) fn apply(question: &mut Question, config: &Object, length: Option<i64>) -> Option<()> {
    let rope = |axes: Option<usize>| {
        let read = RopeConfig::new(config).ok()?;
        let length = length.filter(|_| read.scheme().needs_seq_len());
        let rope = read.rope(length).ok()?;
        let fits = axes.is_none_or(|axes| axes == rope.axes);
        fits.then(|| (rope, read.normalised().clone(), length))
    };
    match &mut question.body {
        Body::Rotate(r) => {
            (r.rope, r.config, r.seq_len) = rope(r.positions.shape().first().copied())?;
        }
        Body::Score(s) => {
            (s.rope, s.config, s.seq_len) = rope(s.query_positions.shape().first().copied())?;
        }
        Body::InvFreq(f) => (f.rope, f.config, f.seq_len) = rope(None)?,
        Body::Table(t) => {
            (t.rope, t.config, t.seq_len) = rope(t.positions.shape().first().copied())?;
        }
        Body::Apply(a) => {
            let mut whole = config.clone();
            whole.set("rope_theta", Json::Integer(1));
            let default = find(SCHEMES, "default").ok()?;
            let pairs = RopeConfig::with_schemes(&whole, &[default]).ok()?.rope(None).ok()?.pairs();
            // The table is the caller's, and has as many columns as there are planes.
            (pairs.len() == a.pairs.len()).then_some(())?;
            (a.pairs, a.config) = (pairs, config.clone());
        }
        Body::AlibiSlopes(a) => *a = Alibi::new(config, false).ok()?,
        Body::AlibiBias(a) => {
            let heads = a.alibi.num_heads;
            a.alibi = Alibi::new(config, true).ok().filter(|new| new.num_heads == heads)?;
        }
        Body::T5Bucket(t) => t.buckets = Buckets::new(config).ok()?,
        Body::T5Bias(t, _) => {
            let count = t.buckets.num_buckets;
            t.buckets = Buckets::new(config).ok().filter(|new| new.num_buckets == count)?;
        }
        Body::Sinusoidal(s) => s.sinusoidal = Sinusoidal::new(config).ok()?,
        Body::Learned(l) => {
            l.learned = Learned::new(config).ok()?;
            look_up(l);
        }
        Body::PermuteQk(p) => p.permutation = Permutation::new(config).ok()?,
        Body::ShawBucket(s) => s.shaw = Shaw::new(config).ok()?,
        Body::DebertaBucket(d) => d.buckets = DebertaBuckets::new(config).ok()?,
        Body::AttentionTemperature(t) => t.temperature = Temperature::new(config).ok()?,
        Body::Chain(c) => {
            let turn = c.turn.as_mut()?;
            let axes = turn.positions.shape().first().copied();
            (turn.rope, turn.config, turn.seq_len) = rope(axes)?;
        }
        Body::PositionIds(_) | Body::Attention(_) => return None,
    }
    Some(())
}

/// The rows of a learned table again; what lies beyond it reads the nearest row.
fn look_up(l: &mut crate::encoding::LearnedRows) {
    let last = l.table.shape().first().copied().unwrap_or_default() as i128 - 1;
    let row = |p: &Position| (p.numerator as i128 + l.learned.offset as i128).clamp(0, last.max(0));
    l.rows = l.positions.iter().map(|p| row(p) as usize).collect();
}

/// Edits the rope of a question that has one.
pub(super) fn rope(question: &mut Question, edit: impl FnOnce(&mut Rope)) -> Option<()> {
    let rope = match &mut question.body {
        Body::Rotate(r) => &mut r.rope,
        Body::Score(s) => &mut s.rope,
        Body::InvFreq(f) => &mut f.rope,
        Body::Table(t) => &mut t.rope,
        Body::Chain(c) => &mut c.turn.as_mut()?.rope,
        Body::Attention(a) => a.rope.as_mut()?,
        _ => return None,
    };
    let before = rope.clone();
    edit(rope);
    (*rope != before).then_some(())
}

/// Edits every frequency, given its index and the number of planes.
pub(super) fn frequencies(
    question: &mut Question,
    edit: impl Fn(usize, usize, &Expression) -> Expression,
) -> Option<()> {
    rope(question, |rope| {
        let count = rope.planes.len();
        for (index, plane) in rope.planes.iter_mut().enumerate() {
            plane.frequency = edit(index, count, &plane.frequency);
        }
    })
}

/// The same formula with every power that is not inside another one edited.
pub(super) fn powers(
    expression: &Expression,
    edit: &dyn Fn(&Expression, i64, i64) -> Expression,
) -> Expression {
    let of = |x: &Expression| powers(x, edit);
    match expression.node() {
        Node::Power(x, a, b) => edit(x, *a, *b),
        Node::Add(a, b) => of(a) + of(b),
        Node::Sub(a, b) => of(a) - of(b),
        Node::Mul(a, b) => of(a) * of(b),
        Node::Div(a, b) => of(a) / of(b),
        Node::Min(a, b) => of(a).min(&of(b)),
        Node::Max(a, b) => of(a).max(&of(b)),
        Node::Select { left, right, then, otherwise } => {
            of(left).select_below(&of(right), &of(then), &of(otherwise))
        }
        _ => expression.clone(),
    }
}

/// Which list of positions a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Of {
    /// Of queries, or of everything.
    Queries,
    /// Of keys alone.
    Keys,
}

fn clamped(numerator: i64) -> Position {
    Position::integer(numerator.clamp(-POSITION_LIMIT, POSITION_LIMIT))
}

/// Edits every row [batch] of every axis of the positions of a rotation, and every flat list.
/// Rational positions are left alone.
pub(super) fn rows(question: &mut Question, mut edit: impl FnMut(Of, &mut [i64])) -> Option<()> {
    let mut list = |of: Of, data: &mut [Position]| {
        if data.iter().any(|p| p.denominator != 1) {
            return false;
        }
        let mut numbers: Vec<i64> = data.iter().map(|p| p.numerator).collect();
        edit(of, &mut numbers);
        let new: Vec<Position> = numbers.into_iter().map(clamped).collect();
        let changed = new != data;
        data.copy_from_slice(&new);
        changed
    };
    let mut nested = |of: Of, positions: &mut Positions| {
        let (shape, mut data) = (positions.shape().to_vec(), positions.data().to_vec());
        let width = shape.last().copied().unwrap_or_default();
        let mut changed = false;
        for row in data.chunks_mut(width.max(1)) {
            changed |= list(of, row);
        }
        if let Some(new) = Positions::new(shape, data) {
            *positions = new;
        }
        changed
    };
    let changed = match &mut question.body {
        Body::Rotate(r) => nested(Of::Queries, &mut r.positions),
        Body::Table(t) => nested(Of::Queries, &mut t.positions),
        Body::Chain(c) => {
            c.turn.as_mut().is_some_and(|turn| nested(Of::Queries, &mut turn.positions))
        }
        Body::Score(s) => {
            let queries = nested(Of::Queries, &mut s.query_positions);
            nested(Of::Keys, &mut s.key_positions) | queries
        }
        Body::AlibiBias(a) => {
            let queries = list(Of::Queries, &mut a.query_positions);
            let keys = list(Of::Keys, &mut a.key_positions);
            a.last = a.key_positions.iter().copied().max().unwrap_or(Position::integer(0));
            queries | keys
        }
        Body::T5Bucket(t) | Body::T5Bias(t, _) => {
            let queries = list(Of::Queries, &mut t.query_positions);
            list(Of::Keys, &mut t.key_positions) | queries
        }
        Body::DebertaBucket(d) => {
            let queries = list(Of::Queries, &mut d.query_positions);
            list(Of::Keys, &mut d.key_positions) | queries
        }
        Body::ShawBucket(s) => {
            let queries = list(Of::Queries, &mut s.query_positions);
            list(Of::Keys, &mut s.key_positions) | queries
        }
        Body::Sinusoidal(s) => list(Of::Queries, &mut s.positions),
        Body::Learned(l) => {
            let changed = list(Of::Queries, &mut l.positions);
            look_up(l);
            changed
        }
        Body::AttentionTemperature(t) => {
            let changed = list(Of::Queries, &mut t.positions);
            let lowest = -t.temperature.offset;
            for p in &mut t.positions {
                *p = clamped(p.numerator.max(lowest));
            }
            changed
        }
        _ => false,
    };
    changed.then_some(())
}

/// Edits every position by itself.
pub(super) fn each(question: &mut Question, edit: impl Fn(i64) -> i64) -> Option<()> {
    rows(question, |_, row| row.iter_mut().for_each(|p| *p = edit(*p)))
}

/// The number of a config key.
pub(super) fn number(config: &Object, key: &str) -> Option<f64> {
    config.get(key)?.number()
}

/// The word of a config key.
pub(super) fn word<'a>(config: &'a Object, key: &str) -> Option<&'a str> {
    match config.get(key)? {
        Json::String(word) => Some(word),
        _ => None,
    }
}

/// Exchanges two words of a config key. None for another word.
pub(super) fn exchange(config: &mut Object, key: &str, [a, b]: [&str; 2]) -> Option<()> {
    let other = match word(config, key)? {
        word if word == a => b,
        word if word == b => a,
        _ => return None,
    };
    config.set(key, Json::from(other));
    Some(())
}
