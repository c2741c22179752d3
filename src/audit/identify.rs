//! What a kernel computes, found out by asking: a black box that is a linear map of a head.

mod angles;
mod conduct;
mod found;
mod machine;
mod planes;
mod probe;
mod rotation;
mod spectrum;
mod table;
mod words;

pub(in crate::audit) use angles::Turning;
pub use found::{FoundPlane, Identified};
pub use machine::Precision;
pub(in crate::audit) use spectrum::Measured;

use super::kernel::Kernel;
use super::run::{Options, judge_all};
use crate::encoding::{Double, Layout, Pair, RopeConfig, spectrum::SCHEMES};
use crate::number::Dtype;
use crate::request::{Json, Object, Operation};
use probe::Probe;

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
///         let mut request = ask.request().clone();
///         request.config.set("rope_theta", Json::from(500000i64)); // the fault
///         let question = Question::new(&request).unwrap();
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
    let found = identify_in(kernel, declared, dtype)?;
    let claims = |description: super::Description| {
        description.capabilities.iter().any(|c| c.dtypes.contains(&Dtype::F32))
    };
    // What takes f64 and computes in f32 is found out in f32.
    let narrower =
        dtype.is_none() && found.dtype == Dtype::F64 && found.precision.profile.is_none();
    if narrower && kernel.describe().is_ok_and(claims) {
        return identify_in(kernel, declared, Some(Dtype::F32));
    }
    Ok(found)
}

fn identify_in(
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
        rotation::by_rotation(&mut probe, &declared_pairs, &mut found)?;
    } else if probe.claims(Operation::Table) || probe.claims(Operation::InvFreq) {
        table::by_table(&mut probe, &config, &mut found)?;
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
    let size = |one: &super::outcome::Answered| match &one.outcome {
        Ok(super::Outcome::Output(output)) => output.iter().map(|(_, t)| t.data().len()).sum(),
        _ => 0usize,
    };
    let few = |one: &super::outcome::Answered| {
        large += usize::from(size(one) > 4096);
        size(one) <= 4096 || (2..=3).contains(&large)
    };
    let asked: Vec<super::outcome::Answered> = asked.into_iter().filter(few).collect();
    let options = Options { sight: false, ..Options::default() };
    let report = judge_all(&cases, &asked, description, &options);
    if report.divergences().next().is_none() {
        return;
    }
    found.diagnoses = report.diagnoses;
    // A config that has all of it says what is different, if not why.
    let told = found.by_rule && !found.differences.is_empty();
    if found.diagnoses.is_empty() && !told {
        found.unknown.push("no known fault explains what is different".into());
    }
    found.remarks.extend(report.clues);
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
