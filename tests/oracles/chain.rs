//! Both oracles on fused kernels: every pair of stages, both orders, eight formats, with values that
//! tie where eight bits end.

use super::case::{Case, Part, Random};
use super::compare::both;
use super::values::{Fill, fill, format, nearest};
use proptest::prelude::*;
use rayon::prelude::*;
use ropewalk::number::Dtype;
use ropewalk::request::Position;
use ropewalk_oracle::SecondOracle;

/// The eight.
fn formats() -> Vec<Dtype> {
    Dtype::floating().collect()
}

/// Values of a row: ordinary, wild, small integers (whose mean squares are squares now and then),
/// halves of the grid of an eight-bit format, zeros.
fn values(random: &mut Random, dtype: Dtype, target: Dtype, count: usize) -> Vec<u64> {
    let own = format(dtype);
    match random.below(8) {
        0 => fill(random, Fill::Wild, dtype, count),
        1 => fill(random, Fill::Anything, dtype, count),
        2 => fill(random, Fill::Sparse, dtype, count),
        3 => vec![0; count],
        4 => (0..count).map(|_| nearest(own, random.within(-6, 6) as f64)).collect(),
        5 | 6 => {
            let grid = format(target);
            let midpoint = |random: &mut Random| {
                let low = random.below(grid.largest() + 1);
                let high = grid.next_up(low).unwrap_or(low);
                let (a, b) = (grid.to_f64(low), grid.to_f64(high));
                let x = if b.is_finite() { (a + b) / 2.0 } else { a };
                nearest(own, if random.chance(2) { x } else { -x })
            };
            (0..count).map(|_| midpoint(random)).collect()
        }
        _ => fill(random, Fill::Ordinary, dtype, count),
    }
}

fn pick<'a>(random: &mut Random, words: &[&'a str]) -> &'a str {
    words[random.below(words.len() as u64) as usize]
}

struct Maker<'r> {
    random: &'r mut Random,
    dim: usize,
    heads: [usize; 2],
    batch: usize,
    seq: usize,
    input: Vec<(&'static str, Part)>,
}

const WEIGHTS: [&str; 2] = ["q_weight", "k_weight"];
const BIASES: [&str; 2] = ["q_bias", "k_bias"];
const SCALES: [&str; 3] = ["q_scale", "k_scale", "v_scale"];

impl Maker<'_> {
    fn norm(&mut self, stored: Dtype) -> String {
        let random = &mut *self.random;
        let kind = pick(random, &["rms", "rms", "layer"]);
        let weight = pick(random, &["plain", "one_plus", "none"]);
        let over = pick(random, &["head", "heads"]);
        let eps = pick(random, &["1e-6", "1e-5", "0.25", "1", "1000", "1e-300", "1e-12"]);
        let only = pick(random, &["", "", r#","only":["q"]"#, r#","only":["k"]"#]);
        for side in 0..2 {
            let named = ["\"q\"", "\"k\""][side];
            if !only.is_empty() && !only.contains(named) {
                continue;
            }
            let shape = match over {
                "head" => vec![self.dim],
                _ => vec![self.heads[side], self.dim],
            };
            let count = shape.iter().product();
            let dtype = random.pick(&formats());
            if weight != "none" {
                let data = match random.below(3) {
                    0 => vec![nearest(format(dtype), 1.0); count],
                    _ => values(random, dtype, stored, count),
                };
                self.input.push((WEIGHTS[side], Part::Tensor(dtype, shape.clone(), data)));
            }
            if kind == "layer" && random.chance(2) {
                let data = values(random, dtype, stored, count);
                self.input.push((BIASES[side], Part::Tensor(dtype, shape, data)));
            }
        }
        format!(
            r#"{{"norm":{{"kind":"{kind}","eps":{eps},"weight":"{weight}","over":"{over}"{only}}}}}"#
        )
    }

    fn rotate(&mut self) -> String {
        let random = &mut *self.random;
        let (dim, layout) = (self.dim, pick(random, &["half", "interleaved"]));
        let theta = pick(random, &["10000", "500000", "1", "0.5"]);
        let mut axes = 1;
        let rest = match random.below(7) {
            0 if dim > 2 => r#","rotary_dim":2,"rotary_offset":2"#.to_string(),
            1 => r#","rope_type":"yarn","factor":4,"original_max_position_embeddings":64"#.into(),
            2 => r#","rope_type":"linear","factor":4"#.to_string(),
            3 => r#","rope_type":"xpos","scale_base":512"#.to_string(),
            4 => {
                let list = vec!["1.5"; dim / 2].join(",");
                format!(
                    r#","rope_type":"longrope","short_factor":[{list}],"long_factor":[{list}],"original_max_position_embeddings":4096,"factor":32"#
                )
            }
            5 if dim == 4 => {
                axes = 2;
                r#","rope_type":"pixel","max_freq":10"#.to_string()
            }
            _ => String::new(),
        };
        // YaRN divides by the logarithm of the base.
        let theta = if rest.contains("yarn") { "10000" } else { theta };
        let theta = match axes {
            2 => String::new(),
            _ => format!(r#","rope_theta":{theta}"#),
        };
        // Growth that both cut, each at its own place, is no matter of a norm.
        let furthest = if rest.contains("xpos") { 4096 } else { 1 << 40 };
        let places: Vec<Position> = (0..axes * self.batch * self.seq)
            .map(|_| Position::integer(random.pick(&[0, 0, 1, 2, 7, -3, 4095, furthest])))
            .collect();
        let mut shape = vec![self.batch, self.seq];
        if axes > 1 {
            shape.insert(0, axes);
        }
        self.input.push(("positions", Part::Positions(shape, places)));
        let direction = random.pick(&["forward", "inverse", "backward"]);
        self.input.push(("direction", Part::Word(direction)));
        if rest.contains("longrope") {
            self.input.push(("seq_len", Part::Length(random.pick(&[64, 8192]))));
        }
        format!(r#"{{"rotate":{{"head_dim":{dim},"layout":"{layout}"{theta}{rest}}}}}"#)
    }
}

/// A chain of a seed.
pub fn chain(random: &mut Random) -> Case {
    let (batch, seq, dim) =
        (random.pick(&[1, 2]), random.pick(&[1, 2, 3]), random.pick(&[2, 4, 6]));
    let heads = [random.pick(&[1, 2, 4]), random.pick(&[1, 2])];
    let stored = random.pick(&Dtype::EIGHT_BITS);
    let dtype = random.pick(&formats());
    let has = |random: &mut Random| !random.chance(3);
    let (mut norm, rotate, mut quantize) = (has(random), has(random), has(random));
    let store = random.chance(2);
    if [norm, rotate, quantize, store].iter().filter(|is| **is).count() < 2 {
        (norm, quantize) = (true, true);
    }
    let first = random.chance(2);
    let mut maker = Maker { random, dim, heads, batch, seq, input: vec![] };
    let mut stages = Vec::new();
    if norm && first {
        stages.push(maker.norm(stored));
    }
    if rotate {
        stages.push(maker.rotate());
    }
    if norm && !first {
        stages.push(maker.norm(stored));
    }
    let Maker { random, mut input, .. } = maker;
    let mut quantized = [quantize; 3];
    if quantize {
        let scale = pick(random, &["given", "amax", "amax_pow2"]);
        let per = pick(random, &["tensor", "head", "token", "group"]);
        let size = if dim % 2 == 0 && random.chance(2) { 2 } else { 1 };
        let group = if per == "group" { format!(r#","group_size":{size}"#) } else { String::new() };
        let overflow = pick(random, &["", r#","overflow":"ieee""#, r#","overflow":"saturate""#]);
        let only = pick(random, &["", "", r#","only":["k"]"#, r#","only":["q","k"]"#]);
        if !only.is_empty() {
            quantized = [only.contains('q'), true, false];
        }
        stages.push(format!(
            r#"{{"quantize":{{"format":"{stored}","scale":"{scale}","per":"{per}"{group}{overflow}{only}}}}}"#
        ));
        if scale == "given" {
            for side in 0..if store { 3 } else { 2 } {
                if !quantized[side] {
                    continue;
                }
                let count = heads[side.min(1)];
                let shape = match per {
                    "tensor" => vec![],
                    "head" => vec![count],
                    "token" => vec![batch, count, seq],
                    _ => vec![batch, count, seq, dim / size],
                };
                let one = |random: &mut Random| {
                    let x = match random.chance(3) {
                        true => random.real(1e-3, 4.0),
                        false => 2f64.powi(random.within(-4, 4) as i32),
                    };
                    nearest(format(Dtype::F32), x)
                };
                let data = (0..shape.iter().product()).map(|_| one(random)).collect();
                input.push((SCALES[side], Part::Tensor(Dtype::F32, shape, data)));
            }
        }
    }
    let names = ["q", "k", "v"];
    for (side, name) in names.into_iter().enumerate().take(if store { 3 } else { 2 }) {
        let own = random.pick(&formats());
        let shape = vec![batch, heads[side.min(1)], seq, dim];
        let data = values(random, own, stored, shape.iter().product());
        input.push((name, Part::Tensor(own, shape, data)));
    }
    if store {
        let (size, layout) = (random.pick(&[1usize, 2, 3]), pick(random, &["NHD", "HND"]));
        stages.push(format!(r#"{{"store":{{"block_size":{size},"layout":"{layout}"}}}}"#));
        let blocks = (batch * seq).div_ceil(size) + 1;
        for (side, name) in [(1, "key_cache"), (2, "value_cache")] {
            let dtype = if quantized[side] { stored } else { dtype };
            let shape = match layout {
                "NHD" => vec![blocks, size, heads[1], dim],
                _ => vec![blocks, heads[1], size, dim],
            };
            let data = fill(random, Fill::Wild, dtype, shape.iter().product());
            input.push((name, Part::Tensor(dtype, shape, data)));
        }
        let start = random.below((blocks * size) as u64) as usize;
        let slot = |token: usize| match token % 5 {
            4 => -1,
            _ => ((start + token) % (blocks * size)) as i64,
        };
        let slots = (0..batch * seq).map(|token| Position::integer(slot(token))).collect();
        input.push(("slots", Part::Positions(vec![batch * seq], slots)));
    }
    let config = format!(r#"{{"stages":[{}]}}"#, stages.join(","));
    Case { operation: "chain", dtype, config, input }
}

/// Elements compared.
fn agree(case: &Case) -> usize {
    match both(&SecondOracle::default(), &case.question()) {
        Ok(answer) => answer.tensors.iter().map(|t| t.expected.data().len()).sum(),
        Err(found) => panic!("the oracles disagree, {}\n{}", found.text, case.line()),
    }
}

#[test]
fn chains_agree() {
    let seeds = if std::env::var_os("ROPEWALK_LONG").is_some() { 400_000 } else { 1_500 };
    let compared: usize =
        (0..seeds).into_par_iter().map(|seed| agree(&chain(&mut Random(seed)))).sum();
    assert!(compared > 20 * seeds as usize, "{compared} elements");
}

/// Rows whose turned numbers are exact where none of their factors is: zeros and biases turned by
/// multiples of π, and elements that are the mean of a row whose planes turn alike.
#[test]
fn what_a_turn_makes_exact_agrees() {
    for seed in [13_962_928_403_104_014_041, 11_318, 20_717, 28_030, 35_944] {
        assert!(agree(&chain(&mut Random(seed))) > 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn drawn_chains_agree(seed in any::<u64>()) {
        agree(&chain(&mut Random(seed)));
    }
}

/// A norm divides growths by each other: where they are cut there is no answer, not a wrong one.
#[test]
fn a_norm_of_cut_growths_is_no_answer() {
    let asked = |position: i64| {
        let ones = vec![0x3f80_0000; 4];
        let norm = r#"{"norm":{"kind":"rms","eps":0.5,"weight":"none","over":"head"}}"#;
        let rope = r#""head_dim":4,"layout":"half","rope_theta":10000,"rope_type":"xpos""#;
        let case = Case {
            operation: "chain",
            dtype: Dtype::F32,
            config: format!(r#"{{"stages":[{{"rotate":{{{rope}}}}},{norm}]}}"#),
            input: vec![
                ("q", Part::Tensor(Dtype::F32, vec![1, 1, 1, 4], ones)),
                ("positions", Part::Positions(vec![1, 1], vec![Position::integer(position)])),
            ],
        };
        ropewalk::exact::answer(&case.question())
    };
    assert!(asked(1 << 12).is_ok());
    assert!(asked(1 << 60).is_err());
}
