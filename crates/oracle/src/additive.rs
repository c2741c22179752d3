//! ALiBi and T5.

use super::radical::Radical;
use super::read::{Config, format};
use super::real::raise;
use super::rotary::undecided;
use super::settle::{Outcome, first_precision};
use super::{Ball, SecondError, SecondOracle, Sink, Target};
use ropewalk::encoding::{Alibi, AlibiBias, T5};
use ropewalk::exact::Site;
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::Position;
use rug::ops::Pow;
use rug::{Integer, Rational};
use std::collections::HashMap;

/// Press's `get_slopes`, the slopes as powers of two: start · ratioⁱ with start = ratio =
/// 2^(−2^−(log₂ n − 3)) if n is a power of two, else those of the power of two below and every
/// second one of the power above. The exponents are rational, and nothing is rounded. MPT has
/// alibi_bias_max where Press has 8.
fn get_slopes(n: u64, bias_max: u64) -> Vec<Rational> {
    let power_of_2 = |n: u64| -> Vec<Rational> {
        // −2^−(log₂ n − 3) = −8/n.
        let start = -Rational::from((bias_max, n));
        (0..n).map(|i| Rational::from(&start * i) + &start).collect()
    };
    if n.is_power_of_two() {
        return power_of_2(n);
    }
    let closest = 1u64 << n.max(1).ilog2();
    let mut slopes = power_of_2(closest);
    slopes.extend(
        get_slopes(2 * closest, bias_max).into_iter().step_by(2).take((n - closest) as usize),
    );
    slopes
}

/// The slopes of a config: the released code's, or the paper's "geometric sequence that starts at
/// 2^(−8/n) and uses that same value as its ratio".
pub(super) fn slopes(config: Config) -> Result<Vec<Rational>, SecondError> {
    let heads = config.size("num_heads")? as u64;
    let bias_max = match config.has("alibi_bias_max") {
        true => config.size("alibi_bias_max")? as u64,
        false => 8,
    };
    match config.word("slopes")? {
        "code" => Ok(get_slopes(heads, bias_max)),
        "paper" => Ok((1..=heads).map(|i| -Rational::from((bias_max, heads)) * i).collect()),
        other => Err(SecondError::Unsupported(format!("slopes {other}"))),
    }
}

/// 2^exponent times an integer, rounded; the power at the precisions that were asked for.
struct Slope {
    radical: Radical,
    value: Option<Rational>,
    balls: HashMap<u32, Option<Ball>>,
}

impl Slope {
    fn new(exponent: Rational) -> Slope {
        Slope::of(Radical::power(&Rational::from(2), exponent))
    }

    fn of(radical: Radical) -> Slope {
        Slope { value: radical.value(), radical, balls: HashMap::new() }
    }

    fn times(
        &mut self,
        oracle: &SecondOracle,
        factor: &Integer,
        target: Target,
    ) -> Result<Outcome, u32> {
        if let Some(value) = &self.value {
            return Ok(Outcome::rational(&Rational::from(value * factor), target));
        }
        if factor.is_zero() {
            return Ok(Outcome::rational(&Rational::new(), target));
        }
        let first = first_precision(target);
        for bits in [first, 2 * first, 4 * first] {
            let compute = || self.radical.ball(&oracle.functions, bits);
            self.balls.entry(bits).or_insert_with(compute);
        }
        let enclose = |bits: u32| match self.balls.get(&bits) {
            Some(ball) => ball.as_ref().map(|ball| ball.times(factor)),
            None => self.radical.ball(&oracle.functions, bits).map(|ball| ball.times(factor)),
        };
        Outcome::search(target, first, enclose, || None)
    }
}

impl SecondOracle {
    pub(super) fn alibi_slopes(
        &self,
        a: &Alibi,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        const NAME: &str = "slopes";
        for (index, exponent) in slopes(Config(&a.config))?.into_iter().enumerate() {
            let outcome = Slope::new(exponent)
                .times(self, &Integer::from(1), target)
                .map_err(|precision| undecided(NAME, index, precision))?;
            sink(Site { name: NAME, index }, outcome);
        }
        Ok(())
    }

    pub(super) fn alibi_bias(
        &self,
        a: &AlibiBias,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        const NAME: &str = "bias";
        let config = Config(&a.alibi.config);
        let form = config.word("form")?;
        let mut index = 0;
        // Falcon multiplies scores and bias alike by inv_norm_factor = 1/√head_dim.
        let norm = match config.has("head_dim") {
            true => Radical::power(&config.number("head_dim")?, Rational::from((-1, 2))),
            false => Radical::from(Rational::from(1)),
        };
        for exponent in slopes(config)? {
            let mut slope = Slope::of(Slope::new(exponent).radical.times(&norm));
            for query in &a.query_positions {
                for key in &a.key_positions {
                    let (i, j) = (Integer::from(query.numerator), Integer::from(key.numerator));
                    let factor = match form {
                        // −m · (i − j).
                        "distance" => -(i - j),
                        // m · j.
                        "key" => j,
                        // −m · |i − j|.
                        "symmetric" => -(i - j).abs(),
                        // m · arange(1 − L, 1): the last key has 0.
                        "mpt" => {
                            let all = a.key_positions.iter().map(|key| key.numerator);
                            j - all.max().unwrap_or_default()
                        }
                        other => return Err(SecondError::Unsupported(format!("form {other}"))),
                    };
                    let outcome = slope
                        .times(self, &factor, target)
                        .map_err(|precision| undecided(NAME, index, precision))?;
                    sink(Site { name: NAME, index }, outcome);
                    index += 1;
                }
            }
        }
        Ok(())
    }

    /// The buckets of every query and key, row-major.
    fn buckets(&self, t: &T5) -> Result<Vec<u64>, SecondError> {
        let mut rule = Bucket::new(Config(&t.buckets.config))?;
        let mut buckets = Vec::new();
        for query in &t.query_positions {
            for key in &t.key_positions {
                buckets.push(rule.of(self, *query, *key)?);
            }
        }
        Ok(buckets)
    }

    pub(super) fn t5_bucket(&self, t: &T5) -> Result<Vec<(&'static str, Tensor)>, SecondError> {
        let shape = vec![t.query_positions.len(), t.key_positions.len()];
        Ok(vec![("bucket", super::tensor(Dtype::I32, shape, self.buckets(t)?)?)])
    }

    pub(super) fn t5_bias(
        &self,
        t: &T5,
        table: &Tensor,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        let from = format(table)?;
        let buckets = self.buckets(t)?;
        let heads = table.shape().last().copied().unwrap_or_default();
        // values = table[bucket] is [query, key, heads]; permute(2, 0, 1).
        for head in 0..heads {
            for (place, bucket) in buckets.iter().enumerate() {
                let bits = table.data()[*bucket as usize * heads + head];
                let index = head * buckets.len() + place;
                sink(Site { name: "bias", index }, Outcome::copied(bits, from, target));
            }
        }
        Ok(())
    }
}

/// `_relative_position_bucket` of mesh-tensorflow, in real numbers.
pub(super) struct Bucket {
    num_buckets: u64,
    max_distance: u64,
    bidirectional: bool,
    /// Buckets of distances beyond the exact ones.
    known: HashMap<Integer, u64>,
}

impl Bucket {
    pub(super) fn new(config: Config) -> Result<Bucket, SecondError> {
        Ok(Bucket {
            num_buckets: config.size("num_buckets")? as u64,
            max_distance: config.size("max_distance")? as u64,
            bidirectional: config.flag("bidirectional"),
            known: HashMap::new(),
        })
    }

    pub(super) fn of(
        &mut self,
        oracle: &SecondOracle,
        query: Position,
        key: Position,
    ) -> Result<u64, SecondError> {
        // relative_position = memory_position − query_position; n = −relative_position.
        let n = -(Integer::from(key.numerator) - query.numerator);
        let mut ret = 0;
        let mut num_buckets = self.num_buckets;
        let n = match self.bidirectional {
            true => {
                num_buckets /= 2;
                if n.is_negative() {
                    ret += num_buckets;
                }
                n.abs()
            }
            false if n.is_negative() => Integer::new(),
            false => n,
        };
        let max_exact = num_buckets / 2;
        if n < max_exact {
            return Ok(ret + n.to_u64().unwrap_or_default());
        }
        if let Some(large) = self.known.get(&n) {
            return Ok(ret + large);
        }
        let large = large_bucket(oracle, &n, max_exact, self.max_distance, num_buckets)?;
        self.known.insert(n, large);
        Ok(ret + large)
    }
}

/// min(max_exact + trunc(ln(n / max_exact) / ln(max_distance / max_exact) · (num_buckets −
/// max_exact)), num_buckets − 1).
///
/// Where the product is a whole number k, no ball shows its floor; that is so exactly if
/// (n / max_exact)^(num_buckets − max_exact) = (max_distance / max_exact)^k.
fn large_bucket(
    oracle: &SecondOracle,
    n: &Integer,
    max_exact: u64,
    max_distance: u64,
    num_buckets: u64,
) -> Result<u64, SecondError> {
    let spread = num_buckets - max_exact;
    let last = num_buckets - 1;
    if *n >= max_distance {
        return Ok(last);
    }
    let stretch = Rational::from((n, max_exact));
    let whole = Rational::from((max_distance, max_exact));
    let (k, _) = quotient(oracle, &stretch, &whole, spread)?;
    Ok((max_exact + k.to_u64().unwrap_or(spread)).min(last))
}

/// ⌊ln(stretch) / ln(whole) · spread⌋, and whether nothing was cut off, for stretch ≥ 1 < whole.
pub(super) fn quotient(
    oracle: &SecondOracle,
    stretch: &Rational,
    whole: &Rational,
    spread: u64,
) -> Result<(Integer, bool), SecondError> {
    let share = |bits: u32| {
        let ln = |x: &Rational| oracle.functions.ln(&Ball::rational(x, bits));
        Some(ln(stretch)?.checked_div(&ln(whole)?)? * Ball::integer(spread, bits))
    };
    // A logarithm is exact at 1 only, so a ball that shows a floor has cut something off.
    if let Some(k) = share(128).and_then(|share| share.floor()) {
        return Ok((k, *stretch == 1));
    }
    // Near a whole number, the one below the middle of the ball or above it.
    let half = Ball::dyadic(false, 1, -1, 128);
    let near = share(128).and_then(|share| (share + half).floor());
    if let Some(k) = near.and_then(|k| k.to_u32()) {
        let exponent = u32::try_from(spread).unwrap_or(u32::MAX);
        if stretch.clone().pow(exponent) == whole.clone().pow(k) {
            return Ok((Integer::from(k), true));
        }
    }
    Ok((raise(256, "bucket", |bits| share(bits)?.floor())?, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_of_the_released_code() {
        let of = |n| get_slopes(n, 8).iter().map(|e| e.to_f64()).collect::<Vec<_>>();
        assert_eq!(of(1), [-8.0]);
        assert_eq!(of(3), [-4.0, -8.0, -2.0]);
        assert_eq!(of(6), [-2.0, -4.0, -6.0, -8.0, -1.0, -3.0]);
        assert_eq!(of(12)[8..], [-0.5, -1.5, -2.5, -3.5]);
    }

    #[test]
    fn buckets_where_the_logarithm_is_whole() {
        let oracle = SecondOracle::default();
        let of = |n: u64| large_bucket(&oracle, &Integer::from(n), 8, 128, 16).unwrap();
        let expected = [(8, 8), (11, 8), (12, 9), (15, 9), (16, 10), (31, 11), (32, 12), (63, 13)];
        for (n, bucket) in expected {
            assert_eq!(of(n), bucket, "{n}");
        }
        assert_eq!([of(64), of(90), of(91), of(127), of(128)], [14, 14, 15, 15, 15]);
    }
}
