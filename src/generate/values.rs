//! What stands in tensors: numbered, one-hot, random of both signs, special bit patterns.

use crate::number::{Decoded, Dtype, Format, Tensor, Wide};
use crate::request::{Json, Position, tensor_json};

/// A small generator of reproducible numbers (SplitMix64, Steele et al. 2014), seeded by words, so
/// that a test's data depend on what it is and not on where it stands.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Seeds by the FNV-1a hash of some words.
    pub fn new(words: &str) -> Random {
        let step = |hash: u64, byte: u8| (hash ^ byte as u64).wrapping_mul(0x100_0000_01b3);
        Random(words.bytes().fold(0xcbf2_9ce4_8422_2325, step))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number of either sign with 1/4 ≤ |x| < 4 and a full significand.
    pub fn mixed(&mut self) -> f64 {
        let bits = self.bits();
        let (sign, exponent) = (bits >> 63 << 63, 1021 + (bits >> 52 & 3));
        f64::from_bits(sign | exponent << 52 | bits & ((1 << 52) - 1))
    }
}

/// A tensor of bit patterns as JSON; null, which every operation refuses, if the shape does not
/// fit, so that a slip shows when the suite is generated.
pub fn bits(dtype: Dtype, shape: &[usize], data: Vec<u64>) -> Json {
    Tensor::new(dtype, shape.to_vec(), data).map_or(Json::Null, |tensor| tensor_json(&tensor))
}

/// The bit pattern nearest to a double; of an integer dtype, the integer.
pub fn nearest(dtype: Dtype, x: f64) -> u64 {
    match (dtype.format(), Format::F64.decode(x.to_bits())) {
        (None, _) => x as i64 as u64 & (u64::MAX >> (64 - 4 * dtype.digits())),
        (Some(format), Decoded::Finite { negative, significand, exponent }) => {
            format.round(&Wide::dyadic(negative, significand as u128, exponent as i64))
        }
        (Some(format), Decoded::Infinite { negative }) => {
            format.infinity() | if negative { format.sign_bit() } else { 0 }
        }
        (Some(format), Decoded::Nan) => format.quiet_nan(),
    }
}

/// The numbers of the dtype nearest to these.
pub fn values(dtype: Dtype, shape: &[usize], list: &[f64]) -> Json {
    bits(dtype, shape, list.iter().map(|&x| nearest(dtype, x)).collect())
}

fn count(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// first, first + 1, …: every element tells where it came from. Small enough to be exact in every
/// format up to 256.
pub fn numbered(dtype: Dtype, shape: &[usize], first: i64) -> Json {
    let list: Vec<f64> = (0..count(shape) as i64).map(|i| (first + i) as f64).collect();
    values(dtype, shape, &list)
}

/// Random numbers of both signs with full significands, the same ones in every format up to
/// rounding.
pub fn mixed(dtype: Dtype, shape: &[usize], words: &str) -> Json {
    let mut random = Random::new(words);
    let list: Vec<f64> = (0..count(shape)).map(|_| random.mixed()).collect();
    values(dtype, shape, &list)
}

/// Row r of [1, 1, rows, width] is 1 at r and 0 elsewhere.
pub fn one_hot(dtype: Dtype, width: usize) -> Json {
    let list: Vec<f64> =
        (0..width * width).map(|i| (i / width == i % width) as u8 as f64).collect();
    values(dtype, &[1, 1, width, width], &list)
}

/// One row repeated: `shape` without its last dimension copies of it.
pub fn repeated(dtype: Dtype, shape: &[usize], row: &[f64]) -> Json {
    let list: Vec<f64> = row.iter().copied().cycle().take(count(shape)).collect();
    values(dtype, shape, &list)
}

/// Random rows, each of which stands for all `heads` of a token and for all `batch` rows: equal
/// content at different positions.
pub fn same_rows(dtype: Dtype, shape: [usize; 4], words: &str) -> Json {
    let [batch, heads, seq, dim] = shape;
    let mut random = Random::new(words);
    let row: Vec<f64> = (0..dim).map(|_| random.mixed()).collect();
    repeated(dtype, &[batch, heads, seq, dim], &row)
}

/// A flat list of positions.
pub fn flat(positions: &[i64]) -> Json {
    Json::Array(positions.iter().map(|&p| Position::integer(p).to_json()).collect())
}

/// Lists of lists of positions.
pub fn nested(axes: &[&[&[i64]]]) -> Json {
    let rows = |rows: &&[&[i64]]| Json::Array(rows.iter().map(|row| flat(row)).collect());
    Json::Array(axes.iter().map(rows).collect())
}

/// A number of a config: an integer where it is one.
pub fn number(x: f64) -> Json {
    match x.fract() == 0.0 && x.abs() < 1e15 {
        true => Json::Integer(x as i128),
        false => Json::Real(x),
    }
}
