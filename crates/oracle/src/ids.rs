//! Position ids, by the reshapes and transpositions that libraries use.

use super::read::Finite;
use super::{SecondError, SecondOracle, Target};
use ropewalk::encoding::{Cls, Grids, IdSource, Order, Pace, PositionIds, Segment};
use ropewalk::number::{Dtype, Tensor};
use rug::{Integer, Rational};

/// Positions, their shape, and what stands beside them.
type Ids = (Vec<u64>, Vec<usize>, Option<(&'static str, Vec<usize>, Vec<u64>)>);

impl SecondOracle {
    /// The integer tensors of `position_ids`.
    pub(super) fn position_ids(
        &self,
        p: &PositionIds,
    ) -> Result<Vec<(&'static str, Tensor)>, SecondError> {
        let (ids, shape, beside) = match &p.source {
            IdSource::CumulativeLengths(bounds) => {
                let ids: Vec<u64> = lengths(bounds).into_iter().flat_map(|n| 0..n).collect();
                let shape = vec![1, ids.len()];
                (ids, shape, None)
            }
            IdSource::AttentionMask(mask) => masked(mask),
            IdSource::ContextParallel { cumulative, size, rank } => {
                zigzag(cumulative, *size as usize, *rank as usize)
            }
            IdSource::Segments(segments) => rope_index(segments)?,
            IdSource::Grids(grids) => {
                let [rows, columns] = [0, 1].map(|axis| patches(grids, axis));
                let shape = vec![2, 1, rows.len()];
                ([rows, columns].concat(), shape, None)
            }
        };
        let mut tensors = vec![("positions", super::tensor(Dtype::I64, shape, ids)?)];
        if let Some((name, shape, data)) = beside {
            tensors.push((name, super::tensor(Dtype::I64, shape, data)?));
        }
        Ok(tensors)
    }
}

/// cu_seqlens[1:] − cu_seqlens[:-1].
fn lengths(bounds: &[i64]) -> Vec<u64> {
    let length = |pair: &[i64]| (Integer::from(pair[1]) - pair[0]).to_u64().unwrap_or_default();
    bounds.windows(2).map(length).collect()
}

/// (cumsum(mask) − 1) · mask.
fn masked(mask: &Tensor) -> Ids {
    let shape = mask.shape().to_vec();
    let seq = shape.last().copied().unwrap_or_default();
    let mut sum = 0;
    let mut ids = Vec::with_capacity(mask.data().len());
    for (index, &real) in mask.data().iter().enumerate() {
        if index % seq == 0 {
            sum = 0;
        }
        sum += real;
        ids.push((sum * real).saturating_sub(real));
    }
    (ids, shape, None)
}

/// Each sequence as view(2 · cp_size, −1), and index_select of [cp_rank, 2 · cp_size − cp_rank − 1].
fn zigzag(bounds: &[i64], size: usize, rank: usize) -> Ids {
    let (mut ids, mut indices) = (Vec::new(), Vec::new());
    let mut start = 0;
    for length in lengths(bounds) {
        let sequence: Vec<u64> = (0..length).collect();
        let view: Vec<&[u64]> = sequence.chunks((length as usize / (2 * size)).max(1)).collect();
        for held in [rank, 2 * size - rank - 1] {
            for &id in view.get(held).copied().unwrap_or_default() {
                ids.push(id);
                indices.push(start + id);
            }
        }
        start += length;
    }
    let shape = vec![1, ids.len()];
    (ids, shape.clone(), Some(("indices", shape, indices)))
}

/// `get_rope_index`: blocks of ids, each from st_idx = max of the block before + 1.
fn rope_index(segments: &[Segment]) -> Result<Ids, SecondError> {
    let mut blocks: Vec<[Vec<Integer>; 3]> = Vec::new();
    let mut st_idx = Integer::new();
    for segment in segments {
        let block = match segment {
            Segment::Text(count) => [0; 3].map(|_| (0..*count).map(Integer::from).collect()),
            Segment::Grid { thw: [t, h, w], pace } => {
                let t_index = (0..*t).map(|f| time(f, pace)).collect::<Result<Vec<_>, _>>()?;
                let mut block = [const { Vec::new() }; 3];
                for t_index in &t_index {
                    for place in 0..h * w {
                        block[0].push(t_index.clone());
                        block[1].push(Integer::from(place / w));
                        block[2].push(Integer::from(place % w));
                    }
                }
                block
            }
        };
        let block = block.map(|axis| axis.into_iter().map(|id| id + &st_idx).collect::<Vec<_>>());
        if let Some(most) = block.iter().flatten().max() {
            st_idx = Integer::from(most + 1);
        }
        blocks.push(block);
    }
    let axis = |axis: usize| blocks.iter().flat_map(move |block| &block[axis]);
    let ids: Vec<u64> = (0..3).flat_map(axis).map(Integer::to_u64_wrapping).collect();
    let delta = (st_idx - ids.len() as u64 / 3).to_u64_wrapping();
    let shape = vec![3, 1, ids.len() / 3];
    Ok((ids, shape, Some(("rope_delta", vec![], vec![delta]))))
}

/// frame · second_per_grid_t · tokens_per_second, truncated.
fn time(frame: usize, pace: &Option<Pace>) -> Result<Integer, SecondError> {
    let mut time = Rational::from(frame);
    if let Some(pace) = pace {
        for factor in [pace.seconds_per_grid, pace.tokens_per_second] {
            let factor = Target::F64.finite(factor.to_bits()).map(Finite::rational);
            time *= factor.ok_or_else(|| SecondError::Unsupported("such a pace".into()))?;
        }
    }
    Ok(time.trunc().into_numer_denom().0)
}

/// `rot_pos_emb`: hpos_ids or wpos_ids of a frame, reshaped to (h/m, m, w/m, m), permuted by
/// (0, 2, 1, 3), flattened, repeated t times.
fn patches(grids: &Grids, axis: usize) -> Vec<u64> {
    let first = grids.first as u64;
    let m = if let Order::MergeBlock(m) = grids.order { m } else { 1 };
    let mut ids = Vec::new();
    for &[t, h, w] in &grids.grids {
        let plain = |place: usize| if axis == 0 { place / w } else { place % w };
        let plain: Vec<u64> = (0..h * w).map(|place| plain(place) as u64 + first).collect();
        let mut frame = Vec::with_capacity(h * w);
        // Strides of (h/m, m, w/m, m) are (m·w, w, m, 1).
        for a in 0..h / m {
            for c in 0..w / m {
                for b in 0..m {
                    frame.extend((0..m).map(|d| plain[a * m * w + b * w + c * m + d]));
                }
            }
        }
        // id_cls_token is not turned: angle 0.
        ids.extend((grids.cls == Some(Cls::First)).then_some(0));
        ids.extend(std::iter::repeat_n(frame, t).flatten());
        ids.extend((grids.cls == Some(Cls::Last)).then_some(0));
    }
    ids
}
