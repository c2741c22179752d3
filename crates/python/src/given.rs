//! One request of any operation: answered, or judged with what a kernel made of it.

use crate::config::object;
use crate::failure::{failed, misfit, value};
use crate::judged::profile;
use crate::report::Report;
use crate::tensors::{Foreign, Packed, dtype, packed};
use crate::work::work;
use pyo3::prelude::*;
use ropewalk::audit::{Options, Verdict};
use ropewalk::dump::{Failure, Given, Sorted};
use ropewalk::encoding::Question;
use ropewalk::exact;
use ropewalk::number::Tensor;
use ropewalk::request::{Input, Object, Operation, Request, tensor_json};

/// Output; elements: all, telling, wrong; axes (name, length, wrong indices); first wrong row.
type Where = (String, [usize; 3], Vec<(&'static str, usize, Vec<usize>)>, Vec<usize>);

/// What is asked, as `_given.Asked` has it.
#[derive(FromPyObject)]
pub struct Asked {
    operation: String,
    dtype: String,
    /// JSON.
    config: String,
    tensors: Vec<(String, Foreign)>,
    /// The inputs that are no tensors, JSON.
    others: String,
}

impl Asked {
    /// As the contract has it; the tensors' memory is let go.
    fn request(self, py: Python<'_>) -> PyResult<Request> {
        let operation =
            Operation::from_name(&self.operation).map_err(|reject| value(reject.text))?;
        let (config, dtype) = (object(&self.config)?, dtype(&self.dtype)?);
        let mut input: Object = object(&self.others)?;
        for (name, tensor) in owned(py, self.tensors)? {
            input.set(&name, tensor_json(&tensor));
        }
        Ok(Request { id: "given".into(), operation, dtype, config, input: Input::new(input) })
    }
}

/// Tensors of the library, by name.
fn owned(py: Python<'_>, named: Vec<(String, Foreign)>) -> PyResult<Vec<(String, Tensor)>> {
    let copied = named.into_iter().map(|(name, foreign)| {
        let tensor = foreign.tensor(&name)?;
        foreign.release(py);
        Ok((name, tensor))
    });
    copied.collect()
}

/// The right outputs of a request, every element correctly rounded: name, dtype, shape, bytes.
#[pyfunction]
pub fn answer_given(py: Python<'_>, asked: Asked) -> PyResult<Vec<(String, Packed<'_>)>> {
    let request = asked.request(py)?;
    let answer = work(py, move || -> Result<exact::Answer, Failure> {
        Ok(exact::answer(&Question::new(&request)?)?)
    })?;
    let named = answer.map_err(failed)?.tensors;
    Ok(named.iter().map(|one| (one.name.to_string(), packed(py, &one.expected))).collect())
}

/// Judges outputs by name. `partial`: what is not given is not missed. The report, and unless all
/// is right what was said of each output.
#[pyfunction]
#[pyo3(signature = (asked, outputs, partial, by))]
pub fn judge_given(
    py: Python<'_>,
    asked: Asked,
    outputs: Vec<(String, Foreign)>,
    partial: bool,
    by: Option<&str>,
) -> PyResult<(Report, Vec<Where>)> {
    let (request, named) = (asked.request(py)?, owned(py, outputs)?);
    let profile = profile(by)?;
    let judged = work(py, move || -> Result<_, Failure> {
        let given = Given::new(request, named, partial)?;
        if let Err(misfit) = given.fits() {
            return Ok(Err(misfit));
        }
        let options = Options {
            door: "Python".into(),
            profile,
            twice: false,
            sight: false,
            ..Options::default()
        };
        let report = given.judge(&options);
        let sorted =
            if report.verdict == Verdict::Conforms { vec![] } else { given.sorted(&report) };
        Ok(Ok((report, sorted)))
    })?;
    let (report, sorted) = judged.map_err(failed)?.map_err(misfit)?;
    let place =
        |one: Sorted| (one.output, [one.elements, one.telling, one.wrong], one.axes, one.first);
    Ok((Report(report), sorted.into_iter().map(place).collect()))
}
