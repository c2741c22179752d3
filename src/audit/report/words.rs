//! The words that all reports share.

use crate::audit::finding::{CaseReport, Section};
use crate::number::Dtype;

/// What a kernel, a library or a file wrote, safe to show: control characters, which could move a
/// cursor and which XML has no way to write, are replaced.
///
/// ```
/// assert_eq!(ropewalk::audit::clean("a\u{1b}[31mb\tc\n"), "a\u{fffd}[31mb c\n");
/// ```
pub fn clean(text: &str) -> String {
    let harmless = |c: char| match c {
        '\n' => c,
        '\t' => ' ',
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => '\u{fffd}',
        // These turn the direction of what follows.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(harmless).collect()
}

/// The address of a report given as owner/repository#number.
///
/// ```
/// use ropewalk::audit::link;
/// assert_eq!(link("ggml-org/llama.cpp#1").unwrap(), "https://github.com/ggml-org/llama.cpp/issues/1");
/// assert_eq!(link("a chat"), None);
/// ```
pub fn link(report: &str) -> Option<String> {
    let (repository, number) = report.split_once('#')?;
    let (owner, name) = repository.split_once('/')?;
    let word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let digits = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    (word(owner) && word(name) && digits)
        .then(|| format!("https://github.com/{repository}/issues/{number}"))
}

/// Several sentences as one text: each ends with a stop, and none with two.
///
/// ```
/// assert_eq!(ropewalk::audit::sentences(&["the base is ignored", "read it."]), "the base is ignored. read it.");
/// ```
pub fn sentences(list: &[&str]) -> String {
    let ended = |text: &&str| {
        let text = text.trim();
        if text.ends_with(['.', '!', '?', '…']) { text.to_string() } else { format!("{text}.") }
    };
    list.iter().filter(|text| !text.trim().is_empty()).map(ended).collect::<Vec<_>>().join(" ")
}

/// "1 case", "2 cases".
pub(super) fn count(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}

/// A number with three digits, short.
pub(super) fn short(x: f64) -> String {
    match x {
        x if x.is_nan() => "no number".into(),
        x if x.is_infinite() => "infinite".into(),
        0.0 => "0".into(),
        x if (0.01..100.0).contains(&x) => {
            let text = format!("{x:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_string()
        }
        x if (100.0..1e4).contains(&x) => format!("{x:.0}"),
        x => format!("{x:.1e}"),
    }
}

/// Where, how far, and what would be right, in a line.
pub fn evidence(case: &CaseReport) -> String {
    if let Some(detail) = case.status.detail() {
        return clean(&detail);
    }
    let Some(wrong) = &case.worst else { return String::new() };
    let (got, want) = (value(wrong.dtype, wrong.got), value(wrong.dtype, wrong.want));
    format!(
        "{} of {} elements wrong; {} is {got}, expected {want}: {}",
        case.wrong,
        case.judged,
        whereabouts(case),
        distance(case)
    )
}

/// The output of the worst element and its place.
pub(super) fn whereabouts(case: &CaseReport) -> String {
    let Some(wrong) = &case.worst else { return String::new() };
    match &case.place {
        Some(place) if !place.axes.is_empty() => format!("{} at {place}", wrong.name),
        _ => {
            let index: String = wrong.index.iter().map(|i| format!("[{i}]")).collect();
            format!("{}{index}", wrong.name)
        }
    }
}

/// How far off the worst element is, or which rule it breaks.
pub fn distance(case: &CaseReport) -> String {
    let Some(wrong) = &case.worst else { return String::new() };
    if let Some(rule) = wrong.rule {
        return rule.to_string();
    }
    let share = (wrong.allowed > 0.0).then(|| wrong.ulps / wrong.allowed);
    let off = off(share, case.relative, Some(wrong.ulps), case.dtype);
    if wrong.allowed == 0.0 { format!("{off}; it must be exact") } else { off }
}

/// An error as people read it: first how many times what is allowed, then what share of what was
/// mixed. Ulp of the answer only where nothing has cancelled, or they are of no size.
///
/// ```
/// use ropewalk::{audit::off, number::Dtype};
/// assert_eq!(off(Some(3.5), Some(2e-7), Some(4.0), Dtype::F32), "off by 3.5 × what is allowed, 2.0e-7 of |z|, 4.000 ulp");
/// assert_eq!(off(Some(3.5), Some(2e-7), Some(1e9), Dtype::F32), "off by 3.5 × what is allowed, 2.0e-7 of |z|");
/// ```
pub fn off(share: Option<f64>, relative: Option<f64>, ulps: Option<f64>, dtype: Dtype) -> String {
    let precision = dtype.format().map_or(64, |format| format.precision as i32);
    // The error in ulp of what was mixed.
    let whole = |relative: f64| libm::ldexp(relative, precision - 1);
    let cancelled = |ulps: f64| match relative {
        Some(relative) => ulps > 64.0 * whole(relative).max(1.0),
        None => ulps > libm::ldexp(1.0, precision),
    };
    let endless = [share, relative].into_iter().flatten().any(f64::is_infinite);
    let share = share.filter(|share| share.is_finite());
    let relative = relative.filter(|relative| relative.is_finite());
    let parts = [
        share.map(|share| format!("{} × what is allowed", short(share))),
        relative.map(|relative| format!("{} of |z|", short(relative))),
        ulps.filter(|ulps| !cancelled(*ulps)).map(|ulps| format!("{} ulp", ulp(ulps))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match (parts.is_empty(), endless) {
        (true, true) => "off without limit".into(),
        (true, false) => "off where its terms cancel".into(),
        (false, _) => format!("off by {}", parts.join(", ")),
    }
}

/// The largest errors of a section, for a line of a table.
pub fn largest(section: &Section) -> String {
    let whole = section.errors.whole();
    match (&section.worst_ulp, whole.relative) {
        (None, _) => "exact".into(),
        (Some((0.0, _)), _) => "exact".into(),
        (_, Some(relative)) if relative.is_finite() => format!("{} of |z|", short(relative)),
        (Some((ulps, _)), _) => format!("{} ulp", ulp(*ulps)),
    }
}

/// A bit pattern as a person reads it.
pub fn value(dtype: Dtype, bits: u64) -> String {
    match dtype.format() {
        Some(format) => {
            let x = format.to_f64(bits);
            let digits = match dtype {
                Dtype::F64 => 17,
                Dtype::F32 => 9,
                _ => 5,
            };
            let plain = x == 0.0 || (1e-4..1e7).contains(&x.abs()) || !x.is_finite();
            match plain {
                true => {
                    let places = match x.abs() {
                        a if a >= 1.0 => digits - 1 - (a.log10() as usize).min(digits - 1),
                        _ => digits,
                    };
                    let text = format!("{x:.places$}");
                    match text.contains('.') {
                        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
                        false => text,
                    }
                }
                false => format!("{x:.*e}", digits - 1),
            }
        }
        None if dtype == Dtype::I32 => (bits as u32 as i32).to_string(),
        None => (bits as i64).to_string(),
    }
}

/// An error in ulp with three digits.
pub fn ulp(x: f64) -> String {
    match x {
        x if x.is_nan() => "no number".into(),
        x if x.is_infinite() => "infinite".into(),
        x if x >= 1e5 => format!("{x:.2e}"),
        x if x >= 100.0 => format!("{x:.0}"),
        0.0 => "0".into(),
        x => format!("{x:.3}"),
    }
}
