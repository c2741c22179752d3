//! The Coq proofs and the program: the same constants, and numbers that Coq certifies or refuses.
//!
//! What needs Coq is ignored unless asked for: `cargo test coq_ -- --ignored`.

use ropewalk::encoding::{Buckets, Question};
use ropewalk::exact::{self, ladder};
use ropewalk::number::Tensor;
use ropewalk::request::{Object, Position, Request};
use ropewalk_theorem::{Claim, Lemmas, certificate, prelude_for};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    std::env::current_dir().unwrap()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The number in `Definition NAME : R := NUMBER.`
fn defined(source: &str, name: &str) -> f64 {
    let start = format!("Definition {name} : R := ");
    let (_, rest) = source.split_once(&start).unwrap_or_else(|| panic!("no {name}"));
    rest.split_once('.').unwrap().0.parse().unwrap()
}

#[test]
fn the_constants_of_the_ladder_are_the_proven_ones() {
    let proven = text("docs/proofs/Ladder.v");
    for (name, used) in [
        ("PRODUCT", ladder::PRODUCT),
        ("ENTRY", ladder::ENTRY),
        ("TEST", ladder::TEST),
        ("PLAIN_PRODUCT", ladder::PLAIN_PRODUCT),
        ("PLAIN_ENTRY", ladder::PLAIN_ENTRY),
        ("PLAIN_TEST", ladder::PLAIN_TEST),
    ] {
        assert_eq!(defined(&proven, name), used, "{name}");
    }
    let sum = |names: [&str; 3]| names.iter().map(|name| defined(&proven, name)).sum::<f64>();
    assert_eq!(ladder::DOUBLE_BOUND, sum(["PRODUCT", "ENTRY", "TEST"]) * 2f64.powi(-107));
    assert_eq!(
        ladder::PLAIN_BOUND,
        sum(["PLAIN_PRODUCT", "PLAIN_ENTRY", "PLAIN_TEST"]) * 2f64.powi(-54)
    );
    assert!(
        proven.contains("Definition DOUBLE_BOUND : R := (PRODUCT + ENTRY + TEST) * pow (e - 107).")
    );
    assert_eq!(ladder::CHAIN, 2f64.powi(-117));
    assert_eq!(text("docs/proofs/Chain.v").matches("<= / IZR (2 ^ 117)").count(), 3);
    assert_eq!(ladder::FRACTION_BITS, 126);
    assert!(text("docs/proofs/Chain.v").contains("Definition unit : R := / IZR (2 ^ 126)."));
    let (rotate, rotated) = (text("docs/proofs/Rotate.v"), text("docs/proofs/Rotated.v"));
    assert_eq!(ladder::ROTATE, defined(&rotate, "ROTATE"));
    assert_eq!(ladder::ROTATE_TEST, defined(&rotated, "ROTATE_TEST"));
    let (rotate, test) = (defined(&rotate, "ROTATE"), defined(&rotated, "ROTATE_TEST"));
    let entries = 2.0 * (defined(&proven, "PRODUCT") + defined(&proven, "ENTRY"));
    assert_eq!(ladder::ROTATE_BOUND, (rotate + entries + test + 1.0) * 2f64.powi(-107));
    assert!(rotated.contains(
        "Definition ROTATE_BOUND : R := (ROTATE + 2 * (PRODUCT + ENTRY) + ROTATE_TEST + 1) * pow (e - 107)."
    ));
    // Those that are private are read.
    let (rungs, table) = (text("src/exact/ladder/rung.rs"), text("docs/proofs/Table.v"));
    for (code, proof) in [
        ("SHORT_BITS: u32 = 7;", "Definition SHORT_BITS : nat := 7."),
        ("DIGIT_BITS: u32 = 6;", "Definition DIGIT_BITS : nat := 6."),
        ("DIGITS: u32 = (63 - SHORT_BITS).div_ceil(DIGIT_BITS);", "Definition DIGITS : nat := 10."),
    ] {
        assert!(rungs.contains(code), "{code}");
        assert!(table.contains(proof), "{proof}");
    }
}

#[test]
fn the_buckets_are_those_of_the_proofs() {
    let source = text("docs/proofs/StandardBuckets.v");
    for (name, max_distance, bidirectional) in [
        ("bidirectional_128", 128, true),
        ("causal_128", 128, false),
        ("bidirectional_256", 256, true),
        ("causal_256", 256, false),
    ] {
        let (_, rest) = source.split_once(&format!("{name} : list Z := [")).unwrap();
        let list = rest.split_once(']').unwrap().0;
        let proven: Vec<i64> = list.split(';').map(|n| n.trim().parse().unwrap()).collect();
        let config = format!(
            r#"{{"num_buckets":32,"max_distance":{max_distance},"bidirectional":{bidirectional}}}"#
        );
        let config: Object = serde_json::from_str(&config).unwrap();
        let buckets = Buckets::new(&config).unwrap();
        let of = |n: i64| buckets.bucket(Position::integer(n), Position::integer(0));
        let exact = if bidirectional { 8 } else { 16 };
        let steps: Vec<i64> = (exact + 1..300).filter(|&n| of(n) != of(n - 1)).collect();
        assert_eq!(steps, proven, "{name}");
    }
}

/// A tensor of an answer, with its residual.
type Named = (&'static str, Tensor, Option<Tensor>);

/// A question and its answer.
fn answered(line: &str) -> (Question, Vec<Named>) {
    let question = Question::new(&Request::parse(line).unwrap()).unwrap();
    let answer = exact::answer(&question).unwrap();
    let tensors = answer.tensors.into_iter().map(|t| (t.name, t.expected, t.residual));
    (question, tensors.collect())
}

/// Lemmas for an answer, perhaps after it was spoiled.
fn lemmas(line: &str, spoil: impl Fn(&Tensor) -> Tensor) -> Lemmas {
    let (question, tensors) = answered(line);
    let tensors: Vec<_> =
        tensors.iter().map(|(name, t, residual)| (*name, spoil(t), residual.as_ref())).collect();
    let expected = tensors.iter().map(|(name, t, residual)| (*name, t, *residual)).collect();
    certificate(&Claim { name: "a", question: &question, expected }, &|_, _| true)
}

/// A request of a table, for example, in some format.
fn request(operation: &str, dtype: &str, config: &str, input: &str) -> String {
    format!(
        r#"{{"cmd":"run","id":"a","operation":"{operation}","dtype":"{dtype}","config":{{{config}}},"input":{{{input}}}}}"#
    )
}

#[test]
fn a_certificate_says_what_it_proves() {
    let config = r#""num_heads":6,"slopes":"code""#;
    insta::assert_snapshot!(
        lemmas(&request("alibi_slopes", "bf16", config, ""), Tensor::clone).text
    );
    let config = r#""head_dim":4,"layout":"half","rope_theta":500000"#;
    let heads = r#""dtype":"f32","shape":[1,1,1,4],"bits":["3f8000003f0000003e99999a7f800000"]"#;
    let input = format!(r#""positions":[[7]],"q":{{{heads}}}"#);
    let rotated = lemmas(&request("rotate", "f16", config, &input), Tensor::clone);
    insta::assert_snapshot!(rotated.text);
    // The second plane has an infinity.
    assert_eq!(
        rotated.left_out.into_iter().collect::<Vec<_>>(),
        [("not finite: no real number", 2)]
    );
}

/// What a certificate says: its formats, its definitions of reals, its lemmas, without any proof.
fn said(lemmas: &Lemmas) -> String {
    let (mut said, mut within) = (String::new(), false);
    for line in lemmas.text.lines() {
        let defines = line.contains(" : R := ") || line.contains(" := Format ");
        if within || defines || line.starts_with("Lemma ") {
            said += &format!("{}\n", line.trim_end());
            within = !line.ends_with('.');
        }
    }
    said
}

const CHAIN: &str = r#""stages":[
    {"norm":{"kind":"layer","eps":0.5,"weight":"one_plus","over":"head"}},
    {"rotate":{"head_dim":2,"layout":"half","rope_theta":10000}},
    {"quantize":{"format":"f8e4m3fn","scale":"amax_pow2","per":"token"}}]"#;
const CHAIN_INPUT: &str = r#""positions":[[3]],
    "q":{"dtype":"f32","shape":[1,1,1,2],"bits":["3f80000040400000"]},
    "q_weight":{"dtype":"f32","shape":[2],"bits":["3f0000003e800000"]},
    "q_bias":{"dtype":"f16","shape":[2],"bits":["3c004000"]}"#;

/// After the rotation, the largest of a block over the largest number, and a cache.
const STORED: &str = r#""stages":[
    {"rotate":{"head_dim":2,"layout":"half","rope_theta":10000}},
    {"norm":{"kind":"rms","eps":0,"weight":"none","over":"heads","only":["k"]}},
    {"quantize":{"format":"f8e5m2","scale":"amax","per":"tensor","only":["k"]}},
    {"store":{"block_size":1,"layout":"NHD"}}]"#;
const STORED_INPUT: &str = r#""positions":[[3]],"slots":[1],
    "q":{"dtype":"f32","shape":[1,1,1,2],"bits":["3f80000040400000"]},
    "k":{"dtype":"f16","shape":[1,1,1,2],"bits":["3c004000"]},
    "v":{"dtype":"f16","shape":[1,1,1,2],"bits":["3c003c01"]},
    "key_cache":{"dtype":"f8e5m2","shape":[2,1,1,2],"bits":["3c3c","3c3c"]},
    "value_cache":{"dtype":"bf16","shape":[2,1,1,2],"bits":["3f803f80","3f803f80"]}"#;

#[test]
fn a_certificate_of_a_chain_says_what_it_proves() {
    let chain = lemmas(&request("chain", "f32", CHAIN, CHAIN_INPUT), Tensor::clone);
    insta::assert_snapshot!(said(&chain));
    assert!(chain.left_out.is_empty());
    let stored = lemmas(&request("chain", "bf16", STORED, STORED_INPUT), Tensor::clone);
    insta::assert_snapshot!(said(&stored));
    // What is not written.
    assert_eq!(
        stored.left_out.into_iter().collect::<Vec<_>>(),
        [("copied: no arithmetic, compare the bits", 4)]
    );
}

const ATTENTION: &str = r#""causal":true,"softcap":4,
    "rope":{"head_dim":4,"rotary_dim":2,"layout":"half","rope_theta":10000},
    "alibi":{"num_heads":1,"slopes":"code","form":"distance"}"#;
const ATTENTION_INPUT: &str = r#""query_positions":[[2,5]],"key_positions":[[3,4]],"lse":true,
    "q":{"dtype":"f32","shape":[1,1,2,4],
        "bits":["3f800000404000003f80000040400000","3f800000404000003f80000040400000"]},
    "k":{"dtype":"f16","shape":[1,1,2,4],"bits":["3c00400042003c00","3c00c00042003c00"]},
    "v":{"dtype":"f32","shape":[1,1,2,1],"bits":["3f8ccccd","c0400000"]},
    "sinks":{"dtype":"f32","shape":[1],"bits":["3f000000"]}"#;

#[test]
fn a_certificate_of_attention_says_what_it_proves() {
    let attention =
        lemmas(&request("attention", "bf16", ATTENTION, ATTENTION_INPUT), Tensor::clone);
    insta::assert_snapshot!(said(&attention));
    assert_eq!(
        attention.left_out.into_iter().collect::<Vec<_>>(),
        [("a query without keys: what it gets is a convention", 2)]
    );
    // One key has all the weight, and its score is the logarithm.
    let one = r#""query_positions":[[0]],"key_positions":[[0]],"lse":true,
        "q":{"dtype":"f32","shape":[1,1,1,1],"bits":["3f800000"]},
        "k":{"dtype":"f32","shape":[1,1,1,1],"bits":["40400000"]},
        "v":{"dtype":"f32","shape":[1,1,1,1],"bits":["3f8ccccd"]}"#;
    let line = |dtype: &str| request("attention", dtype, r#""causal":true,"scale":0.5"#, one);
    insta::assert_snapshot!(said(&lemmas(&line("bf16"), Tensor::clone)));
    let copied = lemmas(&line("f32"), Tensor::clone).left_out;
    assert_eq!(
        copied.into_iter().collect::<Vec<_>>(),
        [("copied: no arithmetic, compare the bits", 1)]
    );
}

/// 500, 460, −256 and 1 as they are, of which two are beyond 448.
const BEYOND: &str = r#""positions":[[0]],"q":{"dtype":"f32","shape":[1,1,1,4],
    "bits":["43fa000043e60000c38000003f800000"]}"#;

#[test]
fn numbers_of_eight_bits_are_stated_in_their_formats() {
    let rope = r#""head_dim":4,"layout":"half","rope_theta":10000"#;
    let rotated = lemmas(&request("rotate", "f8e4m3fn", rope, BEYOND), Tensor::clone);
    insta::assert_snapshot!(said(&rotated));
    for (dtype, format) in [
        ("f8e5m2", "F8E5M2 := Format 3 5 (-16)"),
        ("f8e4m3fnuz", "F8E4M3FNUZ := Format 4 4 (-10)"),
        ("f8e5m2fnuz", "F8E5M2FNUZ := Format 3 5 (-17)"),
    ] {
        let text = lemmas(&request("rotate", dtype, rope, BEYOND), Tensor::clone).text;
        let formats: Vec<&str> = text.lines().filter(|line| line.contains(":= Format")).collect();
        assert_eq!(formats, [format!("Definition {format}.")]);
    }
}

/// Runs coqc in a fresh directory: whether it accepts everything.
fn accepts(text: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Certificate.v"), format!("{}{text}", prelude_for(text)))
        .unwrap();
    let mut run = Command::new("coqc");
    run.arg("-q").arg("Certificate.v").current_dir(folder.path());
    run.output().unwrap().status.success()
}

#[test]
#[ignore = "needs coqc; minutes"]
fn coq_accepts_every_proof_and_refuses_planted_errors() {
    let script: &Path = &root().join("docs/proofs/check");
    let output = Command::new("sh").arg(script).arg("--mutants").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "needs coqc; minutes"]
fn coq_accepts_right_numbers_and_refuses_corrupted_ones() {
    let rope = r#""head_dim":8,"layout":"half","rope_theta":10000"#;
    let alibi = r#""num_heads":6,"slopes":"code","form":"distance""#;
    // A root of two over a root of two.
    let roots = r#""num_heads":16,"slopes":"code","form":"distance","head_dim":2"#;
    let yarn = r#""head_dim":8,"layout":"half","rope_theta":10000,"rope_type":"yarn","factor":4,
        "original_max_position_embeddings":64"#;
    let line = |n: i64| format!(r#""query_positions":[{n}],"key_positions":[0]"#);
    let table = r#""positions":[1,131071,"4611686018427387904"]"#;
    let four = r#""head_dim":4,"layout":"half","rope_theta":10000"#;
    let beyond = |dtype: &str| request("rotate", dtype, four, BEYOND);
    let requests = ["f64", "f32", "bf16", "f16"].into_iter().flat_map(|dtype| {
        // At slope ½ an odd distance beyond 256 is a tie in bf16.
        [
            request("table", dtype, rope, table),
            request("inv_freq", dtype, rope, ""),
            request("inv_freq", dtype, yarn, ""),
            request("alibi_bias", dtype, alibi, &line(259)),
            request("alibi_bias", dtype, roots, &line(259)),
        ]
    });
    let spoiled = |tensor: &Tensor| {
        let mut data = tensor.data().to_vec();
        data.iter_mut().for_each(|bits| *bits ^= 1);
        Tensor::new(tensor.dtype(), tensor.shape().to_vec(), data).unwrap()
    };
    let requests = requests.chain(
        ["f8e4m3fn", "f8e5m2", "f8e4m3fnuz", "f8e5m2fnuz"]
            .into_iter()
            .flat_map(|dtype| [request("table", dtype, rope, table), beyond(dtype)]),
    );
    let requests = requests.chain([
        request("chain", "f32", CHAIN, CHAIN_INPUT),
        request("chain", "bf16", STORED, STORED_INPUT),
        request("attention", "bf16", ATTENTION, ATTENTION_INPUT),
        request("attention", "f64", ATTENTION, ATTENTION_INPUT),
    ]);
    let (mut right, mut wrong) = (String::new(), String::new());
    for (number, line) in requests.enumerate() {
        let module = |text: &str| text.replace("test_a", &format!("test_{number}"));
        right += &module(&lemmas(&line, Tensor::clone).text);
        wrong += &module(&lemmas(&line, spoiled).text);
    }
    assert!(accepts(&right));
    // Not one of the spoiled ones: Fail succeeds where Coq refuses what follows it.
    assert!(wrong.contains(" Qed."));
    assert!(accepts(&wrong.replace(" Qed.", " Fail Qed. Abort.")));
}

/// Flips the last bit of the first number of a tensor of a golden test.
fn corrupt(golden: &mut serde_json::Value, id: &str, tensor: &str) {
    let groups = golden["groups"].as_array_mut().unwrap().iter_mut();
    let mut tests = groups.flat_map(|group| group["tests"].as_array_mut().unwrap());
    let test = tests.find(|test| test["id"] == id).unwrap();
    let rows = &mut test["expected"][tensor];
    let digits = rows["dtype"].as_str().unwrap()[1..].parse::<usize>().unwrap_or(16) / 4;
    let row = rows["bits"][0].as_str().unwrap();
    let bits = u64::from_str_radix(&row[..digits], 16).unwrap() ^ 1;
    rows["bits"][0] = format!("{bits:0digits$x}{}", &row[digits..]).into();
}

#[test]
#[ignore = "needs coqc; minutes"]
fn coq_refuses_and_names_a_corrupted_golden_number() {
    for dtype in ["f64", "f32", "bf16", "f16"] {
        let path = format!("table/{dtype}.json");
        let mut golden: serde_json::Value =
            serde_json::from_str(&text(&format!("vectors/{path}"))).unwrap();
        let id = golden["groups"][0]["tests"][0]["id"].as_str().unwrap().to_string();
        corrupt(&mut golden, &id, "sin");
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("table")).unwrap();
        std::fs::write(folder.path().join(&path), format!("{golden:#}")).unwrap();
        let mut run = Command::new(env!("CARGO_BIN_EXE_ropewalk"));
        run.args(["certify", &id, "--check", "--vectors"]).arg(folder.path());
        let output = run.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let name = format!("refused: test_{}.sin_0_0", id.replace('-', "_"));
        let refused: Vec<&str> = said.lines().filter(|line| line.starts_with("refused")).collect();
        assert_eq!(refused, [name], "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(1));
    }
}

fn record() -> serde_json::Value {
    serde_json::from_str(&text("docs/proofs/certified.json")).unwrap()
}

#[test]
fn the_record_of_certified_numbers_leaves_nothing_out_without_a_reason() {
    let record = record();
    assert_eq!(record["pick"], serde_json::Value::Null);
    let mut certified = 0;
    for (path, file) in record["files"].as_object().unwrap() {
        assert_eq!(file["refused"], serde_json::json!([]), "{path}");
        let left_out = file["left_out"].as_object().unwrap().values();
        let left_out: u64 = left_out.map(|count| count.as_u64().unwrap()).sum();
        let count = file["certified"].as_u64().unwrap();
        assert_eq!(count + left_out, file["elements"].as_u64().unwrap(), "{path}");
        certified += count;
    }
    assert_eq!(record["certified"], certified);
    assert!(certified > 0);
}

/// Golden files change before Coq has seen them; a release waits for it (`.ci/proofs`).
#[test]
#[ignore = "of a release: .ci/proofs, half an hour of coqc, writes the record"]
fn coq_has_seen_these_files() {
    let manifest: serde_json::Value = serde_json::from_str(&text("vectors/manifest.json")).unwrap();
    let record = record();
    for file in manifest["files"].as_array().unwrap() {
        let path = file["path"].as_str().unwrap();
        if let Some(seen) = record["files"].get(path) {
            assert_eq!(seen["sha256"], file["sha256"], "{path}");
        }
    }
}
