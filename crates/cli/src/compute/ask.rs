//! A request put together from options, for questions that need no tensors.

use crate::CliError;
use crate::source::Source;
use ropewalk::request::{Json, Object};

/// The options of a question; `--operation` is what makes it one.
#[derive(Debug, clap::Args)]
pub struct Ask {
    #[command(flatten)]
    source: Source,
    /// Ask this of --config or --model instead of reading a request: inv_freq, table,
    /// alibi_slopes, sinusoidal
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    operation: Option<String>,
    /// Format of the answer: f64, f32, bf16, f16
    #[arg(long, value_name = "FORMAT", default_value = "f32", requires = "operation")]
    dtype: String,
    /// Total length, for rope types that depend on it
    #[arg(long, value_name = "N", requires = "operation", allow_negative_numbers = true)]
    seq_len: Option<i64>,
    /// Positions of a table, as 0,1,2 or with several axes as 0,1,2;0,0,1
    #[arg(long, value_name = "LIST", requires = "operation", allow_hyphen_values = true)]
    positions: Option<String>,
}

/// Operations whose inputs are no tensors.
const OPERATIONS: [&str; 4] = ["inv_freq", "table", "alibi_slopes", "sinusoidal"];

impl Ask {
    /// The request as a line of the protocol; none without `--operation`.
    ///
    /// # Errors
    /// Options that make no question, a config that cannot be read.
    pub fn request(&self) -> Result<Option<String>, CliError> {
        let Some(operation) = &self.operation else {
            return match self.source.is_given() {
                true => Err(CliError::Usage(format!(
                    "--config, --model and --set need --operation, one of {}",
                    OPERATIONS.join(", ")
                ))),
                false => Ok(None),
            };
        };
        if !OPERATIONS.contains(&operation.as_str()) {
            return Err(CliError::Usage(format!(
                "--operation is {operation:?}, allowed are {}; what needs tensors is asked with \
                 a request",
                OPERATIONS.join(", ")
            )));
        }
        let mut input = Object::default();
        if let Some(text) = &self.positions {
            input.set("positions", positions(text));
        }
        if let Some(length) = self.seq_len {
            input.set("seq_len", position(&length.to_string()));
        }
        let request: Object = [
            ("cmd", Json::from("run")),
            ("id", Json::String(self.source.name())),
            ("operation", Json::from(operation.as_str())),
            ("dtype", Json::from(self.dtype.as_str())),
            ("config", Json::Object(self.source.object()?)),
            ("input", Json::Object(input)),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_string(), value))
        .collect();
        Ok(Some(serde_json::to_string(&request).unwrap_or_default()))
    }
}

/// A position as the contract writes it: a JSON integer while that is exact everywhere, else a
/// string, whose rules are the contract's.
fn position(text: &str) -> Json {
    match text.parse::<i64>() {
        Ok(n) if n.unsigned_abs() < 1 << 53 => Json::from(n),
        _ => Json::from(text),
    }
}

fn positions(text: &str) -> Json {
    let list = |text: &str| {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        Json::Array(items.map(position).collect())
    };
    match text.contains(';') {
        true => Json::Array(text.split(';').map(list).collect()),
        false => list(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_keep_every_digit() {
        assert_eq!(positions("0,1,-2").to_string(), "[0,1,-2]");
        assert_eq!(
            positions("1/3; 9007199254740993").to_string(),
            r#"[["1/3"],["9007199254740993"]]"#
        );
    }
}
