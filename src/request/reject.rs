//! Why a request is refused: a slug from a closed list and a sentence for a person.

/// The closed list of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slug {
    /// No JSON object of the protocol: a key of it is missing, unknown or of the wrong type.
    MalformedRequest,
    /// A tensor without the form of the contract.
    MalformedTensor,
    /// A position without one of the spellings of the contract.
    MalformedPosition,
    /// An operation that is not in the contract.
    UnknownOperation,
    /// A `rope_type` that no scheme bears.
    UnknownRopeType,
    /// A key of the config that no scheme knows.
    UnknownKey,
    /// A key of the config that another scheme knows, but not this one.
    UnusedKey,
    /// An input that the operation does not take.
    UnusedInput,
    /// A key of the config that has no default and is not there.
    MissingKey,
    /// An input that the operation needs and that is not there.
    MissingInput,
    /// A key that stands twice in one object.
    DuplicateKey,
    /// A value of the wrong type or out of its range.
    InvalidValue,
    /// A `rotary_dim` that cannot be divided into planes.
    OddRotaryDim,
    /// Inputs whose shapes do not fit each other or the config.
    ShapeMismatch,
    /// A dtype that the operation does not have.
    DtypeMismatch,
    /// A scheme that depends on the total length, without `seq_len`.
    SeqLenRequired,
    /// A position beyond what is possible.
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
    ///
    /// ```
    /// use ropewalk::request::Slug;
    /// assert_eq!(Slug::from_reason("unknown_key: faktor"), Some(Slug::UnknownKey));
    /// assert_eq!(Slug::from_reason("unknown"), None);
    /// ```
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
///
/// ```
/// use ropewalk::request::Slug;
/// let reject = Slug::InvalidValue.because("factor is 0, allowed is a number from 1");
/// assert_eq!(reject.to_string(), "invalid_value: factor is 0, allowed is a number from 1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {text}", slug.name())]
pub struct Reject {
    /// The reason a program reads.
    pub slug: Slug,
    /// The reason a person reads.
    pub text: String,
}
