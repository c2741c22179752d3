//! The theorems hold on the shared rotation, and each planted error makes one fail.

mod broken;
mod program;

use proptest::prelude::*;
use ropewalk_theorem::{
    Certificate, Curve, Frequencies, Kind, Polynomial, Report, Rotation, Witness, prove, prove_with,
};

#[test]
fn every_theorem_holds() {
    let line = |report: &Report| {
        assert_eq!(report.failure, None);
        assert!(report.kind != Kind::Proved || report.residual() == "0");
        format!(
            "{:<17} {:<8} {:>5} {}\n",
            report.theorem,
            report.kind.name(),
            report.instances,
            report.residual()
        )
    };
    let table: String = prove(256).iter().map(line).collect();
    // Relative position, proved, by hand: 2 sides × 4 families of degrees, 1 polynomial for a
    // plane, 2 × 2 × 3 × 3 evaluations, 6 shapes × 2 layouts of whole heads, and powers of 3
    // points for 7 × 7 pairs of exponents in 2 parts: 8 + 1 + 36 + 12 + 294 = 351.
    insta::assert_snapshot!(table, @r"
    relative position proved     351 0
    relative position enclosed    60 2.0e-89
    group law         proved     146 0
    group law         enclosed  6068 6.7e-90
    orthogonality     proved     596 0
    orthogonality     enclosed  5520 1.7e-89
    three forms       proved     216 0
    three forms       enclosed  6066 3.7e-90
    layouts           proved     486 0
    Abel identity     proved      26 0
    decay bound       sampled    432 1.4e-105
    no decay          proved      12 0
    no decay          enclosed   144 5.7e-96
    context bound     proved      24 0
    context bound     enclosed  3167 0
    ");
}

/// The theorems that fail on a broken rotation, in their order, without repetition.
fn failing<R: Rotation>() -> Vec<&'static str> {
    let reports = prove_with::<R>(64);
    let mut names: Vec<_> =
        reports.iter().filter(|report| !report.holds()).map(|report| report.theorem).collect();
    names.dedup();
    names
}

#[test]
#[ignore = "deep: .ci/run does it"]
fn deep_planted_errors_are_caught() {
    use broken::*;
    let list = |name: &str, found: Vec<&str>| {
        assert!(!found.is_empty(), "{name} was not caught");
        format!("{name}: {}\n", found.join(", "))
    };
    let table = [
        list("sign of sin flipped in the complex form", failing::<Broken<SIGN>>()),
        list("sign of sin flipped in every form", failing::<Broken<SIGN_EVERYWHERE>>()),
        list("sign of the angle flipped", failing::<Broken<ANGLE>>()),
        list("cos and sin swapped", failing::<Broken<COS_SIN>>()),
        list("keys turned by the conjugate", failing::<Broken<KEYS>>()),
        list("score forgets the conjugate", failing::<Broken<SCORE>>()),
        list("one product dropped", failing::<Broken<PRODUCT>>()),
        list("pairs swapped in one layout", failing::<Broken<PAIRS>>()),
        list("pairs swapped in both layouts", failing::<Broken<PAIRS_EVERYWHERE>>()),
        list("partner head_dim/2 away", failing::<Broken<PARTNER>>()),
        list("last plane left out", failing::<Broken<LAST>>()),
        list("matrix transposed", failing::<Broken<MATRIX>>()),
        list("rot without its minus", failing::<Broken<ROT>>()),
        list("weights permuted the other way", failing::<Broken<WEIGHTS>>()),
    ]
    .concat();
    insta::assert_snapshot!(table, @r"
    sign of sin flipped in the complex form: relative position, group law, three forms, Abel identity, no decay
    sign of sin flipped in every form: relative position, group law, three forms, Abel identity
    sign of the angle flipped: group law
    cos and sin swapped: relative position, group law, orthogonality
    keys turned by the conjugate: relative position, no decay
    score forgets the conjugate: relative position, no decay
    one product dropped: relative position, group law, orthogonality, three forms, Abel identity, decay bound, no decay
    pairs swapped in one layout: three forms, layouts
    pairs swapped in both layouts: three forms
    partner head_dim/2 away: relative position, three forms, layouts, context bound
    last plane left out: relative position, three forms, no decay
    matrix transposed: three forms
    rot without its minus: three forms
    weights permuted the other way: layouts
    ");
}

#[test]
fn the_curve_has_its_known_values() {
    let frequencies = Frequencies::new(128, 10000.0).unwrap();
    let distances: Vec<i64> = (0..=256).collect();
    let curve = Curve::new(&frequencies, &distances, &|_| ()).unwrap();
    assert_eq!((curve.rises.len(), curve.rises[0], &curve.lowest[..]), (115, 19, &[236][..]));
    assert!(curve.level.is_empty());
    // One plane: |S_1| = |e^{ir}| = 1 at every distance, which no precision tells from level.
    let one = Curve::new(&Frequencies::new(2, 10000.0).unwrap(), &[0, 1, 2], &|_| ()).unwrap();
    assert_eq!((one.level, one.lowest), (vec![1, 2], vec![0, 1, 2]));
    // Base 1: S_j = j·e^{ir}, so the mean is (1 + 2 + 3)/3 = 2.
    let still = Curve::new(&Frequencies::new(6, 1.0).unwrap(), &[5], &|_| ()).unwrap();
    let mean = &still.points[0].mean;
    assert!(*mean.lo() <= 2 && *mean.hi() >= 2 && mean.width() < 1e-30);
}

#[test]
fn bases_turn_negative_where_they_should() {
    let first = |dim, base, length| {
        let frequencies = Frequencies::new(dim, base).unwrap();
        Certificate::new(&frequencies, length, &|_| ()).unwrap().first_negative
    };
    // One plane: B(m) = cos m, positive at 1 < π/2, negative at 2.
    assert_eq!(first(2, 10000.0, 10), Some(2));
    assert_eq!(first(2, 10000.0, 1), None);
    // Values of an independent computation.
    assert_eq!(first(128, 500.0, 4096), Some(171));
    assert_eq!(first(128, 10000.0, 4096), Some(1707));
    assert_eq!(first(128, 10000.0, 1706), None);
    assert_eq!(first(128, 27000.0, 4096), Some(4079));
}

/// Rows of the table of Men et al. in `docs/decay.md`: length, printed base, where B turns negative,
/// its lowest value, and the smallest base of two digits.
#[test]
fn the_page_lists_what_is_certified() {
    let page = std::fs::read_to_string("docs/decay.md").unwrap();
    let mut rows = 0;
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let Ok(length) = cells[0].parse() else { continue };
        rows += 1;
        // The longer ones take seconds.
        if length > 16384 {
            continue;
        }
        let certificate = |base: &str| {
            let frequencies = Frequencies::new(128, base.parse().unwrap()).unwrap();
            Certificate::new(&frequencies, length, &|_| ()).unwrap()
        };
        let printed = certificate(cells[1]);
        let first = printed.first_negative.map_or("none".to_string(), |m| m.to_string());
        let lowest = format!("{:.6}", printed.lowest.1.lo().to_f64()).replace('-', "−");
        assert_eq!((first.as_str(), lowest.as_str()), (cells[2], cells[3]), "{line}");
        assert_eq!(certificate(cells[4]).first_negative, None, "{line}");
    }
    assert_eq!(rows, 11);
}

/// A polynomial in two free variables and an angle, and the same function of real numbers.
#[derive(Clone, Debug)]
enum Formula {
    Integer(i8),
    X,
    Y,
    Cos,
    Sin,
    Sum(Box<Formula>, Box<Formula>),
    Product(Box<Formula>, Box<Formula>),
}

impl Formula {
    fn any() -> impl Strategy<Value = Formula> {
        let leaf = prop_oneof![
            any::<i8>().prop_map(Formula::Integer),
            Just(Formula::X),
            Just(Formula::Y),
            Just(Formula::Cos),
            Just(Formula::Sin)
        ];
        leaf.prop_recursive(4, 16, 2, |inner| {
            let two = (inner.clone(), inner).prop_map(|(a, b)| (Box::new(a), Box::new(b)));
            prop_oneof![
                two.clone().prop_map(|(a, b)| Formula::Sum(a, b)),
                two.prop_map(|(a, b)| Formula::Product(a, b))
            ]
        })
    }

    fn of<T>(&self, x: &T, y: &T, w: &num_complex::Complex<T>) -> T
    where
        T: num_traits::Num + Clone,
    {
        match self {
            Formula::Integer(n) => T::from_str_radix(&n.to_string(), 10).ok().unwrap(),
            Formula::X => x.clone(),
            Formula::Y => y.clone(),
            Formula::Cos => w.re.clone(),
            Formula::Sin => w.im.clone(),
            Formula::Sum(a, b) => a.of(x, y, w) + b.of(x, y, w),
            Formula::Product(a, b) => a.of(x, y, w) * b.of(x, y, w),
        }
    }

    fn polynomial(&self) -> Polynomial {
        let free = |index| Polynomial::free("x", index);
        self.of(&free(0), &free(1), &Polynomial::phase("w", 0))
    }

    /// At a point of the circle, (3 + 4i)/5, in exact rationals.
    fn rational(&self) -> ropewalk::exact::Ratio {
        use ropewalk::exact::Ratio;
        let w = num_complex::Complex::new(Ratio::new(3, 5), Ratio::new(4, 5));
        self.of(&Ratio::new(2, 7), &Ratio::new(-5, 3), &w)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The ring is commutative and distributive, and two formulas that agree in it agree at a
    /// rational point; sine squared is the one relation that makes different formulas agree.
    #[test]
    fn polynomials_are_a_ring(a in Formula::any(), b in Formula::any(), c in Formula::any()) {
        let [p, q, r] = [&a, &b, &c].map(Formula::polynomial);
        prop_assert_eq!((p.clone() + q.clone()) * r.clone(), r.clone() * p.clone() + q.clone() * r);
        let both = Formula::Product(Box::new(a.clone()), Box::new(b.clone()));
        prop_assert_eq!(both.polynomial(), q.clone() * p.clone());
        prop_assert_eq!(both.rational(), a.rational() * b.rational());
        if p == q {
            prop_assert_eq!(a.rational(), b.rational());
        }
    }

    /// Certificates against cosines of the platform's library.
    #[test]
    fn certificates_agree_with_a_plain_sum(planes in 1usize..20, base in 1.0..1e6) {
        let frequencies = Frequencies::new(2 * planes, base).unwrap();
        let certificate = Certificate::new(&frequencies, 300, &|_| ()).unwrap();
        let b = |m: u64| -> f64 {
            (0..planes).map(|i| (m as f64 * base.powf(-(i as f64) / planes as f64)).cos()).sum()
        };
        let plain = (0..=300).find(|&m| b(m) < 0.0);
        // Where the platform's sum is closer to 0 than its own error, it has no say.
        if (0..=300).all(|m| b(m).abs() > 1e-9) {
            prop_assert_eq!(certificate.first_negative, plain);
        }
    }

    /// No decay: a key for every distance.
    #[test]
    fn a_key_for_every_distance(planes in 2usize..33, distance in -3000i64..3000) {
        let frequencies = Frequencies::new(2 * planes, 10000.0).unwrap();
        let near: Vec<i64> = (distance - 40..=distance + 40).collect();
        let witness = Witness::new(&frequencies, distance, &near).unwrap();
        prop_assert_eq!(witness.rivals, Vec::<i64>::new());
        prop_assert!((witness.peak.lo().to_f64() - planes as f64).abs() < 1e-12);
    }
}
