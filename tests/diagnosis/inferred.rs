//! What is inferred from kernels that nobody has listed: the sentence that an author reads first.

use super::kernels::CASES;
use ropewalk::audit::{
    Ask, Breakage, Capability, Case, Description, Kernel, Options, Outcome, Report, Verdict, audit,
    cases,
};
use ropewalk::encoding::{Body, Double, Layout, Question, Rotate};
use ropewalk::generate::fresh::{Claims, Fresh, answer, beside, draw};
use ropewalk::number::{Dtype, Tensor};
use ropewalk::profile;
use ropewalk::request::{Direction, Json, Operation};
use std::sync::LazyLock;

/// A row of q or k.
struct Row<'a> {
    rotate: &'a Rotate,
    keys: bool,
    batch: usize,
    head: usize,
    token: usize,
    /// Its position on the first axis.
    position: i64,
    /// The declared frequencies.
    thetas: &'a [f64],
}

/// What a kernel makes of a row.
#[derive(Clone)]
enum Fate {
    Right,
    At(i64),
    Input,
    Zero,
    Times(f32),
    /// The right answer of another row: whether of the keys, batch, head, token.
    Of(bool, [usize; 3]),
    /// Turned by these frequencies.
    By(Vec<f64>),
    /// The same, and cos and sin multiplied by this whatever is declared.
    ByTimes(Vec<f64>, f64),
    /// Right but for some pairs, by number of so many, which are left.
    Left(fn(usize, usize) -> bool),
}

impl Row<'_> {
    fn at(&self, batch: usize, token: usize) -> i64 {
        let width = self.rotate.q.shape()[2];
        self.rotate.positions.data()[batch * width + token].numerator
    }

    fn tensor(&self, keys: bool) -> &Tensor {
        if keys { self.rotate.k.as_ref().unwrap() } else { &self.rotate.q }
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.rotate.config.get(key).and_then(Json::number)
    }

    fn word(&self) -> &str {
        match self.rotate.config.get("rope_type") {
            Some(Json::String(word)) => word,
            _ => "default",
        }
    }

    /// The row turned in f32, from angles in f64.
    fn turned(&self, fate: &Fate) -> Vec<f32> {
        let (keys, [batch, head, token]) = match *fate {
            Fate::Of(keys, row) => (keys, row),
            _ => (self.keys, [self.batch, self.head, self.token]),
        };
        let tensor = self.tensor(keys);
        let [_, heads, tokens, dim] = tensor.shape() else { panic!() };
        let start = ((batch * heads + head) * tokens + token) * dim;
        let x: Vec<f32> =
            tensor.data()[start..start + dim].iter().map(|&b| f32::from_bits(b as u32)).collect();
        if matches!(fate, Fate::Input) {
            return x;
        }
        if matches!(fate, Fate::Zero) {
            return vec![0.0; *dim];
        }
        let rope = &self.rotate.rope;
        let magnitude = rope.magnitude.evaluate(&Double).unwrap();
        let magnitude = if let Fate::ByTimes(_, by) = fate { *by } else { magnitude };
        let (sign, magnitude) = match self.rotate.direction {
            Direction::Forward => (1.0, magnitude),
            Direction::Inverse => (-1.0, 1.0 / magnitude),
            Direction::Backward => (-1.0, magnitude),
        };
        let (width, batches) = (self.rotate.q.shape()[2], self.rotate.q.shape()[0]);
        let mut y = x.clone();
        for (index, plane) in rope.planes.iter().enumerate() {
            if matches!(fate, Fate::Left(is) if is(index, rope.planes.len())) {
                continue;
            }
            let own = (plane.axis * batches + batch) * width + token;
            let position = match fate {
                Fate::At(p) => *p,
                _ => self.rotate.positions.data()[own].numerator,
            };
            let theta = match fate {
                Fate::By(thetas) | Fate::ByTimes(thetas, _) => thetas[index],
                _ => self.thetas[index],
            };
            let (sin, cos) = (sign * theta * position as f64).sin_cos();
            let (c, s) = ((magnitude * cos) as f32, (magnitude * sin) as f32);
            let (a, b) = (x[plane.pair.re], x[plane.pair.im]);
            y[plane.pair.re] = a * c - b * s;
            y[plane.pair.im] = a * s + b * c;
        }
        if let Fate::Times(by) = fate {
            y.iter_mut().for_each(|y| *y *= by);
        }
        y
    }
}

/// A kernel in f32 whose rows have fates.
struct Fated<F>(F, Vec<Direction>);

impl<F: FnMut(&Row) -> Fate> Kernel for Fated<F> {
    fn describe(&mut self) -> Result<Description, Breakage> {
        let capability = Capability {
            directions: Some(self.1.clone()),
            ..Capability::new(&[Operation::Rotate], &[Dtype::F32])
        };
        let description = Description::named("fated");
        Ok(Description { capabilities: vec![capability], ..description })
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        let Ok(Question { body: Body::Rotate(rotate), .. }) = ask.question() else {
            return Outcome::Unsupported("not a rotation".into());
        };
        // Of several axes a fate has one position.
        let plain = rotate.q.dtype() == Dtype::F32
            && rotate.rope.axes <= 1
            && rotate.positions.data().iter().all(|p| p.denominator == 1)
            && rotate.rope.planes.iter().all(|p| p.growth.evaluate(&Double) == Some(1.0));
        if !plain {
            return Outcome::Unsupported("not in f32".into());
        }
        let frequency = |p: &ropewalk::encoding::Plane| p.frequency.evaluate(&Double).unwrap();
        let thetas: Vec<f64> = rotate.rope.planes.iter().map(frequency).collect();
        let mut output = Vec::new();
        for keys in [false, true] {
            let Some(tensor) = (if keys { rotate.k.as_ref() } else { Some(&rotate.q) }) else {
                continue;
            };
            let [batches, heads, tokens, _] = tensor.shape() else { panic!() };
            let mut data = Vec::new();
            for batch in 0..*batches {
                for head in 0..*heads {
                    for token in 0..*tokens {
                        let mut row =
                            Row { rotate, keys, batch, head, token, position: 0, thetas: &thetas };
                        row.position = row.at(batch, token);
                        let fate = (self.0)(&row);
                        data.extend(row.turned(&fate).iter().map(|y| u64::from(y.to_bits())));
                    }
                }
            }
            let tensor = Tensor::new(Dtype::F32, tensor.shape().to_vec(), data).unwrap();
            output.push((if keys { "k" } else { "q" }.to_string(), tensor));
        }
        Outcome::Output(output)
    }
}

/// Decoding steps that are drawn, as `ropewalk audit` asks them: the stored ones have one key head.
static FRESH: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let rules = ["default", "llama3"].map(str::to_string);
    let claims = Claims {
        operations: &[Operation::Rotate],
        formats: &[(Dtype::F32, Dtype::F32)],
        layouts: &Layout::ALL,
        rope_types: Some(&rules),
        directions: ALL,
        positions: [i64::MIN, i64::MAX],
        admits: &|_| Ok(()),
        own: None,
        shaped: false,
    };
    let mut drawn: Vec<_> = (0..3).flat_map(|seed| draw(seed, &claims).questions).collect();
    drawn.retain(|one| one.request.input.tensor("q").is_ok_and(|q| q.shape()[2] == 1));
    let files = answer(&drawn).unwrap();
    files.iter().flat_map(|(path, golden)| cases(path, golden)).collect()
});

fn report(kernel: &mut dyn Kernel, operation: Operation, every: usize) -> Report {
    let wanted = |case: &&Case| {
        let format = [Dtype::F32, Dtype::I32].contains(&case.ask.dtype);
        case.ask.operation == operation && format && case.truth.expected.tensors().is_some()
    };
    let cases = CASES.iter().filter(wanted).step_by(every);
    let cases: Vec<Case> = cases.chain(FRESH.iter().filter(wanted)).cloned().collect();
    let patience = std::time::Duration::from_secs(600);
    let options = Options { twice: false, sight: false, patience, ..Options::default() };
    audit(kernel, &cases, &options).report
}

/// The first sentences of what is told of a kernel; what else is said follows for whoever reads a
/// failure.
fn told(want: &str, fate: impl FnMut(&Row) -> Fate, directions: &[Direction]) -> Vec<String> {
    let report = report(&mut Fated(fate, directions.to_vec()), Operation::Rotate, 3);
    assert_eq!(report.verdict, Verdict::Diverges, "{want}");
    let titles = report.diagnoses.iter().map(|diagnosis| diagnosis.title());
    titles.flat_map(|(title, rest)| [title, rest]).chain(report.clues.clone()).collect()
}

const FORWARD: &[Direction] = &[Direction::Forward];
const ALL: &[Direction] = &[Direction::Forward, Direction::Inverse, Direction::Backward];

/// Kernels and what their authors are told.
type Told = (&'static str, &'static [Direction], fn(&Row) -> Fate);

const POSITIONS: &[Told] = &[
    ("row (head h) is turned as position p in 8 bits, signed instead of p", FORWARD, |row| {
        Fate::At(i64::from(row.position as i8))
    }),
    ("row (head h) is turned as position min(p, 100) instead of p", FORWARD, |row| {
        Fate::At(row.position.min(100))
    }),
    ("row (head h) is turned as position max(0, p − 57) instead of p", FORWARD, |row| {
        Fate::At((row.position - 57).max(0))
    }),
    (
        "Keys, only in decoding steps (one token): row (head h) is turned as position p + h",
        FORWARD,
        |row| match row.keys && row.rotate.q.shape()[2] == 1 {
            true => Fate::At(row.position + row.head as i64),
            false => Fate::Right,
        },
    ),
    (
        "row (head h) is turned by another position than its own: that of the first token",
        FORWARD,
        |row| Fate::At(row.at(row.batch, 0)),
    ),
    ("row (head h) is turned as position p mod 96 instead of p", FORWARD, |row| {
        Fate::At(row.position.rem_euclid(96))
    }),
    ("Keys: row (head h) is turned twice", FORWARD, |row| {
        Fate::At(if row.keys { 2 * row.position } else { row.position })
    }),
];

const ROWS: &[Told] = &[
    (
        "Keys, where keys have another number of heads than queries: row (head h) comes back as it went in",
        FORWARD,
        |row| match row.keys && row.rotate.q.shape()[1] != row.tensor(true).shape()[1] {
            true => Fate::Input,
            false => Fate::Right,
        },
    ),
    ("Rows, only backward: zeros come back", ALL, |row| match row.rotate.direction {
        Direction::Backward => Fate::Zero,
        _ => Fate::Right,
    }),
    ("Rows, only backward: row (head h) comes back as it went in", ALL, |row| {
        match row.rotate.direction {
            Direction::Backward => Fate::Input,
            _ => Fate::Right,
        }
    }),
    ("in the tokens after the last whole 4 of a call", FORWARD, |row| {
        let all = row.rotate.q.shape()[0] * row.rotate.q.shape()[2];
        let flat = row.batch * row.rotate.q.shape()[2] + row.token;
        if flat >= all / 4 * 4 { Fate::Zero } else { Fate::Right }
    }),
    ("in heads other than 0: what comes back is 0.5 times the right answer", FORWARD, |row| {
        if row.head > 0 { Fate::Times(0.5) } else { Fate::Right }
    }),
    (
        "Rows: only in the last pair of a row: row (head h) comes back as it went in",
        FORWARD,
        |_| Fate::Left(|i, n| i + 1 == n),
    ),
    (
        "Rows: only in the first pair of a row: row (head h) comes back as it went in",
        FORWARD,
        |_| Fate::Left(|i, _| i == 0),
    ),
    (
        "Rows: only in pairs of the second half of a row: row (head h) comes back as it went in",
        FORWARD,
        |_| Fate::Left(|i, n| i >= n / 2),
    ),
    ("only in pairs after the last whole 4 of a row: row (head h) comes back", FORWARD, |_| {
        Fate::Left(|i, n| i >= n / 4 * 4)
    }),
    (
        "Keys: only in the last pair of a row: row (head h) comes back as it went in",
        FORWARD,
        |row| {
            if row.keys { Fate::Left(|i, n| i + 1 == n) } else { Fate::Right }
        },
    ),
    ("Rows, in the last row of the batch: row (head h) comes back as it went in", FORWARD, |row| {
        let rows = row.tensor(row.keys).shape()[0];
        if rows > 1 && row.batch + 1 == rows { Fate::Input } else { Fate::Right }
    }),
    (
        "Rows, in the heads after the last whole 4 (from head 4·k on): zeros come back",
        FORWARD,
        |row| {
            let heads = row.tensor(row.keys).shape()[1];
            if row.head >= heads / 4 * 4 { Fate::Zero } else { Fate::Right }
        },
    ),
    ("row (head h) is the answer of head ⌊h/group⌋", FORWARD, |row| {
        let group = row.rotate.q.shape()[1] / row.tensor(row.keys).shape()[1].max(1);
        match row.keys && group > 1 {
            true => Fate::Of(true, [row.batch, row.head / group, row.token]),
            false => Fate::Right,
        }
    }),
];

fn plain(row: &Row) -> Vec<f64> {
    let count = row.rotate.rope.planes.len();
    let base = row.number("rope_theta").unwrap_or(1.0);
    (0..count).map(|i| base.powf(-(i as f64) / count as f64)).collect()
}

const FREQUENCIES: &[Told] = &[
    (
        "where rope_type is default: every frequency is the declared one divided by 8",
        FORWARD,
        |row| match row.word() {
            "default" => Fate::By(row.thetas.iter().map(|theta| theta / 8.0).collect()),
            _ => Fate::Right,
        },
    ),
    (
        "the middle band keeps the unscaled frequencies where the blend is declared",
        FORWARD,
        |row| {
            if row.word() != "llama3" {
                return Fate::Right;
            }
            let number = |key: &str| row.number(key).unwrap();
            let (low, s) = (number("low_freq_factor"), number("factor"));
            let original = number("original_max_position_embeddings");
            let own = |w: f64| if original * w / std::f64::consts::TAU > low { w } else { w / s };
            Fate::By(plain(row).into_iter().map(own).collect())
        },
    ),
];

/// A table that is wrong in both of its parts.
const TABLES: &[Told] = &[
    (
        "the frequencies are the unscaled ones, base^(−2i/r), and cos and sin are not multiplied by \
         attention_factor",
        ALL,
        |row| match row.word() {
            "yarn" | "longrope" => Fate::ByTimes(plain(row), 1.0),
            _ => Fate::Right,
        },
    ),
    (
        "the frequencies are those of short_factor, and cos and sin are multiplied by 1.5, whatever \
         is declared",
        FORWARD,
        |row| match row.rotate.config.get("short_factor") {
            Some(Json::Array(list)) => {
                let by = list.iter().map(|x| x.number().unwrap());
                Fate::ByTimes(plain(row).into_iter().zip(by).map(|(w, by)| w / by).collect(), 1.5)
            }
            _ => Fate::Right,
        },
    ),
];

const READ_OTHERWISE: &[Told] = &[
    ("factor is applied twice, as factor² (rope_type linear)", FORWARD, |row| match row.word() {
        "linear" => {
            let factor = row.number("factor").unwrap();
            Fate::By(plain(row).into_iter().map(|w| w / factor / factor).collect())
        }
        _ => Fate::Right,
    }),
    ("2π is missing", FORWARD, |row| {
        if row.word() != "llama3" {
            return Fate::Right;
        }
        let number = |key: &str| row.number(key).unwrap();
        let (low, high) = (number("low_freq_factor"), number("high_freq_factor"));
        let original = number("original_max_position_embeddings");
        let share = |w: f64| ((original * w - low) / (high - low)).clamp(0.0, 1.0);
        let scaled = |w: f64| w * (share(w) + (1.0 - share(w)) / number("factor"));
        Fate::By(plain(row).into_iter().map(scaled).collect())
    }),
    ("the ends of the blend are exchanged", FORWARD, |row| {
        if row.word() != "llama3" {
            return Fate::Right;
        }
        let number = |key: &str| row.number(key).unwrap();
        let (low, high) = (number("high_freq_factor"), number("low_freq_factor"));
        let original = number("original_max_position_embeddings");
        let smooth = |w: f64| (original * w / std::f64::consts::TAU - low) / (high - low);
        let share = |w: f64| smooth(w).clamp(0.0, 1.0);
        let scaled = |w: f64| w * (share(w) + (1.0 - share(w)) / number("factor"));
        Fate::By(plain(row).into_iter().map(scaled).collect())
    }),
    (
        "those of rope_type \"linear\", whatever is declared (rope_type ntk)",
        FORWARD,
        |row| match row.word() {
            "ntk" => {
                let factor = row.number("factor").unwrap();
                Fate::By(plain(row).into_iter().map(|w| w / factor).collect())
            }
            _ => Fate::Right,
        },
    ),
];

fn check(list: &[Told]) {
    let mut slips = Vec::new();
    for (want, directions, fate) in crate::tier::some(list, 9) {
        let told = told(want, fate, directions);
        if !told.iter().any(|sentence| sentence.contains(want)) {
            slips.push(format!("wanted {want:?}, told {told:#?}"));
        }
    }
    assert!(slips.is_empty(), "{}", slips.join("\n"));
}

#[test]
fn positions_are_read_off_the_rows() {
    check(POSITIONS);
}

#[test]
fn what_a_row_is_and_where_is_told() {
    check(ROWS);
}

#[test]
fn frequencies_are_read_off_the_rows() {
    check(FREQUENCIES);
}

#[test]
#[ignore = "deep: .ci/run does it"]
fn deep_frequencies_and_their_factor_are_read_off_together() {
    check(TABLES);
}

#[test]
fn configs_that_are_read_otherwise_are_told() {
    check(READ_OTHERWISE);
}

/// A bias or bucket of f32 machines whose question is changed first.
struct Asked<F>(Operation, F);

impl<F: FnMut(&mut Question)> Kernel for Asked<F> {
    fn describe(&mut self) -> Result<Description, Breakage> {
        let capability = Capability::new(&[self.0], &[Dtype::F32, Dtype::I32]);
        let description = Description::named("asked");
        Ok(Description { capabilities: vec![capability], ..description })
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        let Ok(question) = ask.question() else { return Outcome::Unsupported("refused".into()) };
        let mut question = question.clone();
        (self.1)(&mut question);
        let profile = profile::find("hf-f32").unwrap();
        let floats = profile::emulate(profile, &question).into_iter().map(|n| (n.name, n.tensor));
        let output = floats.chain(question.integers());
        Outcome::Output(output.map(|(name, tensor)| (name.to_string(), tensor)).collect())
    }
}

#[test]
fn distances_and_heads_are_read_off_biases() {
    use ropewalk::request::Position;
    let told = |operation: Operation, change: &mut dyn FnMut(&mut Question)| -> Vec<String> {
        let report = report(&mut Asked(operation, change), operation, 1);
        assert_eq!(report.verdict, Verdict::Diverges);
        report.diagnoses.iter().map(|diagnosis| diagnosis.title().0).collect()
    };
    let found = told(Operation::AlibiBias, &mut |question| {
        if let Body::AlibiBias(a) = &mut question.body {
            let (n, q) = (a.key_positions.len() as i64, a.query_positions.len() as i64);
            let first = a.key_positions.first().map_or(0, |p| p.numerator);
            for (i, p) in a.query_positions.iter_mut().enumerate() {
                *p = Position::integer(first + (n + 15) / 16 * 16 - q + i as i64);
            }
        }
    });
    assert!(found[0].contains("padded to a multiple of 16"), "{found:?}");
    let found = told(Operation::AlibiBias, &mut |question| {
        if let Body::AlibiBias(a) = &mut question.body {
            for list in [&mut a.query_positions, &mut a.key_positions] {
                for (i, p) in list.iter_mut().enumerate() {
                    *p = Position::integer(i as i64);
                }
            }
            a.last = a.key_positions.last().copied().unwrap_or(Position::integer(0));
        }
    });
    assert!(found[0].contains("the distance restarts per chunk"), "{found:?}");
    let found = told(Operation::T5Bucket, &mut |question| {
        if let Body::T5Bucket(t) = &mut question.body {
            t.query_positions.iter_mut().for_each(|p| p.numerator += 1);
        }
    });
    assert!(found[0].contains("the distance is j − i − 1"), "{found:?}");
}

/// ALiBi in f32 with slopes and distances of its own: of heads, of which so many, m, and whether the
/// paper's list is declared.
type Slope = fn(usize, usize, f64, bool) -> f64;
/// What is made of a distance.
type Distance = fn(i128) -> i128;

/// The declared slopes.
fn declared(head: usize, heads: usize, most: f64, paper: bool) -> f64 {
    let lower = 1 << heads.ilog2();
    let exponent = match paper {
        true => (head + 1) as f64 / heads as f64,
        false if head < lower => (head + 1) as f64 / lower as f64,
        false => (2 * (head - lower) + 1) as f64 / (2 * lower) as f64,
    };
    (-most * exponent).exp2()
}

#[test]
fn slopes_are_read_off_biases() {
    use ropewalk::audit::Function;
    let lists: [(&str, Slope, Distance); 9] = [
        (
            "one after the other, not every second",
            |head, heads, most, paper| match head.checked_sub(1 << heads.ilog2()) {
                Some(extra) if !paper => {
                    (-most * (extra + 1) as f64 / (2 << heads.ilog2()) as f64).exp2()
                }
                _ => declared(head, heads, most, paper),
            },
            |d| d,
        ),
        (
            "the first ones of the next power of two of heads",
            |head, heads, most, _| {
                (-most * (head + 1) as f64 / heads.next_power_of_two() as f64).exp2()
            },
            |d| d,
        ),
        (
            "the slopes are rounded to bf16",
            |head, heads, most, paper| {
                let bits = (declared(head, heads, most, paper) as f32).to_bits();
                f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000).into()
            },
            |d| d,
        ),
        ("p here, is taken to be max(p, -127)", declared, |d| d.max(-127)),
        ("p here, is taken to be p in 8 bits, signed", declared, |d| i128::from(d as i8)),
        ("p here, is taken to be p rounded to bf16", declared, |d| {
            let bits = (d as f32).to_bits();
            f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000) as i128
        }),
        ("keys after the last whole tile of 8 have 0", declared, |d| d),
        ("keys later than the query have 0", declared, |d| d),
        (
            "with other slopes than declared",
            |head, heads, most, paper| {
                declared(head, heads, most, paper) * (1.0 + 0.1 * head as f64)
            },
            |d| d,
        ),
    ];
    for (want, slope, distance) in lists {
        let answer = move |ask: &Ask| {
            let Ok(Question { body: Body::AlibiBias(a), .. }) = ask.question() else {
                return Err(ropewalk::audit::Outcome::Unsupported("a bias alone".into()));
            };
            let (heads, most) = (a.alibi.num_heads, a.alibi.bias_max as f64);
            let paper = a.alibi.slopes == ropewalk::encoding::Slopes::Paper;
            let dim = a.alibi.head_dim.map_or(1.0, |dim| (dim as f64).sqrt());
            let mut bias = Vec::new();
            let count = a.key_positions.len();
            let written = if want.starts_with("keys after") { count / 8 * 8 } else { count };
            for head in 0..heads {
                let slope = slope(head, heads, most, paper) / dim;
                for &i in &a.query_positions {
                    bias.extend(a.key_positions.iter().enumerate().map(|(column, &j)| {
                        let later = want.starts_with("keys later") && j.numerator > i.numerator;
                        let slope = if column < written && !later { slope } else { 0.0 };
                        slope * distance(a.alibi.distance(i, j, a.last)) as f64
                    }));
                }
            }
            let shape = [heads, a.query_positions.len(), a.key_positions.len()];
            Ok(vec![("bias".into(), ask.rounded(&shape, &bias)?)])
        };
        let claimed = Capability::new(&[Operation::AlibiBias], &[Dtype::F32]);
        let report =
            report(&mut Function::new("slopes", vec![claimed], answer), Operation::AlibiBias, 1);
        let told: Vec<String> = report.diagnoses.iter().map(|d| d.title().0).collect();
        assert!(
            told.iter().any(|title| title.contains(want)),
            "wanted {want:?}, told {told:#?} {:#?}",
            report.clues
        );
    }
}

#[test]
fn waves_are_read_off_sinusoids() {
    use ropewalk::audit::Function;
    use ropewalk::encoding::{Sinusoidal, Wave};
    let told = |change: fn(&Sinusoidal, &[f64]) -> Vec<f64>| -> Vec<String> {
        let answer = move |ask: &Ask| {
            let Ok(Question { body: Body::Sinusoidal(s), .. }) = ask.question() else {
                return Err(Outcome::Unsupported("waves alone".into()));
            };
            let own = |s: &Sinusoidal| -> Vec<f64> {
                s.frequencies().iter().map(|theta| theta.evaluate(&Double).unwrap()).collect()
            };
            let thetas = change(&s.sinusoidal, &own(&s.sinusoidal));
            let dim = s.sinusoidal.dim;
            let mut list = Vec::new();
            for p in &s.positions {
                let p = p.numerator as f64 / p.denominator as f64;
                list.extend((0..dim).map(|c| match s.sinusoidal.wave(c) {
                    Wave::Cos(i) => (p * thetas[i]).cos(),
                    Wave::Sin(i) => (p * thetas[i]).sin(),
                    Wave::Zero => 0.0,
                }));
            }
            Ok(vec![("embedding".into(), ask.rounded(&[s.positions.len(), dim], &list)?)])
        };
        let claimed = Capability::new(&[Operation::Sinusoidal], &[Dtype::F32]);
        let mut kernel = Function::new("waves", vec![claimed], answer);
        let report = report(&mut kernel, Operation::Sinusoidal, 1);
        report.diagnoses.iter().map(|diagnosis| diagnosis.title().0).collect()
    };
    let found = told(|s, own| {
        let mut config = s.config.clone();
        if config.get("base").is_none() {
            return own.to_vec();
        }
        config.set("base", Json::from(10000i64));
        let waves = Sinusoidal::new(&config).unwrap().frequencies();
        assert_eq!(waves.len(), own.len());
        waves.iter().map(|theta| theta.evaluate(&Double).unwrap()).collect()
    });
    assert!(found[0].contains("base"), "{found:?}");
    let found = told(|_, own| own.iter().map(|theta| theta * 1.25).collect());
    assert!(found[0].contains("every frequency is 1.25 times the declared one"), "{found:?}");
    let found = told(|_, own| {
        own.iter().enumerate().map(|(i, theta)| theta * (1.0 + 0.01 * i as f64)).collect()
    });
    assert!(found[0].contains("with other frequencies than declared"), "{found:?}");
}

#[test]
fn buckets_are_read_off_by_distance() {
    use ropewalk::audit::Function;
    use ropewalk::encoding::Buckets;
    let told = |change: fn(&Buckets, i64, u64) -> u64| -> Vec<String> {
        let answer = move |ask: &Ask| {
            let Ok(Question { body: Body::T5Bucket(t), .. }) = ask.question() else {
                return Err(Outcome::Unsupported("buckets alone".into()));
            };
            let (name, right) = ask.question().unwrap().integers().remove(0);
            let pairs = t
                .query_positions
                .iter()
                .flat_map(|i| t.key_positions.iter().map(move |j| j.numerator - i.numerator));
            let data =
                right.data().iter().zip(pairs).map(|(&b, d)| change(&t.buckets, d, b)).collect();
            let tensor = Tensor::new(right.dtype(), right.shape().to_vec(), data).unwrap();
            Ok(vec![(name.to_string(), tensor)])
        };
        let claimed = Capability::new(&[Operation::T5Bucket], &[Dtype::I32]);
        let mut kernel = Function::new("buckets", vec![claimed], answer);
        let report = report(&mut kernel, Operation::T5Bucket, 1);
        report.diagnoses.iter().map(|diagnosis| diagnosis.title().0).collect()
    };
    let found = told(|t, distance, bucket| match distance == 0 && t.bidirectional {
        true => bucket + t.num_buckets as u64 / 2,
        false => bucket,
    });
    assert!(found[0].contains("distance 0 has bucket"), "{found:?}");
    let found = told(|t, distance, bucket| {
        let mut config = t.config.clone();
        config.set("max_distance", Json::from(128i64));
        let zero = ropewalk::request::Position::integer(0);
        let key = ropewalk::request::Position::integer(distance);
        Buckets::new(&config).map_or(bucket, |other| other.bucket(zero, key) as u64)
    });
    assert!(found[0].contains("max_distance is 128, whatever is declared"), "{found:?}");
}

/// A right kernel gets no sentence, in any format and at any position.
#[test]
fn nothing_is_inferred_of_right_rows() {
    let report = report(&mut Fated(|_: &Row| Fate::Right, ALL.to_vec()), Operation::Rotate, 1);
    assert_eq!(report.verdict, Verdict::Conforms, "{:?}", report.divergences().next());
    assert!(report.diagnoses.is_empty() && report.clues.is_empty());
}

/// Two settings meet in one drawn question or two; what is asked beside them tells which two it is.
#[test]
fn what_is_wrong_in_a_question_or_two_is_placed_by_those_beside_them() {
    let rules = ["default".to_string()];
    let claims = Claims {
        operations: &[Operation::Rotate],
        formats: &[(Dtype::F32, Dtype::F32)],
        layouts: &[Layout::Half],
        rope_types: Some(&rules),
        directions: FORWARD,
        positions: [0, 1 << 16],
        admits: &|_| Ok(()),
        own: None,
        shaped: false,
    };
    let shape = |one: &Fresh| one.request.input.tensor("q").map_or(vec![], |q| q.shape().to_vec());
    let hole = |shape: &[usize]| matches!(shape, [33, _, _, 128]);
    let made = |list: &[Fresh]| -> Vec<Case> {
        let files = answer(list).unwrap();
        files.iter().flat_map(|(path, golden)| cases(path, golden)).collect()
    };
    let mut drawn: Vec<Fresh> = (0..3).flat_map(|seed| draw(seed, &claims).questions).collect();
    drawn.retain(|one| {
        let (shape, plain) = (shape(one), !one.request.id.contains("sections"));
        plain && (hole(&shape) || shape.iter().product::<usize>() <= 1 << 13)
    });
    let asked = made(&drawn);
    let fate = |row: &Row| if hole(row.rotate.q.shape()) { Fate::Zero } else { Fate::Right };
    let further = |wrong: &[&str]| -> Vec<Case> {
        assert!((1..=6).contains(&wrong.len()), "{wrong:?}");
        let mut list = beside(wrong, None);
        let own = |one: &Fresh, key: &str, word: &str| matches!(one.request.config.get(key), Some(Json::String(own)) if own == word);
        list.retain(|one| own(one, "rope_type", "default") && own(one, "layout", "half"));
        made(&list)
    };
    let options = Options { twice: false, sight: false, beside: &further, ..Options::default() };
    let report = audit(&mut Fated(fate, FORWARD.to_vec()), &asked, &options).report;
    assert!(!report.diagnoses.is_empty(), "{:?} {:?}", report.clues, report.remarks);
    let (title, _) = report.diagnoses[0].title();
    for part in ["where the number of rows is 33", "where head_dim is 128", "zeros come back"] {
        assert!(title.contains(part), "{title}");
    }
    assert!(report.remarks.iter().any(|remark| remark.contains("beside some that are wrong")));
}
