//! The statements about rotary encodings: rows of the 2 × 2 blocks, and RoFormer's Eq. 16.

use super::formula::{Formula, Keys, formula};
use super::text::{input, integer, position, position_bits};
use super::{Real, Sheet, reason};
use ropewalk::encoding::{Apply, InvFreq, Pair, Rope, Rotate, Score, Table};
use ropewalk::number::Tensor;
use ropewalk::request::{Direction, Position, Positions};

type Stated = Result<Formula, &'static str>;

/// A frequency is below this many bits in nearly all schemes; where it is not, proofs take longer.
const FREQUENCY_BITS: u32 = 4;

pub(super) fn on_axis(positions: &Positions, axis: usize, token: usize) -> Position {
    let tokens = positions.data().len() / positions.shape()[0].max(1);
    positions.data()[axis * tokens + token]
}

/// −p as text, or p.
fn signed(p: Position, negative: bool) -> String {
    position(Position { numerator: if negative { -p.numerator } else { p.numerator }, ..p })
}

/// A plane at a position: its angle as a term, and the bits of it before the point.
pub(super) struct Turned {
    pub(super) angle: String,
    pub(super) turns: u32,
}

pub(super) fn turned(formula: &Formula, plane: usize, p: Position, negative: bool) -> Turned {
    Turned {
        angle: match p.numerator {
            0 => "0".to_string(),
            _ => format!("{} * {}", signed(p, negative), formula.planes[plane]),
        },
        turns: position_bits(p) + FREQUENCY_BITS,
    }
}

/// xPos's growth of a query or a key, as a factor.
pub(super) fn growth(formula: &Formula, plane: usize, p: Position, key: bool) -> Option<String> {
    let growth = formula.growth.as_ref()?;
    let sign = if key { "- " } else { "" };
    let (zeta, origin) = (&growth.zeta[plane], &growth.origin);
    Some(format!("Rpower ({zeta}) ({sign}(({} - {origin}) / scale_base))", position(p)))
}

/// What multiplies a turned plane, and divides it on the way back.
pub(super) fn scaled(factors: &[Option<String>], inverse: bool, turned: String) -> String {
    let factors: Vec<&str> = factors.iter().flatten().map(String::as_str).collect();
    match (factors.join(" * "), inverse) {
        (all, _) if all.is_empty() => turned,
        (all, false) => format!("{all} * ({turned})"),
        (all, true) => format!("({turned}) / ({all})"),
    }
}

/// The planes by coordinate: which, and whether it is the imaginary part.
pub(super) fn places(pairs: &[Pair], dim: usize) -> Vec<Option<(usize, bool)>> {
    let mut places = vec![None; dim];
    for (plane, pair) in pairs.iter().enumerate() {
        places[pair.re] = Some((plane, false));
        places[pair.im] = Some((plane, true));
    }
    places
}

/// A row of a block: x cos φ − y sin φ, or x sin φ + y cos φ.
pub(super) fn block(x: &str, y: &str, angle: &str, imaginary: bool) -> String {
    match imaginary {
        false => format!("{x} * cos ({angle}) - {y} * sin ({angle})"),
        true => format!("{x} * sin ({angle}) + {y} * cos ({angle})"),
    }
}

pub(super) fn rotate(r: &Rotate, sheet: &mut Sheet) -> Stated {
    let formula = formula(Keys { object: &r.config, seq_len: r.seq_len })?;
    let places = places(&r.rope.pairs(), r.rope.head_dim);
    let inverse = r.direction == Direction::Inverse;
    let backwards = r.direction != Direction::Forward;
    for (name, tensor) in [("q", Some(&r.q)), ("k", r.k.as_ref())] {
        let Some(tensor) = tensor else { continue };
        let dim = tensor.dim();
        for index in 0..tensor.data().len() {
            let (line, coordinate) = (index / dim, index % dim);
            let token = tensor.token(line);
            sheet.element(name, index, || {
                let (plane, imaginary) = places[coordinate].ok_or(reason::COPIED)?;
                let pair = r.rope.planes[plane].pair;
                let at = on_axis(&r.positions, r.rope.planes[plane].axis, token);
                let (x, size_x) = input(tensor, line * dim + pair.re).ok_or(reason::NONFINITE)?;
                let (y, size_y) = input(tensor, line * dim + pair.im).ok_or(reason::NONFINITE)?;
                let turn = turned(&formula, plane, at, backwards);
                let factors = [formula.attention.clone(), growth(&formula, plane, at, name == "k")];
                Ok(Real {
                    text: scaled(&factors, inverse, block(&x, &y, &turn.angle, imaginary)),
                    size: size_x.max(size_y) + 1,
                    turns: turn.turns,
                })
            });
        }
    }
    Ok(formula)
}

pub(super) fn table(t: &Table, sheet: &mut Sheet) -> Stated {
    let formula = formula(Keys { object: &t.config, seq_len: t.seq_len })?;
    let planes = t.rope.planes.len();
    for name in ["cos", "sin"] {
        for index in 0..t.positions.shape()[1..].iter().product::<usize>() * planes {
            let (token, plane) = (index / planes, index % planes);
            sheet.element(name, index, || {
                let at = on_axis(&t.positions, t.rope.planes[plane].axis, token);
                let turn = turned(&formula, plane, at, false);
                let value = format!("{name} ({})", turn.angle);
                Ok(Real {
                    text: scaled(std::slice::from_ref(&formula.attention), false, value),
                    size: 2,
                    turns: turn.turns,
                })
            });
        }
    }
    Ok(formula)
}

pub(super) fn inv_freq(f: &InvFreq, sheet: &mut Sheet) -> Stated {
    let formula = formula(Keys { object: &f.config, seq_len: f.seq_len })?;
    let real = |text: String| Real { text, turns: 8, size: i32::MIN };
    for (index, frequency) in formula.planes.iter().enumerate() {
        sheet.element("inv_freq", index, || Ok(real(frequency.clone())));
        if let Some(growth) = &formula.growth {
            let text = format!("Rpower ({}) (1 / scale_base)", growth.zeta[index]);
            sheet.element("growth", index, || Ok(real(text)));
        }
    }
    let one = || "1".to_string();
    for (name, factor) in
        [("attention_factor", &formula.attention), ("softmax_factor", &formula.softmax)]
    {
        sheet.element(name, 0, || Ok(real(factor.clone().unwrap_or_else(one))));
    }
    Ok(formula)
}

/// m − n of two integer or rational positions.
fn difference(m: Position, n: Position) -> (String, u32) {
    let bits = position_bits(m).max(position_bits(n)) + 1;
    match (m.denominator, n.denominator) {
        (1, 1) => (integer(i128::from(m.numerator) - i128::from(n.numerator)), bits),
        _ if m == n => ("0".to_string(), bits),
        _ => (format!("({} - {})", position(m), position(n)), bits),
    }
}

/// Two vectors that a rope turns before they are multiplied.
pub(super) struct Dot<'a> {
    pub(super) formula: &'a Formula,
    /// None without a rope.
    pub(super) rope: Option<&'a Rope>,
    pub(super) q: &'a Tensor,
    pub(super) k: &'a Tensor,
    pub(super) query_positions: &'a Positions,
    pub(super) key_positions: &'a Positions,
}

impl Dot<'_> {
    /// The right-hand side of RoFormer's Eq. 16; that it is the dot product of the rotated vectors is
    /// the theorem of `docs/proofs/Layouts.v`.
    pub(super) fn real(
        &self,
        dim: usize,
        [line, key_line]: [usize; 2],
        [token, key_token]: [usize; 2],
    ) -> Result<Real, &'static str> {
        let formula = self.formula;
        let q = |at: usize| input(self.q, line * dim + at).ok_or(reason::NONFINITE);
        let k = |at: usize| input(self.k, key_line * dim + at).ok_or(reason::NONFINITE);
        let mut real = Real { size: i32::MIN / 2, ..Real::default() };
        let mut terms = Vec::new();
        let planes = self.rope.map(|rope| rope.planes.as_slice()).unwrap_or_default();
        for (plane, p) in planes.iter().enumerate() {
            let (qx, qy) = (q(p.pair.re)?, q(p.pair.im)?);
            let (kx, ky) = (k(p.pair.re)?, k(p.pair.im)?);
            let m = on_axis(self.query_positions, p.axis, token);
            let n = on_axis(self.key_positions, p.axis, key_token);
            let (distance, bits) = difference(m, n);
            real.turns = real.turns.max(bits + FREQUENCY_BITS);
            real.size = real.size.max(qx.1.max(qy.1) + kx.1.max(ky.1) + 2);
            let grown = formula
                .growth
                .as_ref()
                .map(|growth| format!("Rpower ({}) ({distance} / scale_base)", growth.zeta[plane]));
            let angle = match distance.as_str() {
                "0" => "0".to_string(),
                _ => format!("{distance} * {}", formula.planes[plane]),
            };
            let term = format!(
                "({} * {} + {} * {}) * cos ({angle}) + ({} * {} - {} * {}) * sin ({angle})",
                qx.0, kx.0, qy.0, ky.0, qx.0, ky.0, qy.0, kx.0
            );
            terms.push(scaled(&[grown], false, term));
        }
        let mut all = Vec::new();
        if !terms.is_empty() {
            let attention = formula.attention.as_ref().map(|a| format!("({a}) * ({a})"));
            all.push(scaled(&[attention], false, terms.join("\n   + ")));
        }
        let places = places(&self.rope.map(Rope::pairs).unwrap_or_default(), dim);
        for coordinate in (0..dim).filter(|&at| places[at].is_none()) {
            let (q, k) = (q(coordinate)?, k(coordinate)?);
            real.size = real.size.max(q.1 + k.1);
            all.push(format!("{} * {}", q.0, k.0));
        }
        // Sums of many terms.
        real.size += 8;
        Ok(Real { text: all.join("\n   + "), ..real })
    }
}

pub(super) fn score(s: &Score, sheet: &mut Sheet) -> Stated {
    let formula = formula(Keys { object: &s.config, seq_len: s.seq_len })?;
    let (&[_, heads, queries, dim], &[_, key_heads, keys, _]) = (s.q.shape(), s.k.shape()) else {
        return Ok(formula);
    };
    let dot = Dot {
        formula: &formula,
        rope: Some(&s.rope),
        q: &s.q,
        k: &s.k,
        query_positions: &s.query_positions,
        key_positions: &s.key_positions,
    };
    let total = s.q.shape()[0] * heads * queries * keys;
    for index in 0..total {
        let (line, j) = (index / keys, index % keys);
        let (batch, head, i) = (line / (heads * queries), line / queries % heads, line % queries);
        let key_line = (batch * key_heads + head * key_heads / heads) * keys + j;
        let tokens = [batch * queries + i, batch * keys + j];
        sheet.element("score", index, || dot.real(dim, [line, key_line], tokens));
    }
    Ok(formula)
}

/// A given table: products of what is given.
pub(super) fn apply(a: &Apply, sheet: &mut Sheet) -> Stated {
    let pairs = a.pairs.len();
    let backwards = a.direction != Direction::Forward;
    let number = |tensor: &Tensor, index| input(tensor, index).ok_or(reason::NONFINITE);
    for (name, tensor) in [("q", Some(&a.q)), ("k", a.k.as_ref())] {
        let Some(tensor) = tensor else { continue };
        let dim = tensor.dim();
        let places = places(&a.pairs, dim);
        for index in 0..tensor.data().len() {
            let (line, coordinate) = (index / dim, index % dim);
            let token = tensor.token(line);
            sheet.element(name, index, || {
                let (plane, imaginary) = places[coordinate].ok_or(reason::COPIED)?;
                let x = number(tensor, line * dim + a.pairs[plane].re)?;
                let y = number(tensor, line * dim + a.pairs[plane].im)?;
                let cos = number(&a.cos, token * pairs + plane)?;
                let sin = number(&a.sin, token * pairs + plane)?;
                let (first, sign, second) = match (imaginary, backwards) {
                    (false, false) => ((&x.0, &cos.0), "-", (&y.0, &sin.0)),
                    (false, true) => ((&x.0, &cos.0), "+", (&y.0, &sin.0)),
                    (true, false) => ((&y.0, &cos.0), "+", (&x.0, &sin.0)),
                    (true, true) => ((&y.0, &cos.0), "-", (&x.0, &sin.0)),
                };
                Ok(Real {
                    text: format!("{} * {} {sign} {} * {}", first.0, first.1, second.0, second.1),
                    size: x.1.max(y.1) + cos.1.max(sin.1) + 1,
                    ..Real::default()
                })
            });
        }
    }
    Ok(Formula::default())
}
