//! One call of a library: its tensors laid out between guards, and what came of it.

use super::abi::{Loaded, RawCall, RawTensor, VERSION, Which};
use super::buffer::Guarded;
use super::far::Far;
use super::how::{Failed, How};
use super::placed::{Placed, overrun, put, size};
use crate::audit::probe::{Arrangement, Probe};
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
                plan.q = rotate.q.tensor().clone();
                plan.k = rotate.k.as_ref().map(|k| k.tensor().clone());
                plan.positions = rotate.positions.data().iter().map(|p| p.numerator).collect();
                rotate.rope.pairs()
            }
            Body::Apply(apply) => {
                plan.direction = apply.direction;
                plan.q = apply.q.tensor().clone();
                plan.k = apply.k.as_ref().map(|k| k.tensor().clone());
                plan.tables = Some((apply.cos.tensor().clone(), apply.sin.tensor().clone()));
                apply.pairs.clone()
            }
            _ => return Err("a C call rotates: rotate or apply".into()),
        };
        (plan.planes, plan.offset) = (pairs.len(), pairs.first().map_or(0, |pair| pair.re));
        let regular = |(i, pair): (usize, &Pair)| *pair == layout.pair(i, pairs.len(), plan.offset);
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

    /// Whether there are several heads and several tokens to be mistaken for each other.
    pub(super) fn is_square(&self) -> bool {
        self.q.shape()[1] > 1 && self.q.shape()[2] > 1
    }

    /// The first head of each tensor alone.
    pub(super) fn with_one_head(&self) -> Plan {
        let cut = |tensor: &Tensor| first(tensor, 1);
        Plan { q: cut(&self.q), k: self.k.as_ref().map(cut), ..self.clone() }
    }

    /// The first token of each row alone.
    pub(super) fn with_one_token(&self) -> Plan {
        let (cut, seq) = (|tensor: &Tensor| first(tensor, 2), self.q.shape()[2]);
        let table = |tensor: &Tensor| first(tensor, 1);
        Plan {
            q: cut(&self.q),
            k: self.k.as_ref().map(cut),
            positions: self.positions.iter().copied().step_by(seq.max(1)).collect(),
            tables: self.tables.as_ref().map(|(cos, sin)| (table(cos), table(sin))),
            ..self.clone()
        }
    }

    /// The same with the batch repeated until there are so many tokens.
    pub(super) fn tiled(&self, tokens: usize) -> Plan {
        let own = (self.q.shape()[0] * self.q.shape()[2]).max(1);
        let times = tokens.div_ceil(own).clamp(1, (1 << 20) / self.q.data().len().max(1) + 1);
        let repeat = |tensor: &Tensor| {
            let mut shape = tensor.shape().to_vec();
            shape[0] *= times;
            Tensor::new(tensor.dtype(), shape, tensor.data().repeat(times))
                .unwrap_or(tensor.clone())
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
        let strides = if how.lie == Arrangement::Roomy { [seq + 3, 1] } else { [seq, 1] };
        let mut positions =
            Guarded::new((self.positions.len() / seq.max(1) * strides[0]) * width, 0);
        for (token, p) in self.positions.iter().enumerate() {
            let place = token / seq * strides[0] + token % seq;
            let bytes = p.to_ne_bytes();
            // Of the narrow ones, the half that holds the value.
            let half =
                if cfg!(target_endian = "little") { &bytes[..width] } else { &bytes[8 - width..] };
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
        let mut q = Lying::new("q", &self.q, how)?;
        let mut k = self.k.as_ref().map(|k| Lying::new("k", k, how)).transpose()?;
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
            k: k.as_mut().map_or(RawTensor::ABSENT, Lying::raw),
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
        let mut placed: Vec<&mut Lying> =
            [Some(&mut q), k.as_mut()].into_iter().flatten().collect();
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
        placed.iter_mut().map(|tensor| tensor.read(how)).collect()
    }
}

/// A tensor in one of the two kinds of memory.
enum Lying<'a> {
    Placed(Placed<'a>),
    Far(Far<'a>),
}

impl<'a> Lying<'a> {
    fn new(name: &'static str, tensor: &'a Tensor, how: How) -> Result<Lying<'a>, Failed> {
        match how.lie {
            // Whoever asked has seen that there is room.
            Arrangement::Far => Far::new(name, tensor).map(Lying::Far).ok_or(Failed::Status(3)),
            _ => Ok(Lying::Placed(Placed::new(name, tensor, how))),
        }
    }

    fn raw(&mut self) -> RawTensor {
        match self {
            Lying::Placed(placed) => placed.raw(),
            Lying::Far(far) => far.raw(),
        }
    }

    fn overruns(&self) -> Result<(), Failed> {
        match self {
            Lying::Placed(placed) => placed.overruns(),
            Lying::Far(_) => Ok(()),
        }
    }

    fn input_is_unchanged(&self) -> Result<(), Failed> {
        match self {
            Lying::Placed(placed) => placed.input_is_unchanged(),
            Lying::Far(_) => Ok(()),
        }
    }

    fn read(&mut self, how: How) -> Result<(String, Tensor), Failed> {
        match self {
            Lying::Placed(placed) => Ok((placed.name.to_string(), placed.read(how)?)),
            Lying::Far(far) => Ok((far.name.to_string(), far.read()?)),
        }
    }
}

/// The first of an axis.
fn first(tensor: &Tensor, axis: usize) -> Tensor {
    let mut shape = tensor.shape().to_vec();
    let inner: usize = shape[axis + 1..].iter().product();
    let whole = inner * shape[axis];
    let data = tensor.data().chunks(whole.max(1)).flat_map(|chunk| &chunk[..inner]).copied();
    let data = data.collect();
    shape[axis] = 1;
    Tensor::new(tensor.dtype(), shape, data).unwrap_or_else(|_| tensor.clone())
}

fn dtype_number(dtype: Dtype) -> i32 {
    Dtype::FLOATS.iter().position(|float| *float == dtype).unwrap_or(0) as i32
}

fn number(config: &Object, key: &str) -> f64 {
    config.get(key).and_then(Json::number).unwrap_or(0.0)
}
