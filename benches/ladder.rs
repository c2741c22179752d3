//! Certified tables beside what a person would use instead, and beside a memory fill.
//!
//! `cargo bench --bench ladder` prints nanoseconds of processor time per (cos, sin) pair, best of
//! several, one thread; where several threads are named, nanoseconds of the day. `compare.py` runs it
//! and adds numpy, mpmath and Arb. Compare lines of one run: a machine's noise is in all of them.
//! Words after `--` select lines.

use ropewalk::encoding::{Body, Heads, Question, RopeConfig};
use ropewalk::exact::ladder::{Bf16, F16, Ladder, Output, Path, Span};
use ropewalk::exact::{ResolvedRope, bulk};
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::{Json, Object, Position, Positions, Request};
use rug::{Float, ops::Pow};
use std::hint::black_box;
use std::time::Instant;

const POSITIONS: usize = 131_072;
const PLANES: usize = 64;
const PAIRS: usize = POSITIONS * PLANES;
const ROUNDS: usize = 15;

fn rope(planes: usize) -> ResolvedRope {
    let mut config = Object::default();
    config.set("head_dim", Json::Integer(2 * planes as i128));
    config.set("layout", "half".into());
    config.set("rope_theta", Json::Integer(10_000));
    let rope = RopeConfig::new(&config).and_then(|config| config.rope(None));
    ResolvedRope::new(&rope.expect("a valid config")).expect("decided")
}

/// The least processor time of several rounds, per pair: on a busy machine the time of the work,
/// not of the others'.
fn best(name: &str, pairs: usize, rounds: usize, work: &mut dyn FnMut()) {
    let start = cpu_time::ProcessTime::now();
    least(name, pairs, rounds, &|| start.elapsed().as_secs_f64(), work);
}

/// The least time of day of several rounds, per pair: for several threads.
fn elapsed(name: &str, pairs: usize, rounds: usize, work: &mut dyn FnMut()) {
    let start = Instant::now();
    least(name, pairs, rounds, &|| start.elapsed().as_secs_f64(), work);
}

fn least(name: &str, pairs: usize, rounds: usize, clock: &dyn Fn() -> f64, work: &mut dyn FnMut()) {
    // `cargo bench --bench ladder -- f32` runs those lines only.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part)) {
        return;
    }
    let mut least = f64::INFINITY;
    for _ in 0..rounds {
        let start = clock();
        work();
        least = least.min(clock() - start);
    }
    println!("{name:44} {:10.3} ns", least * 1e9 / pairs as f64);
}

/// The whole table, seeds and all, into memory that exists already.
fn ladder<O: Output>(name: &str, path: Path, cos: &mut [O], sin: &mut [O]) {
    let rope = rope(PLANES);
    best(&format!("ladder {name} {path:?}"), PAIRS, ROUNDS, &mut || {
        let ladder = Ladder::<O>::new(&rope).expect("a ladder").on(path);
        let span = Span::from(0..POSITIONS as i64);
        black_box(ladder.fill(span, black_box(cos), black_box(sin)).expect("a table"));
    });
}

fn tables<O: Output>(name: &str) {
    let (mut cos, mut sin) = (vec![O::default(); PAIRS], vec![O::default(); PAIRS]);
    best(&format!("fill {name}"), PAIRS, ROUNDS, &mut || {
        let one = black_box(O::from_bits(1));
        black_box(&mut cos[..]).fill(one);
        black_box(&mut sin[..]).fill(one);
    });
    for path in Path::ALL.into_iter().filter(|path| path.available()) {
        ladder(name, path, &mut cos, &mut sin);
    }
}

/// One table of `positions` × `planes`, in memory that exists already.
fn scaled(positions: usize, planes: usize, threads: usize) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    let pairs = positions * planes;
    let (mut cos, mut sin) = (vec![0f32; pairs], vec![0f32; pairs]);
    let rope = rope(planes);
    let name = format!("scale f32 {positions} x {planes}, {threads} threads");
    let measure = if threads == 1 { best } else { elapsed };
    pool.install(|| {
        measure(&name, pairs, 5, &mut || {
            let ladder = Ladder::<f32>::new(&rope).expect("a ladder");
            let span = Span::from(0..positions as i64);
            black_box(ladder.fill(span, black_box(&mut cos), &mut sin).expect("a table"));
        });
    });
}

/// What an audit needs of a tensor of one head: every expected value and residual.
fn answered(dtype: Dtype, threads: usize) {
    let line = format!(
        r#"{{"cmd":"run","id":"a","operation":"rotate","dtype":"{dtype}","config":{{"head_dim":128,
        "layout":"half","rope_theta":10000}},"input":{{"positions":[[]],"q":{{"dtype":"{dtype}",
        "shape":[1,1,0,128],"bits":[]}}}}}}"#
    );
    let mut question = Question::new(&Request::parse(&line).expect("json")).expect("a question");
    let Body::Rotate(rotate) = &mut question.body else { return };
    let format = dtype.format().expect("a float");
    // Numbers around 1, of both signs.
    let one = (format.largest() >> 1).next_multiple_of(1 << (format.precision - 1));
    let data = (0..PAIRS as u64 * 2).map(|i| {
        let noise = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        (one | noise & ((1 << (format.precision - 1)) - 1))
            ^ if i % 3 == 0 { format.sign_bit() } else { 0 }
    });
    rotate.q = Tensor::new(dtype, vec![1, 1, POSITIONS, 2 * PLANES], data.collect())
        .ok()
        .and_then(Heads::new)
        .expect("data");
    let positions = (0..POSITIONS as i64).map(Position::integer).collect();
    rotate.positions = Positions::new(vec![1, 1, POSITIONS], positions).expect("positions");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    let measure = if threads == 1 { best } else { elapsed };
    pool.install(|| {
        measure(
            &format!("answer rotate {dtype} 131072 x 128, {threads} threads"),
            PAIRS,
            3,
            &mut || {
                black_box(bulk::answer(black_box(&question)).expect("decided"));
            },
        );
    });
}

fn main() {
    // One thread, so that the lines can be compared with those of one-threaded programs.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    pool.install(|| {
        tables::<f64>("f64");
        tables::<f32>("f32");
        tables::<Bf16>("bf16");
        tables::<F16>("f16");
    });
    let rope = rope(PLANES);
    best("seeds and short table, f64", PAIRS, 5, &mut || {
        black_box(Ladder::<f64>::new(black_box(&rope)).expect("a ladder"));
    });
    let theta: Vec<f64> = (0..PLANES).map(|i| 10000f64.powf(-2.0 * i as f64 / 128.0)).collect();
    let (mut cos, mut sin) = (vec![0.0; PAIRS], vec![0.0; PAIRS]);
    best("libm sin_cos f64, uncertified", PAIRS, 3, &mut || {
        for (index, (cos, sin)) in cos.iter_mut().zip(&mut sin).enumerate() {
            (*sin, *cos) = ((index / PLANES) as f64 * theta[index % PLANES]).sin_cos();
        }
        black_box((&mut cos, &mut sin));
    });
    let exponent = |i: usize| Float::with_val(128, -2 * i as i64) / 128;
    let theta: Vec<Float> =
        (0..PLANES).map(|i| Float::with_val(128, 10000).pow(exponent(i))).collect();
    const SOME: usize = 16;
    best("MPFR 128 bits, uncertified", SOME * PLANES, 3, &mut || {
        for p in POSITIONS - SOME..POSITIONS {
            for theta in &theta {
                let (sin, cos) = Float::with_val(128, theta * p as u64).sin_cos(Float::new(128));
                black_box((sin.to_f64(), cos.to_f64()));
            }
        }
    });
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    for positions in [1024, 16_384, 131_072, 1 << 20] {
        scaled(positions, PLANES, 1);
    }
    for planes in [16, 32, 128] {
        scaled(POSITIONS, planes, 1);
    }
    scaled(1 << 20, PLANES, threads);
    for dtype in Dtype::FLOATS {
        answered(dtype, 1);
    }
    answered(Dtype::F32, threads);
}
