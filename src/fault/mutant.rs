//! A right kernel with faults in it.

use super::change::{Change, Reading, View};
use super::edit;
use super::singles::shows_singles;
use super::{Fault, History};
use crate::encoding::{Body, Heads, Question, Rotate, Score};
use crate::number::{Dtype, Format, Tensor};
use crate::profile::{self, Profile};
use crate::request::{Direction, Input, Json, Object, Operation, Output, Reject, Request};
use std::ptr;
use std::sync::OnceLock;

/// A request as it was asked and, if it is in order, what it means.
#[derive(Clone, Debug)]
pub struct Asked {
    /// As it was written, where it must be refused: some faults answer it all the same.
    request: Json,
    question: Result<Question, Reject>,
    /// What a machine in f64 answers, once it was wanted: every change of an answer begins there.
    right: OnceLock<Output>,
}

impl Asked {
    /// Reads a `run` request.
    pub fn new(request: &Json) -> Asked {
        let question = Request::from_json(request).and_then(|request| Question::new(&request));
        let request = if question.is_ok() { Json::Null } else { request.clone() };
        Asked { request, question, right: OnceLock::new() }
    }

    /// What it means, or why it must be refused.
    pub fn question(&self) -> Result<&Question, &Reject> {
        self.question.as_ref()
    }
}

impl From<Question> for Asked {
    fn from(question: Question) -> Asked {
        Asked { request: Json::Null, question: Ok(question), right: OnceLock::new() }
    }
}

/// What a kernel answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Named tensors, in the order of the contract.
    Output(Output),
    /// A refusal.
    Refused(Reject),
}

/// An answer whose form shows a fault: see [`Mutant::shown`].
#[derive(Clone, Debug)]
pub struct Shown {
    /// The answer, its numbers in their own bits.
    pub output: Vec<(String, Tensor)>,
    /// What a machine with the other faults answers.
    pub predicted: Output,
    /// How far apart two such machines may be.
    pub bounds: Vec<(&'static str, Vec<f64>)>,
}

/// A kernel with one or more faults, before a certain request.
#[derive(Clone, Debug)]
pub struct Mutant<'a> {
    asked: &'a Asked,
    history: &'a History,
    faults: Vec<&'static Fault>,
    /// What it answers to.
    question: Question,
    /// Why it does not.
    refusal: Option<Reject>,
}

impl Fault {
    /// What a kernel with this fault makes of a request, none where the fault makes no difference
    /// by construction: it does not apply, or the question is the same afterwards.
    pub fn mutate<'a>(&'static self, asked: &'a Asked, history: &'a History) -> Option<Mutant<'a>> {
        Mutant::new(asked, history, vec![self])
    }
}

impl<'a> Mutant<'a> {
    pub(super) fn new(
        asked: &'a Asked,
        history: &'a History,
        mut faults: Vec<&'static Fault>,
    ) -> Option<Mutant<'a>> {
        faults.sort_by_key(|fault| (fault.change.stage(), fault.name));
        let mut question = asked.question.clone();
        let mut refusal = None;
        for fault in &faults {
            match (fault.change, &mut question) {
                (Change::Accept(repair), Err(reject)) => {
                    question = Ok(accepted(&asked.request, reject, repair)?);
                }
                (Change::Config(read), Ok(question)) => edit::reconfigure(question, read)?,
                (Change::Question(change), Ok(question)) => change(question, history)?,
                (Change::Refuse(refuse), Ok(question)) => refusal = Some(refuse(question)?),
                (Change::Machine(change), Ok(question)) => {
                    // Whether it applies is known with any machine.
                    change(&mut profile::NAMED[0].clone(), question, history)?;
                    question.dtype.format()?;
                }
                (Change::Rotated(_), Ok(question)) => match question.body {
                    Body::Rotate(_) | Body::Score(_) => {}
                    _ => return None,
                },
                (Change::Output(_) | Change::Written(_), Ok(_)) => {}
                _ => return None,
            }
        }
        let mutant = Mutant { asked, history, faults, question: question.ok()?, refusal };
        // Whether an answer changes is known from the answers of any machine.
        if mutant.changes_answers() {
            mutant.finish(&|question| mutant.reference(&profile::NUMPY_F64, question))?;
        }
        Some(mutant)
    }

    /// Whether an answer is changed after it is known.
    fn changes_answers(&self) -> bool {
        let changes =
            |change| matches!(change, Change::Rotated(_) | Change::Output(_) | Change::Written(_));
        self.faults.iter().any(|fault| changes(fault.change))
    }

    /// The faults, in the order in which they take effect.
    pub fn faults(&self) -> &[&'static Fault] {
        &self.faults
    }

    /// The question that is answered instead, before the answer is changed.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// Whether the right rounding of [`Mutant::question`] is no answer of it, because its machine
    /// has steps in other formats.
    pub fn is_imprecise(&self) -> bool {
        self.faults.iter().any(|fault| matches!(fault.change, Change::Machine(_)))
    }

    /// A machine of a profile with the steps that the faults change.
    pub fn machine(&self, profile: &Profile) -> Profile {
        let mut machine = *profile;
        for fault in &self.faults {
            if let Change::Machine(change) = fault.change {
                let _ = change(&mut machine, &self.question, self.history);
            }
        }
        machine
    }

    /// What such a kernel of a profile answers.
    pub fn emulate(&self, profile: &Profile) -> Answer {
        let machine = self.machine(profile);
        self.answer(&|question| self.reference(&machine, question))
    }

    /// What a machine answers; the answer in f64 to what was asked is computed once for all faults.
    fn reference(&self, machine: &Profile, question: &Question) -> Output {
        let changes =
            |change| matches!(change, Change::Accept(_) | Change::Config(_) | Change::Question(_));
        let asked = ptr::eq(question, &self.question)
            && !self.faults.iter().any(|fault| changes(fault.change));
        if asked && *machine == profile::NUMPY_F64 {
            return self.asked.right.get_or_init(|| right(machine, question)).clone();
        }
        right(machine, question)
    }

    /// What such a kernel answers, if `reference` answers the question without the faults that
    /// change answers.
    pub fn answer(&self, reference: &dyn Fn(&Question) -> Output) -> Answer {
        match &self.refusal {
            Some(reject) => Answer::Refused(reject.clone()),
            // On this machine the change may make no difference, though on another it did.
            None => {
                Answer::Output(self.finish(reference).unwrap_or_else(|| reference(&self.question)))
            }
        }
    }

    /// How far apart the answers of two kernels of a profile with these faults may be, tensor by
    /// tensor, in the unit of the element: twice the profile's bound around the exact answer. ∞
    /// where nothing can be judged.
    ///
    /// An answer that is changed afterwards has, in every row, the largest bound of that row. What
    /// a machine in other formats rounds is taken to be rounded alike by both kernels, which holds
    /// but for values next to a tie. A score of changed rotations has the bound of the unchanged
    /// one, for the sum, and besides what its queries and keys may be apart.
    pub fn bounds(&self, profile: &Profile) -> Vec<(&'static str, Vec<f64>)> {
        let bounds = |question: &Question| -> Output {
            let list = profile::bounds(question, std::slice::from_ref(profile));
            list.into_iter().flat_map(|(_, named)| named).map(|n| (n.name, n.tensor)).collect()
        };
        let changed = self.changes_answers();
        let doubles = |tensor: &Tensor| -> Vec<f64> {
            let format = tensor.dtype().format().into_iter();
            let bits = |format| tensor.data().iter().map(move |&bits| (format, bits));
            let double = |(format, bits): (Format, u64)| 2.0 * format.to_f64(bits);
            format.flat_map(bits).map(double).collect()
        };
        let own = bounds(&self.question);
        let widened = |tensor: &Tensor| -> Vec<f64> {
            let mut list = doubles(tensor);
            for row in list.chunks_mut(tensor.columns().max(1)) {
                row.fill(row.iter().copied().fold(0.0, f64::max));
            }
            list
        };
        let of = |tensor: &Tensor| if changed { widened(tensor) } else { doubles(tensor) };
        let mut list: Vec<_> = own.iter().map(|(name, tensor)| (*name, of(tensor))).collect();
        let lifts = self.faults.iter().any(|fault| matches!(fault.change, Change::Rotated(_)));
        if let (Body::Score(score), true) = (&self.question.body, lifts) {
            let change = |view: &View, output: &mut Output| self.lifted(view, output);
            let reference = |question: &Question| right(profile, question);
            let more = sides(score, &reference, self.history, &change)
                .and_then(|rotated| between(score, profile, &rotated));
            if let (Some(more), Some((_, bounds))) = (more, list.first_mut()) {
                bounds.iter_mut().zip(more).for_each(|(bound, more)| *bound += more);
            }
        }
        list
    }

    /// The same kernel with one fault more.
    pub fn then(&self, fault: &'static Fault) -> Option<Mutant<'a>> {
        let faults = self.faults.iter().copied().chain([fault]).collect();
        Mutant::new(self.asked, self.history, faults)
    }

    /// Changes rotations.
    fn lifted(&self, view: &View, output: &mut Output) -> Option<()> {
        self.faults.iter().try_for_each(|fault| match fault.change {
            Change::Rotated(change) => change(view, output),
            _ => Some(()),
        })
    }

    /// What shows in the form of an answer whatever the machine is: the answer as it was before it
    /// was written in other bits, what is right then, and how far apart machines may be that round
    /// where this one does. None where the form shows nothing.
    pub fn shown(&self, profile: &Profile, output: &[(String, Tensor)]) -> Option<Shown> {
        let bounds = |machine: &Profile| -> Vec<(&'static str, Vec<f64>)> {
            let named = profile::bounds(&self.question, &[*machine]).into_iter();
            let doubles = |tensor: &Tensor| -> Vec<f64> {
                let format = tensor.dtype().format().unwrap_or(Format::F64);
                tensor.data().iter().map(|&bits| 2.0 * format.to_f64(bits)).collect()
            };
            named.flat_map(|(_, list)| list).map(|n| (n.name, doubles(&n.tensor))).collect()
        };
        let machine = self.machine(profile);
        let singles = self.faults.iter().find(|fault| fault.class == "F8");
        if let Some(fault) = singles
            && self.question.dtype == Dtype::F64
            && self.faults.iter().all(|f| f.class == "F8" || f.change.stage() < 4)
        {
            let cast = fault.name == "f8-cast-to-f32";
            shows_singles(&self.question, output, cast).filter(|shows| *shows)?;
            let predicted = right(&machine, &self.question);
            return Some(Shown { output: output.to_vec(), predicted, bounds: bounds(&machine) });
        }
        let written = |change| match change {
            Change::Written(write) => Some(write),
            _ => None,
        };
        let write = self.faults.iter().find_map(|fault| written(fault.change))?;
        let only = |fault: &&Fault| fault.change.stage() < 4 || written(fault.change).is_some();
        self.faults.iter().copied().all(|fault| only(&fault)).then_some(())?;
        let back = |(name, tensor): &(String, Tensor)| {
            (name.clone(), write(&self.question, tensor).unwrap_or_else(|| tensor.clone()))
        };
        let predicted = right(&machine, &self.question);
        let output = output.iter().map(back).collect();
        Some(Shown { output, predicted, bounds: bounds(&machine) })
    }

    /// The answer of the question, changed and written. None if a change of the answer does not
    /// apply.
    fn finish(&self, reference: &dyn Fn(&Question) -> Output) -> Option<Output> {
        let mut output = self.changed(reference)?;
        for fault in &self.faults {
            if let Change::Written(write) = fault.change {
                let mut written = None;
                for (_, tensor) in &mut output {
                    if let Some(other) = write(&self.question, tensor) {
                        *tensor = other;
                        written = Some(());
                    }
                }
                written?;
            }
        }
        Some(output)
    }

    /// The answer of the question, changed. None if a change of the answer does not apply.
    fn changed(&self, reference: &dyn Fn(&Question) -> Output) -> Option<Output> {
        let changes: Vec<_> = self
            .faults
            .iter()
            .filter_map(|fault| match fault.change {
                Change::Rotated(change) | Change::Output(change) => Some((fault, change)),
                _ => None,
            })
            .collect();
        if changes.is_empty() {
            // Nothing to find out: the question has changed, or the machine has.
            return Some(reference(&self.question));
        }
        let rotated = |change: &Change| matches!(change, Change::Rotated(_));
        let lifted: Vec<_> = changes.iter().filter(|(f, _)| rotated(&f.change)).collect();
        let mut output = match &self.question.body {
            Body::Score(score) if !lifted.is_empty() => {
                let change = |view: &View, output: &mut Output| self.lifted(view, output);
                score_of(score, self.question.dtype, reference, self.history, &change)?
            }
            _ => reference(&self.question),
        };
        let view = View { question: &self.question, answer: reference, history: self.history };
        for (fault, change) in changes {
            if matches!(self.question.body, Body::Score(_)) && rotated(&fault.change) {
                continue;
            }
            change(&view, &mut output)?;
        }
        Some(output)
    }
}

/// Everything that a right kernel of a profile answers, integers included.
pub fn right(machine: &Profile, question: &Question) -> Output {
    let floats = profile::emulate(machine, question);
    floats.into_iter().map(|named| (named.name, named.tensor)).chain(question.integers()).collect()
}

/// A request that must be refused, answered all the same.
fn accepted(
    request: &Json,
    reject: &Reject,
    repair: fn(&mut Reading) -> Option<()>,
) -> Option<Question> {
    let Json::Object(object) = request else { return None };
    let part = |key: &str| match object.get(key) {
        Some(Json::Object(part)) => Some(part.clone()),
        _ => None,
    };
    let word = |key: &str| match object.get(key) {
        Some(Json::String(word)) => Some(word.as_str()),
        _ => None,
    };
    let operation = Operation::from_name(word("operation")?).ok()?;
    let dtype = Dtype::from_name(word("dtype")?)?;
    let mut reject = reject.clone();
    let (mut config, mut input): (Object, Object) = (part("config")?, part("input")?);
    // One repair may bring the next slip to light.
    for _ in 0..4 {
        let mut reading = Reading { config, input, reject: &reject };
        repair(&mut reading)?;
        (config, input) = (reading.config, reading.input);
        let request = Request {
            id: String::new(),
            operation,
            dtype,
            config: config.clone(),
            input: Input::new(input.clone()),
        };
        match Question::new(&request) {
            Ok(question) => return Some(question),
            Err(next) => reject = next,
        }
    }
    None
}

/// The rotation of one side of a score, in f64; the other tensor is a stand-in that nobody reads.
fn side(score: &Score, is_key: bool) -> Question {
    let (q, k, positions) = match is_key {
        false => (&score.q, None, &score.query_positions),
        true => (&score.k, Some(score.k.clone()), &score.key_positions),
    };
    Question {
        operation: Operation::Rotate,
        dtype: Dtype::F64,
        body: Body::Rotate(Rotate {
            config: score.config.clone(),
            seq_len: score.seq_len,
            rope: score.rope.clone(),
            q: q.clone(),
            k,
            positions: positions.clone(),
            direction: Direction::Forward,
        }),
    }
}

/// Rotated queries and keys, changed. None if the change does not apply to either.
fn sides(
    score: &Score,
    reference: &dyn Fn(&Question) -> Output,
    history: &History,
    change: &dyn Fn(&View, &mut Output) -> Option<()>,
) -> Option<[Vec<f64>; 2]> {
    let mut changed = false;
    let mut turned = |is_key: bool, name: &str| {
        let question = side(score, is_key);
        let mut output = reference(&question);
        let view = View { question: &question, answer: reference, history };
        let before = output.clone();
        if change(&view, &mut output).is_none() {
            output = before;
        } else {
            changed = true;
        }
        let tensor = output.into_iter().find(|(n, _)| *n == name).map(|(_, tensor)| tensor)?;
        Some(tensor.data().iter().map(|&bits| f64::from_bits(bits)).collect::<Vec<f64>>())
    };
    let sides = [turned(false, "q")?, turned(true, "k")?];
    changed.then_some(sides)
}

/// Which query and which key every element of a score has, as rows of their tensors.
fn rows_of(score: &Score) -> Vec<(usize, usize)> {
    let (batch, heads, queries) = (score.q.batch(), score.q.heads(), score.q.seq());
    let (key_heads, keys) = (score.k.heads(), score.k.seq());
    let of = |row: usize| {
        let (b, h) = (row / (heads * queries), row / queries % heads);
        let first = (b * key_heads + h * key_heads / heads) * keys;
        (first..first + keys).map(move |key| (row, key))
    };
    (0..batch * heads * queries).flat_map(of).collect()
}

/// The score of rotated queries and keys, both changed.
fn score_of(
    score: &Score,
    dtype: Dtype,
    reference: &dyn Fn(&Question) -> Output,
    history: &History,
    change: &dyn Fn(&View, &mut Output) -> Option<()>,
) -> Option<Output> {
    let [q, k] = sides(score, reference, history, change)?;
    let (dim, format) = (score.q.dim(), dtype.format()?);
    let dot = |(query, key): (usize, usize)| {
        let (q, k) = (&q[query * dim..][..dim], &k[key * dim..][..dim]);
        profile::encode(format, q.iter().zip(k).map(|(q, k)| q * k).sum())
    };
    let bits = rows_of(score).into_iter().map(dot).collect();
    let shape = vec![score.q.batch(), score.q.heads(), score.q.seq(), score.k.seq()];
    let tensor = Tensor::new(dtype, shape, bits).ok()?;
    Some(vec![("score", tensor)])
}

/// What changed rotations may add to the distance of two scores, element by element.
///
/// A change may multiply any coordinate by any entry of a row's table, so a coordinate is off by at
/// most the row's norm times the largest bound of a row of ones. Two machines are twice that apart.
fn between(score: &Score, profile: &Profile, rotated: &[Vec<f64>; 2]) -> Option<Vec<f64>> {
    let dim = score.q.dim();
    let ones = |heads: &Heads| {
        let one = profile::encode(heads.format(), 1.0);
        heads.map(|_| one)
    };
    let ones = Score { q: ones(&score.q), k: ones(&score.k), ..score.clone() };
    let apart = |is_key: bool, name: &str| -> Option<Vec<f64>> {
        let (_, named) = profile::bounds(&side(&ones, is_key), &[*profile]).into_iter().next()?;
        let bound = named.into_iter().find(|named| named.name == name)?.tensor;
        let input = if is_key { &score.k } else { &score.q };
        let format = input.format();
        let row = |(bound, input): (&[u64], &[u64])| {
            let norm = input.iter().fold(0.0, |norm, &x| libm::hypot(norm, format.to_f64(x)));
            2.0 * norm * bound.iter().map(|&b| f64::from_bits(b)).fold(0.0, f64::max)
        };
        let rows = bound.data().chunks(dim.max(1)).zip(input.data().chunks(dim.max(1)));
        Some(rows.map(row).collect())
    };
    let (query, key) = (apart(false, "q")?, apart(true, "k")?);
    let size = |x: &[f64], row: usize| x[row * dim..][..dim].iter().map(|x| x.abs()).sum::<f64>();
    let of = |(i, j): (usize, usize)| {
        let [q, k] = rotated;
        let (a, b) = (query[i], key[j]);
        a * size(k, j) + b * size(q, i) + dim as f64 * a * b
    };
    Some(rows_of(score).into_iter().map(of).collect())
}
