//! Pictures as inline SVG, coloured by the style sheet, so that they follow light and dark.

use maud::{Markup, html};
use ropewalk::audit::{Band, Cell, Digest, Errors, Fitted, HISTOGRAM, Report, Section, Verdict};
use std::collections::BTreeMap;

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 250.0;
/// Room for the labels.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 36.0;

/// Of the section that is worst, or, if all is right, of the one with most to see.
pub fn pictures(report: &Report, digest: &Digest) -> Markup {
    let wrong = digest.bad.iter().copied().find(|section| section.diverged > 0);
    let richest = report.sections.iter().max_by_key(|section| section.errors.cells.len());
    let Some(section) = wrong.or(richest) else { return html! {} };
    let name = format!("{} in {}", section.operation.name(), section.dtype.name());
    let fitted = report.fitted.as_ref().map(fitted).unwrap_or_default();
    let list = [
        heat_map(section, &name),
        against_position(section, &name),
        histogram(section, &name),
        fitted,
    ];
    let list: Vec<&Markup> = list.iter().filter(|markup| !markup.0.is_empty()).collect();
    html! {
        @if !list.is_empty() {
            h2 { "Pictures" }
            div class="pictures" { @for one in &list { div class="card" { (one) } } }
        }
    }
}

/// A coordinate with one decimal.
fn c(x: f64) -> String {
    format!("{x:.1}")
}

/// A label that is 1, 10, 1000 or 1e-7.
fn power(exponent: i32) -> String {
    match exponent {
        0..=3 => 10f64.powi(exponent).to_string(),
        e => format!("1e{e}"),
    }
}

fn band_label(band: Band) -> String {
    match band {
        Band::None => "none".into(),
        Band::Zero => "0".into(),
        Band::From(n @ 0..=12) => (1u32 << n).to_string(),
        Band::From(n) => format!("2^{n}"),
    }
}

fn range_label(band: Band) -> String {
    match band {
        Band::From(n) => {
            format!("|position| from {} to {}", band_label(band), band_label(Band::From(n + 1)))
        }
        band => format!("position {}", band_label(band)),
    }
}

/// The group that shows most of a fault, else the whole section.
fn widest(section: &Section) -> (Option<&str>, &Errors) {
    let rich = |errors: &Errors| {
        errors.by_plane().len() > 1
            && errors.by_position().keys().filter(|b| **b != Band::None).count() > 1
    };
    let beyond = |errors: &Errors| errors.cells.values().map(|cell| cell.beyond).sum::<usize>();
    let groups =
        section.groups.iter().filter(|g| g.verdict() != Verdict::Conforms && rich(&g.errors));
    match groups.max_by_key(|group| beyond(&group.errors)) {
        Some(group) => (Some(&group.name), &group.errors),
        None => (None, &section.errors),
    }
}

/// Colour by size of the error: greens within the bound, reds beyond.
fn class(cell: &Cell) -> &'static str {
    let size = cell.relative.unwrap_or(0.0);
    match (cell.beyond > 0, size) {
        (false, s) if s <= 0.0 => "c1",
        (false, s) if s < 1e-7 => "c2",
        (false, s) if s < 1e-3 => "c3",
        (false, _) => "c4",
        (true, s) if s < 1e-4 => "w1",
        (true, s) if s < 1e-2 => "w2",
        (true, s) if s < 0.1 => "w3",
        (true, s) if s < 1.0 => "w4",
        (true, _) => "w5",
    }
}

/// The largest error over position and plane.
fn heat_map(section: &Section, name: &str) -> Markup {
    let (group, errors) = widest(section);
    let planes = errors.by_plane().keys().next_back().map_or(0, |most| most + 1);
    let columns = planes.min(64);
    let mut cells: BTreeMap<(Band, usize), Cell> = BTreeMap::new();
    for ((band, plane), cell) in &errors.cells {
        if let (Some(plane), false, Some(_)) = (plane, *band == Band::None, cell.relative) {
            cells.entry((*band, plane * columns / planes)).or_default().merge(cell);
        }
    }
    let mut bands: Vec<Band> = cells.keys().map(|(band, _)| *band).collect();
    bands.dedup();
    if bands.len() < 2 || columns < 2 {
        return html! {};
    }
    let row = (220.0 / bands.len() as f64).clamp(7.0, 22.0);
    let column = (WIDTH - LEFT - RIGHT) / columns as f64;
    let height = TOP + row * bands.len() as f64 + 58.0;
    let every = (12.0 / row).ceil() as usize;
    let base = TOP + row * bands.len() as f64;
    let of = group.map_or(name.to_string(), |group| group.to_string());
    // Colour, where its square stands, and what it means.
    let legend = [
        ("c1", 0.0, "exact"),
        ("c3", 58.0, "within"),
        ("w1", 118.0, "beyond, < 1e-4"),
        ("w2", 226.0, "< 0.01"),
        ("w3", 287.0, "< 0.1"),
        ("w4", 342.0, "< 1"),
        ("w5", 386.0, "more"),
    ];
    html! {
        figure {
            h3 { "Error over position and plane" }
            svg viewBox=(format!("0 0 {WIDTH} {height:.1}")) role="img" aria-label="Heat map of the largest error over position and plane" {
                @for (r, band) in bands.iter().enumerate() {
                    @if r % every == 0 {
                        text x=(c(LEFT - 6.0)) y=(c(TOP + row * (r as f64 + 0.5) + 4.0)) text-anchor="end" { (band_label(*band)) }
                    }
                    @for x in 0..columns {
                        @let cell = cells.get(&(*band, x));
                        rect x=(c(LEFT + column * x as f64)) y=(c(TOP + row * r as f64)) width=(c((column - 1.0).max(0.8))) height=(c(row - 1.0)) class=(cell.map_or("none", class)) {
                            @if let Some(cell) = cell { title { (told(*band, x * planes / columns, cell)) } }
                        }
                    }
                }
                @for x in ticks(columns) {
                    text x=(c(LEFT + column * (x as f64 + 0.5))) y=(c(base + 13.0)) text-anchor="middle" { (x * planes / columns) }
                }
                text x=(c(WIDTH - RIGHT)) y=(c(base + 27.0)) text-anchor="end" { "plane" }
                @for (class, x, label) in legend {
                    @let x = 12.0 + x;
                    rect x=(c(x)) y=(c(base + 38.0)) width="10" height="10" class=(class) {}
                    text x=(c(x + 14.0)) y=(c(base + 47.0)) { (label) }
                }
            }
            figcaption { (of) ": largest error as a share of |z|. Green lies within the bound, red beyond it." }
        }
    }
}

fn told(band: Band, plane: usize, cell: &Cell) -> String {
    format!(
        "plane {plane}, {}: error {:.2e}, bound {:.2e}, {} of {} beyond",
        range_label(band),
        cell.relative.unwrap_or(0.0),
        cell.bound.unwrap_or(0.0),
        cell.beyond,
        cell.elements
    )
}

/// Some indices, about eight, the first one included.
fn ticks(n: usize) -> impl Iterator<Item = usize> {
    let step = [1, 2, 4, 8, 16, 32].into_iter().find(|step| n / step <= 8).unwrap_or(64);
    (0..n).step_by(step)
}

/// The frame of a plot whose ordinate is logarithmic: its decades, and where a value stands.
struct Decades {
    low: i32,
    high: i32,
}

impl Decades {
    fn around(values: impl Iterator<Item = f64>) -> Option<Decades> {
        let (low, high) = values
            .filter(|x| x.is_finite() && *x > 0.0)
            .fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
        (low <= high).then(|| {
            let (low, high) = (low.log10().floor() as i32, high.log10().ceil() as i32);
            Decades { low, high: high.max(low + 1) }
        })
    }

    fn y(&self, x: f64) -> f64 {
        let share =
            (x.max(f64::MIN_POSITIVE).log10() - self.low as f64) / (self.high - self.low) as f64;
        TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share.clamp(0.0, 1.0))
    }

    fn grid(&self) -> Markup {
        let step = ((self.high - self.low) as usize).div_ceil(8).max(1);
        html! {
            @for exponent in (self.low..=self.high).step_by(step) {
                @let y = self.y(10f64.powi(exponent));
                line x1=(c(LEFT)) x2=(c(WIDTH - RIGHT)) y1=(c(y)) y2=(c(y)) class="axis" {}
                text x=(c(LEFT - 6.0)) y=(c(y + 4.0)) text-anchor="end" { (power(exponent)) }
            }
        }
    }
}

fn frame(label: &str, inside: Markup) -> Markup {
    html! { svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) { (inside) } }
}

/// The largest error in every band of positions, with the bound; both logarithmic.
fn against_position(section: &Section, name: &str) -> Markup {
    let bands: Vec<(Band, Cell)> =
        section.errors.by_position().into_iter().filter(|(band, _)| *band != Band::None).collect();
    let relative = bands.iter().any(|(_, cell)| cell.relative.is_some());
    let size = |cell: &Cell| if relative { cell.relative } else { Some(cell.ulp) };
    let bound =
        |cell: &Cell| cell.bound.filter(|bound| relative && bound.is_finite() && *bound > 0.0);
    let values = bands.iter().flat_map(|(_, cell)| [size(cell), bound(cell)]).flatten();
    let Some(decades) = Decades::around(values).filter(|_| bands.len() > 1) else {
        return html! {};
    };
    let (first, last) = (0, bands.iter().map(|(band, _)| slot(*band)).max().unwrap_or(1).max(1));
    let x = |band: Band| {
        LEFT + 14.0
            + (slot(band) - first) as f64 / (last - first) as f64 * (WIDTH - LEFT - RIGHT - 28.0)
    };
    let mut line = String::new();
    for (band, cell) in &bands {
        if let Some(bound) = bound(cell) {
            let verb = if line.is_empty() { "M" } else { "L" };
            line.push_str(&format!("{verb}{:.1} {:.1} ", x(*band), decades.y(bound)));
        }
    }
    let what = if relative { "as a share of |z| (radians, while it is small)" } else { "in ulp" };
    let labels: Vec<usize> = ticks(bands.len()).collect();
    html! {
        figure {
            h3 { "Error against position" }
            (frame("Largest error against position", html! {
                (decades.grid())
                path d=(line.trim_end()) class="bound" {}
                @for (band, cell) in &bands {
                    @if let Some(size) = size(cell) {
                        circle cx=(c(x(*band))) cy=(c(decades.y(size))) r="3.5" class=(if cell.beyond > 0 { "bad" } else { "good" }) {
                            title { (range_label(*band)) ": " (format!("{size:.2e}")) }
                        }
                    }
                }
                @for i in labels {
                    text x=(c(x(bands[i].0))) y=(c(HEIGHT - BOTTOM + 16.0)) text-anchor="middle" { (band_label(bands[i].0)) }
                }
                text x=(c(WIDTH - RIGHT)) y=(c(HEIGHT - 6.0)) text-anchor="end" { "|position|" }
            }))
            figcaption { (name) ": largest error " (what) "; the dashed line is the bound, red points have an element beyond it." }
        }
    }
}

/// Where a band stands among powers of two; position 0 has a place of its own.
fn slot(band: Band) -> i32 {
    match band {
        Band::None | Band::Zero => 0,
        Band::From(n) => n.max(0) + 1,
    }
}

/// How many elements are off by how much.
fn histogram(section: &Section, name: &str) -> Markup {
    let counts = &section.histogram;
    let most = counts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return html! {};
    }
    let width = (WIDTH - LEFT - RIGHT) / counts.len() as f64;
    // Logarithmic: one wrong element among a million must be seen.
    let top = (most as f64 + 1.0).log10();
    let height = |n: usize| (n as f64 + 1.0).log10() / top * (HEIGHT - TOP - BOTTOM - 14.0);
    let base = HEIGHT - BOTTOM;
    let label = |i: usize| match HISTOGRAM.get(i) {
        Some(0.5) => "½".to_string(),
        Some(x) if *x < 1000.0 => x.to_string(),
        Some(x) if *x < 1e6 => format!("{}k", x / 1024.0),
        Some(x) => format!("{}M", x / 1048576.0),
        None => "more".to_string(),
    };
    html! {
        figure {
            h3 { "Errors by size" }
            (frame("Histogram of errors in ulp", html! {
                line x1=(c(LEFT)) x2=(c(WIDTH - RIGHT)) y1=(c(base)) y2=(c(base)) class="axis" {}
                @for (i, &n) in counts.iter().enumerate() {
                    @let x = LEFT + width * i as f64;
                    @if n > 0 {
                        rect x=(c(x + 2.0)) y=(c(base - height(n))) width=(c(width - 4.0)) height=(c(height(n))) class="mute" {
                            title { (n) " elements off by at most " (label(i)) " ulp" }
                        }
                        text x=(c(x + width / 2.0)) y=(c(base - height(n) - 4.0)) text-anchor="middle" { (brief(n)) }
                    }
                    text x=(c(x + width / 2.0)) y=(c(base + 14.0)) text-anchor="middle" { (label(i)) }
                }
                text x=(c(WIDTH - RIGHT)) y=(c(HEIGHT - 6.0)) text-anchor="end" { "off by at most, ulp" }
            }))
            figcaption { (name) ": number of elements by error, on a logarithmic scale. A correctly rounded answer is off by at most ½ ulp." }
        }
    }
}

/// A count in at most four signs; the title of its bar has all of it.
fn brief(n: usize) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{}k", n / 1000),
        _ => format!("{}M", n / 1_000_000),
    }
}

/// The frequency of every plane, as declared and as the answers have it.
fn fitted(fitted: &Fitted) -> Markup {
    let values = fitted.planes.iter().flat_map(|p| [p.declared, p.fitted]).flatten();
    let Some(decades) = Decades::around(values.map(f64::abs)) else { return html! {} };
    let most = fitted.planes.iter().map(|p| p.plane).max().unwrap_or(0);
    let x = |plane: usize| {
        LEFT + 14.0 + plane as f64 / most.max(1) as f64 * (WIDTH - LEFT - RIGHT - 28.0)
    };
    let off = |declared: Option<f64>, fitted: f64| {
        declared.is_none_or(|d| (d - fitted).abs() > 1e-3 * d.abs())
    };
    let mut line = String::new();
    for (plane, declared) in fitted.planes.iter().filter_map(|p| Some((p.plane, p.declared?))) {
        let verb = if line.is_empty() { "M" } else { "L" };
        line.push_str(&format!("{verb}{:.1} {:.1} ", x(plane), decades.y(declared.abs())));
    }
    html! {
        figure {
            h3 { "Frequencies" }
            (frame("Fitted and declared frequency of every plane", html! {
                (decades.grid())
                path d=(line.trim_end()) class="declared" {}
                @for p in &fitted.planes {
                    @if let Some(value) = p.fitted {
                        circle cx=(c(x(p.plane))) cy=(c(decades.y(value.abs()))) r="3" class=(if off(p.declared, value) { "bad" } else { "good" }) {
                            title { "plane " (p.plane) ": " (format!("{value:.6e}")) @if let Some(d) = p.declared { ", declared " (format!("{d:.6e}")) } }
                        }
                    }
                }
                @for plane in ticks(most + 1) {
                    text x=(c(x(plane))) y=(c(HEIGHT - BOTTOM + 16.0)) text-anchor="middle" { (plane) }
                }
                text x=(c(WIDTH - RIGHT)) y=(c(HEIGHT - 6.0)) text-anchor="end" { "plane" }
            }))
            figcaption { "Radians per position: the line is what the config declares, the points are what the answers follow, red where they differ." }
        }
    }
}
