//! Requests made in tests, and how they are cut down to one element.

use ropewalk::encoding::Question;
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::{Position, Request};

/// SplitMix64: deterministic, and good enough for bit patterns.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// From `low` to `high`.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low) as u64 + 1) as i64
    }

    pub fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn real(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }
}

/// A named input.
#[derive(Clone, Debug)]
pub enum Part {
    Tensor(Dtype, Vec<usize>, Vec<u64>),
    Positions(Vec<usize>, Vec<Position>),
    Word(&'static str),
    Length(i64),
}

/// One request.
#[derive(Clone, Debug)]
pub struct Case {
    pub operation: &'static str,
    pub dtype: Dtype,
    pub config: String,
    pub input: Vec<(&'static str, Part)>,
}

impl Part {
    fn text(&self) -> String {
        match self {
            Part::Tensor(dtype, shape, data) => {
                let tensor = Tensor::new(*dtype, shape.clone(), data.clone()).unwrap();
                serde_json::to_string(&tensor).unwrap()
            }
            Part::Positions(shape, data) => {
                let positions = ropewalk::request::Positions::new(shape.clone(), data.clone());
                serde_json::to_string(&positions.unwrap().to_json()).unwrap()
            }
            Part::Word(word) => format!("\"{word}\""),
            Part::Length(n) => n.to_string(),
        }
    }

    /// The sub-array that keeps one index of each of these axes.
    fn keep(&self, kept: &[(usize, usize)]) -> Part {
        fn cut<T: Clone>(
            shape: &[usize],
            data: &[T],
            kept: &[(usize, usize)],
        ) -> (Vec<usize>, Vec<T>) {
            let mut new_shape = shape.to_vec();
            kept.iter().for_each(|&(axis, _)| new_shape[axis] = 1);
            let inside = |flat: &usize| {
                let mut rest = *flat;
                let index: Vec<usize> = shape
                    .iter()
                    .rev()
                    .map(|n| {
                        let digit = rest % n;
                        rest /= n;
                        digit
                    })
                    .collect();
                kept.iter().all(|&(axis, at)| index[shape.len() - 1 - axis] == at)
            };
            let data = (0..data.len()).filter(inside).map(|flat| data[flat].clone()).collect();
            (new_shape, data)
        }
        match self {
            Part::Tensor(dtype, shape, data) => {
                let (shape, data) = cut(shape, data, kept);
                Part::Tensor(*dtype, shape, data)
            }
            Part::Positions(shape, data) => {
                let (shape, data) = cut(shape, data, kept);
                Part::Positions(shape, data)
            }
            other => other.clone(),
        }
    }

    fn rank(&self) -> usize {
        match self {
            Part::Tensor(_, shape, _) | Part::Positions(shape, _) => shape.len(),
            _ => 0,
        }
    }
}

impl Case {
    pub fn line(&self) -> String {
        let input: Vec<String> =
            self.input.iter().map(|(name, part)| format!("\"{name}\":{}", part.text())).collect();
        format!(
            r#"{{"cmd":"run","id":"case","operation":"{}","dtype":"{}","config":{},"input":{{{}}}}}"#,
            self.operation,
            self.dtype,
            self.config,
            input.join(",")
        )
    }

    /// The checked question; the generators make no others.
    pub fn question(&self) -> Question {
        let request = Request::parse(&self.line()).unwrap();
        Question::new(&request)
            .unwrap_or_else(|reject| panic!("{reject}\n{} {}", self.operation, self.config))
    }

    /// The request for the one row or element that holds this output index.
    pub fn cut(&self, name: &str, shape: &[usize], flat: usize) -> Case {
        let mut rest = flat;
        let mut index: Vec<usize> = Vec::new();
        for n in shape.iter().rev() {
            index.insert(0, rest % n);
            rest /= n;
        }
        let keep = |part: &Part, input: &str| -> Part {
            let rank = part.rank();
            match (self.operation, input) {
                ("rotate", "positions") | ("apply", "cos" | "sin") => {
                    // [batch, seq, …] or [axis, batch, seq].
                    let batch = if input == "positions" { rank - 2 } else { 0 };
                    part.keep(&[(batch, index[0]), (batch + 1, index[2])])
                }
                ("rotate" | "apply", "q" | "k") => {
                    let head = if input == name { index[1] } else { 0 };
                    part.keep(&[(0, index[0]), (1, head), (2, index[2])])
                }
                ("score", "q") => part.keep(&[(0, index[0]), (1, index[1]), (2, index[2])]),
                ("score", "k") => {
                    let heads = |part: &Part| match part {
                        Part::Tensor(_, shape, _) => shape[1],
                        _ => 1,
                    };
                    let head = index[1] * heads(part) / heads(&self.input[0].1);
                    part.keep(&[(0, index[0]), (1, head), (2, index[3])])
                }
                ("score", "query_positions") => {
                    part.keep(&[(rank - 2, index[0]), (rank - 1, index[2])])
                }
                ("score", "key_positions") => {
                    part.keep(&[(rank - 2, index[0]), (rank - 1, index[3])])
                }
                ("table", "positions") => part.keep(&[(rank - 1, index[0])]),
                ("sinusoidal" | "learned", "positions") => part.keep(&[(0, index[0])]),
                ("alibi_bias" | "t5_bias", "query_positions") => part.keep(&[(0, index[1])]),
                ("alibi_bias" | "t5_bias", "key_positions") => part.keep(&[(0, index[2])]),
                _ => part.clone(),
            }
        };
        let input = self.input.iter().map(|(input, part)| (*input, keep(part, input))).collect();
        Case { input, ..self.clone() }
    }
}

/// Integer positions.
pub fn positions(shape: &[usize], data: impl IntoIterator<Item = i64>) -> Part {
    Part::Positions(shape.to_vec(), data.into_iter().map(Position::integer).collect())
}
