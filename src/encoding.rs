//! What each scheme *is*: planes, frequencies as exact expressions, buckets, slopes. Mathematics
//! without rounding; the layers above decide in which numbers it is computed.

mod absolute;
mod alibi;
mod chain;
mod class;
mod config;
mod deberta;
mod expression;
mod fraction;
mod key;
pub mod model;
mod monomial;
mod permutation;
mod positions;
mod powers;
mod question;
mod relative;
mod released;
mod rope;
mod rotation;
pub mod spectrum;
mod t5;
mod tables;
mod temperature;

pub use absolute::{Learned, Sinusoidal, Wave};
pub use alibi::{Alibi, Form, Slopes};
pub use chain::{
    NORM_KEYS, Norm, NormKind, Only, Per, QUANTIZE_KEYS, Quantize, STORE_KEYS, ScaleKind, Stages,
    Store, WeightKind,
};
pub use class::{Class, Decide};
pub use config::{RopeConfig, is_known_key, rope_keys};
pub use deberta::{Clamp, DebertaBuckets};
pub use expression::{Arithmetic, Double, Expression, Node};
pub use fraction::Fraction;
pub use key::{Absent, Checked, Key, Kind, Range, invalid};
pub use monomial::Monomial;
pub use permutation::Permutation;
pub(crate) use positions::segment::step as frame_step;
pub use positions::{
    Cls, Grids, Multimodal, Order, Pace, Segment, Shard, from_attention_mask,
    from_context_parallel, from_cumulative_lengths, from_segments,
};
pub use question::*;
pub use relative::{Shaw, ShawForm};
pub use released::{Model, models};
pub use rope::{Layout, Plane, Rope, outside};
pub use rotation::{
    Pair, apply_matrix, plane_score, rotate_complex, rotate_elementwise, rotation_matrix, turn,
};
pub use t5::Buckets;
pub use tables::{
    ALIBI_KEYS, ATTENTION_KEYS, DEBERTA_KEYS, LEARNED_KEYS, PERMUTE_KEYS, SHAW_KEYS,
    SINUSOIDAL_KEYS, T5_KEYS, TEMPERATURE_KEYS,
};
pub use temperature::Temperature;
