//! The element types that tensors carry.

use super::Format;

/// Element type of a tensor: the four formats that encodings are computed in, and the two integer
/// types of positions and buckets.
///
/// ```
/// use ropewalk::number::{Dtype, Format};
/// assert_eq!(Dtype::from_name("bf16"), Some(Dtype::Bf16));
/// assert_eq!((Dtype::Bf16.format(), Dtype::I32.format()), (Some(Format::BF16), None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dtype {
    /// IEEE binary64.
    F64,
    /// IEEE binary32.
    F32,
    /// bfloat16.
    Bf16,
    /// IEEE binary16.
    F16,
    /// Two's complement, 64 bits.
    I64,
    /// Two's complement, 32 bits.
    I32,
}

impl Dtype {
    /// All of them, in the order of the documentation.
    pub const ALL: [Dtype; 6] =
        [Dtype::F64, Dtype::F32, Dtype::Bf16, Dtype::F16, Dtype::I64, Dtype::I32];
    /// The four floating-point ones.
    pub const FLOATS: [Dtype; 4] = [Dtype::F64, Dtype::F32, Dtype::Bf16, Dtype::F16];

    /// The name used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Dtype::F64 => "f64",
            Dtype::F32 => "f32",
            Dtype::Bf16 => "bf16",
            Dtype::F16 => "f16",
            Dtype::I64 => "i64",
            Dtype::I32 => "i32",
        }
    }

    /// The dtype of this name.
    pub fn from_name(name: &str) -> Option<Dtype> {
        Dtype::ALL.into_iter().find(|dtype| dtype.name() == name)
    }

    /// The dtype that a framework's name means: `float32`, `torch.bfloat16`, `half`.
    ///
    /// ```
    /// use ropewalk::number::Dtype;
    /// assert_eq!(Dtype::meant("torch.float32"), Some(Dtype::F32));
    /// assert_eq!(Dtype::meant("BF16"), Some(Dtype::Bf16));
    /// assert_eq!(Dtype::meant("tf32"), None);
    /// ```
    pub fn meant(name: &str) -> Option<Dtype> {
        let name = name.to_lowercase();
        let name = ["torch.", "np.", "numpy.", "jnp.", "tf."]
            .iter()
            .find_map(|module| name.strip_prefix(module))
            .unwrap_or(&name);
        Some(match name {
            "float64" | "fp64" | "double" => Dtype::F64,
            "float32" | "fp32" | "float" | "single" => Dtype::F32,
            "bfloat16" | "bfloat" => Dtype::Bf16,
            "float16" | "fp16" | "half" => Dtype::F16,
            "int64" | "long" => Dtype::I64,
            "int32" | "int" => Dtype::I32,
            own => return Dtype::from_name(own),
        })
    }

    /// The floating-point format, none for integers.
    pub const fn format(self) -> Option<Format> {
        match self {
            Dtype::F64 => Some(Format::F64),
            Dtype::F32 => Some(Format::F32),
            Dtype::Bf16 => Some(Format::BF16),
            Dtype::F16 => Some(Format::F16),
            Dtype::I64 | Dtype::I32 => None,
        }
    }

    /// Hexadecimal digits of one element.
    pub const fn digits(self) -> usize {
        match self {
            Dtype::F64 | Dtype::I64 => 16,
            Dtype::F32 | Dtype::I32 => 8,
            Dtype::Bf16 | Dtype::F16 => 4,
        }
    }
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
