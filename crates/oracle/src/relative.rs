//! Shaw's rows, DeBERTa's buckets and Llama 4's temperature, as their sources compute them.

use super::additive::quotient;
use super::read::Config;
use super::rotary::undecided;
use super::settle::{Outcome, first_precision};
use super::{Ball, SecondError, SecondOracle, Sink, Target};
use ropewalk::encoding::{DebertaBucket, ShawBucket, TemperatureRows};
use ropewalk::exact::Site;
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::Position;
use rug::{Integer, Rational};
use std::collections::HashMap;

type Integers = Vec<(&'static str, Tensor)>;

impl SecondOracle {
    /// tensor2tensor: distance_mat = range_vec(keys) − range_vec(queries); clip_by_value; plus
    /// max_relative_position. Transformers: distance = position_ids_l − position_ids_r, plus
    /// max_position_embeddings − 1.
    pub(super) fn shaw_bucket(&self, s: &ShawBucket) -> Result<Integers, SecondError> {
        let config = Config(&s.shaw.config);
        let clipped = config.word("form")? == "key_minus_query";
        let furthest = match clipped {
            true => config.size("max_relative_position")?,
            false => config.size("max_position_embeddings")? - 1,
        };
        let row = |query: Position, key: Position| {
            let distance = Integer::from(key.numerator) - query.numerator;
            Ok(match clipped {
                true if distance > furthest => Integer::from(furthest),
                true if -distance.clone() > furthest => -Integer::from(furthest),
                true => distance,
                false => -distance,
            } + furthest)
        };
        matrix(&s.query_positions, &s.key_positions, row)
    }

    /// `make_log_bucket_position` with real logarithms, and the clamp of either library.
    pub(super) fn deberta_bucket(&self, d: &DebertaBucket) -> Result<Integers, SecondError> {
        let config = Config(&d.buckets.config);
        let size = Integer::from(config.size("bucket_size")?);
        let last = Integer::from(config.size("max_position")? - 1);
        let by_distance = config.word("clamp")? == "distance";
        let signed = config.word("form")? == "bucket";
        let top: Integer = Integer::from(&size * 2) - 1;
        let mut known: HashMap<Integer, Integer> = HashMap::new();
        let bucket = |query: Position, key: Position| {
            let mut relative = Integer::from(query.numerator) - key.numerator;
            if by_distance {
                relative = relative.min(last.clone()).max(Integer::from(-&last));
            }
            let bucket = match known.get(&relative) {
                Some(bucket) => bucket.clone(),
                None => log_bucket(self, &relative, &size, &last)?,
            };
            known.insert(relative, bucket.clone());
            let row = (bucket + &size).max(Integer::new()).min(top.clone());
            Ok(if signed { row - &size } else { row })
        };
        matrix(&d.query_positions, &d.key_positions, bucket)
    }

    /// log(floor((p + offset) / floor_scale) + 1) · attn_scale + 1.
    pub(super) fn temperature(
        &self,
        t: &TemperatureRows,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        const NAME: &str = "scale";
        let config = Config(&t.temperature.config);
        let attn_scale = config.number("attn_scale")?;
        let (floor_scale, offset) = (config.number("floor_scale")?, config.number("offset")?);
        for (index, position) in t.positions.iter().enumerate() {
            let shifted = Rational::from(position.numerator) + &offset;
            let steps = shifted / &floor_scale;
            let argument = steps.floor().into_numer_denom().0 + 1;
            let outcome = match argument == 1 || attn_scale.is_zero() {
                true => Outcome::rational(&Rational::from(1), target),
                false => {
                    let scale = |bits: u32| {
                        let ln = self.functions.ln(&Ball::integer(&argument, bits.max(64)))?;
                        let product = ln * Ball::rational(&attn_scale, bits);
                        Some(product + Ball::integer(1, bits))
                    };
                    Outcome::search(target, first_precision(target), scale, || None)
                        .map_err(|precision| undecided(NAME, index, precision))?
                }
            };
            sink(Site { name: NAME, index }, outcome);
        }
        Ok(())
    }
}

/// An i32 tensor [queries, keys].
fn matrix(
    queries: &[Position],
    keys: &[Position],
    mut of: impl FnMut(Position, Position) -> Result<Integer, SecondError>,
) -> Result<Integers, SecondError> {
    let mut data = Vec::with_capacity(queries.len() * keys.len());
    for &query in queries {
        for &key in keys {
            data.push(u64::from(of(query, key)?.to_u32_wrapping()));
        }
    }
    let shape = vec![queries.len(), keys.len()];
    Ok(vec![("bucket", super::tensor(Dtype::I32, shape, data)?)])
}

/// abs_pos ≤ mid keeps relative_pos; beyond, sign · (ceil(log(abs_pos / mid) /
/// log((max_position − 1) / mid) · (mid − 1)) + mid).
fn log_bucket(
    oracle: &SecondOracle,
    relative: &Integer,
    size: &Integer,
    last: &Integer,
) -> Result<Integer, SecondError> {
    let mid = Integer::from(size / 2);
    let distance = Integer::from(relative.abs_ref());
    if distance <= mid {
        return Ok(relative.clone());
    }
    let stretch = Rational::from((&distance, &mid));
    let whole = Rational::from((last, &mid));
    let steps = Integer::from(&mid - 1).to_u64().unwrap_or_default();
    let (floor, exact) = quotient(oracle, &stretch, &whole, steps)?;
    let ceiling = if exact { floor } else { floor + 1 };
    Ok((ceiling + mid) * Integer::from(relative.signum_ref()))
}
