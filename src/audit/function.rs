//! The fourth door: a Rust function, for use inside `#[test]`. See `docs/rust.md`.

use super::capability::{Capability, Description};
use super::case::{Case, cases};
use super::kernel::{Ask, Breakage, Kernel, Outcome};
use super::report::{Report, Style, Verdict, terminal};
use super::run::{Options, audit};
use crate::number::{Decoded, Dtype, Format, Tensor, Wide};
use crate::request::{Direction, Input, Json, Slug};
use crate::vector::{Golden, golden_files};
use rayon::prelude::*;
use std::path::Path;

/// What a function gives back: named tensors, or what else there is to say.
pub type Answer = Result<Vec<(String, Tensor)>, Outcome>;

/// A kernel that is a function.
///
/// It is asked sound questions only, unless it is [`Function::refusing`].
///
/// ```
/// use ropewalk::audit::{Ask, Capability, Function, check};
/// use ropewalk::{number::Dtype, request::Operation, vector};
///
/// let claimed = Capability::new(&[Operation::AlibiSlopes], &[Dtype::F32]);
/// let kernel = Function::new("mine", vec![claimed], |ask: &Ask| {
///     let heads = ask.size("num_heads")? as i32;
///     let most = ask.number("alibi_bias_max").unwrap_or(8.0);
///     // Powers of two, and in between what the released code does.
///     let whole = if ask.word("slopes")? == "paper" { heads } else { 1 << heads.ilog2() };
///     let slope = |h: i32| {
///         let exponent = if h < whole { (h + 1) as f64 / whole as f64 }
///                        else { (2 * (h - whole) + 1) as f64 / (2 * whole) as f64 };
///         (-most * exponent).exp2()
///     };
///     let slopes: Vec<f64> = (0..heads).map(slope).collect();
///     Ok(vec![("slopes".into(), ask.rounded(&[slopes.len()], &slopes)?)])
/// });
/// check(kernel, vector::shipped()).unwrap();
/// ```
pub struct Function<F> {
    description: Description,
    refuses: bool,
    function: F,
}

impl<F: FnMut(&Ask) -> Answer> Function<F> {
    /// A function that claims these capabilities.
    pub fn new(name: &str, capabilities: Vec<Capability>, function: F) -> Function<F> {
        let description =
            Description { language: "Rust".into(), capabilities, ..Description::named(name) };
        Function { description, refuses: false, function }
    }

    /// Also asks what must be refused: the function checks every rule by itself and answers
    /// [`Outcome::Rejected`] with a reason of the list.
    pub fn refusing(self) -> Function<F> {
        Function { refuses: true, ..self }
    }
}

impl<F: FnMut(&Ask) -> Answer> Kernel for Function<F> {
    fn describe(&mut self) -> Result<Description, Breakage> {
        Ok(self.description.clone())
    }

    fn reaches(&self, ask: &Ask) -> Result<(), String> {
        match self.refuses || ask.question().is_ok() {
            true => Ok(()),
            false => Err("a function is asked sound questions only".into()),
        }
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        (self.function)(ask).map_or_else(|outcome| outcome, Outcome::Output)
    }
}

/// Why a check failed. Its `Debug` form is the report, so that `unwrap` prints it.
pub enum Failed {
    /// The golden files cannot be read.
    Vectors(String),
    /// The kernel does not conform, or nothing was judged.
    Kernel(Box<Report>),
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failed::Vectors(why) => f.write_str(why),
            Failed::Kernel(report) => f.write_str(&terminal(report, Style::default())),
        }
    }
}

impl std::fmt::Debug for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\n{self}")
    }
}

impl std::error::Error for Failed {}

/// Audits a kernel against every golden file of a directory ([`crate::vector::shipped`] is the
/// crate's own): everything that it claims, asked twice, by derived bounds.
///
/// # Errors
/// [`Failed`] for every verdict but *conforms*.
pub fn check(mut kernel: impl Kernel, vectors: impl AsRef<Path>) -> Result<Report, Failed> {
    let asked = read(vectors.as_ref()).map_err(Failed::Vectors)?;
    let options = Options { door: "Rust".into(), ..Options::default() };
    let report = audit(&mut kernel, &asked, &options).report;
    match report.verdict {
        Verdict::Conforms => Ok(report),
        _ => Err(Failed::Kernel(Box::new(report))),
    }
}

fn read(directory: &Path) -> Result<Vec<Case>, String> {
    let at = |path: &Path, why: String| format!("{}: {why}", path.display());
    let files = golden_files(directory).map_err(|e| at(directory, e.to_string()))?;
    if files.is_empty() {
        return Err(at(directory, "no golden file is there".into()));
    }
    let read: Result<Vec<Vec<Case>>, String> = files
        .par_iter()
        .map(|name| {
            let path = directory.join(name);
            let text = std::fs::read_to_string(&path).map_err(|e| at(&path, e.to_string()))?;
            let golden = Golden::read(&text).map_err(|e| at(&path, e.to_string()))?;
            Ok(cases(name, &golden))
        })
        .collect();
    Ok(read?.concat())
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
        self.inputs().direction(&all).map_err(|e| Outcome::Rejected(e.to_string()))
    }

    /// Whether an input is there.
    pub fn has(&self, name: &str) -> bool {
        self.input.get(name).is_some()
    }

    /// A tensor of the input, as bit patterns.
    ///
    /// # Errors
    /// An outcome to be passed on.
    pub fn tensor(&self, name: &str) -> Result<Tensor, Outcome> {
        self.inputs().tensor(name).map_err(|e| Outcome::Rejected(e.to_string()))
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
        let read = self.inputs().positions(name);
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

    fn inputs(&self) -> Input {
        Input::new(self.input.clone())
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

/// The example of the page is run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/rust.md")]
struct Page;
