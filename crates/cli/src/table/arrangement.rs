//! How cos and sin lie in a file.

/// How cos and sin stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrangement {
    CosSin,
    Complex,
    Concat,
    Duplicated,
}
