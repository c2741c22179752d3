//! Binary floating-point formats, described by two numbers and where their NaN is.

/// Which patterns of a format are no numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Specials {
    /// The highest exponent has ±∞ and the NaNs, as in IEEE 754.
    Ieee,
    /// The highest magnitude is a NaN of either sign; no infinity (`fn`: finite, NaN).
    Fn,
    /// What would be −0 is the only NaN; no infinity, and the bias is one higher (`fnuz`: finite,
    /// NaN, unsigned zero).
    Fnuz,
}

/// A binary interchange format in the sense of IEEE 754: a sign, `exponent_bits` of biased
/// exponent and `precision − 1` stored bits of significand, gradual underflow, and the patterns of
/// `specials`.
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
    /// Which patterns are no numbers.
    pub specials: Specials,
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
    pub const F64: Format = Format::ieee(53, 11);
    /// IEEE binary32.
    pub const F32: Format = Format::ieee(24, 8);
    /// bfloat16: the upper half of a binary32.
    pub const BF16: Format = Format::ieee(8, 8);
    /// IEEE binary16.
    pub const F16: Format = Format::ieee(11, 5);
    /// Eight bits, four of exponent, up to 448: OCP's E4M3.
    pub const F8E4M3FN: Format = Format::eight(4, 4, Specials::Fn);
    /// Eight bits, five of exponent: the upper half of a binary16, OCP's E5M2.
    pub const F8E5M2: Format = Format::eight(3, 5, Specials::Ieee);
    /// Eight bits, four of exponent, up to 240, without −0.
    pub const F8E4M3FNUZ: Format = Format::eight(4, 4, Specials::Fnuz);
    /// Eight bits, five of exponent, without infinities and −0.
    pub const F8E5M2FNUZ: Format = Format::eight(3, 5, Specials::Fnuz);
    /// A toy of eight bits (sign, 4 exponent, 3 fraction), small enough to enumerate by hand.
    pub const TOY: Format = Format::ieee(4, 4);

    /// A format with infinities and NaNs as in IEEE 754.
    pub const fn ieee(precision: u32, exponent_bits: u32) -> Format {
        Format { precision, exponent_bits, specials: Specials::Ieee }
    }

    const fn eight(precision: u32, exponent_bits: u32, specials: Specials) -> Format {
        Format { precision, exponent_bits, specials }
    }

    /// Width of an encoding in bits.
    pub const fn width(self) -> u32 {
        self.precision + self.exponent_bits
    }

    /// What is added to an exponent before it is stored.
    const fn bias(self) -> i32 {
        match self.specials {
            Specials::Ieee | Specials::Fn => (1 << (self.exponent_bits - 1)) - 1,
            Specials::Fnuz => 1 << (self.exponent_bits - 1),
        }
    }

    /// Exponent of the largest finite numbers: they are below 2^(e_max + 1).
    pub const fn e_max(self) -> i32 {
        match self.specials {
            Specials::Ieee => self.bias(),
            Specials::Fn | Specials::Fnuz => (1 << self.exponent_bits) - 1 - self.bias(),
        }
    }

    /// Exponent of the smallest normal number, 1 − bias.
    pub const fn e_min(self) -> i32 {
        1 - self.bias()
    }

    /// Exponent of the smallest subnormal, e_min − p + 1: the ulp of zero.
    pub const fn least_exponent(self) -> i32 {
        self.e_min() - self.precision as i32 + 1
    }

    const fn fraction_bits(self) -> u32 {
        self.precision - 1
    }

    /// The sign bit alone, which is also the encoding of −0 where there is one.
    pub const fn sign_bit(self) -> u64 {
        1 << (self.width() - 1)
    }

    /// The pattern of a magnitude with a sign; a zero has none in the `fnuz` formats.
    ///
    /// ```
    /// use ropewalk::number::Format;
    /// assert_eq!(Format::F16.signed(0, true), 0x8000);
    /// assert_eq!(Format::F8E4M3FNUZ.signed(0, true), 0x00);
    /// ```
    pub const fn signed(self, magnitude: u64, negative: bool) -> u64 {
        match negative && (magnitude != 0 || !matches!(self.specials, Specials::Fnuz)) {
            true => magnitude | self.sign_bit(),
            false => magnitude,
        }
    }

    /// The encoding of +∞; the NaN where the format has none, which an overflow comes to there.
    pub const fn infinity(self) -> u64 {
        match self.specials {
            Specials::Ieee => ((1 << self.exponent_bits) - 1) << self.fraction_bits(),
            Specials::Fn | Specials::Fnuz => self.quiet_nan(),
        }
    }

    /// Whether there are infinities.
    pub const fn has_infinity(self) -> bool {
        matches!(self.specials, Specials::Ieee)
    }

    /// The encoding of the largest finite number.
    pub const fn largest(self) -> u64 {
        match self.specials {
            Specials::Ieee => self.infinity() - 1,
            Specials::Fn => self.sign_bit() - 2,
            Specials::Fnuz => self.sign_bit() - 1,
        }
    }

    /// The canonical quiet NaN: 7ff8…, 7fc00000, 7fc0, 7e00; of eight bits 7f, 7e, 80, 80.
    pub const fn quiet_nan(self) -> u64 {
        match self.specials {
            Specials::Ieee => self.infinity() | 1 << (self.fraction_bits() - 1),
            Specials::Fn => self.sign_bit() - 1,
            Specials::Fnuz => self.sign_bit(),
        }
    }

    /// Reads a bit pattern; bits above the width are ignored.
    pub fn decode(self, bits: u64) -> Decoded {
        let negative = bits & self.sign_bit() != 0;
        let fraction = bits & ((1 << self.fraction_bits()) - 1);
        let biased = (bits & (self.sign_bit() - 1)) >> self.fraction_bits();
        if self.is_nan(bits) {
            return Decoded::Nan;
        }
        if self.has_infinity() && biased == (1 << self.exponent_bits) - 1 {
            return Decoded::Infinite { negative };
        }
        let (significand, exponent) = match biased {
            0 => (fraction, self.least_exponent()),
            _ => (fraction | 1 << self.fraction_bits(), self.least_exponent() + biased as i32 - 1),
        };
        Decoded::Finite { negative, significand, exponent }
    }

    /// The pattern without its sign.
    const fn magnitude(self, bits: u64) -> u64 {
        bits & (self.sign_bit() - 1)
    }

    /// Whether the pattern is neither NaN nor infinite.
    pub fn is_finite(self, bits: u64) -> bool {
        match self.specials {
            Specials::Ieee => bits & self.infinity() != self.infinity(),
            Specials::Fn | Specials::Fnuz => !self.is_nan(bits),
        }
    }

    /// Whether the pattern is a NaN.
    pub fn is_nan(self, bits: u64) -> bool {
        match self.specials {
            Specials::Ieee => self.magnitude(bits) > self.infinity(),
            Specials::Fn => self.magnitude(bits) == self.quiet_nan(),
            Specials::Fnuz => bits & (2 * self.sign_bit() - 1) == self.quiet_nan(),
        }
    }

    /// Whether the pattern is a zero of either sign.
    pub fn is_zero(self, bits: u64) -> bool {
        self.magnitude(bits) == 0 && !self.is_nan(bits)
    }

    /// The pattern of the same number with the other sign; a NaN and an unsigned zero stay.
    ///
    /// ```
    /// use ropewalk::number::Format;
    /// assert_eq!(Format::F16.negated(0x3c00), 0xbc00);
    /// assert_eq!(Format::F8E5M2FNUZ.negated(0), 0);
    /// ```
    pub fn negated(self, bits: u64) -> u64 {
        let magnitude = self.magnitude(bits);
        match magnitude == 0 && self.specials == Specials::Fnuz {
            true => bits,
            false => bits ^ self.sign_bit(),
        }
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
        let magnitude = self.magnitude(bits) as i64;
        Some(if bits & self.sign_bit() != 0 { -magnitude } else { magnitude })
    }

    /// The pattern of the last number upwards: +∞, or the largest where there is none.
    const fn last(self) -> u64 {
        if self.has_infinity() { self.infinity() } else { self.largest() }
    }

    /// The number with this ordinal, none beyond the infinities. Ordinal 0 is +0.
    pub fn from_ordinal(self, ordinal: i64) -> Option<u64> {
        let magnitude = ordinal.unsigned_abs();
        (magnitude <= self.last()).then(|| self.signed(magnitude, ordinal < 0))
    }

    /// The next larger number (−0 and +0 count as one); the last is its own. A NaN has none.
    ///
    /// ```
    /// use ropewalk::number::Format;
    /// assert_eq!(Format::F16.next_up(0x7bff), Some(0x7c00)); // 65504 to ∞
    /// assert_eq!(Format::F16.next_up(0x8000), Some(0x0001)); // from −0 as from +0
    /// assert_eq!(Format::F16.next_up(0x7e00), None);
    /// ```
    pub fn next_up(self, bits: u64) -> Option<u64> {
        let ordinal = self.ordinal(bits)?;
        Some(self.from_ordinal(ordinal + 1).unwrap_or(self.last()))
    }

    /// The next smaller number; the last is its own. A NaN has none. See [`Format::next_up`].
    pub fn next_down(self, bits: u64) -> Option<u64> {
        let ordinal = self.ordinal(bits)?;
        Some(self.from_ordinal(ordinal - 1).unwrap_or(self.signed(self.last(), true)))
    }

    /// The value as an f64, exactly: every format here embeds into binary64. A NaN becomes a NaN.
    ///
    /// ```
    /// use ropewalk::number::Format;
    /// assert_eq!(Format::BF16.to_f64(0xc049), -3.140625);
    /// assert_eq!(Format::TOY.to_f64(0x01), 1.0 / 512.0); // its smallest subnormal
    /// ```
    pub fn to_f64(self, bits: u64) -> f64 {
        if self == Format::F32 || self == Format::BF16 {
            let single = if self == Format::F32 { bits } else { bits << 16 };
            let x = f32::from_bits(single as u32) as f64;
            return if x.is_nan() { f64::NAN } else { x };
        }
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
