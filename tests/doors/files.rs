//! Questions and answers as files, with the test as the far machine.

use super::{cases, corpus};
use assert_cmd::Command;
use ropewalk::audit::hash;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

fn ropewalk(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("ropewalk").unwrap().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// Tensors by name: type, shape, little-endian bytes.
type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn read(path: &str) -> Tensors {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let own = |(name, view): (String, TensorView)| {
        (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
    };
    file.tensors().into_iter().map(own).collect()
}

fn write(path: &str, tensors: &Tensors) {
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn numbers(dtype: Dtype, bytes: &[u8]) -> Vec<f64> {
    match dtype {
        Dtype::F32 => {
            bytes.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()) as f64).collect()
        }
        _ => bytes
            .chunks(2)
            .map(|b| half::bf16::from_le_bytes(b.try_into().unwrap()).to_f64())
            .collect(),
    }
}

/// What somebody without Ropewalk computes from the two files alone.
fn answered(questions: &Value, asked: &Tensors) -> Tensors {
    let mut answers = Tensors::new();
    for question in questions["questions"].as_array().unwrap() {
        let id = question["id"].as_str().unwrap();
        answers.insert(format!("{id}.hash"), asked[&format!("{id}.hash")].clone());
        let (_, _, bytes) = &asked[&format!("{id}.positions")];
        let positions: Vec<f64> =
            bytes.chunks(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect();
        let config = &question["config"];
        let (base, r) = (
            config["rope_theta"].as_f64().unwrap(),
            config["rotary_dim"].as_u64().unwrap() as usize,
        );
        let start = config["rotary_offset"].as_u64().unwrap_or(0) as usize;
        let backward = question["input"]["direction"].as_str().is_some_and(|d| d != "forward");
        for name in question["output"].as_object().unwrap().keys() {
            let (dtype, shape, bytes) = &asked[&format!("{id}.{name}")];
            let &[_, heads, seq, width] = &shape[..] else { panic!("{shape:?}") };
            let mut x = numbers(*dtype, bytes);
            for (row, x) in x.chunks_mut(width).enumerate() {
                let p = positions[row / (heads * seq) * seq + row % seq];
                for i in 0..r / 2 {
                    let (sin, cos) = (p * base.powf(-2.0 * i as f64 / r as f64)).sin_cos();
                    let sin = if backward { -sin } else { sin };
                    let (a, b) = (start + i, start + i + r / 2);
                    (x[a], x[b]) = (x[a] * cos - x[b] * sin, x[a] * sin + x[b] * cos);
                }
            }
            let bytes = match dtype {
                Dtype::F32 => x.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect(),
                _ => x.iter().flat_map(|x| half::bf16::from_f64(*x).to_le_bytes()).collect(),
            };
            answers.insert(format!("{id}.{name}"), (*dtype, shape.clone(), bytes));
        }
    }
    answers
}

#[test]
fn a_far_machine_is_asked_and_judged() {
    let folder = tempfile::tempdir().unwrap();
    let [ask, json, back] =
        ["ask.safetensors", "ask.json", "back.safetensors"].map(|name| path(folder.path(), name));
    let files = ["rotate/half-f32", "rotate/half-bf16", "rejects/rotate"];
    let corpus = corpus(folder.path(), &files);
    let select = ["--vectors", &corpus, "--only", "*-[bhlnpr]*"];
    let (code, text, errors) = ropewalk(&[&["prompt"], &select[..], &[&ask]].concat());
    assert_eq!(code, 0, "{errors}");
    assert!(text.contains(" questions in "), "{text}");
    let questions: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    let asked = read(&ask);
    // The hash of the file is the hash of the question.
    let first = &questions["questions"][0];
    let id = first["id"].as_str().unwrap();
    let known = cases(&files);
    let hash = hash(&known.iter().find(|case| case.ask.id == id).unwrap().ask);
    assert_eq!(asked[&format!("{id}.hash")].2, hash.to_le_bytes());
    assert_eq!(first["hash"], format!("{hash:016x}"));

    let answers = answered(&questions, &asked);
    write(&back, &answers);
    let judge =
        |more: &[&str]| ropewalk(&[&["audit", "--outputs", &back], &select[..], more].concat());
    let (code, text, errors) = judge(&["--prompt", &json]);
    assert_eq!(code, 0, "{text}{errors}");
    assert!(
        text.starts_with("CONFORMS ") && text.contains("back.safetensors") && errors.is_empty(),
        "{text}{errors}"
    );

    // One answer of another question, one missing, one wrong, one of the wrong shape.
    let ids: Vec<&str> = questions["questions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|q| q["id"].as_str().unwrap())
        .filter(|id| id.contains("-f32-") && answers.contains_key(&format!("{id}.q")))
        .take(4)
        .collect();
    let mut spoilt = answers.clone();
    spoilt.get_mut(&format!("{}.hash", ids[0])).unwrap().2[0] ^= 1;
    spoilt.retain(|name, _| !name.starts_with(&format!("{}.", ids[1])));
    spoilt.get_mut(&format!("{}.q", ids[2])).unwrap().2[3] ^= 0x80;
    spoilt.get_mut(&format!("{}.q", ids[3])).unwrap().1.insert(0, 1);
    spoilt.insert("somebody-else.q".into(), (Dtype::F32, vec![], vec![0; 4]));
    write(&back, &spoilt);
    let (code, text, errors) = judge(&["--prompt", &json, "--report", "ndjson"]);
    assert_eq!(code, 1);
    assert!(errors.contains("1 answers are to questions that are not asked here"), "{errors}");
    let status = |id: &str| {
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found = lines.into_iter().find(|l| l["line"] == "case" && l["id"] == id).unwrap();
        found["status"].as_str().unwrap().to_string()
    };
    let got: Vec<String> = ids.iter().map(|id| status(id)).collect();
    assert_eq!(got, ["stale", "skipped", "wrong", "misfit"]);

    // Answers to a part are judged as that part, unless the prompt says that more was asked.
    let part: Tensors = answers.into_iter().filter(|(name, _)| name.contains("-bf16-")).collect();
    write(&back, &part);
    let (code, text, _) = judge(&[]);
    assert_eq!(code, 0, "{text}");
    let (code, text, _) = judge(&["--prompt", &json]);
    assert_eq!(code, 3, "{text}");
    // Nothing at all is no pass.
    write(&back, &Tensors::new());
    assert_eq!(judge(&[]).0, 3);
}

#[test]
fn both_file_formats_ask_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path(), &["alibi_bias/bf16", "rejects/alibi_bias"]);
    let select = ["--vectors", &corpus, "--operation", "alibi_bias"];
    let [one, two] = ["one.safetensors", "two.npz"].map(|name| path(folder.path(), name));
    for file in [&one, &two] {
        assert_eq!(ropewalk(&[&["prompt"], &select[..], &[file]].concat()).0, 0);
    }
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(text("one.json"), text("two.json"));
    assert!(text("one.json").contains(r#"query_positions":["#), "positions stand in the text");
    assert!(!text("one.json").contains("-refused"), "what must be refused is not asked");
    // Questions are no answers: every one of them lacks its output.
    for file in [&one, &two] {
        let (code, text, _) = ropewalk(&[&["audit", "--outputs", file], &select[..]].concat());
        assert!(code == 1 && text.contains("output bias is missing"), "{text}");
    }
    let (code, _, errors) = ropewalk(&[&["prompt"], &select[..], &["ask.txt"]].concat());
    assert!(code == 2 && errors.contains(".npz"), "{errors}");
    let no_prompt = path(folder.path(), "no.json");
    std::fs::write(&no_prompt, r#"{"schema":"another"}"#).unwrap();
    let wrong = ["audit", "--outputs", &one, "--prompt", &no_prompt];
    let (code, _, errors) = ropewalk(&[&wrong, &select[..]].concat());
    assert!(code == 2 && errors.contains("ropewalk-prompt-1"), "{errors}");
}

/// A prompt says what it asks; nothing is repeated. And it overwrites no config.
#[test]
fn a_prompt_of_a_model_is_judged_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let [ask, json, back] =
        ["ask.safetensors", "ask.json", "back.safetensors"].map(|name| path(folder.path(), name));
    let select = ["--model", "llama-2-7b", "--operation", "rotate", "--dtype", "f32"];
    let (code, _, errors) = ropewalk(&[&["prompt"], &select[..], &[&ask]].concat());
    assert_eq!(code, 0, "{errors}");
    let questions: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert!(questions["selection"]["config"].is_object());
    write(&back, &answered(&questions, &read(&ask)));
    let (code, text, errors) = ropewalk(&["audit", "--outputs", &back, "--prompt", &json]);
    assert_eq!(code, 0, "{text}{errors}");
    assert!(text.starts_with("CONFORMS ") && errors.is_empty(), "{text}{errors}");

    let [config, file] =
        ["config.json", "config.safetensors"].map(|name| path(folder.path(), name));
    std::fs::write(&config, r#"{"model_type":"llama"}"#).unwrap();
    let (code, _, errors) = ropewalk(&[&["prompt"], &select[..], &[&file]].concat());
    assert!(code == 2 && errors.contains("config.json is there and is no prompt"), "{errors}");
    assert_eq!(std::fs::read_to_string(&config).unwrap(), r#"{"model_type":"llama"}"#);
    assert!(!Path::new(&file).exists());
}
