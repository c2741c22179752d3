//! Which element of a tensor belongs to which head and token.

use super::failure::Failure;

/// Which element of a tensor belongs to which head and token.
#[derive(Clone, Debug)]
pub struct Geometry {
    /// Lengths and strides of batch, head, sequence.
    pub(super) lengths: [usize; 3],
    strides: [usize; 3],
    /// Positions from one batch row to the next: 0 if all have the same.
    batch: usize,
    /// Length of the last axis.
    pub dim: usize,
    /// The letters of the axes.
    pub letters: String,
}

impl Geometry {
    /// Of a shape whose axes are called by letters, by default the last ones of `usual`; all rows of
    /// the batch have the same positions.
    ///
    /// # Errors
    /// A sentence that names the letters, the shape and what is allowed.
    pub fn new(letters: Option<&str>, shape: &[usize], usual: &str) -> Result<Geometry, Failure> {
        let letters = match letters {
            Some(letters) => letters.to_string(),
            None => match (shape.len(), usual.len()) {
                (n, most) if (1..=most).contains(&n) => usual[most - n..].to_string(),
                (n, most) => {
                    return Err(format!(
                        "a tensor has {n} axes, allowed are 1 to {most} ({usual}) or as axes names them"
                    )
                    .into());
                }
            },
        };
        // t is another name of s: both at once would be two axes of tokens.
        let axes = letters.replace('t', "s");
        let known = axes.ends_with('d')
            && axes.chars().all(|c| "bhsd".contains(c))
            && axes.chars().all(|c| axes.matches(c).count() == 1);
        if !known {
            return Err(format!(
                "axes is {letters:?}, allowed are b, h and s or t (tokens) in any order and then d, \
                 each once"
            )
            .into());
        }
        if letters.len() != shape.len() {
            return Err(format!("axes is {letters:?}, the tensors have shape {shape:?}").into());
        }
        let (mut lengths, mut strides) = ([1; 3], [0; 3]);
        let mut stride = 1;
        for (letter, &length) in letters.chars().rev().zip(shape.iter().rev()) {
            if let Some(axis) = axis(letter) {
                (lengths[axis], strides[axis]) = (length, stride);
            }
            stride *= length;
        }
        let dim = shape[shape.len() - 1];
        if stride == 0 {
            return Err(
                format!("the tensors have shape {shape:?}: nothing is there to judge").into()
            );
        }
        Ok(Geometry { lengths, strides, batch: 0, dim, letters })
    }

    /// With so many positions: one for each token of the sequence, or one for each token of each
    /// batch row.
    ///
    /// # Errors
    /// A sentence that names both numbers.
    pub fn at(self, positions: usize) -> Result<Geometry, Failure> {
        let [rows, _, seq] = self.lengths;
        let batch = match positions {
            n if n == seq => 0,
            n if n == rows * seq => seq,
            n => {
                let all = if rows > 1 {
                    format!(", {} with all rows", rows * seq)
                } else {
                    String::new()
                };
                let (letters, shape) = (&self.letters, self.shape());
                return Err(format!(
                    "positions are {n}, the tensors have {seq} tokens{all} (axes {letters:?}, shape \
                     {shape:?})"
                )
                .into());
            }
        };
        Ok(Geometry { batch, ..self })
    }

    /// Lengths of the axes of the tensors, outermost first.
    pub fn shape(&self) -> Vec<usize> {
        let length = |letter: char| axis(letter).map_or(self.dim, |axis| self.lengths[axis]);
        self.letters.chars().map(length).collect()
    }

    /// Rows of the batch, and tokens of each.
    pub fn tokens(&self) -> [usize; 2] {
        [self.lengths[0], self.lengths[2]]
    }

    /// Number of rows: a row is one head of one token.
    pub fn rows(&self) -> usize {
        self.lengths.iter().product()
    }

    /// Batch, head and token of a row.
    pub fn split(&self, row: usize) -> [usize; 3] {
        let [_, heads, tokens] = self.lengths;
        [row / tokens / heads, row / tokens % heads, row % tokens]
    }

    /// Where a row begins.
    pub fn offset(&self, row: usize) -> usize {
        self.split(row).iter().zip(&self.strides).map(|(i, stride)| i * stride).sum()
    }

    /// Which of the positions belongs to a row.
    pub fn token(&self, row: usize) -> usize {
        let [batch, _, token] = self.split(row);
        batch * self.batch + token
    }

    /// The index of an element in the tensors, outermost first.
    pub fn index(&self, row: usize, coordinate: usize) -> Vec<usize> {
        let split = self.split(row);
        let place = |letter: char| axis(letter).map_or(coordinate, |axis| split[axis]);
        self.letters.chars().map(place).collect()
    }
}

/// Batch, head and token by their letters; none for the dimension.
fn axis(letter: char) -> Option<usize> {
    match letter {
        'b' => Some(0),
        'h' => Some(1),
        's' | 't' => Some(2),
        _ => None,
    }
}
