//! What a kernel computes, found out by asking: a black box that is a linear map of a head.

mod angles;
mod attention;
mod conduct;
mod error;
mod found;
mod inquiry;
mod machine;
mod planes;
mod probe;
mod rotation;
mod spectrum;
mod survey;
mod table;
mod words;

pub(in crate::audit) use angles::Turning;
pub use attention::{IdentifiedAttention, Reading, identify_attention};
pub use error::IdentifyError;
pub use found::{FoundPlane, Identified};
pub use inquiry::Inquiry;
pub use machine::Precision;
pub(in crate::audit) use spectrum::Measured;
pub use words::runs;

use super::Outcome;
use super::finding::Report;
use super::kernel::Kernel;
use super::outside::Outside;
use super::run::{Options, judge_all};
use crate::encoding::{Double, Layout, Rope, RopeConfig, spectrum::SCHEMES};
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

/// Finds out what a kernel computes when it is asked with a config, by default a plain one that it
/// claims. First all answers are judged against that config; only where one of them is wrong is
/// another one looked for.
///
/// ```
/// use ropewalk::audit::{Ask, Breakage, Capability, Description, Inquiry, Kernel, Outcome, identify};
/// use ropewalk::{encoding::Question, number::Dtype, profile, request::{Json, Operation}};
/// struct Numpy;
/// impl Kernel for Numpy {
///     fn describe(&mut self) -> Result<Description, Breakage> {
///         let capability = Capability::new(&[Operation::Rotate], &[Dtype::F32]);
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
/// let found = identify(&mut Numpy, Some(&config.unwrap()), &Inquiry::default()).unwrap();
/// assert_eq!(found.config.unwrap().get("rope_theta").unwrap().number(), Some(500000.0));
/// assert_eq!(found.differences, ["rope_theta: 10000 is declared, 500000 is computed"]);
/// ```
///
/// # Errors
/// The kernel does not start, claims none of the operations, or refuses the config.
pub fn identify(
    kernel: &mut dyn Kernel,
    declared: Option<&Object>,
    inquiry: &Inquiry,
) -> Result<Identified, IdentifyError> {
    let found = identify_in(kernel, declared, inquiry, inquiry.dtype);
    let claims_f32 =
        |d: super::Description| d.capabilities.iter().any(|c| c.dtypes.contains(&Dtype::F32));
    let is_open = found.as_ref().map_or(true, |found| found.dtype == Dtype::F64 && !found.conforms);
    if inquiry.dtype.is_some() || !is_open || !kernel.describe().is_ok_and(claims_f32) {
        return found;
    }
    // What takes f64 and computes in f32 is found out in f32.
    let mut narrower = identify_in(kernel, declared, inquiry, Some(Dtype::F32))?;
    if let Ok(wide) = found {
        narrower.remarks.push("asked in f32, since it is not right in f64".into());
        if narrower.conforms {
            narrower.conforms = false;
            narrower.differences.push("in f64 it is not as declared, in f32 it is".into());
            narrower.diagnoses = wide.diagnoses;
            narrower.unknown = wide.unknown;
        }
    }
    Ok(narrower)
}

fn identify_in(
    kernel: &mut dyn Kernel,
    declared: Option<&Object>,
    inquiry: &Inquiry,
    dtype: Option<Dtype>,
) -> Result<Identified, IdentifyError> {
    let description = kernel.describe().map_err(IdentifyError::Broken)?;
    let declared = match declared {
        Some(config) => config.clone(),
        None => plain_config(&description, dtype),
    };
    let config = RopeConfig::new(&declared)?;
    claimed(&description, &declared)?;
    let dtype = dtype.or_else(|| widest(&description)).unwrap_or(Dtype::F32);
    if dtype.format().is_none() {
        return Err(format!("dtype is {dtype}, allowed are f64, f32, bf16, f16").into());
    }
    let name = format!("{} {}", description.name, description.version).trim_end().to_string();
    let mut probe = Probe::new(kernel, inquiry, description, &config, dtype);
    let rope = config.rope(probe.seq_len)?;
    let rotates = probe.claims(Operation::Rotate);
    let not_asked = if rotates {
        survey::rotations(&mut probe, &declared, &rope)?
    } else if probe.claims(Operation::Table) || probe.claims(Operation::InvFreq) {
        survey::tables(&mut probe)?;
        vec!["rotations: only tables and frequencies are claimed".into()]
    } else {
        return Err(Outside::from("the kernel claims none of rotate, table and inv_freq").into());
    };
    let report = probe.judged();
    let mut found = Identified {
        kernel: name,
        declared: probe.config.clone(),
        dtype,
        conforms: report.divergences().next().is_none(),
        config: None,
        differences: vec![],
        untold: survey::unknown(&probe, &rope),
        not_asked,
        planes: vec![],
        attention_factor: None,
        linear: None,
        relative: None,
        precision: Precision::default(),
        diagnoses: vec![],
        unknown: vec![],
        remarks: vec![],
    };
    if found.conforms {
        conforming(&probe, &rope, &report, &mut found);
        return Ok(found);
    }
    match rotates {
        true => rotation::by_rotation(&mut probe, &rope, &mut found)?,
        false => table::by_table(&mut probe, &rope, &mut found)?,
    }
    if found.config.as_ref().is_some_and(|config| {
        let declared = words::differences(&found.declared, config, SCHEMES).is_empty();
        !declared && !machine::is_apart(&probe, config)
    }) {
        found.config = None;
    }
    if let Some(config) = &found.config {
        let differences = words::differences(&found.declared, config, SCHEMES);
        found.differences.extend(differences);
        if found.precision.profile.is_some() {
            found.differences.extend(conduct::strange(&probe, config));
        }
    }
    let report = explain(probe);
    found.diagnoses = report.diagnoses;
    if found.diagnoses.is_empty() && found.differences.is_empty() {
        found.unknown.push("no known fault explains what is different".into());
    }
    found.remarks.extend(report.clues);
    Ok(found)
}

/// Whether any capability has the scaling rule of a config.
fn claimed(description: &super::Description, config: &Object) -> Result<(), Outside> {
    let own = match config.get("rope_type") {
        Some(Json::String(name)) => name.as_str(),
        _ => "default",
    };
    let lists: Option<Vec<&Vec<String>>> =
        description.capabilities.iter().map(|c| c.rope_types.as_ref()).collect();
    match lists {
        Some(lists) if !lists.iter().any(|list| list.iter().any(|name| name == own)) => {
            let mut names: Vec<&str> = lists.into_iter().flatten().map(String::as_str).collect();
            names.sort_unstable();
            names.dedup();
            Err(format!(
                "the config has rope_type {own}, the kernel claims {}: give a config of one of them",
                names.join(", ")
            )
            .into())
        }
        _ => Ok(()),
    }
}

/// What follows where every answer is within the bounds of the declared config.
fn conforming(probe: &Probe, rope: &Rope, report: &Report, found: &mut Identified) {
    found.config = Some(found.declared.clone());
    let profile = report.sections.iter().flat_map(|section| &section.profiles).next();
    let profile = profile.and_then(|name| crate::profile::find(name));
    let errors = profile.map(|profile| survey::resolution(probe, rope, profile));
    let plane = |(index, plane): (usize, &crate::encoding::Plane)| FoundPlane {
        re: plane.pair.re,
        im: plane.pair.im,
        axis: plane.axis,
        theta: plane.frequency.evaluate(&Double).unwrap_or(f64::NAN),
        error: errors.as_ref().map_or(f64::INFINITY, |errors| errors[index]),
    };
    found.planes = rope.planes.iter().enumerate().map(plane).collect();
    found.attention_factor = rope.magnitude.evaluate(&Double);
    // Numbers of all sizes are turned as a rotation turns them, which is linear and relative.
    let rotates = probe.claims(Operation::Rotate);
    (found.linear, found.relative) = (rotates.then_some(true), rotates.then_some(true));
    found.precision = machine::precision(probe, &found.declared);
    found.precision.profile = profile.map(|profile| profile.name);
}

/// Why it differs, by the faults that explain what was asked.
fn explain(probe: Probe) -> Report {
    (probe.inquiry.progress)("the known faults");
    let patience = probe.inquiry.patience;
    let (cases, asked, description) = probe.evidence();
    // Two of the large ones say as much as all of them.
    let mut large = 0;
    let size = |one: &super::outcome::Answered| match &one.outcome {
        Ok(Outcome::Output(output)) => output.iter().map(|(_, t)| t.data().len()).sum(),
        _ => 0usize,
    };
    let few = |one: &super::outcome::Answered| {
        large += usize::from(size(one) > 4096);
        size(one) <= 4096 || (1..=2).contains(&large)
    };
    let asked: Vec<super::outcome::Answered> = asked.into_iter().filter(few).collect();
    let options = Options { sight: false, patience, ..Options::default() };
    judge_all(&cases, &asked, description, &options)
}
