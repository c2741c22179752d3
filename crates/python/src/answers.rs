//! Right answers: rotated tensors, tables and frequencies, correctly rounded.

use crate::config::object;
use crate::failure::{failed, rejected, value};
use crate::tensors::{Foreign, Packed, Positions, dtype, packed};
use crate::work::work;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyByteArray;
use rayon::prelude::*;
use ropewalk::dump::{Failure, Geometry, Places, Raw};
use ropewalk::encoding::{Question, Rope, RopeConfig};
use ropewalk::exact::bulk::{self, Rotator};
use ropewalk::exact::ladder::{Bf16, F16, Ladder, Output};
use ropewalk::exact::{Answer, ResolvedRope};
use ropewalk::number::{Dtype, Format, Tensor};
use ropewalk::request::{Direction, Json, Object, Operation, Request, run_request, tensor_json};

/// Rows of a task.
const BLOCK: usize = 512;

/// A direction by its name.
pub fn direction(word: &str) -> PyResult<Direction> {
    let all = [Direction::Forward, Direction::Inverse, Direction::Backward];
    let found = all.into_iter().find(|direction| direction.name() == word);
    found.ok_or_else(|| {
        value(format!("direction is {word:?}, allowed are forward, inverse, backward"))
    })
}

/// The bytes of a rotated tensor, of the same shape, in a format. `keys`: by the rope of keys,
/// which differs for xPos.
#[pyfunction]
#[pyo3(signature = (tensor, positions, config, seq_len, axes, turned, output, keys))]
#[allow(clippy::too_many_arguments)]
pub fn rotate<'py>(
    py: Python<'py>,
    tensor: Foreign,
    positions: Positions,
    config: &str,
    seq_len: Option<i64>,
    axes: Option<String>,
    turned: &str,
    output: &str,
    keys: bool,
) -> PyResult<Bound<'py, PyByteArray>> {
    let (config, turned, output) = (object(config)?, direction(turned)?, dtype(output)?);
    let (raw, places) = (tensor.raw("tensor")?, positions.places()?);
    let task = Rotation { config, seq_len, axes, turned, output, keys };
    let (made, tensor) = work(py, move || (task.run(&raw, &places), tensor))?;
    tensor.release(py);
    Ok(PyByteArray::new(py, &made.map_err(failed)?))
}

struct Rotation {
    config: Object,
    seq_len: Option<i64>,
    axes: Option<String>,
    turned: Direction,
    output: Dtype,
    keys: bool,
}

impl Rotation {
    fn run(&self, raw: &Raw, places: &Places) -> Result<Vec<u8>, Failure> {
        let rope = RopeConfig::new(&self.config)?.rope(self.seq_len)?;
        let Some(format) = raw.dtype.format() else {
            return Err(format!("tensor is {}, allowed are f64, f32, bf16, f16", raw.dtype).into());
        };
        let letters = self.axes.as_deref();
        let geometry = Geometry::new(letters, &raw.shape, "bhsd")?.at(places.len())?;
        if geometry.dim != rope.head_dim {
            let (dim, head_dim) = (geometry.dim, rope.head_dim);
            let why = "head_dim of the config is";
            return Err(format!("the last axis has length {dim}, {why} {head_dim}").into());
        }
        let rotator = Rotator::new(&rope, self.turned, self.output, places.largest());
        let rotator = rotator.transpose()?;
        let dim = rope.head_dim;
        let blocks: Vec<usize> = (0..geometry.rows()).step_by(BLOCK).collect();
        let turned: Vec<Vec<u64>> = blocks
            .into_par_iter()
            .map(|first| {
                let rows: Vec<usize> = (first..geometry.rows().min(first + BLOCK)).collect();
                let mut input = Vec::with_capacity(rows.len() * dim);
                rows.iter().for_each(|&row| raw.append(geometry.offset(row), dim, &mut input));
                let at = |row: usize, axis: usize| places.at(geometry.token(rows[row]), axis);
                match &rotator {
                    Some(rotator) => Ok(rotator.turn(&at, format, &input)?.0),
                    None => self.one_by_one(&rope, raw.dtype, &at, input),
                }
            })
            .collect::<Result<_, Failure>>()?;
        let size = self.output.digits() / 2;
        let mut bytes = vec![0; geometry.rows() * dim * size];
        for (row, values) in turned.iter().flat_map(|block| block.chunks(dim)).enumerate() {
            let place = geometry.offset(row) * size;
            for (bits, out) in values.iter().zip(bytes[place..].chunks_mut(size)) {
                out.copy_from_slice(&bits.to_le_bytes()[..size]);
            }
        }
        Ok(bytes)
    }

    /// What the ladder does not do: growth, many axes.
    fn one_by_one(
        &self,
        rope: &Rope,
        dtype: Dtype,
        at: &dyn Fn(usize, usize) -> i64,
        input: Vec<u64>,
    ) -> Result<Vec<u64>, Failure> {
        let rows = input.len() / rope.head_dim;
        let list = |axis: usize| {
            let tokens = (0..rows).map(|row| position(at(row, axis))).collect();
            Json::Array(vec![Json::Array(tokens)])
        };
        let positions = match rope.axes {
            0 | 1 => list(0),
            axes => Json::Array((0..axes).map(list).collect()),
        };
        let tensor = Tensor::new(dtype, vec![1, 1, rows, rope.head_dim], input);
        let tensor = tensor.map_err(|e| Failure::Usage(e.to_string()))?;
        let mut given = Object::default();
        given.set("positions", positions);
        given.set("q", tensor_json(&tensor));
        if self.keys {
            given.set("k", tensor_json(&tensor));
        }
        given.set("direction", Json::from(self.turned.name()));
        let question = question(Operation::Rotate, self.output, &self.config, given, self.seq_len)?;
        let mut answer = bulk::answer(&question)?;
        let last = answer.tensors.pop();
        Ok(last.map(|named| named.expected.data().to_vec()).unwrap_or_default())
    }
}

/// A position as the contract writes it.
pub fn position(p: i64) -> Json {
    match p.unsigned_abs() < 1 << 53 {
        true => Json::from(p),
        false => Json::from(p.to_string().as_str()),
    }
}

/// A question about a config.
pub fn question(
    operation: Operation,
    dtype: Dtype,
    config: &Object,
    mut input: Object,
    seq_len: Option<i64>,
) -> Result<Question, Failure> {
    if let Some(length) = seq_len {
        input.set("seq_len", Json::from(length));
    }
    let request = run_request(operation, dtype, "python", config, &input);
    Ok(Question::new(&Request::from_json(&request)?)?)
}

/// cos and sin, `[tokens, planes]`, as bytes; and the number of planes.
#[pyfunction]
#[pyo3(signature = (positions, config, seq_len, output))]
pub fn table<'py>(
    py: Python<'py>,
    positions: Positions,
    config: &str,
    seq_len: Option<i64>,
    output: &str,
) -> PyResult<(Bound<'py, PyByteArray>, Bound<'py, PyByteArray>, usize)> {
    let (config, output, places) = (object(config)?, dtype(output)?, positions.places()?);
    // The ladder has no lanes for eight bits.
    if Dtype::EIGHT_BITS.contains(&output) {
        let allowed = Dtype::list(&Dtype::FLOATS);
        return Err(PyTypeError::new_err(format!("dtype is {output}, allowed are {allowed}")));
    }
    let rope = RopeConfig::new(&config).and_then(|checked| checked.rope(seq_len));
    let rope = rope.map_err(rejected)?;
    let planes = rope.planes.len();
    let made = work(py, move || match output {
        Dtype::F64 => filled::<f64>(&rope, &places),
        Dtype::Bf16 => filled::<Bf16>(&rope, &places),
        Dtype::F16 => filled::<F16>(&rope, &places),
        _ => filled::<f32>(&rope, &places),
    })?;
    let [cos, sin] = made.map_err(value)?;
    Ok((PyByteArray::new(py, &cos), PyByteArray::new(py, &sin), planes))
}

fn filled<O: Output>(rope: &Rope, places: &Places) -> Result<[Vec<u8>; 2], String> {
    let resolved = ResolvedRope::new(rope).map_err(|e| e.to_string())?;
    let ladder = Ladder::<O>::new(&resolved).map_err(|e| e.to_string())?;
    let count = places.len() * ladder.planes();
    let (mut cos, mut sin) = (vec![O::default(); count], vec![O::default(); count]);
    places.fill(&ladder, 0, places.len(), &mut cos, &mut sin).map_err(|e| e.to_string())?;
    let size = size_of::<O>();
    let bytes = |list: Vec<O>| -> Vec<u8> {
        list.into_par_iter()
            .flat_map_iter(|x| x.to_bits().to_le_bytes().into_iter().take(size))
            .collect()
    };
    Ok([bytes(cos), bytes(sin)])
}

/// Frequencies of a config in a format: the named outputs of the operation `inv_freq`.
#[pyfunction]
#[pyo3(signature = (config, seq_len, output))]
pub fn inv_freq<'py>(
    py: Python<'py>,
    config: &str,
    seq_len: Option<i64>,
    output: &str,
) -> PyResult<Vec<(String, Packed<'py>)>> {
    let (config, output) = (object(config)?, dtype(output)?);
    let answer = work(py, move || -> Result<Answer, Failure> {
        let question = question(Operation::InvFreq, output, &config, Object::default(), seq_len)?;
        Ok(bulk::answer(&question)?)
    })?;
    let tensors = answer.map_err(failed)?.tensors;
    Ok(tensors.iter().map(|n| (n.name.to_string(), packed(py, &n.expected))).collect())
}

/// Numbers of 16 bits that an 8-bit format holds exactly.
#[pyfunction]
pub fn widen_f8<'py>(
    py: Python<'py>,
    bytes: Vec<u8>,
    exponent_bits: u32,
    bias: i32,
    finite: bool,
) -> Bound<'py, PyByteArray> {
    let mantissa = 7 - exponent_bits;
    let value = |byte: u8| -> f64 {
        let sign = if byte & 0x80 == 0 { 1.0 } else { -1.0 };
        let exponent = i32::from((byte & 0x7f) >> mantissa);
        let fraction = f64::from(byte & ((1 << mantissa) - 1)) / f64::from(1u8 << mantissa);
        let top = (1 << exponent_bits) - 1;
        let special = exponent == top && (!finite || byte & 0x7f == 0x7f);
        match (special, exponent) {
            (true, _) if finite || fraction != 0.0 => f64::NAN,
            (true, _) => sign * f64::INFINITY,
            (_, 0) => sign * fraction * 2f64.powi(1 - bias),
            _ => sign * (1.0 + fraction) * 2f64.powi(exponent - bias),
        }
    };
    let table: Vec<u16> = (0..=255).map(|byte| half(value(byte))).collect();
    let wide: Vec<u8> = bytes.iter().flat_map(|&byte| table[byte as usize].to_le_bytes()).collect();
    PyByteArray::new(py, &wide)
}

/// The bit pattern of a number that binary16 holds exactly.
fn half(x: f64) -> u16 {
    (0..=u16::MAX)
        .find(|&bits| {
            let own = Format::F16.to_f64(u64::from(bits));
            own == x && own.is_sign_negative() == x.is_sign_negative() || own.is_nan() && x.is_nan()
        })
        .unwrap_or(0x7e00)
}
