//! Whether a question lies within a claim.

use super::{Capability, Description, QuantizeClaim, Sizes};
use crate::audit::ask::Ask;
use crate::audit::outside::Outside;
use crate::encoding::{Body, Chain, Heads, Layout, Norm, NormKind, Question, spectrum};
use crate::number::Dtype;
use crate::request::{Json, Object, Operation, Position, Positions};

impl Description {
    /// The capabilities that cover a request, by index; one at least.
    ///
    /// # Errors
    /// Why the nearest one does not: the last that has the operation, else the first.
    pub fn covers(&self, ask: &Ask) -> Result<Vec<usize>, Outside> {
        let question = ask.question().ok();
        let mut reason = String::from("no capability is claimed");
        let mut covering = vec![];
        for (index, capability) in self.capabilities.iter().enumerate() {
            match capability.covers(ask, question) {
                Ok(()) => covering.push(index),
                Err(why) if index == 0 || capability.operations.contains(&ask.operation) => {
                    reason = why;
                }
                Err(_) => {}
            }
        }
        if covering.is_empty() { Err(reason.into()) } else { Ok(covering) }
    }
}

impl Capability {
    /// Whether a request lies within the claim. What is malformed is covered as far as it can be
    /// read: to refuse it is part of every claim.
    fn covers(&self, ask: &Ask, question: Option<&Question>) -> Result<(), String> {
        if !self.operations.contains(&ask.operation) {
            return Err(format!("operation {} is not claimed", ask.operation.name()));
        }
        self.formats(ask)?;
        let rope = rope_within(&ask.config).unwrap_or(&ask.config);
        let word = |key: &str| match rope.get(key) {
            Some(Json::String(word)) => Some(word.as_str()),
            _ => None,
        };
        if let (Some(layouts), Some(layout)) = (&self.layouts, word("layout"))
            && Layout::ALL.iter().any(|known| known.name() == layout)
            && !layouts.iter().any(|claimed| claimed.name() == layout)
        {
            return Err(format!("layout {layout} is not claimed"));
        }
        if let Some(types) = &self.rope_types
            && rope.get("head_dim").is_some()
            && rotary(ask.operation)
        {
            let name = word("rope_type").unwrap_or("default");
            let known = spectrum::SCHEMES.iter().any(|scheme| scheme.rope_type() == name);
            if known && !types.iter().any(|claimed| claimed == name) {
                return Err(format!("rope type {name} is not claimed"));
            }
        }
        if let (Some(directions), Some(Json::String(name))) =
            (&self.directions, ask.input.get("direction"))
            && matches!(ask.operation, Operation::Rotate | Operation::Apply | Operation::Chain)
            && !directions.iter().any(|claimed| claimed.name() == name)
        {
            return Err(format!("direction {name} is not claimed"));
        }
        match question {
            Some(question) => self.within(ask, question),
            None => Ok(()),
        }
    }

    /// The formats of the floating-point inputs and of the output.
    fn formats(&self, ask: &Ask) -> Result<(), String> {
        let inputs: Vec<Dtype> = ask
            .input
            .object()
            .iter()
            // Weights, scales and caches are what a chain is given beside its values.
            .filter(|(name, _)| ask.operation != Operation::Chain || ["q", "k", "v"].contains(name))
            .filter_map(|(_, json)| match json {
                Json::Object(tensor) => match tensor.get("dtype") {
                    Some(Json::String(name)) => Dtype::from_name(name),
                    _ => None,
                },
                _ => None,
            })
            .filter(|dtype| dtype.format().is_some())
            .collect();
        let Some(&other) = inputs.iter().find(|&&dtype| dtype != ask.dtype) else {
            // Integer answers have one dtype; naming it is not needed.
            let integer = ask.dtype.format().is_none();
            return match integer || self.dtypes.contains(&ask.dtype) {
                true => Ok(()),
                false => Err(format!("dtype {} is not claimed", ask.dtype)),
            };
        };
        match inputs
            .iter()
            .all(|&from| from == ask.dtype || self.mixed.contains(&(from, ask.dtype)))
        {
            true => Ok(()),
            false => Err(format!("input in {other} with output in {} is not claimed", ask.dtype)),
        }
    }

    /// Whether a chain is one of those claimed.
    fn stages(&self, chain: &Chain) -> Result<(), String> {
        let Some(Json::Array(stages)) = chain.config.get("stages") else { return Ok(()) };
        let stage = |json: &Json| match json {
            Json::Object(object) => object.iter().next().map(|(name, _)| name.to_string()),
            _ => None,
        };
        let names: Vec<String> = stages.iter().filter_map(stage).collect();
        if self.chains.as_ref().is_some_and(|claimed| !claimed.contains(&names)) {
            return Err(format!("the chain {} is not claimed", names.join(", ")));
        }
        let kind = |norm: &Norm| if norm.kind == NormKind::Rms { "rms" } else { "layer" };
        if let (Some(claimed), Some(kind)) = (&self.norm_kinds, chain.norm.as_ref().map(kind))
            && !claimed.iter().any(|own| own == kind)
        {
            return Err(format!("norm kind {kind} is not claimed"));
        }
        let config = |name: &str| {
            let own = |json: &Json| match json {
                Json::Object(object) => match object.get(name) {
                    Some(Json::Object(config)) => Some(config.clone()),
                    _ => None,
                },
                _ => None,
            };
            stages.iter().find_map(own)
        };
        if let (Some(claimed), Some(quantize)) = (&self.quantize, config("quantize")) {
            let is = |key: &str, own: &Option<String>| {
                own.as_ref().is_none_or(|own| quantize.get(key) == Some(&Json::from(own.as_str())))
            };
            let covers = |claim: &QuantizeClaim| {
                is("format", &claim.format) && is("scale", &claim.scale) && is("per", &claim.per)
            };
            if !claimed.iter().any(covers) {
                return Err("this way to quantise is not claimed".into());
            }
        }
        if let (Some(claimed), Some(store)) = (&self.cache_layouts, &chain.store) {
            let layout = if store.heads_first { "HND" } else { "NHD" };
            if !claimed.iter().any(|own| own == layout) {
                return Err(format!("cache layout {layout} is not claimed"));
            }
        }
        Ok(())
    }

    /// Whether a sound question lies within what is claimed of its numbers.
    fn within(&self, ask: &Ask, question: &Question) -> Result<(), String> {
        self.names(ask, question)?;
        if let Body::Chain(chain) = &question.body {
            self.stages(chain)?;
        }
        let limits = &self.limits;
        let config = rope_within(&ask.config).unwrap_or(&ask.config);
        let context = limits.within_context.then(|| context(config)).flatten();
        for position in positions(question) {
            // Compared exactly: positions may be rational, and larger than 2⁵³.
            let of = |limit: i64| limit as i128 * position.denominator as i128;
            let at = position.to_json();
            if limits.max_position.is_some_and(|most| position.numerator as i128 > of(most)) {
                return Err(format!("position {at} is above the claimed max_position"));
            }
            if let Some(length) = context.filter(|n| position.numerator as i128 >= of(*n)) {
                return Err(format!(
                    "position {at} is beyond the {length} of the config's context"
                ));
            }
            if limits.min_position.is_some_and(|least| (position.numerator as i128) < of(least)) {
                return Err(format!("position {at} is below the claimed min_position"));
            }
        }
        let (rope, tensors, grid) = match &question.body {
            Body::Rotate(r) => (Some(&r.rope), vec![Some(&r.q), r.k.as_ref()], Some(&r.positions)),
            Body::Score(s) => {
                (Some(&s.rope), vec![Some(&s.q), Some(&s.k)], Some(&s.query_positions))
            }
            Body::Apply(a) => (None, vec![Some(&a.q), a.k.as_ref()], None),
            Body::InvFreq(f) => (Some(&f.rope), vec![], None),
            Body::Table(t) => (Some(&t.rope), vec![], None),
            Body::Chain(c) => (
                c.turn.as_ref().map(|turn| &turn.rope),
                c.parts.iter().filter(|part| part.name != "v").map(|p| Some(&p.heads)).collect(),
                c.turn.as_ref().map(|turn| &turn.positions),
            ),
            Body::Attention(a) => {
                (a.rope.as_ref(), vec![Some(&a.q), Some(&a.k)], Some(&a.query_positions))
            }
            _ => (None, vec![], None),
        };
        if let (Some(axes), Some(rope)) = (&self.axes, rope)
            && !axes.contains(&rope.axes)
        {
            return Err(format!("{} axes are not claimed", rope.axes));
        }
        let tensors: Vec<&Heads> = tensors.into_iter().flatten().collect();
        let width = rope.map(|rope| rope.head_dim).or(tensors.first().map(|t| t.columns()));
        if let Some(width) = width {
            if limits.max_head_dim.is_some_and(|most| width > most) {
                return Err(format!("head_dim {width} is above the claimed max_head_dim"));
            }
            sized("head_dim", &self.head_dims, width)?;
            self.slice(question, width)?;
        }
        if let Some(most) = limits.max_elements
            && let Some(large) = tensors.iter().find(|tensor| tensor.data().len() > most)
        {
            let count = large.data().len();
            return Err(format!("a tensor of {count} elements is above the claimed max_elements"));
        }
        // A decoding kernel attends to as many keys as there are.
        let turned = if matches!(question.body, Body::Attention(_)) { 1 } else { tensors.len() };
        for (index, shape) in tensors.iter().map(|tensor| tensor.shape()).enumerate() {
            sized("a batch of", &self.batch_sizes, shape[0])?;
            if index < turned {
                sized("a sequence of", &self.seq_lens, shape[2])?;
            }
        }
        if limits.equal_heads && tensors.windows(2).any(|w| w[0].shape()[1] != w[1].shape()[1]) {
            return Err("unequal numbers of heads are not claimed".into());
        }
        match limits.equal_rows && grid.is_some_and(|grid| !equal_rows(grid)) {
            true => Err("rows of different positions are not claimed".into()),
            false => Ok(()),
        }
    }

    /// The keys and the inputs by name.
    fn names(&self, ask: &Ask, question: &Question) -> Result<(), String> {
        let beyond = |claimed: &Option<Vec<String>>, mut names: Box<dyn Iterator<Item = &str>>| {
            let claimed = claimed.as_ref()?;
            let other = |name: &&str| !claimed.iter().any(|own| own == name);
            names.find(|name| other(name)).map(str::to_string)
        };
        let keys = question.config().iter().map(|(key, _)| key);
        if let Some(key) = beyond(&self.keys, Box::new(keys)) {
            return Err(format!("config key {key} is not claimed"));
        }
        let inputs = ask.input.object().iter().map(|(name, _)| name);
        match beyond(&self.inputs, Box::new(inputs)) {
            Some(name) => Err(format!("input {name} is not claimed")),
            None => Ok(()),
        }
    }

    /// Which part of a head is rotated, and for how many axes.
    fn slice(&self, question: &Question, width: usize) -> Result<(), String> {
        let config = match question.body {
            Body::Attention(_) => rope_within(question.config()).unwrap_or(question.config()),
            _ => question.config(),
        };
        let size = |key: &str| match config.get(key) {
            Some(Json::Integer(n)) => usize::try_from(*n).ok(),
            _ => None,
        };
        let rotary = size("rotary_dim").unwrap_or(width);
        let offset = size("rotary_offset").unwrap_or(0);
        sized("rotary_dim", &self.rotary_dims, rotary)?;
        if !self.partial && rotary != width {
            return Err(format!("rotary_dim {rotary} of {width} is not claimed"));
        }
        if !self.rotary_offset && offset != 0 {
            return Err(format!("rotary_offset {offset} is not claimed"));
        }
        let dealt = ["mrope_section", "pair_axes"];
        match dealt.iter().find(|key| config.get(key).is_some()) {
            Some(key) if !self.mrope => Err(format!("{key} is not claimed")),
            _ => Ok(()),
        }
    }
}

fn sized(what: &str, claimed: &Option<Vec<Sizes>>, size: usize) -> Result<(), String> {
    match claimed {
        Some(claimed) if !claimed.iter().any(|sizes| sizes.holds(size)) => {
            Err(format!("{what} {size} is not claimed"))
        }
        _ => Ok(()),
    }
}

fn positions(question: &Question) -> impl Iterator<Item = &Position> {
    let tokens: Vec<&[Position]> = match &question.body {
        Body::Rotate(r) => vec![r.positions.data()],
        Body::Score(s) => vec![s.query_positions.data(), s.key_positions.data()],
        Body::Table(t) => vec![t.positions.data()],
        Body::AlibiBias(a) => vec![&a.query_positions, &a.key_positions],
        Body::T5Bucket(t) | Body::T5Bias(t, _) => vec![&t.query_positions, &t.key_positions],
        Body::Sinusoidal(s) => vec![&s.positions],
        Body::AttentionTemperature(t) => vec![&t.positions],
        Body::Chain(c) => c.turn.iter().map(|turn| turn.positions.data()).collect(),
        Body::Attention(a) => vec![a.query_positions.data(), a.key_positions.data()],
        _ => vec![],
    };
    tokens.into_iter().flatten()
}

/// The rope config inside of a chain or of attention, as it was written.
fn rope_within(config: &Object) -> Option<&Object> {
    match config.get("rope") {
        Some(Json::Object(rope)) => Some(rope),
        _ => rotate_stage(config),
    }
}

/// The rope config of a chain, as it was written.
fn rotate_stage(config: &Object) -> Option<&Object> {
    let Some(Json::Array(stages)) = config.get("stages") else { return None };
    stages.iter().find_map(|stage| match stage {
        Json::Object(stage) => match stage.get("rotate") {
            Some(Json::Object(rope)) => Some(rope),
            _ => None,
        },
        _ => None,
    })
}

/// The length that a config is made for: what its tables have to hold.
fn context(config: &Object) -> Option<i64> {
    let number = |key: &str| config.get(key).and_then(Json::number);
    let stretched = || Some(number("original_max_position_embeddings")? * number("factor")?);
    number("max_position_embeddings").or_else(stretched).map(|length| length as i64)
}

/// Whether every row of a batch has the same positions, on every axis.
fn equal_rows(grid: &Positions) -> bool {
    let [.., batch, seq] = *grid.shape() else { return true };
    let same = |axis: &[Position]| axis.chunks(seq.max(1)).all(|row| row == &axis[..seq]);
    grid.data().chunks((batch * seq).max(1)).all(same)
}

fn rotary(operation: Operation) -> bool {
    use Operation::*;
    matches!(operation, Rotate | Score | InvFreq | Table | Chain | Attention)
}
