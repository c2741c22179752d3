//! A sweep as lines of JSON, and back.

use super::truth::Enclosed;
use super::{CliError, Failure};
use ropewalk::encoding::RopeConfig;
use ropewalk::profile::{
    self, Computed, Finding, LAST_POSITION, Measure, Profile, Sweep, Swept, Truth, Worst, slack,
};
use ropewalk::request::Object;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::ops::Range;
use std::path::{Path, PathBuf};

const SCHEMA: &str = "ropewalk-sweep-1";

/// What was asked.
pub struct Header {
    pub profile: &'static Profile,
    /// Normalised.
    pub config: Object,
    pub seq_len: Option<i64>,
    pub bound: f64,
    /// The positions that were looked at, in order, none twice.
    pub ranges: Vec<Range<u64>>,
}

/// An error with proof: some position has at least the one, and none more than the other.
#[derive(Clone, Copy)]
pub struct Certified {
    pub worst: Worst,
    pub at_least: f64,
    pub at_most: f64,
}

/// A plane's errors in the order of [`Measure::ALL`].
pub struct PlaneRecord {
    pub frequency: f64,
    pub measures: [(Option<Certified>, Option<u64>); 3],
}

/// A sweep with its proof.
pub struct Record<'a> {
    pub header: &'a Header,
    pub planes: Vec<PlaneRecord>,
    octaves: &'a [Option<(Worst, usize)>],
}

impl<'a> Record<'a> {
    /// Encloses the errors at the worst positions by the interval reference.
    pub fn new(
        header: &'a Header,
        swept: &'a Swept,
        sweep: &Sweep,
        truth: &Enclosed,
    ) -> Record<'a> {
        let certified = |plane: usize, index: usize, worst: Worst| {
            let computed: Computed = sweep.computed(plane, worst.position);
            let [at_least, at_most] = truth.errors(plane, worst.position, &computed)[index];
            let last = header.ranges.last().map_or(0, |range| range.end);
            let (relative, absolute) = slack(Measure::ALL[index], &truth.plane(plane), last);
            // One rounding more for each step of this line.
            let most = (worst.error * (1.0 + 2.0 * relative) + absolute).next_up();
            Certified { worst, at_least, at_most: most.max(at_most) }
        };
        let plane = |(plane, findings): (usize, &[Finding; 3])| PlaneRecord {
            frequency: truth.frequency(plane),
            measures: std::array::from_fn(|index| {
                let Finding { worst, first } = findings[index];
                (worst.map(|worst| certified(plane, index, worst)), first)
            }),
        };
        let planes = swept.planes.iter().enumerate().map(plane).collect();
        Record { header, planes, octaves: &swept.octaves }
    }

    /// One line for what was asked, one for each plane, one for each octave of positions.
    pub fn ndjson(&self) -> String {
        let Header { profile, config, seq_len, bound, ranges } = self.header;
        let ranges: Vec<_> = ranges.iter().map(|range| [range.start, range.end]).collect();
        let mut lines = vec![json!({
            "schema": SCHEMA, "profile": profile.name, "config": config, "seq_len": seq_len,
            "bound": bound, "ranges": ranges,
        })];
        for (index, plane) in self.planes.iter().enumerate() {
            let mut line = json!({"plane": index, "frequency": plane.frequency});
            for (measure, (certified, first)) in Measure::ALL.iter().zip(&plane.measures) {
                let Some(Certified { worst, at_least, at_most }) = certified else { continue };
                line[measure.name()] = json!({
                    "position": worst.position, "error": number(worst.error),
                    "at_least": number(*at_least), "at_most": number(*at_most), "first": first,
                });
            }
            lines.push(line);
        }
        for (index, octave) in self.octaves.iter().enumerate() {
            let Some((worst, plane)) = octave else { continue };
            lines.push(json!({
                "octave": index, "plane": plane, "position": worst.position,
                "angle": number(worst.error),
            }));
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// A number, or the word for one that JSON has not.
fn number(x: f64) -> Value {
    if x.is_finite() { json!(x) } else { json!("inf") }
}

fn error<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Word(String),
    }
    match Written::deserialize(from)? {
        Written::Number(x) => Ok(x),
        Written::Word(word) if word == "inf" => Ok(f64::INFINITY),
        Written::Word(word) => Err(serde::de::Error::custom(format!("{word:?} is no error"))),
    }
}

#[derive(Deserialize, Serialize)]
struct ReadHeader {
    schema: String,
    profile: String,
    config: Object,
    seq_len: Option<i64>,
    bound: f64,
    ranges: Vec<[u64; 2]>,
}

#[derive(Deserialize)]
struct ReadFinding {
    position: u64,
    #[serde(deserialize_with = "error")]
    error: f64,
    first: Option<u64>,
}

#[derive(Deserialize)]
struct ReadPlane {
    plane: usize,
    angle: Option<ReadFinding>,
    table: Option<ReadFinding>,
    rotation: Option<ReadFinding>,
}

#[derive(Deserialize)]
struct ReadOctave {
    octave: usize,
    plane: usize,
    position: u64,
    #[serde(deserialize_with = "error")]
    angle: f64,
}

impl From<ReadFinding> for Finding {
    fn from(read: ReadFinding) -> Finding {
        let worst = Worst { error: read.error, position: read.position };
        Finding { worst: Some(worst), first: read.first }
    }
}

fn read(path: &Path) -> Result<(Header, Swept), CliError> {
    parse(&std::fs::read_to_string(path).map_err(CliError::file(path))?)
        .map_err(|why| CliError::Usage(format!("{} {why}", path.display())))
}

/// Reads what [`Record::ndjson`] wrote.
pub fn parse(text: &str) -> Result<(Header, Swept), String> {
    let wrong = |line: usize, why: String| format!("line {}: {why}", line + 1);
    let mut lines = text.lines().enumerate();
    let first = lines.next().map_or("", |(_, line)| line);
    let header: ReadHeader =
        serde_json::from_str(first).map_err(|error| wrong(0, error.to_string()))?;
    if header.schema != SCHEMA {
        return Err(wrong(0, format!("schema is {:?}, allowed is {SCHEMA}", header.schema)));
    }
    let profile = profile::find(&header.profile)
        .ok_or_else(|| wrong(0, format!("no profile is called {:?}", header.profile)))?;
    let rope = RopeConfig::new(&header.config).and_then(|config| config.rope(header.seq_len));
    let planes = rope.map_err(|reject| wrong(0, reject.to_string()))?.planes.len();
    if !header.bound.is_finite() {
        return Err(wrong(0, format!("bound is {}, allowed is a number", header.bound)));
    }
    for [start, end] in &header.ranges {
        if start > end || *end > LAST_POSITION {
            let allowed = "allowed is 0 <= start <= end <= 2^32";
            return Err(wrong(0, format!("a range is [{start}, {end}], {allowed}")));
        }
    }
    let looked_at =
        |position: u64| header.ranges.iter().any(|[start, end]| (*start..*end).contains(&position));
    let mut swept = Swept::default();
    for (number, line) in lines {
        let value: Value =
            serde_json::from_str(line).map_err(|error| wrong(number, error.to_string()))?;
        let index = |name: &str, index: usize, most: usize| match index < most {
            true => Ok(index),
            false => Err(wrong(number, format!("{name} is {index}, allowed is 0 to {}", most - 1))),
        };
        let within = |position: u64| match looked_at(position) {
            true => Ok(()),
            false => Err(wrong(number, format!("position {position} is in no range of line 1"))),
        };
        if value.get("octave").is_some() {
            let read: ReadOctave =
                serde_json::from_value(value).map_err(|error| wrong(number, error.to_string()))?;
            let octave = index("octave", read.octave, 34)?;
            index("plane", read.plane, planes)?;
            within(read.position)?;
            swept.octaves.resize(swept.octaves.len().max(octave + 1), None);
            let worst = Worst { error: read.angle, position: read.position };
            swept.octaves[octave] = Some((worst, read.plane));
        } else {
            let read: ReadPlane =
                serde_json::from_value(value).map_err(|error| wrong(number, error.to_string()))?;
            let plane = index("plane", read.plane, planes)?;
            for found in [&read.angle, &read.table, &read.rotation].into_iter().flatten() {
                [Some(found.position), found.first].into_iter().flatten().try_for_each(within)?;
            }
            swept.planes.resize(swept.planes.len().max(plane + 1), Default::default());
            swept.planes[plane] = [read.angle, read.table, read.rotation]
                .map(|finding| finding.map(Finding::from).unwrap_or_default());
        }
    }
    let ranges = header.ranges.iter().map(|[start, end]| *start..*end).collect();
    let ReadHeader { config, seq_len, bound, .. } = header;
    Ok((Header { profile, config, seq_len, bound, ranges }, swept))
}

/// Sweeps of one question put together.
pub fn merge(paths: &[PathBuf]) -> Result<(Header, Swept), Failure> {
    let mut merged: Option<(Header, Swept)> = None;
    for path in paths {
        let (header, swept) = read(path)?;
        merged = Some(match merged {
            None => (header, swept),
            Some((mut all, sum)) => {
                let same = all.profile == header.profile
                    && all.config == header.config
                    && all.seq_len == header.seq_len
                    && all.bound == header.bound;
                if !same {
                    let (path, first) = (path.display(), paths[0].display());
                    let why = format!(
                        "{path}: profile, config, seq_len and bound must be those of {first}"
                    );
                    return Err(Failure::Other(CliError::Usage(why)));
                }
                all.ranges.extend(header.ranges);
                (all, sum.merge(swept))
            }
        });
    }
    let (mut header, swept) =
        merged.ok_or_else(|| CliError::Usage("--merge: no files".to_string()))?;
    header.ranges.sort_by_key(|range| range.start);
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for range in header.ranges {
        match ranges.last_mut() {
            Some(last) if range.start < last.end => {
                let twice = format!("position {} is in two of the files", range.start);
                return Err(Failure::Other(CliError::Usage(twice)));
            }
            Some(last) if range.start == last.end => last.end = range.end,
            _ if range.is_empty() => {}
            _ => ranges.push(range),
        }
    }
    Ok((Header { ranges, ..header }, swept))
}
