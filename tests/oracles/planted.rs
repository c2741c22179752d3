//! Mistakes planted in either oracle are seen by the other.
//!
//! In the second: a wrong coefficient in each of its four series, wrong signs in the rows of the
//! block matrix, a wrong exponent in base^(2i/r). In the first: flipped directed rounding and wrong
//! endpoints of an enclosure, planted between the enclosure and its rounding (`Value` is the seam),
//! so that the arithmetic itself carries no hooks. Coefficients further down the series matter
//! beyond the precision of any answer here; the unit tests of `series` and `sine`
//! see those.

use super::case::{Case, Part, Random, positions};
use super::compare::{both, difference};
use super::values::{Fill, fill};
use ropewalk::encoding::Question;
use ropewalk::exact::{Interval, Value, answer, visit};
use ropewalk::number::Dtype;
use ropewalk_oracle::{Elementary, Outcome, SecondOracle, Series};
use rug::Float;
use rug::float::Round::{self, Down, Up};

/// Requests that use every function: powers and logarithms for frequencies and magnitudes, sines.
fn questions() -> Vec<Question> {
    let mut random = Random(1);
    let schemes = [
        (r#""rope_theta":10000"#, Dtype::F64),
        (
            r#""rope_theta":500000,"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192"#,
            Dtype::F32,
        ),
        (
            r#""rope_theta":10000,"rope_type":"yarn","factor":40,"original_max_position_embeddings":4096,"truncate":false"#,
            Dtype::F64,
        ),
    ];
    let rotate = |(keys, dtype): (&str, Dtype)| {
        let shape = vec![1, 40, 5, 16];
        let data = fill(&mut random, Fill::Ordinary, dtype, 40 * 5 * 16);
        Case {
            operation: "rotate",
            dtype,
            config: format!(r#"{{"head_dim":16,"layout":"half",{keys}}}"#),
            input: vec![
                ("q", Part::Tensor(dtype, shape, data)),
                ("positions", positions(&[1, 5], [1, 17, 1000, -70_001, 131_071])),
            ],
        }
    };
    schemes.into_iter().map(rotate).map(|case| case.question()).collect()
}

fn is_caught(oracle: &SecondOracle) -> bool {
    questions().iter().any(|question| both(oracle, question).is_err())
}

fn sine<const K: u64>(k: u64) -> u64 {
    2 * k * (2 * k + 1) + u64::from(k == K)
}
fn versine<const K: u64>(k: u64) -> u64 {
    (2 * k + 1) * (2 * k + 2) - u64::from(k == K)
}
fn exponential<const K: u64>(k: u64) -> u64 {
    k + 1 + u64::from(k == K)
}
fn artanh<const K: u64>(k: u64) -> u64 {
    2 * k + 1 + 2 * u64::from(k == K)
}

#[test]
fn wrong_coefficients_in_the_second_oracle() {
    let right = SecondOracle::default();
    assert!(!is_caught(&right), "without a mistake there is nothing to see");
    let with = |functions: Elementary| SecondOracle { functions, ..right };
    let sines = [sine::<1>, sine::<2>, sine::<3>];
    let versines = [versine::<1>, versine::<2>, versine::<3>];
    let exponentials = [exponential::<1>, exponential::<2>, exponential::<5>, exponential::<8>];
    let artanhs = [artanh::<1>, artanh::<2>, artanh::<5>, artanh::<9>];
    let functions = Elementary::TRUE;
    for (k, ratio) in sines.into_iter().enumerate() {
        let sine = Series { ratio, ..functions.sine };
        assert!(is_caught(&with(Elementary { sine, ..functions })), "sine {k}");
    }
    for (k, ratio) in versines.into_iter().enumerate() {
        let versine = Series { ratio, ..functions.versine };
        assert!(is_caught(&with(Elementary { versine, ..functions })), "versine {k}");
    }
    for (k, ratio) in exponentials.into_iter().enumerate() {
        let exponential = Series { ratio, ..functions.exponential };
        assert!(is_caught(&with(Elementary { exponential, ..functions })), "exponential {k}");
    }
    for (k, divisor) in artanhs.into_iter().enumerate() {
        let artanh = Series { divisor, ..functions.artanh };
        assert!(is_caught(&with(Elementary { artanh, ..functions })), "artanh {k}");
    }
    let alternating = Series { alternating: false, ..functions.sine };
    assert!(is_caught(&with(Elementary { sine: alternating, ..functions })));
}

#[test]
fn wrong_formulas_in_the_second_oracle() {
    let right = SecondOracle::default();
    for signs in [[1, -1], [1, 1], [-1, -1]] {
        assert!(is_caught(&SecondOracle { signs, ..right }), "{signs:?}");
    }
    for step in [0, 1, 3] {
        assert!(is_caught(&SecondOracle { step, ..right }), "{step}");
    }
}

/// What becomes of an enclosure that was right to more bits when it is cut to these.
type Cut = fn(&Interval, u32) -> Interval;

fn cut(lo: &Float, down: Round, hi: &Float, up: Round, precision: u32) -> Interval {
    let round = |end: &Float, round| Float::with_val_round(precision, end, round).0;
    Interval::new(round(lo, down), round(hi, up))
}

/// Rounds every element of the first oracle from a short enclosure that `mistake` has spoilt, and
/// counts the elements that then differ from the second.
fn disagreements(question: &Question, mistake: Cut) -> usize {
    let format = question.dtype.format().unwrap();
    let mut outcomes: Vec<Outcome> = Vec::new();
    SecondOracle::default().visit(question, &mut |_, outcome| outcomes.push(outcome)).unwrap();
    let mut wrong = 0;
    // Bits of the significand and of the residual, and a few more: here roundings show.
    let precision = format.precision + 16;
    visit(question, &mut |site, value| {
        let rounded = match value {
            Value::Real { proof, enclose, .. } => {
                let first = mistake(&enclose(256).unwrap(), precision);
                let real = Value::Real { proof: *proof, first, enclose };
                real.round(format).unwrap()
            }
            exact => exact.round(format).unwrap(),
        };
        let second = &outcomes[site.index];
        wrong += usize::from((rounded.bits, rounded.residual) != (second.bits, second.residual));
        Ok(())
    })
    .unwrap();
    wrong
}

#[test]
fn wrong_roundings_in_the_first_oracle() {
    let right: Cut = |x, p| cut(x.lo(), Down, x.hi(), Up, p);
    let mistakes: [(&str, Cut); 4] = [
        ("upper end rounded down", |x, p| cut(x.lo(), Down, x.hi(), Down, p)),
        ("lower end rounded up", |x, p| cut(x.lo(), Up, x.hi(), Up, p)),
        ("the lower end twice", |x, p| cut(x.lo(), Down, x.lo(), Down, p)),
        ("the upper end twice", |x, p| cut(x.hi(), Up, x.hi(), Up, p)),
    ];
    for question in questions() {
        assert_eq!(disagreements(&question, right), 0);
        for (name, mistake) in mistakes {
            assert!(disagreements(&question, mistake) > 0, "{name}");
        }
    }
}

/// The comparison itself: a changed bit, a changed residual, another shape.
#[test]
fn any_changed_bit_is_a_difference() {
    let question = &questions()[0];
    let first = answer(question).unwrap();
    let tensor = &first.tensors[0];
    let flipped = |x: &ropewalk::number::Tensor, at: usize| {
        let mut data = x.data().to_vec();
        data[at] ^= 1;
        ropewalk::number::Tensor::new(x.dtype(), x.shape().to_vec(), data).unwrap()
    };
    let mut second = first.clone();
    assert!(difference(&first, &second).is_none());
    second.tensors[0].expected = flipped(&tensor.expected, 7);
    assert_eq!(difference(&first, &second).unwrap().index, 7);
    let mut second = first.clone();
    second.tensors[0].residual = Some(flipped(tensor.residual.as_ref().unwrap(), 9));
    assert_eq!(difference(&first, &second).unwrap().index, 9);
    let mut second = first.clone();
    second.tensors.clear();
    assert!(difference(&first, &second).is_some());
}
