//! What the other ways of asking brought to light, by name.

use super::Probe;
use crate::audit::finding::{CaseReport, Diagnosis, Status};
use crate::audit::report::evidence;
use std::collections::BTreeMap;

/// Gives the names of probes to answers that are wrong only because of how they were asked.
pub(in crate::audit) fn name_failures(cases: &mut [CaseReport]) {
    let index: BTreeMap<String, usize> =
        cases.iter().enumerate().map(|(index, case)| (case.id.clone(), index)).collect();
    for asked in 0..cases.len() {
        let Some((base, probe)) = cases[asked].id.split_once('@') else { continue };
        let (Some(&plain), Some(probe)) = (index.get(base), Probe::from_name(probe)) else {
            continue;
        };
        let (here, there) = (&cases[asked].status, &cases[plain].status);
        let text = match (here, there, probe) {
            (Status::Wrong, Status::Passed, _) => {
                let how = match probe {
                    Probe::Strided => "with padded and permuted strides",
                    Probe::InPlace => "in place",
                    Probe::PositionWidth => "with positions of the other width",
                    _ => "in a larger batch",
                };
                format!("right as plainly asked, wrong {how}: {}", evidence(&cases[asked]))
            }
            // The other way round: it is the plain width that it gets wrong.
            (
                Status::Passed | Status::Misbehaved(Probe::PositionWidth, _),
                Status::Wrong,
                Probe::PositionWidth,
            ) => {
                let wrong = evidence(&cases[plain]);
                let text = format!("wrong with 64-bit positions and not with others: {wrong}");
                cases[plain].status = Status::Misbehaved(probe, text);
                continue;
            }
            _ => continue,
        };
        cases[asked].status = Status::Misbehaved(probe, text);
    }
}

/// What the probes found, each with its first finding, the most frequent first.
pub(in crate::audit) fn diagnoses(cases: &[CaseReport]) -> Vec<Diagnosis> {
    let mut found: BTreeMap<Probe, (usize, &str)> = BTreeMap::new();
    for case in cases.iter().filter(|case| !case.known) {
        if let Status::Misbehaved(probe, text) = &case.status {
            found.entry(*probe).or_insert((0, text)).0 += 1;
        }
    }
    let all = cases.iter().filter(|case| case.status.is_divergence() && !case.known).count();
    let mut found: Vec<(Probe, (usize, &str))> = found.into_iter().collect();
    found.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let diagnosis = |(probe, (count, text)): (Probe, (usize, &str))| Diagnosis {
        faults: vec![probe.name()],
        alternatives: vec![],
        explains: count as f64 / all.max(1) as f64,
        summary: format!("fault class {}: {text}", probe.class()),
        fix: probe.fix().into(),
        links: probe.links().to_vec(),
    };
    found.into_iter().map(diagnosis).collect()
}
