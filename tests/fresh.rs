//! Questions that are drawn: which settings meet in them, and that no hole between two is missed.

use ropewalk::audit::{Ask, Capability, Function, Options, Verdict, audit, cases};
use ropewalk::encoding::Layout;
use ropewalk::generate::fresh::{Claims, Drawn, Fresh, Own, answer, by_id, draw};
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::{Direction, Json, Object, Operation, Request};
use std::collections::{BTreeMap, BTreeSet};

const DIRECTIONS: [Direction; 3] = [Direction::Forward, Direction::Inverse, Direction::Backward];

fn drawn(operations: &[Operation], formats: &[(Dtype, Dtype)], rules: &[&str]) -> Drawn {
    let rules: Vec<String> = rules.iter().map(|rule| rule.to_string()).collect();
    let claims = Claims {
        operations,
        formats,
        layouts: &Layout::ALL,
        rope_types: Some(&rules),
        directions: &DIRECTIONS,
        positions: [i64::MIN, i64::MAX],
        admits: &|_| Ok(()),
        own: None,
        shaped: false,
    };
    draw(3, &claims)
}

fn rotations() -> Drawn {
    let formats = [(Dtype::F32, Dtype::F32), (Dtype::Bf16, Dtype::F32)];
    drawn(&[Operation::Rotate], &formats, &["default", "llama3", "yarn"])
}

/// What a request is, read off the request itself: factor and level.
fn settings(request: &Request) -> Vec<(&'static str, &'static str)> {
    let config = |key: &str| request.config.get(key).and_then(Json::number).map(|n| n as i64);
    let word = |key: &str| match request.config.get(key) {
        Some(Json::String(word)) => word.clone(),
        _ => String::new(),
    };
    let q = request.input.tensor("q").unwrap();
    let &[rows, _, tokens, width] = q.shape() else { panic!("{:?}", q.shape()) };
    let positions = request.input.positions("positions").unwrap();
    let list: Vec<i64> = positions.data().iter().map(|p| p.numerator).collect();
    let same = |axis: &[i64]| axis.chunks(tokens).all(|row| *row == axis[..tokens]);
    let alike = list.chunks(rows * tokens).all(same);
    let mut all = vec![
        ("format", if q.dtype() == request.dtype { "f32" } else { "mixed" }),
        ("layout", if word("layout") == "half" { "half" } else { "interleaved" }),
        (
            "direction",
            match request.input.direction(&DIRECTIONS).unwrap() {
                Direction::Forward => "forward",
                Direction::Inverse => "inverse",
                Direction::Backward => "backward",
            },
        ),
        (
            "width",
            match width {
                0..=48 => "up to 48",
                64 => "64",
                80 | 96 => "80 or 96",
                72..=100 => "72 to 100",
                112 => "112",
                128 => "128",
                192 => "192",
                256 => "256",
                _ => "512",
            },
        ),
        (
            "tokens",
            match tokens {
                1 => "1",
                2..=9 => "few",
                33..=193 => "33 to 193",
                _ => "257",
            },
        ),
        (
            "rows",
            match rows {
                1 => "1",
                33 => "33",
                _ if alike => "alike",
                _ => "different",
            },
        ),
        (
            "reach",
            match list[0] {
                ..0 => "negative",
                0..4096 => "near",
                4096..0x2_0000 => "far",
                0x2_0000..0x100_0000 => "beyond 2^17",
                _ => "beyond 2^24",
            },
        ),
        ("keys", if request.input.has("k") { "present" } else { "absent" }),
    ];
    let rule = word("rope_type");
    all.extend(
        ["default", "llama3", "yarn"].into_iter().filter(|one| *one == rule).map(|r| ("rule", r)),
    );
    all.push((
        "slice",
        match (config("rotary_dim"), config("rotary_offset")) {
            (None, _) => "whole",
            (Some(rotary), _) if rotary == width as i64 => "whole",
            (_, Some(0) | None) => "at the front",
            _ => "from an offset",
        },
    ));
    let heads = q.shape()[1];
    let keys = request.input.tensor("k").map(|k| k.shape()[1]);
    all.extend(match (heads, keys) {
        (1, _) => Some(("heads", "1")),
        (32.., Ok(k)) if heads > k => Some(("heads", "many grouped")),
        (q, Ok(k)) if q > k => Some(("heads", "grouped")),
        _ => None,
    });
    all
}

/// Whether its settings are drawn: not the sweep of positions, not a prompt, no row of many keys.
fn is_drawn(fresh: &Fresh) -> bool {
    ["-positions-", "-prompts-", "-attended-"].iter().all(|part| !fresh.request.id.contains(part))
}

#[test]
fn every_two_settings_meet_or_the_reason_is_told() {
    let drawn = rotations();
    let mut levels: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut met: BTreeSet<[(&str, &str); 2]> = BTreeSet::new();
    let mut triples: BTreeSet<[(&str, &str); 3]> = BTreeSet::new();
    let main = ["direction", "slice", "rows", "keys"];
    for fresh in drawn.questions.iter().filter(|one| is_drawn(one)) {
        let own = settings(&fresh.request);
        for a in &own {
            levels.insert(*a);
            for b in &own {
                met.insert([*a, *b]);
                let three = own.iter().map(|c| [*a, *b, *c]);
                triples.extend(three.filter(|t| t.iter().all(|(name, _)| main.contains(name))));
            }
        }
    }
    let told = |parts: &[(&str, &str)]| {
        drawn.unasked.iter().any(|(_, what, _)| {
            parts.iter().all(|(factor, level)| what.contains(&format!("{factor} {level}")))
        })
    };
    // Nine widths, five reaches, three rules and so on: nothing was lost from the lists.
    assert_eq!(levels.len(), 40, "{levels:?}");
    for a in &levels {
        for b in levels.iter().filter(|b| b.0 > a.0) {
            assert!(
                met.contains(&[*a, *b]) || told(&[*a, *b]),
                "{a:?} and {b:?} never meet: {:#?}",
                drawn.unasked
            );
            for c in levels.iter().filter(|c| c.0 > b.0) {
                if [a, b, c].iter().all(|(name, _)| main.contains(name)) {
                    assert!(
                        triples.contains(&[*a, *b, *c]) || told(&[*a, *b, *c]),
                        "{a:?}, {b:?}, {c:?} never meet: {:#?}",
                        drawn.unasked
                    );
                }
            }
        }
    }
    // Without keys nobody sees that heads are shared: one pair, and whatever holds it.
    let shared = |what: &str| {
        let heads = ["heads grouped", "heads many grouped"];
        heads.iter().any(|heads| what.contains(heads)) && what.contains("keys absent")
    };
    let told = |(_, what, why): &&(Operation, String, String)| {
        !why.ends_with("is not claimed") && !shared(what)
    };
    let few = drawn.unasked.iter().filter(told).count();
    assert!(few < 12, "{few}: {:?}", drawn.unasked);
}

/// What an engine sends is asked: a whole prompt, several in a row, one padded on the left, a chunk, of
/// several rows and heads that share keys, with more tokens than a tile has, in every format.
#[test]
fn prompts_are_asked_as_engines_send_them() {
    let formats = Dtype::FLOATS.map(|dtype| (dtype, dtype));
    let drawn = drawn(&[Operation::Rotate], &formats, &["default"]);
    for format in Dtype::FLOATS {
        let of = drawn
            .questions
            .iter()
            .filter(|one| one.request.id.contains("-prompts-") && one.request.dtype == format);
        let mut courses = BTreeSet::new();
        for fresh in of {
            let request = &fresh.request;
            let (q, k) = (request.input.tensor("q").unwrap(), request.input.tensor("k").unwrap());
            let [rows, heads, tokens, width] = <[usize; 4]>::try_from(q.shape()).unwrap();
            assert!(rows > 1 && heads > k.shape()[1] && k.shape()[1] > 1 && width >= 64);
            assert!(tokens > 64 && tokens % 2 == 1, "{tokens} tokens");
            let positions = request.input.positions("positions").unwrap();
            let row: Vec<i64> = positions.data()[..tokens].iter().map(|p| p.numerator).collect();
            courses.insert(match () {
                () if row.iter().enumerate().all(|(t, p)| *p == t as i64) => "whole",
                () if row[0] > 0 && row.windows(2).all(|two| two[1] == two[0] + 1) => "chunk",
                () if row.windows(2).any(|two| two[1] < two[0] && two[1] == 0 && two[0] > 1) => {
                    "packed"
                }
                () => "padded",
            });
            let again = by_id(&request.id, None).unwrap();
            assert_eq!(again.request.to_json(), request.to_json());
        }
        assert_eq!(courses.len(), 4, "{format}: {courses:?}");
    }
}

/// A kernel that is right but where two settings meet, drawn at random: there it gives back what
/// went in, as one does that falls through all its branches.
#[test]
fn every_hole_between_two_settings_is_caught() {
    let drawn = rotations();
    let narrow = drawn.questions.iter().filter(|one| is_drawn(one));
    let of: Vec<_> = narrow.map(|one| (one, settings(&one.request))).collect();
    let levels: Vec<(&str, &str)> =
        of.iter().flat_map(|(_, own)| own).copied().collect::<BTreeSet<_>>().into_iter().collect();
    // A generator of numbers as old as the hills, so that the pairs are the same every time.
    let mut state = 20240229u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % n
    };
    let mut holes = 0;
    while holes < 24 {
        let (a, b) = (levels[below(levels.len())], levels[below(levels.len())]);
        let possible = a.0 != b.0
            && !drawn.unasked.iter().any(|(_, what, _)| {
                [a, b].iter().all(|(factor, level)| what.contains(&format!("{factor} {level}")))
            });
        if !possible {
            continue;
        }
        holes += 1;
        // The others are right, and need not be judged again.
        let inside: Vec<_> = of
            .iter()
            .filter(|(_, own)| own.contains(&a) && own.contains(&b))
            .map(|(one, _)| (*one).clone())
            .take(3)
            .collect();
        assert!(!inside.is_empty(), "nobody asks {a:?} with {b:?}");
        let files = answer(&inside).unwrap();
        let inside: Vec<_> = files.iter().flat_map(|(path, golden)| cases(path, golden)).collect();
        let known: BTreeMap<&str, _> =
            inside.iter().map(|case| (case.ask.id.as_str(), case)).collect();
        let everything = Capability {
            mixed: vec![(Dtype::Bf16, Dtype::F32)],
            ..Capability::new(&[Operation::Rotate], &[Dtype::F32])
        };
        let mut kernel = Function::new("holed", vec![everything], |ask: &Ask| {
            let right = known[ask.id.as_str()].truth.expected.tensors().unwrap();
            let own = settings(ask.request());
            let hole = own.contains(&a) && own.contains(&b);
            let one = |(name, tensor): &(String, Tensor)| match hole {
                true => Ok((name.clone(), ask.rounded(tensor.shape(), &ask.reals(name)?)?)),
                false => Ok((name.clone(), tensor.clone())),
            };
            right.0.iter().map(one).collect()
        });
        let options = Options { diagnose: false, sight: false, twice: false, ..Options::default() };
        let report = audit(&mut kernel, &inside, &options).report;
        assert_eq!(report.verdict, Verdict::Diverges, "a hole between {a:?} and {b:?} passes");
    }
}

#[test]
fn an_id_is_all_that_a_question_is_drawn_from() {
    let floats = Dtype::FLOATS.map(|dtype| (dtype, dtype));
    let operations: Vec<Operation> = Operation::ALL
        .into_iter()
        // What is fused is asked what is stored, and nothing is drawn of it.
        .filter(|operation| !matches!(operation, Operation::Rotate | Operation::Score))
        .filter(|operation| !matches!(operation, Operation::Attention | Operation::Chain))
        .collect();
    let drawn = drawn(&operations, &floats, &["default", "longrope"]);
    for operation in operations {
        let asked = drawn.questions.iter().filter(|one| one.request.operation == operation);
        assert!(asked.clone().count() > 5, "{}", operation.name());
        for fresh in asked.step_by(7) {
            let again = by_id(&fresh.request.id, None).unwrap();
            assert_eq!(again.request.to_json(), fresh.request.to_json(), "{}", fresh.request.id);
        }
    }
    for (id, what) in [
        ("fresh-1-rotate-f32", "1 words, 11 are right"),
        ("fresh-x-rotate-f32", "a seed is a number"),
        ("fresh-1-turn-f32", "no operation is called \"turn\""),
        ("fresh-1-inv_freq-f32-default-half-63-whole", "\"63\" is no width"),
        ("rotate-half", "it begins with fresh-"),
    ] {
        let error = by_id(id, None).unwrap_err();
        assert!(error.problem.contains(what), "{id}: {error}");
    }
}

/// The least that a model's own questions have: its heads with a long row, many rows of one token,
/// as many heads as tokens, every direction with its grouping.
#[test]
fn a_model_is_asked_with_its_own_heads() {
    let text = r#"{"layout":"half","model":{"model_type":"llama","hidden_size":128,
        "num_attention_heads":8,"num_key_value_heads":2,"max_position_embeddings":8192,
        "rope_theta":500000.0}}"#;
    let given: Object = serde_json::from_str(text).unwrap();
    let own = Own::new(&given).unwrap();
    let claims = Claims {
        operations: &[Operation::Rotate, Operation::Apply],
        formats: &[(Dtype::F32, Dtype::F32)],
        layouts: &Layout::ALL,
        rope_types: None,
        directions: &DIRECTIONS,
        positions: [i64::MIN, i64::MAX],
        admits: &|_| Ok(()),
        own: Some(&own),
        shaped: false,
    };
    let drawn = draw(0, &claims);
    let has = |operation: Operation, holds: &dyn Fn(&Request, &[usize], usize) -> bool| {
        drawn.questions.iter().any(|one| {
            let request = &one.request;
            let q = request.input.tensor("q").unwrap();
            let k = request.input.tensor("k").map_or(0, |k| k.shape()[1]);
            assert_eq!(request.config.get("max_position_embeddings"), None, "nothing reads it");
            request.operation == operation && holds(request, q.shape(), k)
        })
    };
    for operation in [Operation::Rotate, Operation::Apply] {
        assert!(has(operation, &|_, q, _| q[1] == 8 && q[2] > 128), "own heads, a long row");
        assert!(has(operation, &|_, q, _| q[0] == 33 && q[2] == 1), "many rows of one token");
        assert!(has(operation, &|_, q, _| q[1] == q[2] && q[1] > 8), "as many heads as tokens");
        for direction in DIRECTIONS {
            if operation == Operation::Apply && direction == Direction::Inverse {
                continue;
            }
            let own = |request: &Request, q: &[usize], k: usize| {
                q[1] == 8 && k == 2 && request.input.direction(&DIRECTIONS) == Ok(direction)
            };
            assert!(has(operation, &own), "{} with its grouping", direction.name());
        }
    }
    // Prompts, as many queries to a key head as the model has, and little enough to be asked quickly.
    let prompts = drawn.questions.iter().filter(|one| one.request.id.contains("-prompts-"));
    for fresh in prompts.clone() {
        let q = fresh.request.input.tensor("q").unwrap();
        assert!(q.shape()[1] == 8 && q.shape()[2] > 32 && q.data().len() <= 1 << 18);
        let again = by_id(&fresh.request.id, Some(&own)).unwrap();
        assert_eq!(again.request.to_json(), fresh.request.to_json());
    }
    assert_eq!(prompts.count(), 6);
    let again = by_id(&drawn.questions[0].request.id, Some(&own)).unwrap();
    assert_eq!(again.request.to_json(), drawn.questions[0].request.to_json());
}

/// Rows of more keys than a tile are asked whole: nothing of them is left out for who claims everything.
#[test]
fn attention_is_asked_beyond_a_tile() {
    let drawn = drawn(&[Operation::Attention], &[(Dtype::F32, Dtype::F32)], &["default"]);
    let long: Vec<&Fresh> = drawn.questions.iter().filter(|one| !is_drawn(one)).collect();
    assert_eq!(long.len(), 18);
    let shape = |one: &Fresh, name: &str| one.request.input.tensor(name).unwrap().shape()[2];
    for tile in [16, 32, 64, 128, 256, 512] {
        let beyond = |one: &&&Fresh| (tile + 1..2 * tile).contains(&shape(one, "k"));
        assert!(long.iter().any(|one| beyond(&one)), "{tile}");
    }
    assert!(long.iter().any(|one| shape(one, "q") > 128));
    for key in ["rope", "alibi", "t5", "window", "softcap"] {
        assert!(long.iter().any(|one| one.request.config.get(key).is_some()), "{key}");
    }
    for key in ["sinks", "lse", "key_lengths"] {
        assert!(long.iter().any(|one| one.request.input.has(key)), "{key}");
    }
}

/// Attention is drawn small but for a few heads of 64 and many keys, every two of its settings meet, and everything is answered.
#[test]
fn attention_is_drawn_with_everything_it_can_have() {
    let formats = [(Dtype::F32, Dtype::F32)];
    let drawn = drawn(&[Operation::Attention], &formats, &[]);
    let told = |(_, what, why): &&(Operation, String, String)| {
        !(what.starts_with("format ") && why.ends_with("is not claimed"))
    };
    assert_eq!(drawn.unasked.iter().find(told), None);
    let has = |fresh: &Fresh, key: &str| {
        fresh.request.config.get(key).is_some() || fresh.request.input.has(key)
    };
    let keys = [
        "window",
        "softcap",
        "scale",
        "rope",
        "alibi",
        "t5",
        "key_lengths",
        "sinks",
        "lse",
        "table",
    ];
    for a in keys {
        for b in keys {
            let biases = ["rope", "alibi", "t5", "table"];
            let apart = biases.contains(&a) && biases.contains(&b) && [a, b] != ["t5", "table"];
            let meet = drawn.questions.iter().any(|one| has(one, a) && has(one, b));
            assert!(meet || a != b && apart || [a, b] == ["table", "t5"], "{a} and {b} never meet");
        }
    }
    for fresh in &drawn.questions {
        let [q, k] = ["q", "k"].map(|name| fresh.request.input.tensor(name).unwrap());
        let small = q.data().len() <= 2 * 4 * 7 * 64 && k.shape()[2] <= 129;
        assert!(small || !is_drawn(fresh), "{}", fresh.request.id);
        let again = by_id(&fresh.request.id, None).unwrap();
        assert_eq!(again.request.to_json(), fresh.request.to_json());
    }
    assert!((30..120).contains(&drawn.questions.len()), "{}", drawn.questions.len());
    let some: Vec<_> = drawn.questions.iter().step_by(4).cloned().collect();
    let files = answer(&some).unwrap();
    let asked: usize = files.iter().map(|(_, golden)| golden.tests().count()).sum();
    assert_eq!(asked, some.len());
}

/// Chains are drawn with every stage, every two of their settings meet but for what has no stage, and
/// what is drawn is answered.
#[test]
fn chains_are_drawn_with_everything_they_can_have() {
    let drawn = drawn(&[Operation::Chain], &[(Dtype::Bf16, Dtype::Bf16)], &[]);
    let told = |(_, what, why): &&(Operation, String, String)| {
        !(what.starts_with("format ") && why.ends_with("is not claimed"))
    };
    assert_eq!(drawn.unasked.iter().find(told), None);
    let inputs = ["q_weight", "q_bias", "q_scale", "v", "slots"];
    for input in inputs {
        assert!(drawn.questions.iter().any(|one| one.request.input.has(input)), "{input}");
    }
    let text = |fresh: &Fresh| serde_json::to_string(&fresh.request.config).unwrap();
    let words = ["rms", "layer", "one_plus", "amax_pow2", "group", "token", "ieee", "NHD", "HND"];
    for word in words.iter().chain(&["f8e4m3fn\"", "f8e5m2\"", "f8e4m3fnuz", "f8e5m2fnuz"]) {
        assert!(drawn.questions.iter().any(|one| text(one).contains(word)), "{word}");
    }
    for fresh in &drawn.questions {
        let again = by_id(&fresh.request.id, None).unwrap();
        assert_eq!(again.request.to_json(), fresh.request.to_json());
    }
    let some: Vec<_> = drawn.questions.iter().step_by(5).cloned().collect();
    let asked: usize = answer(&some).unwrap().iter().map(|(_, file)| file.tests().count()).sum();
    assert_eq!(asked, some.len());
}

/// What lies beyond a claim is refused before a tensor is made: nothing of it is ever looked at.
#[test]
fn what_a_claim_excludes_is_not_built() {
    let looked = std::cell::Cell::new(0usize);
    let admits = |fresh: &Fresh| {
        looked.set(looked.get() + 1);
        if fresh.request.id.contains("-positions-") {
            // Of every position in turn one token is looked at first.
            return Err("no rule of these".to_string());
        }
        let input = serde_json::to_string(fresh.request.input.object()).unwrap();
        let config = serde_json::to_string(&fresh.request.config).unwrap();
        assert!(!config.contains("rope_type") || config.contains("linear"), "{config}");
        assert!(!input.contains("inverse") && !input.contains("backward"));
        match fresh.request.input.get("positions") {
            Some(Json::Array(rows)) => rows.iter().for_each(|row| {
                let Json::Array(row) = row else { return };
                let far =
                    row.iter().filter_map(Json::number).any(|p| !(0.0..132_000.0).contains(&p));
                assert!(!far, "{}", fresh.request.id);
            }),
            other => panic!("{other:?}"),
        }
        Ok(())
    };
    let rules = ["linear".to_string()];
    let claims = Claims {
        operations: &[Operation::Rotate],
        formats: &[(Dtype::F32, Dtype::F32)],
        layouts: &[Layout::Half],
        rope_types: Some(&rules),
        directions: &[Direction::Forward],
        positions: [0, 131_071],
        admits: &admits,
        own: None,
        shaped: false,
    };
    let drawn = draw(3, &claims);
    assert!(!drawn.questions.is_empty() && looked.get() < 40 * drawn.questions.len());
    let told = |what: &str| drawn.unasked.iter().any(|(_, told, _)| told.contains(what));
    assert!(told("reach beyond 2^17") && told("reach negative") && told("direction inverse"));
}
