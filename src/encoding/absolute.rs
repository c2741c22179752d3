//! Absolute position embeddings: sinusoids (Vaswani et al. 2017) and learned tables.

use super::config::is_known_key;
use super::expression::Expression;
use super::key::{Checked, invalid};
use super::tables::{LEARNED_KEYS, SINUSOIDAL_KEYS};
use crate::request::{Object, Position, Reject, Slug};

/// A checked sinusoidal config.
#[derive(Clone, Debug)]
pub struct Sinusoidal {
    /// Width of the embedding.
    pub dim: usize,
    scales: Scales,
    interleaved: bool,
    minus_one: bool,
    sin_first: bool,
    /// The normalised config.
    pub config: Object,
}

/// What the frequencies lie between.
#[derive(Clone, Copy, Debug)]
enum Scales {
    /// first · (base/first)^(−k/divisor), as tensor2tensor prints it; 1 first for everybody else.
    Base { first: f64, base: f64 },
    /// Wavelengths, in geometric progression (π0's `create_sinusoidal_pos_embedding`).
    Periods { shortest: f64, longest: f64 },
}

impl Scales {
    fn new(given: &Object, checked: &mut Checked) -> Result<Scales, Reject> {
        let bounds = ["min_period", "max_period"].map(|key| checked.number(key));
        let base = checked.number("base").unwrap_or_default();
        match bounds {
            [None, None] => {
                Ok(Scales::Base { first: checked.number("min_timescale").unwrap_or(1.0), base })
            }
            [Some(shortest), Some(longest)] => {
                if let Some(key) =
                    ["base", "min_timescale"].iter().find(|key| given.get(key).is_some())
                {
                    return Err(Slug::UnusedKey.because(format!(
                        "key {key} has no meaning beside min_period and max_period, which bound the \
                         wavelengths"
                    )));
                }
                checked.remove("base");
                Ok(Scales::Periods { shortest, longest })
            }
            [shortest, _] => {
                let key = if shortest.is_none() { "min_period" } else { "max_period" };
                Err(Slug::MissingKey
                    .because(format!("key {key} is missing: both periods are needed")))
            }
        }
    }
}

/// What stands in a column of a sinusoidal embedding.
#[derive(Clone, Debug, PartialEq)]
pub enum Wave {
    /// sin(p · frequency), the frequency of this index.
    Sin(usize),
    /// cos(p · frequency), the frequency of this index.
    Cos(usize),
    /// The zero that fills an odd dim.
    Zero,
}

impl Sinusoidal {
    /// Checks a config.
    ///
    /// # Errors
    /// Every rejection about keys and values; `invalid_value` for `half_minus_one` unless
    /// ⌊dim/2⌋ ≥ 2.
    pub fn new(config: &Object) -> Result<Sinusoidal, Reject> {
        let mut checked = Checked::new(config, SINUSOIDAL_KEYS, is_known_key, "sinusoidal")?;
        let dim = checked.size("dim").unwrap_or_default();
        let minus_one = checked.word("divisor") == Some("half_minus_one");
        if minus_one && dim < 4 {
            return Err(invalid("dim", dim, "at least 4 for divisor half_minus_one"));
        }
        Ok(Sinusoidal {
            dim,
            scales: Scales::new(config, &mut checked)?,
            interleaved: checked.word("layout") == Some("interleaved"),
            minus_one,
            sin_first: checked.word("order") == Some("sin_first"),
            config: checked.object().clone(),
        })
    }

    /// Radians per position: base^(−k/half) or base^(−k/(half − 1)), half = ⌊dim/2⌋, or what lies
    /// between the bounds that the config sets.
    pub fn frequencies(&self) -> Vec<Expression> {
        let half = self.dim / 2;
        let divisor = (if self.minus_one { half - 1 } else { half }) as i64;
        let (first, ratio) = match self.scales {
            Scales::Base { first: 1.0, base } => (None, Expression::dyadic(base)),
            Scales::Base { first, base } => {
                let first = Expression::dyadic(first);
                (Some(first.clone()), Expression::dyadic(base) / first)
            }
            Scales::Periods { shortest, longest } => {
                let shortest = Expression::dyadic(shortest);
                let turn = Expression::integer(2) * Expression::pi();
                (Some(turn / &shortest), Expression::dyadic(longest) / shortest)
            }
        };
        let below = |k: usize| ratio.power(-(k as i64), divisor);
        (0..half).map(|k| first.as_ref().map_or(below(k), |first| first * below(k))).collect()
    }

    /// Whether positions may be exact rationals: π0 counts time from 0 to 1.
    pub fn rational_positions(&self) -> bool {
        matches!(self.scales, Scales::Periods { .. })
    }

    /// What stands in a column.
    pub fn wave(&self, column: usize) -> Wave {
        let half = self.dim / 2;
        let (index, second) = match self.interleaved {
            _ if column >= 2 * half => return Wave::Zero,
            true => (column / 2, column % 2 == 1),
            false => (column % half, column >= half),
        };
        if second == self.sin_first { Wave::Cos(index) } else { Wave::Sin(index) }
    }

    /// The columns of a frequency's cosine and sine.
    #[cfg(feature = "exact")]
    pub(crate) fn columns(&self, index: usize) -> [usize; 2] {
        let half = self.dim / 2;
        let [first, second] =
            if self.interleaved { [2 * index, 2 * index + 1] } else { [index, half + index] };
        if self.sin_first { [second, first] } else { [first, second] }
    }
}

/// A checked learned-embedding config.
#[derive(Clone, Debug)]
pub struct Learned {
    /// Width of the embedding.
    pub dim: usize,
    /// Added to every position.
    pub offset: i64,
    /// The normalised config.
    pub config: Object,
}

impl Learned {
    /// Checks a config.
    ///
    /// # Errors
    /// Every rejection about keys and values.
    pub fn new(config: &Object) -> Result<Learned, Reject> {
        let checked = Checked::new(config, LEARNED_KEYS, is_known_key, "learned")?;
        Ok(Learned {
            dim: checked.size("dim").unwrap_or_default(),
            offset: checked.integer("offset").unwrap_or_default(),
            config: checked.object().clone(),
        })
    }

    /// The row of a position in a table of `rows` rows.
    ///
    /// # Errors
    /// `position_out_of_range` before the first and after the last row: nothing wraps around.
    pub fn row(&self, position: Position, rows: usize) -> Result<usize, Reject> {
        let row = position.numerator as i128 + self.offset as i128;
        usize::try_from(row).ok().filter(|&row| row < rows).ok_or_else(|| {
            Slug::PositionOutOfRange.because(format!(
                "position {position} plus offset {} is row {row}, allowed are 0 to {}",
                self.offset,
                rows as i128 - 1
            ))
        })
    }
}
