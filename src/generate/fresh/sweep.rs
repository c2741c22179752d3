//! Every position of a context, one by one: a fault at a single one shows nowhere else.

use super::claims::{Claims, Drawn};
use super::kind::{Draft, Fresh, formats, prefix};
use crate::generate::plan::{Input, config};
use crate::generate::values::{Random, mixed, number};
use crate::number::Dtype;
use crate::request::{Json, Object, Operation};

/// The word of the operation in an id.
const NAME: &str = "positions";
/// Tokens of a question, and how many of them follow each other.
const BLOCK: usize = 1 << 15;
const BLOCKS: usize = 4;
/// Heads, narrowest first; what is wider has too many elements.
const WIDTHS: [&str; 4] = ["2", "4", "8", "16"];
/// The format that tells positions best.
const FORMATS: [&str; 4] = ["f32", "f64", "bf16", "f16"];

/// Questions about all positions below 131 072, in the narrowest head that is claimed.
pub(super) fn draw(seed: u64, claims: &Claims, drawn: &mut Drawn) {
    let operation = Operation::Rotate;
    if claims.own.is_some() || !claims.operations.contains(&operation) {
        return;
    }
    let mut why = String::from("no format of equal input and output is claimed");
    let claimed = |word: &&str| formats(word).is_some_and(|pair| claims.formats.contains(&pair));
    for format in FORMATS.into_iter().filter(claimed) {
        for width in WIDTHS {
            for layout in claims.layouts {
                let id = |block: usize| {
                    format!(
                        "{}{seed}-{NAME}-{format}-{}-{width}-{block}",
                        prefix(None),
                        layout.name()
                    )
                };
                let ask = |block: usize, tokens: usize| {
                    let words = [format, layout.name(), width];
                    let fresh = question(&id(block), &words, block, tokens)?;
                    (claims.admits)(&fresh).map(|()| fresh)
                };
                if let Err(reason) = ask(0, 1) {
                    why = reason;
                    continue;
                }
                for block in 0..BLOCKS {
                    match ask(block, BLOCK) {
                        Ok(fresh) => drawn.questions.push(fresh),
                        Err(reason) => {
                            let first = block * BLOCK;
                            let what =
                                format!("every position from {first} to {}", first + BLOCK - 1);
                            drawn.unasked.push((operation, what, reason));
                        }
                    }
                }
                return;
            }
        }
    }
    let what = "every position below 131072".to_string();
    drawn.unasked.push((operation, what, format!("heads of 2 to 16 would do: {why}")));
}

/// The question of an id, if it is one of these.
pub(super) fn by_id(id: &str, operation: &str, words: &[&str]) -> Option<Result<Fresh, String>> {
    if operation != NAME {
        return None;
    }
    let [format, layout, width, block] = words else {
        return Some(Err(format!("four words follow {NAME}")));
    };
    let number = block.parse::<usize>().ok().filter(|&block| block < BLOCKS);
    Some(match number {
        Some(block) => question(id, &[format, layout, width], block, BLOCK),
        None => Err(format!("the last word is a block, 0 to {}", BLOCKS - 1)),
    })
}

fn question(id: &str, words: &[&str; 3], block: usize, tokens: usize) -> Result<Fresh, String> {
    let [format, layout, width] = *words;
    let dtype =
        Dtype::from_name(format).ok_or_else(|| format!("{id:?}: no format is {format:?}"))?;
    let width: usize = width.parse().map_err(|_| format!("{id:?}: a width is a number"))?;
    if !WIDTHS.iter().any(|known| known.parse() == Ok(width)) {
        return Err(format!("the widths are {}", WIDTHS.join(", ")));
    }
    let object: Object = config([
        ("head_dim", width.into()),
        ("layout", layout.into()),
        ("rope_theta", number(10000.0)),
    ]);
    let first = (block * BLOCK) as i64;
    let row = (first..first + tokens as i64).map(|p| Json::Integer(p as i128)).collect();
    let words = format!("{}", Random::new(id).bits());
    let input = Input::new()
        .with("q", mixed(dtype, &[1, 1, tokens, width], &words))
        .with("positions", Json::Array(vec![Json::Array(row)]));
    let last = first + tokens as i64 - 1;
    let draft = Draft { dtype, config: object, input: input.0, flags: vec!["long-position"] };
    let comment = format!("drawn: every position from {first} to {last}");
    Fresh::new(id, Operation::Rotate, draft, comment)
}
