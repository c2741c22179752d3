//! What rotates nothing: the slopes of ALiBi and the buckets of T5.

use super::table::columns;
use super::{Args, Failure};
use crate::CliError;
use ropewalk::encoding::model::{self, PositionEncoding};
use ropewalk::encoding::{Alibi, Buckets, Question};
use ropewalk::exact;
use ropewalk::request::{Json, Object, Operation, Position, Request};

/// The table or the JSON of an additive encoding; nothing for a config that is none.
pub(super) fn text(title: &str, config: &Object, args: &Args) -> Result<Option<String>, Failure> {
    let flat;
    let config = match config.get("model") {
        Some(Json::Object(file)) => match model::position_encoding(file) {
            Ok(PositionEncoding::Alibi) => {
                flat = model::flatten_additive(config, Operation::AlibiSlopes)?;
                &flat
            }
            Ok(PositionEncoding::T5) => {
                flat = model::flatten_additive(config, Operation::T5Bucket)?;
                &flat
            }
            _ => return Ok(None),
        },
        _ => config,
    };
    let has = |key: &str| config.get(key).is_some();
    let (heading, table, json) = match (has("slopes"), has("num_buckets")) {
        (true, _) => slopes(config, args.digits)?,
        (_, true) => buckets(config)?,
        _ => return Ok(None),
    };
    if args.svg.is_some() {
        return Err(Failure::Other(CliError::Usage(format!(
            "{title} has no planes, and so no picture"
        ))));
    }
    Ok(Some(match args.json {
        true => {
            let pairs = [("title", Json::from(title)), ("config", Json::Object(config.clone()))];
            let pairs = pairs.into_iter().map(|(key, value)| (key.to_string(), value));
            let object: Object = pairs.chain([json]).collect();
            format!("{}\n", serde_json::to_string(&Json::Object(object)).unwrap_or_default())
        }
        false => format!("{title}\n{heading}\n\n{}", columns(&table)),
    }))
}

/// A heading, lines of cells, and the same as JSON.
type Shown = (String, Vec<Option<Vec<String>>>, (String, Json));

fn line<const N: usize>(cells: [&str; N]) -> Option<Vec<String>> {
    Some(cells.map(str::to_string).to_vec())
}

fn slopes(config: &Object, digits: u32) -> Result<Shown, Failure> {
    let mut of_slopes = config.clone();
    for key in ["form", "head_dim"] {
        of_slopes.remove(key);
    }
    let alibi = Alibi::new(&of_slopes, false)?;
    let request = [
        ("cmd", Json::from("run")),
        ("id", Json::from("show")),
        ("operation", Json::from("alibi_slopes")),
        ("dtype", Json::from("f64")),
        ("config", Json::Object(of_slopes)),
        ("input", Json::Object(Object::default())),
    ];
    let request: Object = request.into_iter().map(|(k, v)| (k.to_string(), v)).collect();
    let request = serde_json::to_string(&Json::Object(request)).unwrap_or_default();
    let question = Question::new(&Request::parse(&request)?)?;
    let decimals = match exact::decimals(&question, digits)? {
        Json::Object(output) => output.get("slopes").cloned(),
        _ => None,
    };
    let list = decimals.unwrap_or(Json::Array(Vec::new()));
    let mut table = vec![line(["head", "slope", "exactly"])];
    if let Json::Array(items) = &list {
        for (head, item) in items.iter().enumerate() {
            let decimal = match item {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            let exactly = alibi.slope(head).to_string();
            table.push(line([&head.to_string(), &decimal, &exactly]));
        }
    }
    let heading = format!(
        "ALiBi, {} heads: slopes, truncated to {digits} digits; the bias is slope times distance",
        alibi.num_heads
    );
    Ok((heading, table, ("slopes".to_string(), list)))
}

fn buckets(config: &Object) -> Result<Shown, Failure> {
    let buckets = Buckets::new(config)?;
    let of = |key: i64| buckets.bucket(Position::integer(0), Position::integer(key));
    // The bucket grows with the distance, and from max_distance on it is the last one.
    let first = |sign: i64, bucket: usize| {
        let (mut low, mut high) = (0, buckets.max_distance);
        while low < high {
            let middle = low + (high - low) / 2;
            match of(sign * middle) >= bucket {
                true => high = middle,
                false => low = middle + 1,
            }
        }
        low
    };
    let mut table = vec![line(["bucket", "key", "distances"])];
    let mut json = Vec::new();
    let directions: &[(i64, &str)] = match buckets.bidirectional {
        true => &[(-1, "before or at the query"), (1, "after the query")],
        false => &[(-1, "before or at the query")],
    };
    let per_direction = buckets.num_buckets / directions.len();
    for (direction, (sign, key)) in directions.iter().enumerate() {
        for place in 0..per_direction {
            let bucket = direction * per_direction + place;
            let from = first(*sign, bucket).max(direction as i64);
            let distances = match place + 1 == per_direction {
                true => format!("from {from}"),
                false => match first(*sign, bucket + 1) - 1 {
                    to if to < from => continue,
                    to if to == from => from.to_string(),
                    to => format!("{from} to {to}"),
                },
            };
            table.push(line([&bucket.to_string(), key, &distances]));
            json.push(Json::Integer((from * sign) as i128));
        }
    }
    let heading = format!(
        "T5, {} buckets, max_distance {}: which distances share a learned bias",
        buckets.num_buckets, buckets.max_distance
    );
    Ok((heading, table, ("first_key_minus_query".to_string(), Json::Array(json))))
}
