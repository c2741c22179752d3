//! Judging two tensors: by which profile, and what explains what is wrong.

use super::explain::explain;
use super::failure::Failure;
use super::geometry::Geometry;
use super::places::Places;
use super::raw::Raw;
use super::rows::Dump;
use super::slice;
use super::unwound::unwound;
use crate::audit::{Large, LargeJudge, Report, Verdict, right_profiles};
use crate::encoding::{Body, Question, RopeConfig};
use crate::exact::bulk::Rotator;
use crate::number::{Dtype, Tensor};
use crate::profile::{Profile, common};
use crate::request::{Direction, Json, Object, Operation, Request, run_request, tensor_json};
use rayon::prelude::*;

/// A tensor before and after, and what was to be done.
///
/// ```
/// use ropewalk::dump::{Places, Raw, Rotated};
/// use ropewalk::{audit::Verdict, exact::ladder::Span, number::Dtype, request::Direction};
/// let config = r#"{"head_dim":2,"layout":"half","rope_theta":10000}"#;
/// let bytes = |list: [f32; 4]| list.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
/// let raw = |list| Raw::new(Dtype::F32, vec![2, 2], bytes(list), 0).unwrap();
/// let rotated = Rotated {
///     names: ["q".into(), "q_out".into()],
///     before: raw([1.0, 0.0, 1.0, 0.0]),
///     after: raw([1.0, 0.0, 1f32.cos(), 1f32.sin()]),
///     config: serde_json::from_str(config).unwrap(),
///     seq_len: None,
///     direction: Direction::Forward,
///     axes: None,
///     places: Places::Span(Span { start: 0, step: 1, count: 2 }),
///     profile: None,
/// };
/// let judged = rotated.judge(&|_| ()).unwrap();
/// assert_eq!(judged.verdict(), Verdict::Conforms);
/// ```
pub struct Rotated<'a> {
    /// What the two are called in reports.
    pub names: [String; 2],
    /// What went in.
    pub before: Raw<'a>,
    /// What came out.
    pub after: Raw<'a>,
    /// The config, flat or in the model form.
    pub config: Object,
    /// Total length, for rope types that depend on it.
    pub seq_len: Option<i64>,
    /// Which way was turned.
    pub direction: Direction,
    /// Letters of the axes, by default the last ones of bhsd.
    pub axes: Option<String>,
    /// Where the tokens stand.
    pub places: Places,
    /// Judges instead of the right profile that fits.
    pub profile: Option<Profile>,
}

/// What came of it.
pub struct Judged<'a> {
    /// What the two are called.
    pub names: [String; 2],
    /// Which way was turned.
    pub direction: Direction,
    /// The tensors.
    pub dump: Dump<'a>,
    /// The profile that fits best.
    pub profile: &'static str,
    /// All profiles that could have explained it, with the elements of a sample that each finds
    /// wrong.
    pub rivals: Vec<(&'static str, usize)>,
    /// What was counted.
    pub large: Large,
    /// What explains the wrong elements; none if there are none.
    pub report: Option<Report>,
    /// What is seen without a search: nothing was rotated, or the tensors are exchanged.
    pub plain: Option<&'static str>,
    /// A rotation without rows: config, direction and formats.
    question: Question,
}

impl Judged<'_> {
    /// The answer.
    pub fn verdict(&self) -> Verdict {
        match (self.large.wrong, self.large.tells()) {
            (0, false) => Verdict::Unjudged,
            (0, true) => Verdict::Conforms,
            _ => Verdict::Diverges,
        }
    }
}

impl<'a> Rotated<'a> {
    /// Judges every element. `progress` is called with numbers of rows that were judged, by one
    /// profile after the other where the first does not fit.
    ///
    /// # Errors
    /// What is given does not fit together, or the config is refused.
    pub fn judge(self, progress: &(dyn Fn(u64) + Sync)) -> Result<Judged<'a>, Failure> {
        self.ready()?.judge(progress)
    }

    /// The same, and none where all is right, which is found out some times faster: nothing that is
    /// right is measured.
    ///
    /// # Errors
    /// As [`Rotated::judge`].
    pub fn wrong(self) -> Result<Option<Judged<'a>>, Failure> {
        let ready = self.ready()?;
        if ready.right()? {
            return Ok(None);
        }
        let judged = ready.judge(&|_| ())?;
        Ok(Some(judged).filter(|judged| judged.verdict() != Verdict::Conforms))
    }

    fn ready(self) -> Result<Ready<'a>, Failure> {
        let checked = RopeConfig::new(&self.config)?;
        let rope = checked.rope(self.seq_len)?;
        for (name, raw) in self.names.iter().zip([&self.before, &self.after]) {
            if raw.dtype.format().is_none() {
                let dtype = raw.dtype;
                return Err(format!("{name} is {dtype}, allowed are f64, f32, bf16, f16").into());
            }
        }
        if self.before.shape != self.after.shape {
            let ([before, after], [from, to]) = (&self.names, [&self.before, &self.after]);
            return Err(Failure::Usage(format!(
                "{before} has shape {:?}, {after} has {:?}: they must be the same",
                from.shape, to.shape
            )));
        }
        let (letters, shape) = (self.axes.as_deref(), &self.before.shape);
        let geometry = Geometry::new(letters, shape, "bhsd")?.at(self.places.len())?;
        let config = slice::config(&checked, &rope, self.seq_len, geometry.dim)?;
        let question = self.question(&config, geometry.dim, rope.axes)?;
        let Body::Rotate(rotate) = &question.body else {
            return Err("a rotation was asked for".to_string().into());
        };
        let largest = self.places.largest();
        let rotator = Rotator::new(&rotate.rope, rotate.direction, question.dtype, largest);
        let Some(rotator) = rotator else {
            let why = "a rope with growth (xpos) or more than four axes is for `ropewalk audit`";
            return Err(why.to_string().into());
        };
        let Rotated { names, before, after, direction, places, profile, .. } = self;
        let dump = Dump { before, after, geometry, places, rotator: rotator? };
        Ok(Ready { names, direction, dump, question, profile })
    }

    /// A rotation without rows, whose config, direction and formats are meant.
    fn question(&self, config: &Object, head_dim: usize, axes: usize) -> Result<Question, Failure> {
        let tensor = |dtype: Dtype| {
            let none = Tensor::new(dtype, vec![1, 1, 0, head_dim], vec![]);
            none.map(|tensor| tensor_json(&tensor)).unwrap_or(Json::Null)
        };
        let nothing = || Json::Array(vec![Json::Array(vec![])]);
        let positions = match axes {
            0 | 1 => nothing(),
            axes => Json::Array((0..axes).map(|_| nothing()).collect()),
        };
        let mut input = Object::default();
        input.set("positions", positions);
        input.set("q", tensor(self.before.dtype));
        input.set("direction", Json::from(self.direction.name()));
        if let Some(length) = self.seq_len {
            input.set("seq_len", Json::from(length));
        }
        let dtype = self.after.dtype;
        let request = run_request(Operation::Rotate, dtype, "dump", config, &input);
        Ok(Question::new(&Request::from_json(&request)?)?)
    }
}

/// Tensors that fit together, and what they are judged by.
struct Ready<'a> {
    names: [String; 2],
    direction: Direction,
    dump: Dump<'a>,
    question: Question,
    profile: Option<Profile>,
}

impl<'a> Ready<'a> {
    fn judge(self, progress: &(dyn Fn(u64) + Sync)) -> Result<Judged<'a>, Failure> {
        let Ready { names, direction, dump, question, profile } = self;
        let Found { profile, rivals, large, report, plain } =
            judge(&dump, &question, profile, progress)?;
        Ok(Judged { names, direction, dump, profile, rivals, large, report, plain, question })
    }

    /// Whether the first profile that explains all rows is seen to do so.
    fn right(&self) -> Result<bool, Failure> {
        let sample = sample(self.dump.geometry.rows());
        for profile in candidates(self.profile, self.question.dtype) {
            let Some(judge) = LargeJudge::new(&self.question, profile) else { continue };
            if self.dump.some(&judge, &sample)?.wrong > 0 {
                continue;
            }
            match self.dump.right(&judge)? {
                Some(false) => continue,
                known => return Ok(known.is_some()),
            }
        }
        Ok(false)
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

/// What was found out.
struct Found {
    profile: &'static str,
    rivals: Vec<(&'static str, usize)>,
    large: Large,
    report: Option<Report>,
    plain: Option<&'static str>,
}

/// Judges all rows by the first profile that explains them; where none does, by the one that
/// leaves least unexplained, as far as a sample shows.
fn judge(
    dump: &Dump,
    question: &Question,
    given: Option<Profile>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Found, Failure> {
    let rows = dump.geometry.rows();
    let sample = sample(rows);
    let mut possible = Vec::new();
    for profile in candidates(given, question.dtype) {
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
        let large = dump.all(judge, progress)?;
        if best.as_ref().is_none_or(|(_, known)| large.wrong < known.wrong) {
            best = Some((name, large));
        }
        if best.as_ref().is_some_and(|(_, large)| large.wrong == 0) {
            break;
        }
    }
    let (Some((profile, large)), Some((.., any))) = (best, possible.first()) else {
        return Err(format!("no profile is right for {}", question.dtype).into());
    };
    let rivals = possible.iter().map(|(wrong, name, _)| (*name, *wrong)).collect();
    let mut found = Found { profile, rivals, large, report: None, plain: None };
    if found.large.wrong > 0 {
        let rows = [few(&sample), few(&found.large.rows)].concat();
        found.plain = plainly(dump, any, &rows)?;
        // Where nothing is rotated there is nothing to look for.
        if !dump.is_identity() {
            found.report = Some(explain(given, dump, any, &found.large)?);
        }
    }
    Ok(found)
}

/// What can be said without any search.
fn plainly(dump: &Dump, any: &LargeJudge, rows: &[usize]) -> Result<Option<&'static str>, Failure> {
    if dump.is_identity() {
        return Ok(Some("nothing is rotated: what came out is what went in, bit for bit"));
    }
    let exchanged = dump.before.dtype == dump.after.dtype && dump.exchanged(any, rows)?.wrong == 0;
    Ok(exchanged.then_some("or the two are exchanged: the first is the second, rightly rotated"))
}

/// Some of a list, all over it.
fn few(list: &[usize]) -> Vec<usize> {
    const FEW: usize = 12;
    list.iter().step_by(list.len().div_ceil(FEW).max(1)).copied().collect()
}

/// The profile that is given, or all that are right, those in common use first.
fn candidates(given: Option<Profile>, dtype: Dtype) -> Vec<Profile> {
    if let Some(profile) = given {
        return vec![profile];
    }
    let mut list = common(dtype);
    for profile in right_profiles(dtype) {
        if list.iter().all(|known| known.name != profile.name) {
            list.push(profile);
        }
    }
    list
}

impl Judged<'_> {
    /// Batch, head and token of wrong rows, all or so many, evenly spread; and the position by which
    /// each was really turned, where it is one integer and the rope has one axis.
    pub fn wrong_rows(&self, most: usize) -> Vec<(Vec<usize>, Option<i64>)> {
        let step = self.large.rows.len().div_ceil(most.max(1)).max(1);
        let rows = self.large.rows.par_iter().step_by(step);
        rows.map(|&row| (self.dump.geometry.split(row).to_vec(), self.rotated_at(row))).collect()
    }

    fn rotated_at(&self, row: usize) -> Option<i64> {
        let Body::Rotate(rotate) = &self.question.body else { return None };
        let (rope, Dump { before, after, geometry, .. }) = (&rotate.rope, &self.dump);
        let formats = [before.dtype.format()?, after.dtype.format()?];
        let (mut input, mut got) = (vec![], vec![]);
        before.append(geometry.offset(row), geometry.dim, &mut input);
        after.append(geometry.offset(row), geometry.dim, &mut got);
        let position = unwound(rope, formats, &input, &got).filter(|_| rope.axes <= 1)?;
        Some(if self.direction == Direction::Forward { position } else { -position })
    }
}
