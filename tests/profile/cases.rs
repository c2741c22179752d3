//! Random questions of every operation.

use super::truth::Truth;
use super::{Random, question};
use rayon::prelude::*;
use ropewalk::number::Dtype;

/// A random rotary config of one axis with its width, and the inputs it needs besides.
struct Config {
    width: usize,
    text: String,
    more: String,
    /// Bits of the largest position that makes sense.
    reach: u64,
}

const KINDS: u64 = 10;

fn config(random: &mut Random, kind: u64) -> Config {
    let width = [4, 6, 16, 20, 32, 64][random.below(6) as usize];
    let base = [10000.0, 500000.0, 1e6, 1.5e5, 256.0, 1e4][random.below(6) as usize]
        * if random.below(4) == 0 { 1.0 + random.below(1000) as f64 / 777.0 } else { 1.0 };
    let layout = ["half", "interleaved"][random.below(2) as usize];
    let mut of =
        |low: f64, high: f64| low + (high - low) * (random.below(1 << 20) as f64 / 1048576.0);
    let original = 4096.0 * of(0.5, 8.0).floor().max(1.0);
    let factor = if of(0.0, 1.0) < 0.5 { of(1.1, 40.0) } else { of(1.0, 40.0).floor() + 1.0 };
    let (mut more, mut reach) = (String::new(), 21);
    let scheme = match kind {
        0 => String::new(),
        1 => format!(r#","rope_type":"linear","factor":{factor:?}"#),
        2 => format!(
            r#","rope_type":"llama3","factor":{factor:?},"low_freq_factor":{:?},"high_freq_factor":{:?},"original_max_position_embeddings":{original:?}"#,
            of(0.5, 2.0),
            of(2.5, 8.0)
        ),
        3 => format!(
            r#","rope_type":"yarn","factor":{factor:?},"original_max_position_embeddings":{original:?},"mscale":{:?},"mscale_all_dim":{:?}"#,
            of(0.5, 1.5),
            of(0.5, 1.0)
        ),
        4 => format!(
            r#","rope_type":"yarn","factor":{factor:?},"original_max_position_embeddings":{original:?},"truncate":false"#
        ),
        5 => {
            more = format!(r#","seq_len":{}"#, (original * of(0.5, 3.0)) as u64);
            format!(
                r#","rope_type":"dynamic","factor":{factor:?},"original_max_position_embeddings":{original:?}"#
            )
        }
        6 => {
            more = format!(r#","seq_len":{}"#, (original * of(0.5, 3.0)) as u64);
            let list: Vec<f64> = (0..width / 2).map(|_| of(1.0, 60.0)).collect();
            format!(
                r#","rope_type":"longrope","short_factor":{list:?},"long_factor":{list:?},"original_max_position_embeddings":{original:?},"factor":{factor:?}"#
            )
        }
        7 => {
            reach = 12;
            r#","rope_type":"xpos""#.to_string()
        }
        8 => r#","rope_type":"proportional","partial_rotary_factor":0.5"#.to_string(),
        _ => format!(
            r#","rope_type":"ntk_by_parts","factor":{factor:?},"original_max_position_embeddings":{original:?}"#
        ),
    };
    let text =
        format!(r#"{{"head_dim":{width},"layout":"{layout}","rope_theta":{base:?}{scheme}}}"#);
    Config { width, text, more, reach }
}

/// Positions of any size up to 2^bits, some negative, 0 and 1 among them.
fn positions(random: &mut Random, count: usize, bits: u64) -> Vec<i64> {
    let mut position = |i: usize| {
        let size = (random.next() >> (64 - 1 - random.below(bits))) as i64;
        match i {
            0 => 0,
            1 => 1,
            _ if random.below(8) == 0 => -size,
            _ => size,
        }
    };
    (0..count).map(&mut position).collect()
}

type Text = (Dtype, String, String);

/// About `count` elements of an operation, inputs in `input`, answers in `dtype`.
pub fn truths(operation: &str, input: Dtype, dtype: Dtype, count: usize) -> Vec<Truth> {
    let mut random = Random(operation.len() as u64 * 1000 + input as u64 * 10 + dtype as u64);
    let mut list: Vec<Text> = Vec::new();
    let mut left = count as i64;
    let mut kind = 0;
    while left > 0 {
        let (config, input, elements) = one(operation, input, kind, &mut random);
        kind = (kind + 1) % KINDS;
        left -= elements as i64;
        list.push((dtype, config, input));
    }
    let of = |(dtype, config, input): &Text| Truth::new(question(operation, *dtype, config, input));
    list.par_iter().map(of).collect()
}

fn one(operation: &str, dtype: Dtype, kind: u64, random: &mut Random) -> (String, String, usize) {
    match operation {
        "rotate" | "score" => rotary(operation, dtype, kind, random),
        "apply" => {
            let (width, seq) = (16, 16);
            let q = random.tensor(dtype, &[1, 24, seq, width]);
            let cos = random.tensor(dtype, &[1, seq, width / 2]);
            let sin = random.tensor(dtype, &[1, seq, width / 2]);
            let config = r#"{"head_dim":16,"layout":"half"}"#.to_string();
            (config, format!(r#"{{"q":{q},"cos":{cos},"sin":{sin}}}"#), 24 * seq * width)
        }
        "table" => {
            // Growth has no table.
            let c = config(random, if kind == 7 { 0 } else { kind });
            let list = positions(random, 64, c.reach);
            (c.text, format!(r#"{{"positions":{list:?}{}}}"#, c.more), 64 * c.width)
        }
        "inv_freq" => {
            let mut c = config(random, if kind == 6 { 0 } else { kind });
            let width = 2 * (64 + random.below(190) as usize);
            let old = format!(r#""head_dim":{},"#, c.width);
            c.text = c.text.replace(&old, &format!(r#""head_dim":{width},"#));
            let more = c.more.trim_start_matches(',');
            (c.text, format!("{{{more}}}"), width / 2)
        }
        "sinusoidal" => {
            let dim = 2 + random.below(60);
            let word =
                |random: &mut Random, list: [&'static str; 2]| list[random.below(2) as usize];
            let layout = word(random, ["interleaved", "concatenated"]);
            let order = word(random, ["sin_first", "cos_first"]);
            let divisor = if dim < 4 { "half" } else { word(random, ["half", "half_minus_one"]) };
            let list = positions(random, 64, 21);
            let config = format!(
                r#"{{"dim":{dim},"layout":"{layout}","order":"{order}","divisor":"{divisor}"}}"#
            );
            (config, format!(r#"{{"positions":{list:?}}}"#), 64 * dim as usize)
        }
        "alibi_slopes" => {
            let heads = 1 + random.below(1000);
            let slopes = ["code", "paper"][random.below(2) as usize];
            (format!(r#"{{"num_heads":{heads},"slopes":"{slopes}"}}"#), "{}".into(), heads as usize)
        }
        "alibi_bias" => {
            let heads = 1 + random.below(40);
            let slopes = ["code", "paper"][random.below(2) as usize];
            let form = ["distance", "key", "symmetric"][random.below(3) as usize];
            let (m, n) = (positions(random, 16, 40), positions(random, 16, 22));
            let config = format!(r#"{{"num_heads":{heads},"slopes":"{slopes}","form":"{form}"}}"#);
            let input = format!(r#"{{"query_positions":{m:?},"key_positions":{n:?}}}"#);
            (config, input, 256 * heads as usize)
        }
        "attention_temperature" => {
            let scale = [0.1, 0.25, 1.0, 0.3][random.below(4) as usize];
            let floor = [8192, 4096, 1, 3, 1000][random.below(5) as usize];
            let offset = random.below(2);
            let list: Vec<i64> = positions(random, 64, 40).iter().map(|p| p.abs()).collect();
            let config =
                format!(r#"{{"attn_scale":{scale:?},"floor_scale":{floor},"offset":{offset}}}"#);
            (config, format!(r#"{{"positions":{list:?}}}"#), 64)
        }
        "learned" => {
            let table = random.tensor(dtype, &[64, 100]);
            let list: Vec<u64> = (0..40).map(|_| random.below(64)).collect();
            let input = format!(r#"{{"positions":{list:?},"table":{table}}}"#);
            (r#"{"dim":100}"#.into(), input, 4000)
        }
        other => panic!("no cases for {other}"),
    }
}

fn rotary(
    operation: &str,
    dtype: Dtype,
    kind: u64,
    random: &mut Random,
) -> (String, String, usize) {
    let c = config(random, kind);
    let (width, more) = (c.width, c.more);
    if operation == "score" {
        let q = random.tensor(dtype, &[1, 2, 24, width]);
        let k = random.tensor(dtype, &[1, 1, 24, width]);
        let (m, n) = (positions(random, 24, c.reach), positions(random, 24, c.reach));
        let input = format!(
            r#"{{"q":{q},"k":{k},"query_positions":[{m:?}],"key_positions":[{n:?}]{more}}}"#
        );
        return (c.text, input, 2 * 24 * 24);
    }
    let (heads, seq) = (256 / width, 24);
    let q = random.tensor(dtype, &[1, heads, seq, width]);
    let k = random.tensor(dtype, &[1, 1, seq, width]);
    let list = positions(random, seq, c.reach);
    let direction = ["forward", "forward", "inverse", "backward"][random.below(4) as usize];
    let input =
        format!(r#"{{"q":{q},"k":{k},"positions":[{list:?}],"direction":"{direction}"{more}}}"#);
    (c.text, input, (heads + 1) * seq * width)
}
