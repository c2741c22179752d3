//! What a certified answer costs, beside what a person would use instead: MPFR at a fixed 200 bits
//! without any proof, and f64.
//!
//! `cargo bench --bench answers`; compare the columns of one run, the machine's noise is in all.

use divan::{Bencher, black_box, counter::ItemsCount};
use ropewalk::encoding::Question;
use ropewalk::exact::{answer, bulk};
use ropewalk::number::{Dtype, Format};
use ropewalk::request::Request;
use rug::{Float, ops::Pow};

const POSITIONS: usize = 63;
const PAIRS: usize = 64;

fn main() {
    divan::main();
}

/// A table of cos and sin: 63 positions from 131008 on, 64 planes, base 10000.
fn question(dtype: Dtype) -> Question {
    let positions: Vec<String> = (0..POSITIONS).map(|p| (131008 + p).to_string()).collect();
    let line = format!(
        r#"{{"cmd":"run","id":"b","operation":"table","dtype":"{dtype}",
            "config":{{"head_dim":128,"layout":"half","rope_theta":10000}},
            "input":{{"positions":[{}]}}}}"#,
        positions.join(",")
    );
    Question::new(&Request::parse(&line).unwrap()).unwrap()
}

/// By the ladder, its seeds included: the larger the question, the less they weigh.
#[divan::bench(args = [Dtype::F64, Dtype::F32, Dtype::Bf16])]
fn certified_by_the_ladder(bencher: Bencher, dtype: Dtype) {
    let question = question(dtype);
    bencher
        .counter(ItemsCount::new(POSITIONS * PAIRS))
        .bench(|| bulk::answer(black_box(&question)).unwrap());
}

/// Element by element, as the question is just too small for the ladder.
#[divan::bench(args = [Dtype::F64, Dtype::F32, Dtype::Bf16])]
fn certified(bencher: Bencher, dtype: Dtype) {
    let question = question(dtype);
    bencher
        .counter(ItemsCount::new(POSITIONS * PAIRS))
        .bench(|| answer(black_box(&question)).unwrap());
}

#[divan::bench]
fn mpfr_200_bits_unproved(bencher: Bencher) {
    let theta: Vec<Float> = (0..PAIRS)
        .map(|i| Float::with_val(200, 10000).pow(Float::with_val(200, -2 * i as i64) / 128))
        .collect();
    bencher.counter(ItemsCount::new(POSITIONS * PAIRS)).bench(|| {
        let mut sum = 0.0;
        for p in 131008..131008 + POSITIONS {
            for theta in &theta {
                let angle = Float::with_val(200, theta * p as u64);
                let (sin, cos) = angle.sin_cos(Float::new(200));
                sum += sin.to_f64() + cos.to_f64();
            }
        }
        sum
    });
}

#[divan::bench]
fn f64_wrong_by_1e_11(bencher: Bencher) {
    let theta: Vec<f64> = (0..PAIRS).map(|i| 10000f64.powf(-2.0 * i as f64 / 128.0)).collect();
    bencher.counter(ItemsCount::new(POSITIONS * PAIRS)).bench(|| {
        let mut sum = 0.0;
        for p in 131008..131008 + POSITIONS {
            for theta in &theta {
                let (sin, cos) = (p as f64 * theta).sin_cos();
                sum += sin + cos;
            }
        }
        sum
    });
}

/// The one rounding, alone.
#[divan::bench(args = [Format::F64, Format::F32, Format::BF16, Format::F16])]
fn rounding(bencher: Bencher, format: Format) {
    let wide = ropewalk::number::Wide {
        negative: false,
        significand: 0xc90f_daa2_2168_c234_c4c6_628b_80dc_1cd1,
        exponent: -126,
        sticky: true,
    };
    bencher.bench(|| black_box(format).round(black_box(&wide)));
}
