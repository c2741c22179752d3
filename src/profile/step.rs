//! How a machine takes each step of a rotation.

use super::machine;
use crate::number::Format;

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
            Precision::Tf32 => Format::ieee(11, 8),
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

    pub(super) fn holds(self, format: Format) -> bool {
        self == Precision::Exact || machine::contains(self.format(), format)
    }

    /// The format in which functions of it are computed: no library evaluates a power or a cosine
    /// in less than f32.
    pub(super) const fn computing(self) -> Format {
        match self {
            Precision::Exact | Precision::F64 => Format::F64,
            _ => Format::F32,
        }
    }
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
