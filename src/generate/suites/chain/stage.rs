//! Stages as a config has them.

use crate::generate::plan::parsed;
use crate::request::Object;

pub(super) fn stages(list: &[String]) -> Object {
    parsed(&format!(r#"{{"stages":[{}]}}"#, list.join(",")))
}

pub(super) fn norm(kind: &str, weight: &str, over: &str, eps: &str) -> String {
    format!(r#"{{"norm":{{"kind":"{kind}","eps":{eps},"weight":"{weight}","over":"{over}"}}}}"#)
}
