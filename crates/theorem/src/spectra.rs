//! The ropes on which theorems are enclosed with the true frequencies.

use super::report::Tally;
use super::rotation::{Head, Rotation};
use super::sample::POSITIONS;
use num_complex::Complex;
use rayon::prelude::*;
use ropewalk::encoding::{Arithmetic, Layout, RopeConfig};
use ropewalk::exact::{Interval, Intervals, ResolvedRope};
use ropewalk::request::{Json, Object};

/// Bits beyond those asked for: 64 for the integer part of an angle, the rest for sums of at most
/// 2¹⁶ products and their rounding.
const GUARD: u32 = 96;

/// Configs by layout, head_dim, rotary_dim, rotary_offset, and the keys of the scheme.
const CONFIGS: [(Layout, usize, usize, usize, &str); 8] = [
    (Layout::Half, 2, 2, 0, r#""rope_theta":10000"#),
    (Layout::Half, 128, 128, 0, r#""rope_theta":10000"#),
    (Layout::Interleaved, 64, 64, 0, r#""rope_theta":500000"#),
    (Layout::Half, 96, 64, 16, r#""rope_theta":1000000"#),
    (Layout::Interleaved, 64, 16, 8, r#""rope_theta":2.5"#),
    (Layout::Interleaved, 64, 64, 0, r#""rope_theta":10000,"rope_type":"xpos""#),
    (
        Layout::Interleaved,
        128,
        128,
        0,
        r#""rope_theta":1000000,"rope_type":"yarn","factor":4,"original_max_position_embeddings":32768"#,
    ),
    (
        Layout::Half,
        128,
        128,
        0,
        r#""rope_theta":500000,"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192"#,
    ),
];

/// A head with its frequencies, its magnitude and what each plane grows by per position, enclosed.
pub(super) struct Spectrum {
    pub(super) head: Head,
    magnitude: Interval,
    frequencies: Vec<Interval>,
    growth: Vec<Interval>,
    grows: bool,
    name: String,
}

impl Spectrum {
    fn new<R: Rotation>(
        (layout, dim, rotary_dim, offset, keys): (Layout, usize, usize, usize, &str),
        precision: u32,
    ) -> Result<Spectrum, String> {
        let head = Head::new::<R>(layout, dim, rotary_dim, offset);
        let text = format!(
            r#"{{"head_dim":{dim},"layout":"{}","rotary_dim":{rotary_dim},"rotary_offset":{offset},{keys}}}"#,
            layout.name()
        );
        let config: Object = match serde_json::from_str(&text) {
            Ok(Json::Object(config)) => config,
            _ => return Err(format!("{text} is no config")),
        };
        let rope = RopeConfig::new(&config).and_then(|config| config.rope(None));
        let rope = ResolvedRope::new(&rope.map_err(|reject| reject.to_string())?)
            .map_err(|undecided| undecided.to_string())?;
        let bits = precision + GUARD;
        let frequencies = rope.planes.iter().map(|plane| plane.frequency.enclose(bits));
        let growth = rope.planes.iter().map(|plane| plane.growth.enclose(bits));
        match (frequencies.collect(), growth.collect(), rope.magnitude.enclose(bits)) {
            (Some(frequencies), Some(growth), Some(magnitude)) => Ok(Spectrum {
                magnitude: magnitude.widen(bits),
                frequencies,
                growth,
                grows: rope.planes.iter().any(|plane| !plane.growth.is_one()),
                name: format!("{head}, {}", keys.replace('"', "")),
                head,
            }),
            _ => Err(format!("{text} cannot be enclosed at {bits} bits")),
        }
    }

    /// The sample positions; with growth only near ones, since ζ^m overflows any tolerance.
    pub(super) fn positions(&self) -> impl Iterator<Item = (i64, i64)> {
        let near = |p: i64| !self.grows || p.abs() <= 4096;
        POSITIONS.into_iter().filter(move |&(m, n)| near(m) && near(n))
    }

    /// magnitude · ζᵢ^exponent for every plane.
    pub(super) fn scales(&self, exponent: i64) -> Vec<Interval> {
        let intervals = Intervals { precision: self.magnitude.precision() };
        let grown = |growth: &Interval| match self.grows {
            // Without a power, which no positive growth lacks, the whole line: it proves nothing.
            true => intervals
                .power(growth, exponent, 1)
                .unwrap_or_else(|| &Interval::point(1) / &Interval::point(0)),
            false => Interval::point(1),
        };
        self.growth.iter().map(|growth| &self.magnitude * &grown(growth)).collect()
    }

    /// A short number with room for the working precision, which roots of it need.
    pub(super) fn widened(&self, z: Complex<Interval>) -> Complex<Interval> {
        let bits = self.magnitude.precision();
        Complex::new(z.re.widen(bits), z.im.widen(bits))
    }

    /// e^{ipθ} for every plane.
    pub(super) fn phasors<R: Rotation>(&self, position: i64) -> Vec<Complex<Interval>> {
        let p = Interval::point(position);
        self.frequencies.iter().map(|theta| R::phasor(&(&p * theta))).collect()
    }
}

impl std::fmt::Display for Spectrum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// Runs a check on every rope, residuals within 2^−precision.
pub(super) fn on_each<R: Rotation>(
    precision: u32,
    check: impl Fn(&Spectrum, &mut Tally) + Sync,
) -> Tally {
    let run = |config| {
        let mut tally = Tally::within(precision);
        match Spectrum::new::<R>(config, precision) {
            Ok(spectrum) => check(&spectrum, &mut tally),
            Err(why) => tally.fail(|| why),
        }
        tally
    };
    // The order of the ropes, so that the first failure is the same on every run.
    let tallies: Vec<Tally> = CONFIGS.into_par_iter().map(run).collect();
    tallies.into_iter().fold(Tally::within(precision), Tally::join)
}
