//! Causes as sentences: who, where, and what was done.

use super::exhibit::{Exhibit, Scene};
use super::fact::{Fact, Value};
use super::mechanism::{Fill, HeadMap, Keys, Mechanism, Order, Pairing, Scale, Shift, Side};
use super::place::{Atom, Place, Test};
use super::rule::round;
use super::solve::Cause;

/// The sentence that an author reads first.
pub(super) fn sentence(exhibits: &[Exhibit], cause: &Cause) -> String {
    let unit = &cause.rows[0];
    let exhibit = &exhibits[unit.exhibit];
    let name = exhibit.sides[unit.side].name;
    let (subject, place) = place_words(&cause.place, all_of_it(exhibit));
    let what = cause.mechanism.words(name);
    let known = matches!(cause.mechanism, Mechanism::Known(_));
    let now =
        if cause.spared > 0 && !known { " now and then, at no place that is known" } else { "" };
    format!("{subject}{place}{now}: {what}")
}

/// What an answer as a whole is called.
pub(super) fn all_of_it(exhibit: &Exhibit) -> &'static str {
    match (&exhibit.scene, exhibit.sides.first().map(|side| side.name)) {
        (Scene::Grid(_), _) | (Scene::Whole(_), Some("out")) => "The answer",
        (Scene::Whole(_), Some("positions" | "axis t" | "axis y")) => "Positions",
        _ => "Rows",
    }
}

/// Who and where: `Keys`, `, only backward, from head 8 on`. `all` is what the answer as a whole is
/// called.
pub(super) fn place_words(place: &Place, all: &str) -> (String, String) {
    let is = |fact: &Fact, word: &str| {
        place.atoms.iter().any(|a| a.fact == *fact && a.test == Test::Is(Value::Word(word.into())))
    };
    let passed = is(&Fact::Part, "passed");
    let subject = match (is(&Fact::Tensor, "q"), is(&Fact::Tensor, "k")) {
        (true, _) if passed => "The coordinates of queries that no plane turns",
        (_, true) if passed => "The coordinates of keys that no plane turns",
        _ if passed => "The coordinates that no plane turns",
        (true, _) => "Queries",
        (_, true) => "Keys",
        _ => SUBJECTS.into_iter().find(|(name, _)| is(&Fact::Tensor, name)).map_or(all, |s| s.1),
    };
    let words =
        place.atoms.iter().filter(|a| !matches!(a.fact, Fact::Tensor)).filter_map(atom_words);
    let list: Vec<String> = words.collect();
    let place = if list.is_empty() { String::new() } else { format!(", {}", list.join(", ")) };
    (subject.to_string(), place)
}

/// What the outputs are called, by their names as sides.
const SUBJECTS: [(&str, &str); 9] = [
    ("v", "Values"),
    ("lse", "The logarithms"),
    ("axis t", "Positions on axis t"),
    ("axis h", "Positions on axis h"),
    ("axis w", "Positions on axis w"),
    ("axis y", "Positions on axis y"),
    ("axis x", "Positions on axis x"),
    ("rope_delta", "rope_delta"),
    ("indices", "The indices"),
];

/// One condition; none where the subject has it already.
fn atom_words(atom: &Atom) -> Option<String> {
    let yes = atom.test == Test::Is(Value::flag(true));
    let flag = |is: &str, not: &str| Some(if yes { is.to_string() } else { not.to_string() });
    let what = match &atom.fact {
        Fact::Part => {
            return (atom.test == Test::Is(Value::Word("turned".into())))
                .then(|| "in the planes".to_string());
        }
        Fact::OneToken => {
            return flag("only in decoding steps (one token)", "only with several tokens");
        }
        Fact::Partial => {
            return flag("where rotary_dim < head_dim", "where the whole head is turned");
        }
        Fact::Offset => return flag("where rotary_offset > 0", "where rotary_offset is 0"),
        Fact::KeysPresent => return flag("where keys are given too", "where no keys are given"),
        Fact::Grouped => {
            return flag(
                "where keys have another number of heads than queries",
                "where keys have as many heads as queries",
            );
        }
        Fact::Repeated => {
            return flag("when a shape is asked again", "when a shape is asked first");
        }
        Fact::BeyondKeyHeads => {
            return flag(
                "in heads from the number of key heads on",
                "in heads below the number of key heads",
            );
        }
        Fact::SecondHalf => {
            return flag("in the second half of the heads", "in the first half of the heads");
        }
        Fact::LastToken => return flag("in the last token", "in all tokens but the last"),
        Fact::LastHead => return flag("in the last head", "in all heads but the last"),
        Fact::LastRow => {
            return flag("in the last row of the batch", "in all rows of the batch but the last");
        }
        Fact::HeadTail(tile) => {
            return Some(match &atom.test {
                Test::From(..) | Test::Is(_) | Test::OneOf(_) => {
                    format!("in the heads after the last whole {tile} (from head {tile}·k on)")
                }
                _ => format!("in the heads of whole groups of {tile}"),
            });
        }
        Fact::Wide => return flag("where head_dim ≥ 64", "where head_dim < 64"),
        Fact::HeadsAreTokens => {
            return flag(
                "where there are as many heads as tokens",
                "where heads and tokens differ in number",
            );
        }
        Fact::RowsDiffer => {
            return flag(
                "where the rows of a batch have different positions",
                "where the rows of a batch have the same positions",
            );
        }
        Fact::BeyondOriginal => {
            return flag(
                "where a position reaches original_max_position_embeddings",
                "below original_max_position_embeddings",
            );
        }
        Fact::PastOriginal => {
            return flag(
                "from original_max_position_embeddings on",
                "below original_max_position_embeddings",
            );
        }
        Fact::LongerThanOriginal => {
            return flag(
                "where seq_len is beyond original_max_position_embeddings",
                "where seq_len is within original_max_position_embeddings",
            );
        }
        Fact::Direction => {
            return Some(match &atom.test {
                Test::Is(word) => format!("only {word}"),
                Test::Not(word) => format!("not {word}"),
                other => format!("in direction {}", test_words(other, false)),
            });
        }
        Fact::RowTail(tile) => {
            return Some(match &atom.test {
                Test::From(..) | Test::Is(_) | Test::OneOf(_) => {
                    format!(
                        "in the tokens after the last whole {tile} of a row (from token {tile}·k on)"
                    )
                }
                _ => format!("in the tokens of whole tiles of {tile}"),
            });
        }
        Fact::Tail(tile) => {
            return Some(match &atom.test {
                Test::From(..) | Test::Is(_) | Test::OneOf(_) => {
                    format!(
                        "in the tokens after the last whole {tile} of a call (from token {tile}·k on)"
                    )
                }
                _ => format!("in the tokens of whole tiles of {tile}"),
            });
        }
        Fact::HeadModulo(m) | Fact::TokenModulo(m) | Fact::PositionModulo(m) => {
            let of = match &atom.fact {
                Fact::HeadModulo(_) => "in heads h with h",
                Fact::TokenModulo(_) => "in tokens t with t",
                _ => "at positions p with p",
            };
            return Some(match &atom.test {
                Test::Is(v) => format!("{of} mod {m} = {v}"),
                Test::Not(v) => format!("{of} mod {m} ≠ {v}"),
                other => format!("{of} mod {m} {}", test_words(other, true)),
            });
        }
        Fact::Position => {
            return Some(match &atom.test {
                Test::From(Some(below), least) if *below + 1.0 < *least => {
                    format!("from a position in ({below}, {least}] on")
                }
                Test::From(_, least) => format!("from position {least} on"),
                Test::UpTo(most, _) if *most == -1.0 => "at negative positions".into(),
                Test::UpTo(most, _) => format!("up to position {most}"),
                Test::Is(v) => format!("at position {v}"),
                Test::Not(v) => format!("at positions other than {v}"),
                other => format!("at positions {}", test_words(other, true)),
            });
        }
        Fact::Furthest => {
            return Some(match &atom.test {
                Test::From(Some(below), least) if *below + 1.0 < *least => {
                    format!("from a position in ({below}, {least}] on")
                }
                Test::From(_, least) => format!("from position {least} on"),
                Test::UpTo(most, _) if *most < 0.0 => "at negative positions".into(),
                other => format!("where the furthest position {}", test_words(other, false)),
            });
        }
        Fact::Kind => {
            return Some(match &atom.test {
                Test::Is(v) => format!("in tokens of {v}"),
                Test::Not(v) => format!("in tokens not of {v}"),
                other => format!("in tokens of {}", test_words(other, true)),
            });
        }
        Fact::Head | Fact::Batch | Fact::Token | Fact::Piece => {
            let (one, many) = match atom.fact {
                Fact::Piece => ("piece", "pieces"),
                Fact::Head => ("head", "heads"),
                Fact::Batch => ("row", "rows"),
                _ => ("token", "tokens"),
            };
            let of = if atom.fact == Fact::Batch { " of the batch" } else { "" };
            return Some(match &atom.test {
                Test::Is(v) => format!("in {one} {v}{of}"),
                Test::Not(v) => format!("in {many} other than {v}{of}"),
                Test::From(_, least) if *least == 1.0 => format!("in {many} other than 0{of}"),
                Test::From(_, least) => format!("in {many}{of} from {least} on"),
                Test::UpTo(most, _) => format!("in {many}{of} 0 to {most}"),
                other => format!("in {many}{of} {}", test_words(other, true)),
            });
        }
        Fact::Operation => "operation",
        Fact::Dtype => "dtype",
        Fact::InputDtype => "the input's dtype",
        Fact::Layout => "layout",
        Fact::RopeType => "rope_type",
        Fact::HeadDim => "head_dim",
        Fact::RotaryDim => "rotary_dim",
        Fact::Reach => "the size of the furthest position",
        Fact::Heads => "the number of heads",
        Fact::OwnHeads => "the number of heads of the tensor",
        Fact::KeyHeads => "the number of key heads",
        Fact::Batches => "the number of rows",
        Fact::Tokens => "the number of tokens",
        Fact::Keys => "the number of keys",
        Fact::Axes => "the number of axes",
        Fact::Config(key) => {
            return Some(match &atom.test {
                Test::Given => format!("where {key} is given"),
                Test::Absent => format!("where {key} is not given"),
                other => format!("where {key} {}", test_words(other, false)),
            });
        }
        Fact::Tensor => return None,
    };
    Some(format!("where {what} {}", test_words(&atom.test, false)))
}

fn test_words(test: &Test, short: bool) -> String {
    let list =
        |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
    let is = if short { "" } else { "is " };
    match test {
        Test::Is(v) => format!("{is}{v}"),
        Test::Not(v) => format!("{is}not {v}"),
        Test::OneOf(values) => format!("{is}{}", list(values)),
        Test::NoneOf(values) => format!("{is}not {}", list(values)),
        Test::From(Some(below), least) if least - below > 1.0 => {
            format!("{is}at least {least} ({below} is right)")
        }
        Test::From(_, least) => format!("{is}at least {least}"),
        Test::UpTo(most, Some(above)) if above - most > 1.0 => {
            format!("{is}at most {most} ({above} is right)")
        }
        Test::UpTo(most, _) => format!("{is}at most {most}"),
        Test::Given => "is given".into(),
        Test::Absent => "is not given".into(),
    }
}

impl Mechanism {
    /// What was done to a row of this tensor.
    pub(super) fn words(&self, name: &str) -> String {
        match self {
            Mechanism::Turned(map) => turned(*map),
            Mechanism::Frequencies(rule) => rule.words().0,
            Mechanism::Both(rule, map) => format!("{}, and {}", rule.words().0, turned(*map)),
            Mechanism::Copied(copy) => format!("row (head h) {}", copy.words(name)),
            Mechanism::Zero => "zeros come back (nothing was written, or no gradient)".into(),
            Mechanism::Nonfinite => {
                "NaN or infinity comes back where numbers went in (nothing was written?)".into()
            }
            Mechanism::Scaled(Scale::By(by)) => {
                format!("what comes back is {} times the right answer", round(*by))
            }
            Mechanism::Scaled(Scale::Magnitude(n)) if *n < 0 => {
                "attention_factor is missing: cos and sin are not multiplied by it".into()
            }
            Mechanism::Scaled(Scale::Magnitude(_)) => "attention_factor is applied twice".into(),
            Mechanism::Scaled(Scale::RootDim(power)) if *power < 0.0 => {
                "what comes back is divided by √head_dim".into()
            }
            Mechanism::Scaled(Scale::RootDim(_)) => {
                "what comes back is multiplied by √head_dim".into()
            }
            Mechanism::Scaled(Scale::Own) => {
                "every row is the right one times a factor of its own: what rows are divided or \
                 multiplied by is another"
                    .into()
            }
            Mechanism::Signs(re, im) => match (*re < 0.0, *im < 0.0) {
                (true, true) => "both parts of every pair have the other sign".into(),
                (true, false) => "the real part of every pair has the other sign".into(),
                _ => "the imaginary part of every pair has the other sign".into(),
            },
            Mechanism::Reordered(Order::InHalves) => {
                "the right numbers come in halves, real parts before imaginary ones".into()
            }
            Mechanism::Reordered(Order::SideBySide) => {
                "the right numbers come side by side, real and imaginary part of a pair".into()
            }
            Mechanism::Reordered(Order::Crossed) => {
                "real and imaginary part of every pair are exchanged".into()
            }
            Mechanism::Paired(Pairing::Adjacent) => {
                "pairs are (2i, 2i + 1), not (i, i + r/2)".into()
            }
            Mechanism::Paired(Pairing::Halves) => "pairs are (i, i + r/2), not (2i, 2i + 1)".into(),
            Mechanism::Paired(Pairing::PaddedHalves) => {
                "pairs are (i, i + n/2) with n the next power of two of rotary_dim".into()
            }
            Mechanism::Paired(Pairing::HeadHalves) => {
                "pairs are (i, i + head_dim/2), not (i, i + rotary_dim/2)".into()
            }
            Mechanism::Swapped => {
                "the right numbers come with their bytes in the other order".into()
            }
            Mechanism::Placed(side, shift) => placed(*side, *shift),
            Mechanism::Head(HeadMap::Ranks(2)) => {
                "head h of the second half has what belongs to head h − H/2: every rank takes the \
                 first heads"
                    .into()
            }
            Mechanism::Head(HeadMap::Ranks(n)) => format!(
                "head h has what belongs to head h mod H/{n}: every one of {n} ranks takes the first \
                 heads"
            ),
            Mechanism::Head(HeadMap::Zero) => "every head has what belongs to head 0".into(),
            Mechanism::Head(HeadMap::Next(1)) => "head h has what belongs to head h + 1".into(),
            Mechanism::Head(HeadMap::Next(_)) => "head h has what belongs to head h − 1".into(),
            Mechanism::Head(HeadMap::Reversed) => "the heads are in reverse order".into(),
            Mechanism::Sloped(slopes) => slopes.words(),
            Mechanism::Bucketed(bucketed) => bucketed.words(),
            Mechanism::Blank(keys, fill) => {
                let keys = match keys {
                    Keys::After(tile) => format!("keys after the last whole tile of {tile}"),
                    Keys::Later => "keys later than the query".into(),
                };
                let fill = match fill {
                    Fill::Zero => "0",
                    Fill::Nonfinite => "an infinity or a NaN",
                };
                format!("{keys} have {fill} where the bias is asked for")
            }
            Mechanism::Distance(map) => format!(
                "the distance j − i, p here, is taken to be {} (i: query, j: key)",
                map.formula()
            ),
            Mechanism::Known(known) => known.0.summary.into(),
            Mechanism::Only(pairs, inner) => {
                format!("only in {} of a row: {}", pairs.words(), inner.words(name))
            }
        }
    }

    /// What to change.
    pub(super) fn mend(&self) -> String {
        match self {
            Mechanism::Turned(map) => map.mend(),
            Mechanism::Frequencies(rule) => rule.words().1,
            Mechanism::Both(rule, map) => format!("{}; {}", rule.words().1, map.mend()),
            Mechanism::Copied(copy) => copy.mend(),
            Mechanism::Zero | Mechanism::Nonfinite => {
                "launch threads for these rows too: ceil(n / tile) tiles with a guard, and a backward \
                 that writes its gradient"
                    .into()
            }
            Mechanism::Scaled(super::mechanism::Scale::By(by)) => {
                format!("find the factor {by} that is there, or the one that is missing")
            }
            Mechanism::Scaled(Scale::Own) => {
                "compare the factors with what scales a row: the root of the norm, over which \
                 coordinates and heads it is taken, the scale of the cast, a temperature"
                    .into()
            }
            Mechanism::Scaled(_) => "multiply cos and sin by attention_factor, once".into(),
            Mechanism::Signs(..) => {
                "out[re] = x·cos − y·sin; out[im] = x·sin + y·cos".into()
            }
            Mechanism::Reordered(_) | Mechanism::Paired(_) => {
                "write every number where its coordinate was read, and pair as layout says".into()
            }
            Mechanism::Swapped => "`bits` are big-endian: `x.astype('>f4').tobytes().hex()`".into(),
            Mechanism::Placed(..) => {
                "compute the distance from the positions that are given, key − query".into()
            }
            Mechanism::Head(HeadMap::Ranks(_)) => {
                "offset the heads by the rank: `slopes[rank * heads : (rank + 1) * heads]`".into()
            }
            Mechanism::Head(_) => "take the head's own slope or column".into(),
            Mechanism::Sloped(slopes) => slopes.mend().into(),
            Mechanism::Bucketed(bucketed) => bucketed.mend().into(),
            Mechanism::Blank(Keys::After(_), _) => {
                "launch ceil(keys / tile) tiles, with a guard in the last one".into()
            }
            Mechanism::Blank(Keys::Later, _) => {
                "leave the mask to attention: the bias of a later key is that of its distance".into()
            }
            Mechanism::Distance(_) => {
                "keep distances as integers of 32 bits or more, with their sign, and let nothing end \
                 or round them"
                    .into()
            }
            Mechanism::Known(known) => known.0.fix.into(),
            Mechanism::Only(..) => {
                "let the loop over pairs run over all rotary_dim/2 of them, and treat them alike".into()
            }
        }
    }
}

fn turned(map: super::map::Map) -> String {
    use super::map::Map;
    match map {
        Map::Negative => {
            "row (head h) is turned the other way round, as position −p instead of p".into()
        }
        Map::OtherWay => {
            "row (head h) is turned as in the other direction: forward where inverse or \
                          backward is asked for, or the reverse"
                .into()
        }
        Map::Times(2) => "row (head h) is turned twice, as position 2·p instead of p".into(),
        Map::First
        | Map::Last
        | Map::Next(_)
        | Map::RowZero
        | Map::RowNext
        | Map::RowLast
        | Map::HeadAsToken
        | Map::Crossed
        | Map::Reversed
        | Map::FirstCall
        | Map::CallBefore
        | Map::Axis(_)
        | Map::Axes(..)
        | Map::Largest => {
            format!("row (head h) is turned by another position than its own: {}", map.formula())
        }
        _ => format!("row (head h) is turned as position {} instead of p", map.formula()),
    }
}

fn placed(side: Side, shift: Shift) -> String {
    let who = match side {
        Side::Queries => "queries",
        Side::Keys => "keys",
        Side::Both => "queries and keys",
    };
    match shift {
        Shift::Reversed => "the distance is i − j where j − i is right (i: query, j: key)".into(),
        Shift::Index => {
            format!("{who} are counted from 0 in every call: the distance restarts per chunk")
        }
        Shift::EndAligned(1) => "queries are taken for the last ones of the keys".into(),
        Shift::EndAligned(n) => format!(
            "the bias is that of the distance j − i − c: queries are aligned to the end of a buffer of \
             keys that is padded to a multiple of {n}"
        ),
        Shift::Capacity(n) => format!(
            "the bias is that of the distance j − i − c: queries are aligned to the end of a buffer of \
             {n} keys"
        ),
        Shift::Map(super::map::Map::Plus(c)) if side == Side::Queries => {
            format!("the distance is j − i − {c} where j − i is right (i: query, j: key)")
        }
        Shift::Map(map) => format!("{who} are at {} instead of p", map.formula()),
    }
}

/// Which planes a spectrum has otherwise, and by what factor.
pub(super) fn planes(declared: &[f64], fitted: &[f64]) -> String {
    let ratios: Vec<f64> = declared.iter().zip(fitted).map(|(d, f)| f / d).collect();
    let off: Vec<usize> = (0..ratios.len()).filter(|&i| (ratios[i] - 1.0).abs() > 1e-4).collect();
    let (Some(first), Some(last)) = (off.first(), off.last()) else { return String::new() };
    let (least, most) = off
        .iter()
        .map(|&i| ratios[i])
        .fold((f64::INFINITY, 0.0f64), |(a, b), x| (a.min(x), b.max(x)));
    format!(
        "pairs {first} to {last} ({} of {}) turn by {:.4} to {:.4} of the declared frequency",
        off.len(),
        ratios.len(),
        least,
        most
    )
}
