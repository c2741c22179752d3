//! How machines compute an encoding: where they round, what that does, and how far off it can be.
//!
//! A [`Profile`] says at which step of position → frequency → angle → table → arithmetic → output
//! a kernel rounds, and into which format. It can be emulated ([`emulate`]) and it has a bound on
//! its error against the exact value, derived from rounding analysis and not guessed ([`bounds`]).
//! The proof is in `docs/tolerances.md`.
//!
//! ```
//! use ropewalk::{encoding::Question, number::Format, profile, request::Request};
//! let line = r#"{"cmd":"run","id":"a","operation":"table","dtype":"f32",
//!     "config":{"head_dim":2,"layout":"half","rope_theta":10000},"input":{"positions":[1000]}}"#;
//! let question = Question::new(&Request::parse(line).unwrap()).unwrap();
//! let hf = profile::find("hf-f32").unwrap();
//! let cos = &profile::emulate(hf, &question)[0].tensor;
//! assert_eq!(Format::F32.to_f64(cos.data()[0]) as f32, 1000f32.cos());
//! let (_, bound) = &profile::bounds(&question, &[*hf])[0];
//! assert!(Format::F32.to_f64(bound[0].tensor.data()[0]) < 1e-3);
//! ```

mod accuracy;
mod axis;
mod bound;
mod chain;
mod chain_bound;
mod chain_emulate;
mod elementary;
mod emulator;
mod floor;
mod machine;
mod model;
mod named;
mod pipeline;
mod plane;
mod recipe;
mod ring;
mod span;
mod step;
mod sweep;
mod walk;

use axis::on_axis;

pub use model::Profile;

pub use recipe::Recipe;
pub use step::{Contraction, Precision, Scaling};

pub use accuracy::{Accuracy, FastTrig};

pub use floor::{Floor, Turned};
pub use machine::Machine;
pub(crate) use machine::encode;
pub(crate) use named::NUMPY_F64;
pub use named::{NAMED, carried, common, find};
pub use ring::{Ring, rings};
pub use sweep::{
    Computed, Finding, Known, LAST_POSITION, Measure, Sweep, Swept, Truth, Worst, slack,
};
pub use walk::Named;

use crate::encoding::{Body, Question, Rope};
use crate::number::Format;
use crate::request::Position;

/// What a machine of this profile answers: the floating-point tensors in the order of the
/// contract; none for integer answers.
///
/// Bit for bit wherever IEEE 754 determines it; elementary functions are correctly rounded but for
/// one case in 2²⁸. Copied bits are copied.
pub fn emulate(profile: &Profile, question: &Question) -> Vec<Named> {
    if let Body::Chain(chain) = &question.body {
        return chain_emulate::emulate(profile, chain, question.dtype);
    }
    let Some(output) = question.dtype.format() else { return vec![] };
    walk::walk(&emulator::Emulator::new(profile, output), question)
}

/// For every profile and element the largest |answer − exact value| that a machine of the profile
/// may have, in the unit of the element, rounded up into the dtype asked for (f32 for eight bits,
/// against the exact value cut at the largest number, as their casts cut it).
///
/// 0 where the kernel must be exact; +∞ where nothing can be judged: a NaN or an infinity took
/// part, or the bound reached what was mixed (magnitude·|z| of the plane, Σ|q||k| of a score, the
/// value itself elsewhere). An overflowing answer counts as ±2^(e_max+1).
pub fn bounds(question: &Question, profiles: &[Profile]) -> Vec<(&'static str, Vec<Named>)> {
    let of = |profile: &Profile| {
        if let Body::Chain(chain) = &question.body {
            return chain_bound::bounds(profile, chain, question.dtype);
        }
        let output = question.dtype.format();
        output.map_or(vec![], |o| walk::walk(&bound::Bounder::new(profile, o), question))
    };
    profiles.iter().map(|profile| (profile.name, of(profile))).collect()
}

/// The angle of a plane as a machine computes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Angle {
    /// What the emulation gets, radians; NaN where its formats have no value.
    pub radians: f64,
    /// The largest |computed − exact| of any machine of the profile, radians, rounded up; ∞ where
    /// nothing can be said.
    pub bound: f64,
}

/// The angle of every plane of a rope at a position (one number per axis): where a kernel's error
/// comes from at large positions.
///
/// ```
/// use ropewalk::{encoding::{Body, Question}, profile, request::{Position, Request}};
/// let line = r#"{"cmd":"run","id":"a","operation":"inv_freq","dtype":"f32",
///     "config":{"head_dim":128,"layout":"half","rope_theta":10000},"input":{}}"#;
/// let question = Question::new(&Request::parse(line).unwrap()).unwrap();
/// let Body::InvFreq(f) = &question.body else { unreachable!() };
/// let hf = profile::find("hf-f32").unwrap();
/// let angles = profile::angles(hf, &f.rope, &[Position::integer(131071)]);
/// assert_eq!(angles[0].radians, 131071.0);
/// assert!(angles[1].bound < 0.08); // radians: f32 is not much more than this at 128k
/// ```
pub fn angles(profile: &Profile, rope: &Rope, position: &[Position]) -> Vec<Angle> {
    let emulated = emulator::Emulator::new(profile, Format::F64).angles(rope, position);
    let bounds = bound::Bounder::new(profile, Format::F64).angle_errors(rope, position);
    emulated.into_iter().zip(bounds).map(|(radians, bound)| Angle { radians, bound }).collect()
}
