//! The planes of a rope as a person wants to see them: every number correctly rounded to the
//! digits shown, and what the scaling rule did to each frequency.

use super::decimal::rounded;
use super::resolved::Multiple;
use super::round::UndecidedRounding;
use crate::encoding::{Expression, Node, Pair, Rope, RopeConfig};

/// What a scaling rule did to a frequency.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The scheme scales nothing.
    None,
    /// Exactly as before.
    Kept,
    /// The frequency is 0: the pair does not turn.
    Still,
    /// Divided by exactly the `factor`.
    DividedByFactor(String),
    /// Divided by some other number.
    Divided(String),
    /// Between kept and divided by the `factor`: this many percent kept.
    Blended(String),
}

/// One plane.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaneView {
    /// The coordinates.
    pub pair: Pair,
    /// Index into the axes of the position.
    pub axis: usize,
    /// Radians per position, scientific.
    pub frequency: String,
    /// 2π / frequency, in positions; none for a still pair.
    pub wavelength: Option<String>,
    /// The frequency before scaling, where the scheme has one.
    pub unscaled: Option<String>,
    /// What happened to it.
    pub effect: Effect,
    /// Growth per position, for xPos.
    pub growth: Option<String>,
    /// The exact expression, its branches decided.
    pub expression: String,
}

/// A rope.
#[derive(Clone, Debug, PartialEq)]
pub struct RopeView {
    /// Multiplies cos and sin.
    pub attention_factor: String,
    /// Multiplies the logits.
    pub softmax_factor: String,
    /// The planes, in the order of their frequencies.
    pub planes: Vec<PlaneView>,
}

/// Rules that lie between keeping a frequency and dividing it by their factor.
const BLENDING: [&str; 3] = ["yarn", "llama3", "ntk_by_parts"];

/// Views a rope of a config with `digits` significant digits (at least 1).
///
/// # Errors
/// `UndecidedRounding` if a branch or a digit stays open at the highest precision.
pub fn view(config: &RopeConfig, rope: &Rope, digits: u32) -> Result<RopeView, UndecidedRounding> {
    let digits = digits.max(1);
    let unscaled = config.unscaled();
    let factor = config.normalised().get("factor").and_then(|factor| factor.number()).map(Expression::dyadic);
    let blends = BLENDING.contains(&config.scheme().rope_type());
    let two_pi = Expression::integer(2) * Expression::pi();
    let one = Expression::integer(1);
    let planes = rope.planes.iter().enumerate().map(|(i, plane)| {
        let frequency = Multiple::new(&plane.frequency, "inv_freq")?;
        let before = unscaled.as_ref().and_then(|list| list.get(i));
        let before = before.map(|before| Multiple::new(before, "inv_freq")).transpose()?;
        let effect = match &before {
            None => Effect::None,
            Some(before) => effect(&frequency, before, factor.as_ref(), blends)?,
        };
        let wavelength = match frequency.is_zero() {
            true => None,
            false => Some(plain(
                &Multiple::new(&(&two_pi / &frequency.expression), "wavelength")?,
                digits,
            )?),
        };
        let growth = match plane.growth == one {
            true => None,
            false => Some(plain(&Multiple::new(&plane.growth, "growth")?, digits)?),
        };
        Ok(PlaneView {
            pair: plane.pair,
            axis: plane.axis,
            frequency: scientific(&frequency, digits)?,
            wavelength,
            unscaled: before.map(|before| scientific(&before, digits)).transpose()?,
            effect,
            growth,
            expression: frequency.expression.to_string(),
        })
    });
    Ok(RopeView {
        planes: planes.collect::<Result<_, UndecidedRounding>>()?,
        attention_factor: plain(&Multiple::new(&rope.magnitude, "attention_factor")?, digits)?,
        softmax_factor: plain(&Multiple::new(&rope.softmax_factor, "softmax_factor")?, digits)?,
    })
}

/// frequency / before, without the common power where the formula shows it.
fn ratio(frequency: &Expression, before: &Expression) -> Expression {
    match frequency.node() {
        _ if frequency == before => Expression::integer(1),
        Node::Mul(a, b) if a == before => b.clone(),
        Node::Div(a, b) if a == before => Expression::integer(1) / b,
        _ => frequency / before,
    }
}

fn effect(
    frequency: &Multiple,
    before: &Multiple,
    factor: Option<&Expression>,
    blends: bool,
) -> Result<Effect, UndecidedRounding> {
    if frequency.is_zero() {
        return Ok(Effect::Still);
    }
    let one = Expression::integer(1);
    let ratio = ratio(&frequency.expression, &before.expression);
    let share = Multiple::new(&ratio, "scaling")?;
    if share.is_one() {
        return Ok(Effect::Kept);
    }
    if let Some(factor) = factor {
        let by = Multiple::new(factor, "factor")?;
        if Multiple::new(&(factor * &ratio), "scaling")?.is_one() {
            return Ok(Effect::DividedByFactor(plain(&by, 7)?));
        }
        if blends && !by.is_one() {
            // ω′ = k·ω + (1 − k)·ω/s, so k = (s·ω′/ω − 1)/(s − 1).
            let kept = (factor * &ratio - &one) / (factor - &one) * Expression::integer(100);
            return Ok(Effect::Blended(plain(&Multiple::new(&kept, "scaling")?, 3)?));
        }
    }
    Ok(Effect::Divided(plain(&Multiple::new(&(one / ratio), "scaling")?, 5)?))
}

fn show(
    multiple: &Multiple,
    digits: u32,
    write: impl FnOnce(super::decimal::Rounding) -> String,
) -> Result<String, UndecidedRounding> {
    let undecided = |precision| UndecidedRounding { name: "decimal", index: 0, precision };
    multiple.value(|value| rounded(&value, digits)).and_then(|r| r).map(write).map_err(undecided)
}

fn plain(multiple: &Multiple, digits: u32) -> Result<String, UndecidedRounding> {
    show(multiple, digits, |rounding| rounding.plain())
}

fn scientific(multiple: &Multiple, digits: u32) -> Result<String, UndecidedRounding> {
    show(multiple, digits, |rounding| rounding.scientific(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &str, seq_len: Option<i64>) -> RopeView {
        let config = RopeConfig::new(&serde_json::from_str(config).unwrap()).unwrap();
        view(&config, &config.rope(seq_len).unwrap(), 7).unwrap()
    }

    #[test]
    fn llama_3_has_three_bands() {
        let view = of(
            r#"{"head_dim":128,"layout":"half","rope_theta":500000,"rope_type":"llama3","factor":8,
               "low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}"#,
            None,
        );
        let count = |f: fn(&Effect) -> bool| view.planes.iter().filter(|p| f(&p.effect)).count();
        assert_eq!(count(|e| *e == Effect::Kept), 29);
        assert_eq!(count(|e| matches!(e, Effect::Blended(_))), 6);
        assert_eq!(count(|e| *e == Effect::DividedByFactor("8".into())), 29);
        assert_eq!(view.planes[29].frequency, "2.166571e-3");
        assert_eq!(view.planes[28].wavelength.as_deref(), Some("1956.497"));
    }

    #[test]
    fn yarn_keeps_and_divides_exactly() {
        let view = of(
            r#"{"head_dim":64,"layout":"half","rope_theta":10000,"rope_type":"yarn","factor":40,
               "original_max_position_embeddings":4096}"#,
            None,
        );
        assert_eq!(view.planes[10].effect, Effect::Kept);
        assert_eq!(view.planes[11].effect, Effect::Blended("92.3".into()));
        assert_eq!(view.planes[23].effect, Effect::DividedByFactor("40".into()));
        assert_eq!(view.attention_factor, "1.368888");
    }

    #[test]
    fn the_last_pair_of_ntk_is_divided_by_the_factor() {
        let view = of(
            r#"{"head_dim":128,"layout":"half","rope_theta":10000,"rope_type":"ntk","factor":8}"#,
            None,
        );
        assert_eq!(view.planes[0].effect, Effect::Kept);
        assert!(matches!(view.planes[1].effect, Effect::Divided(_)));
        assert_eq!(view.planes[63].effect, Effect::DividedByFactor("8".into()));
    }
}
