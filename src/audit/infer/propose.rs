//! What may have been done to some wrong rows: everything usual, and what their numbers suggest.

use super::altered::Altered;
use super::buckets::{self, Bucketed};
use super::copy::{Copy, Source, Which};
use super::decode::{Measured, decode};
use super::exhibit::{Exhibit, Form, Part, Places, Scene, Unit};
use super::known::Known;
use super::map::Map;
use super::measure;
use super::mechanism::{Fill, HeadMap, Keys, Mechanism, Order, Pairing, Scale, Shift, Side};
use super::pairs::Pairs;
use super::rule::{Formula, Rule, SINUSOID, kind};
use super::slopes::{self, Slopes};
use super::suspects;
use crate::request::Json;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is worth a try.
pub(super) fn propose(exhibits: &[Exhibit], wrong: &[&Unit]) -> Vec<Mechanism> {
    let mut list = vec![Mechanism::Zero, Mechanism::Nonfinite, Mechanism::Swapped];
    let turns = |unit: &&&Unit| matches!(exhibits[unit.exhibit].scene, Scene::Turn(_));
    let (on_turns, others): (Vec<&&Unit>, Vec<&&Unit>) = wrong.iter().partition(turns);
    let grid = |unit: &&&Unit| matches!(exhibits[unit.exhibit].scene, Scene::Grid(_));
    let (on_grids, in_wholes): (Vec<&&Unit>, Vec<&&Unit>) = others.into_iter().partition(grid);
    if !in_wholes.is_empty() {
        let answers = Copy::all().into_iter().filter(|copy| copy.source == Source::Answer);
        list.extend(answers.map(Mechanism::Copied));
        list.push(Mechanism::Scaled(Scale::Own));
        let known = suspects::suspects(exhibits, &in_wholes);
        list.extend(known.into_iter().map(|fault| Mechanism::Known(Known(fault))));
    }
    if !on_turns.is_empty() {
        list.extend(Copy::all().into_iter().map(Mechanism::Copied));
        let axes = on_turns.iter().map(|unit| axes(&exhibits[unit.exhibit])).max().unwrap_or(1);
        list.extend(Map::usual(axes).into_iter().map(Mechanism::Turned));
        list.extend([(1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)].map(|(a, b)| Mechanism::Signs(a, b)));
        list.extend([Order::InHalves, Order::SideBySide, Order::Crossed].map(Mechanism::Reordered));
        let pairs =
            [Pairing::Adjacent, Pairing::Halves, Pairing::PaddedHalves, Pairing::HeadHalves];
        list.extend(pairs.map(Mechanism::Paired));
        list.extend([-1, 1].map(|n| Mechanism::Scaled(Scale::Magnitude(n))));
        list.extend([0.5, -0.5].map(|n| Mechanism::Scaled(Scale::RootDim(n))));
        list.push(Mechanism::Scaled(Scale::Own));
        list.extend(in_some_pairs());
        list.extend(decoded(exhibits, &on_turns).into_iter().map(Mechanism::Turned));
        list.extend(rules(exhibits, &on_turns).into_iter().map(Mechanism::Frequencies));
        let lists = [Formula::ShortList, Formula::LongList];
        list.extend(lists.map(|f| Mechanism::Both(Rule::Formula(f), Map::LessOriginal)));
    }
    if !on_grids.is_empty() {
        list.extend(grids(exhibits, &on_grids));
    }
    list.extend(factors(exhibits, wrong).into_iter().map(|by| Mechanism::Scaled(Scale::By(by))));
    list
}

/// What a loop over pairs may miss, or do otherwise in some of them.
fn in_some_pairs() -> impl Iterator<Item = Mechanism> {
    let input = Copy { source: Source::Input, which: Which::Own, other: false };
    let fates = [
        Mechanism::Copied(input),
        Mechanism::Zero,
        Mechanism::Nonfinite,
        Mechanism::Turned(Map::Negative),
        Mechanism::Turned(Map::Times(2)),
        Mechanism::Signs(1.0, -1.0),
        Mechanism::Signs(-1.0, 1.0),
        Mechanism::Signs(-1.0, -1.0),
        Mechanism::Scaled(Scale::Magnitude(-1)),
        Mechanism::Reordered(Order::Crossed),
    ];
    let all = Pairs::all().into_iter();
    all.flat_map(move |pairs| {
        fates.clone().map(|fate| Mechanism::Only(pairs, Box::new(fate))).into_iter()
    })
}

fn axes(exhibit: &Exhibit) -> usize {
    match &exhibit.scene {
        Scene::Turn(turn) => turn.planes.iter().map(|p| p.axis + 1).max().unwrap_or(1),
        Scene::Grid(_) | Scene::Whole(_) => 1,
    }
}

/// The angles of a row's planes on an axis, back from what came; none if it is no rotation.
fn angles(exhibit: &Exhibit, unit: &Unit, axis: usize) -> Option<Vec<Measured>> {
    let Scene::Turn(turn) = &exhibit.scene else { return None };
    if unit.part == Part::Passed || matches!(turn.places, Places::Table(_)) {
        return None;
    }
    let side = &exhibit.sides[unit.side];
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    let mut list = Vec::new();
    for plane in turn.planes.iter().filter(|plane| plane.axis == axis) {
        let [x, y] = [plane.re, plane.im].map(|c| side.input[start + c]);
        let [u, v] = [plane.re, plane.im].map(|c| side.got[start + c]);
        let size = x * x + y * y;
        let least = exhibit.least * 64.0;
        if size.is_nan() || libm::sqrt(size) <= least || size.is_infinite() {
            continue;
        }
        let (re, im) = ((u * x + v * y) / size, (v * x - u * y) / size);
        let length = libm::hypot(re, im) / turn.factor;
        if (length - 1.0).abs() > 16.0 * exhibit.unit + 1e-5 {
            return None;
        }
        let angle = turn.sign * libm::atan2(im, re);
        let error = 12.0 * exhibit.unit + 1e-6 + exhibit.least / libm::sqrt(size);
        list.push(Measured { theta: plane.theta, angle, error });
    }
    (list.len() >= 2).then_some(list)
}

/// A row, its position, and the one that it is turned by.
pub(super) struct Moved<'u> {
    pub(super) unit: &'u Unit,
    pub(super) asked: i128,
    pub(super) computed: i128,
}

/// Rows whose position can be read off.
pub(super) fn moved<'u>(exhibits: &[Exhibit], wrong: &[&'u Unit]) -> Vec<Moved<'u>> {
    let of = |unit: &&'u Unit| {
        let exhibit = &exhibits[unit.exhibit];
        let asked = exhibit.position(unit, 0)?;
        let computed = decode(&angles(exhibit, unit, 0)?, 1e-6)?;
        Some(Moved { unit, asked, computed })
    };
    wrong.iter().filter_map(of).collect()
}

/// Maps that the positions of some rows suggest.
fn decoded(exhibits: &[Exhibit], wrong: &[&&Unit]) -> Vec<Map> {
    let wrong: Vec<&Unit> = wrong.iter().map(|unit| **unit).collect();
    let moved = moved(exhibits, &wrong);
    let mut votes: BTreeMap<Map, usize> = BTreeMap::new();
    let gcd = |mut a: i128, mut b: i128| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a.abs()
    };
    let period = moved.iter().map(|m| m.asked - m.computed).fold(0, gcd);
    for one in &moved {
        let (p, q, t) = (one.asked, one.computed, one.unit.token as i128);
        let mut vote = |map: Map| *votes.entry(map).or_default() += 1;
        vote(Map::Constant(q));
        vote(Map::Plus(q - p));
        vote(Map::Index(q - t));
        if p > q && q >= 0 {
            vote(Map::Modulo(p - q));
            vote(Map::Behind(p - q));
            if period > 1 {
                vote(Map::Modulo(period));
            }
            let mut n = 2;
            while n <= p - q {
                if (p - q) % n == 0 && q < n {
                    vote(Map::Modulo(n));
                }
                n *= 2;
            }
        }
        if p > q && q > 0 {
            vote(Map::Capped(q));
            (p / (q + 1)..=p / q).take(64).filter(|n| *n > 1).for_each(|n| vote(Map::Over(n)));
        }
        if p < q {
            vote(Map::Raised(q));
        }
        if p != 0 && q % p == 0 {
            vote(Map::Times(q / p));
        }
    }
    let mut ranked: Vec<(usize, Map)> = votes.into_iter().map(|(map, n)| (n, map)).collect();
    ranked.sort_by_key(|(votes, map)| (usize::MAX - votes, map.cost()));
    ranked.into_iter().take(40).map(|(_, map)| map).collect()
}

/// Rules that the frequencies and the configs suggest.
fn rules(exhibits: &[Exhibit], wrong: &[&&Unit]) -> Vec<Rule> {
    let mut list: Vec<Rule> = Formula::ALL.into_iter().map(Rule::Formula).collect();
    list.extend(measure::rules(exhibits, wrong));
    // One key read as another config of this run has it, or as it is by default.
    let mut values: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for exhibit in exhibits {
        let Scene::Turn(turn) = &exhibit.scene else { continue };
        let rule = kind(&turn.config);
        if rule != SINUSOID && turn.config.get("rope_type").is_none() {
            continue;
        }
        for (key, value) in turn.config.iter() {
            if (value.number().is_some() || key == "divisor") && !FIXED.contains(&key) {
                let own = values.entry(rule.into()).or_default().entry(key.into()).or_default();
                // One number has one way to be written.
                let whole = value.number().filter(|x| libm::trunc(*x) == *x && x.abs() < 1e15);
                own.insert(whole.map_or(value.to_string(), |x| (x as i64).to_string()));
            }
        }
    }
    for (rule, keys) in &mut values {
        let names: Vec<&str> = keys.keys().map(String::as_str).collect();
        let altered = |altered| Rule::Altered { rope_type: rule.clone(), altered };
        list.extend(Altered::all(&names).into_iter().map(altered));
        for (key, values) in keys.iter_mut() {
            for (name, usual) in USUAL {
                if name == key {
                    values.extend(usual.iter().map(|x| x.to_string()));
                }
            }
            for value in values.iter().take(12) {
                if let Ok(value) = serde_json::from_str::<Json>(value) {
                    let keys = vec![(key.clone(), Some(value))];
                    list.push(Rule::Read { rope_type: rule.clone(), keys });
                }
            }
            if !REQUIRED.contains(&key.as_str()) {
                let keys = vec![(key.clone(), None)];
                list.push(Rule::Read { rope_type: rule.clone(), keys });
            }
        }
    }
    list.dedup();
    list
}

/// Keys that are shapes, not frequencies.
const FIXED: [&str; 6] =
    ["dim", "head_dim", "rotary_dim", "rotary_offset", "partial_rotary_factor", "mrope_section"];

/// Keys without a default.
const REQUIRED: [&str; 7] = [
    "base",
    "divisor",
    "rope_theta",
    "factor",
    "low_freq_factor",
    "high_freq_factor",
    "original_max_position_embeddings",
];

const USUAL: [(&str, &[i64]); 8] = [
    ("base", &[10000]),
    ("rope_theta", &[10000, 500_000, 1_000_000]),
    ("factor", &[2, 4, 8, 16, 32]),
    ("low_freq_factor", &[1, 2]),
    ("high_freq_factor", &[2, 4, 8]),
    ("original_max_position_embeddings", &[2048, 4096, 8192]),
    ("beta_fast", &[32]),
    ("beta_slow", &[1]),
];

/// Factors between what came and what is right.
fn factors(exhibits: &[Exhibit], wrong: &[&Unit]) -> Vec<f64> {
    let mut votes: BTreeMap<i64, (usize, f64)> = BTreeMap::new();
    for unit in wrong {
        let exhibit = &exhibits[unit.exhibit];
        let side = &exhibit.sides[unit.side];
        let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
        let (mut up, mut down) = (0.0, 0.0);
        for c in exhibit.coordinates(unit) {
            up += side.got[start + c] * side.right[start + c];
            down += side.right[start + c] * side.right[start + c];
        }
        let by = up / down;
        if by.is_finite() && by != 0.0 && (by - 1.0).abs() > 1e-5 {
            let entry = votes.entry((by * 4096.0) as i64).or_insert((0, by));
            entry.0 += 1;
        }
    }
    let mut ranked: Vec<(usize, f64)> = votes.into_values().collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)));
    let plain = |x: f64| {
        let round = libm::round(x * 720.0) / 720.0;
        if (round - x).abs() < 1e-4 * x.abs() { round } else { x }
    };
    ranked.into_iter().take(4).map(|(_, by)| plain(by)).collect()
}

/// Other positions and heads of biases and buckets.
fn grids(exhibits: &[Exhibit], wrong: &[&&Unit]) -> Vec<Mechanism> {
    use Mechanism::{Bucketed as Buckets, Distance, Head, Placed, Sloped};
    let mut list = vec![Placed(Side::Both, Shift::Reversed)];
    for side in [Side::Both, Side::Queries, Side::Keys] {
        list.push(Placed(side, Shift::Index));
        for map in [Map::Plus(1), Map::Plus(-1), Map::Constant(0), Map::Negative, Map::Times(2)] {
            list.push(Placed(side, Shift::Map(map)));
        }
        for bits in [8, 16, 32] {
            for signed in [true, false] {
                list.push(Placed(side, Shift::Map(Map::Wrapped { bits, signed })));
            }
        }
        for bits in [8, 11] {
            list.push(Placed(side, Shift::Map(Map::Rounded(bits))));
        }
    }
    list.extend(
        [1, 2, 4, 8, 16, 32, 64, 128, 256].map(|n| Placed(Side::Queries, Shift::EndAligned(n))),
    );
    list.extend(
        [16, 32, 64, 128, 256, 512, 1024, 2048].map(|n| Placed(Side::Queries, Shift::Capacity(n))),
    );
    let forms = |of: fn(&Form) -> bool| {
        wrong.iter().any(|unit| match &exhibits[unit.exhibit].scene {
            Scene::Grid(grid) => of(&grid.form),
            _ => false,
        })
    };
    if forms(|form| matches!(form, Form::Alibi(_) | Form::Slopes(_))) {
        list.extend(Slopes::usual().into_iter().chain(slopes::measured(exhibits)).map(Sloped));
    }
    if forms(|form| matches!(form, Form::Bucket(_) | Form::Bias(..))) {
        list.extend(Bucketed::usual().into_iter().chain(buckets::measured(exhibits)).map(Buckets));
    }
    list.extend(distances().map(Distance));
    let blank = [4, 8, 16, 32, 64, 128].map(Keys::After).into_iter().chain([Keys::Later]);
    let fills = [Fill::Zero, Fill::Nonfinite];
    list.extend(blank.flat_map(|keys| fills.map(|fill| Mechanism::Blank(keys, fill))));
    list.extend([2, 4, 8].map(|n| Head(HeadMap::Ranks(n))));
    list.extend([HeadMap::Zero, HeadMap::Next(1), HeadMap::Next(-1), HeadMap::Reversed].map(Head));
    // A distance that is off by the same everywhere.
    for unit in wrong.iter().take(64) {
        let exhibit = &exhibits[unit.exhibit];
        if let Some(c) = shift(exhibit, unit) {
            let one = Placed(Side::Queries, Shift::Map(Map::Plus(c)));
            if !list.contains(&one) {
                list.push(one);
            }
        }
    }
    list
}

/// What a kernel may make of a distance.
fn distances() -> impl Iterator<Item = Map> {
    let wrapped = [8, 16]
        .into_iter()
        .flat_map(|bits| [true, false].map(|signed| Map::Wrapped { bits, signed }));
    let ends = [0, 127, 255, 511, 1023, 2047, 4095, 8191, 32767];
    wrapped
        .chain([8, 11, 24].map(Map::Rounded))
        .chain(ends.into_iter().flat_map(|n| [Map::Capped(n), Map::Raised(-n)]))
        .chain([Map::Absolute, Map::Times(2), Map::Over(2), Map::Plus(1), Map::Plus(-1)])
}

/// By how much the query of an ALiBi row is off, from its first two elements that differ.
fn shift(exhibit: &Exhibit, unit: &Unit) -> Option<i128> {
    let Scene::Grid(grid) = &exhibit.scene else { return None };
    let Form::Alibi(alibi) = &grid.form else { return None };
    let slope = alibi.bias(unit.head, 1).evaluate(&crate::encoding::Double)?;
    let side = &exhibit.sides[unit.side];
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    let by = (0..side.width).map(|j| (side.right[start + j] - side.got[start + j]) / slope);
    let list: Vec<i128> = by.map(|x| libm::round(x) as i128).collect();
    let first = *list.first()?;
    (first != 0 && list.iter().all(|x| *x == first)).then_some(first)
}
