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
    assert_eq!(audit(&corpus, &["--exec", careless]).0, 0);
    assert_eq!(audit(&corpus, &["--exec", careless, "--sound"]).0, 0);
    let (code, text, _) = audit(&corpus, &["--exec", careless, "--refusals"]);
    assert_eq!(code, 1);
    assert!(text.starts_with("LENIENT") && text.contains("values right"), "{text}");
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

/// Nor does what left its group.
#[test]
#[ignore = "needs python3"]
#[cfg(target_os = "linux")]
fn a_daemon_ends_with_the_audit() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path(), &["alibi_slopes/f32"]);
    let file = folder.path().join("pid");
    let command = format!("python3 tests/doors/misbehave.py daemon {}", file.display());
    let (code, text, errors) = audit(&corpus, &["--exec", &command, "--once"]);
    assert_eq!(code, 0, "{text}{errors}");
    let pid = std::fs::read_to_string(&file).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z"), "{stat}");
}

/// What cannot be right is said before anything is computed.
#[test]
fn mistakes_are_told_at_once() {
    for (arguments, code, said) in [
        (&["audit", "--exec", "./no-such-adapter"][..], 3, "not found"),
        (&["audit", "--lib", "./no-such.so"], 2, "no-such.so"),
        (&["audit", "--exec", "true", "--only", "rotate-hlaf-*"], 2, "list tests"),
        (&["audit", "--exec", "true", "--layout", "half"], 2, "--layout is about a config"),
        (&["audit", "--exec", "true", "--flag", "batchh"], 2, "did you mean batch?"),
        (&["audit", "--exec", "true", "--operation", "rotat"], 2, "did you mean rotate?"),
        (&["audit", "--exec", "true", "--dtype", "fp23"], 2, "f64, f32, bf16, f16"),
        (&["audit", "--exec", "true", "--profile", "hf-f23"], 2, "did you mean hf-f32?"),
        (&["show", "--model", "llama-3.1-8bb"], 2, "similar are llama-3.1-8b"),
        (&["explain", "own-rotate-f32-any-length-decode"], 2, "--model or --config"),
        (&["adapter", "--fault", "a1-pairing-swaped"], 2, "did you mean a1-"),
    ] {
        let began = std::time::Instant::now();
        let output = Command::cargo_bin("ropewalk").unwrap().args(arguments).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
        // The vectors take longer than this on any machine that is as busy.
        assert!(began.elapsed().as_secs() < 10, "{arguments:?}");
    }
}

/// Names that people use name what they mean.
#[test]
fn names_are_those_that_people_use() {
    let ropewalk = |arguments: &[&str]| {
        let output = Command::cargo_bin("ropewalk").unwrap().args(arguments).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), text)
    };
    let show = |name: &str| ropewalk(&["show", "--model", name, "--json"]);
    let (code, own) = show("llama-3.1-8b");
    assert_eq!(code, Some(0));
    for name in ["meta-llama/Llama-3.1-8B", "LLAMA-3.1-8B", "Meta-Llama/llama-3.1-8b"] {
        // But for the title, the same.
        assert_eq!(show(name).1.replace(name, "llama-3.1-8b"), own, "{name}");
    }
    let config = r#"{"head_dim":8,"layout":"neox","rope_theta":10000}"#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let path = path.to_str().unwrap();
    for (config, said) in [
        (config.to_string(), "what is called neox elsewhere is half here"),
        (config.replace("neox", "gptj"), "what is called gptj elsewhere is interleaved here"),
        (
            config.replace("neox", "half").replace("rope_theta", "rope_thet"),
            "did you mean rope_theta?",
        ),
        (
            config.replace("neox", "half").replace("rope_theta", "base"),
            "elsewhere is rope_theta here",
        ),
    ] {
        std::fs::write(path, &config).unwrap();
        let (code, text) = ropewalk(&["show", "--config", path]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(said), "{config}: {text}");
    }
    for name in ["float32", "bfloat16", "half", "float16", "float64"] {
        let table = ["table", "--model", "phi-2", "--positions", "0..2", "--dtype", name];
        let file = folder.path().join(format!("{name}.npz"));
        let (code, text) = ropewalk(&[&table[..], &[file.to_str().unwrap()]].concat());
        assert_eq!(code, Some(0), "{name}: {text}");
    }
}

/// What a report or a page tells to type works where there is no checkout.
#[test]
fn a_word_that_stands_alone_is_told_where_it_belongs() {
    for (words, option) in [
        (&["audit", "python3 kernel.py"][..], "--exec \"python3 kernel.py\""),
        (&["audit", "./kernel.so"], "--lib \"./kernel.so\""),
        (&["identify", "./kernel"], "--exec \"./kernel\""),
        (&["show", "llama-3.1-8b"], "--model \"llama-3.1-8b\""),
        (&["show", "config.json"], "--config \"config.json\""),
    ] {
        let output = Command::cargo_bin("ropewalk").unwrap().args(words).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(text.contains(option), "{words:?}: {text}");
    }
    let nothing = ["list", "models", "no such model"];
    let output = Command::cargo_bin("ropewalk").unwrap().args(nothing).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && text.contains("stands in none of"), "{text}");
}

#[test]
fn hints_work_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let ropewalk = |arguments: &[&str]| {
        let mut command = Command::cargo_bin("ropewalk").unwrap();
        let output = command.current_dir(&folder).args(arguments).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {text}");
        text
    };
    let id = "rotate-half-bf16-basic-position-1";
    assert!(ropewalk(&["explain", id]).contains("exactly"));
    let own = "own-rotate-f32-any-length-origin";
    assert!(ropewalk(&["explain", "--model", "phi-2", own]).contains(own));
    assert!(ropewalk(&["export", id]).contains("\"reply\""));
    assert!(ropewalk(&["export", "--model", "phi-2", own]).contains("\"reply\""));
    assert!(ropewalk(&["list", "tests", "--only", "alibi_slopes/f32.json"]).contains("alibi"));
    assert!(ropewalk(&["list", "profiles"]).contains("hf-f32"));
    assert!(ropewalk(&["help"]).contains("Kernels:"));
    assert!(ropewalk(&["help", "judge"]).contains("--positions"));
    for shell in ["bash", "zsh", "fish", "man"] {
        assert!(ropewalk(&["completions", shell]).contains("identify"), "{shell}");
    }
    // A list can be narrowed, and a request can be written where its file would stand.
    let found = ropewalk(&["list", "faults", "ALIBI_BIAS_MAX"]);
    assert!(found.contains("j1-bias-max-ignored") && found.lines().count() == 2, "{found}");
    let request = r#"{"cmd":"run","id":"here","operation":"alibi_slopes","dtype":"f32",
        "config":{"num_heads":8,"slopes":"paper"},"input":{}}"#;
    assert!(ropewalk(&["compute", request]).contains("3f000000"));
    // What nobody types is not suggested.
    let output = Command::cargo_bin("ropewalk").unwrap().arg("sho").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("'show'") && !text.contains("host"), "{text}");
}
