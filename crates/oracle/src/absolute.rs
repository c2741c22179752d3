//! Sinusoidal and learned embeddings, weight rows.

use super::radical::Radical;
use super::read::{Config, format, position};
use super::real::Real;
use super::rotary::mixed;
use super::rotary::undecided;
use super::settle::Outcome;
use super::spectrum::Spectrum;
use super::turn::{Turns, Wheel};
use super::{SecondError, SecondOracle, Sink, Target};
use ropewalk::encoding::{LearnedRows, PermuteRows, SinusoidalRows};
use ropewalk::exact::Site;
use ropewalk::request::Direction;
use rug::Rational;

impl SecondOracle {
    /// PE[p, j] = sin or cos of p / base^(k / divisor): k = j // 2 and the parity of j in Vaswani's
    /// columns, k = j % half and j // half in those of tensor2tensor.
    pub(super) fn sinusoidal(
        &self,
        s: &SinusoidalRows,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        const NAME: &str = "embedding";
        let config = Config(&s.sinusoidal.config);
        let dim = config.size("dim")?;
        // openpi: period = min_period * (max_period / min_period) ** fraction, 2π / period * time;
        // tensor2tensor: min_timescale * exp(k * −log(max_timescale / min_timescale) / divisor).
        let periods = config.has("min_period");
        let first = match config.has("min_timescale") {
            true => config.number("min_timescale")?,
            false => Rational::from(1),
        };
        let (scale, ratio) = match periods {
            true => {
                let shortest = config.number("min_period")?;
                let ratio = config.number("max_period")? / &shortest;
                (Rational::from(2) / shortest, ratio)
            }
            false => (first.clone(), config.number("base")? / first),
        };
        let half = dim / 2;
        let divisor = match config.word("divisor")? {
            "half" => half,
            "half_minus_one" => half.saturating_sub(1),
            other => return Err(SecondError::Unsupported(format!("divisor {other}"))),
        };
        let interleaved = match config.word("layout")? {
            "interleaved" => true,
            "concatenated" => false,
            other => return Err(SecondError::Unsupported(format!("layout {other}"))),
        };
        let cos_parity = match config.word("order")? {
            "sin_first" => 1,
            "cos_first" => 0,
            other => return Err(SecondError::Unsupported(format!("order {other}"))),
        };
        let timescale = |k: usize| {
            let exponent = -Rational::from((k as u64, divisor.max(1) as u64));
            let radical = Radical::power(&ratio, exponent).times(&Radical::from(scale.clone()));
            let frequency = if periods { Real::Pi(radical) } else { Real::Radical(radical) };
            frequency.simplified()
        };
        let spectrum = Spectrum::plain((0..half).map(timescale).collect());
        let wheel = Wheel::new(&self.functions, &spectrum, true);
        let mut turns = Turns::new(&wheel, Direction::Forward, false);
        let one = Target::F64.encode_rational(&Rational::from(1));
        for (row, &at) in s.positions.iter().enumerate() {
            let at = position(at);
            for j in 0..dim {
                let index = row * dim + j;
                // The last column of an odd width.
                let outcome = if j == 2 * half {
                    Outcome::rational(&Rational::new(), target)
                } else {
                    let (k, parity) =
                        if interleaved { (j / 2, j % 2) } else { (j % half, j / half) };
                    let turn = turns.at(k, &at)?;
                    // Rows of a block: cos · 1 − sin · 0 and cos · 0 + sin · 1.
                    let second = usize::from(parity != cos_parity);
                    let z = if second == 0 { [one, 0] } else { [0, one] };
                    mixed(&turn, z, self.signs[second], Target::F64, target)
                        .map_err(|precision| undecided(NAME, index, precision))?
                };
                sink(Site { name: NAME, index }, outcome);
            }
        }
        Ok(())
    }

    /// W[p + offset].
    pub(super) fn learned(
        &self,
        l: &LearnedRows,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        let config = Config(&l.learned.config);
        let from = format(&l.table)?;
        let dim = config.size("dim")?;
        let offset = config.number("offset")?;
        for (row, &at) in l.positions.iter().enumerate() {
            let source = (position(at) + &offset).numer().to_usize();
            let source = source
                .and_then(|source| l.table.data().get(source * dim..(source + 1) * dim))
                .ok_or_else(|| SecondError::Unsupported("a row beyond the table".into()))?;
            for (j, &bits) in source.iter().enumerate() {
                let index = row * dim + j;
                sink(Site { name: "embedding", index }, Outcome::copied(bits, from, target));
            }
        }
        Ok(())
    }

    /// Meta to Hugging Face: w.view(heads, r/2, 2, columns).transpose(1, 2).reshape(…) on the
    /// first r rows of each head; back with (heads, 2, r/2, columns).
    pub(super) fn permute_qk(
        &self,
        p: &PermuteRows,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        let config = Config(&p.permutation.config);
        let from = format(&p.weight)?;
        let (dim, r) = (config.size("head_dim")?, config.size("rotary_dim")?);
        let columns = p.weight.shape().last().copied().unwrap_or_default();
        let view = match p.to.name() {
            "half" => [r / 2, 2],
            _ => [2, r / 2],
        };
        for index in 0..p.weight.data().len() {
            let (row, column) = (index / columns, index % columns);
            let (head, place) = (row / dim, row % dim);
            let source = match place < r {
                false => place,
                // The transposed view [outer, inner] has strides [1, view[1]] in the old one.
                true => place / view[0] + place % view[0] * view[1],
            };
            let bits = p.weight.data()[(head * dim + source) * columns + column];
            sink(Site { name: "weight", index }, Outcome::copied(bits, from, target));
        }
        Ok(())
    }
}
