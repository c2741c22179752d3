//! `ropewalk show`, and `compute` without a request.

use assert_cmd::Command;
use serde_json::Value;

fn ropewalk(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("ropewalk").unwrap();
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> String {
    let output = ropewalk(arguments).assert().success().get_output().stdout.clone();
    String::from_utf8(output).unwrap()
}

#[test]
fn a_rope_as_a_table() {
    insta::assert_snapshot!(output(&["show", "--model", "llama-3.1-8b"]));
}

#[test]
fn sections_and_slices_as_tables() {
    insta::assert_snapshot!("qwen2_vl", output(&["show", "--model", "qwen2-vl-7b"]));
    insta::assert_snapshot!("kimi", output(&["show", "--model", "kimi-k2", "--digits", "4"]));
}

/// The first distances of the sheet's table: 8, 12, 16, 23, 32, 46, 64, 91.
#[test]
fn slopes_and_buckets_as_tables() {
    let text = output(&["show", "--model", "bloom-560m"]);
    assert!(text.contains("\n   0    0.7071067  2^(-1/2)\n   1          0.5  2^(-1)\n"), "{text}");
    let text = output(&["show", "--model", "t5-small"]);
    let rows: Vec<&str> = text.lines().filter_map(|line| line.split("query  ").nth(1)).collect();
    let upper = ["8 to 11", "12 to 15", "16 to 22", "23 to 31", "32 to 45", "46 to 63", "64 to 90"];
    assert_eq!(rows[8..15], upper);
    assert_eq!((rows[0], rows[15], rows[16], rows.len()), ("0", "from 91", "1", 31));
    let json = output(&["show", "--model", "t5-small", "--json"]);
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["first_key_minus_query"][15], -91);
}

#[test]
fn layers_that_differ_are_shown_in_turn() {
    let text = output(&["show", "--model", "gemma-3-4b"]);
    assert!(text.contains("full_attention\nlinear") && text.contains("sliding_attention\ndefault"));
    let one = output(&["show", "--model", "gemma-3-4b", "--layer-type", "sliding_attention"]);
    assert!(!one.contains("linear"));
}

#[test]
fn no_line_is_wider_than_a_terminal() {
    for model in ropewalk::encoding::models() {
        for line in output(&["show", "--model", &model.name]).lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", model.name);
        }
    }
}

#[test]
fn a_config_from_standard_input() {
    let config = r#"{"hidden_size": 8, "num_attention_heads": 1, "rope_theta": 16}"#;
    let output =
        ropewalk(&["show", "--json", "--expressions"]).write_stdin(config).assert().success();
    let value: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(value["config"]["layout"], "half");
    assert_eq!(value["planes"][2]["frequency"], "2.500000e-1");
    assert_eq!(value["planes"][2]["expression"], "16^(-1/2)");
    assert_eq!(value["planes"][2]["wavelength"], "25.13274");
}

#[test]
fn a_picture_has_the_same_bytes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let draw = |name: &str| {
        let path = folder.path().join(name);
        output(&["show", "--model", "gpt-oss-20b", "--svg", path.to_str().unwrap()]);
        std::fs::read_to_string(path).unwrap()
    };
    let picture = draw("a.svg");
    assert_eq!(picture, draw("b.svg"));
    assert!(picture.starts_with("<svg ") && picture.contains("original context 4096"));
}

/// A line per axis, for the index restarts on each; what turns nothing has no picture.
#[test]
fn pictures_of_axes_and_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flux.svg");
    output(&["show", "--model", "flux.1-dev", "--svg", path.to_str().unwrap()]);
    let picture = std::fs::read_to_string(&path).unwrap();
    assert!(["t", "h", "w"].iter().all(|axis| picture.contains(&format!("axis {axis}"))));
    let none =
        ["show", "--model", "llama-4-scout", "--layer-type", "no_rope", "--svg", "/dev/null"];
    let assert = ropewalk(&none).assert().code(2);
    let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(text.contains("llama-4-scout, no_rope turns nothing"), "{text}");
}

#[test]
fn refusals_say_what_to_do() {
    let fails = |arguments: &[&str], code: i32, words: &str| {
        let assert = ropewalk(arguments).write_stdin("{}").assert().code(code);
        let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(text.contains(words), "{text}");
    };
    fails(&["show"], 1, "missing_key: key rope_theta");
    fails(&["show", "--model", "llama"], 2, "similar are llama-2-7b");
    fails(&["show", "--model", "zzz"], 2, "list models");
    fails(&["show", "--model", "bloom-560m", "--svg", "/dev/null"], 2, "has no planes");
    fails(&["show", "--model", "gemma-3-4b", "--svg", "x.svg"], 2, "--layer-type");
    fails(&["show", "--model", "phi-2", "--seq-len", "9"], 1, "unused_input");
    fails(&["compute", "--model", "phi-2"], 2, "--operation");
    fails(&["compute", "--model", "phi-2", "--operation", "rotate"], 2, "tensors");
}

#[test]
fn questions_without_a_request() {
    let reply = |arguments: &[&str]| -> Value {
        serde_json::from_str(&output(&[&["compute"], arguments].concat())).unwrap()
    };
    let one = reply(&[
        "--model",
        "phi-2",
        "--operation",
        "table",
        "--dtype",
        "bf16",
        "--positions",
        "0,1,-9007199254740993",
    ]);
    assert_eq!(one["output"]["cos"]["shape"], serde_json::json!([3, 16]));
    let gemma = reply(&[
        "--model",
        "gemma-3-4b",
        "--layer-type",
        "full_attention",
        "--operation",
        "inv_freq",
        "--normalised",
    ]);
    assert_eq!(gemma["config"]["rope_type"], "linear");
    let phi = reply(&["--model", "phi-3.5-mini", "--operation", "inv_freq", "--seq-len", "4097"]);
    assert_eq!(phi["output"]["attention_factor"]["bits"][0], "3f9859b9");
    let bloom = reply(&["--model", "bloom-560m", "--operation", "alibi_slopes"]);
    assert_eq!(bloom["output"]["slopes"]["shape"], serde_json::json!([16]));
    let wan =
        reply(&["--model", "wan2.1-t2v-14b", "--operation", "table", "--positions", "0,1;2,3;4,5"]);
    assert_eq!(wan["output"]["cos"]["shape"], serde_json::json!([2, 64]));
}
