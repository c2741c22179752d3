//! How far off a right kernel may be.

use crate::encoding::{Body, Question};
use crate::number::{Dtype, Format, Tensor};
use crate::profile::{self, NAMED, Profile};

/// The named profiles that are right for an output format: those whose bound may acquit.
///
/// ```
/// use ropewalk::{audit::right_profiles, number::Dtype};
/// let names: Vec<&str> = right_profiles(Dtype::F64).iter().map(|p| p.name).collect();
/// assert_eq!(names, ["numpy-f64"]);
/// ```
pub fn right_profiles(dtype: Dtype) -> Vec<Profile> {
    NAMED.iter().filter(|profile| profile.is_right(dtype)).copied().collect()
}

/// The bounds of some profiles for one question.
#[derive(Clone, Debug)]
pub struct Tolerances {
    /// By profile: name and bound of every floating-point output.
    pub by_profile: Vec<(&'static str, Vec<(&'static str, Tensor)>)>,
}

impl Tolerances {
    /// Of these profiles.
    pub fn new(question: &Question, profiles: &[Profile]) -> Tolerances {
        let plain = |(name, named): (&'static str, Vec<profile::Named>)| {
            (name, named.into_iter().map(|n| (n.name, n.tensor)).collect())
        };
        let by_profile = profile::bounds(question, profiles).into_iter().map(plain).collect();
        Tolerances { by_profile }
    }
}

/// The same question with every NaN and infinity among the rotated inputs replaced by 0: what is
/// left of a plane whose other coordinate is no number.
pub(super) fn without_nonfinite(question: &Question) -> Question {
    let mut question = question.clone();
    let finite = |tensor: &Tensor| {
        let format = tensor.dtype().format().unwrap_or(Format::F64);
        let clean = |&bits: &u64| if format.is_finite(bits) { bits } else { 0 };
        let data = tensor.data().iter().map(clean).collect();
        Tensor::new(tensor.dtype(), tensor.shape().to_vec(), data).unwrap_or(tensor.clone())
    };
    if let Body::Rotate(rotate) = &mut question.body {
        rotate.q = finite(&rotate.q);
        rotate.k = rotate.k.as_ref().map(finite);
    }
    question
}
