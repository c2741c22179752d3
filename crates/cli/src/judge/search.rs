//! Which profile a dump is judged by, and what is wrong with it.

use super::Args;
use super::dump::Dump;
use crate::CliError;
use crate::progress::progress;
use ropewalk::audit::{
    Answered, Description, Large, LargeJudge, Options, Outcome, Report, Verdict, judge_all,
    right_profiles,
};
use ropewalk::encoding::Question;
use ropewalk::number::Dtype;
use ropewalk::profile::{Profile, common};

/// What came of it.
pub(super) struct Judged {
    pub(super) dump: Dump,
    pub(super) profile: &'static str,
    /// All profiles that could have explained it, with the elements of a sample that each finds
    /// wrong.
    pub(super) rivals: Vec<(&'static str, usize)>,
    /// Rows of that sample.
    pub(super) sample: usize,
    pub(super) large: Large,
    /// What explains the wrong elements; none if there are none.
    pub(super) report: Option<Report>,
    /// What is seen without a search.
    pub(super) plain: Option<&'static str>,
}

impl Judged {
    pub(super) fn verdict(&self) -> Verdict {
        // What has no value, and the nothing that is made of nothing, is right by a rule and shows
        // nothing of a kernel.
        let large = &self.large;
        match (large.wrong, large.judged > large.without_value() + large.zeros) {
            (0, false) => Verdict::Unjudged,
            (0, true) => Verdict::Conforms,
            _ => Verdict::Diverges,
        }
    }
}

/// Rows looked at first, to see which profiles are possible.
const SAMPLE: usize = 256;

/// Rows all over the tensor, on no lattice: positions in bf16 are right at every 1024th.
fn sample(rows: usize) -> Vec<usize> {
    let count = rows.min(SAMPLE);
    let place = |i: usize| (i as u128 * rows as u128 / count as u128) as usize;
    let inside = |i: usize| i.wrapping_mul(0x9e37_79b9) % (place(i + 1) - place(i));
    (0..count).map(|i| place(i) + inside(i)).collect()
}

/// Judges all rows by the first profile that explains them; where none does, by the one that
/// leaves least unexplained, as far as a sample shows.
pub(super) fn judge(args: &Args, dump: Dump, question: &Question) -> Result<Judged, CliError> {
    let rows = dump.geometry.rows();
    let sample = sample(rows);
    let mut possible = Vec::new();
    for profile in candidates(args, question.dtype) {
        if let Some(judge) = LargeJudge::new(question, profile) {
            possible.push((dump.some(&judge, &sample)?.wrong, profile.name, judge));
        }
    }
    let least = possible.iter().map(|(wrong, ..)| *wrong).min().unwrap_or(0);
    let mut best: Option<(&'static str, Large)> = None;
    for (_, name, judge) in possible.iter().filter(|(wrong, ..)| *wrong == least) {
        if let Some((_, known)) = &best
            && dump.some(judge, &few(&known.rows))?.wrong > 0
        {
            // What was wrong before is wrong by this profile too.
            continue;
        }
        let bar = progress(rows as u64, "rows");
        let large = dump.all(judge, &|count| bar.inc(count))?;
        bar.finish_and_clear();
        if best.as_ref().is_none_or(|(_, known)| large.wrong < known.wrong) {
            best = Some((name, large));
        }
        if best.as_ref().is_some_and(|(_, large)| large.wrong == 0) {
            break;
        }
    }
    let (Some((profile, large)), Some((.., any))) = (best, possible.first()) else {
        return Err(CliError::Usage(format!("no profile is right for {}", question.dtype)));
    };
    let rivals = possible.iter().map(|(wrong, name, _)| (*name, *wrong)).collect();
    let mut judged =
        Judged { dump, profile, rivals, sample: sample.len(), large, report: None, plain: None };
    if judged.large.wrong > 0 {
        judged.plain = plainly(&judged, any, &sample)?;
        if !judged.dump.is_identity() {
            judged.report = Some(explain(args, &judged.dump, any, &judged.large, &sample)?);
        }
    }
    Ok(judged)
}

/// What can be said without any search.
fn plainly(
    judged: &Judged,
    any: &LargeJudge,
    sample: &[usize],
) -> Result<Option<&'static str>, CliError> {
    let dump = &judged.dump;
    if dump.is_identity() {
        return Ok(Some("nothing is rotated: what came out is what went in, bit for bit"));
    }
    let rows = [few(sample), few(&judged.large.rows)].concat();
    let exchanged = dump.before.dtype == dump.after.dtype && dump.exchanged(any, &rows)?.wrong == 0;
    Ok(exchanged.then_some("or the files are exchanged: BEFORE is AFTER, rightly rotated"))
}

/// Some of a list, all over it.
fn few(list: &[usize]) -> Vec<usize> {
    const FEW: usize = 12;
    list.iter().step_by(list.len().div_ceil(FEW).max(1)).copied().collect()
}

/// The profile that is given, or all that are right, those in common use first.
fn candidates(args: &Args, dtype: Dtype) -> Vec<Profile> {
    if let Some(profile) = args.profile {
        return vec![*profile];
    }
    let mut list = common(dtype);
    for profile in right_profiles(dtype) {
        if list.iter().all(|known| known.name != profile.name) {
            list.push(profile);
        }
    }
    list
}

/// An audit of some rows, wrong ones and others.
fn explain(
    args: &Args,
    dump: &Dump,
    judge: &LargeJudge,
    large: &Large,
    sample: &[usize],
) -> Result<Report, CliError> {
    let mut rows = [few(sample), few(&large.rows)].concat();
    rows.sort_unstable();
    rows.dedup();
    let options = Options {
        door: "a dump".into(),
        profile: args.profile.copied(),
        twice: false,
        ..Options::default()
    };
    let (case, got) = dump.case(judge, &rows)?;
    let output = Outcome::Output(vec![("q".to_string(), got)]);
    let asked = Answered { case: 0, outcome: Ok(output), fickle: false };
    Ok(judge_all(&[case], &[asked], Description::named("dump"), &options))
}
