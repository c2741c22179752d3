//! The picture of a rope: frequencies before and after, wavelengths against context lengths.

use super::Shown;
use crate::CliError;
use plotters::coord::Shift;
use plotters::prelude::*;
use ropewalk::request::Json;

const SIZE: (u32, u32) = (760, 720);
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
    match y.log10().round() as i32 {
        e @ -3..=4 => format!("{:.*}", (-e).max(0) as usize, 10f64.powi(e)),
        e => format!("1e{e}"),
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
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(|e| failed(e.to_string()))?;
        let title = ("sans-serif", 17).into_font().color(&INK);
        let heading = format!("{} ({})", shown.title, shown.config.scheme().rope_type());
        let area = area.titled(&heading, title).map_err(|e| failed(e.to_string()))?;
        let (top, bottom) = area.split_vertically(SIZE.1 as i32 / 2 - 10);
        frequencies(shown, &top).map_err(&failed)?;
        wavelengths(shown, &bottom).map_err(&failed)?;
        area.present().map_err(|e| failed(e.to_string()))?;
    }
    Ok(svg)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// One panel with logarithmic ordinates: lines, and horizontal limits with names.
fn panel(
    area: &Area,
    name: &str,
    pairs: usize,
    lines: &[Line],
    limits: &[(String, f64)],
) -> Result<(), String> {
    let values = lines.iter().flat_map(|line| line.points.iter().map(|(_, y)| *y));
    let (low, high) = decades(values.chain(limits.iter().map(|(_, y)| *y)));
    let last = pairs.saturating_sub(1).max(1) as f64;
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_right(24)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(-0.5..last + 0.5, (low..high).log_scale())
        .map_err(|e| e.to_string())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(BEFORE.mix(0.25))
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(("sans-serif", 13).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 14).into_font().color(&INK))
        .x_labels(9)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&power_label)
        .x_desc("pair")
        .y_desc(name)
        .draw()
        .map_err(|e| e.to_string())?;
    for Line { label, color, points } in lines {
        let color = *color;
        let thick = if color == BEFORE { 1 } else { 2 };
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(thick)))
            .map_err(|e| e.to_string())?
            .label(label)
            .legend(move |(x, y)| {
                PathElement::new([(x, y), (x + 18, y)], color.stroke_width(thick))
            });
        let dots = points.iter().map(|point| Circle::new(*point, 2, color.filled()));
        chart.draw_series(dots).map_err(|e| e.to_string())?;
    }
    for (label, y) in limits {
        let ends = [(-0.5, *y), (last + 0.5, *y)];
        chart
            .draw_series(LineSeries::new(ends, LIMIT.stroke_width(1)))
            .map_err(|e| e.to_string())?;
        let style = ("sans-serif", 12).into_font().color(&LIMIT);
        let text = Text::new(label.clone(), (0.0, *y * (high / low).powf(0.045)), style);
        chart.draw_series([text]).map_err(|e| e.to_string())?;
    }
    if lines.len() == 1 {
        return Ok(());
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(("sans-serif", 13).into_font().color(&INK))
        .background_style(WHITE.mix(0.85))
        .border_style(BEFORE.mix(0.5))
        .draw()
        .map_err(|e| e.to_string())
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
        label: format!("axis {a}"),
        color: AXES[a % AXES.len()],
        points: points.iter().copied().filter(|(x, _)| axis(*x) == Some(a)).collect(),
    };
    (0..count).map(line).collect()
}

fn frequencies(shown: &Shown, area: &Area) -> Result<(), String> {
    let planes = &shown.view.planes;
    let before = points(planes.iter().map(|plane| plane.unscaled.as_ref()));
    let after = points(planes.iter().map(|plane| Some(&plane.frequency)));
    let is_scaled = !before.is_empty() && before != after;
    let mut lines = per_axis(shown, if is_scaled { "after scaling" } else { "frequency" }, after);
    if is_scaled {
        lines.insert(0, Line { label: "before".to_string(), color: BEFORE, points: before });
    }
    panel(area, "radians per position", planes.len(), &lines, &[])
}

fn wavelengths(shown: &Shown, area: &Area) -> Result<(), String> {
    let planes = &shown.view.planes;
    let waves = points(planes.iter().map(|plane| plane.wavelength.as_ref()));
    let value = |key: &str| shown.config.normalised().get(key).and_then(Json::number);
    let original = value("original_max_position_embeddings");
    let longest = value("max_position_embeddings")
        .or_else(|| Some(original? * value("factor")?))
        .filter(|longest| Some(*longest) != original);
    let limit = |name: &str, y: Option<f64>| y.map(|y| (format!("{name} {y}"), y));
    let limits: Vec<_> = [limit("original context", original), limit("longest context", longest)]
        .into_iter()
        .flatten()
        .collect();
    let lines = per_axis(shown, "wavelength", waves);
    panel(area, "positions per turn", planes.len(), &lines, &limits)
}
