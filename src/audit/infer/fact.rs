//! What is known of a row: the settings, shapes and places that may tell wrong from right.

use std::cmp::Ordering;

/// A setting, a shape, or a place. The order is that in which they are preferred.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::audit) enum Fact {
    Tensor,
    Direction,
    Part,
    OneToken,
    Partial,
    Offset,
    KeysPresent,
    Grouped,
    Repeated,
    Layout,
    RopeType,
    Dtype,
    InputDtype,
    Operation,
    Position,
    /// Whether the position reaches original_max_position_embeddings.
    PastOriginal,
    /// Whether the total length is beyond it.
    LongerThanOriginal,
    /// What a token is: of text, an image, a video; a patch.
    Kind,
    /// The number of the document, image or text that it belongs to.
    Piece,
    Head,
    Batch,
    Token,
    /// The token within the batch, all rows one after another, counted from the end of the last
    /// whole tile of so many: negative within tiles.
    Tail(i64),
    /// The same within its row of the batch.
    RowTail(i64),
    /// The same of the heads of a tensor.
    HeadTail(i64),
    /// The head's index modulo this.
    HeadModulo(i64),
    /// The token's index modulo this.
    TokenModulo(i64),
    /// The position modulo this.
    PositionModulo(i64),
    SecondHalf,
    /// Whether a query's head has no key head of its own number.
    BeyondKeyHeads,
    LastToken,
    LastHead,
    LastRow,
    Wide,
    HeadDim,
    RotaryDim,
    Heads,
    KeyHeads,
    Batches,
    Tokens,
    /// Keys of attention.
    Keys,
    /// Heads of the tensor that the row is of.
    OwnHeads,
    /// Whether that tensor has as many heads as tokens.
    HeadsAreTokens,
    RowsDiffer,
    Furthest,
    /// How far positions go, whatever their sign.
    Reach,
    BeyondOriginal,
    Axes,
    /// A key of the config.
    Config(String),
}

/// The value of a fact.
#[derive(Clone, Debug)]
pub(in crate::audit) enum Value {
    Number(f64),
    Word(String),
}

impl Value {
    pub(super) fn flag(is: bool) -> Value {
        Value::Number(f64::from(u8::from(is)))
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Value::Number(x) => Some(*x),
            Value::Word(_) => None,
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Value::Number(x) => write!(f, "{x}"),
            Value::Word(word) => f.write_str(word),
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
            (Value::Word(a), Value::Word(b)) => a.cmp(b),
            (Value::Number(_), Value::Word(_)) => Ordering::Less,
            (Value::Word(_), Value::Number(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl Fact {
    /// Whether its values have an order that a threshold may follow.
    pub(super) fn is_ordered(&self) -> bool {
        !matches!(
            self,
            Fact::Tensor
                | Fact::Direction
                | Fact::Part
                | Fact::Kind
                | Fact::Layout
                | Fact::RopeType
                | Fact::Dtype
                | Fact::InputDtype
                | Fact::Operation
                | Fact::HeadModulo(_)
                | Fact::TokenModulo(_)
                | Fact::PositionModulo(_)
        )
    }

    /// Whether it is yes or no.
    pub(super) fn is_flag(&self) -> bool {
        matches!(
            self,
            Fact::OneToken
                | Fact::Partial
                | Fact::Offset
                | Fact::KeysPresent
                | Fact::Grouped
                | Fact::Repeated
                | Fact::SecondHalf
                | Fact::BeyondKeyHeads
                | Fact::LastToken
                | Fact::LastHead
                | Fact::LastRow
                | Fact::Wide
                | Fact::HeadsAreTokens
                | Fact::RowsDiffer
                | Fact::BeyondOriginal
                | Fact::PastOriginal
                | Fact::LongerThanOriginal
        )
    }

    /// Whether it is one of rows, not of whole questions.
    pub(super) fn is_of_rows(&self) -> bool {
        matches!(
            self,
            Fact::Tensor
                | Fact::Part
                | Fact::Position
                | Fact::PastOriginal
                | Fact::Kind
                | Fact::Piece
                | Fact::Head
                | Fact::Batch
                | Fact::Token
                | Fact::Tail(_)
                | Fact::RowTail(_)
                | Fact::HeadTail(_)
                | Fact::HeadModulo(_)
                | Fact::TokenModulo(_)
                | Fact::PositionModulo(_)
                | Fact::SecondHalf
                | Fact::BeyondKeyHeads
                | Fact::LastToken
                | Fact::LastHead
                | Fact::LastRow
        )
    }

    /// How surprising it is that this is what decides: plain facts are cheaper.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Fact::Tensor | Fact::Direction | Fact::Part | Fact::OneToken | Fact::Partial => 2,
            Fact::Offset | Fact::KeysPresent | Fact::Grouped | Fact::Repeated => 2,
            Fact::Layout | Fact::RopeType | Fact::Dtype | Fact::Operation => 2,
            Fact::Kind => 2,
            Fact::Piece => 3,
            Fact::Position | Fact::Head | Fact::Batch | Fact::Token => 3,
            Fact::SecondHalf | Fact::LastToken | Fact::LastHead | Fact::LastRow => 3,
            Fact::BeyondKeyHeads => 3,
            Fact::PastOriginal | Fact::LongerThanOriginal => 3,
            Fact::Tail(_) | Fact::RowTail(_) | Fact::HeadTail(_) | Fact::HeadModulo(_) => 5,
            Fact::TokenModulo(_) | Fact::PositionModulo(_) => 5,
            Fact::HeadDim | Fact::Heads | Fact::Batches | Fact::Tokens | Fact::Furthest => 4,
            Fact::Keys | Fact::Reach | Fact::OwnHeads => 4,
            Fact::BeyondOriginal | Fact::RowsDiffer | Fact::HeadsAreTokens => 4,
            Fact::InputDtype | Fact::Wide | Fact::RotaryDim | Fact::KeyHeads | Fact::Axes => 5,
            Fact::Config(_) => 6,
        }
    }
}
