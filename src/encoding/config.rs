//! From a flat rotary config to a rope; the model form becomes a flat one first.

mod keys;
mod sections;
mod slice;

pub use keys::{is_known_key, rope_keys};

use super::expression::Expression;
use super::key::{Checked, invalid};
use super::rope::{Layout, Plane, Rope};
use super::spectrum::{Parameters, SCHEMES, Scheme, find};
use crate::request::{Json, Object, Reject, Slug};

/// A rotary config that has passed every rule, with the scheme it names.
#[derive(Clone)]
pub struct RopeConfig<'a> {
    scheme: &'a dyn Scheme,
    config: Checked,
    layout: Layout,
    head_dim: usize,
    rotary_dim: usize,
    rotary_offset: usize,
}

impl<'a> RopeConfig<'a> {
    /// Checks a config, flat or in the model form, against the built-in schemes.
    ///
    /// # Errors
    /// Every rejection about keys and values.
    pub fn new(config: &Object) -> Result<RopeConfig<'static>, Reject> {
        RopeConfig::with_schemes(config, SCHEMES)
    }

    /// Checks a config, flat or in the model form, against schemes of the caller's choice.
    ///
    /// # Errors
    /// As [`RopeConfig::new`].
    pub fn with_schemes(
        config: &Object,
        schemes: &[&'a dyn Scheme],
    ) -> Result<RopeConfig<'a>, Reject> {
        let translated;
        let config = match config.get("model") {
            Some(_) => {
                translated = super::model::flatten(config, schemes)?;
                &translated
            }
            None => config,
        };
        let name = match config.get("rope_type") {
            None => "default",
            Some(Json::String(name)) => name,
            Some(other) => return Err(invalid("rope_type", other, "a string")),
        };
        let scheme = find(schemes, name)?;
        let keys = rope_keys(scheme);
        let known = |key: &str| {
            is_known_key(key) || schemes.iter().any(|s| s.keys().iter().any(|k| k.name == key))
        };
        let mut checked = Checked::new(config, &keys, known, &format!("rope_type {name}"))?;
        let head_dim = checked.size("head_dim").unwrap_or_default();
        let rotary_offset = checked.size("rotary_offset").unwrap_or_default();
        let rotary_dim = match scheme.slices() {
            true => slice::rotary_dim(&mut checked, head_dim, rotary_offset)?,
            false => head_dim,
        };
        slice::expect_even(
            config,
            rotary_dim,
            head_dim.saturating_sub(rotary_offset),
            scheme.slices(),
        )?;
        sections::check(&mut checked, rotary_dim / 2)?;
        // Said or not, the way that most turn is the same config.
        if !checked.flag("clockwise") {
            checked.remove("clockwise");
        }
        scheme.check(&mut checked)?;
        checked.sort(&keys);
        let layout = checked.word("layout").and_then(Layout::from_name).unwrap_or(Layout::Half);
        Ok(RopeConfig { scheme, config: checked, layout, head_dim, rotary_dim, rotary_offset })
    }

    /// The config with defaults filled in and `rotary_dim` in place of the factor. Normalising it
    /// again changes nothing.
    pub fn normalised(&self) -> &Object {
        self.config.object()
    }

    pub(super) fn checked_mut(&mut self) -> &mut Checked {
        &mut self.config
    }

    /// Width of a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// The scheme it names.
    pub fn scheme(&self) -> &'a dyn Scheme {
        self.scheme
    }

    /// Which coordinates form pairs.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Number of axes of a position.
    pub fn axes(&self) -> usize {
        sections::count(&self.config).unwrap_or_else(|| self.scheme.axes(&self.config))
    }

    /// base^(−2i/r) for every pair: the frequencies before the scaling rule. None for a scheme
    /// whose axes have spectra of their own, or that has no base.
    pub fn unscaled(&self) -> Option<Vec<Expression>> {
        let parameters =
            Parameters { config: &self.config, rotary_dim: self.rotary_dim, seq_len: None };
        let applies = self.scheme.has_base() && !self.scheme.has_axes();
        applies.then(|| parameters.inv_freq())
    }

    /// Whether positions may be exact rationals.
    pub fn rational_positions(&self) -> bool {
        self.scheme.rational_positions()
    }

    /// The rope at a total length, which only some schemes need and the others refuse.
    ///
    /// # Errors
    /// `seq_len_required`, `unused_input`, `invalid_value` where a formula has no value.
    pub fn rope(&self, seq_len: Option<i64>) -> Result<Rope, Reject> {
        let name = self.scheme.rope_type();
        match (self.scheme.needs_seq_len(), seq_len) {
            (true, None) => {
                return Err(Slug::SeqLenRequired.because(format!(
                    "rope_type {name} depends on the total length: input seq_len is needed"
                )));
            }
            (false, Some(length)) => {
                return Err(Slug::UnusedInput.because(format!(
                    "seq_len (value {length}) has no meaning for rope_type {name}"
                )));
            }
            _ => {}
        }
        let parameters = Parameters { config: &self.config, rotary_dim: self.rotary_dim, seq_len };
        let spectrum = self.scheme.spectrum(&parameters)?;
        let pairs = spectrum.frequencies.len();
        let axes = match spectrum.axes.is_empty() {
            true => sections::axes(&self.config, pairs),
            false => spectrum.axes,
        };
        let mut coordinates =
            slice::coordinates(self.layout, &spectrum.blocks, pairs, self.rotary_offset);
        if self.config.flag("clockwise") {
            coordinates.iter_mut().for_each(|pair| *pair = pair.exchanged());
        }
        let planes = spectrum.frequencies.into_iter().zip(coordinates).enumerate();
        let planes = planes.map(|(i, (frequency, pair))| Plane {
            pair,
            axis: axes.get(i).copied().unwrap_or_default(),
            frequency,
            growth: spectrum.growth.get(i).cloned().unwrap_or(Expression::integer(1)),
        });
        Ok(Rope {
            head_dim: self.head_dim,
            axes: self.axes(),
            planes: planes.collect(),
            magnitude: spectrum.magnitude,
            softmax_factor: spectrum.softmax_factor,
            origin: self.config.integer("origin").unwrap_or_default(),
        })
    }
}
