//! A config of the caller's, to which all questions may belong.

use crate::encoding::RopeConfig;
use crate::generate::suites::{config_of, table_of};
use crate::request::{Json, Object, Reject};

/// What is settled where one model's rope is asked about.
///
/// ```
/// use ropewalk::{generate::fresh::Own, request::{Json, Object}};
/// let given: Object = serde_json::from_str(
///     r#"{"layout":"half","model":{"model_type":"llama","hidden_size":4096,
///         "num_attention_heads":32,"num_key_value_heads":8,"max_position_embeddings":8192,
///         "rope_theta":500000.0}}"#).unwrap();
/// let own = Own::new(&given).unwrap();
/// assert_eq!(own.heads, [32, 8]);
/// assert_eq!(own.config.get("max_position_embeddings"), None); // nothing here reads it
/// ```
#[derive(Clone, Debug)]
pub struct Own {
    /// The config that questions carry.
    pub config: Object,
    /// Heads of queries and of keys; 32 and 8 where the config does not say.
    pub heads: [usize; 2],
    pub(super) head_dim: usize,
    pub(super) axes: usize,
    /// A length below the break-point and one above, for a rule that takes one.
    pub(super) lengths: Option<[i64; 2]>,
    pub(super) thirds: bool,
    pub(super) grows: bool,
    /// The config of `apply`, and its planes; none where no call could ask for these pairs.
    pub(super) table: Option<(Object, usize)>,
}

impl Own {
    /// Reads a config, flat or in the model form.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn new(given: &Object) -> Result<Own, Reject> {
        let checked = RopeConfig::new(given)?;
        let normalised = checked.normalised();
        let length = |key: &str| normalised.get(key).and_then(Json::number).map(|n| n as i64);
        let original = length("original_max_position_embeddings")
            .or_else(|| length("max_position_embeddings"))
            .unwrap_or(4096);
        let takes = checked.scheme().needs_seq_len();
        Ok(Own {
            config: config_of(&checked),
            heads: heads(given),
            head_dim: checked.head_dim(),
            axes: checked.axes(),
            lengths: takes.then_some([(original / 2).max(1), original.saturating_mul(2)]),
            thirds: checked.scheme().rational_positions(),
            grows: checked.scheme().rope_type() == "xpos",
            table: table_of(&checked),
        })
    }
}

/// As Transformers names them, in the config or in that of its text.
fn heads(given: &Object) -> [usize; 2] {
    let model = |object: &Object, key: &str| match object.get(key) {
        Some(Json::Object(inner)) => Some(inner.clone()),
        _ => None,
    };
    let whole = model(given, "model").unwrap_or_default();
    let text = model(&whole, "text_config").unwrap_or_default();
    let size = |names: &[&str]| {
        let found = names.iter().find_map(|name| whole.get(name).or_else(|| text.get(name)));
        found.and_then(Json::number).map(|n| n as usize).filter(|&n| (1..=1024).contains(&n))
    };
    let queries = size(&["num_attention_heads", "n_head", "num_heads"]);
    let keys = size(&["num_key_value_heads"]);
    match (queries, keys) {
        (Some(queries), Some(keys)) => [queries, keys],
        (Some(queries), None) => [queries, queries],
        _ => [32, 8],
    }
}
