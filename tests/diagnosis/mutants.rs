//! Every fault of the list is caught and named, alone and in pairs.

use super::kernels::{CASES, Emulated};
use ropewalk::audit::{Options, Report, Verdict, audit};
use ropewalk::fault;
use ropewalk::number::Dtype;
use std::time::Instant;

fn report(profile: &'static str, faults: &[&str], dtypes: &[Dtype]) -> Report {
    let mut kernel = Emulated::new(profile, faults, dtypes);
    let options = Options { twice: false, ..Options::default() };
    audit(&mut kernel, &CASES, &options).report
}

/// Prints how every fault fares; for whoever works on the diagnosis.
#[test]
fn table() {
    let Ok(which) = std::env::var("ROPEWALK_DIAGNOSES") else { return };
    let (profile, dtypes) = match which.as_str() {
        "bf16" => ("hf-bf16", [Dtype::Bf16, Dtype::I32, Dtype::I64]),
        "f64" => ("numpy-f64", [Dtype::F64, Dtype::I32, Dtype::I64]),
        "ggml" => ("ggml-f32", [Dtype::F32, Dtype::I32, Dtype::I64]),
        _ => ("hf-f32", [Dtype::F32, Dtype::I32, Dtype::I64]),
    };
    let only = std::env::var("ROPEWALK_ONLY").unwrap_or_default();
    for fault in fault::all().iter().filter(|fault| fault.name.contains(&only)) {
        let start = Instant::now();
        let report = report(profile, &[fault.name], &dtypes);
        let named: Vec<String> = report
            .diagnoses
            .iter()
            .map(|d| {
                let others: Vec<String> = d.alternatives.iter().map(|a| a.join("+")).collect();
                format!("{} {:.3} [{}]", d.faults.join("+"), d.explains, others.join(" "))
            })
            .collect();
        let hit = report.diagnoses.iter().any(|d| {
            d.faults == [fault.name] || d.alternatives.iter().any(|a| *a == [fault.name])
        });
        let seen = report.seen.contains(&fault.name);
        println!(
            "{:7} {:5} {:5} {:40} {:5.1}s {}",
            if hit { "NAMED" } else { "" },
            if report.verdict == Verdict::Conforms { "conf" } else { "div" },
            if seen { "seen" } else { "" },
            fault.name,
            start.elapsed().as_secs_f64(),
            named.join(" | ")
        );
        if !hit && report.verdict != Verdict::Conforms {
            for clue in &report.clues {
                println!("          · {clue}");
            }
        }
    }
}
