//! How far off a right kernel may be.

use crate::encoding::{Body, Heads, Question};
use crate::number::{Dtype, Tensor};
use crate::profile::{self, NAMED, Profile, Ring};
use rayon::prelude::*;

/// The named profiles that are right for an output format: those whose bound may acquit.
///
/// ```
/// use ropewalk::{audit::right_profiles, number::Dtype};
/// let names: Vec<&str> = right_profiles(Dtype::F64).iter().map(|p| p.name).collect();
/// assert_eq!(names, ["numpy-f64"]);
/// ```
pub fn right_profiles(dtype: Dtype) -> Vec<Profile> {
    let serves = |profile: &&Profile| profile.is_right(dtype) && !profile.is_mixed();
    NAMED.iter().filter(serves).copied().collect()
}

/// The bounds of some profiles for one question.
#[derive(Clone, Debug)]
pub struct Tolerances {
    /// The profiles.
    pub profiles: Vec<Profile>,
    /// By profile: name and bound of every floating-point output.
    pub by_profile: Vec<Vec<(&'static str, Tensor)>>,
    /// By profile: the norms of what is rotated.
    pub rings: Vec<Vec<Ring>>,
}

impl Tolerances {
    /// Of these profiles.
    pub fn new(question: &Question, profiles: &[Profile]) -> Tolerances {
        let plain = |named: Vec<profile::Named>| -> Vec<(&'static str, Tensor)> {
            named.into_iter().map(|n| (n.name, n.tensor)).collect()
        };
        let of = |profile: &Profile| {
            let list = profile::bounds(question, std::slice::from_ref(profile)).into_iter();
            let bounds = list.flat_map(|(_, named)| plain(named)).collect();
            (bounds, profile::rings(question, profile))
        };
        let (by_profile, rings) = profiles.par_iter().map(of).unzip();
        Tolerances { profiles: profiles.to_vec(), by_profile, rings }
    }

    /// The bounds of one output, by profile.
    pub fn of(&self, name: &str) -> Vec<Option<&Tensor>> {
        let one = |named: &Vec<(&'static str, Tensor)>| named.iter().position(|(n, _)| *n == name);
        self.by_profile.iter().map(|named| one(named).map(|i| &named[i].1)).collect()
    }

    /// The largest bound of a right profile on every element of an output; ∞ where none judges.
    pub(super) fn loosest(&self, name: &str, dtype: Dtype) -> Vec<f64> {
        let right = self.profiles.iter().zip(self.of(name)).filter(|(p, _)| p.is_right(dtype));
        let mut all: Vec<Option<f64>> = Vec::new();
        for tensor in right.filter_map(|(_, tensor)| tensor) {
            all.resize(tensor.data().len(), None);
            for (index, largest) in all.iter_mut().enumerate() {
                let bound = Some(bound_at(tensor, index)).filter(|bound| bound.is_finite());
                // The other one where one does not judge.
                *largest = bound.into_iter().chain(*largest).reduce(f64::max);
            }
        }
        all.into_iter().map(|bound| bound.unwrap_or(f64::INFINITY)).collect()
    }
}

/// A bound as a number; its format is that of the output, or f32 where that has eight bits.
pub(super) fn bound_at(bound: &Tensor, index: usize) -> f64 {
    let format = bound.dtype().format();
    format.map_or(f64::INFINITY, |format| format.to_f64(bound.data()[index]))
}

/// The same question with every NaN and infinity among the rotated inputs replaced by 0: what is
/// left of a plane whose other coordinate is no number.
pub(super) fn without_nonfinite(question: &Question) -> Question {
    let mut question = question.clone();
    let finite = |heads: &Heads| {
        let format = heads.format();
        heads.map(|bits| if format.is_finite(bits) { bits } else { 0 })
    };
    if let Body::Rotate(rotate) = &mut question.body {
        rotate.q = finite(&rotate.q);
        rotate.k = rotate.k.as_ref().map(finite);
    }
    question
}
