//! Everything that reads what others write, as functions of bytes: for `fuzz/`, and for the test that
//! drives them with mutants of its corpus.

use super::{audit, positions, sweep, tensors};
use ropewalk::audit::{read_ndjson, read_reply};
use ropewalk::encoding::{Question, RopeConfig};
use ropewalk::request::{Object, Request};
use ropewalk::vector::{File, Golden, Manifest, lint};

/// A reader: whatever it is given, it ends, and soon.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: [(&str, Target); 10] = [
    ("request", request),
    ("config", config),
    ("golden", golden),
    ("npy", npy),
    ("npz", npz),
    ("safetensors", safetensors),
    ("reply", reply),
    ("record", record),
    ("positions", places),
    ("known_failures", known_failures),
];

/// Gives bytes to the reader of this name.
pub fn run(name: &str, bytes: &[u8]) {
    TARGETS.iter().filter(|(known, _)| *known == name).for_each(|(_, target)| target(bytes));
}

/// Answers above this many elements take their time; that is no mistake.
const FEW: usize = 64;

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn request(bytes: &[u8]) {
    let Some(line) = text(bytes) else { return };
    let Ok(request) = Request::parse(line) else { return };
    // What is written again is read as the same.
    let json = request.to_json();
    let again = serde_json::to_string(&json).unwrap_or_default();
    assert_eq!(Request::parse(&again).map(|request| request.to_json()), Ok(json));
    if let Ok(question) = Question::new(&request) {
        let shapes = ropewalk::exact::shapes(&question);
        let elements: usize = shapes.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        if elements <= FEW {
            let _ = ropewalk::exact::answer(&question);
        }
    }
}

fn config(bytes: &[u8]) {
    let Some(Ok(object)) = text(bytes).map(serde_json::from_str::<Object>) else { return };
    if let Ok(config) = RopeConfig::new(&object) {
        // Normalising again changes nothing.
        let again = RopeConfig::new(config.normalised());
        assert_eq!(again.as_ref().map(RopeConfig::normalised), Ok(config.normalised()));
        let _ = config.rope(Some(4096));
    }
}

fn golden(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let _ = Golden::read(text);
    let _ = Manifest::read(text);
    let _ = lint(&[File { path: "rotate/f32.json".into(), text: text.into() }], Some(text));
}

fn npy(bytes: &[u8]) {
    let _ = tensors::parsed("npy", bytes.to_vec(), None);
}

fn npz(bytes: &[u8]) {
    let _ = tensors::parsed("npz", bytes.to_vec(), None);
    let _ = tensors::read_npz(bytes);
}

fn safetensors(bytes: &[u8]) {
    let _ = tensors::parsed("safetensors", bytes.to_vec(), None);
    let _ = tensors::read_safetensors(bytes);
}

fn reply(bytes: &[u8]) {
    let Some(line) = text(bytes) else { return };
    let _ = read_reply(line, "a");
}

fn record(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let _ = sweep::record::parse(text);
    let _ = read_ndjson(text);
}

fn places(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    // A file's name is no business of this reader.
    if !text.starts_with('@') {
        let _ = positions::parse(&[text.to_string()], 1);
    }
}

fn known_failures(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let _ =
        audit::known_failures(text).map(|globs| globs.iter().any(|(_, glob)| glob.is_match("a-b")));
}
