//! What can be asked.

use super::{Reject, Slug};

/// The operations of the contract. The list grows by new names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Rotate queries and keys by their positions.
    Rotate,
    /// Rotate by a table of cos and sin that the caller gives.
    Apply,
    /// Dot products of rotated queries and keys, unscaled.
    Score,
    /// Frequencies in radians per position, magnitudes, planes.
    InvFreq,
    /// cos and sin of every position and plane, attention_factor included.
    Table,
    /// One slope per head.
    AlibiSlopes,
    /// Slope times distance, per head, query and key.
    AlibiBias,
    /// The bucket of every query and key.
    T5Bucket,
    /// The learned bias of that bucket, per head.
    T5Bias,
    /// Absolute sinusoidal embedding.
    Sinusoidal,
    /// Absolute learned embedding: a row of a table.
    Learned,
    /// Reorder query or key weights between the two layouts.
    PermuteQk,
    /// Positions from a mask, cumulative lengths, a rank, text with images, or image grids.
    PositionIds,
    /// The row of a learned table by relative distance.
    ShawBucket,
    /// DeBERTa-v2's logarithmic bucket of every query and key.
    DebertaBucket,
    /// What Llama 4 multiplies queries by, per position.
    AttentionTemperature,
    /// Softmax over the scores of queries and keys, times the values: an encoding as it comes out.
    Attention,
    /// A fused kernel: norm, rotation, quantisation and store, one function rounded once.
    Chain,
}

impl Operation {
    /// All of them, in the order of the contract.
    pub const ALL: [Operation; 18] = [
        Operation::Rotate,
        Operation::Apply,
        Operation::Score,
        Operation::InvFreq,
        Operation::Table,
        Operation::AlibiSlopes,
        Operation::AlibiBias,
        Operation::T5Bucket,
        Operation::T5Bias,
        Operation::Sinusoidal,
        Operation::Learned,
        Operation::PermuteQk,
        Operation::PositionIds,
        Operation::ShawBucket,
        Operation::DebertaBucket,
        Operation::AttentionTemperature,
        Operation::Attention,
        Operation::Chain,
    ];

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Operation::Rotate => "rotate",
            Operation::Apply => "apply",
            Operation::Score => "score",
            Operation::InvFreq => "inv_freq",
            Operation::Table => "table",
            Operation::AlibiSlopes => "alibi_slopes",
            Operation::AlibiBias => "alibi_bias",
            Operation::T5Bucket => "t5_bucket",
            Operation::T5Bias => "t5_bias",
            Operation::Sinusoidal => "sinusoidal",
            Operation::Learned => "learned",
            Operation::PermuteQk => "permute_qk",
            Operation::PositionIds => "position_ids",
            Operation::ShawBucket => "shaw_bucket",
            Operation::DebertaBucket => "deberta_bucket",
            Operation::AttentionTemperature => "attention_temperature",
            Operation::Attention => "attention",
            Operation::Chain => "chain",
        }
    }

    /// The operation of this name.
    ///
    /// # Errors
    /// `unknown_operation`.
    pub fn from_name(name: &str) -> Result<Operation, Reject> {
        Operation::ALL.into_iter().find(|op| op.name() == name).ok_or_else(|| {
            let known: Vec<&str> = Operation::ALL.iter().map(|op| op.name()).collect();
            Slug::UnknownOperation
                .because(format!("operation is {name:?}, allowed are {}", known.join(", ")))
        })
    }
}

/// Which linear map of a rotation is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// R(p), counter-clockwise, magnitude multiplied.
    #[default]
    Forward,
    /// R(p)⁻¹: clockwise, magnitude (and growth) divided.
    Inverse,
    /// R(p)ᵀ, the vector–Jacobian product: clockwise, magnitude (and growth) multiplied.
    Backward,
}

impl Direction {
    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Forward => "forward",
            Direction::Inverse => "inverse",
            Direction::Backward => "backward",
        }
    }
}
