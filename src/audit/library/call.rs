//! One call of a library: its tensors laid out between guards, and what came of it.

use super::abi::{Loaded, RawCall, RawTensor, VERSION, Which};
use super::buffer::Guarded;
use crate::audit::probe::Probe;
use crate::encoding::{Body, Expression, Layout, Pair, Question};
use crate::number::{Dtype, Tensor, Wide};
use crate::request::{Direction, Json, Object};
use std::ffi::c_void;

/// A question as the header can ask it.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) which: Which,
    pub(super) dtype: Dtype,
    layout: Layout,
    direction: Direction,
    planes: usize,
    offset: usize,
    pub(super) q: Tensor,
    pub(super) k: Option<Tensor>,
    /// [batch, seq]; empty for `apply`.
    pub(super) positions: Vec<i64>,
    tables: Option<(Tensor, Tensor)>,
    rope_theta: f64,
    /// Correctly rounded, one per plane; filled in by who calls.
    pub(super) inv_freq: Vec<f64>,
    pub(super) attention_factor: f64,
}

/// How a call is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// Padded and permuted.
    pub(super) strided: bool,
    /// The outputs are the inputs.
    pub(super) in_place: bool,
    /// Of a position: 32 or 64.
    pub(super) bits: i32,
}

/// How a call failed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Failed {
    /// What the library returned, other than `ROPEWALK_OK`.
    Status(i32),
    /// What it did.
    Found(Probe, String),
}

type Named = Vec<(String, Tensor)>;

impl Plan {
    /// Why a question cannot be asked in C, or the call.
    pub(super) fn new(question: &Question) -> Result<Plan, String> {
        let config = question.config();
        let layout = match config.get("layout") {
            Some(Json::String(word)) => Layout::from_name(word),
            _ => None,
        };
        let layout = layout.ok_or("no C call can ask this operation")?;
        let one = Expression::integer(1);
        let mut plan = Plan {
            which: Which::Apply,
            dtype: question.dtype,
            layout,
            direction: Direction::Forward,
            planes: 0,
            offset: 0,
            q: Tensor::new(question.dtype, vec![0], vec![]).map_err(|e| e.to_string())?,
            k: None,
            positions: vec![],
            tables: None,
            rope_theta: number(config, "rope_theta"),
            inv_freq: vec![],
            attention_factor: 1.0,
        };
        let pairs: Vec<Pair> = match &question.body {
            Body::Rotate(rotate) => {
                if rotate.rope.axes != 1 || rotate.rope.planes.iter().any(|p| p.growth != one) {
                    return Err("a C call has one axis and no growth".into());
                }
                if rotate.positions.data().iter().any(|p| p.denominator != 1) {
                    return Err("a C call has integer positions".into());
                }
                plan.which = Which::Rotate;
                plan.direction = rotate.direction;
                (plan.q, plan.k) = (rotate.q.clone(), rotate.k.clone());
                plan.positions = rotate.positions.data().iter().map(|p| p.numerator).collect();
                rotate.rope.pairs()
            }
            Body::Apply(apply) => {
                plan.direction = apply.direction;
                (plan.q, plan.k) = (apply.q.clone(), apply.k.clone());
                plan.tables = Some((apply.cos.clone(), apply.sin.clone()));
                apply.pairs.clone()
            }
            _ => return Err("a C call rotates: rotate or apply".into()),
        };
        (plan.planes, plan.offset) = (pairs.len(), pairs.first().map_or(0, |pair| pair.re));
        let regular =
            |(i, pair): (usize, &Pair)| *pair == layout.pair(i, pairs.len(), plan.offset);
        match !pairs.is_empty() && pairs.iter().enumerate().all(regular) {
            true => Ok(plan),
            false => Err("a C call turns one slice, in one layout".into()),
        }
    }

    /// Whether something of a head is copied.
    pub(super) fn is_partial(&self) -> bool {
        2 * self.planes != self.head_dim()
    }

    /// Whether its positions are numbers of 32 bits.
    pub(super) fn fits_32_bits(&self) -> bool {
        self.positions.iter().all(|&p| i32::try_from(p).is_ok())
    }

    fn head_dim(&self) -> usize {
        self.q.columns()
    }

    /// The same with every coordinate 1, so that every plane shows how it is turned.
    pub(super) fn with_ones(&self) -> Plan {
        let one = self.dtype.format().map_or(0, |f| f.round(&Wide::dyadic(false, 1, 0)));
        let ones = |tensor: &Tensor| {
            let data = vec![one; tensor.data().len()];
            Tensor::new(tensor.dtype(), tensor.shape().to_vec(), data).unwrap_or(tensor.clone())
        };
        Plan { q: ones(&self.q), k: self.k.as_ref().map(ones), ..self.clone() }
    }

    /// The same with the batch repeated until there are so many tokens.
    pub(super) fn tiled(&self, tokens: usize) -> Plan {
        let own = (self.q.shape()[0] * self.q.shape()[2]).max(1);
        let times = tokens.div_ceil(own).clamp(1, (1 << 20) / self.q.data().len().max(1) + 1);
        let repeat = |tensor: &Tensor| {
            let mut shape = tensor.shape().to_vec();
            shape[0] *= times;
            Tensor::new(tensor.dtype(), shape, tensor.data().repeat(times)).unwrap_or(tensor.clone())
        };
        Plan {
            q: repeat(&self.q),
            k: self.k.as_ref().map(repeat),
            positions: self.positions.repeat(times),
            tables: self.tables.as_ref().map(|(cos, sin)| (repeat(cos), repeat(sin))),
            ..self.clone()
        }
    }

    /// Makes the call and looks at what it did.
    pub(super) fn run(&self, library: &Loaded, how: How) -> Result<Named, Failed> {
        let seq = self.q.shape()[2];
        let width = (how.bits / 8) as usize;
        let strides = if how.strided { [seq + 3, 1] } else { [seq, 1] };
        let mut positions = Guarded::new((self.positions.len() / seq.max(1) * strides[0]) * width, 0);
        for (token, p) in self.positions.iter().enumerate() {
            let place = token / seq * strides[0] + token % seq;
            let bytes = p.to_ne_bytes();
            // Of the narrow ones, the half that holds the value.
            let half = if cfg!(target_endian = "little") { &bytes[..width] } else { &bytes[8 - width..] };
            positions.bytes_mut()[place * width..][..width].copy_from_slice(half);
        }
        let mut frequencies = Guarded::new(8 * self.inv_freq.len(), 0);
        for (bytes, x) in frequencies.bytes_mut().chunks_mut(8).zip(&self.inv_freq) {
            bytes.copy_from_slice(&x.to_ne_bytes());
        }
        let table = |tensor: &Tensor| {
            let mut buffer = Guarded::new(tensor.data().len() * size(self.dtype), 0);
            for (place, &bits) in tensor.data().iter().enumerate() {
                put(buffer.bytes_mut(), place, self.dtype, bits);
            }
            buffer
        };
        let mut tables = self.tables.as_ref().map(|(cos, sin)| (table(cos), table(sin)));
        let mut q = Placed::new("q", &self.q, how);
        let mut k = self.k.as_ref().map(|k| Placed::new("k", k, how));
        let pointer = |buffer: &mut Guarded| buffer.hand_out() as *const c_void;
        let (cos, sin) = match &mut tables {
            Some((cos, sin)) => (pointer(cos), pointer(sin)),
            None => (std::ptr::null(), std::ptr::null()),
        };
        let rotates = self.which == Which::Rotate;
        let positions_at = pointer(&mut positions);
        let inv_freq_at = frequencies.hand_out() as *const f64;
        let call = RawCall {
            version: VERSION,
            dtype: dtype_number(self.dtype),
            layout: Layout::ALL.iter().position(|l| *l == self.layout).unwrap_or(0) as i32,
            direction: match self.direction {
                Direction::Forward => 0,
                Direction::Inverse => 1,
                Direction::Backward => 2,
            },
            batch: self.q.shape()[0] as i64,
            seq: seq as i64,
            head_dim: self.head_dim() as i64,
            rotary_dim: 2 * self.planes as i64,
            rotary_offset: self.offset as i64,
            q: q.raw(),
            k: k.as_mut().map_or(RawTensor::ABSENT, Placed::raw),
            positions: if rotates { positions_at } else { std::ptr::null() },
            position_strides: strides.map(|n| n as i64),
            position_bits: if rotates { how.bits } else { 0 },
            reserved: 0,
            rope_theta: self.rope_theta,
            attention_factor: self.attention_factor,
            inv_freq: if rotates { inv_freq_at } else { std::ptr::null() },
            cos,
            sin,
        };
        let status = library.call(self.which, &call);
        // Memory first: what was done to it counts, whatever the library says of the call.
        let mut inputs = vec![("positions", &positions), ("inv_freq", &frequencies)];
        if let Some((cos, sin)) = &tables {
            inputs.extend([("cos", cos), ("sin", sin)]);
        }
        for (name, buffer) in &inputs {
            overrun(buffer, "the input", name)?;
        }
        let placed: Vec<&Placed> = [Some(&q), k.as_ref()].into_iter().flatten().collect();
        for tensor in &placed {
            tensor.overruns()?;
        }
        for (name, buffer) in &inputs {
            if let Some(damage) = buffer.changed() {
                return Err(Failed::Found(
                    Probe::InputChanged,
                    format!("it wrote {damage} the input {name}"),
                ));
            }
        }
        for tensor in &placed {
            tensor.input_is_unchanged()?;
        }
        if status != 0 {
            return Err(Failed::Status(status));
        }
        placed.iter().map(|tensor| Ok((tensor.name.to_string(), tensor.read(how)?))).collect()
    }
}

impl RawTensor {
    const ABSENT: RawTensor = RawTensor {
        input: std::ptr::null(),
        output: std::ptr::null_mut(),
        in_strides: [0; 4],
        out_strides: [0; 4],
        heads: 0,
    };
}

/// A tensor to be rotated, in memory.
struct Placed<'a> {
    name: &'static str,
    tensor: &'a Tensor,
    input: Guarded,
    in_strides: [usize; 4],
    /// None if the output is the input.
    output: Option<Guarded>,
    out_strides: [usize; 4],
    /// What an output that was not written holds: a NaN with a payload that no input has.
    unwritten: u64,
}

impl<'a> Placed<'a> {
    fn new(name: &'static str, tensor: &'a Tensor, how: How) -> Placed<'a> {
        let shape = tensor.shape();
        let in_strides = strides(shape, how.strided, 3);
        let out_strides = if how.in_place { in_strides } else { strides(shape, how.strided, 2) };
        let dtype = tensor.dtype();
        let skew = if how.strided { size(dtype) } else { 0 };
        let room = |strides: &[usize; 4]| Guarded::new(extent(shape, strides) * size(dtype), skew);
        let mut input = room(&in_strides);
        for (index, &bits) in tensor.data().iter().enumerate() {
            put(input.bytes_mut(), place(index, shape, &in_strides), dtype, bits);
        }
        let first = match dtype {
            Dtype::F64 => 0x7ffc_dead_beef_5ca1,
            Dtype::F32 => 0x7fed_beef,
            Dtype::Bf16 => 0x7fed,
            _ => 0x7ead,
        };
        let free = |bits: &u64| !tensor.data().contains(bits);
        let unwritten = (first..first + 64).find(free).unwrap_or(first);
        let output = (!how.in_place).then(|| {
            let mut output = room(&out_strides);
            for index in 0..tensor.data().len() {
                put(output.bytes_mut(), place(index, shape, &out_strides), dtype, unwritten);
            }
            output
        });
        Placed { name, tensor, input, in_strides, output, out_strides, unwritten }
    }

    fn raw(&mut self) -> RawTensor {
        let input = self.input.hand_out();
        let output = self.output.as_mut().map_or(input, Guarded::hand_out);
        RawTensor {
            input: input as *const c_void,
            output: output as *mut c_void,
            in_strides: self.in_strides.map(|n| n as i64),
            out_strides: self.out_strides.map(|n| n as i64),
            heads: self.tensor.shape()[1] as i64,
        }
    }

    fn overruns(&self) -> Result<(), Failed> {
        overrun(&self.input, "the input", self.name)?;
        self.output.as_ref().map_or(Ok(()), |output| overrun(output, "the output", self.name))
    }

    fn input_is_unchanged(&self) -> Result<(), Failed> {
        match self.output.as_ref().and(self.input.changed()) {
            None => Ok(()),
            Some(damage) => Err(Failed::Found(
                Probe::InputChanged,
                format!("it wrote {damage} the input {}", self.name),
            )),
        }
    }

    /// The output, if it was written whole and nothing between its rows.
    fn read(&self, how: How) -> Result<Tensor, Failed> {
        let (shape, dtype) = (self.tensor.shape(), self.tensor.dtype());
        let buffer = self.output.as_ref().unwrap_or(&self.input);
        let places: Vec<usize> = (0..self.tensor.data().len())
            .map(|index| place(index, shape, &self.out_strides))
            .collect();
        let mut own = vec![false; buffer.bytes().len() / size(dtype)];
        places.iter().for_each(|&place| own[place] = true);
        if let Some(damage) = buffer.changed_beside(|byte| own[byte / size(dtype)]) {
            let text = format!(
                "it wrote {damage} the output {}, between the rows: it ignores strides",
                self.name
            );
            return Err(Failed::Found(Probe::Strided, text));
        }
        let data: Vec<u64> =
            places.iter().map(|&place| get(buffer.bytes(), place, dtype)).collect();
        if self.output.is_some()
            && let Some(index) = data.iter().position(|bits| *bits == self.unwritten)
        {
            let count = data.iter().filter(|bits| **bits == self.unwritten).count();
            let probe = if how.strided { Probe::Strided } else { Probe::Unwritten };
            let at: String = crate::audit::judge::place(index, shape)
                .iter()
                .map(|i| format!("[{i}]"))
                .collect();
            let text = format!(
                "it left {count} of {} elements of the output {} unwritten, the first at {at}",
                data.len(),
                self.name
            );
            return Err(Failed::Found(probe, text));
        }
        Tensor::new(dtype, shape.to_vec(), data).map_err(|_| Failed::Status(3))
    }
}

fn overrun(buffer: &Guarded, what: &str, name: &str) -> Result<(), Failed> {
    match buffer.overrun() {
        None => Ok(()),
        Some(damage) => {
            Err(Failed::Found(Probe::Canary, format!("it wrote {damage} {what} {name}")))
        }
    }
}

/// Strides of [batch, heads, seq, dim]: contiguous, or heads within tokens as in a packed
/// projection, with room between all of them.
fn strides(shape: &[usize], strided: bool, room: usize) -> [usize; 4] {
    let (heads, seq, dim) = (shape[1], shape[2], shape[3]);
    if !strided {
        return [heads * seq * dim, seq * dim, dim, 1];
    }
    let head = dim + room;
    let token = heads * head + room + 2;
    [seq * token + room + 4, head, token, 1]
}

/// Elements from the first to the last.
fn extent(shape: &[usize], strides: &[usize; 4]) -> usize {
    match shape.contains(&0) {
        true => 0,
        false => 1 + shape.iter().zip(strides).map(|(n, stride)| (n - 1) * stride).sum::<usize>(),
    }
}

fn place(index: usize, shape: &[usize], strides: &[usize; 4]) -> usize {
    crate::audit::judge::place(index, shape).iter().zip(strides).map(|(i, s)| i * s).sum()
}

fn size(dtype: Dtype) -> usize {
    dtype.digits() / 2
}

fn dtype_number(dtype: Dtype) -> i32 {
    Dtype::FLOATS.iter().position(|float| *float == dtype).unwrap_or(0) as i32
}

fn put(bytes: &mut [u8], place: usize, dtype: Dtype, bits: u64) {
    let slot = &mut bytes[place * size(dtype)..][..size(dtype)];
    match size(dtype) {
        2 => slot.copy_from_slice(&(bits as u16).to_ne_bytes()),
        4 => slot.copy_from_slice(&(bits as u32).to_ne_bytes()),
        _ => slot.copy_from_slice(&bits.to_ne_bytes()),
    }
}

fn get(bytes: &[u8], place: usize, dtype: Dtype) -> u64 {
    let slot = &bytes[place * size(dtype)..][..size(dtype)];
    let mut wide = [0; 8];
    match cfg!(target_endian = "little") {
        true => wide[..slot.len()].copy_from_slice(slot),
        false => wide[8 - slot.len()..].copy_from_slice(slot),
    }
    u64::from_ne_bytes(wide)
}

fn number(config: &Object, key: &str) -> f64 {
    config.get(key).and_then(Json::number).unwrap_or(0.0)
}
