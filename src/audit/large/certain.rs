//! Whether rows are certainly right, and not a word about how far off they are: then the right answers
//! need not be rounded, which takes most of the time.

use super::{Along, LargeJudge, Pair};
use crate::audit::judge::error::wide;
use crate::number::Format;

/// Rows to be looked at: whole rows of head_dim elements, as bits.
pub struct Glance<'a> {
    /// The position of a row on an axis.
    pub position: &'a (dyn Fn(usize, usize) -> i64 + Sync),
    /// What went in.
    pub input: &'a [u64],
    /// What came out.
    pub got: &'a [u64],
    /// What is right, as [`Rotator::near`](crate::exact::bulk::Rotator::near) has it.
    pub near: &'a [f64],
}

/// What is seen at a glance.
#[derive(Debug, Default)]
pub struct Seen {
    /// Rows that are not certainly right.
    pub open: Vec<usize>,
    /// Elements of the others that show something: no zeros.
    pub telling: usize,
}

impl LargeJudge<'_> {
    /// Which rows have an element that is not certainly within its bounds.
    pub fn glance(&self, rows: &Glance) -> Seen {
        // As in `judge`: compiled for its own formats each.
        match self.formats {
            [Format::F32, Format::F32] => self.seen([Format::F32; 2], rows),
            [Format::BF16, Format::BF16] => self.seen([Format::BF16; 2], rows),
            [Format::F16, Format::F16] => self.seen([Format::F16; 2], rows),
            formats => self.seen(formats, rows),
        }
    }

    #[inline(always)]
    fn seen(&self, formats: [Format; 2], rows: &Glance) -> Seen {
        let dim = self.rope.head_dim;
        let mut seen = Seen::default();
        for row in 0..rows.got.len() / dim {
            let at = row * dim..(row + 1) * dim;
            let (input, got) = (&rows.input[at.clone()], &rows.got[at.clone()]);
            match self.telling(formats, Along::new(rows.position, row), input, got, &rows.near[at])
            {
                Some(telling) => seen.telling += telling,
                None => seen.open.push(row),
            }
        }
        seen
    }

    /// How many elements of a row show something; none if one is not certainly right.
    #[inline(always)]
    fn telling(
        &self,
        [from, to]: [Format; 2],
        mut along: Along,
        input: &[u64],
        got: &[u64],
        near: &[f64],
    ) -> Option<usize> {
        // A copy into another format is rounded, which is not done here.
        let same = |i: usize| from == to && got[i] == input[i] && to.is_finite(got[i]);
        let mut telling = 0;
        for (index, plane) in self.rope.planes.iter().enumerate() {
            let both = [plane.pair.re, plane.pair.im];
            let [z, answer, right] = [
                both.map(|i| wide(from, input[i])),
                both.map(|i| wide(to, got[i])),
                both.map(|i| near[i]),
            ];
            let size = (z[0] * z[0] + z[1] * z[1]).sqrt();
            // Four times what they are known to.
            let blur = (right[0].abs() + right[1].abs()) * 2f64.powi(-50);
            let off = [0, 1].map(|i| (answer[i] - right[i]).abs() + blur);
            let pair = Pair {
                z,
                size,
                got: answer,
                off: off.map(|off| (!off.is_nan()).then_some(off)),
                same: both.map(same),
            };
            if !self.pair(index, along.axis(plane.axis), &pair) {
                return None;
            }
            telling += if size == 0.0 { 0 } else { 2 };
        }
        if !self.outside.iter().all(|&i| same(i)) {
            return None;
        }
        Some(telling + self.outside.iter().filter(|&&i| !from.is_zero(input[i])).count())
    }
}
