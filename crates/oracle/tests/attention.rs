//! Attention by both oracles: every bit alike, on drawn requests.

use proptest::prelude::*;
use ropewalk::encoding::Question;
use ropewalk::exact;
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::Request;
use ropewalk_oracle::second_answer;

/// What is drawn: sizes, keys of the config as they are written, and seeds of the data.
#[derive(Clone, Debug)]
struct Drawn {
    dtype: &'static str,
    input: Dtype,
    sizes: [usize; 6],
    config: Vec<String>,
    alibi: bool,
    t5: bool,
    sinks: bool,
    lengths: Option<u64>,
    rotated: bool,
    /// How far positions go, and how large scores get.
    spread: i64,
    size: i32,
    few: bool,
    seed: u64,
}

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z ^ (z >> 27)) >> 5
}

impl Drawn {
    fn tensor(&self, state: &mut u64, shape: &[usize], size: i32) -> String {
        let count: usize = shape.iter().product();
        let format = self.input.format().unwrap();
        let number = |state: &mut u64| {
            let draw = next(state);
            let value = match self.few {
                // Few different numbers, so that scores and values meet.
                true => ((draw % 5) as f64 - 2.0) / 2.0,
                false => (draw % 4001) as f64 / 1000.0 - 2.0,
            };
            let value = value * 2f64.powi(size);
            let wide = ropewalk::number::Format::F64.decode(value.to_bits());
            let ropewalk::number::Decoded::Finite { negative, significand, exponent } = wide else {
                unreachable!()
            };
            let wide =
                ropewalk::number::Wide::dyadic(negative, significand.into(), exponent.into());
            format.round(&wide)
        };
        let data = (0..count).map(|_| number(state)).collect();
        let tensor = Tensor::new(self.input, shape.to_vec(), data).unwrap();
        let rows: Vec<String> = tensor.rows().iter().map(|row| format!("{row:?}")).collect();
        format!(
            r#"{{"dtype":"{}","shape":{shape:?},"bits":[{}]}}"#,
            self.input.name(),
            rows.join(",")
        )
    }

    fn line(&self) -> String {
        let mut state = self.seed;
        let [batch, key_heads, repeats, queries, keys, dim] = self.sizes;
        let (heads, width) = (key_heads * repeats, 2);
        let positions = |state: &mut u64, n: usize| {
            let rows: Vec<Vec<i64>> = (0..batch)
                .map(|_| {
                    let first = next(state) as i64 % (self.spread + 1);
                    let place = |i: usize| first + i as i64 + next(&mut state.clone()) as i64 % 3;
                    (0..n).map(place).collect()
                })
                .collect();
            format!("{rows:?}")
        };
        let mut input = vec![
            format!(r#""q":{}"#, self.tensor(&mut state, &[batch, heads, queries, dim], self.size)),
            format!(r#""k":{}"#, self.tensor(&mut state, &[batch, key_heads, keys, dim], 0)),
            format!(r#""v":{}"#, self.tensor(&mut state, &[batch, key_heads, keys, width], 0)),
            format!(r#""query_positions":{}"#, positions(&mut state, queries)),
            format!(r#""key_positions":{}"#, positions(&mut state, keys)),
            r#""lse":true"#.to_string(),
        ];
        if self.t5 {
            input.push(format!(r#""table":{}"#, self.tensor(&mut state, &[8, heads], 1)));
        }
        if self.sinks {
            input.push(format!(r#""sinks":{}"#, self.tensor(&mut state, &[heads], 1)));
        }
        if let Some(seed) = self.lengths {
            let lengths: Vec<u64> =
                (0..batch as u64).map(|b| (seed + b) % (keys as u64 + 1)).collect();
            input.push(format!(r#""key_lengths":{lengths:?}"#));
        }
        let mut config = self.config.clone();
        if self.alibi {
            let form = ["distance", "key", "symmetric", "mpt"][(self.seed % 4) as usize];
            config.push(format!(
                r#""alibi":{{"num_heads":{heads},"slopes":"code","form":"{form}"}}"#
            ));
        }
        if self.t5 {
            config.push(
                r#""t5":{"num_buckets":8,"max_distance":20,"bidirectional":true}"#.to_string(),
            );
        }
        if self.rotated {
            let scheme = [
                r#""rope_theta":10000"#,
                r#""rope_theta":10000,"rotary_dim":2"#,
                r#""rope_theta":10000,"rope_type":"yarn","factor":4,"original_max_position_embeddings":64"#,
                r#""rope_theta":4"#,
            ][(self.seed % 4) as usize];
            config.push(format!(r#""rope":{{"head_dim":{dim},"layout":"half",{scheme}}}"#));
        }
        format!(
            r#"{{"cmd":"run","id":"a","operation":"attention","dtype":"{}","config":{{{}}},"input":{{{}}}}}"#,
            self.dtype,
            config.join(","),
            input.join(",")
        )
    }
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let dtypes = prop::sample::select(vec!["f64", "f32", "f16", "bf16"]);
    let inputs = prop::sample::select(vec![Dtype::F64, Dtype::F32, Dtype::F16, Dtype::Bf16]);
    let sizes = (1usize..3, 1usize..3, 1usize..3, 0usize..4, 0usize..6, 1usize..3)
        .prop_map(|(b, h, r, q, k, d)| [b, h, r, q, k, 2 * d]);
    let config = (
        any::<bool>(),
        prop::option::of(prop::sample::select(vec!["0.125", "1", "0.3"])),
        prop::option::of(prop::sample::select(vec!["[2,0]", "[null,1]", "[0,0]", "[3,null]"])),
        prop::option::of(prop::sample::select(vec!["1", "30.0", "0.3"])),
    )
        .prop_map(|(causal, scale, window, softcap)| {
            let mut keys = vec![format!(r#""causal":{causal}"#)];
            keys.extend(scale.map(|x| format!(r#""scale":{x}"#)));
            keys.extend(window.map(|x| format!(r#""window":{x}"#)));
            keys.extend(softcap.map(|x| format!(r#""softcap":{x}"#)));
            keys
        });
    let parts = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let more = (
        prop::option::of(0u64..9),
        prop::sample::select(vec![0i64, 2, 40]),
        prop::sample::select(vec![0, 0, 0, 3, 9, 12, 14, 200]),
    );
    (dtypes, inputs, sizes, config, parts, more, any::<u64>()).prop_map(
        |(dtype, input, sizes, config, parts, (lengths, spread, size), seed)| {
            let (alibi, t5, sinks, rotated, few) = parts;
            // Beyond the range of a format scores are no numbers.
            let size = if input == Dtype::F16 { size.min(13) } else { size.min(100) };
            Drawn {
                dtype,
                input,
                sizes,
                config,
                alibi,
                t5,
                sinks,
                lengths,
                rotated,
                spread,
                size,
                few,
                seed,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400)
    ))]

    #[test]
    fn the_oracles_agree_on_attention(drawn in drawn()) {
        let line = drawn.line();
        let question = Question::new(&Request::parse(&line).unwrap())
            .map_err(|reject| TestCaseError::fail(format!("{reject}: {line}")))?;
        let first = exact::answer(&question);
        let second = second_answer(&question);
        let (Ok(first), Ok(second)) = (&first, &second) else {
            return Err(TestCaseError::fail(format!(
                "{:?} {:?}\n{line}", first.as_ref().err(), second.as_ref().err()
            )));
        };
        for (a, b) in first.tensors.iter().zip(&second.tensors) {
            prop_assert_eq!(a.name, b.name);
            prop_assert_eq!(a.expected.rows(), b.expected.rows(), "{}", line);
            prop_assert_eq!(
                a.residual.as_ref().map(Tensor::rows),
                b.residual.as_ref().map(Tensor::rows),
                "{}", line
            );
        }
    }
}
