//! What is asked in an audit, and why.

use super::ask::Ask;
use crate::encoding::Question;
use crate::number::{Dtype, Format, Tensor};
use crate::profile;
use crate::request::{Input, Json, Request};
use crate::vector::{Expected, Golden, Tensors};

/// A question with its right answer and its reason.
#[derive(Clone, Debug)]
pub struct Case {
    /// The request. Its config is the normalised one, unless it is there to be refused.
    pub ask: Ask,
    /// What is right.
    pub truth: Truth,
    /// Tests of one group stand or fall together in a report: the golden file and the group.
    pub group: String,
    /// Whether a failure means that the set-up is wrong.
    pub basic: bool,
    /// What is tested, in a line for people.
    pub comment: String,
    /// Keys into the notes.
    pub flags: Vec<String>,
}

/// The right answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Correctly rounded, or the reason to refuse.
    pub expected: Expected,
    /// (exact − expected) in ulp of expected, as f16, for every floating-point tensor.
    pub residual: Option<Tensors>,
}

/// What f64 makes of a question, for formats that it is far above; none for f64 itself.
///
/// ```
/// use ropewalk::{audit::in_doubles, encoding::Question, request::Request};
/// let line = r#"{"cmd":"run","id":"a","operation":"alibi_slopes","dtype":"f32",
///                "config":{"num_heads":8,"slopes":"code"},"input":{}}"#;
/// let truth = in_doubles(&Question::new(&Request::parse(line).unwrap()).unwrap()).unwrap();
/// assert_eq!(truth.expected.tensors().unwrap().get("slopes").unwrap().data()[0], 0x3f000000);
/// ```
pub fn in_doubles(question: &Question) -> Option<Truth> {
    if question.dtype == Dtype::F64 {
        return None;
    }
    let wide = Question { dtype: Dtype::F64, ..question.clone() };
    let named = match question.dtype.format() {
        Some(_) => profile::emulate(&profile::NUMPY_F64, &wide),
        None => vec![],
    };
    let (mut expected, mut residual) = (Vec::new(), Vec::new());
    for one in named {
        let format = question.dtype.format()?;
        let exact = one.tensor.data().iter().map(|&bits| f64::from_bits(bits));
        let rounded: Vec<u64> = exact.clone().map(|x| profile::encode(format, x)).collect();
        let off = exact.zip(&rounded).map(|(exact, &bits)| {
            let unit = format.ulp_exponent(bits).map_or(f64::NAN, |e| libm::ldexp(1.0, e));
            profile::encode(Format::F16, (exact - format.to_f64(bits)) / unit)
        });
        let shape = one.tensor.shape().to_vec();
        let name = one.name.to_string();
        residual.push((name.clone(), Tensor::new(Dtype::F16, shape.clone(), off.collect()).ok()?));
        expected.push((name, Tensor::new(question.dtype, shape, rounded).ok()?));
    }
    let integers = question.integers().into_iter().map(|(name, t)| (name.to_string(), t));
    expected.extend(integers);
    Some(Truth {
        expected: Expected::Tensors(Tensors(expected)),
        residual: Some(Tensors(residual)),
    })
}

/// The cases of a golden file, in its order. `path` is the file's, below the directory of the
/// vectors.
pub fn cases(path: &str, golden: &Golden) -> Vec<Case> {
    let of = |(group, test): (&crate::vector::Group, &crate::vector::Test)| {
        let ask = Ask::new(Request {
            id: test.id.clone(),
            operation: golden.operation,
            dtype: group.dtype,
            config: group.config.clone(),
            input: Input::new(test.input.clone()),
        });
        // Kernels get what every default has been filled into; how configs are written is the
        // business of whoever reads them.
        let ask = if test.expected.tensors().is_some() { ask.normalised() } else { ask };
        Case {
            ask,
            truth: Truth { expected: test.expected.clone(), residual: test.residual.clone() },
            group: format!("{} {}", path.trim_end_matches(".json"), group.name),
            basic: group.basic,
            comment: test.comment.clone(),
            flags: test.flags.clone(),
        }
    };
    golden.tests().map(of).collect()
}

impl Case {
    /// A word of the config, for tables: its layout, its rope type.
    pub fn word(&self, key: &str) -> Option<&str> {
        match self.ask.config.get(key) {
            Some(Json::String(word)) => Some(word),
            _ => None,
        }
    }
}
