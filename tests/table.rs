//! `ropewalk table`: its files, read by other people's readers.

use assert_cmd::Command;
use ropewalk::encoding::{Body, Question};
use ropewalk::exact::{Answer, answer};
use ropewalk::request::Request;
use safetensors::SafeTensors;
use std::path::Path;

const POSITIONS: [i64; 5] = [0, 1, -7, 4096, 1 << 62];

fn reference(dtype: &str) -> Answer {
    let line = format!(
        r#"{{"cmd":"run","id":"a","operation":"table","dtype":"{dtype}",
            "config":{{"head_dim":6,"layout":"half","rope_theta":10000}},
            "input":{{"positions":[0,1,-7,4096,"4611686018427387904"]}}}}"#
    );
    let question = Question::new(&Request::parse(&line).unwrap()).unwrap();
    assert!(matches!(question.body, Body::Table(_)));
    answer(&question).unwrap()
}

fn table(folder: &Path, name: &str, more: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ropewalk"));
    command.current_dir(folder).args([
        "table",
        name,
        "--set",
        "head_dim=6",
        "--set",
        "layout=half",
    ]);
    command.args(["--set", "rope_theta=10000"]).args(more);
    command
}

fn written(folder: &Path, name: &str, more: &[&str]) -> Vec<u8> {
    let list = POSITIONS.map(|p| p.to_string()).join(",");
    table(folder, name, more).args(["--positions", &list]).assert().success();
    std::fs::read(folder.join(name)).unwrap()
}

fn little_endian(bytes: &[u8], size: usize) -> Vec<u64> {
    let number = |chunk: &[u8]| chunk.iter().rev().fold(0, |n, &b| n << 8 | b as u64);
    bytes.chunks_exact(size).map(number).collect()
}

#[test]
fn safetensors_hold_the_bits() {
    let folder = tempfile::tempdir().unwrap();
    for (dtype, size) in [("f64", 8), ("f32", 4), ("bf16", 2), ("f16", 2)] {
        let bytes = written(folder.path(), "t.safetensors", &["--dtype", dtype]);
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let about = &header.metadata().as_ref().unwrap()["ropewalk"];
        let about: serde_json::Value = serde_json::from_str(about).unwrap();
        assert_eq!(about["config"]["rotary_dim"], 6);
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let want = reference(dtype);
        for (name, want) in ["cos", "sin"].into_iter().zip(&want.tensors) {
            let got = file.tensor(name).unwrap();
            assert_eq!(got.shape(), [5, 3]);
            assert_eq!(format!("{:?}", got.dtype()).to_lowercase(), dtype);
            assert_eq!(little_endian(got.data(), size), want.expected.data());
        }
    }
}

#[test]
fn arrangements() {
    let folder = tempfile::tempdir().unwrap();
    let want = reference("f32");
    let (cos, sin) = (want.tensors[0].expected.data(), want.tensors[1].expected.data());
    let read = |arrangement: &str, name: &str, more: &[&str]| {
        let more = [&["--layout-out", arrangement], more].concat();
        let bytes = written(folder.path(), "t.safetensors", &more);
        let file = SafeTensors::deserialize(&bytes).unwrap();
        little_endian(file.tensor(name).unwrap().data(), 4)
    };
    let pairs: Vec<u64> = cos.iter().zip(sin).flat_map(|(c, s)| [*c, *s]).collect();
    assert_eq!(read("complex", "table", &[]), pairs);
    let rows = cos.chunks(3).zip(sin.chunks(3));
    let concat: Vec<u64> = rows.flat_map(|(c, s)| [c, s].concat()).collect();
    assert_eq!(read("concat", "table", &[]), concat);
    let half: Vec<u64> = sin.chunks(3).flat_map(|s| [s, s].concat()).collect();
    assert_eq!(read("duplicated", "sin", &[]), half);
    let interleaved: Vec<u64> = cos.iter().flat_map(|&c| [c, c]).collect();
    assert_eq!(read("duplicated", "cos", &["--set", "layout=interleaved"]), interleaved);
}

/// numpy reads .npy and .npz; without numpy only the headers are looked at.
#[test]
fn numpy_reads_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let npy = written(folder.path(), "t.npy", &["--dtype", "f64"]);
    assert_eq!(&npy[..8], b"\x93NUMPY\x01\x00");
    let want = reference("f64");
    let all: Vec<u64> = want.tensors.iter().flat_map(|t| t.expected.data().to_vec()).collect();
    assert_eq!(little_endian(&npy[npy.len() - 8 * all.len()..], 8), all);
    assert!(folder.path().join("t.npy.json").exists());
    written(folder.path(), "t.npz", &["--dtype", "f64"]);
    written(folder.path(), "b.npz", &["--dtype", "bf16", "--layout-out", "concat"]);
    written(folder.path(), "c.npy", &["--dtype", "f32", "--layout-out", "complex"]);
    let script = "
import json, zipfile
assert zipfile.ZipFile('t.npz').testzip() is None
assert zipfile.ZipFile('b.npz').testzip() is None
try:
    import numpy as np
except ImportError:
    raise SystemExit(0)
a, z = np.load('t.npy'), np.load('t.npz')
assert a.shape == (2, 5, 3) and a.dtype == np.float64
assert (z['cos'] == a[0]).all() and (z['sin'] == a[1]).all()
assert a[0, 0, 0] == 1 and abs(a[1, 1, 0] - np.sin(1.0)) < 1e-15
assert json.loads(z['config.json'])['dtype'] == 'f64'
b = np.load('b.npz')['table']
assert b.shape == (5, 6) and b.dtype == np.uint16
b = (b.astype('<u4') << 16).view('<f4')
assert abs(b[:, :3] - a[0]).max() < 0.004
c = np.load('c.npy')
assert c.shape == (5, 3) and c.dtype == np.complex64 and abs(c - (a[0] + 1j * a[1])).max() < 1e-7
";
    let python = std::process::Command::new("python3")
        .args(["-c", script])
        .current_dir(folder.path())
        .status();
    if let Ok(status) = python {
        assert!(status.success());
    }
}

#[test]
fn spans_lists_and_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rows = |positions: &[&str]| {
        let mut more = vec![];
        for text in positions {
            more.extend(["--positions", text]);
        }
        table(folder, "r.safetensors", &more).assert().success();
        let bytes = std::fs::read(folder.join("r.safetensors")).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        file.tensor("cos").unwrap().data().to_vec()
    };
    std::fs::write(folder.join("list"), "-4 -1\n2 5\n").unwrap();
    assert_eq!(rows(&["-4..8:3"]), rows(&["@list"]));
    assert_eq!(rows(&["5..-5:-3"]), rows(&["5,2,-1,-4"]));
    assert_eq!(rows(&["3..3"]), Vec::<u8>::new());
    let exit = |name: &str, more: &[&str], code: i32, says: &str| {
        let assert = table(folder, name, more).assert().code(code);
        let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(text.contains(says), "{text}");
        assert!(!folder.join(name).exists());
    };
    exit("x.npy", &["--positions", "0..4", "--set", "head_dim=7"], 1, "odd_rotary_dim");
    exit("x.npy", &["--positions", "0..4:0"], 2, "leads nowhere");
    exit("x.npy", &["--positions", "0,x"], 2, "no integer");
    exit("x.npy", &["--positions", "1", "--positions", "2"], 2, "1 axes");
    exit("x.txt", &["--positions", "1"], 2, ".safetensors");
    exit("x.npy", &["--positions", "1", "--dtype", "i32"], 2, "f64, f32, bf16, f16");
    exit("x.npy", &["--positions", "0..4611686018427387904"], 2, "no file");
    let both = "-4611686018427387904..4611686018427387904";
    exit("x.npy", &[&format!("--positions={both}")], 2, "no file");
    exit("x.npy", &["--positions", both, "--positions", both], 2, "1 axes");
    // The ends alone, up and down.
    let step = "4611686018427387904";
    assert_eq!(rows(&[&format!("{both}:{step}")]), rows(&["-4611686018427387904,0"]));
    assert_eq!(
        rows(&[&format!("4611686018427387904..-4611686018427387904:-{step}")]),
        rows(&["4611686018427387904,0"])
    );
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2, "nothing half-made is left");
}

/// A configuration of every scheme, and of every way in which pairs lie in the rotated slice.
const CONFIGS: [&str; 22] = [
    r#""rope_theta":10000"#,
    r#""rope_theta":10000,"rotary_dim":8"#,
    r#""rope_theta":10000,"rotary_dim":8,"rotary_offset":4"#,
    r#""rope_theta":10000,"mrope_section":[2,4,2]"#,
    r#""rope_theta":10000,"mrope_section":[4,2,2],"mrope_interleaved":true"#,
    r#""rope_theta":10000,"rope_type":"linear","factor":2"#,
    r#""rope_theta":10000,"rope_type":"ntk","factor":2"#,
    r#""rope_theta":10000,"rope_type":"ntk_fixed","factor":2"#,
    r#""rope_theta":10000,"rope_type":"dynamic","factor":2,"original_max_position_embeddings":8"#,
    r#""rope_theta":10000,"rope_type":"ntk_by_parts","factor":2,"original_max_position_embeddings":64"#,
    r#""rope_theta":10000,"rope_type":"yarn","factor":2,"original_max_position_embeddings":64"#,
    r#""rope_theta":10000,"rope_type":"llama3","factor":2,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":64"#,
    r#""rope_theta":10000,"rope_type":"longrope","factor":2,"original_max_position_embeddings":8,"short_factor":[1,1,1,1,2,2,2,2],"long_factor":[1,2,3,4,5,6,7,8]"#,
    r#""rope_theta":10000,"rope_type":"proportional","partial_rotary_factor":0.5"#,
    r#""rope_theta":10000,"rope_type":"axial","axes_dims":[4,6,6]"#,
    r#""rope_theta":10000,"rope_type":"axial","axes_dims":[8,8],"half_within_axis":true"#,
    r#""rope_theta":10000,"rope_type":"axial","axes_dims":[4,12],"half_within_axis":true"#,
    r#""rope_theta":10000,"rope_type":"pixtral""#,
    r#""rope_theta":100,"rope_type":"dinov3""#,
    r#""rope_type":"pixel","max_freq":10"#,
    r#""rope_theta":10000,"rope_type":"none""#,
    r#""rope_theta":10000,"rope_type":"xpos""#,
];

/// Whoever multiplies by a file's cos and sin rotates as `rotate` does: each arrangement, each
/// scheme, each layout.
#[test]
fn arrangements_are_those_of_the_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let head = 16;
    let mut seen = std::collections::BTreeSet::new();
    let configs = CONFIGS.iter().flat_map(|config| [(config, "half"), (config, "interleaved")]);
    for (config, layout) in configs {
        let config = format!(r#"{{"head_dim":{head},"layout":"{layout}",{config}}}"#);
        std::fs::write(folder.join("c.json"), &config).unwrap();
        let object = serde_json::from_str(&config).unwrap();
        // Some rules have one layout, and xPos has no single table.
        let checked = match ropewalk::encoding::RopeConfig::new(&object) {
            Ok(checked) => checked,
            Err(reject) if reject.to_string().contains("layout") => continue,
            Err(reject) => panic!("{config}: {reject}"),
        };
        let length = checked.scheme().needs_seq_len().then_some(16);
        let rope = checked.rope(length).unwrap();
        if config.contains("xpos") {
            continue;
        }
        seen.insert(checked.normalised().get("rope_type").cloned().map(|j| format!("{j}")));
        let file = |arrangement: &str| {
            let _ = std::fs::remove_file(folder.join("t.safetensors"));
            Command::new(assert_cmd::cargo::cargo_bin!("ropewalk"))
                .current_dir(folder)
                .args(["table", "--config", "c.json", "--positions", "3"])
                .args(length.iter().flat_map(|n| ["--seq-len".to_string(), n.to_string()]))
                .args(["--dtype", "f64", "--layout-out", arrangement, "t.safetensors"])
                .assert()
                .success();
            let bytes = std::fs::read(folder.join("t.safetensors")).unwrap();
            let file = SafeTensors::deserialize(&bytes).unwrap();
            file.names()
                .into_iter()
                .map(str::to_string)
                .map(|name| {
                    let bits = little_endian(file.tensor(&name).unwrap().data(), 8);
                    (name, bits.into_iter().map(f64::from_bits).collect())
                })
                .collect::<std::collections::BTreeMap<String, Vec<f64>>>()
        };
        // Column k of the rotation matrix, by `rotate` itself.
        let axes = rope.axes.max(1);
        let place = |axis: usize| if axis < axes { "[[3]]" } else { "" };
        let positions = match axes {
            1 => "[[3]]".to_string(),
            _ => format!("[{}]", (0..axes).map(place).collect::<Vec<_>>().join(",")),
        };
        let column = |k: usize| {
            let bits: String = (0..head)
                .map(|i| format!("{:016x}", f64::to_bits(f64::from(u8::from(i == k)))))
                .collect();
            let given = if length.is_some() { r#""seq_len":16,"# } else { "" };
            let line = format!(
                r#"{{"cmd":"run","id":"a","operation":"rotate","dtype":"f64","config":{config},
                "input":{{"positions":{positions},{given}
                "q":{{"dtype":"f64","shape":[1,1,1,{head}],"bits":["{bits}"]}}}}}}"#
            );
            let question = Question::new(&Request::parse(&line).unwrap()).unwrap();
            let answer = answer(&question).unwrap();
            answer.tensors[0]
                .expected
                .data()
                .iter()
                .map(|&b| f64::from_bits(b))
                .collect::<Vec<f64>>()
        };
        let matrix: Vec<Vec<f64>> = (0..head).map(column).collect();
        let tables = file("cos_sin");
        let (cos, sin) = (&tables["cos"], &tables["sin"]);
        let pairs = rope.pairs();
        for (i, pair) in pairs.iter().enumerate() {
            assert_eq!(
                [cos[i], sin[i]],
                [matrix[pair.re][pair.re], matrix[pair.re][pair.im]],
                "{config}"
            );
        }
        let (both, planes) = (file("complex").remove("table").unwrap(), pairs.len());
        assert_eq!(both, (0..planes).flat_map(|i| [cos[i], sin[i]]).collect::<Vec<_>>());
        assert_eq!(file("concat").remove("table").unwrap(), [&cos[..], sin].concat());
        // x·cos + rotate_half(x)·sin over the slice, whatever partner a coordinate has.
        let twice = file("duplicated");
        let first = pairs.iter().map(|pair| pair.re).min().unwrap();
        assert_eq!(twice["cos"].len(), 2 * planes, "{config}");
        for pair in &pairs {
            for own in [pair.re, pair.im] {
                assert_eq!(twice["cos"][own - first], matrix[own][own], "{config} {own}");
                assert_eq!(twice["sin"][own - first], matrix[pair.re][pair.im], "{config} {own}");
            }
        }
    }
    assert!(seen.len() >= 14, "{seen:?}");
}
