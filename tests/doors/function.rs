//! Kernels in Rust, against the vectors that the crate ships.

use ropewalk::audit::{Answer, Ask, Capability, Failed, Function, Outcome, check};
use ropewalk::encoding::Layout;
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::{Direction, Operation, Request};
use ropewalk::vector;

fn claimed() -> Vec<Capability> {
    vec![Capability {
        layouts: Some(vec![Layout::Half]),
        rope_types: Some(vec!["default".into()]),
        axes: Some(vec![1]),
        ..Capability::new(&[Operation::Rotate], &[Dtype::F32, Dtype::Bf16])
    }]
}

/// Rotation in f64, with a sign for sin.
fn rotated(ask: &Ask, name: &str, sine: f64) -> Result<Tensor, Outcome> {
    let tensor = ask.tensor(name)?;
    let &[batch, heads, seq, width] = tensor.shape() else {
        unreachable!("it is a sound question")
    };
    let r = ask.size("rotary_dim")?;
    let start = ask.size("rotary_offset").unwrap_or(0);
    let base = ask.number("rope_theta")?;
    let sign = if ask.direction()? == Direction::Forward { sine } else { -sine };
    let positions = ask.positions("positions")?;
    let mut numbers = ask.reals(name)?;
    for (row, numbers) in numbers.chunks_mut(width).enumerate() {
        let p = positions[row / (heads * seq) * seq + row % seq] as f64;
        for i in 0..r / 2 {
            let (sin, cos) = (p * base.powf(-2.0 * i as f64 / r as f64)).sin_cos();
            let (x, y) = (numbers[start + i], numbers[start + i + r / 2]);
            numbers[start + i] = x * cos - sign * y * sin;
            numbers[start + i + r / 2] = sign * x * sin + y * cos;
        }
    }
    ask.rounded(&[batch, heads, seq, width], &numbers)
}

fn rotate(ask: &Ask, sine: f64) -> Answer {
    let mut output = vec![("q".to_string(), rotated(ask, "q", sine)?)];
    if ask.has("k") {
        output.push(("k".into(), rotated(ask, "k", sine)?));
    }
    Ok(output)
}

#[test]
fn a_right_function_conforms() {
    let kernel = Function::new("right", claimed(), |ask: &Ask| rotate(ask, 1.0));
    let report = check(kernel, vector::shipped()).unwrap();
    assert!(report.count("passed") > 300);
    assert!(report.count("unclaimed") > 0 && report.count("accepted") == 0);
}

#[test]
fn a_broken_function_panics_with_the_report() {
    let kernel = Function::new("flipped", claimed(), |ask: &Ask| rotate(ask, -1.0));
    let failed = check(kernel, vector::shipped()).unwrap_err();
    let text = format!("{failed:?}");
    assert!(text.contains("DIVERGES  flipped (Rust)"), "{text}");
    assert!(text.contains("Basic cases fail"), "the note of the flag: {text}");
    assert!(matches!(failed, Failed::Kernel(report) if report.count("wrong") > 200));
}

#[test]
#[ignore = "deep: .ci/run does it"]
fn deep_a_function_that_answers_nothing_is_not_right() {
    let kernel = Function::new("lazy", claimed(), |_: &Ask| -> Answer {
        Err(Outcome::Unsupported("not yet".into()))
    });
    let failed = check(kernel, vector::shipped()).unwrap_err();
    assert!(failed.to_string().contains("UNJUDGED"), "{failed}");
}

/// Reading helpers refuse what is not there; a function that checks nothing else is found out.
#[test]
#[ignore = "deep: .ci/run does it"]
fn deep_a_refusing_function_is_asked_everything() {
    let slopes = |ask: &Ask| -> Answer {
        let heads = ask.size("num_heads")?;
        let slopes = vec![0.5f32; heads];
        Ok(vec![("slopes".into(), ask.rounded(&[heads], &slopes)?)])
    };
    let claimed = vec![Capability::new(&[Operation::AlibiSlopes], &[Dtype::F32])];
    let kernel = Function::new("careless", claimed, slopes).refusing();
    let Err(Failed::Kernel(report)) = check(kernel, vector::shipped()) else { unreachable!() };
    assert!(report.count("accepted") > 0, "unknown keys went unnoticed");
    let refused = |id: &str| report.cases.iter().any(|c| c.id == id && c.status.name() == "passed");
    assert!(refused("rejects-alibi-slopes-config-no-num-heads-refused"));
}

#[test]
fn vectors_that_are_not_there_are_named() {
    let kernel = Function::new("any", claimed(), |ask: &Ask| rotate(ask, 1.0));
    let failed = check(kernel, "no/such/folder").unwrap_err();
    assert!(failed.to_string().contains("no/such/folder"), "{failed}");
}

#[test]
fn numbers_are_rounded_once_to_the_format() {
    let asked = |dtype: Dtype| {
        Ask::new(Request {
            id: "a".into(),
            operation: Operation::AlibiSlopes,
            dtype,
            config: Default::default(),
            input: Default::default(),
        })
    };
    let ask = asked(Dtype::Bf16);
    let bits = |ask: &Ask, x: f64| ask.rounded(&[1], &[x]).unwrap().data()[0];
    for (x, want) in [
        (1.0, 0x3f80),
        (f64::NAN, 0x7fc0),
        (f64::NEG_INFINITY, 0xff80),
        (-0.0, 0x8000),
        // Just above a tie, which a detour over f32 would lose.
        (1.00390625 + 2f64.powi(-40), 0x3f81),
        (1e39, 0x7f80),
    ] {
        assert_eq!(bits(&ask, x), want, "{x}");
    }
    let ask = asked(Dtype::I32);
    assert!(matches!(ask.rounded(&[1], &[1.0f32]), Err(Outcome::Errored(_))));
    let ask = asked(Dtype::F32);
    assert!(matches!(ask.rounded(&[2], &[1.0f32]), Err(Outcome::Errored(_))));
}
