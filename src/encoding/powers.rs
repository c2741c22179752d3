//! Products of powers of machine integers, compared exactly: what decides the boundaries of
//! logarithmic buckets.

use std::cmp::Ordering;

/// The order of Π baseᵉ on the left and on the right, for bases and exponents of any size; the
/// empty product is 1 and 0⁰ is 1.
///
/// Whole integers, schoolbook: they stay short (a few thousand bits for every configuration in
/// use).
pub(super) fn compare_powers(left: &[(u64, u64)], right: &[(u64, u64)]) -> Ordering {
    let (a, b) = (product(left), product(right));
    // Neither side has leading zero limbs, so the longer one is larger.
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

/// Π baseᵉ as little-endian 64-bit limbs, none for zero.
fn product(powers: &[(u64, u64)]) -> Vec<u64> {
    if powers.iter().any(|&(base, exponent)| base == 0 && exponent > 0) {
        return Vec::new();
    }
    let mut limbs = vec![1u64];
    for &(base, exponent) in powers {
        for _ in 0..exponent {
            let mut carry = 0u128;
            for limb in limbs.iter_mut() {
                let product = *limb as u128 * base as u128 + carry;
                *limb = product as u64;
                carry = product >> 64;
            }
            if carry > 0 {
                limbs.push(carry as u64);
            }
        }
    }
    limbs
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ordering::{Equal, Greater, Less};

    #[test]
    fn powers_compare_as_integers() {
        assert_eq!(compare_powers(&[(2, 64)], &[(u64::MAX, 1)]), Greater);
        assert_eq!(compare_powers(&[(4, 50), (3, 7)], &[(2, 100), (3, 7)]), Equal);
        assert_eq!(compare_powers(&[(3, 40)], &[(2, 64)]), Less); // 2^63.4
        assert_eq!(compare_powers(&[(0, 2)], &[]), Less);
        assert_eq!(compare_powers(&[(0, 0)], &[]), Equal);
    }
}
