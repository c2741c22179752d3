//! From a flat rotary config to a rope; the model form becomes a flat one first.

use super::expression::Expression;
use super::key::{Absent, Checked, Key, Kind, Range, invalid};
use super::rope::{Layout, Plane, Rope};
use super::rotation::Pair;
use super::spectrum::{Parameters, SCHEMES, Scheme, find};
use crate::request::{Json, Object, Reject, Slug};

/// The largest head that is accepted; released models stay below 1024.
const LARGEST: i64 = 1 << 16;

const HEAD: [Key; 4] = [
    Key {
        name: "head_dim",
        kind: Kind::Integer(2, LARGEST),
        absent: Absent::Required,
        meaning: "width D of a head",
    },
    Key {
        name: "layout",
        kind: Kind::Word(&["interleaved", "half"]),
        absent: Absent::Required,
        meaning: "which coordinates form pairs",
    },
    Key {
        name: "rope_theta",
        kind: Kind::Number(Range::Positive),
        absent: Absent::Required,
        meaning: "the base",
    },
    Key {
        name: "rope_type",
        kind: Kind::Name,
        absent: Absent::Word("default"),
        meaning: "the scaling rule",
    },
];

const SLICE: [Key; 3] = [
    Key {
        name: "partial_rotary_factor",
        kind: Kind::Number(Range::Proper),
        absent: Absent::Optional,
        meaning: "rotary_dim = trunc(head_dim × this), one IEEE product; default 1",
    },
    Key {
        name: "rotary_dim",
        kind: Kind::Integer(0, LARGEST),
        absent: Absent::Optional,
        meaning: "width r of the rotated slice, even",
    },
    Key {
        name: "rotary_offset",
        kind: Kind::Integer(0, LARGEST),
        absent: Absent::Integer(0),
        meaning: "where the rotated slice begins",
    },
];

const LENGTH: Key = Key {
    name: "max_position_embeddings",
    kind: Kind::Number(Range::Positive),
    absent: Absent::Optional,
    meaning: "the longest context; tolerated everywhere, read by dynamic and longrope",
};

const AXES: [Key; 2] = [
    Key {
        name: "mrope_section",
        kind: Kind::Integers(0, LARGEST),
        absent: Absent::Optional,
        meaning: "pairs per axis [t, h, w]; their sum is the number of pairs",
    },
    Key {
        name: "mrope_interleaved",
        kind: Kind::Flag,
        absent: Absent::Optional,
        meaning: "whether the axes alternate (Qwen3-VL) instead of following each other (Qwen2-VL)",
    },
];

/// A rotary config that has passed every rule, with the scheme it names.
#[derive(Clone)]
pub struct RopeConfig<'a> {
    scheme: &'a dyn Scheme,
    config: Checked,
    layout: Layout,
    head_dim: usize,
    rotary_dim: usize,
    rotary_offset: usize,
}

/// All keys that a config of this scheme may have, in canonical order.
pub fn rope_keys(scheme: &dyn Scheme) -> Vec<Key> {
    let slice: &[Key] = if scheme.slices() { &SLICE } else { &[] };
    let length: &[Key] = match scheme.keys().iter().any(|key| key.name == LENGTH.name) {
        true => &[],
        false => &[LENGTH],
    };
    // Schemes with axes of their own have no use for sections.
    let axes: &[Key] = if scheme.has_axes() { &[] } else { &AXES };
    let head = HEAD.iter().filter(|key| key.name != "rope_theta" || scheme.has_base());
    head.chain(slice).chain(scheme.keys()).chain(length).chain(axes).copied().collect()
}

/// Whether any rotary scheme or operation knows a key of this name.
pub fn is_known_key(name: &str) -> bool {
    let others = [
        super::ALIBI_KEYS,
        super::T5_KEYS,
        super::SINUSOIDAL_KEYS,
        super::LEARNED_KEYS,
        super::PERMUTE_KEYS,
        super::SHAW_KEYS,
        super::DEBERTA_KEYS,
        super::TEMPERATURE_KEYS,
    ];
    HEAD.iter()
        .chain(&SLICE)
        .chain([&LENGTH])
        .chain(&AXES)
        .chain(SCHEMES.iter().flat_map(|scheme| scheme.keys()))
        .chain(others.iter().flat_map(|table| table.iter()))
        .any(|key| key.name == name)
        || super::model::MODEL_KEYS.contains(&name)
}

impl<'a> RopeConfig<'a> {
    /// Checks a config, flat or in the model form, against the built-in schemes.
    ///
    /// # Errors
    /// Every rejection about keys and values.
    pub fn new(config: &Object) -> Result<RopeConfig<'static>, Reject> {
        RopeConfig::with_schemes(config, SCHEMES)
    }

    /// Checks a config, flat or in the model form, against schemes of the caller's choice.
    ///
    /// # Errors
    /// As [`RopeConfig::new`].
    pub fn with_schemes(
        config: &Object,
        schemes: &[&'a dyn Scheme],
    ) -> Result<RopeConfig<'a>, Reject> {
        let translated;
        let config = match config.get("model") {
            Some(_) => {
                translated = super::model::flatten(config, schemes)?;
                &translated
            }
            None => config,
        };
        let name = match config.get("rope_type") {
            None => "default",
            Some(Json::String(name)) => name,
            Some(other) => return Err(invalid("rope_type", other, "a string")),
        };
        let scheme = find(schemes, name)?;
        let keys = rope_keys(scheme);
        let known = |key: &str| {
            is_known_key(key) || schemes.iter().any(|s| s.keys().iter().any(|k| k.name == key))
        };
        let mut checked = Checked::new(config, &keys, known, &format!("rope_type {name}"))?;
        let head_dim = checked.size("head_dim").unwrap_or_default();
        let rotary_offset = checked.size("rotary_offset").unwrap_or_default();
        let rotary_dim = match scheme.slices() {
            true => rotary_dim(&mut checked, head_dim, rotary_offset)?,
            false => head_dim,
        };
        if rotary_dim % 2 != 0 {
            let said = match (config.get("rotary_dim"), config.get("partial_rotary_factor")) {
                (None, Some(factor)) if scheme.slices() => {
                    format!("rotary_dim = trunc(head_dim × partial_rotary_factor {factor})")
                }
                (Some(_), _) => "rotary_dim".to_string(),
                (None, _) => "head_dim, which is rotary_dim too,".to_string(),
            };
            return Err(Slug::OddRotaryDim.because(format!(
                "{said} is {rotary_dim}, allowed is an even number from 2 to \
                 head_dim − rotary_offset = {}",
                head_dim.saturating_sub(rotary_offset)
            )));
        }
        check_sections(&mut checked, rotary_dim / 2)?;
        scheme.check(&mut checked)?;
        checked.sort(&keys);
        let layout = checked.word("layout").and_then(Layout::from_name).unwrap_or(Layout::Half);
        Ok(RopeConfig { scheme, config: checked, layout, head_dim, rotary_dim, rotary_offset })
    }

    /// The config with defaults filled in and `rotary_dim` in place of the factor. Normalising it
    /// again changes nothing.
    pub fn normalised(&self) -> &Object {
        self.config.object()
    }

    pub(super) fn checked_mut(&mut self) -> &mut Checked {
        &mut self.config
    }

    /// Width of a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// The scheme it names.
    pub fn scheme(&self) -> &'a dyn Scheme {
        self.scheme
    }

    /// Number of axes of a position.
    pub fn axes(&self) -> usize {
        match self.config.numbers("mrope_section") {
            Some(sections) => sections.len(),
            None => self.scheme.axes(&self.config),
        }
    }

    /// base^(−2i/r) for every pair: the frequencies before the scaling rule. None for a scheme
    /// whose axes have spectra of their own, or that has no base.
    pub fn unscaled(&self) -> Option<Vec<Expression>> {
        let parameters =
            Parameters { config: &self.config, rotary_dim: self.rotary_dim, seq_len: None };
        let applies = self.scheme.has_base() && !self.scheme.has_axes();
        applies.then(|| parameters.inv_freq())
    }

    /// Whether positions may be exact rationals.
    pub fn rational_positions(&self) -> bool {
        self.scheme.rational_positions()
    }

    /// The rope at a total length, which only some schemes need and the others refuse.
    ///
    /// # Errors
    /// `seq_len_required`, `unused_input`, `invalid_value` where a formula has no value.
    pub fn rope(&self, seq_len: Option<i64>) -> Result<Rope, Reject> {
        let name = self.scheme.rope_type();
        match (self.scheme.needs_seq_len(), seq_len) {
            (true, None) => {
                return Err(Slug::SeqLenRequired.because(format!(
                    "rope_type {name} depends on the total length: input seq_len is needed"
                )));
            }
            (false, Some(length)) => {
                return Err(Slug::UnusedInput.because(format!(
                    "seq_len (value {length}) has no meaning for rope_type {name}"
                )));
            }
            _ => {}
        }
        let parameters = Parameters { config: &self.config, rotary_dim: self.rotary_dim, seq_len };
        let spectrum = self.scheme.spectrum(&parameters)?;
        let pairs = spectrum.frequencies.len();
        let axes = match spectrum.axes.is_empty() {
            true => axis_map(&self.config, pairs),
            false => spectrum.axes,
        };
        let coordinates = coordinates(self.layout, &spectrum.blocks, pairs, self.rotary_offset);
        let planes = spectrum.frequencies.into_iter().zip(coordinates).enumerate();
        let planes = planes.map(|(i, (frequency, pair))| Plane {
            pair,
            axis: axes.get(i).copied().unwrap_or_default(),
            frequency,
            growth: spectrum.growth.get(i).cloned().unwrap_or(Expression::integer(1)),
        });
        Ok(Rope {
            head_dim: self.head_dim,
            axes: self.axes(),
            planes: planes.collect(),
            magnitude: spectrum.magnitude,
            softmax_factor: spectrum.softmax_factor,
            origin: self.config.integer("origin").unwrap_or_default(),
        })
    }
}

/// The pairs of the rotated slice: one block, or several that follow each other.
fn coordinates(layout: Layout, blocks: &[usize], pairs: usize, offset: usize) -> Vec<Pair> {
    let whole = [pairs];
    let mut start = offset;
    let mut list = Vec::with_capacity(pairs);
    for &count in if blocks.is_empty() { &whole } else { blocks } {
        list.extend((0..count).map(|i| layout.pair(i, count, start)));
        start += 2 * count;
    }
    list
}

/// The width of the rotated slice, from either key; the config keeps `rotary_dim` alone.
fn rotary_dim(config: &mut Checked, head_dim: usize, offset: usize) -> Result<usize, Reject> {
    // One IEEE product and a truncation, as every library does: 80 × 0.6 is 48.
    let product = |factor: f64| (head_dim as f64 * factor) as usize;
    let width = match (config.size("rotary_dim"), config.number("partial_rotary_factor")) {
        (Some(given), Some(factor)) if product(factor) != given => {
            return Err(invalid(
                "rotary_dim",
                given,
                format!("trunc(head_dim × partial_rotary_factor) = {}", product(factor)),
            ));
        }
        (Some(given), _) => given,
        (None, Some(factor)) => product(factor),
        (None, None) => head_dim,
    };
    let room = head_dim.saturating_sub(offset);
    if !(2..=room).contains(&width) {
        let rule = format!("from 2 to head_dim − rotary_offset = {room}");
        return Err(match (config.has("rotary_dim"), config.number("partial_rotary_factor")) {
            (true, _) => invalid("rotary_dim", width, rule),
            (_, Some(factor)) => invalid(
                "partial_rotary_factor",
                factor,
                format!("a share whose rotary_dim, here {width}, is {rule}"),
            ),
            (false, None) => invalid(
                "rotary_offset",
                offset,
                format!("0 for a slice of {width}, or {rule} as rotary_dim"),
            ),
        });
    }
    config.remove("partial_rotary_factor");
    config.set("rotary_dim", Json::from(width));
    Ok(width)
}

fn check_sections(config: &mut Checked, pairs: usize) -> Result<(), Reject> {
    let Some(sections) = config.numbers("mrope_section") else {
        return match config.has("mrope_interleaved") {
            true => {
                Err(Slug::UnusedKey
                    .because("mrope_interleaved has no meaning without mrope_section"))
            }
            false => Ok(()),
        };
    };
    let sum: f64 = sections.iter().sum();
    let rule = format!(
        "3 sections of pairs [t, h, w], or 4 with ggml's [t, h, w, e], whose sum is \
         rotary_dim/2 = {pairs}"
    );
    if !(3..=4).contains(&sections.len()) || sum != pairs as f64 {
        let sections = config.object().get("mrope_section").cloned().unwrap_or(Json::Null);
        return Err(invalid("mrope_section", sections, rule));
    }
    if !config.has("mrope_interleaved") {
        config.set("mrope_interleaved", Json::Bool(false));
    }
    Ok(())
}

/// The axis of each pair. Sectioned (Qwen2-VL): the sections follow each other under one running
/// frequency index. Interleaved (Qwen3-VL): pair i is on h if i % 3 = 1 and i < 3·section\[1\], on
/// w if i % 3 = 2 and i < 3·section\[2\], else on t. With four sections (ggml's IMROPE) t is bounded
/// in the same way and the rest is on the fourth axis.
fn axis_map(config: &Checked, pairs: usize) -> Vec<usize> {
    let Some(sections) = config.numbers("mrope_section") else {
        return Vec::new();
    };
    let sections: Vec<usize> = sections.iter().map(|&n| n as usize).collect();
    if !config.flag("mrope_interleaved") {
        return sections.iter().enumerate().flat_map(|(axis, &n)| vec![axis; n]).collect();
    }
    (0..pairs)
        .map(|i| match i % 3 {
            axis if i < 3 * sections[axis] => axis,
            _ if sections.len() == 4 => 3,
            _ => 0,
        })
        .collect()
}
