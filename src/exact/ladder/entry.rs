//! Table entries, eight planes at a time, and the product with its rounding test.

use super::bound::{DOUBLE_BOUND, PLAIN_BOUND};
use super::fixed::{Fixed, to_double};
use super::lanes::Lanes;
use super::output::{Bf16, F16, Output, Row, sealed, widen};
use crate::number::Format;

/// Numbers hi + lo, hi = RN(hi + lo).
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Double {
    re_hi: [f64; 8],
    re_lo: [f64; 8],
    im_hi: [f64; 8],
    im_lo: [f64; 8],
}

/// Numbers in one binary64.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Plain {
    re: [f64; 8],
    im: [f64; 8],
}

/// Eight double-double numbers.
#[derive(Clone, Copy)]
struct Pair<V> {
    hi: V,
    lo: V,
}

impl<V: Lanes> Pair<V> {
    #[inline(always)]
    fn load(hi: &[f64; 8], lo: &[f64; 8]) -> Pair<V> {
        Pair { hi: V::load(hi), lo: V::load(lo) }
    }
}

/// ac ± bd (minus with `MINUS`) as the unevaluated sum of two numbers, the first of which is the
/// rounded sum of the rounded leading products. The order of the sums is that of the table in
/// [`super::bound`].
#[inline(always)]
fn dot<V: Lanes, const MINUS: bool>(a: Pair<V>, c: Pair<V>, b: Pair<V>, d: Pair<V>) -> (V, V) {
    let signed = |x: V, y: V| if MINUS { x.sub(y) } else { x.add(y) };
    let p = a.hi.mul(c.hi);
    let p_error = a.hi.product_error(c.hi, p);
    let q = b.hi.mul(d.hi);
    let q_error = b.hi.product_error(d.hi, q);
    // TwoSum of p and ±q.
    let sum = signed(p, q);
    let z = sum.sub(p);
    let p_rest = p.sub(sum.sub(z));
    let sum_error = if MINUS { p_rest.sub(q.add(z)) } else { p_rest.add(q.sub(z)) };
    let cross = signed(
        a.hi.mul(c.lo).add(a.lo.mul(c.hi)), //
        b.hi.mul(d.lo).add(b.lo.mul(d.hi)),
    );
    let low = signed(p_error, q_error).add(sum_error).add(cross);
    (sum, low)
}

impl Row for Double {
    const BOUND: f64 = DOUBLE_BOUND;

    fn new(planes: &[Fixed; 8], scale: f64) -> Double {
        let (re, im) = (planes.map(|z| to_double(z.re)), planes.map(|z| to_double(z.im)));
        Double {
            re_hi: re.map(|x| x.0 * scale),
            re_lo: re.map(|x| x.1 * scale),
            im_hi: im.map(|x| x.0 * scale),
            im_lo: im.map(|x| x.1 * scale),
        }
    }

    #[inline(always)]
    fn product<V: Lanes, O: Output>(
        x: &Double,
        y: &Double,
        bound: V,
        cos: &mut [O; 8],
        sin: &mut [O; 8],
    ) -> (u8, u8) {
        let (a, b) = (Pair::load(&x.re_hi, &x.re_lo), Pair::load(&x.im_hi, &x.im_lo));
        let (c, d) = (Pair::load(&y.re_hi, &y.re_lo), Pair::load(&y.im_hi, &y.im_lo));
        let ends = |(sum, low): (V, V)| (sum.add(low.sub(bound)), sum.add(low.add(bound)));
        let (lo, hi) = ends(dot::<V, true>(a, c, b, d));
        let cos = O::round(lo, hi, cos);
        let (lo, hi) = ends(dot::<V, false>(a, d, b, c));
        (cos, O::round(lo, hi, sin))
    }
}

/// A number and what TwoSum leaves: the same sum, normalised.
#[inline(always)]
fn normalised<V: Lanes>((s, low): (V, V)) -> Pair<V> {
    let hi = s.add(low);
    let z = hi.sub(s);
    Pair { hi, lo: s.sub(hi.sub(z)).add(low.sub(z)) }
}

/// x·C ∓ y·S for exact x and y, unevaluated as in [`dot`]: the table of a rotation in
/// [`super::bound`].
#[inline(always)]
fn mixed<V: Lanes, const MINUS: bool>(x: V, c: Pair<V>, y: V, s: Pair<V>) -> (V, V) {
    let signed = |x: V, y: V| if MINUS { x.sub(y) } else { x.add(y) };
    let p = x.mul(c.hi);
    let p_error = x.product_error(c.hi, p);
    let q = y.mul(s.hi);
    let q_error = y.product_error(s.hi, q);
    let sum = signed(p, q);
    let z = sum.sub(p);
    let p_rest = p.sub(sum.sub(z));
    let sum_error = if MINUS { p_rest.sub(q.add(z)) } else { p_rest.add(q.sub(z)) };
    let cross = signed(x.mul(c.lo), y.mul(s.lo));
    let low = signed(p_error, q_error).add(sum_error).add(cross);
    (sum, low)
}

impl Double {
    /// The lanes of a mask from another.
    pub(super) fn take(&mut self, other: &Double, lanes: u8) {
        for lane in (0..8).filter(|lane| lanes >> lane & 1 == 1) {
            self.re_hi[lane] = other.re_hi[lane];
            self.re_lo[lane] = other.re_lo[lane];
            self.im_hi[lane] = other.im_hi[lane];
            self.im_lo[lane] = other.im_lo[lane];
        }
    }

    /// Turns x + iy by the product of two entries, or by its conjugate: real and imaginary part as
    /// unevaluated sums.
    #[inline(always)]
    pub(super) fn turn<V: Lanes>(
        &self,
        other: &Double,
        clockwise: bool,
        x: &[f64; 8],
        y: &[f64; 8],
    ) -> [(V, V); 2] {
        let (a, b) = (Pair::load(&self.re_hi, &self.re_lo), Pair::load(&self.im_hi, &self.im_lo));
        let (c, d) =
            (Pair::load(&other.re_hi, &other.re_lo), Pair::load(&other.im_hi, &other.im_lo));
        let cos = normalised(dot::<V, true>(a, c, b, d));
        let mut sin = normalised(dot::<V, false>(a, d, b, c));
        if clockwise {
            let zero = V::splat(0.0);
            sin = Pair { hi: zero.sub(sin.hi), lo: zero.sub(sin.lo) };
        }
        let (x, y) = (V::load(x), V::load(y));
        [mixed::<V, true>(x, cos, y, sin), mixed::<V, false>(x, sin, y, cos)]
    }
}

/// The products themselves, cos and then sin, before any test: what an error is measured on.
impl sealed::Sealed for f64 {
    type Entry = Double;
    #[inline(always)]
    fn round<V: Lanes>(lo: V, hi: V, out: &mut [f64; 8]) -> u8 {
        lo.store(out);
        lo.differ(hi)
    }
    #[inline(always)]
    fn ends<V: Lanes>(sum: V, low: V, bound: &[f64; 8]) -> (V, V) {
        let bound = V::load(bound);
        (sum.add(low.sub(bound)), sum.add(low.add(bound)))
    }
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
}

impl sealed::Sealed for f32 {
    type Entry = Plain;
    #[inline(always)]
    fn round<V: Lanes>(lo: V, hi: V, out: &mut [f32; 8]) -> u8 {
        V::to_f32(lo, hi, out)
    }
    #[inline(always)]
    fn widen(self) -> f64 {
        self as f64
    }
}

macro_rules! sixteen_bits {
    ($type:ident, $format:expr, $round:ident) => {
        impl sealed::Sealed for $type {
            type Entry = Plain;
            #[inline(always)]
            fn round<V: Lanes>(lo: V, hi: V, out: &mut [$type; 8]) -> u8 {
                let mut bits = [0; 8];
                let mask = V::$round(lo, hi, &mut bits);
                *out = bits.map($type);
                mask
            }
            #[inline(always)]
            fn widen(self) -> f64 {
                widen($format, self.0 as u64)
            }
        }
    };
}
sixteen_bits!(Bf16, Format::BF16, to_bf16);
sixteen_bits!(F16, Format::F16, to_f16);

#[cfg(test)]
pub(super) fn double_products(x: &Double, y: &Double) -> [[[f64; 8]; 2]; 2] {
    use super::lanes::Portable;
    let (a, b) = (Pair::<Portable>::load(&x.re_hi, &x.re_lo), Pair::load(&x.im_hi, &x.im_lo));
    let (c, d) = (Pair::load(&y.re_hi, &y.re_lo), Pair::load(&y.im_hi, &y.im_lo));
    let store = |x: Portable| {
        let mut out = [0.0; 8];
        x.store(&mut out);
        out
    };
    [dot::<_, true>(a, c, b, d), dot::<_, false>(a, d, b, c)].map(|(s, low)| [store(s), store(low)])
}

/// As [`double_products`] in plain f64.
#[cfg(test)]
pub(super) fn plain_products(x: &Plain, y: &Plain) -> [[f64; 8]; 2] {
    let re = |i: usize| x.re[i] * y.re[i] - x.im[i] * y.im[i];
    let im = |i: usize| x.re[i] * y.im[i] + x.im[i] * y.re[i];
    [std::array::from_fn(re), std::array::from_fn(im)]
}

impl Row for Plain {
    const BOUND: f64 = PLAIN_BOUND;

    fn new(planes: &[Fixed; 8], scale: f64) -> Plain {
        Plain {
            re: planes.map(|z| to_double(z.re).0 * scale),
            im: planes.map(|z| to_double(z.im).0 * scale),
        }
    }

    #[inline(always)]
    fn product<V: Lanes, O: Output>(
        x: &Plain,
        y: &Plain,
        bound: V,
        cos: &mut [O; 8],
        sin: &mut [O; 8],
    ) -> (u8, u8) {
        let (a, b) = (V::load(&x.re), V::load(&x.im));
        let (c, d) = (V::load(&y.re), V::load(&y.im));
        let re = a.mul(c).sub(b.mul(d));
        let im = a.mul(d).add(b.mul(c));
        let cos = O::round(re.sub(bound), re.add(bound), cos);
        (cos, O::round(im.sub(bound), im.add(bound), sin))
    }
}
