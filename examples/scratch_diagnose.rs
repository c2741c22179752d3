#[path = "../tests/corpus.rs"]
mod corpus;
#[path = "../tests/diagnosis/kernels.rs"]
mod kernels;
use kernels::*;
use ropewalk::audit::*;
use ropewalk::fault;
use ropewalk::number::Dtype;
use std::time::Instant;
use ropewalk::request::Operation;
use ropewalk::encoding::models;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (profile, d) = match args[1].as_str() {
        "bf16" => ("hf-bf16", Dtype::Bf16),
        "bf16f" => ("hf-f32", Dtype::Bf16),
        "f64" => ("numpy-f64", Dtype::F64),
        "ggml" => ("ggml-f32", Dtype::F32),
        _ => ("hf-f32", Dtype::F32),
    };
    let sets: Vec<Vec<&str>> = match args[2].as_str() {
        "all" => fault::all().iter().map(|f| vec![f.name]).collect(),
        "none" => vec![vec![]],
        "like" => fault::all().iter().filter(|f| f.name.starts_with(args[3].as_str())).map(|f| vec![f.name]).collect(),
        _ => args[2..].iter().map(|s| s.split('+').collect()).collect(),
    };
    if args[1] == "py" || args[1] == "id" {
        for name in &args[2..] {
            let (name, model) = name.split_once('@').unwrap_or((name, ""));
            let start = Instant::now();
            let mut kernel = Process::new(&format!("python3 tests/kernels/kernels.py {name}"), ProcessOptions::default());
            if args[1] == "id" {
                let config = models().iter().find(|m| m.name == model).map(|m| m.config.clone());
                let found = identify(&mut kernel, config.as_ref(), None);
                println!("== {name} {model} {:.1}s", start.elapsed().as_secs_f64());
                match found { Err(e) => println!("ERR {e}"), Ok(f) => {
                    println!("  config {}", f.config.as_ref().map(|c| serde_json::to_string(&ropewalk::request::Json::Object(c.clone())).unwrap()).unwrap_or("none".into()));
                    println!("  diff {:?}", f.differences); println!("  unknown {:?}", f.unknown); println!("  linear {:?} relative {:?} factor {:?}", f.linear, f.relative, f.attention_factor);
                    println!("  precision {:?}", f.precision); println!("  remarks {:?}", f.remarks.iter().take(4).collect::<Vec<_>>());
                    for d in &f.diagnoses { println!("  FAULT {:?} or {:?} {:.3}", d.faults, d.alternatives, d.explains); } } }
                continue;
            }
            let cases: Vec<Case> = CASES.iter().filter(|c| c.ask.operation == Operation::Rotate).cloned().collect();
            let options = Options { twice: true, diagnose: false, ..Options::default() };
            let audited = audit(&mut kernel, &cases, &options);
            let t1 = start.elapsed().as_secs_f64();
            let start = Instant::now();
            let report = judge_all(&cases, &audited.asked, audited.report.kernel.clone(), &Options::default());
            println!("== {name}: {} fails {} asked {} t {:.1}+{:.1}", report.verdict.name(), report.divergences().count(), report.cases.iter().filter(|c| c.status.name() != "unclaimed").count(), t1, start.elapsed().as_secs_f64());
            for s in &report.sections { println!("   {} {:?} pass {} div {} broken {}", s.dtype, s.profiles, s.passed, s.diverged, s.broken); }
            for d in &report.diagnoses { println!("   {:?} or {:?} {:.3} {}", d.faults, d.alternatives, d.explains, &d.summary.chars().take(60).collect::<String>()); }
            for c in report.clues.iter().take(8) { println!("   . {c}"); }
            for c in report.cases.iter().filter(|c| c.status.is_breakage()).take(3) { println!("   ! {} {:?}", c.id, c.status); }
            for c in report.divergences().filter(|c| c.status.name() != "wrong").take(8) { println!("   ? {} {:?}", c.id, c.status); }
            if report.divergences().count() < 6 { for c in report.divergences() { println!("   ! {} {}", c.id, evidence(c)); } }
            for c in report.complaints.iter().take(4) { println!("   # {c}"); }
        }
        return;
    }
    let diagnose = std::env::var("NODIAG").is_err();
    for set in sets {
        let start = Instant::now();
        let mut kernel = Emulated::new(profile, &set, &[d, Dtype::I32, Dtype::I64]);
        let options = Options { twice: false, diagnose: false, ..Options::default() };
        let audited = audit(&mut kernel, &CASES, &options);
        let t1 = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let options = Options { twice: false, diagnose, ..Options::default() };
        let report = judge_all(&CASES, &audited.asked, audited.report.kernel.clone(), &options);
        let named: Vec<String> = report.diagnoses.iter().map(|d| {
            let others: Vec<String> = d.alternatives.iter().map(|a| a.join("+")).collect();
            format!("{} {:.3} [{}]", d.faults.join("+"), d.explains, others.join(" "))
        }).collect();
        let mut sorted = set.clone(); sorted.sort();
        let same = |names: &[&str]| { let mut n = names.to_vec(); n.sort(); n == sorted };
        let hit = report.diagnoses.iter().any(|d| same(&d.faults) || d.alternatives.iter().any(|a| same(a)));
        let fails = report.divergences().count();
        println!("{:7} {:5} {:40} fails {:4} {:5.1}s+{:5.1}s seen {} {}", if hit {"NAMED"} else {""},
            if report.verdict == Verdict::Conforms {"conf"} else {"div"}, set.join("+"), fails, t1, start.elapsed().as_secs_f64(), report.seen.len(), named.join(" | "));
        if std::env::var("UNSEEN").is_ok() { for u in &report.unseen { println!("   - {}: {}", u.name, u.because); } }
        if fails < 6 { for c in report.divergences() { println!("   ! {} {}", c.id, evidence(c)); } }
        if !hit && report.verdict != Verdict::Conforms { for c in report.clues.iter().take(4) { println!("          . {c}"); } }
    }
}
