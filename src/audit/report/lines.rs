//! The lines of a report for programs, as they are written: what each has, and its schema.

use crate::audit::errors::{Band, Cell};
use crate::audit::finding::{
    CaseReport, Diagnosis, Drawn, Fitted, Group, Report, Section, Status, Unseen, Verdict,
};
use crate::audit::judge::{HISTOGRAM, Wrong};
use crate::audit::place::{At, Place};
use crate::vector::SUITE;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The value of `schema` in the header: the format's name and its major version.
pub(super) const REPORT_SCHEMA: &str = "ropewalk-audit-1";

/// A line of an audit report in NDJSON (ropewalk-audit-1).
///
/// A report is one header, then every section followed by its groups, then every case in the order
/// of asking, then one footer. Without its footer it is not valid. Keys are stable; a key may be
/// added in a minor version of the program, which readers should ignore.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "line", rename_all = "lowercase")]
#[allow(clippy::large_enum_variant)] // lives for one line
pub(super) enum Line<'r> {
    Header(Header<'r>),
    Section(SectionLine<'r>),
    Group(GroupLine<'r>),
    Case(CaseLine<'r>),
    Footer(Footer<'r>),
}

/// A number; "infinite" for what JSON has no number for; null where there is none.
pub(super) struct Size(f64);

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            x if x.is_finite() => to.serialize_f64(x),
            x if x.is_nan() => to.serialize_none(),
            _ => to.serialize_str("infinite"),
        }
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number; a word for what JSON has no number for; null where there is none (NaN).",
            "oneOf": [{ "type": "number" }, { "const": "infinite" }, { "type": "null" }]
        })
    }
}

/// The first line.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Header<'r> {
    /// Name and major version of the format.
    schema: &'r str,
    /// Version of the program.
    ropewalk: &'r str,
    /// Version of the vectors.
    suite: &'r str,
    kernel: KernelName<'r>,
    /// How the kernel was called.
    door: &'r str,
}

/// Who was audited.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KernelName<'r> {
    name: &'r str,
    version: &'r str,
    language: &'r str,
    homepage: &'r str,
}

/// All cases of one operation in one output format.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SectionLine<'r> {
    operation: &'r str,
    dtype: &'r str,
    /// The right profiles that bound every judged element; the nearest one if elements_wrong is
    /// not 0.
    profiles: &'r [&'static str],
    passed: usize,
    /// Known failures left out.
    diverged: usize,
    broken: usize,
    unjudged: usize,
    elements: usize,
    elements_unjudged: usize,
    elements_wrong: usize,
    worst_ulp: Option<WorstUlp<'r>>,
    /// Largest error relative to its bound, of those within.
    closest: f64,
    histogram: Histogram<'r>,
    silent_groups: &'r [String],
    verdict: Verdict,
    by_position: Vec<PositionCell>,
    by_plane: Vec<PlaneCell>,
}

/// The largest error in ulp, and the case that has it.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WorstUlp<'r> {
    ulp: Size,
    id: &'r str,
}

/// Elements by the size of their error.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Histogram<'r> {
    /// Upper ends of the classes; one more class counts all beyond.
    ulp_up_to: &'r [f64],
    elements: &'r [usize],
}

/// The errors of a band of positions.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PositionCell {
    /// The band of |position| begins here and ends before twice that; null where no position takes
    /// part.
    from: Option<f64>,
    /// Elements with a value and a bound.
    elements: usize,
    /// Those that are wrong.
    beyond: usize,
    /// The largest error in ulp of the right answer.
    ulp: Size,
    /// The largest error as a share of its bound; null where nothing may be off.
    share: Option<Size>,
    /// The largest error relative to |z| of its plane; null for operations that mix nothing.
    relative: Option<Size>,
    /// The largest bound in the same unit.
    bound: Option<Size>,
}

/// The errors of a plane.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlaneCell {
    plane: usize,
    /// Elements with a value and a bound.
    elements: usize,
    /// Those that are wrong.
    beyond: usize,
    /// The largest error in ulp of the right answer.
    ulp: Size,
    /// The largest error as a share of its bound; null where nothing may be off.
    share: Option<Size>,
    /// The largest error relative to |z|; null for operations that mix nothing.
    relative: Option<Size>,
    /// The largest bound in the same unit.
    bound: Option<Size>,
}

/// Cases of one golden file that share a config.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupLine<'r> {
    name: &'r str,
    operation: &'r str,
    dtype: &'r str,
    verdict: Verdict,
    profile: Option<&'static str>,
    passed: usize,
    diverged: usize,
    broken: usize,
    unjudged: usize,
    worst_ulp: Option<Size>,
}

/// One case.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseLine<'r> {
    id: &'r str,
    group: &'r str,
    operation: &'r str,
    dtype: &'r str,
    comment: &'r str,
    flags: &'r [String],
    basic: bool,
    /// The profile it was judged by.
    profile: Option<&'static str>,
    /// What came of it: passed, unjudged, wrong, misfit, refused, accepted, fickle, unsupported,
    /// skipped, errored, unclaimed, the name of a probe, or how it broke.
    status: &'r str,
    /// What there is to say beyond the word.
    detail: Option<String>,
    /// Elements judged (a refusal counts as one).
    judged: usize,
    unjudged: usize,
    wrong: usize,
    worst: Option<WorstLine<'r>>,
    worst_ulp: Option<Size>,
    notes: &'r [String],
    /// Whether it is listed as a known failure.
    known: bool,
}

/// The worst element of a case.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WorstLine<'r> {
    output: &'r str,
    /// Place in it, outermost first.
    index: &'r [usize],
    /// Bits in hexadecimal.
    got: String,
    /// Bits in hexadecimal, correctly rounded.
    want: String,
    ulp: Size,
    allowed_ulp: Size,
    /// Its error relative to |z| of its plane; null for operations that mix nothing.
    relative: Option<Size>,
    /// The rule that it breaks, if it is none of size.
    rule: Option<&'static str>,
    place: Option<PlaceLine<'r>>,
}

/// Where an element lies.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlaceLine<'r> {
    /// The index on every axis, by name.
    axes: BTreeMap<&'r str, usize>,
    /// The position of its token on the axis of its plane: an integer, or "a/b".
    position: serde_json::Value,
    /// Key position less query position.
    distance: Option<String>,
    plane: Option<usize>,
    /// Of its plane: real or imaginary.
    part: Option<&'static str>,
}

/// The last line.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Footer<'r> {
    verdict: Verdict,
    counts: Counts<'r>,
    diagnoses: &'r [Diagnosis],
    clues: &'r [String],
    fitted: &'r Option<Fitted>,
    /// Names of the faults that this run would have seen.
    seen: &'r [&'static str],
    unseen: &'r [Unseen],
    /// Questions that stand in no file; null if none were drawn.
    drawn: &'r Option<Drawn>,
    complaints: &'r [String],
    /// What is worth saying of the run though it decides nothing.
    remarks: &'r [String],
}

/// How many of what.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Counts<'r> {
    cases: usize,
    asked: usize,
    by_status: BTreeMap<&'r str, usize>,
    elements_judged: usize,
    elements_unjudged: usize,
    elements_wrong: usize,
}

impl<'r> Header<'r> {
    pub(super) fn new(report: &'r Report) -> Header<'r> {
        let kernel = &report.kernel;
        Header {
            schema: REPORT_SCHEMA,
            ropewalk: env!("CARGO_PKG_VERSION"),
            suite: SUITE,
            kernel: KernelName {
                name: &kernel.name,
                version: &kernel.version,
                language: &kernel.language,
                homepage: &kernel.homepage,
            },
            door: &report.door,
        }
    }
}

impl<'r> SectionLine<'r> {
    pub(super) fn new(section: &'r Section) -> SectionLine<'r> {
        let bands = section.errors.by_position().into_iter();
        let planes = section.errors.by_plane().into_iter();
        SectionLine {
            operation: section.operation.name(),
            dtype: section.dtype.name(),
            profiles: &section.profiles,
            passed: section.passed,
            diverged: section.diverged,
            broken: section.broken,
            unjudged: section.unjudged,
            elements: section.elements,
            elements_unjudged: section.elements_unjudged,
            elements_wrong: section.elements_wrong,
            worst_ulp: section.worst_ulp.as_ref().map(|(ulp, id)| WorstUlp { ulp: Size(*ulp), id }),
            closest: section.closest,
            histogram: Histogram { ulp_up_to: &HISTOGRAM, elements: &section.histogram },
            silent_groups: &section.silent_groups,
            verdict: section.verdict(),
            by_position: bands.map(|(band, cell)| PositionCell::new(band, &cell)).collect(),
            by_plane: planes.map(|(plane, cell)| PlaneCell::new(plane, &cell)).collect(),
        }
    }
}

impl PositionCell {
    fn new(band: Band, cell: &Cell) -> PositionCell {
        let Cell { elements, beyond, ulp, share, relative, bound } = *cell;
        let [share, relative, bound] = [share, relative, bound].map(|x| x.map(Size));
        PositionCell {
            from: band.start(),
            elements,
            beyond,
            ulp: Size(ulp),
            share,
            relative,
            bound,
        }
    }
}

impl PlaneCell {
    fn new(plane: usize, cell: &Cell) -> PlaneCell {
        let Cell { elements, beyond, ulp, share, relative, bound } = *cell;
        let [share, relative, bound] = [share, relative, bound].map(|x| x.map(Size));
        PlaneCell { plane, elements, beyond, ulp: Size(ulp), share, relative, bound }
    }
}

impl<'r> GroupLine<'r> {
    pub(super) fn new(section: &'r Section, group: &'r Group) -> GroupLine<'r> {
        GroupLine {
            name: &group.name,
            operation: section.operation.name(),
            dtype: section.dtype.name(),
            verdict: group.verdict(),
            profile: group.profile,
            passed: group.passed,
            diverged: group.diverged,
            broken: group.broken,
            unjudged: group.unjudged,
            worst_ulp: group.worst_ulp.map(Size),
        }
    }
}

impl<'r> CaseLine<'r> {
    pub(super) fn new(case: &'r CaseReport) -> CaseLine<'r> {
        CaseLine {
            id: &case.id,
            group: &case.group,
            operation: case.operation.name(),
            dtype: case.dtype.name(),
            comment: &case.comment,
            flags: &case.flags,
            basic: case.basic,
            profile: case.profile,
            status: case.status.name(),
            detail: case.status.detail(),
            judged: case.judged,
            unjudged: case.unjudged,
            wrong: case.wrong,
            worst: case.worst.as_ref().map(|wrong| WorstLine::new(case, wrong)),
            worst_ulp: case.worst_ulp.map(Size),
            notes: &case.notes,
            known: case.known,
        }
    }
}

impl<'r> WorstLine<'r> {
    fn new(case: &'r CaseReport, wrong: &'r Wrong) -> WorstLine<'r> {
        let digits = wrong.dtype.digits();
        WorstLine {
            output: &wrong.name,
            index: &wrong.index,
            got: format!("{:0digits$x}", wrong.got),
            want: format!("{:0digits$x}", wrong.want),
            ulp: Size(wrong.ulps),
            allowed_ulp: Size(wrong.allowed),
            relative: case.relative.map(Size),
            rule: wrong.rule,
            place: case.place.as_ref().map(PlaceLine::new),
        }
    }
}

impl<'r> PlaceLine<'r> {
    fn new(place: &'r Place) -> PlaceLine<'r> {
        let (position, distance) = match place.at {
            Some(At::Position(p)) => (serde_json::to_value(p.to_json()).unwrap_or_default(), None),
            Some(At::Distance(d)) => (serde_json::Value::Null, Some(d.to_string())),
            None => (serde_json::Value::Null, None),
        };
        PlaceLine {
            axes: place.axes.iter().copied().collect(),
            position,
            distance,
            plane: place.plane.map(|(plane, _)| plane),
            part: place.plane.and_then(|(_, part)| part),
        }
    }
}

impl<'r> Footer<'r> {
    pub(super) fn new(report: &'r Report) -> Footer<'r> {
        let mut by_status = BTreeMap::new();
        for case in &report.cases {
            *by_status.entry(case.status.name()).or_default() += 1;
        }
        let sum = |of: &dyn Fn(&CaseReport) -> usize| report.cases.iter().map(of).sum();
        let unclaimed = |case: &&CaseReport| matches!(case.status, Status::Unclaimed(_));
        Footer {
            verdict: report.verdict,
            counts: Counts {
                cases: report.cases.len(),
                asked: report.cases.len() - report.cases.iter().filter(unclaimed).count(),
                by_status,
                elements_judged: sum(&|case| case.judged),
                elements_unjudged: sum(&|case| case.unjudged),
                elements_wrong: sum(&|case| case.wrong),
            },
            diagnoses: &report.diagnoses,
            clues: &report.clues,
            fitted: &report.fitted,
            seen: &report.seen,
            unseen: &report.unseen,
            drawn: &report.drawn,
            complaints: &report.complaints,
            remarks: &report.remarks,
        }
    }
}
