//! `rotate`: every stretched rule turned back with another base than 10000, which an inverse that has
//! a base of its own gives away.

use crate::generate::plan::{FilePlan, Input, parsed};
use crate::generate::values::mixed;
use crate::number::Dtype;
use crate::request::Operation;

/// Name, what it is evidence for, whether it takes a length, config.
type Rule = (&'static str, &'static str, bool, &'static str);

const RULES: [Rule; 6] = [
    ("linear", "linear", false, r#"{"rope_type":"linear","rope_theta":1000000,"factor":4}"#),
    (
        "dynamic",
        "dynamic",
        true,
        r#"{"rope_type":"dynamic","rope_theta":500000,"factor":2,
            "original_max_position_embeddings":256}"#,
    ),
    (
        "ntk-by-parts",
        "ntk",
        false,
        r#"{"rope_type":"ntk_by_parts","rope_theta":500000,"factor":4,
            "original_max_position_embeddings":256}"#,
    ),
    (
        "yarn",
        "yarn",
        false,
        r#"{"rope_type":"yarn","rope_theta":1000000,"factor":4,
            "original_max_position_embeddings":256}"#,
    ),
    (
        "llama3",
        "llama3",
        false,
        r#"{"rope_type":"llama3","rope_theta":500000,"factor":8,"low_freq_factor":1,
            "high_freq_factor":4,"original_max_position_embeddings":256}"#,
    ),
    (
        "longrope",
        "longrope",
        true,
        r#"{"rope_type":"longrope","rope_theta":500000,"short_factor":[1,1.25,1.5,2],
            "long_factor":[1,4,16,32],"original_max_position_embeddings":256,
            "max_position_embeddings":1024}"#,
    ),
];

pub(super) fn files() -> Vec<FilePlan> {
    let mut file = FilePlan::new("rotate/bases.json".to_string(), Operation::Rotate);
    for (index, dtype) in Dtype::FLOATS.into_iter().enumerate() {
        for (place, (name, flag, sized, config)) in RULES.into_iter().enumerate() {
            let layout = ["half", "interleaved"][(index + place) % 2];
            let mut config = parsed(config);
            config.set("head_dim", 8i64.into());
            config.set("layout", layout.into());
            let group = file.group(format!("{name}-{dtype}"), config, dtype);
            let q = |words: &str| mixed(dtype, &[1, 1, 2, 8], &format!("bases {name} {words}"));
            let with = |words: &str| {
                let input = Input::new().with("q", q(words)).positions(&[&[3, 300]]);
                if sized { input.with("seq_len", 400i64) } else { input }
            };
            if place == 0 {
                let what = format!("{name}, forward");
                group.test("basic", what, &["basic", flag], with("forward"));
            }
            group.test(
                "inverse",
                format!("{name}: turned back at positions 3 and 300, with another base than 10000"),
                &["inverse", "base", flag],
                with("inverse").with("direction", "inverse"),
            );
        }
    }
    vec![file]
}
