//! What a scaling rule is asked, and what it determines.

use crate::encoding::expression::Expression;
use crate::encoding::key::{Checked, Key};
use crate::request::Reject;

/// A `rope_type`: a name, its own keys, and the spectrum they determine.
///
/// A scheme is a trait object, so that one can be added from outside the crate.
pub trait Scheme: Sync {
    /// The value of `rope_type`.
    fn rope_type(&self) -> &'static str;

    /// What it is, in a line, with its source.
    fn summary(&self) -> &'static str;

    /// The keys beyond those that every rotary config has.
    fn keys(&self) -> &'static [Key];

    /// Whether the spectrum depends on the total length.
    fn needs_seq_len(&self) -> bool {
        false
    }

    /// Whether `partial_rotary_factor` narrows the rotated slice. If not, the scheme reads it.
    fn slices(&self) -> bool {
        true
    }

    /// Whether it has a `rope_theta`.
    fn has_base(&self) -> bool {
        true
    }

    /// Whether it has axes of its own. If not, `mrope_section` may deal the pairs out.
    fn has_axes(&self) -> bool {
        false
    }

    /// Number of axes of a position, where it has axes of its own.
    fn axes(&self, _config: &Checked) -> usize {
        1
    }

    /// Whether positions may be exact rationals.
    fn rational_positions(&self) -> bool {
        false
    }

    /// Rules that bind several keys, and defaults that other keys determine.
    ///
    /// # Errors
    /// `invalid_value`, `missing_key`.
    fn check(&self, _config: &mut Checked) -> Result<(), Reject> {
        Ok(())
    }

    /// The frequencies and magnitudes.
    ///
    /// # Errors
    /// `invalid_value` where a formula has no value.
    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject>;
}

/// What a scheme computes its spectrum from: a config that has passed [`Scheme::check`].
#[derive(Debug)]
pub struct Parameters<'a> {
    /// All keys, defaults filled in.
    pub config: &'a Checked,
    /// Width of the rotated slice, r: even, at least 2.
    pub rotary_dim: usize,
    /// The total length, if the scheme needs it.
    pub seq_len: Option<i64>,
}

/// Frequencies per pair, and the two factors.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// Radians per position, one per pair.
    pub frequencies: Vec<Expression>,
    /// Growth per position and pair; empty for every scheme but xPos.
    pub growth: Vec<Expression>,
    /// The axis of each pair; empty for one axis.
    pub axes: Vec<usize>,
    /// Pairs per block, where the layout pairs inside blocks; empty for one block.
    pub blocks: Vec<usize>,
    /// Multiplies cos and sin.
    pub magnitude: Expression,
    /// Multiplies the logits.
    pub softmax_factor: Expression,
}

impl Spectrum {
    /// Frequencies with both factors 1.
    pub fn plain(frequencies: Vec<Expression>) -> Spectrum {
        let one = Expression::integer(1);
        Spectrum {
            frequencies,
            growth: Vec::new(),
            axes: Vec::new(),
            blocks: Vec::new(),
            magnitude: one.clone(),
            softmax_factor: one,
        }
    }
}

impl Parameters<'_> {
    /// Number of pairs, r/2.
    pub fn pairs(&self) -> usize {
        self.rotary_dim / 2
    }

    /// A number that the table requires or fills in, exactly. The table makes it finite.
    pub fn exact(&self, key: &str) -> Expression {
        Expression::dyadic(self.config.number(key).unwrap_or_default())
    }

    /// Whether nothing is stretched. A blend of θ/1 and θ is then θ, which algebra cannot see
    /// through the blend's logarithms.
    pub fn is_unstretched(&self) -> bool {
        self.config.number("factor") == Some(1.0)
    }

    /// base^(−2i/r) for every pair: what all scaling rules start from (RoFormer Eq. 15).
    pub fn inv_freq(&self) -> Vec<Expression> {
        powers(&self.exact("rope_theta"), self.pairs(), self.rotary_dim)
    }
}

/// base^(−2i/width) for i below `count`.
pub fn powers(base: &Expression, count: usize, width: usize) -> Vec<Expression> {
    (0..count).map(|i| base.power(-2 * i as i64, width as i64)).collect()
}
