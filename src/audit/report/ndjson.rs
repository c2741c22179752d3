//! The report for programs: one JSON object per line; without its footer it is not whole.

use crate::audit::errors::Cell;
use crate::audit::finding::{CaseReport, Fitted, Group, Report, Section, Status};
use crate::audit::judge::{HISTOGRAM, Wrong};
use crate::audit::place::{At, Place};
use crate::vector::SUITE;
use serde_json::{Value, json};

/// The value of `schema` in the header: the format's name and its major version.
pub(super) const REPORT_SCHEMA: &str = "ropewalk-audit-1";

/// The report as NDJSON: a header, every section with its groups, every case, a footer.
///
/// `docs/audit-report.schema.json` describes every line. [`super::read_ndjson`] reads it back.
pub fn ndjson(report: &Report) -> String {
    let kernel = json!({
        "name": report.kernel.name,
        "version": report.kernel.version,
        "language": report.kernel.language,
        "homepage": report.kernel.homepage,
    });
    let header = json!({
        "line": "header",
        "schema": REPORT_SCHEMA,
        "ropewalk": env!("CARGO_PKG_VERSION"),
        "suite": SUITE,
        "kernel": kernel,
        "door": report.door,
    });
    let lines = [header]
        .into_iter()
        .chain(report.sections.iter().flat_map(|own| {
            [section(own)].into_iter().chain(own.groups.iter().map(|one| group(own, one)))
        }))
        .chain(report.cases.iter().map(case))
        .chain([footer(report)]);
    lines.map(|line| format!("{line}\n")).collect()
}

fn section(section: &Section) -> Value {
    json!({
        "line": "section",
        "operation": section.operation.name(),
        "dtype": section.dtype.name(),
        "profiles": section.profiles,
        "passed": section.passed,
        "diverged": section.diverged,
        "broken": section.broken,
        "unjudged": section.unjudged,
        "elements": section.elements,
        "elements_unjudged": section.elements_unjudged,
        "elements_wrong": section.elements_wrong,
        "worst_ulp": section.worst_ulp.as_ref().map(|(ulps, id)| json!({"ulp": finite(*ulps), "id": id})),
        "closest": section.closest,
        "histogram": {"ulp_up_to": HISTOGRAM, "elements": section.histogram},
        "truncated": section.signs.note().is_some(),
        "silent_groups": section.silent_groups,
        "verdict": section.verdict().name(),
        "by_position": by_position(section),
        "by_plane": by_plane(section),
    })
}

fn by_position(section: &Section) -> Vec<Value> {
    let bands = section.errors.by_position().into_iter();
    bands
        .map(|(band, errors)| {
            let mut value = json!({"from": band.start()});
            cell(&mut value, &errors);
            value
        })
        .collect()
}

fn by_plane(section: &Section) -> Vec<Value> {
    let planes = section.errors.by_plane().into_iter();
    planes
        .map(|(plane, errors)| {
            let mut value = json!({"plane": plane});
            cell(&mut value, &errors);
            value
        })
        .collect()
}

fn cell(value: &mut Value, cell: &Cell) {
    value["elements"] = json!(cell.elements);
    value["beyond"] = json!(cell.beyond);
    value["ulp"] = finite(cell.ulp);
    value["relative"] = cell.relative.map_or(Value::Null, finite);
    value["bound"] = cell.bound.map_or(Value::Null, finite);
}

fn group(section: &Section, group: &Group) -> Value {
    json!({
        "line": "group",
        "name": group.name,
        "operation": section.operation.name(),
        "dtype": section.dtype.name(),
        "verdict": group.verdict().name(),
        "profile": group.profile,
        "passed": group.passed,
        "diverged": group.diverged,
        "broken": group.broken,
        "unjudged": group.unjudged,
        "worst_ulp": group.worst_ulp.map(finite),
    })
}

fn case(case: &CaseReport) -> Value {
    json!({
        "line": "case",
        "id": case.id,
        "group": case.group,
        "operation": case.operation.name(),
        "dtype": case.dtype.name(),
        "comment": case.comment,
        "flags": case.flags,
        "basic": case.basic,
        "profile": case.profile,
        "status": case.status.name(),
        "detail": case.status.detail(),
        "judged": case.judged,
        "unjudged": case.unjudged,
        "wrong": case.wrong,
        "worst": case.worst.as_ref().map(|wrong| self::wrong(case, wrong)),
        "worst_ulp": case.worst_ulp.map(finite),
        "notes": case.notes,
        "known": case.known,
    })
}

fn wrong(case: &CaseReport, wrong: &Wrong) -> Value {
    let digits = case.dtype.digits();
    json!({
        "output": wrong.name,
        "index": wrong.index,
        "got": format!("{:0digits$x}", wrong.got),
        "want": format!("{:0digits$x}", wrong.want),
        "ulp": finite(wrong.ulps),
        "allowed_ulp": finite(wrong.allowed),
        "rule": wrong.rule,
        "place": case.place.as_ref().map(place),
    })
}

fn place(place: &Place) -> Value {
    let axes: serde_json::Map<String, Value> =
        place.axes.iter().map(|(axis, index)| (axis.to_string(), json!(index))).collect();
    let (position, distance) = match place.at {
        Some(At::Position(p)) => (serde_json::to_value(p.to_json()).unwrap_or_default(), None),
        Some(At::Distance(d)) => (Value::Null, Some(d.to_string())),
        None => (Value::Null, None),
    };
    json!({
        "axes": axes,
        "position": position,
        "distance": distance,
        "plane": place.plane.map(|(plane, _)| plane),
        "part": place.plane.and_then(|(_, part)| part),
    })
}

fn fitted(fitted: &Fitted) -> Value {
    let planes: Vec<Value> = fitted
        .planes
        .iter()
        .map(|p| json!({"plane": p.plane, "declared": p.declared, "fitted": p.fitted}))
        .collect();
    json!({"config": fitted.config, "planes": planes})
}

/// JSON has no infinities and no NaN: words stand for them.
fn finite(x: f64) -> Value {
    match x.is_finite() {
        true => json!(x),
        false if x.is_nan() => Value::Null,
        false => json!("infinite"),
    }
}

fn footer(report: &Report) -> Value {
    let mut counts = serde_json::Map::new();
    for case in &report.cases {
        let entry = counts.entry(case.status.name()).or_insert(json!(0));
        *entry = json!(entry.as_u64().unwrap_or_default() + 1);
    }
    let sum = |of: &dyn Fn(&CaseReport) -> usize| report.cases.iter().map(of).sum::<usize>();
    let asked = report.cases.iter().filter(|c| !matches!(c.status, Status::Unclaimed(_))).count();
    let diagnoses: Vec<Value> = report
        .diagnoses
        .iter()
        .map(|d| {
            json!({"faults": d.faults, "alternatives": d.alternatives, "explains": d.explains, "summary": d.summary, "fix": d.fix,
                   "links": d.links})
        })
        .collect();
    let unseen: Vec<Value> = report
        .unseen
        .iter()
        .map(|unseen| json!({"name": unseen.name, "because": unseen.because}))
        .collect();
    json!({
        "line": "footer",
        "verdict": report.verdict.name(),
        "counts": {
            "cases": report.cases.len(),
            "asked": asked,
            "by_status": counts,
            "elements_judged": sum(&|case| case.judged),
            "elements_unjudged": sum(&|case| case.unjudged),
            "elements_wrong": sum(&|case| case.wrong),
        },
        "diagnoses": diagnoses,
        "clues": report.clues,
        "fitted": report.fitted.as_ref().map(fitted),
        "seen": report.seen,
        "unseen": unseen,
        "complaints": report.complaints,
        "remarks": report.remarks,
    })
}
