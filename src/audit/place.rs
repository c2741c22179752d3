//! Where an element of an answer lies, in the words of its operation.

use crate::encoding::{Body, Chain, Pair, Plane, Question};
use crate::number::Tensor;
use crate::request::Position;
use crate::vector::Tensors;
use std::fmt;

/// Where an element lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The axes of the output and the index on each, outermost first.
    pub axes: Vec<(&'static str, usize)>,
    /// The position that decides its value.
    pub at: Option<At>,
    /// The plane that it belongs to, and which part of it where an output holds both.
    pub plane: Option<(usize, Option<&'static str>)>,
    /// Whether it is a coordinate that no plane turns.
    pub passes: bool,
}

/// The position that decides a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Of a token, on the axis of the plane.
    Position(Position),
    /// Of a key less that of its query, where both are integers on one axis.
    Distance(i128),
}

impl At {
    /// As a number.
    pub fn to_f64(self) -> f64 {
        match self {
            At::Position(p) => p.numerator as f64 / p.denominator as f64,
            At::Distance(d) => d as f64,
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            At::Position(Position { numerator, denominator: 1 }) => {
                write!(f, "position {numerator}")
            }
            At::Position(p) => write!(f, "position {}/{}", p.numerator, p.denominator),
            At::Distance(d) => write!(f, "distance {d}"),
        }
    }
}

/// `batch 0, head 1, token 2 (position 4096), coordinate 5 (plane 1, imaginary part)`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (i, (axis, index)) in self.axes.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{axis} {index}")?;
            // Beside the last axis that the position depends on.
            let here = match self.at {
                Some(At::Distance(_)) => *axis == "key",
                Some(At::Position(_)) => *axis == "token",
                None => false,
            };
            if let (true, Some(at)) = (here, self.at) {
                write!(f, " ({at})")?;
            }
            match self.plane {
                Some((plane, Some(part))) if *axis == "coordinate" => {
                    write!(f, " (plane {plane}, {part} part)")?;
                }
                _ if *axis == "coordinate" && self.passes => write!(f, " (not rotated)")?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The places of the answers to one question.
pub struct Places<'q> {
    question: &'q Question,
    /// By coordinate of a head: its plane, and whether it is the imaginary part.
    coordinates: Vec<Option<(usize, bool)>>,
}

const PARTS: [&str; 2] = ["real", "imaginary"];

impl<'q> Places<'q> {
    /// Of this question.
    pub fn new(question: &'q Question) -> Places<'q> {
        let (dim, pairs): (usize, Vec<Pair>) = match &question.body {
            Body::Rotate(r) => (r.rope.head_dim, r.rope.pairs()),
            Body::Apply(a) => (a.q.columns(), a.pairs.clone()),
            _ => (0, vec![]),
        };
        let mut coordinates = vec![None; dim];
        for (plane, pair) in pairs.iter().enumerate() {
            coordinates[pair.re] = Some((plane, false));
            coordinates[pair.im] = Some((plane, true));
        }
        Places { question, coordinates }
    }

    /// The coordinates of the plane that a coordinate of `rotate` or `apply` belongs to.
    pub(super) fn partner(&self, coordinate: usize) -> Option<usize> {
        let own = (*self.coordinates.get(coordinate)?)?;
        let other = |c: &Option<(usize, bool)>| *c == Some((own.0, !own.1));
        self.coordinates.iter().position(other)
    }

    /// What was mixed into an element, as far as its right answer shows it; none if that is nothing.
    pub(super) fn mixed(
        &self,
        expected: &Tensors,
        name: &str,
        want: &Tensor,
        flat: usize,
    ) -> Option<f64> {
        let format = want.dtype().format()?;
        let value = |tensor: &Tensor, flat: usize| format.to_f64(tensor.data()[flat]);
        let size = match &self.question.body {
            Body::Rotate(_) | Body::Apply(_) => {
                let coordinate = flat % want.columns().max(1);
                let partner = flat - coordinate + self.partner(coordinate)?;
                value(want, flat).hypot(value(want, partner))
            }
            Body::Table(_) => {
                let (cos, sin) = (expected.get("cos")?, expected.get("sin")?);
                value(cos, flat).hypot(value(sin, flat))
            }
            Body::InvFreq(_) if name == "inv_freq" => value(want, flat).abs(),
            Body::Sinusoidal(_) => 1.0,
            _ => return None,
        };
        // Where all of it is subnormal a share of it says nothing.
        let least = libm::ldexp(1.0, format.e_min());
        (size.is_finite() && size >= least).then_some(size)
    }

    /// Where the element of an output with this index lies.
    pub fn at(&self, name: &str, index: &[usize]) -> Place {
        let names = self.names(name, index.len());
        let axes: Vec<(&'static str, usize)> =
            names.iter().copied().zip(index.iter().copied()).collect();
        let mut place = Place { axes, at: None, plane: None, passes: false };
        let on = |plane: Option<&Plane>| plane.map_or(0, |plane| plane.axis);
        match (&self.question.body, index) {
            (Body::Rotate(r), &[batch, _, token, d]) => {
                let own = self.coordinates.get(d).copied().flatten();
                place.plane = own.map(|(plane, im)| (plane, Some(PARTS[usize::from(im)])));
                place.passes = own.is_none();
                let shape = r.positions.shape();
                let axis = on(own.and_then(|(plane, _)| r.rope.planes.get(plane)));
                if let &[_, batches, seq] = shape {
                    let flat = (axis * batches + batch) * seq + token;
                    place.at = r.positions.data().get(flat).copied().map(At::Position);
                }
            }
            (Body::Apply(_), &[.., d]) => {
                let own = self.coordinates.get(d).copied().flatten();
                place.plane = own.map(|(plane, im)| (plane, Some(PARTS[usize::from(im)])));
                place.passes = own.is_none();
            }
            (Body::InvFreq(_), &[plane, ..]) => place.plane = Some((plane, None)),
            (Body::Table(t), &[row, plane]) => {
                place.plane = Some((plane, None));
                if let [_, n] = t.positions.shape() {
                    let flat = on(t.rope.planes.get(plane)) * n + row;
                    place.at = t.positions.data().get(flat).copied().map(At::Position);
                }
            }
            (Body::Score(s), &[batch, _, query, key]) => {
                let one =
                    |positions: &crate::request::Positions, token: usize| match positions.shape() {
                        &[1, _, n] => positions.data().get(batch * n + token).copied(),
                        _ => None,
                    };
                place.at = apart(one(&s.query_positions, query), one(&s.key_positions, key));
            }
            (Body::AlibiBias(a), &[_, query, key]) => {
                place.at = between(&a.query_positions, &a.key_positions, query, key);
            }
            (Body::T5Bucket(t) | Body::T5Bias(t, _), &[.., query, key]) => {
                place.at = between(&t.query_positions, &t.key_positions, query, key);
            }
            (Body::Sinusoidal(s), &[row, _]) => {
                place.at = s.positions.get(row).copied().map(At::Position);
            }
            (Body::Learned(l), &[row, _]) => {
                place.at = l.positions.get(row).copied().map(At::Position);
            }
            (Body::Attention(a), &[batch, _, query, ..]) => {
                place.at = Some(At::Position(a.query_position(batch, query)));
            }
            (Body::AttentionTemperature(t), &[row, ..]) => {
                place.at = t.positions.get(row).copied().map(At::Position);
            }
            _ => {}
        }
        place
    }

    /// The names of the axes of an output.
    fn names(&self, name: &str, rank: usize) -> &'static [&'static str] {
        match (&self.question.body, rank) {
            (_, 0) => &[],
            (Body::Rotate(_) | Body::Apply(_), _) => &["batch", "head", "token", "coordinate"],
            (Body::Score(_), _) => &["batch", "head", "query", "key"],
            (Body::InvFreq(_), _) if name == "planes" => &["plane", "part"],
            (Body::InvFreq(_), _) => &["plane"],
            (Body::Table(_), _) => &["token", "plane"],
            (Body::AlibiSlopes(_), _) => &["head"],
            (Body::AlibiBias(_) | Body::T5Bias(..), _) => &["head", "query", "key"],
            (Body::T5Bucket(_) | Body::ShawBucket(_) | Body::DebertaBucket(_), _) => {
                &["query", "key"]
            }
            (Body::Sinusoidal(_) | Body::Learned(_), _) => &["token", "column"],
            (Body::PermuteQk(_), _) => &["row", "column"],
            (Body::PositionIds(_), 3) => &["axis", "batch", "token"],
            (Body::PositionIds(_), _) => &["batch", "token"],
            (Body::AttentionTemperature(_), _) => &["token"],
            (Body::Attention(_), 3) => &["batch", "head", "query"],
            (Body::Attention(_), _) => &["batch", "head", "query", "coordinate"],
            (Body::Chain(c), _) => chain_names(c, name, rank),
        }
    }
}

/// The names of the axes of an output of a chain.
fn chain_names(chain: &Chain, name: &str, rank: usize) -> &'static [&'static str] {
    let heads_first = chain.store.is_some_and(|store| store.heads_first);
    match (name, rank) {
        ("key_cache" | "value_cache", _) if heads_first => &["block", "head", "row", "coordinate"],
        ("key_cache" | "value_cache", _) => &["block", "row", "head", "coordinate"],
        ("q" | "k", _) => &["batch", "head", "token", "coordinate"],
        (_, 1) => &["head"],
        _ => &["batch", "head", "token", "group"],
    }
}

fn between(queries: &[Position], keys: &[Position], query: usize, key: usize) -> Option<At> {
    apart(queries.get(query).copied(), keys.get(key).copied())
}

fn apart(query: Option<Position>, key: Option<Position>) -> Option<At> {
    match (query?, key?) {
        (Position { numerator: q, denominator: 1 }, Position { numerator: k, denominator: 1 }) => {
            Some(At::Distance(k as i128 - q as i128))
        }
        _ => None,
    }
}

/// Indices of a flat place, outermost first.
pub(super) fn index_of(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (slot, &size) in index.iter_mut().zip(shape).rev() {
        *slot = flat % size.max(1);
        flat /= size.max(1);
    }
    index
}
