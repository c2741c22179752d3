//! What the vectors cover, computed from the files alone. The lists are written out here again, so
//! that a list cut short in the generator shows.

use super::corpus::corpus;
use ropewalk::number::{Decoded, Dtype, Format, Tensor};
use ropewalk::request::{Json, Object, Operation, Positions, Slug};
use ropewalk::vector::{Expected, Group, Test};
use std::collections::{BTreeMap, BTreeSet};

const POSITIONS: &[i64] = &[
    0,
    1,
    2,
    3,
    7,
    255,
    256,
    257,
    258,
    2047,
    2048,
    2049,
    4095,
    4096,
    4097,
    8191,
    16000,
    32767,
    48039,
    65519,
    65520,
    65535,
    65536,
    131071,
    1000003,
    1048576,
    16777215,
    16777216,
    16777217,
    2147483647,
    2147483648,
    9007199254740993,
];
const DIMS: &[i64] = &[2, 4, 6, 20, 34, 40, 64, 66, 72, 80, 92, 96, 100, 128, 192, 256];

/// Every test that is to be answered, with its operation.
fn answered() -> impl Iterator<Item = (Operation, &'static Group, &'static Test)> {
    corpus().iter().flat_map(|read| {
        let operation = read.golden.operation;
        let tests = read.golden.tests().filter(|(_, test)| test.expected.tensors().is_some());
        tests.map(move |(group, test)| (operation, group, test))
    })
}

fn of(operation: Operation) -> impl Iterator<Item = (&'static Group, &'static Test)> {
    answered().filter(move |(own, ..)| *own == operation).map(|(_, group, test)| (group, test))
}

fn word<'a>(object: &'a Object, key: &str) -> &'a str {
    match object.get(key) {
        Some(Json::String(word)) => word,
        _ => "",
    }
}

fn integer(object: &Object, key: &str) -> Option<i64> {
    match object.get(key) {
        Some(Json::Integer(n)) => Some(*n as i64),
        _ => None,
    }
}

/// All positions of a test, from whichever inputs hold any.
fn positions(test: &Test) -> Vec<i64> {
    let lists = ["positions", "query_positions", "key_positions"];
    let given = lists.iter().filter_map(|name| Some((name, test.input.get(name)?)));
    given
        .flat_map(|(name, json)| Positions::parse(name, json).unwrap().data().to_vec())
        .map(|p| p.numerator)
        .collect()
}

fn tensor(test: &Test, name: &str) -> Option<Tensor> {
    let json = test.input.get(name)?;
    serde_json::from_str(&serde_json::to_string(json).unwrap()).ok()
}

fn is_default(config: &Object) -> bool {
    matches!(word(config, "rope_type"), "" | "default")
}

#[test]
fn every_position_meets_every_encoding_in_every_format() {
    let mut met: BTreeMap<(Operation, &str, Dtype), BTreeSet<i64>> = BTreeMap::new();
    for (operation, group, test) in answered() {
        let layout = match operation {
            Operation::Rotate | Operation::Score => word(&group.config, "layout"),
            _ => "",
        };
        if is_default(&group.config) {
            met.entry((operation, layout, group.dtype)).or_default().extend(positions(test));
        }
    }
    let mut wanted: Vec<(Operation, &str, Dtype)> = vec![(Operation::T5Bucket, "", Dtype::I32)];
    for dtype in Dtype::FLOATS {
        for layout in ["half", "interleaved"] {
            wanted.push((Operation::Rotate, layout, dtype));
            wanted.push((Operation::Score, layout, dtype));
        }
        for operation in
            [Operation::Table, Operation::AlibiBias, Operation::T5Bias, Operation::Sinusoidal]
        {
            wanted.push((operation, "", dtype));
        }
    }
    for key in wanted {
        let met = &met[&key];
        let missing: Vec<_> = POSITIONS.iter().filter(|p| !met.contains(p)).collect();
        assert!(missing.is_empty(), "{key:?} lacks {missing:?}");
        let negative: Vec<_> = POSITIONS.iter().filter(|&&p| !met.contains(&-p)).collect();
        assert!(negative.is_empty() || key.0 == Operation::T5Bias, "{key:?} lacks −{negative:?}");
    }
    for dtype in Dtype::FLOATS {
        let met = &met[&(Operation::Learned, "", dtype)];
        let within = POSITIONS.iter().filter(|&&p| p <= 258);
        assert!(within.clone().all(|p| met.contains(p)), "learned {dtype}");
    }
}

#[test]
fn every_width_base_direction_and_mixture() {
    for layout in ["half", "interleaved"] {
        for dtype in Dtype::FLOATS {
            let here = || {
                of(Operation::Rotate).filter(|(group, _)| {
                    word(&group.config, "layout") == layout
                        && group.dtype == dtype
                        && is_default(&group.config)
                })
            };
            let heads: BTreeSet<_> =
                here().filter_map(|(group, _)| integer(&group.config, "head_dim")).collect();
            let rotary: BTreeSet<_> =
                here().filter_map(|(group, _)| integer(&group.config, "rotary_dim")).collect();
            assert!(DIMS.iter().all(|dim| heads.contains(dim)), "{layout} {dtype} heads {heads:?}");
            assert!(DIMS.iter().all(|dim| rotary.contains(dim)), "{layout} {dtype} {rotary:?}");
            let offsets = here().filter_map(|(group, _)| integer(&group.config, "rotary_offset"));
            assert!(offsets.collect::<BTreeSet<_>>().len() >= 5, "{layout} {dtype} offsets");
            let bases: BTreeSet<String> = here()
                .filter_map(|(group, _)| Some(group.config.get("rope_theta")?.to_string()))
                .collect();
            for base in ["10000", "500000", "1000000", "150000", "1", "0.5"] {
                assert!(bases.contains(base), "{layout} {dtype} base {base} of {bases:?}");
            }
            for direction in ["inverse", "backward"] {
                assert!(here().any(|(_, test)| word(&test.input, "direction") == direction));
            }
            for from in Dtype::FLOATS {
                let mixed = |test: &Test| tensor(test, "q").unwrap().dtype() == from;
                assert!(here().any(|(_, test)| mixed(test)), "{layout}: {from} to {dtype}");
            }
        }
    }
}

#[test]
fn every_kind_of_input() {
    for dtype in Dtype::FLOATS {
        let format = dtype.format().unwrap();
        let mut kinds = BTreeSet::new();
        for (group, test) in of(Operation::Rotate).filter(|(group, _)| group.dtype == dtype) {
            let q = tensor(test, "q").unwrap();
            if q.dtype() == dtype {
                kinds.extend(q.data().iter().flat_map(|&bits| kinds_of(format, bits)));
            }
            let k = tensor(test, "k");
            if k.is_some_and(|k| k.shape()[1] != q.shape()[1]) {
                kinds.insert("unequal heads");
            }
            let list = test.input.get("positions").unwrap();
            let shape = Positions::parse("positions", list).unwrap();
            let rows: Vec<_> =
                shape.data().chunks((*shape.shape().last().unwrap()).max(1)).collect();
            if group.config.get("mrope_section").is_none()
                && rows.len() > 1
                && rows.iter().any(|row| row != &rows[0])
            {
                kinds.insert("rows with different offsets");
            }
        }
        let wanted = [
            "NaN",
            "rows with different offsets",
            "infinity",
            "largest",
            "negative",
            "one",
            "subnormal",
            "unequal heads",
            "zero",
            "−0",
        ];
        assert_eq!(kinds, wanted.into_iter().collect(), "{dtype}");
    }
    for flag in ["cancellation", "near-tie", "tie", "overflow", "packed", "left-padding", "decode"]
    {
        for dtype in Dtype::FLOATS {
            let has = |(_, group, test): (_, &Group, &Test)| {
                group.dtype == dtype && test.flags.iter().any(|own| own == flag)
            };
            assert!(answered().any(has), "{flag} in {dtype}");
        }
    }
}

fn kinds_of(format: Format, bits: u64) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    match format.decode(bits) {
        Decoded::Nan => kinds.push("NaN"),
        Decoded::Infinite { .. } => kinds.push("infinity"),
        Decoded::Finite { negative, significand, .. } => {
            kinds.push(match (significand, negative) {
                (0, false) => "zero",
                (0, true) => "−0",
                (n, _) if n < 1 << (format.precision - 1) => "subnormal",
                (_, true) => "negative",
                (_, false) if bits == format.largest() => "largest",
                (_, false) if format.to_f64(bits) == 1.0 => "one",
                (_, false) => return kinds,
            });
        }
    }
    kinds
}

/// Reasons that an operation cannot have: it has no such part.
fn impossible(operation: Operation) -> Vec<Slug> {
    use Operation::*;
    use Slug::*;
    let mut list = vec![MalformedRequest, UnknownOperation];
    let has_rope = matches!(operation, Rotate | Score | InvFreq | Table | Attention | Chain);
    let has_positions =
        !matches!(operation, Apply | InvFreq | AlibiSlopes | PermuteQk | PositionIds);
    let has_tensor = has_rope && !matches!(operation, InvFreq | Table)
        || matches!(operation, Apply | T5Bias | Learned | PermuteQk | PositionIds);
    if !has_rope {
        list.extend([UnknownRopeType, SeqLenRequired]);
        if !matches!(operation, Apply | PermuteQk) {
            list.push(OddRotaryDim);
        }
    }
    if !has_positions {
        list.extend([MalformedPosition, PositionOutOfRange]);
    }
    if !has_tensor {
        list.push(MalformedTensor);
    }
    if matches!(operation, InvFreq | AlibiSlopes) {
        list.extend([MissingInput, ShapeMismatch]);
    }
    // Without keys that have no default, none can be missing.
    if matches!(operation, PositionIds | AttentionTemperature) {
        list.push(MissingKey);
    }
    if operation == Apply {
        // A default rope's rules, with the table in place of the spectrum.
        list.retain(|slug| *slug != InvalidValue);
    }
    list
}

#[test]
fn every_reason_is_met_by_every_operation_that_can_have_it() {
    let mut met: BTreeMap<Operation, BTreeSet<Slug>> = BTreeMap::new();
    for read in corpus() {
        for (_, test) in read.golden.tests() {
            if let Expected::Reject(slug) = test.expected {
                met.entry(read.golden.operation).or_default().insert(slug);
            }
        }
    }
    for operation in Operation::ALL {
        let impossible = impossible(operation);
        let wanted: BTreeSet<Slug> =
            Slug::ALL.into_iter().filter(|slug| !impossible.contains(slug)).collect();
        assert_eq!(met[&operation], wanted, "{}", operation.name());
    }
}

#[test]
fn every_scheme_has_its_frequencies_and_rotations() {
    use ropewalk::encoding::spectrum::SCHEMES;
    for scheme in SCHEMES.iter().map(|scheme| scheme.rope_type()) {
        for dtype in Dtype::FLOATS {
            for operation in [Operation::InvFreq, Operation::Rotate] {
                let has = of(operation).any(|(group, _)| {
                    group.dtype == dtype && word(&group.config, "rope_type") == scheme
                });
                // Newer than `inv_freq/`: the oracles are compared on them.
                let stored =
                    operation == Operation::Rotate || !["moonvit", "ltx"].contains(&scheme);
                assert!(
                    has || !stored || scheme == "default",
                    "{scheme} {dtype} {}",
                    operation.name()
                );
            }
        }
    }
    for (scheme, original) in [("dynamic", 2048), ("longrope", 4096)] {
        let lengths: BTreeSet<i64> = of(Operation::InvFreq)
            .filter(|(group, _)| word(&group.config, "rope_type") == scheme)
            .filter_map(|(_, test)| integer(&test.input, "seq_len"))
            .collect();
        for length in [original - 1, original, original + 1, 2 * original] {
            assert!(lengths.contains(&length), "{scheme} at {length}");
        }
    }
    every_released_model();
    let interleaved = of(Operation::Rotate)
        .filter_map(|(group, _)| group.config.get("mrope_interleaved"))
        .any(|json| *json == Json::Bool(true));
    let sections =
        of(Operation::Rotate).any(|(group, _)| group.config.get("mrope_section").is_some());
    assert!(interleaved && sections);
}

/// Every layer type of every model, in all formats, at the lengths around its break-point.
fn every_released_model() {
    use ropewalk::encoding::{RopeConfig, models};
    for model in models().iter().filter(|model| model.encoding == "rotary") {
        let layers: Vec<Option<&str>> = match model.layer_types.as_slice() {
            [] => vec![None],
            list => list.iter().map(|layer| Some(layer.as_str())).collect(),
        };
        for config in layers.iter().map(|layer| model.config_of(*layer)) {
            let lengths = match RopeConfig::new(&config).unwrap().scheme().needs_seq_len() {
                true => 4,
                false => 1,
            };
            for dtype in Dtype::FLOATS {
                let here = of(Operation::InvFreq)
                    .filter(|(group, _)| group.dtype == dtype && group.config == config)
                    .filter(|(_, test)| test.flags.iter().any(|flag| flag == "model-config"));
                assert_eq!(here.count(), lengths, "{} {dtype}", model.name);
            }
        }
    }
}

/// Each source of position ids, and every value of its options.
#[test]
fn every_source_of_position_ids() {
    let has = |words: &[&str]| {
        of(Operation::PositionIds).any(|(_, test)| {
            let input = serde_json::to_string(&test.input).unwrap();
            words.iter().all(|word| input.contains(word))
        })
    };
    for size in [1, 2, 4] {
        for rank in 0..size {
            let words = [format!(r#""cp_size":{size}"#), format!(r#""cp_rank":{rank}"#)];
            assert!(has(&words.each_ref().map(String::as_str)), "rank {rank} of {size}");
        }
    }
    for words in [
        &[r#""text""#, r#""image""#][..],
        &[r#""video""#, r#""seconds_per_grid":0.5"#],
        &[r#""segments""#, r#""spatial_merge_size":3"#],
        &["grid_thw", "raster", r#""first":1"#, r#""cls":"last""#],
        &["grid_thw", r#""cls":"first""#],
        &["grid_thw", "merge_block", r#""spatial_merge_size":2"#],
    ] {
        assert!(has(words), "{words:?}");
    }
}

#[test]
fn every_additive_and_absolute_encoding() {
    for dtype in Dtype::FLOATS {
        let configs = |operation| -> BTreeSet<String> {
            let here = of(operation).filter(|(group, _)| group.dtype == dtype);
            here.map(|(group, _)| serde_json::to_string(&group.config).unwrap()).collect()
        };
        let slopes = configs(Operation::AlibiSlopes);
        for heads in [1, 2, 3, 6, 8, 12, 16, 40, 71] {
            for convention in ["code", "paper"] {
                let wanted = format!(r#"{{"num_heads":{heads},"slopes":"{convention}"}}"#);
                assert!(slopes.contains(&wanted), "{wanted}");
            }
        }
        let biases = configs(Operation::AlibiBias);
        for form in ["distance", "key", "symmetric", "mpt"] {
            for convention in ["code", "paper"] {
                let parts = [format!(r#""slopes":"{convention}""#), format!(r#""form":"{form}""#)];
                assert!(biases.iter().any(|c| parts.iter().all(|part| c.contains(part))));
            }
        }
        let waves = configs(Operation::Sinusoidal);
        for layout in ["interleaved", "concatenated"] {
            for divisor in ["half", "half_minus_one"] {
                for order in ["sin_first", "cos_first"] {
                    for dim in [5, 7, 8, 127, 128] {
                        let wanted = format!(
                            r#"{{"dim":{dim},"layout":"{layout}","divisor":"{divisor}","order":"{order}"}}"#
                        );
                        assert!(waves.contains(&wanted), "{wanted}");
                    }
                }
            }
        }
        let learned = configs(Operation::Learned);
        assert!(learned.iter().any(|config| config.contains(r#""offset":2"#)));
        let weights = configs(Operation::PermuteQk);
        assert!(weights.iter().any(|config| config.contains("rotary_dim")));
        for direction in ["to_half", "to_interleaved"] {
            let mut here = of(Operation::PermuteQk).filter(|(group, _)| group.dtype == dtype);
            assert!(here.any(|(_, test)| word(&test.input, "direction") == direction));
        }
    }
    for buckets in [(32, 128), (32, 256)] {
        for bidirectional in [true, false] {
            let here = of(Operation::T5Bucket).filter(|(group, _)| {
                let config = &group.config;
                (integer(config, "num_buckets"), integer(config, "max_distance"))
                    == (Some(buckets.0), Some(buckets.1))
                    && config.get("bidirectional") == Some(&Json::Bool(bidirectional))
            });
            let mut distances = BTreeSet::new();
            for (_, test) in here {
                let list = |name| {
                    let json = test.input.get(name).unwrap();
                    Positions::parse(name, json).unwrap().data().to_vec()
                };
                for query in list("query_positions") {
                    let key_minus = |k: &ropewalk::request::Position| k.numerator - query.numerator;
                    distances.extend(list("key_positions").iter().map(key_minus));
                }
            }
            assert!((-200..=200).all(|d| distances.contains(&d)), "{buckets:?}");
            assert!((-1..=1).all(|d| distances.contains(&(buckets.1 + d))), "{buckets:?}");
        }
    }
    let packed = of(Operation::PositionIds)
        .filter_map(|(_, test)| test.input.get("cu_seqlens"))
        .any(|json| json.to_string() == "[0,3,4,9]");
    let masks =
        of(Operation::PositionIds).any(|(_, test)| test.input.get("attention_mask").is_some());
    assert!(packed && masks);
}
