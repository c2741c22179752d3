//! Suites, and the corpus they make.

use ropewalk::generate::{Phase, distance_to_tie};
use ropewalk::number::Dtype;

/// How the positions of the table suite's `hard-to-round` group were found: every position up to
/// 2²⁰, every plane of head_dim 8 and base 10000, cos and sin; the six nearest to a tie. Run with
/// `cargo test --release search_for_hard_positions -- --ignored --nocapture` (some minutes).
#[test]
#[ignore = "some minutes in a release build; its result stands in the suite"]
fn search_for_hard_positions() {
    use rayon::prelude::*;
    for dtype in Dtype::FLOATS {
        let format = dtype.format().unwrap();
        let mut found: Vec<(f64, i64)> = (1..=1i64 << 20)
            .into_par_iter()
            .filter_map(|p| {
                let nearest = (0..4)
                    .flat_map(|plane| Phase::new(10000.0, plane, 8, p).unwrap().parts())
                    .filter_map(|x| distance_to_tie(format, &x))
                    .map(|distance| distance.to_f64())
                    .fold(1.0, f64::min);
                (nearest < 1e-4).then_some((nearest, p))
            })
            .collect();
        found.sort_by(|a, b| a.partial_cmp(b).unwrap());
        println!("{dtype}: {:?}", &found[..6]);
    }
}
