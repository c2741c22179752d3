//! At least 10⁵ random elements for every profile and operation: no error exceeds its bound.

use super::cases::truths;
use super::truth::{Seen, Truth};
use super::{Random, question};
use rayon::prelude::*;
use ropewalk::number::Dtype;
use ropewalk::profile::{NAMED, Profile, emulate};

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
const SLOW: [&str; 5] =
    ["score", "inv_freq", "alibi_slopes", "alibi_bias", "attention_temperature"];

#[test]
fn scores_spectra_and_biases_stay_within_their_bounds() {
    SLOW.iter().for_each(|operation| within_bounds(operation, 1000));
}

#[test]
#[ignore = "a minute: 10^5 elements of the slow operations"]
fn long_many_scores_spectra_and_biases_stay_within_their_bounds() {
    SLOW.iter().for_each(|operation| within_bounds(operation, QUARTER));
}

/// What a profile's steps hold without rounding, so that its own roundings are all there is.
fn native(profile: &Profile) -> Dtype {
    use ropewalk::profile::Precision::*;
    match profile.arithmetic {
        Exact | F64 => Dtype::F64,
        F32 => Dtype::F32,
        Bf16 => Dtype::Bf16,
        F16 | Tf32 => Dtype::F16,
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

/// Schemes with several axes, and positions that are no integers.
#[test]
fn axes_and_rational_positions_stay_within_their_bounds() {
    let configs = [
        (r#"{"head_dim":16,"layout":"half","rope_theta":100,"rope_type":"dinov3"}"#, true),
        (r#"{"head_dim":16,"layout":"interleaved","rope_type":"pixel","max_freq":10}"#, true),
        (
            r#"{"head_dim":16,"layout":"half","rope_theta":100,"rope_type":"axial","axes_dims":[4,12]}"#,
            true,
        ),
        (r#"{"head_dim":16,"layout":"half","rope_theta":10000,"rope_type":"pixtral"}"#, false),
        (r#"{"head_dim":16,"layout":"half","rope_theta":10000,"rope_type":"moonvit"}"#, false),
        (
            r#"{"head_dim":16,"layout":"half","rope_theta":100,"rope_type":"ltx","num_axes":2}"#,
            true,
        ),
        (r#"{"head_dim":16,"layout":"half","rope_theta":1e6,"mrope_section":[2,3,3]}"#, false),
        (r#"{"head_dim":16,"layout":"half","rope_theta":10000,"rope_type":"none"}"#, false),
    ];
    let profiles: Vec<&Profile> = NAMED.iter().collect();
    let mut random = Random(9);
    for dtype in Dtype::FLOATS {
        for (config, rational) in configs {
            let axes = match config {
                c if c.contains("mrope") => 3,
                c if c.contains("none") => 1,
                _ => 2,
            };
            let mut axis = || {
                let list = (0..20).map(|_| match rational {
                    true => format!(r#""{}/31""#, 1 + random.below(30)),
                    false => format!("{}", random.below(3000)),
                });
                format!("[[{}]]", list.collect::<Vec<_>>().join(","))
            };
            let list: Vec<String> = (0..axes).map(|_| axis()).collect();
            let positions =
                if axes == 1 { list[0].clone() } else { format!("[{}]", list.join(",")) };
            let q = random.tensor(dtype, &[1, 4, 20, 16]);
            let input = format!(r#"{{"q":{q},"positions":{positions}}}"#);
            let truth = [Truth::new(question("rotate", dtype, config, &input))];
            for (profile, seen) in judge(&truth, &profiles) {
                assert_eq!(seen.broken, 0, "{} {dtype} {config}", profile.name);
                assert!(seen.judged > 500, "{} {dtype} {config} {seen:?}", profile.name);
            }
        }
    }
}

/// The examples of the contract, every operation and corner among them: nothing panics, shapes
/// agree, no bound is broken, and copies are copies.
#[test]
fn contract_examples_stay_within_their_bounds() {
    let text = std::fs::read_to_string("docs/contract-examples.ndjson").unwrap();
    let profiles: Vec<&Profile> = NAMED.iter().collect();
    let mut seen_any = 0;
    for line in text.lines() {
        let example: serde_json::Value = serde_json::from_str(line).unwrap();
        let request = ropewalk::request::Request::parse(&example["request"].to_string());
        let Ok(question) = request.and_then(|r| ropewalk::encoding::Question::new(&r)) else {
            continue;
        };
        let copies = ["t5_bias", "learned", "permute_qk"]
            .contains(&example["request"]["operation"].as_str().unwrap());
        let truth = [Truth::new(question)];
        for (profile, seen) in judge(&truth, &profiles) {
            assert_eq!(seen.broken, 0, "{} {}", profile.name, example["comment"]);
            seen_any += seen.judged;
            if copies {
                let got = emulate(profile, &truth[0].question);
                assert_eq!(got[0].tensor, truth[0].answer.tensors[0].expected);
            }
        }
    }
    assert!(seen_any > 1000);
}
