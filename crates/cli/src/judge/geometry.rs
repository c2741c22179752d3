//! Which element of a tensor belongs to which head and token.

use crate::CliError;

/// Which element of a tensor belongs to which head and token.
pub(super) struct Geometry {
    /// Lengths and strides of batch, head, sequence.
    lengths: [usize; 3],
    strides: [usize; 3],
    pub(super) dim: usize,
    /// The letters of the axes.
    pub(super) letters: String,
}

impl Geometry {
    /// Of a shape whose axes are called by letters; by default by the last of `usual`.
    pub(super) fn new(
        letters: Option<&str>,
        shape: &[usize],
        usual: &str,
    ) -> Result<Geometry, CliError> {
        let usage = |why: String| Err(CliError::Usage(why));
        let letters = match letters {
            Some(letters) => letters.to_string(),
            None => match (shape.len(), usual.len()) {
                (n, most) if (1..=most).contains(&n) => usual[most - n..].to_string(),
                (n, most) => {
                    return usage(format!(
                        "a tensor has {n} axes, allowed are 1 to {most} ({usual}); --axes names them"
                    ));
                }
            },
        };
        // t is another name of s: both at once would be two axes of tokens.
        let axes = letters.replace('t', "s");
        let known = axes.ends_with('d')
            && axes.chars().all(|c| "bhsd".contains(c))
            && axes.chars().all(|c| axes.matches(c).count() == 1);
        if !known {
            return usage(format!(
                "--axes is {letters:?}, allowed are b, h and s or t (tokens) in any order and then \
                 d, each once"
            ));
        }
        if letters.len() != shape.len() {
            return usage(format!("--axes is {letters:?}, the tensors have shape {shape:?}"));
        }
        let (mut lengths, mut strides) = ([1; 3], [0; 3]);
        let mut stride = 1;
        for (letter, &length) in axes.chars().rev().zip(shape.iter().rev()) {
            if let Some(axis) = axis(letter) {
                (lengths[axis], strides[axis]) = (length, stride);
            }
            stride *= length;
        }
        let dim = shape[shape.len() - 1];
        if stride == 0 {
            return usage(format!("the tensors have shape {shape:?}: nothing is there to judge"));
        }
        Ok(Geometry { lengths, strides, dim, letters })
    }

    /// Number of rows: a row is one head of one token.
    pub(super) fn rows(&self) -> usize {
        self.lengths.iter().product()
    }

    /// Batch, head and token of a row.
    pub(super) fn split(&self, row: usize) -> [usize; 3] {
        let [_, heads, tokens] = self.lengths;
        [row / tokens / heads, row / tokens % heads, row % tokens]
    }

    /// Where a row begins.
    pub(super) fn offset(&self, row: usize) -> usize {
        self.split(row).iter().zip(&self.strides).map(|(i, stride)| i * stride).sum()
    }

    /// Rows of the batch, and tokens of each.
    pub(super) fn tokens(&self) -> [usize; 2] {
        [self.lengths[0], self.lengths[2]]
    }

    /// Where in the batch and in the sequence a row stands.
    pub(super) fn token(&self, row: usize) -> [usize; 2] {
        let [batch, _, token] = self.split(row);
        [batch, token]
    }

    /// Lengths of the axes of the tensors, outermost first.
    pub(super) fn shape(&self) -> Vec<usize> {
        let length = |letter: char| axis(letter).map_or(self.dim, |axis| self.lengths[axis]);
        self.letters.chars().map(length).collect()
    }

    /// The index of an element in the tensors, outermost first.
    pub(super) fn index(&self, row: usize, coordinate: usize) -> Vec<usize> {
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
