//! The element types that tensors carry.

use super::Format;

/// Element type of a tensor: the four formats that encodings are computed in, the four of eight
/// bits that caches are stored in, and the two integer types of positions and buckets.
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
    /// Eight bits, up to 448, without infinities.
    F8E4M3Fn,
    /// Eight bits, up to 57344: the upper half of a binary16.
    F8E5M2,
    /// Eight bits, up to 240, without infinities and −0.
    F8E4M3Fnuz,
    /// Eight bits, up to 57344, without infinities and −0.
    F8E5M2Fnuz,
    /// Two's complement, 64 bits.
    I64,
    /// Two's complement, 32 bits.
    I32,
}

impl Dtype {
    /// All of them, in the order of the documentation.
    pub const ALL: [Dtype; 10] = [
        Dtype::F64,
        Dtype::F32,
        Dtype::Bf16,
        Dtype::F16,
        Dtype::F8E4M3Fn,
        Dtype::F8E5M2,
        Dtype::F8E4M3Fnuz,
        Dtype::F8E5M2Fnuz,
        Dtype::I64,
        Dtype::I32,
    ];
    /// The four floating-point ones that encodings are computed in.
    pub const FLOATS: [Dtype; 4] = [Dtype::F64, Dtype::F32, Dtype::Bf16, Dtype::F16];
    /// The four of eight bits, for what is stored.
    pub const EIGHT_BITS: [Dtype; 4] =
        [Dtype::F8E4M3Fn, Dtype::F8E5M2, Dtype::F8E4M3Fnuz, Dtype::F8E5M2Fnuz];

    /// The names of some, for a sentence about what is allowed.
    ///
    /// ```
    /// use ropewalk::number::Dtype;
    /// assert_eq!(Dtype::list(&Dtype::FLOATS), "f64, f32, bf16, f16");
    /// ```
    pub fn list(dtypes: &[Dtype]) -> String {
        dtypes.iter().map(|dtype| dtype.name()).collect::<Vec<_>>().join(", ")
    }

    /// All floating-point ones.
    pub fn floating() -> impl Iterator<Item = Dtype> {
        Dtype::ALL.into_iter().filter(|dtype| dtype.format().is_some())
    }

    /// The name used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Dtype::F64 => "f64",
            Dtype::F32 => "f32",
            Dtype::Bf16 => "bf16",
            Dtype::F16 => "f16",
            Dtype::F8E4M3Fn => "f8e4m3fn",
            Dtype::F8E5M2 => "f8e5m2",
            Dtype::F8E4M3Fnuz => "f8e4m3fnuz",
            Dtype::F8E5M2Fnuz => "f8e5m2fnuz",
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
    /// assert_eq!(Dtype::meant("torch.float8_e4m3fn"), Some(Dtype::F8E4M3Fn));
    /// assert_eq!(Dtype::meant("tf32"), None);
    /// ```
    pub fn meant(name: &str) -> Option<Dtype> {
        let name = name.to_lowercase();
        let name = ["torch.", "np.", "numpy.", "jnp.", "tf.", "ml_dtypes."]
            .iter()
            .find_map(|module| name.strip_prefix(module))
            .unwrap_or(&name);
        Some(match name {
            "float64" | "fp64" | "double" => Dtype::F64,
            "float32" | "fp32" | "float" | "single" => Dtype::F32,
            "bfloat16" | "bfloat" => Dtype::Bf16,
            "float16" | "fp16" | "half" => Dtype::F16,
            "float8_e4m3fn" | "f8_e4m3" | "f8_e4m3fn" | "fp8_e4m3" => Dtype::F8E4M3Fn,
            "float8_e5m2" | "f8_e5m2" | "fp8_e5m2" => Dtype::F8E5M2,
            "float8_e4m3fnuz" | "f8_e4m3fnuz" => Dtype::F8E4M3Fnuz,
            "float8_e5m2fnuz" | "f8_e5m2fnuz" => Dtype::F8E5M2Fnuz,
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
            Dtype::F8E4M3Fn => Some(Format::F8E4M3FN),
            Dtype::F8E5M2 => Some(Format::F8E5M2),
            Dtype::F8E4M3Fnuz => Some(Format::F8E4M3FNUZ),
            Dtype::F8E5M2Fnuz => Some(Format::F8E5M2FNUZ),
            Dtype::I64 | Dtype::I32 => None,
        }
    }

    /// Hexadecimal digits of one element.
    pub const fn digits(self) -> usize {
        match self {
            Dtype::F64 | Dtype::I64 => 16,
            Dtype::F32 | Dtype::I32 => 8,
            Dtype::Bf16 | Dtype::F16 => 4,
            Dtype::F8E4M3Fn | Dtype::F8E5M2 | Dtype::F8E4M3Fnuz | Dtype::F8E5M2Fnuz => 2,
        }
    }
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
