//! A fused kernel: stages that take elements and hand them on, and one rounding at the end.

mod after;
mod coordinate;
mod element;
mod norm;
mod quantize;

use super::rotary::{Turns, at, magnitude};
use super::{Sink, Site};
use crate::encoding::{Chain, Expression, Pair, Part, Plane, Rope, Turning};
use crate::exact::resolved::ResolvedRope;
use crate::exact::round::{UndecidedRounding, Value};
use crate::exact::turned::starting_precision;
use crate::number::Format;
use after::After;
use coordinate::{Coordinate, plane};
use element::Element;

/// What decides nearly everything at once: the longest format that is stored but f64, whose
/// elements take another round.
const FORMAT: Format = Format::F32;

pub(super) fn chain(chain: &Chain, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    for part in &chain.parts {
        match chain.turn.as_ref().filter(|_| part.turns) {
            Some(turn) => turned(chain, turn, part, sink)?,
            None => {
                let still = coordinates(chain, part);
                let elements = still.iter().map(Coordinate::still).collect();
                store(chain, part, elements, sink)?;
            }
        }
    }
    Ok(())
}

/// The coordinates of a part before any rotation.
fn coordinates(chain: &Chain, part: &Part) -> Vec<Coordinate> {
    let format = part.heads.format();
    match chain.norm.as_ref().filter(|_| part.norm.is_some()) {
        Some(norm) => norm::before(chain, norm, part),
        None => part.heads.data().iter().map(|bits| Coordinate::Bits(*bits, format)).collect(),
    }
}

/// A rope that turns as another one and scales nothing.
fn unscaled(rope: &Rope) -> Rope {
    let one = Expression::integer(1);
    let planes = rope.planes.iter().map(|plane| Plane { growth: one.clone(), ..plane.clone() });
    Rope { planes: planes.collect(), magnitude: one.clone(), ..rope.clone() }
}

fn turned(
    chain: &Chain,
    turn: &Turning,
    part: &Part,
    sink: &mut Sink,
) -> Result<(), UndecidedRounding> {
    let rope = if part.name == "k" { turn.rope.for_keys() } else { turn.rope.clone() };
    let pairs = rope.pairs();
    let unit = ResolvedRope::new(&unscaled(&rope))?;
    let rope = ResolvedRope::new(&rope)?;
    let factor = magnitude(&rope, turn.direction)?;
    let turns = |rope, factor| Turns::new(rope, factor, turn.direction, &turn.positions, FORMAT);
    let (turns, units) = (turns(&rope, &factor)?, turns(&unit, &unit.magnitude)?);
    let at = |row: usize| at(&turn.positions, part.heads.token(row));
    let elements = match chain.norm.as_ref().filter(|_| part.norm.is_some() && !chain.norm_first) {
        Some(norm) => {
            let turned = |row: usize| (turns.at(&at(row)), units.at(&at(row)));
            // A norm divides growths by each other, which what is cut does not allow.
            let rows = 0..part.heads.data().len() / part.heads.dim().max(1);
            if let Some(row) = rows.clone().find(|row| turned(*row).0.iter().any(|t| t.cut)) {
                let index = row * part.heads.dim();
                return Err(UndecidedRounding { name: part.output(), index, precision: 1 << 28 });
            }
            After { chain, norm, part, pairs: &pairs, turned: &turned }.elements()
        }
        None => {
            let coordinates = coordinates(chain, part);
            let mut elements = Vec::with_capacity(coordinates.len());
            for (row, coordinates) in coordinates.chunks(part.heads.dim().max(1)).enumerate() {
                elements.extend(rotated(&pairs, turns.at(&at(row)), coordinates));
            }
            elements
        }
    };
    store(chain, part, elements, sink)
}

/// The elements of a row that is turned.
fn rotated<'a>(
    pairs: &[Pair],
    turned: &'a [crate::exact::angle::Turned<'a>],
    coordinates: &[Coordinate],
) -> Vec<Element<'a>> {
    let mut elements: Vec<Element> = coordinates.iter().map(Coordinate::still).collect();
    for (pair, turned) in pairs.iter().zip(turned) {
        let z = [&coordinates[pair.re], &coordinates[pair.im]];
        [elements[pair.re], elements[pair.im]] = plane(turned, z);
    }
    elements
}

/// Quantises the elements of a part and puts them where they are stored.
fn store(
    chain: &Chain,
    part: &Part,
    mut elements: Vec<Element>,
    sink: &mut Sink,
) -> Result<(), UndecidedRounding> {
    let bits = starting_precision(FORMAT, 0);
    let mut scales = vec![];
    if part.quantized {
        let name = part.scale_name();
        scales = quantize::scales(chain, part, &elements, bits)
            .map_err(|(index, precision)| UndecidedRounding { name, index, precision })?;
        let dim = part.heads.dim().max(1);
        for (index, element) in elements.iter_mut().enumerate() {
            let (scale, _) = &scales[chain.block(part, index / dim, index % dim)];
            *element = scale.divide(std::mem::replace(element, Element::Nonfinite));
        }
    }
    let mut emit = |name, index, element: &Element| {
        let undecided = |precision| UndecidedRounding { name, index, precision };
        let sink = |value: &Value| sink(Site { name, index }, value);
        element.value(bits, sink).map_err(undecided)?
    };
    let name = part.output();
    match &part.cache {
        None => {
            for (index, element) in elements.iter().enumerate() {
                emit(name, index, element)?;
            }
        }
        Some(cache) => {
            let dim = part.heads.dim().max(1);
            let mut written: Vec<Option<usize>> = vec![None; cache.data().len()];
            for index in 0..elements.len() {
                if let Some(cell) = chain.cell(part, index / dim, index % dim) {
                    written[cell] = Some(index);
                }
            }
            for (index, written) in written.into_iter().enumerate() {
                match written {
                    Some(from) => emit(name, index, &elements[from])?,
                    None => {
                        let untouched = Element::Copied(cache.data()[index], cache.format());
                        emit(name, index, &untouched)?;
                    }
                }
            }
        }
    }
    if part.quantized && part.scale.is_none() {
        for (index, (_, made)) in scales.iter().enumerate() {
            emit(part.scale_name(), index, made)?;
        }
    }
    Ok(())
}
