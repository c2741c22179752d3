//! Questions that stand in no file: rows of covering arrays over everything in which kernels have
//! paths of their own (directions, widths, slices, heads, tokens, rows, positions, rules, formats),
//! so that a fault which shows only where two of these meet is asked for.
//!
//! A question is a function of its id: `fresh-7-rotate-f32-half-yarn-inverse-112-…` names the seed
//! and a word for every factor, and what stands in its tensors is drawn from the id.

mod additive;
mod answer;
mod own;
mod positions;
mod rope;
mod rotary;
mod sweep;

pub use answer::answer;
pub use own::Own;

use super::cover::{Array, Problem, cover};
use super::values::Random;
use crate::encoding::{Layout, Question};
use crate::number::Dtype;
use crate::request::{Direction, Input, Object, Operation, Request};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Something that is varied: a name, and levels.
#[derive(Clone, Copy, Debug)]
struct Factor {
    name: &'static str,
    levels: &'static [Level],
}

/// A name, and the words that stand for it in ids.
type Level = (&'static str, &'static [&'static str]);

/// How an operation is asked.
struct Kind {
    operation: Operation,
    factors: Vec<Factor>,
    /// Factors of which every three levels are to meet, beside every two of all.
    main: &'static [&'static str],
    /// Elements, or what takes as long, of a question with these words; of the least one where a
    /// word is open.
    cost: fn(&Words) -> u64,
    build: fn(&Words, &mut Random) -> Result<Draft, String>,
}

/// The words of a question, by factor; the empty word is open.
struct Words<'a> {
    kind: &'a Kind,
    words: Vec<&'static str>,
    own: Option<&'a Own>,
    /// Whether only the claim is asked about: shapes may be small.
    tiny: bool,
}

impl Words<'_> {
    fn get(&self, name: &str) -> &'static str {
        let at = self.kind.factors.iter().position(|factor| factor.name == name);
        at.and_then(|at| self.words.get(at)).copied().unwrap_or_default()
    }

    /// A number in a word; where the word is open, the least of all words.
    fn size(&self, name: &str) -> usize {
        let number = |word: &str| word.parse().unwrap_or(0);
        match self.get(name) {
            "" => {
                let factor = self.kind.factors.iter().find(|factor| factor.name == name);
                let words = factor.into_iter().flat_map(|factor| factor.levels);
                words.flat_map(|(_, words)| *words).map(|word| number(word)).min().unwrap_or(1)
            }
            word => number(word),
        }
    }
}

/// A question to be.
struct Draft {
    dtype: Dtype,
    config: Object,
    input: Object,
    flags: Vec<&'static str>,
}

/// A question that is not yet answered.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The request; its id names everything that it was drawn from.
    pub request: Request,
    /// What is special, for people.
    pub comment: String,
    /// Keys into the notes.
    pub flags: Vec<&'static str>,
}

/// What may be asked.
pub struct Claims<'a> {
    /// Operations.
    pub operations: &'a [Operation],
    /// Formats of inputs and of outputs.
    pub formats: &'a [(Dtype, Dtype)],
    /// Layouts.
    pub layouts: &'a [Layout],
    /// Scaling rules; none if all.
    pub rope_types: Option<&'a [String]>,
    /// Directions.
    pub directions: &'a [Direction],
    /// Whether a question is within the claim, or why not.
    pub admits: &'a dyn Fn(&Fresh) -> Result<(), String>,
    /// A config of the caller's, to which all questions belong.
    pub own: Option<&'a Own>,
}

/// What was drawn.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// The questions.
    pub questions: Vec<Fresh>,
    /// How many combinations of levels meet in them.
    pub combinations: usize,
    /// Levels and combinations that no question has, and why: operation, what, why.
    pub unasked: Vec<(Operation, String, String)>,
}

/// What a question costs usually, in elements, and at most.
const BUDGET: [u64; 2] = [3 << 10, 160 << 10];
/// The same for one model, whose own heads and width are asked together.
const OWN_BUDGET: [u64; 2] = [16 << 10, 3 << 19];

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
///     admits: &|_| Ok(()),
///     own: None,
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
    drawn
}

/// The question of an id, whatever was claimed.
///
/// # Errors
/// A sentence that says what no fresh question is called.
pub fn by_id(id: &str, own: Option<&Own>) -> Result<Fresh, String> {
    let prefix = prefix(own);
    let no = |what: &str| format!("{id:?} is no fresh question: {what}");
    let rest = id.strip_prefix(prefix).ok_or_else(|| no(&format!("it begins with {prefix}")))?;
    let parts: Vec<&str> = rest.split('-').collect();
    let [seed, operation, words @ ..] = &parts[..] else { return Err(no("too few words")) };
    seed.parse::<u64>().map_err(|_| no("a seed is a number"))?;
    if let Some(question) = sweep::by_id(id, operation, words) {
        return question;
    }
    let kinds = kinds(own);
    let kind = kinds.iter().find(|kind| kind.operation.name() == *operation);
    let kind = kind.ok_or_else(|| no(&format!("no operation is called {operation:?}")))?;
    if words.len() != kind.factors.len() {
        return Err(no(&format!("{} words, {} are right", words.len(), kind.factors.len())));
    }
    let known = |(factor, word): (&Factor, &&str)| {
        let all = factor.levels.iter().flat_map(|(_, words)| *words);
        all.copied().find(|known| known == word).ok_or_else(|| {
            no(&format!("{word:?} is no {}", factor.name))
        })
    };
    let words = kind.factors.iter().zip(words).map(known).collect::<Result<_, _>>()?;
    kind.question(id, &Words { kind, words, own, tiny: false })
}

const fn prefix(own: Option<&Own>) -> &'static str {
    match own {
        None => "fresh-",
        Some(_) => "own-fresh-",
    }
}

fn kinds(own: Option<&Own>) -> Vec<Kind> {
    let mut kinds = rotary::kinds(own.is_some());
    if own.is_none() {
        kinds.extend(additive::kinds());
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
                keep.retain(|word| match narrowed(factor.name, word, claims) {
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
        let chosen = |row: &[usize], again: u64| -> Vec<&'static str> {
            let mut random = Random::new(&format!("{seed} {row:?} {again}"));
            let pick = |(levels, &level): (&Vec<(&str, Vec<&'static str>)>, &usize)| {
                let list = &levels[level].1;
                list[(random.bits() % list.len() as u64) as usize]
            };
            words.iter().zip(row).map(pick).collect()
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
                .map(|(factor, &level)| match SHAPES.contains(&factor.name) {
                    true => level.min(1),
                    false => level,
                })
                .collect();
            let told = known.borrow().get(&shape).cloned();
            told.unwrap_or_else(|| {
                let told = first(&shape, true).map(|_| ());
                known.borrow_mut().insert(shape, told.clone());
                told
            })
        };
        let cost = |row: &[Option<usize>]| {
            let word = |(levels, level): (&Vec<(&str, Vec<&'static str>)>, &Option<usize>)| {
                // The largest word of a level is what it may come to.
                level.map_or("", |level| {
                    let size = |word: &&&str| word.parse::<usize>().unwrap_or(0);
                    levels[level].1.iter().max_by_key(size).copied().unwrap_or_default()
                })
            };
            let words = words.iter().zip(row).map(word).collect();
            (self.cost)(&Words { kind: self, words, own: claims.own, tiny: false })
        };
        let problem = Problem {
            levels: &levels,
            wanted: &wanted,
            possible: &possible,
            cost: &cost,
            budget: if claims.own.is_some() { OWN_BUDGET } else { BUDGET },
        };
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

    /// Every two factors, and every three of the main ones.
    fn wanted(&self) -> Vec<Vec<usize>> {
        let count = self.factors.len();
        let at = |name: &&str| self.factors.iter().position(|factor| factor.name == *name);
        let main: Vec<usize> = self.main.iter().filter_map(at).collect();
        let mut sets = Vec::new();
        for (i, a) in main.iter().enumerate() {
            for (j, b) in main.iter().enumerate().skip(i + 1) {
                sets.extend(main[j + 1..].iter().map(|c| vec![*a, *b, *c]));
            }
        }
        for a in 0..count {
            sets.extend((a + 1..count).map(|b| vec![a, b]));
        }
        sets
    }

    fn question(&self, id: &str, words: &Words) -> Result<Fresh, String> {
        let Draft { dtype, config, input, flags } = (self.build)(words, &mut Random::new(id))?;
        let pairs = self.factors.iter().zip(&words.words);
        let said: Vec<String> =
            pairs.map(|(factor, word)| format!("{} {word}", factor.name)).collect();
        let comment = format!("drawn: {}", said.join(", "));
        Fresh::new(id, self.operation, Draft { dtype, config, input, flags }, comment)
    }
}

/// Draws of words for a row before it counts as impossible.
const REDRAWS: u64 = 6;

/// Factors of which only the first level is another thing than the rest to whoever claims.
const SHAPES: [&str; 2] = ["tokens", "rows"];

impl Fresh {
    /// With every default filled into the config, as kernels are asked.
    fn new(id: &str, operation: Operation, draft: Draft, comment: String) -> Result<Fresh, String> {
        let Draft { dtype, config, input, flags } = draft;
        let mut request =
            Request { id: id.to_string(), operation, dtype, config, input: Input::new(input) };
        let question = Question::new(&request).map_err(|reject| reject.to_string())?;
        request.config = question.config().clone();
        Ok(Fresh { request, comment, flags })
    }
}

/// Whether a word of a factor is in the lists of the claim.
fn narrowed(factor: &str, word: &str, claims: &Claims) -> Result<(), String> {
    let claimed = |holds: bool| match holds {
        true => Ok(()),
        false => Err(format!("{factor} {word} is not claimed")),
    };
    match factor {
        "format" => claimed(formats(word).is_some_and(|pair| claims.formats.contains(&pair))),
        "layout" if claims.operations.is_empty() => Ok(()),
        "layout" => claimed(claims.layouts.iter().any(|layout| layout.name() == word)),
        "direction" => claimed(claims.directions.iter().any(|known| known.name() == word)),
        "rule" => claimed(claims.rope_types.is_none_or(|types| {
            let own = if word.starts_with("sections") { "default" } else { word };
            types.iter().any(|known| known == own)
        })),
        _ => Ok(()),
    }
}

/// Input and output of a word: `f32`, `bf16_f32`.
fn formats(word: &str) -> Option<(Dtype, Dtype)> {
    let (from, to) = word.split_once('_').unwrap_or((word, word));
    Some((Dtype::from_name(from)?, Dtype::from_name(to)?))
}
