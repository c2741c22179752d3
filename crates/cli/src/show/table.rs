//! The table and the JSON of a rope.

use super::{Args, Shown};
use ropewalk::encoding::Layout;
use ropewalk::exact::{Effect, PlaneView};
use ropewalk::request::{Json, Object};
use std::fmt::Write;

/// Planes shown at both ends of an abbreviated rope.
const ENDS: usize = 3;

/// Ropes up to this long are not abbreviated.
const SHORT: usize = 20;

/// More changes of axis than this alternate, and do not each earn a line.
const MOST_AXIS_CHANGES: usize = 6;

/// What the scaling did, in a word or two.
fn words(effect: &Effect) -> String {
    match effect {
        Effect::None => String::new(),
        Effect::Kept => "kept".to_string(),
        Effect::Still => "does not turn".to_string(),
        Effect::DividedByFactor(by) => format!("divided by {by}"),
        Effect::Divided(by) => format!("divided by {by}"),
        Effect::Blended(percent) => format!("{percent} % kept"),
    }
}

fn same_kind(a: &Effect, b: &Effect) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// Which planes to show: the ends and both sides of every change.
fn selection(planes: &[PlaneView], all: bool) -> Vec<bool> {
    let count = planes.len();
    let changes = planes.windows(2).filter(|pair| pair[0].axis != pair[1].axis).count();
    let differ = |a: usize, b: usize| {
        let axis = changes <= MOST_AXIS_CHANGES && planes[a].axis != planes[b].axis;
        axis || !same_kind(&planes[a].effect, &planes[b].effect)
    };
    let shown = |i: usize| {
        all || count <= SHORT
            || i < ENDS
            || i + ENDS >= count
            || differ(i, i - 1)
            || differ(i, i + 1)
    };
    (0..count).map(shown).collect()
}

/// Lines of cells, right-aligned but for the last column.
pub(super) fn columns(lines: &[Option<Vec<String>>]) -> String {
    let count = lines.iter().flatten().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = lines.iter().flatten().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let row = match line {
            None => "…".to_string(),
            Some(cells) => {
                let last = cells.len().saturating_sub(1);
                let pad = |(i, cell): (usize, &String)| match i == last {
                    true => cell.clone(),
                    false => format!("{cell:>width$}", width = widths[i]),
                };
                cells.iter().enumerate().map(pad).collect::<Vec<_>>().join("  ")
            }
        };
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

/// Lines of at most 80 columns, continued with an indent.
fn wrapped(sentence: &str) -> String {
    let mut lines = vec![String::new()];
    for word in sentence.split(' ') {
        let last = lines.last_mut().map(|line| (line.chars().count(), line));
        match last {
            Some((0, line)) => *line += word,
            Some((width, line)) if width + 1 + word.chars().count() <= 80 => {
                *line += &format!(" {word}");
            }
            _ => lines.push(format!("  {word}")),
        }
    }
    lines.join("\n") + "\n"
}

/// The rope for a person, at most 80 columns wide without expressions and with few digits.
pub(super) fn text(shown: &Shown, args: &Args) -> String {
    let (config, view) = (shown.config, &shown.view);
    let scheme = config.scheme();
    let value = |key: &str| config.normalised().get(key).map(Json::to_string);
    let summary = format!("{}: {}", scheme.rope_type(), scheme.summary());
    let mut text = format!("{}\n{}", shown.title, wrapped(&summary));
    let mut facts = vec![format!("head_dim {}", config.head_dim())];
    for key in ["rotary_dim", "rotary_offset", "rope_theta"] {
        let same = key == "rotary_dim" && value(key) == Some(config.head_dim().to_string());
        if let Some(value) = value(key).filter(|value| !same && value != "0") {
            facts.push(format!("{key} {value}"));
        }
    }
    let layout = value("layout").unwrap_or_else(|| Layout::Half.name().to_string());
    facts.push(format!("layout {}", layout.trim_matches('"')));
    if let Some(length) = shown.seq_len {
        facts.push(format!("seq_len {length}"));
    }
    text += &wrapped(&facts.join(", "));
    let _ = writeln!(
        text,
        "attention_factor {}, softmax_factor {}\n",
        view.attention_factor, view.softmax_factor
    );
    let planes = &view.planes;
    let has_axes = config.axes() > 1;
    let is_scaled = planes.iter().any(|p| !matches!(p.effect, Effect::None | Effect::Kept));
    let grows = planes.iter().any(|plane| plane.growth.is_some());
    let mut head = vec!["pair", "coordinates"];
    let optional = [
        (has_axes, "axis"),
        (true, "frequency"),
        (true, "wavelength"),
        (is_scaled, "unscaled"),
        (grows, "growth"),
        (is_scaled, "scaling"),
    ];
    head.extend(optional.iter().filter(|(is_shown, _)| *is_shown).map(|(_, name)| name));
    let mut lines = vec![Some(head.iter().map(|name| name.to_string()).collect::<Vec<_>>())];
    let selected = selection(planes, args.all);
    for (i, plane) in planes.iter().enumerate() {
        if !selected[i] {
            if selected[i - 1] {
                lines.push(None);
            }
            continue;
        }
        let mut cells = vec![i.to_string(), format!("{}, {}", plane.pair.re, plane.pair.im)];
        if has_axes {
            cells.push(plane.axis.to_string());
        }
        cells.push(plane.frequency.clone());
        cells.push(plane.wavelength.clone().unwrap_or_else(|| "∞".to_string()));
        if is_scaled {
            cells.push(plane.unscaled.clone().unwrap_or_default());
        }
        if grows {
            cells.push(plane.growth.clone().unwrap_or_else(|| "1".to_string()));
        }
        if is_scaled {
            cells.push(words(&plane.effect));
        }
        lines.push(Some(cells));
    }
    text += &columns(&lines);
    if args.expressions {
        text.push('\n');
        for (i, plane) in planes.iter().enumerate().filter(|(i, _)| selected[*i]) {
            let _ = writeln!(text, "{i}: {}", plane.expression);
        }
    }
    if selected.contains(&false) {
        let _ = writeln!(text, "\n{} pairs; --all shows every one", planes.len());
    }
    text
}

fn object(pairs: Vec<(&str, Json)>) -> Json {
    Json::Object(pairs.into_iter().map(|(k, v)| (k.to_string(), v)).collect::<Object>())
}

/// The rope for a program. Numbers are strings: JSON readers would round them again.
pub(super) fn json(shown: &Shown, args: &Args) -> Json {
    let text = |value: &String| Json::String(value.clone());
    let maybe = |value: &Option<String>| value.as_ref().map_or(Json::Null, text);
    let effect = |effect: &Effect| match effect {
        Effect::None => Json::Null,
        Effect::Kept => object(vec![("kind", "kept".into())]),
        Effect::Still => object(vec![("kind", "still".into())]),
        Effect::DividedByFactor(by) | Effect::Divided(by) => {
            object(vec![("kind", "divided".into()), ("by", text(by))])
        }
        Effect::Blended(percent) => {
            object(vec![("kind", "blended".into()), ("percent_kept", text(percent))])
        }
    };
    let plane = |(i, plane): (usize, &PlaneView)| {
        let (re, im) = (Json::from(plane.pair.re), Json::from(plane.pair.im));
        let mut pairs = vec![
            ("pair", Json::from(i)),
            ("coordinates", Json::Array(vec![re, im])),
            ("axis", Json::from(plane.axis)),
            ("frequency", text(&plane.frequency)),
            ("wavelength", maybe(&plane.wavelength)),
            ("unscaled", maybe(&plane.unscaled)),
            ("scaling", effect(&plane.effect)),
        ];
        if plane.growth.is_some() {
            pairs.push(("growth", maybe(&plane.growth)));
        }
        if args.expressions {
            pairs.push(("expression", text(&plane.expression)));
        }
        object(pairs)
    };
    object(vec![
        ("name", text(&shown.title)),
        ("config", Json::Object(shown.config.normalised().clone())),
        ("seq_len", shown.seq_len.map_or(Json::Null, Json::from)),
        ("attention_factor", text(&shown.view.attention_factor)),
        ("softmax_factor", text(&shown.view.softmax_factor)),
        ("planes", Json::Array(shown.view.planes.iter().enumerate().map(plane).collect())),
    ])
}
