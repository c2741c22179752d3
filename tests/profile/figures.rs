//! The figure and the tables of `docs/tolerances.md`, regenerated and compared.
//!
//! `ROPEWALK_BLESS=1 cargo test figures` writes them anew.

use super::question;
use plotters::prelude::*;
use ropewalk::encoding::{Body, Double, Rope};
use ropewalk::number::Dtype;
use ropewalk::profile::{Profile, angles, bounds, common, find};
use ropewalk::request::Position;

const FIGURE: &str = "docs/figures/angle-error.svg";
const PAGE: &str = "docs/tolerances.md";
const CONFIG: &str = r#"{"head_dim":128,"layout":"half","rope_theta":10000}"#;

/// Compares a file with what it should be, or writes it.
fn compare(path: &str, want: &str) {
    if std::env::var_os("ROPEWALK_BLESS").is_some() {
        std::fs::write(path, want).unwrap();
    }
    let got = std::fs::read_to_string(path).unwrap_or_default();
    assert!(got == want, "{path} is out of date: run with ROPEWALK_BLESS=1");
}

fn rope() -> Rope {
    match question("inv_freq", Dtype::F32, CONFIG, "{}").body {
        Body::InvFreq(f) => f.rope,
        _ => unreachable!(),
    }
}

/// Positions from 1 to 2²⁰, twelve to an octave.
fn positions() -> Vec<i64> {
    let mut list: Vec<i64> = (0..=240).map(|k| 2f64.powf(k as f64 / 12.0) as i64).collect();
    list.dedup();
    list
}

/// The largest error over the pairs, and over a few positions from p on: of the emulation against
/// f64, and the bound.
fn errors(profile: &Profile, rope: &Rope, exact: &[f64], p: i64) -> (f64, f64) {
    let mut largest = (0f64, 0f64);
    // Odd steps, so that positions which a short format happens to hold are not alone.
    for step in 0..6 {
        let p = p + step * (p / 200 * 2 + 1).min(p / 16);
        for (angle, theta) in angles(profile, rope, &[Position::integer(p)]).iter().zip(exact) {
            largest.0 = largest.0.max((angle.radians - p as f64 * theta).abs());
            largest.1 = largest.1.max(angle.bound);
        }
    }
    largest
}

#[test]
fn the_plot_of_angle_errors_is_up_to_date() {
    let mut svg = String::new();
    draw(&mut svg).unwrap();
    compare(FIGURE, &svg);
}

fn draw(svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let rope = rope();
    let exact: Vec<f64> =
        rope.planes.iter().map(|plane| plane.frequency.evaluate(&Double).unwrap()).collect();
    let root = SVGBackend::with_string(svg, (960, 600)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .margin_right(24)
        .caption(
            "Largest angle error against position (head_dim 128, base 10000)",
            ("sans-serif", 20),
        )
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(
            (1f64..1048576f64).log_scale().base(2.0),
            (1e-13f64..1e4f64).log_scale(),
        )?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .x_desc("position")
        .y_desc("radians, worst pair")
        .x_labels(12)
        .y_labels(18)
        .x_label_formatter(&|p| match *p {
            p if p >= 1048576.0 => "1M".into(),
            p if p >= 1024.0 => format!("{}k", p / 1024.0),
            p => format!("{p}"),
        })
        .y_label_formatter(&|y| format!("1e{}", y.log10().round() as i32))
        .label_style(("sans-serif", 14))
        .draw()?;
    let grey = RGBColor(120, 120, 120);
    for (y, at, text) in [
        (2f64.powi(-9), (40.0, 5.5e-3), "half an ulp of bf16 at 1: bf16 output hides less"),
        (1.0, (1.3, 0.75), "1 rad: the rotation is noise"),
    ] {
        chart.draw_series(LineSeries::new([(1.0, y), (1048576.0, y)], grey.stroke_width(1)))?;
        let style = ("sans-serif", 13).into_font().color(&grey);
        chart.draw_series([Text::new(text, at, style)])?;
    }
    let series = [
        ("bf16-angle", "product in bf16 (autocast)", RGBColor(214, 39, 40)),
        ("bf16-inv_freq", "inv_freq in bf16", RGBColor(255, 127, 14)),
        ("f16-inv_freq", "inv_freq in f16", RGBColor(188, 150, 34)),
        ("bf16-positions", "positions in bf16", RGBColor(148, 103, 189)),
        ("ggml-f32", "f32, running product (ggml)", RGBColor(23, 150, 170)),
        ("hf-f32", "f32, 1/b^(2i/r) (Transformers)", RGBColor(31, 119, 180)),
    ];
    for (name, label, colour) in series {
        let profile = find(name).unwrap();
        let points =
            positions().into_iter().map(|p| (p as f64, errors(profile, &rope, &exact, p).0));
        // Where every pair is exact there is nothing on a logarithmic scale.
        let points: Vec<_> = points.map(|(p, e)| (p, e.max(1e-13))).collect();
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    for (name, label, colour) in [
        ("hf-f32", "bound of f32", RGBColor(31, 119, 180)),
        ("numpy-f64", "bound of f64", RGBColor(44, 160, 44)),
    ] {
        let profile = find(name).unwrap();
        let points =
            positions().into_iter().map(|p| (p as f64, errors(profile, &rope, &exact, p).1));
        let points: Vec<_> = points.filter(|(_, e)| *e > 1e-13).collect();
        chart
            .draw_series(DashedLineSeries::new(points, 5, 4, colour.stroke_width(1)))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 7, y)], colour.stroke_width(1)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
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

/// Bounds of the real parts for (1, 0) in every plane, at a position.
fn bounds_at(dtype: Dtype, profile: &Profile, p: i64) -> Vec<f64> {
    let format = dtype.format().unwrap();
    let one = match dtype {
        Dtype::F64 => 1f64.to_bits(),
        Dtype::F32 => 1f32.to_bits() as u64,
        Dtype::Bf16 => 0x3f80,
        _ => 0x3c00,
    };
    // (1, 0) in every plane.
    let q = (0..128).map(|i| if i < 64 { one } else { 0 }).collect();
    let q = super::json(dtype, &[1, 1, 1, 128], q);
    let input = format!(r#"{{"q":{q},"positions":[[{p}]]}}"#);
    let list = &bounds(&question("rotate", dtype, CONFIG, &input), &[*profile])[0].1;
    let planes = list[0].tensor.data().chunks(64).map(|half| half.to_vec()).collect::<Vec<_>>();
    let both = planes[0].iter().zip(&planes[1]);
    both.map(|(re, im)| format.to_f64(*re).max(format.to_f64(*im))).collect()
}

/// The worst pair at the last position below a limit.
fn largest_bound(dtype: Dtype, profile: &Profile, limit: i64) -> f64 {
    bounds_at(dtype, profile, limit - 1).into_iter().fold(0.0, f64::max)
}

/// (A + B·φ)·|z|, the rule at the top of the page.
#[test]
fn the_rule_of_thumb_contains_the_bounds() {
    use Dtype::{Bf16, F16, F32, F64};
    let exact: Vec<f64> =
        rope().planes.iter().map(|plane| plane.frequency.evaluate(&Double).unwrap()).collect();
    for (dtype, name, a, b) in [
        (F64, "numpy-f64", 5.5e-16, 2.7e-15),
        (F32, "hf-f32", 2.9e-7, 6e-7),
        (F32, "meta-f32-complex", 2.9e-7, 6e-7),
        (F32, "ggml-f32", 2.3e-7, 1.8e-7),
        (Bf16, "hf-f32", 4.0e-3, 6e-7),
        (Bf16, "vllm-bf16-cache", 7.9e-3, 6e-7),
        (Bf16, "hf-bf16", 1.2e-2, 6e-7),
        (F16, "hf-f32", 4.9e-4, 6e-7),
        (F16, "vllm-f16-cache", 9.8e-4, 6e-7),
        (F16, "hf-f16", 1.5e-3, 6e-7),
    ] {
        // The bounds were rounded up into the dtype.
        let format = dtype.format().unwrap();
        let rounded = 1.0 + 2f64.powi(2 - format.precision as i32);
        for p in [1, 5, 100, 4095, 30000, 131071] {
            let list = bounds_at(dtype, find(name).unwrap(), p);
            for (i, (bound, theta)) in list.iter().zip(&exact).enumerate() {
                let factor = if name == "ggml-f32" { (i + 1) as f64 } else { 1.0 };
                let rule = (a + b * factor * p as f64 * theta) * rounded;
                assert!(
                    *bound <= rule || bound.is_infinite(),
                    "{name} {dtype} {p} {i}: {bound:e} {rule:e}"
                );
            }
        }
    }
}

#[test]
fn the_table_of_tolerances_is_up_to_date() {
    let limits = [128, 2048, 8192, 32768, 131072, 1048576];
    let mut table = String::from("| dtype | profile |");
    for limit in limits {
        table += &format!(
            " p < {} |",
            if limit < 1024 { format!("{limit}") } else { format!("{}k", limit / 1024) }
        );
    }
    table += "\n|---|---|---|---|---|---|---|---|\n";
    for dtype in Dtype::FLOATS {
        for profile in common(dtype) {
            table += &format!("| {dtype} | `{}` |", profile.name);
            for limit in limits {
                let bound = largest_bound(dtype, &profile, limit);
                table += &match bound.is_finite() {
                    true => format!(" {bound:.1e} |"),
                    false => " ∞ |".to_string(),
                };
            }
            table += "\n";
        }
    }
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (begin, end) = ("<!-- table: begin -->\n", "<!-- table: end -->");
    let (head, rest) = page.split_once(begin).unwrap();
    let (_, tail) = rest.split_once(end).unwrap();
    compare(PAGE, &format!("{head}{begin}{table}{end}{tail}"));
}
