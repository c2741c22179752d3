//! Rows and columns of image patches, for vision towers.

/// In which order the patches of an image are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Row by row.
    Raster,
    /// Blocks of m × m patches, which a merger will join: blocks row by row, and patches row by row
    /// inside each (Qwen2-VL and its successors, m = 2).
    MergeBlock(usize),
}

/// Where the token that stands for the whole image is. It has position 0 on both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cls {
    /// Before the patches.
    First,
    /// After them (Llama 4).
    Last,
}

/// Images or videos, each a grid of t frames of h × w patches, one after the other.
///
/// Sources: Transformers `rot_pos_emb` of Qwen2-VL (merge blocks), `modeling_pixtral.py` (raster),
/// `modeling_llama4.py` (raster, counted from 1, the class token last at 0).
///
/// Surprises: Qwen's towers do not list patches row by row; Llama 4 counts from 1 so that its class
/// token alone is not turned. The frames of a video have the same positions: these towers do not
/// encode time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grids {
    /// [t, h, w] of each, all at least 1; for [`Order::MergeBlock`] h and w are multiples of m.
    pub grids: Vec<[usize; 3]>,
    /// The order of the patches of a frame.
    pub order: Order,
    /// The number of the first row and of the first column.
    pub first: i64,
    /// The class token of each grid, if there is one.
    pub cls: Option<Cls>,
}

impl Grids {
    /// Tokens of all grids; none if they are too many to count.
    pub fn tokens(&self) -> Option<usize> {
        self.grids.iter().try_fold(0usize, |total, [t, h, w]| {
            let patches = t.checked_mul(*h)?.checked_mul(*w)?;
            total.checked_add(patches)?.checked_add(self.cls.is_some() as usize)
        })
    }

    /// The axes [y, x] of every token.
    ///
    /// ```
    /// use ropewalk::encoding::{Grids, Order};
    /// let two_by_four = Grids {
    ///     grids: vec![[1, 2, 4]], order: Order::MergeBlock(2), first: 0, cls: None,
    /// };
    /// let [y, x] = two_by_four.positions();
    /// assert_eq!(y, [0, 0, 1, 1, 0, 0, 1, 1]);
    /// assert_eq!(x, [0, 1, 0, 1, 2, 3, 2, 3]);
    /// ```
    pub fn positions(&self) -> [Vec<i64>; 2] {
        let mut axes = [Vec::new(), Vec::new()];
        let mut push = |y: i64, x: i64| {
            axes[0].push(y);
            axes[1].push(x);
        };
        let block = match self.order {
            Order::Raster => 1,
            Order::MergeBlock(merge) => merge.max(1),
        };
        for &[frames, rows, columns] in &self.grids {
            if self.cls == Some(Cls::First) {
                push(0, 0);
            }
            for _ in 0..frames {
                for top in (0..rows).step_by(block) {
                    for left in (0..columns).step_by(block) {
                        for y in top..top + block {
                            for x in left..left + block {
                                push(self.first + y as i64, self.first + x as i64);
                            }
                        }
                    }
                }
            }
            if self.cls == Some(Cls::Last) {
                push(0, 0);
            }
        }
        axes
    }
}
