//! The process that loads a library, calls it, and tells what came of it in the protocol.

use super::abi::{About, Loaded, Which};
use super::call::Plan;
use super::how::{Failed, How};
use super::{FEATURES, MISBEHAVED};
use crate::audit::ask::Ask;
use crate::audit::probe::{Arrangement, Probe};
use crate::encoding::{Layout, spectrum};
use crate::number::{Dtype, Tensor};
use crate::request::{Json, Object, Request, tensor_json};
use std::io::{BufRead, Write};
use std::path::Path;

/// Who knows the spectrum of a question: inv_freq, correctly rounded to f64, and the factor.
pub type Frequencies<'a> = &'a dyn Fn(&Ask) -> Result<(Vec<f64>, f64), String>;

/// Why a library cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It cannot be loaded, or is none of this interface.
    #[error("{0}")]
    Load(String),
    /// The streams failed.
    #[error("{0}")]
    Stream(#[from] std::io::Error),
}

/// How often the same call is made to see whether it gives the same bits.
const REPEATS: usize = 20;
/// Calls at the same time, where that is claimed.
const THREADS: usize = 4;
/// Tokens of the call that is repeated: beyond the sizes at which kernels change their ways.
const TOKENS: usize = 1025;

/// Loads the library at `path`, whose functions' names begin with `prefix`, and answers requests
/// until `stop` or the end of the input.
///
/// # Errors
/// [`ServeError`].
pub fn serve(
    path: &Path,
    prefix: &str,
    frequencies: Frequencies,
    input: impl BufRead,
    mut output: impl Write,
) -> Result<(), ServeError> {
    let library = Loaded::new(path, prefix)
        .map_err(|why| ServeError::Load(format!("{}: {why}", path.display())))?;
    for line in input.lines() {
        let line = line?;
        let Ok(Json::Object(object)) = serde_json::from_str::<Json>(&line) else { continue };
        let reply = match object.get("cmd") {
            Some(Json::String(command)) if command == "stop" => break,
            Some(Json::String(command)) if command == "start" => start(&library),
            _ => run(&library, frequencies, Json::Object(object)),
        };
        writeln!(output, "{}", serde_json::to_string(&reply).unwrap_or_default())?;
        output.flush()?;
    }
    Ok(())
}

fn object<const N: usize>(pairs: [(&str, Json); N]) -> Json {
    Json::Object(pairs.into_iter().map(|(k, v)| (k.to_string(), v)).collect::<Object>())
}

fn start(library: &Loaded) -> Json {
    let about = &library.about;
    let words = |bits: u32, names: &[&str]| {
        let named = names.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
        Json::Array(named.map(|(_, name)| Json::from(*name)).collect())
    };
    let operations = (library.has(Which::Rotate) as u32) | (library.has(Which::Apply) as u32) << 1;
    let mut capability = vec![
        ("operations", words(operations, &["rotate", "apply"])),
        ("dtypes", words(about.dtypes, &Dtype::FLOATS.map(Dtype::name))),
        ("layouts", words(about.layouts, &Layout::ALL.map(Layout::name))),
        ("directions", words(about.directions, &["forward", "inverse", "backward"])),
        ("axes", Json::Array(vec![Json::from(1i64)])),
        ("limits", limits(about)),
    ];
    if !claims(about, "scaled") {
        capability.push(("rope_types", Json::Array(vec!["default".into()])));
    } else {
        let names = spectrum::SCHEMES.iter().map(|scheme| Json::from(scheme.rope_type()));
        capability.push(("rope_types", Json::Array(names.collect())));
    }
    let capability =
        Json::Object(capability.into_iter().map(|(k, v)| (k.to_string(), v)).collect());
    let text = |text: &str| Json::from(text);
    let kernel = object([
        ("name", text(if about.name.is_empty() { "library" } else { &about.name })),
        ("version", text(&about.version)),
        ("language", text("C interface")),
        ("homepage", text(&about.homepage)),
    ]);
    object([
        ("protocol", Json::from(1i64)),
        ("kernel", kernel),
        ("capabilities", Json::Array(vec![capability])),
        ("x_features", words(about.features, &FEATURES)),
    ])
}

fn limits(about: &About) -> Json {
    let mut limits = Object::default();
    if let Some((least, most)) = about.positions {
        limits.set("min_position", Json::from(least));
        limits.set("max_position", Json::from(most));
    }
    if about.max_head_dim > 0 {
        limits.set("max_head_dim", Json::from(i64::from(about.max_head_dim)));
    }
    Json::Object(limits)
}

fn claims(about: &About, feature: &str) -> bool {
    let bit = FEATURES.iter().position(|known| *known == feature);
    bit.is_some_and(|bit| about.features >> bit & 1 == 1)
}

fn run(library: &Loaded, frequencies: Frequencies, json: Json) -> Json {
    let request = match Request::from_json(&json) {
        Ok(request) => request,
        Err(reject) => {
            return object([("id", Json::Null), ("rejected", reject.to_string().as_str().into())]);
        }
    };
    let id = Json::from(request.id.as_str());
    let ask = Ask::new(request);
    let text =
        |kind: &str, text: String| object([("id", id.clone()), (kind, text.as_str().into())]);
    match answer(library, frequencies, &ask) {
        Ok(output) => {
            let tensors = output.iter().map(|(name, t)| (name.clone(), tensor_json(t))).collect();
            object([("id", id), ("output", Json::Object(tensors))])
        }
        Err(Answer::Unsupported(why)) => text("unsupported", why),
        Err(Answer::Call(Failed::Status(1))) => text("unsupported", "ROPEWALK_UNSUPPORTED".into()),
        Err(Answer::Call(Failed::Status(2))) => {
            text("rejected", "invalid_value: it returned ROPEWALK_INVALID".into())
        }
        Err(Answer::Call(Failed::Status(3))) => {
            text("errored", "it returned ROPEWALK_FAILED".into())
        }
        Err(Answer::Call(Failed::Status(other))) => {
            text("errored", format!("it returned {other}, which means nothing"))
        }
        Err(Answer::Call(Failed::Found(probe, what))) => {
            text("errored", format!("{MISBEHAVED}{}: {what}", probe.name()))
        }
    }
}

/// What is no output.
enum Answer {
    Unsupported(String),
    Call(Failed),
}

impl From<Failed> for Answer {
    fn from(failed: Failed) -> Answer {
        Answer::Call(failed)
    }
}

fn answer(
    library: &Loaded,
    frequencies: Frequencies,
    ask: &Ask,
) -> Result<Vec<(String, Tensor)>, Answer> {
    let question = ask.question().map_err(|e| Answer::Unsupported(e.to_string()))?;
    let mut plan = Plan::new(question).map_err(Answer::Unsupported)?;
    if plan.which == Which::Rotate {
        (plan.inv_freq, plan.attention_factor) = frequencies(ask).map_err(Answer::Unsupported)?;
    }
    let wide = claims(&library.about, "int64");
    let lie = Arrangement::Contiguous;
    let plain = How { lie, in_place: false, bits: if wide { 64 } else { 32 } };
    match Probe::of(ask) {
        Some(Probe::Strided) => Ok(plan.run(library, How { lie: Arrangement::of(ask), ..plain })?),
        Some(Probe::InPlace) => Ok(in_place(library, &plan, plain)?),
        Some(Probe::PositionWidth) => {
            if wide {
                second_half_counts(library, &plan, plain)?;
            }
            let narrow = claims(&library.about, "int32") && plan.fits_32_bits();
            Ok(plan.run(library, How { bits: if narrow { 32 } else { 64 }, ..plain })?)
        }
        Some(Probe::Race) => Ok(repeat(library, &plan, plain)?),
        _ => Ok(plan.run(library, plain)?),
    }
}

/// The call with its output in its input. Where that goes wrong only for several heads of several
/// tokens, nothing is read that is overwritten already: rows are sought where they do not lie.
fn in_place(library: &Loaded, plan: &Plan, plain: How) -> Result<Vec<(String, Tensor)>, Failed> {
    let there = How { in_place: true, ..plain };
    let answer = plan.run(library, there)?;
    let is_far_off =
        |plan: &Plan| Ok(far_off(&plan.run(library, plain)?, &plan.run(library, there)?));
    if is_far_off(plan)? && plan.is_square() {
        let parts = [plan.with_one_head(), plan.with_one_token()];
        let right = |part: &Plan| is_far_off(part).map(|off| !off);
        if parts
            .iter()
            .map(right)
            .collect::<Result<Vec<bool>, Failed>>()?
            .iter()
            .all(|&right| right)
        {
            return Err(Failed::Found(
                Probe::Strided,
                "in place only: right for one head and for one token, wrong for several heads of \
                 several tokens; it takes the tensor to lie in another order than its strides say"
                    .to_string(),
            ));
        }
    }
    Ok(answer)
}

/// Whether two answers are apart by more than any rounding.
fn far_off(one: &[(String, Tensor)], other: &[(String, Tensor)]) -> bool {
    one.iter().zip(other).any(|((_, a), (_, b))| {
        let Some(format) = a.dtype().format() else { return a.data() != b.data() };
        let number = |bits: &u64| format.to_f64(*bits);
        let size = a
            .data()
            .iter()
            .map(number)
            .filter(|x| x.is_finite())
            .fold(0.0, |m: f64, x| m.max(x.abs()));
        let apart = |(a, b): (&u64, &u64)| (number(a) - number(b)).abs() > size / 16.0;
        a.data().iter().zip(b.data()).any(apart)
    })
}

/// Whoever reads 64-bit positions as 32-bit ones never reads the second half of them.
fn second_half_counts(library: &Loaded, plan: &Plan, how: How) -> Result<(), Failed> {
    let count = plan.positions.len();
    let fastest = plan.inv_freq.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    if count < 2 || fastest < 0.1 {
        // Nothing to change, or nothing that would be seen to turn.
        return Ok(());
    }
    let plan = plan.with_ones();
    let mut changed = plan.clone();
    changed.positions.iter_mut().skip(count.div_ceil(2)).for_each(|p| *p = (*p ^ 1) + 2);
    match plan.run(library, how)? == changed.run(library, how)? {
        false => Ok(()),
        true => Err(Failed::Found(
            Probe::PositionWidth,
            format!(
                "other values for the last {} of {count} 64-bit positions change nothing: it reads \
                 them as 32-bit ones",
                count / 2
            ),
        )),
    }
}

/// The same call many times over, in place too and from several threads where that is claimed.
fn repeat(library: &Loaded, plan: &Plan, plain: How) -> Result<Vec<(String, Tensor)>, Failed> {
    let large = plan.tiled(TOKENS);
    let in_place = claims(&library.about, "in_place");
    for how in [Some(plain), in_place.then_some(How { in_place: true, ..plain })] {
        let Some(how) = how else { continue };
        let first = large.run(library, how)?;
        for _ in 1..REPEATS {
            compare(&first, &large.run(library, how)?, "again")?;
        }
        if claims(&library.about, "threads") {
            let at_once = || -> Vec<Result<(), Failed>> {
                std::thread::scope(|scope| {
                    let one = || compare(&first, &large.run(library, how)?, "from several threads");
                    let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(one)).collect();
                    let died = || Err(Failed::Status(3));
                    threads.into_iter().map(|t| t.join().unwrap_or_else(|_| died())).collect()
                })
            };
            for _ in 0..REPEATS / THREADS {
                at_once().into_iter().collect::<Result<(), Failed>>()?;
            }
        }
    }
    // The first of the copies answers the question.
    let cut = |(name, tensor): (String, Tensor)| {
        let mut shape = tensor.shape().to_vec();
        shape[0] = plan.q.shape()[0];
        let count = shape.iter().product();
        let data = tensor.data()[..count].to_vec();
        Ok((name, Tensor::new(tensor.dtype(), shape, data).map_err(|_| Failed::Status(3))?))
    };
    large.run(library, plain)?.into_iter().map(cut).collect()
}

fn compare(
    first: &[(String, Tensor)],
    other: &[(String, Tensor)],
    how: &str,
) -> Result<(), Failed> {
    for ((name, a), (_, b)) in first.iter().zip(other) {
        let differ = |i: &usize| a.data()[*i] != b.data()[*i];
        if let Some(index) = (0..a.data().len()).find(differ) {
            let count = (0..a.data().len()).filter(differ).count();
            let at: String = crate::audit::place::index_of(index, a.shape())
                .iter()
                .map(|i| format!("[{i}]"))
                .collect();
            let digits = a.dtype().digits();
            let text = format!(
                "the same call {how} gives other bits in {count} of {} elements: {name}{at} is \
                 {:0digits$x} and then {:0digits$x}",
                a.data().len(),
                a.data()[index],
                b.data()[index]
            );
            return Err(Failed::Found(Probe::Race, text));
        }
    }
    Ok(())
}
