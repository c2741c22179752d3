//! `permute_qk`: what loaders of weights compute.

use super::word;
use crate::generate::plan::{FilePlan, Input, config};
use crate::generate::suites::special::Patterns;
use crate::generate::values::{bits, mixed, numbered, values};
use crate::number::Dtype;
use crate::request::{Object, Operation};

pub(super) fn files() -> Vec<FilePlan> {
    Dtype::FLOATS.into_iter().map(permutations).collect()
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
