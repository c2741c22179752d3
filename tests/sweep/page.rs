//! The table and the figure of `docs/sweep.md`, from `docs/sweeps.ndjson`, and that file against
//! sweeps.
//!
//! `ROPEWALK_BLESS=1 cargo test --release long_sweeps -- --ignored` sweeps anew; `ROPEWALK_BLESS=1 cargo
//! test sweep::page` writes table and figure from the file.

use super::{lines, ropewalk};
use plotters::prelude::*;
use serde_json::{Value, json};

const SWEEPS: &str = "docs/sweeps.ndjson";
const PAGE: &str = "docs/sweep.md";
const FIGURE: &str = "docs/figures/sweep.svg";
const END: u64 = 1 << 31;

/// Compares a file with what it should be, or writes it.
fn compare(path: &str, want: &str) {
    if std::env::var_os("ROPEWALK_BLESS").is_some() {
        std::fs::write(path, want).unwrap();
    }
    let got = std::fs::read_to_string(path).unwrap_or_default();
    assert!(got == want, "{path} is out of date: run with ROPEWALK_BLESS=1");
}

/// One line of what `ropewalk sweep --json` has found: the worst plane of every octave and of all.
fn reduced(text: &str) -> Value {
    let lines = lines(text);
    let header = &lines[0];
    let mut line = json!({
        "profile": header["profile"], "base": header["config"]["rope_theta"],
        "bound": header["bound"], "end": header["ranges"][0][1],
    });
    let planes: Vec<&Value> = lines.iter().filter(|line| line.get("frequency").is_some()).collect();
    for measure in ["angle", "table", "rotation"] {
        let number = |plane: &Value| plane[measure]["error"].as_f64().unwrap_or(f64::INFINITY);
        let worst = planes.iter().fold(planes[0], |worst, plane| {
            if number(plane) > number(worst) { plane } else { worst }
        });
        let first = planes.iter().filter_map(|plane| {
            Some((plane[measure]["first"].as_u64()?, plane["plane"].as_u64()?))
        });
        let first = first.min();
        line[measure] = json!({
            "worst": worst[measure]["error"], "position": worst[measure]["position"],
            "plane": worst["plane"], "first": first.map(|f| f.0), "first_plane": first.map(|f| f.1),
        });
    }
    let octaves = lines
        .iter()
        .filter(|line| line.get("octave").is_some())
        .map(|line| json!([line["octave"], line["position"], line["plane"], line["angle"]]));
    line["octaves"] = octaves.collect();
    line
}

fn sweep(line: &Value, end: u64) -> Value {
    let base = format!("rope_theta={}", line["base"]);
    let range = format!("0..{end}");
    let config = ["--set", "head_dim=128", "--set", "layout=half", "--set", &base];
    let profile = ["--profile", line["profile"].as_str().unwrap(), "--range", &range, "--json"];
    reduced(&ropewalk(&[&["sweep"], &config[..], &profile].concat()))
}

fn known() -> Vec<Value> {
    lines(&std::fs::read_to_string(SWEEPS).unwrap())
}

/// The file is what sweeps find.
#[test]
#[ignore = "long: twenty minutes"]
fn long_sweeps_are_up_to_date() {
    let known = known();
    let swept =
        known.iter().map(|line| format!("{}\n", sweep(line, line["end"].as_u64().unwrap())));
    compare(SWEEPS, &swept.collect::<String>());
}

/// The first octaves of a line are what a sweep finds.
#[test]
fn the_sweeps_are_up_to_date() {
    for line in known().iter().filter(|line| line["base"] == 500000) {
        let part = sweep(line, 1 << 14);
        for octave in part["octaves"].as_array().unwrap() {
            let index = octave[0].as_u64().unwrap() as usize;
            assert_eq!(line["octaves"][index], *octave, "{}", line["profile"]);
        }
        for measure in ["angle", "table", "rotation"] {
            let whole = &line[measure];
            if whole["first"].as_u64().is_some_and(|first| first < 1 << 14) {
                let part = &part[measure];
                assert_eq!(
                    (&whole["first"], &whole["first_plane"]),
                    (&part["first"], &part["first_plane"])
                );
            }
        }
    }
}

/// The largest angle error below a power of two.
fn below(line: &Value, bits: usize) -> f64 {
    let octaves = line["octaves"].as_array().unwrap();
    octaves[..=bits].iter().map(|octave| octave[3].as_f64().unwrap()).fold(0.0, f64::max)
}

#[test]
fn the_table_is_up_to_date() {
    let mut table = String::from(
        "| profile | base | angle, p < 128k | p < 1M | p < 16M | p < 2³¹ | rotation beyond 2⁻⁹ first at |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for line in known() {
        let first = match line["rotation"]["first"].as_u64() {
            Some(first) => format!("{first} (plane {})", line["rotation"]["first_plane"]),
            None => "never".to_string(),
        };
        assert_eq!(line["end"], END);
        table += &format!(
            "| `{}` | {} | {:.2e} | {:.2e} | {:.2e} | {:.2e} | {first} |\n",
            line["profile"].as_str().unwrap(),
            line["base"],
            below(&line, 17),
            below(&line, 20),
            below(&line, 24),
            below(&line, 31),
        );
    }
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (begin, end) = ("<!-- table: begin -->\n", "<!-- table: end -->");
    let (head, rest) = page.split_once(begin).unwrap();
    let (_, tail) = rest.split_once(end).unwrap();
    compare(PAGE, &format!("{head}{begin}{table}{end}{tail}"));
}

#[test]
fn the_figure_is_up_to_date() {
    let mut svg = String::new();
    draw(&mut svg).unwrap();
    compare(FIGURE, &svg);
}

fn draw(svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, (960, 600)).into_drawing_area();
    root.fill(&WHITE)?;
    let (right, low, high) = (END as f64, 1e-9f64, 1e9f64);
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .margin_right(24)
        .caption(
            "Worst angle error of every position and plane, octave by octave (head_dim 128)",
            ("sans-serif", 20),
        )
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d((1f64..right).log_scale().base(2.0), (low..high).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .x_desc("position")
        .y_desc("radians, worst of the octave")
        .x_labels(12)
        .y_labels(16)
        .x_label_formatter(&|p| match p.log2().round() as i32 {
            n if n >= 30 => format!("{}G", 1i64 << (n - 30)),
            n if n >= 20 => format!("{}M", 1i64 << (n - 20)),
            n if n >= 10 => format!("{}k", 1i64 << (n - 10)),
            _ => format!("{p}"),
        })
        .y_label_formatter(&|y| format!("1e{}", y.log10().round() as i32))
        .label_style(("sans-serif", 14))
        .draw()?;
    let grey = RGBColor(120, 120, 120);
    // Where no line runs.
    for (x, y, text) in [
        (2f64.powi(22), 2f64.powi(-9), "half an ulp of bf16 at 1"),
        (1.3, std::f64::consts::PI, "half a turn: nothing is left"),
    ] {
        chart.draw_series(LineSeries::new([(1.0, y), (right, y)], grey.stroke_width(1)))?;
        let style = ("sans-serif", 13).into_font().color(&grey);
        chart.draw_series([Text::new(text, (x, y * 4.0), style)])?;
    }
    let series = [
        ("bf16-angle", "product in bf16 (autocast)", RGBColor(214, 39, 40)),
        ("bf16-inv_freq", "inv_freq in bf16", RGBColor(255, 127, 14)),
        ("bf16-positions", "positions in bf16", RGBColor(148, 103, 189)),
        ("ggml-f32", "f32, running product (ggml)", RGBColor(23, 150, 170)),
        ("hf-f32", "f32 (Transformers)", RGBColor(31, 119, 180)),
    ];
    for line in known() {
        let found = series.iter().find(|(name, ..)| line["profile"] == *name);
        let Some(&(_, label, colour)) = found else { continue };
        let points = line["octaves"].as_array().unwrap().iter().skip(1).map(|octave| {
            // In the middle of the octave; where every plane is exact there is nothing to show.
            let from = 2f64.powi(octave[0].as_i64().unwrap() as i32 - 1);
            (from * 2f64.sqrt(), octave[3].as_f64().unwrap().max(low))
        });
        let base = line["base"].as_f64().unwrap();
        match base {
            10000.0 => {
                chart
                    .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
                    .label(format!("{label}, base 10000"))
                    .legend(move |(x, y)| {
                        PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                    });
            }
            500000.0 => {
                chart.draw_series(DashedLineSeries::new(points, 5, 4, colour.stroke_width(1)))?;
            }
            _ => {}
        }
    }
    chart
        .draw_series(std::iter::empty::<PathElement<(f64, f64)>>())?
        .label("dashed: base 500000")
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 7, y)], grey.stroke_width(1)));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.9))
        .border_style(RGBColor(200, 200, 200))
        .label_font(("sans-serif", 14))
        .draw()?;
    root.present()?;
    drop(chart);
    drop(root);
    svg.push('\n');
    Ok(())
}
