//! Faults of chains.

use super::Refusals;
use super::faults::{faults, joined, positions, tensors};
use crate::number::Dtype;
use crate::request::Operation;

const ROTATE: &str = r#"{"rotate":{"head_dim":4,"layout":"half","rope_theta":10000}}"#;

pub(super) fn all() -> Vec<Refusals> {
    vec![chain()]
}

/// Stages in place of the sound ones.
fn stages(list: &[&str]) -> String {
    format!(r#"stages=[{}]"#, list.join(","))
}

fn chain() -> Refusals {
    let norm = |inner: &str| format!(r#"{{"norm":{{{inner}}}}}"#);
    let rope = |inner: &str| {
        format!(r#"{{"rotate":{{"head_dim":4,"layout":"half","rope_theta":10000,{inner}}}}}"#)
    };
    let rms = norm(r#""kind":"rms","eps":1e-6,"weight":"none","over":"head""#);
    let quantize = |inner: &str| format!(r#"{{"quantize":{{"format":"f8e4m3fn",{inner}}}}}"#);
    let store = r#"{"store":{"block_size":2,"layout":"NHD"}}"#;
    let amax = quantize(r#""scale":"amax","per":"token""#);
    let two = |first: &str, second: &str| stages(&[first, second]);
    let list = [
        ("missing_key", "no-stages", "-stages".to_string(), "no stages"),
        ("unknown_key", "unknown-key", "colour=1".into(), "a key beside stages"),
        ("invalid_value", "one-stage", stages(&[ROTATE]), "one stage"),
        ("invalid_value", "twice", two(ROTATE, ROTATE), "a stage twice"),
        ("invalid_value", "unknown-stage", two(ROTATE, r#"{"scale":{}}"#), "a stage nobody knows"),
        ("invalid_value", "quantize-first", two(&amax, ROTATE), "quantised before it is turned"),
        ("invalid_value", "store-first", two(store, ROTATE), "stored before it is turned"),
        (
            "invalid_value",
            "two-keys",
            stages(&[ROTATE, r#"{"norm":{},"store":{}}"#]),
            "two keys in a stage",
        ),
        (
            "missing_key",
            "no-eps",
            two(&norm(r#""kind":"rms","weight":"none","over":"head""#), ROTATE),
            "no eps",
        ),
        (
            "invalid_value",
            "eps-negative",
            two(&norm(r#""kind":"rms","eps":-1,"weight":"none","over":"head""#), ROTATE),
            "eps below 0",
        ),
        (
            "invalid_value",
            "kind",
            two(&norm(r#""kind":"batch","eps":1,"weight":"none","over":"head""#), ROTATE),
            "a norm that does not exist",
        ),
        (
            "unknown_key",
            "norm-key",
            two(&norm(r#""kind":"rms","eps":1,"weight":"none","over":"head","gain":1"#), ROTATE),
            "a key that nobody knows",
        ),
        (
            "missing_input",
            "weight",
            two(&norm(r#""kind":"rms","eps":1,"weight":"plain","over":"head""#), ROTATE),
            "no q_weight",
        ),
        (
            "missing_input",
            "only-k",
            two(
                &norm(r#""kind":"rms","eps":1,"weight":"none","over":"head","only":["k"]"#),
                ROTATE,
            ),
            "a norm of keys that are not given",
        ),
        (
            "invalid_value",
            "only-empty",
            two(&norm(r#""kind":"rms","eps":1,"weight":"none","over":"head","only":[]"#), ROTATE),
            "a norm of nothing",
        ),
        (
            "missing_key",
            "no-group-size",
            two(&rms, &quantize(r#""scale":"amax","per":"group""#)),
            "groups without a size",
        ),
        (
            "unused_key",
            "group-size",
            two(&rms, &quantize(r#""scale":"amax","per":"token","group_size":2"#)),
            "a size without groups",
        ),
        (
            "invalid_value",
            "group-of-3",
            two(ROTATE, &quantize(r#""scale":"amax","per":"group","group_size":3"#)),
            "groups of 3 in a head of 4",
        ),
        (
            "invalid_value",
            "format",
            two(ROTATE, r#"{"quantize":{"format":"i8","scale":"amax","per":"token"}}"#),
            "a format that is none",
        ),
        (
            "missing_input",
            "no-scale",
            two(ROTATE, &quantize(r#""scale":"given","per":"tensor""#)),
            "a given scale that is not given",
        ),
        ("missing_input", "no-keys", two(ROTATE, store), "a store without keys"),
        (
            "unknown_rope_type",
            "rope-type",
            two(&rope(r#""rope_type":"bogus""#), &amax),
            "a rule that nobody knows",
        ),
        ("odd_rotary_dim", "odd-rotary", two(&rope(r#""rotary_dim":3"#), &amax), "rotary_dim 3"),
        (
            "seq_len_required",
            "length",
            two(
                &rope(
                    r#""rope_type":"longrope","short_factor":[1,1],"long_factor":[1,1],"original_max_position_embeddings":8,"max_position_embeddings":16"#,
                ),
                &amax,
            ),
            "a rope that needs the total length",
        ),
        ("duplicate_key", "stages-twice", "+stages=[]".into(), "stages twice"),
    ];
    let text: String = list
        .iter()
        .map(|(slug, name, change, comment)| format!("{slug} {name} {change}  ; {comment}\n"))
        .collect();
    let inputs = r#"
missing_input   no-q          -q  ; no queries
missing_input   no-positions  -positions  ; a rotation without positions
unused_input    values        v={"dtype":"f32","shape":[1,1,1,1],"bits":["3f800000"]}  ; values without a store
unused_input    slots         slots=[0]  ; slots without a store
unused_input    scale         q_scale={"dtype":"f32","shape":[],"bits":["3f800000"]}  ; a scale that is made
invalid_value   direction     direction="sideways"  ; a direction that does not exist
shape_mismatch  width         q={"dtype":"f32","shape":[1,1,1,2],"bits":["3f80000040000000"]}  ; queries of another width
"#;
    Refusals {
        operation: Operation::Chain,
        dtype: Dtype::F32,
        config: r#"{"stages":[{"rotate":{"head_dim":4,"layout":"half","rope_theta":10000}},{"quantize":{"format":"f8e4m3fn","scale":"amax","per":"token"}}]}"#,
        input: r#"{"q":{"dtype":"f32","shape":[1,1,1,4],"bits":["3f800000400000004040000040800000"]},"positions":[[1]]}"#,
        configs: faults(&text),
        inputs: joined([
            faults(inputs),
            positions("positions", true),
            tensors("q", "[1,1,1,4]", "3f800000400000004040000040800000"),
        ]),
    }
}
