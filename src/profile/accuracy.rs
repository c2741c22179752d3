//! Errors of elementary functions.

/// Errors of the elementary functions that a profile allows, and not more than its emulation has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// Of pow, in ulp of the result.
    pub pow: f64,
    /// Of exp and exp2, in ulp of the result.
    pub exp: f64,
    /// Of ln and log2, in ulp of the result.
    pub log: f64,
    /// Of sin and cos, in ulp of the result, if `fast_trig` is none.
    pub trig: f64,
    /// Whether x^y is 2^(y · log₂ x), as fast-math modes have it.
    pub composed_pow: bool,
    /// Fast sin and cos.
    pub fast_trig: Option<FastTrig>,
}

/// sin and cos of a special function unit: an absolute error that grows with an unreduced angle.
/// At angle 0 both are exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FastTrig {
    /// At any angle, absolute.
    pub absolute: f64,
    /// Per radian of |angle|, absolute.
    pub per_radian: f64,
}

impl Accuracy {
    /// Good C libraries: below 1 ulp (glibc, musl, SLEEF's `u10` functions).
    pub const CORRECT: Accuracy =
        Accuracy { pow: 1.0, exp: 1.0, log: 1.0, trig: 1.0, composed_pow: false, fast_trig: None };
    /// The maxima that CUDA's programming guide lists for its accurate functions, which contain
    /// the C libraries'.
    pub const CUDA: Accuracy = Accuracy { pow: 4.0, exp: 2.0, trig: 2.0, ..Accuracy::CORRECT };
    /// CUDA's intrinsics: `__powf` is `exp2f(y · __log2f(x))`, `__sincosf` reduces in f32.
    pub const FAST: Accuracy = Accuracy {
        exp: 2.0,
        log: 3.0,
        composed_pow: true,
        fast_trig: Some(FastTrig {
            absolute: 4.76837158203125e-7,
            per_radian: 2.384185791015625e-7,
        }),
        ..Accuracy::CUDA
    };
}
