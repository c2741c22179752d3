//! ALiBi: a slope per head times a distance (Press et al. 2021).

use super::config::is_known_key;
use super::expression::Expression;
use super::key::Checked;
use super::tables::ALIBI_KEYS;
use crate::request::{Object, Position, Reject};

/// How many of [`ALIBI_KEYS`] concern the slopes.
const SLOPE_KEYS: usize = 3;

/// The exponent of the last slope if no other is given.
const BIAS_MAX: i64 = 8;

/// Which slopes a head count that is no power of two gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slopes {
    /// The released code: 2^(−8(h+1)/p) for the p = 2^⌊log₂ H⌋ first heads, then every second
    /// slope of a model with 2p heads. Appended, so the list is not sorted. MPT, BLOOM and ggml
    /// write it differently and have the same list.
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
    /// j − (L − 1), where L − 1 is the largest key position there is: the last key has 0, and every
    /// query the same row (MPT). A constant per head away from [`Form::Key`].
    Mpt,
}

/// A checked ALiBi config.
///
/// The bias of a head is slope · distance, divided by √head_dim where that is given. Sources: Press
/// et al. 2021 and ofirpress/attention_with_linear_biases; MPT `build_mpt_alibi_tensor`; BLOOM and
/// Falcon `build_alibi_tensor`, whose positions count the real tokens of the mask, from 0, and
/// whose form is `key`.
///
/// Surprises: Falcon adds its bias before the scores are divided by √head_dim, so what reaches the
/// softmax is this with `head_dim`; and it rounds slopes and products to bf16, which is a way of
/// computing and no other number. A slope is a radical and so is √head_dim, so it is decided
/// whether a bias is rational: slope ½ at head_dim 64 is 1/16 per position.
#[derive(Clone, Debug)]
pub struct Alibi {
    /// Number of heads.
    pub num_heads: usize,
    /// Which slopes.
    pub slopes: Slopes,
    /// The exponent of the last slope, 8 in the paper.
    pub bias_max: i64,
    /// Which distance; none if only slopes are asked for.
    pub form: Option<Form>,
    /// Divides the bias by its square root.
    pub head_dim: Option<usize>,
    /// What every bias is multiplied by besides. No config says so: a kernel with a fault does.
    pub factor: Option<Expression>,
    /// The normalised config.
    pub config: Object,
}

impl Alibi {
    /// Checks a config; `form` is required for a bias, and it and `head_dim` are unused for slopes.
    ///
    /// An `alibi_bias_max` of 8 is left out of the normalised config: whoever does not know the key
    /// means the same.
    ///
    /// # Errors
    /// Every rejection about keys and values.
    pub fn new(config: &Object, bias: bool) -> Result<Alibi, Reject> {
        let table = if bias { ALIBI_KEYS } else { &ALIBI_KEYS[..SLOPE_KEYS] };
        let what = if bias { "alibi_bias" } else { "alibi_slopes" };
        let mut checked = Checked::new(config, table, is_known_key, what)?;
        let bias_max = checked.integer("alibi_bias_max").unwrap_or(BIAS_MAX);
        if bias_max == BIAS_MAX {
            checked.remove("alibi_bias_max");
        }
        Ok(Alibi {
            num_heads: checked.size("num_heads").unwrap_or_default(),
            slopes: match checked.word("slopes") {
                Some("paper") => Slopes::Paper,
                _ => Slopes::Code,
            },
            bias_max,
            form: checked.word("form").map(|form| match form {
                "key" => Form::Key,
                "symmetric" => Form::Symmetric,
                "mpt" => Form::Mpt,
                _ => Form::Distance,
            }),
            head_dim: checked.size("head_dim"),
            factor: None,
            config: checked.object().clone(),
        })
    }

    /// The slope of a head, as an exact power of two; √head_dim is no part of it.
    ///
    /// ```
    /// # use ropewalk::{encoding::Alibi, request::Object};
    /// # let config: Object = serde_json::from_str(r#"{"num_heads":12,"slopes":"code"}"#).unwrap();
    /// let twelve = Alibi::new(&config, false).unwrap();
    /// assert_eq!(twelve.slope(7).to_string(), "2^(-8)");
    /// assert_eq!(twelve.slope(8).to_string(), "2^(-1/2)"); // every second slope of 16 heads
    /// ```
    pub fn slope(&self, head: usize) -> Expression {
        let two = Expression::integer(2);
        let heads = self.num_heads as i64;
        let lower = 1i64 << heads.max(1).ilog2();
        let head = head as i64;
        match self.slopes {
            Slopes::Paper => two.power(-self.bias_max * (head + 1), heads),
            Slopes::Code if head < lower => two.power(-self.bias_max * (head + 1), lower),
            Slopes::Code => two.power(-self.bias_max * (2 * (head - lower) + 1), 2 * lower),
        }
    }

    /// What the slope multiplies, an integer within ±2⁶³. `last` is the largest key position, which
    /// only [`Form::Mpt`] reads.
    pub fn distance(&self, query: Position, key: Position, last: Position) -> i128 {
        let (i, j) = (query.numerator as i128, key.numerator as i128);
        match self.form {
            Some(Form::Key) => j,
            Some(Form::Mpt) => j - last.numerator as i128,
            Some(Form::Symmetric) => -(i - j).abs(),
            Some(Form::Distance) | None => j - i,
        }
    }

    /// slope · distance, over √head_dim where that is given.
    pub fn bias(&self, head: usize, distance: i128) -> Expression {
        let product = self.slope(head) * Expression::integer(distance);
        let product = match &self.factor {
            Some(factor) => product * factor.clone(),
            None => product,
        };
        match self.head_dim {
            Some(dim) => product / Expression::integer(dim as i128).sqrt(),
            None => product,
        }
    }
}
