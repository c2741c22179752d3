//! What the kernel gives on a few hundred inputs, as a Coq file: `docs/proofs/Samples.v`. There the
//! executable model, which is the program of the proofs, has to give the same bits.

use super::bound::{DOUBLE_BOUND, power_of_two};
use super::entry::{Double, Plain, double_products, plain_products};
use super::fixed::Fixed;
use super::output::Row;

const HEADER: &str = "\
(** What the Rust code of the ladder gives, written by its tests: z, w, e; then z·w in fixed point, and
    for cosine and sine the two sums and the ends of the enclosure; then the plain product. Each is
    compared with the model. *)

From Coq Require Import ZArith List.
Require Import Model.
Import ListNotations.
Open Scope Z_scope.

Definition samples : list (Z * Z * Z * Z * Z * list Z) := [
";

const FOOTER: &str = "].

Theorem model_is_the_code : forallb agrees samples = true.
Proof. vm_compute. reflexivity. Qed.
";

/// One row: all eight planes alike, the first one read.
fn row(z: Fixed, w: Fixed, e: i32) -> String {
    let scale = power_of_two(e);
    let (x, y) = (Double::new(&[z; 8], scale), Double::new(&[w; 8], 1.0));
    let bound = scale * DOUBLE_BOUND;
    let product = z.times(w);
    let mut bits = Vec::new();
    for [sum, low] in double_products(&x, &y) {
        let (sum, low) = (sum[0], low[0]);
        bits.extend([sum, low, sum + (low - bound), sum + (low + bound)]);
    }
    let (x, y) = (Plain::new(&[z; 8], scale), Plain::new(&[w; 8], 1.0));
    bits.extend(plain_products(&x, &y).map(|part| part[0]));
    let bits: Vec<String> = bits.iter().map(|x| format!("0x{:016x}", x.to_bits())).collect();
    format!(
        "  ({}, {}, {}, {}, {e}, [{}; {}; {}])",
        z.re,
        z.im,
        w.re,
        w.im,
        product.re,
        product.im,
        bits.join("; ")
    )
}

/// Points on the circle and off it, tiny components, ends of ranges, and pieces that tie.
fn inputs() -> Vec<(Fixed, Fixed, i32)> {
    const ONE: i128 = 1 << 126;
    let mut state = 20_261_126u128;
    let mut next = move || {
        state =
            state.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(0x1405_7b7f);
        state
    };
    // Dropped bits that are exactly half, above nothing and above something.
    let hard =
        [ONE, -ONE, 0, 1, -1, ONE - 1, (ONE >> 1) + (1 << 72), (ONE >> 1) + (1 << 72) + (1 << 19)];
    let mut list = Vec::new();
    // Components of modulus 1 stand alone, as on the circle.
    for (i, &re) in hard.iter().enumerate() {
        for (j, &other) in hard.iter().enumerate() {
            let small = [0, 1, -1][(i + j) % 3];
            let (z, w) = (Fixed { re, im: small }, Fixed { re: small, im: other });
            list.push(if i % 2 == 0 { (z, w, 0) } else { (w, z, 0) });
        }
    }
    for i in 0..280 {
        let mut component = |shift: u32| (next() as i128) >> (1 + shift);
        let (a, b) = match i % 4 {
            // Nearly on the circle: the usual case.
            0 | 1 => {
                // A rational point: every step is IEEE's, so that all machines give the same.
                let t = component(0) as f64 / ONE as f64;
                let (sin, cos) = (2.0 * t / (1.0 + t * t), (1.0 - t * t) / (1.0 + t * t));
                let fixed = |x: f64| ((x * (1u64 << 53) as f64) as i128) << 73;
                (fixed(cos) + (component(60) >> 1), fixed(sin) - (component(60) >> 1))
            }
            2 => (component(1), component(1)),
            _ => (component(20 + i % 90), component(1)),
        };
        let w = Fixed { re: component(1), im: component(1 + i % 40) };
        let e = [0, 0, 1, -60, 60, 3][i as usize % 6];
        list.push((Fixed { re: a.clamp(-ONE, ONE), im: b.clamp(-ONE, ONE) }, w, e));
    }
    list
}

/// ROPEWALK_BLESS=1 writes the file anew.
#[test]
fn samples_for_the_model_are_current() {
    let rows: Vec<String> = inputs().into_iter().map(|(z, w, e)| row(z, w, e)).collect();
    let text = format!("{HEADER}{}\n{FOOTER}", rows.join(";\n"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/proofs/Samples.v");
    if std::env::var_os("ROPEWALK_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(kept == text, "docs/proofs/Samples.v is not what the code gives");
}
