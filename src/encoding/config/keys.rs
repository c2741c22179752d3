//! The keys that rotary configs share.

use crate::encoding::key::{Absent, Key, Kind, Range};
use crate::encoding::spectrum::{SCHEMES, Scheme};
use crate::encoding::tables::MODEL_KEYS;

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

const CLOCKWISE: Key = Key {
    name: "clockwise",
    kind: Kind::Flag,
    absent: Absent::Optional,
    meaning: "whether position p turns by −p·θ instead of +p·θ (nanochat): the coordinates of every \
              pair are exchanged",
};

const AXES: [Key; 3] = [
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
    Key {
        name: "pair_axes",
        kind: Kind::Integers(0, 15),
        absent: Absent::Optional,
        meaning: "the axis of each pair, in place of sections (Ernie 4.5 VL deals out h and w in turn)",
    },
];

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
    head.chain(slice)
        .chain(scheme.keys())
        .chain(length)
        .chain(axes)
        .chain([&CLOCKWISE])
        .copied()
        .collect()
}

/// Whether any rotary scheme or operation knows a key of this name.
pub fn is_known_key(name: &str) -> bool {
    let others = [
        crate::encoding::ALIBI_KEYS,
        crate::encoding::T5_KEYS,
        crate::encoding::SINUSOIDAL_KEYS,
        crate::encoding::LEARNED_KEYS,
        crate::encoding::PERMUTE_KEYS,
        crate::encoding::SHAW_KEYS,
        crate::encoding::DEBERTA_KEYS,
        crate::encoding::TEMPERATURE_KEYS,
    ];
    HEAD.iter()
        .chain(&SLICE)
        .chain([&LENGTH, &CLOCKWISE])
        .chain(&AXES)
        .chain(SCHEMES.iter().flat_map(|scheme| scheme.keys()))
        .chain(others.iter().flat_map(|table| table.iter()))
        .any(|key| key.name == name)
        || MODEL_KEYS.contains(&name)
}
