//! Golden files: form, schema, linter, notes.

use super::corpus::{corpus, files, manifest};
use ropewalk::number::{Format, Wide};
use ropewalk::vector::{
    Complaint, Entry, File, Golden, Manifest, NOTES, Rule, check_residual, documents, lint, note,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A small golden file, by hand. cos 1 = 0.5403023058681398 lies between the bf16 numbers
/// 138/256 = 0.5390625 and 139/256; it is 0.0012398 above the first, which is 0.3174 of the
/// spacing 2⁻⁸: bits 3f0a, residual 0.3174 (f16 3514: 1 + 276/1024 = 1.26953 times 2⁻²). sin 1 =
/// 0.8414709848078965 is 215.4166/256: bits 3f57, residual 0.4166 (f16 36aa).
const SMALL: &str = r#"{
 "schema": "ropewalk-golden-1",
 "suite": "0.2.0",
 "operation": "table",
 "notes": {
  "basic": {
   "meaning": "the set-up is wrong",
   "effect": "nothing else means anything",
   "faults": [],
   "links": []
  },
  "reject-config": {
   "meaning": "a config that means nothing is accepted",
   "effect": "a misspelt key falls back to a default",
   "faults": ["D2"],
   "links": ["NVIDIA/TensorRT-LLM#1595"]
  }
 },
 "groups": [
  {
   "name": "basic",
   "config": {"head_dim":2,"layout":"half","rope_theta":10000},
   "dtype": "bf16",
   "basic": true,
   "tests": [
    {
     "id": "by-hand-basic-first",
     "comment": "one radian",
     "flags": ["basic"],
     "input": {
      "positions": [1]
     },
     "expected": {
      "cos": {"dtype":"bf16","shape":[1,1],"bits":[
       "3f0a"
      ]},
      "sin": {"dtype":"bf16","shape":[1,1],"bits":[
       "3f57"
      ]}
     },
     "residual": {
      "cos": {"dtype":"f16","shape":[1,1],"bits":[
       "3514"
      ]},
      "sin": {"dtype":"f16","shape":[1,1],"bits":[
       "36aa"
      ]}
     },
     "bounds": {}
    }
   ]
  },
  {
   "name": "odd",
   "config": {"head_dim":4,"layout":"half","rope_theta":10000,"rotary_dim":3},
   "dtype": "bf16",
   "basic": false,
   "tests": [
    {
     "id": "by-hand-odd-three",
     "comment": "three channels are no pairs",
     "flags": ["reject-config"],
     "input": {
      "positions": [1]
     },
     "expected": {"reject":"odd_rotary_dim"},
     "bounds": {}
    }
   ]
  }
 ]
}
"#;

fn small() -> (Vec<File>, Manifest) {
    let file = File { path: "table/by-hand.json".to_string(), text: SMALL.to_string() };
    let golden = Golden::read(SMALL).unwrap();
    (vec![file.clone()], Manifest::new(vec![Entry::new(&file.path, SMALL, &golden)]))
}

#[test]
fn the_file_by_hand_is_canonical_and_clean() {
    let (files, manifest) = small();
    assert_eq!(Golden::read(SMALL).unwrap().to_canonical(), SMALL);
    assert_eq!(lint(&files, Some(&manifest.to_canonical())), []);
}

#[test]
fn the_file_by_hand_is_right() {
    let golden = Golden::read(SMALL).unwrap();
    for (group, test) in golden.tests() {
        let line = serde_json::to_string(&golden.request(group, test)).unwrap();
        let reply = ropewalk::exact::reply(&line).to_json();
        let text = serde_json::to_string(&reply).unwrap();
        match &test.expected {
            ropewalk::vector::Expected::Reject(slug) => assert!(text.contains(slug.name())),
            _ => assert!(text.contains(r#"["3f0a"]"#) && text.contains(r#"["3f57"]"#), "{text}"),
        }
    }
}

#[test]
fn the_corpus_is_clean() {
    let complaints = lint(&files(), Some(&manifest()));
    let lines: Vec<String> = complaints.iter().take(20).map(Complaint::to_string).collect();
    assert!(lines.is_empty(), "{} complaints:\n{}", complaints.len(), lines.join("\n"));
}

#[test]
fn the_corpus_is_small() {
    let bytes: usize = files().iter().map(|file| file.text.len()).sum();
    assert!(bytes < 25_000_000, "{bytes} bytes");
    assert_eq!(Manifest::read(&manifest()).unwrap().files.len(), corpus().len());
}

/// Every rule is broken once, in a copy of the file by hand, and nothing else is complained of.
#[test]
fn each_rule_complains_once() {
    let edits: &[(Rule, &[(&str, &str)])] = &[
        (Rule::Form, &[("\"comment\": \"one", "\"remark\": \"one")]),
        (Rule::Canonical, &[("  \"groups\"", " \"groups\""), (" \"groups\"", "  \"groups\"")]),
        (Rule::Version, &[("\"suite\": \"0.2.0\"", "\"suite\": \"0.2.1\"")]),
        (Rule::NoteMissing, &[("[\"basic\"]", "[\"basic\",\"layout\"]")]),
        (Rule::NoteUnused, &[("\"flags\": [\"reject-config\"]", "\"flags\": [\"basic\"]")]),
        (Rule::NoteEmpty, &[("the set-up is wrong", " ")]),
        (Rule::BasicFirst, &[("\"basic\": false", "\"basic\": true")]),
        (Rule::GroupName, &[("\"name\": \"odd\"", "\"name\": \"basic\"")]),
        (Rule::IdForm, &[("by-hand-odd-three", "by-hand--odd")]),
        (Rule::IdUnique, &[("by-hand-odd-three", "by-hand-basic-first")]),
        (Rule::Comment, &[("\"one radian\"", "\"\"")]),
        (Rule::Flags, &[("[\"basic\"]", "[\"basic\",\"basic\"]")]),
        (Rule::Request, &[("odd_rotary_dim", "invalid_value")]),
        (Rule::ExpectedDtype, &[("\"sin\": {\"dtype\":\"bf16\"", "\"sin\": {\"dtype\":\"f16\"")]),
        (
            Rule::ResidualShape,
            &[(
                "\"cos\": {\"dtype\":\"f16\",\"shape\":[1,1]",
                "\"cos\": {\"dtype\":\"f16\",\"shape\":[1]",
            )],
        ),
        (Rule::ResidualValue, &[("\"3514\"", "\"3a14\"")]),
        (
            Rule::Bounds,
            &[(
                "\"bounds\": {}\n    }\n   ]\n  },",
                "\"bounds\": {\n      \"table-f32\": {\n       \"cos\": {\"dtype\":\"bf16\",\
                 \"shape\":[1,1],\"bits\":[\n        \"bf80\"\n       ]}\n      }\n     }\n    }\n   ]\n  },",
            )],
        ),
    ];
    let mut lines = Vec::new();
    let mut only = |rule: Rule, files: &[File], manifest: &str| {
        let complaints = lint(files, Some(manifest));
        let text: Vec<String> = complaints.iter().map(Complaint::to_string).collect();
        assert!(complaints.len() == 1 && complaints[0].rule == rule, "{rule:?}: {text:#?}");
        lines.push(text[0].replace("table/by-hand.json: ", ""));
    };
    let (files, listed) = small();
    for (rule, replacements) in edits {
        let text = replacements
            .iter()
            .fold(SMALL.to_string(), |text, (from, to)| text.replacen(from, to, 1));
        assert_ne!(text, SMALL, "{rule:?}");
        // The manifest follows, so that its own rules stay quiet.
        let mut listed = listed.clone();
        if let Ok(golden) = Golden::read(&text) {
            listed.files[0] = Entry::new("table/by-hand.json", &text, &golden);
        }
        let file = File { path: files[0].path.clone(), text };
        only(*rule, &[file], &listed.to_canonical());
    }
    let changed = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = listed.clone();
        change(&mut manifest);
        manifest.to_canonical()
    };
    only(Rule::ManifestMissing, &[], &listed.to_canonical());
    only(Rule::ManifestExtra, &files, &changed(&|m| m.files.clear()));
    only(Rule::ManifestHash, &files, &changed(&|m| m.files[0].sha256 = "0".repeat(64)));
    only(Rule::ManifestCounts, &files, &changed(&|m| m.files[0].tests = 3));
    only(Rule::ManifestOrder, &files, &changed(&|m| m.files.push(m.files[0].clone())));
    assert_eq!(lines.len(), Rule::ALL.len());
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn residuals_of_every_f16_number_fit_and_larger_ones_do_not() {
    let format = Format::F16;
    for bits in 0..format.infinity() {
        let (x, next) = (format.to_f64(bits), format.to_f64(bits + 1));
        let next = if next.is_infinite() { 65536.0 } else { next };
        for part in [0.0, 0.01, 0.25, 0.49, 0.5, 0.51, 0.75, 0.99] {
            // Exact: both have 11 bits and the parts are cut to 10.
            let part = (part * 1024.0f64).round() / 1024.0;
            let exact = x + (next - x) * part;
            let rounded = format.round(&wide(exact));
            let ulp = 2f64.powi(format.ulp_exponent(rounded).unwrap());
            let to = if rounded == format.infinity() { 65536.0 } else { format.to_f64(rounded) };
            let residual = format.round_nonzero(&wide((exact - to) / ulp));
            let verdict = check_residual(format, rounded, residual);
            assert!(
                verdict.is_ok(),
                "{bits:04x} + {part}: {rounded:04x} {residual:04x} {verdict:?}"
            );
        }
        // 0.500488…, the next f16 number, is too much on either side.
        assert!(check_residual(format, bits, 0x3801).is_err());
        assert!(check_residual(format, bits, 0xb801).is_err());
    }
    let nan = format.quiet_nan();
    assert!(check_residual(format, nan, nan).is_ok() && check_residual(format, nan, 0).is_ok());
    assert!(check_residual(format, nan, 0x3400).is_err());
    assert!(check_residual(format, 0x3c00, nan).is_err());
    assert!(check_residual(format, 0x3c00, 0x8000).is_err(), "a zero residual has no sign");
    assert!(check_residual(format, 0x8000, 0x3400).is_err(), "−0 came from below");
    assert!(check_residual(format, format.infinity(), format.infinity()).is_ok());
    assert!(check_residual(format, format.infinity(), 0xb401).is_err());
}

fn wide(x: f64) -> Wide {
    match Format::F64.decode(x.to_bits()) {
        ropewalk::number::Decoded::Finite { negative, significand, exponent } => {
            Wide::dyadic(negative, significand as u128, exponent as i64)
        }
        _ => unreachable!(),
    }
}

#[test]
fn schemas_accept_the_corpus_and_refuse_mutants() {
    for document in documents() {
        let text = std::fs::read_to_string(format!("vectors/{}", document.path)).unwrap();
        assert_eq!(text, document.text, "{} is out of date", document.path);
    }
    let schema =
        |index: usize| -> Value { serde_json::from_str(&documents()[index].text).unwrap() };
    let golden = jsonschema::draft202012::new(&schema(0)).unwrap();
    let listed = jsonschema::draft202012::new(&schema(1)).unwrap();
    assert!(listed.is_valid(&serde_json::from_str(&manifest()).unwrap()));
    for read in corpus() {
        let value: Value = serde_json::from_str(&read.file.text).unwrap();
        if let Err(error) = golden.validate(&value) {
            panic!("{}: {error} at {}", read.file.path, error.instance_path());
        }
    }
    let sound: Value = serde_json::from_str(SMALL).unwrap();
    assert!(golden.is_valid(&sound));
    let test = "/groups/0/tests/0";
    let mutants = [
        ("/schema", json!("ropewalk-golden-2")),
        ("/suite", json!("1.0")),
        ("/operation", json!("rotat")),
        ("/groups", json!([])),
        ("/groups/0/dtype", json!("f8")),
        ("/groups/0/basic", json!(1)),
        ("/groups/0/config", json!([])),
        ("/groups/0/name", json!("Not a slug")),
        ("/groups/1/tests/0/expected", json!({"reject": "because"})),
        ("/groups/1/tests/0/expected", json!({})),
        ("/notes/basic/links", json!("none")),
        (&format!("{test}/id"), json!("a--b")),
        (&format!("{test}/flags"), json!([])),
        (&format!("{test}/bounds"), json!(null)),
        (&format!("{test}/residual"), json!({})),
        (&format!("{test}/expected/cos/bits/0"), json!("3F0A")),
        (&format!("{test}/expected/cos/bits/0"), json!("3f0")),
        (&format!("{test}/expected/cos/dtype"), json!("f32")),
        (&format!("{test}/expected/cos/shape/0"), json!(-1)),
    ];
    for (pointer, value) in mutants {
        let mut mutant = sound.clone();
        *mutant.pointer_mut(pointer).unwrap() = value.clone();
        assert!(!golden.is_valid(&mutant), "{pointer} = {value} is accepted");
        assert!(
            pointer.ends_with("dtype")
                || pointer.ends_with("suite")
                || pointer.ends_with("id")
                || pointer.ends_with("name")
                || pointer.ends_with("groups")
                || pointer.ends_with("flags")
                || pointer.ends_with("residual")
                || pointer.ends_with("expected")
                || Golden::read(&mutant.to_string()).is_err(),
            "{pointer} = {value} is read"
        );
    }
    for pointer in ["", "/groups/0", test, "/notes/basic"] {
        let keys: Vec<String> =
            sound.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect();
        for key in keys.iter().filter(|key| *key != "residual") {
            let mut mutant = sound.clone();
            mutant.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
            assert!(!golden.is_valid(&mutant), "{pointer}/{key} is not required");
            assert!(Golden::read(&mutant.to_string()).is_err(), "{pointer}/{key} is not required");
        }
        let mut mutant = sound.clone();
        mutant.pointer_mut(pointer).unwrap()["extra"] = json!(1);
        assert!(!golden.is_valid(&mutant), "{pointer} takes an extra key");
        assert!(Golden::read(&mutant.to_string()).is_err(), "{pointer} takes an extra key");
    }
}

#[test]
fn repeated_keys_are_refused() {
    for (once, twice) in [
        ("\"suite\": \"0.2.0\",", "\"suite\": \"0.2.0\",\"suite\": \"0.2.0\","),
        (
            "\"expected\": {\"reject\":\"odd_rotary_dim\"}",
            "\"expected\": {\"reject\":\"odd_rotary_dim\",\"reject\":\"odd_rotary_dim\"}",
        ),
        ("\"sin\": {\"dtype\":\"bf16\"", "\"cos\": {\"dtype\":\"bf16\""),
    ] {
        let text = SMALL.replacen(once, twice, 1);
        assert_ne!(text, SMALL);
        assert!(Golden::read(&text).is_err(), "{twice}");
    }
}

#[test]
fn schemas_describe_every_field() {
    let text = &documents()[0].text;
    let schema: Value = serde_json::from_str(text).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut names = Vec::new();
    let definitions = schema["$defs"].as_object().unwrap();
    for (name, part) in definitions.iter().chain([(&"Golden".to_string(), &schema)]) {
        for (field, property) in part["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{name}.{field} has no description");
            names.push(format!("{name}.{field}"));
        }
    }
    insta::assert_snapshot!(names.join("\n"));
}

#[test]
fn every_flag_has_a_note_and_every_note_a_test() {
    let used: BTreeSet<&str> = corpus()
        .iter()
        .flat_map(|read| read.golden.tests())
        .flat_map(|(_, test)| test.flags.iter().map(String::as_str))
        .collect();
    let noted: BTreeSet<&str> = NOTES.iter().map(|note| note.flag).collect();
    assert_eq!(used, noted);
    assert!(NOTES.windows(2).all(|pair| pair[0].flag < pair[1].flag), "sorted");
    for read in corpus() {
        for (flag, written) in &read.golden.notes {
            assert_eq!(*written, note(flag).unwrap().to_note(), "{}", read.file.path);
        }
    }
    for note in NOTES {
        for link in note.links {
            let (repository, number) = link.split_once('#').unwrap();
            assert_eq!(repository.split('/').count(), 2, "{link}");
            assert!(number.parse::<u32>().is_ok(), "{link}");
        }
        for fault in note.faults {
            let (letter, number) = fault.split_at(1);
            assert!(('A'..='P').contains(&letter.chars().next().unwrap()), "{fault}");
            assert!(number.parse::<u8>().is_ok(), "{fault}");
        }
    }
}
