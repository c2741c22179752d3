//! Answers to questions, and to lines of the protocol.

use super::answer::{Answer, one_by_one};
use super::bulk;
use super::round::UndecidedRounding;
use crate::encoding::Question;
use crate::request::Reply;

/// Answers a question, correctly rounded: a large rotation or table by [`super::bulk`], all else
/// element by element, which gives the same bits.
///
/// ```
/// use ropewalk::{encoding::Question, exact::answer, request::Request};
/// let line = r#"{"cmd":"run","id":"a","operation":"table","dtype":"bf16",
///     "config":{"head_dim":2,"layout":"half","rope_theta":10000},"input":{"positions":[1000]}}"#;
/// let question = Question::new(&Request::parse(line).unwrap()).unwrap();
/// let answer = answer(&question).unwrap();
/// assert_eq!(answer.tensors[0].expected.rows(), ["3f10"]); // cos 1000 = 0.5625 in bf16
/// ```
///
/// # Errors
/// `UndecidedRounding` if an element of undecided class was not isolated at the highest precision.
pub fn answer(question: &Question) -> Result<Answer, UndecidedRounding> {
    match bulk::worth(question) {
        true => bulk::answer(question),
        false => one_by_one(question),
    }
}

/// Answers one line of the protocol: what the adapter says to a `run`.
pub fn reply(line: &str) -> Reply {
    let request = match crate::request::Request::parse(line) {
        Ok(request) => request,
        Err(reject) => return Reply::Rejected { id: id_of(line), reject },
    };
    match Question::new(&request) {
        Err(reject) => Reply::Rejected { id: Some(request.id), reject },
        Ok(question) => match answer(&question) {
            Ok(answer) => answer.into_reply(request.id, false),
            Err(undecided) => Reply::Errored { id: request.id, message: undecided.to_string() },
        },
    }
}

/// The id of a request that could not be read otherwise.
fn id_of(line: &str) -> Option<String> {
    match serde_json::from_str(line) {
        Ok(crate::request::Json::Object(object)) => match object.get("id") {
            Some(crate::request::Json::String(id)) => Some(id.clone()),
            _ => None,
        },
        _ => None,
    }
}
