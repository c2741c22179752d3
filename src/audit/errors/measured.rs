//! The errors of one answer against the bounds of the profile that it is judged by.

use super::{Band, Cell, Errors};
use crate::audit::exhibit::{Compared, Exhibit};
use crate::audit::judge::Mark;
use crate::audit::judge::within::ulps;
use crate::audit::place::{Places, index_of};
use crate::number::Format;

/// The errors of an exhibit by one of its profiles.
pub(in crate::audit) fn measured(exhibit: &Exhibit, slot: usize) -> Errors {
    let mut errors = Errors::default();
    let (Some(compared), Some(judged)) = (exhibit.compared(), exhibit.judged()) else {
        return errors;
    };
    let Compared { question, expected, residual, output } = compared;
    let places = Places::new(question);
    for marked in &judged.outputs {
        let name = &marked.name;
        let bound = exhibit.tolerances().of(name).get(slot).copied().flatten();
        let got = output.iter().find(|(n, _)| n == name).map(|(_, tensor)| tensor);
        // Integers have no bounds, and no errors of a size.
        let (Some(want), Some(got), Some(bound), Some(marks)) =
            (expected.get(name), got, bound, marked.marks.get(slot))
        else {
            continue;
        };
        let Some(format) = want.dtype().format() else { continue };
        let residual = residual.and_then(|all| all.get(name));
        for (flat, (&got, &right)) in got.data().iter().zip(want.data()).enumerate() {
            let residual = residual.map_or(0.0, |r| Format::F16.to_f64(r.data()[flat]));
            let bound = crate::audit::tolerance::bound_at(bound, flat);
            let (Some(unit), true) = (format.ulp_exponent(right), bound.is_finite()) else {
                continue;
            };
            if residual.is_nan() {
                continue;
            }
            // A NaN where a number is due is as wrong as anything can be.
            let ulp = ulps(format, got, right, residual);
            let ulp = if ulp.is_nan() { f64::INFINITY } else { ulp };
            let place = places.at(name, &index_of(flat, want.shape()));
            let mixed = places.mixed(expected, name, want, flat);
            let unit = libm::ldexp(1.0, unit);
            let own = Cell {
                elements: 1,
                beyond: usize::from(marks[flat] == Mark::Wrong),
                ulp,
                // Of a bound of 0 no error is a multiple.
                share: (bound > 0.0).then(|| ulp * unit / bound),
                relative: mixed.map(|mixed| ulp * unit / mixed),
                bound: mixed.map(|mixed| bound / mixed),
            };
            let key = (Band::of(place.at.map(|at| at.to_f64())), place.plane.map(|(p, _)| p));
            errors.cells.entry(key).or_default().merge(&own);
        }
    }
    errors
}
