//! `ropewalk identify --operation attention`: what an attention kernel computes.

use super::told::{faults, told, value};
use crate::outln;
use ropewalk::audit::{IdentifiedAttention, Reading};
use ropewalk::request::Json;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Prints it; the exit code says whether it conforms.
pub(super) fn show(
    found: &IdentifiedAttention,
    as_json: bool,
) -> Result<ExitCode, crate::CliError> {
    match as_json {
        true => crate::write::rawln(&to_json(found).to_string())?,
        false => to_lines(found).iter().try_for_each(|line| outln(line))?,
    }
    Ok(ExitCode::from(u8::from(!found.conforms)))
}

fn to_json(found: &IdentifiedAttention) -> Value {
    let reading = |r: &Reading| json!({"what": r.what, "declared": r.declared, "computed": r.computed, "differs": r.differs});
    json!({
        "operation": "attention",
        "declared": value(&Json::Object(found.declared.clone())),
        "dtype": found.dtype.name(),
        "conforms": found.conforms,
        "readings": found.readings.iter().map(reading).collect::<Vec<_>>(),
        "faults": faults(&found.diagnoses),
        "diagnoses": found.diagnoses,
        "unknown": found.unknown,
        "not_asked": found.not_asked,
        "remarks": found.remarks,
    })
}

fn to_lines(found: &IdentifiedAttention) -> Vec<String> {
    let declared = Json::Object(found.declared.clone());
    let mut lines = vec![
        format!("{}, asked for attention in {}", found.kernel, found.dtype),
        format!("  declared  {}", serde_json::to_string(&declared).unwrap_or_default()),
    ];
    if found.conforms {
        lines.push(format!("It computes what is declared (to {}).", found.dtype));
    }
    let width = found.readings.iter().map(|r| r.what.chars().count()).max().unwrap_or(0);
    let (wrong, right): (Vec<&Reading>, Vec<&Reading>) =
        found.readings.iter().partition(|reading| reading.differs);
    if !wrong.is_empty() {
        lines.push("Different from what is declared:".into());
    }
    for r in wrong {
        lines.push(format!("  {}: {} is declared, {} is computed", r.what, r.declared, r.computed));
    }
    if !right.is_empty() {
        lines.push("As declared, read off the weights:".into());
    }
    for r in right {
        lines.push(format!("  {:width$}  {}", r.what, r.computed));
    }
    lines.extend(told(&found.diagnoses));
    lines.extend(found.unknown.iter().map(|line| format!("Unknown: {line}")));
    lines.extend(found.remarks.iter().map(|line| format!("  {line}")));
    lines.extend(found.not_asked.iter().map(|line| format!("  not asked: {line}")));
    lines.push("  not asked: other formats, widths, batches: `ropewalk audit` does".into());
    lines
}
