//! Why a kernel is not asked, and what of its words cannot be read.

/// A text that is no reply to `start` or no prompt: a sentence that names the key, its value and what is
/// allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

/// Why a question lies outside of what a kernel claims, or of what its door can carry: a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Outside(String);

impl From<String> for Malformed {
    fn from(sentence: String) -> Malformed {
        Malformed(sentence)
    }
}

impl From<&str> for Malformed {
    fn from(sentence: &str) -> Malformed {
        Malformed(sentence.into())
    }
}

impl From<String> for Outside {
    fn from(sentence: String) -> Outside {
        Outside(sentence)
    }
}

impl From<&str> for Outside {
    fn from(sentence: &str) -> Outside {
        Outside(sentence.into())
    }
}

impl Outside {
    /// The sentence.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
