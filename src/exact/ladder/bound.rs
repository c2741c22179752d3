//! Every constant of the error analysis, and how it is derived.
//!
//! Notation: RN rounds to nearest even in binary64; |x| ≤ 2^k implies |RN(x) − x| ≤ 2^(k−54), since
//! half an ulp below 2^k is 2^(k−54). All bounds are absolute. `docs/ladder.md` tells the same
//! story with the reasons, and Coq has checked it (`docs/proofs.md`) with the constants of this file.
//!
//! # Fixed point
//!
//! Seeds and table rows are integers in units of 2^−126 ([`FRACTION_BITS`]).
//!
//! * A seed, e^{i·2^j·θ} or the scaled magnitude, is a number of an interval at most one unit wide
//!   after outward rounding: it errs by at most 1 unit per component, √2 as a complex number.
//! * A real product drops less than 1 + 2^−62 units, so a component of a complex product errs by
//!   less than 3 units, the product by less than 3√2 < 4.3.
//! * A value at position p is a product of at most 63 seeds (62 bits of |p|, and the magnitude), all
//!   of modulus ≤ 1 up to their errors: 63 · (√2 + 4.3) · (1 + 2^−110) < 2^9 units = 2^−117
//!   ([`CHAIN`]). The depth of the radix ladder is in this bound, which holds for every |p| ≤ 2^62.
//!
//! # Entries
//!
//! A row becomes pairs hi + lo, hi = RN(hi + lo), for a double-double table: |hi| ≤ 1, |lo| ≤ 2^−54,
//! and a component errs by at most 2^−107 + 2^−117. The first is the rounding of the rest behind the
//! leading piece: it is half an ulp of 2^−54 nearly always, but where the middle piece ties and the
//! low one is not zero the rest is above 2^−54. For a plain table it is one rounding more:
//! 2^−54 + 2^−107 + 2^−117. Two factors with component errors E move their product, of moduli ≤ 1, by
//! at most 2·√2·E·(1 + E) per component: 2.84 units of 2^−107 ([`ENTRY`]), 2.83 of 2^−54
//! ([`PLAIN_ENTRY`]).
//!
//! Both parts of an entry are multiples of 2^−126 (2^−186 with the smallest magnitude scaled in): no
//! product of two of them, nor its error, underflows, so that the error of a product by fused
//! multiply-add and by Dekker's splitting are the same exact number.
//!
//! # One product in double-double
//!
//! re = ac − bd, with a = ah + al and so on, |·h| ≤ 1, |·l| ≤ 2^−54; in units of 2^−107:
//!
//! | step | magnitude | error |
//! |---|---|---|
//! | p = RN(ah·ch), pe exact; q, qe likewise | ≤ 1, 2^−54 | 0 |
//! | s = RN(p − q), se exact (TwoSum) | ≤ 2, 2^−53 | 0 |
//! | ah·cl, al·ch, bh·dl, bl·dh | ≤ 2^−54 | 4 · 1/2 |
//! | their two sums | ≤ 2^−53 | 2 · 1 |
//! | the difference of the sums | ≤ 2^−52 | 2 |
//! | pe − qe | ≤ 2^−53 | 1 |
//! | … + se | ≤ 2^−52 | 2 |
//! | low = … + the cross terms | ≤ 2^−51 | 4 |
//! | al·cl and bl·dl, dropped | ≤ 2^−108 each | 1 |
//!
//! Together 14 ([`PRODUCT`]), and 2^−1071 where factors other than ours could underflow, for which
//! [`ENTRY`] has room. The result is the unevaluated sum s + low; a TwoSum would
//! normalise it without error, and the rounding test does not need that.
//!
//! # One product in plain f64
//!
//! RN(RN(ac) − RN(bd)): 2^−54 for each product, and 2^−53 for the difference, which is below 2:
//! 4·2^−54 ([`PLAIN_PRODUCT`]). Were it known to be at most 1, 3·2^−54 would do.
//!
//! # The rounding test
//!
//! With |s + low − exact| ≤ ε₀ and δ the error of RN(low ± ε), the exact value lies between
//! s + RN(low − ε) and s + RN(low + ε) if ε ≥ ε₀ + δ; rounding is monotone, so if both round to
//! the same number, that is the rounding of the exact value. |low ± ε| < 2^−50 gives δ ≤ 2^−104, 8
//! units of 2^−107 ([`TEST`]). In plain f64, |v ± ε| < 2 gives δ ≤ 2^−53, 2 units of 2^−54
//! ([`PLAIN_TEST`]), and both endpoints are rounded once, straight into the narrow format.
//!
//! # A rotation
//!
//! x·C − y·S for exact x, y with |x|, |y| ≤ Z, where C and S are double-double products as above,
//! normalised by a TwoSum: C = ch + cl, |ch| ≤ 1, |cl| ≤ 2^−54, and each errs by at most PRODUCT +
//! ENTRY. Z is no power of two, so a rounding is counted as 2^−53 of what is rounded. In units of
//! 2^−107·Z:
//!
//! | step | magnitude in Z | error |
//! |---|---|---|
//! | p = RN(x·ch), pe exact; q, qe likewise | ≤ 1, 2^−53 | 0 |
//! | s = RN(p − q), se exact (TwoSum) | ≤ 2, 2^−52 | 0 |
//! | x·cl, y·sl | ≤ 2^−54 | 2 · 1 |
//! | their difference | ≤ 2^−53 | 2 |
//! | pe − qe | ≤ 2^−52 | 4 |
//! | … + se | ≤ 2^−51 | 8 |
//! | low = … + the cross terms | ≤ 1.25 · 2^−51 | 10 |
//!
//! Together 26; the constant is 27 ([`ROTATE`]), for what second-order terms add. C and S add
//! 2 · (PRODUCT + ENTRY). |low ± ε| ≤ 1.3·2^−51·Z costs the test another 11 ([`ROTATE_TEST`]), and 1
//! more covers the rounding of Z·ε itself. For narrower formats the sum v = RN(s + low) is widened by
//! 2^−51·|v| besides, for its rounding and those of the ends. The residual r = RN(RN(s − E) + low)
//! against the rounded value E errs by ε and 2^−53·(|s − E| + |r|), twice which is allowed.

/// Bits after the point of the fixed-point tables.
pub const FRACTION_BITS: u32 = 126;

/// 2^−107, the unit of the double-double bounds.
const UNIT: f64 = power_of_two(-107);
/// 2^−54, the unit of the plain bounds.
const PLAIN_UNIT: f64 = power_of_two(-54);

/// What a chain of at most 63 seeds errs by: 2^−117.
pub const CHAIN: f64 = power_of_two(-117);
/// Error of one double-double complex product per component, in units of 2^−107.
pub const PRODUCT: f64 = 14.0;
/// What the errors of two table entries do to their product, 2√2·(2^−107 + 2^−117)·(1 + 2^−106) per
/// component, in units of 2^−107.
pub const ENTRY: f64 = 3.0;
/// Rounding of low ± ε, in units of 2^−107.
pub const TEST: f64 = 8.0;
/// Error of one plain complex product per component, in units of 2^−54.
pub const PLAIN_PRODUCT: f64 = 4.0;
/// What the errors of two table entries do to their product, 2√2·(1 + 2^−53), in units of 2^−54.
pub const PLAIN_ENTRY: f64 = 3.0;
/// Rounding of v ± ε, in units of 2^−54.
pub const PLAIN_TEST: f64 = 2.0;

/// ε of the rounding test on double-double values of modulus ≤ 1: 25·2^−107.
pub const DOUBLE_BOUND: f64 = (PRODUCT + ENTRY + TEST) * UNIT;
/// ε of the rounding test on plain values of modulus ≤ 1: 9·2^−54.
pub const PLAIN_BOUND: f64 = (PLAIN_PRODUCT + PLAIN_ENTRY + PLAIN_TEST) * PLAIN_UNIT;

/// Error of x·C − y·S beyond those of C and S, in units of 2^−107·max(|x|, |y|).
pub const ROTATE: f64 = 27.0;
/// Rounding of low ± ε in a rotation, in units of 2^−107·max(|x|, |y|).
pub const ROTATE_TEST: f64 = 11.0;
/// ε of a rotation over max(|x|, |y|), for a magnitude ≤ 1: 73·2^−107.
pub const ROTATE_BOUND: f64 = (ROTATE + 2.0 * (PRODUCT + ENTRY) + ROTATE_TEST + 1.0) * UNIT;

/// 2^e for a normal number.
pub(super) const fn power_of_two(e: i32) -> f64 {
    f64::from_bits(((e + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The derived figures, recomputed where a formula gives them.
    #[test]
    fn constants_cover_their_derivations() {
        let entry = power_of_two(-107) + CHAIN;
        assert!(2.0 * 2f64.sqrt() * entry * 1.000001 < ENTRY * UNIT);
        let plain = PLAIN_UNIT + power_of_two(-107) + CHAIN;
        assert!(2.0 * 2f64.sqrt() * plain * 1.000001 < PLAIN_ENTRY * PLAIN_UNIT);
        let (crosses, sums, difference, first, second, last, dropped) = (2, 2, 2, 1, 2, 4, 1);
        assert_eq!(crosses + sums + difference + first + second + last + dropped, PRODUCT as i32);
        let units = 63.0 * (2f64.sqrt() + 3.0 * 2f64.sqrt()) * 1.000001;
        assert!(units * power_of_two(-(FRACTION_BITS as i32)) < CHAIN);
        assert_eq!(DOUBLE_BOUND, 25.0 * power_of_two(-107));
        assert_eq!(PLAIN_BOUND, 9.0 * power_of_two(-54));
        let (crosses, difference, first, second, last) = (2, 2, 4, 8, 10);
        assert!(crosses + difference + first + second + last < ROTATE as i32);
        assert!(1.3 * 2f64.powi(-104) < ROTATE_TEST * UNIT);
        assert_eq!(ROTATE_BOUND, 73.0 * power_of_two(-107));
    }
}
