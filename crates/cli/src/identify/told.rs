//! Words that both kinds of kernels are told in.

use ropewalk::audit::Diagnosis;
use ropewalk::request::Json;
use serde_json::{Value, json};

pub fn value(json: &Json) -> Value {
    let text = serde_json::to_string(json).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// The names of what explains it, for programs.
pub fn faults(diagnoses: &[Diagnosis]) -> Vec<Value> {
    let mut faults: Vec<Value> = Vec::new();
    for diagnosis in diagnoses {
        for name in &diagnosis.faults {
            faults.push(json!({"name": name, "explains": diagnosis.explains}));
        }
    }
    faults
}

/// Why it differs, for people: lines.
pub fn told(diagnoses: &[Diagnosis]) -> Vec<String> {
    let mut lines = Vec::new();
    for diagnosis in diagnoses {
        let share = 100.0 * diagnosis.explains;
        let (title, rest) = diagnosis.title();
        match diagnosis.faults.is_empty() {
            true => lines.push(format!("Inferred, of {share:.1} % of the wrong answers:")),
            false => lines.push(format!(
                "A known fault: {}, which explains {share:.1} % of the answers",
                diagnosis.names()
            )),
        }
        lines.push(format!("  {title}"));
        if !rest.is_empty() {
            lines.push(format!("  {rest}"));
        }
        lines.push(format!("  To mend: {}", diagnosis.fix));
        if !diagnosis.links.is_empty() {
            lines.push(format!("  Seen in {}", diagnosis.links.join(" ")));
        }
    }
    lines
}
