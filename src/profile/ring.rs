//! How far off the norm of a rotated pair may be, whatever its angle is.
//!
//! A machine turns by some angle φ̂, whether it is the right one or not, and e^{iφ̂} is a unit
//! phasor: m·e^{iφ̂}·z lies on the circle of radius m·|z|. What it rounds from there on is all that
//! moves the answer off that circle, and it does not grow with the position
//! (`docs/tolerances.md`, "The norm").

use super::Profile;
use super::bound::Bounder;
use super::machine::power_of_two;
use super::plane::{Phase, Steps, Value, up_add, up_hypot};
use super::walk::{Phases, at};
use crate::encoding::{Body, Heads, Pair, Question, Rope, Rotate};
use crate::number::Format;

/// A pair of elements of an answer whose norm is known.
///
/// ```
/// use ropewalk::{encoding::Question, profile, request::Request};
/// let line = r#"{"cmd":"run","id":"a","operation":"rotate","dtype":"f32",
///     "config":{"head_dim":2,"layout":"half","rope_theta":10000},"input":{"positions":[[10922]],
///     "q":{"dtype":"f32","shape":[1,1,1,2],"bits":["3f80000000000000"]}}}"#;
/// let question = Question::new(&Request::parse(line).unwrap()).unwrap();
/// let ring = &profile::rings(&question, profile::find("hf-f32").unwrap())[0];
/// let (sin, cos) = 10922.01f64.sin_cos(); // a wrong angle is another matter
/// assert!(ring.holds(cos, sin) && !ring.holds(1.001 * cos, sin));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ring {
    /// The output's name.
    pub name: &'static str,
    /// Flat indices of its real and its imaginary part.
    pub re: usize,
    /// The other one.
    pub im: usize,
    /// m·|z|, the norm that is right.
    pub norm: f64,
    /// How far off a machine of the profile may be, the computation of the norm included.
    pub bound: f64,
}

impl Ring {
    /// Whether a pair has the norm, as far as the profile keeps it.
    pub fn holds(&self, re: f64, im: f64) -> bool {
        (libm::hypot(re, im) - self.norm).abs() <= self.bound
    }
}

/// The rings of a rotation by one profile: a pair for each plane of each row. Where nothing can be
/// said (a NaN, an infinity, a possible overflow) there is none.
pub fn rings(question: &Question, profile: &Profile) -> Vec<Ring> {
    let Body::Rotate(rotate) = &question.body else { return vec![] };
    let output = question.dtype.format().unwrap_or(Format::F64);
    let bounder = Bounder::new(profile, output);
    let keys = rotate.rope.for_keys();
    let mut list = Vec::new();
    bounder.rings(rotate, "q", &rotate.q, &rotate.rope, &mut list);
    if let Some(k) = &rotate.k {
        bounder.rings(rotate, "k", k, &keys, &mut list);
    }
    list
}

impl Bounder {
    fn rings(
        &self,
        rotate: &Rotate,
        name: &'static str,
        tensor: &Heads,
        rope: &Rope,
        list: &mut Vec<Ring>,
    ) {
        let pairs: Vec<Pair> = rope.pairs();
        let mut phases = Phases::new(self, rope, rotate.direction);
        let format = tensor.format();
        let mut steps = self.steps.clone();
        if let Some(fast) = &mut steps.accuracy.fast_trig {
            fast.per_radian = 0.0;
        }
        for (row, token, x) in tensor.rows() {
            let start = row * x.len();
            let phases = phases.at(at(&rotate.positions, token));
            for (pair, phase) in pairs.iter().zip(phases) {
                let z = [x[pair.re], x[pair.im]];
                let ring = phase.as_ref().and_then(|phase| self.ring(&steps, phase, z, format));
                list.extend(ring.map(|(norm, bound)| Ring {
                    name,
                    re: start + pair.re,
                    im: start + pair.im,
                    norm,
                    bound,
                }));
            }
        }
    }

    /// The norm of a pair and how far off it may be.
    fn ring(
        &self,
        steps: &Steps,
        phase: &Phase,
        z: [u64; 2],
        format: Format,
    ) -> Option<(f64, f64)> {
        let [x, y] = z.map(|bits| format.to_f64(bits).abs());
        let size = up_hypot(x, y);
        if !size.is_finite() || size == 0.0 {
            return None;
        }
        // The angle that the machine has is the right one here.
        let phase = Phase { delta: 0.0, ..*phase };
        // What grows is the error of the reduction, which both functions share.
        if self.profile.accuracy.fast_trig.is_some_and(|fast| fast.per_radian * phase.reach >= 1.0)
        {
            return None;
        }
        let re = self.written(steps.turn(&phase, x, y, format))?;
        let im = self.written(steps.turn(&phase, y, x, format))?;
        let (least, most) = (phase.factor.lo * size, phase.factor.hi * size);
        let norm = 0.5 * (least + most);
        // `size`, these products and the norm of an answer, each to a few ulp of f64.
        let own = norm * power_of_two(-48) + 32.0 * f64::from_bits(1);
        let bound = up_add(up_hypot(re, im), 0.5 * (most - least) + own);
        (bound < norm).then_some((norm, bound))
    }

    /// The error of a value as it is written; none where it may overflow.
    fn written(&self, mut value: Value) -> Option<f64> {
        let fits = |value: &Value| value.size < value.format.to_f64(value.format.largest());
        for machine in &self.outputs {
            if !fits(&value) {
                return None;
            }
            value.convert(machine);
        }
        (fits(&value) && value.size < self.output.to_f64(self.output.largest()))
            .then_some(value.error)
    }
}
