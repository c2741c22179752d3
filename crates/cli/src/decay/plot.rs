//! A line over distances, as SVG: the same bytes on every machine.

use super::{CliError, decimal};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use ropewalk::exact::Interval;
use rug::Float;
use rug::float::Round::Up;

/// Twice the intended size: coordinates are whole numbers, and pages scale pictures down.
const SIZE: (u32, u32) = (1680, 960);
const STROKE: u32 = 4;
const INK: RGBColor = RGBColor(40, 44, 52);
const GRID: RGBColor = RGBColor(232, 235, 238);
const LINE: RGBColor = RGBColor(20, 99, 165);
const ACCENT: RGBColor = RGBColor(190, 70, 30);

/// What is drawn.
pub(super) struct Plot<'a> {
    pub(super) title: String,
    pub(super) horizontal: &'a str,
    pub(super) vertical: &'a str,
    /// What the line is.
    pub(super) line: String,
    /// What its accented steps are; empty if there are none.
    pub(super) accent: String,
    /// Distances at which an accented step ends.
    pub(super) accented: &'a [i64],
    /// One distance with a word about it.
    pub(super) marked: Option<(i64, &'a str)>,
    pub(super) points: Vec<(i64, &'a Interval)>,
}

/// The double nearest to the middle of an enclosure.
pub(super) fn middle(x: &Interval) -> f64 {
    (Float::with_val(x.precision() + 1, x.lo() + x.hi()) >> 1u32).to_f64()
}

/// Draws it.
pub(super) fn svg(plot: &Plot) -> Result<String, CliError> {
    let mut text = String::new();
    draw(plot, &mut text).map_err(|error| CliError::Usage(format!("svg: {error}")))?;
    Ok(text + "\n")
}

fn draw(plot: &Plot, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let points: Vec<(f64, f64)> = plot.points.iter().map(|(x, y)| (*x as f64, middle(y))).collect();
    let first = points.first().map_or(0.0, |point| point.0);
    // A single point gets an axis of its own: 2 apart are doubles at any distance.
    let last = points.last().map_or(0.0, |point| point.0);
    let (left, right) = (first, if last > first { last } else { first + 2.0 });
    let low = points.iter().map(|p| p.1).fold(0.0, f64::min);
    let high = points.iter().map(|p| p.1).fold(0.0, f64::max);
    let font = |size: u32| ("sans-serif", size).into_font().color(&INK);

    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(32)
        .caption(&plot.title, font(38))
        .x_label_area_size(92)
        .y_label_area_size(116)
        .build_cartesian_2d(left..right, low * 1.1..high * 1.1)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(2))
        .axis_style(INK.stroke_width(2))
        .x_desc(plot.horizontal)
        .y_desc(plot.vertical)
        .label_style(font(28))
        .axis_desc_style(font(30))
        .x_label_formatter(&|x| format!("{x}"))
        .y_label_formatter(&|y| format!("{y}"))
        .draw()?;

    let legend = |colour: RGBColor| {
        move |(x, y)| PathElement::new(vec![(x, y), (x + 44, y)], colour.stroke_width(STROKE))
    };
    chart
        .draw_series(LineSeries::new(points.iter().copied(), LINE.stroke_width(STROKE)))?
        .label(&plot.line)
        .legend(legend(LINE));
    let mut labelled = false;
    for step in runs(plot) {
        let series = LineSeries::new(points[step].iter().copied(), ACCENT.stroke_width(STROKE));
        let annotation = chart.draw_series(series)?;
        if !labelled {
            annotation.label(&plot.accent).legend(legend(ACCENT));
            labelled = true;
        }
    }
    // The enclosures are far narrower than the line, so a band would not be seen; it is said.
    let widest = plot.points.iter().map(|(_, y)| y.width()).max_by(|a, b| a.total_cmp(b));
    let digits = |width: Float| width.to_string_radix_round(10, Some(2), Up);
    let widest = widest.map_or_else(String::new, digits);
    chart
        .draw_series(std::iter::empty::<Circle<(f64, f64), i32>>())?
        .label(format!("certified to {widest}"))
        .legend(|at| Circle::new(at, 0, TRANSPARENT));
    if let Some((at, word)) = plot.marked
        && let Some((_, value)) = plot.points.iter().find(|point| point.0 == at)
    {
        let (x, y) = (at as f64, middle(value));
        let share = (x - left) / (right - left);
        let side = match share {
            _ if share < 0.2 => HPos::Left,
            _ if share > 0.8 => HPos::Right,
            _ => HPos::Center,
        };
        // Away from the line: above a peak, below a low.
        let (anchor, gap) =
            if y > (low + high) / 2.0 { (VPos::Bottom, 0.02) } else { (VPos::Top, -0.03) };
        let style = font(28).pos(Pos::new(side, anchor));
        let label = format!("{word}: {} at {at}", decimal(value));
        chart.draw_series([Text::new(label, (x, y + gap * (high - low)), style)])?;
        chart.draw_series([Circle::new((x, y), 9, INK.filled())])?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .legend_area_size(64)
        .margin(20)
        .background_style(WHITE.mix(0.9))
        .border_style(GRID)
        .label_font(font(28))
        .draw()?;
    area.present()?;
    Ok(())
}

/// Runs of accented steps, as ranges of points.
fn runs(plot: &Plot) -> Vec<std::ops::RangeInclusive<usize>> {
    let accented: std::collections::HashSet<i64> = plot.accented.iter().copied().collect();
    let mut runs: Vec<std::ops::RangeInclusive<usize>> = Vec::new();
    for (index, (distance, _)) in plot.points.iter().enumerate().skip(1) {
        if !accented.contains(distance) {
            continue;
        }
        match runs.last_mut() {
            Some(run) if *run.end() == index - 1 => *run = *run.start()..=index,
            _ => runs.push(index - 1..=index),
        }
    }
    runs
}
