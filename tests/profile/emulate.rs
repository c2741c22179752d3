//! Emulation against arithmetic that the compiler provides.

use super::{Random, json, question};
use ropewalk::encoding::Arithmetic;
use ropewalk::number::{Dtype, Format, Wide};
use ropewalk::profile::{Machine, emulate, find};

const F32: Machine = Machine { format: Format::F32, flush: false };

#[test]
fn f32_operations_are_the_hardware_s() {
    let mut random = Random(1);
    for _ in 0..200_000 {
        let [a, b, c] = [(); 3].map(|()| f32::from_bits(random.next() as u32));
        if !(a.is_finite() && b.is_finite() && c.is_finite()) {
            continue;
        }
        let (x, y, z) = (a as f64, b as f64, c as f64);
        let same = |got: f64, want: f32| {
            assert!(got as f32 == want || want.is_nan(), "{a:e} {b:e} {c:e}: {got:e} {want:e}");
        };
        same(F32.add(&x, &y).unwrap(), a + b);
        same(F32.mul(&x, &y).unwrap(), a * b);
        same(F32.div(&x, &y).unwrap(), a / b);
        same(F32.fma(x, y, z), a.mul_add(b, c));
    }
}
