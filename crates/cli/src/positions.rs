//! Positions as they are written on the command line.

use super::CliError;
use ropewalk::dump::Places;
use ropewalk::exact::ladder::Span;
use ropewalk::request::POSITION_LIMIT;

fn wrong(text: &str, rule: &str) -> CliError {
    CliError::Usage(format!("--positions {text}: {rule}"))
}

fn integer(text: &str, whole: &str) -> Result<i64, CliError> {
    let number: Option<i64> = text.trim().parse().ok();
    number
        .filter(|n| n.unsigned_abs() <= POSITION_LIMIT as u64)
        .ok_or_else(|| wrong(whole, &format!("{text:?} is no integer within ±2^62")))
}

/// FIRST..END or FIRST..END:STEP; a negative step counts down. The end is left out.
pub fn span(text: &str) -> Result<Option<Span>, CliError> {
    let Some((first, rest)) = text.split_once("..") else { return Ok(None) };
    let (end, step) = match rest.split_once(':') {
        Some((end, step)) => (end, integer(step, text)?),
        None => (rest, 1),
    };
    let (first, end) = (integer(first, text)?, integer(end, text)?);
    if step == 0 {
        return Err(wrong(text, "a step of 0 leads nowhere"));
    }
    // From one end of the range to the other is one more than an i64 holds.
    let distance = (end as i128 - first as i128) * step.signum() as i128;
    if distance < 0 {
        return Err(wrong(text, "it ends before it begins; a step of -1 counts down"));
    }
    let count = distance.unsigned_abs().div_ceil(step.unsigned_abs() as u128);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    Ok(Some(Span { start: first, step, count }))
}

/// A span written out, a list, or @FILE.
pub fn list(text: &str) -> Result<Vec<i64>, CliError> {
    if let Some(span) = span(text)? {
        // Only reached with several axes, whose lists are kept in memory.
        const MOST: usize = 1 << 26;
        if span.count > MOST {
            return Err(wrong(text, "with an axis each, at most 2^26 positions"));
        }
        return Ok((0..span.count as i64).map(|i| span.start + span.step * i).collect());
    }
    let content;
    let parts: Vec<&str> = match text.strip_prefix('@') {
        Some(path) => {
            let path = std::path::Path::new(path);
            content = std::fs::read_to_string(path).map_err(CliError::file(path))?;
            content.split_whitespace().collect()
        }
        None => text.split(',').collect(),
    };
    parts.into_iter().map(|part| integer(part, text)).collect()
}

/// One argument for all axes, or one for each.
pub fn parse(arguments: &[String], axes: usize) -> Result<Places, CliError> {
    if let [one] = arguments {
        return match span(one)? {
            Some(span) => Ok(Places::Span(span)),
            None => Ok(Places::Lists(vec![list(one)?])),
        };
    }
    if arguments.len() != axes {
        return Err(CliError::Usage(format!(
            "--positions stands {} times; this config has {axes} axes",
            arguments.len()
        )));
    }
    let lists: Vec<_> = arguments.iter().map(|text| list(text)).collect::<Result<_, _>>()?;
    if lists.iter().any(|list| list.len() != lists[0].len()) {
        return Err(CliError::Usage("--positions: the axes differ in length".to_string()));
    }
    Ok(Places::Lists(lists))
}
