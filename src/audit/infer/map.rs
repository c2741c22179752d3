//! Maps from the position that was asked to the one that a row is turned by.

use super::exhibit::{Exhibit, Places, Scene, Turn, Unit};

/// Which position a row is turned by, in place of its own p.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Map {
    /// c
    Constant(i128),
    /// p + c
    Plus(i128),
    /// −p
    Negative,
    /// −p, and the magnitude of the other direction as well.
    OtherWay,
    /// n·p
    Times(i128),
    /// ⌊p/n⌋
    Over(i128),
    /// p mod m
    Modulo(i128),
    /// In so many bits.
    Wrapped { bits: u32, signed: bool },
    /// min(p, c)
    Capped(i128),
    /// max(p, c)
    Raised(i128),
    /// max(0, p − c)
    Behind(i128),
    /// |p|
    Absolute,
    /// To so many significant bits, to the nearest.
    Rounded(u32),
    /// The product with the width of the head in 32 bits, and back.
    ProductIn32,
    /// t + c
    Index(i128),
    /// b·S + t
    Flat,
    /// The row's first position, and t.
    FirstPlusIndex,
    /// p + h
    PlusHead,
    /// p − h
    LessHead,
    /// p + b
    PlusBatch,
    /// h
    Head,
    /// b
    Batch,
    /// The first token's.
    First,
    /// The last token's.
    Last,
    /// The neighbour's.
    Next(i128),
    /// From the end.
    Reversed,
    /// The first row's, at the same token.
    RowZero,
    /// The next row's.
    RowNext,
    /// The last row's.
    RowLast,
    /// That of the token with the head's index.
    HeadAsToken,
    /// Batch and token exchanged.
    Crossed,
    /// That of the first call with this config and shape.
    FirstCall,
    /// That of the call before.
    CallBefore,
    /// Another axis's.
    Axis(usize),
    /// Two axes exchanged.
    Axes(usize, usize),
    /// The original length of the config less: positions begin anew.
    LessOriginal,
    /// The length of the call less.
    LessTokens,
    /// The largest position of the row.
    Largest,
}

impl Map {
    /// Those without a parameter, or with the usual ones.
    pub(super) fn usual(axes: usize) -> Vec<Map> {
        use Map::*;
        let mut list = vec![
            Constant(0),
            Constant(1),
            Plus(1),
            Plus(-1),
            Negative,
            OtherWay,
            Times(2),
            Absolute,
            Index(0),
            Index(1),
            Flat,
            FirstPlusIndex,
            PlusHead,
            LessHead,
            PlusBatch,
            Head,
            Batch,
            First,
            Last,
            Next(1),
            Next(-1),
            Reversed,
            RowZero,
            RowNext,
            RowLast,
            HeadAsToken,
            Crossed,
            FirstCall,
            CallBefore,
            LessOriginal,
            LessTokens,
            Largest,
            ProductIn32,
            Rounded(8),
            Rounded(11),
            Rounded(24),
            Raised(0),
        ];
        for bits in [8, 16, 32] {
            list.extend([true, false].map(|signed| Wrapped { bits, signed }));
        }
        for a in 0..axes.max(1) {
            if axes > 1 {
                list.push(Axis(a));
            }
            list.extend((a + 1..axes).map(|b| Axes(a, b)));
        }
        list
    }

    /// Whether it needs other rows than the own: it may then be a row of a table that was given.
    fn place(self, turn: &Turn, unit: &Unit) -> Option<[usize; 2]> {
        let (b, t) = (unit.batch, unit.token);
        let (batch, tokens) = (turn.batch, turn.tokens);
        let place = match self {
            Map::First => [b, 0],
            Map::Last => [b, tokens - 1],
            Map::Next(n) => [b, usize::try_from(t as i128 + n).ok()?],
            Map::Reversed => [b, tokens - 1 - t],
            Map::RowZero => [0, t],
            Map::RowNext => [b + 1, t],
            Map::RowLast => [batch - 1, t],
            Map::HeadAsToken => [b, unit.head],
            Map::Crossed => {
                let flat = t * batch + b;
                [flat / tokens, flat % tokens]
            }
            Map::Largest => {
                let best = (0..tokens).max_by_key(|&t| turn.position(0, b, t))?;
                [b, best]
            }
            _ => return None,
        };
        (place[0] < batch && place[1] < tokens).then_some(place)
    }

    /// The row of a table that was given.
    pub(super) fn entry(self, exhibit: &Exhibit, unit: &Unit) -> Option<[usize; 2]> {
        match &exhibit.scene {
            Scene::Turn(turn) => self.place(turn, unit),
            Scene::Grid(_) | Scene::Whole(_) => None,
        }
    }

    /// Whether a row is turned at all: at position 0 it comes back as it went in.
    pub(super) fn turns(self, exhibit: &Exhibit, unit: &Unit) -> bool {
        let axes = match &exhibit.scene {
            Scene::Turn(turn) => turn.planes.iter().map(|plane| plane.axis + 1).max().unwrap_or(1),
            Scene::Grid(_) | Scene::Whole(_) => 1,
        };
        (0..axes).any(|axis| self.position(exhibit, unit, axis) != Some(0))
    }

    /// The position on an axis.
    pub(super) fn position(self, exhibit: &Exhibit, unit: &Unit, axis: usize) -> Option<i128> {
        let Scene::Turn(turn) = &exhibit.scene else { return None };
        if matches!(turn.places, Places::Table(_)) {
            return None;
        }
        let p = turn.position(axis, unit.batch, unit.token)?;
        let (h, t) = (unit.head as i128, unit.token as i128);
        Some(match self {
            Map::Index(c) => t + c,
            Map::Flat => (unit.batch * turn.tokens) as i128 + t,
            Map::FirstPlusIndex => turn.position(axis, unit.batch, 0)? + t,
            Map::PlusHead => p + h,
            Map::LessHead => p - h,
            Map::PlusBatch => p + unit.batch as i128,
            Map::Head => h,
            Map::Batch => unit.batch as i128,
            Map::FirstCall | Map::CallBefore => {
                let list = match self {
                    Map::FirstCall => turn.earlier.first()?,
                    _ => turn.earlier.last()?,
                };
                *list.get((axis * turn.batch + unit.batch) * turn.tokens + unit.token)?
            }
            Map::Axis(a) => turn.position(a, unit.batch, unit.token)?,
            Map::Axes(a, b) if axis == a => turn.position(b, unit.batch, unit.token)?,
            Map::Axes(a, b) if axis == b => turn.position(a, unit.batch, unit.token)?,
            Map::LessOriginal => {
                let key = turn.config.get("original_max_position_embeddings")?;
                p - key.number()? as i128
            }
            Map::LessTokens => p - turn.tokens as i128,
            Map::ProductIn32 => {
                let width = exhibit.sides[unit.side].width as i128;
                i128::from((p * width) as i32).div_euclid(width)
            }
            _ => match self.place(turn, unit) {
                Some([b, t]) => turn.position(axis, b, t)?,
                None => self.of(p)?,
            },
        })
    }

    /// What becomes of a number; none where more than the number decides.
    pub(super) fn of(self, p: i128) -> Option<i128> {
        Some(match self {
            Map::Constant(c) => c,
            Map::Plus(c) => p + c,
            Map::Negative | Map::OtherWay => -p,
            Map::Times(n) => n * p,
            Map::Over(n) => p.div_euclid(n),
            Map::Modulo(m) => p.rem_euclid(m),
            Map::Wrapped { bits, signed } => {
                let size = 1i128 << bits;
                let low = p.rem_euclid(size);
                if signed && low >= size / 2 { low - size } else { low }
            }
            Map::Capped(c) => p.min(c),
            Map::Raised(c) => p.max(c),
            Map::Behind(c) => (p - c).max(0),
            Map::Absolute => p.abs(),
            Map::Rounded(bits) => {
                let length = 128 - p.unsigned_abs().leading_zeros();
                let spare = length.saturating_sub(bits);
                if spare == 0 {
                    return Some(p);
                }
                let unit = 1i128 << spare;
                let (low, rest) = (p.div_euclid(unit) * unit, p.rem_euclid(unit));
                let up = 2 * rest > unit || 2 * rest == unit && p.div_euclid(unit) % 2 != 0;
                if up { low + unit } else { low }
            }
            _ => return None,
        })
    }

    /// What the magnitude is multiplied by.
    pub(super) fn factor(self, turn: &Turn) -> f64 {
        match self {
            Map::OtherWay if turn.sign > 0.0 => 1.0 / turn.magnitude,
            Map::OtherWay => turn.magnitude,
            _ => turn.factor,
        }
    }

    /// How surprising it is.
    pub(super) fn cost(self) -> u32 {
        match self {
            Map::Constant(0) | Map::Plus(1 | -1) | Map::Negative | Map::Times(2) => 2,
            Map::Index(0) | Map::First | Map::RowZero | Map::Wrapped { .. } => 2,
            Map::Last | Map::Next(_) | Map::HeadAsToken | Map::Axis(_) | Map::Axes(..) => 3,
            Map::PlusHead | Map::Head | Map::Flat | Map::FirstCall | Map::Index(_) => 4,
            Map::LessOriginal | Map::Rounded(_) | Map::Raised(0) | Map::Absolute => 3,
            Map::OtherWay => 3,
            Map::Constant(_) | Map::Plus(_) | Map::Modulo(_) | Map::Over(_) | Map::Times(_) => 5,
            _ => 5,
        }
    }

    /// The right-hand side, in p (the position), t, h and b (the indices of token, head and row).
    pub(super) fn formula(self) -> String {
        match self {
            Map::Constant(c) => format!("{c}"),
            Map::Plus(c) if c < 0 => format!("p − {}", -c),
            Map::Plus(c) => format!("p + {c}"),
            Map::Negative | Map::OtherWay => "−p".into(),
            Map::Times(n) => format!("{n}·p"),
            Map::Over(n) => format!("⌊p/{n}⌋"),
            Map::Modulo(m) => format!("p mod {m}"),
            Map::Wrapped { bits, signed: true } => format!("p in {bits} bits, signed"),
            Map::Wrapped { bits, signed: false } => format!("p in {bits} bits, unsigned"),
            Map::Capped(c) => format!("min(p, {c})"),
            Map::Raised(c) => format!("max(p, {c})"),
            Map::Behind(c) => format!("max(0, p − {c})"),
            Map::Absolute => "|p|".into(),
            Map::Rounded(8) => "p rounded to bf16".into(),
            Map::Rounded(11) => "p rounded to f16".into(),
            Map::Rounded(bits) => format!("p rounded to {bits} bits"),
            Map::ProductIn32 => "(p · head_dim in 32 bits) / head_dim".into(),
            Map::Index(0) => "t, its index in the call,".into(),
            Map::Index(c) if c > 0 => format!("t + {c} (t: its index in the call)"),
            Map::Index(c) => format!("t − {} (t: its index in the call)", -c),
            Map::Flat => "b·tokens + t (b: its row, t: its index in the row)".into(),
            Map::FirstPlusIndex => "the first token's position + t".into(),
            Map::PlusHead => "p + h (h: its head)".into(),
            Map::LessHead => "p − h (h: its head)".into(),
            Map::PlusBatch => "p + b (b: its row of the batch)".into(),
            Map::Head => "h, its head,".into(),
            Map::Batch => "b, its row of the batch,".into(),
            Map::First => "that of the first token".into(),
            Map::Last => "that of the last token".into(),
            Map::Next(1) => "that of the next token".into(),
            Map::Next(-1) => "that of the token before".into(),
            Map::Next(n) => format!("that of the token {n} further on"),
            Map::Reversed => "that of the token as far from the end".into(),
            Map::RowZero => "that of row 0 of the batch".into(),
            Map::RowNext => "that of the next row of the batch".into(),
            Map::RowLast => "that of the last row of the batch".into(),
            Map::HeadAsToken => "that of token h (h: its head)".into(),
            Map::Crossed => "that of a batch taken for [tokens, rows]".into(),
            Map::FirstCall => "that of the first call with this config and shape".into(),
            Map::CallBefore => "that of the call before with this config and shape".into(),
            Map::Axis(a) => format!("that of axis {a}"),
            Map::Axes(a, b) => format!("that of axis {b} for axis {a} and the reverse"),
            Map::LessOriginal => {
                "p − original_max_position_embeddings (positions begin anew)".into()
            }
            Map::LessTokens => "p − tokens".into(),
            Map::Largest => "the largest of its row".into(),
        }
    }

    /// What to change.
    pub(super) fn mend(self) -> String {
        match self {
            Map::Wrapped { bits, .. } => format!("positions need more than {bits} bits: `int64`"),
            Map::ProductIn32 => {
                "compute offsets into the table in 64 bits: `int64_t(p) * dim`".into()
            }
            Map::Rounded(_) => "multiply in f32: `positions.float() * inv_freq`".into(),
            Map::First | Map::FirstCall | Map::CallBefore => {
                "read the positions of every token in every call; a captured graph must read them \
                 from memory"
                    .into()
            }
            Map::RowZero => "index cos and sin by the row of the batch too: `cos[b, t]`".into(),
            Map::HeadAsToken | Map::Head => {
                "index cos and sin by the token, not by the head: `cos[:, None, :, :]` for [batch, \
                 heads, tokens, dim]"
                    .into()
            }
            Map::Constant(0) => "turn these rows too".into(),
            Map::OtherWay => {
                "negate sin for inverse and backward, and divide by the magnitude for \
                              inverse alone"
                    .into()
            }
            Map::Negative => "out[re] = x·cos − y·sin; out[im] = x·sin + y·cos".into(),
            Map::Times(2) => "turn once".into(),
            Map::Index(_) | Map::Flat | Map::FirstPlusIndex => {
                "use the positions that are given, not the index of the token".into()
            }
            Map::Capped(_) | Map::Modulo(_) => {
                "make the table as long as the positions that are asked for".into()
            }
            _ => format!("turn by p, not by {}", self.formula()),
        }
    }
}
