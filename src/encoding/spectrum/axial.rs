//! Several axes with a spectrum each: images and video.

use super::{Parameters, Scheme, Spectrum, powers};
use crate::encoding::expression::Expression;
use crate::encoding::key::{Absent, Checked, Key, Kind, Range, invalid};
use crate::request::{Json, Reject};

/// `axial`. Each axis a has a block of `axes_dims[a]` coordinates with its own
/// θₖ = base^(−2k/dims\[a\]): the index restarts on every axis, unlike M-RoPE's.
///
/// Sources: FLUX `math.py` (16, 56, 56), HunyuanVideo (16, 56, 56, base 256), Wan 2.1 (44, 42,
/// 42), Qwen2-VL's vision tower (D/2, D/2, half layout), Llama 4's (D/2, D/2, interleaved, x
/// first, positions counted from 1 and 0 for CLS), Gemma 4's (D/2, D/2, x first, base 100, halves
/// *inside* each block: `half_within_axis`).
///
/// Cosmos stretches each axis by its own NTK factor (`axes_factor`): 10⁴ · s^(d/(d−2)) is the base of
/// a block of d coordinates (diffusers `CosmosRotaryPosEmbed`, `rope_scale`).
///
/// Surprises: with the half layout the partner is half the *head* away unless
/// `half_within_axis`; the order of the axes differs between models, hence `axes_order`.
#[derive(Debug)]
pub struct Axial;

/// `pixtral`. One spectrum θᵢ = base^(−2i/D) dealt out in turn: rows get the even i, columns the
/// odd ones, all of the rows' pairs before the columns'.
///
/// Source: Transformers `modeling_pixtral.py`. Axes are [y, x].
#[derive(Debug)]
pub struct Pixtral;

/// `dinov3`. Angles 2π · coordinate · base^(−4k/D), k < D/4, first y then x; coordinates are
/// the centres of the patches in [−1, 1], (2·row + 1 − H)/H, exact rationals. With `num_axes` n it is
/// base^(−2nk/D), k < D/2n, on each axis: video and volumes have three.
///
/// Source: Transformers `modeling_dinov3_vit.py` (base 100). CLS and register tokens are not
/// turned: coordinate 0 on both axes.
#[derive(Debug)]
pub struct Dinov3;

/// `pixel`. Frequencies π · linspace(1, max_freq/2, D/4) on each axis, coordinates in [−1, 1],
/// exact rationals such as linspace(−1, 1, n): −1 + 2i/(n − 1).
///
/// Source: lucidrains/rotary-embedding-torch `freqs_for = 'pixel'`; timm `pixel_freq_bands`
/// (EVA-02), interleaved. With `log_bands` they are π · (max_freq/2)^(k/(D/4 − 1)), timm's
/// π · 2^linspace(0, log₂ max_freq − 1, D/4). timm's other form, temperature^(−k/(D/4)), is `axial`.
#[derive(Debug)]
pub struct Pixel;

const DIMS: Key = Key {
    name: "axes_dims",
    kind: Kind::Integers(2, 1 << 16),
    absent: Absent::Required,
    meaning: "coordinates per axis, even; their sum is rotary_dim",
};
const ORDER: Key = Key {
    name: "axes_order",
    kind: Kind::Integers(0, 15),
    absent: Absent::Optional,
    meaning: "which axis of the positions each block belongs to; default 0, 1, 2 …",
};
const WITHIN: Key = Key {
    name: "half_within_axis",
    kind: Kind::Flag,
    absent: Absent::Flag(false),
    meaning: "whether the half layout pairs inside each block (Gemma 4)",
};

const FACTORS: Key = Key {
    name: "axes_factor",
    kind: Kind::Numbers(Range::Positive),
    absent: Absent::Optional,
    meaning: "an NTK factor s for each block: its base is rope_theta · s^(d/(d−2)) (Cosmos)",
};
pub(super) const NUM_AXES: Key = Key {
    name: "num_axes",
    kind: Kind::Integer(1, 16),
    absent: Absent::Optional,
    meaning: "axes of a position, each with the same frequencies; 2 for images, 3 for video",
};
const LOG_BANDS: Key = Key {
    name: "log_bands",
    kind: Kind::Flag,
    absent: Absent::Optional,
    meaning: "whether the bands grow by a factor instead of a step (timm, linear_bands = False)",
};

fn list(config: &Checked, key: &str) -> Vec<usize> {
    config.numbers(key).unwrap_or_default().iter().map(|&n| n as usize).collect()
}

/// The number of axes that a config says, or as many as are usual.
pub(super) fn count(config: &Checked, usual: usize) -> usize {
    config.size(NUM_AXES.name).unwrap_or(usual)
}

/// A head whose planes fall into two equal halves.
pub(super) fn check_quarters(config: &Checked, name: &str) -> Result<(), Reject> {
    match config.size("rotary_dim") {
        Some(r) if r % 4 != 0 => {
            Err(invalid("rotary_dim", r, format!("a multiple of 4 for {name}: two axes of pairs")))
        }
        _ => Ok(()),
    }
}

impl Scheme for Axial {
    fn rope_type(&self) -> &'static str {
        "axial"
    }

    fn summary(&self) -> &'static str {
        "a block of pairs per axis; FLUX, HunyuanVideo, Wan, vision towers"
    }

    fn keys(&self) -> &'static [Key] {
        &[DIMS, ORDER, WITHIN, FACTORS]
    }

    fn has_axes(&self) -> bool {
        true
    }

    fn axes(&self, config: &Checked) -> usize {
        list(config, "axes_dims").len()
    }

    fn rational_positions(&self) -> bool {
        true
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        let dims = list(config, "axes_dims");
        let r = config.size("rotary_dim").unwrap_or_default();
        let odd = dims.iter().any(|dim| dim % 2 != 0);
        if odd || dims.iter().sum::<usize>() != r || !(1..=16).contains(&dims.len()) {
            let rule = format!("1 to 16 even numbers whose sum is rotary_dim = {r}");
            return Err(invalid("axes_dims", format!("{dims:?}"), rule));
        }
        if !config.has("axes_order") {
            let order = (0..dims.len()).map(Json::from).collect();
            config.set("axes_order", Json::Array(order));
        }
        if let Some(factors) = config.numbers("axes_factor")
            && (factors.len() != dims.len() || dims.contains(&2))
        {
            let rule = format!(
                "one factor for each of {} blocks, all wider than 2: the exponent is d/(d-2)",
                dims.len()
            );
            return Err(invalid("axes_factor", format!("{factors:?}"), rule));
        }
        let mut order = list(config, "axes_order");
        let shown = format!("{order:?}");
        order.sort_unstable();
        if order != (0..dims.len()).collect::<Vec<_>>() {
            let rule = format!("each of 0 to {} once", dims.len() - 1);
            return Err(invalid("axes_order", shown, rule));
        }
        Ok(())
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let base = parameters.exact("rope_theta");
        let dims = list(parameters.config, "axes_dims");
        let order = list(parameters.config, "axes_order");
        let mut spectrum = Spectrum::plain(Vec::new());
        let factors = parameters.config.numbers("axes_factor").unwrap_or_default();
        for (block, (dim, axis)) in dims.iter().zip(order).enumerate() {
            let base = match factors.get(block) {
                Some(&s) => &base * Expression::dyadic(s).power(*dim as i64, *dim as i64 - 2),
                None => base.clone(),
            };
            spectrum.frequencies.extend(powers(&base, dim / 2, *dim));
            spectrum.axes.extend(vec![axis; dim / 2]);
        }
        if parameters.config.flag("half_within_axis") {
            spectrum.blocks = dims.iter().map(|dim| dim / 2).collect();
        }
        Ok(spectrum)
    }
}

impl Scheme for Pixtral {
    fn rope_type(&self) -> &'static str {
        "pixtral"
    }

    fn summary(&self) -> &'static str {
        "one spectrum dealt out to rows and columns in turn; Pixtral"
    }

    fn keys(&self) -> &'static [Key] {
        &[]
    }

    fn has_axes(&self) -> bool {
        true
    }

    fn axes(&self, _: &Checked) -> usize {
        2
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        check_quarters(config, "pixtral")
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let all = parameters.inv_freq();
        let rows = all.iter().step_by(2);
        let columns = all.iter().skip(1).step_by(2);
        let quarter = parameters.pairs() / 2;
        let axes = (0..parameters.pairs()).map(|i| (i >= quarter) as usize).collect();
        Ok(Spectrum { axes, ..Spectrum::plain(rows.chain(columns).cloned().collect()) })
    }
}

/// The same frequencies on one axis after the other.
fn repeated(frequencies: &[Expression], axes: usize) -> Spectrum {
    let count = frequencies.len();
    let axis = (0..axes * count).map(|i| i / count.max(1)).collect();
    let all = (0..axes).flat_map(|_| frequencies.iter().cloned()).collect();
    Spectrum { axes: axis, ..Spectrum::plain(all) }
}

impl Scheme for Dinov3 {
    fn rope_type(&self) -> &'static str {
        "dinov3"
    }

    fn summary(&self) -> &'static str {
        "2 pi times patch centres in [-1, 1]; DINOv3"
    }

    fn keys(&self) -> &'static [Key] {
        &[NUM_AXES]
    }

    fn has_axes(&self) -> bool {
        true
    }

    fn axes(&self, config: &Checked) -> usize {
        count(config, 2)
    }

    fn rational_positions(&self) -> bool {
        true
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        // Said or not, two axes are the same config.
        let axes = count(config, 2);
        if axes == 2 {
            config.remove(NUM_AXES.name);
        }
        match config.size("rotary_dim") {
            Some(r) if r % (2 * axes) != 0 => {
                let rule = format!("a multiple of {} for dinov3: {axes} axes of pairs", 2 * axes);
                Err(invalid("rotary_dim", r, rule))
            }
            _ => Ok(()),
        }
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let two_pi = Expression::integer(2) * Expression::pi();
        let base = parameters.exact("rope_theta");
        let axes = count(parameters.config, 2);
        // base^(−2nk/r) = base^(−2k/(r/n)).
        let omegas = powers(&base, parameters.pairs() / axes, parameters.rotary_dim / axes);
        let frequencies: Vec<Expression> = omegas.iter().map(|omega| &two_pi * omega).collect();
        Ok(repeated(&frequencies, axes))
    }
}

impl Scheme for Pixel {
    fn rope_type(&self) -> &'static str {
        "pixel"
    }

    fn summary(&self) -> &'static str {
        "pi * linspace(1, max_freq/2) on y and x; rotary-embedding-torch, timm EVA-02"
    }

    fn keys(&self) -> &'static [Key] {
        const KEYS: [Key; 2] = [
            Key {
                name: "max_freq",
                kind: Kind::Number(Range::Positive),
                absent: Absent::Required,
                meaning: "twice the highest frequency over π (10 in rotary-embedding-torch)",
            },
            LOG_BANDS,
        ];
        &KEYS
    }

    fn has_base(&self) -> bool {
        false
    }

    fn has_axes(&self) -> bool {
        true
    }

    fn axes(&self, _: &Checked) -> usize {
        2
    }

    fn rational_positions(&self) -> bool {
        true
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        // Said or not, steps are the same config.
        if !config.flag("log_bands") {
            config.remove("log_bands");
        }
        check_quarters(config, "pixel")
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let one = Expression::integer(1);
        let highest = parameters.exact("max_freq") / Expression::integer(2);
        let quarter = (parameters.pairs() / 2) as i64;
        let band = |k: i64| match quarter {
            1 => Expression::pi(),
            _ if parameters.config.flag("log_bands") => {
                Expression::pi() * highest.power(k, quarter - 1)
            }
            _ => Expression::pi() * (&one + (&highest - &one) * Expression::ratio(k, quarter - 1)),
        };
        Ok(repeated(&(0..quarter).map(band).collect::<Vec<_>>(), 2))
    }
}
