//! What comes back.

use super::{Json, Object, Reject};
use crate::number::Tensor;

/// Named tensors, in the order of the contract.
pub type Output = Vec<(&'static str, Tensor)>;

/// One reply of the protocol.
///
/// ```
/// use ropewalk::request::{Reply, Slug};
/// let reject = Slug::MissingKey.because("key head_dim is missing");
/// let reply = Reply::Rejected { id: Some("a".into()), reject };
/// let line = r#"{"id":"a","rejected":"missing_key: key head_dim is missing"}"#;
/// assert_eq!(serde_json::to_string(&reply.to_json()).unwrap(), line);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The answer.
    Output {
        /// The request's id.
        id: String,
        /// Named tensors.
        output: Output,
        /// Further keys (`residual`, `decimal`, `config`), which `compute` adds.
        more: Object,
    },
    /// The request breaks a rule.
    Rejected {
        /// The request's id, if it could be read.
        id: Option<String>,
        /// Which rule.
        reject: Reject,
    },
    /// The request is in order and there is no answer all the same.
    Errored {
        /// The request's id.
        id: String,
        /// Why.
        message: String,
    },
}

impl Reply {
    /// The JSON object of this reply.
    pub fn to_json(&self) -> Json {
        let pair = |key: &str, value: Json| (key.to_string(), value);
        let object: Object = match self {
            Reply::Output { id, output, more } => {
                [pair("id", Json::String(id.clone())), pair("output", tensors(output))]
                    .into_iter()
                    .chain(more.iter().map(|(key, value)| pair(key, value.clone())))
                    .collect()
            }
            Reply::Rejected { id, reject } => [
                pair("id", id.clone().map_or(Json::Null, Json::String)),
                pair("rejected", Json::String(reject.to_string())),
            ]
            .into_iter()
            .collect(),
            Reply::Errored { id, message } => [
                pair("id", Json::String(id.clone())),
                pair("errored", Json::String(message.clone())),
            ]
            .into_iter()
            .collect(),
        };
        Json::Object(object)
    }
}

/// Named tensors as a JSON object.
pub fn tensors(output: &[(&'static str, Tensor)]) -> Json {
    Json::Object(output.iter().map(|(name, t)| (name.to_string(), tensor_json(t))).collect())
}

/// A tensor as JSON.
pub fn tensor_json(tensor: &Tensor) -> Json {
    let shape = tensor.shape().iter().map(|&n| Json::from(n)).collect();
    let bits = tensor.rows().into_iter().map(Json::String).collect();
    Json::Object(
        [
            ("dtype".to_string(), Json::from(tensor.dtype().name())),
            ("shape".to_string(), Json::Array(shape)),
            ("bits".to_string(), Json::Array(bits)),
        ]
        .into_iter()
        .collect(),
    )
}
