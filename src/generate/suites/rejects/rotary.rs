//! Faults of the rotary operations.

use super::Refusals;
use super::faults::{Fault, faults, joined, positions, tensors};
use crate::number::Dtype;
use crate::request::Operation;

const ROPE: &str = r#"{"head_dim":4,"layout":"half","rope_theta":10000}"#;
const ROW: &str = "3f800000400000004040000040800000";

/// Faults of any rotary config.
fn rope() -> Vec<Fault> {
    faults(
        r#"
missing_key  no-head-dim  -head_dim  ; no head_dim
missing_key  no-layout    -layout    ; no layout: libraries disagree on it
missing_key  no-base      -rope_theta  ; no rope_theta: a default of 10000 hides it
unknown_key  unknown-key  rope_scale=2  ; a key that nobody knows
unknown_key  misspelt-key partial_rotary_facter=0.5  ; a misspelt key
unused_key   unused-key   low_freq_factor=1  ; a key of llama3 in a default rope
unused_key   factor-alone factor=8  ; a factor without a rule that reads it
unused_key   other-operation  num_heads=8  ; a key of ALiBi
unknown_rope_type  unknown-type  rope_type="bogus"  ; a rule that nobody knows
unknown_rope_type  type-case  rope_type="Default"  ; names are lower-case
invalid_value  type-null      rope_type=null  ; rope_type null
invalid_value  base-zero      rope_theta=0  ; base 0
invalid_value  base-negative  rope_theta=-10000  ; a negative base
invalid_value  base-text      rope_theta="10000"  ; a base as text
invalid_value  base-null      rope_theta=null  ; a base of null
invalid_value  head-zero      head_dim=0  ; a head of 0
invalid_value  head-fraction  head_dim=4.5  ; a head of 4.5
invalid_value  layout-other   layout="neox"  ; a layout by another name
invalid_value  rotary-too-wide  rotary_dim=6  ; rotary_dim above head_dim
invalid_value  rotary-zero    rotary_dim=0  ; rotary_dim 0
invalid_value  share-zero     partial_rotary_factor=0  ; a share of 0
invalid_value  share-above-1  partial_rotary_factor=1.5  ; a share above 1
invalid_value  offset-past-end  rotary_offset=2  ; a slice beyond the head
invalid_value  sections       mrope_section=[1,1,1]  ; sections whose sum is not 2
odd_rotary_dim  odd-rotary    rotary_dim=3  ; rotary_dim 3
odd_rotary_dim  odd-share     partial_rotary_factor=0.75  ; trunc(4 × 0.75) = 3
duplicate_key  twice          +rope_theta=500000  ; rope_theta twice
missing_key  linear-without-factor  {"head_dim":4,"layout":"half","rope_type":"linear","rope_theta":10000}  ; linear without its factor
missing_key  yarn-without-original  {"head_dim":4,"layout":"half","rope_type":"yarn","rope_theta":10000,"factor":8}  ; YaRN without its original length
invalid_value  yarn-base-1  {"head_dim":4,"layout":"half","rope_type":"yarn","rope_theta":1,"factor":8,"original_max_position_embeddings":64}  ; YaRN divides by the logarithm of the base
invalid_value  llama3-low-above-high  {"head_dim":4,"layout":"half","rope_type":"llama3","rope_theta":10000,"factor":8,"low_freq_factor":4,"high_freq_factor":1,"original_max_position_embeddings":8192}  ; llama3 with its bands exchanged
invalid_value  longrope-short-list  {"head_dim":4,"layout":"half","rope_type":"longrope","rope_theta":10000,"short_factor":[1],"long_factor":[1,2],"factor":8,"original_max_position_embeddings":64}  ; a list of one divisor for two pairs
seq_len_required  longrope-without-length  {"head_dim":4,"layout":"half","rope_type":"longrope","rope_theta":10000,"short_factor":[1,2],"long_factor":[1,2],"factor":8,"original_max_position_embeddings":64}  ; longrope needs the total length
seq_len_required  dynamic-without-length  {"head_dim":4,"layout":"half","rope_type":"dynamic","rope_theta":10000,"factor":2,"max_position_embeddings":64}  ; dynamic needs the total length
"#,
    )
}

pub(super) fn all() -> Vec<Refusals> {
    vec![rotate(), apply(), score(), inv_freq(), table()]
}

fn rotate() -> Refusals {
    let inputs = faults(
        r#"
missing_input  no-q          -q  ; no queries
missing_input  no-positions  -positions  ; no positions: they are never inferred
unused_input   length        seq_len=9  ; a total length, which this rule does not read
invalid_value  direction     direction="sideways"  ; a direction that does not exist
duplicate_key  positions-twice  +positions=[[2]]  ; positions twice
dtype_mismatch integers      q={"dtype":"i32","shape":[1,1,1,4],"bits":["00000001000000020000000300000004"]}  ; integer queries
shape_mismatch two-positions  positions=[[1,2]]  ; two positions for one token
shape_mismatch flat-positions positions=[1]  ; positions without the batch level
shape_mismatch axis-level    positions=[[[1]]]  ; an axis level that this config does not have
shape_mismatch ragged        positions=[[1],[1,2]]  ; rows of different length
shape_mismatch narrow-head   q={"dtype":"f32","shape":[1,1,1,2],"bits":["3f8000003f800000"]}  ; a head that is not head_dim wide
shape_mismatch rank-3        q={"dtype":"f32","shape":[1,1,4],"bits":["3f800000400000004040000040800000"]}  ; a tensor without the batch axis
shape_mismatch key-tokens    k={"dtype":"f32","shape":[1,1,2,4],"bits":["3f800000400000004040000040800000","3f800000400000004040000040800000"]}  ; keys with another number of tokens
"#,
    );
    Refusals {
        operation: Operation::Rotate,
        dtype: Dtype::F32,
        config: ROPE,
        input: r#"{"q":{"dtype":"f32","shape":[1,1,1,4],"bits":["3f800000400000004040000040800000"]},
            "positions":[[1]]}"#,
        configs: rope(),
        inputs: joined([inputs, tensors("q", "[1,1,1,4]", ROW), positions("positions", true)]),
    }
}

fn apply() -> Refusals {
    let configs = faults(
        r#"
missing_key    no-head-dim  -head_dim  ; no head_dim
missing_key    no-layout    -layout  ; no layout
unknown_key    unknown-key  colour=1  ; a key that nobody knows
unused_key     base         rope_theta=10000  ; a base: the table is given
unused_key     type         rope_type="default"  ; a rule: the table is given
invalid_value  rotary-too-wide  rotary_dim=6  ; rotary_dim above head_dim
odd_rotary_dim odd-rotary   rotary_dim=3  ; rotary_dim 3
duplicate_key  twice        +layout="interleaved"  ; layout twice
"#,
    );
    let inputs = faults(
        r#"
missing_input  no-q       -q  ; no queries
missing_input  no-cos     -cos  ; no cos
missing_input  no-sin     -sin  ; no sin
unused_input   positions  positions=[[1]]  ; positions: the table is given
invalid_value  inverse    direction="inverse"  ; a table of any size has no inverse
dtype_mismatch integers   cos={"dtype":"i32","shape":[1,1,2],"bits":["0000000100000001"]}  ; an integer table
shape_mismatch flat-table cos={"dtype":"f32","shape":[1,2],"bits":["3f80000000000000"]}  ; a table without the batch level
shape_mismatch wide-table cos={"dtype":"f32","shape":[1,1,4],"bits":["3f800000400000004040000040800000"]}  ; cos for every channel instead of every plane
"#,
    );
    Refusals {
        operation: Operation::Apply,
        dtype: Dtype::F32,
        config: r#"{"head_dim":4,"layout":"half"}"#,
        input: r#"{"q":{"dtype":"f32","shape":[1,1,1,4],"bits":["3f800000400000004040000040800000"]},
            "cos":{"dtype":"f32","shape":[1,1,2],"bits":["3f80000000000000"]},
            "sin":{"dtype":"f32","shape":[1,1,2],"bits":["000000003f800000"]}}"#,
        configs,
        inputs: joined([inputs, tensors("sin", "[1,1,2]", "000000003f800000")]),
    }
}

fn score() -> Refusals {
    let inputs = faults(
        r#"
missing_input  no-k         -k  ; no keys
missing_input  no-key-positions  -key_positions  ; no key positions
unused_input   positions    positions=[[1]]  ; one list of positions for both
unused_input   length       seq_len=9  ; a total length, which this rule does not read
dtype_mismatch integers     k={"dtype":"i32","shape":[1,1,1,4],"bits":["00000001000000020000000300000004"]}  ; integer keys
shape_mismatch two-positions  key_positions=[[1,2]]  ; two positions for one key
shape_mismatch heads        k={"dtype":"f32","shape":[1,2,1,2],"bits":["3f8000003f800000","3f8000003f800000"]}  ; keys of another width
shape_mismatch groups       k={"dtype":"f32","shape":[1,2,1,4],"bits":["3f800000400000004040000040800000","3f800000400000004040000040800000"]}  ; two key heads for one query head
shape_mismatch rank-3       q={"dtype":"f32","shape":[1,1,4],"bits":["3f800000400000004040000040800000"]}  ; a tensor without the batch axis
"#,
    );
    Refusals {
        operation: Operation::Score,
        dtype: Dtype::F32,
        config: ROPE,
        input: r#"{"q":{"dtype":"f32","shape":[1,1,1,4],"bits":["3f800000400000004040000040800000"]},
            "k":{"dtype":"f32","shape":[1,1,1,4],"bits":["3f800000400000004040000040800000"]},
            "query_positions":[[1]],"key_positions":[[0]]}"#,
        configs: rope(),
        inputs: joined([
            inputs,
            tensors("k", "[1,1,1,4]", ROW),
            positions("query_positions", true),
        ]),
    }
}

fn inv_freq() -> Refusals {
    let inputs = faults(
        r#"
unused_input   positions    positions=[1]  ; positions: frequencies have none
unused_input   length       seq_len=9  ; a total length, which this rule does not read
invalid_value  length-zero  seq_len=0  ; a total length of 0
invalid_value  length-text  seq_len="9"  ; a total length as text
"#,
    );
    let operation = Operation::InvFreq;
    Refusals { operation, dtype: Dtype::F32, config: ROPE, input: "{}", configs: rope(), inputs }
}

fn table() -> Refusals {
    let inputs = faults(
        r#"
missing_input  no-positions  -positions  ; no positions
unused_input   length        seq_len=9  ; a total length, which this rule does not read
shape_mismatch nested        positions=[[1]]  ; a batch level, which a table does not have
"#,
    );
    Refusals {
        operation: Operation::Table,
        dtype: Dtype::F32,
        config: ROPE,
        input: r#"{"positions":[1]}"#,
        configs: rope(),
        inputs: joined([inputs, positions("positions", false)]),
    }
}
