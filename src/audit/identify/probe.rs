//! Questions that show what a kernel does to a head, and its answers as numbers.

use super::inquiry::Inquiry;
use crate::audit::ask::Ask;
use crate::audit::capability::Description;
use crate::audit::case::Case;
use crate::audit::finding::Report;
use crate::audit::kernel::Kernel;
use crate::audit::outcome::{Answered, Outcome};
use crate::audit::run::{Options, judge_all};
use crate::encoding::RopeConfig;
use crate::number::{Dtype, Format, Tensor};
use crate::profile::encode;
use crate::request::{Input, Json, Object, Operation, Position, Positions, Request, tensor_json};

/// A kernel, the config that it is asked with, and everything that was asked.
pub(super) struct Probe<'k> {
    kernel: &'k mut dyn Kernel,
    pub(super) inquiry: &'k Inquiry<'k>,
    description: Description,
    /// The normalised config.
    pub(super) config: Object,
    pub(super) dtype: Dtype,
    pub(super) head_dim: usize,
    pub(super) axes: usize,
    /// The total length, where the scheme needs one.
    pub(super) seq_len: Option<i64>,
    /// What is being asked, in words.
    about: String,
    cases: Vec<Case>,
    asked: Vec<Answered>,
}

/// Numbers that a kernel is to rotate: [batch, heads, seq, head_dim] of q, and as many heads of k
/// as there are, none if k is not asked.
pub(super) struct Rows<'v> {
    /// batch, heads, seq.
    pub(super) shape: [usize; 3],
    pub(super) values: &'v [f64],
    pub(super) keys: Option<(usize, &'v [f64])>,
}

/// A linear map of a head, by column: what comes of a basis vector.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub(super) columns: Vec<Vec<f64>>,
}

impl<'k> Probe<'k> {
    pub(super) fn new(
        kernel: &'k mut dyn Kernel,
        inquiry: &'k Inquiry<'k>,
        description: Description,
        config: &RopeConfig,
        dtype: Dtype,
    ) -> Probe<'k> {
        let normalised = config.normalised().clone();
        let length = |key: &str| normalised.get(key).and_then(Json::number);
        let original =
            length("original_max_position_embeddings").or(length("max_position_embeddings"));
        let seq_len = config.scheme().needs_seq_len().then(|| original.unwrap_or(2048.0) as i64);
        let (head_dim, axes) = (config.head_dim(), config.axes());
        let probe = Probe::of(kernel, inquiry, description, normalised, dtype);
        Probe { head_dim, axes, seq_len, ..probe }
    }

    /// A kernel that is asked with a config of any operation, one axis and a head of no width.
    pub(super) fn of(
        kernel: &'k mut dyn Kernel,
        inquiry: &'k Inquiry<'k>,
        description: Description,
        config: Object,
        dtype: Dtype,
    ) -> Probe<'k> {
        Probe {
            kernel,
            inquiry,
            description,
            head_dim: 0,
            axes: 1,
            config,
            dtype,
            seq_len: None,
            about: String::new(),
            cases: vec![],
            asked: vec![],
        }
    }

    pub(super) fn format(&self) -> Format {
        self.dtype.format().unwrap_or(Format::F64)
    }

    /// 2^(1 − p): the spacing of the output's format at 1.
    pub(super) fn epsilon(&self) -> f64 {
        libm::ldexp(1.0, 1 - self.format().precision as i32)
    }

    /// The spacing of the output's format at 1, and at 0.
    pub(super) fn spacing(&self) -> [f64; 2] {
        [self.epsilon(), libm::ldexp(1.0, self.format().least_exponent())]
    }

    /// Says what is asked from here on.
    pub(super) fn about(&mut self, what: impl Into<String>) {
        self.about = what.into();
        (self.inquiry.progress)(&self.about);
    }

    /// Everything that was answered, with the answers of a right kernel.
    pub(super) fn answered(&self) -> impl Iterator<Item = (&Case, &Answered)> {
        self.asked.iter().map(|one| (&self.cases[one.case], one))
    }

    /// All of it judged against the declared config.
    pub(super) fn judged(&self) -> Report {
        let options = Options { diagnose: false, sight: false, ..Options::default() };
        judge_all(&self.cases, &self.asked, self.description.clone(), &options)
    }

    /// Everything that was answered, for a diagnosis.
    pub(super) fn evidence(self) -> (Vec<Case>, Vec<Answered>, Description) {
        (self.cases, self.asked, self.description)
    }

    /// Asks everything once more, in the same order; an answer that is another one is fickle.
    pub(super) fn again(&mut self) {
        self.about("everything once more");
        for one in &mut self.asked {
            let again = self.kernel.ask(&self.cases[one.case].ask);
            match again {
                Outcome::Output(_) => one.fickle |= one.outcome.as_ref() != Ok(&again),
                other => one.broke = Some(other),
            }
        }
    }

    /// The largest position that the kernel claims, up to `most`.
    pub(super) fn furthest(&self, most: i64) -> i64 {
        let limits = self.description.capabilities.iter().map(|c| c.limits.max_position);
        limits.map(|limit| limit.unwrap_or(most)).max().unwrap_or(most).min(most)
    }

    /// How many elements one tensor may have.
    fn room(&self) -> usize {
        let limits = self.description.capabilities.iter().map(|c| c.limits.max_elements);
        limits.map(|limit| limit.unwrap_or(1 << 16)).max().unwrap_or(1 << 16).min(1 << 16)
    }

    /// Whether a request is within the claim.
    pub(super) fn claims(&self, operation: Operation) -> bool {
        self.description.capabilities.iter().any(|c| c.operations.contains(&operation))
    }

    /// Asks, if the kernel claims it. What it does not answer is no evidence against it.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) fn ask(
        &mut self,
        operation: Operation,
        input: Object,
    ) -> Result<Vec<(String, Tensor)>, String> {
        let ask = Ask::new(Request {
            id: format!("identify-{}", self.cases.len()),
            operation,
            dtype: self.dtype,
            config: self.config.clone(),
            input: Input::new(input),
        });
        let question = ask.question().map_err(|reject| reject.to_string())?;
        self.description.covers(&ask).map_err(|outside| outside.to_string())?;
        let unknown = || format!("what is right in {} is not known here", self.dtype);
        let truth = (self.inquiry.truth)(question).ok_or_else(unknown)?;
        let outcome = self.kernel.ask(&ask);
        if let Outcome::Output(_) = outcome {
            let outcome = Ok(outcome.clone());
            self.asked.push(Answered {
                case: self.cases.len(),
                outcome,
                fickle: false,
                broke: None,
            });
            self.cases.push(Case {
                ask,
                truth,
                group: "identify".into(),
                basic: false,
                comment: self.about.clone(),
                flags: vec![],
            });
        }
        match outcome {
            Outcome::Output(output) => Ok(output),
            Outcome::Rejected(why) => Err(format!("it refused: {why}")),
            Outcome::Unsupported(why) => Err(format!("it does not support it: {why}")),
            Outcome::Skipped(why) => Err(format!("it skipped: {why}")),
            Outcome::Errored(why) => Err(format!("it failed inside: {why}")),
            Outcome::Misbehaved(_, what) => Err(format!("it misbehaved: {what}")),
            Outcome::Broken(breakage) => Err(format!("it {breakage}")),
        }
    }

    /// Numbers as a tensor of the kernel's format.
    pub(super) fn tensor(&self, shape: Vec<usize>, values: &[f64]) -> Option<Tensor> {
        let format = self.format();
        let bits = values.iter().map(|&x| encode(format, x)).collect();
        Tensor::new(self.dtype, shape, bits).ok()
    }

    /// The rotation of rows at positions [axis][batch][seq].
    pub(super) fn rotate(
        &mut self,
        rows: Rows,
        positions: &[Vec<Vec<Position>>],
        direction: Option<&str>,
    ) -> Result<Vec<(String, Vec<f64>)>, String> {
        let [batch, heads, seq] = rows.shape;
        let mut input = Object::default();
        let none = || "the probe has another shape".to_string();
        let tensor = |heads, values| {
            self.tensor(vec![batch, heads, seq, self.head_dim], values).ok_or_else(none)
        };
        input.set("q", tensor_json(&tensor(heads, rows.values)?));
        if let Some((heads, values)) = rows.keys {
            input.set("k", tensor_json(&tensor(heads, values)?));
        }
        let axis = |axis: &Vec<Vec<Position>>| {
            let nested = Positions::new(vec![batch, seq], axis.concat());
            nested.map_or(Json::Null, |nested| nested.to_json())
        };
        let axes: Vec<Json> = positions.iter().map(axis).collect();
        input.set(
            "positions",
            match &axes[..] {
                [one] => one.clone(),
                several => Json::Array(several.to_vec()),
            },
        );
        if let Some(direction) = direction {
            input.set("direction", Json::from(direction));
        }
        if let Some(length) = self.seq_len {
            input.set("seq_len", Json::from(length));
        }
        let output = self.ask(Operation::Rotate, input)?;
        let numbers = |(name, tensor): (String, Tensor)| {
            let format = tensor.dtype().format()?;
            Some((name, tensor.data().iter().map(|&bits| format.to_f64(bits)).collect()))
        };
        let output: Vec<(String, Vec<f64>)> = output.into_iter().filter_map(numbers).collect();
        match output.iter().find(|(name, _)| name == "q") {
            Some((_, q)) if q.len() == rows.values.len() => Ok(output),
            _ => Err("its q has another shape".into()),
        }
    }

    /// Tokens of one head at positions on one axis, the others 0: what became of each.
    fn tokens(
        &mut self,
        values: &[f64],
        on: usize,
        positions: &[Position],
    ) -> Result<Vec<Vec<f64>>, String> {
        let seq = positions.len();
        let zero = vec![Position::integer(0); seq];
        let axis = |axis| vec![if axis == on { positions.to_vec() } else { zero.clone() }];
        let all: Vec<Vec<Vec<Position>>> = (0..self.axes).map(axis).collect();
        let rows = Rows { shape: [1, 1, seq], values, keys: None };
        let output = self.rotate(rows, &all, None)?;
        let q = output.into_iter().find(|(name, _)| name == "q").map(|(_, q)| q);
        Ok(q.unwrap_or_default().chunks(self.head_dim).map(<[f64]>::to_vec).collect())
    }

    /// The map at a position on all axes: every basis vector is a token.
    pub(super) fn matrix(&mut self, position: i64) -> Result<Matrix, String> {
        let dim = self.head_dim;
        let mut columns = Vec::with_capacity(dim);
        for first in (0..dim).step_by(self.at_once()) {
            let seq = self.at_once().min(dim - first);
            let mut values = vec![0.0; seq * dim];
            (0..seq).for_each(|token| values[token * dim + first + token] = 1.0);
            let positions = vec![vec![vec![Position::integer(position); seq]]; self.axes];
            let rows = Rows { shape: [1, 1, seq], values: &values, keys: None };
            let output = self.rotate(rows, &positions, None)?;
            let q = output.into_iter().find(|(name, _)| name == "q").map(|(_, q)| q);
            columns.extend(q.unwrap_or_default().chunks(dim).map(<[f64]>::to_vec));
        }
        Ok(Matrix { columns })
    }

    /// How many tokens one tensor may have.
    fn at_once(&self) -> usize {
        (self.room() / self.head_dim.max(1)).max(1)
    }

    /// Vectors at positions on one axis, the others 0: a row per position. `vector` says what a
    /// token is, by its number.
    pub(super) fn vectors_at(
        &mut self,
        vector: &dyn Fn(usize) -> Vec<f64>,
        axis: usize,
        positions: &[Position],
    ) -> Result<Vec<Vec<f64>>, String> {
        let mut rows = Vec::with_capacity(positions.len());
        for part in positions.chunks(self.at_once()) {
            let first = rows.len();
            let values =
                (0..part.len()).flat_map(|token| vector(first + token)).collect::<Vec<_>>();
            rows.extend(self.tokens(&values, axis, part)?);
        }
        Ok(rows)
    }
}

impl Matrix {
    pub(super) fn get(&self, row: usize, column: usize) -> f64 {
        self.columns[column][row]
    }

    pub(super) fn is_finite(&self) -> bool {
        self.columns.iter().flatten().all(|x| x.is_finite())
    }

    /// M·x.
    pub(super) fn times(&self, x: &[f64]) -> Vec<f64> {
        let mut y = vec![0.0; x.len()];
        for (column, x) in self.columns.iter().zip(x) {
            y.iter_mut().zip(column).for_each(|(y, m)| *y += m * x);
        }
        y
    }
}
