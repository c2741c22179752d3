//! The statements about fused kernels: a norm, a rotation and a division by a scale, rounded once.

use super::formula::{Formula, Keys, formula};
use super::rotary::{block, growth, on_axis, places, scaled, turned};
use super::text::{decode, input, integer, parameter};
use super::{Real, Sheet, reason};
use ropewalk::encoding::{Chain, Norm, NormKind, Part, ScaleKind, WeightKind};
use ropewalk::number::{Format, Tensor};
use ropewalk::request::Direction;
use std::collections::HashMap;

/// Bits that sums over a row may lose.
const SUM: u32 = 12;
/// Bits that deviations of turned numbers may lose against those of the numbers themselves.
const TURNED: i32 = 16;

type Stated<T> = Result<T, &'static str>;

/// A number within a chain.
#[derive(Clone)]
struct Number {
    /// What can stand before a sign of multiplication.
    text: String,
    size: i32,
    turns: u32,
    /// Whether it is an input as it is.
    given: bool,
}

/// What the numbers of a row are divided by, and what is subtracted from them.
#[derive(Clone)]
struct Row {
    root: String,
    mean: Option<String>,
    /// A bound of what comes out, before weights.
    size: i32,
    turns: u32,
}

/// A stage, after which a number has a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    Norm,
    Turn,
    Last,
}

/// A part of a chain as it is stated.
struct Stating<'a> {
    chain: &'a Chain,
    part: &'a Part,
    /// The rope's definitions.
    rope: &'a Formula,
    /// By coordinate: the plane, and whether it is the imaginary part.
    places: &'a [Option<(usize, bool)>],
    added: &'a mut Formula,
    numbers: HashMap<(Stage, usize), Stated<Number>>,
    rows: HashMap<usize, Stated<Row>>,
    /// The rows that are normalised together, and in which of these each row is.
    groups: Vec<Vec<usize>>,
    group: Vec<usize>,
}

pub(super) fn chain(chain: &Chain, sheet: &mut Sheet) -> Stated<Formula> {
    let mut rope = match &chain.turn {
        Some(turn) => formula(Keys { object: &turn.config, seq_len: turn.seq_len })?,
        None => Formula::default(),
    };
    let mut added = Formula::default();
    if let Some(norm) = &chain.norm {
        added.constant("eps", parameter(norm.eps));
    }
    if chain.made_scales().next().is_some() {
        added.define("size", "x", "Rmax x (- x)");
        if chain.quantize.is_some_and(|quantize| quantize.scale == ScaleKind::AmaxPow2) {
            // 2^⌈log₂ x⌉ is the 2^k with 2^(k − 1) < x ≤ 2^k.
            let body = "\n  if Rlt_dec (Rpower 2 (k - 1)) x then if Rlt_dec (Rpower 2 k) x then 0 \
                        else Rpower 2 k else 0";
            added.define("power_above", "k x", body);
        }
    }
    for part in &chain.parts {
        let pairs = chain.turn.as_ref().map(|turn| turn.rope.pairs()).unwrap_or_default();
        let groups = chain.norm_rows(part);
        let mut group = vec![0; groups.iter().map(Vec::len).sum()];
        for (number, rows) in groups.iter().enumerate() {
            rows.iter().for_each(|&row| group[row] = number);
        }
        let mut stating = Stating {
            chain,
            part,
            rope: &rope,
            places: &places(&pairs, part.heads.dim()),
            added: &mut added,
            numbers: HashMap::new(),
            rows: HashMap::new(),
            groups,
            group,
        };
        stating.elements(sheet);
        stating.scales(sheet);
    }
    rope.definitions.extend(added.definitions);
    Ok(rope)
}

/// Bits of x / √(mean square + eps), at most.
fn amplified(numbers: &[f64], norm: &Norm) -> i32 {
    let most = numbers.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    if most == 0.0 {
        return 2;
    }
    let count = numbers.len() as f64;
    let scaled: Vec<f64> = numbers.iter().map(|x| x / most).collect();
    let mean = match norm.kind {
        NormKind::Rms => 0.0,
        NormKind::Layer => scaled.iter().sum::<f64>() / count,
    };
    let square = scaled.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
    let root = (square + norm.eps / most / most).sqrt();
    match root > 0.0 {
        true => (1.0 - root.log2()).ceil().clamp(2.0, 400.0) as i32,
        false => 400,
    }
}

/// The exponent of a scale that is a power of two, or lies above one.
fn power(bits: u64) -> Option<i32> {
    let (significand, exponent) = decode(Format::F32, bits)?;
    let digits = 128 - significand.unsigned_abs().leading_zeros() as i32;
    (significand > 0).then_some(exponent + digits - 1)
}

impl Stating<'_> {
    fn name(&self) -> &'static str {
        self.part.name
    }

    /// A number under a name of its own, so that it is written once.
    fn named(&mut self, stage: Stage, index: usize) -> Stated<Number> {
        if let Some(known) = self.numbers.get(&(stage, index)) {
            return known.clone();
        }
        let made = match stage {
            Stage::Norm => self.normed(index),
            Stage::Turn => self.turned(index),
            Stage::Last => self.last(index),
        };
        let made = made.map(|number| {
            let word = match stage {
                Stage::Norm => "normed",
                Stage::Turn => "turned",
                Stage::Last => "exact",
            };
            if number.given || !number.text.contains(' ') {
                return number;
            }
            let name = format!("{}_{word}_{index}", self.name());
            self.added.constant(name.clone(), number.text);
            Number { text: name, ..number }
        });
        self.numbers.insert((stage, index), made.clone());
        made
    }

    fn given(&self, index: usize) -> Stated<Number> {
        let (text, size) = input(&self.part.heads, index).ok_or(reason::NONFINITE)?;
        Ok(Number { text, size, turns: 0, given: true })
    }

    /// A number after the stage before one, under a name.
    fn before(&mut self, stage: Stage, index: usize) -> Stated<Number> {
        let normed = self.part.norm.is_some();
        match stage {
            Stage::Norm if self.part.turns && !self.chain.norm_first => {
                self.named(Stage::Turn, index)
            }
            Stage::Turn if normed && self.chain.norm_first => self.named(Stage::Norm, index),
            _ => self.given(index),
        }
    }

    /// A number after norm and rotation.
    fn last(&mut self, index: usize) -> Stated<Number> {
        let normed = self.part.norm.is_some();
        match (normed, self.part.turns) {
            (false, false) => self.given(index),
            (true, false) => self.normed(index),
            (false, true) => self.turned(index),
            (true, true) if self.chain.norm_first => self.turned(index),
            (true, true) => self.normed(index),
        }
    }

    fn turned(&mut self, index: usize) -> Stated<Number> {
        let dim = self.part.heads.dim();
        let (row, coordinate) = (index / dim, index % dim);
        let (Some(turn), Some((plane, imaginary))) = (&self.chain.turn, self.places[coordinate])
        else {
            return self.before(Stage::Turn, index);
        };
        let pair = turn.rope.planes[plane].pair;
        let x = self.before(Stage::Turn, row * dim + pair.re)?;
        let y = self.before(Stage::Turn, row * dim + pair.im)?;
        let token = self.part.heads.token(row);
        let at = on_axis(&turn.positions, turn.rope.planes[plane].axis, token);
        let angle = turned(self.rope, plane, at, turn.direction != Direction::Forward);
        let factors =
            [self.rope.attention.clone(), growth(self.rope, plane, at, self.name() == "k")];
        let inverse = turn.direction == Direction::Inverse;
        Ok(Number {
            text: scaled(&factors, inverse, block(&x.text, &y.text, &angle.angle, imaginary)),
            size: x.size.max(y.size) + 1,
            turns: x.turns.max(y.turns).max(angle.turns),
            given: false,
        })
    }

    /// The root of a row's mean square, and its mean.
    fn row(&mut self, group: usize, norm: &Norm) -> Stated<Row> {
        if let Some(known) = self.rows.get(&group) {
            return known.clone();
        }
        let made = self.make_row(group, norm);
        self.rows.insert(group, made.clone());
        made
    }

    fn make_row(&mut self, group: usize, norm: &Norm) -> Stated<Row> {
        let dim = self.part.heads.dim();
        let rows = self.groups[group].clone();
        let indices: Vec<usize> = rows.iter().flat_map(|row| row * dim..(row + 1) * dim).collect();
        let numbers = indices
            .iter()
            .map(|&index| self.before(Stage::Norm, index))
            .collect::<Stated<Vec<Number>>>()?;
        let (name, count) = (self.name(), numbers.len());
        let texts: Vec<&str> = numbers.iter().map(|number| number.text.as_str()).collect();
        let mean = (norm.kind == NormKind::Layer).then(|| {
            let mean = format!("{name}_mean_{group}");
            self.added.constant(mean.clone(), format!("({}) / {count}", texts.join(" + ")));
            mean
        });
        let square = |text: &&str| match &mean {
            Some(mean) => format!("({text} - {mean}) * ({text} - {mean})"),
            None => format!("{text} * {text}"),
        };
        let squares: Vec<String> = texts.iter().map(square).collect();
        let root = format!("{name}_root_{group}");
        let body = format!("sqrt (({}) / {count} + eps)", squares.join(" + "));
        self.added.constant(root.clone(), body);
        let (data, format) = (self.part.heads.data(), self.part.heads.format());
        let raw: Vec<f64> = indices.iter().map(|&index| format.to_f64(data[index])).collect();
        let after = if self.chain.norm_first { 0 } else { TURNED };
        Ok(Row {
            root,
            mean,
            size: amplified(&raw, norm) + after,
            turns: numbers.iter().map(|number| number.turns).max().unwrap_or(0) + SUM,
        })
    }

    fn normed(&mut self, index: usize) -> Stated<Number> {
        let chain = self.chain;
        let (Some(norm), Some(weights)) = (&chain.norm, &self.part.norm) else {
            return self.before(Stage::Norm, index);
        };
        let dim = self.part.heads.dim();
        let (line, coordinate) = (index / dim, index % dim);
        let at = self.part.weight_at(norm.over_heads, line, coordinate);
        let number = |tensor: &Tensor| input(tensor, at).ok_or(reason::NONFINITE);
        let weight = weights.weight.as_ref().map(|weight| number(weight)).transpose()?;
        let bias = weights.bias.as_ref().map(|bias| number(bias)).transpose()?;
        let row = self.row(self.group[line], norm)?;
        let x = self.before(Stage::Norm, index)?;
        let mut text = match &row.mean {
            Some(mean) => format!("({} - {mean})", x.text),
            None => x.text,
        };
        let mut size = row.size;
        if let Some((weight, bits)) = weight {
            text += &match norm.weight {
                WeightKind::OnePlus => format!(" * (1 + {weight})"),
                WeightKind::Plain | WeightKind::None => format!(" * {weight}"),
            };
            size += if norm.weight == WeightKind::OnePlus { bits.max(1) + 1 } else { bits };
        }
        text += &format!(" / {}", row.root);
        if let Some((bias, bits)) = bias {
            text += &format!(" + {bias}");
            size = size.max(bits);
        }
        Ok(Number { text, size, turns: row.turns.max(x.turns), given: false })
    }

    /// The elements of what comes of the part.
    fn elements(&mut self, sheet: &mut Sheet) {
        let output = self.part.output();
        let Some(expected) = sheet.expected(output) else { return };
        let dim = self.part.heads.dim();
        let count = self.part.heads.data().len();
        let scales = sheet.expected(self.part.scale_name());
        // What is stored in every cell.
        let cells: Vec<Option<usize>> = match self.part.cache {
            None => (0..count).map(Some).collect(),
            Some(_) => {
                let mut cells = vec![None; expected.data().len()];
                for index in 0..count {
                    let cell = self.chain.cell(self.part, index / dim, index % dim);
                    if let Some(cell) = cell.and_then(|cell| cells.get_mut(cell)) {
                        *cell = Some(index);
                    }
                }
                cells
            }
        };
        for (place, index) in cells.into_iter().enumerate() {
            sheet.element(output, place, || {
                self.element(index.ok_or(reason::COPIED)?, expected, scales)
            });
        }
    }

    fn element(
        &mut self,
        index: usize,
        expected: &Tensor,
        scales: Option<&Tensor>,
    ) -> Stated<Real> {
        let made = self.part.quantized && self.part.scale.is_none();
        // What makes a scale has a name already.
        let number = if made { self.named(Stage::Last, index)? } else { self.last(index)? };
        let Number { mut text, mut size, turns, given } = number;
        if self.part.quantized {
            let dim = self.part.heads.dim();
            let block = self.chain.block(self.part, index / dim, index % dim);
            let scale = match &self.part.scale {
                Some(scale) => input(scale, block),
                None => scales.and_then(|scales| input(scales, block)),
            };
            // What is 0 is below any power of two.
            let (scale, bits) =
                scale.filter(|(_, bits)| *bits > i32::MIN / 2).ok_or(reason::NO_SCALE)?;
            let sum = !given && text.contains(' ');
            text = if sum { format!("({text}) / {scale}") } else { format!("{text} / {scale}") };
            size -= bits - 1;
        } else if given && expected.dtype() == self.part.heads.dtype() {
            return Err(reason::COPIED);
        }
        Ok(Real { text, size, turns: turns + SUM })
    }

    /// The scales that are made.
    fn scales(&mut self, sheet: &mut Sheet) {
        let Some(quantize) = self.chain.quantize else { return };
        if !self.part.quantized || self.part.scale.is_some() {
            return;
        }
        let (dim, output) = (self.part.heads.dim(), self.part.output());
        let count = self.part.heads.data().len();
        let mut blocks = vec![Vec::new(); self.chain.scale_shape(self.part).iter().product()];
        for index in 0..count {
            blocks[self.chain.block(self.part, index / dim, index % dim)].push(index);
        }
        let format = quantize.format.format().unwrap_or(Format::F8E4M3FN);
        let largest = parameter(format.to_f64(format.largest()));
        let name = self.part.scale_name();
        let golden = sheet.expected(name);
        let stored = sheet.expected(output);
        for (block, indices) in blocks.into_iter().enumerate() {
            sheet.element(name, block, || {
                let is_one = golden
                    .and_then(|scales| scales.data().get(block))
                    .is_some_and(|&bits| Format::F32.to_f64(bits) == 1.0);
                let is_zero = |&index: &usize| {
                    let cell = match self.part.cache {
                        None => Some(index),
                        Some(_) => self.chain.cell(self.part, index / dim, index % dim),
                    };
                    let bits = cell.and_then(|cell| stored?.data().get(cell));
                    bits.is_none_or(|&bits| format.is_zero(bits))
                };
                if is_one && indices.iter().all(is_zero) {
                    return Err(reason::ZEROS);
                }
                let numbers = indices
                    .iter()
                    .map(|&index| self.named(Stage::Last, index))
                    .collect::<Stated<Vec<Number>>>()?;
                let most = numbers
                    .iter()
                    .map(|number| match number.given {
                        true => format!("size ({})", number.text),
                        false => format!("size {}", number.text),
                    })
                    .reduce(|most, size| format!("Rmax ({most}) ({size})"))
                    .unwrap_or_else(|| "0".to_string());
                let share = format!("{most} / {largest}");
                Ok(Real {
                    text: match quantize.scale {
                        ScaleKind::AmaxPow2 => {
                            let k = golden
                                .and_then(|scales| scales.data().get(block))
                                .and_then(|&bits| power(bits))
                                .ok_or(reason::NONFINITE)?;
                            format!("power_above {} ({share})", integer(k.into()))
                        }
                        ScaleKind::Amax | ScaleKind::Given => share,
                    },
                    size: numbers.iter().map(|number| number.size).max().unwrap_or(0),
                    turns: numbers.iter().map(|number| number.turns).max().unwrap_or(0) + SUM,
                })
            });
        }
    }
}
