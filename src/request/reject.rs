//! Why a request is refused: a slug from a closed list and a sentence for a person.

/// The closed list of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // each variant is its slug, and `meaning` says what it means
pub enum Slug {
    MalformedRequest,
    MalformedTensor,
    MalformedPosition,
    UnknownOperation,
    UnknownRopeType,
    UnknownKey,
    UnusedKey,
    UnusedInput,
    MissingKey,
    MissingInput,
    DuplicateKey,
    InvalidValue,
    OddRotaryDim,
    ShapeMismatch,
    DtypeMismatch,
    SeqLenRequired,
    PositionOutOfRange,
}

impl Slug {
    /// All of them, in the order of the contract.
    pub const ALL: [Slug; 17] = [
        Slug::MalformedRequest,
        Slug::MalformedTensor,
        Slug::MalformedPosition,
        Slug::UnknownOperation,
        Slug::UnknownRopeType,
        Slug::UnknownKey,
        Slug::UnusedKey,
        Slug::UnusedInput,
        Slug::MissingKey,
        Slug::MissingInput,
        Slug::DuplicateKey,
        Slug::InvalidValue,
        Slug::OddRotaryDim,
        Slug::ShapeMismatch,
        Slug::DtypeMismatch,
        Slug::SeqLenRequired,
        Slug::PositionOutOfRange,
    ];

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Slug::MalformedRequest => "malformed_request",
            Slug::MalformedTensor => "malformed_tensor",
            Slug::MalformedPosition => "malformed_position",
            Slug::UnknownOperation => "unknown_operation",
            Slug::UnknownRopeType => "unknown_rope_type",
            Slug::UnknownKey => "unknown_key",
            Slug::UnusedKey => "unused_key",
            Slug::UnusedInput => "unused_input",
            Slug::MissingKey => "missing_key",
            Slug::MissingInput => "missing_input",
            Slug::DuplicateKey => "duplicate_key",
            Slug::InvalidValue => "invalid_value",
            Slug::OddRotaryDim => "odd_rotary_dim",
            Slug::ShapeMismatch => "shape_mismatch",
            Slug::DtypeMismatch => "dtype_mismatch",
            Slug::SeqLenRequired => "seq_len_required",
            Slug::PositionOutOfRange => "position_out_of_range",
        }
    }

    /// The reason of this name. A reason on the wire may go on after a colon: `slug: free text`.
    pub fn from_reason(reason: &str) -> Option<Slug> {
        let name = reason.split(':').next().unwrap_or_default().trim();
        Slug::ALL.into_iter().find(|slug| slug.name() == name)
    }

    /// A rejection with this slug and a sentence that names the field, the value and the rule.
    pub fn because(self, text: impl Into<String>) -> Reject {
        Reject { slug: self, text: text.into() }
    }
}

/// A refused request. Prints as `slug: text`, which is what goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {text}", slug.name())]
pub struct Reject {
    /// The reason a program reads.
    pub slug: Slug,
    /// The reason a person reads.
    pub text: String,
}
