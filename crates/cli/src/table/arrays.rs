//! Which arrays a file has, and how rows become their bytes.

use super::super::CliError;
use super::Arrangement;
use ropewalk::encoding::Layout;
use ropewalk::exact::ladder::Output;
use ropewalk::number::Dtype;

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
    layout: Layout,
    pub(super) dtype: Dtype,
    rows: u64,
    planes: u64,
}

impl Arrays {
    /// # Errors
    /// If the table would be larger than any file.
    pub(super) fn new(
        arrangement: Arrangement,
        layout: Layout,
        dtype: Dtype,
        rows: usize,
        planes: usize,
    ) -> Result<Arrays, CliError> {
        let bytes = (rows as u64).checked_mul(planes as u64).and_then(|n| n.checked_mul(64));
        match bytes {
            Some(bytes) if bytes < 1 << 62 => {
                let (rows, planes) = (rows as u64, planes as u64);
                Ok(Arrays { arrangement, layout, dtype, rows, planes })
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

    /// The little-endian bytes that a block of rows adds to a stream.
    pub(super) fn bytes<O: Output>(&self, stream: usize, cos: &[O], sin: &[O]) -> Vec<u8> {
        let own = if stream == 0 { cos } else { sin };
        let planes = (self.planes as usize).max(1);
        let rows = || cos.chunks_exact(planes).zip(sin.chunks_exact(planes));
        match (self.arrangement, self.layout) {
            (Arrangement::CosSin, _) => encode(own.iter().copied(), own.len()),
            (Arrangement::Complex, _) => {
                encode(cos.iter().zip(sin).flat_map(|(c, s)| [*c, *s]), 2 * cos.len())
            }
            (Arrangement::Concat, _) => {
                encode(rows().flat_map(|(c, s)| c.iter().chain(s).copied()), 2 * cos.len())
            }
            (Arrangement::Duplicated, Layout::Half) => {
                let twice = own.chunks_exact(planes).flat_map(|row| row.iter().chain(row));
                encode(twice.copied(), 2 * own.len())
            }
            (Arrangement::Duplicated, Layout::Interleaved) => {
                encode(own.iter().flat_map(|x| [*x, *x]), 2 * own.len())
            }
        }
    }
}

fn encode<O: Output>(numbers: impl Iterator<Item = O>, count: usize) -> Vec<u8> {
    let size = size_of::<O>();
    let mut bytes = vec![0; count * size];
    for (slot, number) in bytes.chunks_exact_mut(size).zip(numbers) {
        slot.copy_from_slice(&number.to_bits().to_le_bytes()[..size]);
    }
    bytes
}
