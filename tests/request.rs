//! Requests and replies as they cross the wire.

mod input;
mod json;
mod position;
mod positions;
mod protocol;

use ropewalk::request::{Json, Object};

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn object(text: &str) -> Object {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn written(json: &Json) -> String {
    serde_json::to_string(json).unwrap()
}
