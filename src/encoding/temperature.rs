//! Attention temperature: queries grow with the logarithm of their position (Llama 4).

use super::config::is_known_key;
use super::expression::Expression;
use super::key::Checked;
use super::tables::TEMPERATURE_KEYS;
use crate::request::{Object, Position, Reject, Slug};

/// A checked temperature config: scale(p) = 1 + attn_scale · ln(1 + ⌊(p + offset)/floor_scale⌋).
///
/// The scale multiplies the queries of the layers without rotation, hence the logits once. It is
/// exactly 1 before the first step, and else a rational multiple of the logarithm of an integer
/// above 1, plus 1: transcendental (Lindemann), never a tie.
///
/// attn_scale is a parameter like any other and means the f64 nearest to the number written, its
/// default 0.1 included: a default that meant the exact tenth would change value when a normalised
/// config spells it out.
///
/// Sources: Transformers `modeling_llama4.py`, meta-llama/llama-models `llama4/model.py`;
/// Transformers `modeling_ministral3.py` for offset 0. Surprise: the two models step one position
/// apart, at p = 8191 and at p = 8192.
#[derive(Clone, Debug)]
pub struct Temperature {
    /// Multiplies the logarithm.
    pub attn_scale: f64,
    /// Positions per step.
    pub floor_scale: i64,
    /// Added to every position.
    pub offset: i64,
    /// The normalised config.
    pub config: Object,
}

impl Temperature {
    /// Checks a config.
    ///
    /// # Errors
    /// Every rejection about keys and values.
    pub fn new(config: &Object) -> Result<Temperature, Reject> {
        let checked =
            Checked::new(config, TEMPERATURE_KEYS, is_known_key, "attention_temperature")?;
        Ok(Temperature {
            attn_scale: checked.number("attn_scale").unwrap_or_default(),
            floor_scale: checked.integer("floor_scale").unwrap_or(1),
            offset: checked.integer("offset").unwrap_or_default(),
            config: checked.object().clone(),
        })
    }

    /// The scale at a position.
    ///
    /// ```
    /// # use ropewalk::{encoding::{Double, Temperature}, request::{Object, Position}};
    /// let llama = Temperature::new(&Object::default()).unwrap();
    /// let scale = llama.scale(Position::integer(8191)).unwrap();
    /// assert_eq!(scale.to_string(), "1 + 0.1·ln(1 + ⌊8192/8192⌋)");
    /// assert_eq!(scale.evaluate(&Double), Some(1.0 + 0.1 * 2f64.ln()));
    /// ```
    ///
    /// # Errors
    /// `position_out_of_range` below −offset, where the logarithm has no value.
    pub fn scale(&self, position: Position) -> Result<Expression, Reject> {
        let shifted = position.numerator as i128 + self.offset as i128;
        if shifted < 0 {
            return Err(Slug::PositionOutOfRange.because(format!(
                "position {position} is below {}, where the logarithm has no value",
                -self.offset
            )));
        }
        let one = Expression::integer(1);
        let steps = (Expression::integer(shifted) / Expression::integer(self.floor_scale)).floor();
        Ok(&one + Expression::dyadic(self.attn_scale) * (&one + steps).ln())
    }
}
