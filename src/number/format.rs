//! Binary floating-point formats, described by two numbers.

/// A binary interchange format in the sense of IEEE 754: a sign, `exponent_bits` of biased
/// exponent and `precision − 1` stored bits of significand, gradual underflow, infinities, NaN.
///
/// bf16 is a format like any other here: precision 8, eight exponent bits, subnormals kept. Code
/// that is generic over the format is tested with [`Format::TOY`], which can be enumerated.
///
/// ```
/// use ropewalk::number::{Decoded, Format};
/// assert_eq!(Format::F16.largest(), 0x7bff);
/// assert_eq!(
///     Format::F32.decode(0x40490fdb),
///     Decoded::Finite { negative: false, significand: 0xc90fdb, exponent: -22 },
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    /// Bits of the significand, the implicit one included.
    pub precision: u32,
    /// Bits of the biased exponent.
    pub exponent_bits: u32,
}

/// What a bit pattern stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A NaN of either sign, quiet or signalling.
    Nan,
    /// +∞ or −∞.
    Infinite {
        /// Whether the sign bit is set.
        negative: bool,
    },
    /// ±`significand` · 2^`exponent`, exactly. A zero has significand 0.
    Finite {
        /// Whether the sign bit is set.
        negative: bool,
        /// Below 2^precision.
        significand: u64,
        /// Of the significand's last bit.
        exponent: i32,
    },
}

impl Format {
    /// IEEE binary64.
    pub const F64: Format = Format { precision: 53, exponent_bits: 11 };
    /// IEEE binary32.
    pub const F32: Format = Format { precision: 24, exponent_bits: 8 };
    /// bfloat16: the upper half of a binary32.
    pub const BF16: Format = Format { precision: 8, exponent_bits: 8 };
    /// IEEE binary16.
    pub const F16: Format = Format { precision: 11, exponent_bits: 5 };
    /// A toy of eight bits (sign, 4 exponent, 3 fraction), small enough to enumerate by hand.
    pub const TOY: Format = Format { precision: 4, exponent_bits: 4 };

    /// Width of an encoding in bits.
    pub const fn width(self) -> u32 {
        self.precision + self.exponent_bits
    }

    /// Exponent of the largest finite numbers: they are below 2^(e_max + 1).
    pub const fn e_max(self) -> i32 {
        (1 << (self.exponent_bits - 1)) - 1
    }

    /// Exponent of the smallest normal number, 1 − e_max.
    pub const fn e_min(self) -> i32 {
        1 - self.e_max()
    }

    /// Exponent of the smallest subnormal, e_min − p + 1: the ulp of zero.
    pub const fn least_exponent(self) -> i32 {
        self.e_min() - self.precision as i32 + 1
    }

    const fn fraction_bits(self) -> u32 {
        self.precision - 1
    }

    /// The sign bit alone, which is also the encoding of −0.
    pub const fn sign_bit(self) -> u64 {
        1 << (self.width() - 1)
    }

    /// The encoding of +∞.
    pub const fn infinity(self) -> u64 {
        ((1 << self.exponent_bits) - 1) << self.fraction_bits()
    }

    /// The encoding of the largest finite number.
    pub const fn largest(self) -> u64 {
        self.infinity() - 1
    }

    /// The canonical quiet NaN: 7ff8…, 7fc00000, 7fc0, 7e00.
    pub const fn quiet_nan(self) -> u64 {
        self.infinity() | 1 << (self.fraction_bits() - 1)
    }

    /// Reads a bit pattern; bits above the width are ignored.
    pub fn decode(self, bits: u64) -> Decoded {
        let negative = bits & self.sign_bit() != 0;
        let fraction = bits & ((1 << self.fraction_bits()) - 1);
        let biased = (bits & (self.sign_bit() - 1)) >> self.fraction_bits();
        if biased == (1 << self.exponent_bits) - 1 {
            return if fraction == 0 { Decoded::Infinite { negative } } else { Decoded::Nan };
        }
        let (significand, exponent) = match biased {
            0 => (fraction, self.least_exponent()),
            _ => (fraction | 1 << self.fraction_bits(), self.least_exponent() + biased as i32 - 1),
        };
        Decoded::Finite { negative, significand, exponent }
    }

    /// Whether the pattern is neither NaN nor infinite.
    pub fn is_finite(self, bits: u64) -> bool {
        bits & self.infinity() != self.infinity()
    }

    /// Whether the pattern is a NaN.
    pub fn is_nan(self, bits: u64) -> bool {
        !self.is_finite(bits) && bits & ((1 << self.fraction_bits()) - 1) != 0
    }

    /// Whether the pattern is a zero of either sign.
    pub fn is_zero(self, bits: u64) -> bool {
        bits & (self.sign_bit() - 1) == 0
    }

    /// k such that ulp(x) = 2^k, with ulp(x) = 2^(max(e, e_min) − p + 1) for e = ⌊log₂|x|⌋.
    ///
    /// ±∞ counts as ±2^(e_max + 1), as it does in every comparison of the project; a NaN has none.
    ///
    /// ```
    /// use ropewalk::number::Format;
    /// assert_eq!(Format::F16.ulp_exponent(0x3c00), Some(-10)); // of 1
    /// assert_eq!(Format::F16.ulp_exponent(0x0000), Some(-24)); // of 0
    /// assert_eq!(Format::F16.ulp_exponent(0x7c00), Some(6)); // of ∞, taken as 65536
    /// ```
    pub fn ulp_exponent(self, bits: u64) -> Option<i32> {
        match self.decode(bits) {
            Decoded::Nan => None,
            Decoded::Infinite { .. } => Some(self.e_max() + 1 - self.fraction_bits() as i32),
            Decoded::Finite { exponent, .. } => Some(exponent),
        }
    }

    /// A signed count of the numbers between 0 and this one; both zeros are 0. A NaN has none.
    ///
    /// ```
    /// use ropewalk::number::Format;
    /// assert_eq!(Format::F32.ordinal(0x80000001), Some(-1));
    /// assert_eq!(Format::F32.from_ordinal(-1), Some(0x80000001));
    /// ```
    pub fn ordinal(self, bits: u64) -> Option<i64> {
        if self.is_nan(bits) {
            return None;
        }
        let magnitude = (bits & (self.sign_bit() - 1)) as i64;
        Some(if bits & self.sign_bit() != 0 { -magnitude } else { magnitude })
    }

    /// The number with this ordinal, none beyond the infinities. Ordinal 0 is +0.
    pub fn from_ordinal(self, ordinal: i64) -> Option<u64> {
        let magnitude = ordinal.unsigned_abs();
        let sign = if ordinal < 0 { self.sign_bit() } else { 0 };
        (magnitude <= self.infinity()).then_some(magnitude | sign)
    }

    /// The next larger number (−0 and +0 count as one); +∞ is its own. A NaN has none.
    ///
    /// ```
    /// use ropewalk::number::Format;
    /// assert_eq!(Format::F16.next_up(0x7bff), Some(0x7c00)); // 65504 to ∞
    /// assert_eq!(Format::F16.next_up(0x8000), Some(0x0001)); // from −0 as from +0
    /// assert_eq!(Format::F16.next_up(0x7e00), None);
    /// ```
    pub fn next_up(self, bits: u64) -> Option<u64> {
        let ordinal = self.ordinal(bits)?;
        Some(self.from_ordinal(ordinal + 1).unwrap_or(self.infinity()))
    }

    /// The next smaller number; −∞ is its own. A NaN has none. See [`Format::next_up`].
    pub fn next_down(self, bits: u64) -> Option<u64> {
        let ordinal = self.ordinal(bits)?;
        Some(self.from_ordinal(ordinal - 1).unwrap_or(self.infinity() | self.sign_bit()))
    }

    /// The value as an f64, exactly: every format here embeds into binary64. A NaN becomes a NaN.
    ///
    /// ```
    /// use ropewalk::number::Format;
    /// assert_eq!(Format::BF16.to_f64(0xc049), -3.140625);
    /// assert_eq!(Format::TOY.to_f64(0x01), 1.0 / 512.0); // its smallest subnormal
    /// ```
    pub fn to_f64(self, bits: u64) -> f64 {
        match self.decode(bits) {
            Decoded::Nan => f64::NAN,
            Decoded::Infinite { negative: false } => f64::INFINITY,
            Decoded::Infinite { negative: true } => f64::NEG_INFINITY,
            // The significand has at most 53 bits, so only the scaling could round, and the
            // exponent range of binary64 contains that of the others.
            Decoded::Finite { .. } if self == Format::F64 => f64::from_bits(bits),
            Decoded::Finite { negative, significand, exponent } => {
                // 2^exponent is a normal number of binary64.
                let power = f64::from_bits(((exponent + 1023) as u64) << 52);
                let magnitude = significand as f64 * power;
                if negative { -magnitude } else { magnitude }
            }
        }
    }
}
