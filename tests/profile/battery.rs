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

/// A quarter of 10⁵: there are four dtypes.
const QUARTER: usize = 25_000;

#[test]
fn rotations_stay_within_their_bounds() {
    within_bounds("rotate", QUARTER);
}

#[test]
fn tables_stay_within_their_bounds() {
    within_bounds("table", QUARTER);
    within_bounds("sinusoidal", QUARTER);
}

#[test]
fn given_tables_and_copies_stay_within_their_bounds() {
    within_bounds("apply", QUARTER);
    within_bounds("learned", QUARTER);
}

/// The operations whose truth is slow to compute; all of them in the test below.
const SLOW: [&str; 4] = ["score", "inv_freq", "alibi_slopes", "alibi_bias"];

#[test]
fn scores_spectra_and_biases_stay_within_their_bounds() {
    SLOW.iter().for_each(|operation| within_bounds(operation, 1000));
}

#[test]
#[ignore = "a minute: 10^5 elements of the slow operations"]
fn many_scores_spectra_and_biases_stay_within_their_bounds() {
    SLOW.iter().for_each(|operation| within_bounds(operation, QUARTER));
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

/// Somewhere the emulation comes within a factor 8 of its bound (rotation), or 16 (with a table of
/// its own, or a sum over planes).
fn tight(operation: &str, count: usize, factor: f64) {
    for native_dtype in Dtype::FLOATS {
        // Inputs in the format of the arithmetic, answers in one that holds every result.
        let truths = truths(operation, native_dtype, Dtype::F64, count);
        let profiles: Vec<&Profile> =
            NAMED.iter().filter(|profile| native(profile) == native_dtype).collect();
        for (profile, seen) in judge(&truths, &profiles) {
            println!("{operation:9} {:18} within {:.2}", profile.name, 1.0 / seen.tightest);
            assert!(seen.tightest * factor >= 1.0, "{operation} {}: {seen:?}", profile.name);
        }
    }
}

#[test]
fn bounds_are_tight() {
    tight("rotate", 8000, 8.0);
    tight("table", 4000, 16.0);
    tight("inv_freq", 1000, 16.0);
    tight("score", 4000, 16.0);
}
