//! `chain`: norm, rotation, quantisation and store, in every eight-bit format, with values that sit
//! on ties, at the overflow threshold and at powers of two.

mod engine;
mod stage;

use stage::{norm, stages};

use crate::generate::plan::{FilePlan, Input, parsed};
use crate::generate::values::{bits, flat, mixed, nearest, values};
use crate::number::{Dtype, Format};
use crate::request::{Json, Operation};

pub(super) fn files() -> Vec<FilePlan> {
    let mut files: Vec<FilePlan> = Dtype::EIGHT_BITS.into_iter().map(quantized).collect();
    files.extend(Dtype::FLOATS.map(normed));
    files.push(stored());
    files.push(engine::file());
    files.push(eight_bits(Operation::Rotate));
    files.push(eight_bits(Operation::Apply));
    files.push(eight_bits(Operation::Table));
    files
}

const SCALES: [&str; 3] = ["given", "amax", "amax_pow2"];
const PER: [&str; 4] = ["tensor", "head", "token", "group"];

fn rotate(layout: &str) -> String {
    format!(r#"{{"rotate":{{"head_dim":4,"layout":"{layout}","rope_theta":10000}}}}"#)
}

/// The four pairs of kind and scope of a norm.
const NORMS: [(&str, &str); 4] =
    [("rms", "head"), ("layer", "heads"), ("rms", "heads"), ("layer", "head")];
const WEIGHTS: [&str; 3] = ["plain", "one_plus", "none"];

/// Two query heads and one key head of a token, with what a norm needs.
fn heads(dtype: Dtype, words: &str, (kind, over): (&str, &str), weight: &str) -> Input {
    let shape = |heads: usize| match over {
        "head" => vec![4],
        _ => vec![heads, 4],
    };
    let mut input = Input::new()
        .with("q", mixed(dtype, &[1, 2, 1, 4], &format!("{words} q")))
        .with("k", mixed(dtype, &[1, 1, 1, 4], &format!("{words} k")));
    for (name, heads) in [("q", 2), ("k", 1)] {
        let tensor = |what: &str| mixed(dtype, &shape(heads), &format!("{words} {name} {what}"));
        if weight != "none" {
            input = input.with(&format!("{name}_weight"), tensor("weight"));
        }
        if kind == "layer" {
            input = input.with(&format!("{name}_bias"), tensor("bias"));
        }
    }
    input
}

/// Every kind, scope and weight of a norm, before and after the rotation.
fn normed(dtype: Dtype) -> FilePlan {
    let mut file = FilePlan::new(format!("chain/norm-{dtype}.json"), Operation::Chain);
    let basic = stages(&[norm("rms", "none", "head", "1e-6"), rotate("half")]);
    file.group("basic", basic, dtype).test(
        "perfect-square",
        "rms of (3, 4, 0, 0) at position 0: √(25/4 + eps)",
        &["basic", "fused-norm", "rounding"],
        Input::new()
            .with("q", values(dtype, &[1, 1, 1, 4], &[3.0, 4.0, 0.0, 0.0]))
            .positions(&[&[0]]),
    );
    for (index, norm_kind) in NORMS.into_iter().enumerate() {
        for (which, weight) in WEIGHTS.into_iter().enumerate() {
            let (kind, over) = norm_kind;
            let before = (index + which) % 2 == 0;
            let layout = if which == 1 { "interleaved" } else { "half" };
            let mut list = vec![norm(kind, weight, over, "1e-6"), rotate(layout)];
            let order = if before { "before" } else { "after" };
            if !before {
                list.reverse();
            }
            let name = format!("{kind}-{over}-{weight}-{order}").replace('_', "-");
            let group = file.group(&name, stages(&list), dtype);
            let input = heads(dtype, &name, norm_kind, weight);
            group.test(
                "mixed",
                format!("{kind} over {over}, weight {weight}, {order} the rotation, at 7"),
                &["fused-norm", "fused-order", "fused-heads"],
                input.clone().positions(&[&[7]]),
            );
            group.test(
                "still",
                "the same at position 0, where the values are radicals",
                &["fused-norm"],
                input.positions(&[&[0]]),
            );
        }
    }
    let eps = |eps: &str| stages(&[norm("rms", "plain", "head", eps), rotate("half")]);
    let row = |list: &[f64]| {
        Input::new()
            .with("q", values(dtype, &[1, 1, 1, 4], list))
            .with("q_weight", values(dtype, &[4], &[1.0, 0.5, 2.0, -1.0]))
            .positions(&[&[0]])
    };
    let format = dtype.format().unwrap_or(Format::F64);
    let tiny = libm::ldexp(1.0, format.e_min() + 1);
    file.group("eps-dominates", eps("4"), dtype)
        .test(
            "tiny-row",
            "a row of the smallest numbers under eps 4: x/2 times its weight",
            &["fused-eps"],
            row(&[tiny, -tiny, 2.0 * tiny, 0.0]),
        )
        .test("zero-row", "a row of zeros: zeros", &["fused-eps"], row(&[0.0; 4]));
    // √(mean square) and √eps are alike: here it shows what is added, and where.
    let group = file.group("eps-beside", eps("1e-5"), dtype);
    for (name, size, share) in [("above", 1.0 / 512.0, "0.22"), ("below", 1.0 / 128.0, "3.5")] {
        group.test(
            name,
            format!("a row whose mean square is {share} of eps 1e-5"),
            &["fused-eps"],
            row(&[size, -size, 0.5 * size, 0.25 * size]),
        );
    }
    file.group("eps-zero", eps("0"), dtype).test(
        "square",
        "eps 0 and a mean square of 25/4: the values are rational",
        &["fused-eps"],
        row(&[3.0, 4.0, 0.0, 0.0]),
    );
    file
}

/// A tensor between the numbers of an eight-bit format, times a scale.
fn ties(dtype: Dtype, format: Format, scale: f64, from: u64) -> Json {
    let midpoint = |index: u64| {
        let low = from + index * 9;
        let low = low % format.largest();
        let (a, b) = (format.to_f64(low), format.to_f64(low + 1));
        let sign = if index.is_multiple_of(2) { 1.0 } else { -1.0 };
        nearest(dtype, sign * scale * (a + b) / 2.0)
    };
    bits(dtype, &[1, 2, 1, 4], (0..8).map(midpoint).collect())
}

fn given(per: &str, scale: f64) -> Json {
    let shape: &[usize] = match per {
        "tensor" => &[],
        "head" => &[2],
        "token" => &[1, 2, 1],
        _ => &[1, 2, 1, 2],
    };
    let count: usize = shape.iter().product();
    let one = |index: usize| libm::ldexp(scale, index as i32 % 2);
    values(Dtype::F32, shape, &(0..count).map(one).collect::<Vec<_>>())
}

/// Every scale per everything that can share it.
fn quantized(stored: Dtype) -> FilePlan {
    let mut file = FilePlan::new(format!("chain/{stored}.json"), Operation::Chain);
    let dtype = Dtype::Bf16;
    let format = stored.format().unwrap_or(Format::F8E4M3FN);
    let largest = format.to_f64(format.largest());
    let mut index = 0;
    for scale in SCALES {
        for per in PER {
            index += 1;
            let size = if per == "group" { r#","group_size":2"# } else { "" };
            let overflow = if index % 4 < 2 { "saturate" } else { "ieee" };
            let quantize = format!(
                r#"{{"quantize":{{"format":"{stored}","scale":"{scale}","per":"{per}","overflow":"{overflow}"{size}}}}}"#
            );
            let (norm_kind, weight) = (NORMS[index % 4], WEIGHTS[index % 3]);
            let mut list = vec![rotate(if index % 3 == 0 { "interleaved" } else { "half" })];
            if index % 2 == 0 {
                let stage = norm(norm_kind.0, weight, norm_kind.1, "1e-6");
                list.insert(index / 2 % 2, stage);
            }
            list.push(quantize);
            let name = format!("{scale}-{per}").replace('_', "-");
            let group = file.group(&name, stages(&list), dtype);
            let scaled = |input: Input, scale_of: f64| match scale {
                "given" => input.with("q_scale", given(per, scale_of)),
                _ => input,
            };
            let both = |words: &str| match index % 2 {
                0 => heads(dtype, words, norm_kind, weight),
                _ => Input::new().with("q", mixed(dtype, &[1, 2, 1, 4], words)),
            };
            let mut input = both(&format!("{stored} {name}"));
            if index % 2 == 0 {
                input.0.remove("k");
                input.0.remove("k_weight");
                input.0.remove("k_bias");
            }
            group.test(
                "mixed",
                format!("scale {scale} per {per}, {overflow}"),
                &["fused-scale"],
                scaled(input.clone(), 0.01).positions(&[&[3]]),
            );
            if index % 2 == 1 {
                let plain = |q: Json| Input::new().with("q", q).positions(&[&[0]]);
                let tie = ties(dtype, format, 0.5, index as u64 * 13);
                group.test(
                    "ties",
                    "halfway between numbers of the format, at position 0: ties to even",
                    &["fused-ties"],
                    scaled(plain(tie), 0.5),
                );
                let mut edge = [0.0; 8];
                let step = largest - format.to_f64(format.largest() - 1);
                edge[..4].copy_from_slice(&[
                    largest,
                    -largest - step / 2.0,
                    largest + step,
                    -4.0 * largest,
                ]);
                group.test(
                    "threshold",
                    "the largest number, half a step beyond it, a step, and four times it; and a head \
                     of zeros",
                    &["fused-overflow", "fused-amax"],
                    scaled(plain(values(dtype, &[1, 2, 1, 4], &edge)), 1.0),
                );
            }
        }
    }
    // The basic group comes first: the smallest chain there is.
    file.groups.insert(0, {
        let quantize =
            format!(r#"{{"quantize":{{"format":"{stored}","scale":"given","per":"tensor"}}}}"#);
        let mut basic = FilePlan::new("", Operation::Chain);
        basic.group("basic", stages(&[rotate("half"), quantize]), dtype).test(
            "whole-numbers",
            "whole numbers over a scale of 2, at position 0",
            &["basic", "fused-scale"],
            Input::new()
                .with("q", values(dtype, &[1, 1, 1, 4], &[2.0, -4.0, 6.0, 0.0]))
                .with("q_scale", values(Dtype::F32, &[], &[2.0]))
                .positions(&[&[0]]),
        );
        basic.groups.remove(0)
    });
    file
}

/// Both layouts of a cache, padding and what is not written.
fn stored() -> FilePlan {
    let mut file = FilePlan::new("chain/store.json", Operation::Chain);
    for layout in ["NHD", "HND"] {
        for stored in [None, Some(Dtype::F8E4M3Fn), Some(Dtype::F8E5M2Fnuz)] {
            let dtype = Dtype::Bf16;
            let cache = stored.unwrap_or(dtype);
            let mut list = vec![rotate("half")];
            list.extend(stored.map(|stored| {
                format!(r#"{{"quantize":{{"format":"{stored}","scale":"given","per":"head"}}}}"#)
            }));
            list.push(format!(r#"{{"store":{{"block_size":2,"layout":"{layout}"}}}}"#));
            let name = format!("{}-{cache}", layout.to_lowercase());
            let name = if file.groups.is_empty() { "basic".to_string() } else { name };
            // [blocks, block, heads, D] or [blocks, heads, block, D]: two of each.
            let shape = [2, 2, 2, 4];
            let format = cache.format().unwrap_or(Format::BF16);
            let old = |first: u64| {
                let one = |i: u64| (first + i * 7) % format.quiet_nan();
                let mut data: Vec<u64> = (0..32).map(one).collect();
                data[5] = format.quiet_nan();
                data[30] = format.signed(0, true);
                bits(cache, &shape, data)
            };
            let words = format!("store {name}");
            let tensor = |what: &str, heads: usize| {
                mixed(dtype, &[1, heads, 3, 4], &format!("{words} {what}"))
            };
            let mut input = Input::new()
                .with("q", tensor("q", 2))
                .with("k", tensor("k", 2))
                .with("v", tensor("v", 2))
                .with("key_cache", old(1))
                .with("value_cache", old(3))
                .with("slots", flat(&[3, -1, 0]))
                .positions(&[&[5, 6, 0]]);
            if stored.is_some() {
                for name in ["q_scale", "k_scale", "v_scale"] {
                    input = input.with(name, values(Dtype::F32, &[2], &[0.5, 0.03125]));
                }
            }
            let flags: &[&str] = match name.as_str() {
                "basic" => &["basic", "fused-store", "fused-padding"],
                _ => &["fused-store", "fused-padding"],
            };
            file.group(name, stages(&list), dtype).test(
                "slots",
                format!("slots 3, −1 and 0 of blocks of 2, {layout}: the middle token is padding"),
                flags,
                input,
            );
        }
    }
    file
}

/// The eight-bit formats as what is read and what is written.
fn eight_bits(operation: Operation) -> FilePlan {
    let mut file = FilePlan::new(format!("{}/eight-bits.json", operation.name()), operation);
    let rope = parsed(r#"{"head_dim":4,"layout":"half","rope_theta":10000}"#);
    let planes = parsed(r#"{"head_dim":4,"layout":"half"}"#);
    for (index, stored) in Dtype::EIGHT_BITS.into_iter().enumerate() {
        for (to, from) in [(stored, Dtype::Bf16), (Dtype::F32, stored), (stored, stored)] {
            let own = if to == stored { "to" } else { "from" };
            let name = match (index, own, from == to) {
                (0, "to", false) => "basic".to_string(),
                (_, _, true) => format!("in-{stored}"),
                _ => format!("{own}-{stored}"),
            };
            if operation == Operation::Table && to != stored {
                continue;
            }
            if operation == Operation::Table && from == to {
                continue;
            }
            let config = if operation == Operation::Apply { planes.clone() } else { rope.clone() };
            let flags: &[&str] =
                if name == "basic" { &["basic", "eight-bits"] } else { &["eight-bits"] };
            let row = [300.0, -1.5, 0.0078125, 17.0];
            let row = if to == Dtype::F32 { row.map(|x: f64| x.min(8.0)) } else { row };
            let q = values(from, &[1, 1, 1, 4], &row);
            let input = match operation {
                Operation::Table => Input::new().with("positions", flat(&[0, 1, 100])),
                Operation::Apply => Input::new()
                    .with("q", q)
                    .with("cos", values(from, &[1, 1, 2], &[0.625, 2.0]))
                    .with("sin", values(from, &[1, 1, 2], &[-0.75, 0.0])),
                _ => Input::new().with("q", q).positions(&[&[2]]),
            };
            let comment =
                format!("{from} in, {to} out: one rounding, what is too large is the largest");
            file.group(name, config, to).test("values", comment, flags, input);
        }
    }
    file
}
