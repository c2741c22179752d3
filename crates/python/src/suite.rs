//! The questions for a kernel: asked one by one, or all in an audit.

use crate::config::object;
use crate::failure::value;
use crate::kernel::{Question, Remote, Reply, asked, outcome, put};
use crate::report::Report;
use crate::work::{drive, work};
use pyo3::exceptions::{PyIndexError, PyRuntimeError};
use pyo3::prelude::*;
use ropewalk::audit::{self, Answered, Case, Description, Options, Outcome};
use ropewalk::generate::{self, FilePlan, GroupPlan};
use ropewalk::number::Dtype;
use ropewalk::request::Json;
use std::sync::{Arc, Mutex};

/// The questions that a description covers.
#[pyclass(frozen, module = "ropewalk._native")]
pub struct Suite {
    description: Description,
    tests: Vec<One>,
    /// Made when it is asked.
    cases: Mutex<Vec<Option<Arc<Case>>>>,
}

/// One test: the plan of a file that has nothing else.
struct One {
    id: String,
    plan: FilePlan,
}

/// A description as an adapter of the protocol gives it.
fn description(json: &str) -> PyResult<Description> {
    let json: Json = serde_json::from_str(json).map_err(value)?;
    Description::parse(&json).map_err(value)
}

#[pymethods]
impl Suite {
    /// For a config (JSON) or for everything that is known, within a description (the reply to
    /// `start`, JSON), in the formats and operations that it claims.
    #[new]
    #[pyo3(signature = (description, config=None))]
    fn new(py: Python<'_>, description: &str, config: Option<&str>) -> PyResult<Suite> {
        let description = self::description(description)?;
        let config = config.map(object).transpose()?;
        work(py, move || -> Result<Suite, String> {
            let plans = match &config {
                Some(config) => generate::plans_for(config).map_err(|reject| reject.to_string())?,
                None => generate::plans(),
            };
            let own = config.is_some();
            let tests: Vec<One> = plans
                .iter()
                .filter(|file| claims(&description, |c| c.operations.contains(&file.operation)))
                .flat_map(|file| file.groups.iter().map(move |group| (file, group)))
                .filter(|(_, group)| claims(&description, |c| touches(c, group.dtype)))
                .flat_map(|(file, group)| singles(file, group))
                .filter(|one| covered(&description, one))
                .collect();
            let cases = Mutex::new(vec![None; tests.len()]);
            match tests.is_empty() {
                true if own => Err("no question about this config is claimed".into()),
                true => Err("no question is claimed".into()),
                false => Ok(Suite { description, tests, cases }),
            }
        })?
        .map_err(value)
    }

    /// The ids, in order.
    fn ids(&self) -> Vec<String> {
        self.tests.iter().map(|one| one.id.clone()).collect()
    }

    /// What a test is about, in a line, and its flags.
    fn about(&self, index: usize) -> PyResult<(String, Vec<&'static str>)> {
        let test = &self.one(index)?.plan.groups[0].tests[0];
        Ok((test.comment.clone(), test.flags.clone()))
    }

    /// A question.
    fn ask<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Question<'py>> {
        let case = self.case(index)?;
        asked(py, &case.ask).map_err(|outcome| match outcome {
            Outcome::Unsupported(why) => pyo3::exceptions::PyNotImplementedError::new_err(why),
            other => value(format!("{other:?}")),
        })
    }

    /// Judges answers by index. `causes`: looks for what explains what is wrong.
    fn judge(
        &self,
        py: Python<'_>,
        replies: Vec<(usize, Reply)>,
        causes: bool,
    ) -> PyResult<Report> {
        let (mut cases, mut answers) = (Vec::new(), Vec::new());
        for (index, reply) in replies {
            let outcome = Ok(outcome(py, reply));
            answers.push(Answered { case: cases.len(), outcome, fickle: false, broke: None });
            cases.push(Case::clone(&*self.case(index)?));
        }
        let description = self.description.clone();
        let report = work(py, move || {
            let options = Options { diagnose: causes, ..options() };
            audit::judge_all(&cases, &answers, description, &options)
        })?;
        Ok(Report(report))
    }

    /// Asks everything, and judges.
    fn audit(&self, py: Python<'_>, function: &Bound<'_, PyAny>, twice: bool) -> PyResult<Report> {
        let plans: Vec<FilePlan> = self.tests.iter().map(|one| one.plan.clone()).collect();
        let description = self.description.clone();
        let answer = |ask| put(py, function, &ask);
        let audited = drive(py, answer, move |line| -> Result<audit::Report, String> {
            let made = generate::generate(&plans, &|| ()).map_err(|e| e.to_string())?;
            let cases: Vec<Case> = made.iter().flat_map(whole).collect();
            let mut kernel = Remote::new(description, line);
            let options = Options { twice, ..options() };
            Ok(audit::audit(&mut kernel, &cases, &options).report)
        })?;
        audited.map(Report).map_err(PyRuntimeError::new_err)
    }
}

impl Suite {
    fn one(&self, index: usize) -> PyResult<&One> {
        self.tests.get(index).ok_or_else(|| PyIndexError::new_err(format!("no test {index}")))
    }

    fn case(&self, index: usize) -> PyResult<Arc<Case>> {
        let one = self.one(index)?;
        let failed = |why: String| PyRuntimeError::new_err(why);
        let mut cases = self.cases.lock().map_err(|e| failed(e.to_string()))?;
        if let Some(case) = &cases[index] {
            return Ok(case.clone());
        }
        let made = generate::generate(std::slice::from_ref(&one.plan), &|| ());
        let made = made.map_err(|e| failed(e.to_string()))?;
        let case = made.iter().flat_map(whole).next();
        let case = Arc::new(case.ok_or_else(|| failed(format!("{} is no test", one.id)))?);
        cases[index] = Some(case.clone());
        Ok(case)
    }
}

fn options() -> Options<'static> {
    Options { door: "Python".into(), twice: false, ..Options::default() }
}

/// The cases of a golden file. One about a config of the caller's has all tests in one group, of
/// which the simplest is the set-up's.
fn whole(made: &generate::Generated) -> Vec<Case> {
    let mut cases = audit::cases(&made.path, &made.golden);
    if made.path.starts_with("own/") {
        cases.iter_mut().for_each(|case| case.basic = case.ask.id.ends_with("-origin"));
    }
    cases
}

fn claims(description: &Description, test: impl Fn(&audit::Capability) -> bool) -> bool {
    description.capabilities.iter().any(test)
}

fn touches(capability: &audit::Capability, dtype: Dtype) -> bool {
    let mixed = capability.mixed.iter().any(|(_, to)| *to == dtype);
    mixed || capability.dtypes.contains(&dtype) || dtype.format().is_none()
}

/// The tests of a group that are to be answered, each in a plan of its own.
fn singles(file: &FilePlan, group: &GroupPlan) -> Vec<One> {
    let sound = group.tests.iter().filter(|test| test.refused.is_none());
    sound
        .map(|test| {
            let group = GroupPlan { tests: vec![test.clone()], ..group.clone() };
            let id = file.id(&group, test);
            One { id, plan: FilePlan { groups: vec![group], ..file.clone() } }
        })
        .collect()
}

fn covered(description: &Description, one: &One) -> bool {
    let (group, id) = (&one.plan.groups[0], one.id.as_str());
    let input = &group.tests[0].input;
    let request =
        ropewalk::request::run_request(one.plan.operation, group.dtype, id, &group.config, input);
    let request = ropewalk::request::Request::from_json(&request);
    request.is_ok_and(|request| description.covers(&audit::Ask::new(request)).is_ok())
}

/// Finds out what a function computes: JSON, as `ropewalk identify --json` has it.
#[pyfunction]
#[pyo3(signature = (function, description, config=None, dtype=None))]
pub fn identify(
    py: Python<'_>,
    function: &Bound<'_, PyAny>,
    description: &str,
    config: Option<&str>,
    dtype: Option<&str>,
) -> PyResult<String> {
    let description = self::description(description)?;
    let config = config.map(object).transpose()?;
    let dtype = dtype.map(crate::tensors::dtype).transpose()?;
    let answer = |ask| put(py, function, &ask);
    let found = drive(py, answer, move |line| {
        let mut kernel = Remote::new(description, line);
        let found = audit::identify(&mut kernel, config.as_ref(), dtype)?;
        Ok(ropewalk_cli::identified_json(&found).to_string())
    })?;
    found.map_err(|why: String| value(why))
}
