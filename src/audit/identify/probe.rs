//! Questions that show what a kernel does to a head, and its answers as numbers.

use crate::audit::ask::Ask;
use crate::audit::capability::Description;
use crate::audit::case::Case;
use crate::audit::case::Truth;
use crate::audit::kernel::Kernel;
use crate::audit::outcome::Answered;
use crate::audit::outcome::Outcome;
use crate::encoding::RopeConfig;
use crate::number::{Dtype, Format, Tensor};
use crate::profile::{self, encode};
use crate::request::{Input, Json, Object, Operation, Position, Positions, Request, tensor_json};
use crate::vector::{Expected, Tensors};

/// A kernel, the config that it is asked with, and everything that was asked.
pub(super) struct Probe<'k> {
    kernel: &'k mut dyn Kernel,
    description: Description,
    /// The normalised config.
    pub(super) config: Object,
    pub(super) dtype: Dtype,
    pub(super) head_dim: usize,
    pub(super) axes: usize,
    /// The total length, where the scheme needs one.
    pub(super) seq_len: Option<i64>,
    cases: Vec<Case>,
    asked: Vec<Answered>,
}

/// A linear map of a head, by column: what comes of a basis vector.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub(super) columns: Vec<Vec<f64>>,
}

impl<'k> Probe<'k> {
    pub(super) fn new(
        kernel: &'k mut dyn Kernel,
        description: Description,
        config: &RopeConfig,
        dtype: Dtype,
    ) -> Probe<'k> {
        let normalised = config.normalised().clone();
        let length = |key: &str| normalised.get(key).and_then(Json::number);
        let original =
            length("original_max_position_embeddings").or(length("max_position_embeddings"));
        let seq_len = config.scheme().needs_seq_len().then(|| original.unwrap_or(2048.0) as i64);
        Probe {
            kernel,
            description,
            head_dim: config.head_dim(),
            axes: config.axes(),
            config: normalised,
            dtype,
            seq_len,
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

    /// Everything that was asked, with the answers of a right kernel, for a diagnosis.
    pub(super) fn evidence(self) -> (Vec<Case>, Vec<Answered>, Description) {
        (self.cases, self.asked, self.description)
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

    /// Asks, if the kernel claims it.
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
        self.description.covers(&ask)?;
        let outcome = self.kernel.ask(&ask);
        // f64 is all that is needed here: what is judged is judged by bounds far above.
        let machine = profile::find("numpy-f64").unwrap_or(&profile::NAMED[0]);
        let right = profile::emulate(machine, question).into_iter();
        let right: Vec<(String, Tensor)> = right
            .map(|named| (named.name, named.tensor))
            .chain(question.integers())
            .map(|(name, tensor)| (name.to_string(), tensor))
            .collect();
        let residual = right
            .iter()
            .filter_map(|(name, t)| {
                let zero = vec![0; t.data().len()];
                let zero = Tensor::new(Dtype::F16, t.shape().to_vec(), zero).ok()?;
                t.dtype().format().map(|_| (name.clone(), zero))
            })
            .collect();
        let truth = Truth {
            expected: Expected::Tensors(Tensors(right)),
            residual: Some(Tensors(residual)),
        };
        self.asked.push(Answered {
            case: self.cases.len(),
            outcome: Ok(outcome.clone()),
            fickle: false,
        });
        self.cases.push(Case {
            ask,
            truth,
            group: "identify".into(),
            basic: false,
            comment: "asked to identify the kernel".into(),
            flags: vec![],
        });
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

    /// The rotation of [batch, heads, seq, head_dim] at positions [axis][batch][seq], or without
    /// the level of axes where there is one; and of keys.
    pub(super) fn rotate(
        &mut self,
        shape: [usize; 3],
        values: &[f64],
        keys: Option<(usize, &[f64])>,
        positions: &[Vec<Vec<i64>>],
        direction: Option<&str>,
    ) -> Result<Vec<(String, Vec<f64>)>, String> {
        let [batch, heads, seq] = shape;
        let mut input = Object::default();
        let none = || "the probe has another shape".to_string();
        let q = self.tensor(vec![batch, heads, seq, self.head_dim], values).ok_or_else(none)?;
        input.set("q", tensor_json(&q));
        if let Some((heads, values)) = keys {
            let k = self.tensor(vec![batch, heads, seq, self.head_dim], values).ok_or_else(none)?;
            input.set("k", tensor_json(&k));
        }
        let axes: Vec<Json> = positions
            .iter()
            .map(|axis| {
                let data = axis.iter().flatten().map(|&p| Position::integer(p)).collect();
                let nested = Positions::new(vec![batch, seq], data);
                nested.map_or(Json::Null, |nested| nested.to_json())
            })
            .collect();
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
            Some((_, q)) if q.len() == values.len() => Ok(output),
            _ => Err("its q has another shape".into()),
        }
    }

    /// The map at a position, one number per axis: every basis vector is a token.
    pub(super) fn matrix(&mut self, position: &[i64]) -> Result<Matrix, String> {
        let dim = self.head_dim;
        let at_once = (self.room() / dim.max(1)).clamp(1, dim);
        let mut columns = Vec::with_capacity(dim);
        let mut first = 0;
        while first < dim {
            let seq = at_once.min(dim - first);
            let mut values = vec![0.0; seq * dim];
            (0..seq).for_each(|token| values[token * dim + first + token] = 1.0);
            let positions: Vec<Vec<Vec<i64>>> =
                position.iter().map(|&p| vec![vec![p; seq]]).collect();
            let output = self.rotate([1, 1, seq], &values, None, &positions, None)?;
            let q = output.into_iter().find(|(name, _)| name == "q").map(|(_, q)| q);
            columns.extend(q.unwrap_or_default().chunks(dim).map(<[f64]>::to_vec));
            first += seq;
        }
        Ok(Matrix { columns })
    }

    /// One vector at many positions on one axis, the others 0: a row per position.
    pub(super) fn vector_at(
        &mut self,
        vector: &[f64],
        axis: usize,
        positions: &[i64],
    ) -> Result<Vec<Vec<f64>>, String> {
        let dim = self.head_dim;
        let mut rows = Vec::with_capacity(positions.len());
        for part in positions.chunks((self.room() / dim.max(1)).max(1)) {
            let values: Vec<f64> = part.iter().flat_map(|_| vector).copied().collect();
            let on =
                |own: usize| vec![if own == axis { part.to_vec() } else { vec![0; part.len()] }];
            let all: Vec<Vec<Vec<i64>>> = (0..self.axes).map(on).collect();
            let output = self.rotate([1, 1, part.len()], &values, None, &all, None)?;
            let q = output.into_iter().find(|(name, _)| name == "q").map(|(_, q)| q);
            rows.extend(q.unwrap_or_default().chunks(dim).map(<[f64]>::to_vec));
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
