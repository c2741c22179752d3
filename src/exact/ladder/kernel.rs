//! The loop over rows, compiled once per instruction set, and the choice between them.

use super::lanes::{Lanes, Portable};
#[cfg(target_arch = "aarch64")]
use super::neon::Neon;
use super::output::Output;
use super::output::Row;
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};

/// Which instructions compute a table. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// Rust's own arithmetic.
    Portable,
    /// NEON, which every aarch64 processor has.
    Neon,
    /// AVX2, FMA and F16C.
    Avx2,
    /// AVX-512F.
    Avx512,
}

impl Path {
    /// All of them, slowest first.
    pub const ALL: [Path; 4] = [Path::Portable, Path::Neon, Path::Avx2, Path::Avx512];

    /// Whether this processor can run it.
    pub fn available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c");
            match self {
                Path::Portable => true,
                Path::Neon => false,
                Path::Avx2 => avx2,
                Path::Avx512 => avx2 && is_x86_feature_detected!("avx512f"),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            self == Path::Portable || (self == Path::Neon && cfg!(target_arch = "aarch64"))
        }
    }

    /// The fastest that this processor can run.
    pub fn best() -> Path {
        Path::ALL.into_iter().rev().find(|path| path.available()).unwrap_or(Path::Portable)
    }
}

/// Eight entries of which some failed the rounding test.
#[derive(Clone, Copy)]
pub(super) struct Failed {
    /// Row of the output.
    pub(super) row: usize,
    /// First plane of the eight.
    pub(super) plane: usize,
    /// A bit for every cosine that failed.
    pub(super) cos: u8,
    /// A bit for every sine that failed.
    pub(super) sin: u8,
}

/// One call of the kernel: `cos` and `sin` get as many rows of `planes` numbers as they have room
/// for, row r from `x` · `table[r]`, both padded to whole groups of eight planes.
pub(super) struct Run<'a, O: Output> {
    pub(super) x: &'a [O::Entry],
    pub(super) table: &'a [O::Entry],
    pub(super) planes: usize,
    pub(super) bound: f64,
    /// Number of the first row, for `failed`.
    pub(super) first: usize,
    pub(super) cos: &'a mut [O],
    pub(super) sin: &'a mut [O],
    pub(super) failed: &'a mut Vec<Failed>,
}

/// A loop that is compiled once per instruction set.
pub(super) trait Work {
    /// Runs it; implementations are `#[inline(always)]`, so that the instructions are enabled.
    fn run<V: Lanes>(self);
}

/// Runs on a path; one that is not available falls back to the portable one.
pub(super) fn dispatch<W: Work>(work: W, path: Path) {
    match path {
        // SAFETY: `available` has asked the processor for every feature that is enabled.
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 if path.available() => unsafe { avx512(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 if path.available() => unsafe { avx2(work) },
        #[cfg(target_arch = "aarch64")]
        Path::Neon => work.run::<Neon>(),
        _ => work.run::<Portable>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma,f16c")]
fn avx512<W: Work>(work: W) {
    work.run::<Avx512>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn avx2<W: Work>(work: W) {
    work.run::<Avx2>();
}

impl<O: Output> Work for Run<'_, O> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        rows::<V, O>(self);
    }
}

#[inline(always)]
fn rows<V: Lanes, O: Output>(run: Run<O>) {
    let Run { x, table, planes, bound, first, cos, sin, failed } = run;
    let bound = V::splat(bound);
    let tail = planes % 8;
    let rows = cos.chunks_exact_mut(planes).zip(sin.chunks_exact_mut(planes));
    for (row, ((cos, sin), y)) in rows.zip(table.chunks_exact(x.len())).enumerate() {
        let mut report = |group: usize, (cos, sin): (u8, u8)| {
            if cos | sin != 0 {
                failed.push(Failed { row: first + row, plane: 8 * group, cos, sin });
            }
        };
        let (cos, last_cos) = cos.as_chunks_mut::<8>();
        let (sin, last_sin) = sin.as_chunks_mut::<8>();
        let whole = cos.len();
        for (group, ((cos, sin), (x, y))) in
            cos.iter_mut().zip(sin).zip(x.iter().zip(y)).enumerate()
        {
            report(group, <O::Entry as Row>::product(x, y, bound, cos, sin));
        }
        if tail > 0 {
            let (mut c, mut s) = ([O::default(); 8], [O::default(); 8]);
            let valid = (1u8 << tail) - 1;
            let (a, b) = <O::Entry as Row>::product(&x[whole], &y[whole], bound, &mut c, &mut s);
            last_cos.copy_from_slice(&c[..tail]);
            last_sin.copy_from_slice(&s[..tail]);
            report(whole, (a & valid, b & valid));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that lanes can do, of some numbers.
    struct Everything<'a> {
        a: &'a [f64; 8],
        b: &'a [f64; 8],
        out: &'a mut Vec<u64>,
    }

    impl Work for Everything<'_> {
        #[inline(always)]
        fn run<V: Lanes>(self) {
            let (a, b) = (V::load(self.a), V::load(self.b));
            let product = a.mul(b);
            let results = [a.add(b), a.sub(b), product, a.product_error(b, product), V::splat(0.1)];
            for result in results {
                let mut lanes = [0.0; 8];
                result.store(&mut lanes);
                self.out.extend(lanes.map(f64::to_bits));
            }
            let (mut single, mut bf16, mut f16) = ([0f32; 8], [0; 8], [0; 8]);
            let masks = [
                a.differ(b),
                V::to_f32(a, b, &mut single),
                V::to_bf16(a, b, &mut bf16),
                V::to_f16(a, b, &mut f16),
            ];
            self.out.extend(masks.map(u64::from));
            self.out.extend(single.map(|x| u64::from(x.to_bits())));
            self.out.extend(bf16.map(u64::from));
            self.out.extend(f16.map(u64::from));
        }
    }

    #[test]
    fn every_path_has_the_bits_of_the_portable_one() {
        let mut state = 1u64;
        let mut random = |i: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            // Few bits now and then, so that ties occur; within what tables hold.
            let fraction = state >> 12 >> (i % 8 * 6) << (i % 8 * 6);
            f64::from_bits((state & 1) << 63 | (1023 - 60 + state % 61) << 52 | fraction)
        };
        for round in 0..4000 {
            let a: [f64; 8] = std::array::from_fn(&mut random);
            // Neighbours, the same, or something else.
            let b: [f64; 8] = std::array::from_fn(|i| match (round + i) % 3 {
                0 => a[i],
                1 => f64::from_bits(a[i].to_bits() + (1 << (round % 32))),
                _ => random(round + i),
            });
            let mut portable = Vec::new();
            dispatch(Everything { a: &a, b: &b, out: &mut portable }, Path::Portable);
            assert_eq!(portable.len(), 5 * 8 + 4 + 3 * 8);
            for path in Path::ALL.into_iter().filter(|path| path.available()) {
                let mut out = Vec::new();
                dispatch(Everything { a: &a, b: &b, out: &mut out }, path);
                assert_eq!(out, portable, "{path:?} {a:?} {b:?}");
            }
        }
    }
}
