//! The longer job: ten million values, with the bits that they needed.
//!
//! `cargo test --release oracles::long -- --include-ignored --nocapture`

use super::adversarial;
use super::case::{Case, Random};
use super::classes::Counts;
use super::generate::ANY;
use super::random::random_cases;
use rayon::prelude::*;
use ropewalk::exact::{Interval, Value, visit};
use ropewalk::number::Format;
use ropewalk_oracle::SecondOracle;
use rug::Float;
use std::collections::BTreeMap;

/// How many times the requests of the normal run.
const TIMES: u64 = 8;

/// How many of the hardest values are named.
const WORST: usize = 12;

#[derive(Default)]
struct Statistics {
    values: usize,
    /// Working precision: by the first oracle, by the second.
    worked: [BTreeMap<u32, usize>; 2],
    /// Bits to tell the value from the nearest midpoint, in steps of 4.
    needed: BTreeMap<u32, usize>,
    /// Bits and where.
    worst: Vec<(f64, String)>,
    failures: Vec<String>,
}

impl Statistics {
    fn merge(mut self, other: Statistics) -> Statistics {
        self.values += other.values;
        for (mine, theirs) in self.worked.iter_mut().zip(other.worked) {
            theirs.into_iter().for_each(|(bits, n)| *mine.entry(bits).or_default() += n);
        }
        other.needed.into_iter().for_each(|(bits, n)| *self.needed.entry(bits).or_default() += n);
        self.worst.extend(other.worst);
        self.keep_worst();
        self.failures.extend(other.failures);
        self
    }

    fn keep_worst(&mut self) {
        self.worst.sort_by(|a, b| b.0.total_cmp(&a.0));
        self.worst.truncate(WORST);
    }
}

/// Bits that separate a value from the nearest midpoint of its format: those of the significand,
/// and −log₂ of the distance in ulp.
fn bits_needed(value: &Value, format: Format, bits: u64, residual: u64) -> Option<f64> {
    let Value::Real { enclose, .. } = value else { return None };
    let coarse = (0.5 - Format::F16.to_f64(residual).abs()).abs();
    let distance = if coarse > 2f64.powi(-8) {
        coarse
    } else {
        let x: Interval = enclose(1024)?;
        let precision = x.precision() + 64;
        let target = Float::with_val(precision, format.to_f64(bits));
        let ulps = Float::with_val(precision, x.lo() - target) >> format.ulp_exponent(bits)?;
        Float::with_val(precision, 0.5 - ulps.abs()).abs().to_f64()
    };
    Some(f64::from(format.precision) - distance.max(f64::MIN_POSITIVE).log2())
}

fn study(case: &Case) -> Statistics {
    let mut statistics = Statistics::default();
    let question = case.question();
    let Some(format) = question.dtype.format() else { return statistics };
    let mut outcomes = BTreeMap::new();
    let second = SecondOracle::default().visit(&question, &mut |site, outcome| {
        outcomes.insert((site.name, site.index), outcome);
    });
    if let Err(error) = second {
        statistics.failures.push(format!("second: {error}\n{}", case.config));
        return statistics;
    }
    let first = visit(&question, &mut |site, value| {
        let Ok(rounded) = value.round(format) else {
            statistics.failures.push(format!("first: undecided {site:?}\n{}", case.config));
            return Ok(());
        };
        let second = outcomes[&(site.name, site.index)];
        if (rounded.bits, rounded.residual) != (second.bits, second.residual) {
            statistics.failures.push(format!("{site:?} {rounded:?} {second:?}\n{}", case.config));
        }
        statistics.values += 1;
        *statistics.worked[0].entry(rounded.precision).or_default() += 1;
        *statistics.worked[1].entry(second.precision).or_default() += 1;
        if let Some(bits) = bits_needed(value, format, rounded.bits, rounded.residual) {
            *statistics.needed.entry(bits.max(0.0) as u32 / 4 * 4).or_default() += 1;
            if statistics.worst.last().is_none_or(|(least, _)| bits > *least)
                || statistics.worst.len() < WORST
            {
                let text = format!("{} {} {site:?} {}", case.operation, case.dtype, case.config);
                statistics.worst.push((bits, text));
                statistics.keep_worst();
            }
        }
        Ok(())
    });
    if let Err(error) = first {
        statistics.failures.push(format!("first: {error}\n{}", case.config));
    }
    statistics
}

fn print(title: &str, histogram: &BTreeMap<u32, usize>) {
    println!("{title}");
    let most = histogram.values().max().copied().unwrap_or(1) as f64;
    for (bits, count) in histogram {
        // Logarithmic: the tail is what matters.
        let length = (50.0 * (*count as f64).ln_1p() / most.ln_1p()).round() as usize;
        println!("{bits:>7} {count:>10} {}", "#".repeat(length));
    }
}

#[test]
#[ignore = "long: half an hour"]
fn long_ten_million_values() {
    let random = random_cases(TIMES)
        .into_par_iter()
        .map(|(maker, seed)| study(&maker(&mut Random(seed ^ 1 << 40), ANY)));
    let constructed = (0..TIMES).into_par_iter().flat_map(|round| {
        adversarial::all().into_par_iter().map(move |(maker, seed)| {
            let mut counts = Counts::keeping();
            maker(&mut Random(seed ^ (round + 1) << 41), &mut counts);
            let cases = counts.kept.unwrap_or_default();
            cases.iter().map(study).fold(Statistics::default(), Statistics::merge)
        })
    });
    let statistics = random.chain(constructed).reduce(Statistics::default, Statistics::merge);
    println!("{} values", statistics.values);
    print("bits the first oracle worked with (0: exact)", &statistics.worked[0]);
    print("bits the second oracle worked with (0: exact)", &statistics.worked[1]);
    print("bits needed to tell the value from the nearest midpoint", &statistics.needed);
    println!("the hardest");
    statistics.worst.iter().for_each(|(bits, text)| println!("{bits:>9.2} {text}"));
    let failures = &statistics.failures;
    assert!(failures.is_empty(), "{} disagreements\n{}", failures.len(), failures[0]);
    assert!(statistics.values >= 10_000_000, "{}", statistics.values);
}
