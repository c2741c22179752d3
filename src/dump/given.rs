//! What came of one request of any operation, every tensor by its name in the contract, judged.
//!
//! `ropewalk judge --operation` and the Python package (`assert_chain`, `assert_attention`) are two
//! doors to it. Everything is answered exactly, so it is for some ten thousand numbers, not millions.

use super::failure::Failure;
use crate::audit::{
    Accepts, Answered, Ask, Case, Description, Mark, Marked, Misfit, Options, Outcome, Places,
    Report, Tolerances, Truth, Verdict, fits, judge, judge_all,
};
use crate::encoding::Question;
use crate::exact;
use crate::number::{Format, Tensor};
use crate::profile;
use crate::request::Request;
use crate::vector::{Expected, Tensors};
use std::collections::BTreeSet;

/// A request with its right answer, and what a kernel made of it.
///
/// ```
/// use ropewalk::{audit::{Options, Verdict}, dump::Given, number::{Dtype, Tensor}, request::Request};
/// let line = r#"{"cmd":"run","id":"a","operation":"alibi_slopes","dtype":"f32",
///                "config":{"num_heads":2,"slopes":"code"},"input":{}}"#;
/// let slopes = Tensor::new(Dtype::F32, vec![2], vec![0x3d800000, 0x3b800000]).unwrap();
/// let outputs = vec![("slopes".to_string(), slopes)];
/// let given = Given::new(Request::parse(line).unwrap(), outputs, false).unwrap();
/// assert!(given.fits().is_ok());
/// let report = given.judge(&Options { twice: false, ..Options::default() });
/// assert_eq!(report.verdict, Verdict::Conforms);
/// ```
pub struct Given {
    case: Case,
    outputs: Vec<(String, Tensor)>,
}

/// What was said of the elements of one output.
#[derive(Clone, Debug, PartialEq)]
pub struct Sorted {
    /// The output's name.
    pub output: String,
    /// How many elements it has.
    pub elements: usize,
    /// Those that say something of a kernel: a bound or a rule judges them, and not because a NaN or
    /// an infinity went in.
    pub telling: usize,
    /// Those that are wrong.
    pub wrong: usize,
    /// The axes of the output but its last one, if that counts coordinates: name, length, and the
    /// indices at which something is wrong, in order.
    pub axes: Vec<(&'static str, usize, Vec<usize>)>,
    /// The index on these axes of the first row with a wrong element; empty if none is wrong.
    pub first: Vec<usize>,
}

impl Given {
    /// Checks every rule of a request and answers it. `partial`: outputs that are not there are not
    /// missed.
    ///
    /// # Errors
    /// The rule that the request breaks, or an element that no precision decides.
    pub fn new(
        request: Request,
        outputs: Vec<(String, Tensor)>,
        partial: bool,
    ) -> Result<Given, Failure> {
        let question = Question::new(&request)?;
        let answer = exact::answer(&question)?;
        let request = Request { config: question.config().clone(), ..request };
        let wanted = |name: &str| !partial || outputs.iter().any(|(own, _)| own == name);
        let (mut expected, mut residual) = (Vec::new(), Vec::new());
        for named in answer.tensors.into_iter().filter(|named| wanted(named.name)) {
            residual.extend(named.residual.map(|tensor| (named.name.to_string(), tensor)));
            expected.push((named.name.to_string(), named.expected));
        }
        let comment = format!("what was given of {}", request.operation.name());
        let truth = Truth {
            expected: Expected::Tensors(Tensors(expected)),
            residual: (!residual.is_empty()).then_some(Tensors(residual)),
        };
        let (group, flags) = ("given".to_string(), vec![]);
        let case = Case { ask: Ask::new(request), truth, group, basic: false, comment, flags };
        Ok(Given { case, outputs })
    }

    /// Whether the outputs have the names, shapes and dtypes of the right ones.
    ///
    /// # Errors
    /// The first that does not.
    pub fn fits(&self) -> Result<(), Misfit> {
        self.case.truth.expected.tensors().map_or(Ok(()), |right| fits(right, &self.outputs))
    }

    /// Judges every element. Where an output has none that tells anything, the verdict is no better
    /// than unjudged.
    pub fn judge(&self, options: &Options) -> Report {
        let outcome = Ok(Outcome::Output(self.outputs.clone()));
        let answered = Answered { case: 0, outcome, fickle: false, broke: None };
        let cases = std::slice::from_ref(&self.case);
        let mut report = judge_all(cases, &[answered], Description::named("files"), options);
        if report.verdict == Verdict::Conforms && self.may_be_silent(&report) {
            for one in self.sorted(&report) {
                if one.telling == 0 && one.elements > 0 {
                    report.verdict = Verdict::Unjudged;
                    report.complaints.push(format!("nothing of {} can be judged", one.output));
                }
            }
        }
        report
    }

    /// Whether some element is judged by no bound, or has no value.
    fn may_be_silent(&self, report: &Report) -> bool {
        let residuals = self.case.truth.residual.iter().flat_map(|tensors| &tensors.0);
        let mut bits = residuals.flat_map(|(_, tensor)| tensor.data());
        report.cases.iter().any(|case| case.unjudged > 0)
            || bits.any(|&bits| Format::F16.is_nan(bits))
    }

    /// What the profile of a report says of every output.
    pub fn sorted(&self, report: &Report) -> Vec<Sorted> {
        let profile = report.cases.first().and_then(|case| profile::find(case.profile?));
        let (Ok(question), Some(expected)) =
            (self.case.ask.question(), self.case.truth.expected.tensors())
        else {
            return vec![];
        };
        let own: Vec<_> = profile.into_iter().copied().collect();
        let tolerances = Tolerances::new(question, &own);
        let judged = judge(&self.case, question, expected, &self.outputs, &tolerances);
        let places = Places::new(question);
        let outputs = judged.map_or(vec![], |judged| judged.outputs);
        let one = |output| sorted(&places, expected, output);
        outputs.into_iter().filter_map(one).collect()
    }
}

fn sorted(places: &Places, expected: &Tensors, output: Marked) -> Option<Sorted> {
    let Marked { name, rules, marks } = output;
    let (shape, marks) = (expected.get(&name)?.shape(), marks.first()?);
    let silent = |rule: &Accepts| {
        use Accepts::{Anything, CopyOrNonfinite, Nonfinite, ScaledOrNonfinite};
        matches!(rule, Anything | CopyOrNonfinite | Nonfinite | ScaledOrNonfinite)
    };
    let told = |(mark, rule): &(&Mark, &Accepts)| **mark != Mark::Open && !silent(rule);
    let telling = marks.iter().zip(&rules).filter(told).count();
    let is_wrong = |(flat, mark): (usize, &Mark)| (*mark == Mark::Wrong).then_some(flat);
    let wrong: Vec<usize> = marks.iter().enumerate().filter_map(is_wrong).collect();
    let mut first = wrong.first().map_or(vec![], |&flat| index(flat, shape));
    let named = places.at(&name, &vec![0; shape.len()]).axes;
    let names: Vec<&str> =
        named.into_iter().map(|(axis, _)| axis).filter(|axis| *axis != "coordinate").collect();
    first.truncate(names.len());
    let mut sets = vec![BTreeSet::new(); names.len()];
    for &flat in &wrong {
        sets.iter_mut().zip(index(flat, shape)).for_each(|(set, i)| _ = set.insert(i));
    }
    let lengths = names.iter().zip(shape).zip(sets);
    let axes = lengths.map(|((axis, length), set)| (*axis, *length, set.into_iter().collect()));
    let (axes, elements, wrong) = (axes.collect(), marks.len(), wrong.len());
    Some(Sorted { output: name, elements, telling, wrong, axes, first })
}

/// Indices of a flat place, outermost first.
fn index(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (slot, &length) in index.iter_mut().zip(shape).rev() {
        *slot = flat % length.max(1);
        flat /= length.max(1);
    }
    index
}
