//! Where the tokens of a dump stand: all rows of the batch alike, or each by itself.

use crate::CliError;
use crate::{positions, tensors};
use ropewalk::dump::{Geometry, Places};
use ropewalk::request::POSITION_LIMIT;

/// The options that say it.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Of the tokens: FIRST..END, FIRST..END:STEP, a list 1,2,3, @FILE with integers between white
    /// space, or integers of a FILE.npy or FILE:NAME of shape [tokens], [batch, tokens] or with the
    /// axes of the rope before; once, or once per axis of the rope
    #[arg(long, value_name = "POSITIONS", allow_hyphen_values = true)]
    positions: Vec<String>,
    /// Of packed sequences, each from 0: where they begin and the last one ends, as a list 0,7,64,
    /// @FILE, FILE.npy or FILE:NAME
    #[arg(long, value_name = "LENGTHS", conflicts_with = "positions")]
    cu_seqlens: Option<String>,
    /// Added to every position; a list is of one for each row of the batch, or each sequence.
    /// Alone it means that the tokens count from there
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    offset: Option<String>,
}

fn usage<T>(why: String) -> Result<T, CliError> {
    Err(CliError::Usage(why))
}

/// Integers and their shape, from any of the forms.
fn integers(option: &str, text: &str) -> Result<(Vec<usize>, Vec<i64>), CliError> {
    let name = text.strip_prefix('@').unwrap_or(text);
    if !tensors::is_tensor(name) {
        let list = positions::list(text)?;
        return Ok((vec![list.len()], list));
    }
    let raw = tensors::raw(name)?;
    match raw.integers() {
        Some(list) => match list.iter().find(|p| p.unsigned_abs() > POSITION_LIMIT as u64) {
            Some(p) => usage(format!("{option} {text}: {p} is beyond ±2^62")),
            None => Ok((raw.shape, list)),
        },
        None => usage(format!("{option} {text}: it is {}, allowed are i64 and i32", raw.dtype)),
    }
}

/// Positions for a rope of so many axes and tensors of a geometry.
pub(super) fn places(
    options: &Options,
    axes: usize,
    geometry: &Geometry,
) -> Result<Places, CliError> {
    let whole @ [batch, tokens] = geometry.tokens();
    let given = format!("(axes {:?}, shape {:?})", geometry.letters, geometry.shape());
    let (mut found, sequences) = match &options.cu_seqlens {
        Some(text) => packed(text, whole, &given)?,
        None if options.positions.is_empty() && options.offset.is_none() => {
            return usage("give --positions, --cu-seqlens or --offset".into());
        }
        None => (listed(&options.positions, axes, whole, &given)?, None),
    };
    let Some(text) = &options.offset else { return Ok(found) };
    let (_, offsets) = integers("--offset", text)?;
    let parts = sequences.as_ref().map_or(batch, Vec::len);
    if let [offset] = offsets[..] {
        add(&mut found, &|_| offset)?;
    } else if offsets.len() != parts {
        let count = offsets.len();
        return usage(format!("--offset are {count}, allowed is one, or one for each of {parts}"));
    } else if let Some(ends) = &sequences {
        add(&mut found, &|place| offsets[ends.partition_point(|&end| end <= place)])?;
    } else {
        found = spread(found, whole);
        add(&mut found, &|place| offsets[place / tokens.max(1)])?;
    }
    Ok(found)
}

/// Adds what depends on the place in the lists.
fn add(places: &mut Places, offset: &dyn Fn(usize) -> i64) -> Result<(), CliError> {
    let moved = |p: i64, by: i64| {
        let sum = p.checked_add(by).filter(|sum| sum.unsigned_abs() <= POSITION_LIMIT as u64);
        sum.ok_or_else(|| CliError::Usage(format!("--offset {by}: {p} + {by} is beyond ±2^62")))
    };
    match places {
        Places::Span(span) => {
            if span.count > 0 {
                moved(span.start + span.step * (span.count as i64 - 1), offset(0))?;
            }
            span.start = moved(span.start, offset(0))?;
        }
        Places::Lists(lists) => {
            for (place, p) in lists.iter_mut().flat_map(|list| list.iter_mut().enumerate()) {
                *p = moved(*p, offset(place))?;
            }
        }
    }
    Ok(())
}

/// The same with places of its own for each row of the batch.
fn spread(places: Places, [batch, tokens]: [usize; 2]) -> Places {
    if places.len() == batch * tokens {
        return places;
    }
    let axes = match &places {
        Places::Span(_) => 1,
        Places::Lists(lists) => lists.len(),
    };
    let list = |axis: usize| {
        (0..batch * tokens).map(|place| places.at(place % tokens.max(1), axis)).collect()
    };
    Places::Lists((0..axes).map(list).collect())
}

/// Packed sequences: their positions, and where each ends.
fn packed(
    text: &str,
    [batch, tokens]: [usize; 2],
    given: &str,
) -> Result<(Places, Option<Vec<usize>>), CliError> {
    let (_, ends) = integers("--cu-seqlens", text)?;
    let rises = ends.first() == Some(&0) && ends.windows(2).all(|pair| pair[0] <= pair[1]);
    if !rises {
        return usage(format!("--cu-seqlens {text}: it must begin with 0 and never fall"));
    }
    let total = ends.last().copied().unwrap_or_default() as u64;
    if batch != 1 || total != tokens as u64 {
        return usage(format!(
            "--cu-seqlens ends at {total}, the tensors have {tokens} tokens in each of {batch} rows \
             {given}; it is for one row of packed sequences"
        ));
    }
    let list = ends.windows(2).flat_map(|pair| 0..pair[1] - pair[0]).collect();
    let ends = ends[1..].iter().map(|&end| end as usize).collect();
    Ok((Places::Lists(vec![list]), Some(ends)))
}

/// What --positions says; from 0 on if it says nothing.
fn listed(
    texts: &[String],
    axes: usize,
    [batch, tokens]: [usize; 2],
    given: &str,
) -> Result<Places, CliError> {
    if texts.is_empty() {
        let span = (0..tokens as i64).into();
        return Ok(Places::Span(span));
    }
    if let [text] = texts
        && let Some(span) = positions::span(text)?
    {
        return match span.count == tokens {
            true => Ok(Places::Span(span)),
            false => usage(format!(
                "--positions are {}, the tensors have {tokens} tokens {given}",
                span.count
            )),
        };
    }
    if texts.len() > 1 && texts.len() != axes {
        let count = texts.len();
        return usage(format!("--positions stands {count} times; this config has {axes} axes"));
    }
    let mut lists = Vec::new();
    for text in texts {
        let (shape, list) = integers("--positions", text)?;
        let whole = [batch, tokens];
        let outer = match &shape[..] {
            [n] if *n == tokens => 1,
            [n] if *n == batch * tokens => 1,
            [1, n] if *n == tokens => 1,
            [b, n] if [*b, *n] == whole => match texts.len() == 1 && axes > 1 && *b == axes {
                true => {
                    return usage(format!(
                        "--positions {text}: shape {shape:?} may mean rows or axes; \
                         [axes, batch, tokens] is clear"
                    ));
                }
                false => 1,
            },
            [a, n] if *a == axes && *n == tokens => *a,
            [a, b, n] if *a == axes && [*b, *n] == whole => *a,
            [a, 1, n] if *a == axes && *n == tokens => *a,
            [n] => {
                return usage(format!(
                    "--positions are {n}, the tensors have {tokens} tokens {given}"
                ));
            }
            _ => {
                return usage(format!(
                    "--positions {text} has shape {shape:?}, the tensors have {batch} rows of {tokens} \
                     tokens {given}, the rope {axes} axes"
                ));
            }
        };
        let length = list.len() / outer;
        lists.extend(list.chunks(length.max(1)).map(<[i64]>::to_vec));
    }
    if lists.iter().any(|list| list.len() != lists[0].len()) {
        return usage("--positions: the axes differ in length".to_string());
    }
    Ok(Places::Lists(lists))
}
