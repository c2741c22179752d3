//! A rope is a list of planes whose frequencies are exact expressions.

use super::expression::Expression;
use super::rotation::Pair;

/// Which coordinates of the rotated slice form pairs.
///
/// ```text
/// interleaved   x0 x1 x2 x3 x4 x5 x6 x7        half   x0 x1 x2 x3 x4 x5 x6 x7
///               └0─┘  └1─┘  └2─┘  └3─┘                └──┼──┼──┼──0  │  │  │
///                                                        └──┼──┼─────1  │  │
///                                                           └──┼────────2  │
///                                                              └───────────3
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Pair i = (2i, 2i + 1): RoFormer, GPT-J, Meta's Llama, ggml NORMAL, MLX `traditional`.
    Interleaved,
    /// Pair i = (i, i + pairs): GPT-NeoX, Hugging Face's Llama, ggml NEOX, `rotate_half`.
    Half,
}

impl Layout {
    /// Both.
    pub const ALL: [Layout; 2] = [Layout::Interleaved, Layout::Half];

    /// The word in a config.
    pub const fn name(self) -> &'static str {
        match self {
            Layout::Interleaved => "interleaved",
            Layout::Half => "half",
        }
    }

    /// The layout of this name.
    pub fn from_name(name: &str) -> Option<Layout> {
        Layout::ALL.into_iter().find(|layout| layout.name() == name)
    }

    /// The layout that another project's word means.
    ///
    /// ```
    /// use ropewalk::encoding::Layout;
    /// assert_eq!(Layout::meant("neox"), Some(Layout::Half));
    /// assert_eq!(Layout::meant("GPT-J"), Some(Layout::Interleaved));
    /// ```
    pub fn meant(name: &str) -> Option<Layout> {
        let name = name.to_lowercase().replace(['-', '_', ' '], "");
        Some(match name.as_str() {
            "half" | "neox" | "gptneox" | "rotatehalf" | "hf" | "huggingface" | "split" => {
                Layout::Half
            }
            "interleaved" | "gptj" | "interleave" | "traditional" | "normal" | "meta"
            | "roformer" | "rotateeverytwo" => Layout::Interleaved,
            _ => return None,
        })
    }

    /// Coordinates of pair `index` of `pairs`, in a slice that begins at `offset`.
    ///
    /// In the half layout the partner is `pairs` away, half the *rotated* slice, whatever the
    /// width of the head.
    pub const fn pair(self, index: usize, pairs: usize, offset: usize) -> Pair {
        match self {
            Layout::Interleaved => Pair { re: offset + 2 * index, im: offset + 2 * index + 1 },
            Layout::Half => Pair { re: offset + index, im: offset + index + pairs },
        }
    }
}

/// Two coordinates of a head, the axis whose position turns them, and how fast.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// The coordinates.
    pub pair: Pair,
    /// Index into the axes of the position.
    pub axis: usize,
    /// Radians per position.
    pub frequency: Expression,
    /// Growth per position, 1 for every scheme but xPos.
    pub growth: Expression,
}

/// What a rotary encoding does to one head: z ↦ magnitude · z · growth^(p − origin) · e^{i·p·frequency}
/// on each plane, nothing to the other coordinates.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// Width of a head.
    pub head_dim: usize,
    /// Number of axes of a position (1 for text).
    pub axes: usize,
    /// The planes, in the order of their frequencies.
    pub planes: Vec<Plane>,
    /// Multiplies cos and sin (`attention_factor`).
    pub magnitude: Expression,
    /// Multiplies the logits instead (DeepSeek); part of no rotation.
    pub softmax_factor: Expression,
    /// Where growth starts; without growth it has no effect.
    pub origin: i64,
}

impl Rope {
    /// The coordinates of the planes.
    pub fn pairs(&self) -> Vec<Pair> {
        self.planes.iter().map(|plane| plane.pair).collect()
    }

    /// The rope of the keys: the growth is inverted, so that only its ratio reaches the score.
    /// The same rope for every scheme but xPos.
    pub fn for_keys(&self) -> Rope {
        let one = Expression::integer(1);
        let invert = |plane: &Plane| match plane.growth == one {
            true => plane.clone(),
            false => Plane { growth: &one / &plane.growth, ..plane.clone() },
        };
        Rope { planes: self.planes.iter().map(invert).collect(), ..self.clone() }
    }
}

/// The coordinates of a head of so many that no pair has.
///
/// ```
/// use ropewalk::encoding::{Pair, outside};
/// assert_eq!(outside(6, &[Pair { re: 1, im: 4 }]), [0, 2, 3, 5]);
/// ```
pub fn outside(dim: usize, pairs: &[Pair]) -> Vec<usize> {
    let mut inside = vec![false; dim];
    for pair in pairs {
        inside[pair.re] = true;
        inside[pair.im] = true;
    }
    (0..dim).filter(|&i| !inside[i]).collect()
}
