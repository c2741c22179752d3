//! The questions for a kernel: asked one by one, or all in an audit.

use crate::config::object;
use crate::failure::value;
use crate::kernel::{Question, Remote, Reply, asked, outcome, put};
use crate::report::Report;
use crate::work::{drive, work};
use pyo3::exceptions::{PyIndexError, PyRuntimeError};
use pyo3::prelude::*;
use ropewalk::audit::{self, Answered, Ask, Case, Description, Inquiry, Options, Outcome};
use ropewalk::generate::fresh::{self, Fresh, Own};
use ropewalk::generate::{self, FilePlan, GroupPlan};
use ropewalk::number::Dtype;
use ropewalk::request::{Json, Object, Request, run_request};
use ropewalk::vector::Golden;
use ropewalk_cli::{drawn_note, drawn_within, identified_json, identified_lines, proven};
use std::sync::{Arc, Mutex};

/// The questions that a description covers: those that stand in files, and those that are drawn.
#[pyclass(frozen, module = "ropewalk._native")]
pub struct Suite {
    description: Description,
    tests: Vec<One>,
    drawn: audit::Drawn,
    /// The options with which `ropewalk explain` finds the questions.
    words: String,
    /// Made when it is asked.
    cases: Mutex<Vec<Option<Arc<Case>>>>,
}

/// One test.
struct One {
    id: String,
    origin: Origin,
}

enum Origin {
    /// The plan of a file that has nothing else.
    Planned(Box<FilePlan>),
    Drawn(Box<Fresh>),
}

/// The seed from which the program draws, too, where nobody says another.
const SEED: u64 = 0;

/// A description as an adapter of the protocol gives it.
fn description(json: &str) -> PyResult<Description> {
    let json: Json = serde_json::from_str(json).map_err(value)?;
    Description::parse(&json).map_err(value)
}

#[pymethods]
impl Suite {
    /// For a config (what `resolve` gave) or for everything that is known, within a description (the
    /// reply to `start`, JSON), in the formats and operations that it claims.
    #[new]
    #[pyo3(signature = (description, config=None))]
    fn new(py: Python<'_>, description: &str, config: Option<&str>) -> PyResult<Suite> {
        let description = self::description(description)?;
        let found = config.map(object).transpose()?;
        work(py, move || Suite::find(description, found))?.map_err(value)
    }

    /// The ids, in order.
    fn ids(&self) -> Vec<String> {
        self.tests.iter().map(|one| one.id.clone()).collect()
    }

    /// What a test is about, in a line, and its flags.
    fn about(&self, index: usize) -> PyResult<(String, Vec<&'static str>)> {
        Ok(match &self.one(index)?.origin {
            Origin::Planned(plan) => {
                let test = &plan.groups[0].tests[0];
                (test.comment.clone(), test.flags.clone())
            }
            Origin::Drawn(fresh) => (fresh.comment.clone(), fresh.flags.clone()),
        })
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
        let (description, words) = (self.description.clone(), self.words.clone());
        let report = work(py, move || {
            let options = Options { diagnose: causes, sight: causes, ..options(words) };
            audit::judge_all(&cases, &answers, description, &options)
        })?;
        Ok(Report(report))
    }

    /// Asks everything, and judges. `sight`: says which faults would have been seen, too.
    fn audit(
        &self,
        py: Python<'_>,
        function: &Bound<'_, PyAny>,
        twice: bool,
        sight: bool,
    ) -> PyResult<Report> {
        let (mut plans, mut questions) = (vec![], vec![]);
        for one in &self.tests {
            match &one.origin {
                Origin::Planned(plan) => plans.push(FilePlan::clone(plan)),
                Origin::Drawn(fresh) => questions.push(Fresh::clone(fresh)),
            }
        }
        let (description, words) = (self.description.clone(), self.words.clone());
        let drawn = self.drawn.clone();
        let answer = |ask| put(py, function, &ask);
        let audited = drive(py, answer, move |line| -> Result<audit::Report, String> {
            let mut cases = planned(&plans)?;
            cases.extend(answered(&questions)?);
            let mut kernel = Remote::new(description, line);
            let options = Options { twice, sight, ..options(words) };
            let mut report = audit::audit(&mut kernel, &cases, &options).report;
            report.drawn = Some(drawn);
            Ok(report)
        })?;
        audited.map(Report).map_err(PyRuntimeError::new_err)
    }
}

impl Suite {
    fn find(description: Description, found: Option<Object>) -> Result<Suite, String> {
        let (mut own, mut words) = (None, String::new());
        if let Some(found) = &found {
            let Some(Json::Object(config)) = found.get("config") else {
                return Err("config: it is not what resolve gave".into());
            };
            let mut mine = Own::new(config).map_err(|reject| reject.to_string())?;
            if let Some(Json::Array(heads)) = found.get("heads") {
                let count = |n: &Json| n.number().map_or(1, |n| n as usize);
                mine.heads = std::array::from_fn(|i| heads.get(i).map_or(1, count));
            }
            if let Some(Json::String(said)) = found.get("words") {
                words = said.to_string();
            }
            own = Some((mine, config));
        }
        let plans = match &own {
            Some((_, config)) => {
                generate::plans_for(config).map_err(|reject| reject.to_string())?
            }
            None => generate::plans(),
        };
        let mut tests: Vec<One> = plans
            .iter()
            .filter(|file| claims(&description, |c| c.operations.contains(&file.operation)))
            .flat_map(|file| file.groups.iter().map(move |group| (file, group)))
            .filter(|(_, group)| claims(&description, |c| touches(c, group.dtype)))
            .flat_map(|(file, group)| singles(file, group))
            .filter(|(_, plan)| covered(&description, plan))
            .map(|(id, plan)| One { id, origin: Origin::Planned(Box::new(plan)) })
            .collect();
        let own = own.as_ref().map(|(own, _)| own);
        let drawn = drawn_within(&description, own, SEED, &|_| true, &|_| Ok(()));
        let note = drawn_note(&drawn, SEED);
        tests.extend(drawn.questions.into_iter().map(|fresh| One {
            id: fresh.request.id.clone(),
            origin: Origin::Drawn(Box::new(fresh)),
        }));
        let cases = Mutex::new(vec![None; tests.len()]);
        match tests.is_empty() {
            true if own.is_some() => Err("no question about this config is claimed".into()),
            true => Err("no question is claimed".into()),
            false => Ok(Suite { description, tests, drawn: note, words, cases }),
        }
    }

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
        let made = match &one.origin {
            Origin::Planned(plan) => planned(std::slice::from_ref(plan)),
            Origin::Drawn(fresh) => answered(std::slice::from_ref(fresh)),
        };
        let case = made.map_err(failed)?.into_iter().next();
        let case = Arc::new(case.ok_or_else(|| failed(format!("{} is no test", one.id)))?);
        cases[index] = Some(case.clone());
        Ok(case)
    }
}

fn options(source: String) -> Options<'static> {
    let whole = source.is_empty();
    Options { door: "Python".into(), source, twice: false, whole, ..Options::default() }
}

/// Planned cases, answered. Those about a config of the caller's stand in one group, of which the
/// simplest is the set-up's.
fn planned(plans: &[FilePlan]) -> Result<Vec<Case>, String> {
    let made = generate::truths(plans, &|| ()).map_err(|e| e.to_string())?;
    let whole = |(path, golden): &(String, Golden)| {
        let mut cases = audit::cases(path, golden);
        if path.starts_with("own/") {
            cases.iter_mut().for_each(|case| case.basic = case.ask.id.ends_with("-origin"));
        }
        cases
    };
    Ok(made.iter().flat_map(whole).collect())
}

/// Drawn cases, answered.
fn answered(questions: &[Fresh]) -> Result<Vec<Case>, String> {
    let made = fresh::answer(questions)?;
    Ok(made.iter().flat_map(|(path, golden)| audit::cases(path, golden)).collect())
}

fn claims(description: &Description, test: impl Fn(&audit::Capability) -> bool) -> bool {
    description.capabilities.iter().any(test)
}

fn touches(capability: &audit::Capability, dtype: Dtype) -> bool {
    let mixed = capability.mixed.iter().any(|(_, to)| *to == dtype);
    mixed || capability.dtypes.contains(&dtype) || dtype.format().is_none()
}

/// The tests of a group that are to be answered, each in a plan of its own.
fn singles(file: &FilePlan, group: &GroupPlan) -> Vec<(String, FilePlan)> {
    let sound = group.tests.iter().filter(|test| test.refused.is_none());
    sound
        .map(|test| {
            let group = GroupPlan { tests: vec![test.clone()], ..group.clone() };
            let id = file.id(&group, test);
            (id, FilePlan { groups: vec![group], ..file.clone() })
        })
        .collect()
}

fn covered(description: &Description, plan: &FilePlan) -> bool {
    let group = &plan.groups[0];
    let input = &group.tests[0].input;
    let request = run_request(plan.operation, group.dtype, "", &group.config, input);
    let request = Request::from_json(&request);
    request.is_ok_and(|request| description.covers(&Ask::new(request)).is_ok())
}

/// Finds out what a function computes: JSON and text, as `ropewalk identify` has them.
#[pyfunction]
#[pyo3(signature = (function, description, config=None, dtype=None))]
pub fn identify(
    py: Python<'_>,
    function: &Bound<'_, PyAny>,
    description: &str,
    config: Option<&str>,
    dtype: Option<&str>,
) -> PyResult<(String, String)> {
    let description = self::description(description)?;
    let config = config.map(object).transpose()?;
    let dtype = dtype.map(crate::tensors::dtype).transpose()?;
    let answer = |ask| put(py, function, &ask);
    let found = drive(py, answer, move |line| {
        let mut kernel = Remote::new(description, line);
        let inquiry = Inquiry { dtype, truth: &proven, ..Inquiry::default() };
        let found = audit::identify(&mut kernel, config.as_ref(), &inquiry)?;
        Ok((identified_json(&found).to_string(), identified_lines(&found).join("\n")))
    })?;
    found.map_err(|why: String| value(why))
}
