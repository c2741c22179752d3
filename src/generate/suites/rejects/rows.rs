//! Faults of embeddings, weights and position ids.

use super::Refusals;
use super::faults::{faults, joined, positions, tensors};
use crate::number::Dtype;
use crate::request::Operation;

const ROW: &str = "3f800000400000004040000040800000";

pub(super) fn all() -> Vec<Refusals> {
    vec![sinusoidal(), learned(), permute_qk(), position_ids()]
}

fn sinusoidal() -> Refusals {
    let configs = faults(
        r#"
missing_key    no-dim        -dim  ; no dim
missing_key    no-layout     -layout  ; no layout
missing_key    no-divisor    -divisor  ; no divisor
missing_key    no-order      -order  ; no order
unknown_key    unknown-key   colour=1  ; a key that nobody knows
unused_key     unused-key    rope_theta=10000  ; a key of rotary encodings
invalid_value  zero-width    dim=0  ; a width of 0
invalid_value  rotary-layout layout="half"  ; a layout of rotary encodings
invalid_value  base-zero     base=0  ; base 0
invalid_value  order         order="sin"  ; an order that does not exist
invalid_value  zero-divisor  {"dim":3,"layout":"interleaved","divisor":"half_minus_one","order":"sin_first"}  ; half − 1 is 0
duplicate_key  twice         +dim=8  ; dim twice
"#,
    );
    let inputs = faults(
        r#"
missing_input  no-positions  -positions  ; no positions
shape_mismatch nested        positions=[[1]]  ; a batch level, which an embedding does not have
"#,
    );
    Refusals {
        operation: Operation::Sinusoidal,
        dtype: Dtype::F32,
        config: r#"{"dim":4,"layout":"interleaved","divisor":"half","order":"sin_first"}"#,
        input: r#"{"positions":[1]}"#,
        configs,
        inputs: joined([inputs, positions("positions", false)]),
    }
}

fn learned() -> Refusals {
    let configs = faults(
        r#"
missing_key    no-dim           -dim  ; no dim
unknown_key    unknown-key      colour=1  ; a key that nobody knows
unused_key     unused-key       rope_theta=10000  ; a key of rotary encodings
invalid_value  zero-width       dim=0  ; a width of 0
invalid_value  offset-negative  offset=-1  ; a negative offset
shape_mismatch other-width      dim=3  ; a width that is not the table's
duplicate_key  twice            +dim=5  ; dim twice
"#,
    );
    let inputs = faults(
        r#"
position_out_of_range  after-last    positions=[1]  ; the row after the last one
position_out_of_range  before-first  positions=[-2]  ; the row before the first one does not wrap around
position_out_of_range  second        positions=[0,7]  ; one position of two is beyond the table
missing_input   no-table      -table  ; no table
missing_input   no-positions  -positions  ; no positions
dtype_mismatch  integers      table={"dtype":"i32","shape":[1,4],"bits":["00000001000000020000000300000004"]}  ; an integer table
"#,
    );
    Refusals {
        operation: Operation::Learned,
        dtype: Dtype::F32,
        config: r#"{"dim":4,"offset":1}"#,
        input: r#"{"positions":[0],"table":{"dtype":"f32","shape":[2,4],
            "bits":["00000000000000000000000000000000","3f800000400000004040000040800000"]}}"#,
        configs,
        inputs: joined([inputs, tensors("table", "[1,4]", ROW), positions("positions", false)]),
    }
}

fn permute_qk() -> Refusals {
    let configs = faults(
        r#"
missing_key    no-num-heads  -num_heads  ; no num_heads
missing_key    no-head-dim   -head_dim  ; no head_dim
unknown_key    unknown-key   colour=1  ; a key that nobody knows
unused_key     unused-key    rope_theta=10000  ; a key of rotary encodings
invalid_value  no-heads      num_heads=0  ; no heads
invalid_value  rotary-too-wide  rotary_dim=6  ; rotary_dim above head_dim
odd_rotary_dim odd-rotary    rotary_dim=3  ; rotary_dim 3
odd_rotary_dim odd-head      head_dim=3  ; a head of 3 rows
shape_mismatch other-heads   num_heads=2  ; two heads of 4 rows for a weight of 4
duplicate_key  twice         +num_heads=2  ; num_heads twice
"#,
    );
    let inputs = faults(
        r#"
missing_input   no-weight     -weight  ; no weight
missing_input   no-direction  -direction  ; no direction: neither is the natural one
invalid_value   direction     direction="forward"  ; a direction of rotations
dtype_mismatch  integers      weight={"dtype":"i32","shape":[4,1],"bits":["00000000","00000001","00000002","00000003"]}  ; an integer weight
shape_mismatch  transposed    weight={"dtype":"f32","shape":[1,4],"bits":["3f800000400000004040000040800000"]}  ; columns for rows
"#,
    );
    Refusals {
        operation: Operation::PermuteQk,
        dtype: Dtype::F32,
        config: r#"{"num_heads":1,"head_dim":4}"#,
        input: r#"{"weight":{"dtype":"f32","shape":[4,1],
            "bits":["00000000","3f800000","40000000","40400000"]},"direction":"to_half"}"#,
        configs,
        inputs: joined([inputs, tensors("weight", "[1,4]", ROW)]),
    }
}

fn position_ids() -> Refusals {
    let configs = faults(
        r#"
unknown_key    unknown-key  colour=1  ; a key that nobody knows
unused_key     unused-key   rope_theta=10000  ; a key of rotary encodings
duplicate_key  twice        {"head_dim":4,"head_dim":8}  ; a key twice
"#,
    );
    let inputs = faults(
        r#"
missing_input   nothing      -cu_seqlens  ; neither lengths nor a mask
invalid_value   first-not-0  cu_seqlens=[1,3]  ; lengths that do not begin with 0
invalid_value   falling      cu_seqlens=[0,3,2]  ; lengths that fall
invalid_value   negative     cu_seqlens=[0,-1]  ; a negative length
invalid_value   empty        cu_seqlens=[]  ; an empty list
invalid_value   fraction     cu_seqlens=[0,1.5]  ; a length of 1.5
invalid_value   no-list      cu_seqlens=2  ; a number instead of a list
unused_input    both         attention_mask={"dtype":"i32","shape":[1,2],"bits":["0000000100000001"]}  ; lengths and a mask
dtype_mismatch  mask-floats  {"attention_mask":{"dtype":"f32","shape":[1,2],"bits":["3f8000003f800000"]}}  ; a mask of floats
shape_mismatch  mask-flat    {"attention_mask":{"dtype":"i32","shape":[2],"bits":["0000000100000001"]}}  ; a mask without the batch axis
invalid_value   mask-two     {"attention_mask":{"dtype":"i32","shape":[1,2],"bits":["0000000200000001"]}}  ; a mask that holds 2
invalid_value   uneven-chunks   {"cu_seqlens":[0,4,10],"cp_size":2,"cp_rank":0}  ; a document that cannot be cut into 2 cp_size chunks
invalid_value   rank-beyond     {"cu_seqlens":[0,4],"cp_size":2,"cp_rank":2}  ; rank 2 of 2
invalid_value   rank-negative   {"cu_seqlens":[0,4],"cp_size":2,"cp_rank":-1}  ; a negative rank
missing_input   no-rank         {"cu_seqlens":[0,4],"cp_size":2}  ; a group without the rank
missing_input   no-size         {"cu_seqlens":[0,4],"cp_rank":0}  ; a rank without the size of its group
unused_input    two-sources     {"cu_seqlens":[0,4],"grid_thw":[[1,2,2]],"order":"raster"}  ; lengths and a grid
unused_input    rank-of-mask    {"attention_mask":{"dtype":"i32","shape":[1,1],"bits":["00000001"]},"cp_size":2,"cp_rank":0}  ; a rank beside a mask
missing_input   no-merge        {"segments":[{"text":1}]}  ; segments without the merge size
invalid_value   merge-zero      {"segments":[{"text":1}],"spatial_merge_size":0}  ; a merge size of 0
invalid_value   torn-block      {"segments":[{"image":[1,4,3]}],"spatial_merge_size":2}  ; patches that are no whole blocks
invalid_value   strange-segment {"segments":[{"sound":3}],"spatial_merge_size":2}  ; a segment that nobody knows
invalid_value   two-frames      {"segments":[{"image":[2,4,4]}],"spatial_merge_size":2}  ; an image of two frames
invalid_value   no-grid         {"segments":[{"image":[4,4]}],"spatial_merge_size":2}  ; a grid of two numbers
invalid_value   empty-grid      {"segments":[{"video":[0,4,4]}],"spatial_merge_size":2}  ; a video without frames
invalid_value   half-a-clock    {"segments":[{"video":[2,4,4],"seconds_per_grid":1}],"spatial_merge_size":2}  ; seconds without positions a second
invalid_value   back-in-time    {"segments":[{"video":[2,4,4],"seconds_per_grid":-1,"tokens_per_second":2}],"spatial_merge_size":2}  ; negative seconds
invalid_value   negative-text   {"segments":[{"text":-1}],"spatial_merge_size":2}  ; fewer than no tokens
missing_input   no-order        {"grid_thw":[[1,2,2]]}  ; a grid without its order
invalid_value   order           {"grid_thw":[[1,2,2]],"order":"hilbert"}  ; an order that does not exist
missing_input   no-blocks       {"grid_thw":[[1,2,2]],"order":"merge_block"}  ; blocks without their size
unused_input    blocks-unused   {"grid_thw":[[1,2,2]],"order":"raster","spatial_merge_size":2}  ; a size of blocks that a raster does not have
invalid_value   torn-grid       {"grid_thw":[[1,3,2]],"order":"merge_block","spatial_merge_size":2}  ; rows that are no whole blocks
invalid_value   first           {"grid_thw":[[1,2,2]],"order":"raster","first":2}  ; a first row of 2
invalid_value   cls             {"grid_thw":[[1,2,2]],"order":"raster","cls":"middle"}  ; a class token in the middle
malformed_tensor  mask-short-row  {"attention_mask":{"dtype":"i32","shape":[1,2],"bits":["000000010000000"]}}  ; a mask with a short row
"#,
    );
    Refusals {
        operation: Operation::PositionIds,
        dtype: Dtype::I64,
        config: "{}",
        input: r#"{"cu_seqlens":[0,2]}"#,
        configs,
        inputs,
    }
}
