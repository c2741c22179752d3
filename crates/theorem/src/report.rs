//! What a run of a theorem says.

use super::polynomial::Polynomial;
use num_traits::Zero;
use ropewalk::exact::{Interval, Ratio};
use rug::Float;
use rug::float::Round::{Down, Up};
use rug::float::Special;

/// How far a run of a theorem reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An exact computation that is a complete proof for the code that is run: every real input,
    /// every angle. Residuals are 0 or the theorem fails.
    Proved,
    /// With the true frequencies, in intervals: the identity holds to within the residual for the
    /// listed heads and positions, rounding included.
    Enclosed,
    /// In intervals as well, but of a statement about all q and k, of which some were tried.
    Sampled,
}

impl Kind {
    /// In lower case.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Proved => "proved",
            Kind::Enclosed => "enclosed",
            Kind::Sampled => "sampled",
        }
    }
}

/// One theorem, checked in one way.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its name.
    pub theorem: &'static str,
    /// What it says.
    pub statement: &'static str,
    /// How it was checked.
    pub kind: Kind,
    /// Identities or inequalities that were evaluated.
    pub instances: u64,
    /// No residual was larger: the largest |left − right| that the enclosures allow, or by how
    /// much a left side may exceed its bound; rounded up.
    pub largest_residual: Float,
    /// The first instance that failed, in words.
    pub failure: Option<String>,
}

impl Report {
    /// Whether nothing failed.
    pub fn holds(&self) -> bool {
        self.failure.is_none()
    }

    /// The largest residual in two digits, rounded up: `0`, `3.1e-74`.
    pub fn residual(&self) -> String {
        match self.largest_residual.is_zero() {
            true => "0".to_string(),
            false => self.largest_residual.to_string_radix_round(10, Some(2), Up),
        }
    }
}

/// A left side minus a right side.
pub(super) trait Residual {
    /// Whether it is zero, as far as the arithmetic can tell.
    fn vanishes(&self) -> bool;
    /// An upper bound of its absolute value; of a polynomial, of its coefficients.
    fn size(&self) -> Float;
    /// For the message of a failure.
    fn show(&self) -> String;
}

fn infinite() -> Float {
    Float::with_val(53, Special::Infinity)
}

impl Residual for Polynomial {
    fn vanishes(&self) -> bool {
        self.is_zero()
    }
    fn size(&self) -> Float {
        self.height().map_or_else(infinite, |n| Float::with_val_round(53, &n, Up).0)
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Residual for Ratio {
    fn vanishes(&self) -> bool {
        self.is_zero()
    }
    fn size(&self) -> Float {
        Float::with_val_round(53, &*self.0.as_abs(), Up).0
    }
    fn show(&self) -> String {
        self.0.to_string()
    }
}

impl Residual for Interval {
    fn vanishes(&self) -> bool {
        self.contains_zero()
    }
    fn size(&self) -> Float {
        Float::with_val_round(53, self.abs().hi(), Up).0
    }
    fn show(&self) -> String {
        let end = |x: &Float, round| x.to_string_radix_round(10, Some(3), round);
        format!("[{}, {}]", end(self.lo(), Down), end(self.hi(), Up))
    }
}

/// Counts instances, keeps the largest residual and the first failure.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    instances: u64,
    largest: Float,
    tolerance: Float,
    failure: Option<String>,
}

impl Tally {
    /// Residuals must be 0.
    pub(super) fn exact() -> Tally {
        let zero = Float::new(53);
        Tally { instances: 0, largest: zero.clone(), tolerance: zero, failure: None }
    }

    /// Residuals must enclose 0 and stay within 2^−bits, so that a wide enclosure proves nothing.
    pub(super) fn within(bits: u32) -> Tally {
        Tally { tolerance: Float::with_val(53, 1) >> bits, ..Tally::exact() }
    }

    /// One more identity.
    pub(super) fn add<T: Residual>(&mut self, residual: &T, instance: impl FnOnce() -> String) {
        let size = residual.size();
        let size = if size.is_nan() { infinite() } else { size };
        if !residual.vanishes() || size > self.tolerance {
            self.fail(|| format!("{}: residual {}", instance(), residual.show()));
        }
        if size > self.largest {
            self.largest = size;
        }
        self.instances += 1;
    }

    /// One more identity per coordinate.
    pub(super) fn add_all<T>(&mut self, left: &[T], right: &[T], instance: impl Fn() -> String)
    where
        T: Residual + Clone + std::ops::Sub<Output = T>,
    {
        if left.len() != right.len() {
            self.fail(|| format!("{}: {} and {} coordinates", instance(), left.len(), right.len()));
        }
        for (i, (left, right)) in left.iter().zip(right).enumerate() {
            let residual = left.clone() - right.clone();
            self.add(&residual, || format!("{}, coordinate {i}", instance()));
        }
    }

    /// One more inequality, left ≤ right; its residual is what the left side may be too large.
    pub(super) fn at_most(
        &mut self,
        left: &Interval,
        right: &Interval,
        instance: impl FnOnce() -> String,
    ) {
        let excess = left - right;
        let positive = |x: &Float| if *x > 0 { x.clone() } else { Float::new(x.prec()) };
        self.add(&Interval::new(positive(excess.lo()), positive(excess.hi())), instance);
    }

    /// A requirement that is no residual.
    pub(super) fn require(&mut self, holds: bool, instance: impl FnOnce() -> String) {
        self.instances += 1;
        if !holds {
            self.fail(instance);
        }
    }

    /// Instances that were decided elsewhere.
    pub(super) fn decided(&mut self, instances: u64) {
        self.instances += instances;
    }

    /// Something that must not happen; the first is kept.
    pub(super) fn fail(&mut self, what: impl FnOnce() -> String) {
        self.failure.get_or_insert_with(what);
    }

    /// Both together.
    pub(super) fn join(mut self, other: Tally) -> Tally {
        self.instances += other.instances;
        if other.largest > self.largest {
            self.largest = other.largest;
        }
        self.failure = self.failure.or(other.failure);
        self
    }

    /// The report. A theorem of which no instance was tried does not hold.
    pub(super) fn report(
        mut self,
        theorem: &'static str,
        statement: &'static str,
        kind: Kind,
    ) -> Report {
        if self.instances == 0 {
            self.fail(|| "no instance was tried".to_string());
        }
        Report {
            theorem,
            statement,
            kind,
            instances: self.instances,
            largest_residual: self.largest,
            failure: self.failure,
        }
    }
}
