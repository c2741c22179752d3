//! YaRN as Transformers writes it (`_compute_yarn_parameters`).

use super::super::text::parameter;
use super::plain::attention;
use super::{Formula, Keys, powers};
use std::f64::consts::PI;

/// An index ramp between kept and divided frequencies.
pub(super) fn yarn(keys: Keys) -> Result<Formula, &'static str> {
    let (mut formula, pairs) = powers(keys, "plain")?;
    let [factor, slow, fast, original] =
        ["factor", "beta_slow", "beta_fast", "original_max_position_embeddings"]
            .map(|key| keys.number(key));
    let (factor, slow, fast, original) = (factor?, slow?, fast?, original?);
    let dim = 2 * pairs;
    formula.constant("factor", parameter(factor));
    formula.constant("beta_slow", parameter(slow));
    formula.constant("beta_fast", parameter(fast));
    formula.constant("original", parameter(original));
    // find_correction_dim
    formula.define("correction", "r", "dim * ln (original / (r * 2 * PI)) / (2 * ln base)");
    let base = keys.number("rope_theta")?;
    let correction = |r: f64| dim as f64 * (original / (r * 2.0 * PI)).ln() / (2.0 * base.ln());
    // find_correction_range
    let truncate = keys.flag("truncate");
    let (low, high) = (correction(fast), correction(slow));
    let last = dim as f64 - 1.0;
    let (low, low_term, high, high_term) = match truncate {
        true => {
            formula.constant("low", "Rmax 0 (IZR (Zfloor (correction beta_fast)))");
            formula.constant("high", "Rmin (dim - 1) (IZR (Zceil (correction beta_slow)))");
            let (floor, ceil) = (low.floor(), high.ceil());
            let (low, high) = (floor.max(0.0), ceil.min(last));
            let floored = format!(
                "unfold low. rewrite (floor_is {}) by real. settle; formula; lra.",
                parameter(floor)
            );
            formula.equation("low_is", "low", &parameter(low), &floored);
            let ceiled = format!(
                "unfold high. rewrite (ceil_is {}) by real. settle; formula; lra.",
                parameter(ceil)
            );
            formula.equation("high_is", "high", &parameter(high), &ceiled);
            (low, parameter(low), high, parameter(high))
        }
        false => {
            formula.constant("low", "Rmax 0 (correction beta_fast)");
            formula.constant("high", "Rmin (dim - 1) (correction beta_slow)");
            let low_term = if low < 0.0 { "0" } else { "correction beta_fast" };
            let high_term = if high > last { "(dim - 1)" } else { "correction beta_slow" };
            formula.equation("low_is", "low", low_term, "unfold low. settle; reflexivity.");
            formula.equation("high_is", "high", high_term, "unfold high. settle; reflexivity.");
            (low.max(0.0), low_term.to_string(), high.min(last), high_term.to_string())
        }
    };
    // The singularity of equal ends is prevented by 0.001.
    formula.constant("apart", "if Req_EM_T low high then 1 / 1000 else 0");
    let equal = low == high;
    let apart = match equal {
        true => "unfold apart. rewrite low_is, high_is. destruct (Req_EM_T _ _) as [E|E]; \
                 [reflexivity|exfalso; apply E; reflexivity]."
            .to_string(),
        false => format!(
            "unfold apart. rewrite low_is, high_is. destruct (Req_EM_T _ _) as [E|E]; \
             [exfalso; assert ({} {high_term} - {low_term}) by real; lra|reflexivity].",
            if low < high { "0 <" } else { "0 > " }
        ),
    };
    formula.equation("apart_is", "apart", if equal { "1 / 1000" } else { "0" }, &apart);
    formula.first = ["low_is", "high_is", "apart_is"].map(String::from).to_vec();
    // linear_ramp_factor, and inv_freq = interpolation · ramp + extrapolation · (1 − ramp)
    formula.define("ramp", "i", "Rmax 0 (Rmin 1 ((i - low) / (high + apart - low)))");
    formula.define("theta", "i", "plain i / factor * ramp i + plain i * (1 - ramp i)");
    let spread = high + if equal { 0.001 } else { 0.0 } - low;
    for i in 0..pairs {
        let share = (i as f64 - low) / spread;
        let ramp = match share {
            none if none <= 0.0 => "0".to_string(),
            all if all >= 1.0 => "1".to_string(),
            _ => {
                let apart = if equal { "1 / 1000" } else { "0" };
                format!("(({i} - {low_term}) / ({high_term} + {apart} - {low_term}))")
            }
        };
        let right = format!("plain {i} / factor * {ramp} + plain {i} * (1 - {ramp})");
        let proof = "unfold theta, ramp. rewrite low_is, high_is, apart_is. settle; reflexivity.";
        formula.branch(i, &right, proof);
    }
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
