//! The permutation of query and key weights between the two layouts.

use super::config::is_known_key;
use super::key::{Checked, invalid};
use super::rope::Layout;
use super::tables::PERMUTE_KEYS;
use crate::request::{Object, Reject, Slug};

/// A checked permutation config.
#[derive(Clone, Debug)]
pub struct Permutation {
    /// Heads of this weight.
    pub num_heads: usize,
    /// Rows per head.
    pub head_dim: usize,
    /// Leading rows of each head that are permuted.
    pub rotary_dim: usize,
    /// The normalised config.
    pub config: Object,
}

impl Permutation {
    /// Checks a config.
    ///
    /// # Errors
    /// Every rejection about keys and values, `odd_rotary_dim`.
    pub fn new(config: &Object) -> Result<Permutation, Reject> {
        let mut checked = Checked::new(config, PERMUTE_KEYS, is_known_key, "permute_qk")?;
        let head_dim = checked.size("head_dim").unwrap_or_default();
        let rotary_dim = checked.size("rotary_dim").unwrap_or(head_dim);
        if !(2..=head_dim).contains(&rotary_dim) {
            return Err(invalid("rotary_dim", rotary_dim, format!("from 2 to {head_dim}")));
        }
        if rotary_dim % 2 != 0 {
            return Err(Slug::OddRotaryDim
                .because(format!("rotary_dim is {rotary_dim}, allowed is an even number")));
        }
        checked.set("rotary_dim", rotary_dim.into());
        let num_heads = checked.size("num_heads").unwrap_or_default();
        Ok(Permutation { num_heads, head_dim, rotary_dim, config: checked.object().clone() })
    }

    /// For every row of the result, the row of the input that it copies.
    ///
    /// Coordinate j of pair i sits at `Layout::pair(i)` in either layout, so the permutation is
    /// read off the layouts themselves.
    ///
    /// ```
    /// use ropewalk::encoding::{Layout, Permutation};
    /// let heads = Permutation { num_heads: 2, head_dim: 4, rotary_dim: 4, config: Default::default() };
    /// assert_eq!(heads.sources(Layout::Half), [0, 2, 1, 3, 4, 6, 5, 7]);
    /// ```
    pub fn sources(&self, to: Layout) -> Vec<usize> {
        let from = match to {
            Layout::Half => Layout::Interleaved,
            Layout::Interleaved => Layout::Half,
        };
        let mut rows: Vec<usize> = (0..self.num_heads * self.head_dim).collect();
        let pairs = self.rotary_dim / 2;
        for head in 0..self.num_heads {
            for index in 0..pairs {
                let offset = head * self.head_dim;
                let (source, target) =
                    (from.pair(index, pairs, offset), to.pair(index, pairs, offset));
                rows[target.re] = source.re;
                rows[target.im] = source.im;
            }
        }
        rows
    }
}
