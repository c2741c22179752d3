//! What an attention kernel computes, read off its weights.
//!
//! With a one-hot vector as the value of each key, an output is the row of weights. Their logarithms
//! are the scores, up to what a softmax cannot see: a constant of the row. Scores of zero queries are
//! the bias and the mask; keys along one coordinate show the scale and the soft cap; basis vectors
//! show the rotation; values of key heads show who reads whom. Values that name a tile show whether
//! keys beyond it have their weight.

mod asked;
mod bias;
mod heads;
mod mask;
mod reading;
mod rotation;
mod score;
mod sum;
mod tiles;

use super::error::IdentifyError;
use super::inquiry::Inquiry;
use super::probe::Probe;
use super::{explain, widest};
use crate::audit::kernel::Kernel;
use crate::audit::outside::Outside;
use crate::number::Dtype;
use crate::request::{Object, Operation};
use asked::Weights;
pub use reading::{IdentifiedAttention, Reading};

/// A reader of one property: asks, and says what it saw.
type Read = fn(&mut Weights) -> Result<Vec<Reading>, String>;

const READERS: [(&str, Read); 10] = [
    ("masks", mask::by_position),
    ("windows", mask::far),
    ("biases", bias::of_distances),
    ("sinks", bias::sinks),
    ("scale and soft cap", score::scale),
    ("key lengths", mask::lengths),
    ("many keys", tiles::read),
    ("logarithms", sum::logarithms),
    ("key heads", heads::read),
    ("rotation", rotation::planes),
];

/// Finds out what an attention kernel computes when it is asked with a config of `attention`: mask,
/// window, scale, soft cap, slopes or buckets, sinks, key lengths, sums over many keys and their logarithms,
/// key heads and the planes of a rope inside, each beside what is declared. All answers are judged as an audit judges them, and only where one is
/// wrong can a reading differ.
///
/// What a softmax cannot see, a constant of each row, is not told: ALiBi's forms `distance` and `key`
/// are one.
///
/// ```
/// use ropewalk::audit::{Ask, Breakage, Capability, Description, Inquiry, Kernel, Outcome};
/// use ropewalk::audit::identify_attention;
/// use ropewalk::{encoding::Question, number::Dtype, profile, request::{Json, Operation}};
/// struct Fused;
/// impl Kernel for Fused {
///     fn describe(&mut self) -> Result<Description, Breakage> {
///         let capability = Capability::new(&[Operation::Attention], &[Dtype::F32]);
///         Ok(Description { capabilities: vec![capability], ..Description::named("fused") })
///     }
///     fn ask(&mut self, ask: &Ask) -> Outcome {
///         let mut request = ask.request().clone();
///         request.config.set("scale", Json::Real(1.0 / 16.0)); // the fault: 1/D
///         let question = Question::new(&request).unwrap();
///         let named = profile::emulate(&profile::NAMED[0], &question).into_iter();
///         Outcome::Output(named.map(|n| (n.name.to_string(), n.tensor)).collect())
///     }
/// }
/// let config = serde_json::from_str(r#"{"causal":true}"#).unwrap();
/// let found = identify_attention(&mut Fused, &config, 16, &Inquiry::default()).unwrap();
/// let scale = found.readings.iter().find(|reading| reading.what == "scale").unwrap();
/// assert_eq!((scale.declared.as_str(), scale.computed.as_str()), ("0.25", "0.0625 = 1/D"));
/// assert!(scale.differs && !found.conforms);
/// ```
///
/// `head_dim` is D where no rope says it. An exact softmax costs more than a rotation: what has more
/// than 128 heads, or heads wider than 512, is refused.
///
/// # Errors
/// The config is wrong or too large, the kernel does not start, claims no attention, or nothing that
/// was asked of it.
pub fn identify_attention(
    kernel: &mut dyn Kernel,
    declared: &Object,
    head_dim: usize,
    inquiry: &Inquiry,
) -> Result<IdentifiedAttention, IdentifyError> {
    let description = kernel.describe().map_err(IdentifyError::Broken)?;
    let claims = |c: &crate::audit::Capability| c.operations.contains(&Operation::Attention);
    if !description.capabilities.iter().any(claims) {
        return Err(Outside::from("the kernel does not claim the operation attention").into());
    }
    let dtype = inquiry.dtype.or_else(|| widest(&description)).unwrap_or(Dtype::F32);
    let name = format!("{} {}", description.name, description.version).trim_end().to_string();
    let probe = Probe::of(kernel, inquiry, description, declared.clone(), dtype);
    let mut weights = Weights::new(probe, head_dim)?;
    let (mut readings, mut not_asked, mut unknown) = (vec![], vec![], vec![]);
    for (what, read) in READERS {
        weights.probe.about(what);
        match read(&mut weights) {
            Ok(list) => readings.extend(list),
            Err(why) => not_asked.push(format!("{what}: {why}")),
        }
    }
    if weights.probe.answered().next().is_none() {
        let why = not_asked.into_iter().next().unwrap_or_default();
        return Err(format!("the kernel answered nothing: {why}").into());
    }
    weights.probe.again();
    let conforms = weights.probe.judged().divergences().next().is_none();
    let declared = weights.declared();
    let (mut diagnoses, mut remarks) = (vec![], vec![]);
    if conforms {
        readings.iter_mut().for_each(|reading| reading.differs = false);
    } else {
        let causes = explain(weights.probe);
        (diagnoses, remarks) = (causes.diagnoses, causes.clues);
        if diagnoses.is_empty() && !readings.iter().any(|reading| reading.differs) {
            unknown.push("no reading and no known fault explains what is different".to_string());
        }
    }
    Ok(IdentifiedAttention {
        kernel: name,
        declared,
        dtype,
        conforms,
        readings,
        not_asked,
        diagnoses,
        unknown,
        remarks,
    })
}
