//! The one way to write a golden file and a manifest: byte-reproducible, one tensor row per line,
//! one space of indentation per level, LF, keys in the order of the documentation.
//!
//! `config` and the parts of `input` that are no tensors stand on one line each, in the order in
//! which they were given: malformed ones have no order to restore.

use super::manifest::Manifest;
use super::model::{Expected, Golden, Group, Note, Tensors, Test};
use crate::number::Tensor;
use crate::request::Json;
use serde::Serialize;

/// Compact JSON of anything that cannot fail to serialise.
fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Text with its indentation.
struct Writer(String);

impl Writer {
    fn line(&mut self, depth: usize, text: &str) {
        self.0.extend(std::iter::repeat_n(' ', depth));
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// `open`, one line or block per item with commas between, `close`.
    fn block<T>(
        &mut self,
        depth: usize,
        open: &str,
        items: impl ExactSizeIterator<Item = T>,
        close: &str,
        mut write: impl FnMut(&mut Writer, T),
    ) {
        let count = items.len();
        if count == 0 {
            return self.line(depth, &format!("{open}{close}"));
        }
        self.line(depth, open);
        for (index, item) in items.enumerate() {
            write(self, item);
            if index + 1 < count {
                // The item ended its line; the comma belongs before the line feed.
                self.0.pop();
                self.0.push_str(",\n");
            }
        }
        self.line(depth, close);
    }

    fn tensor(&mut self, depth: usize, name: &str, tensor: &Tensor) {
        let dtype = tensor.dtype().name();
        let shape = json(tensor.shape());
        let open = format!(r#"{}: {{"dtype":"{dtype}","shape":{shape},"bits":["#, json(name));
        self.block(depth, &open, tensor.rows().iter(), "]}", |w, row| {
            w.line(depth + 1, &json(row));
        });
    }

    fn tensors(&mut self, depth: usize, name: &str, tensors: &Tensors) {
        let open = format!("{}: {{", json(name));
        self.block(depth, &open, tensors.0.iter(), "}", |w, (name, tensor)| {
            w.tensor(depth + 1, name, tensor);
        });
    }

    /// Ends the last line with a comma.
    fn comma(&mut self) {
        self.0.pop();
        self.0.push_str(",\n");
    }
}

impl Golden {
    /// The canonical text, ending in a line feed.
    pub fn to_canonical(&self) -> String {
        let mut w = Writer(String::new());
        w.line(0, "{");
        w.line(1, &format!("\"schema\": {},", json(&self.schema)));
        w.line(1, &format!("\"suite\": {},", json(&self.suite)));
        w.line(1, &format!("\"operation\": {},", json(self.operation.name())));
        w.block(1, "\"notes\": {", self.notes.iter(), "}", |w, (flag, note)| {
            write_note(w, flag, note);
        });
        w.comma();
        w.block(1, "\"groups\": [", self.groups.iter(), "]", write_group);
        w.line(0, "}");
        w.0
    }
}

fn write_note(w: &mut Writer, flag: &str, note: &Note) {
    w.line(2, &format!("{}: {{", json(flag)));
    w.line(3, &format!("\"meaning\": {},", json(&note.meaning)));
    w.line(3, &format!("\"effect\": {},", json(&note.effect)));
    w.line(3, &format!("\"faults\": {},", json(&note.faults)));
    w.line(3, &format!("\"links\": {}", json(&note.links)));
    w.line(2, "}");
}

fn write_group(w: &mut Writer, group: &Group) {
    w.line(2, "{");
    w.line(3, &format!("\"name\": {},", json(&group.name)));
    w.line(3, &format!("\"config\": {},", json(&group.config)));
    w.line(3, &format!("\"dtype\": {},", json(group.dtype.name())));
    w.line(3, &format!("\"basic\": {},", group.basic));
    w.block(3, "\"tests\": [", group.tests.iter(), "]", write_test);
    w.line(2, "}");
}

fn write_test(w: &mut Writer, test: &Test) {
    w.line(4, "{");
    w.line(5, &format!("\"id\": {},", json(&test.id)));
    w.line(5, &format!("\"comment\": {},", json(&test.comment)));
    w.line(5, &format!("\"flags\": {},", json(&test.flags)));
    let input: Vec<_> = test.input.iter().collect();
    w.block(5, "\"input\": {", input.into_iter(), "}", |w, (name, value)| match tensor(value) {
        Some(tensor) => w.tensor(6, name, &tensor),
        None => w.line(6, &format!("{}: {}", json(name), json(value))),
    });
    w.comma();
    match &test.expected {
        Expected::Tensors(tensors) => w.tensors(5, "expected", tensors),
        Expected::Reject(slug) => {
            w.line(5, &format!(r#""expected": {{"reject":{}}}"#, json(slug.name())));
        }
    }
    w.comma();
    if let Some(residual) = &test.residual {
        w.tensors(5, "residual", residual);
        w.comma();
    }
    w.block(5, "\"bounds\": {", test.bounds.iter(), "}", |w, (profile, tensors)| {
        w.tensors(6, profile, tensors);
    });
    w.line(4, "}");
}

/// A well-formed tensor with its keys in order, which is written row by row; anything else, such as
/// a malformed tensor, is written as it is.
fn tensor(value: &Json) -> Option<Tensor> {
    let Json::Object(object) = value else { return None };
    if !object.iter().map(|(key, _)| key).eq(["dtype", "shape", "bits"]) {
        return None;
    }
    serde_json::from_str(&json(value)).ok()
}

impl Manifest {
    /// The canonical text, one file per line, ending in a line feed.
    pub fn to_canonical(&self) -> String {
        let mut w = Writer(String::new());
        w.line(0, "{");
        w.line(1, &format!("\"schema\": {},", json(&self.schema)));
        w.line(1, &format!("\"suite\": {},", json(&self.suite)));
        w.block(1, "\"files\": [", self.files.iter(), "]", |w, file| {
            w.line(
                2,
                &format!(
                    r#"{{"path":{},"sha256":{},"operation":{},"groups":{},"tests":{},"elements":{}}}"#,
                    json(&file.path),
                    json(&file.sha256),
                    json(file.operation.name()),
                    file.groups,
                    file.tests,
                    file.elements
                ),
            );
        });
        w.line(0, "}");
        w.0
    }
}
