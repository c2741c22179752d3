//! Faults of the additive biases.

use super::Refusals;
use super::faults::{Fault, faults, joined, positions, tensors};
use crate::number::Dtype;
use crate::request::Operation;

pub(super) fn all() -> Vec<Refusals> {
    vec![
        alibi_slopes(),
        alibi_bias(),
        t5_bucket(),
        t5_bias(),
        shaw_bucket(),
        deberta_bucket(),
        attention_temperature(),
    ]
}

const SLOPES: &str = r#"
missing_key    no-num-heads  -num_heads  ; no num_heads
missing_key    no-slopes     -slopes  ; no convention: the paper and its code disagree
unknown_key    unknown-key   colour=1  ; a key that nobody knows
unused_key     unused-key    rope_theta=10000  ; a key of rotary encodings
invalid_value  no-heads      num_heads=0  ; no heads
invalid_value  convention    slopes="book"  ; a convention that does not exist
invalid_value  max-negative  alibi_bias_max=-1  ; an exponent below 0
invalid_value  max-fraction  alibi_bias_max=8.5  ; an exponent that is no integer
duplicate_key  twice         +num_heads=4  ; num_heads twice
"#;

fn alibi_slopes() -> Refusals {
    let form = r#"unused_key  form  form="key"  ; a form: slopes have none"#;
    Refusals {
        operation: Operation::AlibiSlopes,
        dtype: Dtype::F32,
        config: r#"{"num_heads":8,"slopes":"code"}"#,
        input: "{}",
        configs: joined([faults(SLOPES), faults(form)]),
        inputs: faults("unused_input  positions  query_positions=[1]  ; slopes have no positions"),
    }
}

/// Faults of two flat lists of positions.
fn two_lists() -> Vec<Fault> {
    let lists = faults(
        r#"
missing_input  no-queries  -query_positions  ; no query positions
missing_input  no-keys     -key_positions  ; no key positions
shape_mismatch nested      key_positions=[[1]]  ; a batch level, which a bias does not have
"#,
    );
    joined([lists, positions("key_positions", false)])
}

fn alibi_bias() -> Refusals {
    let form = r#"
missing_key    no-form  -form  ; no form
invalid_value  form     form="circle"  ; a form that does not exist
invalid_value  no-head  head_dim=0  ; a head without width
"#;
    Refusals {
        operation: Operation::AlibiBias,
        dtype: Dtype::F32,
        config: r#"{"num_heads":2,"slopes":"code","form":"distance"}"#,
        input: r#"{"query_positions":[1],"key_positions":[0]}"#,
        configs: joined([faults(SLOPES), faults(form)]),
        inputs: two_lists(),
    }
}

const BUCKETS: &str = r#"
missing_key    no-num-buckets    -num_buckets  ; no num_buckets
missing_key    no-max-distance   -max_distance  ; no max_distance
missing_key    no-bidirectional  -bidirectional  ; no bidirectional
unknown_key    unknown-key       colour=1  ; a key that nobody knows
unused_key     unused-key        rope_theta=10000  ; a key of rotary encodings
invalid_value  odd-buckets       num_buckets=31  ; an odd number of buckets for two directions
invalid_value  two-buckets       num_buckets=2  ; no exact bucket is left
invalid_value  short-distance    max_distance=1  ; no distance above the exact buckets
invalid_value  flag-number       bidirectional=1  ; 1 instead of true
duplicate_key  twice             +num_buckets=64  ; num_buckets twice
"#;

fn t5_bucket() -> Refusals {
    Refusals {
        operation: Operation::T5Bucket,
        dtype: Dtype::I32,
        config: r#"{"num_buckets":32,"max_distance":128,"bidirectional":true}"#,
        input: r#"{"query_positions":[1],"key_positions":[0]}"#,
        configs: faults(BUCKETS),
        inputs: two_lists(),
    }
}

fn t5_bias() -> Refusals {
    let table = faults(
        r#"
missing_input   no-table     -table  ; no table
dtype_mismatch  integers     table={"dtype":"i32","shape":[4,1],"bits":["00000000","00000001","00000002","00000003"]}  ; an integer table
shape_mismatch  short-table  table={"dtype":"f32","shape":[3,1],"bits":["00000000","3f800000","40000000"]}  ; fewer rows than buckets
"#,
    );
    Refusals {
        operation: Operation::T5Bias,
        dtype: Dtype::F32,
        config: r#"{"num_buckets":4,"max_distance":16,"bidirectional":true}"#,
        input: r#"{"query_positions":[1],"key_positions":[0],"table":{"dtype":"f32","shape":[4,1],
            "bits":["00000000","3f800000","40000000","40400000"]}}"#,
        configs: faults(BUCKETS),
        inputs: joined([
            two_lists(),
            table,
            tensors("table", "[1,4]", "3f800000400000004040000040800000"),
        ]),
    }
}

fn shaw_bucket() -> Refusals {
    let configs = r#"
missing_key    no-form         -form  ; no form: the two run in opposite directions
missing_key    no-limit        -max_relative_position  ; no clipping distance
unknown_key    unknown-key     colour=1  ; a key that nobody knows
unused_key     unused-key      rope_theta=10000  ; a key of rotary encodings
unused_key     other-length    max_position_embeddings=512  ; the length of the other form
invalid_value  form            form="symmetric"  ; a form that does not exist
invalid_value  negative-limit  max_relative_position=-1  ; a negative clipping distance
duplicate_key  twice           +max_relative_position=3  ; max_relative_position twice
missing_key    no-length       {"form":"query_minus_key"}  ; no table length
invalid_value  empty-table     {"form":"query_minus_key","max_position_embeddings":0}  ; a table without rows
position_out_of_range  beyond-table  {"form":"query_minus_key","max_position_embeddings":1}  ; a distance beyond the table, which is not clipped
"#;
    Refusals {
        operation: Operation::ShawBucket,
        dtype: Dtype::I32,
        config: r#"{"form":"key_minus_query","max_relative_position":2}"#,
        input: r#"{"query_positions":[1],"key_positions":[0]}"#,
        configs: faults(configs),
        inputs: two_lists(),
    }
}

fn deberta_bucket() -> Refusals {
    let configs = r#"
missing_key    no-size       -bucket_size  ; no bucket_size
missing_key    no-max        -max_position  ; no max_position
missing_key    no-clamp      -clamp  ; no clamp: two libraries disagree
missing_key    no-form       -form  ; no form
unknown_key    unknown-key   colour=1  ; a key that nobody knows
unused_key     unused-key    rope_theta=10000  ; a key of rotary encodings
invalid_value  three-buckets bucket_size=3  ; too few buckets for a logarithm
invalid_value  short-max     max_position=129  ; ln((M − 1)/mid) would be 0
invalid_value  clamp         clamp="both"  ; a clamp that does not exist
invalid_value  form          form="row"  ; a form that does not exist
duplicate_key  twice         +bucket_size=64  ; bucket_size twice
"#;
    Refusals {
        operation: Operation::DebertaBucket,
        dtype: Dtype::I32,
        config: r#"{"bucket_size":256,"max_position":512,"clamp":"distance","form":"bucket"}"#,
        input: r#"{"query_positions":[1],"key_positions":[0]}"#,
        configs: faults(configs),
        inputs: two_lists(),
    }
}

fn attention_temperature() -> Refusals {
    let configs = r#"
unknown_key    unknown-key   colour=1  ; a key that nobody knows
unused_key     unused-key    rope_theta=10000  ; a key of rotary encodings
invalid_value  zero-floor    floor_scale=0  ; a division by 0
invalid_value  half-floor    floor_scale=0.5  ; steps of half a position
invalid_value  offset        offset=2  ; an offset that no library has
invalid_value  word          attn_scale="0.1"  ; a number as a string
duplicate_key  twice         {"attn_scale":0.1,"attn_scale":0.2}  ; attn_scale twice
"#;
    let inputs = faults(
        r#"
missing_input          no-positions  -positions  ; no positions
shape_mismatch         nested        positions=[[1]]  ; a batch level, which a scale does not have
position_out_of_range  no-logarithm  positions=[0,-2]  ; below −offset the logarithm has no value
"#,
    );
    Refusals {
        operation: Operation::AttentionTemperature,
        dtype: Dtype::F32,
        config: "{}",
        input: r#"{"positions":[1]}"#,
        configs: faults(configs),
        inputs: joined([inputs, positions("positions", false)]),
    }
}
