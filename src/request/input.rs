//! The named inputs of a request.

use super::{Direction, Json, Object, Positions, Reject, Slug};
use crate::number::Tensor;

/// The `input` object: tensors, positions and options by name, read on demand.
///
/// ```
/// use ropewalk::request::{Direction, Input};
/// let object = serde_json::from_str(r#"{"positions":[[0,1]],"direction":"inverse"}"#).unwrap();
/// let input = Input::new(object);
/// input.expect_names("rotate", &["positions", "direction"]).unwrap();
/// assert_eq!(input.positions("positions").unwrap().shape(), [1, 2]);
/// let allowed = [Direction::Forward, Direction::Inverse];
/// assert_eq!(input.direction(&allowed), Ok(Direction::Inverse));
/// assert_eq!(input.tensor("q").unwrap_err().to_string(), "missing_input: input \"q\" is missing");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input(Object);

impl Input {
    /// Wraps an object.
    pub fn new(object: Object) -> Input {
        Input(object)
    }

    /// The object as it was written.
    pub fn object(&self) -> &Object {
        &self.0
    }

    /// Checks that nothing but these names and extensions (`x_`…) is given.
    ///
    /// # Errors
    /// `unused_input`.
    pub fn expect_names(&self, operation: &str, names: &[&str]) -> Result<(), Reject> {
        match self.0.iter().find(|(name, _)| !names.contains(name) && !name.starts_with("x_")) {
            None => Ok(()),
            Some((name, _)) => Err(Slug::UnusedInput.because(format!(
                "input {name:?} has no meaning here; {operation} takes {}",
                if names.is_empty() { "none".to_string() } else { names.join(", ") }
            ))),
        }
    }

    /// What is given under a name, as it was written.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name)
    }

    /// Whether a name is given.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    fn required(&self, name: &str) -> Result<&Json, Reject> {
        self.0
            .get(name)
            .ok_or_else(|| Slug::MissingInput.because(format!("input {name:?} is missing")))
    }

    /// A tensor that must be there.
    ///
    /// # Errors
    /// `missing_input`, `malformed_tensor`.
    pub fn tensor(&self, name: &str) -> Result<Tensor, Reject> {
        tensor(name, self.required(name)?)
    }

    /// A tensor that may be there.
    ///
    /// # Errors
    /// `malformed_tensor`.
    pub fn optional_tensor(&self, name: &str) -> Result<Option<Tensor>, Reject> {
        self.0.get(name).map(|json| tensor(name, json)).transpose()
    }

    /// Positions that must be there.
    ///
    /// # Errors
    /// `missing_input`, and those of [`Positions::parse`].
    pub fn positions(&self, name: &str) -> Result<Positions, Reject> {
        Positions::parse(name, self.required(name)?)
    }

    /// The total length, if given: a positive integer up to 2⁶².
    ///
    /// # Errors
    /// `invalid_value`.
    pub fn seq_len(&self) -> Result<Option<i64>, Reject> {
        match self.0.get("seq_len") {
            None => Ok(None),
            Some(Json::Integer(n)) if (1..=super::POSITION_LIMIT as i128).contains(n) => {
                Ok(Some(*n as i64))
            }
            Some(other) => Err(Slug::InvalidValue
                .because(format!("seq_len is {other}, allowed is an integer from 1 to 2^62"))),
        }
    }

    /// A flag, false if not given.
    ///
    /// # Errors
    /// `invalid_value`.
    pub fn flag(&self, name: &str) -> Result<bool, Reject> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Json::Bool(flag)) => Ok(*flag),
            Some(other) => Err(Slug::InvalidValue
                .because(format!("{name} is {other}, allowed are true and false"))),
        }
    }

    /// The direction, forward if not given, and one of those allowed.
    ///
    /// # Errors
    /// `invalid_value`.
    pub fn direction(&self, allowed: &[Direction]) -> Result<Direction, Reject> {
        let names: Vec<&str> = allowed.iter().map(|direction| direction.name()).collect();
        match self.choice("direction", &names)? {
            None => Ok(Direction::Forward),
            Some(index) => Ok(allowed[index]),
        }
    }

    /// The index of a word among those allowed, none if it is not given.
    ///
    /// # Errors
    /// `invalid_value`.
    pub fn choice(&self, name: &str, allowed: &[&str]) -> Result<Option<usize>, Reject> {
        let Some(json) = self.0.get(name) else {
            return Ok(None);
        };
        let word = if let Json::String(word) = json { Some(word.as_str()) } else { None };
        match allowed.iter().position(|&a| Some(a) == word) {
            Some(index) => Ok(Some(index)),
            None => Err(Slug::InvalidValue
                .because(format!("{name} is {json}, allowed are {}", allowed.join(", ")))),
        }
    }
}

fn tensor(name: &str, json: &Json) -> Result<Tensor, Reject> {
    let malformed = |text: String| Slug::MalformedTensor.because(format!("{name}: {text}"));
    let Json::Object(object) = json else {
        return Err(malformed(format!("a tensor is an object, not {}", json.kind())));
    };
    if let Some((key, _)) = object.iter().find(|(k, _)| !["dtype", "shape", "bits"].contains(k)) {
        return Err(malformed(format!("key {key:?} is none of dtype, shape, bits")));
    }
    let Some(Json::String(dtype)) = object.get("dtype") else {
        return Err(malformed("dtype must be a string".into()));
    };
    let list = |key: &str| match object.get(key) {
        Some(Json::Array(items)) => Ok(items),
        _ => Err(malformed(format!("{key} must be a list"))),
    };
    let dimension = |item: &Json| match item {
        Json::Integer(n) => usize::try_from(*n).ok(),
        _ => None,
    };
    let shape = list("shape")?
        .iter()
        .map(|item| {
            dimension(item)
                .ok_or_else(|| malformed(format!("shape holds {item}, no non-negative integer")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let rows = list("bits")?
        .iter()
        .map(|item| match item {
            Json::String(row) => Ok(row.as_str()),
            other => Err(malformed(format!("bits holds {other}, no string"))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    Tensor::from_rows(dtype, shape, &rows).map_err(|e| malformed(e.to_string()))
}
