//! What a run amounts to: verdicts, exit codes, known failures, and what never counts as a pass.

use super::Closure;
use super::judge::case;
use ropewalk::audit::{
    Ask, Breakage, Case, Kernel, Options, Outcome, Report, Verdict, audit, ndjson,
};
use ropewalk::exact;
use ropewalk::request::{Reply, Request, Slug};
use ropewalk::vector::Expected;
use serde_json::{Value, json};

/// Three questions: one to be answered, one in integers, one to be refused.
fn cases() -> Vec<Case> {
    let config = json!({"head_dim": 4, "layout": "half", "rope_theta": 10000});
    let mut table = case("table", "f32", config.clone(), json!({"positions": [0, 1, 2]}));
    table.ask = named(&table.ask, "table");
    table.basic = true;
    let t5 = json!({"num_buckets": 32, "max_distance": 128, "bidirectional": true});
    let input = json!({"query_positions": [0, 40], "key_positions": [0, 1]});
    let mut bucket = case("t5_bucket", "i32", t5, input);
    bucket.ask = named(&bucket.ask, "bucket");
    bucket.group = "h".into();
    let mut refuse = case("table", "f32", config, json!({"positions": [0]}));
    let mut request = named(&refuse.ask, "refuse").request().clone();
    request.config.remove("rope_theta");
    refuse.ask = Ask::new(request);
    refuse.truth.expected = Expected::Reject(Slug::MissingKey);
    refuse.truth.residual = None;
    vec![table, bucket, refuse]
}

/// The same request by another name.
fn named(ask: &Ask, id: &str) -> Ask {
    Ask::new(Request { id: id.into(), ..ask.request().clone() })
}

/// The reference as a kernel.
fn right(ask: &Ask) -> Outcome {
    match exact::reply(&serde_json::to_string(&ask.to_json()).unwrap()) {
        Reply::Output { output, .. } => {
            Outcome::Output(output.into_iter().map(|(n, t)| (n.to_string(), t)).collect())
        }
        Reply::Rejected { reject, .. } => Outcome::Rejected(reject.to_string()),
        Reply::Errored { message, .. } => Outcome::Errored(message),
    }
}

fn run(answer: impl FnMut(&Ask) -> Outcome) -> Report {
    run_with(answer, &Options::default())
}

fn run_with(answer: impl FnMut(&Ask) -> Outcome, options: &Options) -> Report {
    let report = audit(&mut Closure(answer), &cases(), options).report;
    // Whatever was found, its file ends with a footer that says the same.
    let text = ndjson(&report);
    let footer: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(footer["line"], "footer");
    assert_eq!(footer["verdict"], report.verdict.name());
    report
}

/// The report if one of the three is answered so.
fn instead(id: &'static str, outcome: Outcome) -> Report {
    run(move |ask| if ask.id == id { outcome.clone() } else { right(ask) })
}

fn status(report: &Report, id: &str) -> &'static str {
    report.cases.iter().find(|case| case.id == id).unwrap().status.name()
}

#[test]
fn a_right_kernel_conforms() {
    let report = run(right);
    assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::Conforms, 0));
    assert!(report.cases.iter().all(|case| case.status.name() == "passed"));
    let table = report.sections.iter().find(|s| s.operation.name() == "table").unwrap();
    assert_eq!(table.profiles, ["numpy-f64"], "the tightest that holds");
    assert!(report.complaints.is_empty());
}

#[test]
fn what_is_no_answer_is_never_a_pass() {
    let broken = |breakage| Outcome::Broken(breakage);
    for (outcome, word, verdict) in [
        (Outcome::Unsupported("no".into()), "unsupported", Verdict::Unjudged),
        (Outcome::Skipped("no".into()), "skipped", Verdict::Unjudged),
        (Outcome::Errored("no".into()), "errored", Verdict::AdapterFault),
        (broken(Breakage::Crash("SIGSEGV".into())), "crash", Verdict::AdapterFault),
        (broken(Breakage::Hang(std::time::Duration::from_secs(1))), "hang", Verdict::AdapterFault),
        (broken(Breakage::EarlyExit), "early_exit", Verdict::AdapterFault),
        (Outcome::Rejected("invalid_value: no".into()), "refused", Verdict::Diverges),
        (Outcome::Output(vec![]), "misfit", Verdict::Diverges),
    ] {
        let report = instead("table", outcome.clone());
        assert_eq!(status(&report, "table"), word);
        let expected = match verdict {
            // The group is not silent: its refusal was judged.
            Verdict::Unjudged => Verdict::Conforms,
            other => other,
        };
        assert_eq!(report.verdict, expected, "{word}");
        let report = instead("refuse", outcome.clone());
        let word = match word {
            "refused" => "passed",
            "misfit" => "accepted",
            other => other,
        };
        assert_eq!(status(&report, "refuse"), word);
        // Alone in its group, what is declined narrows the claim, which is said; a skip does not.
        let report = instead("bucket", outcome);
        let declined = word == "unsupported";
        let alone = if declined { Verdict::Conforms } else { verdict };
        assert_eq!(report.verdict, alone, "{word}");
        assert!(!declined || !report.remarks.is_empty(), "{word}");
    }
}

#[test]
fn nothing_judged_is_no_verdict() {
    for outcome in [Outcome::Unsupported("no".into()), Outcome::Skipped("no".into())] {
        let report = run(|_| outcome.clone());
        assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::Unjudged, 3));
    }
    let report = audit(&mut Closure(right), &[], &Options::default()).report;
    assert_eq!(report.verdict, Verdict::Unjudged);
}

#[test]
fn an_answer_must_be_the_same_when_asked_again() {
    let mut calls = 0;
    let fickle = |ask: &Ask| {
        calls += 1;
        let mut outcome = right(ask);
        if let (Outcome::Output(tensors), true) = (&mut outcome, calls > 3 && ask.id == "table") {
            let cos = &tensors[0].1;
            let data = cos.data().iter().map(|bits| bits ^ u64::from(calls % 2 == 0)).collect();
            tensors[0].1 =
                ropewalk::number::Tensor::new(cos.dtype(), cos.shape().to_vec(), data).unwrap();
        }
        outcome
    };
    let report = run(fickle);
    assert_eq!((status(&report, "table"), report.verdict), ("fickle", Verdict::Diverges));
}

#[test]
fn another_reason_to_refuse_passes_with_a_note() {
    let report = instead("refuse", Outcome::Rejected("invalid_value: theta".into()));
    assert_eq!(report.verdict, Verdict::Conforms);
    let notes = &report.cases.iter().find(|case| case.id == "refuse").unwrap().notes;
    assert_eq!(notes[..], ["refused as invalid_value, the file has missing_key"]);
    let report = instead("refuse", Outcome::Rejected("go away".into()));
    let notes = &report.cases.iter().find(|case| case.id == "refuse").unwrap().notes;
    assert_eq!(notes[..], ["refused without a reason of the list: \"go away\""]);
}

#[test]
fn known_failures_are_allowed_and_must_fail() {
    let known = |id: &str| id == "bucket";
    let options = Options { known: &known, ..Options::default() };
    let refuse = |ask: &Ask| match ask.id.as_str() {
        "bucket" => Outcome::Rejected("invalid_value: no".into()),
        _ => right(ask),
    };
    assert_eq!(run_with(refuse, &options).verdict, Verdict::Conforms);
    let report = run_with(right, &options);
    assert_eq!(report.verdict, Verdict::Diverges);
    assert_eq!(report.complaints, ["bucket is listed as a known failure and passes"]);
}

#[test]
fn a_claim_that_nothing_exercises_is_no_pass() {
    struct Boastful;
    impl Kernel for Boastful {
        fn describe(&mut self) -> Result<ropewalk::audit::Description, Breakage> {
            let mut description = Closure(right).describe()?;
            let mut more = description.capabilities[0].clone();
            more.operations = vec![ropewalk::request::Operation::Sinusoidal];
            description.capabilities.push(more);
            Ok(description)
        }
        fn ask(&mut self, ask: &Ask) -> Outcome {
            right(ask)
        }
    }
    let report = audit(&mut Boastful, &cases(), &Options::default()).report;
    assert_eq!(report.verdict, Verdict::Unjudged);
    assert_eq!(report.complaints, ["capability 2 was never exercised"]);
}

#[test]
fn a_kernel_that_does_not_start_is_an_adapter_fault() {
    struct Dead;
    impl Kernel for Dead {
        fn describe(&mut self) -> Result<ropewalk::audit::Description, Breakage> {
            Err(Breakage::EarlyExit)
        }
        fn ask(&mut self, _: &Ask) -> Outcome {
            unreachable!()
        }
        fn log(&self) -> String {
            "last words".into()
        }
    }
    let report = audit(&mut Dead, &cases(), &Options::default()).report;
    assert_eq!((report.verdict, report.log.as_str()), (Verdict::AdapterFault, "last words"));
}

#[test]
fn a_kernel_that_dies_keeps_the_answers_that_it_gave() {
    // It answers everything once, dies when the first is asked again, and is given up.
    let mut calls = 0;
    let report = run(|ask| {
        calls += 1;
        match calls {
            1..=3 => right(ask),
            4 => Outcome::Broken(Breakage::Crash("SIGSEGV".into())),
            _ => Outcome::Broken(Breakage::GivenUp(5)),
        }
    });
    assert_eq!((status(&report, "table"), report.verdict), ("crash", Verdict::AdapterFault));
    assert_eq!((status(&report, "bucket"), status(&report, "refuse")), ("passed", "passed"));
    let table = report.cases.iter().find(|case| case.id == "table").unwrap();
    assert!(table.judged > 0, "what it answered before was judged");
    // What was wrong when it was said stays wrong.
    let mut calls = 0;
    let report = run(|ask| {
        calls += 1;
        match calls {
            1 => match right(ask) {
                Outcome::Output(mut tensors) => {
                    let sin = tensors[1].1.clone();
                    tensors[0].1 = sin;
                    Outcome::Output(tensors)
                }
                other => other,
            },
            2..=3 => right(ask),
            _ => Outcome::Broken(Breakage::Crash("SIGSEGV".into())),
        }
    });
    assert_eq!((status(&report, "table"), report.verdict), ("wrong", Verdict::Diverges));
}
