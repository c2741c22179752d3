//! What explains a tensor that is wrong: a block of it, cut so that wrong rows and right ones of
//! every kind are in it, as a case of an audit.

use super::failure::Failure;
use super::rows::Dump;
use crate::audit::{Answered, Description, Large, LargeJudge, Options, Outcome, Report, judge_all};
use crate::profile::Profile;

/// Elements of the block.
const MOST: usize = 1 << 17;

/// Indices of an axis: all if they are few, else wrong ones with their neighbours, and others.
fn some(length: usize, wrong: &[usize], most: usize) -> Vec<usize> {
    if length <= most {
        return (0..length).collect();
    }
    let spread = |list: &[usize], count: usize| -> Vec<usize> {
        list.iter().step_by(list.len().div_ceil(count.max(1)).max(1)).copied().collect()
    };
    let inner = wrong.windows(2).filter(|w| w[0] + 1 != w[1]).flat_map(|w| [w[0], w[1]]);
    let ends = [wrong.first(), wrong.last()].into_iter().flatten().copied();
    let edges: Vec<usize> = ends.chain(inner).collect();
    let mut list: Vec<usize> = (0..most / 4).collect();
    for index in spread(&edges, most / 8) {
        list.extend([index.saturating_sub(1), index, index + 1]);
    }
    list.extend(spread(wrong, most / 4));
    // No step that a fault may have.
    list.extend((0..most / 8).map(|i| i.wrapping_mul(0x9e37_79b9) % length));
    list.push(length - 1);
    list.retain(|&index| index < length);
    list.sort_unstable();
    list.dedup();
    list
}

/// The indices of wrong rows on an axis: batch, head, token.
pub(super) fn indices(dump: &Dump, large: &Large, axis: usize) -> Vec<usize> {
    let mut list: Vec<usize> =
        large.rows.iter().map(|&row| dump.geometry.split(row)[axis]).collect();
    list.sort_unstable();
    list.dedup();
    list
}

/// An audit of the block.
pub(super) fn explain(
    given: Option<Profile>,
    dump: &Dump,
    judge: &LargeJudge,
    large: &Large,
) -> Result<Report, Failure> {
    let lengths = dump.geometry.lengths;
    let wrong = [0, 1, 2].map(|axis| indices(dump, large, axis));
    let whole: usize = lengths.iter().product::<usize>() * dump.geometry.dim;
    let cut = match whole <= MOST {
        true => lengths.map(|length| (0..length).collect()),
        false => {
            let batches = some(lengths[0], &wrong[0], 4);
            let room = MOST / dump.geometry.dim / batches.len();
            let heads = some(lengths[1], &wrong[1], (room / 32).clamp(4, 40));
            let tokens = some(lengths[2], &wrong[2], (room / heads.len()).max(16));
            [batches, heads, tokens]
        }
    };
    let options = Options {
        door: "a dump".into(),
        profile: given,
        twice: false,
        cut: Some(&cut),
        ..Options::default()
    };
    let (case, got) = dump.case(judge, &cut)?;
    let output = Outcome::Output(vec![("q".to_string(), got)]);
    let asked = Answered { case: 0, outcome: Ok(output), fickle: false, broke: None };
    Ok(judge_all(&[case], &[asked], Description::named("dump"), &options))
}
