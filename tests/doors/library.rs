//! Kernels in C, right and broken: each fault of memory is found, and named for what it is.

use assert_cmd::Command;
use serde_json::Value;
use std::path::Path;

/// Compiles `kernel.c`.
fn compiled(folder: &Path, name: &str, macros: &[&str]) -> String {
    let library = folder.join(format!("{name}.so")).display().to_string();
    let prefix = if macros.iter().any(|m| m.contains("PREFIX")) {
        &[][..]
    } else {
        &[
            "-DPREFIX_about=ropewalk_about",
            "-DPREFIX_rotate=ropewalk_rotate",
            "-DPREFIX_apply=ropewalk_apply",
        ]
    };
    let fixed =
        ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-o", &library];
    let arguments = [&fixed[..], prefix, macros, &["tests/doors/kernel.c", "-lm"]].concat();
    let (fine, text) = super::run("cc", &arguments);
    assert!(fine, "{text}");
    library
}

/// The exit code, the footer and the lines of the cases.
fn audit(library: &str, only: &str, more: &[&str]) -> (i32, Value, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        "rotate/half-f32",
        "rotate/schemes-interleaved-f32",
        "rotate/half-f64",
        "apply/half-f32",
        "apply/interleaved-f32",
        "rejects/rotate",
    ];
    let corpus = super::corpus(folder.path(), &files);
    let fixed = ["audit", "--lib", library, "--vectors", &corpus, "--report", "ndjson"];
    let timeout = if library.ends_with("HANG.so") { "3" } else { "30" };
    let select = ["--once", "--timeout", timeout, "--only", only];
    let output = Command::cargo_bin("ropewalk")
        .unwrap()
        .args([&fixed[..], &select, more].concat())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let footer = lines.last().unwrap_or(&Value::Null).clone();
    let cases = lines.into_iter().filter(|line| line["line"] == "case").collect();
    (output.status.code().unwrap(), footer, cases)
}

fn statuses(cases: &[Value]) -> Vec<&str> {
    let mut found: Vec<&str> = cases.iter().map(|c| c["status"].as_str().unwrap()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
#[ignore = "deep: .ci/run does it"]
fn deep_a_right_library_conforms_in_every_way_of_asking() {
    let folder = tempfile::tempdir().unwrap();
    let library = compiled(folder.path(), "right", &[]);
    for only in ["rotate-*-f32-*", "rotate-half-f64-*", "apply-*-f32-*"] {
        let (code, footer, cases) = audit(&library, only, &[]);
        let odd: Vec<&Value> = cases
            .iter()
            .filter(|c| {
                !["passed", "unclaimed", "unjudged"].contains(&c["status"].as_str().unwrap())
            })
            .collect();
        assert_eq!((code, &footer["verdict"]), (0, &"conforms".into()), "{only}: {odd:?} {footer}");
        for probe in ["strided", "in_place", "race"] {
            let of = |c: &&Value| c["id"].as_str().unwrap().ends_with(&format!("@{probe}"));
            assert!(cases.iter().filter(of).count() >= 3, "{only} {probe}");
            assert!(cases.iter().filter(of).all(|c| c["status"] == "passed"), "{only} {probe}");
        }
    }
}

#[test]
fn broken_libraries_are_caught_for_their_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (fault, status, ways, detail) in [
        ("PAST_END", "canary", &[""][..], "0 bytes past the end of the output q"),
        ("WRITES_INPUT", "input_changed", &[""], "at byte 0 of the input q"),
        ("WRITES_POSITIONS", "input_changed", &[""], "the input positions"),
        ("SKIPS_LAST_TOKEN", "unwritten", &[""], "unwritten, the first at"),
        ("DENSE", "strided", &["@strided"], "ignores strides"),
        ("OVERWRITES", "in_place", &["@in_place"], "wrong in place"),
        ("NARROW", "position_width", &["", "@position_width"], "64-bit positions"),
        ("FLAKY", "race", &["@race"], "gives other bits in 1 of"),
    ] {
        let define = format!("-D{fault}");
        let library = compiled(folder.path(), fault, &[&define]);
        let (code, footer, cases) = audit(&library, "rotate-half-f32-[bhrl]*", &[]);
        assert_eq!((code, &footer["verdict"]), (1, &"diverges".into()), "{fault}");
        let found: Vec<&Value> = cases.iter().filter(|c| c["status"] == status).collect();
        for way in ways {
            let asked = |c: &&&Value| {
                let id = c["id"].as_str().unwrap();
                if way.is_empty() { !id.contains('@') } else { id.ends_with(way) }
            };
            assert!(
                found.iter().filter(asked).count() > 0,
                "{fault} {way}: {:?}",
                statuses(&cases)
            );
        }
        let said = |c: &&&Value| c["detail"].as_str().unwrap_or_default().contains(detail);
        assert!(found.iter().filter(said).count() > 0, "{fault}: {found:?}");
        // What only another way of asking shows leaves the plain questions right.
        let plain = cases.iter().filter(|c| !c["id"].as_str().unwrap().contains('@'));
        if !ways.contains(&"") {
            assert!(
                plain.clone().all(|c| c["status"] == "passed"
                    || c["status"] == "unjudged"
                    || c["status"] == "unclaimed"),
                "{fault}"
            );
        }
    }
}

/// It is the library's process that dies.
#[test]
fn libraries_that_crash_or_hang_are_reported_as_doing_so() {
    let folder = tempfile::tempdir().unwrap();
    for (fault, status) in [("SEGFAULT", "crash"), ("HANG", "hang"), ("REFUSES", "errored")] {
        let define = format!("-D{fault}");
        let library = compiled(folder.path(), fault, &[&define]);
        let (code, footer, cases) = audit(&library, "rotate-half-f32-batch-c*", &[]);
        assert_eq!((code, &footer["verdict"]), (3, &"adapter_fault".into()), "{fault}");
        assert!(statuses(&cases).contains(&status), "{fault}: {:?}", statuses(&cases));
    }
}

#[test]
fn what_is_not_claimed_is_not_tried() {
    let folder = tempfile::tempdir().unwrap();
    let macros = ["-DFEATURES=ROPEWALK_INT32", "-DDENSE", "-DOVERWRITES"];
    let library = compiled(folder.path(), "modest", &macros);
    let (code, _, cases) = audit(&library, "rotate-half-f32-[bhrl]*", &[]);
    assert_eq!(code, 0, "{:?}", statuses(&cases));
    let why: Vec<&str> = cases.iter().filter_map(|c| c["detail"].as_str()).collect();
    for feature in ["strides", "in_place", "keys"] {
        assert!(why.contains(&&*format!("the library does not claim {feature}")), "{feature}");
    }
}

#[test]
fn what_is_no_such_library_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let prefixed =
        ["-DPREFIX_about=mine_about", "-DPREFIX_rotate=mine_rotate", "-DPREFIX_apply=mine_apply"];
    let mine = compiled(folder.path(), "mine", &prefixed);
    let old = compiled(folder.path(), "old", &["-DOLD"]);
    let text = folder.path().join("text.so").display().to_string();
    std::fs::write(&text, "no library").unwrap();
    let only = "rotate-half-f32-batch-c*";
    for (library, why) in [
        (&mine, "exports no function ropewalk_about"),
        (&old, "version 99 of ropewalk.h"),
        (&text, "text.so"),
    ] {
        let (code, footer, _) = audit(library, only, &[]);
        assert_eq!(code, 3);
        let complaint = footer["complaints"][0].as_str().unwrap();
        assert!(complaint.contains(why), "{complaint}");
    }
    let (code, ..) = audit(&mine, only, &["--symbol", "mine"]);
    assert_eq!(code, 0);
    let (code, ..) = audit("no/such/file.so", only, &[]);
    assert_eq!(code, 2);
}

/// The program of the page.
#[test]
fn the_shortest_library_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let page = std::fs::read_to_string("docs/library-door.md").unwrap();
    let program = page.split("```").find_map(|block| block.strip_prefix("c\n")).unwrap();
    let source = folder.path().join("kernel.c").display().to_string();
    std::fs::write(&source, program).unwrap();
    let library = folder.path().join("kernel.so").display().to_string();
    let arguments = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-o"];
    let (fine, text) = super::run("cc", &[&arguments[..], &[&library, &source, "-lm"]].concat());
    assert!(fine, "{text}");
    let (code, footer, cases) = audit(&library, "rotate-half-f32-*", &[]);
    assert_eq!(code, 0, "{:?} {footer}", statuses(&cases));
    assert!(cases.iter().filter(|case| case["status"] == "passed").count() > 100);
}
