//! The lists that coverage is measured against.

/// Positions that every encoding meets in every format: the first ones, the last exact integers of
/// bf16, f16, f32 and f64 and their neighbours, the range of f16, 16 and 32-bit integers, lengths
/// of real contexts, and numbers at which real kernels failed.
pub const POSITIONS: &[i64] = &[
    0,
    1,
    2,
    3,
    7,
    255,
    256,
    257,
    258,
    2047,
    2048,
    2049,
    4095,
    4096,
    4097,
    8191,
    16000,
    32767,
    48039,
    65519,
    65520,
    65535,
    65536,
    131071,
    1000003,
    1 << 20,
    (1 << 24) - 1,
    1 << 24,
    (1 << 24) + 1,
    (1 << 31) - 1,
    1 << 31,
    (1 << 53) + 1,
];

/// Head widths and rotary widths: powers of two, their neighbours, and every width of a released
/// model that is neither.
pub const DIMS: &[usize] = &[2, 4, 6, 20, 34, 40, 64, 66, 72, 80, 92, 96, 100, 128, 192, 256];

/// Bases: GPT-J and Llama 1, Llama 3, Code Llama and Qwen 2, gpt-oss, and two that no model has.
pub const BASES: &[f64] = &[10000.0, 500000.0, 1000000.0, 150000.0, 1.0, 0.5];

/// Positions that fail together.
#[derive(Clone, Copy, Debug)]
pub struct Band {
    /// A slug.
    pub name: &'static str,
    /// The flag of a failure here.
    pub flag: &'static str,
    /// The largest |position|.
    pub last: i64,
}

const BANDS: [Band; 10] = [
    Band { name: "origin", flag: "identity", last: 0 },
    Band { name: "first", flag: "sign", last: 7 },
    Band { name: "bf16-limit", flag: "position-bf16", last: 258 },
    Band { name: "f16-limit", flag: "position-f16", last: 2049 },
    Band { name: "long", flag: "long-position", last: 48039 },
    Band { name: "f16-range", flag: "position-f16", last: 65536 },
    Band { name: "longer", flag: "long-position", last: 1 << 20 },
    Band { name: "f32-limit", flag: "position-f32", last: (1 << 24) + 1 },
    Band { name: "i32-limit", flag: "position-integer", last: 1 << 31 },
    Band { name: "f64-limit", flag: "position-f64", last: i64::MAX },
];

/// The band of a position.
pub fn band_of(position: i64) -> Band {
    let beyond = |band: &&Band| position.unsigned_abs() <= band.last.unsigned_abs();
    BANDS.iter().find(beyond).copied().unwrap_or(BANDS[BANDS.len() - 1])
}

/// The listed positions, band by band.
pub fn bands() -> Vec<(Band, Vec<i64>)> {
    let of = |band: &Band| {
        let members = POSITIONS.iter().copied().filter(|&p| band_of(p).name == band.name);
        (*band, members.collect())
    };
    BANDS.iter().map(of).collect()
}

/// A position as part of an id: `7`, `minus-7`.
pub(super) fn slug_of(position: i64) -> String {
    match position < 0 {
        true => format!("minus-{}", position.unsigned_abs()),
        false => position.to_string(),
    }
}
