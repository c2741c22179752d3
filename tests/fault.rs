//! The faults themselves: how they combine, how far two kernels with one fault are apart, and the
//! adapter that has them.

use super::corpus::corpus;
use ropewalk::fault::{self, Answer, Asked, History, find};
use ropewalk::number::Format;
use ropewalk::profile;
use ropewalk::request::Json;

fn asked(operation: &str, dtype: &str, config: &str, input: &str) -> Asked {
    let text = format!(
        r#"{{"cmd":"run","id":"f","operation":"{operation}","dtype":"{dtype}","config":{config},"input":{input}}}"#
    );
    Asked::new(&serde_json::from_str::<Json>(&text).unwrap())
}

const YARN: &str = r#"{"head_dim":8,"layout":"half","rope_type":"yarn","rope_theta":10000,"factor":4,
    "original_max_position_embeddings":64,"rotary_dim":4}"#;

fn row() -> Asked {
    let q = r#"{"dtype":"f32","shape":[1,1,1,8],"bits":["3f800000400000004040000040800000bf800000c0000000c0400000c0800000"]}"#;
    asked("rotate", "f32", YARN, &format!(r#"{{"q":{q},"k":{q},"positions":[[700]]}}"#))
}

fn output(answer: Answer) -> Vec<(&'static str, Vec<f64>)> {
    let Answer::Output(output) = answer else { panic!("refused") };
    let floats = output.into_iter().filter_map(|(name, tensor)| {
        let format = tensor.dtype().format()?;
        Some((name, tensor.data().iter().map(|&bits| format.to_f64(bits)).collect()))
    });
    floats.collect()
}

#[test]
fn two_faults_are_one_kernel_whichever_comes_first() {
    let (asked, history) = (row(), History::default());
    let machine = profile::find("hf-f32").unwrap();
    let mutate = |name: &str| find(name).unwrap().mutate(&asked, &history).unwrap();
    for (a, b) in [
        ("b1-sign-flipped", "d1-scaling-ignored"),
        ("b3-keys-not-rotated", "a1-pairing-swapped"),
        ("f1-inv-freq-in-bf16", "d8-magnitude-dropped"),
        ("e15-one-ahead", "a7-output-in-halves"),
    ] {
        let both = mutate(a).then(find(b).unwrap()).unwrap();
        let reverse = mutate(b).then(find(a).unwrap()).unwrap();
        let names = |mutant: &fault::Mutant| -> Vec<&str> {
            mutant.faults().iter().map(|fault| fault.name).collect()
        };
        assert_eq!(names(&both), names(&reverse));
        let answer = both.emulate(machine);
        assert_eq!(answer, reverse.emulate(machine));
        assert_ne!(answer, mutate(a).emulate(machine), "{a} {b}");
        assert_ne!(answer, mutate(b).emulate(machine), "{a} {b}");
    }
}

#[test]
fn faults_that_change_nothing_are_none() {
    let history = History::default();
    let plain = r#"{"head_dim":8,"layout":"half","rope_theta":10000}"#;
    let asked = asked("inv_freq", "f32", plain, "{}");
    for name in [
        "c1-base-ignored",           // it is 10000
        "d1-scaling-ignored",        // there is none
        "d8-magnitude-dropped",      // it is 1
        "d11-share-dropped",         // the whole head turns
        "h6-one-axis-for-all",       // there is one
        "c7-cached-without-scaling", // nothing was asked before
        "i1-gradient-turns-forward", // nothing turns
    ] {
        assert!(find(name).unwrap().mutate(&asked, &history).is_none(), "{name}");
    }
}

#[test]
fn history_makes_some_faults() {
    let config = |base: i64| {
        asked(
            "inv_freq",
            "f32",
            &format!(r#"{{"head_dim":8,"layout":"half","rope_theta":{base}}}"#),
            "{}",
        )
    };
    let (a, b) = (config(10000), config(500000));
    let fault = find("c7-cached-without-base").unwrap();
    let mut history = History::default();
    assert!(fault.mutate(&a, &history).is_none());
    history.push(a.question().unwrap());
    let machine = profile::find("numpy-f64").unwrap();
    let wrong = output(fault.mutate(&b, &history).unwrap().emulate(machine));
    assert_eq!(wrong, output(Answer::Output(fault::right(machine, a.question().unwrap()))));
    history.push(b.question().unwrap());
    assert!(fault.mutate(&a, &history).is_none(), "the first is right again");
}

/// Two right machines with one fault agree within the bound that a diagnosis uses.
#[test]
fn kernels_with_one_fault_agree_within_its_bounds() {
    let (doubles, single) = (profile::find("numpy-f64").unwrap(), profile::find("hf-f32").unwrap());
    let (mut judged, mut beyond) = (0usize, Vec::new());
    let files = ["rotate/schemes-half-f32.json", "table/f32.json", "score/schemes-half-f32.json"];
    for read in corpus().iter().filter(|read| files.contains(&read.file.path.as_str())) {
        let mut history = History::default();
        for (number, (group, test)) in read.golden.tests().enumerate() {
            let asked = Asked::new(&read.golden.request(group, test));
            // A sample: all of them are a minute's work.
            for (index, fault) in fault::all().iter().enumerate() {
                if (number + index) % 23 != 0 {
                    continue;
                }
                let Some(mutant) = fault.mutate(&asked, &history) else { continue };
                if mutant.is_imprecise() {
                    continue;
                }
                let (a, b) = (output(mutant.emulate(doubles)), output(mutant.emulate(single)));
                let bounds = mutant.bounds(single);
                for ((name, a), (_, b)) in a.iter().zip(&b) {
                    let Some((_, bound)) = bounds.iter().find(|(n, _)| n == name) else { continue };
                    for ((a, b), bound) in a.iter().zip(b).zip(bound) {
                        if bound.is_finite() && a.is_finite() {
                            judged += 1;
                            if (a - b).abs() > *bound {
                                beyond.push(format!("{} {} {a} {b} {bound}", fault.name, test.id));
                            }
                        }
                    }
                }
            }
            if let Ok(question) = asked.question() {
                history.push(question);
            }
        }
    }
    assert!(judged > 10_000, "{judged}");
    assert!(
        beyond.is_empty(),
        "{} of {judged}:\n{}",
        beyond.len(),
        beyond[..20.min(beyond.len())].join("\n")
    );
}

#[test]
fn a_precision_fault_changes_the_machine_only() {
    let (asked, history) = (row(), History::default());
    let mutant = find("f1-inv-freq-in-bf16").unwrap().mutate(&asked, &history).unwrap();
    let single = profile::find("hf-f32").unwrap();
    assert!(mutant.is_imprecise());
    let wrong = profile::find("bf16-inv_freq").unwrap();
    assert_eq!(
        output(mutant.emulate(single)),
        output(Answer::Output(fault::right(wrong, asked.question().unwrap())))
    );
    // One ulp of bf16 at 1 is 2⁻⁷: the second frequency, 0.01 before scaling, is off by less.
    assert_eq!(mutant.machine(single).frequency.format(), Format::BF16);
}

mod adapter {
    use assert_cmd::Command;

    fn ask(arguments: &[&str], lines: &str) -> Vec<String> {
        let run = Command::cargo_bin("ropewalk")
            .unwrap()
            .arg("adapter")
            .args(arguments)
            .write_stdin(lines)
            .assert()
            .success();
        String::from_utf8(run.get_output().stdout.clone())
            .unwrap()
            .lines()
            .map(String::from)
            .collect()
    }

    const TABLE: &str = r#"{"cmd":"run","id":"a","operation":"table","dtype":"f32","config":{"head_dim":4,"layout":"half","rope_theta":500000},"input":{"positions":[1]}}"#;

    #[test]
    fn it_rounds_the_wrong_answer_correctly() {
        let right = ask(&[], TABLE);
        let flipped = ask(&["--fault", "b1-table-sign-flipped"], TABLE);
        // sin 1 = 0.84147096 is 3f576aa4.
        assert!(right[0].contains("3f576aa4") && flipped[0].contains("bf576aa4"), "{flipped:?}");
        let both = ask(&["--fault", "b1-table-sign-flipped", "--fault", "c1-base-ignored"], TABLE);
        let base = TABLE.replace("500000", "10000");
        assert_eq!(both, ask(&["--fault", "b1-table-sign-flipped"], &base));
    }

    #[test]
    fn it_is_right_where_the_fault_makes_no_difference() {
        assert_eq!(ask(&["--fault", "h6-one-axis-for-all"], TABLE), ask(&[], TABLE));
        let refused = TABLE.replace("head_dim", "head_dimension");
        assert_eq!(ask(&["--fault", "b1-sign-flipped"], &refused), ask(&[], &refused));
        assert_eq!(ask(&["--fault", "b1-sign-flipped"], "{"), ask(&[], "{"));
    }

    #[test]
    fn it_accepts_what_must_be_refused() {
        let unknown = TABLE.replace(r#""rope_theta""#, r#""faktor":8,"rope_theta""#);
        assert!(ask(&[], &unknown)[0].contains("unknown_key"));
        assert_eq!(ask(&["--fault", "d2-unknown-key-ignored"], &unknown), ask(&[], TABLE));
    }

    #[test]
    fn it_remembers() {
        let other = TABLE.replace("500000", "10000").replace(r#""a""#, r#""b""#);
        let lines = format!("{other}\n{TABLE}\n");
        let answers = ask(&["--fault", "c7-cached-without-base"], &lines);
        assert_eq!(answers[1].replace(r#""a""#, r#""b""#), answers[0]);
        assert_ne!(answers[1], ask(&[], TABLE)[0]);
    }

    #[test]
    fn it_computes_as_a_profile_does() {
        let exact = ask(&["--fault", "c1-base-ignored"], TABLE);
        let single = ask(&["--fault", "c1-base-ignored", "--profile", "hf-bf16"], TABLE);
        assert_ne!(exact, single);
    }

    #[test]
    fn unknown_names_are_named() {
        let mut command = Command::cargo_bin("ropewalk").unwrap();
        let run = command.args(["adapter", "--fault", "b9-nothing"]).assert().code(2);
        let text = String::from_utf8(run.get_output().stderr.clone()).unwrap();
        assert!(text.contains("b9-nothing") && text.contains("list faults"), "{text}");
    }

    #[test]
    fn faults_are_listed() {
        let run =
            Command::cargo_bin("ropewalk").unwrap().args(["list", "faults"]).assert().success();
        let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
        assert_eq!(text.lines().count(), 1 + ropewalk::fault::all().len());
        assert!(text.contains("a1-pairing-swapped"));
    }
}
