//! `ropewalk sweep` against every position one by one (docs/sweep.md).

mod page;

use assert_cmd::Command;
use ropewalk::encoding::{Body, Question, Rope, RopeConfig};
use ropewalk::exact::{ResolvedRope, sin_cos};
use ropewalk::number::Format;
use ropewalk::profile::{self, NAMED, Profile};
use ropewalk::request::{Position, Request};
use rug::Float;
use serde_json::Value;
use std::ops::Range;

const PLAIN: &str = r#"{"head_dim":14,"layout":"half","rope_theta":10000}"#;

fn ropewalk(arguments: &[&str]) -> String {
    let output = Command::cargo_bin("ropewalk").unwrap().args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A file with a config.
fn config(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn sweep(
    config_text: &str,
    profile: &str,
    range: &Range<u64>,
    bound: f64,
    more: &[&str],
) -> String {
    let file = config(config_text);
    let (range, bound) = (format!("{}..{}", range.start, range.end), bound.to_string());
    let base = ["sweep", "--config", file.path().to_str().unwrap(), "--profile", profile];
    let rest = ["--range", &range, "--bound", &bound, "--json"];
    ropewalk(&[&base[..], &rest, more].concat())
}

fn rope(config: &str) -> Rope {
    let object = serde_json::from_str(config).unwrap();
    RopeConfig::new(&object).unwrap().rope(None).unwrap()
}

/// The three errors at every position of a range, [position][plane], without any cleverness.
fn brute(config: &str, profile: &Profile, range: &Range<u64>) -> Vec<Vec<[f64; 3]>> {
    let rope = rope(config);
    let resolved = ResolvedRope::new(&rope).unwrap();
    let list: Vec<String> = range.clone().map(|p| p.to_string()).collect();
    let line = format!(
        r#"{{"cmd":"run","id":"a","operation":"table","dtype":"f64","config":{config},"input":{{"positions":[{}]}}}}"#,
        list.join(",")
    );
    let question = Question::new(&Request::parse(&line).unwrap()).unwrap();
    let Body::Table(_) = question.body else { panic!() };
    let table = profile::emulate(profile, &question);
    let planes = rope.planes.len();
    let magnitude = resolved.magnitude.enclose(256).unwrap().lo().clone();
    let thetas: Vec<Float> =
        resolved.planes.iter().map(|p| p.frequency.enclose(256).unwrap().lo().clone()).collect();
    let row = |(row, p): (usize, u64)| {
        let angles = profile::angles(profile, &rope, &[Position::integer(p as i64)]);
        let errors = |plane: usize| {
            let exact = Float::with_val(256, &thetas[plane] * p);
            let (sin, cos) = sin_cos(&ropewalk::exact::Interval::exactly(exact.clone()));
            let off = |name: usize, exact: &Float| {
                let bits = table[name].tensor.data()[row * planes + plane];
                let stored = Float::with_val(256, Format::F64.to_f64(bits));
                Float::with_val(256, stored - Float::with_val(256, exact * &magnitude)).abs()
            };
            let (cos, sin) = (off(0, cos.lo()), off(1, sin.lo()));
            let angle = Float::with_val(256, angles[plane].radians - exact).abs().to_f64();
            let larger = if cos > sin { cos.to_f64() } else { sin.to_f64() };
            let errors = [angle, larger, cos.hypot(&sin).to_f64()];
            errors.map(|x| if x.is_nan() { f64::INFINITY } else { x })
        };
        (0..planes).map(errors).collect()
    };
    range.clone().enumerate().map(row).collect()
}

/// Compares a sweep with every position of its range.
fn compare(config: &str, profile: &Profile, range: Range<u64>, bound: f64) {
    let brute = brute(config, profile, &range);
    let swept = lines(&sweep(config, profile.name, &range, bound, &[]));
    let planes = brute[0].len();
    let place = format!("{} {config} {range:?}", profile.name);
    for plane in 0..planes {
        for (index, measure) in ["angle", "table", "rotation"].into_iter().enumerate() {
            let found = &swept[1 + plane][measure];
            let errors = || brute.iter().map(|row| row[plane][index]);
            let worst = errors().fold(0.0, f64::max);
            let place = format!("{place} plane {plane} {measure}");
            let first = errors().position(|e| e > bound).map(|k| range.start + k as u64);
            assert_eq!(found["first"].as_u64(), first, "{place}");
            if worst.is_infinite() {
                assert_eq!(found["error"], "inf", "{place}");
                continue;
            }
            let number = |key: &str| found[key].as_f64().unwrap();
            assert!(
                number("at_least") <= worst && worst <= number("at_most"),
                "{place} {worst:e} {found}"
            );
            let room = worst * 1e-14 + if index == 0 { 1e-18 } else { 8e-15 };
            assert!(number("at_most") - number("at_least") <= room, "{place} {found}");
            // The position has that error.
            let at = (found["position"].as_u64().unwrap() - range.start) as usize;
            assert!((brute[at][plane][index] - worst).abs() <= room, "{place} {found}");
        }
    }
    for line in swept.iter().filter(|line| line.get("octave").is_some()) {
        let octave = line["octave"].as_u64().unwrap() as u32;
        let (from, to) = (1u64 << octave >> 1, (1u64 << octave) - 1);
        let inside = range.clone().zip(&brute).filter(|(p, _)| (from..=to).contains(p));
        let worst = inside.flat_map(|(_, row)| row.iter().map(|e| e[0])).fold(0.0, f64::max);
        if worst.is_finite() {
            let off = (line["angle"].as_f64().unwrap() - worst).abs();
            assert!(off <= worst * 1e-14 + 1e-18, "{place} {line}");
        }
    }
}

#[test]
fn every_profile_at_small_positions_and_at_the_end() {
    for (index, profile) in NAMED.iter().enumerate() {
        let shift = index as u64 * 1000;
        compare(PLAIN, profile, shift * shift..shift * shift + 60, 3e-7);
        // Groups of two in f32, where ties and octaves meet.
        compare(PLAIN, profile, (1 << 24) - 20..(1 << 24) + 50, 0.01);
        // Groups of 128 in f32, which turn the first plane by many turns.
        compare(PLAIN, profile, (1 << 31) - 300..1 << 31, 1.0);
    }
}

#[test]
fn long_groups() {
    for (name, start, count) in [
        ("bf16-positions", 40000, 1400),
        ("bf16-angle", 65300, 1000),
        ("vllm-bf16-cache", 1 << 30, 600),
    ] {
        let profile = profile::find(name).unwrap();
        for bound in [0.004, 1.5, 1.9999] {
            compare(PLAIN, profile, start..start + count, bound);
        }
    }
}

#[test]
fn other_ropes() {
    let f32 = profile::find("hf-f32").unwrap();
    let running = profile::find("ggml-f32").unwrap();
    let metal = profile::find("mlx-exp2").unwrap();
    for config in [
        // A magnitude with a logarithm.
        r#"{"head_dim":12,"layout":"half","rope_theta":10000,"rope_type":"yarn","factor":32,"original_max_position_embeddings":4096}"#,
        r#"{"head_dim":12,"layout":"half","rope_theta":500000,"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}"#,
        r#"{"head_dim":12,"layout":"half","rope_theta":10000,"rope_type":"linear","factor":3}"#,
        // Planes that do not turn.
        r#"{"head_dim":16,"layout":"half","rope_theta":10000,"rope_type":"proportional","partial_rotary_factor":0.5}"#,
    ] {
        for profile in [f32, running, metal] {
            compare(config, profile, 16777300..16777400, 1e-3);
        }
    }
}

#[test]
fn shards_merge_to_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let range = 33_550_000..33_560_000;
    let whole = sweep(PLAIN, "hf-f32", &range, 0.5, &[]);
    let mut paths = Vec::new();
    for k in [2, 3, 1] {
        let path = folder.path().join(format!("{k}.ndjson"));
        let shard = format!("{k}/3");
        let path_text = path.to_str().unwrap().to_string();
        sweep(PLAIN, "hf-f32", &range, 0.5, &["--shard", &shard, "-o", &path_text]);
        paths.push(path_text);
    }
    let merge = |more: &[&str]| {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        ropewalk(&[&["sweep", "--merge"], &paths[..], more].concat())
    };
    assert_eq!(merge(&["--json"]), whole);
    insta::assert_snapshot!(merge(&[]));
    // Threads change nothing.
    let file = config(PLAIN);
    let output = Command::cargo_bin("ropewalk")
        .unwrap()
        .env("RAYON_NUM_THREADS", "1")
        .args(["sweep", "--profile", "hf-f32", "--range", "33550000..33560000", "--bound", "0.5"])
        .args(["--json", "--config", file.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), whole);
    // The same part twice is refused, and so are answers to different questions.
    let twice = [&paths[0], &paths[0]].map(String::as_str);
    let output = Command::cargo_bin("ropewalk")
        .unwrap()
        .args([&["sweep", "--merge"], &twice[..]].concat())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is in two of the files"));
    let other = folder.path().join("other.ndjson");
    let other = other.to_str().unwrap();
    sweep(PLAIN, "ggml-f32", &(0..10), 0.5, &["-o", other]);
    let output = Command::cargo_bin("ropewalk")
        .unwrap()
        .args(["sweep", "--merge", &paths[0], other])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("must be those of"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let file = config(PLAIN);
    let path = file.path().to_str().unwrap();
    for (arguments, why) in [
        (vec!["--profile", "hf"], "allowed are hf-f32"),
        (vec!["--profile", "hf-f32", "--range", "5..5"], "allowed is FIRST..END"),
        (vec!["--profile", "hf-f32", "--range", "0..4294967297"], "2^32"),
        (vec!["--profile", "hf-f32", "--shard", "0/4"], "allowed is K/N"),
        (vec!["--profile", "hf-f32", "--bound", "-1"], "a number from 0 on"),
        (vec![], "--profile"),
    ] {
        let output = Command::cargo_bin("ropewalk")
            .unwrap()
            .args([&["sweep", "--config", path], &arguments[..]].concat())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.contains(why), "{errors}");
    }
    let xpos = config(
        r#"{"head_dim":4,"layout":"half","rope_theta":10000,"rope_type":"xpos","scale_base":512}"#,
    );
    let output = Command::cargo_bin("ropewalk")
        .unwrap()
        .args(["sweep", "--profile", "hf-f32", "--range", "0..9", "--config"])
        .arg(xpos.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("growth"));
}

/// What a record says is checked against its own first line before it is believed.
#[test]
fn records_of_something_else_are_refused() {
    let written = sweep(PLAIN, "hf-f32", &(0..64), 0.1, &[]);
    let folder = tempfile::tempdir().unwrap();
    let refused = |from: &str, to: &str, says: &str| {
        assert!(written.contains(from), "{from}");
        let path = folder.path().join("record");
        std::fs::write(&path, written.replacen(from, to, 1)).unwrap();
        let mut command = Command::cargo_bin("ropewalk").unwrap();
        let assert = command.args(["sweep", "--merge"]).arg(&path).assert().code(2);
        let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(text.contains(says), "{text}");
    };
    refused("\"plane\":6", "\"plane\":7", "plane is 7, allowed is 0 to 6");
    refused("\"head_dim\":14", "\"head_dim\":10", "rotary_dim is 14, allowed is");
    refused("\"octave\":1", "\"octave\":34", "octave is 34");
    refused("\"ranges\":[[0,64]]", "\"ranges\":[[0,1]]", "is in no range");
    refused("\"ranges\":[[0,64]]", "\"ranges\":[[64,0]]", "a range is [64, 0]");
    refused("\"ranges\":[[0,64]]", "\"ranges\":[[0,8589934592]]", "a range is");
    refused("\"rope_theta\":10000", "\"rope_theta\":-1", "invalid_value");
}

#[test]
fn a_shard_without_positions_says_so() {
    let file = config(PLAIN);
    let arguments = ["sweep", "--config", file.path().to_str().unwrap(), "--profile", "hf-f32"];
    let shard = ["--range", "5..6", "--shard", "1/3"];
    let text = ropewalk(&[&arguments[..], &shard].concat());
    assert!(text.contains("no positions"), "{text}");
    // Merged with the one that has the position it changes nothing.
    let folder = tempfile::tempdir().unwrap();
    let part = |k: usize| {
        let path = folder.path().join(k.to_string());
        let path = path.to_str().unwrap().to_string();
        let shard = format!("{k}/3");
        let more = ["--range", "5..6", "--shard", &shard, "--json", "-o", &path];
        ropewalk(&[&arguments[..], &more].concat());
        path
    };
    let parts: Vec<String> = (1..=3).map(part).collect();
    let merge: Vec<&str> =
        ["sweep", "--merge"].into_iter().chain(parts.iter().map(String::as_str)).collect();
    let text = ropewalk(&merge);
    assert!(text.contains("positions 5 to 5:"), "{text}");
}
