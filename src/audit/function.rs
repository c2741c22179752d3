//! The fourth door: a Rust function, for use inside `#[test]`. See `docs/rust.md`.

use super::ask::Ask;
use super::capability::{Capability, Description};
use super::case::{Case, cases};
use super::finding::{Report, Verdict};
use super::kernel::Kernel;
use super::outcome::{Breakage, Outcome};
use super::outside::Outside;
use super::report::{Style, terminal};
use super::run::{Options, audit};
use crate::number::Tensor;
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

    fn reaches(&self, ask: &Ask) -> Result<(), Outside> {
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

/// The example of the page is run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/rust.md")]
struct Page;
