//! What rotations of unit vectors show: planes, factor, angles, and the config that has them.

use super::angles::{Turning, ladder, unwrap};
use super::found::{FoundPlane, Identified};
use super::probe::{Matrix, Probe};
use super::spectrum::Measured;
use super::survey::NEAR;
use super::{conduct, machine, planes};
use crate::encoding::{Pair, Rope};
use crate::number::Dtype;
use crate::request::{Json, Object, Position};

/// Everything that rotations show.
pub(super) fn by_rotation(
    probe: &mut Probe,
    rope: &Rope,
    found: &mut Identified,
) -> Result<(), String> {
    let epsilon = probe.epsilon();
    probe.about("unit vectors");
    let mut matrices: Vec<Matrix> = Vec::new();
    for p in 0..4 {
        matrices.push(probe.matrix(p)?);
    }
    if !matrices.iter().all(Matrix::is_finite) {
        found.unknown.push("its map of unit vectors has elements that are no numbers".into());
        return Ok(());
    }
    found.linear = conduct::is_linear(probe, &matrices[3], 3);
    let (relative, _) = conduct::is_relative(&matrices, epsilon);
    found.relative = Some(relative);
    // Where slow planes turn by what the format shows.
    let far = probe.furthest(NEAR);
    if let Ok(matrix) = probe.matrix(far)
        && matrix.is_finite()
    {
        matrices.push(matrix);
    }
    let declared = &rope.pairs()[..];
    let structure = match planes::planes(&mut matrices, declared, epsilon) {
        Ok(structure) => structure,
        Err(why) => {
            found.unknown.push(why);
            return Ok(());
        }
    };
    if let Some(moved) = &structure.moved {
        let first: Vec<String> = (0..moved.len())
            .filter(|&i| moved[i] != i)
            .take(4)
            .map(|i| format!("{i} to {}", moved[i]))
            .collect();
        found.differences.push(format!(
            "position 0 moves coordinates, {} …: they are left in another order",
            first.join(", ")
        ));
    }
    for pair in &structure.pairs {
        if let Err(why) = planes::turn(&matrices[1], pair, epsilon) {
            found.unknown.push(why);
            return Ok(());
        }
    }
    let factors: Vec<f64> = structure
        .pairs
        .iter()
        .filter_map(|pair| Some(planes::turn(&matrices[0], pair, epsilon).ok()?.1))
        .collect();
    let magnitude = factors.first().copied().unwrap_or(1.0);
    if factors.iter().any(|f| (f - magnitude).abs() > 4.0 * epsilon * magnitude) {
        found.unknown.push("its planes have several factors at position 0".into());
    }
    found.attention_factor = Some(magnitude);
    let starts: Vec<(f64, &Pair)> = structure
        .pairs
        .iter()
        .filter_map(|pair| Some((planes::turn(&matrices[0], pair, epsilon).ok()?.0, pair)))
        .filter(|(angle, _)| angle.abs() > 8.0 * epsilon)
        .collect();
    if let Some((angle, pair)) = starts.first() {
        found.unknown.push(format!(
            "coordinates {} and {} are turned by {angle:.4} rad at position 0 already",
            pair.re, pair.im
        ));
    }
    for &i in &structure.alone {
        if (matrices[0].get(i, i) - 1.0).abs() > 4.0 * epsilon {
            found.remarks.push(format!(
                "coordinate {i}, which nothing turns, is multiplied by {:.6}",
                matrices[0].get(i, i)
            ));
            break;
        }
    }
    let Some(mut all) = turnings(probe, &structure, found)? else { return Ok(()) };
    let clockwise =
        all.iter().any(|(_, t)| t.theta != 0.0) && all.iter().all(|(_, t)| t.theta <= 0.0);
    if clockwise {
        all.iter_mut().for_each(|(_, t)| t.theta = -t.theta);
        found.differences.push("the rotation goes clockwise: the sign of the sine is wrong".into());
    }
    let measured = placed(probe, &structure, all, magnitude, found);
    let shape = shape(probe, &measured);
    found.config = measured.config(&found.declared, &shape);
    match &found.config {
        Some(config) if !clockwise => found.precision = machine::precision(probe, config),
        Some(_) => {}
        None => found.differences.extend(measured.other_frequencies(rope)),
    }
    Ok(())
}

/// The axis and the frequency of every plane; none if the angles make no sense.
fn turnings(
    probe: &mut Probe,
    structure: &planes::Structure,
    found: &mut Identified,
) -> Result<Option<Vec<(usize, Turning)>>, String> {
    let positions = ladder(probe.furthest(NEAR));
    let places: Vec<Position> = positions.iter().copied().map(Position::integer).collect();
    let mut vector = vec![0.0; probe.head_dim];
    structure.pairs.iter().for_each(|pair| vector[pair.re] = 1.0);
    let mut all: Vec<Option<(usize, Turning)>> = vec![None; structure.pairs.len()];
    let inside = match probe.dtype {
        Dtype::F64 => libm::ldexp(1.0, -52),
        _ => libm::ldexp(1.0, -23),
    };
    for axis in 0..probe.axes {
        let rows = probe.vectors_at(&|_| vector.clone(), axis, &places)?;
        for (index, pair) in structure.pairs.iter().enumerate() {
            let place = |coordinate: usize| match &structure.moved {
                Some(to) => to[coordinate],
                None => coordinate,
            };
            let angle = |row: &Vec<f64>| libm::atan2(row[place(pair.im)], row[place(pair.re)]);
            let list: Vec<(i64, f64)> =
                positions.iter().copied().zip(rows.iter().map(angle)).collect();
            if list.iter().all(|(_, angle)| *angle == 0.0) {
                continue;
            }
            let turning = unwrap(&list, probe.spacing(), inside);
            if let Some((other, _)) = all[index] {
                found.unknown.push(format!(
                    "coordinates {} and {} are turned by axis {other} and by axis {axis}",
                    pair.re, pair.im
                ));
                return Ok(None);
            }
            all[index] = Some((axis, turning));
        }
    }
    let bends: Vec<i64> = all.iter().flatten().filter_map(|(_, t)| t.bends_at).collect();
    if let Some(first) = bends.iter().min() {
        found.unknown.push(format!(
            "{} of {} angles are not proportional to the position, from position {first} on",
            bends.len(),
            all.len()
        ));
    }
    let still = (0, Turning { theta: 0.0, error: f64::MIN_POSITIVE, bends_at: None });
    Ok(Some(all.into_iter().map(|one| one.unwrap_or(still)).collect()))
}

/// The planes that turn, as they are compared with configs.
fn placed(
    probe: &Probe,
    structure: &planes::Structure,
    all: Vec<(usize, Turning)>,
    magnitude: f64,
    found: &mut Identified,
) -> Measured {
    let list = || structure.pairs.iter().zip(&all);
    found.planes = list()
        .map(|(pair, (axis, t))| FoundPlane {
            re: pair.re,
            im: pair.im,
            axis: *axis,
            theta: t.theta,
            error: t.error,
        })
        .collect();
    Measured {
        pairs: structure.pairs.clone(),
        axes: all.iter().map(|(axis, _)| *axis).collect(),
        turning: all.iter().map(|(_, turning)| *turning).collect(),
        magnitude,
        slack: 4.0 * probe.epsilon() * magnitude,
        seq_len: probe.seq_len,
        located: true,
    }
}

/// The keys of head, layout, slice and axes that the planes have.
fn shape(probe: &Probe, measured: &Measured) -> Object {
    let mut shape = Object::default();
    shape.set("head_dim", Json::from(probe.head_dim));
    let declared = |key: &str| probe.config.get(key).cloned();
    let slice = planes::slice(&measured.pairs);
    let layout = slice.and_then(|s| s.layout).map(|layout| Json::from(layout.name()));
    shape.set("layout", layout.or(declared("layout")).unwrap_or(Json::from("half")));
    if let Some(slice) = slice {
        shape.set("rotary_dim", Json::from(slice.rotary_dim));
        shape.set("rotary_offset", Json::from(slice.rotary_offset));
    }
    if probe.axes > 1 && declared("mrope_section").is_some() {
        // Chunks as they follow each other; interleaved ones by counting.
        let count = |axis: usize| measured.axes.iter().filter(|&&a| a == axis).count();
        let counts: Vec<usize> = (0..probe.axes).map(count).collect();
        let chunked = measured.axes.windows(2).all(|w| w[0] <= w[1]);
        let list = counts.iter().map(|&n| Json::from(n)).collect();
        shape.set("mrope_section", Json::Array(list));
        shape.set("mrope_interleaved", Json::Bool(!chunked));
    }
    shape
}
