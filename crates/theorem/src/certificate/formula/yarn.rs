//! YaRN as Transformers writes it (`_compute_yarn_parameters`).

use super::super::text::parameter;
use super::plain::attention;
use super::{Formula, Keys, powers};

/// An index ramp between kept and divided frequencies.
pub(super) fn yarn(keys: Keys) -> Result<Formula, &'static str> {
    let (mut formula, pairs) = powers(keys, "plain")?;
    let [factor, slow, fast, original] =
        ["factor", "beta_slow", "beta_fast", "original_max_position_embeddings"]
            .map(|key| keys.number(key));
    let (factor, slow, fast, original) = (factor?, slow?, fast?, original?);
    formula.constant("factor", parameter(factor));
    formula.constant("beta_slow", parameter(slow));
    formula.constant("beta_fast", parameter(fast));
    formula.constant("original", parameter(original));
    // find_correction_dim
    formula.define("correction", "r", "dim * ln (original / (r * 2 * PI)) / (2 * ln base)");
    // find_correction_range
    let (low, high) = match keys.flag("truncate") {
        true => ("IZR (Zfloor (correction beta_fast))", "IZR (Zceil (correction beta_slow))"),
        false => ("correction beta_fast", "correction beta_slow"),
    };
    formula.constant("low", format!("Rmax 0 ({low})"));
    formula.constant("high", format!("Rmin (dim - 1) ({high})"));
    // The singularity of equal ends is prevented by 0.001.
    formula.constant("apart", "if Req_EM_T low high then 1 / 1000 else 0");
    // linear_ramp_factor, and inv_freq = interpolation · ramp + extrapolation · (1 − ramp)
    formula.define("ramp", "i", "Rmax 0 (Rmin 1 ((i - low) / (high + apart - low)))");
    formula.define("theta", "i", "plain i / factor * ramp i + plain i * (1 - ramp i)");
    (0..pairs).for_each(|i| formula.planes.push(format!("theta {i}")));
    factors(keys, &mut formula, factor)?;
    Ok(formula)
}

/// attention_factor and DeepSeek's factor of the logits; get_mscale is 1 for s ≤ 1 and else
/// 0.1 · m · ln s + 1.
fn factors(keys: Keys, formula: &mut Formula, factor: f64) -> Result<(), &'static str> {
    let truthy = |key: &str| keys.optional(key).filter(|&x| x != 0.0);
    let (mscale, all_dim) = (truthy("mscale"), truthy("mscale_all_dim"));
    let get_mscale = |m: f64| match factor > 1.0 {
        true => format!("(1 / 10 * ({}) * ln factor + 1)", parameter(m)),
        false => "1".to_string(),
    };
    let body = match (keys.optional("attention_factor"), mscale, all_dim) {
        (Some(given), ..) => attention(given),
        (None, Some(a), Some(b)) if a == b => None,
        (None, Some(a), Some(b)) => Some(format!("{} / {}", get_mscale(a), get_mscale(b))),
        _ => Some(get_mscale(1.0)),
    };
    if let Some(body) = body.filter(|body| body != "1") {
        formula.constant("attention", body);
        formula.attention = Some("attention".to_string());
    }
    if let Some(all_dim) = all_dim.filter(|_| factor > 1.0) {
        formula.softmax = Some(format!("{0} * {0}", get_mscale(all_dim)));
    }
    Ok(())
}
