//! Tables of powers in fixed point, and a walker that goes from position to position.

use super::fixed::Fixed;
use super::output::Output;
use super::output::Row;
use super::seed::Seeds;
use std::sync::OnceLock;

/// Bits of a position that the short table has: 128 rows, a quarter megabyte for 64 planes in
/// double-double, so that it stays in a second-level cache.
pub(super) const SHORT_BITS: u32 = 7;
/// Bits of a digit of the rest.
const DIGIT_BITS: u32 = 6;
/// Digits that positions up to 2^62 have beyond the short table.
const DIGITS: u32 = (63 - SHORT_BITS).div_ceil(DIGIT_BITS);

/// Powers e^{i·d·2^first·θ}, d = 0 … 2^bits − 1, one row of planes after the other.
///
/// Row d is the row without d's highest bit times the seed of that bit, so that an entry is a
/// product of as many seeds as d has bits set.
fn powers(seeds: &Seeds, first: u32, bits: u32, planes: usize) -> Vec<Fixed> {
    let mut rows = vec![Fixed::ONE; planes << bits];
    for (bit, seed) in seeds.rows(first, bits).iter().enumerate() {
        let (done, rest) = rows.split_at_mut(planes << bit);
        for (from, to) in done.chunks_exact(planes.max(1)).zip(rest.chunks_exact_mut(planes.max(1)))
        {
            for ((to, from), seed) in to.iter_mut().zip(from).zip(seed) {
                *to = from.times(*seed);
            }
        }
    }
    rows
}

/// Rounds a row for the kernel, eight planes at a time, the last group filled up with zeros.
fn extend<E: Row>(row: &[Fixed], scale: f64, out: &mut Vec<E>) {
    for group in row.chunks(8) {
        let mut planes = [Fixed::ZERO; 8];
        planes[..group.len()].copy_from_slice(group);
        out.push(E::new(&planes, scale));
    }
}

/// All tables of a ladder; those of high digits are made when a position first needs them.
pub(super) struct Rungs<O: Output> {
    seeds: Seeds,
    planes: usize,
    anchor: Vec<Fixed>,
    scale: f64,
    short: Vec<O::Entry>,
    digits: [OnceLock<Vec<Fixed>>; DIGITS as usize],
}

impl<O: Output> Rungs<O> {
    /// `anchor` is the value at position 0 divided by `scale`, the same for every plane.
    pub(super) fn new(seeds: Seeds, planes: usize, anchor: Fixed, scale: f64) -> Rungs<O> {
        let mut short = Vec::with_capacity(planes.div_ceil(8) << SHORT_BITS);
        let rows = powers(&seeds, 0, SHORT_BITS, planes);
        for row in rows.chunks_exact(planes.max(1)) {
            extend(row, 1.0, &mut short);
        }
        let anchor = vec![anchor; planes];
        Rungs { seeds, planes, anchor, scale, short, digits: Default::default() }
    }

    /// The short table from row `first` on, groups of eight planes.
    pub(super) fn short(&self, first: usize) -> &[O::Entry] {
        &self.short[first * self.planes.div_ceil(8)..]
    }

    /// The power of two above the magnitude.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    fn digit_table(&self, digit: usize) -> &[Fixed] {
        let first = SHORT_BITS + DIGIT_BITS * digit as u32;
        self.digits[digit]
            .get_or_init(|| powers(&self.seeds, first, DIGIT_BITS.min(63 - first), self.planes))
    }

    /// A walker that stands nowhere yet.
    pub(super) fn walk(&self) -> Walk<'_, O> {
        let levels = vec![Vec::new(); DIGITS as usize];
        Walk { rungs: self, at: None, levels, row: Vec::new() }
    }
}

/// Goes from one multiple of 2^[`SHORT_BITS`] to the next, and multiplies only the digits that
/// changed.
pub(super) struct Walk<'a, O: Output> {
    rungs: &'a Rungs<O>,
    at: Option<i64>,
    /// levels[k]: the product of the anchor and of all digits from k on.
    levels: Vec<Vec<Fixed>>,
    row: Vec<O::Entry>,
}

impl<O: Output> Walk<'_, O> {
    /// The row at position `high`·2^[`SHORT_BITS`], in groups of eight planes.
    ///
    /// The value depends on the position alone, not on where the walker comes from. Below zero it
    /// is the conjugate of the one above.
    pub(super) fn go(&mut self, high: i64) -> &[O::Entry] {
        if self.at == Some(high) {
            return &self.row;
        }
        let target = high.unsigned_abs();
        // Digits up to the highest that changes.
        let changed = match self.at {
            Some(old) => 64 - (old.unsigned_abs() ^ target).leading_zeros(),
            None => DIGIT_BITS * DIGITS,
        };
        for k in (0..changed.div_ceil(DIGIT_BITS).min(DIGITS) as usize).rev() {
            let digit = target >> (DIGIT_BITS * k as u32) & ((1 << DIGIT_BITS) - 1);
            let (low, above) = self.levels.split_at_mut(k + 1);
            let above = above.first().unwrap_or(&self.rungs.anchor);
            let level = &mut low[k];
            level.clear();
            if digit == 0 {
                level.extend_from_slice(above);
                continue;
            }
            let planes = self.rungs.planes;
            let factors = &self.rungs.digit_table(k)[digit as usize * planes..][..planes];
            level.extend(above.iter().zip(factors).map(|(a, b)| a.times(*b)));
        }
        self.row.clear();
        match high < 0 {
            true => {
                let turned: Vec<Fixed> = self.levels[0].iter().map(|z| z.conjugate()).collect();
                extend(&turned, self.rungs.scale, &mut self.row);
            }
            false => extend(&self.levels[0], self.rungs.scale, &mut self.row),
        }
        self.at = Some(high);
        &self.row
    }

    /// The row where it stands.
    pub(super) fn row(&self) -> &[O::Entry] {
        &self.row
    }

    /// The fixed-point row it stands at, of |position|.
    #[cfg(test)]
    pub(super) fn high_row(&self) -> &[Fixed] {
        &self.levels[0]
    }
}
