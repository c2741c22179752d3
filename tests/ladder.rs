//! The ladder against the interval reference (docs/ladder.md).

mod independent;
mod page;
mod series;

use ropewalk::encoding::{Body, Question, RopeConfig};
use ropewalk::exact::ladder::{Bf16, F16, Ladder, LadderError, Output, Path, Span};
use ropewalk::exact::{ResolvedRope, answer};
use ropewalk::request::{Json, Object, Position, Request};

/// A `table` question about integer positions, one list per axis.
fn question(config: &str, seq_len: Option<i64>, dtype: &str, positions: &[&[i64]]) -> Question {
    let list =
        |list: &[i64]| Json::Array(list.iter().map(|&p| Position::integer(p).to_json()).collect());
    let positions = match positions {
        [one] => list(one),
        several => Json::Array(several.iter().map(|p| list(p)).collect()),
    };
    let seq_len = seq_len.map_or(String::new(), |n| format!(",\"seq_len\":{n}"));
    let positions = serde_json::to_string(&positions).unwrap();
    let line = format!(
        r#"{{"cmd":"run","id":"a","operation":"table","dtype":"{dtype}","config":{config},
            "input":{{"positions":{positions}{seq_len}}}}}"#
    );
    Question::new(&Request::parse(&line).unwrap()).unwrap()
}

fn rope(question: &Question) -> ResolvedRope {
    let Body::Table(table) = &question.body else { panic!("not a table") };
    ResolvedRope::new(&table.rope).unwrap()
}

/// Compares every bit of a table on every path with the reference, and returns how many entries
/// took the exact path.
fn compare<O: Output>(
    config: &str,
    seq_len: Option<i64>,
    dtype: &str,
    positions: &[&[i64]],
) -> u64 {
    let question = question(config, seq_len, dtype, positions);
    let answer = answer(&question).unwrap();
    let rope = rope(&question);
    let mut exact = None;
    for path in Path::ALL {
        let ladder = Ladder::<O>::new(&rope).unwrap().on(path);
        let size = positions[0].len() * ladder.planes();
        let (mut cos, mut sin) = (vec![O::default(); size], vec![O::default(); size]);
        let stats = ladder.fill_at(positions, &mut cos, &mut sin).unwrap();
        assert_eq!(stats.entries, 2 * size as u64);
        assert_eq!(
            *exact.get_or_insert(stats.exact),
            stats.exact,
            "{path:?} takes other exact paths"
        );
        for (got, want) in [(&cos, &answer.tensors[0]), (&sin, &answer.tensors[1])] {
            for (index, (got, want)) in got.iter().zip(want.expected.data()).enumerate() {
                let (row, plane) = (index / ladder.planes(), index % ladder.planes());
                assert_eq!(
                    (*got).to_bits(),
                    *want,
                    "{path:?} {dtype} {config} position {} plane {plane}",
                    positions[0][row]
                );
            }
        }
    }
    exact.unwrap_or_default()
}

fn compare_all(config: &str, seq_len: Option<i64>, positions: &[&[i64]]) {
    compare::<f64>(config, seq_len, "f64", positions);
    compare::<f32>(config, seq_len, "f32", positions);
    compare::<Bf16>(config, seq_len, "bf16", positions);
    compare::<F16>(config, seq_len, "f16", positions);
}

/// Random positions of every size up to 2^62, of both signs.
fn scattered(count: usize, seed: u64) -> Vec<i64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state as i64 >> 1) >> (state >> 20 & 63).min(61)
    };
    (0..count).map(|_| next()).collect()
}

const PLAIN: &str = r#"{"head_dim":22,"layout":"half","rope_theta":10000}"#;

#[test]
fn ordinary_and_scattered_positions() {
    let mut list: Vec<i64> = (-140..140).chain(scattered(150, 1)).collect();
    list.extend([1 << 62, -(1 << 62), (1 << 62) - 1, 127, 128, 129, 8191, 8192, 1 << 24]);
    compare_all(PLAIN, None, &[&list]);
}

#[test]
fn tiny_sines_and_cosines() {
    // Denominators of convergents of π: sines down to 2^−50.8 and a cosine of 2^−60.6; with
    // neighbours, multiples, and what is near ±1 by the same token.
    let q = [355, 103993, 139755218526789, 428224593349304, 1538352035865186794];
    let list: Vec<i64> = q.iter().flat_map(|q| [1, 2, 3, -1, -3].map(|k| k * q)).collect();
    let list: Vec<i64> =
        list.iter().flat_map(|p| [*p, p + 1]).filter(|p| p.abs() <= 1 << 62).collect();
    compare_all(r#"{"head_dim":2,"layout":"half","rope_theta":10000}"#, None, &[&list]);
}

#[test]
fn every_kind_of_rope() {
    let list: Vec<i64> = (0..40).chain(scattered(20, 2)).collect();
    for (config, seq_len) in [
        // A magnitude with a logarithm, above 1; one below 1.
        (
            r#"{"head_dim":16,"layout":"half","rope_theta":10000,"rope_type":"yarn","factor":32,"original_max_position_embeddings":4096}"#,
            None,
        ),
        (
            r#"{"head_dim":16,"layout":"half","rope_theta":10000,"rope_type":"yarn","factor":32,"original_max_position_embeddings":4096,"attention_factor":0.3}"#,
            None,
        ),
        (
            r#"{"head_dim":16,"layout":"half","rope_theta":500000,"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}"#,
            None,
        ),
        (
            r#"{"head_dim":16,"layout":"half","rope_theta":10000,"rope_type":"dynamic","factor":2,"max_position_embeddings":2048}"#,
            Some(9000),
        ),
        // Frequencies 1, rational ones, huge ones, tiny ones.
        (r#"{"head_dim":16,"layout":"half","rope_theta":1}"#, None),
        (r#"{"head_dim":16,"layout":"interleaved","rope_theta":1e-200}"#, None),
        (r#"{"head_dim":16,"layout":"interleaved","rope_theta":1e300}"#, None),
    ] {
        compare_all(config, seq_len, &[&list]);
    }
}

#[test]
fn planes_that_never_turn_and_axes() {
    let list: Vec<i64> = (-3..20).collect();
    let config = r#"{"head_dim":32,"layout":"half","rope_theta":10000,"rope_type":"proportional","partial_rotary_factor":0.25}"#;
    // Sines of still planes are known once and for all; position 0 of the others is not.
    assert_eq!(compare::<f64>(config, None, "f64", &[&list]), 4);
    let config = r#"{"head_dim":16,"layout":"half","rope_theta":10000,"mrope_section":[2,3,3]}"#;
    let (t, h, w) = (scattered(25, 3), scattered(25, 4), scattered(25, 5));
    compare_all(config, None, &[&t, &h, &w]);
}

fn table<O: Output>(ladder: &Ladder<O>, span: Span) -> (Vec<O>, Vec<O>) {
    let size = span.count * ladder.planes();
    let (mut cos, mut sin) = (vec![O::default(); size], vec![O::default(); size]);
    ladder.fill(span, &mut cos, &mut sin).unwrap();
    (cos, sin)
}

#[test]
fn runs_strides_and_lists_agree() {
    let rope = rope(&question(PLAIN, None, "f32", &[&[0]]));
    let ladder = Ladder::<f32>::new(&rope).unwrap();
    for span in [
        Span { start: -5000, step: 1, count: 9000 },
        Span { start: 1 << 40, step: -1, count: 700 },
        Span { start: -(1 << 62), step: 1 << 54, count: 257 },
        Span { start: 9, step: 0, count: 3 },
    ] {
        let list: Vec<i64> = (0..span.count as i64).map(|i| span.start + span.step * i).collect();
        let (mut cos, mut sin) = table(&ladder, span);
        cos.fill(0.0);
        let by_span = table(&ladder, span);
        ladder.fill_at(&[&list], &mut cos, &mut sin).unwrap();
        assert!(by_span == (cos, sin), "{span:?}");
        // Any part of it is the same.
        let part = table(&ladder, span.skip(span.count / 2));
        assert_eq!(part.0, by_span.0[span.count / 2 * ladder.planes()..]);
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let rope = rope(&question(PLAIN, None, "f32", &[&[0]]));
    let ladder = Ladder::<f32>::new(&rope).unwrap();
    let mut one = vec![0.0; 11];
    let mut other = vec![0.0; 10];
    let length = ladder.fill(Span::from(0..1), &mut one, &mut other);
    assert_eq!(length, Err(LadderError::Length { name: "sin", given: 10, needed: 11 }));
    let mut other = vec![0.0; 11];
    let far = Span { start: (1 << 62) + 1, step: 1, count: 1 };
    let far = ladder.fill(far, &mut one, &mut other);
    assert_eq!(far, Err(LadderError::Position((1 << 62) + 1)));
    let empty = ladder.fill(Span::from(5..5), &mut [], &mut []).unwrap();
    assert_eq!(empty.entries, 0);
    let mut config = Object::default();
    config.set("head_dim", Json::Integer(4));
    config.set("layout", "half".into());
    config.set("rope_theta", Json::Integer(10000));
    config.set("rope_type", "xpos".into());
    config.set("scale_base", Json::Integer(512));
    let xpos = RopeConfig::new(&config).unwrap().rope(None).unwrap();
    let xpos = Ladder::<f64>::new(&ResolvedRope::new(&xpos).unwrap());
    assert!(matches!(xpos.err(), Some(LadderError::Growth)));
}
