//! Questions and answers as they cross the wire, before anybody asks what they mean.

mod input;
mod json;
mod names;
mod operation;
mod position;
mod reject;
mod reply;

pub use input::Input;
pub use json::{Json, Object};
pub use names::{did_you_mean, nearest};
pub use operation::{Direction, Operation};
pub use position::{POSITION_LIMIT, Position, Positions};
pub use reject::{Reject, Slug};
pub use reply::{Output, Reply, tensor_json, tensors};

use crate::number::Dtype;

/// One `run` request of the protocol, its keys checked and its parts still as they were written.
///
/// ```
/// use ropewalk::request::{Operation, Request};
/// let line = r#"{"cmd":"run","id":"a","operation":"alibi_slopes","dtype":"f32",
///                "config":{"num_heads":8,"slopes":"code"},"input":{}}"#;
/// let request = Request::parse(line).unwrap();
/// assert_eq!(request.operation, Operation::AlibiSlopes);
/// assert_eq!(Request::parse("{}").unwrap_err().slug.name(), "malformed_request");
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    /// Echoed in the reply.
    pub id: String,
    /// What is asked.
    pub operation: Operation,
    /// Format of the output; inputs carry their own.
    pub dtype: Dtype,
    /// The encoding, as written.
    pub config: Object,
    /// Named tensors and positions, as written.
    pub input: Input,
}

const KEYS: [&str; 6] = ["cmd", "id", "operation", "dtype", "config", "input"];

impl Request {
    /// Reads one JSON object.
    ///
    /// # Errors
    /// `malformed_request` (no JSON, a missing or unknown key, a value of the wrong type),
    /// `duplicate_key` at any depth, `unknown_operation`.
    pub fn parse(text: &str) -> Result<Request, Reject> {
        let json: Json = serde_json::from_str(text)
            .map_err(|e| Slug::MalformedRequest.because(format!("the line is no JSON: {e}")))?;
        Request::from_json(&json)
    }

    /// Reads a request that is already JSON; see [`Request::parse`].
    ///
    /// # Errors
    /// As [`Request::parse`].
    pub fn from_json(json: &Json) -> Result<Request, Reject> {
        let malformed = |text: String| Slug::MalformedRequest.because(text);
        let Json::Object(object) = json else {
            return Err(malformed(format!("a request is a JSON object, not {}", json.kind())));
        };
        if let Some(path) = json.duplicate_key() {
            return Err(Slug::DuplicateKey.because(format!("{path} stands twice")));
        }
        let text = |key: &str| match object.get(key) {
            Some(Json::String(text)) => Ok(text.as_str()),
            Some(other) => Err(malformed(format!("{key} must be a string, not {other}"))),
            None => Err(malformed(format!("key {key} is missing"))),
        };
        let part = |key: &str| match object.get(key) {
            Some(Json::Object(part)) => Ok(part.clone()),
            Some(other) => Err(malformed(format!("{key} must be an object, not {}", other.kind()))),
            None => Err(malformed(format!("key {key} is missing"))),
        };
        for (key, _) in object.iter() {
            if !KEYS.contains(&key) && !key.starts_with("x_") {
                return Err(malformed(format!(
                    "key {key:?} is unknown; allowed are {} and extensions that begin with x_",
                    KEYS.join(", ")
                )));
            }
        }
        if text("cmd")? != "run" {
            return Err(malformed(format!("cmd is {:?}, allowed is \"run\"", text("cmd")?)));
        }
        let id = text("id")?.to_string();
        let operation = Operation::from_name(text("operation")?)?;
        let dtype = text("dtype")?;
        let dtype = Dtype::from_name(dtype).ok_or_else(|| {
            malformed(format!("dtype is {dtype:?}, allowed are {}", Dtype::list(&Dtype::ALL)))
        })?;
        let config = part("config")?;
        let input = Input::new(part("input")?);
        Ok(Request { id, operation, dtype, config, input })
    }

    /// The line that asks it.
    pub fn to_json(&self) -> Json {
        run_request(self.operation, self.dtype, &self.id, &self.config, self.input.object())
    }
}

/// A `run` request of the protocol from its parts.
pub fn run_request(
    operation: Operation,
    dtype: Dtype,
    id: &str,
    config: &Object,
    input: &Object,
) -> Json {
    let pairs = [
        ("cmd", Json::from("run")),
        ("id", Json::from(id)),
        ("operation", Json::from(operation.name())),
        ("dtype", Json::from(dtype.name())),
        ("config", Json::Object(config.clone())),
        ("input", Json::Object(input.clone())),
    ];
    Json::Object(pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
}
