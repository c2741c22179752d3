//! Tensors that a kernel has made, judged.

use crate::answers::{direction, position, question};
use crate::config::object;
use crate::failure::{failed, value};
use crate::report::Report;
use crate::tensors::{Foreign, Positions};
use crate::work::work;
use pyo3::prelude::*;
use rayon::prelude::*;
use ropewalk::audit::{
    Answered, Ask, Case, Description, Options, Outcome, Truth, Verdict, judge_all, right_profiles,
};
use ropewalk::dump::{Failure, Judged, Rotated};
use ropewalk::exact::bulk;
use ropewalk::number::Tensor;
use ropewalk::profile::{NAMED, Profile};
use ropewalk::request::{Json, Object, Operation, Request, run_request};
use ropewalk::vector::{Expected, Tensors};
use std::collections::BTreeSet;

/// A profile by its name.
pub fn profile(name: Option<&str>) -> PyResult<Option<Profile>> {
    let Some(name) = name else { return Ok(None) };
    let found = NAMED.iter().find(|profile| profile.name == name).copied();
    found.map(Some).ok_or_else(|| {
        value(format!("profile is {name:?}, `ropewalk list profiles` lists what is allowed"))
    })
}

/// Text for people, JSON for programs, the report that explains it, the indices of batches, heads and
/// tokens that have wrong rows, and some of these rows with the position by which each was really
/// turned.
type Said = (String, String, Option<Report>, [Vec<usize>; 3], Vec<(Vec<usize>, Option<i64>)>);

/// Judges a rotated tensor; none if all of it is right.
#[pyfunction]
#[pyo3(signature = (names, before, after, positions, config, seq_len, axes, turned, by))]
#[allow(clippy::too_many_arguments)]
pub fn judge_rotated(
    py: Python<'_>,
    names: [String; 2],
    before: Foreign,
    after: Foreign,
    positions: Positions,
    config: &str,
    seq_len: Option<i64>,
    axes: Option<String>,
    turned: &str,
    by: Option<&str>,
) -> PyResult<Option<Said>> {
    let rotated = Rotated {
        before: before.raw(&names[0])?,
        after: after.raw(&names[1])?,
        names,
        config: object(config)?,
        seq_len,
        direction: direction(turned)?,
        axes,
        places: positions.places()?,
        profile: profile(by)?,
    };
    let (said, before, after) =
        work(py, move || (rotated.wrong().map(|found| found.map(said)), before, after))?;
    before.release(py);
    after.release(py);
    said.map_err(failed)
}

fn said(judged: Judged) -> Said {
    let mut places = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
    for &row in &judged.large.rows {
        let split = judged.dump.geometry.split(row);
        places.iter_mut().zip(split).for_each(|(list, index)| _ = list.insert(index));
    }
    let places = places.map(|list| list.into_iter().collect());
    let rows = judged.wrong_rows(ROWS);
    (judged.text(), judged.json(), judged.report.map(Report), places, rows)
}

/// Rows of which it is said by which position they were really turned.
const ROWS: usize = 4096;

/// Rows of a table that are judged together.
const BLOCK: usize = 1024;

/// Judges tables or frequencies: named outputs of an operation. The verdict, and the report.
#[pyfunction]
#[pyo3(signature = (operation, outputs, positions, config, seq_len, by))]
pub fn judge_outputs(
    py: Python<'_>,
    operation: &str,
    outputs: Vec<(String, Foreign)>,
    positions: Option<Positions>,
    config: &str,
    seq_len: Option<i64>,
    by: Option<&str>,
) -> PyResult<Report> {
    let operation = Operation::from_name(operation).map_err(|reject| value(reject.text))?;
    let tensors = outputs
        .iter()
        .map(|(name, foreign)| Ok((name.clone(), foreign.tensor(name)?)))
        .collect::<PyResult<Vec<_>>>()?;
    let named = Outputs {
        operation,
        tensors,
        places: positions.map(Positions::places).transpose()?,
        config: object(config)?,
        seq_len,
        by: profile(by)?,
    };
    let report = work(py, move || named.judge())?;
    outputs.into_iter().for_each(|(_, foreign)| foreign.release(py));
    report.map(Report).map_err(failed)
}

struct Outputs {
    operation: Operation,
    tensors: Vec<(String, Tensor)>,
    places: Option<ropewalk::dump::Places>,
    config: Object,
    seq_len: Option<i64>,
    by: Option<Profile>,
}

impl Outputs {
    fn judge(&self) -> Result<ropewalk::audit::Report, Failure> {
        let Some((name, first)) = self.tensors.first() else {
            return Err("nothing is there to judge".to_string().into());
        };
        if let Some((other, tensor)) = self.tensors.iter().find(|(_, t)| t.dtype() != first.dtype())
        {
            let (dtype, own) = (first.dtype(), tensor.dtype());
            return Err(
                format!("{name} is {dtype} and {other} is {own}: one format is allowed").into()
            );
        }
        let blocks: Vec<(usize, usize)> = match &self.places {
            None => vec![(0, 0)],
            Some(places) => (0..places.len())
                .step_by(BLOCK)
                .map(|first| (first, BLOCK.min(places.len() - first)))
                .collect(),
        };
        if blocks.is_empty() {
            return Err("nothing is there to judge: there are no positions".to_string().into());
        }
        // One profile has to explain all of them: the first that does.
        let profiles = match self.by {
            Some(profile) => vec![profile],
            None => right_profiles(first.dtype()),
        };
        let mut fit = None;
        for profile in &profiles {
            let reports = self.some(&blocks, Some(*profile), false)?;
            if reports.iter().all(|report| report.verdict == Verdict::Conforms) {
                return Ok(joined(reports));
            }
            let wrong =
                |r: &ropewalk::audit::Report| r.cases.iter().map(|c| c.wrong).sum::<usize>();
            let total: usize = reports.iter().map(wrong).sum();
            if fit.as_ref().is_none_or(|(least, _)| total < *least) {
                fit = Some((total, reports));
            }
        }
        let Some((_, reports)) = fit else {
            return Err(format!("no profile is right for {}", first.dtype()).into());
        };
        // Some of the worst blocks say why.
        let mut bad: Vec<(usize, usize)> = blocks
            .iter()
            .zip(&reports)
            .filter(|(_, report)| report.verdict != Verdict::Conforms)
            .map(|(block, _)| *block)
            .collect();
        if bad.is_empty() {
            return Ok(joined(reports));
        }
        bad.truncate(1);
        let few: Vec<(usize, usize)> = bad.iter().map(|&(at, count)| (at, count.min(64))).collect();
        let mut whole = joined(reports);
        for one in
            self.some(&few, self.by, true)?.into_iter().chain(self.some(&bad, self.by, true)?)
        {
            if !one.diagnoses.is_empty() || !one.clues.is_empty() {
                (whole.diagnoses, whole.clues, whole.fitted) =
                    (one.diagnoses, one.clues, one.fitted);
                break;
            }
        }
        Ok(whole)
    }

    /// A report for every block of rows.
    fn some(
        &self,
        blocks: &[(usize, usize)],
        by: Option<Profile>,
        diagnose: bool,
    ) -> Result<Vec<ropewalk::audit::Report>, Failure> {
        blocks.par_iter().map(|&(first, count)| self.block(first, count, by, diagnose)).collect()
    }

    fn block(
        &self,
        first: usize,
        count: usize,
        by: Option<Profile>,
        diagnose: bool,
    ) -> Result<ropewalk::audit::Report, Failure> {
        let dtype = self.tensors[0].1.dtype();
        let mut input = Object::default();
        if let Some(places) = &self.places {
            let axes = ropewalk::encoding::RopeConfig::new(&self.config)?.axes().max(1);
            let list = |axis: usize| {
                Json::Array(
                    (first..first + count).map(|row| position(places.at(row, axis))).collect(),
                )
            };
            let positions = match axes {
                1 => list(0),
                axes => Json::Array((0..axes).map(list).collect()),
            };
            input.set("positions", positions);
        }
        let question = question(self.operation, dtype, &self.config, input.clone(), self.seq_len)?;
        if let Some(length) = self.seq_len {
            input.set("seq_len", Json::from(length));
        }
        let request = run_request(self.operation, dtype, "python", question.config(), &input);
        let answer = bulk::answer(&question)?;
        let named =
            self.tensors.iter().map(|(name, tensor)| (name.clone(), rows(tensor, first, count)));
        let output: Vec<(String, Tensor)> = named.collect();
        // Who has the frequencies has not always the factors.
        let wanted = |name: &str| output.iter().any(|(own, _)| own == name);
        let (mut expected, mut residual) = (vec![], vec![]);
        for named in answer.tensors.into_iter().filter(|named| wanted(named.name)) {
            expected.push((named.name.to_string(), named.expected));
            residual.extend(named.residual.map(|tensor| (named.name.to_string(), tensor)));
        }
        let case = Case {
            ask: Ask::new(Request::from_json(&request)?),
            truth: Truth {
                expected: Expected::Tensors(Tensors(expected)),
                residual: Some(Tensors(residual)),
            },
            group: "tensors".into(),
            basic: false,
            comment: String::new(),
            flags: vec![],
        };
        let outcome = Ok(Outcome::Output(output));
        let answered = Answered { case: 0, outcome, fickle: false, broke: None };
        let options = Options {
            door: "Python".into(),
            profile: by,
            twice: false,
            diagnose,
            ..Options::default()
        };
        let mut report = judge_all(&[case], &[answered], Description::named("tensors"), &options);
        for worst in report.cases.iter_mut().filter_map(|case| case.worst.as_mut()) {
            if let (Some(_), Some(row)) = (&self.places, worst.index.first_mut()) {
                *row += first;
            }
        }
        Ok(report)
    }
}

/// Some rows of a table; all of what has no rows.
fn rows(tensor: &Tensor, first: usize, count: usize) -> Tensor {
    let (&[rows, width], true) = (tensor.shape(), count > 0) else { return tensor.clone() };
    let data = tensor.data()[first * width..(first + count).min(rows) * width].to_vec();
    Tensor::new(tensor.dtype(), vec![count, width], data).unwrap_or_else(|_| tensor.clone())
}

/// One report of all blocks: the first, with the cases of all.
fn joined(reports: Vec<ropewalk::audit::Report>) -> ropewalk::audit::Report {
    let mut reports = reports.into_iter();
    let Some(mut all) = reports.next() else {
        return judge_all(&[], &[], Description::named("tensors"), &Options::default());
    };
    let rank = |verdict: Verdict| match verdict {
        Verdict::Conforms => 0,
        Verdict::Unjudged => 1,
        Verdict::AdapterFault => 2,
        Verdict::Lenient => 3,
        Verdict::Diverges => 4,
    };
    for one in reports {
        // Where a block cannot be judged, others may: unjudged is what has nothing judged at all.
        all.verdict = match (all.verdict, one.verdict) {
            (Verdict::Unjudged, Verdict::Conforms) | (Verdict::Conforms, Verdict::Unjudged) => {
                Verdict::Conforms
            }
            (a, b) if rank(b) > rank(a) => b,
            (a, _) => a,
        };
        all.cases.extend(one.cases);
        all.sections.extend(one.sections);
    }
    all
}
