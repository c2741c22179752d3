//! Questions that stand in no file: rows of covering arrays over everything in which kernels have
//! paths of their own (directions, widths, slices, heads, tokens, rows, positions, rules, formats),
//! so that a fault which shows only where two of these meet is asked for.
//!
//! A question is a function of its id: `fresh-7-rotate-f32-half-yarn-inverse-112-…` names the seed
//! and a word for every factor, and what stands in its tensors is drawn from the id.

mod additive;
mod answer;
mod attended;
mod attention;
mod beside;
mod chain;
mod claims;
mod ids;
mod kind;
mod own;
mod positions;
mod prompts;
mod rope;
mod rotary;
mod sweep;

pub use answer::answer;
pub use beside::beside;
pub use claims::{Claims, Drawn};
pub use kind::Fresh;
pub use own::Own;

use super::cover::{Array, Problem, cover};
use super::run::GenerateError;
use super::values::Random;
use kind::{Factor, Kind, Words, prefix};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What a question costs usually, in elements, and at most.
const BUDGET: [u64; 2] = [1 << 10, 132 << 10];
/// The same for one model, whose own heads and width are asked together.
const OWN_BUDGET: [u64; 2] = [16 << 10, 5 << 17];

/// Draws questions in which all combinations of two levels meet, and all of three of the main
/// factors, as far as the claims go. The same seed and claims give the same questions.
///
/// ```
/// use ropewalk::{encoding::Layout, number::Dtype, request::{Direction, Operation}};
/// use ropewalk::generate::fresh::{Claims, by_id, draw};
/// let claims = Claims {
///     operations: &[Operation::InvFreq],
///     formats: &[(Dtype::F32, Dtype::F32)],
///     layouts: &[Layout::Half],
///     rope_types: None,
///     directions: &[Direction::Forward],
///     positions: [i64::MIN, i64::MAX],
///     admits: &|_| Ok(()),
///     own: None,
///     shaped: false,
/// };
/// let drawn = draw(7, &claims);
/// let one = &drawn.questions[0];
/// assert!(one.request.id.starts_with("fresh-7-inv_freq-f32-"), "{}", one.request.id);
/// assert_eq!(by_id(&one.request.id, None).unwrap().request.to_json(), one.request.to_json());
/// ```
pub fn draw(seed: u64, claims: &Claims) -> Drawn {
    let mut drawn = Drawn::default();
    for kind in kinds(claims.own) {
        if claims.operations.contains(&kind.operation) {
            kind.draw(seed, claims, &mut drawn);
        }
    }
    sweep::draw(seed, claims, &mut drawn);
    prompts::draw(seed, claims, &mut drawn);
    attended::draw(seed, claims, &mut drawn);
    drawn
}

/// The question of an id, whatever was claimed.
///
/// # Errors
/// What no fresh question is called.
pub fn by_id(id: &str, own: Option<&Own>) -> Result<Fresh, GenerateError> {
    let named = |problem| GenerateError { id: id.to_string(), problem };
    called(id, own).map_err(named)
}

fn called(id: &str, own: Option<&Own>) -> Result<Fresh, String> {
    let (operation, words) = split(id, own)?;
    if let Some(question) = sweep::by_id(id, operation, &words) {
        return question;
    }
    if let Some(question) = prompts::by_id(id, operation, &words, own) {
        return question;
    }
    if let Some(question) = attended::by_id(id, operation, &words) {
        return question;
    }
    let kinds = kinds(own);
    let (kind, words) = parsed(id, own, &kinds)?;
    kind.question(id, &Words { kind, words, own, tiny: false })
}

/// The operation of an id, and what follows it.
fn split<'i>(id: &'i str, own: Option<&Own>) -> Result<(&'i str, Vec<&'i str>), String> {
    let prefix = prefix(own);
    let rest = id.strip_prefix(prefix).ok_or_else(|| no(&format!("it begins with {prefix}")))?;
    let mut parts = rest.split('-');
    let (Some(seed), Some(operation)) = (parts.next(), parts.next()) else {
        return Err(no("too few words"));
    };
    seed.parse::<u64>().map_err(|_| no("a seed is a number"))?;
    Ok((operation, parts.collect()))
}

fn no(what: &str) -> String {
    format!("no fresh question: {what}")
}

/// The kind of an id, and its words.
fn parsed<'k>(
    id: &str,
    own: Option<&Own>,
    kinds: &'k [Kind],
) -> Result<(&'k Kind, Vec<&'static str>), String> {
    let (operation, words) = split(id, own)?;
    let kind = kinds.iter().find(|kind| kind.operation.name() == operation);
    let kind = kind.ok_or_else(|| no(&format!("no operation is called {operation:?}")))?;
    if words.len() != kind.factors.len() {
        return Err(no(&format!("{} words, {} are right", words.len(), kind.factors.len())));
    }
    let known = |(factor, word): (&Factor, &&str)| {
        let all = factor.levels.iter().flat_map(|(_, words)| *words);
        all.copied()
            .find(|known| known == word)
            .ok_or_else(|| no(&format!("{word:?} is no {}", factor.name)))
    };
    let words = kind.factors.iter().zip(&words).map(known).collect::<Result<_, _>>()?;
    Ok((kind, words))
}

fn kinds(own: Option<&Own>) -> Vec<Kind> {
    let mut kinds = rotary::kinds(own.is_some());
    if own.is_none() {
        kinds.extend(additive::kinds());
        kinds.push(ids::kind());
        kinds.push(chain::kind());
        kinds.extend(attention::kinds());
    }
    kinds
}

impl Kind {
    fn draw(&self, seed: u64, claims: &Claims, drawn: &mut Drawn) {
        // Levels with the words that may be asked.
        let mut words: Vec<Vec<(&str, Vec<&'static str>)>> = Vec::new();
        for factor in &self.factors {
            let mut levels = Vec::new();
            for (level, list) in factor.levels {
                let mut why = String::new();
                let mut keep = list.to_vec();
                keep.retain(|word| match claims.admits_word(factor.name, word) {
                    Ok(()) => true,
                    Err(reason) => {
                        why = reason;
                        false
                    }
                });
                match keep.is_empty() {
                    false => levels.push((*level, keep)),
                    true => drawn.unasked.push((
                        self.operation,
                        format!("{} {level}", factor.name),
                        why,
                    )),
                }
            }
            if levels.is_empty() {
                return;
            }
            words.push(levels);
        }
        let levels: Vec<usize> = words.iter().map(Vec::len).collect();
        let wanted = self.wanted();
        // What shapes there are does not change what is claimed, beyond one or several.
        let known: RefCell<BTreeMap<Vec<usize>, Result<(), String>>> = RefCell::default();
        let cost_of = |words: Vec<&'static str>| {
            (self.cost)(&Words { kind: self, words, own: claims.own, tiny: false })
        };
        let budget = if claims.own.is_some() { OWN_BUDGET } else { BUDGET };
        let chosen = |row: &[usize], again: u64| -> Vec<&'static str> {
            let mut random = Random::new(&format!("{seed} {row:?} {again}"));
            let mut pick = |(levels, &level): (&Vec<(&str, Vec<&'static str>)>, &usize)| {
                let list = &levels[level].1;
                list[(random.bits() % list.len() as u64) as usize]
            };
            let drawn: Vec<&'static str> = words.iter().zip(row).map(&mut pick).collect();
            // The cheapest words of dear levels first; where those are impossible, dearer ones.
            if cost_of(drawn.clone()) <= budget[usize::from(again > 0)] {
                return drawn;
            }
            let cheap: Vec<&'static str> =
                words.iter().zip(row).map(|(levels, &level)| least(&levels[level].1)).collect();
            // Lengths of one level tell sizes of tiles apart: not always the shortest.
            let mut longer = cheap.clone();
            if let Some(tokens) = self.factors.iter().position(|factor| factor.name == "tokens") {
                longer[tokens] = drawn[tokens];
            }
            if again == 0 && 2 * cost_of(longer.clone()) <= budget[1] {
                return longer;
            }
            // What is cheapest of all may not go together.
            let mut mixed = cheap.clone();
            for (word, &other) in mixed.iter_mut().zip(&drawn) {
                if again > 1 && random.bits() & 1 == 0 {
                    *word = other;
                }
            }
            if cost_of(mixed.clone()) <= budget[1] { mixed } else { cheap }
        };
        let ask = |words: Vec<&'static str>, tiny: bool| -> Result<Fresh, String> {
            let id = format!(
                "{}{seed}-{}-{}",
                prefix(claims.own),
                self.operation.name(),
                words.join("-")
            );
            let words = Words { kind: self, words, own: claims.own, tiny };
            let fresh = self.question(&id, &words)?;
            (claims.admits)(&fresh)?;
            Ok(fresh)
        };
        let first = |row: &[usize], tiny: bool| {
            let mut why = String::new();
            for again in 0..REDRAWS {
                match ask(chosen(row, again), tiny) {
                    Ok(fresh) => return Ok(fresh),
                    Err(reason) => why = reason,
                }
            }
            Err(why)
        };
        let possible = |row: &[usize]| {
            let shape: Vec<usize> = (self.factors.iter().zip(row))
                .map(|(factor, &level)| match !claims.shaped && SHAPES.contains(&factor.name) {
                    true => level.min(1),
                    false => level,
                })
                .collect();
            let told = known.borrow().get(&shape).cloned();
            told.unwrap_or_else(|| {
                let told = first(&shape, !claims.shaped).map(|_| ());
                known.borrow_mut().insert(shape, told.clone());
                told
            })
        };
        let cost = |row: &[Option<usize>]| {
            let word = |(levels, level): (&Vec<(&str, Vec<&'static str>)>, &Option<usize>)| {
                level.map_or("", |level| least(&levels[level].1))
            };
            cost_of(words.iter().zip(row).map(word).collect())
        };
        let problem =
            Problem { levels: &levels, wanted: &wanted, possible: &possible, cost: &cost, budget };
        let words_of = format!("{seed} {}", self.operation.name());
        let Array { rows, apart } = cover(&problem, &mut Random::new(&words_of));
        let name = |&(factor, level): &(usize, usize)| {
            format!("{} {}", self.factors[factor].name, words[factor][level].0)
        };
        for (tuple, why) in &apart {
            let what = tuple.iter().map(name).collect::<Vec<_>>().join(" with ");
            drawn.unasked.push((self.operation, what, why.clone()));
        }
        let every: usize =
            wanted.iter().map(|set| set.iter().map(|&f| levels[f]).product::<usize>()).sum();
        drawn.combinations += every.saturating_sub(apart.len());
        for row in &rows {
            match first(row, false) {
                Ok(fresh) => drawn.questions.push(fresh),
                Err(why) => {
                    let what = chosen(row, 0).join(", ");
                    drawn.unasked.push((self.operation, what, why));
                }
            }
        }
    }
}

/// The word for the least of a level: the smallest number, or the first word.
fn least(words: &[&'static str]) -> &'static str {
    let size = |word: &&&str| word.parse::<usize>().unwrap_or(0);
    words.iter().min_by_key(size).copied().unwrap_or_default()
}

/// Draws of words for a row before it counts as impossible.
const REDRAWS: u64 = 40;

/// Factors of which only the first level is another thing than the rest to whoever claims.
const SHAPES: [&str; 2] = ["tokens", "rows"];
