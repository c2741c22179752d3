//! What a kernel computes, found out by asking: a black box that is a linear map of a head.

mod angles;
mod conduct;
mod machine;
mod planes;
mod probe;
mod spectrum;
mod words;

pub use machine::Precision;

use super::diagnose::{diagnose, evidence};
use super::kernel::Kernel;
use super::report::Diagnosis;
use super::run::{Options, judge_all};
use crate::encoding::{Double, Layout, Pair, RopeConfig, spectrum::SCHEMES};
use crate::number::Dtype;
use crate::request::{Json, Object, Operation};
use angles::{Turning, ladder, unwrap};
use conduct::Map;
use probe::{Matrix, Probe};
use spectrum::Measured;

/// What was found out about a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Identified {
    /// Its name and version.
    pub kernel: String,
    /// The config that it was asked with, normalised.
    pub declared: Object,
    /// Format of everything that was asked.
    pub dtype: Dtype,
    /// The config that it computes, normalised; none if no config does.
    pub config: Option<Object>,
    /// Whether that config is one of a known rule, not a list of divisors for lack of one.
    pub by_rule: bool,
    /// What is different from the declared config, in words; empty if nothing is.
    pub differences: Vec<String>,
    /// The planes: coordinates, axis, radians per position and how far off that may be.
    pub planes: Vec<FoundPlane>,
    /// Multiplies cos and sin.
    pub attention_factor: Option<f64>,
    /// Whether sums are kept; none if that could not be asked.
    pub linear: Option<bool>,
    /// Whether scores depend on distances only; none if that could not be asked.
    pub relative: Option<bool>,
    /// How it computes.
    pub precision: Precision,
    /// Known faults that explain what is different, best first.
    pub diagnoses: Vec<Diagnosis>,
    /// What could not be found out or explained, in words.
    pub unknown: Vec<String>,
    /// What was found beside all that: parts that agree, clues.
    pub remarks: Vec<String>,
}

/// A plane as it was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoundPlane {
    /// Coordinate of the real part.
    pub re: usize,
    /// Coordinate of the imaginary part.
    pub im: usize,
    /// Which position turns it.
    pub axis: usize,
    /// Radians per position, counter-clockwise.
    pub theta: f64,
    /// How far off that may be.
    pub error: f64,
}

/// A plain config within what a kernel claims.
pub fn plain_config(kernel: &super::Description, dtype: Option<Dtype>) -> Object {
    let fits = |c: &&super::Capability| dtype.is_none_or(|dtype| c.dtypes.contains(&dtype));
    let claims = kernel.capabilities.iter().filter(fits);
    let capability = claims
        .filter(|c| c.operations.contains(&Operation::Rotate))
        .chain(kernel.capabilities.iter())
        .next();
    let layout = capability.and_then(|c| c.layouts.as_ref()).and_then(|list| {
        list.iter().find(|layout| **layout == Layout::Half).or(list.first()).copied()
    });
    let most = capability.and_then(|c| c.limits.max_head_dim).unwrap_or(128);
    let dim = [128usize, 64, 32, 16, 8, 4, 2].into_iter().find(|&dim| dim <= most).unwrap_or(2);
    let mut config = Object::default();
    config.set("head_dim", Json::from(dim));
    config.set("layout", Json::from(layout.unwrap_or(Layout::Half).name()));
    config.set("rope_theta", Json::from(10000i64));
    let types = capability.and_then(|c| c.rope_types.as_ref());
    let named = |name: &str| types.is_none_or(|list| list.iter().any(|own| own == name));
    if !named("default") {
        let number = |config: &mut Object, key: &str, x: i64| config.set(key, Json::from(x));
        let simple = ["linear", "llama3", "yarn", "ntk", "dynamic"];
        if let Some(name) = simple.into_iter().find(|name| named(name)) {
            config.set("rope_type", Json::from(name));
            number(&mut config, "factor", 8);
            if name != "linear" && name != "ntk" {
                number(&mut config, "original_max_position_embeddings", 8192);
            }
            if name == "llama3" {
                number(&mut config, "low_freq_factor", 1);
                number(&mut config, "high_freq_factor", 4);
            }
        }
    }
    config
}

/// The widest format that a kernel claims for rotations, f64 before f32 before f16 before bf16.
fn widest(kernel: &super::Description) -> Option<Dtype> {
    let order = [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::Bf16];
    order.into_iter().find(|d| kernel.capabilities.iter().any(|c| c.dtypes.contains(d)))
}

/// Finds out what a kernel computes when it is asked with a config (by default a plain one that it
/// claims), in a format (by default the widest that it claims).
///
/// ```
/// use ropewalk::audit::{Ask, Breakage, Capability, Description, Kernel, Outcome, identify};
/// use ropewalk::{encoding::Question, number::Dtype, profile, request::{Json, Operation}};
/// struct Numpy;
/// impl Kernel for Numpy {
///     fn describe(&mut self) -> Result<Description, Breakage> {
///         let capability = Capability {
///             operations: vec![Operation::Rotate],
///             dtypes: vec![Dtype::F32],
///             ..Capability::default()
///         };
///         Ok(Description { capabilities: vec![capability], ..Description::named("numpy") })
///     }
///     fn ask(&mut self, ask: &Ask) -> Outcome {
///         let mut ask = ask.clone();
///         ask.config.set("rope_theta", Json::from(500000i64)); // the fault
///         let question: Question = ask.question().unwrap();
///         let named = profile::emulate(&profile::NAMED[0], &question).into_iter();
///         Outcome::Output(named.map(|n| (n.name.to_string(), n.tensor)).collect())
///     }
/// }
/// let config = serde_json::from_str(r#"{"head_dim":16,"layout":"half","rope_theta":10000}"#);
/// let found = identify(&mut Numpy, Some(&config.unwrap()), None).unwrap();
/// assert_eq!(found.config.unwrap().get("rope_theta").unwrap().number(), Some(500000.0));
/// assert_eq!(found.differences, ["rope_theta: 10000 is declared, 500000 is computed"]);
/// ```
///
/// # Errors
/// A sentence: the kernel does not start, claims none of the operations, or refuses the config.
pub fn identify(
    kernel: &mut dyn Kernel,
    declared: Option<&Object>,
    dtype: Option<Dtype>,
) -> Result<Identified, String> {
    let description = kernel.describe().map_err(|breakage| format!("the kernel {breakage}"))?;
    let declared = match declared {
        Some(config) => config.clone(),
        None => plain_config(&description, dtype),
    };
    let config = RopeConfig::new(&declared).map_err(|reject| reject.to_string())?;
    let dtype = dtype.or_else(|| widest(&description)).unwrap_or(Dtype::F32);
    if dtype.format().is_none() {
        return Err(format!("dtype is {dtype}, allowed are f64, f32, bf16, f16"));
    }
    let name = format!("{} {}", description.name, description.version).trim_end().to_string();
    let mut probe = Probe::new(kernel, description, &config, dtype);
    let mut found = Identified {
        kernel: name,
        declared: probe.config.clone(),
        dtype,
        config: None,
        by_rule: false,
        differences: vec![],
        planes: vec![],
        attention_factor: None,
        linear: None,
        relative: None,
        precision: Precision::default(),
        diagnoses: vec![],
        unknown: vec![],
        remarks: vec![],
    };
    let rope = config.rope(probe.seq_len).map_err(|reject| reject.to_string())?;
    let declared_pairs: Vec<Pair> = rope.pairs();
    if probe.claims(Operation::Rotate) {
        by_rotation(&mut probe, &declared_pairs, &mut found)?;
    } else if probe.claims(Operation::Table) || probe.claims(Operation::InvFreq) {
        by_table(&mut probe, &config, &mut found)?;
    } else {
        return Err("the kernel claims none of rotate, table and inv_freq".into());
    }
    lengths(&mut probe, &config, &mut found);
    found.differences.extend(words::differences(&found, SCHEMES));
    explain(probe, &mut found);
    Ok(found)
}

/// Why it differs, by the faults that explain what was asked.
fn explain(probe: Probe, found: &mut Identified) {
    let (cases, asked, description) = probe.evidence();
    // Two of the large ones say as much as all of them.
    let mut large = 0;
    let size = |one: &super::run::Asked| match &one.outcome {
        Ok(super::Outcome::Output(output)) => output.iter().map(|(_, t)| t.data().len()).sum(),
        _ => 0usize,
    };
    let few = |one: &super::run::Asked| {
        large += usize::from(size(one) > 4096);
        size(one) <= 4096 || (2..=3).contains(&large)
    };
    let asked: Vec<super::run::Asked> = asked.into_iter().filter(few).collect();
    let options = Options { diagnose: false, ..Options::default() };
    let report = judge_all(&cases, &asked, description, &options);
    if report.divergences().next().is_none() {
        return;
    }
    let read = evidence::asked(&cases, &asked);
    let (diagnoses, clues) = diagnose(&cases, &asked, &read, &report, None);
    found.diagnoses = diagnoses;
    // A config that has all of it says what is different, if not why.
    let told = found.by_rule && !found.differences.is_empty();
    if found.diagnoses.is_empty() && !told {
        found.unknown.push("no known fault explains what is different".into());
    }
    found.remarks.extend(clues);
}

/// Everything that rotations show.
fn by_rotation(probe: &mut Probe, declared: &[Pair], found: &mut Identified) -> Result<(), String> {
    let epsilon = probe.epsilon();
    let axes = probe.axes;
    let mut matrices: Vec<Matrix> = Vec::new();
    for p in 0..4 {
        matrices.push(probe.matrix(&vec![p; axes])?);
    }
    if !matrices.iter().all(Matrix::is_finite) {
        found.unknown.push("its map of unit vectors has elements that are no numbers".into());
        return Ok(());
    }
    found.linear = conduct::is_linear(probe, &matrices[3], &vec![3; axes]);
    let (relative, _) = conduct::is_relative(&matrices, epsilon);
    found.relative = Some(relative);
    let structure = match planes::planes(&mut matrices, declared, epsilon) {
        Ok(structure) => structure,
        Err(why) => {
            found.unknown.push(why);
            return Ok(());
        }
    };
    if let Some(moved) = &structure.moved {
        let first: Vec<String> = (0..moved.len())
            .filter(|&i| moved[i] != i)
            .take(4)
            .map(|i| format!("{i} to {}", moved[i]))
            .collect();
        found.differences.push(format!(
            "position 0 moves coordinates, {} …: they are left in another order",
            first.join(", ")
        ));
    }
    for pair in &structure.pairs {
        if let Err(why) = planes::turn(&matrices[1], pair, epsilon) {
            found.unknown.push(why);
            return Ok(());
        }
    }
    let factors: Vec<f64> = structure
        .pairs
        .iter()
        .filter_map(|pair| Some(planes::turn(&matrices[0], pair, epsilon).ok()?.1))
        .collect();
    let magnitude = factors.first().copied().unwrap_or(1.0);
    if factors.iter().any(|f| (f - magnitude).abs() > 4.0 * epsilon * magnitude) {
        found.unknown.push("its planes have several factors at position 0".into());
    }
    found.attention_factor = Some(magnitude);
    let starts: Vec<(f64, &Pair)> = structure
        .pairs
        .iter()
        .filter_map(|pair| Some((planes::turn(&matrices[0], pair, epsilon).ok()?.0, pair)))
        .filter(|(angle, _)| angle.abs() > 8.0 * epsilon)
        .collect();
    if let Some((angle, pair)) = starts.first() {
        found.unknown.push(format!(
            "coordinates {} and {} are turned by {angle:.4} rad at position 0 already",
            pair.re, pair.im
        ));
    }
    for &i in &structure.alone {
        if (matrices[0].get(i, i) - 1.0).abs() > 4.0 * epsilon {
            found.remarks.push(format!(
                "coordinate {i}, which nothing turns, is multiplied by {:.6}",
                matrices[0].get(i, i)
            ));
            break;
        }
    }
    let Some(mut all) = turnings(probe, &structure, found)? else { return Ok(()) };
    let clockwise =
        all.iter().any(|(_, t)| t.theta != 0.0) && all.iter().all(|(_, t)| t.theta <= 0.0);
    if clockwise {
        all.iter_mut().for_each(|(_, t)| t.theta = -t.theta);
        found.differences.push("the rotation goes clockwise: the sign of the sine is wrong".into());
    }
    let measured = placed(probe, &structure, all, magnitude, found);
    let shape = shape(probe, &measured);
    let (config, by_rule) = match measured.config(&found.declared, &shape) {
        Some(config) => (Some(config), true),
        None => (measured.divisors(&found.declared, &shape), false),
    };
    if !by_rule {
        found.unknown.push(match config {
            Some(_) => "its frequencies follow no rule that is known here; the config has them as \
                        LongRoPE's divisors"
                .into(),
            None => "no config has these planes and frequencies".into(),
        });
    }
    (found.config, found.by_rule) = (config, by_rule);
    let sign = if clockwise { -1.0 } else { 1.0 };
    let thetas: Vec<f64> = measured.turning.iter().map(|t| sign * t.theta).collect();
    let errors: Vec<f64> = measured.turning.iter().map(|t| t.error).collect();
    let map = Map {
        pairs: &measured.pairs,
        thetas: &thetas,
        errors: &errors,
        axes: &measured.axes,
        magnitude,
        moved: structure.moved.as_deref(),
    };
    let furthest = probe.furthest(32768);
    if let (Some(config), false) = (&found.config, clockwise) {
        found.precision = machine::precision(probe, config, furthest);
    }
    let (strange, open) = conduct::conduct(probe, &map, furthest);
    found.differences.extend(strange);
    found.remarks.extend(open.into_iter().map(|what| format!("not found out: {what}")));
    Ok(())
}

/// The axis and the frequency of every plane; none if the angles make no sense.
fn turnings(
    probe: &mut Probe,
    structure: &planes::Structure,
    found: &mut Identified,
) -> Result<Option<Vec<(usize, Turning)>>, String> {
    let furthest = probe.furthest(32768);
    let positions = ladder(furthest);
    let mut vector = vec![0.0; probe.head_dim];
    structure.pairs.iter().for_each(|pair| vector[pair.re] = 1.0);
    let mut all: Vec<Option<(usize, Turning)>> = vec![None; structure.pairs.len()];
    let inside = match probe.dtype {
        Dtype::F64 => libm::ldexp(1.0, -52),
        _ => libm::ldexp(1.0, -23),
    };
    for axis in 0..probe.axes {
        let rows = probe.vector_at(&vector, axis, &positions)?;
        for (index, pair) in structure.pairs.iter().enumerate() {
            let place = |coordinate: usize| match &structure.moved {
                Some(to) => to[coordinate],
                None => coordinate,
            };
            let angle = |row: &Vec<f64>| libm::atan2(row[place(pair.im)], row[place(pair.re)]);
            let list: Vec<(i64, f64)> =
                positions.iter().copied().zip(rows.iter().map(angle)).collect();
            if list.iter().all(|(_, angle)| angle.abs() <= probe.epsilon() * probe.epsilon()) {
                continue;
            }
            let turning = unwrap(&list, probe.epsilon(), inside);
            if let Some((other, _)) = all[index] {
                found.unknown.push(format!(
                    "coordinates {} and {} are turned by axis {other} and by axis {axis}",
                    pair.re, pair.im
                ));
                return Ok(None);
            }
            all[index] = Some((axis, turning));
        }
    }
    let bends: Vec<i64> = all.iter().flatten().filter_map(|(_, t)| t.bends_at).collect();
    if let Some(first) = bends.iter().min() {
        found.unknown.push(format!(
            "{} of {} angles are not proportional to the position, from position {first} on",
            bends.len(),
            all.len()
        ));
    }
    let still = (0, Turning { theta: 0.0, error: f64::MIN_POSITIVE, bends_at: None });
    Ok(Some(all.into_iter().map(|one| one.unwrap_or(still)).collect()))
}

/// The planes that turn, as they are compared with configs.
fn placed(
    probe: &Probe,
    structure: &planes::Structure,
    all: Vec<(usize, Turning)>,
    magnitude: f64,
    found: &mut Identified,
) -> Measured {
    let list = || structure.pairs.iter().zip(&all);
    found.planes = list()
        .map(|(pair, (axis, t))| FoundPlane {
            re: pair.re,
            im: pair.im,
            axis: *axis,
            theta: t.theta,
            error: t.error,
        })
        .collect();
    Measured {
        pairs: structure.pairs.clone(),
        axes: all.iter().map(|(axis, _)| *axis).collect(),
        turning: all.iter().map(|(_, turning)| *turning).collect(),
        magnitude,
        slack: 4.0 * probe.epsilon() * magnitude,
        seq_len: probe.seq_len,
        located: true,
    }
}

/// The keys of head, layout, slice and axes that the planes have.
fn shape(probe: &Probe, measured: &Measured) -> Object {
    let mut shape = Object::default();
    shape.set("head_dim", Json::from(probe.head_dim));
    let declared = |key: &str| probe.config.get(key).cloned();
    let slice = planes::slice(&measured.pairs);
    let layout = slice.and_then(|s| s.layout).map(|layout| Json::from(layout.name()));
    shape.set("layout", layout.or(declared("layout")).unwrap_or(Json::from("half")));
    if let Some(slice) = slice {
        shape.set("rotary_dim", Json::from(slice.rotary_dim));
        shape.set("rotary_offset", Json::from(slice.rotary_offset));
    }
    if probe.axes > 1 && declared("mrope_section").is_some() {
        // Chunks as they follow each other; interleaved ones by counting.
        let count = |axis: usize| measured.axes.iter().filter(|&&a| a == axis).count();
        let counts: Vec<usize> = (0..probe.axes).map(count).collect();
        let chunked = measured.axes.windows(2).all(|w| w[0] <= w[1]);
        let list = counts.iter().map(|&n| Json::from(n)).collect();
        shape.set("mrope_section", Json::Array(list));
        shape.set("mrope_interleaved", Json::Bool(!chunked));
    }
    shape
}

/// Frequencies and factor alone, where there is no rotation to ask.
fn by_table(probe: &mut Probe, config: &RopeConfig, found: &mut Identified) -> Result<(), String> {
    let rope = config.rope(probe.seq_len).map_err(|reject| reject.to_string())?;
    let epsilon = probe.epsilon();
    let doubles = |tensor: &crate::number::Tensor| -> Vec<f64> {
        let format = tensor.dtype().format().unwrap_or(crate::number::Format::F64);
        tensor.data().iter().map(|&bits| format.to_f64(bits)).collect()
    };
    let mut input = Object::default();
    if let Some(length) = probe.seq_len {
        input.set("seq_len", Json::from(length));
    }
    let count = rope.planes.len();
    let (turning, magnitude) = if probe.claims(Operation::InvFreq) {
        let output = probe.ask(Operation::InvFreq, input)?;
        let get = |name: &str| output.iter().find(|(n, _)| n == name).map(|(_, t)| doubles(t));
        let inv_freq = get("inv_freq").unwrap_or_default();
        let turning = |theta: f64| Turning { theta, error: epsilon * theta.abs(), bends_at: None };
        let factor = get("attention_factor").and_then(|list| list.first().copied());
        (inv_freq.into_iter().map(turning).collect::<Vec<_>>(), factor.unwrap_or(1.0))
    } else {
        let positions = ladder(probe.furthest(32768));
        let list = Json::Array(positions.iter().map(|&p| Json::from(p)).collect());
        input.set(
            "positions",
            if probe.axes == 1 { list } else { Json::Array(vec![list; probe.axes]) },
        );
        let output = probe.ask(Operation::Table, input)?;
        let get = |name: &str| output.iter().find(|(n, _)| n == name).map(|(_, t)| doubles(t));
        let (cos, sin) = (get("cos").unwrap_or_default(), get("sin").unwrap_or_default());
        if cos.len() != count * positions.len() || sin.len() != cos.len() {
            return Err("its table has another shape".into());
        }
        let inside = if probe.dtype == Dtype::F64 { -52 } else { -23 };
        let plane = |index: usize| {
            let angle =
                |row: usize| libm::atan2(sin[row * count + index], cos[row * count + index]);
            let list: Vec<(i64, f64)> =
                positions.iter().enumerate().map(|(row, &p)| (p, angle(row))).collect();
            unwrap(&list, epsilon, libm::ldexp(1.0, inside))
        };
        ((0..count).map(plane).collect(), libm::hypot(cos[0], sin[0]))
    };
    if turning.len() != count {
        found.unknown.push(format!("it has {} frequencies, {count} are declared", turning.len()));
    }
    found.attention_factor = Some(magnitude);
    found.planes = turning
        .iter()
        .zip(&rope.planes)
        .map(|(t, p)| FoundPlane {
            re: p.pair.re,
            im: p.pair.im,
            axis: p.axis,
            theta: t.theta,
            error: t.error,
        })
        .collect();
    let turns = |t: &&Turning| t.theta != 0.0;
    let measured = Measured {
        pairs: rope.pairs(),
        axes: rope.planes.iter().map(|plane| plane.axis).collect(),
        turning: turning.iter().filter(turns).copied().collect(),
        magnitude,
        slack: 4.0 * epsilon * magnitude,
        seq_len: probe.seq_len,
        located: false,
    };
    let mut shape = Object::default();
    for key in
        ["head_dim", "layout", "rotary_dim", "rotary_offset", "mrope_section", "mrope_interleaved"]
    {
        if let Some(value) = found.declared.get(key) {
            shape.set(key, value.clone());
        }
    }
    let declared = found.declared.clone();
    found.config = measured.config(&declared, &shape);
    found.by_rule = found.config.is_some();
    if !found.by_rule {
        found.config = measured.divisors(&declared, &shape);
        found.unknown.push("its frequencies follow no rule that is known here".into());
    }
    found.remarks.push("layout and slice are as declared: no rotation could be asked".into());
    Ok(())
}

/// What it makes of total lengths, where the declared rule depends on them.
fn lengths(probe: &mut Probe, config: &RopeConfig, found: &mut Identified) {
    let Some(original) = probe.seq_len else { return };
    if found.planes.is_empty() || !probe.claims(Operation::Rotate) {
        return;
    }
    let mut vector = vec![0.0; probe.head_dim];
    found.planes.iter().for_each(|plane| vector[plane.re] = 1.0);
    for length in [original + 1, 2 * original, 4 * original] {
        probe.seq_len = Some(length);
        let Ok(rope) = config.rope(Some(length)) else { continue };
        match probe.vector_at(&vector, 0, &[1]) {
            Err(why) => found.remarks.push(format!("not found out: seq_len {length}: {why}")),
            Ok(rows) => {
                let off = found.planes.iter().zip(&rope.planes).filter(|(own, plane)| {
                    let theta = plane.frequency.evaluate(&Double).unwrap_or(f64::NAN);
                    let got = libm::atan2(rows[0][own.im], rows[0][own.re]);
                    (got - theta).abs() > 16.0 * probe.epsilon() * theta.abs().min(1.0)
                });
                let off = off.count();
                if off > 0 {
                    found.differences.push(format!(
                        "at seq_len {length} the frequencies of {off} of {} planes are others than \
                         declared",
                        found.planes.len()
                    ));
                }
            }
        }
    }
    probe.seq_len = Some(original);
}
