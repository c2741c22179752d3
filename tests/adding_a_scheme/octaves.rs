//! Octaves: every pair turns `step` times slower than the one before it (a made-up scheme).

use ropewalk::encoding::spectrum::{Parameters, Scheme, Spectrum};
use ropewalk::encoding::{Absent, Checked, Key, Kind, Range, invalid};
use ropewalk::request::Reject;

/// `octaves`. θᵢ = step^(−i).
pub struct Octaves;

impl Scheme for Octaves {
    fn rope_type(&self) -> &'static str {
        "octaves"
    }

    fn summary(&self) -> &'static str {
        "step^(-i); made up"
    }

    fn keys(&self) -> &'static [Key] {
        &[Key {
            name: "step",
            kind: Kind::Number(Range::Positive),
            absent: Absent::Number(2.0),
            meaning: "how many times slower each pair turns",
        }]
    }

    fn has_base(&self) -> bool {
        false
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        match config.number("step") {
            Some(step) if step <= 1.0 => Err(invalid("step", step, "a number above 1")),
            _ => Ok(()),
        }
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let step = parameters.exact("step");
        let frequency = |i: usize| step.power(-(i as i64), 1);
        Ok(Spectrum::plain((0..parameters.pairs()).map(frequency).collect()))
    }
}
