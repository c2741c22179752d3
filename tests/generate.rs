//! Suites, and the corpus they make.

use super::corpus::corpus;
use ropewalk::generate::{
    Difference, FilePlan, Generated, Phase, compare, distance_to_tie, generate, plans,
};
use ropewalk::number::{Dtype, Format, Tensor};
use ropewalk::request::{Operation, Slug};
use ropewalk::vector::{Golden, Test};
use rug::Float;

fn made(plans: &[FilePlan], threads: usize) -> Vec<Generated> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let made = pool.install(|| generate(plans, &|| {})).unwrap();
    let differences: Vec<String> = made
        .iter()
        .flat_map(|file| {
            let on_disk = corpus().iter().find(|read| read.file.path == file.path);
            compare(file, on_disk.map(|read| read.file.text.as_str()))
        })
        .map(|difference| difference.to_string())
        .collect();
    assert!(differences.is_empty(), "{:#?}", &differences[..differences.len().min(20)]);
    made
}

/// All of it with as many threads as there are processors, parts of it with one.
#[test]
fn the_corpus_is_what_the_suites_make_with_any_number_of_threads() {
    let whole = made(&plans(), 0);
    assert_eq!(whole.len(), corpus().len(), "a file that no suite makes");
    let manifest = ropewalk::generate::manifest(&whole).to_canonical();
    assert_eq!(manifest, super::corpus::manifest());
    let some: Vec<FilePlan> = plans().into_iter().step_by(9).collect();
    made(&some, 1);
}

fn find(id: &str) -> &'static Test {
    let tests = corpus().iter().flat_map(|read| read.golden.tests());
    tests.map(|(_, test)| test).find(|test| test.id == id).unwrap_or_else(|| panic!("{id}"))
}

fn rows(id: &str, name: &str) -> (Vec<String>, Vec<String>) {
    let test = find(id);
    let of = |tensor: Option<&Tensor>| tensor.map(Tensor::rows).unwrap_or_default();
    let expected = test.expected.tensors().and_then(|tensors| tensors.get(name));
    (of(expected), of(test.residual.as_ref().and_then(|tensors| tensors.get(name))))
}

/// Numbers that can be checked with a pencil.
#[test]
fn numbers_by_hand() {
    // e₀ at position 1, interleaved: (cos 1, sin 1, 0, …). sin 1 = 0.841470984807896506652…;
    // times 2²⁴ it is 14117540.46985…, so f32 holds 14117540 = d76aa4 and 0.46985 is left:
    // f16 3785 is (1 + 901/1024)/4 = 0.469970…. cos 1 = 0.540302305868139717… is 9064768.49085…
    // units: 8a5140, and 0.49085 is 37db.
    let (expected, residual) = rows("rotate-interleaved-f32-layout-one-hot-at-1", "q");
    assert_eq!(&expected[0][..24], "3f0a51403f576aa400000000");
    assert_eq!(&residual[0][..12], "37db37850000");
    // ALiBi with one head: slope 2⁻⁸, distance −257: −257/256 in bf16 lies half way between
    // −1 = bf80 and −1.0078125 = bf81 and goes to the even one; −(1 + 1/256) + 1 is −1/256, half
    // an ulp of 2⁻⁷: b800. Here keys come after the query, so the sign is plus.
    let (expected, residual) = rows("alibi-bias-bf16-ties-odd-distances", "bias");
    assert_eq!((&expected[0][..4], &residual[0][..4]), ("3f80", "3800"));
    // LongRoPE of Phi's shape: ln 32 / ln 4096 = 5/12, √(17/12) = 1.19023807142…; times 2⁵² the
    // f64 nearest is 3ff30b3713738289.
    let (expected, _) = rows("inv-freq-f64-longrope-phi-length-4096", "attention_factor");
    let root = f64::from_bits(u64::from_str_radix(&expected[0], 16).unwrap());
    assert_eq!(root, (17.0f64 / 12.0).sqrt());
    // A default rope of width 4: θ = 1 and 10000^(−1/2) = 1/100 exactly, so the residual of the
    // second in f32 is that of 0.01: 3c23d70a is 10737418 · 2⁻³⁰, and 0.01 · 2³⁰ = 10737418.24.
    let (expected, residual) = rows("inv-freq-f32-basic-default", "inv_freq");
    assert_eq!(expected, ["3f8000003c23d70a"]);
    assert_eq!(residual, ["000033ae"]);
    // T5, 32 buckets to 128, both directions: 16 per direction, 8 exact. Distance 16 is
    // 8 + ⌊ln 2 / ln 16 · 8⌋ = 8 + 2 = 10, exactly; after the query 16 more.
    let (buckets, none) = rows("t5-bucket-i32-bidirectional-32-128-all-to-200", "bucket");
    let bucket = |key: usize| &buckets[0][8 * key..][..8];
    assert_eq!((bucket(200 - 16), bucket(200 - 15)), ("0000000a", "00000009"));
    assert_eq!((bucket(200), bucket(200 + 16), bucket(400)), ("00000000", "0000001a", "0000001f"));
    assert!(none.is_empty());
}

/// The exact real part of the plane (x, y), from the file's own bits.
fn turned(phase: &Phase, format: Format, x: u64, y: u64) -> Float {
    let [cos, sin] = phase.parts();
    let of = |bits| Float::with_val(512, format.to_f64(bits));
    of(x) * cos - of(y) * sin
}

#[test]
fn near_ties_are_near() {
    for dtype in Dtype::FLOATS {
        let format = dtype.format().unwrap();
        for p in [1, 7, 257, 4097, 131071, (1i64 << 31) - 1] {
            let test = find(&format!("rotate-interleaved-{dtype}-near-ties-{p}"));
            let q = serde_json::to_string(test.input.get("q").unwrap()).unwrap();
            let q: Tensor = serde_json::from_str(&q).unwrap();
            for plane in 0..2 {
                let phase = Phase::new(10000.0, plane, 4, p).unwrap();
                let exact = turned(&phase, format, q.data()[2 * plane], q.data()[2 * plane + 1]);
                let distance = distance_to_tie(format, &exact).unwrap();
                // Two terms of p bits each, the second one small, and the best of 64.
                let limit = Float::with_val(64, 1) >> (format.precision + 1);
                assert!(distance < limit, "{dtype} {p}: {distance}");
            }
        }
        let table = format!("table-{dtype}-hard-to-round-");
        let tests = corpus().iter().flat_map(|read| read.golden.tests());
        let hard: Vec<_> = tests.filter(|(_, test)| test.id.starts_with(&table)).collect();
        assert_eq!(hard.len(), 6);
        for (_, test) in hard {
            let p: i64 = test.id[table.len()..].parse().unwrap();
            let near = (0..4)
                .flat_map(|plane| Phase::new(10000.0, plane, 8, p).unwrap().parts())
                .filter_map(|x| distance_to_tie(format, &x))
                .any(|distance| distance < 1e-6);
            assert!(near, "{dtype} {p}");
        }
    }
}

/// How the positions of the table suite's `hard-to-round` group were found: every position up to
/// 2²⁰, every plane of head_dim 8 and base 10000, cos and sin; the six nearest to a tie. Run with
/// `cargo test --release long_search_for_hard_positions -- --ignored` (some minutes).
#[test]
#[ignore = "some minutes in a release build; its result stands in the suite"]
fn long_search_for_hard_positions() {
    use rayon::prelude::*;
    for dtype in Dtype::FLOATS {
        let format = dtype.format().unwrap();
        let mut found: Vec<(f64, i64)> = (1..=1i64 << 20)
            .into_par_iter()
            .filter_map(|p| {
                let nearest = (0..4)
                    .flat_map(|plane| Phase::new(10000.0, plane, 8, p).unwrap().parts())
                    .filter_map(|x| distance_to_tie(format, &x))
                    .map(|distance| distance.to_f64())
                    .fold(1.0, f64::min);
                (nearest < 1e-4).then_some((nearest, p))
            })
            .collect();
        found.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let mut nearest: Vec<i64> = found[..6].iter().map(|(_, p)| *p).collect();
        nearest.sort_unstable();
        let table = format!("table-{dtype}-hard-to-round-");
        let tests = corpus().iter().flat_map(|read| read.golden.tests());
        let ids = tests.filter_map(|(_, test)| test.id.strip_prefix(&table));
        let mut stored: Vec<i64> = ids.map(|p| p.parse().unwrap()).collect();
        stored.sort_unstable();
        assert_eq!(stored, nearest, "{dtype}");
    }
}

/// A plan of one test about slopes of `heads` heads.
fn plan(heads: usize, flag: &'static str, refused: Option<Slug>) -> FilePlan {
    use ropewalk::generate::TestPlan;
    let config =
        serde_json::from_str(&format!(r#"{{"num_heads":{heads},"slopes":"code"}}"#)).unwrap();
    let mut file = FilePlan::new("a/b.json", Operation::AlibiSlopes);
    file.group("basic", config, Dtype::Bf16).tests.push(TestPlan {
        name: "one".to_string(),
        comment: "one".to_string(),
        flags: vec![flag],
        input: Default::default(),
        refused,
    });
    file
}

#[test]
fn slips_of_a_suite_are_named() {
    let slip = |heads, flag, refused| {
        let plans = [plan(heads, flag, refused)];
        generate(&plans, &|| {}).map(|_| ()).map_err(|error| error.to_string())
    };
    let messages = [
        slip(8, "basic", None),
        slip(0, "basic", Some(Slug::InvalidValue)),
        slip(0, "basic", None),
        slip(0, "basic", Some(Slug::MissingKey)),
        slip(8, "basic", Some(Slug::InvalidValue)),
        slip(8, "colour", None),
    ];
    let lines: Vec<String> = messages
        .into_iter()
        .map(|message| message.err().unwrap_or_else(|| "fine".to_string()))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// The whole text of a golden file: one head has the slope 2⁻⁸ = 3b80 in bf16, exactly.
#[test]
fn a_small_golden_file() {
    let made = generate(&[plan(1, "basic", None)], &|| {}).unwrap();
    let text = &made[0].text;
    assert!(text.contains("\"3b80\"") && text.contains("\"0000\""));
    let from = text.find("\"groups\"").unwrap();
    insta::assert_snapshot!(text[from..].trim_end());
}

#[test]
fn differences_are_named() {
    let made = generate(&[plan(8, "basic", None)], &|| {}).unwrap().remove(0);
    let against = |text: Option<String>| compare(&made, text.as_deref());
    let edited = |from: &str, to: &str| Some(made.text.replacen(from, to, 1));
    assert_eq!(against(Some(made.text.clone())), []);
    let id = || "a-b-basic-one".to_string();
    let path = || "a/b.json".to_string();
    assert_eq!(against(None), [Difference::Missing(path())]);
    assert_eq!(against(edited(" \"suite\"", "  \"suite\"")), [Difference::File(path())]);
    assert_eq!(against(edited("3f00", "3f01")), [Difference::Test(path(), id(), vec!["expected"])]);
    assert_eq!(
        against(edited("a-b-basic-one", "a-b-basic-two")),
        [
            Difference::TestMissing(path(), id()),
            Difference::TestExtra(path(), "a-b-basic-two".to_string())
        ]
    );
    assert!(matches!(&against(Some("{".to_string()))[..], [Difference::Unreadable(..)]));
    assert!(Golden::read(&made.text).is_ok());
}
