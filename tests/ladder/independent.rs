//! Every entry of a ladder against an independent evaluation, a sample of them against the interval
//! reference too.
//!
//! `cargo test --release ladder::independent -- --include-ignored --nocapture` compares 10⁸ numbers
//! of f64 and 10⁹ of f32; `docs/ladder.md` has the result.

use super::series::{ERROR, Series};
use super::{question, rope, scattered};
use rayon::prelude::*;
use ropewalk::exact::answer;
use ropewalk::exact::ladder::{Bf16, F16, Ladder, Output, Span};
use rug::Float;
use std::ops::AddAssign;

const CONFIGS: [&str; 4] = [
    r#"{"head_dim":128,"layout":"half","rope_theta":10000}"#,
    r#"{"head_dim":128,"layout":"half","rope_theta":500000}"#,
    r#"{"head_dim":128,"layout":"half","rope_theta":1000000}"#,
    r#"{"head_dim":128,"layout":"half","rope_theta":500000,"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}"#,
];

/// Rows of a window, and how many of them the interval reference sees.
const ROWS: usize = 4096;
const SAMPLED: usize = 2;

#[derive(Default, Debug, PartialEq)]
struct Count {
    /// Numbers compared.
    numbers: u64,
    /// Where the independent evaluation could not decide, and the interval reference did.
    undecided: u64,
    /// Further numbers that the interval reference saw.
    sampled: u64,
    /// That the ladder sent to its exact path.
    exact: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.numbers += other.numbers;
        self.undecided += other.undecided;
        self.sampled += other.sampled;
        self.exact += other.exact;
    }
}

/// Compares a window in every bit.
fn window<O: Output>(
    ladder: &Ladder<O>,
    series: &Series,
    config: &str,
    dtype: &str,
    span: Span,
) -> Count {
    let planes = ladder.planes();
    let size = span.count * planes;
    let (mut cos, mut sin) = (vec![O::default(); size], vec![O::default(); size]);
    let stats = ladder.fill(span, &mut cos, &mut sin).unwrap();
    let mut count = Count { numbers: 2 * size as u64, exact: stats.exact, ..Count::default() };
    let open: Vec<usize> = (0..size)
        .into_par_iter()
        .filter(|&index| {
            let position = span.start + span.step * (index / planes) as i64;
            let both = series.cos_sin(index % planes, position);
            let got = [cos[index], sin[index]];
            let decided = |(got, want): (O, _)| match Series::round(want, O::FORMAT) {
                Some(want) => {
                    assert_eq!(got.to_bits(), want, "{dtype} {config} {position} {index}");
                    true
                }
                None => false,
            };
            !got.into_iter().zip(both).map(decided).fold(true, |all, one| all & one)
        })
        .collect();
    // Rows with open numbers, and a few more.
    let mut rows: Vec<usize> = open.iter().map(|index| index / planes).collect();
    rows.dedup();
    count.undecided = open.len() as u64;
    rows.extend((0..span.count).step_by((span.count / SAMPLED).max(1)));
    let positions: Vec<i64> = rows.iter().map(|&row| span.start + span.step * row as i64).collect();
    let right = answer(&question(config, None, dtype, &[&positions])).unwrap();
    for (got, want) in [(&cos, &right.tensors[0]), (&sin, &right.tensors[1])] {
        let got = rows.iter().flat_map(|&row| &got[row * planes..][..planes]);
        for (got, want) in got.zip(want.expected.data()) {
            assert_eq!(got.to_bits(), *want, "{dtype} {config}");
            count.sampled += 1;
        }
    }
    count
}

/// Windows from 0 on, and windows of single and of larger steps anywhere within ±2^62.
fn spans(windows: usize, rows: usize, seed: u64) -> Vec<Span> {
    let far = scattered(windows, seed).into_iter().enumerate().map(|(k, start)| {
        let step = [1, -1, 7919, 1 << 20][k % 4];
        let start = start.clamp(-(1 << 61), 1 << 61);
        Span { start, step, count: rows }
    });
    let near = (0..windows).map(|k| Span { start: (k * rows) as i64, step: 1, count: rows });
    near.chain(far).collect()
}

fn compare<O: Output>(dtype: &str, windows: usize, rows: usize) -> Count {
    let mut total = Count::default();
    for (seed, config) in CONFIGS.into_iter().enumerate() {
        let rope = rope(&question(config, None, dtype, &[&[0]]));
        let (ladder, series) = (Ladder::<O>::new(&rope).unwrap(), Series::new(&rope));
        for span in spans(windows, rows, 100 + seed as u64) {
            total += window(&ladder, &series, config, dtype, span);
        }
    }
    total
}

#[test]
fn the_series_errs_less_than_it_says() {
    let rope = rope(&question(CONFIGS[1], None, "f64", &[&[0]]));
    let series = Series::new(&rope);
    let mut worst = 0f64;
    for (k, position) in scattered(3000, 9).into_iter().chain(-20..20).enumerate() {
        let plane = k % 64;
        let theta = rope.planes[plane].frequency.enclose(320).unwrap();
        let angle = Float::with_val(320, theta.lo() * position);
        let (sin, cos) = angle.sin_cos(Float::new(320));
        for ((negative, x), exact) in series.cos_sin(plane, position).into_iter().zip([cos, sin]) {
            let x = Float::with_val(320, x) >> 127;
            let error: Float = if negative { x + exact } else { x - exact };
            worst = worst.max(Float::with_val(320, error.abs() << 127u32).to_f64());
        }
    }
    assert!(worst < ERROR as f64 && worst > 0.5, "{worst}");
}

#[test]
fn tables_equal_an_independent_evaluation() {
    let f64s = compare::<f64>("f64", 1, 40);
    // Position 0 and nothing else is open.
    assert_eq!((f64s.numbers, f64s.undecided), (2 * 4 * 2 * 40 * 64, 4 * 64));
    compare::<f32>("f32", 1, 150);
    compare::<Bf16>("bf16", 1, 20);
    compare::<F16>("f16", 1, 20);
}

#[test]
#[ignore = "long: an hour"]
fn long_a_billion_entries() {
    // 4 configs, 2 kinds of windows, 64 planes, cos and sin: 4.2 million numbers to a window.
    for (dtype, count) in [
        ("f64", compare::<f64>("f64", 24, ROWS)),
        ("f32", compare::<f32>("f32", 240, ROWS)),
        ("bf16", compare::<Bf16>("bf16", 12, ROWS)),
        ("f16", compare::<F16>("f16", 12, ROWS)),
    ] {
        println!("{dtype}: {count:?}");
    }
}
