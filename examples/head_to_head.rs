//! How many known faults the tests of other projects see, and how many the golden vectors see.
//!
//! Each peer's test is rebuilt from what `examples/head-to-head.md` says of it: formats, shapes,
//! positions, data, tolerance, and whether kernel and reference share a table of cos and sin. A
//! mutant is caught if some element is further from a right kernel of the same format than the
//! test's own tolerance. Sizes are smaller where only the number of equal elements shrinks.
//!
//! ```sh
//! cargo run --release --example head_to_head             # the table in Markdown
//! cargo run --release --example head_to_head -- --list   # and which faults each test misses
//! ```

use ropewalk::audit::{
    Ask, Breakage, Capability, Case, Description, Kernel, Options, Outcome, Verdict, audit, cases,
};
use ropewalk::fault::{self, Answer, Asked, Fault, History};
use ropewalk::number::{Dtype, Tensor};
use ropewalk::profile::{self, Profile};
use ropewalk::request::{Json, Operation, tensor_json};
use ropewalk::vector::Golden;
use std::path::{Path, PathBuf};

/// A test of another project.
struct Peer {
    name: &'static str,
    /// Whether the kernel and what it is compared with read the same table, so that nothing that
    /// goes into the table can be seen.
    shared_table: bool,
    /// The requests of a format, with its tolerance.
    runs: Vec<Run>,
}

/// Requests with one tolerance.
struct Run {
    requests: Vec<Json>,
    rule: Rule,
}

/// When two answers count as equal.
#[derive(Clone, Copy)]
enum Rule {
    /// |a − b| ≤ absolute + relative · |b| for every element.
    Close { absolute: f64, relative: f64 },
    /// Σ(a − b)² / Σb² below a limit.
    SquaredError(f64),
    /// Mean, sum and largest value within a relative tolerance.
    Scalars(f64),
    /// Only the answers of the kernel itself are compared: R(33 + i) with R(−67) R(100 + i).
    Composition(f64),
}

/// Reproducible numbers in [0, 1).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [0, 1), or normal.
    fn tensor(&mut self, dtype: Dtype, shape: &[usize], normal: bool) -> Json {
        let mut one = || match normal {
            false => self.next(),
            true => {
                (-2.0 * (1.0 - self.next()).ln()).sqrt()
                    * (std::f64::consts::TAU * self.next()).cos()
            }
        };
        let data = (0..shape.iter().product()).map(|_| bits(dtype, one())).collect();
        Tensor::new(dtype, shape.to_vec(), data).map_or(Json::Null, |tensor| tensor_json(&tensor))
    }
}

/// The nearest number of a format, by way of f32 as the tests of Python projects have it.
fn bits(dtype: Dtype, x: f64) -> u64 {
    let single = (x as f32).to_bits();
    match dtype {
        Dtype::F64 => x.to_bits(),
        Dtype::F32 => single.into(),
        Dtype::Bf16 => ((single + 0x7fff + (single >> 16 & 1)) >> 16).into(),
        // Normal numbers of f16 only, which is all that these data need.
        _ => {
            let (sign, magnitude) = (single >> 16 & 0x8000, single & 0x7fff_ffff);
            match magnitude < 0x3880_0000 {
                true => sign.into(),
                false => {
                    let rebased = magnitude - (112 << 23);
                    (sign | (rebased + 0xfff + (rebased >> 13 & 1)) >> 13).into()
                }
            }
        }
    }
}

fn object(pairs: Vec<(&str, Json)>) -> Json {
    Json::Object(pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
}

/// The JSON of a text that is written here.
fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or(Json::Null)
}

fn request(operation: &str, dtype: Dtype, config: &str, input: Vec<(&str, Json)>) -> Json {
    let word = |text: &str| Json::from(text);
    object(vec![
        ("cmd", word("run")),
        ("id", word("a")),
        ("operation", word(operation)),
        ("dtype", word(dtype.name())),
        ("config", json(config)),
        ("input", object(input)),
    ])
}

/// A rotation of random q and k at positions [batch][seq].
struct Rotation<'a> {
    dtype: Dtype,
    layout: &'a str,
    width: usize,
    rotary: usize,
    base: &'a str,
    heads: (usize, usize),
    rows: &'a [Vec<i64>],
    normal: bool,
    backward: bool,
    scaling: &'a str,
}

impl Rotation<'_> {
    fn json(&self) -> Json {
        let (batch, seq) = (self.rows.len(), self.rows[0].len());
        let mut random = Random(self.width as u64 * 31 + self.rotary as u64);
        let config = format!(
            r#"{{"head_dim":{},"layout":"{}","rope_theta":{},"rotary_dim":{}{}}}"#,
            self.width, self.layout, self.base, self.rotary, self.scaling
        );
        let mut input = vec![
            ("q", random.tensor(self.dtype, &[batch, self.heads.0, seq, self.width], self.normal)),
            ("positions", json(&format!("{:?}", self.rows))),
        ];
        // Operators that take one tensor have no keys.
        if self.heads.1 > 0 {
            let shape = [batch, self.heads.1, seq, self.width];
            input.push(("k", random.tensor(self.dtype, &shape, self.normal)));
        }
        if self.backward {
            input.push(("direction", Json::from("backward")));
        }
        request("rotate", self.dtype, &config, input)
    }
}

const PLAIN: Rotation<'static> = Rotation {
    dtype: Dtype::F32,
    layout: "half",
    width: 64,
    rotary: 64,
    base: "10000",
    heads: (2, 2),
    rows: &[],
    normal: true,
    backward: false,
    scaling: "",
};

/// Positions like randint(0, below).
fn scattered(batch: usize, seq: usize, below: i64) -> Vec<Vec<i64>> {
    let mut random = Random(batch as u64 * 100 + seq as u64);
    (0..batch).map(|_| (0..seq).map(|_| (random.next() * below as f64) as i64).collect()).collect()
}

fn counted(batch: usize, from: i64, seq: i64) -> Vec<Vec<i64>> {
    vec![(from..from + seq).collect(); batch]
}

fn close(absolute: f64, relative: f64) -> Rule {
    Rule::Close { absolute, relative }
}

const BOTH: [&str; 2] = ["interleaved", "half"];

/// The tests, as `examples/head-to-head.md` describes them.
fn peers() -> Vec<Peer> {
    let vllm = |dtype, rule| {
        let rows = scattered(5, 11, 8192);
        let each = BOTH.iter().flat_map(|&layout| {
            let rows = &rows;
            [(64, 64), (80, 80), (64, 32)].map(move |(width, rotary)| {
                Rotation { dtype, layout, width, rotary, rows, ..PLAIN }.json()
            })
        });
        Run { requests: each.collect(), rule }
    };
    let flash = |dtype, epsilon: f64| {
        let rows = [counted(1, 0, 17), counted(1, 5, 17)].concat();
        let each = BOTH.iter().flat_map(|&layout| {
            let rows = &rows;
            [(64, false), (64, true), (32, false), (32, true)].map(move |(rotary, backward)| {
                Rotation { dtype, layout, rotary, rows, heads: (3, 0), backward, ..PLAIN }.json()
            })
        });
        Run { requests: each.collect(), rule: close(epsilon, 1e-3) }
    };
    let flashinfer = {
        let each = [0, 15, 99].into_iter().flat_map(|offset| {
            ["10000", "500000"].map(|base| {
                let rows = counted(3, offset, 19);
                let own = Rotation {
                    dtype: Dtype::F16,
                    layout: "interleaved",
                    base,
                    heads: (4, 2),
                    rows: &rows,
                    ..PLAIN
                };
                own.json()
            })
        });
        Run { requests: each.collect(), rule: close(1e-3, 1e-3) }
    };
    let backend = |dtype| {
        let each = BOTH.iter().flat_map(|&layout| {
            [("", false), (r#","rope_type":"linear","factor":1.4245"#, false), ("", true)].map(
                |(scaling, backward)| {
                    let rows = scattered(1, 2, 512);
                    Rotation {
                        dtype,
                        layout,
                        width: 128,
                        rotary: 128,
                        heads: (4, 4),
                        rows: &rows,
                        scaling,
                        backward,
                        ..PLAIN
                    }
                    .json()
                },
            )
        });
        Run { requests: each.collect(), rule: Rule::SquaredError(1e-7) }
    };
    let composition = {
        let each = BOTH.iter().flat_map(|&layout| {
            // Turned to 100 + i, back by 67, and straight to 33 + i.
            [counted(1, 100, 8), vec![vec![-67; 8]], counted(1, 33, 8)].map(|rows| {
                Rotation { layout, width: 256, rotary: 128, rows: &rows, ..PLAIN }.json()
            })
        });
        Run { requests: each.collect(), rule: Rule::Composition(1e-4) }
    };
    let engine = |dtype, absolute, relative| {
        let rows = [counted(1, 0, 24), counted(1, 7, 24)].concat();
        let own = |backward| {
            Rotation {
                dtype,
                width: 128,
                rotary: 128,
                rows: &rows,
                normal: false,
                backward,
                ..PLAIN
            }
            .json()
        };
        Run { requests: vec![own(false), own(true)], rule: close(absolute, relative) }
    };
    let liger = |dtype, absolute| {
        let rows = counted(2, 0, 128);
        let requests = [64, 92].map(|width| {
            Rotation { dtype, width, rotary: width, heads: (2, 1), rows: &rows, ..PLAIN }.json()
        });
        Run { requests: requests.to_vec(), rule: close(absolute, 1e-5) }
    };
    // One tensor, a table of the caller, data in [0, 1).
    let single = |rows: Vec<Vec<i64>>, heads, widths: &[(usize, usize)], rule| {
        let each = BOTH.iter().flat_map(|&layout| {
            let rows = &rows;
            widths.iter().map(move |&(width, rotary)| {
                Rotation { layout, width, rotary, rows, heads: (heads, 0), normal: false, ..PLAIN }
                    .json()
            })
        });
        Run { requests: each.collect(), rule }
    };
    let onnx = single(scattered(2, 3, 50), 4, &[(8, 8), (8, 4)], close(1e-7, 1e-3));
    let runtime = single(scattered(2, 8, 16), 3, &[(4, 4), (6, 6), (6, 4)], close(2e-3, 0.0));
    let mlx = |dtype, absolute| {
        let each = BOTH.iter().flat_map(|&layout| {
            [("", 0), ("", 3), (r#","rope_type":"linear","factor":0.5"#, 1)].map(
                |(scaling, offset)| {
                    let rows = counted(2, offset, 4);
                    Rotation {
                        dtype,
                        layout,
                        width: 8,
                        rotary: 8,
                        rows: &rows,
                        normal: false,
                        scaling,
                        ..PLAIN
                    }
                    .json()
                },
            )
        });
        Run { requests: each.collect(), rule: close(absolute, 0.0) }
    };
    let xformers = |dtype, absolute, relative| {
        let rows =
            vec![vec![0, 1, 2, 3], vec![511, 512, 513, 514], vec![18296, 18297, 18298, 18299]];
        let each = BOTH.iter().map(|&layout| {
            Rotation {
                dtype,
                layout,
                width: 100,
                rotary: 100,
                heads: (4, 2),
                rows: &rows,
                normal: false,
                ..PLAIN
            }
            .json()
        });
        Run { requests: each.collect(), rule: close(absolute, relative) }
    };
    let tune = {
        let rows = counted(1, 0, 256);
        let own = Rotation {
            layout: "interleaved",
            width: 128,
            rotary: 128,
            heads: (1, 1),
            rows: &rows,
            ..PLAIN
        };
        Run { requests: vec![own.json()], rule: Rule::Scalars(1e-4) }
    };
    let candle = single(counted(2, 0, 10), 5, &[(16, 16)], close(0.0, 0.0));
    let burn = {
        let rows = counted(1, 0, 2);
        let own = Rotation {
            layout: "interleaved",
            width: 4,
            rotary: 4,
            rows: &rows,
            normal: false,
            ..PLAIN
        };
        Run { requests: vec![own.json()], rule: close(1e-4, 0.0) }
    };
    vec![
        Peer { name: "ONNX node cases", shared_table: true, runs: vec![onnx] },
        Peer { name: "ONNX Runtime contrib", shared_table: true, runs: vec![runtime] },
        Peer {
            name: "vLLM test_pos_encoding",
            shared_table: true,
            runs: vec![
                vllm(Dtype::F32, close(1e-5, 1.3e-6)),
                vllm(Dtype::Bf16, close(1e-3, 1.6e-2)),
            ],
        },
        Peer {
            name: "flash-attention test_rotary",
            shared_table: true,
            // 2 · max |(x + 0.3 − 0.3) − x| for data of size 1.
            runs: vec![flash(Dtype::F16, 1e-3), flash(Dtype::Bf16, 8e-3)],
        },
        Peer {
            name: "FlashInfer test_rope, interleaved",
            shared_table: false,
            runs: vec![flashinfer],
        },
        Peer {
            name: "llama.cpp test-backend-ops",
            shared_table: false,
            runs: vec![backend(Dtype::F32), backend(Dtype::F16)],
        },
        Peer { name: "llama.cpp test-rope", shared_table: false, runs: vec![composition] },
        Peer {
            name: "TransformerEngine test_fused_rope",
            shared_table: true,
            runs: vec![engine(Dtype::F32, 1e-5, 1.3e-6), engine(Dtype::Bf16, 1e-5, 1.6e-2)],
        },
        Peer {
            name: "Liger-Kernel test_rope",
            shared_table: true,
            runs: vec![liger(Dtype::F32, 1e-5), liger(Dtype::Bf16, 1e-1)],
        },
        Peer {
            name: "MLX test_fast",
            shared_table: false,
            runs: vec![mlx(Dtype::F32, 1e-6), mlx(Dtype::F16, 1e-3), mlx(Dtype::Bf16, 1e-2)],
        },
        Peer {
            name: "xFormers test_rope_padded",
            shared_table: false,
            runs: vec![xformers(Dtype::F32, 5e-3, 1e-5), xformers(Dtype::Bf16, 5e-3, 8e-3)],
        },
        Peer { name: "torchtune test_position_embeddings", shared_table: false, runs: vec![tune] },
        Peer { name: "candle-nn tests/ops", shared_table: true, runs: vec![candle] },
        Peer { name: "burn rope_encoding", shared_table: false, runs: vec![burn] },
    ]
}

/// What a kernel computes with, beside its formats.
fn machine() -> Profile {
    *profile::find("hf-f32").unwrap_or(&profile::NAMED[0])
}

/// A fault of the table: base, frequencies, scaling, or the precision of angles and entries.
fn of_the_table(fault: &Fault) -> bool {
    matches!(fault.class.as_bytes(), [b'C' | b'D', ..])
        || matches!(fault.class, "F1" | "F2" | "F3" | "F4" | "F6" | "F7" | "F8" | "F9")
}

/// All numbers of the answer, in order; none if it is of another form.
fn numbers(tensors: &[(&str, &Tensor)]) -> Vec<f64> {
    let decode = |tensor: &Tensor| -> Vec<f64> {
        let format = tensor.dtype().format();
        tensor.data().iter().map(|&b| format.map_or(b as i64 as f64, |f| f.to_f64(b))).collect()
    };
    tensors.iter().flat_map(|(_, tensor)| decode(tensor)).collect()
}

fn right(asked: &Asked) -> Vec<f64> {
    let Ok(question) = asked.question() else { return Vec::new() };
    let answer = profile::emulate(&machine(), question);
    numbers(&answer.iter().map(|n| (n.name, &n.tensor)).collect::<Vec<_>>())
}

/// What a kernel with the fault answers; the right answer where the fault makes no difference.
fn faulty(fault: &'static Fault, asked: &Asked, history: &History) -> Vec<f64> {
    match fault.mutate(asked, history).map(|mutant| mutant.emulate(&machine())) {
        None => right(asked),
        Some(Answer::Output(output)) => {
            numbers(&output.iter().map(|(n, t)| (*n, t)).collect::<Vec<_>>())
        }
        Some(Answer::Refused(_)) => Vec::new(),
    }
}

/// Larger than allowed, or no number.
fn beyond(size: f64, limit: f64) -> bool {
    size.is_nan() || size > limit
}

fn differ(rule: Rule, got: &[f64], want: &[f64]) -> bool {
    if got.len() != want.len() {
        return true;
    }
    let pairs = || got.iter().zip(want);
    let apart = |limit: f64, a: f64, b: f64| beyond((a - b).abs(), limit);
    match rule {
        Rule::Close { absolute, relative } => {
            pairs().any(|(&a, &b)| apart(absolute + relative * b.abs(), a, b))
        }
        Rule::SquaredError(limit) => {
            let error: f64 = pairs().map(|(a, b)| (a - b).powi(2)).sum();
            beyond(error / want.iter().map(|b| b * b).sum::<f64>(), limit)
        }
        Rule::Scalars(limit) => {
            let summary = |x: &[f64]| {
                let sum: f64 = x.iter().sum();
                [sum / x.len() as f64, sum, x.iter().copied().fold(f64::MIN, f64::max)]
            };
            summary(got).into_iter().zip(summary(want)).any(|(a, b)| apart(limit * b.abs(), a, b))
        }
        Rule::Composition(limit) => {
            let error: f64 = pairs().map(|(a, b)| (a - b).abs()).sum();
            beyond(error / want.iter().map(|b| b.abs()).sum::<f64>(), limit)
        }
    }
}

/// A request with other queries, and without keys.
fn with_queries(of: &Json, queries: &[f64]) -> Json {
    let Json::Object(fields) = of else { return Json::Null };
    let mut made = fields.clone();
    if let Some(Json::Object(input)) = fields.get("input") {
        let mut input = input.clone();
        let shape = vec![1, 2, 8, 256];
        let data =
            queries.iter().take(shape.iter().product()).map(|&x| bits(Dtype::F32, x)).collect();
        input
            .set("q", Tensor::new(Dtype::F32, shape, data).map_or(Json::Null, |t| tensor_json(&t)));
        input = input
            .iter()
            .filter(|(key, _)| *key != "k")
            .map(|(k, v)| (k.to_string(), v.clone()))
            .collect();
        made.set("input", Json::Object(input));
    }
    Json::Object(made)
}

/// Whether a test sees a fault.
fn catches(peer: &Peer, fault: &'static Fault) -> bool {
    if peer.shared_table && of_the_table(fault) {
        return false;
    }
    let mut history = History::default();
    peer.runs.iter().any(|run| {
        if let Rule::Composition(_) = run.rule {
            return run.requests.chunks(3).any(|three| {
                let turned = |request: &Json| faulty(fault, &Asked::new(request), &history);
                let zero: Vec<f64> =
                    (0..4096).map(|i| ((i * 37 % 101) as f64 - 50.0) / 50.0).collect();
                let first = turned(&with_queries(&three[0], &zero));
                let back = turned(&with_queries(&three[1], &first));
                let straight = turned(&with_queries(&three[2], &zero));
                differ(run.rule, &back, &straight)
            });
        }
        run.requests.iter().any(|request| {
            let asked = Asked::new(request);
            let seen = differ(run.rule, &faulty(fault, &asked, &history), &right(&asked));
            if let Ok(question) = asked.question() {
                history.push(question);
            }
            seen
        })
    })
}

/// A kernel that has one answer.
struct Ready(Operation, Outcome);

impl Kernel for Ready {
    fn describe(&mut self) -> Result<Description, Breakage> {
        let formats = [Dtype::F64, Dtype::F32, Dtype::Bf16, Dtype::F16, Dtype::I64, Dtype::I32];
        let mixed = formats.iter().flat_map(|&a| formats.map(|b| (a, b)));
        Ok(Description {
            capabilities: vec![Capability {
                operations: vec![self.0],
                dtypes: formats.to_vec(),
                mixed: mixed.collect(),
                ..Capability::default()
            }],
            ..Description::named("mutant")
        })
    }

    fn ask(&mut self, _: &Ask) -> Outcome {
        self.1.clone()
    }
}

/// A golden file's cases, and what they ask.
type File = Vec<(Case, Asked)>;

/// Whether the auditor calls a kernel with this fault wrong in some case. Every file is a process of
/// its own, asked in its order; what the fault makes no difference to is right.
fn vectors_catch(files: &[&File], fault: &'static Fault) -> bool {
    files.iter().any(|file| {
        let mut history = History::default();
        file.iter().any(|(case, asked)| {
            let outcome =
                fault.mutate(asked, &history).map(|mutant| match mutant.emulate(&machine()) {
                    Answer::Output(output) => Outcome::Output(
                        output
                            .into_iter()
                            .map(|(name, tensor)| (name.to_string(), tensor))
                            .collect(),
                    ),
                    Answer::Refused(reject) => Outcome::Rejected(reject.to_string()),
                });
            if let Ok(question) = asked.question() {
                history.push(question);
            }
            let options = Options { twice: false, ..Options::default() };
            outcome.is_some_and(|outcome| {
                let cases = std::slice::from_ref(case);
                audit(&mut Ready(case.ask.operation, outcome), cases, &options).report.verdict
                    == Verdict::Diverges
            })
        })
    })
}

fn golden_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => golden_files(&path, found),
            false if path.extension().is_some_and(|e| e == "json") => found.push(path),
            false => {}
        }
    }
}

fn main() {
    let list = std::env::args().any(|word| word == "--list");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut paths = Vec::new();
    golden_files(&root, &mut paths);
    paths.sort();
    let read = |path: &PathBuf| -> Option<File> {
        let golden = Golden::read(&std::fs::read_to_string(path).ok()?).ok()?;
        let found = cases(&path.strip_prefix(&root).ok()?.to_string_lossy(), &golden);
        Some(
            found
                .into_iter()
                .map(|case| (Asked::new(&case.ask.to_json()), case))
                .map(|(a, c)| (c, a))
                .collect(),
        )
    };
    let files: Vec<File> = paths.iter().filter_map(read).collect();
    let all_files: Vec<&File> = files.iter().collect();
    let turns = |file: &&&File| {
        file.first().is_some_and(|(case, _)| {
            matches!(case.ask.operation.name(), "rotate" | "apply")
                && !case.group.starts_with("rejects")
        })
    };
    let rotations: Vec<&File> = all_files.iter().filter(turns).copied().collect();
    let faults = fault::all();
    let seen: Vec<&'static Fault> =
        faults.iter().filter(|fault| vectors_catch(&rotations, fault)).collect();
    let rotated = |fault: &Fault| seen.iter().any(|other| other.name == fault.name);
    let missed: Vec<&str> = faults
        .iter()
        .filter(|fault| !rotated(fault) && !vectors_catch(&all_files, fault))
        .map(|fault| fault.name)
        .collect();
    let all = faults.len() - missed.len();
    let row = |name: &str, caught: usize, of: usize| {
        println!("| {name} | {caught} | {of} | {} % |", 100 * caught / of.max(1))
    };
    println!("| test | faults caught | of | |\n|---|---|---|---|");
    for peer in peers() {
        let caught: Vec<&&Fault> = seen.iter().filter(|fault| catches(&peer, fault)).collect();
        row(peer.name, caught.len(), seen.len());
        if list {
            let missed: Vec<&str> = seen
                .iter()
                .filter(|f| !caught.iter().any(|c| c.name == f.name))
                .map(|f| f.name)
                .collect();
            eprintln!("{} misses {}", peer.name, missed.join(" "));
        }
    }
    row("Ropewalk, rotate and apply", seen.len(), seen.len());
    row("Ropewalk, all vectors", all, faults.len());
    if list {
        eprintln!("the vectors miss {}", missed.join(" "));
    }
}
