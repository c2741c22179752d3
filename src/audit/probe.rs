//! Beyond the numbers: other ways of asking the same question, and what must not happen to memory.
//!
//! A probe is a case like any other, with the same right answer; `x_probe` in its input says how
//! it is to be asked, and its id ends in `@` and the probe's name. So a kernel that is right on
//! contiguous tensors and wrong on strided ones is judged by the same bounds both times, and the
//! difference has a name.

use super::case::Case;
use super::kernel::Ask;
use super::report::{CaseReport, Diagnosis, Status, evidence};
use crate::encoding::{Body, Expression};
use crate::request::{Json, Object, Operation};
use std::collections::BTreeMap;

/// What may be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Probe {
    /// It wrote outside of its outputs.
    Canary,
    /// It changed an input that was not given to be changed.
    InputChanged,
    /// It left elements of an output as they were.
    Unwritten,
    /// It takes tensors for contiguous that are not.
    Strided,
    /// It reads what it has already overwritten.
    InPlace,
    /// It reads positions of one width as if they had another.
    PositionWidth,
    /// The same call gives different bits.
    Race,
}

impl Probe {
    /// All of them.
    pub const ALL: [Probe; 7] = [
        Probe::Canary,
        Probe::InputChanged,
        Probe::Unwritten,
        Probe::Strided,
        Probe::InPlace,
        Probe::PositionWidth,
        Probe::Race,
    ];

    /// Those that are ways of asking. The others are looked for in every call.
    pub const ASKED: [Probe; 4] =
        [Probe::Strided, Probe::InPlace, Probe::PositionWidth, Probe::Race];

    /// The word in reports and ids.
    pub const fn name(self) -> &'static str {
        match self {
            Probe::Canary => "canary",
            Probe::InputChanged => "input_changed",
            Probe::Unwritten => "unwritten",
            Probe::Strided => "strided",
            Probe::InPlace => "in_place",
            Probe::PositionWidth => "position_width",
            Probe::Race => "race",
        }
    }

    /// The fault class.
    pub const fn class(self) -> &'static str {
        match self {
            Probe::Canary => "E10",
            Probe::InputChanged | Probe::InPlace => "G6",
            Probe::Unwritten => "E9",
            Probe::Strided => "G4",
            Probe::PositionWidth => "E14",
            Probe::Race => "G5",
        }
    }

    /// What to change in a kernel.
    pub const fn fix(self) -> &'static str {
        match self {
            Probe::Canary => {
                "count what is launched: batches, heads, tokens and axes, and the last vector of a \
                 row."
            }
            Probe::InputChanged => {
                "write to the output alone; what is derived from an input needs memory of its own."
            }
            Probe::Unwritten => {
                "cover every batch, head and token; look at the path for one token, and at the \
                 last block."
            }
            Probe::Strided => "address every tensor by its own strides, in and out, q and k.",
            Probe::InPlace => "read both coordinates of a pair before writing either.",
            Probe::PositionWidth => "read positions in the width that the call names.",
            Probe::Race => {
                "let no two threads touch one pair, and keep nothing from one call to the next."
            }
        }
    }

    /// Real reports of the class.
    pub const fn links(self) -> &'static [&'static str] {
        match self {
            Probe::Canary => &["sgl-project/sgl-kernel-xpu#202", "sgl-project/sglang#20559"],
            Probe::InputChanged => &["unslothai/unsloth#5001", "ml-explore/mlx-lm#939"],
            Probe::Unwritten => &["ml-explore/mlx#3494", "oxiglade/mlx-rs#359"],
            Probe::Strided => &["ggml-org/llama.cpp#14580", "PaddlePaddle/Paddle#74347"],
            Probe::InPlace => &["ggml-org/llama.cpp#20274", "sgl-project/sglang#19989"],
            Probe::PositionWidth => &["flashinfer-ai/flashinfer#1129", "ROCm/aiter#2566"],
            Probe::Race => &["vllm-project/vllm#48872", "NVIDIA/Megatron-LM#4640"],
        }
    }

    /// The probe of this name.
    pub fn from_name(name: &str) -> Option<Probe> {
        Probe::ALL.into_iter().find(|probe| probe.name() == name)
    }

    /// The way in which a question is to be asked, if not the plain one.
    pub fn of(ask: &Ask) -> Option<Probe> {
        match ask.input.get(KEY) {
            Some(Json::String(name)) => Probe::from_name(name),
            _ => None,
        }
    }
}

/// The key of the input.
const KEY: &str = "x_probe";

/// A case and its [`richness`].
type Ranked<'c> = (usize, &'c Case);

/// Cases with these many of everything are asked again for each operation, format and layout.
const EACH: usize = 3;

/// The questions that are worth asking in other ways: those with most of what can be confused
/// (several batches, heads and tokens, keys beside queries), each with every probe.
pub fn probes(cases: &[Case]) -> Vec<Case> {
    let mut kinds: BTreeMap<[&str; 3], Vec<Ranked>> = BTreeMap::new();
    for case in cases {
        let rotates = matches!(case.ask.operation, Operation::Rotate | Operation::Apply);
        if rotates && let Some(richness) = richness(case) {
            let layout = case.word("layout").unwrap_or_default();
            let kind = [case.ask.operation.name(), case.ask.dtype.name(), layout];
            kinds.entry(kind).or_default().push((richness, case));
        }
    }
    let mut found = Vec::new();
    for (_, mut ranked) in kinds {
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.ask.id.cmp(&b.1.ask.id)));
        for (_, case) in ranked.into_iter().take(EACH) {
            for probe in Probe::ASKED {
                // Tables have no positions.
                if probe == Probe::PositionWidth && case.ask.operation == Operation::Apply {
                    continue;
                }
                found.push(with(case, probe));
            }
        }
    }
    found
}

/// How many ways of going wrong a case offers; none if it is to be refused.
fn richness(case: &Case) -> Option<usize> {
    let expected = case.truth.expected.tensors()?;
    let (_, q) = expected.0.first()?;
    let &[batch, heads, seq, _] = q.shape() else { return None };
    // What no call can ask is not worth a place among the few.
    let one = Expression::integer(1);
    let plain = match case.ask.question().ok()?.body {
        Body::Rotate(r) => r.rope.axes == 1 && r.rope.planes.iter().all(|p| p.growth == one),
        _ => true,
    };
    let several = [batch, heads, seq].iter().filter(|&&n| n > 1).count();
    // More tokens than one, or there is nothing to mistake.
    (plain && seq > 1).then_some(100 * several + 100 * expected.0.len() + q.data().len().min(99))
}

fn with(case: &Case, probe: Probe) -> Case {
    let mut case = case.clone();
    case.ask.id = format!("{}@{}", case.ask.id, probe.name());
    let mut input: Object = case.ask.input;
    input.set(KEY, Json::from(probe.name()));
    case.ask.input = input;
    case.group = format!("{} as {}", case.group, probe.name());
    case.basic = false;
    case
}

/// Gives the names of probes to answers that are wrong only because of how they were asked.
pub(super) fn name_failures(cases: &mut [CaseReport]) {
    let index: BTreeMap<String, usize> =
        cases.iter().enumerate().map(|(index, case)| (case.id.clone(), index)).collect();
    for asked in 0..cases.len() {
        let Some((base, probe)) = cases[asked].id.split_once('@') else { continue };
        let (Some(&plain), Some(probe)) = (index.get(base), Probe::from_name(probe)) else {
            continue;
        };
        let (here, there) = (&cases[asked].status, &cases[plain].status);
        let text = match (here, there, probe) {
            (Status::Wrong, Status::Passed, _) => {
                let how = match probe {
                    Probe::Strided => "with padded and permuted strides",
                    Probe::InPlace => "in place",
                    Probe::PositionWidth => "with positions of the other width",
                    _ => "in a larger batch",
                };
                format!("right as plainly asked, wrong {how}: {}", evidence(&cases[asked]))
            }
            // The other way round: it is the plain width that it gets wrong.
            (
                Status::Passed | Status::Misbehaved(Probe::PositionWidth, _),
                Status::Wrong,
                Probe::PositionWidth,
            ) => {
                let wrong = evidence(&cases[plain]);
                let text = format!("wrong with 64-bit positions and not with others: {wrong}");
                cases[plain].status = Status::Misbehaved(probe, text);
                continue;
            }
            _ => continue,
        };
        cases[asked].status = Status::Misbehaved(probe, text);
    }
}

/// What the probes found, each with its first finding, the most frequent first.
pub(super) fn diagnoses(cases: &[CaseReport]) -> Vec<Diagnosis> {
    let mut found: BTreeMap<Probe, (usize, &str)> = BTreeMap::new();
    for case in cases.iter().filter(|case| !case.known) {
        if let Status::Misbehaved(probe, text) = &case.status {
            found.entry(*probe).or_insert((0, text)).0 += 1;
        }
    }
    let all = cases.iter().filter(|case| case.status.is_divergence() && !case.known).count();
    let mut found: Vec<(Probe, (usize, &str))> = found.into_iter().collect();
    found.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let diagnosis = |(probe, (count, text)): (Probe, (usize, &str))| Diagnosis {
        faults: vec![probe.name()],
        alternatives: vec![],
        explains: count as f64 / all.max(1) as f64,
        summary: format!("fault class {}: {text}", probe.class()),
        fix: probe.fix().into(),
        links: probe.links().to_vec(),
    };
    found.into_iter().map(diagnosis).collect()
}
