//! At least 10⁵ random elements for every profile and operation: no error exceeds its bound.

use super::cases::truths;
use super::truth::{Seen, Truth};
use rayon::prelude::*;
use ropewalk::number::Dtype;
use ropewalk::profile::{NAMED, Profile};

/// Judges profiles on questions with their answers.
fn judge<'p>(truths: &[Truth], profiles: &[&'p Profile]) -> Vec<(&'p Profile, Seen)> {
    let of = |profile: &&'p Profile| {
        let mut seen = Seen::default();
        truths.iter().for_each(|truth| truth.judge(profile, &mut seen));
        (*profile, seen)
    };
    profiles.par_iter().map(of).collect()
}

/// Four dtypes, all profiles, `count` elements of each dtype.
fn within_bounds(operation: &str, count: usize) {
    let profiles: Vec<&Profile> = NAMED.iter().collect();
    for dtype in Dtype::FLOATS {
        for (profile, seen) in judge(&truths(operation, dtype, dtype, count), &profiles) {
            println!("{operation:12} {dtype:4} {:18} {seen:?}", profile.name);
            assert!(seen.elements >= count);
            assert_eq!(seen.broken, 0, "{} {operation} {dtype}", profile.name);
        }
    }
}

const QUARTER: usize = 25_000;

#[test]
fn rotations_stay_within_their_bounds() {
    within_bounds("rotate", QUARTER);
}

#[test]
fn given_tables_stay_within_their_bounds() {
    within_bounds("apply", QUARTER);
}

#[test]
fn tables_stay_within_their_bounds() {
    within_bounds("table", QUARTER);
}

#[test]
fn scores_stay_within_their_bounds() {
    within_bounds("score", QUARTER);
}

#[test]
fn spectra_stay_within_their_bounds() {
    within_bounds("inv_freq", QUARTER);
}

#[test]
fn sinusoids_stay_within_their_bounds() {
    within_bounds("sinusoidal", QUARTER);
}

#[test]
fn biases_and_copies_stay_within_their_bounds() {
    for operation in ["alibi_slopes", "alibi_bias", "learned"] {
        within_bounds(operation, QUARTER);
    }
}

/// What a profile's steps hold without rounding, so that its own roundings are all there is.
fn native(profile: &Profile) -> Dtype {
    use ropewalk::profile::Precision::*;
    match profile.arithmetic {
        Exact | F64 => Dtype::F64,
        F32 => Dtype::F32,
        Bf16 => Dtype::Bf16,
        F16 => Dtype::F16,
    }
}

#[test]
fn bounds_are_tight() {
    for (operation, factor) in [("rotate", 8.0), ("table", 16.0), ("score", 16.0), ("inv_freq", 16.0)] {
        for profile in NAMED {
            // Inputs in the format of the arithmetic, answers in one that holds every result.
            let truths = truths(operation, native(profile), Dtype::F64, 8_000);
            let (_, seen) = judge(&truths, &[profile])[0];
            println!("{operation:9} {:18} within a factor {:.2}", profile.name, 1.0 / seen.tightest);
            assert!(seen.tightest * factor >= 1.0, "{operation} {}: {seen:?}", profile.name);
        }
    }
}
