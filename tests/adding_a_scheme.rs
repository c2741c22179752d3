//! A scheme from outside the crate, and the page that teaches how to write one.

mod octaves;

use octaves::Octaves;
use ropewalk::encoding::spectrum::{SCHEMES, Scheme};
use ropewalk::encoding::{Question, RopeConfig};
use ropewalk::exact;
use ropewalk::request::Request;

fn ask(config: &str) -> Result<Vec<String>, String> {
    let line = format!(
        r#"{{"cmd":"run","id":"a","operation":"inv_freq","dtype":"f32","config":{config},"input":{{}}}}"#
    );
    let schemes: Vec<&dyn Scheme> = SCHEMES.iter().copied().chain([&Octaves as _]).collect();
    let request = Request::parse(&line).unwrap();
    let question =
        Question::with_schemes(&request, &schemes).map_err(|reject| reject.to_string())?;
    Ok(exact::answer(&question).unwrap().tensors[0].expected.rows())
}

#[test]
fn an_outsider_is_answered_like_a_native() {
    let config = r#"{"head_dim":8,"layout":"half","rope_type":"octaves","step":2}"#;
    // 1, 1/2, 1/4, 1/8: rational, so decided in integers.
    assert_eq!(ask(config).unwrap(), ["3f8000003f0000003e8000003e000000"]);
    // A config.json may name it too.
    let model = |more: &str| {
        let scaling = r#""rope_scaling":{"rope_type":"octaves","step":2}"#;
        ask(&format!(r#"{{"layout":"half","model":{{"head_dim":8,{scaling}{more}}}}}"#))
    };
    assert_eq!(model("").unwrap(), ask(config).unwrap());
    assert!(model(r#","rope_theta":7"#).unwrap_err().starts_with("unused_key: key rope_theta"));
}

#[test]
fn its_keys_are_as_strict() {
    let reject = |more: &str| {
        let config = format!(r#"{{"head_dim":8,"layout":"half","rope_type":"octaves"{more}}}"#);
        ask(&config).unwrap_err()
    };
    assert_eq!(reject(r#","step":1"#), "invalid_value: step is 1, allowed is a number above 1");
    assert!(reject(r#","rope_theta":10000"#).starts_with("unused_key: key rope_theta"));
    assert!(reject(r#","stp":2"#).starts_with("unknown_key: key stp"));
    let config = r#"{"head_dim":8,"layout":"half","rope_type":"octaves"}"#;
    let schemes: [&dyn Scheme; 1] = [&Octaves];
    let object = serde_json::from_str(config).unwrap();
    let checked = RopeConfig::with_schemes(&object, &schemes).unwrap();
    assert_eq!(checked.normalised().get("step").unwrap().number(), Some(2.0));
    // Without being asked for, it does not exist.
    assert_eq!(RopeConfig::new(&object).err().unwrap().slug.name(), "unknown_rope_type");
}

#[test]
fn the_page_shows_this_very_file() {
    let page = std::fs::read_to_string("docs/adding-a-scheme.md").unwrap();
    let code = include_str!("adding_a_scheme/octaves.rs");
    assert!(page.contains(&format!("```rust\n{code}```\n")), "docs/adding-a-scheme.md is behind");
}
