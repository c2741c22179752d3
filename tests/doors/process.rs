//! Adapters that misbehave: each is reported as what it is, and costs what it must.

use super::cases;
use ropewalk::audit::{Case, CaseReport, Options, Process, ProcessOptions, Report, Verdict, audit};
use std::time::Duration;

const AT: &str = "alibi-slopes-f32-code-6-slopes";

fn asked() -> Vec<Case> {
    cases(&["alibi_slopes/f32", "rejects/alibi_slopes"])
}

/// How many of them must be refused.
fn refusals() -> usize {
    asked().iter().filter(|case| case.truth.expected.tensors().is_none()).count()
}

fn report(command: &str, give_up: usize) -> Report {
    // Short only where it is to be felt: a busy machine may need a second to start anything.
    let sleeps = ["hang", "deaf", "deaf-later", "family"];
    let felt = command.split(' ').any(|word| sleeps.contains(&word));
    let timeout = Duration::from_secs(if felt { 3 } else { 30 });
    let options = ProcessOptions { timeout, longest_line: 1 << 20, give_up };
    let mut kernel = Process::new(command, options);
    audit(&mut kernel, &asked(), &Options::default()).report
}

fn misbehaving(mode: &str) -> Report {
    // Without exec some shells stay, and hold the output open when it closes its own.
    report(&format!("exec python3 tests/doors/misbehave.py {mode}"), 5)
}

fn case<'r>(report: &'r Report, id: &str) -> &'r CaseReport {
    report.cases.iter().find(|case| case.id == id).unwrap()
}

#[test]
#[ignore = "needs python3"]
fn a_right_kernel_conforms() {
    let report = misbehaving("");
    assert_eq!(report.verdict, Verdict::Conforms, "{:?}", report.complaints);
    assert_eq!(report.count("passed"), report.cases.len());
}

/// What breaks on one question costs that question: all others are answered by a fresh process.
#[test]
#[ignore = "needs python3"]
fn breakages_have_names_and_cost_one_case() {
    for (mode, status, detail) in [
        ("exit-3", "crash", "exit status 3"),
        ("exit-3-when-asked-again", "crash", "exit status 3"),
        ("segfault", "crash", "SIGSEGV"),
        ("orphan", "crash", "exit status 3"),
        ("hang", "hang", "3s"),
        ("leave", "early_exit", "exit status 0"),
        ("close", "closed", "runs on"),
        ("garbage", "garbage", "core dumped"),
        ("bytes", "garbage", "UTF-8"),
        ("list", "garbage", "an object"),
        ("wrong-id", "wrong_id", "somebody else"),
        ("no-id", "garbage", "without id"),
        ("two-lines", "extra_line", "more than one line"),
        ("half-a-line", "partial_line", "middle of a line"),
        ("half-a-line-and-crash", "crash", "exit status 3"),
        ("flood", "flood", "1048576 bytes"),
        ("many-lines", "extra_line", "{}"),
        ("both", "garbage", "exactly one of"),
        ("unknown-key", "garbage", "note"),
        ("numbers", "garbage", "no string"),
        ("errored", "errored", "out of memory"),
    ] {
        let report = misbehaving(mode);
        let broken = case(&report, AT);
        assert_eq!(broken.status.name(), status, "{mode}: {:?}", broken.status);
        let said = broken.status.detail().unwrap();
        assert!(said.contains(detail), "{mode}: {said}");
        assert_eq!(report.verdict, Verdict::AdapterFault, "{mode}");
        assert_eq!(report.verdict.exit_code(), 3);
        assert_eq!(report.count("passed"), report.cases.len() - 1, "{mode}");
        assert_eq!(report.log.contains("about to leave"), mode.starts_with("exit-3"), "{mode}");
    }
}

#[test]
#[ignore = "needs python3"]
fn what_never_starts_is_no_verdict_on_the_kernel() {
    for (command, complaint) in [
        ("python3 tests/doors/misbehave.py dies-at-start", "exit status 3"),
        ("python3 tests/doors/misbehave.py deaf", "no answer within 3s"),
        ("python3 tests/doors/misbehave.py protocol-2", "protocol is 2, allowed is 1"),
        ("python3 tests/doors/misbehave.py unknown-capability", "colours"),
        ("python3 tests/doors/misbehave.py claims-nothing", "nothing could be asked"),
        ("python3 tests/doors/misbehave.py chatty", "more than one line"),
        ("no-such-program --at all", "not found"),
        ("true", "exit status 0"),
        ("/dev/null", "not executable"),
    ] {
        let report = report(command, 5);
        assert_eq!(report.verdict, Verdict::AdapterFault, "{command}");
        assert!(report.cases.is_empty() && report.complaints.len() == 1);
        assert!(report.complaints[0].contains(complaint), "{command}: {}", report.complaints[0]);
    }
}

/// A kernel that never reads again is asked five times, not thirty.
#[test]
#[ignore = "needs python3"]
fn what_breaks_again_and_again_is_given_up() {
    let report = report("python3 tests/doors/misbehave.py deaf-later", 6);
    assert_eq!(report.verdict, Verdict::AdapterFault);
    assert_eq!(report.count("hang"), 2);
    assert_eq!(report.count("given_up"), report.cases.len() - 2);
}

#[test]
#[ignore = "needs python3"]
fn answers_that_are_not_right_diverge() {
    for (mode, status, detail) in [
        ("wrong-shape", "misfit", "shape [1, 6], [6] is right"),
        ("wrong-dtype", "misfit", "dtype i32, f32"),
        ("missing", "misfit", "slopes is missing"),
        ("surplus", "misfit", "more is none"),
        ("refuses", "refused", "too many heads"),
        ("fickle", "fickle", "another answer"),
        ("wrong", "wrong", ""),
    ] {
        let report = misbehaving(mode);
        let wrong = case(&report, AT);
        assert_eq!(wrong.status.name(), status, "{mode}: {:?}", wrong.status);
        assert!(wrong.status.detail().unwrap_or_default().contains(detail), "{mode}");
        assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::Diverges, 1), "{mode}");
        assert_eq!(report.count("passed"), report.cases.len() - 1, "{mode}");
    }
    let report = misbehaving("answers-everything");
    let refusals = refusals();
    assert!(refusals > 10);
    assert_eq!((report.verdict, report.count("accepted")), (Verdict::Lenient, refusals));
    let report = misbehaving("rejects-all");
    let answers = report.cases.iter().filter(|case| case.status.name() != "unclaimed").count();
    assert_eq!((report.verdict, report.count("refused")), (Verdict::Diverges, answers - refusals));
}

#[test]
#[ignore = "needs python3"]
fn another_reason_to_refuse_is_a_note() {
    let report = misbehaving("another-reason");
    assert_eq!(report.verdict, Verdict::Conforms);
    let notes: Vec<&String> = report.cases.iter().flat_map(|case| &case.notes).collect();
    assert_eq!(notes.len(), refusals());
    assert!(notes.iter().any(|n| n.contains("malformed_request, the file has unused_input")));
}

#[test]
#[ignore = "needs python3"]
fn evasion_is_no_pass() {
    for (mode, complaint) in [
        ("skips", "skipped all of it"),
        ("skips-a-group", "code-6"),
        ("claims-too-much", "capability 2 was never exercised"),
    ] {
        let report = misbehaving(mode);
        assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::Unjudged, 3), "{mode}");
        assert!(report.complaints.iter().any(|c| c.contains(complaint)), "{mode}");
    }
    // Whoever declines a group has claimed too much, and is judged by the rest; of all of it,
    // there is no rest.
    let report = misbehaving("unsupported");
    assert_eq!((report.verdict, report.remarks.len()), (Verdict::Unjudged, 1));
    let report = misbehaving("declines-a-group");
    assert_eq!(report.verdict, Verdict::Conforms, "{:?}", report.complaints);
    assert!(report.remarks[0].contains("no six heads"), "{:?}", report.remarks);
}

/// A filter that leaves a claim aside is no reason to doubt it.
#[test]
#[ignore = "needs python3"]
fn a_claim_beside_the_questions_is_not_missed() {
    let command = "python3 tests/doors/misbehave.py claims-too-much";
    let mut kernel = Process::new(command, ProcessOptions::default());
    let options = Options { whole: false, ..Options::default() };
    let report = audit(&mut kernel, &cases(&["alibi_slopes/f32"]), &options).report;
    assert_eq!(report.verdict, Verdict::Conforms, "{:?}", report.complaints);
}

/// Nothing that an adapter started outlives it.
#[test]
#[ignore = "needs python3"]
#[cfg(target_os = "linux")]
fn children_end_with_their_parent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let command = format!("python3 tests/doors/misbehave.py family {}", file.display());
    assert_eq!(report(&command, 5).count("hang"), 1);
    let pid = std::fs::read_to_string(&file).unwrap();
    // Gone, or dead and waiting for whoever buries it.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z"), "{stat}");
}

/// The documented examples are right, and short.
#[test]
#[ignore = "needs python3 with numpy"]
fn minimal_adapters_conform() {
    let folder = tempfile::tempdir().unwrap();
    let c = folder.path().join("adapter").display().to_string();
    let compile =
        ["-O2", "-Wall", "-Wextra", "-Werror", "-o", &c, "examples/minimal/adapter.c", "-lm"];
    let (fine, text) = super::run("cc", &compile);
    assert!(fine, "{text}");
    // Beside the tests' own folder.
    let rust =
        std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/minimal");
    let rust = rust.display().to_string();
    assert!(std::path::Path::new(&rust).exists(), "cargo build --example minimal");
    for (file, command, sound) in [
        ("adapter.py", "python3 examples/minimal/adapter.py", false),
        ("adapter_numpy.py", "python3 examples/minimal/adapter_numpy.py", false),
        ("adapter.c", &c, true),
        ("adapter.rs", &rust, false),
    ] {
        let path = format!("examples/minimal/{file}");
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines < 80, "{path} has {lines} lines");
        let mut asked = cases(&["rotate/half-f32", "rotate/interleaved-f32", "rejects/rotate"]);
        asked.retain(|case| !sound || case.truth.expected.tensors().is_some());
        let mut kernel = Process::new(command, ProcessOptions::default());
        let report = audit(&mut kernel, &asked, &Options::default()).report;
        let failed: Vec<_> = report.divergences().map(|c| (&c.id, &c.status, &c.worst)).collect();
        assert_eq!(report.verdict, Verdict::Conforms, "{path}: {failed:?} {:?}", report.complaints);
        assert!(report.count("passed") > 300, "{path}");
    }
}
