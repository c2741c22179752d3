//! The second oracle: the same questions answered from other formulas, in other arithmetic.
//!
//! It shares nothing with the first but the parsed question. The first encloses expressions with
//! directed rounding in a floating-point library and asks algebra before it encloses; this one
//! works in integers, from the formulas as their sources print them, and asks algebra only where
//! enclosures do not settle. Their answers have to agree in every bit, so that an error in either
//! shows.
//!
//! | | first | second |
//! |---|---|---|
//! | reals | intervals of MPFR floats | a [`Ball`]: an integer midpoint, a power of two, a radius |
//! | functions | MPFR | integer series after an integer reduction ([`Elementary`]) |
//! | formulas | one `Expression` per scheme | the published form, `published/` |
//! | coordinates | planes, one complex product each | rows of the 2 × 2 block matrix, `rows` |
//! | score | groups by the difference of positions | dot product of two rotated vectors |
//! | attention | keys grouped by coefficients over a basis | key by key, as code prints it |
//! | rational? | monomials over coprime machine integers, before | gcds and integer roots, after; roots of unity of any order |
//! | rounding | cut and look at what was cut | comparison with the boundaries ([`Target`]) |
//!
//! No step uses a floating-point number of any kind. The layers, in the order of what uses what:
//!
//! ```text
//! radius ← ball ← { arithmetic, power } ← { elementary ← sine, point ← encode ← residual }
//! series ← constants ← elementary
//! read ← settle ← turn ← { rotary ← score, absolute, chain_item ← chain_norm ← chain }
//! settle ← additive ← relative, ids
//! { score, additive } ← attention
//! radical ← real ← spectrum ← published ← rows
//! ```

#![warn(missing_docs)]

mod absolute;
mod additive;
mod arithmetic;
mod attention;
mod ball;
mod chain;
mod chain_item;
mod chain_norm;
mod constants;
mod cyclotomic;
mod elementary;
mod encode;
mod error;
mod ids;
mod point;
mod power;
mod published;
mod radical;
mod radius;
mod read;
mod real;
mod relative;
mod residual;
mod rotary;
mod rows;
#[cfg(test)]
mod sampled;
mod score;
mod series;
mod settle;
mod sine;
mod spectrum;
mod turn;

pub use error::SecondError;

pub use ball::Ball;
pub use constants::{ln_2, pi};
pub use elementary::Elementary;
pub use encode::{Ends, Target};
pub use radius::Radius;
pub use series::Series;
pub use settle::Outcome;

use ropewalk::encoding::{Body, Question};
use ropewalk::exact::{Answer, Named, Site};
use ropewalk::number::{Dtype, Tensor};

/// The second oracle, with what a test may plant a mistake in.
///
/// [`SecondOracle::default`] is the right one. The coefficients of the series and of the formulas
/// are data, so that a test can change one and see that the other oracle disagrees.
#[derive(Clone, Copy, Debug)]
pub struct SecondOracle {
    /// The elementary functions, by their series.
    pub functions: Elementary,
    /// The signs of the sine in the first and the second row of a 2 × 2 block.
    pub signs: [i8; 2],
    /// The 2 in base^(2i/r).
    pub step: usize,
}

impl Default for SecondOracle {
    fn default() -> SecondOracle {
        SecondOracle { functions: Elementary::TRUE, signs: [-1, 1], step: 2 }
    }
}

/// Called with every floating-point element.
pub type Sink<'s> = dyn FnMut(Site, Outcome) + 's;

/// Answers a question by the second oracle alone.
///
/// ```
/// use ropewalk::{encoding::Question, exact, request::Request};
/// let line = r#"{"cmd":"run","id":"a","operation":"table","dtype":"f64",
///     "config":{"head_dim":8,"layout":"half","rope_theta":10000},"input":{"positions":[-3, 70]}}"#;
/// let question = Question::new(&Request::parse(line).unwrap()).unwrap();
/// let first = exact::answer(&question).unwrap();
/// let second = ropewalk_oracle::second_answer(&question).unwrap();
/// assert_eq!(first.tensors, second.tensors);
/// ```
///
/// # Errors
/// See [`SecondError`].
pub fn second_answer(question: &Question) -> Result<Answer, SecondError> {
    SecondOracle::default().answer(question)
}

impl SecondOracle {
    /// The rounding of every floating-point element, tensor by tensor.
    ///
    /// # Errors
    /// See [`SecondError`].
    pub fn visit(&self, question: &Question, sink: &mut Sink) -> Result<(), SecondError> {
        let Some(target) = Target::of(question.dtype) else { return Ok(()) };
        match &question.body {
            Body::Rotate(r) => self.rotate(r, target, sink),
            Body::Apply(a) => self.apply(a, target, sink),
            Body::Score(s) => self.score(s, target, sink),
            Body::InvFreq(f) => self.inv_freq(f, target, sink),
            Body::Table(t) => self.table(t, target, sink),
            Body::AlibiSlopes(a) => self.alibi_slopes(a, target, sink),
            Body::AlibiBias(a) => self.alibi_bias(a, target, sink),
            Body::T5Bias(t, table) => self.t5_bias(t, table, target, sink),
            Body::Sinusoidal(s) => self.sinusoidal(s, target, sink),
            Body::Learned(l) => self.learned(l, target, sink),
            Body::PermuteQk(p) => self.permute_qk(p, target, sink),
            Body::AttentionTemperature(t) => self.temperature(t, target, sink),
            Body::Attention(a) => self.attention(a, target, sink),
            Body::Chain(c) => self.chain(c, question.dtype, sink),
            Body::T5Bucket(_)
            | Body::ShawBucket(_)
            | Body::DebertaBucket(_)
            | Body::PositionIds(_) => Ok(()),
        }
    }

    /// Answers a question.
    ///
    /// # Errors
    /// See [`SecondError`].
    pub fn answer(&self, question: &Question) -> Result<Answer, SecondError> {
        let mut lists: Vec<(&'static str, Vec<u64>, Vec<u64>)> = Vec::new();
        let mut precision = 0;
        self.visit(question, &mut |site, outcome| {
            if lists.last().is_none_or(|(name, ..)| *name != site.name) {
                lists.push((site.name, Vec::new(), Vec::new()));
            }
            if let Some((_, bits, residuals)) = lists.last_mut() {
                bits.push(outcome.bits);
                residuals.push(outcome.residual);
            }
            precision = precision.max(outcome.precision);
        })?;
        let mut tensors = Vec::new();
        for (name, shape) in shapes(question) {
            let found = lists.iter().position(|(known, ..)| *known == name);
            let (bits, residuals) = match found.map(|index| lists.swap_remove(index)) {
                Some((_, bits, residuals)) => (bits, residuals),
                None => (Vec::new(), Vec::new()),
            };
            tensors.push(Named {
                name,
                expected: tensor(question.rounding(name).0, shape.clone(), bits)?,
                residual: Some(tensor(Dtype::F16, shape, residuals)?),
            });
        }
        let integers = match &question.body {
            Body::InvFreq(f) => self.planes(f)?,
            Body::T5Bucket(t) => self.t5_bucket(t)?,
            Body::ShawBucket(s) => self.shaw_bucket(s)?,
            Body::DebertaBucket(d) => self.deberta_bucket(d)?,
            Body::PositionIds(p) => self.position_ids(p)?,
            _ => Vec::new(),
        };
        let named = |(name, expected)| Named { name, expected, residual: None };
        tensors.extend(integers.into_iter().map(named));
        Ok(Answer { tensors, precision })
    }
}

/// The floating-point outputs of an operation, from the table of operations in the contract.
fn shapes(question: &Question) -> Vec<(&'static str, Vec<usize>)> {
    let like = |tensor: &Tensor| tensor.shape().to_vec();
    let dimension = |tensor: &Tensor, axis: usize| tensor.shape().get(axis).copied().unwrap_or(0);
    match &question.body {
        Body::Rotate(r) => with_keys(like(&r.q), r.k.as_ref().map(|k| like(k))),
        Body::Apply(a) => with_keys(like(&a.q), a.k.as_ref().map(|k| like(k))),
        Body::Score(s) => {
            let [batch, heads, queries] = [0, 1, 2].map(|axis| dimension(&s.q, axis));
            vec![("score", vec![batch, heads, queries, dimension(&s.k, 2)])]
        }
        Body::InvFreq(f) => {
            let planes = width(&f.config) / 2;
            let growth = f.config.get("scale_base").map(|_| ("growth", vec![planes]));
            let factors = [("attention_factor", vec![]), ("softmax_factor", vec![])];
            [("inv_freq", vec![planes])].into_iter().chain(growth).chain(factors).collect()
        }
        Body::Table(t) => {
            let tokens = t.positions.shape().last().copied().unwrap_or(0);
            let shape = vec![tokens, width(&t.config) / 2];
            vec![("cos", shape.clone()), ("sin", shape)]
        }
        Body::AlibiSlopes(a) => vec![("slopes", vec![a.num_heads])],
        Body::AlibiBias(a) => {
            let (queries, keys) = (a.query_positions.len(), a.key_positions.len());
            vec![("bias", vec![a.alibi.num_heads, queries, keys])]
        }
        Body::T5Bias(t, table) => {
            let (queries, keys) = (t.query_positions.len(), t.key_positions.len());
            vec![("bias", vec![dimension(table, 1), queries, keys])]
        }
        Body::Sinusoidal(s) => vec![("embedding", vec![s.positions.len(), s.sinusoidal.dim])],
        Body::Learned(l) => vec![("embedding", vec![l.positions.len(), l.learned.dim])],
        Body::PermuteQk(p) => vec![("weight", like(&p.weight))],
        Body::AttentionTemperature(t) => vec![("scale", vec![t.positions.len()])],
        Body::Attention(a) => {
            let [batch, heads, queries] = [0, 1, 2].map(|axis| dimension(&a.q, axis));
            let out = ("out", vec![batch, heads, queries, dimension(&a.v, 3)]);
            let lse = ("lse", vec![batch, heads, queries]);
            if a.lse { vec![out, lse] } else { vec![out] }
        }
        Body::Chain(c) => c.outputs(),
        Body::T5Bucket(_) | Body::PositionIds(_) | Body::ShawBucket(_) | Body::DebertaBucket(_) => {
            Vec::new()
        }
    }
}

fn with_keys(q: Vec<usize>, k: Option<Vec<usize>>) -> Vec<(&'static str, Vec<usize>)> {
    [("q", q)].into_iter().chain(k.map(|k| ("k", k))).collect()
}

/// The width of the rotated slice of a normalised config.
fn width(config: &ropewalk::request::Object) -> usize {
    let config = read::Config(config);
    config.size("rotary_dim").or_else(|_| config.size("head_dim")).unwrap_or_default()
}

/// A tensor of an answer; its shape and its elements come from different places.
fn tensor(dtype: Dtype, shape: Vec<usize>, data: Vec<u64>) -> Result<Tensor, SecondError> {
    Tensor::new(dtype, shape, data)
        .map_err(|error| SecondError::Unsupported(format!("an answer whose {error}")))
}
