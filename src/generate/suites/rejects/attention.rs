//! Faults of attention.

use super::Refusals;
use super::faults::{faults, joined, positions, tensors};
use crate::number::Dtype;
use crate::request::Operation;

const CONFIGS: &str = r#"
missing_key    no-causal       -causal  ; no causal: nothing is masked by default
unknown_key    unknown-key     colour=1  ; a key that nobody knows
unused_key     rope-outside    rope_theta=10000  ; a key of a rope beside the ropes' object
invalid_value  scale-zero      scale=0  ; a scale of 0
invalid_value  scale-word      scale="auto"  ; a word as a scale
invalid_value  softcap-zero    softcap=0  ; a soft cap of 0, which elsewhere means none
invalid_value  softcap-below   softcap=-30  ; a soft cap below 0
invalid_value  window-number   window=4  ; a number instead of two sides
invalid_value  window-short    window=[4]  ; one side only
invalid_value  window-below    window=[-1,0]  ; −1, which elsewhere means no limit
invalid_value  window-half     window=[1.5,0]  ; a side that is no integer
invalid_value  causal-number   causal=1  ; 1 instead of true
invalid_value  alibi-flag      alibi=true  ; a flag instead of a config
duplicate_key  twice           +causal=false  ; causal twice
missing_key    alibi-no-form   alibi={"num_heads":1,"slopes":"code"}  ; ALiBi without a form
shape_mismatch alibi-heads     alibi={"num_heads":8,"slopes":"code","form":"key"}  ; slopes of another head count
unknown_key    rope-unknown    rope={"head_dim":2,"layout":"half","rope_theta":10000,"colour":1}  ; a key of the rope that nobody knows
missing_key    rope-no-layout  rope={"head_dim":2,"rope_theta":10000}  ; a rope without a layout
unknown_rope_type rope-type    rope={"head_dim":2,"layout":"half","rope_theta":10000,"rope_type":"bogus"}  ; a rule that nobody knows
odd_rotary_dim rope-odd        rope={"head_dim":4,"layout":"half","rope_theta":10000,"rotary_dim":3}  ; rotary_dim 1
shape_mismatch rope-width      rope={"head_dim":4,"layout":"half","rope_theta":10000}  ; a rope of another width
seq_len_required rope-length   rope={"head_dim":2,"layout":"half","rope_theta":10000,"rope_type":"longrope","short_factor":[1],"long_factor":[1],"original_max_position_embeddings":8,"max_position_embeddings":16}  ; a rope that needs the total length
missing_input  t5-no-table     t5={"num_buckets":4,"max_distance":16,"bidirectional":true}  ; T5's bias without its table
invalid_value  t5-buckets      t5={"num_buckets":3,"max_distance":16,"bidirectional":true}  ; an odd number of buckets for two directions
"#;

const INPUTS: &str = r#"
missing_input  no-q             -q  ; no queries
missing_input  no-k             -k  ; no keys
missing_input  no-v             -v  ; no values
missing_input  no-queries       -query_positions  ; no query positions
missing_input  no-keys          -key_positions  ; no key positions
unused_input   table            table={"dtype":"f32","shape":[1,1],"bits":["00000000"]}  ; a table without T5's config
unused_input   seq-len          seq_len=4  ; a total length without a rope
shape_mismatch v-keys           v={"dtype":"f32","shape":[1,1,1,1],"bits":["3f800000"]}  ; fewer values than keys
shape_mismatch k-width          k={"dtype":"f32","shape":[1,1,2,1],"bits":["3f800000","3f800000"]}  ; keys of another width
shape_mismatch k-batch          k={"dtype":"f32","shape":[2,1,1,2],"bits":["3f8000003f800000","3f8000003f800000"]}  ; keys of another batch
shape_mismatch q-rank           q={"dtype":"f32","shape":[1,2],"bits":["3f8000003f800000"]}  ; queries without heads
dtype_mismatch integer-values   v={"dtype":"i32","shape":[1,1,2,1],"bits":["00000001","00000002"]}  ; integers as values
shape_mismatch positions-batch  key_positions=[[0,1],[0,1]]  ; positions of two rows of one
shape_mismatch positions-short  key_positions=[[0]]  ; a position too few
invalid_value  length-beyond    key_lengths=[3]  ; more keys than there are
invalid_value  length-below     key_lengths=[-1]  ; a negative length
invalid_value  length-number    key_lengths=2  ; a number instead of a list
shape_mismatch lengths-batch    key_lengths=[1,1]  ; two lengths for one row
shape_mismatch sinks-heads      sinks={"dtype":"f32","shape":[2],"bits":["3f8000003f800000"]}  ; two sinks for one head
invalid_value  lse-number       lse=1  ; 1 instead of true
"#;

pub(super) fn all() -> Vec<Refusals> {
    vec![Refusals {
        operation: Operation::Attention,
        dtype: Dtype::F32,
        config: r#"{"causal":true}"#,
        input: r#"{"q":{"dtype":"f32","shape":[1,1,1,2],"bits":["3f80000040000000"]},
            "k":{"dtype":"f32","shape":[1,1,2,2],"bits":["3f8000003f800000","bf80000040400000"]},
            "v":{"dtype":"f32","shape":[1,1,2,1],"bits":["3f800000","40000000"]},
            "query_positions":[[1]],"key_positions":[[0,1]]}"#,
        configs: faults(CONFIGS),
        inputs: joined([
            faults(INPUTS),
            positions("query_positions", true),
            tensors("q", "[1,1,1,2]", "3f80000040000000"),
        ]),
    }]
}
