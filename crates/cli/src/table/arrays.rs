//! Which arrays a file has, and how rows become their bytes.

use super::super::CliError;
use super::Arrangement;
use ropewalk::encoding::Pair;
use ropewalk::exact::ladder::Output;
use ropewalk::number::Dtype;
use std::borrow::Cow;
use zerocopy::IntoBytes;

/// One array of a file.
pub(super) struct Array {
    /// Its name, where the format has names.
    pub(super) name: &'static str,
    /// Lengths of its axes.
    pub(super) shape: Vec<u64>,
    /// How many streams of bytes follow each other in it.
    pub(super) streams: u64,
}

/// The arrays of a file. A stream is what grows from block to block: the cosines, the sines, or
/// both mixed.
pub(super) struct Arrays {
    arrangement: Arrangement,
    /// The plane of each coordinate of the rotated slice.
    columns: Vec<usize>,
    pub(super) dtype: Dtype,
    rows: u64,
    planes: u64,
}

impl Arrays {
    /// # Errors
    /// If the table would be larger than any file.
    pub(super) fn new(
        arrangement: Arrangement,
        pairs: &[Pair],
        dtype: Dtype,
        rows: usize,
    ) -> Result<Arrays, CliError> {
        let planes = pairs.len();
        let bytes = (rows as u64).checked_mul(planes as u64).and_then(|n| n.checked_mul(64));
        match bytes {
            Some(bytes) if bytes < 1 << 62 => {
                let (rows, planes) = (rows as u64, planes as u64);
                Ok(Arrays { arrangement, columns: columns(pairs), dtype, rows, planes })
            }
            _ => Err(CliError::Usage(format!("{rows} positions × {planes} planes fit no file"))),
        }
    }

    /// Bytes of a number.
    fn size(&self) -> u64 {
        self.dtype.digits() as u64 / 2
    }

    /// Number of streams.
    pub(super) fn streams(&self) -> usize {
        match self.arrangement {
            Arrangement::CosSin | Arrangement::Duplicated => 2,
            Arrangement::Complex | Arrangement::Concat => 1,
        }
    }

    /// Bytes of a stream.
    pub(super) fn stream_bytes(&self) -> u64 {
        let wide = if self.arrangement == Arrangement::CosSin { 1 } else { 2 };
        self.rows * self.planes * wide * self.size()
    }

    /// The arrays. `single` puts everything into one, for a format that has no more.
    pub(super) fn list(&self, single: bool) -> Vec<Array> {
        let Arrays { rows, planes, .. } = *self;
        let width = if self.arrangement == Arrangement::CosSin { planes } else { 2 * planes };
        match self.arrangement {
            Arrangement::Complex => {
                vec![Array { name: "table", shape: vec![rows, planes, 2], streams: 1 }]
            }
            Arrangement::Concat => {
                vec![Array { name: "table", shape: vec![rows, width], streams: 1 }]
            }
            _ if single => vec![Array { name: "table", shape: vec![2, rows, width], streams: 2 }],
            _ => ["cos", "sin"]
                .map(|name| Array { name, shape: vec![rows, width], streams: 1 })
                .into(),
        }
    }

    /// Whether numpy can see the pairs as complex numbers.
    pub(super) fn is_complex(&self) -> bool {
        self.arrangement == Arrangement::Complex && matches!(self.dtype, Dtype::F64 | Dtype::F32)
    }

    /// What a block of rows adds to a stream; `room` is for those that are arranged anew.
    pub(super) fn arranged<'a, O: Output>(
        &self,
        stream: usize,
        cos: &'a [O],
        sin: &'a [O],
        room: &'a mut Vec<O>,
    ) -> &'a [O] {
        let own = if stream == 0 { cos } else { sin };
        if self.arrangement == Arrangement::CosSin {
            return own;
        }
        let planes = (self.planes as usize).max(1);
        room.resize(2 * own.len(), O::default());
        let rows = room.chunks_exact_mut(2 * planes);
        match self.arrangement {
            Arrangement::Complex => {
                let pairs = cos.iter().zip(sin).map(|(c, s)| [*c, *s]);
                room.as_chunks_mut().0.iter_mut().zip(pairs).for_each(|(slot, pair)| *slot = pair);
            }
            Arrangement::Concat => {
                let halves = cos.chunks_exact(planes).zip(sin.chunks_exact(planes));
                for (row, (c, s)) in rows.zip(halves) {
                    row[..planes].copy_from_slice(c);
                    row[planes..].copy_from_slice(s);
                }
            }
            _ => {
                for (row, own) in rows.zip(own.chunks_exact(planes)) {
                    row.iter_mut().zip(&self.columns).for_each(|(slot, &plane)| *slot = own[plane]);
                }
            }
        }
        room
    }
}

/// The plane that each coordinate of the rotated slice is in.
fn columns(pairs: &[Pair]) -> Vec<usize> {
    let coordinates = |pair: &Pair| [pair.re, pair.im];
    let first = pairs.iter().flat_map(coordinates).min().unwrap_or(0);
    let mut columns = vec![0; 2 * pairs.len()];
    for (plane, pair) in pairs.iter().enumerate() {
        coordinates(pair).iter().for_each(|coordinate| columns[coordinate - first] = plane);
    }
    columns
}

/// Numbers as little-endian bytes.
pub(super) fn bytes<O: Output>(numbers: &[O]) -> Cow<'_, [u8]> {
    match cfg!(target_endian = "little") {
        true => Cow::Borrowed(numbers.as_bytes()),
        false => {
            let size = size_of::<O>();
            let bits = numbers.iter().map(|number| number.to_bits().to_le_bytes());
            Cow::Owned(bits.flat_map(|bytes| bytes.into_iter().take(size)).collect())
        }
    }
}
