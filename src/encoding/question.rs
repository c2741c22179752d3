//! Requests that mean something: every shape, key and value checked, every default filled in.

mod additive;
mod attention;
mod chain;
mod integers;
mod position_ids;
mod rotary;
mod rows;
mod shape;
mod tensors;

pub use additive::{AlibiBias, DebertaBucket, ShawBucket, T5, TemperatureRows};
pub use attention::Attention;
pub use chain::{Chain, Part, Turning, Weights};
pub use position_ids::{Beside, IdSource, PositionIds};
pub use rotary::{Apply, InvFreq, Rotate, Score, Table};
pub use rows::{LearnedRows, PermuteRows, SinusoidalRows};
pub use tensors::{Floats, Heads};

use super::spectrum::{SCHEMES, Scheme};
use crate::number::{Dtype, Overflow};
use crate::request::{Object, Operation, Reject, Request, Slug};

/// A request that passed every rule. Answering it can only fail with `UndecidedRounding`.
#[derive(Clone, Debug)]
pub struct Question {
    /// The operation that was asked for.
    pub operation: Operation,
    /// Format of the output.
    pub dtype: Dtype,
    /// What is asked, with the normalised config inside.
    pub body: Body,
}

/// What is asked.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // named like the operations
pub enum Body {
    Rotate(Rotate),
    Apply(Apply),
    Score(Score),
    InvFreq(InvFreq),
    Table(Table),
    AlibiSlopes(super::Alibi),
    AlibiBias(AlibiBias),
    T5Bucket(T5),
    T5Bias(T5, Floats),
    Sinusoidal(SinusoidalRows),
    Learned(LearnedRows),
    PermuteQk(PermuteRows),
    PositionIds(PositionIds),
    ShawBucket(ShawBucket),
    DebertaBucket(DebertaBucket),
    AttentionTemperature(TemperatureRows),
    Attention(Box<Attention>),
    Chain(Chain),
}

impl Question {
    /// Checks a request against the built-in schemes.
    ///
    /// ```
    /// use ropewalk::{encoding::Question, request::Request};
    /// let line = r#"{"cmd":"run","id":"a","operation":"inv_freq","dtype":"f32",
    ///     "config":{"head_dim":8,"layout":"half","rope_theta":1e4,"rotary_dim":3},"input":{}}"#;
    /// let reject = Question::new(&Request::parse(line).unwrap()).unwrap_err();
    /// assert_eq!(reject.slug.name(), "odd_rotary_dim");
    /// ```
    ///
    /// # Errors
    /// Every reject reason but those of [`Request::parse`].
    pub fn new(request: &Request) -> Result<Question, Reject> {
        Question::with_schemes(request, SCHEMES)
    }

    /// Checks a request against schemes of the caller's choice.
    ///
    /// # Errors
    /// As [`Question::new`].
    pub fn with_schemes(request: &Request, schemes: &[&dyn Scheme]) -> Result<Question, Reject> {
        let translated;
        let request = match (request.operation, request.config.get("model")) {
            (
                Operation::AlibiSlopes
                | Operation::AlibiBias
                | Operation::T5Bucket
                | Operation::T5Bias,
                Some(_),
            ) => {
                let config = super::model::flatten_additive(&request.config, request.operation)?;
                translated = Request { config, ..request.clone() };
                &translated
            }
            _ => request,
        };
        let body = match request.operation {
            Operation::Rotate => Body::Rotate(Rotate::new(request, schemes)?),
            Operation::Apply => Body::Apply(Apply::new(request)?),
            Operation::Score => Body::Score(Score::new(request, schemes)?),
            Operation::InvFreq => Body::InvFreq(InvFreq::new(request, schemes)?),
            Operation::Table => Body::Table(Table::new(request, schemes)?),
            Operation::AlibiSlopes => {
                request.input.expect_names("alibi_slopes", &[])?;
                Body::AlibiSlopes(super::Alibi::new(&request.config, false)?)
            }
            Operation::AlibiBias => Body::AlibiBias(AlibiBias::new(request)?),
            Operation::T5Bucket => Body::T5Bucket(T5::new(request, false)?),
            Operation::T5Bias => {
                let t5 = T5::new(request, true)?;
                let table = t5.table(request)?;
                Body::T5Bias(t5, table)
            }
            Operation::Sinusoidal => Body::Sinusoidal(SinusoidalRows::new(request)?),
            Operation::Learned => Body::Learned(LearnedRows::new(request)?),
            Operation::PermuteQk => Body::PermuteQk(PermuteRows::new(request)?),
            Operation::PositionIds => Body::PositionIds(PositionIds::new(request)?),
            Operation::ShawBucket => Body::ShawBucket(ShawBucket::new(request)?),
            Operation::DebertaBucket => Body::DebertaBucket(DebertaBucket::new(request)?),
            Operation::AttentionTemperature => {
                Body::AttentionTemperature(TemperatureRows::new(request)?)
            }
            Operation::Attention => Body::Attention(Box::new(Attention::new(request, schemes)?)),
            Operation::Chain => Body::Chain(Chain::new(request, schemes)?),
        };
        let floating: Vec<Dtype> = Dtype::floating().collect();
        let wanted = match request.operation {
            Operation::T5Bucket | Operation::ShawBucket | Operation::DebertaBucket => {
                &[Dtype::I32][..]
            }
            Operation::PositionIds => &[Dtype::I64][..],
            Operation::Rotate | Operation::Apply | Operation::Table | Operation::Chain => {
                &floating[..]
            }
            _ => &Dtype::FLOATS[..],
        };
        if !wanted.contains(&request.dtype) {
            let names: Vec<&str> = wanted.iter().map(|dtype| dtype.name()).collect();
            return Err(Slug::DtypeMismatch.because(format!(
                "dtype is {}, {} answers in {}",
                request.dtype,
                request.operation.name(),
                names.join(", ")
            )));
        }
        Ok(Question { operation: request.operation, dtype: request.dtype, body })
    }

    /// The config with every default filled in; checking it again gives the same.
    pub fn config(&self) -> &Object {
        match &self.body {
            Body::Rotate(q) => &q.config,
            Body::Apply(q) => &q.config,
            Body::Score(q) => &q.config,
            Body::InvFreq(q) => &q.config,
            Body::Table(q) => &q.config,
            Body::AlibiSlopes(q) => &q.config,
            Body::AlibiBias(q) => &q.alibi.config,
            Body::T5Bucket(q) | Body::T5Bias(q, _) => &q.buckets.config,
            Body::Sinusoidal(q) => &q.sinusoidal.config,
            Body::Learned(q) => &q.learned.config,
            Body::PermuteQk(q) => &q.permutation.config,
            Body::PositionIds(q) => &q.config,
            Body::ShawBucket(q) => &q.shaw.config,
            Body::DebertaBucket(q) => &q.buckets.config,
            Body::AttentionTemperature(q) => &q.temperature.config,
            Body::Attention(q) => &q.config,
            Body::Chain(q) => &q.config,
        }
    }

    /// The dtype of a floating-point output, and what becomes of an overflow: those of the request,
    /// but for what a chain quantises and the scales it makes.
    pub fn rounding(&self, name: &str) -> (Dtype, Overflow) {
        match &self.body {
            Body::Chain(chain) => chain.rounding(name, self.dtype),
            _ => (self.dtype, self.dtype.format().map_or(Overflow::Ieee, |f| f.overflow())),
        }
    }
}
