//! NTK-aware scaling: a larger base instead of a longer step.

use super::linear::FACTOR;
use super::{Parameters, Scheme, Spectrum, powers};
use crate::encoding::expression::Expression;
use crate::encoding::key::{Checked, Key, invalid};
use crate::request::Reject;

/// `ntk`. base′ = base · s^(r/(r−2)), θᵢ = base′^(−2i/r): the first frequency stays, the last is
/// divided by exactly s.
///
/// Source: jquesnelle/yarn (`LlamaNTKScaledRotaryEmbedding`), bloc97's note; lucidrains'
/// `theta_rescale_factor`; vLLM's type `dynamic` with `alpha` (Hunyuan), where s is called alpha.
#[derive(Debug)]
pub struct Ntk;

/// `ntk_fixed`. Dynamic NTK as vLLM reads it: the length is fixed once at s·L₀, so the bracket of
/// [`super::Dynamic`] is s² − s + 1 whatever the sequence.
///
/// Source: vLLM, `DynamicNTKScalingRotaryEmbedding`. Surprise: short sequences are scaled too.
#[derive(Debug)]
pub struct NtkFixed;

/// The base of `stretch` times the context.
pub(super) fn stretched(parameters: &Parameters, stretch: &Expression) -> Vec<Expression> {
    let r = parameters.rotary_dim as i64;
    let base = parameters.exact("rope_theta") * stretch.power(r, r - 2);
    powers(&base, parameters.pairs(), parameters.rotary_dim)
}

/// The exponent r/(r − 2) needs r > 2.
pub(super) fn check_width(config: &Checked, name: &str) -> Result<(), Reject> {
    match config.size("rotary_dim") {
        Some(2) => Err(invalid(
            "rotary_dim",
            2,
            format!("more than 2 for {name}: the exponent is r/(r-2)"),
        )),
        _ => Ok(()),
    }
}

impl Scheme for Ntk {
    fn rope_type(&self) -> &'static str {
        "ntk"
    }

    fn summary(&self) -> &'static str {
        "base * factor^(r/(r-2)); NTK-aware (bloc97 2023)"
    }

    fn keys(&self) -> &'static [Key] {
        &[FACTOR]
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        check_width(config, "ntk")
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        Ok(Spectrum::plain(stretched(parameters, &parameters.exact("factor"))))
    }
}

impl Scheme for NtkFixed {
    fn rope_type(&self) -> &'static str {
        "ntk_fixed"
    }

    fn summary(&self) -> &'static str {
        "dynamic NTK at the fixed length factor * L0; vLLM's reading"
    }

    fn keys(&self) -> &'static [Key] {
        &[FACTOR]
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        check_width(config, "ntk_fixed")
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let s = parameters.exact("factor");
        let stretch = &s * &s - (&s - Expression::integer(1));
        Ok(Spectrum::plain(stretched(parameters, &stretch)))
    }
}
