//! Every pair of `docs/contract-examples.ndjson`, against the reference.

use ropewalk::request::Json;
use serde_json::Value;

#[test]
fn examples_are_answered_to_the_bit() {
    let text = std::fs::read_to_string("docs/contract-examples.ndjson").unwrap();
    let mut wrong = Vec::new();
    for line in text.lines() {
        let example: Value = serde_json::from_str(line).unwrap();
        let json: Json = serde_json::from_str(&example["request"].to_string()).unwrap();
        let reply = ropewalk::exact::reply(&serde_json::to_string(&json).unwrap());
        let got: Value =
            serde_json::from_str(&serde_json::to_string(&reply.to_json()).unwrap()).unwrap();
        let want = &example["reply"];
        let same = match want.get("rejected") {
            Some(slug) => {
                got["rejected"].as_str().is_some_and(|r| r.split(':').next() == slug.as_str())
            }
            None => got == *want,
        };
        if !same {
            wrong.push(format!("{}\n  want {want}\n  got  {got}", example["comment"]));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
