//! Answers: every element's exact value, and its rounding.

mod additive;
mod growth;
pub(super) mod rotary;
mod score;

pub(super) use rotary::{cos_and_sin, starting_precision};

use super::round::{Rounded, UndecidedRounding, Value};
use crate::encoding::{Body, Heads, Question};
use crate::number::{Dtype, Tensor};
use crate::request::{Object, Reply, tensors};

/// Which element of which tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Name of the output tensor.
    pub name: &'static str,
    /// Flat index, row-major.
    pub index: usize,
}

/// Called with every element of the answer, tensor by tensor, in row-major order within a tensor
/// but for planes, whose two elements come together.
pub type Sink<'s> = dyn FnMut(Site, &Value) -> Result<(), UndecidedRounding> + 's;

/// One tensor of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Name of the output.
    pub name: &'static str,
    /// Correctly rounded.
    pub expected: Tensor,
    /// (exact − expected) in ulp, f16; none for integers.
    pub residual: Option<Tensor>,
}

/// A correctly rounded answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The tensors, in the order of the contract.
    pub tensors: Vec<Named>,
    /// Highest working precision that an element needed, in bits; 0 if all were exact.
    pub precision: u32,
}

/// The floating-point tensors of an answer and their shapes, in the order of the contract.
pub fn shapes(question: &Question) -> Vec<(&'static str, Vec<usize>)> {
    let qk = |q: &Heads, k: &Option<Heads>| {
        let q = [("q", q.shape().to_vec())];
        q.into_iter().chain(k.as_ref().map(|k| ("k", k.shape().to_vec()))).collect()
    };
    match &question.body {
        Body::Rotate(r) => qk(&r.q, &r.k),
        Body::Apply(a) => qk(&a.q, &a.k),
        Body::Score(s) => {
            let (q, k) = (s.q.shape(), s.k.shape());
            vec![("score", vec![q[0], q[1], q[2], k[2]])]
        }
        Body::InvFreq(f) => {
            let pairs = f.rope.planes.len();
            let mut list = vec![("inv_freq", vec![pairs])];
            if rotary::grows(&f.rope) {
                list.push(("growth", vec![pairs]));
            }
            list.extend([("attention_factor", vec![]), ("softmax_factor", vec![])]);
            list
        }
        Body::Table(t) => {
            let shape = vec![t.positions.shape()[1], t.rope.planes.len()];
            vec![("cos", shape.clone()), ("sin", shape)]
        }
        Body::AlibiSlopes(a) => vec![("slopes", vec![a.num_heads])],
        Body::AlibiBias(a) => {
            vec![("bias", vec![a.alibi.num_heads, a.query_positions.len(), a.key_positions.len()])]
        }
        Body::T5Bias(t, table) => {
            vec![("bias", vec![table.shape()[1], t.query_positions.len(), t.key_positions.len()])]
        }
        Body::Sinusoidal(s) => {
            vec![("embedding", vec![s.positions.len(), s.sinusoidal.dim])]
        }
        Body::Learned(l) => vec![("embedding", vec![l.rows.len(), l.learned.dim])],
        Body::PermuteQk(p) => vec![("weight", p.weight.shape().to_vec())],
        Body::AttentionTemperature(t) => vec![("scale", vec![t.positions.len()])],
        Body::T5Bucket(_) | Body::ShawBucket(_) | Body::DebertaBucket(_) | Body::PositionIds(_) => {
            vec![]
        }
    }
}

/// Visits the exact value of every floating-point element.
///
/// # Errors
/// What the sink returns, and `UndecidedRounding` where a branch of a formula stays open.
pub fn visit(question: &Question, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    // Integers are answered without rounding: there is nothing to visit.
    let Some(format) = question.dtype.format() else { return Ok(()) };
    match &question.body {
        Body::Rotate(r) => rotary::rotate(r, format, sink),
        Body::Apply(a) => rotary::apply(a, sink),
        Body::Score(s) => score::score(s, format, sink),
        Body::InvFreq(f) => rotary::inv_freq(f, sink),
        Body::Table(t) => rotary::table(t, format, sink),
        Body::AlibiSlopes(a) => additive::alibi_slopes(a, sink),
        Body::AlibiBias(a) => additive::alibi_bias(a, sink),
        Body::T5Bias(t, table) => additive::t5_bias(t, table, sink),
        Body::Sinusoidal(s) => additive::sinusoidal(s, format, sink),
        Body::Learned(l) => additive::learned(l, sink),
        Body::PermuteQk(p) => additive::permute_qk(p, sink),
        Body::AttentionTemperature(t) => additive::temperature(t, sink),
        Body::T5Bucket(_) | Body::ShawBucket(_) | Body::DebertaBucket(_) | Body::PositionIds(_) => {
            Ok(())
        }
    }
}

/// Answers a question, correctly rounded: a large rotation or table by [`super::bulk`], all else
/// element by element, which gives the same bits.
///
/// ```
/// use ropewalk::{encoding::Question, exact::answer, request::Request};
/// let line = r#"{"cmd":"run","id":"a","operation":"table","dtype":"bf16",
///     "config":{"head_dim":2,"layout":"half","rope_theta":10000},"input":{"positions":[1000]}}"#;
/// let question = Question::new(&Request::parse(line).unwrap()).unwrap();
/// let answer = answer(&question).unwrap();
/// assert_eq!(answer.tensors[0].expected.rows(), ["3f10"]); // cos 1000 = 0.5625 in bf16
/// ```
///
/// # Errors
/// `UndecidedRounding` if an element of undecided class was not isolated at the highest precision.
pub fn answer(question: &Question) -> Result<Answer, UndecidedRounding> {
    match super::bulk::worth(question) {
        true => super::bulk::answer(question),
        false => one_by_one(question),
    }
}

/// Answers a question by visiting its elements.
pub(super) fn one_by_one(question: &Question) -> Result<Answer, UndecidedRounding> {
    let Some(format) = question.dtype.format() else {
        let whole = |(name, expected)| Named { name, expected, residual: None };
        let tensors = question.integers().into_iter().map(whole).collect();
        return Ok(Answer { tensors, precision: 0 });
    };
    let shapes = shapes(question);
    let sizes: Vec<usize> = shapes.iter().map(|(_, shape)| shape.iter().product()).collect();
    let mut bits: Vec<Vec<u64>> = sizes.iter().map(|&n| vec![0; n]).collect();
    let mut residuals = bits.clone();
    let mut precision = 0;
    visit(question, &mut |site, value| {
        let rounded: Rounded = value.round(format).map_err(|precision| UndecidedRounding {
            name: site.name,
            index: site.index,
            precision,
        })?;
        precision = precision.max(rounded.precision);
        if let Some(slot) = shapes.iter().position(|(name, _)| *name == site.name) {
            bits[slot][site.index] = rounded.bits;
            residuals[slot][site.index] = rounded.residual;
        }
        Ok(())
    })?;
    let floats = shapes.into_iter().zip(bits.into_iter().zip(residuals)).filter_map(
        |((name, shape), (bits, residuals))| {
            let expected = Tensor::new(question.dtype, shape.clone(), bits).ok()?;
            let residual = Tensor::new(Dtype::F16, shape, residuals).ok();
            Some(Named { name, expected, residual })
        },
    );
    let integers = question.integers().into_iter().map(|(name, expected)| Named {
        name,
        expected,
        residual: None,
    });
    Ok(Answer { tensors: floats.chain(integers).collect(), precision })
}

impl Answer {
    /// The reply of the protocol; `residual` goes into further keys if asked for.
    pub fn into_reply(self, id: String, residual: bool) -> Reply {
        let mut more = Object::default();
        if residual {
            let list: Vec<_> =
                self.tensors.iter().filter_map(|t| Some((t.name, t.residual.clone()?))).collect();
            more.set("residual", tensors(&list));
        }
        let output = self.tensors.into_iter().map(|t| (t.name, t.expected)).collect();
        Reply::Output { id, output, more }
    }
}

/// Answers one line of the protocol: what the adapter says to a `run`.
pub fn reply(line: &str) -> Reply {
    let request = match crate::request::Request::parse(line) {
        Ok(request) => request,
        Err(reject) => return Reply::Rejected { id: id_of(line), reject },
    };
    match Question::new(&request) {
        Err(reject) => Reply::Rejected { id: Some(request.id), reject },
        Ok(question) => match answer(&question) {
            Ok(answer) => answer.into_reply(request.id, false),
            Err(undecided) => Reply::Errored { id: request.id, message: undecided.to_string() },
        },
    }
}

/// The id of a request that could not be read otherwise.
fn id_of(line: &str) -> Option<String> {
    match serde_json::from_str(line) {
        Ok(crate::request::Json::Object(object)) => match object.get("id") {
            Some(crate::request::Json::String(id)) => Some(id.clone()),
            _ => None,
        },
        _ => None,
    }
}
