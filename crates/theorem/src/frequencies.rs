//! The frequencies of the default spectrum, enclosed as tightly as a position needs.

use super::rotation::{Rotation, Shared};
use num_complex::Complex;
use num_traits::One;
use ropewalk::encoding::{Pair, RopeConfig};
use ropewalk::exact::{Interval, Multiple, ResolvedRope};
use ropewalk::request::{Json, Object, Reject, Slug};

/// θᵢ = base^(−2i/head_dim), i = 0, …, head_dim/2 − 1, as the scheme `default` defines them.
#[derive(Clone, Debug)]
pub struct Frequencies {
    head_dim: usize,
    base: f64,
    resolved: ResolvedRope,
    pairs: Vec<Pair>,
}

impl Frequencies {
    /// Of a head and a base.
    ///
    /// # Errors
    /// `invalid_value` or `odd_rotary_dim`, as for a config with this `head_dim` and `rope_theta`.
    pub fn new(head_dim: usize, base: f64) -> Result<Frequencies, Reject> {
        let mut config = Object::default();
        config.set("head_dim", Json::from(head_dim));
        config.set("layout", Json::from("half"));
        config.set("rope_theta", Json::Real(base));
        let rope = RopeConfig::new(&config)?.rope(None)?;
        let resolved = ResolvedRope::new(&rope)
            .map_err(|undecided| Slug::InvalidValue.because(undecided.to_string()))?;
        Ok(Frequencies { head_dim, base, resolved, pairs: rope.pairs() })
    }

    /// Width of the head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// The base.
    pub fn base(&self) -> f64 {
        self.base
    }

    /// Number of planes, head_dim/2.
    pub fn planes(&self) -> usize {
        self.resolved.planes.len()
    }

    /// The rope, for the ladder.
    pub(super) fn resolved(&self) -> &ResolvedRope {
        &self.resolved
    }

    fn multiples(&self) -> impl Iterator<Item = &Multiple> {
        self.resolved.planes.iter().map(|plane| &plane.frequency)
    }

    /// Coordinates of the planes in the half layout.
    pub(super) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Encloses the frequencies so that the phasors of positions up to `largest` are enclosed to
    /// about `precision` bits.
    pub(super) fn enclose(&self, precision: u32, largest: u64) -> Option<Enclosed> {
        // The bits of an angle's integer part are spent before any of its phasor is known.
        let first = self.multiples().map(|theta| theta.enclose(64));
        let largest_theta = first.map(|theta| theta.and_then(|x| x.hi().get_exp()).unwrap_or(0));
        let integer = largest_theta.max().unwrap_or(0).max(0) as u32;
        let bits = precision + integer + (64 - largest.leading_zeros());
        let enclosed = self.multiples().map(|theta| Some(theta.enclose(bits)?.widen(bits)));
        Some(Enclosed(enclosed.collect::<Option<_>>()?))
    }
}

/// Frequencies enclosed at one precision.
pub(super) struct Enclosed(Vec<Interval>);

impl Enclosed {
    /// e^{ipθ} for every plane; at position 0 exactly 1.
    pub(super) fn phasors(&self, position: i64) -> Vec<Complex<Interval>> {
        let p = Interval::point(position);
        let phasor = |theta: &Interval| match position {
            0 => Complex::one(),
            _ => Shared::phasor(&(&p * theta)),
        };
        self.0.iter().map(phasor).collect()
    }
}
