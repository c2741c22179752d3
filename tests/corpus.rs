//! The committed vectors, read once for all tests.

use ropewalk::vector::{File, Golden, golden_files};
use std::path::Path;
use std::sync::OnceLock;

pub struct Read {
    pub file: File,
    pub golden: Golden,
}

/// Every golden file under `vectors/`, sorted by path.
pub fn corpus() -> &'static [Read] {
    static CORPUS: OnceLock<Vec<Read>> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let directory = Path::new("vectors");
        let read = |path: String| {
            let text = std::fs::read_to_string(directory.join(&path)).unwrap();
            let golden = Golden::read(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
            Read { file: File { path, text }, golden }
        };
        golden_files(directory).unwrap().into_iter().map(read).collect()
    })
}

pub fn manifest() -> String {
    std::fs::read_to_string("vectors/manifest.json").unwrap()
}

pub fn files() -> Vec<File> {
    corpus().iter().map(|read| read.file.clone()).collect()
}
