//! Learned relative positions by plain distance (Shaw et al. 2018), in both signs that exist.

use super::config::is_known_key;
use super::key::Checked;
use super::tables::SHAW_KEYS;
use crate::request::{Object, Position, Reject, Slug};

/// Which row of the table a distance has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShawForm {
    /// clip(j − i, −K, K) + K, a table of 2K + 1 rows.
    KeyMinusQuery,
    /// i − j + M − 1, a table of 2M − 1 rows; nothing is clipped.
    QueryMinusKey,
}

/// A checked config of relative positions by distance.
///
/// Sources: Shaw, Uszkoreit, Vaswani 2018, §3.2, and tensor2tensor `_generate_relative_positions`;
/// Transformers `position_embedding_type: "relative_key"` (BERT, ESM).
///
/// Surprises: the two run in opposite directions; Transformers' form has no clipping, so that a
/// distance beyond M − 1 is an index error there and, for an index below zero, may wrap around
/// silently. Here it is `position_out_of_range`.
#[derive(Clone, Debug)]
pub struct Shaw {
    /// Sign and clipping.
    pub form: ShawForm,
    /// The distance of the last row from the middle one: K, or M − 1.
    pub furthest: i64,
    /// The normalised config.
    pub config: Object,
}

impl Shaw {
    /// Checks a config.
    ///
    /// # Errors
    /// Every rejection about keys and values; `missing_key` for the length that the form needs,
    /// `unused_key` for the other one.
    pub fn new(config: &Object) -> Result<Shaw, Reject> {
        let checked = Checked::new(config, SHAW_KEYS, is_known_key, "shaw_bucket")?;
        let form = match checked.word("form") {
            Some("query_minus_key") => ShawForm::QueryMinusKey,
            _ => ShawForm::KeyMinusQuery,
        };
        let (needed, other, word) = match form {
            ShawForm::KeyMinusQuery => {
                ("max_relative_position", "max_position_embeddings", "key_minus_query")
            }
            ShawForm::QueryMinusKey => {
                ("max_position_embeddings", "max_relative_position", "query_minus_key")
            }
        };
        if let Some(value) = checked.object().get(other) {
            return Err(Slug::UnusedKey.because(format!(
                "key {other} (value {value}) has no meaning for form {word}, which takes {needed}"
            )));
        }
        let Some(length) = checked.integer(needed) else {
            return Err(
                Slug::MissingKey.because(format!("key {needed} is missing; form {word} needs it"))
            );
        };
        let furthest = if form == ShawForm::KeyMinusQuery { length } else { length - 1 };
        Ok(Shaw { form, furthest, config: checked.object().clone() })
    }

    /// The row of a query and a key.
    ///
    /// ```
    /// # use ropewalk::{encoding::Shaw, request::{Object, Position}};
    /// # let config: Object = serde_json::from_str(
    /// #     r#"{"form":"key_minus_query","max_relative_position":2}"#).unwrap();
    /// let shaw = Shaw::new(&config).unwrap();
    /// let row = |j| shaw.bucket(Position::integer(0), Position::integer(j)).unwrap();
    /// assert_eq!([-9, -1, 0, 1, 2, 9].map(row), [0, 1, 2, 3, 4, 4]);
    /// ```
    ///
    /// # Errors
    /// `position_out_of_range` where the unclipped form leaves its table.
    pub fn bucket(&self, query: Position, key: Position) -> Result<i32, Reject> {
        let ahead = key.numerator as i128 - query.numerator as i128;
        let furthest = self.furthest as i128;
        let row = match self.form {
            ShawForm::KeyMinusQuery => ahead.clamp(-furthest, furthest) + furthest,
            ShawForm::QueryMinusKey => furthest - ahead,
        };
        i32::try_from(row)
            .ok()
            .filter(|row| (0..=2 * furthest).contains(&(*row as i128)))
            .ok_or_else(|| {
                Slug::PositionOutOfRange.because(format!(
                    "query {query} and key {key} have row {row}, allowed are 0 to {}",
                    2 * furthest
                ))
            })
    }
}
