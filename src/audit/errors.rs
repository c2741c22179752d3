//! How the errors of a kernel lie: by position and by plane. The pictures of the reports.

use super::case::Case;
use super::finding::{Group, Report};
use super::judge::{place, ulps};
use super::outcome::Answered;
use super::outcome::Outcome;
use super::place::Places;
use crate::encoding::{Body, Question};
use crate::number::{Format, Tensor};
use crate::profile::{self, Profile};
use crate::vector::Tensors;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The elements of one plane in one band of positions.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Cell {
    /// Elements with a value and a bound.
    pub elements: usize,
    /// Those further off than their bound.
    pub beyond: usize,
    /// The largest error in ulp of the right answer.
    pub ulp: f64,
    /// The largest error relative to what was mixed: |z| of the plane, the magnitude of a table,
    /// the frequency itself. Of a rotation this is the error of the angle in radians, while it is
    /// small. None for operations that mix nothing.
    pub relative: Option<f64>,
    /// The largest bound in the same unit.
    pub bound: Option<f64>,
}

/// A band of |position| from one power of two to the next; position 0, and everything without a
/// position, are bands of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// No position takes part.
    None,
    /// Position 0.
    Zero,
    /// |p| within [2^n, 2^(n+1)).
    From(i32),
}

impl Band {
    /// The band of a position.
    pub fn of(position: Option<f64>) -> Band {
        match position.map(f64::abs) {
            None => Band::None,
            Some(0.0) => Band::Zero,
            Some(p) => Band::From(p.log2().floor() as i32),
        }
    }

    /// The least |position| of the band.
    pub fn start(self) -> Option<f64> {
        match self {
            Band::None => None,
            Band::Zero => Some(0.0),
            Band::From(n) => Some(2f64.powi(n)),
        }
    }
}

/// Cells by band of positions and plane; `None` for what belongs to no plane.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Errors {
    /// Every pair that occurs.
    pub cells: BTreeMap<(Band, Option<usize>), Cell>,
}

impl Errors {
    /// Both together.
    pub fn merge(&mut self, other: &Errors) {
        for (key, cell) in &other.cells {
            self.cells.entry(*key).or_default().merge(cell);
        }
    }

    /// All planes of a band together.
    pub fn by_position(&self) -> BTreeMap<Band, Cell> {
        let mut bands: BTreeMap<Band, Cell> = BTreeMap::new();
        for ((band, _), cell) in &self.cells {
            bands.entry(*band).or_default().merge(cell);
        }
        bands
    }

    /// All positions of a plane together.
    pub fn by_plane(&self) -> BTreeMap<usize, Cell> {
        let mut planes: BTreeMap<usize, Cell> = BTreeMap::new();
        for ((_, plane), cell) in &self.cells {
            if let Some(plane) = plane {
                planes.entry(*plane).or_default().merge(cell);
            }
        }
        planes
    }
}

impl Cell {
    /// Both together.
    pub fn merge(&mut self, other: &Cell) {
        let larger = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.elements += other.elements;
        self.beyond += other.beyond;
        self.ulp = self.ulp.max(other.ulp);
        self.relative = larger(self.relative, other.relative);
        self.bound = larger(self.bound, other.bound);
    }
}

/// Fills in what a report says of places: of the worst element of every case, and of all errors by
/// group and section.
pub(super) fn lay_out(
    report: &mut Report,
    cases: &[Case],
    asked: &[Answered],
    own: Option<Profile>,
) {
    let find = |name: &'static str| match own {
        Some(profile) if profile.name == name => Some(profile),
        _ => profile::find(name).copied(),
    };
    let measured: Vec<Errors> = asked
        .par_iter()
        .zip(&mut report.cases)
        .map(|(one, found)| {
            let case = &cases[one.case];
            let (Ok(Outcome::Output(output)), Some(expected)) =
                (&one.outcome, case.truth.expected.tensors())
            else {
                return Errors::default();
            };
            // What does not fit, or whose question is refused, has no places.
            let Ok(question) = case.ask.question() else { return Errors::default() };
            let places = Places::new(question);
            found.place = found.worst.as_ref().map(|w| places.at(&w.name, &w.index));
            match found.profile.and_then(find) {
                Some(profile) if found.judged + found.unjudged > 0 => {
                    measure(case, question, &places, expected, output, &profile)
                }
                _ => Errors::default(),
            }
        })
        .collect();
    for section in &mut report.sections {
        let own = |case: &super::CaseReport| {
            case.operation == section.operation && case.dtype == section.dtype
        };
        let mut groups: Vec<Group> = Vec::new();
        let mut slots: BTreeMap<&str, usize> = BTreeMap::new();
        let members = report.cases.iter().enumerate().filter(|(_, case)| own(case));
        for (index, case) in members {
            let slot = *slots.entry(&case.group).or_insert_with(|| {
                groups.push(Group::new(&case.group));
                groups.len() - 1
            });
            groups[slot].add(index, &report.cases);
            groups[slot].errors.merge(&measured[index]);
            section.errors.merge(&measured[index]);
        }
        groups.retain(|group| group.asked() > 0);
        section.groups = groups;
    }
}

/// The errors of one answer against the bounds of one profile.
fn measure(
    case: &Case,
    question: &Question,
    places: &Places,
    expected: &Tensors,
    output: &[(String, Tensor)],
    profile: &Profile,
) -> Errors {
    let mut errors = Errors::default();
    let Some((_, bounds)) = profile::bounds(question, &[*profile]).into_iter().next() else {
        return errors;
    };
    for (name, want) in &expected.0 {
        let of = |list: &[(String, Tensor)]| list.iter().find(|(n, _)| n == name).cloned();
        let (Some((_, got)), Some(bound)) = (of(output), bounds.iter().find(|b| b.name == name))
        else {
            continue;
        };
        let (Some(format), residual) = (
            want.dtype().format(),
            case.truth.residual.as_ref().and_then(|residual| residual.get(name)),
        ) else {
            continue;
        };
        for (flat, (&got, &right)) in got.data().iter().zip(want.data()).enumerate() {
            let residual = residual.map_or(0.0, |r| Format::F16.to_f64(r.data()[flat]));
            let bound = bound.tensor.data()[flat];
            let (Some(unit), true) = (format.ulp_exponent(right), bound != format.infinity())
            else {
                continue;
            };
            if residual.is_nan() {
                continue;
            }
            // A NaN where a number is due is as wrong as anything can be.
            let ulp = ulps(format, got, right, residual);
            let ulp = if ulp.is_nan() { f64::INFINITY } else { ulp };
            let index = place(flat, want.shape());
            let place = places.at(name, &index);
            let mixed = mixed(question, places, expected, name, want, flat);
            let unit = libm::ldexp(1.0, unit);
            let bound = format.to_f64(bound);
            let own = Cell {
                elements: 1,
                beyond: usize::from(ulp * unit > bound * (1.0 + 2f64.powi(-10))),
                ulp,
                relative: mixed.map(|mixed| ulp * unit / mixed),
                bound: mixed.map(|mixed| bound / mixed),
            };
            let key = (Band::of(place.at.map(|at| at.to_f64())), place.plane.map(|(p, _)| p));
            errors.cells.entry(key).or_default().merge(&own);
        }
    }
    errors
}

/// What was mixed into an element, as far as its right answer shows it; none if that is nothing.
fn mixed(
    question: &Question,
    places: &Places,
    expected: &Tensors,
    name: &str,
    want: &Tensor,
    flat: usize,
) -> Option<f64> {
    let format = want.dtype().format()?;
    let value = |tensor: &Tensor, flat: usize| format.to_f64(tensor.data()[flat]);
    let size = match &question.body {
        Body::Rotate(_) | Body::Apply(_) => {
            let coordinate = flat % want.columns().max(1);
            let partner = flat - coordinate + places.partner(coordinate)?;
            value(want, flat).hypot(value(want, partner))
        }
        Body::Table(_) => {
            let (cos, sin) = (expected.get("cos")?, expected.get("sin")?);
            value(cos, flat).hypot(value(sin, flat))
        }
        Body::InvFreq(_) if name == "inv_freq" => value(want, flat).abs(),
        Body::Sinusoidal(_) => 1.0,
        _ => return None,
    };
    // Where all of it is subnormal a share of it says nothing.
    let least = libm::ldexp(1.0, format.e_min());
    (size.is_finite() && size >= least).then_some(size)
}
