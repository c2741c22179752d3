//! What a kernel is asked: a request with what it means, read once.

use super::outcome::Outcome;
use crate::encoding::Question;
use crate::fault::Asked;
use crate::number::{Decoded, Dtype, Format, Tensor, Wide};
use crate::request::{Direction, Input, Json, Object, Reject, Request, Slug};
use std::ops::Deref;
use std::sync::Arc;

/// One `run` request, its parts as they are written, and what they mean; perhaps malformed on
/// purpose. It does not change: another request is another `Ask`. A copy is cheap.
///
/// ```
/// use ropewalk::{audit::Ask, request::Request};
/// let line = r#"{"cmd":"run","id":"a","operation":"alibi_slopes","dtype":"f32",
///                "config":{"num_heads":8,"slopes":"code"},"input":{}}"#;
/// let ask = Ask::new(Request::parse(line).unwrap());
/// assert_eq!(ask.size("num_heads"), Ok(8));
/// assert!(ask.question().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct Ask {
    request: Arc<Request>,
    asked: Arc<Asked>,
}

impl Deref for Ask {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.request
    }
}

impl Ask {
    /// Reads what a request means.
    pub fn new(request: Request) -> Ask {
        let asked = Asked::new(&request.to_json());
        Ask { request: Arc::new(request), asked: Arc::new(asked) }
    }

    /// The request that a question answers to, as far as it shows: its config is the normalised
    /// one, its input is left out.
    pub(super) fn of(id: &str, question: Question) -> Ask {
        let request = Request {
            id: id.to_string(),
            operation: question.operation,
            dtype: question.dtype,
            config: question.config().clone(),
            input: Input::new(Object::default()),
        };
        Ask { request: Arc::new(request), asked: Arc::new(Asked::from(question)) }
    }

    /// The same with every default filled into the config, where it is in order.
    pub(super) fn normalised(self) -> Ask {
        match self.question() {
            Ok(question) => {
                let config = question.config().clone();
                let request = Request { config, ..self.request().clone() };
                Ask { request: Arc::new(request), asked: self.asked.clone() }
            }
            Err(_) => self,
        }
    }

    /// The same with other words around it, that change nothing of what it means: its id, and
    /// extensions of its input.
    pub(super) fn reworded(&self, change: impl FnOnce(&mut Request)) -> Ask {
        let mut request = self.request().clone();
        change(&mut request);
        Ask { request: Arc::new(request), asked: self.asked.clone() }
    }

    /// The request, to make another one of it.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What is asked, every rule checked; or the rule that it breaks.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn question(&self) -> Result<&Question, &Reject> {
        self.asked.question()
    }

    /// The same for the faults, which may answer even what breaks a rule.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }
}

/// Reading a question conveniently. What is not there or of another type is the outcome
/// `rejected`, so that a function passes it on with `?`.
impl Ask {
    fn key(&self, key: &str) -> Result<&Json, Outcome> {
        let missing = || reject(Slug::MissingKey, format!("{key} is missing"));
        self.config.get(key).ok_or_else(missing)
    }

    /// A number of the config.
    ///
    /// # Errors
    /// An outcome to be passed on, as from all of these.
    pub fn number(&self, key: &str) -> Result<f64, Outcome> {
        let json = self.key(key)?;
        json.number().ok_or_else(|| reject(Slug::InvalidValue, format!("{key} is {json}")))
    }

    /// A non-negative integer of the config.
    ///
    /// # Errors
    /// An outcome to be passed on.
    pub fn size(&self, key: &str) -> Result<usize, Outcome> {
        let json = self.key(key)?;
        let size = match json {
            Json::Integer(n) => usize::try_from(*n).ok(),
            _ => None,
        };
        size.ok_or_else(|| reject(Slug::InvalidValue, format!("{key} is {json}")))
    }

    /// A word of the config: `layout`, `rope_type`.
    ///
    /// # Errors
    /// An outcome to be passed on.
    pub fn word(&self, key: &str) -> Result<&str, Outcome> {
        match self.key(key)? {
            Json::String(word) => Ok(word),
            json => Err(reject(Slug::InvalidValue, format!("{key} is {json}"))),
        }
    }

    /// The direction; forward if the question does not say.
    ///
    /// # Errors
    /// An outcome to be passed on.
    pub fn direction(&self) -> Result<Direction, Outcome> {
        let all = [Direction::Forward, Direction::Inverse, Direction::Backward];
        self.input.direction(&all).map_err(|e| Outcome::Rejected(e.to_string()))
    }

    /// Whether an input is there.
    pub fn has(&self, name: &str) -> bool {
        self.input.has(name)
    }

    /// A tensor of the input, as bit patterns.
    ///
    /// # Errors
    /// An outcome to be passed on.
    pub fn tensor(&self, name: &str) -> Result<Tensor, Outcome> {
        self.input.tensor(name).map_err(|e| Outcome::Rejected(e.to_string()))
    }

    /// The numbers of a floating-point tensor, row-major; exact, whatever its format.
    ///
    /// # Errors
    /// An outcome to be passed on.
    pub fn reals(&self, name: &str) -> Result<Vec<f64>, Outcome> {
        let tensor = self.tensor(name)?;
        let no_float = || reject(Slug::DtypeMismatch, format!("{name} is {}", tensor.dtype()));
        let format = tensor.dtype().format().ok_or_else(no_float)?;
        Ok(tensor.data().iter().map(|&bits| format.to_f64(bits)).collect())
    }

    /// The numbers of a tensor of f32, bf16 or f16, row-major.
    ///
    /// # Errors
    /// An outcome to be passed on; `unsupported` for f64.
    pub fn singles(&self, name: &str) -> Result<Vec<f32>, Outcome> {
        match self.tensor(name)?.dtype() {
            Dtype::F64 => Err(Outcome::Unsupported(format!("{name} in f64"))),
            _ => Ok(self.reals(name)?.into_iter().map(|x| x as f32).collect()),
        }
    }

    /// Integer positions, row-major.
    ///
    /// # Errors
    /// An outcome to be passed on; `unsupported` for fractions.
    pub fn positions(&self, name: &str) -> Result<Vec<i64>, Outcome> {
        let read = self.input.positions(name);
        let positions = read.map_err(|e| Outcome::Rejected(e.to_string()))?;
        let integer = |p: &crate::request::Position| match p.denominator {
            1 => Ok(p.numerator),
            _ => Err(Outcome::Unsupported("fractions as positions".into())),
        };
        positions.data().iter().map(integer).collect()
    }

    /// A tensor for the answer: numbers rounded once to the format that was asked for, to nearest,
    /// ties to even. Who has bit patterns uses [`Tensor::new`].
    ///
    /// # Errors
    /// `errored` if there are not as many numbers as the shape says, or if integers are asked for.
    pub fn rounded<T: Copy + Into<f64>>(
        &self,
        shape: &[usize],
        numbers: &[T],
    ) -> Result<Tensor, Outcome> {
        let integers = || Outcome::Errored(format!("{} is no floating-point format", self.dtype));
        let format = self.dtype.format().ok_or_else(integers)?;
        let data = numbers.iter().map(|&x| round(format, x.into())).collect();
        Tensor::new(self.dtype, shape.to_vec(), data).map_err(|e| Outcome::Errored(e.to_string()))
    }
}

fn reject(slug: Slug, text: String) -> Outcome {
    Outcome::Rejected(slug.because(text).to_string())
}

fn round(format: Format, x: f64) -> u64 {
    match Format::F64.decode(x.to_bits()) {
        Decoded::Nan => format.quiet_nan(),
        Decoded::Infinite { negative } => {
            format.infinity() | if negative { format.sign_bit() } else { 0 }
        }
        Decoded::Finite { negative, significand, exponent } => {
            format.round(&Wide::dyadic(negative, significand as u128, exponent as i64))
        }
    }
}
