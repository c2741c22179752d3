//! Consumers in other languages: the programs of `docs/vector-format.md` as they stand there, and
//! `vectors/ropewalk.py` against right and broken kernels.

use std::path::Path;
use std::process::{Command, Output};

fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } = Command::new(program)
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", "vectors:tests/consumer")
        .output()
        .unwrap();
    let text = [stdout, stderr].map(|part| String::from_utf8(part).unwrap()).concat();
    (status.success(), text)
}

/// The program of the page whose first line names this file.
fn program(name: &str) -> String {
    let page = std::fs::read_to_string("docs/vector-format.md").unwrap();
    let block = page.split("```").find(|block| {
        block.lines().nth(1).is_some_and(|first| first.contains(&format!("{name}:")))
    });
    block.unwrap().split_once('\n').unwrap().1.to_string()
}

fn extracted(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, program(name)).unwrap();
    path.to_str().unwrap().to_string()
}

#[test]
#[ignore = "needs python3"]
fn the_python_program_of_the_page_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = extracted(folder.path(), "consumer.py");
    let (fine, text) = run("python3", &[&file, "vectors/rotate/half-f32.json"]);
    assert!(fine && text.contains("worst error 0."), "{text}");
}

#[test]
#[ignore = "needs cc"]
fn the_c_program_of_the_page_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = extracted(folder.path(), "consumer.c");
    let binary = folder.path().join("consumer").to_str().unwrap().to_string();
    let (fine, text) = run("cc", &["-std=c99", "-Wall", "-Wextra", "-o", &binary, &file, "-lm"]);
    assert!(fine && text.is_empty(), "{text}");
    let (fine, text) = run(&binary, &["vectors/rotate/half-f32.json"]);
    assert!(fine, "{text}");
}

#[test]
#[ignore = "needs node"]
fn the_javascript_program_of_the_page_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = extracted(folder.path(), "consumer.mjs");
    let (fine, text) = run("node", &[&file, "vectors/sinusoidal/f32.json"]);
    assert!(fine, "{text}");
}

fn audit(files: &[&str], kernel: &str, more: &[&str]) -> (bool, String) {
    let paths: Vec<String> = files.iter().map(|file| format!("vectors/{file}.json")).collect();
    let kernel = format!("kernels:{kernel}");
    let mut arguments = vec!["vectors/ropewalk.py"];
    arguments.extend(paths.iter().map(String::as_str));
    arguments.push(&kernel);
    // What double precision cannot do is left out: far angles, cancelling products.
    arguments.extend(["--max-ulp", "0.51", "--max-position", "1048576"]);
    arguments.extend(["--without", "cancellation", "--without", "near-tie"]);
    arguments.extend(more);
    run("python3", &arguments)
}

#[test]
#[ignore = "needs python3"]
fn right_kernels_are_accepted() {
    for (files, kernel) in [
        (&["rotate/half-f32", "rotate/interleaved-bf16", "rotate/half-f16"][..], "rotate"),
        (&["rotate/schemes-half-bf16"], "rotate"),
        (&["apply/half-f32", "apply/interleaved-bf16"], "apply"),
        (&["score/half-f16", "score/interleaved-f32"], "score"),
        (&["inv_freq/f32", "inv_freq/bf16"], "inv_freq"),
        (&["table/f16", "table/f32"], "table"),
        (&["alibi_slopes/f16", "alibi_slopes/f32"], "alibi_slopes"),
        (&["alibi_bias/bf16", "alibi_bias/f32"], "alibi_bias"),
        (&["t5_bucket/i32"], "t5_bucket"),
        (&["t5_bias/f16", "t5_bias/f32"], "t5_bias"),
        (&["sinusoidal/f32", "sinusoidal/bf16"], "sinusoidal"),
        (&["learned/bf16", "rejects/learned"], "learned"),
        (&["permute_qk/f32", "permute_qk/bf16"], "permute_qk"),
        (&["position_ids/i64"], "position_ids"),
        (&["shaw_bucket/i32"], "shaw_bucket"),
        (&["deberta_bucket/i32"], "deberta_bucket"),
        (&["attention_temperature/f32", "attention_temperature/bf16"], "attention_temperature"),
    ] {
        let (fine, text) = audit(files, kernel, &[]);
        assert!(fine && text.contains(" 0 wrong"), "{kernel}: {text}");
    }
}

/// Broken kernels, and a flag whose tests must fail.
#[test]
#[ignore = "needs python3"]
fn broken_kernels_are_caught() {
    for (file, kernel, flag) in [
        ("rotate/half-f32", "swapped_layout", "layout"),
        ("rotate/half-f32", "flipped_sign", "sign"),
        ("rotate/half-f32", "off_by_one", "identity"),
        ("rotate/half-f32", "bf16_table", "long-position"),
        ("rotate/half-f32", "dropped_dims", "copied-bits"),
        ("rotate/half-f32", "head_dim_exponent", "exponent"),
        ("rotate/half-f32", "base_10000", "base"),
        ("rotate/half-f32", "one_offset", "ragged-offsets"),
        ("rotate/half-f32", "lost_zero_sign", "signed-zero"),
        ("rotate/half-f32", "finite_nan", "nonfinite"),
        ("rotate/half-bf16", "bf16_position", "position-bf16"),
        ("rotate/half-f32", "keys_unrotated", "wires"),
        ("rejects/learned", "wrapping_table", "reject-position"),
        ("learned/f32", "no_offset", "learned-offset"),
        ("t5_bucket/i32", "t5_no_sign", "t5-direction"),
        ("shaw_bucket/i32", "shaw_no_clip", "relative-clip"),
        ("deberta_bucket/i32", "deberta_other_clamp", "log-bucket"),
        ("attention_temperature/f32", "temperature_late", "temperature"),
        ("position_ids/i64", "raster_always", "grid-order"),
        ("position_ids/i64", "columns_first", "segments"),
        ("position_ids/i64", "delta_of_tokens", "rope-delta"),
    ] {
        let (fine, text) = audit(&[file], kernel, &["--only", flag]);
        let reasons = text.lines().find(|line| line.starts_with("failures by flag"));
        assert!(!fine && reasons.is_some_and(|line| line.contains(flag)), "{kernel}: {text}");
    }
}

#[test]
#[ignore = "needs python3"]
fn a_report_says_where_how_far_and_why() {
    let (_, text) = audit(&["rotate/half-f32"], "flipped_sign", &["--only", "sign"]);
    let lines: Vec<&str> = text.lines().take(8).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// A wrong shape, a missing output, an exception, nothing but skips: none of them passes.
#[test]
#[ignore = "needs python3"]
fn what_is_no_answer_fails() {
    for (kernel, reason) in [
        ("wrong_shape", "shape"),
        ("missing_output", "outputs q"),
        ("no_number", "no number"),
        ("raises", "ZeroDivisionError"),
        ("unsupported", "0 right, 0 wrong"),
    ] {
        let (fine, text) = audit(&["rotate/half-f32"], kernel, &["--only", "basic"]);
        assert!(!fine && text.contains(reason), "{kernel}: {text}");
    }
}

/// The checker's own arithmetic and rules; see tests/consumer/selftest.py.
#[test]
#[ignore = "needs python3"]
fn the_python_reader_tests_itself() {
    let (fine, text) = run("python3", &["tests/consumer/selftest.py"]);
    assert!(fine, "{text}");
}
