//! `rotate`, `table`, `inv_freq` and `apply`: the rows of the block matrix.

use super::cyclotomic::rational_sum;
use super::read::{Config, Finite, format, position};
use super::rows::{Row, rows};
use super::settle::{Outcome, first_precision};
use super::spectrum::{Parameters, Spectrum};
use super::turn::{Angle, Turn, Turns, Wheel, growth_per_position};
use super::{Ball, SecondError, SecondOracle, Sink, Target, published};
use ropewalk::encoding::{Apply, InvFreq, Rotate, Table};
use ropewalk::exact::Site;
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::{Direction, Object, Positions};
use rug::{Complete, Rational};

/// A config with what follows from it.
pub(super) struct Encoding<'a> {
    pub(super) spectrum: Spectrum<'a>,
    pub(super) rows: Vec<Option<Row>>,
}

impl<'a> Encoding<'a> {
    pub(super) fn new(
        oracle: &SecondOracle,
        config: &'a Object,
        seq_len: Option<i64>,
    ) -> Result<Encoding<'a>, SecondError> {
        let config = Config(config);
        let spectrum = published::spectrum(Parameters::new(config, seq_len, oracle.step)?)?;
        let rows = rows(config, config.size("head_dim")?, &spectrum)?;
        Ok(Encoding { spectrum, rows })
    }
}

/// The position of a token on an axis, in positions of shape [axis][…].
pub(super) fn on_axis(positions: &Positions, axis: usize, token: usize) -> Rational {
    let tokens = positions.data().len() / positions.shape()[0].max(1);
    position(positions.data()[axis * tokens + token])
}

/// The four dimensions of a tensor of heads.
pub(super) fn heads(tensor: &Tensor) -> Result<[usize; 4], SecondError> {
    <[usize; 4]>::try_from(tensor.shape())
        .map_err(|_| SecondError::Unsupported("heads of another rank".into()))
}

impl SecondOracle {
    pub(super) fn rotate(
        &self,
        r: &Rotate,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        let encoding = Encoding::new(self, &r.config, r.seq_len)?;
        let wheel = Wheel::new(&self.functions, &encoding.spectrum, true);
        for (name, tensor) in [("q", Some(&r.q)), ("k", r.k.as_ref())] {
            let Some(tensor) = tensor else { continue };
            let from = format(tensor)?;
            let [_, heads, seq, dim] = heads(tensor)?;
            let mut turns = Turns::new(&wheel, r.direction, name == "k");
            for (index, &bits) in tensor.data().iter().enumerate() {
                let (line, j) = (index / dim, index % dim);
                let token = line / (heads * seq) * seq + line % seq;
                let outcome = match encoding.rows[j] {
                    None => Outcome::copied(bits, from, target),
                    Some(row) => {
                        let at = on_axis(&r.positions, row.axis, token);
                        let turn = turns.at(row.pair, &at)?;
                        let partner = tensor.data()[line * dim + row.partner];
                        let sign = self.sign(row.second, r.direction);
                        mixed(&turn, [bits, partner], sign, from, target)
                            .map_err(|precision| undecided(name, index, precision))?
                    }
                };
                sink(Site { name, index }, outcome);
            }
        }
        Ok(())
    }

    /// The sign of the sine in the first or second row of a block.
    pub(super) fn sign(&self, second: usize, direction: Direction) -> i8 {
        let sign = self.signs[second];
        if direction == Direction::Forward { sign } else { -sign }
    }

    pub(super) fn table(
        &self,
        t: &Table,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        let encoding = Encoding::new(self, &t.config, t.seq_len)?;
        let wheel = Wheel::new(&self.functions, &encoding.spectrum, true);
        let pairs = encoding.spectrum.frequencies.len();
        let axes = axes(&encoding);
        let mut turns = Turns::new(&wheel, Direction::Forward, false);
        // cos is the first row applied to (1, 0); sin the second row of the same.
        let one = Target::F64.encode_rational(&Rational::from(1));
        for (name, z, second) in [("cos", [one, 0], 0), ("sin", [0, one], 1)] {
            for token in 0..t.positions.shape()[1..].iter().product() {
                for (pair, &axis) in axes.iter().enumerate() {
                    let turn = turns.at(pair, &on_axis(&t.positions, axis, token))?;
                    let index = token * pairs + pair;
                    let sign = self.signs[second];
                    let outcome = mixed(&turn, z, sign, Target::F64, target)
                        .map_err(|precision| undecided(name, index, precision))?;
                    sink(Site { name, index }, outcome);
                }
            }
        }
        Ok(())
    }

    pub(super) fn inv_freq(
        &self,
        f: &InvFreq,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        let encoding = Encoding::new(self, &f.config, f.seq_len)?;
        let spectrum = &encoding.spectrum;
        let divisor = super::radical::Radical::from(spectrum.position_divisor.clone().recip());
        let frequencies = spectrum.frequencies.iter().enumerate();
        let frequencies = frequencies.map(|(i, x)| ("inv_freq", i, x.times(&divisor)));
        let growth = (0..spectrum.frequencies.len())
            .filter_map(|i| Some(("growth", i, growth_per_position(spectrum, i)?)))
            .map(|(name, i, radical)| (name, i, super::real::Real::Radical(radical)));
        let factors = [
            ("attention_factor", 0, spectrum.attention_factor.clone()),
            ("softmax_factor", 0, spectrum.softmax_factor.clone()),
        ];
        for (name, index, real) in frequencies.chain(growth).chain(factors) {
            let enclose = |bits| real.ball(&self.functions, bits);
            let outcome =
                Outcome::search(target, first_precision(target), enclose, || real.value())
                    .map_err(|precision| undecided(name, index, precision))?;
            sink(Site { name, index }, outcome);
        }
        Ok(())
    }

    /// The planes and axes of `inv_freq`: the first rows of the blocks, in the order of the
    /// frequencies, with their partners.
    pub(super) fn planes(&self, f: &InvFreq) -> Result<Vec<(&'static str, Tensor)>, SecondError> {
        let encoding = Encoding::new(self, &f.config, f.seq_len)?;
        let mut planes: Vec<(usize, usize, Row)> = (encoding.rows.iter().enumerate())
            .filter_map(|(j, row)| row.filter(|row| row.second == 0).map(|row| (row.pair, j, row)))
            .collect();
        planes.sort_by_key(|(pair, ..)| *pair);
        let i32_bits = |n: usize| u64::from(n as u32);
        let pairs = planes.iter().flat_map(|(_, j, row)| [i32_bits(*j), i32_bits(row.partner)]);
        let axes = planes.iter().map(|(.., row)| i32_bits(row.axis));
        Ok(vec![
            ("planes", super::tensor(Dtype::I32, vec![planes.len(), 2], pairs.collect())?),
            ("axis", super::tensor(Dtype::I32, vec![planes.len()], axes.collect())?),
        ])
    }

    pub(super) fn apply(
        &self,
        a: &Apply,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        let config = Config(&a.config);
        // The rows need no frequencies but their number.
        let zero = super::real::Real::from(Rational::new());
        let spectrum = Spectrum::plain(vec![zero; config.size("rotary_dim")? / 2]);
        let rows = rows(config, config.size("head_dim")?, &spectrum)?;
        let pairs = spectrum.frequencies.len();
        let (cos_format, sin_format) = (format(&a.cos)?, format(&a.sin)?);
        for (name, tensor) in [("q", Some(&a.q)), ("k", a.k.as_ref())] {
            let Some(tensor) = tensor else { continue };
            let from = format(tensor)?;
            let [_, heads, seq, dim] = heads(tensor)?;
            for (index, &bits) in tensor.data().iter().enumerate() {
                let (line, j) = (index / dim, index % dim);
                let token = line / (heads * seq) * seq + line % seq;
                let outcome = match rows[j] {
                    None => Outcome::copied(bits, from, target),
                    Some(row) => {
                        let entry = token * pairs + row.pair;
                        let finite = [
                            from.finite(bits),
                            from.finite(tensor.data()[line * dim + row.partner]),
                            cos_format.finite(a.cos.data()[entry]),
                            sin_format.finite(a.sin.data()[entry]),
                        ];
                        let sign = self.sign(row.second, a.direction);
                        exact_row(finite, sign, target)
                            .ok_or_else(|| undecided(name, index, EXACT))?
                    }
                };
                sink(Site { name, index }, outcome);
            }
        }
        Ok(())
    }
}

pub(super) fn undecided(name: &'static str, index: usize, precision: u32) -> SecondError {
    SecondError::Undecided { name, index, precision }
}

/// More than the span of all products of two f64.
const EXACT: u32 = 1 << 13;

/// x cos ± x′ sin for a table that is given: a dyadic.
fn exact_row(finite: [Option<Finite>; 4], sign: i8, target: Target) -> Option<Outcome> {
    let [Some(x), Some(partner), Some(cos), Some(sin)] = finite else {
        return Some(Outcome::nonfinite(target));
    };
    let product = |a: Finite, b: Finite| a.ball(EXACT) * b.ball(EXACT);
    let value = match sign < 0 {
        true => product(x, cos) - product(partner, sin),
        false => product(x, cos) + product(partner, sin),
    };
    Outcome::ball(&value, target)
}

/// The axis of every pair.
fn axes(encoding: &Encoding) -> Vec<usize> {
    let mut axes = vec![0; encoding.spectrum.frequencies.len()];
    for row in encoding.rows.iter().flatten() {
        axes[row.pair] = row.axis;
    }
    axes
}

/// One row: scale · (x cos φ ± x′ sin φ) for the patterns z of x and its partner x′.
pub(super) fn mixed(
    turn: &Turn,
    z: [u64; 2],
    sign: i8,
    from: Target,
    target: Target,
) -> Result<Outcome, u32> {
    let still = matches!(turn.angle, Angle::Zero);
    if still && turn.scale.is_one() {
        return Ok(Outcome::copied(z[0], from, target));
    }
    let [Some(x), Some(partner)] = z.map(|bits| from.finite(bits)) else {
        return Ok(Outcome::nonfinite(target));
    };
    if x.is_zero() && (still || partner.is_zero()) {
        return Ok(Outcome::rational(&Rational::new(), target));
    }
    let enclose = |bits: u32| {
        let (cos, sin) = turn.phasor(bits)?;
        let kept = x.ball(bits) * cos;
        Some(match sign < 0 {
            _ if still => kept,
            true => kept - partner.ball(bits) * sin,
            false => kept + partner.ball(bits) * sin,
        })
    };
    let rational = || {
        let scale = turn.scale.rational.as_ref();
        let unscaled = match &turn.angle {
            Angle::Zero => Some(x.rational()),
            Angle::OfPi(t) => {
                // x cos φ − y sin φ with y = ∓x′.
                let y = if sign < 0 { partner.rational() } else { -partner.rational() };
                rational_sum(&[(x.rational(), y, t.clone())]).ok().flatten()
            }
            Angle::Other => None,
        }?;
        if unscaled.is_zero() { Some(unscaled) } else { scale.map(|s| (s * &unscaled).complete()) }
    };
    Outcome::search(target, first_precision(target), enclose, rational)
}

/// A coordinate as it is, for sums of products.
pub(super) fn plain(bits: u64, from: Target, precision: u32) -> Option<Ball> {
    from.finite(bits).map(|x| x.ball(precision))
}
