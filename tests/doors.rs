//! The four doors: what comes in by each is judged alike.

mod adapters;
mod command;
mod files;
mod function;
#[cfg(unix)]
mod library;
mod process;

use ropewalk::audit::{Case, cases as of_file};
use ropewalk::vector::Golden;
use std::process::Command;

/// The cases of some golden files.
fn cases(files: &[&str]) -> Vec<Case> {
    let read = |file: &&str| {
        let path = format!("{file}.json");
        let text = std::fs::read_to_string(format!("vectors/{path}")).unwrap();
        of_file(&path, &Golden::read(&text).unwrap())
    };
    files.iter().flat_map(read).collect()
}

/// A directory with these golden files alone, which is read sooner than all of them.
fn corpus(folder: &std::path::Path, files: &[&str]) -> String {
    let root = folder.join("vectors");
    for file in files {
        let path = root.join(format!("{file}.json"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(format!("vectors/{file}.json"), path).unwrap();
    }
    root.display().to_string()
}

fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
