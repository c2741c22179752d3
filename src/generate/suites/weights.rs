//! `permute_qk` and `position_ids`: what loaders and batchers compute.

use super::word;
use crate::generate::plan::{FilePlan, Input, config};
use crate::generate::suites::special::Patterns;
use crate::generate::values::{bits, flat, mixed, numbered, values};
use crate::number::Dtype;
use crate::request::{Object, Operation};

pub(super) fn files() -> Vec<FilePlan> {
    let mut files: Vec<FilePlan> = Dtype::FLOATS.into_iter().map(permutations).collect();
    files.push(position_ids());
    files
}

fn heads(num_heads: usize, head_dim: usize) -> Object {
    config([("num_heads", num_heads.into()), ("head_dim", head_dim.into())])
}

/// Trap T20: rows that carry their number.
fn permutations(dtype: Dtype) -> FilePlan {
    let mut file = FilePlan::new(format!("permute_qk/{dtype}.json"), Operation::PermuteQk);
    let both = |weight: crate::request::Json| {
        ["to_half", "to_interleaved"].map(|direction| {
            let input = Input::new().with("weight", weight.clone());
            (direction, input.with("direction", word(direction)))
        })
    };
    let basic = file.group("basic", heads(1, 4), dtype);
    for (direction, input) in both(numbered(dtype, &[4, 1], 0)) {
        basic.test(
            direction.replace('_', "-"),
            format!("four rows 0, 1, 2, 3 of one head, {direction}"),
            &["basic"],
            input,
        );
    }
    let shapes: [(&str, &str, usize, usize, usize); 5] = [
        ("queries", "four query heads of 8 rows", 4, 8, 2),
        ("keys", "the two key heads of the same attention", 2, 8, 2),
        ("six-rows", "heads of 6 rows, where the layouts are no involution", 2, 6, 3),
        ("two-rows", "heads of 2 rows, where the layouts agree", 2, 2, 1),
        ("wide-head", "a head of 128 rows", 1, 128, 1),
    ];
    for (name, what, num_heads, head_dim, columns) in shapes {
        let group = file.group(name, heads(num_heads, head_dim), dtype);
        for (direction, input) in both(numbered(dtype, &[num_heads * head_dim, columns], 0)) {
            group.test(
                direction.replace('_', "-"),
                format!("{what}, {direction}: every element tells its row"),
                &["weight-permutation", "weight-heads"],
                input,
            );
        }
    }
    // The reverse of the six rows of a head, permuted: 0 2 4 1 3 5 goes back to 0 1 2 3 4 5.
    let permuted = values(dtype, &[6, 1], &[0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    let group = file.group("round-trip", heads(1, 6), dtype);
    for (direction, input) in both(permuted) {
        let comment = match direction {
            "to_interleaved" => "rows 0 2 4 1 3 5, as to_half leaves them, go back to 0 1 2 3 4 5",
            _ => "rows 0 2 4 1 3 5 permuted once more: a doubled permutation is not the identity",
        };
        let name = direction.replace('_', "-");
        group.test(name, comment, &["weight-permutation"], input);
    }
    let mut partial = heads(2, 8);
    partial.set("rotary_dim", 4usize.into());
    let group = file.group("partial", partial, dtype);
    for (direction, input) in both(numbered(dtype, &[16, 2], 0)) {
        group.test(
            direction.replace('_', "-"),
            format!("only the first 4 rows of each head of 8 are permuted, {direction}"),
            &["weight-permutation", "partial", "copied-bits"],
            input,
        );
    }
    let s = Patterns::new(dtype);
    let specials = bits(dtype, &[4, 1], vec![s.sign, s.nan, s.signalling, s.sign | s.infinity]);
    let group = file.group("specials", heads(1, 4), dtype);
    for (direction, input) in both(specials) {
        group.test(
            direction.replace('_', "-"),
            format!("−0, NaN and infinity are copied, {direction}"),
            &["copied-bits", "signed-zero"],
            input,
        );
    }
    let other = if dtype == Dtype::F64 { Dtype::F32 } else { Dtype::F64 };
    let group = file.group("formats", heads(1, 4), dtype);
    for (direction, input) in both(mixed(other, &[4, 2], "permute")) {
        group.test(
            direction.replace('_', "-"),
            format!("a weight in {other}, rounded once, {direction}"),
            &["mixed-dtype", "weight-permutation"],
            input,
        );
    }
    file
}

/// Traps T10 and E4.
fn position_ids() -> FilePlan {
    let mut file = FilePlan::new("position_ids/i64.json", Operation::PositionIds);
    let lengths = |list: &[i64]| Input::new().with("cu_seqlens", flat(list));
    let mask = |shape: [usize; 2], bits: &[u8]| {
        let list: Vec<f64> = bits.iter().map(|&bit| bit as f64).collect();
        Input::new().with("attention_mask", values(Dtype::I32, &shape, &list))
    };
    file.group("basic", Object::default(), Dtype::I64)
        .test("one-document", "one document of four tokens", &["basic"], lengths(&[0, 4]))
        .test("full-mask", "no padding", &["basic"], mask([1, 4], &[1, 1, 1, 1]));
    file.group("packed", Object::default(), Dtype::I64)
        .test(
            "three-one-five",
            "documents of 3, 1 and 5 tokens: 0 1 2 0 0 1 2 3 4",
            &["packed"],
            lengths(&[0, 3, 4, 9]),
        )
        .test("equal", "two documents of 4", &["packed"], lengths(&[0, 4, 8]))
        .test("ones", "three documents of one token", &["packed"], lengths(&[0, 1, 2, 3]))
        .test("empty-document", "a document without tokens", &["packed"], lengths(&[0, 2, 2, 5]))
        .test("nothing", "no document at all", &["packed"], lengths(&[0]))
        .test("long", "two documents of 200 and 60", &["packed"], lengths(&[0, 200, 260]));
    file.group("masks", Object::default(), Dtype::I64)
        .test(
            "left-padded",
            "two rows of 3 and 5 tokens, padded on the left",
            &["left-padding"],
            mask([2, 5], &[0, 0, 1, 1, 1, 1, 1, 1, 1, 1]),
        )
        .test(
            "right-padded",
            "two rows of 3 and 5 tokens, padded on the right; pads get 0",
            &["left-padding"],
            mask([2, 5], &[1, 1, 1, 0, 0, 1, 1, 1, 1, 1]),
        )
        .test(
            "both-sides",
            "padding on both sides, and a hole in the middle",
            &["left-padding"],
            mask([2, 6], &[0, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0]),
        )
        .test("all-padding", "a row without tokens", &["left-padding"], mask([2, 2], &[0, 0, 1, 1]))
        .test("square", "as many rows as tokens", &["batch"], mask([2, 2], &[0, 1, 1, 1]));
    file
}
