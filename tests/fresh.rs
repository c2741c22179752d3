//! Questions that are drawn.

use ropewalk::encoding::Layout;
use ropewalk::generate::fresh::{Claims, Drawn, answer, by_id, draw};
use ropewalk::number::Dtype;
use ropewalk::request::{Direction, Operation};

fn everything(operations: &[Operation], seed: u64) -> Drawn {
    let all = Dtype::FLOATS;
    let formats: Vec<(Dtype, Dtype)> =
        all.iter().flat_map(|&from| all.map(|to| (from, to))).collect();
    draw(
        seed,
        &Claims {
            operations,
            formats: &formats,
            layouts: &Layout::ALL,
            rope_types: None,
            directions: &[Direction::Forward, Direction::Inverse, Direction::Backward],
            admits: &|_| Ok(()),
            own: None,
        },
    )
}

#[test]
fn measure() {
    for operation in Operation::ALL {
        let start = std::time::Instant::now();
        let drawn = everything(&[operation], 0);
        let drew = start.elapsed();
        let start = std::time::Instant::now();
        let files = answer(&drawn.questions).unwrap();
        let elements: usize = files.iter().map(|(_, golden)| golden.elements()).sum();
        println!(
            "{}: {} questions, {} combinations, {elements} elements, drawn in {drew:?}, answered in {:?}",
            operation.name(),
            drawn.questions.len(),
            drawn.combinations,
            start.elapsed()
        );
        let mut whys = std::collections::BTreeMap::<String, Vec<String>>::new();
        for (_, what, why) in &drawn.unasked {
            whys.entry(why.clone()).or_default().push(what.clone());
        }
        for (why, what) in whys {
            println!("   {} {why}: {}", what.len(), what[..what.len().min(6)].join("; "));
        }
        for fresh in drawn.questions.iter().step_by(29) {
            let again = by_id(&fresh.request.id, None).unwrap();
            assert_eq!(again.request.to_json(), fresh.request.to_json());
        }
    }
}
