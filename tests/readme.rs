//! The README says what is true: its commands print what it quotes, its numbers are counted.
//!
//! Its Rust example is a documentation test of the library.

use ropewalk::fault;
use std::process::Command;

fn page() -> String {
    std::fs::read_to_string("README.md").unwrap()
}

/// What a command of the page prints, the program of this build being `ropewalk`.
fn printed(command: &str) -> String {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_ropewalk"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(program.parent().unwrap().to_path_buf());
    let path = std::env::join_paths(folders.chain(std::env::split_paths(&path))).unwrap();
    let output = Command::new("sh").args(["-c", command]).env("PATH", path).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// An audit of a model takes a minute.
fn is_long(command: &str) -> bool {
    command.contains("audit ") || command.contains("identify ")
}

#[test]
fn commands_print_what_is_quoted() {
    assert_eq!(as_quoted(|command| !is_long(command)), 2);
}

#[test]
#[ignore = "deep: .ci/run does it"]
fn deep_audits_print_what_is_quoted() {
    assert_eq!(as_quoted(is_long), 2);
}

/// How many of these commands there are; every one prints what the page says. `…` on a line of its
/// own stands for any lines.
fn as_quoted(wanted: impl Fn(&str) -> bool) -> usize {
    let page = page();
    let mut commands = 0;
    for block in page.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for part in block.split("$ ").skip(1) {
            let (command, quoted) = part.split_once('\n').unwrap();
            if !wanted(command) {
                continue;
            }
            let printed = printed(command);
            let mut rest = printed.as_str();
            let mut anywhere = false;
            for line in quoted.lines() {
                if line == "…" {
                    anywhere = true;
                    continue;
                }
                let line = format!("{line}\n");
                let at = rest.find(&line).unwrap_or_else(|| panic!("{line:?} not in {printed}"));
                assert!(anywhere || at == 0, "{line:?} is not the next line of {printed}");
                rest = &rest[at + line.len()..];
                anywhere = false;
            }
            assert!(anywhere || rest.is_empty(), "{command} prints more: {rest}");
            commands += 1;
        }
    }
    commands
}

#[test]
fn numbers_are_counted() {
    let page = page();
    let says = |text: String| assert!(page.contains(&text), "README.md does not say {text:?}");
    says(format!("{} known faults", fault::all().len()));
    let certified = std::fs::read_to_string("docs/proofs/certified.json").unwrap();
    let certified: serde_json::Value = serde_json::from_str(&certified).unwrap();
    says(format!("{} lemmas", certified["certified"]));
    let findings = std::fs::read_to_string("docs/findings.md").unwrap();
    let titled = |line: &&str| {
        let number = line.strip_prefix("### ").and_then(|line| line.split_once(". "));
        number.is_some_and(|(number, _)| number.parse::<u32>().is_ok())
    };
    let count = findings.lines().filter(titled).count();
    says(format!("{count} findings"));
    assert!(
        findings.contains(&format!("{count} findings.")),
        "docs/findings.md does not say {count}"
    );
    let packages = findings.split("adapters for ").nth(1).and_then(|rest| rest.split(' ').next());
    says(format!("Pointed at {} packages", packages.unwrap()));
    let manifest = std::fs::read_to_string("vectors/manifest.json").unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let files = manifest["files"].as_array().unwrap();
    let sum = |key: &str| files.iter().map(|file| file[key].as_u64().unwrap()).sum::<u64>();
    let (tests, elements) = (sum("tests"), sum("elements"));
    says(format!("{} golden files, {tests} tests, {elements} elements", files.len()));
    for scheme in ropewalk::encoding::spectrum::SCHEMES {
        says(scheme.rope_type().to_string());
    }
}

#[test]
fn it_is_short_and_its_links_lead_somewhere() {
    let page = page();
    assert!(page.split_whitespace().count() <= 1000, "{}", page.split_whitespace().count());
    for link in page.split("](").skip(1) {
        let (link, _) = link.split_once(')').unwrap();
        assert!(std::path::Path::new(link).exists(), "{link}");
    }
}
