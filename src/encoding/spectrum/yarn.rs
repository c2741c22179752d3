//! YaRN as every library implements it: a ramp over the pair index (Peng et al. 2023).

use super::linear::FACTOR;
use super::{Parameters, Scheme, Spectrum};
use crate::encoding::expression::Expression;
use crate::encoding::key::{Absent, Checked, Key, Kind, Range, invalid};
use crate::request::Reject;

/// `yarn`. θᵢ = base^(−2i/r) · (ramp/s + 1 − ramp) with ramp = clamp((i − low)/(high − low), 0, 1),
/// where low and high are the pair indices that turn `beta_fast` and `beta_slow` times in L₀:
/// corr(n) = r · ln(L₀/(2πn)) / (2 ln base), floored and ceiled if `truncate`.
///
/// Source: jquesnelle/yarn; Transformers, `_compute_yarn_parameters`.
///
/// Surprises: the paper's ramp is linear in the number of turns, the code's in the index; `high`
/// is clamped to r − 1, not r/2 − 1; low = high is pulled apart by 0.001.
///
/// Magnitude: `attention_factor` if given; else, with both mscales non-zero, the ratio of
/// 0.1·mscale·ln s + 1 and 0.1·mscale_all_dim·ln s + 1; else 0.1·ln s + 1; 1 for s ≤ 1.
/// DeepSeek multiplies the logits instead, by (0.1·mscale_all_dim·ln s + 1)²: `softmax_factor`.
#[derive(Debug)]
pub struct Yarn;

impl Scheme for Yarn {
    fn rope_type(&self) -> &'static str {
        "yarn"
    }

    fn summary(&self) -> &'static str {
        "an index ramp between kept and divided frequencies; YaRN (Peng et al. 2023)"
    }

    fn keys(&self) -> &'static [Key] {
        const fn number(name: &'static str, absent: Absent, meaning: &'static str) -> Key {
            Key { name, kind: Kind::Number(Range::Positive), absent, meaning }
        }
        const fn scale(name: &'static str, meaning: &'static str) -> Key {
            Key { name, kind: Kind::Number(Range::NonNegative), absent: Absent::Optional, meaning }
        }
        const KEYS: [Key; 8] = [
            FACTOR,
            number("original_max_position_embeddings", Absent::Required, "the length L₀"),
            number("beta_fast", Absent::Number(32.0), "turns in L₀ from which a pair stays"),
            number("beta_slow", Absent::Number(1.0), "turns in L₀ up to which it is divided"),
            Key {
                name: "truncate",
                kind: Kind::Flag,
                absent: Absent::Flag(true),
                meaning: "whether the ends of the ramp are whole indices",
            },
            number("attention_factor", Absent::Optional, "the magnitude, instead of the formula"),
            scale("mscale", "weight of ln s in the magnitude's numerator"),
            scale("mscale_all_dim", "weight of ln s in its denominator, and on the logits"),
        ];
        &KEYS
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        if config.number("rope_theta") == Some(1.0) {
            return Err(invalid(
                "rope_theta",
                1,
                "a base other than 1: yarn divides by its logarithm",
            ));
        }
        match (config.number("beta_fast"), config.number("beta_slow")) {
            (Some(fast), Some(slow)) if fast < slow => {
                Err(invalid("beta_fast", fast, format!("at least beta_slow, {slow}")))
            }
            _ => Ok(()),
        }
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let (zero, one) = (Expression::integer(0), Expression::integer(1));
        let (low, high) = ramp_ends(parameters);
        let factor = parameters.exact("factor");
        let blend = |(i, theta): (usize, &Expression)| {
            if parameters.is_unstretched() {
                return theta.clone();
            }
            let share = (Expression::integer(i as i64) - &low) / (&high - &low);
            let ramp = share.max(&zero).min(&one);
            theta * (&ramp / &factor + (&one - &ramp))
        };
        let frequencies = parameters.inv_freq().iter().enumerate().map(blend).collect();
        let (magnitude, softmax_factor) = factors(parameters);
        Ok(Spectrum { magnitude, softmax_factor, ..Spectrum::plain(frequencies) })
    }
}

fn ramp_ends(parameters: &Parameters) -> (Expression, Expression) {
    let r = Expression::integer(parameters.rotary_dim as i64);
    let base = parameters.exact("rope_theta");
    let original = parameters.exact("original_max_position_embeddings");
    let index = |turns: Expression| {
        let length = &original / (Expression::integer(2) * Expression::pi() * turns);
        &r * length.ln() / (Expression::integer(2) * base.ln())
    };
    let (fast, slow) = (index(parameters.exact("beta_fast")), index(parameters.exact("beta_slow")));
    let (low, high) = match parameters.config.flag("truncate") {
        true => (fast.floor(), slow.ceil()),
        false => (fast, slow),
    };
    let low = low.max(&Expression::integer(0));
    let high = high.min(&(r - Expression::integer(1)));
    // Libraries pull the ends apart only where they are equal.
    let apart = &high + Expression::ratio(1, 1000);
    let unequal = low.select_below(&high, &high, &high.select_below(&low, &high, &apart));
    (low, unequal)
}

/// (0.1 · weight · ln s + 1), for s > 1.
fn mscale(factor: &Expression, weight: &Expression) -> Expression {
    Expression::ratio(1, 10) * weight * factor.ln() + Expression::integer(1)
}

fn factors(parameters: &Parameters) -> (Expression, Expression) {
    let one = Expression::integer(1);
    let config = parameters.config;
    let stretched = config.number("factor").is_some_and(|factor| factor > 1.0);
    let factor = parameters.exact("factor");
    let given = |key: &str| config.number(key).filter(|&weight| weight != 0.0);
    let all_dim =
        given("mscale_all_dim").map(|_| mscale(&factor, &parameters.exact("mscale_all_dim")));
    let magnitude = match (config.has("attention_factor"), given("mscale"), &all_dim) {
        (true, ..) => parameters.exact("attention_factor"),
        _ if !stretched => one.clone(),
        (_, Some(_), Some(denominator)) => {
            mscale(&factor, &parameters.exact("mscale")) / denominator
        }
        _ => mscale(&factor, &one),
    };
    let softmax_factor = match all_dim {
        Some(scale) if stretched => scale.power(2, 1),
        _ => one,
    };
    (magnitude, softmax_factor)
}
