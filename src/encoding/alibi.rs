//! ALiBi: a slope per head times a distance (Press et al. 2021).

use super::config::is_known_key;
use super::expression::Expression;
use super::key::{Absent, Checked, Key, Kind};
use crate::request::{Object, Position, Reject};

/// More heads than any model has.
const MOST_HEADS: i64 = 1 << 16;

/// The keys of ALiBi. `form` concerns the bias only.
pub const ALIBI_KEYS: &[Key] = &[
    Key {
        name: "num_heads",
        kind: Kind::Integer(1, MOST_HEADS),
        absent: Absent::Required,
        meaning: "number H of heads",
    },
    Key {
        name: "slopes",
        kind: Kind::Word(&["code", "paper"]),
        absent: Absent::Required,
        meaning: "the released code's list, or the paper's one geometric series",
    },
    Key {
        name: "form",
        kind: Kind::Word(&["distance", "key", "symmetric"]),
        absent: Absent::Required,
        meaning: "what the slope multiplies",
    },
];

/// Which slopes a head count that is no power of two gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slopes {
    /// The released code: 2^(−8(h+1)/p) for the p = 2^⌊log₂ H⌋ first heads, then every second
    /// slope of a model with 2p heads. Appended, so the list is not sorted.
    Code,
    /// The paper's text: one geometric series 2^(−8(h+1)/H).
    Paper,
}

/// What the slope multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// −(i − j) for query i and key j (the paper; a later key gets the formula's value, unmasked).
    Distance,
    /// j, the same row for every query (the released code; equal after softmax).
    Key,
    /// −|i − j| (encoders).
    Symmetric,
}

/// A checked ALiBi config.
#[derive(Clone, Debug)]
pub struct Alibi {
    /// Number of heads.
    pub num_heads: usize,
    /// Which slopes.
    pub slopes: Slopes,
    /// Which distance; none if only slopes are asked for.
    pub form: Option<Form>,
    /// The normalised config.
    pub config: Object,
}

impl Alibi {
    /// Checks a config; `form` is required for a bias and unused for slopes.
    ///
    /// # Errors
    /// Every rejection about keys and values.
    pub fn new(config: &Object, bias: bool) -> Result<Alibi, Reject> {
        let table = if bias { ALIBI_KEYS } else { &ALIBI_KEYS[..2] };
        let what = if bias { "alibi_bias" } else { "alibi_slopes" };
        let checked = Checked::new(config, table, is_known_key, what)?;
        Ok(Alibi {
            num_heads: checked.size("num_heads").unwrap_or_default(),
            slopes: match checked.word("slopes") {
                Some("paper") => Slopes::Paper,
                _ => Slopes::Code,
            },
            form: checked.word("form").map(|form| match form {
                "key" => Form::Key,
                "symmetric" => Form::Symmetric,
                _ => Form::Distance,
            }),
            config: checked.object().clone(),
        })
    }

    /// The slope of a head, as an exact power of two.
    ///
    /// ```
    /// use ropewalk::encoding::{Alibi, Slopes};
    /// let twelve = Alibi { num_heads: 12, slopes: Slopes::Code, form: None, config: Default::default() };
    /// assert_eq!(twelve.slope(7).to_string(), "2^(-8)");
    /// assert_eq!(twelve.slope(8).to_string(), "2^(-1/2)"); // every second slope of 16 heads
    /// ```
    pub fn slope(&self, head: usize) -> Expression {
        let two = Expression::integer(2);
        let heads = self.num_heads as i64;
        let lower = 1i64 << heads.max(1).ilog2();
        let head = head as i64;
        match self.slopes {
            Slopes::Paper => two.power(-8 * (head + 1), heads),
            Slopes::Code if head < lower => two.power(-8 * (head + 1), lower),
            Slopes::Code => two.power(-4 * (2 * (head - lower) + 1), lower),
        }
    }

    /// What the slope multiplies, an integer within ±2⁶³.
    pub fn distance(&self, query: Position, key: Position) -> i128 {
        let (i, j) = (query.numerator as i128, key.numerator as i128);
        match self.form {
            Some(Form::Key) => j,
            Some(Form::Symmetric) => -(i - j).abs(),
            Some(Form::Distance) | None => j - i,
        }
    }
}
