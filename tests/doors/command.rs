//! The verb: exit codes, and how a door is chosen.

use super::corpus;
use assert_cmd::Command;

fn audit(corpus: &str, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("ropewalk")
        .unwrap()
        .args(["audit", "--vectors", corpus, "--timeout", "30"])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
#[ignore = "needs python3"]
fn exit_codes_say_what_came_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path(), &["alibi_slopes/f32", "rejects/alibi_slopes"]);
    for (mode, code, said) in [
        ("", 0, "CONFORMS  right"),
        ("wrong", 1, "DIVERGES  wrong"),
        ("exit-3", 3, "crashed (exit status 3)"),
        ("skips", 3, "UNJUDGED  skips"),
        ("dies-at-start", 3, "the kernel crashed (exit status 3)"),
    ] {
        let command = format!("python3 tests/doors/misbehave.py {mode}");
        let (got, text, errors) = audit(&corpus, &["--exec", &command]);
        assert_eq!(got, code, "{mode}: {text}{errors}");
        assert!(text.contains(said), "{mode}: {text}");
    }
    // A crash shows the end of the log.
    let (_, text, _) = audit(&corpus, &["--exec", "python3 tests/doors/misbehave.py exit-3"]);
    assert!(text.contains("about to leave"), "{text}");
    // What checks nothing is not asked what must be refused.
    let careless = "python3 tests/doors/misbehave.py answers-everything";
    assert_eq!(audit(&corpus, &["--exec", careless]).0, 1);
    assert_eq!(audit(&corpus, &["--exec", careless, "--sound"]).0, 0);
    // An entry of the known failures that names nothing is mentioned, and only that one.
    let known = folder.path().join("known.txt");
    std::fs::write(&known, "alibi-slopes-* # all\nalibi-slops-f32\n").unwrap();
    let known = known.to_str().unwrap();
    let command = "python3 tests/doors/misbehave.py wrong";
    let (_, _, errors) = audit(&corpus, &["--exec", command, "--known-failures", known]);
    let said = "ropewalk: known failure alibi-slops-f32 matches no test that was asked\n";
    assert_eq!(errors, said);
}

#[test]
fn exactly_one_door_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path(), &["alibi_slopes/f32"]);
    for (arguments, said) in [
        (&[][..], "--exec"),
        (&["--exec", "true", "--lib", "a.so"], "cannot be used with"),
        (&["--exec", "true", "--symbol", "mine"], "--lib"),
        (&["--exec", "true", "--prompt", "ask.json"], "--outputs"),
        (&["--lib", "no-such.so"], "no-such.so"),
        (&["--outputs", "no-such.npz"], "no-such.npz"),
        (&["--outputs", "answers.txt"], ".safetensors or .npz"),
    ] {
        let (code, text, errors) = audit(&corpus, arguments);
        assert_eq!(code, 2, "{arguments:?}: {text}");
        assert!(errors.contains(said), "{arguments:?}: {errors}");
    }
}
