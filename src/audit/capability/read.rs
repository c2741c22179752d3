//! The reply to `start`, read strictly.

use super::{Capability, Description, Limits, QuantizeClaim, Sizes};
use crate::audit::outcome::cut;
use crate::audit::outside::Malformed;
use crate::encoding::{Layout, spectrum};
use crate::number::Dtype;
use crate::request::{Direction, Json, Object, Operation};

impl Description {
    /// Reads the reply to `start`.
    ///
    /// # Errors
    /// What names the key, its value and what is allowed.
    pub fn parse(reply: &Json) -> Result<Description, Malformed> {
        Ok(Description::read(reply)?)
    }

    fn read(reply: &Json) -> Result<Description, String> {
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
            Some(Json::String(text)) => Ok(cut(text.clone())),
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
}

impl Capability {
    fn parse(json: &Json) -> Result<Capability, String> {
        let keys = [
            "operations",
            "dtypes",
            "mixed",
            "layouts",
            "rope_types",
            "directions",
            "axes",
            "head_dims",
            "rotary_dims",
            "batch_sizes",
            "seq_lens",
            "keys",
            "inputs",
            "partial",
            "rotary_offset",
            "mrope",
            "chains",
            "norm_kinds",
            "quantize",
            "cache_layouts",
            "limits",
        ];
        let object = object("a capability", json, &keys)?;
        let get = |key: &str| object.get(key);
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
            found.ok_or_else(|| match Layout::meant(name) {
                Some(layout) => format!("layout {name:?} is written {}", layout.name()),
                None => format!("layout {name:?} is none of interleaved, half"),
            })
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
        let of = |what: &str, item: &Json, allowed: &[&str]| {
            let name = word(item)?;
            let known = allowed.contains(&name).then(|| name.to_string());
            known.ok_or(format!("{what} {name:?} is none of {}", allowed.join(", ")))
        };
        let chain = |item: &Json| {
            let stage = |item: &Json| of("stage", item, &["norm", "rotate", "quantize", "store"]);
            list("a chain", Some(item), stage).map(Option::unwrap_or_default)
        };
        let quantize = |item: &Json| {
            let object = self::object("a way to quantise", item, &["format", "scale", "per"])?;
            let one = |key: &str, allowed: &[&str]| {
                object.get(key).map(|item| of(key, item, allowed)).transpose()
            };
            Ok(QuantizeClaim {
                format: one("format", &Dtype::EIGHT_BITS.map(Dtype::name))?,
                scale: one("scale", &["given", "amax", "amax_pow2"])?,
                per: one("per", &["tensor", "head", "token", "group"])?,
            })
        };
        let norm_kind = |item: &Json| of("norm kind", item, &["rms", "layer"]);
        let cache_layout = |item: &Json| of("cache layout", item, &["NHD", "HND"]);
        let sized = |key| list(key, get(key), sizes);
        let named = |key| list(key, get(key), |item| word(item).map(str::to_string));
        let allowed = |key| flag(key, get(key), true);
        Ok(Capability {
            operations,
            dtypes: list("dtypes", get("dtypes"), dtype)?.unwrap_or_default(),
            mixed: list("mixed", get("mixed"), pair)?.unwrap_or_default(),
            layouts: list("layouts", get("layouts"), layout)?,
            rope_types: list("rope_types", get("rope_types"), rope_type)?,
            directions: list("directions", get("directions"), direction)?,
            axes: list("axes", get("axes"), size)?,
            head_dims: sized("head_dims")?,
            rotary_dims: sized("rotary_dims")?,
            batch_sizes: sized("batch_sizes")?,
            seq_lens: sized("seq_lens")?,
            keys: named("keys")?,
            inputs: named("inputs")?,
            partial: allowed("partial")?,
            rotary_offset: allowed("rotary_offset")?,
            mrope: allowed("mrope")?,
            chains: list("chains", get("chains"), chain)?,
            norm_kinds: list("norm_kinds", get("norm_kinds"), norm_kind)?,
            quantize: list("quantize", get("quantize"), quantize)?,
            cache_layouts: list("cache_layouts", get("cache_layouts"), cache_layout)?,
            limits: get("limits").map(Limits::parse).transpose()?.unwrap_or_default(),
        })
    }
}

impl Limits {
    fn parse(json: &Json) -> Result<Limits, String> {
        let keys = [
            "min_position",
            "max_position",
            "max_head_dim",
            "max_elements",
            "equal_heads",
            "equal_rows",
            "within_context",
        ];
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
            equal_heads: flag("limits.equal_heads", object.get("equal_heads"), false)?,
            equal_rows: flag("limits.equal_rows", object.get("equal_rows"), false)?,
            within_context: flag("limits.within_context", object.get("within_context"), false)?,
        })
    }
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

fn flag(what: &str, json: Option<&Json>, absent: bool) -> Result<bool, String> {
    match json {
        None => Ok(absent),
        Some(Json::Bool(flag)) => Ok(*flag),
        Some(other) => Err(format!("{what} is {other}, true or false is needed")),
    }
}

/// A size, or `{"min", "max", "multiple_of"}`.
fn sizes(json: &Json) -> Result<Sizes, String> {
    let Json::Object(_) = json else { return size(json).map(Sizes::one) };
    let range = object("a range", json, &["min", "max", "multiple_of"])?;
    let bound = |key: &str, absent| range.get(key).map_or(Ok(absent), size);
    let sizes = Sizes {
        min: bound("min", 0)?,
        max: bound("max", usize::MAX)?,
        multiple_of: bound("multiple_of", 1)?,
    };
    match sizes.multiple_of == 0 || sizes.min > sizes.max {
        true => Err(format!("{json} holds no size")),
        false => Ok(sizes),
    }
}

fn dtype(json: &Json) -> Result<Dtype, String> {
    let name = word(json)?;
    Dtype::from_name(name).ok_or_else(|| match Dtype::meant(name) {
        Some(dtype) => format!("dtype {name:?} is written {dtype}"),
        None => format!("dtype {name:?} is none of {}", Dtype::list(&Dtype::ALL)),
    })
}
