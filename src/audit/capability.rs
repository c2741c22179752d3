//! What a kernel says of itself, read strictly: a typing error must not become a skipped test.

use super::ask::Ask;
use crate::encoding::{Body, Layout, Question, spectrum};
use crate::number::Dtype;
use crate::request::{Direction, Json, Object, Operation, Position};

/// Who a kernel is, and what it claims.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is written in.
    pub language: String,
    /// Where it comes from.
    pub homepage: String,
    /// A request is within the claim if one of these covers it.
    pub capabilities: Vec<Capability>,
}

/// One combination that a kernel claims. An absent list restricts nothing.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Capability {
    /// Operations.
    pub operations: Vec<Operation>,
    /// Formats in which input and output are equal.
    pub dtypes: Vec<Dtype>,
    /// Pairs (input, output) of different formats.
    pub mixed: Vec<(Dtype, Dtype)>,
    /// Layouts.
    pub layouts: Option<Vec<Layout>>,
    /// Scaling rules.
    pub rope_types: Option<Vec<String>>,
    /// Directions of `rotate` and `apply`.
    pub directions: Option<Vec<Direction>>,
    /// Numbers of axes.
    pub axes: Option<Vec<usize>>,
    /// Ranges.
    pub limits: Limits,
}

/// Ranges within which a kernel claims to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Limits {
    /// Least position.
    pub min_position: Option<i64>,
    /// Largest position.
    pub max_position: Option<i64>,
    /// Widest head.
    pub max_head_dim: Option<usize>,
    /// Most elements of one tensor.
    pub max_elements: Option<usize>,
    /// Whether q and k must have as many heads.
    pub equal_heads: bool,
}

impl Description {
    /// A kernel that claims nothing yet.
    pub fn named(name: &str) -> Description {
        Description { name: name.into(), ..Description::default() }
    }

    /// Reads the reply to `start`.
    ///
    /// # Errors
    /// A sentence that names the key, its value and what is allowed.
    pub fn parse(reply: &Json) -> Result<Description, String> {
        let object = object("the reply to start", reply, &["protocol", "kernel", "capabilities"])?;
        match object.get("protocol") {
            Some(Json::Integer(1)) => {}
            Some(other) => return Err(format!("protocol is {other}, allowed is 1")),
            None => return Err("protocol is missing, allowed is 1".into()),
        }
        let keys = ["name", "version", "language", "homepage"];
        let kernel = match object.get("kernel") {
            Some(kernel) => self::object("kernel", kernel, &keys)?,
            None => return Err("kernel is missing: an object with name and version".into()),
        };
        let text = |key: &str| match kernel.get(key) {
            Some(Json::String(text)) => Ok(text.clone()),
            None if key != "name" => Ok(String::new()),
            Some(other) => Err(format!("kernel.{key} is {other}, a string is needed")),
            None => Err(format!("kernel.{key} is missing")),
        };
        let capabilities = list("capabilities", object.get("capabilities"), Capability::parse)?;
        if capabilities.as_ref().is_none_or(Vec::is_empty) {
            return Err("capabilities is missing or empty: nothing could be asked".into());
        }
        Ok(Description {
            name: text("name")?,
            version: text("version")?,
            language: text("language")?,
            homepage: text("homepage")?,
            capabilities: capabilities.unwrap_or_default(),
        })
    }

    /// The capability that covers a request, by index.
    ///
    /// # Errors
    /// Why the nearest one does not.
    pub fn covers(&self, ask: &Ask) -> Result<usize, String> {
        let question = ask.question().ok();
        let mut reason = String::from("no capability is claimed");
        for (index, capability) in self.capabilities.iter().enumerate() {
            match capability.covers(ask, question) {
                Ok(()) => return Ok(index),
                // The one that comes furthest says best what is missing.
                Err(why) if index == 0 || !why.starts_with("operation") => reason = why,
                Err(_) => {}
            }
        }
        Err(reason)
    }
}

impl Capability {
    /// These operations in these formats, without further limits.
    ///
    /// ```
    /// use ropewalk::{audit::Capability, encoding::Layout, number::Dtype, request::Operation};
    /// let claimed = Capability {
    ///     layouts: Some(vec![Layout::Half]),
    ///     ..Capability::new(&[Operation::Rotate], &[Dtype::F32, Dtype::Bf16])
    /// };
    /// assert_eq!(claimed.rope_types, None);
    /// ```
    pub fn new(operations: &[Operation], dtypes: &[Dtype]) -> Capability {
        let (operations, dtypes) = (operations.to_vec(), dtypes.to_vec());
        Capability { operations, dtypes, ..Capability::default() }
    }

    fn parse(json: &Json) -> Result<Capability, String> {
        let keys = [
            "operations",
            "dtypes",
            "mixed",
            "layouts",
            "rope_types",
            "directions",
            "axes",
            "limits",
        ];
        let object = object("a capability", json, &keys)?;
        let get = |key| object.get(key);
        let operation = |item: &Json| {
            let name = word(item)?;
            Operation::from_name(name).map_err(|e| e.text)
        };
        let operations = list("operations", get("operations"), operation)?
            .filter(|list| !list.is_empty())
            .ok_or("operations is missing or empty in a capability")?;
        let pair = |item: &Json| match item {
            Json::Array(pair) if pair.len() == 2 => Ok((dtype(&pair[0])?, dtype(&pair[1])?)),
            other => Err(format!("{other} is no pair [input, output]")),
        };
        let layout = |item: &Json| {
            let name = word(item)?;
            let found = Layout::ALL.into_iter().find(|layout| layout.name() == name);
            found.ok_or(format!("layout {name:?} is none of interleaved, half"))
        };
        let rope_type = |item: &Json| {
            let name = word(item)?;
            let known = spectrum::SCHEMES.iter().any(|scheme| scheme.rope_type() == name);
            known.then(|| name.to_string()).ok_or(format!("rope type {name:?} is unknown"))
        };
        let direction = |item: &Json| {
            let name = word(item)?;
            let all = [Direction::Forward, Direction::Inverse, Direction::Backward];
            let found = all.into_iter().find(|direction| direction.name() == name);
            found.ok_or(format!("direction {name:?} is none of forward, inverse, backward"))
        };
        Ok(Capability {
            operations,
            dtypes: list("dtypes", get("dtypes"), dtype)?.unwrap_or_default(),
            mixed: list("mixed", get("mixed"), pair)?.unwrap_or_default(),
            layouts: list("layouts", get("layouts"), layout)?,
            rope_types: list("rope_types", get("rope_types"), rope_type)?,
            directions: list("directions", get("directions"), direction)?,
            axes: list("axes", get("axes"), size)?,
            limits: get("limits").map(Limits::parse).transpose()?.unwrap_or_default(),
        })
    }

    /// Whether a request lies within the claim. What is malformed is covered as far as it can be
    /// read: to refuse it is part of every claim.
    fn covers(&self, ask: &Ask, question: Option<&Question>) -> Result<(), String> {
        if !self.operations.contains(&ask.operation) {
            return Err(format!("operation {} is not claimed", ask.operation.name()));
        }
        self.formats(ask)?;
        let word = |key: &str| match ask.config.get(key) {
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
            && ask.config.get("head_dim").is_some()
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
            && matches!(ask.operation, Operation::Rotate | Operation::Apply)
            && !directions.iter().any(|claimed| claimed.name() == name)
        {
            return Err(format!("direction {name} is not claimed"));
        }
        match question {
            Some(question) => self.within(question),
            None => Ok(()),
        }
    }

    /// The formats of the floating-point inputs and of the output.
    fn formats(&self, ask: &Ask) -> Result<(), String> {
        let inputs: Vec<Dtype> = ask
            .input
            .object()
            .iter()
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

    fn within(&self, question: &Question) -> Result<(), String> {
        let limits = &self.limits;
        let tokens: Vec<&[Position]> = match &question.body {
            Body::Rotate(r) => vec![r.positions.data()],
            Body::Score(s) => vec![s.query_positions.data(), s.key_positions.data()],
            Body::Table(t) => vec![t.positions.data()],
            Body::AlibiBias(a) => vec![&a.query_positions, &a.key_positions],
            Body::T5Bucket(t) | Body::T5Bias(t, _) => vec![&t.query_positions, &t.key_positions],
            Body::Sinusoidal(s) => vec![&s.positions],
            Body::AttentionTemperature(t) => vec![&t.positions],
            _ => vec![],
        };
        for position in tokens.into_iter().flatten() {
            // Compared exactly: positions may be rational, and larger than 2⁵³.
            let of = |limit: i64| limit as i128 * position.denominator as i128;
            let at = position.to_json();
            if limits.max_position.is_some_and(|most| position.numerator as i128 > of(most)) {
                return Err(format!("position {at} is above the claimed max_position"));
            }
            if limits.min_position.is_some_and(|least| (position.numerator as i128) < of(least)) {
                return Err(format!("position {at} is below the claimed min_position"));
            }
        }
        let (rope, tensors) = match &question.body {
            Body::Rotate(r) => (Some(&r.rope), vec![Some(&r.q), r.k.as_ref()]),
            Body::Score(s) => (Some(&s.rope), vec![Some(&s.q), Some(&s.k)]),
            Body::Apply(a) => (None, vec![Some(&a.q), a.k.as_ref()]),
            Body::InvFreq(f) => (Some(&f.rope), vec![]),
            Body::Table(t) => (Some(&t.rope), vec![]),
            _ => (None, vec![]),
        };
        if let (Some(axes), Some(rope)) = (&self.axes, rope)
            && !axes.contains(&rope.axes)
        {
            return Err(format!("{} axes are not claimed", rope.axes));
        }
        let tensors: Vec<_> = tensors.into_iter().flatten().collect();
        let width = rope.map(|rope| rope.head_dim).or(tensors.first().map(|t| t.columns()));
        if let (Some(most), Some(width)) = (limits.max_head_dim, width)
            && width > most
        {
            return Err(format!("head_dim {width} is above the claimed max_head_dim"));
        }
        if let Some(most) = limits.max_elements
            && let Some(large) = tensors.iter().find(|tensor| tensor.data().len() > most)
        {
            let count = large.data().len();
            return Err(format!("a tensor of {count} elements is above the claimed max_elements"));
        }
        if limits.equal_heads && tensors.windows(2).any(|w| w[0].shape()[1] != w[1].shape()[1]) {
            return Err("unequal numbers of heads are not claimed".into());
        }
        Ok(())
    }
}

impl Limits {
    fn parse(json: &Json) -> Result<Limits, String> {
        let keys = ["min_position", "max_position", "max_head_dim", "max_elements", "equal_heads"];
        let object = object("limits", json, &keys)?;
        let integer = |key: &str| match object.get(key) {
            None => Ok(None),
            Some(Json::Integer(n)) => i64::try_from(*n).map(Some).map_err(|e| e.to_string()),
            Some(other) => Err(format!("limits.{key} is {other}, an integer is needed")),
        };
        let size = |key: &str| object.get(key).map(self::size).transpose();
        Ok(Limits {
            min_position: integer("min_position")?,
            max_position: integer("max_position")?,
            max_head_dim: size("max_head_dim")?,
            max_elements: size("max_elements")?,
            equal_heads: match object.get("equal_heads") {
                None => false,
                Some(Json::Bool(flag)) => *flag,
                Some(other) => {
                    return Err(format!("limits.equal_heads is {other}, true or false is needed"));
                }
            },
        })
    }
}

fn rotary(operation: Operation) -> bool {
    use Operation::*;
    matches!(operation, Rotate | Score | InvFreq | Table)
}

fn object<'j>(what: &str, json: &'j Json, keys: &[&str]) -> Result<&'j Object, String> {
    let Json::Object(object) = json else {
        return Err(format!("{what} is {}, an object is needed", json.kind()));
    };
    if let Some(path) = json.duplicate_key() {
        return Err(format!("{path} stands twice in {what}"));
    }
    match object.iter().find(|(key, _)| !keys.contains(key) && !key.starts_with("x_")) {
        None => Ok(object),
        Some((key, _)) => {
            Err(format!("key {key:?} of {what} is unknown; allowed are {}", keys.join(", ")))
        }
    }
}

fn list<T>(
    what: &str,
    json: Option<&Json>,
    item: impl Fn(&Json) -> Result<T, String>,
) -> Result<Option<Vec<T>>, String> {
    match json {
        None => Ok(None),
        Some(Json::Array(items)) => {
            let items = items.iter().map(item).collect::<Result<_, _>>();
            items.map(Some).map_err(|e| format!("{what}: {e}"))
        }
        Some(other) => Err(format!("{what} is {other}, a list is needed")),
    }
}

fn word(json: &Json) -> Result<&str, String> {
    match json {
        Json::String(word) => Ok(word),
        other => Err(format!("{other} is no string")),
    }
}

fn size(json: &Json) -> Result<usize, String> {
    match json {
        Json::Integer(n) => usize::try_from(*n).map_err(|_| format!("{n} is no size")),
        other => Err(format!("{other} is no non-negative integer")),
    }
}

fn dtype(json: &Json) -> Result<Dtype, String> {
    let name = word(json)?;
    Dtype::from_name(name).ok_or(format!("dtype {name:?} is none of f64, f32, bf16, f16, i64, i32"))
}
