//! Dumps of what a rotation is made of: tables of cos and sin, and frequencies.

use super::args::Args;
use super::out::{colour, say};
use super::tokens;
use crate::write::rejected;
use crate::{CliError, tensors};
use ropewalk::audit::{
    Answered, Ask, Case, Description, Options, Outcome, Report, Truth, clean, judge_all, ulp, value,
};
use ropewalk::dump::{Geometry, Raw, causes, word};
use ropewalk::encoding::{Pair, Rope, RopeConfig};
use ropewalk::exact;
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::{Json, Object, Operation, Position, Reject, Request, run_request};
use ropewalk::vector::{Expected, Tensors};
use serde_json::json;
use std::fmt::Write;
use std::process::ExitCode;

/// Elements of a case.
const BLOCK: usize = 1 << 16;

/// Where the elements of a case stand in the dump.
struct Origin {
    file: String,
    /// Of each row of the case.
    rows: Vec<usize>,
    /// Of each column, by name of the output.
    columns: Vec<(&'static str, Vec<usize>)>,
}

/// What is asked and what was answered.
struct Dump {
    cases: Vec<Case>,
    answers: Vec<Answered>,
    origins: Vec<Origin>,
    geometry: Geometry,
    dtype: Dtype,
}

/// Runs the verb on a table or on frequencies.
pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let config = args.source.object()?;
    let checked = RopeConfig::new(&config)
        .and_then(|checked| Ok((checked.rope(args.seq_len)?, checked.normalised().clone())));
    let (rope, config) = match checked {
        Ok(checked) => checked,
        Err(reject) => return Ok(rejected(&reject)),
    };
    let dump = match &args.inv_freq {
        Some(file) => frequencies(args, file, &rope, &config)?,
        None => table(args, &rope, &config)?,
    };
    let dump = match dump {
        Ok(dump) => dump,
        Err(reject) => return Ok(rejected(&reject)),
    };
    let options = Options {
        door: "a dump".into(),
        profile: args.profile.copied(),
        twice: false,
        ..Options::default()
    };
    let report = judge_all(&dump.cases, &dump.answers, Description::named("dump"), &options);
    let text = if args.json { in_json(&dump, &report) } else { in_words(args, &dump, &report) };
    say(args, report.verdict, &text)
}

/// A tensor of numbers that are no integers.
fn floats(name: &str) -> Result<Raw<'static>, CliError> {
    let raw = tensors::raw(name)?;
    match raw.dtype.format() {
        Some(_) => Ok(raw),
        None => Err(CliError::Usage(format!(
            "{name} is {}, allowed are f64, f32, bf16, f16",
            raw.dtype
        ))),
    }
}

/// A case with its right answer, of which only some outputs were dumped.
fn case(request: Request, names: &[&str]) -> Result<Result<Case, Reject>, CliError> {
    let ask = Ask::new(request);
    let question = match ask.question() {
        Ok(question) => question,
        Err(reject) => return Ok(Err(reject.clone())),
    };
    let answer =
        exact::answer(question).map_err(|undecided| CliError::Usage(undecided.to_string()))?;
    let (mut expected, mut residuals) = (Vec::new(), Vec::new());
    for named in answer.tensors.into_iter().filter(|named| names.contains(&named.name)) {
        residuals.extend(named.residual.map(|residual| (named.name.to_string(), residual)));
        expected.push((named.name.to_string(), named.expected));
    }
    let expected = Expected::Tensors(Tensors(expected));
    let truth = Truth { expected, residual: Some(Tensors(residuals)) };
    let (group, comment) = ("dump".to_string(), String::new());
    Ok(Ok(Case { ask, truth, group, basic: false, comment, flags: vec![] }))
}

fn request(
    operation: Operation,
    dtype: Dtype,
    config: &Object,
    input: &Object,
) -> Result<Request, CliError> {
    Request::from_json(&run_request(operation, dtype, "dump", config, input))
        .map_err(|reject| CliError::Usage(reject.to_string()))
}

fn answered(case: usize, output: Vec<(String, Tensor)>) -> Answered {
    Answered { case, outcome: Ok(Outcome::Output(output)), fickle: false, broke: None }
}

fn tensor(dtype: Dtype, shape: Vec<usize>, bits: Vec<u64>) -> Result<Tensor, CliError> {
    Tensor::new(dtype, shape, bits).map_err(|error| CliError::Usage(error.to_string()))
}

fn frequencies(
    args: &Args,
    file: &str,
    rope: &Rope,
    config: &Object,
) -> Result<Result<Dump, Reject>, CliError> {
    let raw = floats(file)?;
    let planes = rope.planes.len();
    let count: usize = raw.shape.iter().product();
    if count != planes {
        return Err(CliError::Usage(format!(
            "{file} has shape {:?}, this config has {planes} frequencies",
            raw.shape
        )));
    }
    let mut input = Object::default();
    if let Some(length) = args.seq_len {
        input.set("seq_len", Json::from(length));
    }
    let request = request(Operation::InvFreq, raw.dtype, config, &input)?;
    let case = match case(request, &["inv_freq"])? {
        Ok(case) => case,
        Err(reject) => return Ok(Err(reject)),
    };
    let mut bits = Vec::new();
    raw.append(0, planes, &mut bits);
    let output = vec![("inv_freq".to_string(), tensor(raw.dtype, vec![planes], bits)?)];
    let columns = vec![("inv_freq", (0..planes).collect())];
    let origin = Origin { file: file.to_string(), rows: vec![0], columns };
    let geometry =
        Geometry::new(Some("d"), &[planes], "d").map_err(|why| CliError::Usage(why.to_string()))?;
    let (dtype, answers) = (raw.dtype, vec![answered(0, output)]);
    Ok(Ok(Dump { cases: vec![case], answers, origins: vec![origin], geometry, dtype }))
}

/// Columns of the cosines and sines of all planes, once or twice.
fn columns(rope: &Rope, width: usize, single: bool) -> Option<Vec<[Vec<usize>; 2]>> {
    let planes = rope.planes.len();
    let plain: Vec<usize> = (0..planes).collect();
    if single {
        let sines = (planes..2 * planes).collect();
        return (width == 2 * planes).then_some(vec![[plain, sines]]);
    }
    if width == planes {
        return Some(vec![[plain.clone(), plain]]);
    }
    let pairs = rope.pairs();
    let first = pairs.iter().flat_map(|pair| [pair.re, pair.im]).min()?;
    let of = |part: fn(&Pair) -> usize| -> [Vec<usize>; 2] {
        let columns: Vec<usize> = pairs.iter().map(|pair| part(pair) - first).collect();
        [columns.clone(), columns]
    };
    (width == 2 * planes).then(|| vec![of(|pair| pair.re), of(|pair| pair.im)])
}

fn table(args: &Args, rope: &Rope, config: &Object) -> Result<Result<Dump, Reject>, CliError> {
    let files = &args.table;
    let raws = files.iter().map(|file| floats(file)).collect::<Result<Vec<_>, _>>()?;
    let single = raws.len() == 1;
    let (cos, sin) = (&raws[0], raws.last().unwrap_or(&raws[0]));
    if cos.shape != sin.shape || cos.dtype != sin.dtype {
        return Err(CliError::Usage(format!(
            "{} is {} {:?}, {} is {} {:?}: they must be alike",
            files[0],
            cos.dtype,
            cos.shape,
            files[files.len() - 1],
            sin.dtype,
            sin.shape
        )));
    }
    let usual = if cos.shape.len() == 4 { "bhsd" } else { "bsd" };
    let geometry = Geometry::new(args.axes.as_deref(), &cos.shape, usual);
    let geometry = geometry.map_err(|why| CliError::Usage(why.to_string()))?;
    let copies = columns(rope, geometry.dim, single).ok_or_else(|| {
        let planes = rope.planes.len();
        CliError::Usage(format!(
            "{} has rows of {}, a table of this config has {planes} or {}",
            files[0],
            geometry.dim,
            2 * planes
        ))
    })?;
    let places = tokens::places(&args.tokens, rope.axes.max(1), &geometry)?;
    let geometry = geometry.at(places.len()).map_err(|why| CliError::Usage(why.to_string()))?;
    let step = (BLOCK / geometry.dim.max(1)).max(1);
    let (mut cases, mut answers, mut origins) = (Vec::new(), Vec::new(), Vec::new());
    for first in (0..geometry.rows()).step_by(step) {
        let rows: Vec<usize> = (first..geometry.rows().min(first + step)).collect();
        let list = |axis: usize| {
            let position =
                |&row: &usize| Position::integer(places.at(geometry.token(row), axis)).to_json();
            Json::Array(rows.iter().map(position).collect())
        };
        let mut input = Object::default();
        input.set(
            "positions",
            match rope.axes {
                0 | 1 => list(0),
                axes => Json::Array((0..axes).map(list).collect()),
            },
        );
        if let Some(length) = args.seq_len {
            input.set("seq_len", Json::from(length));
        }
        let request = request(Operation::Table, cos.dtype, config, &input)?;
        cases.push(match case(request, &["cos", "sin"])? {
            Ok(case) => case,
            Err(reject) => return Ok(Err(reject)),
        });
        for [of_cos, of_sin] in &copies {
            let read = |raw: &Raw, columns: &[usize]| {
                let mut bits = Vec::with_capacity(rows.len() * columns.len());
                let mut whole = Vec::with_capacity(geometry.dim);
                for &row in &rows {
                    whole.clear();
                    raw.append(geometry.offset(row), geometry.dim, &mut whole);
                    bits.extend(columns.iter().map(|&column| whole[column]));
                }
                tensor(raw.dtype, vec![rows.len(), columns.len()], bits)
            };
            let output = vec![
                ("cos".to_string(), read(cos, of_cos)?),
                ("sin".to_string(), read(sin, of_sin)?),
            ];
            answers.push(answered(cases.len() - 1, output));
            origins.push(Origin {
                file: files.join(" and "),
                rows: rows.clone(),
                columns: vec![("cos", of_cos.clone()), ("sin", of_sin.clone())],
            });
        }
    }
    Ok(Ok(Dump { cases, answers, origins, geometry, dtype: cos.dtype }))
}

/// The worst of the wrong elements: its output, its place in the dump, and what is said of it.
fn worst(dump: &Dump, report: &Report) -> Option<(String, Vec<usize>, String)> {
    let size = |ulps: f64| if ulps.is_nan() { f64::INFINITY } else { ulps };
    let all = report.cases.iter().enumerate();
    let wrong = all.filter_map(|(index, case)| Some((index, case.worst.as_ref()?)));
    let (index, wrong) = wrong.max_by(|a, b| size(a.1.ulps).total_cmp(&size(b.1.ulps)))?;
    let origin = &dump.origins[index];
    let (_, columns) = origin.columns.iter().find(|(name, _)| *name == wrong.name)?;
    let (row, column) = match wrong.index[..] {
        [column] => (0, column),
        [row, column] => (row, column),
        _ => return None,
    };
    let place = dump.geometry.index(origin.rows[row], columns[column]);
    let (got, want) = (value(dump.dtype, wrong.got), value(dump.dtype, wrong.want));
    let said = format!(
        "{} {place:?}: {got}, right is {want}; {} ulp, {} allowed",
        wrong.name,
        ulp(wrong.ulps),
        ulp(wrong.allowed)
    );
    Some((wrong.name.clone(), place, said))
}

fn in_words(args: &Args, dump: &Dump, report: &Report) -> String {
    let file = dump.origins.first().map_or("", |origin| origin.file.as_str());
    let mut text = format!(
        "{}  {}: {} {:?} {}\n",
        word(report.verdict, colour(args)),
        clean(file),
        dump.geometry.letters,
        dump.geometry.shape(),
        dump.dtype
    );
    for section in &report.sections {
        let (judged, wrong) = (section.elements, section.elements_wrong);
        let total = judged + section.elements_unjudged;
        let by = format!("the derived bound of {}", section.profiles.join(", "));
        let _ = match wrong {
            0 => writeln!(text, "  all {judged} of {total} elements judged are within {by}"),
            n => writeln!(text, "  {n} of {total} elements are beyond {by}, which fits best"),
        };
    }
    if let Some((_, _, said)) = worst(dump, report) {
        let _ = writeln!(text, "  worst: {said}");
        causes(Some(report), None, colour(args), &mut text);
    }
    text
}

fn in_json(dump: &Dump, report: &Report) -> String {
    let sum =
        |of: fn(&ropewalk::audit::Section) -> usize| report.sections.iter().map(of).sum::<usize>();
    let diagnoses: Vec<_> = report
        .diagnoses
        .iter()
        .map(|d| json!({"faults": d.faults, "explains": d.explains, "summary": d.summary, "fix": d.fix}))
        .collect();
    let worst = worst(dump, report).map(|(name, index, _)| json!({"name": name, "index": index}));
    json!({
        "verdict": report.verdict.name(),
        "files": dump.origins.first().map(|origin| &origin.file),
        "shape": dump.geometry.shape(), "axes": dump.geometry.letters, "dtype": dump.dtype.name(),
        "profiles": report.sections.iter().flat_map(|s| &s.profiles).collect::<Vec<_>>(),
        "judged": sum(|s| s.elements), "unjudged": sum(|s| s.elements_unjudged),
        "wrong": sum(|s| s.elements_wrong), "worst_wrong": worst,
        "diagnoses": diagnoses, "clues": report.clues,
    })
    .to_string()
}
