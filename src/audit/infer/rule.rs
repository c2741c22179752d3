//! Other frequencies than the declared ones: what rule they follow.

use super::altered::Altered;
use super::exhibit::Turn;
use crate::encoding::{Double, RopeConfig, Sinusoidal};
use crate::request::{Json, Object};
use std::collections::BTreeMap;
use std::f64::consts::TAU;

/// Radians per position, and what multiplies cos and sin.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spectrum {
    pub(super) thetas: Vec<f64>,
    pub(super) magnitude: f64,
}

/// A rule that a kernel may follow in place of the declared one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    /// The config of this rope_type, or of a sinusoid, with keys replaced; none: without the key.
    Read { rope_type: String, keys: Vec<(String, Option<Json>)> },
    /// The config of this rope_type read otherwise.
    Altered { rope_type: String, altered: Altered },
    /// Every frequency divided by this.
    Divided(f64),
    /// A formula of the config.
    Formula(Formula),
    /// Frequencies as they were measured, by number of the spectrum.
    Measured(BTreeMap<usize, Spectrum>),
    /// A formula, and cos and sin multiplied by this whatever is declared.
    With { formula: Formula, magnitude: f64 },
}

/// Formulas that are met in the wild and are no config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Formula {
    /// base^(−2(i + n)/r)
    Shifted(i32),
    /// base^(−i/r)
    Halved,
    /// base^(−2i/(r − 2))
    ToTheEnd,
    /// base^(−2i/d), d the width of the head.
    OverHeadDim,
    /// llama3: the middle band keeps its frequencies.
    MiddleKept,
    /// llama3: the middle band is divided whole.
    MiddleDivided,
    /// llama3, yarn: the blend's shares are exchanged.
    BlendReversed,
    /// llama3, yarn: the ends of the blend are exchanged.
    EndsExchanged,
    /// yarn: 1/(factor·base)^(2i/r) in place of 1/(factor · base^(2i/r)).
    FactorUnderPower,
    /// yarn: both ends of the ramp rounded down.
    FloorFloor,
    /// yarn: both ends of the ramp rounded up.
    CeilCeil,
    /// yarn: the ends of the ramp are not rounded.
    Unrounded,
    /// yarn: no ramp, all divided.
    AllDivided,
    /// llama3, yarn: base and all as declared, without the scaling.
    Unscaled,
    /// base^(−2i/r) times the factor.
    Multiplied,
    /// llama3, yarn: wavelengths are 1/θ in place of 2π/θ.
    WithoutTwoPi,
    /// longrope: the short list, whatever the length.
    ShortList,
    /// longrope: the long list, whatever the length.
    LongList,
    /// yarn: the ramp counts coordinates, not pairs.
    RampOverCoordinates,
}

impl Formula {
    pub(super) const ALL: [Formula; 20] = [
        Formula::Shifted(1),
        Formula::Shifted(-1),
        Formula::Halved,
        Formula::ToTheEnd,
        Formula::OverHeadDim,
        Formula::MiddleKept,
        Formula::MiddleDivided,
        Formula::BlendReversed,
        Formula::EndsExchanged,
        Formula::FactorUnderPower,
        Formula::FloorFloor,
        Formula::CeilCeil,
        Formula::Unrounded,
        Formula::AllDivided,
        Formula::Unscaled,
        Formula::Multiplied,
        Formula::WithoutTwoPi,
        Formula::RampOverCoordinates,
        Formula::ShortList,
        Formula::LongList,
    ];

    /// Sentence and mend.
    fn words(self) -> (String, &'static str) {
        let (words, mend) = match self {
            Formula::Shifted(n) => {
                let sign = if n > 0 { "+" } else { "−" };
                return (
                    format!("the exponents are −2(i {sign} 1)/r instead of −2i/r"),
                    "inv_freq = base ** -(arange(0, r, 2) / r)",
                );
            }
            Formula::Halved => (
                "the exponents are −i/r instead of −2i/r",
                "inv_freq = base ** -(arange(0, r, 2) / r)",
            ),
            Formula::ToTheEnd => (
                "the exponents are −2i/(r − 2) instead of −2i/r, so that the last is −1",
                "inv_freq = base ** -(arange(0, r, 2) / r)",
            ),
            Formula::OverHeadDim => (
                "the exponents are divided by head_dim instead of rotary_dim",
                "inv_freq = base ** -(arange(0, rotary_dim, 2) / rotary_dim)",
            ),
            Formula::MiddleKept => (
                "the middle band keeps the unscaled frequencies where the blend is declared",
                "inv = (1 - smooth) * inv / factor + smooth * inv",
            ),
            Formula::MiddleDivided => (
                "the middle band is divided by the factor where the blend is declared",
                "inv = (1 - smooth) * inv / factor + smooth * inv",
            ),
            Formula::BlendReversed => (
                "the shares of the blend are exchanged: smooth where 1 − smooth belongs",
                "inv = (1 - smooth) * inv / factor + smooth * inv",
            ),
            Formula::EndsExchanged => (
                "the ends of the blend are exchanged (low_freq_factor and high_freq_factor, beta_fast \
                 and beta_slow): fast planes are divided and slow ones kept",
                "inv = (1 - smooth) * inv / factor + smooth * inv",
            ),
            Formula::FactorUnderPower => (
                "the interpolated frequencies are 1/(factor · base)^(2i/r) instead of 1/(factor · \
                 base^(2i/r)): the factor is under the power",
                "inv_interpolation = 1 / (factor * base ** (arange(0, r, 2) / r))",
            ),
            Formula::FloorFloor => {
                ("both ends of the ramp are rounded down", "low, high = floor(low), ceil(high)")
            }
            Formula::CeilCeil => {
                ("both ends of the ramp are rounded up", "low, high = floor(low), ceil(high)")
            }
            Formula::Unrounded => {
                ("the ends of the ramp are not rounded", "low, high = floor(low), ceil(high)")
            }
            Formula::AllDivided => (
                "all frequencies are divided by the factor: there is no ramp",
                "inv = inv / factor * ramp + inv * (1 - ramp)",
            ),
            Formula::Unscaled => (
                "the frequencies are the unscaled ones, base^(−2i/r)",
                "apply the scaling of rope_type to inv_freq",
            ),
            Formula::Multiplied => {
                ("the frequencies are multiplied by the factor", "inv = inv / factor")
            }
            Formula::WithoutTwoPi => (
                "the blend goes by wavelengths of 1/θ: 2π is missing",
                "wavelen = 2 * pi / inv_freq",
            ),
            Formula::ShortList => (
                "the frequencies are those of short_factor",
                "factors = long_factor if seq_len > original_max_position_embeddings else short_factor",
            ),
            Formula::LongList => (
                "the frequencies are those of long_factor",
                "factors = long_factor if seq_len > original_max_position_embeddings else short_factor",
            ),
            Formula::RampOverCoordinates => (
                "the ramp of the blend counts coordinates where pairs are declared",
                "low, high = dim * log(original / (beta * 2π)) / (2 * log(base))",
            ),
        };
        (words.into(), mend)
    }

    fn thetas(self, turn: &Turn) -> Option<Vec<f64>> {
        let config = &turn.config;
        let number = |key: &str| config.get(key).and_then(Json::number);
        let count = turn.planes.len();
        let rotary = 2.0 * count as f64;
        let base = number("rope_theta")?;
        let factor = || number("factor").filter(|&f| f != 1.0);
        let power = |of: &dyn Fn(f64) -> f64| -> Vec<f64> {
            (0..count).map(|i| libm::pow(base, -of(i as f64))).collect()
        };
        let plain = || power(&|i| 2.0 * i / rotary);
        let is = |name: &str| config.get("rope_type") == Some(&Json::from(name));
        let simple = is("default") || config.get("rope_type").is_none();
        // A blend of θ and θ/factor by a share of θ.
        let blend = |share: &dyn Fn(usize, f64) -> f64, scaled: &dyn Fn(usize, f64) -> f64| {
            let own = plain().into_iter().enumerate();
            own.map(|(i, w)| share(i, w) * w + (1.0 - share(i, w)) * scaled(i, w)).collect()
        };
        let llama3 = || {
            let (low, high) = (number("low_freq_factor")?, number("high_freq_factor")?);
            let original = number("original_max_position_embeddings")?;
            (is("llama3") && high > low).then_some(move |w: f64| {
                ((original * w / TAU - low) / (high - low)).clamp(0.0, 1.0)
            })
        };
        let ends = || {
            let original = number("original_max_position_embeddings")?;
            let betas = [number("beta_fast").unwrap_or(32.0), number("beta_slow").unwrap_or(1.0)];
            is("yarn").then(|| {
                betas.map(|turns| {
                    rotary * libm::log(original / (turns * TAU)) / (2.0 * libm::log(base))
                })
            })
        };
        let ramp = |low: f64, high: f64| {
            let (low, mut high) = (low.max(0.0), high.min(rotary - 1.0));
            if low == high {
                high += 0.001;
            }
            move |i: usize| 1.0 - ((i as f64 - low) / (high - low)).clamp(0.0, 1.0)
        };
        let rounded = |[low, high]: [f64; 2]| match config.get("truncate") {
            Some(Json::Bool(false)) => [low, high],
            _ => [libm::floor(low), libm::ceil(high)],
        };
        let truncated = || ends().map(rounded);
        let yarn = |[low, high]: [f64; 2]| -> Option<Vec<f64>> {
            let (s, share) = (factor()?, ramp(low, high));
            Some(blend(&|i, _| share(i), &|_, w| w / s))
        };
        match self {
            Formula::Shifted(n) if simple => Some(power(&|i| 2.0 * (i + f64::from(n)) / rotary)),
            Formula::Halved if simple => Some(power(&|i| i / rotary)),
            Formula::ToTheEnd if simple && count > 1 => Some(power(&|i| 2.0 * i / (rotary - 2.0))),
            Formula::OverHeadDim if simple => {
                let dim = number("head_dim")?;
                (dim != rotary).then(|| power(&|i| 2.0 * i / dim))
            }
            Formula::MiddleKept => {
                let (s, share) = (factor()?, llama3()?);
                Some(blend(&|_, w| f64::from(u8::from(share(w) > 0.0)), &|_, w| w / s))
            }
            Formula::MiddleDivided => {
                let (s, share) = (factor()?, llama3()?);
                Some(blend(&|_, w| f64::from(u8::from(share(w) >= 1.0)), &|_, w| w / s))
            }
            Formula::BlendReversed => {
                let s = factor()?;
                if let Some(share) = llama3() {
                    let reversed = |w: f64| match share(w) {
                        x if x > 0.0 && x < 1.0 => 1.0 - x,
                        x => x,
                    };
                    return Some(blend(&|_, w| reversed(w), &|_, w| w / s));
                }
                let [low, high] = truncated()?;
                let share = ramp(low, high);
                Some(blend(&|i, _| 1.0 - share(i), &|_, w| w / s))
            }
            Formula::EndsExchanged => {
                let s = factor()?;
                if let Some(share) = llama3() {
                    return Some(blend(&|_, w| 1.0 - share(w), &|_, w| w / s));
                }
                let [low, high] = truncated()?;
                let (low, high) = (low.max(0.0), high.min(rotary - 1.0));
                let share = |i: usize| 1.0 - ((i as f64 - high) / (low - high)).clamp(0.0, 1.0);
                (low < high).then(|| blend(&|i, _| share(i), &|_, w| w / s))
            }
            Formula::FactorUnderPower => {
                let (s, [low, high]) = (factor()?, truncated()?);
                let share = ramp(low, high);
                let under = |i: usize| libm::pow(base * s, -2.0 * i as f64 / rotary);
                Some(blend(&|i, _| share(i), &|i, _| under(i)))
            }
            Formula::ShortList | Formula::LongList => {
                let key = if self == Formula::ShortList { "short_factor" } else { "long_factor" };
                let Json::Array(list) = config.get(key)? else { return None };
                let by: Option<Vec<f64>> = list.iter().map(Json::number).collect();
                Some(plain().iter().zip(by?).map(|(w, by)| w / by).collect())
            }
            Formula::FloorFloor => yarn(ends()?.map(libm::floor)),
            Formula::CeilCeil => yarn(ends()?.map(libm::ceil)),
            Formula::Unrounded => yarn(ends()?),
            Formula::RampOverCoordinates => yarn(truncated()?.map(|x| 2.0 * x)),
            Formula::AllDivided if is("yarn") || is("llama3") => {
                let s = factor()?;
                Some(plain().into_iter().map(|w| w / s).collect())
            }
            Formula::Unscaled if !simple => Some(plain()),
            Formula::Multiplied => {
                let s = factor()?;
                Some(plain().into_iter().map(|w| w * s).collect())
            }
            Formula::WithoutTwoPi => {
                let s = factor()?;
                if let Some(share) = llama3() {
                    return Some(blend(&|_, w| share(w * TAU), &|_, w| w / s));
                }
                let further = rotary * libm::log(TAU) / (2.0 * libm::log(base));
                yarn(rounded(ends()?.map(|end| end + further)))
            }
            _ => None,
        }
    }
}

impl Rule {
    /// The frequencies for a rotation; none where the rule says nothing of its config.
    pub(super) fn spectrum(&self, turn: &Turn) -> Option<Spectrum> {
        let own = |thetas: Vec<f64>| Spectrum { thetas, magnitude: turn.magnitude };
        let spectrum = match self {
            Rule::Divided(by) => own(turn.planes.iter().map(|p| p.theta / by).collect()),
            Rule::Formula(formula) => own(formula.thetas(turn)?),
            Rule::Measured(table) => table.get(&turn.spectrum)?.clone(),
            Rule::With { formula, magnitude } => {
                Spectrum { thetas: formula.thetas(turn)?, magnitude: *magnitude }
            }
            Rule::Read { rope_type, keys } => {
                declares(turn, rope_type).then_some(())?;
                let mut config = turn.config.clone();
                for (key, value) in keys {
                    match value {
                        Some(value) => config.set(key, value.clone()),
                        None => drop(config.remove(key)?),
                    }
                }
                read(&config, turn.seq_len)?
            }
            Rule::Altered { rope_type, altered } => {
                declares(turn, rope_type).then_some(())?;
                let (config, length) = altered.of(turn)?;
                read(&config, length)?
            }
        };
        (spectrum.thetas.len() == turn.planes.len()).then_some(spectrum)
    }

    /// What frequencies depend on: the number of the spectrum, and what a rule adds.
    pub(super) fn case(&self, turn: &Turn) -> (usize, i64) {
        match self {
            Rule::Altered { altered, .. } => (turn.spectrum, altered.case(turn)),
            _ => (turn.spectrum, 0),
        }
    }

    pub(super) fn cost(&self) -> u32 {
        match self {
            Rule::Altered { altered, .. } => altered.cost(),
            Rule::Formula(Formula::Unscaled) => 3,
            Rule::Formula(_) => 4,
            Rule::With { formula, .. } => 1 + Rule::Formula(*formula).cost(),
            Rule::Read { keys, .. } => 3 + keys.len() as u32,
            Rule::Divided(_) => 5,
            Rule::Measured(_) => 20,
        }
    }

    /// What is computed, and what to change.
    pub(super) fn words(&self) -> (String, String) {
        match self {
            Rule::Divided(by) => (
                match *by < 1.0 {
                    true => format!("every frequency is {} times the declared one", round(1.0 / by)),
                    false => format!("every frequency is the declared one divided by {}", round(*by)),
                },
                "take the scaling from the config of this layer; where none is declared, inv_freq = \
                 base ** -(arange(0, r, 2) / r)"
                    .into(),
            ),
            Rule::Formula(formula) => {
                let (words, mend) = formula.words();
                (words, format!("`{mend}`"))
            }
            Rule::Measured(_) => (
                "the angles are proportional to the position, with other frequencies than declared, \
                 and no rule is known that they follow"
                    .into(),
                "compare inv_freq with `ropewalk compute --operation inv_freq`".into(),
            ),
            Rule::With { formula, magnitude } => {
                let (words, mend) = formula.words();
                let factor = match *magnitude == 1.0 {
                    true => "not multiplied by attention_factor".into(),
                    false => format!("multiplied by {}, whatever is declared", round(*magnitude)),
                };
                (
                    format!("{words}, and cos and sin are {factor}"),
                    format!("`{mend}`; cos and sin times attention_factor"),
                )
            }
            Rule::Altered { rope_type, altered } => altered.words(rope_type),
            Rule::Read { rope_type, keys } => {
                let one = |(key, value): &(String, Option<Json>)| match value {
                    Some(value) => format!("{key} {value}"),
                    None => format!("no {key}"),
                };
                let list: Vec<String> = keys.iter().map(one).collect();
                let names: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
                let of = match rope_type == SINUSOID {
                    true => String::new(),
                    false => format!(" (rope_type {rope_type})"),
                };
                (
                    format!(
                        "the frequencies are those of {}, whatever is declared{of}",
                        list.join(", ")
                    ),
                    format!("read {} from the config of the call", names.join(", ")),
                )
            }
        }
    }
}

/// What stands for the rope_type of a sinusoid, which has none.
pub(super) const SINUSOID: &str = "sinusoidal";

/// The scaling rule of a config.
pub(super) fn kind(config: &Object) -> &str {
    match config.get("rope_type") {
        Some(Json::String(word)) => word,
        _ if config.get("divisor").is_some() => SINUSOID,
        _ => "default",
    }
}

/// Whether a config has this scaling rule.
fn declares(turn: &Turn, rope_type: &str) -> bool {
    kind(&turn.config) == rope_type
}

/// The frequencies of a config.
pub(super) fn read(config: &Object, seq_len: Option<i64>) -> Option<Spectrum> {
    let evaluated =
        |list: &mut dyn Iterator<Item = Option<f64>>| list.collect::<Option<Vec<f64>>>();
    if kind(config) == SINUSOID {
        let waves = Sinusoidal::new(config).ok()?.frequencies();
        let thetas = evaluated(&mut waves.iter().map(|wave| wave.evaluate(&Double)))?;
        return Some(Spectrum { thetas, magnitude: 1.0 });
    }
    let read = RopeConfig::new(config).ok()?;
    let rope = read.rope(seq_len.or(Some(2)).filter(|_| read.scheme().needs_seq_len())).ok()?;
    let thetas = evaluated(&mut rope.planes.iter().map(|plane| plane.frequency.evaluate(&Double)))?;
    Some(Spectrum { thetas, magnitude: rope.magnitude.evaluate(&Double)? })
}

/// A number as people write it.
pub(super) fn round(x: f64) -> f64 {
    let near = libm::round(x);
    if (x - near).abs() < 1e-4 * x.abs() && near != 0.0 {
        return near;
    }
    format!("{x:.4}").parse().unwrap_or(x)
}
