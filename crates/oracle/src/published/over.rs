//! Division by a parameter.

use crate::SecondError;
use crate::radical::Radical;

/// 1/x; the parameters that are divided by are positive.
pub(super) fn over(x: &Radical) -> Result<Radical, SecondError> {
    x.inverse().ok_or_else(|| SecondError::Unsupported("a division by zero".into()))
}
