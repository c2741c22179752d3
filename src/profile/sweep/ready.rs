//! A profile and a rope, ready to be swept.

use super::found::{Known, Truth};
use crate::encoding::{Expression, Rope};
use crate::number::Format;
use crate::profile::emulator::{Emulator, Stored};
use crate::profile::pipeline::Route;
use crate::profile::{Machine, Profile};
use crate::request::Direction;

/// Positions are below this: then a position times a piece of a frequency is exact.
pub const LAST_POSITION: u64 = 1 << 32;

/// A profile and a rope, ready to be swept.
pub struct Sweep<'a> {
    pub(super) routes: Vec<Option<Route<f64>>>,
    pub(super) known: Vec<Known>,
    /// Where positions are rounded.
    pub(super) format: Format,
    /// Where a running product is multiplied.
    pub(super) tensor: Machine,
    pub(super) angle: Machine,
    pub(super) stored: Stored,
    pub(super) magnitude: Option<f64>,
    pub(super) truth: &'a dyn Truth,
    pub(super) bound: Option<f64>,
}

impl<'a> Sweep<'a> {
    /// Computes the frequencies. All axes have the same position. None for a rope with growth,
    /// which has no single table.
    pub fn new(
        profile: &Profile,
        rope: &Rope,
        truth: &'a dyn Truth,
        bound: Option<f64>,
    ) -> Option<Sweep<'a>> {
        if rope.planes.iter().any(|plane| plane.growth != Expression::integer(1)) {
            return None;
        }
        let Emulator { pipeline, stored, .. } = Emulator::new(profile, Format::F64);
        let routes = pipeline.planes(rope).iter().map(|turning| pipeline.route(turning)).collect();
        Some(Sweep {
            routes,
            known: (0..rope.planes.len()).map(|plane| truth.plane(plane)).collect(),
            format: pipeline.position.as_ref().unwrap_or(&pipeline.angle).format,
            tensor: pipeline.tiers.tensor,
            angle: pipeline.angle,
            stored,
            magnitude: pipeline.magnitude(rope, Direction::Forward),
            truth,
            bound,
        })
    }

    pub(super) fn table(&self, angle: f64) -> [f64; 2] {
        self.magnitude.map_or([f64::NAN; 2], |magnitude| self.stored.cos_sin(angle, &[magnitude]))
    }
}
