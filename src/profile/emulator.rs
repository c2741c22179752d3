//! What a machine of a profile answers, bit for bit.

mod attention;

use super::elementary::{Elementary, Tiers};
use super::machine::{Machine, contains, encode};
use super::pipeline::{Pipeline, Turning};
use super::walk::Kernel;
use super::{Accuracy, Contraction, Precision, Profile, on_axis};
use crate::encoding::{Arithmetic, Attention, Expression, Pair, Plane, Rope};
use crate::number::{Dtype, Format};
use crate::request::{Direction, Position};

/// Emulates a profile.
pub(super) struct Emulator<'p> {
    pub(super) profile: &'p Profile,
    pub(super) pipeline: Pipeline<Machine>,
    pub(super) stored: Stored,
    arithmetic: Machine,
    output: Format,
}

/// From an angle to cos and sin in the table.
pub(super) struct Stored {
    /// Where cos and sin are computed.
    pub(super) trig: Machine,
    pub(super) table: Machine,
    pub(super) accuracy: Accuracy,
}

impl Stored {
    /// cos and sin times factors, rounded as often as the machine does.
    pub(super) fn cos_sin(&self, angle: f64, factors: &[f64]) -> [f64; 2] {
        let (mut sin, mut cos) = self.trig.sin_cos(angle, &self.accuracy);
        // A factor of 1 multiplies exactly.
        for factor in factors {
            let factor = self.trig.round(*factor);
            sin = self.trig.round(sin * factor);
            cos = self.trig.round(cos * factor);
        }
        [self.table.round(cos), self.table.round(sin)]
    }
}

/// A rope ready for positions.
pub(super) struct Spectrum<'a> {
    planes: Vec<Turning<'a, f64>>,
    /// The factor on cos and sin.
    magnitude: Option<f64>,
    direction: Direction,
}

/// cos and sin as they are stored, the direction's sign in sin.
pub(super) struct Phase {
    cos: f64,
    sin: f64,
}

impl<'p> Emulator<'p> {
    pub(super) fn new(profile: &'p Profile, output: Format) -> Emulator<'p> {
        let machine = |format| profile.machine(format);
        let step = |precision: Precision| machine(precision.format());
        let stored = step(profile.frequency);
        let tensor = machine(profile.frequency.computing());
        Emulator {
            profile,
            pipeline: Pipeline {
                tiers: Tiers {
                    host: step(profile.host),
                    tensor,
                    recipe: profile.recipe,
                    composed_pow: profile.accuracy.composed_pow,
                    denominator: 1,
                    last: Default::default(),
                },
                stored: (stored != tensor).then_some(stored),
                position: (profile.position != Precision::Exact).then(|| step(profile.position)),
                angle: step(profile.angle),
                scaling: profile.scaling,
            },
            stored: Stored {
                trig: machine(profile.angle.computing()),
                table: step(profile.table),
                accuracy: profile.accuracy,
            },
            arithmetic: step(profile.arithmetic),
            output,
        }
    }

    /// The angle of every plane, radians.
    pub(super) fn angles(&self, rope: &Rope, position: &[Position]) -> Vec<f64> {
        let planes = self.pipeline.planes(rope);
        let angle = |(turning, plane): (&Turning<f64>, &Plane)| {
            self.pipeline.angle(turning, on_axis(position, plane.axis)).unwrap_or(f64::NAN)
        };
        planes.iter().zip(&rope.planes).map(angle).collect()
    }

    /// The bits of the output.
    pub(super) fn bits(&self, value: f64) -> u64 {
        let value = match self.profile.output {
            Precision::Exact => value,
            step => self.profile.machine(step.format()).round(value),
        };
        encode(self.output, self.profile.machine(self.output).round(value))
    }

    /// A dot product of what the rotation wrote.
    pub(super) fn product(&self, q: &[f64], k: &[f64]) -> f64 {
        let written = |x: &f64| match self.profile.output {
            Precision::Exact => *x,
            step => self.profile.machine(step.format()).round(*x),
        };
        let m = self.profile.machine(Emulator::accumulator(self.profile));
        let add = |sum: f64, (q, k): (&f64, &f64)| {
            let (q, k) = (m.round(written(q)), m.round(written(k)));
            match self.profile.contraction {
                Contraction::Separate => m.round(sum + m.round(q * k)),
                _ => m.fma(q, k, sum),
            }
        };
        q.iter().zip(k).fold(0.0, add)
    }

    /// A plane turned.
    pub(super) fn turned(&self, phase: &Phase, x: f64, y: f64) -> [f64; 2] {
        let m = &self.arithmetic;
        let (x, y) = (m.round(x), m.round(y));
        let (cos, sin) = (m.round(phase.cos), m.round(phase.sin));
        let contraction = self.profile.contraction;
        [combine(m, contraction, [x, cos], [-y, sin]), combine(m, contraction, [y, cos], [x, sin])]
    }

    /// The format of dot products.
    pub(super) fn accumulator(profile: &Profile) -> Format {
        match contains(profile.arithmetic.format(), Format::F32) {
            true => profile.arithmetic.format(),
            false => Format::F32,
        }
    }
}

/// a·c + b·d in the order of a contraction; a·c is the product with cos.
fn combine(m: &Machine, contraction: Contraction, [a, c]: [f64; 2], [b, d]: [f64; 2]) -> f64 {
    match contraction {
        Contraction::Separate => m.round(m.round(a * c) + m.round(b * d)),
        Contraction::RoundsSin => m.fma(a, c, m.round(b * d)),
        Contraction::RoundsCos => m.fma(b, d, m.round(a * c)),
    }
}

impl Kernel for Emulator<'_> {
    type Spectrum<'a> = Spectrum<'a>;
    type Phase = Phase;
    type Value = f64;

    fn dtype(&self, answer: Dtype) -> Dtype {
        answer
    }

    fn spectrum<'a>(&self, rope: &'a Rope, direction: Direction) -> Spectrum<'a> {
        let magnitude = self.pipeline.magnitude(rope, direction);
        Spectrum { planes: self.pipeline.planes(rope), magnitude, direction }
    }

    fn phase(&self, spectrum: &Spectrum, plane: usize, position: Position, steps: i128) -> Phase {
        let turning = &spectrum.planes[plane];
        let angle = self.pipeline.angle(turning, position);
        let growth = self.pipeline.growth(turning, steps);
        let (Some(angle), Some(growth), Some(magnitude)) = (angle, growth, spectrum.magnitude)
        else {
            return Phase { cos: f64::NAN, sin: f64::NAN };
        };
        let factors: Vec<f64> = [Some(magnitude), growth].into_iter().flatten().collect();
        let [cos, sin] = self.stored.cos_sin(angle, &factors);
        Phase { cos, sin: if spectrum.direction == Direction::Forward { sin } else { -sin } }
    }

    fn given(&self, cos: f64, sin: f64, _: Format) -> Phase {
        Phase { cos, sin }
    }

    fn turn(&self, phase: &Phase, z: [u64; 2], format: Format) -> [f64; 2] {
        let [x, y] = z.map(|bits| format.to_f64(bits));
        self.turned(phase, x, y)
    }

    fn settle(&self, value: &f64) -> u64 {
        self.bits(*value)
    }

    fn copied(&self, bits: u64, format: Format) -> u64 {
        if format == self.output { bits } else { encode(self.output, format.to_f64(bits)) }
    }

    fn operand(&self, bits: u64, format: Format) -> f64 {
        format.to_f64(bits)
    }

    fn dot(&self, q: &[f64], k: &[f64], _: &[Pair], _: &[usize]) -> u64 {
        self.bits(self.product(q, k))
    }

    fn attention(&self, a: &Attention) -> [Vec<u64>; 2] {
        self.attended(a)
    }

    fn table(&self, phase: &Phase) -> [u64; 2] {
        [self.bits(phase.cos), self.bits(phase.sin)]
    }

    fn frequency(&self, spectrum: &Spectrum, plane: usize) -> u64 {
        self.bits(spectrum.planes[plane].frequency.unwrap_or(f64::NAN))
    }

    fn constant(&self, expression: &Expression, times: i128) -> u64 {
        let m = &self.pipeline.tiers.tensor;
        let value = self.pipeline.tiers.constant(expression).and_then(|value| {
            let value = m.convert(&value);
            if times == 1 { Some(value) } else { m.mul(&value, &m.integer(times)?) }
        });
        self.bits(value.unwrap_or(f64::NAN))
    }

    fn computed(&self, expression: &Expression) -> u64 {
        self.bits(self.pipeline.tiers.frequency(expression).unwrap_or(f64::NAN))
    }
}
