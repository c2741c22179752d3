//! The question about a fused kernel.

use super::rotary::{DIRECTIONS, rows, with_axes};
use super::shape::{expect_output, floating, shape_error};
use super::tensors::{Floats, Heads};
use crate::encoding::chain::{Norm, NormKind, Per, Quantize, ScaleKind, Stages, Store, WeightKind};
use crate::encoding::key::invalid;
use crate::encoding::rope::{Rope, outside};
use crate::encoding::spectrum::Scheme;
use crate::number::{Dtype, Overflow};
use crate::request::{Direction, Object, Positions, Reject, Request, Slug};

/// `chain`: norm, rotation, quantisation and store, one exact function rounded once.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The normalised config.
    pub config: Object,
    /// The stage `norm`.
    pub norm: Option<Norm>,
    /// The stage `rotate`.
    pub turn: Option<Turning>,
    /// Whether the norm comes before the rotation.
    pub norm_first: bool,
    /// The stage `quantize`.
    pub quantize: Option<Quantize>,
    /// The stage `store`.
    pub store: Option<Store>,
    /// q, and k and v if given, in this order.
    pub parts: Vec<Part>,
    /// The row of the cache for every token of [batch, seq], none for padding.
    pub slots: Vec<Option<usize>>,
}

/// The rotation of a chain.
#[derive(Clone, Debug)]
pub struct Turning {
    /// The normalised config.
    pub config: Object,
    /// The total length, for schemes that depend on it.
    pub seq_len: Option<i64>,
    /// What is done to queries; [`Rope::for_keys`] is done to keys.
    pub rope: Rope,
    /// `[axis][batch][seq]`.
    pub positions: Positions,
    /// Which linear map.
    pub direction: Direction,
}

/// A tensor of a chain, and what is done to it.
#[derive(Clone, Debug)]
pub struct Part {
    /// q, k or v.
    pub name: &'static str,
    /// [batch, heads, seq, D].
    pub heads: Heads,
    /// What it is normalised with, if it is.
    pub norm: Option<Weights>,
    /// Whether it is turned.
    pub turns: bool,
    /// Whether it is quantised.
    pub quantized: bool,
    /// What it is divided by, where that is given.
    pub scale: Option<Floats>,
    /// The cache that it is written into.
    pub cache: Option<Floats>,
}

/// The weights of a norm, `[D]` or `[heads, D]`.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Multiplies, if there is one.
    pub weight: Option<Floats>,
    /// Is added, if there is one.
    pub bias: Option<Floats>,
}

impl Part {
    /// The name of what comes of it.
    pub fn output(&self) -> &'static str {
        match (self.cache.is_some(), self.name) {
            (true, "k") => "key_cache",
            (true, _) => "value_cache",
            (false, name) => name,
        }
    }

    /// The shape of what comes of it.
    pub fn shape(&self) -> &[usize] {
        self.cache.as_ref().map_or(self.heads.shape(), |cache| cache.shape())
    }

    /// The name of its scale.
    pub fn scale_name(&self) -> &'static str {
        match self.name {
            "q" => "q_scale",
            "k" => "k_scale",
            _ => "v_scale",
        }
    }

    /// The weight or bias of an element of a row, as an index into `[D]` or `[heads, D]`.
    pub fn weight_at(&self, over_heads: bool, row: usize, coordinate: usize) -> usize {
        let head = row / self.heads.seq().max(1) % self.heads.heads().max(1);
        if over_heads { head * self.heads.dim() + coordinate } else { coordinate }
    }
}

impl Chain {
    pub(super) fn new(request: &Request, schemes: &[&dyn Scheme]) -> Result<Chain, Reject> {
        let stages = Stages::new(&request.config, schemes)?;
        let input = &request.input;
        let given = |name: &str| input.has(name);
        expect_parts(&stages, &given)?;
        let names = names(&stages, &given);
        input.expect_names("this chain", &names)?;
        let seq_len = input.seq_len()?;
        let rope = stages.rotate.as_ref().map(|config| config.rope(seq_len)).transpose()?;
        let direction = input.direction(&DIRECTIONS)?;
        let q = floating("q", input.tensor("q")?)?;
        let dim = rope.as_ref().map(|rope| rope.head_dim).or(q.shape().get(3).copied());
        let q = rows("q", q.tensor().clone(), dim.unwrap_or_default())?;
        let (batch, seq) = (q.batch(), q.seq());
        let mut heads = vec![("q", q)];
        if given("k") {
            heads.push(("k", rows("k", input.tensor("k")?, heads[0].1.dim())?));
        }
        if given("v") {
            let v = floating("v", input.tensor("v")?)?;
            let width = v.shape().get(3).copied().unwrap_or_default();
            heads.push(("v", rows("v", v.tensor().clone(), width)?));
        }
        for (name, tensor) in &heads[1..] {
            let keys = heads[1].1.heads();
            if (tensor.batch(), tensor.seq(), tensor.heads()) != (batch, seq, keys) {
                let rule = format!("batch {batch} and seq {seq} of q and the heads of k");
                return Err(shape_error(name, tensor.shape(), rule));
            }
        }
        let turn = match (&stages.rotate, rope) {
            (Some(config), Some(rope)) => {
                let positions = input.positions("positions")?;
                let positions = with_axes("positions", positions, config, &[batch, seq])?;
                let config = config.normalised().clone();
                Some(Turning { config, seq_len, rope, positions, direction })
            }
            _ => None,
        };
        let mut chain = Chain {
            config: stages.config,
            norm: stages.norm,
            turn,
            norm_first: stages.norm_first,
            quantize: stages.quantize,
            store: stages.store,
            parts: Vec::new(),
            slots: Vec::new(),
        };
        for (name, heads) in heads {
            let part = chain.part(request, name, heads)?;
            chain.parts.push(part);
        }
        for part in &chain.parts {
            chain.expect_scale(part)?;
            chain.expect_divisor(part)?;
        }
        chain.slots = chain.slots(request, batch * seq)?;
        Ok(chain)
    }

    fn part(&self, request: &Request, name: &'static str, heads: Heads) -> Result<Part, Reject> {
        let input = &request.input;
        let norm = match &self.norm {
            Some(norm) if name != "v" && norm.only.has(name) => {
                Some(weights(request, norm, name, &heads)?)
            }
            _ => None,
        };
        let quantized = self.quantize.is_some_and(|quantize| quantize.only.has(name));
        let given = self.quantize.filter(|q| quantized && q.scale == ScaleKind::Given);
        let mut part = Part {
            name,
            heads,
            norm,
            turns: self.turn.is_some() && name != "v",
            quantized,
            scale: None,
            cache: None,
        };
        let scale = part.scale_name();
        part.scale = given.map(|_| floating(scale, input.tensor(scale)?)).transpose()?;
        let cache = match name {
            "k" => "key_cache",
            _ => "value_cache",
        };
        if let (Some(store), true) = (self.store, name != "q") {
            let tensor = floating(cache, input.tensor(cache)?)?;
            let (dtype, _) = self.rounding_of(&part, request.dtype);
            if tensor.dtype() != dtype {
                return Err(Slug::DtypeMismatch.because(format!(
                    "{cache} has dtype {}, but {dtype} is what is stored",
                    tensor.dtype()
                )));
            }
            let (heads, dim, rows) = (part.heads.heads(), part.heads.dim(), store.block_size);
            let block = match store.heads_first {
                false => [rows, heads, dim],
                true => [heads, rows, dim],
            };
            match tensor.shape() {
                [_, inner @ ..] if *inner == block => part.cache = Some(tensor),
                shape => {
                    return Err(shape_error(cache, shape, format!("[blocks, {block:?}…]")));
                }
            }
        }
        Ok(part)
    }

    /// The dtype of what comes of a part, and what an overflow is.
    fn rounding_of(&self, part: &Part, dtype: Dtype) -> (Dtype, Overflow) {
        let own = |dtype: Dtype| dtype.format().map_or(Overflow::Ieee, |f| f.overflow());
        match self.quantize.filter(|_| part.quantized) {
            Some(quantize) => (quantize.format, quantize.overflow),
            None => (dtype, own(dtype)),
        }
    }

    /// The dtype of a named output in a chain that is asked for in `dtype`, and what becomes of an
    /// overflow.
    pub fn rounding(&self, name: &str, dtype: Dtype) -> (Dtype, Overflow) {
        match self.parts.iter().find(|part| part.output() == name) {
            Some(part) => self.rounding_of(part, dtype),
            None => (Dtype::F32, Overflow::Ieee),
        }
    }

    /// Name and shape of every output.
    pub fn outputs(&self) -> Vec<(&'static str, Vec<usize>)> {
        let parts = self.parts.iter().map(|part| (part.output(), part.shape().to_vec()));
        let scales = self.made_scales().map(|part| (part.scale_name(), self.scale_shape(part)));
        parts.chain(scales).collect()
    }

    /// The parts whose scale is an output.
    pub fn made_scales(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.quantized && part.scale.is_none())
    }

    /// The shape of a part's scale.
    pub fn scale_shape(&self, part: &Part) -> Vec<usize> {
        let heads = &part.heads;
        let token = [heads.batch(), heads.heads(), heads.seq()];
        match self.quantize.map(|quantize| quantize.per) {
            None | Some(Per::Tensor) => vec![],
            Some(Per::Head) => vec![heads.heads()],
            Some(Per::Token) => token.to_vec(),
            Some(Per::Group(size)) => [&token[..], &[heads.dim() / size]].concat(),
        }
    }

    /// The scale of an element, as an index into [`Chain::scale_shape`].
    pub fn block(&self, part: &Part, row: usize, coordinate: usize) -> usize {
        let heads = &part.heads;
        match self.quantize.map(|quantize| quantize.per) {
            None | Some(Per::Tensor) => 0,
            Some(Per::Head) => row / heads.seq().max(1) % heads.heads().max(1),
            Some(Per::Token) => row,
            Some(Per::Group(size)) => row * (heads.dim() / size) + coordinate / size,
        }
    }

    /// The cell of the cache for an element of a row, none for padding.
    pub fn cell(&self, part: &Part, row: usize, coordinate: usize) -> Option<usize> {
        let store = self.store?;
        let heads = &part.heads;
        let slot = (*self.slots.get(heads.token(row))?)?;
        let (count, dim, size) = (heads.heads(), heads.dim(), store.block_size);
        let head = row / heads.seq().max(1) % count.max(1);
        let (block, place) = (slot / size, slot % size);
        let line = match store.heads_first {
            false => (block * size + place) * count + head,
            true => (block * count + head) * size + place,
        };
        Some(line * dim + coordinate)
    }

    /// The rows that share a norm, each a list of rows of the part.
    pub fn norm_rows(&self, part: &Part) -> Vec<Vec<usize>> {
        let heads = &part.heads;
        let (count, seq) = (heads.heads(), heads.seq());
        let rows = heads.batch() * count * seq;
        if !self.norm.is_some_and(|norm| norm.over_heads) {
            return (0..rows).map(|row| vec![row]).collect();
        }
        let tokens = (0..heads.batch()).flat_map(|b| (0..seq).map(move |s| (b, s)));
        let of = |(b, s): (usize, usize)| (0..count).map(|h| (b * count + h) * seq + s).collect();
        tokens.map(of).collect()
    }

    /// A given scale has its shape and is positive and finite; a group divides the width.
    fn expect_scale(&self, part: &Part) -> Result<(), Reject> {
        let name = part.scale_name();
        let dim = part.heads.dim();
        if let Some(Per::Group(size)) = self.quantize.filter(|_| part.quantized).map(|q| q.per)
            && !dim.is_multiple_of(size)
        {
            let rule = format!("a number that divides {dim}, the width of {}", part.name);
            return Err(invalid("group_size", size, rule));
        }
        if part.quantized {
            expect_output(&self.scale_shape(part))?;
        }
        let Some(scale) = &part.scale else { return Ok(()) };
        if scale.dtype() != Dtype::F32 {
            return Err(Slug::DtypeMismatch
                .because(format!("{name} has dtype {}, allowed is f32", scale.dtype())));
        }
        let shape = self.scale_shape(part);
        if scale.shape() != shape {
            return Err(shape_error(name, scale.shape(), format!("{shape:?}")));
        }
        match scale.numbers().find(|x| !(*x > 0.0 && x.is_finite())) {
            None => Ok(()),
            Some(x) => Err(invalid(name, format!("{x} somewhere"), "a positive finite number")),
        }
    }

    /// With eps 0 no row may have a mean square of 0.
    fn expect_divisor(&self, part: &Part) -> Result<(), Reject> {
        let (Some(norm), Some(_)) = (&self.norm, &part.norm) else { return Ok(()) };
        if norm.eps != 0.0 {
            return Ok(());
        }
        let dim = part.heads.dim();
        for rows in self.norm_rows(part) {
            let numbers = || {
                let bits = rows.iter().flat_map(|row| &part.heads.data()[row * dim..][..dim]);
                bits.map(|bits| part.heads.format().to_f64(*bits))
            };
            let Some(first) = numbers().next() else { continue };
            let zero = numbers().all(|x| x == 0.0);
            let flat = norm.kind == NormKind::Layer
                && first.is_finite()
                && numbers().all(|x| x == first)
                && (self.norm_first || self.keeps_flat(part, rows[0]));
            if zero || flat {
                let token = part.heads.token(rows[0]);
                let why = format!("0, and token {token} of {} has nothing but it", part.name);
                return Err(invalid("eps", why, "a number above 0 for such a row"));
            }
        }
        Ok(())
    }

    /// Whether a row of equal numbers is one after the rotation too.
    fn keeps_flat(&self, part: &Part, row: usize) -> bool {
        let Some(turn) = &self.turn else { return true };
        let tokens: usize = turn.positions.shape()[1..].iter().product();
        let token = part.heads.token(row);
        let zero = crate::encoding::Expression::integer(0);
        let still = turn.rope.planes.iter().all(|plane| {
            let position = turn.positions.data()[plane.axis * tokens + token];
            position.numerator == 0 || plane.frequency == zero
        });
        let one = crate::encoding::Expression::integer(1);
        let unscaled = turn.rope.magnitude == one
            || outside(turn.rope.head_dim, &turn.rope.pairs()).is_empty();
        still && unscaled && turn.rope.planes.iter().all(|plane| plane.growth == one)
    }

    fn slots(&self, request: &Request, tokens: usize) -> Result<Vec<Option<usize>>, Reject> {
        let (Some(store), Some(keys)) = (self.store, self.parts.get(1)) else {
            return Ok(vec![]);
        };
        let slots = request.input.positions("slots")?;
        slots.expect_integers("slots")?;
        slots.expect_shape("slots", &[tokens])?;
        let blocks = |part: &Part| part.shape().first().copied().unwrap_or_default();
        if let Some(values) = self.parts.get(2).filter(|values| blocks(values) != blocks(keys)) {
            let rule = format!("{} blocks as in key_cache", blocks(keys));
            return Err(shape_error("value_cache", values.shape(), rule));
        }
        let rows = blocks(keys) * store.block_size;
        let mut taken = std::collections::HashSet::new();
        let mut list = Vec::with_capacity(tokens);
        for position in slots.data() {
            let slot = position.numerator;
            match usize::try_from(slot) {
                Ok(slot) if slot < rows => {
                    if !taken.insert(slot) {
                        return Err(invalid("slots", format!("{slot} twice"), "every slot once"));
                    }
                    list.push(Some(slot));
                }
                _ if slot == -1 => list.push(None),
                _ => {
                    return Err(Slug::PositionOutOfRange.because(format!(
                        "slots holds {slot}, allowed are −1 and 0 to {}, the rows of the cache",
                        rows as i128 - 1
                    )));
                }
            }
        }
        Ok(list)
    }
}

/// What the stages name has to be given.
fn expect_parts(stages: &Stages, given: &dyn Fn(&str) -> bool) -> Result<(), Reject> {
    let stores = stages.store.is_some();
    let norm = stages.norm.iter().flat_map(|norm| norm.only.names());
    let quantize = stages.quantize.iter().flat_map(|quantize| quantize.only.names());
    for name in norm.chain(quantize).chain(stores.then_some("k")) {
        if name == "v" && !stores {
            return Err(invalid("only", "v in a chain without store", "q, k"));
        }
        if !given(name) {
            let why = "a stage of this chain is for it";
            return Err(Slug::MissingInput.because(format!("input {name:?} is missing; {why}")));
        }
    }
    Ok(())
}

/// The inputs that a chain takes.
fn names(stages: &Stages, given: &dyn Fn(&str) -> bool) -> Vec<&'static str> {
    const OF: [[&str; 4]; 3] = [
        ["q", "q_weight", "q_bias", "q_scale"],
        ["k", "k_weight", "k_bias", "k_scale"],
        ["v", "", "", "v_scale"],
    ];
    let mut names = vec![];
    for [name, weight, bias, scale] in OF {
        let v = name == "v";
        if v && stages.store.is_none() {
            continue;
        }
        names.push(name);
        if !given(name) {
            continue;
        }
        if let Some(norm) = stages.norm.filter(|norm| !v && norm.only.has(name)) {
            names.extend((norm.weight != WeightKind::None).then_some(weight));
            names.extend((norm.kind == NormKind::Layer).then_some(bias));
        }
        let takes = |q: Quantize| q.scale == ScaleKind::Given && q.only.has(name);
        names.extend(stages.quantize.is_some_and(takes).then_some(scale));
    }
    if stages.rotate.is_some() {
        names.extend(["positions", "direction", "seq_len"]);
    }
    if stages.store.is_some() {
        names.extend(["key_cache", "slots"]);
        names.extend(given("v").then_some("value_cache"));
    }
    names
}

fn weights(
    request: &Request,
    norm: &Norm,
    name: &'static str,
    heads: &Heads,
) -> Result<Weights, Reject> {
    let (weight, bias) = match name {
        "q" => ("q_weight", "q_bias"),
        _ => ("k_weight", "k_bias"),
    };
    let shape = match norm.over_heads {
        true => vec![heads.heads(), heads.dim()],
        false => vec![heads.dim()],
    };
    let check = |name: &str, tensor| {
        let tensor = floating(name, tensor)?;
        match tensor.shape() == shape {
            true => Ok(tensor),
            false => Err(shape_error(name, tensor.shape(), format!("{shape:?}"))),
        }
    };
    let weight = match norm.weight {
        WeightKind::None => None,
        _ => Some(check(weight, request.input.tensor(weight)?)?),
    };
    let bias = match norm.kind {
        NormKind::Rms => None,
        NormKind::Layer => {
            request.input.optional_tensor(bias)?.map(|tensor| check(bias, tensor)).transpose()?
        }
    };
    Ok(Weights { weight, bias })
}
