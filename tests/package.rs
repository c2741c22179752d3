//! What `cargo package` ships: what a user of the library needs, and nothing else.

use std::io::{Cursor, Write};
use std::process::Command;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The registry takes ten million bytes.
const MOST: usize = 8_000_000;

#[test]
fn the_package_holds_what_a_user_needs_and_is_small() {
    let list = ["package", "--list", "--allow-dirty", "--offline", "--package", "ropewalk"];
    let output = Command::new(env!("CARGO")).args(list).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = String::from_utf8(output.stdout).unwrap().replace('\\', "/");
    let made = [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig"];
    let whole = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "docs/rust.md"];
    let mut packed = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for file in files.lines().filter(|file| !made.contains(file)) {
        let needed =
            file.starts_with("src/") || file.starts_with("vectors/") || whole.contains(&file);
        assert!(needed && !file.ends_with(".cache"), "{file} is in the package");
        packed.start_file(file, options).unwrap();
        packed.write_all(&std::fs::read(file).unwrap()).unwrap();
    }
    for file in whole.iter().chain(&["src/lib.rs", "vectors/manifest.json"]) {
        assert!(files.lines().any(|line| line == *file), "{file} is missing");
    }
    let size = packed.finish().unwrap().into_inner().len();
    assert!(size > 1_000_000 && size < MOST, "{size} bytes");
}
