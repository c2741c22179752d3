//! Chains as engines run them: several heads and tokens, a slice that turns, weights and scales that
//! differ, a cache with padding. Faults that confuse one of these with another show here.

use super::stage::{norm as norm_stage, stages};
use crate::generate::plan::{FilePlan, Input};
use crate::generate::values::{bits, flat, mixed, values};
use crate::number::{Dtype, Format};
use crate::request::Operation;

/// Heads of queries and of keys, tokens, and a width that is no power of two.
const HEADS: [usize; 2] = [4, 2];
const SEQ: usize = 3;
const DIM: usize = 6;
const BLOCKS: usize = 4;
const BLOCK: usize = 2;

/// A chain: its name, its stages, and what its tests are flagged with.
struct Run {
    name: &'static str,
    norm: Option<Norm>,
    /// Whether the norm comes first.
    first: bool,
    quantize: Option<Quantize>,
    store: Option<&'static str>,
    flags: &'static [&'static str],
}

struct Norm {
    kind: &'static str,
    weight: &'static str,
    over: &'static str,
}

struct Quantize {
    format: Dtype,
    scale: &'static str,
    per: &'static str,
    overflow: &'static str,
}

const fn norm(kind: &'static str, weight: &'static str, over: &'static str) -> Option<Norm> {
    Some(Norm { kind, weight, over })
}

const fn quantize(
    format: Dtype,
    scale: &'static str,
    per: &'static str,
    overflow: &'static str,
) -> Option<Quantize> {
    Some(Quantize { format, scale, per, overflow })
}

const RUNS: [Run; 7] = [
    Run {
        name: "basic",
        norm: norm("rms", "plain", "head"),
        first: true,
        quantize: quantize(Dtype::F8E4M3Fn, "given", "head", "saturate"),
        store: Some("NHD"),
        flags: &[
            "basic",
            "fused-norm",
            "fused-order",
            "fused-heads",
            "fused-scale",
            "fused-format",
            "fused-store",
            "fused-padding",
        ],
    },
    Run {
        name: "layer-after-group",
        norm: norm("layer", "one_plus", "heads"),
        first: false,
        quantize: quantize(Dtype::F8E4M3Fnuz, "amax", "group", "ieee"),
        store: None,
        flags: &[
            "fused-norm",
            "fused-order",
            "fused-heads",
            "fused-amax",
            "fused-format",
            "fused-overflow",
        ],
    },
    Run {
        name: "rms-heads-token",
        norm: norm("rms", "one_plus", "heads"),
        first: true,
        quantize: quantize(Dtype::F8E4M3Fn, "amax", "token", "saturate"),
        store: None,
        flags: &["fused-norm", "fused-order", "fused-heads", "fused-amax", "fused-format"],
    },
    Run {
        name: "given-token",
        norm: None,
        first: true,
        quantize: quantize(Dtype::F8E5M2, "given", "token", "ieee"),
        store: None,
        flags: &["fused-scale", "fused-format", "fused-heads", "fused-order", "fused-overflow"],
    },
    Run {
        name: "amax-head-stored",
        norm: None,
        first: true,
        quantize: quantize(Dtype::F8E4M3Fnuz, "amax", "head", "saturate"),
        store: Some("HND"),
        flags: &["fused-amax", "fused-format", "fused-store", "fused-padding", "fused-order"],
    },
    Run {
        name: "pow2-group",
        norm: None,
        first: true,
        quantize: quantize(Dtype::F8E5M2Fnuz, "amax_pow2", "group", "saturate"),
        store: None,
        flags: &["fused-amax", "fused-format", "fused-heads", "fused-order"],
    },
    Run {
        name: "stored-as-it-is",
        norm: norm("layer", "plain", "head"),
        first: true,
        quantize: None,
        store: Some("HND"),
        flags: &["fused-norm", "fused-order", "fused-heads", "fused-store", "fused-padding"],
    },
];

pub(super) fn file() -> FilePlan {
    let mut file = FilePlan::new("chain/engine.json", Operation::Chain);
    for run in &RUNS {
        for dtype in [Dtype::Bf16, Dtype::F32] {
            let name = match (run.name, dtype) {
                ("basic", Dtype::Bf16) => "basic".to_string(),
                ("basic", _) => format!("rms-given-stored-{dtype}"),
                (name, _) => format!("{name}-{dtype}"),
            };
            let flags = &run.flags[usize::from(run.name == "basic" && name != "basic")..];
            file.group(&name, stages(&config(run)), dtype).test(
                "tokens",
                comment(run),
                flags,
                input(run, dtype, &name),
            );
        }
    }
    file
}

fn comment(run: &Run) -> String {
    format!(
        "{} heads of queries and {} of keys, {SEQ} tokens, a slice of 4 of {DIM} turns{}",
        HEADS[0],
        HEADS[1],
        if run.store.is_some() { "; the token between is padding" } else { "" }
    )
}

fn config(run: &Run) -> Vec<String> {
    let rotate = format!(
        r#"{{"rotate":{{"head_dim":{DIM},"rotary_dim":4,"layout":"half","rope_theta":10000}}}}"#
    );
    let mut list = vec![rotate];
    if let Some(norm) = &run.norm {
        let stage = norm_stage(norm.kind, norm.weight, norm.over, "1e-6");
        list.insert(usize::from(!run.first), stage);
    }
    if let Some(Quantize { format, scale, per, overflow }) = &run.quantize {
        let size = if *per == "group" { r#","group_size":2"# } else { "" };
        list.push(format!(
            r#"{{"quantize":{{"format":"{format}","scale":"{scale}","per":"{per}","overflow":"{overflow}"{size}}}}}"#
        ));
    }
    if let Some(layout) = run.store {
        list.push(format!(r#"{{"store":{{"block_size":{BLOCK},"layout":"{layout}"}}}}"#));
    }
    list
}

fn input(run: &Run, dtype: Dtype, words: &str) -> Input {
    let tensor = |name: &str, heads: usize| {
        mixed(dtype, &[1, heads, SEQ, DIM], &format!("engine {words} {name}"))
    };
    let mut input = Input::new().with("q", tensor("q", HEADS[0])).with("k", tensor("k", HEADS[1]));
    let mut parts = vec![("q", HEADS[0]), ("k", HEADS[1])];
    if let Some(norm) = &run.norm {
        for (name, heads) in parts.clone() {
            let shape = if norm.over == "head" { vec![DIM] } else { vec![heads, DIM] };
            let own = |what: &str| mixed(dtype, &shape, &format!("engine {words} {name} {what}"));
            input = input.with(&format!("{name}_weight"), own("weight"));
            if norm.kind == "layer" {
                input = input.with(&format!("{name}_bias"), own("bias"));
            }
        }
    }
    if run.store.is_some() {
        input = input.with("v", tensor("v", HEADS[1]));
        parts.push(("v", HEADS[1]));
    }
    if let Some(Quantize { scale: "given", per, .. }) = &run.quantize {
        for (part, (name, heads)) in parts.iter().enumerate() {
            let shape = if *per == "head" { vec![*heads] } else { vec![1, *heads, SEQ] };
            let count: usize = shape.iter().product();
            // No two are alike, and none is a power of two.
            let one = |index: usize| 0.01 * (1 + 7 * part + 3 * index) as f64;
            let scales: Vec<f64> = (0..count).map(one).collect();
            input = input.with(&format!("{name}_scale"), values(Dtype::F32, &shape, &scales));
        }
    }
    if let Some(layout) = run.store {
        let cache = run.quantize.as_ref().map_or(dtype, |quantize| quantize.format);
        let shape = match layout {
            "NHD" => [BLOCKS, BLOCK, HEADS[1], DIM],
            _ => [BLOCKS, HEADS[1], BLOCK, DIM],
        };
        let format = cache.format().unwrap_or(Format::BF16);
        let old = |first: u64| {
            let count = shape.iter().product::<usize>() as u64;
            bits(cache, &shape, (0..count).map(|i| (first + i * 5) % format.quiet_nan()).collect())
        };
        input = input.with("key_cache", old(1)).with("value_cache", old(3));
        // Block 2, row 1; padding; block 1, row 0.
        input = input.with("slots", flat(&[5, -1, 2]));
    }
    input.positions(&[&[5, 6, 9]])
}
