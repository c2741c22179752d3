//! Which coordinates turn together, from the map at a few positions.

use super::probe::Matrix;
use crate::encoding::{Layout, Pair};

/// What a kernel mixes with what.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Structure {
    /// The planes, in the order of the declared ones where they agree, else by coordinate.
    pub(super) pairs: Vec<Pair>,
    /// Coordinates that no other takes part in.
    pub(super) alone: Vec<usize>,
    /// Where position 0 puts each coordinate, if that is somewhere else.
    pub(super) moved: Option<Vec<usize>>,
}

/// The planes of some maps of one kernel; the first is at position 0.
///
/// # Errors
/// A sentence, if the coordinates do not fall into planes.
pub(super) fn planes(
    matrices: &mut [Matrix],
    declared: &[Pair],
    epsilon: f64,
) -> Result<Structure, String> {
    match components(matrices, declared, epsilon) {
        Ok((pairs, alone)) => Ok(Structure { pairs, alone, moved: None }),
        Err(why) => {
            // Perhaps only the order of what is stored is another: undo what position 0 does.
            let Some(moved) = permutation(&matrices[0], epsilon) else { return Err(why) };
            for matrix in matrices.iter_mut() {
                for column in &mut matrix.columns {
                    *column = moved.iter().map(|&row| column[row]).collect();
                }
            }
            let (pairs, alone) = components(matrices, declared, epsilon)?;
            Ok(Structure { pairs, alone, moved: Some(moved) })
        }
    }
}

/// Where each coordinate goes, if the map is a permutation (up to positive factors) and not the
/// identity.
fn permutation(matrix: &Matrix, epsilon: f64) -> Option<Vec<usize>> {
    let dim = matrix.columns.len();
    let mut to = Vec::with_capacity(dim);
    for column in &matrix.columns {
        let mut large = (0..dim).filter(|&row| column[row].abs() > 8.0 * epsilon);
        let row = large.next()?;
        (large.next().is_none() && column[row] > 0.0).then_some(())?;
        to.push(row);
    }
    let mut sorted = to.clone();
    sorted.sort_unstable();
    (sorted.iter().enumerate().all(|(i, &row)| i == row) && to != sorted).then_some(to)
}

fn components(
    matrices: &[Matrix],
    declared: &[Pair],
    epsilon: f64,
) -> Result<(Vec<Pair>, Vec<usize>), String> {
    let dim = matrices.first().map_or(0, |m| m.columns.len());
    let mut partner: Vec<Option<usize>> = vec![None; dim];
    for matrix in matrices {
        for column in 0..dim {
            for row in (0..dim).filter(|&row| row != column) {
                // A component of a rotation by the smallest of angles is far above rounding.
                if matrix.get(row, column).abs() <= epsilon * epsilon {
                    continue;
                }
                for (a, b) in [(row, column), (column, row)] {
                    match partner[a] {
                        None => partner[a] = Some(b),
                        Some(known) if known == b => {}
                        Some(known) => {
                            return Err(format!(
                                "coordinate {a} is mixed with both {known} and {b}: these are no \
                                 planes"
                            ));
                        }
                    }
                }
            }
        }
    }
    let alone = (0..dim).filter(|&i| partner[i].is_none()).collect();
    let found: Vec<Pair> = (0..dim)
        .filter_map(|re| partner[re].filter(|&im| im > re).map(|im| Pair { re, im }))
        .collect();
    // Named as the declared planes are.
    let has = |list: &[Pair], pair: &Pair| {
        list.iter()
            .any(|p| (p.re, p.im) == (pair.re, pair.im) || (p.im, p.re) == (pair.re, pair.im))
    };
    let mut pairs: Vec<Pair> = declared.iter().filter(|pair| has(&found, pair)).copied().collect();
    if pairs.len() != found.len() {
        pairs = found;
    }
    Ok((pairs, alone))
}

/// The slice, the layout and the width that planes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// None where one plane has both.
    pub(super) layout: Option<Layout>,
    pub(super) rotary_dim: usize,
    pub(super) rotary_offset: usize,
}

/// The slice that planes fill, in the order of their frequencies; none if they fill none as a
/// layout does.
pub(super) fn slice(pairs: &[Pair]) -> Option<Slice> {
    let count = pairs.len();
    let offset = pairs.iter().flat_map(|p| [p.re, p.im]).min()?;
    let fits = |layout: Layout| {
        let all = (0..count).map(|i| layout.pair(i, count, offset));
        all.zip(pairs).all(|(a, b)| a == *b)
    };
    let layouts: Vec<Layout> = Layout::ALL.into_iter().filter(|l| fits(*l)).collect();
    let layout = match layouts[..] {
        [one] => Some(one),
        [_, _] => None,
        // Half layout with planes at its end that never turn.
        _ => {
            let width = pairs[0].im.checked_sub(pairs[0].re)?;
            let regular = pairs
                .iter()
                .enumerate()
                .all(|(i, p)| (p.re, p.im) == (offset + i, offset + i + width) && width > count);
            return regular.then_some(Slice {
                layout: Some(Layout::Half),
                rotary_dim: 2 * width,
                rotary_offset: offset,
            });
        }
    };
    Some(Slice { layout, rotary_dim: 2 * count, rotary_offset: offset })
}

/// Whether the block of a plane is a rotation times a factor, its angle and the factor.
pub(super) fn turn(matrix: &Matrix, pair: &Pair, epsilon: f64) -> Result<(f64, f64), String> {
    let (a, b) = (matrix.get(pair.re, pair.re), matrix.get(pair.re, pair.im));
    let (c, d) = (matrix.get(pair.im, pair.re), matrix.get(pair.im, pair.im));
    let size = libm::hypot(a, c).max(libm::hypot(b, d));
    let slack = 8.0 * epsilon * size;
    if (a - d).abs() > slack || (b + c).abs() > slack {
        return Err(format!(
            "the block of coordinates {} and {} is [[{a:.5}, {b:.5}], [{c:.5}, {d:.5}]], which is \
             no rotation",
            pair.re, pair.im
        ));
    }
    Ok((libm::atan2(c, a), libm::hypot(a, c)))
}
