//! The adapters that people are told to copy, under the commands that the pages show with them.

use ropewalk::audit::{Case, Options, Process, ProcessOptions, Report, Verdict, audit, cases};
use ropewalk::encoding::models;
use ropewalk::generate::{plans_for, truths};
use ropewalk::number::Dtype;
use std::time::Duration;

/// The questions of `--model NAME`, and of `--dtype` where one is given.
fn own(model: &str, dtype: Option<Dtype>) -> Vec<Case> {
    let model = models().iter().find(|known| known.name == model).unwrap();
    let plans = plans_for(&model.config).unwrap();
    let made = truths(&plans, &|| ()).unwrap();
    let all = made.iter().flat_map(|(path, golden)| cases(path, golden));
    all.filter(|case| dtype.is_none_or(|dtype| case.ask.dtype == dtype)).collect()
}

fn report(command: &str, cases: &[Case]) -> Report {
    let timeout = Duration::from_secs(300);
    let mut kernel = Process::new(command, ProcessOptions { timeout, ..Default::default() });
    let options = Options { twice: false, whole: false, ..Options::default() };
    audit(&mut kernel, cases, &options).report
}

/// Right: exit code 0 wherever it claims something, and not accused elsewhere.
fn right(command: &str, model: &str, dtype: Option<Dtype>, claims: bool) {
    let report = report(command, &own(model, dtype));
    let failed: Vec<_> = report.divergences().map(|c| (&c.id, &c.status, &c.worst)).collect();
    let expected = if claims { Verdict::Conforms } else { Verdict::Unjudged };
    assert_eq!(
        report.verdict, expected,
        "{command} --model {model}: {failed:?} {:?} {:?}",
        report.complaints, report.remarks
    );
}

/// Every model that a page shows, and one for each thing that a minimal adapter does not do.
const MODELS: [(&str, bool); 6] = [
    ("llama-2-7b", true),
    ("phi-2", true),
    ("gpt-neox-20b", true),
    ("smollm2-135m", true),
    ("llama-3.1-8b", false),
    ("qwen2-vl-7b", false),
];

#[test]
#[ignore = "needs python3 with numpy"]
fn deep_minimal_adapters_are_right_for_models() {
    for file in ["adapter.py", "adapter_numpy.py"] {
        for (model, claims) in MODELS {
            let command = format!("python3 examples/minimal/{file}");
            right(&command, model, Some(Dtype::F32), claims);
        }
    }
}

#[test]
#[ignore = "needs python3 with torch"]
fn torch_adapter_is_right_for_models() {
    let python = std::env::var("ROPEWALK_TORCH_PYTHON").unwrap_or("python3".into());
    for (model, claims) in [
        ("llama-2-7b", true),
        ("phi-2", true),
        ("gpt-neox-20b", true),
        ("llama-3.1-8b", true),
        ("llama-3.2-1b", true),
        ("qwen2.5-7b-yarn", true),
        ("qwen2-vl-7b", false),
    ] {
        let command = format!("{python} examples/minimal/adapter_torch.py");
        right(&command, model, None, claims);
    }
}

#[test]
#[ignore = "needs python3 with torch and transformers"]
fn transformers_adapter_is_right_for_models() {
    let python = std::env::var("ROPEWALK_TORCH_PYTHON").unwrap_or("python3".into());
    for model in ["llama-2-7b", "llama-3.1-8b", "qwen2.5-7b-yarn", "qwen3-8b"] {
        let command = format!("{python} examples/adapters/transformers_llama.py");
        right(&command, model, None, true);
    }
}
