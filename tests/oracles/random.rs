//! A million values and more, agreeing in every bit.

use super::adversarial;
use super::case::{Case, Random};
use super::classes::Counts;
use super::generate::{self, ANY, Wanted};
use rayon::prelude::*;

/// Makes a case.
pub type Maker = fn(&mut Random, Wanted) -> Case;

/// The operations, and how many requests of each.
pub const MAKERS: [(Maker, u64); 11] = [
    (generate::rotate, 110),
    (generate::table, 90),
    (generate::score, 120),
    (generate::inv_freq, 150),
    (generate::apply, 30),
    (generate::alibi, 30),
    (generate::t5, 12),
    (generate::sinusoidal, 30),
    (generate::learned, 12),
    (generate::permute_qk, 12),
    (generate::position_ids, 6),
];

/// The seeds of `times` as many random requests as in the normal run.
pub fn random_cases(times: u64) -> Vec<(Maker, u64)> {
    let seeds = |(maker, count): (Maker, u64)| (0..count * times).map(move |seed| (maker, seed));
    MAKERS.into_iter().flat_map(seeds).collect()
}

/// The floor of every class that is counted.
pub const FLOOR: usize = 10_000;

/// The classes that have it.
pub fn classes() -> Vec<String> {
    let mut classes: Vec<String> = [
        "cancellation below 2^-40",
        "position beyond 2^53",
        "tiny angle",
        "base < 1",
        "mixed formats",
    ]
    .map(String::from)
    .to_vec();
    for dtype in ["f64", "f32", "bf16", "f16"] {
        classes.push(format!("subnormal {dtype}"));
        classes.push(format!("near overflow {dtype}"));
        classes.push(format!("output {dtype}"));
    }
    for dtype in ["f32", "bf16", "f16"] {
        classes.push(format!("within 2^-30 ulp of a tie in {dtype}"));
    }
    classes
}

#[test]
#[ignore = "deep: .ci/run does it"]
fn deep_oracles_agree_on_a_million_values() {
    let random = random_cases(1).into_par_iter().map(|(maker, seed)| {
        let mut counts = Counts::default();
        counts.compare(&maker(&mut Random(seed), ANY));
        counts
    });
    let constructed = adversarial::all().into_par_iter().map(|(maker, seed)| {
        let mut counts = Counts::default();
        maker(&mut Random(seed), &mut counts);
        counts
    });
    let counts = random.chain(constructed).reduce(Counts::default, Counts::merge);
    counts.print();
    let failures = &counts.failures;
    assert!(failures.is_empty(), "{} disagreements\n{}", failures.len(), failures.join("\n"));
    assert!(counts.of("values") >= 1_000_000, "{}", counts.of("values"));
    for class in classes() {
        assert!(counts.of(&class) >= FLOOR, "{}: {}", class, counts.of(&class));
    }
}
