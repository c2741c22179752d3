//! Golden numbers as theorems: Coq lemmas that each expected value is the nearest to the exact one.
//!
//! A certificate is a text that anyone checks with Coq, Flocq and CoqInterval and none of our code.
//! Each lemma says `nearest F (expression) = value F bits`: the expression is the published formula
//! over the reals, `nearest` is Flocq's rounding to nearest even in the format of the answer, and
//! `value` decodes a bit pattern. Nothing of the evaluation is in it: neither intervals nor
//! expressions of ours, but the formulas, written once more in [`formula`] and [`rotary`]. What
//! remains to be trusted is that a statement says what the golden file means, which is to be read.
//!
//! Coq refuses a lemma whose number is wrong; that is what the tests check.

mod additive;
mod approximate;
mod attention;
mod chain;
mod formula;
mod lemma;
mod proof;
mod reason;
mod rotary;
mod sheet;
mod term;
mod text;

use sheet::Statement;
pub(super) use sheet::{Real, Sheet};

use proof::Proofs;
use ropewalk::encoding::{Body, Question};
use ropewalk::number::{Overflow, Tensor};
use std::collections::BTreeMap;
use term::Terms;

/// What every certificate begins with: formats, rounding, enclosures, and the theorems that lemmas
/// apply. It is checked with the other proofs, as `docs/proofs/Nearest.v` and `Enclosure.v`.
pub const PRELUDE: [(&str, &str); 2] = [
    ("Nearest", include_str!("../../../docs/proofs/Nearest.v")),
    ("Enclosure", include_str!("../../../docs/proofs/Enclosure.v")),
];

/// What certificates rest on besides if a cast saturates: `docs/proofs/Saturates.v`.
pub const SATURATES: (&str, &str) = ("Saturates", include_str!("../../../docs/proofs/Saturates.v"));

/// The prelude as one text.
pub fn prelude() -> String {
    let own =
        |line: &&str| !PRELUDE.iter().any(|(name, _)| *line == format!("Require Import {name}."));
    let text = |(_, text): &(&str, &str)| -> String {
        text.lines().filter(own).map(|line| format!("{line}\n")).collect()
    };
    PRELUDE.iter().map(text).collect()
}

/// Whether some lemmas need [`SATURATES`].
pub fn saturates(lemmas: &str) -> bool {
    lemmas.contains("(saturates ")
}

/// The prelude, and what these lemmas need besides.
pub fn prelude_for(lemmas: &str) -> String {
    let (_, theorem) = SATURATES.1.split_once("Open Scope R_scope.\n").unwrap_or_default();
    prelude() + if saturates(lemmas) { theorem } else { "" }
}

/// A question with an answer that is to be certified, right or wrong.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// What to call it: a golden test's id.
    pub name: &'a str,
    /// What is asked.
    pub question: &'a Question,
    /// The answer: name, values, and residuals where there are any.
    pub expected: Vec<(&'a str, &'a Tensor, Option<&'a Tensor>)>,
}

/// The lemmas of one claim.
#[derive(Clone, Debug, Default)]
pub struct Lemmas {
    /// A Coq module, to be put after [`prelude_for`] it; empty if there is no lemma.
    pub text: String,
    /// Names of the lemmas, in order.
    pub names: Vec<String>,
    /// Elements that have no lemma, by reason.
    pub left_out: BTreeMap<&'static str, usize>,
}

/// The lemmas of a claim, for the elements that are wanted (a tensor's name, a flat index).
///
/// ```
/// use ropewalk::{encoding::Question, exact, request::Request};
/// use ropewalk_theorem::{Claim, certificate};
/// let line = r#"{"cmd":"run","id":"a","operation":"table","dtype":"f32",
///     "config":{"head_dim":4,"layout":"half","rope_theta":10000},"input":{"positions":[1]}}"#;
/// let question = Question::new(&Request::parse(line).unwrap()).unwrap();
/// let answer = exact::answer(&question).unwrap();
/// let expected = answer.tensors.iter().map(|t| (t.name, &t.expected, t.residual.as_ref()));
/// let claim = Claim { name: "a", question: &question, expected: expected.collect() };
/// let certificate = certificate(&claim, &|tensor, index| tensor == "cos" && index == 0);
/// assert!(certificate.text.contains("nearest F32 (cos (1 * theta 0)) = value F32 0x3f0a5140"));
/// ```
pub fn certificate(claim: &Claim, wanted: &dyn Fn(&str, usize) -> bool) -> Lemmas {
    let mut sheet = Sheet {
        wanted,
        expected: &claim.expected,
        statements: Vec::new(),
        left_out: BTreeMap::new(),
    };
    let definitions = match &claim.question.body {
        Body::Rotate(r) => rotary::rotate(r, &mut sheet),
        Body::Table(t) => rotary::table(t, &mut sheet),
        Body::InvFreq(f) => rotary::inv_freq(f, &mut sheet),
        Body::Score(s) => rotary::score(s, &mut sheet),
        Body::Apply(a) => rotary::apply(a, &mut sheet),
        Body::AlibiSlopes(a) => additive::alibi_slopes(a, &mut sheet),
        Body::AlibiBias(a) => additive::alibi_bias(a, &mut sheet),
        Body::Sinusoidal(s) => additive::sinusoidal(s, &mut sheet),
        Body::AttentionTemperature(t) => additive::temperature(t, &mut sheet),
        Body::Attention(a) => attention::attention(a, &mut sheet),
        Body::Chain(c) => chain::chain(c, &mut sheet),
        _ => Err(reason::OPERATION),
    };
    let mut certificate = Lemmas { left_out: sheet.left_out, ..Lemmas::default() };
    let mut leave_out = |reason| *certificate.left_out.entry(reason).or_default() += 1;
    let definitions = match definitions {
        Ok(definitions) => definitions,
        Err(reason) => {
            for (name, tensor, _) in &claim.expected {
                (0..tensor.data().len())
                    .filter(|&index| wanted(name, index))
                    .for_each(|_| leave_out(reason));
            }
            return certificate;
        }
    };
    for (name, tensor, _) in &claim.expected {
        if tensor.dtype().format().is_none() {
            (0..tensor.data().len())
                .filter(|&index| wanted(name, index))
                .for_each(|_| leave_out(reason::INTEGER));
        }
    }
    let mut terms = Terms::new(&definitions);
    let mut lemmas = Vec::new();
    for statement in &sheet.statements {
        let found = claim.expected.iter().find(|(name, ..)| *name == statement.tensor);
        let Some((_, tensor, residual)) = found else { continue };
        let overflow = match &claim.question.body {
            Body::Chain(chain) => chain.rounding(statement.tensor, tensor.dtype()).1,
            _ => tensor.dtype().format().map_or(Overflow::Ieee, |format| format.overflow()),
        };
        let lemma = lemma::lemma(statement, tensor, *residual, overflow);
        match lemma.and_then(|mut lemma| {
            let term = terms.read(&lemma.real).ok_or(reason::UNREAD)?;
            lemma.sharpen(&terms, term)?;
            Ok((lemma, term))
        }) {
            Ok(lemma) => lemmas.push(lemma),
            Err(reason) => leave_out(reason),
        }
    }
    if lemmas.is_empty() {
        return certificate;
    }
    let proofs = Proofs::new(&terms, &lemmas);
    let module = text::identifier(claim.name);
    let mut text = definitions.text() + &proofs.text;
    for (lemma, term) in &lemmas {
        certificate.names.push(format!("{module}.{}", lemma.name));
        text += &proofs.lemma(lemma, *term);
    }
    certificate.text =
        format!("\nModule {module}.\n{}{text}End {module}.\n", text::eight_bits(&text));
    certificate
}
