//! Emulation against arithmetic that others provide, and against bits read off real libraries.

use super::{Random, json, question};
use half::{bf16, f16};
use ropewalk::encoding::Arithmetic;
use ropewalk::number::{Dtype, Format, Tensor, Wide};
use ropewalk::profile::{Machine, bounds, common, emulate, find};

const fn machine(format: Format) -> Machine {
    Machine { format, flush: false }
}

#[test]
fn f32_operations_are_the_hardware_s() {
    let m = machine(Format::F32);
    let mut random = Random(1);
    for _ in 0..200_000 {
        // Nearby exponents, so that sums round and cancel.
        let around = random.next() as u32 & 0x7f80_0000;
        let mut operand = || {
            let bits = random.next() as u32;
            f32::from_bits(if bits & 3 == 0 { bits } else { bits & 0x83ff_ffff ^ around })
        };
        let [a, b, c] = [operand(), operand(), operand()];
        if !(a.is_finite() && b.is_finite() && c.is_finite()) {
            continue;
        }
        let (x, y, z) = (a as f64, b as f64, c as f64);
        let same = |got: f64, want: f32| {
            assert!(got as f32 == want || want.is_nan(), "{a:e} {b:e} {c:e}: {got:e} {want:e}");
        };
        same(m.add(&x, &y).unwrap(), a + b);
        same(m.sub(&x, &y).unwrap(), a - b);
        same(m.mul(&x, &y).unwrap(), a * b);
        same(m.div(&x, &y).unwrap(), a / b);
        same(m.fma(x, y, z), a.mul_add(b, c));
        same(m.power(&x.abs(), 1, 2).unwrap(), a.abs().sqrt());
    }
}

#[test]
fn short_formats_agree_with_another_crate() {
    // `half` computes in f32 and rounds, which is innocuous for 8 and 11 bits.
    let mut random = Random(2);
    for _ in 0..100_000 {
        let (a, b) = (random.next() as u16, random.next() as u16);
        let (m, x, y) = (machine(Format::BF16), bf16::from_bits(a), bf16::from_bits(b));
        let same = |got: Option<f64>, want: f64| {
            assert!(got == Some(want) || want.is_nan(), "{a:04x} {b:04x}: {got:?} {want:e}");
        };
        same(m.add(&x.to_f64(), &y.to_f64()), (x + y).to_f64());
        same(m.mul(&x.to_f64(), &y.to_f64()), (x * y).to_f64());
        same(m.div(&x.to_f64(), &y.to_f64()), (x / y).to_f64());
        let (m, x, y) = (machine(Format::F16), f16::from_bits(a), f16::from_bits(b));
        same(m.add(&x.to_f64(), &y.to_f64()), (x + y).to_f64());
        same(m.mul(&x.to_f64(), &y.to_f64()), (x * y).to_f64());
        same(m.div(&x.to_f64(), &y.to_f64()), (x / y).to_f64());
    }
}

#[test]
fn fused_multiply_add_rounds_once() {
    // Every f16 is a multiple of 2⁻²⁴, so x·y + z is one of 2⁻⁴⁸ and fits 128 bits.
    let m = machine(Format::F16);
    let scaled = |x: f64, by: i32| (x * 2f64.powi(by)) as i128;
    let mut random = Random(3);
    for _ in 0..100_000 {
        let [x, y, z] = [(); 3].map(|()| Format::F16.to_f64(random.next() & 0xffff));
        if !(x.is_finite() && y.is_finite() && z.is_finite()) {
            continue;
        }
        let exact = scaled(x, 24) * scaled(y, 24) + (scaled(z, 24) << 24);
        let wide = Wide::dyadic(exact < 0, exact.unsigned_abs(), -48);
        assert_eq!(m.fma(x, y, z), Format::F16.to_f64(Format::F16.round(&wide)), "{x} {y} {z}");
    }
}

#[test]
fn transformers_inv_freq_has_its_bits() {
    // 1.0f / powf(b, 2i/128) with a correctly rounded powf, as glibc has it.
    let known: [(u32, [u64; 5]); 2] = [
        (10000, [0x3f5dafd7, 0x3f3ff911, 0x3c3d3311, 0x3c23d70a, 0x38f22ce2]),
        (500000, [0x3f508ac1, 0x3f29e1c6, 0x3ae38c10, 0x3ab95d21, 0x3624c2ff]),
    ];
    for (base, bits) in known {
        let config = format!(r#"{{"head_dim":128,"layout":"half","rope_theta":{base}}}"#);
        let question = question("inv_freq", Dtype::F32, &config, "{}");
        let got = emulate(find("hf-f32").unwrap(), &question);
        let data = got[0].tensor.data();
        assert_eq!([1, 2, 31, 32, 63].map(|i| data[i]), bits, "{base}");
    }
}

#[test]
fn ggml_drifts_as_it_does() {
    // Base 1e4, 128 dimensions, p = 1000: pair 32 turns by 10.0000134, pair 63 by 0.115478478.
    let config = r#"{"head_dim":128,"layout":"half","rope_theta":10000}"#;
    let question = question("table", Dtype::F32, config, r#"{"positions":[1000]}"#);
    let got = emulate(find("ggml-f32").unwrap(), &question);
    let cos = |i: usize| f32::from_bits(got[0].tensor.data()[i] as u32);
    assert_eq!(cos(32), f32::from_bits(0x4120_000e).cos());
    assert_eq!(cos(63), 0.115_478_48_f32.cos());
}

fn rotate(dtype: Dtype, q: &[f64], position: &str) -> ropewalk::encoding::Question {
    let format = dtype.format().unwrap();
    let encode = |x: &f64| match dtype {
        Dtype::F64 => x.to_bits(),
        Dtype::F32 => (*x as f32).to_bits() as u64,
        Dtype::Bf16 => bf16::from_f64(*x).to_bits() as u64,
        _ => f16::from_f64(*x).to_bits() as u64,
    };
    assert!(format.precision > 0);
    let q = json(dtype, &[1, 1, 1, q.len()], q.iter().map(encode).collect());
    let config = r#"{"head_dim":6,"layout":"half","rope_theta":10000,"rotary_dim":4}"#;
    question("rotate", dtype, config, &format!(r#"{{"q":{q},"positions":[[{position}]]}}"#))
}

fn values(tensor: &Tensor) -> Vec<f64> {
    let format = tensor.dtype().format().unwrap();
    tensor.data().iter().map(|&bits| format.to_f64(bits)).collect()
}

#[test]
fn transformers_in_bf16_rounds_three_times() {
    let [x, y] = [1.3, -0.7].map(bf16::from_f64);
    let (c, s) = (bf16::from_f64(5f64.cos()), bf16::from_f64(5f64.sin()));
    let question = rotate(Dtype::Bf16, &[1.3, 0.0, -0.7, 0.0, 9.0, 9.0], "5");
    let got = emulate(find("hf-bf16").unwrap(), &question);
    let want = [x * c - y * s, y * c + x * s].map(|z| z.to_bits() as u64);
    assert_eq!([got[0].tensor.data()[0], got[0].tensor.data()[2]], want);
    let got = emulate(find("vllm-bf16-cache").unwrap(), &question);
    let fused = |a: bf16, c: bf16, b: bf16, s: bf16| {
        bf16::from_f32(a.to_f32().mul_add(c.to_f32(), b.to_f32() * s.to_f32())).to_bits() as u64
    };
    assert_eq!(
        [got[0].tensor.data()[0], got[0].tensor.data()[2]],
        [fused(x, c, -y, s), fused(y, c, x, s)]
    );
}

#[test]
fn copies_have_no_tolerance() {
    for dtype in Dtype::FLOATS {
        for profile in common(dtype) {
            let at_zero = rotate(dtype, &[1.0, 2.0, 3.0, -4.0, 5.0, 6.0], "0");
            let (_, list) = &bounds(&at_zero, &[profile])[0];
            assert_eq!(values(&list[0].tensor), [0.0; 6], "{} {dtype}", profile.name);
            assert_eq!(
                emulate(&profile, &at_zero)[0].tensor.data(),
                match &at_zero.body {
                    ropewalk::encoding::Body::Rotate(r) => r.q.data(),
                    _ => unreachable!(),
                }
            );
            let far = rotate(dtype, &[1.0, 2.0, 3.0, -4.0, 5.0, 6.0], "7");
            let list = values(&bounds(&far, &[profile])[0].1[0].tensor);
            assert!(list[..4].iter().all(|b| *b > 0.0 && *b < 0.1), "{} {list:?}", profile.name);
            assert_eq!(list[4..], [0.0; 2]);
        }
    }
}

#[test]
fn what_cannot_be_judged_is_infinite() {
    let open = |dtype, q: &[f64], p| {
        let profile = common(dtype)[0];
        values(&bounds(&rotate(dtype, q, p), &[profile])[0].1[0].tensor)
    };
    let infinite = f64::INFINITY;
    // Not finite, in a plane and outside.
    let list = open(Dtype::F32, &[infinite, 1.0, 1.0, 1.0, infinite, f64::NAN], "3");
    assert_eq!([list[0], list[2], list[4], list[5]], [infinite, infinite, 0.0, 0.0]);
    assert!(list[1] < 1e-5);
    // An angle in f32 that is off by more than a turn, and a slow plane that is still good.
    let list = open(Dtype::F32, &[1.0; 6], "1000000007");
    assert_eq!((list[0], list[2]), (infinite, infinite));
    // Zeros stay zeros however wrong the angle is.
    assert_eq!(open(Dtype::F32, &[0.0; 6], "1000000007"), [0.0; 6]);
    // f64 goes further.
    assert!(open(Dtype::F64, &[1.0; 6], "1000000007")[0] < 1e-5);
}

#[test]
fn golden_files_carry_right_profiles_only() {
    for dtype in Dtype::FLOATS {
        let list = common(dtype);
        assert!((1..=4).contains(&list.len()));
        assert!(list.iter().all(|profile| profile.is_right(dtype)), "{dtype}");
    }
    for name in ["bf16-inv_freq", "f16-inv_freq", "bf16-positions", "bf16-angle"] {
        assert!(Dtype::FLOATS.iter().all(|dtype| !find(name).unwrap().is_right(*dtype)), "{name}");
    }
    assert!(!find("hf-f32").unwrap().is_right(Dtype::F64));
}

#[test]
fn linear_scaling_differs_by_where_it_is_applied() {
    use ropewalk::profile::{Profile, Scaling};
    let config =
        r#"{"head_dim":64,"layout":"half","rope_theta":10000,"rope_type":"linear","factor":3}"#;
    let question = question("table", Dtype::F32, config, r#"{"positions":[1,2,3,1000,4095]}"#);
    let hf = find("hf-f32").unwrap();
    let positions = Profile { scaling: Scaling::Position, ..*hf };
    let (a, b) = (emulate(hf, &question), emulate(&positions, &question));
    assert_ne!(a[0].tensor, b[0].tensor);
}

#[test]
fn running_products_take_linear_time() {
    // 2^15 planes: their squares would be a billion products.
    let config = r#"{"head_dim":65536,"layout":"half","rope_theta":10000}"#;
    let question = question("table", Dtype::F32, config, r#"{"positions":[7,1000]}"#);
    let ggml = find("ggml-f32").unwrap();
    assert_eq!(emulate(ggml, &question)[0].tensor.shape(), [2, 32768]);
    assert_eq!(bounds(&question, &[*ggml])[0].1.len(), 2);
}
