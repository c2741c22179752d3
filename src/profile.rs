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

mod bound;
mod elementary;
mod emulator;
mod floor;
mod machine;
mod named;
mod pipeline;
mod plane;
mod ring;
mod span;
mod sweep;
mod walk;

pub use floor::{Floor, Turned};
pub use machine::Machine;
pub(crate) use machine::encode;
pub use named::{NAMED, carried, common, find};
pub use ring::{Ring, rings};
pub use sweep::{
    Computed, Finding, Known, LAST_POSITION, Measure, Sweep, Swept, Truth, Worst, slack,
};
pub use walk::Named;

use crate::encoding::{Question, Rope};
use crate::number::{Dtype, Format};
use crate::request::Position;

/// The format of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// No rounding of its own: the position as the integer it is, the output straight into the
    /// dtype asked for. For the other steps it is emulated and bounded as f64.
    Exact,
    /// binary64.
    F64,
    /// binary32.
    F32,
    /// bfloat16.
    Bf16,
    /// binary16.
    F16,
    /// TF32: as tensor cores read f32, 11 bits of significand and f32's range.
    Tf32,
}

impl Precision {
    /// The format that stands for it.
    pub const fn format(self) -> Format {
        match self {
            Precision::Exact | Precision::F64 => Format::F64,
            Precision::F32 => Format::F32,
            Precision::Bf16 => Format::BF16,
            Precision::F16 => Format::F16,
            Precision::Tf32 => Format { precision: 11, exponent_bits: 8 },
        }
    }

    /// The word in a report.
    pub const fn name(self) -> &'static str {
        match self {
            Precision::Exact => "exact",
            Precision::F64 => "f64",
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::F16 => "f16",
            Precision::Tf32 => "tf32",
        }
    }

    fn holds(self, format: Format) -> bool {
        self == Precision::Exact || machine::contains(self.format(), format)
    }

    /// The format in which functions of it are computed: no library evaluates a power or a cosine
    /// in less than f32.
    const fn computing(self) -> Format {
        match self {
            Precision::Exact | Precision::F64 => Format::F64,
            _ => Format::F32,
        }
    }
}

/// How b^(−k/h) is computed, h being half the rotary dim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recipe {
    /// 1 / b^(k/h): Transformers, vLLM, Meta.
    ReciprocalOfPower,
    /// (1/b)^(k/h): FlashInfer.
    PowerOfReciprocal,
    /// b^(−k/h).
    NegativePower,
    /// (b^(−1/h))^k, two powers: ggml on CUDA.
    PowerOfStep,
    /// e^(−k · (ln b / h)): MLX's fallback, tensor2tensor.
    Exponential,
    /// 2^(−(k/h) · log₂ b): MLX on Metal.
    Exp2,
    /// p · b^(−1/h) · b^(−1/h) …, each product rounded, beginning with the position: ggml on CPU.
    /// Where the scheme does more than divide the power, the product begins with 1.
    RunningProduct,
}

/// Errors of the elementary functions that a profile allows, and not more than its emulation has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// Of pow, in ulp of the result.
    pub pow: f64,
    /// Of exp and exp2, in ulp of the result.
    pub exp: f64,
    /// Of ln and log2, in ulp of the result.
    pub log: f64,
    /// Of sin and cos, in ulp of the result, if `fast_trig` is none.
    pub trig: f64,
    /// Whether x^y is 2^(y · log₂ x), as fast-math modes have it.
    pub composed_pow: bool,
    /// Fast sin and cos.
    pub fast_trig: Option<FastTrig>,
}

/// sin and cos of a special function unit: an absolute error that grows with an unreduced angle.
/// At angle 0 both are exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FastTrig {
    /// At any angle, absolute.
    pub absolute: f64,
    /// Per radian of |angle|, absolute.
    pub per_radian: f64,
}

impl Accuracy {
    /// Good C libraries: below 1 ulp (glibc, musl, SLEEF's `u10` functions).
    pub const CORRECT: Accuracy =
        Accuracy { pow: 1.0, exp: 1.0, log: 1.0, trig: 1.0, composed_pow: false, fast_trig: None };
    /// The maxima that CUDA's programming guide lists for its accurate functions, which contain
    /// the C libraries'.
    pub const CUDA: Accuracy = Accuracy { pow: 4.0, exp: 2.0, trig: 2.0, ..Accuracy::CORRECT };
    /// CUDA's intrinsics: `__powf` is `exp2f(y · __log2f(x))`, `__sincosf` reduces in f32.
    pub const FAST: Accuracy = Accuracy {
        exp: 2.0,
        log: 3.0,
        composed_pow: true,
        fast_trig: Some(FastTrig {
            absolute: 4.76837158203125e-7,
            per_radian: 2.384185791015625e-7,
        }),
        ..Accuracy::CUDA
    };
}

/// How the two products of a component become their sum. The components are x·cos − y·sin and
/// y·cos + x·sin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contraction {
    /// Both products rounded, then the sum.
    Separate,
    /// The product with sin rounded, the other fused into the sum.
    RoundsSin,
    /// The product with cos rounded, the other fused into the sum.
    RoundsCos,
}

/// What a division by a factor is applied to (linear scaling).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scaling {
    /// (θ/s)·p.
    Frequency,
    /// θ·(p/s): where the frequency is a power over a factor and nothing else.
    Position,
}

/// How a machine computes a rotation: the format of every step, and what else differs in practice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Stable, lower case.
    pub name: &'static str,
    /// What it is and where it was read.
    pub source: &'static str,
    /// The stored position. Exact: converted once, into the angle's format.
    pub position: Precision,
    /// The stored frequency; it is computed in f32 at least.
    pub frequency: Precision,
    /// Both operands of position × frequency and their product.
    pub angle: Precision,
    /// The stored cos and sin; they are computed in f32 at least.
    pub table: Precision,
    /// Products and sum of the rotation. Dot products accumulate in f32 at least.
    pub arithmetic: Precision,
    /// What is written; exact means the dtype that is asked for.
    pub output: Precision,
    /// What constants of a scheme are computed in before they meet a tensor (Python: f64).
    pub host: Precision,
    /// How a frequency is computed.
    pub recipe: Recipe,
    /// Of the elementary functions.
    pub accuracy: Accuracy,
    /// Fused multiply-add or not.
    pub contraction: Contraction,
    /// Where linear scaling is applied.
    pub scaling: Scaling,
    /// Whether subnormal results become zero.
    pub flush: bool,
}

impl Profile {
    /// Whether a kernel that computes so is right for an output format, so that its bound may
    /// acquit: position exact, frequency and angle at least f32 (f64 for f64 output), table (and
    /// what follows it) at least the output's format.
    ///
    /// ```
    /// use ropewalk::{number::Dtype, profile::find};
    /// let hf = find("hf-bf16").unwrap();
    /// assert!(hf.is_right(Dtype::Bf16) && !hf.is_right(Dtype::F32));
    /// assert!(!find("bf16-positions").unwrap().is_right(Dtype::Bf16));
    /// ```
    pub fn is_right(&self, dtype: Dtype) -> bool {
        let Some(output) = dtype.format() else { return false };
        let least = if output == Format::F64 { Format::F64 } else { Format::F32 };
        self.position == Precision::Exact
            && self.frequency.holds(least)
            && self.angle.holds(least)
            && [self.table, self.arithmetic, self.output].iter().all(|step| step.holds(output))
    }

    /// Whether tables in a narrower format are multiplied in f64: what is left of f32 where f64 is
    /// asked. Nobody computes f32 so.
    pub(crate) fn is_mixed(&self) -> bool {
        self.arithmetic.holds(Format::F64) && !self.table.holds(Format::F64)
    }

    /// A machine of a format, with the profile's subnormals.
    fn machine(&self, format: Format) -> Machine {
        Machine { format, flush: self.flush }
    }
}

/// What a machine of this profile answers: the floating-point tensors in the order of the
/// contract; none for integer answers.
///
/// Bit for bit wherever IEEE 754 determines it; elementary functions are correctly rounded but for
/// one case in 2²⁸. Copied bits are copied.
pub fn emulate(profile: &Profile, question: &Question) -> Vec<Named> {
    walk::walk(&emulator::Emulator::new(profile, question.dtype), question)
}

/// For every profile and element the largest |answer − exact value| that a machine of the profile
/// may have, in the unit of the element, rounded up into the dtype asked for.
///
/// 0 where the kernel must be exact; +∞ where nothing can be judged: a NaN or an infinity took
/// part, or the bound reached what was mixed (magnitude·|z| of the plane, Σ|q||k| of a score, the
/// value itself elsewhere). An overflowing answer counts as ±2^(e_max+1).
pub fn bounds(question: &Question, profiles: &[Profile]) -> Vec<(&'static str, Vec<Named>)> {
    let of =
        |profile: &Profile| walk::walk(&bound::Bounder::new(profile, question.dtype), question);
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
    let emulated = emulator::Emulator::new(profile, Dtype::F64).angles(rope, position);
    let bounds = bound::Bounder::new(profile, Dtype::F64).angle_errors(rope, position);
    emulated.into_iter().zip(bounds).map(|(radians, bound)| Angle { radians, bound }).collect()
}

/// The position on the axis of a plane, 0 for an axis that was not given.
fn on_axis(position: &[Position], axis: usize) -> Position {
    position.get(axis).copied().unwrap_or(Position::integer(0))
}
