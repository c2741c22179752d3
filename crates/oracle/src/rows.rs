//! The rotation as a block matrix, row by row: for each coordinate, which other one it is mixed
//! with, with which sign, by which frequency, on which axis.

use super::SecondError;
use super::read::Config;
use super::spectrum::Spectrum;

/// What a row of the matrix has besides cos on the diagonal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The column of the sine.
    pub(super) partner: usize,
    /// 0 for the first row of a 2 × 2 block, whose sine is subtracted; 1 for the second.
    pub(super) second: usize,
    /// The index of the frequency.
    pub(super) pair: usize,
    /// The axis of the position.
    pub(super) axis: usize,
}

/// The rows of a head, none for the coordinates that pass.
pub(super) fn rows(
    config: Config,
    head_dim: usize,
    spectrum: &Spectrum,
) -> Result<Vec<Option<Row>>, SecondError> {
    let offset = if config.has("rotary_offset") { config.size("rotary_offset")? } else { 0 };
    let width = 2 * spectrum.frequencies.len();
    let widths = match spectrum.blocks.is_empty() {
        true => vec![width],
        false => spectrum.blocks.clone(),
    };
    let every_two = match config.word("layout")? {
        "interleaved" => true,
        "half" => false,
        other => return Err(SecondError::Unsupported(format!("layout {other}"))),
    };
    let sections = Sections::new(config)?;
    let listed = match config.has("pair_axes") {
        true => Some(config.sizes("pair_axes")?),
        false => None,
    };
    // sin(−φ) = −sin φ, cos(−φ) = cos φ: the other row of the block has the minus.
    let clockwise = config.flag("clockwise");
    let mut rows = vec![None; head_dim];
    let mut start = 0;
    for width in widths {
        for j in 0..width {
            let half = width / 2;
            let (partner, second, pair) = match every_two {
                // rotate_every_two: x[2i] ← −x[2i + 1], x[2i + 1] ← x[2i] (GPT-J).
                true => (j ^ 1, j % 2, j / 2),
                // rotate_half: cat(−x[h:], x[:h]) (Hugging Face).
                false => ((j + half) % width, usize::from(j >= half), j % half),
            };
            let pair = start / 2 + pair;
            let second = if clockwise { 1 - second } else { second };
            let own = listed.as_ref().and_then(|axes| axes.get(pair));
            let axis = match (own.or(spectrum.axes.get(pair)), &sections) {
                (Some(axis), _) => *axis,
                (None, Some(sections)) => sections.axis(start + j, pair, every_two),
                (None, None) => 0,
            };
            let slot = rows
                .get_mut(offset + start + j)
                .ok_or_else(|| SecondError::Unsupported("a slice beyond the head".into()))?;
            *slot = Some(Row { partner: offset + start + partner, second, pair, axis });
        }
        start += width;
    }
    Ok(rows)
}

/// `mrope_section`, and whether the axes alternate.
struct Sections {
    sizes: Vec<usize>,
    alternate: bool,
}

impl Sections {
    fn new(config: Config) -> Result<Option<Sections>, SecondError> {
        if !config.has("mrope_section") {
            return Ok(None);
        }
        let sizes = config.sizes("mrope_section")?;
        Ok(Some(Sections { sizes, alternate: config.flag("mrope_interleaved") }))
    }

    /// The axis of a coordinate of the slice.
    fn axis(&self, coordinate: usize, pair: usize, every_two: bool) -> usize {
        match (self.alternate, self.sizes.len()) {
            (true, 4) => self.ggml(pair),
            (true, _) => self.qwen3(pair),
            // Hugging Face splits cos, whose two halves are alike, by the doubled list
            // m = mrope_section * 2 and takes axis k % 3 of chunk k. Where cos is repeated
            // pairwise instead, every section is twice as wide.
            (false, count) if every_two => {
                chunk(self.sizes.iter().map(|size| 2 * size), coordinate) % count
            }
            (false, count) => {
                let doubled = self.sizes.iter().chain(&self.sizes).copied();
                chunk(doubled, coordinate) % count
            }
        }
    }

    /// Transformers, `apply_interleaved_mrope`: freqs_t, and for each further axis the slice
    /// [axis : 3 · section : 3] overwritten.
    fn qwen3(&self, pair: usize) -> usize {
        let overwritten =
            |&axis: &usize| (axis..3 * self.sizes[axis]).step_by(3).any(|index| index == pair);
        (1..self.sizes.len()).rev().find(overwritten).unwrap_or(0)
    }

    /// ggml's IMROPE: sector % 3 picks t, h, w within three times its section, the rest is e.
    fn ggml(&self, sector: usize) -> usize {
        let [t, h, w, _] = self.sizes[..] else { return 0 };
        if sector % 3 == 1 && sector < 3 * h {
            1
        } else if sector % 3 == 2 && sector < 3 * w {
            2
        } else if sector.is_multiple_of(3) && sector < 3 * t {
            0
        } else {
            3
        }
    }
}

/// The index of the chunk that holds a place.
fn chunk(sizes: impl Iterator<Item = usize>, place: usize) -> usize {
    let mut end = 0;
    let past = |size: &usize| {
        end += size;
        end <= place
    };
    sizes.take_while(past).count()
}
