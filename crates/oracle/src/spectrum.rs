//! What a published form yields: frequencies, factors, and how the pairs are dealt out.

use super::SecondError;
use super::radical::Radical;
use super::read::Config;
use super::real::Real;
use rug::Rational;

/// The parts of a rotary encoding that depend on its scheme.
pub(super) struct Spectrum<'a> {
    /// Radians per position, one per pair.
    pub(super) frequencies: Vec<Real<'a>>,
    /// Positions are divided by this before anything else.
    pub(super) position_divisor: Rational,
    /// ζ per pair, for a query ζ^((p − origin) / scale_base); empty where nothing grows.
    pub(super) growth: Vec<Rational>,
    /// Positions over which a plane grows by ζ.
    pub(super) scale_base: Rational,
    /// The position without growth.
    pub(super) origin: Rational,
    /// The axis of each pair; empty where the config's sections or nothing at all say it.
    pub(super) axes: Vec<usize>,
    /// Widths of the blocks inside which coordinates pair; empty for one block.
    pub(super) blocks: Vec<usize>,
    /// Multiplies cos and sin.
    pub(super) attention_factor: Real<'a>,
    /// Multiplies the logits.
    pub(super) softmax_factor: Real<'a>,
}

/// What a published form may ask for.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a> {
    pub(super) config: Config<'a>,
    /// Width of the rotated slice.
    pub(super) dim: usize,
    /// The total length.
    pub(super) seq_len: Option<i64>,
    /// The 2 in base^(2i/r): the step of `arange(0, dim, 2)`.
    pub(super) step: usize,
}

impl<'a> Parameters<'a> {
    pub(super) fn new(
        config: Config<'a>,
        seq_len: Option<i64>,
        step: usize,
    ) -> Result<Parameters<'a>, SecondError> {
        let key = if config.has("rotary_dim") { "rotary_dim" } else { "head_dim" };
        Ok(Parameters { config, dim: config.size(key)?, seq_len, step })
    }

    pub(super) fn number(&self, key: &str) -> Result<Rational, SecondError> {
        self.config.number(key)
    }

    /// base ** (arange(0, dim, 2) / dim), in Transformers `pos_freqs`.
    pub(super) fn position_frequencies(
        &self,
        base: &Rational,
        dim: usize,
    ) -> impl Iterator<Item = Radical> + use<> {
        let (base, step) = (base.clone(), self.step);
        let power = move |i: usize| {
            Radical::power(&base, Rational::from(((step * i) as u64, dim.max(1) as u64)))
        };
        (0..dim / 2).map(power)
    }
}

impl<'a> Spectrum<'a> {
    /// Frequencies on one axis, and both factors 1.
    pub(super) fn plain(frequencies: Vec<Real<'a>>) -> Spectrum<'a> {
        let one = || Rational::from(1);
        Spectrum {
            frequencies,
            position_divisor: one(),
            growth: Vec::new(),
            scale_base: one(),
            origin: Rational::new(),
            axes: Vec::new(),
            blocks: Vec::new(),
            attention_factor: Real::from(one()),
            softmax_factor: Real::from(one()),
        }
    }
}
