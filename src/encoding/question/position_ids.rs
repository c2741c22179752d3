//! `position_ids`: what determines the positions of a batch, and the positions.

use super::shape::{expect_output, shape_error};
use crate::encoding::config::is_known_key;
use crate::encoding::key::{Checked, invalid};
use crate::encoding::positions::{
    Cls, Grids, Order, Pace, Segment, from_attention_mask, from_context_parallel,
    from_cumulative_lengths, from_segments,
};
use crate::number::{Dtype, Tensor};
use crate::request::{Input, Json, Object, Reject, Request, Slug};

/// `position_ids`: positions that something else in a batch determines.
#[derive(Clone, Debug)]
pub struct PositionIds {
    /// The normalised config: empty.
    pub config: Object,
    /// What determines them.
    pub source: IdSource,
    /// Shape of the positions.
    pub shape: Vec<usize>,
    /// The positions, row-major.
    pub positions: Vec<i64>,
    /// What the answer holds beside the positions.
    pub beside: Option<Beside>,
}

/// What determines position ids, as it was given.
#[derive(Clone, Debug)]
pub enum IdSource {
    /// Where packed sequences begin and end.
    CumulativeLengths(Vec<i64>),
    /// Packed sequences, of which one rank of a context-parallel group holds a part.
    ContextParallel {
        /// Where the sequences begin and end.
        cumulative: Vec<i64>,
        /// Ranks in the group.
        size: i64,
        /// The rank, from 0.
        rank: i64,
    },
    /// [batch, seq], 1 for a real token.
    AttentionMask(Tensor),
    /// Text, images and videos in one sequence; grids are counted after merging.
    Segments(Vec<Segment>),
    /// Patches of images.
    Grids(Grids),
}

/// An integer tensor beside the positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// `rope_delta` or `indices`.
    pub name: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its elements, row-major.
    pub data: Vec<i64>,
}

/// The inputs one of which is the source, with the options of each.
const SOURCES: [(&str, &[&str]); 4] = [
    ("cu_seqlens", &["cp_size", "cp_rank"]),
    ("attention_mask", &[]),
    ("segments", &["spatial_merge_size"]),
    ("grid_thw", &["order", "spatial_merge_size", "first", "cls"]),
];

const LENGTHS: &str = "a list of integers from 0 to 2^26";
const GRID: &str = "[t, h, w], integers from 1 to 2^26";

impl PositionIds {
    pub(super) fn new(request: &Request) -> Result<PositionIds, Reject> {
        let checked = Checked::new(&request.config, &[], is_known_key, "position_ids")?;
        let input = &request.input;
        let config = checked.object().clone();
        let source = source(input)?;
        let (shape, positions, beside) = match &source {
            IdSource::CumulativeLengths(cumulative) => {
                let positions = from_cumulative_lengths(cumulative)?;
                (vec![1, positions.len()], positions, None)
            }
            IdSource::ContextParallel { cumulative, size, rank } => {
                let shard = from_context_parallel(cumulative, *size, *rank)?;
                let shape = vec![1, shard.positions.len()];
                let (name, data) = ("indices", shard.indices);
                (shape.clone(), shard.positions, Some(Beside { name, shape, data }))
            }
            IdSource::AttentionMask(mask) => {
                let real: Vec<bool> = mask.data().iter().map(|&bits| bits == 1).collect();
                let rows = real.chunks(mask.columns().max(1));
                (mask.shape().to_vec(), rows.flat_map(from_attention_mask).collect(), None)
            }
            IdSource::Segments(segments) => {
                let add = |sum: usize, segment: &Segment| sum.checked_add(segment.tokens()?);
                let tokens = segments.iter().try_fold(0, add).unwrap_or(usize::MAX);
                expect_output(&[3, 1, tokens])?;
                let ids = from_segments(segments)?;
                let delta =
                    Beside { name: "rope_delta", shape: vec![], data: vec![ids.rope_delta] };
                (vec![3, 1, ids.positions[0].len()], ids.positions.concat(), Some(delta))
            }
            IdSource::Grids(grids) => {
                expect_output(&[2, 1, grids.tokens().unwrap_or(usize::MAX)])?;
                let [y, x] = grids.positions();
                (vec![2, 1, y.len()], [y, x].concat(), None)
            }
        };
        Ok(PositionIds { config, source, shape, positions, beside })
    }
}

/// Finds the one source and checks it with its options.
fn source(input: &Input) -> Result<IdSource, Reject> {
    let mut given = SOURCES.iter().filter(|(name, _)| input.has(name));
    let (name, options) = match (given.next(), given.next()) {
        (Some(only), None) => only,
        (Some((one, _)), Some((two, _))) => {
            let text = format!("{one} and {two} are given, one of them is allowed");
            return Err(Slug::UnusedInput.because(text));
        }
        (None, _) => {
            let names = SOURCES.map(|(name, _)| name).join(", ");
            return Err(Slug::MissingInput.because(format!("position_ids needs one of {names}")));
        }
    };
    input.expect_names(&format!("position_ids from {name}"), &[&[*name], *options].concat())?;
    let required = |name: &str| {
        let missing = || Slug::MissingInput.because(format!("input {name:?} is missing"));
        input.object().get(name).ok_or_else(missing)
    };
    match *name {
        "attention_mask" => Ok(IdSource::AttentionMask(mask(input)?)),
        "segments" => {
            let merge = size("spatial_merge_size", required("spatial_merge_size")?)?;
            let items = list("segments", required("segments")?, SEGMENTS)?;
            let segment = |(place, item)| segment(place, item, merge);
            items.iter().enumerate().map(segment).collect::<Result<_, _>>().map(IdSource::Segments)
        }
        "grid_thw" => grids(input),
        _ => {
            let items = list("cu_seqlens", required("cu_seqlens")?, LENGTHS)?;
            let length = |item: &Json| match item {
                Json::Integer(n) => i64::try_from(*n).ok(),
                _ => None,
            };
            let cumulative = items
                .iter()
                .map(|item| length(item).ok_or_else(|| invalid("cu_seqlens", item, LENGTHS)))
                .collect::<Result<_, _>>()?;
            if !input.has("cp_size") && !input.has("cp_rank") {
                return Ok(IdSource::CumulativeLengths(cumulative));
            }
            let size = size("cp_size", required("cp_size")?)? as i64;
            let rank = integer("cp_rank", required("cp_rank")?, 0, size as usize - 1)? as i64;
            Ok(IdSource::ContextParallel { cumulative, size, rank })
        }
    }
}

/// An integer in a range.
fn integer(name: &str, json: &Json, low: usize, high: usize) -> Result<usize, Reject> {
    match json {
        Json::Integer(n) if (low as i128..=high as i128).contains(n) => Ok(*n as usize),
        other => Err(invalid(name, other, format!("an integer from {low} to {high}"))),
    }
}

/// The size of a group or of a block.
fn size(name: &str, json: &Json) -> Result<usize, Reject> {
    integer(name, json, 1, 1 << 16)
}

fn list<'a>(name: &str, json: &'a Json, rule: &str) -> Result<&'a [Json], Reject> {
    match json {
        Json::Array(items) => Ok(items),
        other => Err(invalid(name, other, rule)),
    }
}

fn mask(input: &Input) -> Result<Tensor, Reject> {
    let mask = input.tensor("attention_mask")?;
    if mask.dtype() != Dtype::I32 {
        let text = format!("attention_mask has dtype {}, allowed is i32", mask.dtype());
        return Err(Slug::DtypeMismatch.because(text));
    }
    let [_, _] = mask.shape() else {
        return Err(shape_error("attention_mask", mask.shape(), "[batch, seq]"));
    };
    match mask.data().iter().find(|&&bits| bits > 1) {
        Some(&bits) => Err(invalid("attention_mask", bits as u32 as i32, "0 or 1 everywhere")),
        None => Ok(mask),
    }
}

/// [t, h, w]; none unless these are three integers in the range.
fn thw(json: &Json) -> Option<[usize; 3]> {
    let Json::Array(items) = json else { return None };
    let sizes: Option<Vec<usize>> =
        items.iter().map(|item| integer("", item, 1, 1 << 26).ok()).collect();
    sizes?.try_into().ok()
}

/// Rows and columns that are whole blocks, with the block's size in the message if they are not.
fn expect_blocks(name: &str, json: &Json, [_, h, w]: [usize; 3], m: usize) -> Result<(), Reject> {
    match h % m == 0 && w % m == 0 {
        true => Ok(()),
        false => Err(invalid(name, json, format!("h and w that are multiples of {m}"))),
    }
}

const SEGMENTS: &str = "a list of {\"text\":n}, {\"image\":[1,h,w]}, {\"video\":[t,h,w]} and \
                        {\"video\":[t,h,w],\"seconds_per_grid\":x,\"tokens_per_second\":y}";

/// One segment; `merge` patches each way are one token.
fn segment(place: usize, json: &Json, merge: usize) -> Result<Segment, Reject> {
    let name = format!("segments[{place}]");
    let wrong = || invalid(&name, json, SEGMENTS);
    let Json::Object(object) = json else { return Err(wrong()) };
    let keys: Vec<&str> = object.iter().map(|(key, _)| key).collect();
    let number = |key: &str| {
        let given = object.get(key).ok_or_else(wrong)?;
        given
            .number()
            .filter(|x| x.is_finite() && *x >= 0.0)
            .ok_or_else(|| invalid(&format!("{name}.{key}"), given, "a number not below 0"))
    };
    let grid = |key: &str, most_frames: usize, pace: Option<Pace>| {
        let given = object.get(key).ok_or_else(wrong)?;
        let frames = if most_frames == 1 { "[1, h, w], integers from 1 to 2^26" } else { GRID };
        let name = format!("{name}.{key}");
        let [t, h, w] = thw(given)
            .filter(|[t, ..]| *t <= most_frames)
            .ok_or_else(|| invalid(&name, given, frames))?;
        expect_blocks(&name, given, [t, h, w], merge)?;
        Ok(Segment::Grid { thw: [t, h / merge, w / merge], pace })
    };
    match keys.as_slice() {
        ["text"] => {
            let count = object.get("text").ok_or_else(wrong)?;
            integer(&format!("{name}.text"), count, 0, 1 << 26).map(Segment::Text)
        }
        ["image"] => grid("image", 1, None),
        ["video"] => grid("video", usize::MAX, None),
        _ if keys.len() == 3
            && ["video", "seconds_per_grid", "tokens_per_second"]
                .iter()
                .all(|key| keys.contains(key)) =>
        {
            let pace = Pace {
                seconds_per_grid: number("seconds_per_grid")?,
                tokens_per_second: number("tokens_per_second")?,
            };
            grid("video", usize::MAX, Some(pace))
        }
        _ => Err(wrong()),
    }
}

/// `grid_thw` with its options.
fn grids(input: &Input) -> Result<IdSource, Reject> {
    let block = match input.choice("order", &["raster", "merge_block"])? {
        Some(order) => order == 1,
        None => {
            return Err(Slug::MissingInput
                .because("input \"order\" is missing, allowed are raster, merge_block"));
        }
    };
    let order = match (block, input.object().get("spatial_merge_size")) {
        (true, Some(json)) => Order::MergeBlock(size("spatial_merge_size", json)?),
        (false, None) => Order::Raster,
        (true, None) => {
            return Err(Slug::MissingInput
                .because("input \"spatial_merge_size\" is missing, order merge_block needs it"));
        }
        (false, Some(json)) => {
            return Err(Slug::UnusedInput.because(format!(
                "spatial_merge_size (value {json}) has no meaning for order raster"
            )));
        }
    };
    let first = match input.object().get("first") {
        None => 0,
        Some(json) => integer("first", json, 0, 1)? as i64,
    };
    let cls = input.choice("cls", &["first", "last"])?.map(|place| [Cls::First, Cls::Last][place]);
    let rule = format!("a list of {GRID}");
    let json = input.object().get("grid_thw").unwrap_or(&Json::Null);
    let grid = |item: &Json| {
        let grid = thw(item).ok_or_else(|| invalid("grid_thw", item, GRID))?;
        if let Order::MergeBlock(merge) = order {
            expect_blocks("grid_thw", item, grid, merge)?;
        }
        Ok(grid)
    };
    let grids = list("grid_thw", json, &rule)?.iter().map(grid).collect::<Result<_, _>>()?;
    Ok(IdSource::Grids(Grids { grids, order, first, cls }))
}
