//! A profile: every step of a machine.

use super::accuracy::Accuracy;
use super::machine::Machine;
use super::recipe::Recipe;
use super::step::{Contraction, Precision, Scaling};
use crate::number::{Dtype, Format};

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

    /// A machine of a format, with the profile's subnormals.
    pub(super) fn machine(&self, format: Format) -> Machine {
        Machine { format, flush: self.flush }
    }
}
