//! The verbs about vectors.

use assert_cmd::Command;
use std::path::Path;

fn ropewalk(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("ropewalk").unwrap().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn read(folder: &Path, path: &str) -> String {
    std::fs::read_to_string(folder.join(path)).unwrap()
}

#[test]
fn generate_writes_checks_and_removes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let only = ["--out", out, "--only", "alibi_*/bf16.json"];
    let generate = |arguments: &[&str]| ropewalk(&[&["generate"], arguments].concat());
    let (code, text, errors) = generate(&only);
    assert_eq!(code, 0, "{errors}");
    assert!(errors.is_empty(), "no progress in a pipe: {errors}");
    assert!(
        text.contains("2 golden files") && text.contains("5 files written, 0 removed"),
        "{text}"
    );
    for path in ["alibi_bias/bf16.json", "alibi_slopes/bf16.json", "schema/golden.json"] {
        assert_eq!(read(folder.path(), path), read(Path::new("vectors"), path));
    }
    let (_, text, _) = generate(&only);
    assert!(text.contains("0 files written"), "what is unchanged is not touched: {text}");

    // A changed vector, an extra file and a missing one are named.
    let path = folder.path().join("alibi_slopes/bf16.json");
    let sound = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, sound.replacen("3f00", "3f01", 1)).unwrap();
    std::fs::remove_file(folder.path().join("alibi_bias/bf16.json")).unwrap();
    std::fs::create_dir(folder.path().join("alibi_old")).unwrap();
    std::fs::write(folder.path().join("alibi_old/bf16.json"), "{}").unwrap();
    let (code, text, _) = generate(&[&only[..], &["--check"]].concat());
    assert_eq!(code, 1);
    insta::assert_snapshot!(text.lines().take(3).collect::<Vec<_>>().join("\n"));

    // A golden file that the manifest lists and no suite makes goes; what it never listed stays, and
    // so does what is not as it was listed, or lies behind a link.
    let sound = read(Path::new("vectors"), "alibi_bias/bf16.json");
    let mut manifest: serde_json::Value =
        serde_json::from_str(&read(folder.path(), "manifest.json")).unwrap();
    let entry = manifest["files"].as_array().unwrap().iter();
    let entry =
        entry.clone().find(|entry| entry["path"] == "alibi_bias/bf16.json").unwrap().clone();
    let elsewhere = tempfile::tempdir().unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("alibi_link")).unwrap();
    for (name, text) in [("alibi_older", &sound[..]), ("alibi_mine", "{}"), ("alibi_link", &sound)]
    {
        let mut stale = entry.clone();
        stale["path"] = format!("{name}/bf16.json").into();
        manifest["files"].as_array_mut().unwrap().push(stale);
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("bf16.json"), text).unwrap();
    }
    std::fs::write(folder.path().join("manifest.json"), manifest.to_string()).unwrap();
    let (code, text, errors) = generate(&["--out", out]);
    assert_eq!(code, 0, "{errors}");
    assert!(text.contains("1 removed"), "{text}");
    assert!(errors.contains("alibi_mine/bf16.json: kept"), "{errors}");
    assert!(!folder.path().join("alibi_older/bf16.json").exists());
    for kept in ["alibi_mine/bf16.json", "alibi_link/bf16.json"] {
        assert!(folder.path().join(kept).exists(), "{kept}");
        std::fs::remove_file(folder.path().join(kept)).unwrap();
    }
    assert!(folder.path().join("alibi_old/bf16.json").exists());
}

#[test]
fn generate_says_what_is_wrong() {
    let (code, _, errors) = ropewalk(&["generate", "--only", "nothing/*"]);
    assert_eq!(code, 2);
    assert_eq!(errors, "ropewalk: --only nothing/*: no golden file has such a path\n");
    let (code, _, errors) = ropewalk(&["generate", "--only", "{"]);
    assert!(code == 2 && errors.contains("error parsing glob"), "{errors}");
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    let out = blocked.to_str().unwrap();
    let (code, _, errors) =
        ropewalk(&["generate", "--out", out, "--only", "alibi_slopes/bf16.json"]);
    assert!(code == 2 && errors.contains("file"), "{errors}");
}

#[test]
fn lint_judges_directories_and_files() {
    assert_eq!(ropewalk(&["lint"]).0, 0);
    let (code, text, _) = ropewalk(&["lint", "vectors/table/f16.json"]);
    assert_eq!((code, text.as_str()), (0, "1 file: no complaints\n"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let sound = std::fs::read_to_string("vectors/alibi_slopes/bf16.json").unwrap();
    std::fs::write(&path, sound.replacen("\"basic\": true", "\"basic\": false", 1)).unwrap();
    let (code, text, _) = ropewalk(&["lint", folder.path().to_str().unwrap()]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(text);
    let (code, _, errors) = ropewalk(&["lint", "no/such/file.json"]);
    assert!(code == 2 && errors.starts_with("ropewalk: no/such/file.json: "), "{errors}");
}

#[test]
fn list_tells_what_there_is() {
    let (code, text, _) = ropewalk(&["list", "--only", "alibi_*/*"]);
    assert_eq!(code, 0);
    assert_eq!(text.lines().count(), 9);
    let (_, text, _) = ropewalk(&["list", "tests", "--flag", "tie", "--only", "alibi_bias/*"]);
    insta::assert_snapshot!(text);
    let (_, text, _) = ropewalk(&["list", "flags"]);
    let named = |flag: &str| text.lines().any(|line| line.starts_with(flag));
    assert!(["layout ", "near-tie ", "t5-boundary "].into_iter().all(named), "{text}");
    let (_, text, _) = ropewalk(&["list", "schemes", "--json"]);
    let list: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert!(list.iter().any(|scheme| scheme["rope_type"] == "yarn"));
    let (_, text, _) = ropewalk(&["list", "groups", "--json", "--only", "t5_bucket/*"]);
    let list: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(list[0]["group"], "basic");
    assert_eq!(list[0]["config"]["num_buckets"], 32);
    assert_eq!(ropewalk(&["list", "operations"]).1.lines().count(), 19);
    let (code, _, errors) = ropewalk(&["list", "tests", "--flag", "colour"]);
    assert_eq!(
        (code, errors.as_str()),
        (2, "ropewalk: --flag colour: `ropewalk list flags` has them all\n")
    );
    assert_eq!(ropewalk(&["list", "--dir", "no/such"]).0, 2);
}

#[test]
fn export_speaks_the_protocol() {
    let id = "alibi-slopes-f32-basic-eight-heads";
    let (code, text, _) = ropewalk(&["export", id, "rejects-rotate-config-odd-rotary-refused"]);
    assert_eq!(code, 0);
    // Half, a quarter, an eighth, …: 3f000000, 3e800000, 3e000000 in f32.
    insta::assert_snapshot!(text);
    // Requests go into an adapter, and what comes out is what the file expects.
    let pattern = "rotate/schemes-half-f32.json";
    let (_, requests, _) = ropewalk(&["export", "--requests", pattern]);
    let (_, pairs, _) = ropewalk(&["export", pattern]);
    let output =
        Command::cargo_bin("ropewalk").unwrap().arg("adapter").write_stdin(requests).output();
    let replies = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(pairs.lines().count() > 50);
    assert_eq!(pairs.lines().count(), replies.lines().count());
    for (pair, reply) in pairs.lines().zip(replies.lines()) {
        let pair: serde_json::Value = serde_json::from_str(pair).unwrap();
        let reply: serde_json::Value = serde_json::from_str(reply).unwrap();
        assert_eq!(pair["reply"], reply, "{}", pair["comment"]);
    }
    let (code, text, errors) = ropewalk(&["export", "no-such-id"]);
    assert_eq!((code, text.as_str()), (1, ""));
    assert_eq!(errors, "ropewalk: no-such-id: neither a test's id nor a golden file's path\n");
}
