//! Files that are none, runs that are cut short, and archives that lie about their size.
#![cfg(unix)]

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Runs the program in a folder with little memory and not for long.
fn limited(folder: &Path, arguments: &[&str]) -> Output {
    let program = assert_cmd::cargo::cargo_bin!("ropewalk");
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -v 2000000; exec \"$0\" \"$@\"", program.to_str().unwrap()])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("{arguments:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

fn refused(folder: &Path, arguments: &[&str], why: &str) {
    let output = limited(folder, arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert!(text.contains(why), "{arguments:?}: {text}");
}

#[test]
fn lint_neither_waits_nor_reads_devices() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(Command::new("mkfifo").arg(path.join("pipe.json")).status().unwrap().success());
    refused(path, &["lint", "pipe.json"], "no regular file");
    refused(path, &["lint", "."], "no regular file");
    std::fs::remove_file(path.join("pipe.json")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", path.join("zero.json")).unwrap();
    refused(path, &["lint", "."], "no regular file");
    refused(path, &["lint", "zero.json"], "no regular file");
}

#[test]
fn two_reports_do_not_go_to_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let audit = ["audit", "--exec", "true", "--report"];
    let two = |a: &str, b: &str| {
        let both = [&audit[..], &[a, "--report", b]].concat();
        refused(folder.path(), &both, "two reports go to");
    };
    two("html=a", "junit=a");
    two("html=a", "junit=./a");
    std::fs::write(folder.path().join("a"), "").unwrap();
    std::os::unix::fs::symlink("a", folder.path().join("b")).unwrap();
    two("html=a", "junit=b");
}

#[test]
fn an_interrupted_table_leaves_nothing() {
    for signal in ["INT", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("ropewalk"))
            .args(["table", "--model", "llama-3.1-8b", "--positions", "0..20000000", "t.npy"])
            .current_dir(folder.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let there = || std::fs::read_dir(folder.path()).unwrap().count();
        let start = Instant::now();
        while there() == 0 && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let id = child.id().to_string();
        assert!(
            Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success()
        );
        let status = child.wait().unwrap();
        assert!(status.signal().is_some(), "{status}");
        assert_eq!(there(), 0, "{signal}");
    }
}

/// Members that inflate to more than they say, or say more than anybody has.
#[test]
#[ignore = "needs python3"]
fn archives_are_read_no_further_than_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let script = "
import zipfile
def member(name, shape, count):
    text = (\"{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }\" % shape).ljust(117) + '\\n'
    with zipfile.ZipFile(name, 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as z:
        with z.open('x.npy', 'w', force_zip64=True) as f:
            f.write(b'\\x93NUMPY\\x01\\x00\\x76\\x00' + text.encode())
            for _ in range(count):
                f.write(bytes(1 << 20))
member('long.npz', '4, 16', 2200)
member('huge.npz', '1048576, 4096', 2200)
member('absurd.npz', '4611686018427387904, 16', 1)
member('short.npz', '4, 16', 0)
member('fits.npz', '1024, 256', 1)
";
    let made = Command::new("python3").args(["-c", script]).current_dir(path).status();
    assert!(made.unwrap().success());
    let judge = |name: &str, why: &str| {
        let config = ["--set", "head_dim=16", "--set", "rope_theta=10000", "--positions", "0..4"];
        refused(path, &[&["judge", name, name], &config[..]].concat(), why);
        let outputs = ["audit", "--only", "alibi_slopes-*", "--outputs", name];
        let output = limited(path, &outputs);
        assert!(output.status.code().is_some_and(|code| code > 0), "{name}");
    };
    judge("long.npz", "longer than its shape says");
    judge("huge.npz", "allowed are");
    judge("absurd.npz", "its shape is");
    judge("short.npz", "not as long as its shape says");
    let config = ["--set", "head_dim=256", "--set", "rope_theta=10000", "--positions", "0..1024"];
    let output = limited(path, &[&["judge", "fits.npz:x", "fits.npz"], &config[..]].concat());
    assert_eq!(output.status.code(), Some(3), "zeros say nothing");
}

/// Editors that begin a file with a mark of its bytes' order.
#[test]
fn a_mark_at_the_beginning_is_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let config = "\u{feff}{\"head_dim\":8,\"layout\":\"half\",\"rope_theta\":10000}";
    std::fs::write(folder.path().join("c.json"), config).unwrap();
    let output = limited(folder.path(), &["show", "--config", "c.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
