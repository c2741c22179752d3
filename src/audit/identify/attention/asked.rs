//! Questions whose answer is a row of weights.

use super::super::probe::Probe;
use crate::audit::Ask;
use crate::encoding::{Attention, Body, Double};
use crate::number::Tensor;
use crate::request::{Input, Json, Object, Operation, Position, Positions, Request, tensor_json};

/// Most heads, and their largest width: every weight is computed exactly.
const LARGEST: [usize; 2] = [128, 512];

/// An attention kernel that is asked for its weights.
pub(super) struct Weights<'k> {
    pub(super) probe: Probe<'k>,
    /// As the library reads the config.
    pub(super) attention: Attention,
    pub(super) heads: usize,
    pub(super) key_heads: usize,
    /// D, and how many keys one question has at most: their values are one-hot.
    pub(super) dim: usize,
}

/// What is asked of every row of one batch.
pub(super) struct Rows<'a> {
    pub(super) queries: &'a [i64],
    pub(super) keys: &'a [i64],
    /// The vector of (head, query).
    pub(super) q: &'a dyn Fn(usize, usize) -> Vec<f64>,
    /// The vector of (key head, key).
    pub(super) k: &'a dyn Fn(usize, usize) -> Vec<f64>,
    /// The value of (key head, key); none for one-hot.
    pub(super) v: Option<&'a dyn Fn(usize, usize) -> Vec<f64>>,
    pub(super) sinks: Option<&'a [f64]>,
    /// How many of the keys exist, for each row of the batch; one row with all of them if empty.
    pub(super) lengths: &'a [i64],
    pub(super) lse: bool,
}

impl<'a> Rows<'a> {
    /// One-hot values of keys that all exist, and no more.
    pub(super) fn new(
        queries: &'a [i64],
        keys: &'a [i64],
        q: &'a dyn Fn(usize, usize) -> Vec<f64>,
        k: &'a dyn Fn(usize, usize) -> Vec<f64>,
    ) -> Rows<'a> {
        Rows { queries, keys, q, k, v: None, sinks: None, lengths: &[], lse: false }
    }

    fn batch(&self) -> usize {
        self.lengths.len().max(1)
    }
}

/// Nothing is scored.
pub(super) fn zeros(dim: usize) -> impl Fn(usize, usize) -> Vec<f64> {
    move |_, _| vec![0.0; dim]
}

impl<'k> Weights<'k> {
    /// The first numbers of heads that the kernel takes: grouped, or as many of both.
    pub(super) fn new(mut probe: Probe<'k>, head_dim: usize) -> Result<Weights<'k>, String> {
        let inner = |key: &str| match probe.config.get(key) {
            Some(Json::Object(inner)) => Some(inner.clone()),
            _ => None,
        };
        let size = |config: Option<Object>, key: &str| {
            config.and_then(|config| number(&config, key)).map(|n| n as usize)
        };
        let heads = size(inner("alibi"), "num_heads");
        let dim = size(inner("rope"), "head_dim").unwrap_or(head_dim);
        let heads = heads.unwrap_or(4);
        let [most, widest] = LARGEST;
        if heads > most || dim > widest {
            return Err(format!(
                "{heads} heads of {dim} are too many to read, at most {most} of {widest}: audit does"
            ));
        }
        let rope = inner("rope").map(|rope| crate::encoding::RopeConfig::new(&rope));
        if let Some(rope) = rope {
            let rope = rope.map_err(|reject| format!("rope: {reject}"))?;
            probe.axes = rope.axes();
            probe.seq_len = rope.scheme().needs_seq_len().then_some(2048);
        }
        let mut why = String::new();
        for key_heads in [heads / 2, heads].into_iter().filter(|&n| n > 0 && heads % n == 0) {
            let shape = Shape { heads, key_heads, dim };
            match shape.read(&probe) {
                Ok(attention) => {
                    probe.head_dim = dim;
                    let mut weights = Weights { probe, attention, heads, key_heads, dim };
                    weights.settle();
                    return Ok(weights);
                }
                Err(reason) => why = reason,
            }
        }
        Err(why)
    }

    /// Falls back to as many key heads as heads where the kernel takes no groups.
    fn settle(&mut self) {
        let none = zeros(self.dim);
        let places = [0, 1];
        let rows = Rows::new(&places, &places, &none, &none);
        if self.ask(rows).is_err() {
            self.key_heads = self.heads;
        }
    }

    /// The config, normalised.
    pub(super) fn declared(&self) -> Object {
        self.attention.config.clone()
    }

    /// How many keys one question has.
    pub(super) fn keys(&self) -> usize {
        self.dim.min(16)
    }

    /// Whether two logarithms of weights agree: a few roundings of the weight in the format, and the
    /// f32 that scores are summed in.
    pub(super) fn slack(&self) -> f64 {
        8.0 * self.probe.epsilon().max(libm::ldexp(1.0, -14))
    }

    /// What ⟨q, k⟩ is multiplied by as declared: the scale, the rope's factors.
    pub(super) fn factor(&self) -> f64 {
        let scale = self.attention.scale.unwrap_or(1.0 / libm::sqrt(self.dim as f64));
        let rope = self.attention.rope.as_ref();
        let magnitude = rope.and_then(|rope| rope.magnitude.evaluate(&Double)).unwrap_or(1.0);
        let softmax = rope.and_then(|rope| rope.softmax_factor.evaluate(&Double)).unwrap_or(1.0);
        scale * magnitude * magnitude * softmax
    }

    /// `out`, as [head][query][coordinate]; the heads of a further row of the batch follow.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) fn ask(&mut self, rows: Rows) -> Result<Vec<Vec<Vec<f64>>>, String> {
        let queries = rows.queries.len();
        let numbers = self.numbers("out", &rows, self.dim)?;
        let head = |head: &[f64]| head.chunks(self.dim).map(<[f64]>::to_vec).collect();
        Ok(numbers.chunks(queries * self.dim).map(head).collect())
    }

    /// `lse`, as [head][query].
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) fn logarithms(&mut self, rows: Rows) -> Result<Vec<Vec<f64>>, String> {
        let rows = Rows { lse: true, ..rows };
        let numbers = self.numbers("lse", &rows, 1)?;
        Ok(numbers.chunks(rows.queries.len()).map(<[f64]>::to_vec).collect())
    }

    /// An output, so many numbers for each query of each head.
    fn numbers(&mut self, name: &str, rows: &Rows, width: usize) -> Result<Vec<f64>, String> {
        let shape = Shape { heads: self.heads, key_heads: self.key_heads, dim: self.dim };
        let input = shape.input(&self.probe, rows)?;
        let output = self.probe.ask(Operation::Attention, input)?;
        let named = output.iter().find(|(own, _)| own == name);
        let (_, tensor) = named.ok_or_else(|| format!("it has no {name}"))?;
        let format = tensor.dtype().format().ok_or_else(|| format!("its {name} has no format"))?;
        let numbers: Vec<f64> = tensor.data().iter().map(|&bits| format.to_f64(bits)).collect();
        match numbers.len() == rows.batch() * self.heads * rows.queries.len() * width {
            true => Ok(numbers),
            false => Err(format!("its {name} has another shape")),
        }
    }
}

/// Sizes of everything that is asked.
struct Shape {
    heads: usize,
    key_heads: usize,
    dim: usize,
}

impl Shape {
    /// The same in every row of a batch.
    fn tensor(
        &self,
        probe: &Probe,
        [batch, heads, rows]: [usize; 3],
        of: &dyn Fn(usize, usize) -> Vec<f64>,
    ) -> Result<Tensor, String> {
        let values: Vec<f64> =
            (0..heads).flat_map(|head| (0..rows).flat_map(move |row| of(head, row))).collect();
        let values = values.repeat(batch);
        let shape = vec![batch, heads, rows, self.dim];
        probe.tensor(shape, &values).ok_or_else(|| "the probe has another shape".to_string())
    }

    fn input(&self, probe: &Probe, rows: &Rows) -> Result<Object, String> {
        let (queries, keys) = (rows.queries.len(), rows.keys.len());
        let of_keys = [rows.batch(), self.key_heads, keys];
        let one_hot = |_: usize, key: usize| {
            (0..self.dim).map(|d| f64::from(u8::from(d == key))).collect::<Vec<f64>>()
        };
        let values = rows.v.unwrap_or(&one_hot);
        let mut input = Object::default();
        input.set(
            "q",
            tensor_json(&self.tensor(probe, [rows.batch(), self.heads, queries], rows.q)?),
        );
        input.set("k", tensor_json(&self.tensor(probe, of_keys, rows.k)?));
        input.set("v", tensor_json(&self.tensor(probe, of_keys, values)?));
        // The first axis moves; on the others everything stands at 0.
        let places = |list: &[i64]| {
            let axis = |axis: usize| {
                let at = |p: &i64| Position::integer(if axis == 0 { *p } else { 0 });
                let row: Vec<Position> = list.iter().map(at).collect();
                let batch = rows.batch();
                let nested = Positions::new(vec![batch, list.len()], row.repeat(batch));
                nested.map_or(Json::Null, |nested| nested.to_json())
            };
            match probe.axes {
                1 => axis(0),
                axes => Json::Array((0..axes).map(axis).collect()),
            }
        };
        input.set("query_positions", places(rows.queries));
        input.set("key_positions", places(rows.keys));
        if let Some(sinks) = rows.sinks {
            let sinks = probe.tensor(vec![self.heads], sinks).ok_or("no sinks")?;
            input.set("sinks", tensor_json(&sinks));
        }
        if !rows.lengths.is_empty() {
            let list = rows.lengths.iter().map(|&n| Json::from(n)).collect();
            input.set("key_lengths", Json::Array(list));
        }
        if rows.lse {
            input.set("lse", true.into());
        }
        if let Some(Json::Object(t5)) = probe.config.get("t5") {
            let buckets = number(t5, "num_buckets").unwrap_or(32.0) as usize;
            let entry = |n: usize| entry(n / self.heads, buckets);
            let values: Vec<f64> = (0..buckets * self.heads).map(entry).collect();
            let table = probe.tensor(vec![buckets, self.heads], &values).ok_or("no table")?;
            input.set("table", tensor_json(&table));
        }
        if let Some(length) = probe.seq_len {
            input.set("seq_len", Json::from(length));
        }
        Ok(input)
    }

    /// The config as the library reads it.
    fn read(&self, probe: &Probe) -> Result<Attention, String> {
        let none = zeros(self.dim);
        let places = [0, 1];
        let rows = Rows::new(&places, &places, &none, &none);
        let ask = Ask::new(Request {
            id: "identify".into(),
            operation: Operation::Attention,
            dtype: probe.dtype,
            config: probe.config.clone(),
            input: Input::new(self.input(probe, &rows)?),
        });
        let question = ask.question().map_err(|reject| reject.to_string())?;
        match &question.body {
            Body::Attention(attention) => Ok((**attention).clone()),
            _ => Err("no attention".into()),
        }
    }
}

/// The entry of T5's table for a bucket: a square, so that differences tell the buckets, and small, so
/// that no weight is lost.
pub(super) fn entry(bucket: usize, buckets: usize) -> f64 {
    let most = buckets.max(2) as f64 - 1.0;
    6.0 * (bucket as f64 / most) * (bucket as f64 / most)
}

/// A number of the config.
fn number(config: &Object, key: &str) -> Option<f64> {
    config.get(key).and_then(Json::number)
}
