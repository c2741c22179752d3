//! What a kernel says of itself, read strictly: a typing error must not become a skipped test.

mod covers;
mod read;

use crate::encoding::Layout;
use crate::number::Dtype;
use crate::request::{Direction, Operation};

/// Who a kernel is, and what it claims.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is written in.
    pub language: String,
    /// Where it comes from.
    pub homepage: String,
    /// A request is within the claim if one of these covers it.
    pub capabilities: Vec<Capability>,
}

/// One combination that a kernel claims. An absent list restricts nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Capability {
    /// Operations.
    pub operations: Vec<Operation>,
    /// Formats in which input and output are equal.
    pub dtypes: Vec<Dtype>,
    /// Pairs (input, output) of different formats.
    pub mixed: Vec<(Dtype, Dtype)>,
    /// Layouts.
    pub layouts: Option<Vec<Layout>>,
    /// Scaling rules.
    pub rope_types: Option<Vec<String>>,
    /// Directions of `rotate` and `apply`.
    pub directions: Option<Vec<Direction>>,
    /// Numbers of axes.
    pub axes: Option<Vec<usize>>,
    /// Widths of a head.
    pub head_dims: Option<Vec<Sizes>>,
    /// Widths of the rotated slice.
    pub rotary_dims: Option<Vec<Sizes>>,
    /// Rows of a batch.
    pub batch_sizes: Option<Vec<Sizes>>,
    /// Tokens that are rotated in one call: 1 for a kernel that decodes, its chunk for one that
    /// takes chunks.
    pub seq_lens: Option<Vec<Sizes>>,
    /// Keys of a normalised config that it reads; a config with another one is not its business.
    pub keys: Option<Vec<String>>,
    /// Inputs that it takes.
    pub inputs: Option<Vec<String>>,
    /// Whether a slice may be rotated and the rest of the head passed through.
    pub partial: bool,
    /// Whether the slice may begin elsewhere than at 0.
    pub rotary_offset: bool,
    /// Whether a head may be shared among several axes in sections (M-RoPE).
    pub mrope: bool,
    /// The stages of fused kernels, in their order.
    pub chains: Option<Vec<Vec<String>>>,
    /// Kinds of norms.
    pub norm_kinds: Option<Vec<String>>,
    /// What a stage `quantize` can be.
    pub quantize: Option<Vec<QuantizeClaim>>,
    /// Layouts of caches.
    pub cache_layouts: Option<Vec<String>>,
    /// Ranges.
    pub limits: Limits,
}

/// One way to quantise; what is absent is any.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct QuantizeClaim {
    /// What is stored.
    pub format: Option<String>,
    /// `given`, `amax` or `amax_pow2`.
    pub scale: Option<String>,
    /// `tensor`, `head`, `token` or `group`.
    pub per: Option<String>,
}

/// Sizes that a kernel works for: from one to another, in steps.
///
/// ```
/// use ropewalk::audit::Sizes;
/// let fused = Sizes { min: 64, max: 256, multiple_of: 64 };
/// assert!(fused.holds(192) && !fused.holds(80) && !fused.holds(512));
/// assert!(Sizes::one(80).holds(80));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// The least.
    pub min: usize,
    /// The largest.
    pub max: usize,
    /// What all of them are a multiple of.
    pub multiple_of: usize,
}

impl Sizes {
    /// This one alone.
    pub const fn one(size: usize) -> Sizes {
        Sizes { min: size, max: size, multiple_of: 1 }
    }

    /// Whether a size is one of them.
    pub const fn holds(&self, size: usize) -> bool {
        self.min <= size && size <= self.max && size.is_multiple_of(self.multiple_of)
    }
}

impl Default for Capability {
    /// Nothing, without further limits.
    fn default() -> Capability {
        Capability {
            operations: vec![],
            dtypes: vec![],
            mixed: vec![],
            layouts: None,
            rope_types: None,
            directions: None,
            axes: None,
            head_dims: None,
            rotary_dims: None,
            batch_sizes: None,
            seq_lens: None,
            keys: None,
            inputs: None,
            partial: true,
            rotary_offset: true,
            mrope: true,
            chains: None,
            norm_kinds: None,
            quantize: None,
            cache_layouts: None,
            limits: Limits::default(),
        }
    }
}

/// Ranges within which a kernel claims to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Limits {
    /// Least position.
    pub min_position: Option<i64>,
    /// Largest position.
    pub max_position: Option<i64>,
    /// Widest head.
    pub max_head_dim: Option<usize>,
    /// Most elements of one tensor.
    pub max_elements: Option<usize>,
    /// Whether q and k must have as many heads.
    pub equal_heads: bool,
    /// Whether all rows of a batch must have the same positions.
    pub equal_rows: bool,
    /// Whether positions end with the context of a config: its `max_position_embeddings`, or else
    /// its factor times `original_max_position_embeddings`, where its scheme reads these.
    pub within_context: bool,
}

impl Description {
    /// A kernel that claims nothing yet.
    pub fn named(name: &str) -> Description {
        Description { name: name.into(), ..Description::default() }
    }
}

impl Capability {
    /// These operations in these formats, without further limits.
    ///
    /// ```
    /// use ropewalk::{audit::Capability, encoding::Layout, number::Dtype, request::Operation};
    /// let claimed = Capability {
    ///     layouts: Some(vec![Layout::Half]),
    ///     ..Capability::new(&[Operation::Rotate], &[Dtype::F32, Dtype::Bf16])
    /// };
    /// assert_eq!(claimed.rope_types, None);
    /// ```
    pub fn new(operations: &[Operation], dtypes: &[Dtype]) -> Capability {
        let (operations, dtypes) = (operations.to_vec(), dtypes.to_vec());
        Capability { operations, dtypes, ..Capability::default() }
    }
}
