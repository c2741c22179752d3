//! The contract's examples.

use ropewalk::encoding::Question;
use ropewalk::exact::answer;
use ropewalk::request::{Json, Request};
use ropewalk_oracle::{SecondError, second_answer};
use std::collections::BTreeSet;

/// Every accepted example of `docs/contract-examples.ndjson`: expected, residual and integers agree.
#[test]
fn oracles_agree_on_the_examples() {
    let text = std::fs::read_to_string("docs/contract-examples.ndjson").unwrap();
    let mut compared = 0;
    let mut unsupported = BTreeSet::new();
    for line in text.lines() {
        let example: Json = serde_json::from_str(line).unwrap();
        let Json::Object(example) = example else { panic!("{line}") };
        let request = serde_json::to_string(example.get("request").unwrap()).unwrap();
        let Ok(question) = Request::parse(&request).and_then(|r| Question::new(&r)) else {
            continue;
        };
        let (first, second) = (answer(&question).unwrap(), second_answer(&question));
        if let Err(SecondError::Unsupported(what)) = second {
            unsupported.insert(what);
            continue;
        }
        assert_eq!(second.map(|second| second.tensors), Ok(first.tensors), "{request}");
        compared += 1;
    }
    assert!(compared >= 95, "{compared}");
    assert!(unsupported.is_empty(), "without a second form: {unsupported:?}");
}
