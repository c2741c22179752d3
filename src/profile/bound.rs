//! The largest error that a machine of a profile may have, element by element.

mod attention;
mod score;

use super::elementary::{Elementary, Tiers};
use super::machine::{Machine, contains, encode, power_of_two};
use super::pipeline::{Pipeline, Turning};
use super::plane::{Phase, Steps, Value, up_add};
use super::span::{Span, Spans};
use super::walk::Kernel;
use super::{Precision, Profile, Recipe, Scaling, on_axis};
use crate::encoding::{Arithmetic, Attention, Expression, Pair, Plane, Rope};
use crate::number::{Dtype, Format, Overflow};
use crate::request::{Direction, Position};

/// Bounds the errors of a profile.
pub(super) struct Bounder {
    pub(super) profile: Profile,
    pub(super) exact: Pipeline<Spans>,
    pub(super) machine: Pipeline<Spans>,
    pub(super) steps: Steps,
    /// Every rounding after the arithmetic.
    pub(super) outputs: Vec<Machine>,
    pub(super) output: Format,
}

/// A rope with its exact and its computed frequencies.
pub(super) struct Spectrum<'a> {
    exact: Vec<Turning<'a, Span>>,
    machine: Vec<Turning<'a, Span>>,
    /// The factor on cos and sin: exact, and what the host computes.
    magnitude: Option<[Span; 2]>,
}

impl Bounder {
    pub(super) fn new(profile: &Profile, output: Format) -> Bounder {
        let machine = |format| profile.machine(format);
        let spans = |m: Machine| Spans { machine: Some(m), accuracy: profile.accuracy };
        let step = |precision: Precision| spans(machine(precision.format()));
        let tensor = machine(profile.frequency.computing());
        let stored = machine(profile.frequency.format());
        let written = match profile.output {
            Precision::Exact => None,
            step => Some(machine(step.format())),
        };
        let exact = Spans::exact();
        Bounder {
            profile: *profile,
            exact: Pipeline {
                tiers: Tiers {
                    host: exact,
                    tensor: exact,
                    recipe: Recipe::NegativePower,
                    composed_pow: false,
                    denominator: 1,
                    last: Default::default(),
                },
                stored: None,
                position: None,
                angle: exact,
                scaling: Scaling::Frequency,
            },
            machine: Pipeline {
                tiers: Tiers {
                    host: step(profile.host),
                    tensor: spans(tensor),
                    recipe: profile.recipe,
                    composed_pow: profile.accuracy.composed_pow,
                    denominator: 1,
                    last: Default::default(),
                },
                stored: (stored != tensor).then_some(spans(stored)),
                position: (profile.position != Precision::Exact).then(|| step(profile.position)),
                angle: step(profile.angle),
                scaling: profile.scaling,
            },
            steps: Steps::new(profile),
            outputs: written.into_iter().chain([machine(output)]).collect(),
            output,
        }
    }

    /// The format that bounds are written in: eight bits are too few to say them.
    pub(super) fn unit(&self) -> Format {
        if self.output.width() == 8 { Format::F32 } else { self.output }
    }

    /// Its dtype, given that of the output.
    pub(super) fn unit_dtype(&self, output: Dtype) -> Dtype {
        if self.output.width() == 8 { Dtype::F32 } else { output }
    }

    /// What a residual, a number of f16, says of an error next to 0 in units of the least number: no
    /// bound in a wider format than the output's may be below it.
    pub(super) fn least_seen(&self) -> f64 {
        match self.output.width() {
            8 => libm::ldexp(1.0, self.output.least_exponent() - 24),
            _ => 0.0,
        }
    }

    /// The error of the angle of every plane, radians.
    pub(super) fn angle_errors(&self, rope: &Rope, position: &[Position]) -> Vec<f64> {
        let (exact, machine) = (self.exact.planes(rope), self.machine.planes(rope));
        let error = |(index, plane): (usize, &Plane)| {
            let position = on_axis(position, plane.axis);
            let exact = self.exact.angle(&exact[index], position)?;
            Some(exact.distance(&self.machine.angle(&machine[index], position)?))
        };
        let planes = rope.planes.iter().enumerate();
        planes.map(|plane| error(plane).unwrap_or(f64::INFINITY)).collect()
    }

    /// The error of x turned, y being 0, the output included; none if x is lost on the way.
    pub(super) fn of(&self, phase: &Phase, x: f64, input: Format) -> Option<f64> {
        let mut value = self.steps.turn(phase, x, 0.0, input);
        self.outputs.iter().for_each(|machine| value.convert(machine));
        value.error.is_finite().then_some(value.error)
    }

    /// Every machine from cos and sin on.
    pub(super) fn formats(&self) -> Vec<Machine> {
        let Steps { trig, table, arithmetic, .. } = self.steps;
        [trig, table, arithmetic].into_iter().chain(self.outputs.iter().copied()).collect()
    }

    /// Rounds through the outputs, and the bits of the bound.
    pub(super) fn finish(&self, value: &Value) -> u64 {
        let mut value = value.clone();
        if lost(value.format, self.output, &value) {
            return self.unit().infinity();
        }
        for machine in &self.outputs {
            if machine.format.overflow() == Overflow::Saturate {
                value.size = value.size.min(machine.format.to_f64(machine.format.largest()));
            }
            value.convert(machine);
            if lost(machine.format, self.output, &value) {
                return self.unit().infinity();
            }
        }
        // Cutting both at the largest number brings them no further apart.
        if self.output.overflow() == Overflow::Saturate {
            return self.rounded_up(&value);
        }
        // An answer beyond the largest number counts as 2^(e_max+1) and may be that much smaller.
        let limit = 2.0 * power_of_two(self.output.e_max());
        if value.size > limit {
            value.error = up_add(value.error, value.size - limit);
        }
        self.rounded_up(&value)
    }

    /// The least number of the output's format that is not below the error; ∞ if it reached what
    /// was mixed.
    fn rounded_up(&self, value: &Value) -> u64 {
        let format = self.unit();
        if value.error == 0.0 {
            return 0;
        }
        if !value.error.is_finite() {
            return format.infinity();
        }
        let error = value.error.max(self.least_seen());
        let nearest = encode(format, error);
        let bits = match format.to_f64(nearest) < error {
            true => format.next_up(nearest).unwrap_or(format.infinity()),
            false => nearest,
        };
        // A product that was rounded up may be too large by so much.
        if format.to_f64(bits) >= value.mixed * (1.0 - power_of_two(-40)) {
            format.infinity()
        } else {
            bits
        }
    }

    /// A value that both arithmetics enclose.
    fn enclosed(&self, exact: Option<Span>, machine: Option<Span>, from: Format) -> u64 {
        let (Some(exact), Some(machine)) = (exact, machine) else {
            return self.unit().infinity();
        };
        let size = exact.reach().max(machine.reach());
        let least = if exact.lo <= 0.0 && exact.hi >= 0.0 {
            0.0
        } else {
            exact.lo.abs().min(exact.hi.abs())
        };
        let error = exact.distance(&machine);
        let value = Value { size, error, mixed: least, format: from };
        if exact.same_point(&machine) {
            // One number, and every machine has it: what is left is one rounding or none.
            return self.copy_of(exact.lo, from, &self.outputs);
        }
        self.finish(&value)
    }

    /// The error of taking a known number of a format through roundings into the output.
    fn copy_of(&self, x: f64, from: Format, outputs: &[Machine]) -> u64 {
        if outputs.iter().all(|machine| !machine.flush && contains(machine.format, from)) {
            return 0;
        }
        let rounded = outputs.iter().fold(x, |x, machine| machine.round(x));
        let error = match rounded.is_finite() {
            // Cut at the largest number, as the exact value is.
            true if self.output.overflow() == Overflow::Saturate => {
                let largest = self.output.to_f64(self.output.largest());
                (rounded - x.clamp(-largest, largest)).abs()
            }
            // Exact up to one rounding: both are numbers of f64.
            true => (rounded - x).abs(),
            false => (x.abs() - 2.0 * power_of_two(self.output.e_max())).abs(),
        };
        let error = if error == 0.0 { 0.0 } else { error.next_up() };
        self.rounded_up(&Value { error, ..Value::exact(x.abs(), f64::INFINITY, self.output) })
    }
}

/// Whether an infinity may arise in a format that the output would have held as a number.
fn lost(format: Format, output: Format, value: &Value) -> bool {
    // What saturates has a number for an infinity too.
    format.overflow() == Overflow::Ieee
        && output.overflow() == Overflow::Ieee
        && format.e_max() < output.e_max()
        && value.size > format.to_f64(format.largest())
}

impl Kernel for Bounder {
    type Spectrum<'a> = Spectrum<'a>;
    type Phase = Option<Phase>;
    type Value = Value;

    fn dtype(&self, answer: Dtype) -> Dtype {
        self.unit_dtype(answer)
    }

    fn spectrum<'a>(&self, rope: &'a Rope, direction: Direction) -> Spectrum<'a> {
        let magnitude = |pipeline: &Pipeline<Spans>| pipeline.magnitude(rope, direction);
        Spectrum {
            exact: self.exact.planes(rope),
            machine: self.machine.planes(rope),
            magnitude: magnitude(&self.exact).zip(magnitude(&self.machine)).map(Into::into),
        }
    }

    fn phase(
        &self,
        spectrum: &Spectrum,
        plane: usize,
        position: Position,
        steps: i128,
    ) -> Option<Phase> {
        let (exact, machine) = (&spectrum.exact[plane], &spectrum.machine[plane]);
        let angle = self.exact.angle(exact, position)?;
        let computed = self.machine.angle(machine, position)?;
        let [mut factor, mut factor_machine] = spectrum.magnitude?;
        let trig = Spans { machine: Some(self.steps.trig), accuracy: self.profile.accuracy };
        factor_machine = trig.convert(&factor_machine);
        if let Some(growth) = self.exact.growth(exact, steps)? {
            let computed = trig.convert(&self.machine.growth(machine, steps)??);
            factor = Spans::exact().mul(&factor, &growth)?;
            // Two factors one after the other; the second product is counted here.
            factor_machine = trig.mul(&factor_machine, &computed)?;
        }
        let narrower = self.steps.trig.format.e_max().min(self.steps.table.format.e_max());
        if factor.lo <= 0.0 || factor.reach().max(factor_machine.reach()) > power_of_two(narrower) {
            return None;
        }
        Some(Phase {
            still: angle.is(0.0) && computed.is(0.0),
            plain: factor.is(1.0) && factor_machine.is(1.0),
            delta: angle.distance(&computed),
            reach: angle.reach().max(computed.reach()),
            factor,
            factor_error: factor.distance(&factor_machine),
            given: None,
        })
    }

    fn given(&self, cos: f64, sin: f64, format: Format) -> Option<Phase> {
        if !cos.is_finite() || !sin.is_finite() {
            return None;
        }
        // A given 1 and 0 copy.
        Some(Phase {
            still: sin == 0.0,
            plain: sin == 0.0 && cos == 1.0,
            delta: 0.0,
            reach: 0.0,
            factor: Span::point(1.0),
            factor_error: 0.0,
            given: Some(([cos, sin], format)),
        })
    }

    fn turn(&self, phase: &Option<Phase>, z: [u64; 2], format: Format) -> [Value; 2] {
        let [x, y] = z.map(|bits| format.to_f64(bits).abs());
        let Some(phase) = phase.as_ref().filter(|_| x.is_finite() && y.is_finite()) else {
            return [Value::OPEN, Value::OPEN];
        };
        [self.steps.turn(phase, x, y, format), self.steps.turn(phase, y, x, format)]
    }

    fn settle(&self, value: &Value) -> u64 {
        self.finish(value)
    }

    fn copied(&self, bits: u64, format: Format) -> u64 {
        match format.is_finite(bits) {
            true => {
                let last = &self.outputs[self.outputs.len() - 1..];
                self.copy_of(format.to_f64(bits), format, last)
            }
            // The copy of an infinity or a NaN.
            false => 0,
        }
    }

    fn operand(&self, bits: u64, format: Format) -> Value {
        let x = format.to_f64(bits).abs();
        if !x.is_finite() {
            return Value::OPEN;
        }
        Value::exact(x, x, format)
    }

    fn dot(&self, q: &[Value], k: &[Value], pairs: &[Pair], outside: &[usize]) -> u64 {
        self.score(q, k, pairs, outside)
    }

    fn attention(&self, a: &Attention) -> [Vec<u64>; 2] {
        self.attended(a)
    }

    fn table(&self, phase: &Option<Phase>) -> [u64; 2] {
        let Some(phase) = phase else { return [self.unit().infinity(); 2] };
        // cos 0 = 1 and sin 0 = 0 in every library and every format, and 0 whatever scales it.
        [false, true].map(|is_sin| match phase.still && (is_sin || phase.plain) {
            true => 0,
            false => self.finish(&self.steps.entry(phase, is_sin)),
        })
    }

    fn frequency(&self, spectrum: &Spectrum, plane: usize) -> u64 {
        let (exact, machine) = (&spectrum.exact[plane], &spectrum.machine[plane]);
        self.enclosed(exact.frequency, machine.frequency, self.profile.frequency.format())
    }

    fn constant(&self, expression: &Expression, times: i128) -> u64 {
        let of = |pipeline: &Pipeline<Spans>| {
            let tensor = &pipeline.tiers.tensor;
            let value = tensor.convert(&pipeline.tiers.constant(expression)?);
            if times == 1 { Some(value) } else { tensor.mul(&value, &tensor.integer(times)?) }
        };
        self.enclosed(of(&self.exact), of(&self.machine), self.profile.frequency.computing())
    }

    fn computed(&self, expression: &Expression) -> u64 {
        let of = |pipeline: &Pipeline<Spans>| pipeline.tiers.frequency(expression);
        self.enclosed(of(&self.exact), of(&self.machine), self.profile.frequency.computing())
    }
}
