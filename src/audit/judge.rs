//! One answer against the right one: what is said of it, element by element and in all.

pub(super) mod answer;
pub(super) mod error;
pub(super) mod signs;
pub(super) mod within;

use super::element::Accepts;
use crate::number::Dtype;
use signs::Signs;

/// An output that is not even of the right form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// An output that is not there.
    #[error("output {0} is missing")]
    Missing(String),
    /// An output that nobody asked for.
    #[error("output {0} is none of this operation")]
    Surplus(String),
    /// Another dtype than was asked for.
    #[error("output {name} has dtype {got}, {want} was asked for")]
    Dtype {
        /// Which output.
        name: String,
        /// What came.
        got: Dtype,
        /// What was asked for.
        want: Dtype,
    },
    /// Another shape.
    #[error("output {name} has shape {got:?}, {want:?} is right")]
    Shape {
        /// Which output.
        name: String,
        /// What came.
        got: Vec<usize>,
        /// What is right.
        want: Vec<usize>,
    },
}

/// One element that is not right.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// Name of the output.
    pub name: String,
    /// Place in it, outermost first.
    pub index: Vec<usize>,
    /// Its format.
    pub dtype: Dtype,
    /// What came, as bits.
    pub got: u64,
    /// What is right, correctly rounded, as bits.
    pub want: u64,
    /// |got − exact| in ulp of the right answer; NaN where there is none.
    pub ulps: f64,
    /// What is allowed, in the same unit; NaN where a rule of special values decides.
    pub allowed: f64,
    /// The rule, if it is none of size.
    pub rule: Option<&'static str>,
}

/// What came of judging an answer by one profile.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Tally {
    /// Elements that were judged.
    pub judged: usize,
    /// Elements that no bound of this profile judges.
    pub unjudged: usize,
    /// Elements that are wrong.
    pub wrong: usize,
    /// The largest error of those not wrong, relative to its bound (0 to 1); copies, whose one
    /// rounding is known exactly, left out.
    pub closest: f64,
    /// Sum of log₂ of the bounds in ulp: the smaller, the tighter the profile.
    pub looseness: f64,
    /// The worst of those that are wrong, by size of the error in ulp.
    pub worst: Option<Wrong>,
}

/// What came of judging an answer.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Judged {
    /// By profile, in the order they were given; one without a name for integers.
    pub tallies: Vec<Tally>,
    /// Largest error in ulp of the right answer, over all elements with a value, and its place.
    pub worst_ulp: Option<Wrong>,
    /// How many elements are off by 0 to ½, ½ to 1, 1 to 2, 2 to 4 … ulp; the last one counts all
    /// beyond 2²⁰.
    pub histogram: Vec<usize>,
    /// What is worth saying though nothing is wrong.
    pub notes: Vec<String>,
    /// Which way its errors point.
    pub signs: Signs,
    /// Element by element.
    pub outputs: Vec<Marked>,
}

/// One output, element by element.
#[derive(Clone, Debug, PartialEq)]
pub struct Marked {
    /// Its name.
    pub name: String,
    /// What is accepted beside what lies within a bound.
    pub rules: Vec<Accepts>,
    /// By profile, as [`Judged::tallies`].
    pub marks: Vec<Vec<Mark>>,
}

/// What is said of one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// No bound judges it.
    Open,
    /// Right.
    Right,
    /// Not right.
    Wrong,
}

/// Upper ends of the classes of [`Judged::histogram`], in ulp, without the last, open one.
pub const HISTOGRAM: [f64; 12] =
    [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 65536.0, 1048576.0];
