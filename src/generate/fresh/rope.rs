//! Configs of any scaling rule at any width, their parameters drawn.

use super::kind::Words;
use super::own::Own;
use crate::generate::plan::{config, parsed};
use crate::generate::values::{Random, number};
use crate::request::{Json, Object};

/// A config, with what else a question of it needs to know.
pub(super) struct Rope {
    pub(super) config: Object,
    pub(super) head_dim: usize,
    pub(super) axes: usize,
    /// The total length, for a rule that takes one.
    pub(super) length: Option<i64>,
    /// Whether positions are thirds: centres of patches, where whole numbers are whole turns.
    pub(super) thirds: bool,
    /// Whether what is far out is beyond every format, since rows grow.
    pub(super) grows: bool,
}

/// One of a few.
pub(super) fn pick<T: Copy>(random: &mut Random, list: &[T]) -> T {
    list[(random.bits() % list.len() as u64) as usize]
}

/// The rope that the words mean.
pub(super) fn rope(words: &Words, random: &mut Random) -> Result<Rope, String> {
    match words.own {
        Some(own) => Ok(of_own(own, random)),
        None => drawn(words, random),
    }
}

fn of_own(own: &Own, random: &mut Random) -> Rope {
    Rope {
        config: own.config.clone(),
        head_dim: own.head_dim,
        axes: own.axes,
        length: own.lengths.map(|lengths| pick(random, &lengths)),
        thirds: own.thirds,
        grows: own.grows,
    }
}

fn drawn(words: &Words, random: &mut Random) -> Result<Rope, String> {
    let (rule, head_dim) = (words.get("rule"), words.size("width"));
    let (rotary, offset) = slice(head_dim, words.get("slice"))?;
    let mut object = config([
        ("head_dim", head_dim.into()),
        ("layout", words.get("layout").into()),
        ("rope_theta", number(pick(random, &[10000.0, 500000.0, 1000000.0, 150000.0]))),
    ]);
    let mut rope = Rope {
        config: Object::default(),
        head_dim,
        axes: 1,
        length: None,
        thirds: false,
        grows: false,
    };
    if rotary < head_dim && rule != "proportional" {
        object.set("rotary_dim", rotary.into());
    }
    if offset > 0 {
        object.set("rotary_offset", offset.into());
    }
    let planes = rotary / 2;
    let name = if rule.starts_with("sections") { "default" } else { rule };
    object.set("rope_type", name.into());
    let mut add = |text: &str| {
        for (key, value) in parsed(text).iter() {
            object.set(key, value.clone());
        }
    };
    let factor = pick(random, &[2.0, 4.0, 8.0, 32.0]);
    match rule {
        "linear" | "ntk" | "ntk_fixed" => add(&format!(r#"{{"factor":{factor}}}"#)),
        "dynamic" => {
            add(&format!(r#"{{"factor":{factor},"max_position_embeddings":2048}}"#));
            rope.length = Some(pick(random, &[1500, 9000]));
        }
        "yarn" | "ntk_by_parts" => {
            let original = pick(random, &[2048, 4096, 32768]);
            add(&format!(r#"{{"factor":{factor},"original_max_position_embeddings":{original}}}"#));
        }
        "llama3" => add(&format!(
            r#"{{"factor":{factor},"low_freq_factor":1,"high_freq_factor":4,
                "original_max_position_embeddings":8192}}"#
        )),
        "longrope" => {
            // Divisors that grow along the planes; sixteenths, which every reader reads alike.
            let list = |most: usize| {
                let one =
                    |i: usize| Json::Real(1.0 + (i * most * 16 / planes.max(1)) as f64 / 16.0);
                Json::Array((0..planes).map(one).collect())
            };
            object.set("short_factor", list(2));
            object.set("long_factor", list(40));
            object.set("original_max_position_embeddings", Json::from(4096i64));
            object.set("max_position_embeddings", Json::from(131072i64));
            rope.length = Some(pick(random, &[3000, 20000]));
        }
        "proportional" => {
            if offset > 0 {
                return Err("a proportional slice begins at the first pair".into());
            }
            let share = rotary as f64 / head_dim as f64;
            object.set("partial_rotary_factor", number(share));
            if pick(random, &[true, false]) {
                object.set("factor", number(factor));
            }
        }
        "sections" | "sections_interleaved" => {
            // As Qwen3-VL deals them: 24, 20 and 20 of 64.
            let other = (planes * 20 / 64).max(1);
            let first = planes.checked_sub(2 * other).filter(|&n| n > 0);
            let first = first.ok_or("three axes need three pairs")?;
            let list = [first, other, other].map(Json::from);
            object.set("mrope_section", Json::Array(list.to_vec()));
            object.set("mrope_interleaved", Json::Bool(rule != "sections"));
            rope.axes = 3;
        }
        "axial" => {
            let first = (head_dim / 4).next_multiple_of(2);
            let second = ((head_dim - first) / 2).next_multiple_of(2);
            let list = [first, second, head_dim - first - second].map(Json::from);
            object.set("axes_dims", Json::Array(list.to_vec()));
            rope.axes = 3;
        }
        "pixtral" | "dinov3" => rope.axes = 2,
        "pixel" => {
            object = object
                .iter()
                .filter(|(key, _)| *key != "rope_theta")
                .map(|(key, value)| (key.to_string(), value.clone()))
                .collect();
            object.set("max_freq", number(pick(random, &[10.0, 20.0, 256.0])));
            rope.axes = 2;
        }
        _ => {}
    }
    rope.thirds = ["dinov3", "pixel"].contains(&rule);
    rope.grows = rule == "xpos";
    rope.config = object;
    Ok(rope)
}

/// The width of a slice, and where it begins: `p1of4` is the first quarter, `p64` the first 64,
/// `e1of2` and `e64` stand at the end, `i1of2` inside.
pub(super) fn slice(head_dim: usize, word: &str) -> Result<(usize, usize), String> {
    if word.is_empty() || word == "whole" {
        return Ok((head_dim, 0));
    }
    let (place, share) = word.split_at(1);
    let width = match share.split_once("of") {
        Some((a, b)) => {
            let [a, b] = [a, b].map(|n| n.parse::<usize>().unwrap_or(1));
            (head_dim * a / b) & !1
        }
        None => share.parse().unwrap_or(0),
    };
    if width < 2 || width >= head_dim {
        return Err(format!("{word} of {head_dim} is no slice"));
    }
    Ok((
        width,
        match place {
            "p" => 0,
            "e" => head_dim - width,
            _ => ((head_dim - width) / 2).max(1),
        },
    ))
}
