//! A Ropewalk adapter in Rust: rotate, in f32. Ropewalk without features reads the questions, and
//! refuses what must be refused, so that only the kernel is left to write.

use ropewalk::encoding::{Body, Layout, Question, Rotate};
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::{Direction, Json, Reply, Request};
use std::io::BufRead;

const CLAIM: &str = r#"{"protocol":1,"kernel":{"name":"minimal in Rust"},"capabilities":[
    {"operations":["rotate"],"dtypes":["f32"],"rope_types":["default"],"axes":[1]}]}"#;

/// Your kernel goes here: one head of one token, in double precision.
fn turn(row: &mut [f32], position: f64, base: f64, r: usize, start: usize, layout: Layout) {
    for i in 0..r / 2 {
        let (sin, cos) = (position * base.powf(-2.0 * i as f64 / r as f64)).sin_cos();
        let pair = layout.pair(i, r / 2, start);
        let (x, y) = (row[pair.re] as f64, row[pair.im] as f64);
        row[pair.re] = (x * cos - y * sin) as f32;
        row[pair.im] = (x * sin + y * cos) as f32;
    }
}

fn rotate(question: &Rotate, tensor: &Tensor) -> Option<Tensor> {
    let config = |key: &str| question.config.get(key)?.number();
    let (base, r) = (config("rope_theta")?, config("rotary_dim")? as usize);
    let start = config("rotary_offset").unwrap_or(0.0) as usize;
    let Some(Json::String(layout)) = question.config.get("layout") else { return None };
    let sign = if question.direction == Direction::Forward { 1.0 } else { -1.0 };
    let &[_, heads, seq, width] = tensor.shape() else { return None };
    let mut numbers: Vec<f32> =
        tensor.data().iter().map(|bits| f32::from_bits(*bits as u32)).collect();
    for (n, row) in numbers.chunks_mut(width).enumerate() {
        let token = n / (heads * seq) * seq + n % seq;
        let position = sign * question.positions.data()[token].numerator as f64;
        turn(row, position, base, r, start, Layout::from_name(layout)?);
    }
    let bits = numbers.iter().map(|x| u64::from(x.to_bits())).collect();
    Tensor::new(Dtype::F32, tensor.shape().to_vec(), bits).ok()
}

fn answer(line: &str) -> Reply {
    let request = match Request::parse(line) {
        Ok(request) => request,
        Err(reject) => return Reply::Rejected { id: id(line), reject },
    };
    let id = request.id.clone();
    match Question::new(&request).map(|question| question.body) {
        Err(reject) => Reply::Rejected { id: Some(id), reject },
        Ok(Body::Rotate(question)) => {
            let q = rotate(&question, &question.q).map(|q| ("q", q));
            let k = question.k.as_ref().and_then(|k| rotate(&question, k)).map(|k| ("k", k));
            let output = q.into_iter().chain(k).collect();
            Reply::Output { id, output, more: Default::default() }
        }
        Ok(_) => Reply::Errored { id, message: "this was not claimed".into() },
    }
}

fn id(line: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(json.get("id")?.as_str()?.to_string())
}

fn main() {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match &line {
            line if line.contains(r#""cmd":"stop""#) => break,
            line if line.contains(r#""cmd":"start""#) => println!("{}", CLAIM.replace('\n', "")),
            line => {
                println!("{}", serde_json::to_string(&answer(line).to_json()).unwrap_or_default())
            }
        }
    }
}
