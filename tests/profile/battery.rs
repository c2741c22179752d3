//! At least 10⁵ random elements for every profile and operation.

use super::truth::{Seen, Truth};
use super::{Random, question};
use rayon::prelude::*;
use ropewalk::number::Dtype;
use ropewalk::profile::{NAMED, Profile};
use std::collections::BTreeMap;

/// Configs of one axis: width, config without its braces' content closed, seq_len or nothing.
const CONFIGS: &[(usize, &str, &str)] = &[
    (64, r#"{"head_dim":64,"layout":"half","rope_theta":10000}"#, ""),
    (24, r#"{"head_dim":24,"layout":"interleaved","rope_theta":500000,"rotary_dim":20}"#, ""),
    (
        16,
        r#"{"head_dim":16,"layout":"half","rope_theta":10000,"rope_type":"linear","factor":3}"#,
        "",
    ),
    (
        32,
        r#"{"head_dim":32,"layout":"half","rope_theta":500000,"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}"#,
        "",
    ),
    (
        32,
        r#"{"head_dim":32,"layout":"half","rope_theta":1000000,"rope_type":"yarn","factor":4,"original_max_position_embeddings":32768}"#,
        "",
    ),
    (
        32,
        r#"{"head_dim":32,"layout":"interleaved","rope_theta":150000,"rope_type":"yarn","factor":32,"original_max_position_embeddings":4096,"truncate":false}"#,
        "",
    ),
    (
        16,
        r#"{"head_dim":16,"layout":"half","rope_theta":10000,"rope_type":"dynamic","factor":2,"original_max_position_embeddings":4096}"#,
        r#","seq_len":10000"#,
    ),
    (
        8,
        r#"{"head_dim":8,"layout":"half","rope_theta":10000,"rope_type":"longrope","short_factor":[1,1.05,1.2,2.3],"long_factor":[1.1,4,30,64],"original_max_position_embeddings":4096,"factor":32}"#,
        r#","seq_len":5000"#,
    ),
    (16, r#"{"head_dim":16,"layout":"half","rope_theta":10000,"rope_type":"xpos"}"#, ""),
    (
        16,
        r#"{"head_dim":16,"layout":"half","rope_theta":1000000,"rope_type":"proportional","partial_rotary_factor":0.25}"#,
        "",
    ),
];

fn positions(random: &mut Random, config: &str, count: usize) -> Vec<i64> {
    let most = if config.contains("xpos") { 11 } else { 21 };
    let mut position = |i: usize| match i {
        0 => 0,
        1 => 1,
        2 => 40,
        _ => (random.next() >> (63 - random.below(most))) as i64 * if random.below(8) == 0 { -1 } else { 1 },
    };
    (0..count).map(&mut position).collect()
}

/// Rotations in a dtype, about `rows` × 1000 elements.
fn rotations(dtype: Dtype, rows: usize) -> Vec<String> {
    let mut random = Random(dtype.digits() as u64 * 77 + dtype as u64);
    let mut list = Vec::new();
    for (index, &(dim, config, more)) in CONFIGS.iter().enumerate() {
        let seq = 16;
        let heads = (rows * 1000 / 10 / seq / dim).max(1);
        let q = random.tensor(dtype, &[1, heads, seq, dim]);
        let direction = ["forward", "inverse", "backward"][index % 3];
        let positions = positions(&mut random, config, seq);
        list.push((config, format!(
            r#"{{"q":{q},"positions":[{positions:?}],"direction":"{direction}"{more}}}"#
        )));
    }
    list.into_iter().map(|(config, input)| format!("{config}\n{input}")).collect()
}

fn truths(operation: &str, dtype: Dtype, list: &[String]) -> Vec<Truth> {
    let of = |text: &String| {
        let (config, input) = text.split_once('\n').unwrap();
        Truth::new(question(operation, dtype, config, input))
    };
    list.par_iter().map(of).collect()
}

/// Judges profiles and returns what was seen of each.
fn judge<'p>(truths: &[Truth], profiles: &[&'p Profile]) -> BTreeMap<&'p str, Seen> {
    let of = |profile: &&'p Profile| {
        let mut seen = Seen::default();
        truths.iter().for_each(|truth| truth.judge(profile, &mut seen));
        (profile.name, seen)
    };
    profiles.par_iter().map(of).collect()
}

/// Profiles worth running in a dtype: all that need no more than f32 of an f64 answer.
fn all() -> Vec<&'static Profile> {
    NAMED.iter().collect()
}

fn check(name: &str, dtype: Dtype, least: usize, factor: f64, truths: &[Truth]) {
    for (profile, seen) in judge(truths, &all()) {
        println!(
            "{name:10} {dtype:4} {profile:18} {:7} elements, {:7} judged, within {:.2}",
            seen.elements,
            seen.judged,
            1.0 / seen.tightest
        );
        assert!(seen.elements >= least, "{name} {dtype}: {} elements", seen.elements);
        assert!(
            seen.tightest * factor >= 1.0,
            "{profile} {name} {dtype}: nowhere within a factor {:.1} of the bound",
            1.0 / seen.tightest
        );
    }
}

#[test]
fn rotations_stay_within_their_bounds() {
    for dtype in Dtype::FLOATS {
        let start = std::time::Instant::now();
        let list = truths("rotate", dtype, &rotations(dtype, 26));
        println!("truth {:?}", start.elapsed());
        check("rotate", dtype, 25_000, 16.0, &list);
        println!("all {:?}", start.elapsed());
    }
}
