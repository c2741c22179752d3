//! Why an element has its value: from the expression to the nearest numbers of the format.

use super::decimal::{decimal, of_interval, of_ratio};
use super::ratio::Ratio;
use super::resolved::Multiple;
use super::round::{Rounded, UndecidedRounding, Value};
use super::{Site, angle, answer};
use crate::encoding::{Attention, Body, Chain, Expression, Plane, Question, Wave};
use crate::number::Format;
use crate::request::{Position, Positions};

/// Digits of every decimal that is shown.
const DIGITS: u32 = 40;

/// A label and what there is to say.
pub type Line = (&'static str, String);

/// Why an element has its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The element, as `name[i, j, …]`.
    pub element: String,
    /// From the formula to the bits.
    pub lines: Vec<Line>,
}

/// Explains one element of an answer; without an index, the one that is nearest to a tie.
///
/// None if there is no such element, or none in floating point at all.
///
/// # Errors
/// As [`answer`].
pub fn explain(
    question: &Question,
    element: Option<(&str, &[usize])>,
) -> Result<Option<Explanation>, UndecidedRounding> {
    if question.dtype.format().is_none() {
        return Ok(None);
    }
    let shapes = answer::shapes(question);
    let site = match element {
        Some((name, index)) => {
            let found = shapes.iter().find(|(n, _)| *n == name);
            found.and_then(|(name, shape)| Some(Site { name, index: flat(shape, index)? }))
        }
        None => nearest_to_a_tie(question)?,
    };
    let Some(site) = site else { return Ok(None) };
    let shape = shapes.iter().find(|(name, _)| *name == site.name).map(|(_, shape)| shape);
    let index = unflat(shape.map_or(&[], Vec::as_slice), site.index);
    let mut lines = origin(question, site, &index)?;
    answer::visit(question, &mut |at, value| {
        if at == site {
            lines.extend(rounding(question, value, site)?);
        }
        Ok(())
    })?;
    Ok(Some(Explanation { element: format!("{}{index:?}", site.name), lines }))
}

fn flat(shape: &[usize], index: &[usize]) -> Option<usize> {
    let inside = shape.len() == index.len() && index.iter().zip(shape).all(|(i, n)| i < n);
    inside.then(|| index.iter().zip(shape).fold(0, |flat, (i, n)| flat * n + i))
}

fn unflat(shape: &[usize], mut flat: usize) -> Vec<usize> {
    let mut index: Vec<usize> = Vec::new();
    for n in shape.iter().rev() {
        index.push(flat % n);
        flat /= n;
    }
    index.reverse();
    index
}

/// The element whose value was hardest to round: |residual| nearest to ½.
fn nearest_to_a_tie(question: &Question) -> Result<Option<Site>, UndecidedRounding> {
    let mut hardest: Option<(f64, Site)> = None;
    answer::visit(question, &mut |site, value| {
        let rounded = answer::round(question, site, value)?;
        let residual = Format::F16.to_f64(rounded.residual).abs();
        // A residual that is no number (NaN) is nobody's near tie.
        if hardest.is_none_or(|(most, _)| residual > most) {
            hardest = Some((residual, site));
        }
        Ok(())
    })?;
    Ok(hardest.map(|(_, site)| site))
}

fn digits(multiple: &Multiple) -> String {
    let text = multiple.value(|value| decimal(&value, DIGITS));
    text.ok().and_then(Result::ok).unwrap_or_else(|| "not isolated".to_string())
}

/// An expression, its 40 digits and its class.
fn about(label: &'static str, expression: &Expression) -> Result<Vec<Line>, UndecidedRounding> {
    let multiple = Multiple::new(expression, label)?;
    let mut lines = vec![(label, expression.to_string())];
    if multiple.expression != *expression {
        lines.push(("with branches decided", multiple.expression.to_string()));
    }
    lines.push(("which is", format!("{} ({})", digits(&multiple), multiple.class.name())));
    Ok(lines)
}

/// A plane at a position: frequency and angle.
fn turn(plane: &Plane, position: Position) -> Result<Vec<Line>, UndecidedRounding> {
    let mut lines = about("frequency", &plane.frequency)?;
    let frequency = Multiple::new(&plane.frequency, "frequency")?;
    lines.push(("position", position.to_string()));
    let radians = (0..6).find_map(|k| {
        let angle = angle::angle(&frequency, angle::fraction(position), 256 << k)?;
        match angle.lo().to_rational().filter(|_| angle.is_point()) {
            Some(exactly) => Some(of_ratio(&Ratio(exactly), DIGITS)),
            None => of_interval(&angle, DIGITS),
        }
    });
    lines.push(("angle", format!("{} radians", radians.unwrap_or_else(|| "0".to_string()))));
    Ok(lines)
}

/// Which keys a query of attention sees, at which positions.
fn attended(a: &Attention, index: &[usize]) -> Vec<Line> {
    let (batch, head, query) = (index[0], index[1], index[2]);
    let left = a.left(batch, query);
    let ends = left.first().zip(left.last()).map(|(first, last)| {
        let at = |key: &usize| a.key_position(batch, *key);
        format!(", the first at position {}, the last at {}", at(first), at(last))
    });
    vec![
        ("query", format!("head {head}, position {}", a.query_position(batch, query))),
        (
            "keys",
            format!(
                "head {}, {} of {} are left{}",
                a.key_head(head),
                left.len(),
                a.k.seq(),
                ends.unwrap_or_default()
            ),
        ),
    ]
}

/// The position of a token of [batch, seq] on the axis of a plane.
fn position_of(positions: &Positions, axis: usize, token: usize) -> Position {
    let tokens: usize = positions.shape()[1..].iter().product();
    positions.data()[axis * tokens + token]
}

/// Where the element comes from: plane, frequency, angle, or the input it copies.
fn origin(
    question: &Question,
    site: Site,
    index: &[usize],
) -> Result<Vec<Line>, UndecidedRounding> {
    let copied = |text: String| Ok(vec![("copies", text)]);
    match &question.body {
        Body::Rotate(r) => {
            let (coordinate, token) = (index[3], index[0] * r.q.shape()[2] + index[2]);
            let rope = if site.name == "k" { r.rope.for_keys() } else { r.rope.clone() };
            let find = |plane: &&Plane| [plane.pair.re, plane.pair.im].contains(&coordinate);
            let Some((number, plane)) =
                rope.planes.iter().enumerate().find(|(_, plane)| find(plane))
            else {
                return copied(format!("coordinate {coordinate}, which is in no plane"));
            };
            let part = if plane.pair.re == coordinate { "real" } else { "imaginary" };
            let mut lines = vec![(
                "plane",
                format!(
                    "{number}, coordinates ({}, {}), {part} part, {}",
                    plane.pair.re,
                    plane.pair.im,
                    r.direction.name()
                ),
            )];
            lines.extend(turn(plane, position_of(&r.positions, plane.axis, token))?);
            lines.extend(about("attention_factor", &rope.magnitude)?);
            Ok(lines)
        }
        Body::Table(t) => {
            let plane = &t.rope.planes[index[1]];
            let mut lines = vec![("plane", index[1].to_string())];
            lines.extend(turn(plane, position_of(&t.positions, plane.axis, index[0]))?);
            lines.extend(about("attention_factor", &t.rope.magnitude)?);
            Ok(lines)
        }
        Body::InvFreq(f) => {
            let of = |index: &[usize]| index.first().copied().unwrap_or_default();
            match site.name {
                "inv_freq" => about("frequency", &f.rope.planes[of(index)].frequency),
                "growth" => about("growth", &f.rope.planes[of(index)].growth),
                "attention_factor" => about("attention_factor", &f.rope.magnitude),
                _ => about("softmax_factor", &f.rope.softmax_factor),
            }
        }
        Body::Score(s) => {
            let query = position_of(&s.query_positions, 0, index[0] * s.q.shape()[2] + index[2]);
            let key = position_of(&s.key_positions, 0, index[0] * s.k.shape()[2] + index[3]);
            let key_head = index[1] * s.k.shape()[1] / s.q.shape()[1].max(1);
            Ok(vec![
                ("query", format!("head {}, position {query}", index[1])),
                ("key", format!("head {key_head}, position {key}")),
                ("sum over", format!("{} planes", s.rope.planes.len())),
            ])
        }
        Body::Apply(_) => Ok(vec![("formula", "x cos - y sin or x sin + y cos, exactly".into())]),
        Body::AlibiSlopes(a) => about("slope", &a.slope(index[0])),
        Body::AlibiBias(a) => {
            let (query, key) = (a.query_positions[index[1]], a.key_positions[index[2]]);
            let mut lines = about("slope", &a.alibi.slope(index[0]))?;
            lines.push(("times", a.distance(query, key).to_string()));
            lines.extend(a.alibi.head_dim.map(|dim| ("divided by", format!("√{dim}"))));
            Ok(lines)
        }
        Body::Sinusoidal(s) => match s.sinusoidal.wave(index[1]) {
            Wave::Zero => Ok(vec![("column", "the zero that fills an odd dim".into())]),
            Wave::Sin(k) | Wave::Cos(k) => {
                let frequency = s.sinusoidal.frequencies()[k].clone();
                let is_sine = s.sinusoidal.wave(index[1]) == Wave::Sin(k);
                let function = if is_sine { "sin" } else { "cos" };
                let mut lines = vec![("column", format!("{function} of frequency {k}"))];
                let pair = crate::encoding::Pair { re: 0, im: 0 };
                let growth = Expression::integer(1);
                let plane = Plane { pair, axis: 0, frequency, growth };
                lines.extend(turn(&plane, s.positions[index[0]])?);
                Ok(lines)
            }
        },
        Body::T5Bias(t, table) => {
            let (query, key) = (t.query_positions[index[1]], t.key_positions[index[2]]);
            let bucket = t.buckets.bucket(query, key);
            copied(format!("table[{bucket}, {}] of {:?}", index[0], table.shape()))
        }
        Body::Learned(l) => copied(format!("table[{}, {}]", l.rows[index[0]], index[1])),
        Body::PermuteQk(p) => {
            copied(format!("weight[{}, {}]", p.permutation.sources(p.to)[index[0]], index[1]))
        }
        Body::Chain(c) => chain(c, site, index),
        Body::AttentionTemperature(t) => match t.temperature.scale(t.positions[index[0]]) {
            Ok(scale) => about("scale", &scale),
            Err(_) => Ok(Vec::new()),
        },
        Body::Attention(a) => Ok(attended(a, index)),
        Body::T5Bucket(_) | Body::ShawBucket(_) | Body::DebertaBucket(_) | Body::PositionIds(_) => {
            Ok(Vec::new())
        }
    }
}

/// What the stages of a chain do to an element.
fn chain(c: &Chain, site: Site, index: &[usize]) -> Result<Vec<Line>, UndecidedRounding> {
    let Some(part) = c.parts.iter().find(|part| part.output() == site.name) else {
        return Ok(vec![("scale of", format!("block {index:?}: max|x| / largest"))]);
    };
    let dim = part.heads.dim().max(1);
    let rows = part.heads.data().len() / dim;
    let d = index.last().copied().unwrap_or_default();
    let row = match part.cache {
        None => Some(site.index / dim),
        Some(_) => (0..rows).find(|row| c.cell(part, *row, d) == Some(site.index)),
    };
    let Some(row) = row else {
        return Ok(vec![("copies", "the cache as it was: no slot writes here".to_string())]);
    };
    let (heads, seq) = (part.heads.heads().max(1), part.heads.seq().max(1));
    let place = format!(
        "{}[{}, {}, {}, {d}]",
        part.name,
        row / (heads * seq),
        row / seq % heads,
        row % seq
    );
    let mut lines = vec![("from", place)];
    let norm = c.norm.as_ref().filter(|_| part.norm.is_some()).map(|norm| {
        let over = if norm.over_heads { "all heads of the token" } else { "the head" };
        ("norm", format!("{:?} over {over}, eps {}", norm.kind, norm.eps).to_lowercase())
    });
    let after = !c.norm_first;
    lines.extend(norm.clone().filter(|_| !after));
    if let Some(t) = c.turn.as_ref().filter(|_| part.turns) {
        let rope = if part.name == "k" { t.rope.for_keys() } else { t.rope.clone() };
        let own = |plane: &&Plane| [plane.pair.re, plane.pair.im].contains(&d);
        match rope.planes.iter().find(own) {
            Some(plane) => {
                lines.push(("direction", t.direction.name().to_string()));
                let token = part.heads.token(row);
                lines.extend(turn(plane, position_of(&t.positions, plane.axis, token))?);
                lines.extend(about("attention_factor", &rope.magnitude)?);
            }
            None => lines.push(("turned", format!("not: coordinate {d} is in no plane"))),
        }
    }
    lines.extend(norm.filter(|_| after));
    if let Some(quantize) = c.quantize.filter(|_| part.quantized) {
        let scale = match &part.scale {
            Some(scale) => {
                let bits = scale.data()[c.block(part, row, d)];
                of_ratio(&Ratio::from_bits(Format::F32, bits).unwrap_or(Ratio::new(1, 1)), DIGITS)
            }
            None => format!("{}, an output", part.scale_name()),
        };
        lines.push(("divided by", scale));
        lines.push(("overflow", quantize.overflow.name().to_string()));
    }
    Ok(lines)
}

/// From the exact value to the bits.
fn rounding(
    question: &Question,
    value: &Value,
    site: Site,
) -> Result<Vec<Line>, UndecidedRounding> {
    let format = question.rounding(site.name).0.format().unwrap_or(Format::F64);
    let rounded = answer::round(question, site, value)?;
    let undecided = |precision| UndecidedRounding { name: site.name, index: site.index, precision };
    let exact = decimal(value, DIGITS).map_err(undecided)?;
    let shown = |bits: u64| {
        let width = format.width() as usize / 4;
        let number = match Ratio::from_bits(format, bits) {
            Some(ratio) => of_ratio(&ratio, DIGITS),
            None => format.to_f64(bits).to_string(),
        };
        format!("{bits:0width$x}  {number}")
    };
    let mut lines = vec![("exactly", exact)];
    lines.push(("because", format!("{}: {}", rounded.proof.name(), reason(rounded.proof))));
    if let Value::Real { enclose, .. } = value
        && let Some(x) = enclose(rounded.precision)
    {
        use rug::float::Round::{Down, Up};
        // As many digits as the bits carry, rounded outwards.
        let digits = Some(rounded.precision as usize * 3 / 10 + 2);
        let (lo, hi) = (
            x.lo().to_string_radix_round(10, digits, Down),
            x.hi().to_string_radix_round(10, digits, Up),
        );
        let ends = format!("[{lo}, {hi}] at {} bits", rounded.precision);
        lines.push(("enclosed in", ends));
    }
    lines.push(("rounds to", shown(rounded.bits)));
    if let (Some(below), Some(above)) =
        (format.next_down(rounded.bits), format.next_up(rounded.bits))
    {
        lines.push(("next below", shown(below)));
        lines.push(("next above", shown(above)));
        let residual = Format::F16.to_f64(rounded.residual);
        lines.push(("residual", format!("{residual} ulp (exact - rounded)")));
        if rounded.residual != 0 {
            lines
                .push(("from a tie", format!("{:.3e} ulp", tie_distance(value, format, &rounded))));
        }
    }
    Ok(lines)
}

fn reason(proof: super::Proof) -> &'static str {
    use super::Proof::*;
    match proof {
        Copied => "the bits of an input, rounded once if the formats differ",
        Nonfinite => "a NaN or an infinity took part",
        Rational => "integer arithmetic, ties to even",
        IrrationalAlgebraic => "an irrational number is no tie, so a tight enclosure decides",
        Lindemann => "the angle is algebraic and not 0, so the value is no tie",
        Exponentials => {
            "exponentials of distinct algebraic numbers are independent, so it is no tie"
        }
        GelfondSchneider => "the angle is pi times an irrational algebraic number: no tie",
        Transcendental => "no tie",
        Isolation => "the enclosure itself excludes a tie",
    }
}

/// |distance| of the exact value to the nearest midpoint of two neighbours, in ulp of the result.
fn tie_distance(value: &Value, format: Format, rounded: &Rounded) -> f64 {
    let near = |x: &rug::Float| -> Option<f64> {
        let target = Ratio::from_bits(format, rounded.bits)?;
        let ulp = format.ulp_exponent(rounded.bits)?;
        let mut distance = rug::Float::with_val(x.prec() + 64, x - &target.0);
        distance >>= ulp;
        Some(rug::Float::with_val(x.prec() + 64, 0.5 - distance.abs()).to_f64().abs())
    };
    match value {
        Value::Real { enclose, .. } => {
            enclose(rounded.precision * 2).and_then(|x| near(x.lo())).unwrap_or(f64::NAN)
        }
        Value::Rational(x) | Value::Beside { base: x, .. } => {
            near(&rug::Float::with_val(4096, &x.0)).unwrap_or(f64::NAN)
        }
        Value::Copied { .. } | Value::Nonfinite => 0.5 - Format::F16.to_f64(rounded.residual).abs(),
    }
}
