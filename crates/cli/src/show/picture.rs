//! The picture of a rope: frequencies before and after, wavelengths against context lengths.

use super::Shown;
use crate::CliError;
use plotters::coord::Shift;
use plotters::prelude::*;
use ropewalk::request::Json;

/// Width and height in pixels.
const SIZE: (u32, u32) = (760, 720);
/// The drawing library knows whole coordinates only, on which straight lines would wobble: the
/// picture is drawn this many times as large, and the view box of the SVG scales it down.
const FINE: u32 = 10;
/// Room for the names of the lines, beside the panel: inside it they would cover points.
const LEGEND: u32 = 108;

/// A length in pixels, in the units of the drawing.
fn px<T: std::ops::Mul<T, Output = T> + From<u16>>(pixels: T) -> T {
    pixels * T::from(FINE as u16)
}

fn font(pixels: u32, color: &RGBColor) -> TextStyle<'static> {
    ("sans-serif", px(pixels)).into_font().color(color)
}
const INK: RGBColor = RGBColor(40, 44, 52);
const BEFORE: RGBColor = RGBColor(150, 156, 166);
const AFTER: RGBColor = RGBColor(20, 99, 165);
const LIMIT: RGBColor = RGBColor(190, 70, 30);

/// The colours of the axes, in turn: each tells from its neighbours without colour vision too.
const AXES: [RGBColor; 4] =
    [AFTER, RGBColor(213, 120, 20), RGBColor(60, 150, 90), RGBColor(150, 80, 160)];

/// A line of a panel.
struct Line {
    label: String,
    color: RGBColor,
    points: Points,
}

/// A horizontal line: its name and where it is.
type Limit = (String, f64);

/// A pair index and a value; the values come from decimals that are correctly rounded.
type Points = Vec<(f64, f64)>;

fn points<'s>(values: impl Iterator<Item = Option<&'s String>>) -> Points {
    let value = |(i, text): (usize, Option<&String>)| {
        let y: f64 = text?.parse().ok()?;
        (y > 0.0).then_some((i as f64, y))
    };
    values.enumerate().filter_map(value).collect()
}

/// The powers of ten around all values, two decades at least: within one, labels would repeat.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), y| (low.min(y), high.max(y)));
    if low > high {
        return (0.1, 10.0);
    }
    let (low, high) = (low.log10().floor(), high.log10().ceil());
    (10f64.powi(low as i32), 10f64.powi(high.max(low + 2.0) as i32))
}

fn power_label(y: &f64) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    match y.log10().round() as i32 {
        0 => "1".to_string(),
        1 => "10".to_string(),
        e => {
            let sign = if e < 0 { "⁻" } else { "" };
            let digits = e.unsigned_abs().to_string();
            let raised = digits.bytes().map(|digit| DIGITS[usize::from(digit - b'0')]);
            format!("10{sign}{}", raised.collect::<String>())
        }
    }
}

/// The picture as SVG; the same bytes for the same rope everywhere.
///
/// # Errors
/// A rope that turns nothing; if the drawing library refuses, which for a string it has no reason
/// to.
pub(super) fn draw(shown: &Shown) -> Result<String, CliError> {
    if shown.view.planes.iter().all(|plane| plane.wavelength.is_none()) {
        return Err(CliError::Usage(format!("{} turns nothing: no picture", shown.title)));
    }
    let mut svg = String::new();
    let failed = |error: String| CliError::Usage(format!("the picture cannot be drawn: {error}"));
    {
        let size = (px(SIZE.0), px(SIZE.1));
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(|e| failed(e.to_string()))?;
        let title = font(17, &INK);
        let mut heading = format!("{} ({})", shown.title, shown.config.scheme().rope_type());
        if shown.view.attention_factor.parse() != Ok(1.0) {
            heading += &format!(", attention_factor {}", shown.view.attention_factor);
        }
        let area = area.margin(px(8), 0, 0, 0);
        let area = area.titled(&heading, title).map_err(|e| failed(e.to_string()))?;
        let (top, bottom) = area.split_vertically(px(SIZE.1 as i32 / 2 - 14));
        let (lines, (waves, limits)) = (frequencies(shown), wavelengths(shown));
        // The same pair stands at the same place in both panels.
        let beside = if lines.len().max(waves.len()) > 1 { LEGEND } else { 0 };
        let pairs = shown.view.planes.len();
        panel(&top, "radians per position", pairs, &lines, &[], beside).map_err(&failed)?;
        panel(&bottom, "positions per turn", pairs, &waves, &limits, beside).map_err(&failed)?;
        area.present().map_err(|e| failed(e.to_string()))?;
    }
    let drawn = format!("<svg width=\"{}\" height=\"{}\"", px(SIZE.0), px(SIZE.1));
    Ok(svg.replacen(&drawn, &format!("<svg width=\"{}\" height=\"{}\"", SIZE.0, SIZE.1), 1))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// One panel with logarithmic ordinates: lines, and horizontal limits with names.
fn panel(
    area: &Area,
    name: &str,
    pairs: usize,
    lines: &[Line],
    limits: &[Limit],
    beside: u32,
) -> Result<(), String> {
    let values = lines.iter().flat_map(|line| line.points.iter().map(|(_, y)| *y));
    let (low, high) = decades(values.chain(limits.iter().map(|(_, y)| *y)));
    let last = pairs.saturating_sub(1).max(1) as f64;
    let (area, names) = area.split_horizontally(px(SIZE.0 - beside));
    let mut chart = ChartBuilder::on(&area)
        .margin(px(10))
        .margin_right(px(24 - beside.min(20)))
        .x_label_area_size(px(36))
        .y_label_area_size(px(64))
        .build_cartesian_2d(-0.5..last + 0.5, (low..high).log_scale())
        .map_err(|e| e.to_string())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(BEFORE.mix(0.25).stroke_width(FINE))
        .light_line_style(TRANSPARENT)
        .axis_style(INK.stroke_width(FINE))
        .set_all_tick_mark_size(px(5))
        .label_style(font(13, &INK))
        .axis_desc_style(font(14, &INK))
        .x_labels(9)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&power_label)
        .x_desc("pair")
        .y_desc(name)
        .draw()
        .map_err(|e| e.to_string())?;
    for (row, Line { label, color, points }) in lines.iter().enumerate() {
        let stroke = color.stroke_width(px(if *color == BEFORE { 1 } else { 2 }));
        chart
            .draw_series(LineSeries::new(points.iter().copied(), stroke))
            .map_err(|e| e.to_string())?;
        let dots = points.iter().map(|point| Circle::new(*point, px(2), color.filled()));
        chart.draw_series(dots).map_err(|e| e.to_string())?;
        if lines.len() > 1 {
            let y = px(20 + 20 * row as i32);
            let sample = PathElement::new([(0, y), (px(18), y)], stroke);
            names.draw(&sample).map_err(|e| e.to_string())?;
            let name = Text::new(label.clone(), (px(24), y - px(6)), font(13, &INK));
            names.draw(&name).map_err(|e| e.to_string())?;
        }
    }
    for (label, y) in limits {
        let ends = [(-0.5, *y), (last + 0.5, *y)];
        chart
            .draw_series(LineSeries::new(ends, LIMIT.stroke_width(FINE)))
            .map_err(|e| e.to_string())?;
        let at = (0.0, *y * (high / low).powf(0.045));
        let text = Text::new(label.clone(), at, font(12, &LIMIT));
        chart.draw_series([text]).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// What an axis is called: time, height and width where there are three.
fn axis_name(axis: usize, axes: usize) -> String {
    let names: &[&str] = match axes {
        2 => &["h", "w"],
        3 => &["t", "h", "w"],
        _ => &[],
    };
    names.get(axis).map_or(format!("axis {axis}"), |name| format!("axis {name}"))
}

/// One line, or one for each axis: where the index restarts, a line across would say nothing.
fn per_axis(shown: &Shown, label: &str, points: Points) -> Vec<Line> {
    let planes = &shown.view.planes;
    let count = shown.config.axes();
    if count == 1 {
        return vec![Line { label: label.to_string(), color: AFTER, points }];
    }
    let axis = |x: f64| planes.get(x as usize).map(|plane| plane.axis);
    let line = |a: usize| Line {
        label: axis_name(a, count),
        color: AXES[a % AXES.len()],
        points: points.iter().copied().filter(|(x, _)| axis(*x) == Some(a)).collect(),
    };
    (0..count).map(line).collect()
}

fn frequencies(shown: &Shown) -> Vec<Line> {
    let planes = &shown.view.planes;
    let before = points(planes.iter().map(|plane| plane.unscaled.as_ref()));
    let after = points(planes.iter().map(|plane| Some(&plane.frequency)));
    let is_scaled = !before.is_empty() && before != after;
    let mut lines = per_axis(shown, if is_scaled { "after scaling" } else { "frequency" }, after);
    if is_scaled {
        lines.insert(0, Line { label: "before".to_string(), color: BEFORE, points: before });
    }
    lines
}

fn wavelengths(shown: &Shown) -> (Vec<Line>, Vec<Limit>) {
    let planes = &shown.view.planes;
    let waves = points(planes.iter().map(|plane| plane.wavelength.as_ref()));
    let value = |key: &str| shown.config.normalised().get(key).and_then(Json::number);
    let original = value("original_max_position_embeddings");
    let longest = value("max_position_embeddings")
        .or_else(|| Some(original? * value("factor")?))
        .filter(|longest| Some(*longest) != original);
    let limit = |name: &str, y: Option<f64>| y.map(|y| (format!("{name} {y}"), y));
    let limits = [limit("original context", original), limit("longest context", longest)]
        .into_iter()
        .flatten()
        .collect();
    (per_axis(shown, "wavelength", waves), limits)
}
