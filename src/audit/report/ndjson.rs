//! The report for programs: one JSON object per line; without its footer it is not whole.

use super::{CaseReport, Report, Section, Status};
use crate::audit::judge::{HISTOGRAM, Wrong};
use crate::vector::SUITE;
use serde_json::{Value, json};

/// The report as NDJSON: a header, every section, every case, a footer.
///
/// The footer has `verdict` (`conforms`, `diverges`, `unjudged`, `adapter_fault`), `counts` of
/// cases by status and of elements, `diagnoses`, `seen` and `unseen` faults, `complaints`.
pub fn ndjson(report: &Report) -> String {
    let kernel = json!({
        "name": report.kernel.name,
        "version": report.kernel.version,
        "language": report.kernel.language,
        "homepage": report.kernel.homepage,
    });
    let header = json!({
        "line": "header",
        "ropewalk": env!("CARGO_PKG_VERSION"),
        "suite": SUITE,
        "kernel": kernel,
        "door": report.door,
    });
    let lines = [header]
        .into_iter()
        .chain(report.sections.iter().map(section))
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
        "silent_groups": section.silent_groups,
    })
}

fn case(case: &CaseReport) -> Value {
    json!({
        "line": "case",
        "id": case.id,
        "group": case.group,
        "operation": case.operation.name(),
        "dtype": case.dtype.name(),
        "flags": case.flags,
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
    })
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
            json!({"faults": d.faults, "explains": d.explains, "summary": d.summary, "fix": d.fix,
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
        "seen": report.seen,
        "unseen": unseen,
        "complaints": report.complaints,
    })
}
