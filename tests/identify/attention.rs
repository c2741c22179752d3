//! Attention read off its weights: a right kernel never differs, and a fault is seen where it is.

use super::{Of, emulated, object, proven};
use crate::diagnosis::kernels::Emulated;
use crate::tier::some;
use rayon::prelude::*;
use ropewalk::audit::{IdentifiedAttention, Inquiry, Kernel, Reading, identify_attention};
use ropewalk::fault;
use ropewalk::number::Dtype;
use ropewalk::profile;
use ropewalk::request::Operation;

const CONFIGS: [(&str, &str); 12] = [
    ("causal", r#"{"causal":true}"#),
    ("full", r#"{"causal":false,"scale":0.5}"#),
    ("window", r#"{"causal":true,"window":[6,0]}"#),
    ("wide-window", r#"{"causal":true,"window":[127,null]}"#),
    ("both-sides", r#"{"causal":false,"window":[3,2]}"#),
    ("softcap", r#"{"causal":true,"softcap":5,"scale":0.3}"#),
    ("alibi", r#"{"causal":true,"alibi":{"num_heads":8,"slopes":"code","form":"distance"}}"#),
    ("alibi-12", r#"{"causal":true,"alibi":{"num_heads":12,"slopes":"code","form":"key"}}"#),
    (
        "t5",
        r#"{"causal":false,"scale":1,"t5":{"num_buckets":32,"max_distance":128,"bidirectional":true}}"#,
    ),
    (
        "t5-decoder",
        r#"{"causal":true,"scale":1,"t5":{"num_buckets":32,"max_distance":128,"bidirectional":false}}"#,
    ),
    ("rope", r#"{"causal":true,"rope":{"head_dim":8,"layout":"half","rope_theta":10000}}"#),
    (
        "rope-yarn",
        r#"{"causal":true,"softcap":30,"window":[511,null],"rope":{"head_dim":8,"layout":"interleaved","rope_type":"yarn","rope_theta":10000,"factor":4,"original_max_position_embeddings":2048}}"#,
    ),
];

fn found(kernel: &mut dyn Kernel, config: &str, dtype: Dtype) -> IdentifiedAttention {
    // Readings are looked at here; the search for known faults has its own tests.
    let patience = std::time::Duration::ZERO;
    let inquiry = Inquiry { dtype: Some(dtype), truth: &proven, patience, ..Inquiry::default() };
    identify_attention(kernel, &object(config), 8, &inquiry).unwrap()
}

#[test]
fn a_right_attention_is_as_declared() {
    // Formats in turn: an exact softmax takes its time.
    let kinds = [("hf-f32", Dtype::F32), ("hf-bf16", Dtype::Bf16), ("hf-f32", Dtype::F16)];
    let configs = some(CONFIGS.iter().enumerate(), 4);
    configs.into_par_iter().for_each(|(index, (name, config))| {
        let (profile, dtype) = kinds[index % 3];
        let profile = profile::find(profile).unwrap();
        let mut kernel = Of(vec![Operation::Attention], |ask: &ropewalk::audit::Ask| {
            emulated(profile, ask.question().unwrap())
        });
        let found = found(&mut kernel, config, dtype);
        let at = format!("{name} in {dtype}, {}", profile.name);
        assert!(found.conforms, "{at}: {:?}", found.diagnoses);
        assert!(found.unknown.is_empty() && found.readings.len() >= 6, "{at}: {found:?}");
    });
}

/// What is wrong before the judges have spoken: readings alone, which must not accuse either.
#[test]
fn readings_of_a_right_attention_agree() {
    some(&CONFIGS, 4).into_par_iter().for_each(|(name, config)| {
        let mut kernel = Of(vec![Operation::Attention], |ask: &ropewalk::audit::Ask| {
            super::exactly(ask.question().unwrap())
        });
        let found = found(&mut kernel, config, Dtype::F32);
        assert!(found.conforms, "{name}");
        for reading in &found.readings {
            let numbers = ["alibi slopes", "sinks", "scale", "softcap"];
            if !numbers.contains(&reading.what.as_str()) && reading.what != "rope" {
                assert_eq!(reading.declared, reading.computed, "{name}");
            }
        }
    });
}

/// What is read of a fault under the first config that shows it.
fn read(fault: &fault::Fault) -> String {
    let mut told = format!("{}: not asked here", fault.name);
    for (name, config) in CONFIGS {
        let mut kernel = Emulated::new("hf-f32", &[fault.name], &[Dtype::F32]);
        let found = found(&mut kernel, config, Dtype::F32);
        if found.conforms {
            continue;
        }
        let say = |r: &Reading| {
            format!("{}: {} is declared, {} is computed", r.what, r.declared, r.computed)
        };
        let wrong: Vec<String> = found.readings.iter().filter(|r| r.differs).map(say).collect();
        if !wrong.is_empty() {
            return format!("{} ({name}): {}", fault.name, wrong.join(" | "));
        }
        told = format!("{} ({name}): no reading differs", fault.name);
    }
    told
}

/// Every fault of attention, with the config that shows it: what is read off.
#[test]
#[ignore = "deep: .ci/run does it"]
fn deep_faults_of_attention_are_read() {
    let faults: Vec<&fault::Fault> =
        fault::all().iter().filter(|fault| fault.class.starts_with('P')).collect();
    let lines: Vec<String> = faults.into_par_iter().map(read).collect();
    insta::assert_snapshot!("attention_read", lines.join("\n"));
    let read = lines.iter().filter(|line| line.contains("is declared")).count();
    assert!(2 * read > lines.len(), "{read} of {}", lines.len());
}
