//! `chain`: a row normalised and turned, or turned and normalised, divided by its scale and put in
//! its place.

use super::chain_item::{Item, square_root, turned, turned_square};
use super::chain_norm::{Affine, eps, moments, normed, turned_row};
use super::read::format;
use super::rotary::{Encoding, on_axis, undecided};
use super::settle::Outcome;
use super::turn::{Angle, Turn, Turns, Wheel};
use super::{Ball, SecondError, SecondOracle, Sink, Target};
use ropewalk::encoding::{Chain, Norm, NormKind, Part, Per, ScaleKind, Turning};
use ropewalk::exact::Site;
use ropewalk::number::{Dtype, Overflow};
use rug::{Complete, Rational};
use std::cmp::Ordering;
use std::rc::Rc;

/// A turned row's element before the norm: its turn with its partner's coordinate and the sign of
/// the sine; none outside of planes.
type Turned<'w> = Option<(Rc<Turn<'w>>, usize, i8)>;

impl SecondOracle {
    pub(super) fn chain(
        &self,
        chain: &Chain,
        dtype: Dtype,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        let encoding = match &chain.turn {
            Some(turn) => Some(Encoding::new(self, &turn.config, turn.seq_len)?),
            None => None,
        };
        let wheel = encoding.as_ref().map(|e| Wheel::new(&self.functions, &e.spectrum, true));
        let mut scales = Vec::new();
        for part in &chain.parts {
            let turning = match (&chain.turn, &encoding, &wheel) {
                (Some(turn), Some(encoding), Some(wheel)) if part.turns => {
                    Some(self.turns(turn, encoding, wheel, part)?)
                }
                _ => None,
            };
            let items = items(chain, part, turning.as_deref())?;
            let (items, made) = quantized(chain, part, items)?;
            write(chain, part, items, dtype, sink)?;
            scales.push((part.scale_name(), made));
        }
        for (name, made) in scales {
            for (index, outcome) in made.into_iter().enumerate() {
                sink(Site { name, index }, outcome);
            }
        }
        Ok(())
    }

    /// What turns every element of a part.
    fn turns<'w>(
        &self,
        turn: &Turning,
        encoding: &Encoding<'w>,
        wheel: &'w Wheel<'w>,
        part: &Part,
    ) -> Result<Vec<Turned<'w>>, SecondError> {
        let mut turns = Turns::new(wheel, turn.direction, part.name == "k");
        let (heads, seq, dim) = (part.heads.heads(), part.heads.seq(), part.heads.dim());
        let element = |index: usize| {
            let (line, j) = (index / dim, index % dim);
            let token = line / (heads * seq) * seq + line % seq;
            let Some(row) = encoding.rows[j] else { return Ok(None) };
            let at = on_axis(&turn.positions, row.axis, token);
            let own = turns.at(row.pair, &at)?;
            Ok(Some((own, row.partner, self.sign(row.second, turn.direction))))
        };
        (0..part.heads.data().len()).map(element).collect()
    }
}

/// The elements of a part before it is quantised.
fn items<'w>(
    chain: &'w Chain,
    part: &'w Part,
    turning: Option<&[Turned<'w>]>,
) -> Result<Vec<Item<'w>>, SecondError> {
    let from = format(&part.heads)?;
    let copied: Vec<Item> = part.heads.data().iter().map(|&x| Item::Copied(x, from)).collect();
    let turn = |items: Vec<Item<'w>>| match turning {
        Some(turning) => turn_all(&items, turning, part.heads.dim()),
        None => items,
    };
    match (&chain.norm, &part.norm) {
        (Some(norm), Some(_)) if chain.norm_first || turning.is_none() => {
            Ok(turn(norm_all(chain, norm, part, copied)?))
        }
        (Some(norm), Some(_)) => turned_norm(chain, norm, part, copied, turning.unwrap_or(&[])),
        _ => Ok(turn(copied)),
    }
}

fn turn_all<'w>(items: &[Item<'w>], turning: &[Turned<'w>], dim: usize) -> Vec<Item<'w>> {
    let of = |(index, turn): (usize, &Turned<'w>)| match turn {
        None => items[index].clone(),
        Some((turn, partner, sign)) => {
            turned(turn, &items[index], &items[index / dim * dim + partner], *sign)
        }
    };
    turning.iter().enumerate().map(of).collect()
}

/// The flat indices of the elements that share a norm.
fn groups(chain: &Chain, part: &Part) -> Vec<Vec<usize>> {
    let dim = part.heads.dim();
    let flat = |rows: Vec<usize>| rows.iter().flat_map(|row| row * dim..(row + 1) * dim).collect();
    chain.norm_rows(part).into_iter().map(flat).collect()
}

fn norm_all<'w>(
    chain: &Chain,
    norm: &Norm,
    part: &Part,
    items: Vec<Item<'w>>,
) -> Result<Vec<Item<'w>>, SecondError> {
    let dim = part.heads.dim();
    let affine = Affine::new(norm, part);
    let mut result = vec![Item::Nonfinite; items.len()];
    for group in groups(chain, part) {
        let row = group.iter().map(|&i| items[i].value()).collect::<Option<Vec<_>>>();
        let Some(row) = row.filter(|row| !row.is_empty()) else { continue };
        let (mean, spread) = moments(norm, &row);
        for (&index, x) in group.iter().zip(row) {
            if let Some((w, b)) = affine.of(index / dim, index % dim)? {
                result[index] = normed(x - &mean, w, b, &spread);
            }
        }
    }
    Ok(result)
}

fn turned_norm<'w>(
    chain: &'w Chain,
    norm: &'w Norm,
    part: &'w Part,
    items: Vec<Item<'w>>,
    turning: &[Turned<'w>],
) -> Result<Vec<Item<'w>>, SecondError> {
    let dim = part.heads.dim();
    let affine = Affine::new(norm, part);
    let after = turn_all(&items, turning, dim);
    let mut result = vec![Item::Nonfinite; items.len()];
    for group in groups(chain, part) {
        let numbers = group.iter().map(|&i| items[i].value()).collect::<Option<Vec<_>>>();
        let Some(numbers) = numbers.filter(|list| !list.is_empty()) else { continue };
        let exact = group.iter().map(|&i| after[i].value()).collect::<Option<Vec<_>>>();
        if let Some(exact) = exact {
            let (mean, spread) = moments(norm, &exact);
            if spread > 0 {
                for (&index, x) in group.iter().zip(exact) {
                    if let Some((w, b)) = affine.of(index / dim, index % dim)? {
                        result[index] = normed(x - &mean, w, b, &spread);
                    }
                }
                continue;
            }
        }
        let row = turned_row(norm, group.iter().map(|&i| after[i].clone()).collect());
        let squares = mean_square(norm, &group, &numbers, turning);
        for (place, &index) in group.iter().enumerate() {
            let Some((w, b)) = affine.of(index / dim, index % dim)? else { continue };
            let zero = match norm.kind {
                NormKind::Rms => after[index].is_zero(),
                NormKind::Layer => is_the_mean((&group, dim), &numbers, turning, place),
            };
            if w.is_zero() || zero {
                result[index] = Item::Rational(b);
                continue;
            }
            if norm.kind == NormKind::Layer && group.len() == 2 && eps(norm).is_zero() {
                // Two deviations from their mean are opposite.
                let sign = (6..13).find_map(|k| row(1 << k)?.0[place].sign());
                if let Some(sign) = sign {
                    let w = if sign == Ordering::Less { -w } else { w };
                    result[index] = Item::Rational(w + b);
                    continue;
                }
            }
            let square = squares.as_ref().and_then(|(unscaled, mean)| {
                let own = unscaled_square(&items, turning, index, dim, *unscaled)?;
                Some(own * w.clone().square() / mean)
            });
            let row = row.clone();
            result[index] = Item::real(square, move |bits| {
                let (off, root) = row(bits)?;
                let top = off[place].clone() * Ball::rational(&w, bits);
                let quotient = top.checked_div(&root)?;
                Some(if b.is_zero() { quotient } else { quotient + Ball::rational(&b, bits) })
            });
        }
    }
    Ok(result)
}

/// Σ x²/n + eps after the rotation, if it is known to be rational: an isometry but for the scales.
/// Where there is one scale and nothing else, it is left out (`true`), as it cancels.
fn mean_square(
    norm: &Norm,
    group: &[usize],
    numbers: &[Rational],
    turning: &[Turned],
) -> Option<(bool, Rational)> {
    if norm.kind == NormKind::Layer {
        return None;
    }
    let count = Rational::from(group.len() as u64);
    let sum = |of: &dyn Fn(usize) -> Option<Rational>| {
        let squares = group.iter().zip(numbers).filter(|(_, x)| !x.is_zero());
        let squares = squares.map(|(&index, x)| Some(x.clone().square() * of(index)?));
        squares.sum_of().map(|sum| sum / &count + eps(norm))
    };
    let scale = |index: usize| match &turning[index] {
        None => Some(Rational::from(1)),
        Some((turn, ..)) => turn.scale.square(),
    };
    if let Some(square) = sum(&scale) {
        return Some((false, square));
    }
    let alone = eps(norm).is_zero()
        && group.iter().zip(numbers).all(|(&index, x)| match &turning[index] {
            None => x.is_zero(),
            Some((turn, ..)) => x.is_zero() || !turn.grows(),
        });
    alone.then(|| sum(&|_| Some(Rational::from(1)))).flatten().map(|square| (true, square))
}

/// Whether an element of a row is its mean, whatever its scales are: n·x less the sum of the row is
/// a sum over the turns that occur, of a cosine and a sine each, and all of their factors are 0.
fn is_the_mean(
    (group, dim): (&[usize], usize),
    numbers: &[Rational],
    turning: &[Turned],
    place: usize,
) -> bool {
    let mut known: Vec<(Option<&Turn>, [Rational; 2])> = Vec::new();
    for (index, x) in group.iter().zip(numbers) {
        let own = if *index == group[place] { group.len() as i64 - 1 } else { -1 };
        let x = x * Rational::from(own);
        let turned = turning[*index].as_ref();
        let turn = turned.map(|(turn, ..)| &**turn);
        let same = |other: &Option<&Turn>| match (turn, other) {
            (Some(a), Some(b)) => std::ptr::eq(a, *b) || (!a.grows() && a.alike(b)),
            (a, b) => a.is_none() && b.is_none(),
        };
        let at = known.iter().position(|(other, _)| same(other)).unwrap_or(known.len());
        if at == known.len() {
            known.push((turn, [Rational::new(), Rational::new()]));
        }
        let sums = &mut known[at].1;
        sums[0] += x;
        let Some((turn, partner, sign)) = turned else { continue };
        if !matches!(turn.angle, Angle::Zero) {
            let partner = index / dim * dim + partner;
            let y = group.iter().position(|&i| i == partner).map(|at| &numbers[at]);
            let Some(y) = y else { return false };
            sums[1] += y * Rational::from(own * i64::from(*sign));
        }
    }
    known.iter().all(|(_, [cos, sin])| cos.is_zero() && sin.is_zero())
}

trait SumOf {
    fn sum_of(self) -> Option<Rational>;
}

impl<I: Iterator<Item = Option<Rational>>> SumOf for I {
    fn sum_of(mut self) -> Option<Rational> {
        self.try_fold(Rational::new(), |sum, x| Some(sum + x?))
    }
}

/// The square of a turned element, with or without its scale.
fn unscaled_square(
    items: &[Item],
    turning: &[Turned],
    index: usize,
    dim: usize,
    unscaled: bool,
) -> Option<Rational> {
    let x = items[index].value()?;
    let Some((turn, partner, sign)) = &turning[index] else { return Some(x.square()) };
    let y = items[index / dim * dim + partner].value()?;
    let product = (&x * &y).complete() * Rational::from(*sign);
    let square = turned_square(turn, &x.square(), &y.square(), &product)?;
    if unscaled { Some(square) } else { Some(square * turn.scale.square()?) }
}

/// The scale of an element: [], [heads], [batch, heads, seq] or [batch, heads, seq, groups].
fn block(per: Per, part: &Part, index: usize) -> usize {
    let (heads, seq, dim) = (part.heads.heads(), part.heads.seq(), part.heads.dim());
    match per {
        Per::Tensor => 0,
        Per::Head => index / (seq * dim) % heads,
        Per::Token => index / dim,
        Per::Group(size) => index / size,
    }
}

/// The items divided by their scales, and the scales that are made.
fn quantized<'w>(
    chain: &Chain,
    part: &Part,
    items: Vec<Item<'w>>,
) -> Result<(Vec<Item<'w>>, Vec<Outcome>), SecondError> {
    let Some(quantize) = chain.quantize.filter(|_| part.quantized) else {
        return Ok((items, vec![]));
    };
    let mut made = Vec::new();
    let scales: Vec<u64> = match &part.scale {
        Some(given) => given.data().to_vec(),
        None => {
            let count = chain.scale_shape(part).iter().product();
            let mut blocks: Vec<Vec<&Item>> = vec![Vec::new(); count];
            for (index, item) in items.iter().enumerate() {
                blocks[block(quantize.per, part, index)].push(item);
            }
            let format = Target::of(quantize.format).unwrap_or(Target::F8E4M3FN);
            let (significand, exponent) = format.value(format.infinity() - 1);
            let largest = Rational::from(significand) << exponent as i32;
            for (index, block) in blocks.iter().enumerate() {
                let outcome = scale(block, &largest, quantize.scale)
                    .map_err(|bits| undecided(part.scale_name(), index, bits))?;
                made.push(outcome);
            }
            made.iter().map(|outcome| outcome.bits).collect()
        }
    };
    let divided = items.into_iter().enumerate().map(|(index, item)| {
        let bits = scales[block(quantize.per, part, index)];
        divided(item, bits)
    });
    Ok((divided.collect(), made))
}

fn divided<'w>(item: Item<'w>, scale: u64) -> Item<'w> {
    let infinite = Target::F32.infinity();
    match Target::F32.finite(scale) {
        Some(x) if !x.is_zero() => item.over(&x.rational()),
        _ if !item.is_number() || scale > infinite => Item::Nonfinite,
        _ if item.is_zero() && scale == 0 => Item::Nonfinite,
        _ => {
            let sign = (6..12).find_map(|k| item.ball(1 << k)?.sign());
            let negative = sign == Some(Ordering::Less);
            let pattern = match scale == infinite {
                true => Target::F64.zero(negative),
                false => Target::F64.overflow(negative),
            };
            Item::Copied(pattern, Target::F64)
        }
    }
}

/// max|x| / largest as an f32, or the power of two at or above it.
fn scale(block: &[&Item], largest: &Rational, kind: ScaleKind) -> Result<Outcome, u32> {
    if block.iter().any(|item| !item.is_number()) {
        return Ok(Outcome::nonfinite(Target::F32));
    }
    let inverse = largest.clone().recip();
    let mut best: Option<(i64, i64, Outcome)> = None;
    for item in block.iter().filter(|item| !item.is_zero()) {
        let size = size((*item).clone().number().times(&inverse));
        let (rank, then, outcome) = match kind {
            ScaleKind::AmaxPow2 => {
                let k = power_above(&size)?;
                let power = Rational::from(1) << k.clamp(-100_000, 100_000) as i32;
                (k, 0, Outcome::rational(&power, Target::F32))
            }
            _ => {
                let outcome = size.round(Target::F32)?;
                (outcome.bits as i64, ordered(outcome.residual), outcome)
            }
        };
        if best.as_ref().is_none_or(|(a, b, _)| (rank, then) > (*a, *b)) {
            best = Some((rank, then, outcome));
        }
    }
    Ok(best.map_or_else(
        || Outcome::rational(&Rational::from(1), Target::F32),
        |(_, _, outcome)| outcome,
    ))
}

/// A binary16 as an integer in the order of its values.
fn ordered(bits: u64) -> i64 {
    let magnitude = (bits & 0x7fff) as i64;
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// |x|.
fn size(item: Item) -> Item {
    match item {
        Item::Rational(x) => Item::Rational(x.abs()),
        Item::Real { enclose, square } => Item::real(square, move |bits| {
            let x = enclose(bits)?;
            Some(if x.sign()? == Ordering::Less { -x } else { x })
        }),
        other => other,
    }
}

/// The least k with x ≤ 2^k, for x above 0.
fn power_above(item: &Item) -> Result<i64, u32> {
    let rational = item.square().and_then(|square| square_root(&square));
    let mut bits = 64;
    while bits <= 1 << 13 {
        let near = match &rational {
            Some(x) => Some(Ball::rational(x, bits)),
            None => item.ball(bits),
        };
        if let Some(x) = near {
            let guess = x.top();
            let above = |k: i64| match &rational {
                Some(x) => Some(*x <= Rational::from(1) << k as i32),
                None => Ball::integer(1, bits).scaled(k).compare(&x).map(|o| o != Ordering::Less),
            };
            let list: Option<Vec<bool>> = (guess - 2..=guess + 1).map(above).collect();
            if let Some(place) = list.and_then(|list| list.iter().position(|above| *above)) {
                return Ok(guess - 2 + place as i64);
            }
        }
        bits *= 2;
    }
    Err(bits / 2)
}

/// Rounds the items where they are stored.
fn write(
    chain: &Chain,
    part: &Part,
    items: Vec<Item>,
    dtype: Dtype,
    sink: &mut Sink,
) -> Result<(), SecondError> {
    let name = part.output();
    let (dtype, overflow) = chain.rounding(name, dtype);
    let target = Target::of(dtype)
        .ok_or_else(|| SecondError::Unsupported(format!("a chain stored in {dtype}")))?;
    let target = Target { saturates: overflow == Overflow::Saturate, ..target };
    let round = |index: usize, item: &Item| {
        let bits = item.round(target);
        bits.map_err(|bits| undecided(name, index, bits))
    };
    let Some((cache, store)) = part.cache.as_ref().zip(chain.store) else {
        for (index, item) in items.iter().enumerate() {
            sink(Site { name, index }, round(index, item)?);
        }
        return Ok(());
    };
    let (heads, seq, dim) = (part.heads.heads(), part.heads.seq(), part.heads.dim());
    let rows = store.block_size;
    for (index, &old) in cache.data().iter().enumerate() {
        // The indices of the cell, innermost first.
        let d = index % dim;
        let (inner, outer) = match store.heads_first {
            true => (index / dim % rows, index / (dim * rows) % heads),
            false => (index / (dim * heads) % rows, index / dim % heads),
        };
        let (place, head) = (inner, outer);
        let slot = index / (dim * heads * rows) * rows + place;
        let token = chain.slots.iter().position(|taken| *taken == Some(slot));
        let outcome = match token {
            None => Outcome::copied(old, target, target),
            Some(token) => {
                let from = (((token / seq) * heads + head) * seq + token % seq) * dim + d;
                round(index, &items[from])?
            }
        };
        sink(Site { name, index }, outcome);
    }
    Ok(())
}
