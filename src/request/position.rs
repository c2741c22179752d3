//! Positions: exact integers (or, where a scheme has them, rationals) within ±2⁶².

use super::{Json, Reject, Slug};

/// The largest |position|, 2⁶².
pub const POSITION_LIMIT: i64 = 1 << 62;

/// The largest integer that JSON readers agree on, 2⁵³ − 1.
const JSON_LIMIT: i128 = (1 << 53) - 1;

/// An exact position `numerator / denominator`, in lowest terms, the denominator positive. The
/// order is that of the numbers.
///
/// ```
/// use ropewalk::request::{Json, Position};
/// let half = Position::parse(&Json::from("1/2")).unwrap();
/// assert!(Position::integer(0) < half && half < Position::integer(1));
/// assert_eq!(half.to_json(), Json::from("1/2"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Within ±2⁶².
    pub numerator: i64,
    /// From 1, for an integer, to 2⁶².
    pub denominator: i64,
}

impl Position {
    /// An integer position.
    pub const fn integer(p: i64) -> Position {
        Position { numerator: p, denominator: 1 }
    }

    /// Reads a JSON integer within ±(2⁵³ − 1), a decimal string, or a string `"a/b"`.
    ///
    /// # Errors
    /// `malformed_position` for any other spelling: a fraction, an exponent, a larger JSON
    /// integer, leading zeros, a plus sign, −0, a fraction not in lowest terms or over 1;
    /// `position_out_of_range` beyond ±2⁶², the parts of a fraction included.
    pub fn parse(json: &Json) -> Result<Position, Reject> {
        let malformed = || {
            Slug::MalformedPosition.because(format!(
                "position {json} is neither an integer within ±(2^53−1) nor a canonical decimal \
                 string"
            ))
        };
        let range = |n: i128| match i64::try_from(n) {
            Ok(n) if n.unsigned_abs() <= POSITION_LIMIT as u64 => Ok(n),
            _ => Err(Slug::PositionOutOfRange.because(format!(
                "position {json} is, or has a part, beyond ±2^62 = ±4611686018427387904"
            ))),
        };
        match json {
            Json::Integer(n) if n.unsigned_abs() <= JSON_LIMIT as u128 => {
                Ok(Position::integer(range(*n)?))
            }
            Json::String(text) => match text.split_once('/') {
                None => Ok(Position::integer(range(canonical(text).ok_or_else(malformed)?)?)),
                Some((a, b)) => {
                    let a = canonical(a).ok_or_else(malformed)?;
                    let b = canonical(b).ok_or_else(malformed)?;
                    if b < 2 {
                        return Err(malformed());
                    }
                    // The range first: a saturated part has lost the divisors it was written with.
                    let (numerator, denominator) = (range(a)?, range(b)?);
                    if gcd(a, b) != 1 {
                        return Err(malformed());
                    }
                    Ok(Position { numerator, denominator })
                }
            },
            _ => Err(malformed()),
        }
    }

    /// The JSON form: an integer where readers agree on it, a string beyond.
    pub fn to_json(self) -> Json {
        match self {
            Position { numerator, denominator: 1 } => match numerator as i128 {
                n if n.abs() <= JSON_LIMIT => Json::Integer(n),
                n => Json::String(n.to_string()),
            },
            Position { numerator, denominator } => {
                Json::String(format!("{numerator}/{denominator}"))
            }
        }
    }
}

impl Ord for Position {
    fn cmp(&self, other: &Position) -> std::cmp::Ordering {
        let cross = |a: &Position, b: &Position| a.numerator as i128 * b.denominator as i128;
        cross(self, other)
            .cmp(&cross(other, self))
            // Equal numbers have equal parts, unless somebody filled in a fraction by hand.
            .then(self.denominator.cmp(&other.denominator))
    }
}

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Position) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            d => write!(f, "{}/{d}", self.numerator),
        }
    }
}

/// A decimal integer as it prints; one too long for the type saturates, to be out of range later.
fn canonical(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain || (digits.starts_with('0') && text != "0") {
        return None;
    }
    let saturated = if text.starts_with('-') { i128::MIN } else { i128::MAX };
    Some(text.parse().unwrap_or(saturated))
}

fn gcd(a: i128, b: i128) -> u128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Nested lists of positions, rectangular: `[batch][seq]`, `[axis][batch][seq]` or a flat list.
///
/// ```
/// use ropewalk::request::{Json, Position, Positions};
/// let json: Json = serde_json::from_str(r#"[[0,1],[7,"4611686018427387904"]]"#).unwrap();
/// let positions = Positions::parse("positions", &json).unwrap();
/// assert_eq!(positions.shape(), [2, 2]);
/// assert_eq!(positions.data()[3], Position::integer(1 << 62));
/// assert_eq!(positions.to_json(), json);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Positions {
    shape: Vec<usize>,
    data: Vec<Position>,
}

impl Positions {
    /// Reads nested lists. `name` is for messages.
    ///
    /// # Errors
    /// As [`Position::parse`]; `shape_mismatch` if the lists are ragged;
    /// `malformed_position` if there is no list at all.
    pub fn parse(name: &str, json: &Json) -> Result<Positions, Reject> {
        let Json::Array(_) = json else {
            return Err(Slug::MalformedPosition
                .because(format!("{name} must be a list of positions, not {}", json.kind())));
        };
        let mut shape = Vec::new();
        let mut level = json;
        while let Json::Array(items) = level {
            shape.push(items.len());
            match items.first() {
                Some(first) => level = first,
                None => break,
            }
        }
        let mut data = Vec::new();
        collect(name, json, &shape, &mut data)?;
        Ok(Positions { shape, data })
    }

    /// Positions from parts; the shape must fit the data.
    pub fn new(shape: Vec<usize>, data: Vec<Position>) -> Option<Positions> {
        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
        (count == data.len()).then_some(Positions { shape, data })
    }

    /// Lengths of the levels, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All of them, row-major.
    pub fn data(&self) -> &[Position] {
        &self.data
    }

    /// Checks the lengths of the levels. Below an empty level there is nothing to compare.
    ///
    /// # Errors
    /// `shape_mismatch`.
    pub fn expect_shape(&self, name: &str, expected: &[usize]) -> Result<(), Reject> {
        let compared = match self.shape.iter().position(|&n| n == 0) {
            Some(empty) => empty + 1,
            None => self.shape.len().max(expected.len()),
        };
        let cut = |shape: &[usize]| shape.iter().take(compared).copied().collect::<Vec<_>>();
        if cut(&self.shape) == cut(expected) {
            return Ok(());
        }
        Err(Slug::ShapeMismatch
            .because(format!("{name} has shape {:?}, but {expected:?} is needed", self.shape)))
    }

    /// Checks that all are integers, as they are for every scheme but those that say otherwise.
    ///
    /// # Errors
    /// `malformed_position`.
    pub fn expect_integers(&self, name: &str) -> Result<(), Reject> {
        match self.data.iter().find(|p| p.denominator != 1) {
            None => Ok(()),
            Some(p) => Err(Slug::MalformedPosition.because(format!(
                "{name} holds {p}, but this encoding has integer positions only"
            ))),
        }
    }

    /// The nested lists again.
    pub fn to_json(&self) -> Json {
        fn nest(shape: &[usize], data: &[Position]) -> Json {
            match shape.split_first() {
                None => data.first().map_or(Json::Null, |p| p.to_json()),
                Some((&n, inner)) => {
                    let size = data.len().checked_div(n).unwrap_or(0);
                    Json::Array((0..n).map(|i| nest(inner, &data[i * size..][..size])).collect())
                }
            }
        }
        nest(&self.shape, &self.data)
    }
}

fn collect(
    name: &str,
    json: &Json,
    shape: &[usize],
    data: &mut Vec<Position>,
) -> Result<(), Reject> {
    let ragged = || {
        Slug::ShapeMismatch
            .because(format!("{name} is ragged: its lists differ in length or depth"))
    };
    match (shape.split_first(), json) {
        (None, Json::Array(_)) => Err(ragged()),
        (None, leaf) => {
            data.push(Position::parse(leaf)?);
            Ok(())
        }
        (Some((&n, inner)), Json::Array(items)) if items.len() == n => {
            items.iter().try_for_each(|item| collect(name, item, inner, data))
        }
        (Some(_), Json::Array(_)) => Err(ragged()),
        // A leaf where a list was expected: if it is no position either, that is the better news.
        (Some(_), leaf) => Position::parse(leaf).and(Err(ragged())),
    }
}
