//! Blends by the number of turns in the original window.

use super::super::text::parameter;
use super::plain::attention;
use super::{Formula, Keys, powers};

/// Llama 3.1 as Meta prints it: three bands by wavelength.
pub(super) fn llama3(keys: Keys) -> Result<Formula, &'static str> {
    let (mut formula, pairs) = powers(keys, "plain")?;
    let [factor, low, high, original] =
        ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"]
            .map(|key| keys.number(key));
    let (factor, low, high, original) = (factor?, low?, high?, original?);
    formula.constant("factor", parameter(factor));
    formula.constant("low_freq_factor", parameter(low));
    formula.constant("high_freq_factor", parameter(high));
    formula.constant("original", parameter(original));
    formula.define("wavelength", "i", "2 * PI / plain i");
    let smooth =
        "(original / wavelength i - low_freq_factor) / (high_freq_factor - low_freq_factor)";
    formula.define("smooth", "i", smooth);
    formula.define(
        "theta",
        "i",
        "\n  if Rlt_dec (wavelength i) (original / high_freq_factor) then plain i\n  \
         else if Rlt_dec (original / low_freq_factor) (wavelength i) then plain i / factor\n  \
         else (1 - smooth i) * (plain i / factor) + smooth i * plain i",
    );
    (0..pairs).for_each(|i| formula.planes.push(format!("theta {i}")));
    Ok(formula)
}

/// YaRN (Peng et al. 2023), Definitions 1 and 2: γ(r) of r = L₀/λ, h(θ) = (1 − γ) θ/s + γ θ.
pub(super) fn ntk_by_parts(keys: Keys) -> Result<Formula, &'static str> {
    let (mut formula, pairs) = powers(keys, "plain")?;
    let [factor, slow, fast, original] =
        ["factor", "beta_slow", "beta_fast", "original_max_position_embeddings"]
            .map(|key| keys.number(key));
    let (factor, slow, fast, original) = (factor?, slow?, fast?, original?);
    formula.constant("factor", parameter(factor));
    formula.constant("beta_slow", parameter(slow));
    formula.constant("beta_fast", parameter(fast));
    formula.constant("original", parameter(original));
    formula.define("turns", "i", "original * plain i / (2 * PI)");
    formula.define(
        "gamma",
        "i",
        "Rmax 0 (Rmin 1 ((turns i - beta_slow) / (beta_fast - beta_slow)))",
    );
    formula.define("theta", "i", "(1 - gamma i) * (plain i / factor) + gamma i * plain i");
    (0..pairs).for_each(|i| formula.planes.push(format!("theta {i}")));
    formula.attention = keys.optional("attention_factor").and_then(attention);
    Ok(formula)
}
