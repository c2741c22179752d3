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

/// What is asked: operation, format, config (JSON), tensors by name, other inputs (JSON).
fn request(
    operation: &str,
    output: &str,
    config: &str,
    tensors: &[(String, Foreign)],
    others: &str,
) -> PyResult<Request> {
    let operation = Operation::from_name(operation).map_err(|reject| value(reject.text))?;
    let mut input: Object = object(others)?;
    for (name, foreign) in tensors {
        input.set(name, tensor_json(&foreign.tensor(name)?));
    }
    let (config, dtype) = (object(config)?, dtype(output)?);
    Ok(Request { id: "given".into(), operation, dtype, config, input: Input::new(input) })
}

/// The right outputs of a request, every element correctly rounded: name, dtype, shape, bytes.
#[pyfunction]
#[pyo3(signature = (operation, output, config, tensors, others))]
pub fn answer_given<'py>(
    py: Python<'py>,
    operation: &str,
    output: &str,
    config: &str,
    tensors: Vec<(String, Foreign)>,
    others: &str,
) -> PyResult<Vec<(String, Packed<'py>)>> {
    let request = request(operation, output, config, &tensors, others)?;
    tensors.into_iter().for_each(|(_, foreign)| foreign.release(py));
    let answer = work(py, move || -> Result<exact::Answer, Failure> {
        Ok(exact::answer(&Question::new(&request)?)?)
    })?;
    let named = answer.map_err(failed)?.tensors;
    Ok(named.iter().map(|one| (one.name.to_string(), packed(py, &one.expected))).collect())
}

/// Judges outputs by name. `partial`: what is not given is not missed. The report, and unless all
/// is right what was said of each output.
#[pyfunction]
#[pyo3(signature = (operation, output, config, tensors, others, outputs, partial, by))]
#[allow(clippy::too_many_arguments)]
pub fn judge_given(
    py: Python<'_>,
    operation: &str,
    output: &str,
    config: &str,
    tensors: Vec<(String, Foreign)>,
    others: &str,
    outputs: Vec<(String, Foreign)>,
    partial: bool,
    by: Option<&str>,
) -> PyResult<(Report, Vec<Where>)> {
    let request = request(operation, output, config, &tensors, others)?;
    let named = outputs.iter().map(|(name, foreign)| Ok((name.clone(), foreign.tensor(name)?)));
    let named: Vec<(String, Tensor)> = named.collect::<PyResult<_>>()?;
    tensors.into_iter().chain(outputs).for_each(|(_, foreign)| foreign.release(py));
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
