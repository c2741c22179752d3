//! From a question and its answer to rows of numbers.

use super::exhibit::{Exhibit, Form, Grid, Places, Plane, Scene, Side, Turn, integers, numbers};
use super::fact::{Fact, Value};
use crate::audit::judge::Mark;
use crate::encoding::{Body, Double, Pair, Question, Rope, Wave, outside};
use crate::number::{Dtype, Tensor};
use crate::request::{Direction, Object, Positions};
use std::collections::BTreeMap;

/// An answer as it is given to inference.
pub(in crate::audit) struct Given<'a> {
    /// What was asked.
    pub(in crate::audit) question: &'a Question,
    /// What is known of it beyond what the question says.
    pub(in crate::audit) facts: BTreeMap<Fact, Value>,
    /// What is right, by output.
    pub(in crate::audit) right: &'a [(String, Tensor)],
    /// What came.
    pub(in crate::audit) got: &'a [(String, Tensor)],
    /// What is said of every element; all is right where there is none.
    pub(in crate::audit) marks: Option<&'a [(String, Vec<Mark>)]>,
    /// Whether it was answered otherwise when asked again.
    pub(in crate::audit) fickle: bool,
}

impl Given<'_> {
    fn tensor<'t>(list: &'t [(String, Tensor)], name: &str) -> Option<&'t Tensor> {
        list.iter().find(|(n, _)| n == name).map(|(_, tensor)| tensor)
    }

    /// One output as a side, with what went in.
    fn side(&self, name: &'static str, input: &Tensor, pairs: &[Pair]) -> Option<Side> {
        let (got, right) = (Self::tensor(self.got, name)?, Self::tensor(self.right, name)?);
        if got.shape() != right.shape() || got.dtype() != right.dtype() {
            return None;
        }
        let &[_, heads, _, width] = right.shape() else { return None };
        Some(Side {
            name,
            heads,
            width,
            input: numbers(input),
            got: numbers(got),
            bits: got.clone(),
            right: numbers(right),
            marks: self.marks(name, right.data().len())?,
            outside: outside(width, pairs),
        })
    }

    /// Whether it is an answer of which something may be inferred, with something wrong.
    pub(super) fn is_beside_rows(&self) -> bool {
        let marks = self.marks.into_iter().flatten();
        matches!(self.question.body, Body::Chain(_) | Body::Attention(_) | Body::PositionIds(_))
            && marks.flat_map(|(_, marks)| marks).any(|mark| *mark == Mark::Wrong)
    }

    fn marks(&self, name: &str, count: usize) -> Option<Vec<Mark>> {
        match self.marks {
            None => Some(vec![Mark::Right; count]),
            Some(marks) => {
                let own = marks.iter().find(|(n, _)| n == name).map(|(_, marks)| marks.clone())?;
                (own.len() == count).then_some(own)
            }
        }
    }

    /// The exhibit; none where the operation has no rows to infer from.
    pub(super) fn exhibit(&self, spectra: &mut Spectra) -> Option<Exhibit> {
        let question = self.question;
        let (scene, sides, input) = match &question.body {
            Body::Rotate(r) => {
                let places = Places::Positions(whole(&r.positions)?);
                let turn = Turn {
                    config: r.config.clone(),
                    seq_len: r.seq_len,
                    places,
                    ..turning(&r.rope, r.direction, spectra.of(&r.config, r.seq_len))
                };
                let pairs = r.rope.pairs();
                let q = self.side("q", &r.q, &pairs)?;
                let k = r.k.as_ref().and_then(|k| self.side("k", k, &pairs));
                let turn = Turn { batch: r.q.shape()[0], tokens: r.q.shape()[2], ..turn };
                let sides = std::iter::once(q).chain(k).collect();
                (Scene::Turn(turn), sides, r.q.dtype())
            }
            Body::Apply(a) => {
                let [cos, sin] = [numbers(&a.cos), numbers(&a.sin)];
                let table = cos.into_iter().zip(sin).map(|(c, s)| [c, s]).collect();
                let plane = |pair: &Pair| Plane { re: pair.re, im: pair.im, axis: 0, theta: 0.0 };
                let turn = Turn {
                    config: a.config.clone(),
                    seq_len: None,
                    spectrum: usize::MAX,
                    planes: a.pairs.iter().map(plane).collect(),
                    magnitude: 1.0,
                    factor: 1.0,
                    sign: if a.direction == Direction::Forward { 1.0 } else { -1.0 },
                    batch: a.q.shape()[0],
                    tokens: a.q.shape()[2],
                    places: Places::Table(table),
                    earlier: vec![],
                };
                let q = self.side("q", &a.q, &a.pairs)?;
                let k = a.k.as_ref().and_then(|k| self.side("k", k, &a.pairs));
                let sides = std::iter::once(q).chain(k).collect();
                (Scene::Turn(turn), sides, a.q.dtype())
            }
            Body::Table(t) => {
                let places = Places::Positions(whole(&t.positions)?);
                let mut turn = Turn {
                    config: t.config.clone(),
                    seq_len: t.seq_len,
                    batch: 1,
                    tokens: *t.positions.shape().last()?,
                    places,
                    ..turning(&t.rope, Direction::Forward, spectra.of(&t.config, t.seq_len))
                };
                let count = turn.planes.len();
                let own = turn.planes.iter_mut().enumerate();
                own.for_each(|(i, plane)| (plane.re, plane.im) = (i, count + i));
                let side = self.joined(["cos", "sin"], count)?;
                (Scene::Turn(turn), vec![side], question.dtype)
            }
            Body::Sinusoidal(s) => {
                let thetas: Option<Vec<f64>> =
                    s.sinusoidal.frequencies().iter().map(|f| f.evaluate(&Double)).collect();
                let waves: Vec<Wave> =
                    (0..s.sinusoidal.dim).map(|c| s.sinusoidal.wave(c)).collect();
                let place = |wave: Wave| waves.iter().position(|w| *w == wave);
                let plane = |(i, theta): (usize, f64)| {
                    let (re, im) = (place(Wave::Cos(i))?, place(Wave::Sin(i))?);
                    Some(Plane { re, im, axis: 0, theta })
                };
                let planes: Option<Vec<Plane>> =
                    thetas?.into_iter().enumerate().map(plane).collect();
                let positions = integers(&s.positions)?.into_iter().map(i128::from).collect();
                let turn = Turn {
                    config: s.sinusoidal.config.clone(),
                    seq_len: None,
                    spectrum: spectra.of(&s.sinusoidal.config, None),
                    planes: planes?,
                    magnitude: 1.0,
                    factor: 1.0,
                    sign: 1.0,
                    batch: 1,
                    tokens: s.positions.len(),
                    places: Places::Positions(positions),
                    earlier: vec![],
                };
                let (got, right) =
                    (Self::tensor(self.got, "embedding")?, Self::tensor(self.right, "embedding")?);
                let one = |c: usize| f64::from(u8::from(matches!(waves[c], Wave::Cos(_))));
                let width = waves.len();
                let pairs: Vec<Pair> =
                    turn.planes.iter().map(|p| Pair { re: p.re, im: p.im }).collect();
                let side = Side {
                    name: "embedding",
                    heads: 1,
                    width,
                    input: (0..right.data().len()).map(|i| one(i % width.max(1))).collect(),
                    got: numbers(got),
                    bits: got.clone(),
                    right: numbers(right),
                    marks: self.marks("embedding", right.data().len())?,
                    outside: outside(width, &pairs),
                };
                (Scene::Turn(turn), vec![side], question.dtype)
            }
            Body::AlibiBias(a) => {
                let form = Form::Alibi(a.alibi.clone());
                self.grid("bias", form, &a.query_positions, &a.key_positions)?
            }
            Body::AlibiSlopes(alibi) => {
                let one = [crate::request::Position::integer(0)];
                self.grid("slopes", Form::Slopes(alibi.clone()), &one, &one)?
            }
            Body::T5Bucket(t) => {
                let form = Form::Bucket(t.buckets.clone());
                self.grid("bucket", form, &t.query_positions, &t.key_positions)?
            }
            Body::T5Bias(t, table) => {
                let heads = table.columns();
                let form = Form::Bias(t.buckets.clone(), numbers(table), heads);
                self.grid("bias", form, &t.query_positions, &t.key_positions)?
            }
            Body::Chain(_) | Body::Attention(_) | Body::PositionIds(_) => {
                let (came, marks) =
                    ([self.got, self.right], &|name: &str, count| self.marks(name, count));
                let (whole, sides, input) = match &question.body {
                    Body::Chain(c) => super::stages::lay_out(c, question, came, marks)?,
                    Body::Attention(a) => super::attention::lay_out(a, question, came, marks)?,
                    Body::PositionIds(ids) => super::ids::lay_out(ids, question, came, marks)?,
                    _ => return None,
                };
                (Scene::Whole(Box::new(whole)), sides, input)
            }
            _ => return None,
        };
        let finite = |side: &Side| side.right.iter().all(|x| x.is_finite());
        let sides: Vec<Side> = sides;
        if !sides.iter().all(finite) {
            // What becomes of a NaN or an infinity says little.
            return None;
        }
        let precision = |dtype: Dtype| dtype.format().map_or(53, |format| format.precision as i32);
        let bits = precision(input).min(precision(question.dtype));
        let unit = libm::ldexp(1.0, -bits);
        let spacing = |dtype: Dtype| {
            dtype.format().map_or(0.0, |f| libm::ldexp(1.0, f.e_min() - f.precision as i32 + 3))
        };
        let least = spacing(input).max(spacing(question.dtype));
        let mut facts = self.facts.clone();
        facts.extend(super::facts::facts(question));
        Some(Exhibit { facts, scene, sides, unit, least, fickle: self.fickle, cut: None })
    }

    /// A table of cosines and sines as what becomes of 1.
    fn joined(&self, names: [&str; 2], planes: usize) -> Option<Side> {
        let of = |list| -> Option<[&Tensor; 2]> {
            Some([Self::tensor(list, names[0])?, Self::tensor(list, names[1])?])
        };
        let ([gc, gs], [rc, rs]) = (of(self.got)?, of(self.right)?);
        if gc.shape() != rc.shape() || gs.shape() != rs.shape() {
            return None;
        }
        fn beside<T: Clone>(a: &[T], b: &[T], width: usize) -> Vec<T> {
            let rows = a.chunks(width.max(1)).zip(b.chunks(width.max(1)));
            rows.flat_map(|(a, b)| [a, b].concat()).collect()
        }
        let marks =
            [self.marks(names[0], rc.data().len())?, self.marks(names[1], rs.data().len())?];
        let bits = beside(gc.data(), gs.data(), planes);
        let rows = gc.data().len() / planes.max(1);
        let one = |i: usize| f64::from(u8::from(i % (2 * planes) < planes));
        Some(Side {
            name: "table",
            heads: 1,
            width: 2 * planes,
            input: (0..bits.len()).map(one).collect(),
            got: beside(&numbers(gc), &numbers(gs), planes),
            right: beside(&numbers(rc), &numbers(rs), planes),
            marks: beside(&marks[0], &marks[1], planes),
            bits: Tensor::new(gc.dtype(), vec![rows, 2 * planes], bits).ok()?,
            outside: vec![],
        })
    }

    fn grid(
        &self,
        name: &'static str,
        form: Form,
        queries: &[crate::request::Position],
        keys: &[crate::request::Position],
    ) -> Option<(Scene, Vec<Side>, Dtype)> {
        let (got, right) = (Self::tensor(self.got, name)?, Self::tensor(self.right, name)?);
        if got.shape() != right.shape() {
            return None;
        }
        let heads = right.data().len() / (queries.len() * keys.len()).max(1);
        let side = Side {
            name,
            heads,
            width: keys.len(),
            input: vec![],
            got: numbers(got),
            bits: got.clone(),
            right: numbers(right),
            marks: self.marks(name, right.data().len())?,
            outside: vec![],
        };
        let grid = Grid { form, queries: integers(queries)?, keys: integers(keys)? };
        Some((Scene::Grid(grid), vec![side], self.question.dtype))
    }
}

/// Numbers alike configs and total lengths alike.
#[derive(Default)]
pub(super) struct Spectra(BTreeMap<String, usize>);

impl Spectra {
    fn of(&mut self, config: &Object, seq_len: Option<i64>) -> usize {
        let count = self.0.len();
        let key = format!("{} {seq_len:?}", serde_json::to_string(config).unwrap_or_default());
        *self.0.entry(key).or_insert(count)
    }
}

fn turning(rope: &Rope, direction: Direction, spectrum: usize) -> Turn {
    let magnitude = rope.magnitude.evaluate(&Double).unwrap_or(1.0);
    let plane = |plane: &crate::encoding::Plane| Plane {
        re: plane.pair.re,
        im: plane.pair.im,
        axis: plane.axis,
        theta: plane.frequency.evaluate(&Double).unwrap_or(f64::NAN),
    };
    Turn {
        config: Object::default(),
        seq_len: None,
        spectrum,
        planes: rope.planes.iter().map(plane).collect(),
        magnitude,
        factor: if direction == Direction::Inverse { 1.0 / magnitude } else { magnitude },
        sign: if direction == Direction::Forward { 1.0 } else { -1.0 },
        batch: 0,
        tokens: 0,
        places: Places::Positions(vec![]),
        earlier: vec![],
    }
}

fn whole(positions: &Positions) -> Option<Vec<i128>> {
    Some(integers(positions.data())?.into_iter().map(i128::from).collect())
}
