//! Random requests of every operation.

use super::case::{Case, Part, Random, positions};
use super::config::{Base, Config, SCHEMES, config};
use super::places::{Places, place};
use super::values::{Fill, fill, format};
use ropewalk::number::Dtype;

/// Equal often, else any two.
fn dtypes(random: &mut Random) -> (Dtype, Dtype) {
    let input = random.pick(&Dtype::FLOATS);
    let output = if random.chance(2) { input } else { random.pick(&Dtype::FLOATS) };
    (input, output)
}

fn any_fill(random: &mut Random, target: Dtype) -> Fill {
    match random.below(12) {
        0 => Fill::Anything,
        1 => Fill::Wild,
        2 => Fill::Sparse,
        3 => Fill::Tiny(format(target)),
        4 => Fill::Huge(format(target)),
        _ => Fill::Ordinary,
    }
}

/// Positions [batch, seq], with the axis level where there are several.
pub fn places(
    random: &mut Random,
    config: &Config,
    places: Places,
    batch: usize,
    seq: usize,
) -> Part {
    let mut shape = vec![batch, seq];
    if config.axes > 1 {
        shape.insert(0, config.axes);
    }
    let count = shape.iter().product();
    let data = (0..count).map(|_| place(random, config, places)).collect();
    Part::Positions(shape, data)
}

/// What may be chosen for a rotation.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub scheme: Option<&'static str>,
    pub base: Base,
    pub places: Places,
    pub fill: Option<Fill>,
    pub input: Option<Dtype>,
    pub output: Option<Dtype>,
    /// About how many output values.
    pub values: usize,
}

pub const ANY: Wanted = Wanted {
    scheme: None,
    base: Base::Any,
    places: Places::Any,
    fill: None,
    input: None,
    output: None,
    values: 6000,
};

pub fn rotate(random: &mut Random, wanted: Wanted) -> Case {
    let scheme = wanted.scheme.unwrap_or_else(|| random.pick(&SCHEMES));
    let config = config(random, scheme, wanted.base);
    let (input, output) = dtypes(random);
    let (input, output) = (wanted.input.unwrap_or(input), wanted.output.unwrap_or(output));
    let (batch, seq) = (random.within(1, 2) as usize, random.within(1, 4) as usize);
    let rows = wanted.values.div_ceil(batch * seq * config.head_dim).max(1);
    let (heads, key_heads) =
        if random.chance(3) && rows > 1 { (rows / 2, rows / 2) } else { (rows, 0) };
    let data = |heads: usize, dtype: Dtype, random: &mut Random| {
        let shape = vec![batch, heads, seq, config.head_dim];
        let how = wanted.fill.unwrap_or_else(|| any_fill(random, output));
        let data = fill(random, how, dtype, shape.iter().product());
        Part::Tensor(dtype, shape, data)
    };
    let mut parts = vec![("q", data(heads, input, random))];
    if key_heads > 0 {
        let dtype = if random.chance(3) { random.pick(&Dtype::FLOATS) } else { input };
        parts.push(("k", data(key_heads, dtype, random)));
    }
    parts.push(("positions", places(random, &config, wanted.places, batch, seq)));
    match random.below(4) {
        0 => parts.push(("direction", Part::Word("inverse"))),
        1 => parts.push(("direction", Part::Word("backward"))),
        _ => {}
    }
    parts.extend(config.seq_len.map(|n| ("seq_len", Part::Length(n))));
    Case { operation: "rotate", dtype: output, config: config.json, input: parts }
}

pub fn table(random: &mut Random, wanted: Wanted) -> Case {
    let scheme = loop {
        let scheme = wanted.scheme.unwrap_or_else(|| random.pick(&SCHEMES));
        if scheme != "xpos" {
            break scheme;
        }
    };
    let config = config(random, scheme, wanted.base);
    let n = random.within(1, 8) as usize;
    let Part::Positions(mut shape, data) = places(random, &config, wanted.places, 1, n) else {
        unreachable!()
    };
    // [axis][batch][n] without the batch.
    let batch = shape.len() - 2;
    shape.remove(batch);
    let mut input = vec![("positions", Part::Positions(shape, data))];
    input.extend(config.seq_len.map(|n| ("seq_len", Part::Length(n))));
    Case { operation: "table", dtype: random.pick(&Dtype::FLOATS), config: config.json, input }
}

pub fn inv_freq(random: &mut Random, _: Wanted) -> Case {
    let scheme = random.pick(&SCHEMES);
    let config = config(random, scheme, Base::Any);
    let input = config.seq_len.map(|n| ("seq_len", Part::Length(n))).into_iter().collect();
    Case { operation: "inv_freq", dtype: random.pick(&Dtype::FLOATS), config: config.json, input }
}

pub fn score(random: &mut Random, wanted: Wanted) -> Case {
    let scheme = wanted.scheme.unwrap_or_else(|| random.pick(&SCHEMES));
    let mut config = config(random, scheme, wanted.base);
    while config.head_dim > 40 {
        config = super::config::config(random, scheme, wanted.base);
    }
    let (input, output) = dtypes(random);
    let batch = random.within(1, 2) as usize;
    let (queries, keys) = (random.within(1, 6) as usize, random.within(1, 6) as usize);
    let key_heads = random.within(1, 2) as usize;
    let heads = key_heads * random.within(1, 3) as usize;
    // Sums of products of anything are of one term; they are left to `rotate`.
    let how = random.pick(&[Fill::Ordinary, Fill::Ordinary, Fill::Sparse, Fill::Wild]);
    let mut data = |heads: usize, seq: usize| {
        let shape = vec![batch, heads, seq, config.head_dim];
        let data = fill(random, how, input, shape.iter().product());
        Part::Tensor(input, shape, data)
    };
    let (q, k) = (data(heads, queries), data(key_heads, keys));
    let mut parts = vec![
        ("q", q),
        ("k", k),
        ("query_positions", places(random, &config, wanted.places, batch, queries)),
        ("key_positions", places(random, &config, wanted.places, batch, keys)),
    ];
    parts.extend(config.seq_len.map(|n| ("seq_len", Part::Length(n))));
    Case { operation: "score", dtype: output, config: config.json, input: parts }
}

pub fn apply(random: &mut Random, wanted: Wanted) -> Case {
    let head_dim = random.pick(&[2usize, 4, 6, 16, 64, 80]);
    let dim = if random.chance(2) {
        head_dim
    } else {
        2 * random.within(1, head_dim as i64 / 2) as usize
    };
    let offset = random.below((head_dim - dim) as u64 + 1);
    let layout = random.pick(&["half", "interleaved"]);
    let json = format!(
        r#"{{"head_dim":{head_dim},"layout":"{layout}","rotary_dim":{dim},"rotary_offset":{offset}}}"#
    );
    let (input, output) = dtypes(random);
    let (batch, seq) = (random.within(1, 2) as usize, random.within(1, 5) as usize);
    let heads = wanted.values.div_ceil(batch * seq * head_dim).max(1);
    let mut data = |shape: Vec<usize>, dtype: Dtype| {
        let how = any_fill(random, output);
        let data = fill(random, how, dtype, shape.iter().product());
        Part::Tensor(dtype, shape, data)
    };
    let mut parts = vec![
        ("q", data(vec![batch, heads, seq, head_dim], input)),
        ("cos", data(vec![batch, seq, dim / 2], output)),
        ("sin", data(vec![batch, seq, dim / 2], input)),
    ];
    if random.chance(2) {
        parts.push(("direction", Part::Word("backward")));
    }
    Case { operation: "apply", dtype: output, config: json, input: parts }
}

/// Flat positions.
fn flat(random: &mut Random, count: usize) -> Vec<i64> {
    (0..count)
        .map(|_| match random.below(5) {
            0 => random.within(-10, 10),
            1 => random.within(0, 5000),
            2 => random.within(-100_000, 1_000_000),
            _ => {
                let size = random.below(62);
                random.within(-(1 << size), 1 << size)
            }
        })
        .collect()
}

pub fn alibi(random: &mut Random, wanted: Wanted) -> Case {
    let heads = random.pick(&[1, 2, 3, 5, 6, 8, 12, 16, 20, 32, 40, 71, 112]);
    let slopes = random.pick(&["code", "paper"]);
    let dtype = random.pick(&Dtype::FLOATS);
    if random.chance(5) {
        let config = format!(r#"{{"num_heads":{heads},"slopes":"{slopes}"}}"#);
        return Case { operation: "alibi_slopes", dtype, config, input: vec![] };
    }
    let form = random.pick(&["distance", "key", "symmetric"]);
    let config = format!(r#"{{"num_heads":{heads},"slopes":"{slopes}","form":"{form}"}}"#);
    let each = (wanted.values as f64 / f64::from(heads)).sqrt().ceil() as usize;
    let input = ["query_positions", "key_positions"].map(|name| {
        let data = flat(random, each);
        (name, positions(&[each], data))
    });
    Case { operation: "alibi_bias", dtype, config, input: input.to_vec() }
}

pub fn t5(random: &mut Random, wanted: Wanted) -> Case {
    let bidirectional = random.chance(2);
    let buckets = 2 * random.within(2, 64);
    let most = random.pick(&[128, 256, 65, 100, 20_000, 1 << 31]);
    let config = format!(
        r#"{{"num_buckets":{buckets},"max_distance":{},"bidirectional":{bidirectional}}}"#,
        most.max(buckets)
    );
    let each = (wanted.values as f64).sqrt() as usize;
    let near = |random: &mut Random| -> Vec<i64> {
        (0..each).map(|_| if random.chance(3) { 0 } else { random.within(-300, 300) }).collect()
    };
    let (queries, keys) = (near(random), flat(random, each));
    let mut input = vec![
        ("query_positions", positions(&[each], queries)),
        ("key_positions", positions(&[each], keys)),
    ];
    if random.chance(2) {
        return Case { operation: "t5_bucket", dtype: Dtype::I32, config, input };
    }
    let (from, to) = dtypes(random);
    let heads = random.within(1, 3) as usize;
    let data = fill(random, Fill::Wild, from, buckets as usize * heads);
    input.push(("table", Part::Tensor(from, vec![buckets as usize, heads], data)));
    Case { operation: "t5_bias", dtype: to, config, input }
}

pub fn sinusoidal(random: &mut Random, wanted: Wanted) -> Case {
    let dim = random.within(4, 70);
    let base = format!(r#""base":{:e}"#, super::config::base(random, wanted.base));
    let bounds = match random.below(4) {
        0 => format!(r#"{base},"min_timescale":{}"#, random.pick(&["1", "2", "0.1", "100"])),
        1 => format!(
            r#""min_period":{},"max_period":{}"#,
            random.pick(&["0.004", "1", "4"]),
            random.pick(&["4", "10000", "1"])
        ),
        _ => base,
    };
    let config = format!(
        r#"{{"dim":{dim},{bounds},"layout":"{}","divisor":"{}","order":"{}"}}"#,
        random.pick(&["interleaved", "concatenated"]),
        random.pick(&["half", "half_minus_one"]),
        random.pick(&["sin_first", "cos_first"]),
    );
    let data = flat(random, 12);
    let input = vec![("positions", positions(&[12], data))];
    Case { operation: "sinusoidal", dtype: random.pick(&Dtype::FLOATS), config, input }
}

pub fn learned(random: &mut Random, _: Wanted) -> Case {
    let (dim, rows) = (random.within(1, 9) as usize, random.within(1, 40) as usize);
    let offset = random.within(0, 5.min(rows as i64 - 1));
    let (from, to) = dtypes(random);
    let at: Vec<i64> = (0..20).map(|_| random.within(-offset, rows as i64 - 1 - offset)).collect();
    let data = fill(random, Fill::Wild, from, rows * dim);
    let input = vec![
        ("positions", positions(&[20], at)),
        ("table", Part::Tensor(from, vec![rows, dim], data)),
    ];
    let config = format!(r#"{{"dim":{dim},"offset":{offset}}}"#);
    Case { operation: "learned", dtype: to, config, input }
}

pub fn permute_qk(random: &mut Random, _: Wanted) -> Case {
    let (heads, pairs) = (random.within(1, 4) as usize, random.within(1, 8) as usize);
    let dim = 2 * pairs + random.within(0, 5) as usize;
    let columns = random.within(1, 6) as usize;
    let (from, to) = dtypes(random);
    let data = fill(random, Fill::Wild, from, heads * dim * columns);
    let config = format!(r#"{{"num_heads":{heads},"head_dim":{dim},"rotary_dim":{}}}"#, 2 * pairs);
    let input = vec![
        ("weight", Part::Tensor(from, vec![heads * dim, columns], data)),
        ("direction", Part::Word(random.pick(&["to_half", "to_interleaved"]))),
    ];
    Case { operation: "permute_qk", dtype: to, config, input }
}

pub fn position_ids(random: &mut Random, _: Wanted) -> Case {
    let (batch, seq) = (random.within(1, 4) as usize, random.within(1, 30) as usize);
    let data = (0..batch * seq).map(|_| random.below(2)).collect();
    let input = vec![("attention_mask", Part::Tensor(Dtype::I32, vec![batch, seq], data))];
    Case { operation: "position_ids", dtype: Dtype::I64, config: "{}".into(), input }
}
