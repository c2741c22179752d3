//! One answer against the right one: each rule of special values, each size of error, each misfit.

use ropewalk::audit::{Ask, Case, Judged, Misfit, Tolerances, Truth, judge, right_profiles, ulps};
use ropewalk::encoding::Question;
use ropewalk::exact;
use ropewalk::number::{Dtype, Format, Tensor};
use ropewalk::profile::{self, Profile};
use ropewalk::request::{Json, Request};
use ropewalk::vector::{Expected, Tensors};
use serde_json::{Value, json};

const NAN: u64 = 0x7fc00000;
const INFINITY: u64 = 0x7f800000;

/// A case with its right answer.
pub fn case(operation: &str, dtype: &str, config: Value, input: Value) -> Case {
    let request = json!({"cmd": "run", "id": "t", "operation": operation, "dtype": dtype,
                         "config": config, "input": input});
    let request = Request::parse(&request.to_string()).unwrap();
    let question = Question::new(&request).unwrap();
    let answer = exact::answer(&question).unwrap();
    let named = |tensor: &exact::Named| (tensor.name.to_string(), tensor.expected.clone());
    let residual = |t: &exact::Named| Some((t.name.to_string(), t.residual.clone()?));
    let residual: Vec<_> = answer.tensors.iter().filter_map(residual).collect();
    Case {
        ask: Ask::new(request),
        truth: Truth {
            expected: Expected::Tensors(Tensors(answer.tensors.iter().map(named).collect())),
            residual: (!residual.is_empty()).then_some(Tensors(residual)),
        },
        group: "g".into(),
        basic: false,
        comment: "a test".into(),
        flags: vec!["basic".into()],
    }
}

fn row(bits: &[u64]) -> Value {
    let text: String = bits.iter().map(|bits| format!("{bits:08x}")).collect();
    json!({"dtype": "f32", "shape": [1, 1, 1, bits.len()], "bits": [text]})
}

/// `rotate` of one f32 row in the half layout.
pub fn rotate(bits: &[u64], position: i64, more: Value) -> Case {
    let mut config = json!({"head_dim": bits.len(), "layout": "half", "rope_theta": 10000});
    let Value::Object(more) = more else { unreachable!() };
    config.as_object_mut().unwrap().extend(more);
    case("rotate", "f32", config, json!({"q": row(bits), "positions": [[position]]}))
}

pub fn right(case: &Case) -> Vec<(String, Tensor)> {
    case.truth.expected.tensors().unwrap().0.clone()
}

/// The right answer with one element of the first output changed.
pub fn changed(case: &Case, index: usize, change: impl Fn(u64) -> u64) -> Vec<(String, Tensor)> {
    let mut output = right(case);
    let mut data = output[0].1.data().to_vec();
    data[index] = change(data[index]);
    output[0].1 = Tensor::new(output[0].1.dtype(), output[0].1.shape().to_vec(), data).unwrap();
    output
}

fn judged_by(
    case: &Case,
    output: &[(String, Tensor)],
    profiles: &[Profile],
) -> Result<Judged, Misfit> {
    let question = case.ask.question().unwrap();
    let tolerances = Tolerances::new(question, profiles);
    judge(case, question, case.truth.expected.tensors().unwrap(), output, &tolerances)
}

fn judged(case: &Case, output: &[(String, Tensor)]) -> Judged {
    judged_by(case, output, &[*profile::find("hf-f32").unwrap()]).unwrap()
}

/// How many elements are wrong if one is changed.
fn wrong(case: &Case, index: usize, change: impl Fn(u64) -> u64) -> usize {
    judged(case, &changed(case, index, change)).tallies[0].wrong
}

pub fn f32s(list: &[f32]) -> Vec<u64> {
    list.iter().map(|x| x.to_bits() as u64).collect()
}

#[test]
fn the_right_answer_is_right() {
    let case = rotate(&f32s(&[1.0, 2.0, 3.0, 4.0]), 7, json!({}));
    let judged = judged(&case, &right(&case));
    let tally = &judged.tallies[0];
    assert_eq!((tally.judged, tally.unjudged, tally.wrong), (4, 0, 0));
    assert!(judged.worst_ulp.unwrap().ulps <= 0.5);
    assert_eq!(judged.histogram.iter().sum::<usize>(), 4);
    assert_eq!(judged.histogram[0], 4);
}

#[test]
fn an_error_counts_from_the_exact_value_and_up_to_the_bound() {
    // The first coordinate comes out small, so that an error of it is an error of the angle.
    let case = rotate(&f32s(&[1.9333, 2.0, 2.2946, 4.0]), 7, json!({}));
    let question = case.ask.question().unwrap();
    let hf = *profile::find("hf-f32").unwrap();
    let bound = profile::bounds(question, &[hf])[0].1[0].tensor.data()[0];
    let bound = f32::from_bits(bound as u32) as f64;
    let want = right(&case)[0].1.data()[0];
    let ulp = 2f64.powi(Format::F32.ulp_exponent(want).unwrap());
    let residual = case.truth.residual.as_ref().unwrap().get("q").unwrap().data()[0];
    let residual = Format::F16.to_f64(residual);
    // The last step within the bound, and the first beyond, on the side of larger patterns.
    assert!(f32::from_bits(want as u32) < 0.0);
    let last = (bound / ulp - residual).floor() as u64;
    assert!(last > 3, "{last}");
    assert_eq!(wrong(&case, 0, |bits| bits + last), 0);
    assert_eq!(wrong(&case, 0, |bits| bits + last + 1), 1);
    let found = judged(&case, &changed(&case, 0, |bits| bits + last + 1));
    let worst = found.tallies[0].worst.clone().unwrap();
    assert_eq!((worst.name.as_str(), worst.index, worst.want), ("q", vec![0, 0, 0, 0], want));
    assert!(worst.ulps > worst.allowed && worst.ulps < worst.allowed + 1.0);
    assert_eq!(found.worst_ulp.unwrap().ulps, worst.ulps);
}

#[test]
fn a_copied_channel_is_judged_bit_by_bit() {
    let bits = f32s(&[1.0, 2.0, -0.0, 5.0]);
    let bits = [&bits[..], &[NAN | 5, INFINITY]].concat();
    let case = rotate(&bits, 3, json!({"rotary_dim": 2}));
    assert_eq!(wrong(&case, 3, |bits| bits + 1), 1);
    assert_eq!(wrong(&case, 2, |_| 0), 1, "the sign of a copied zero");
    assert_eq!(wrong(&case, 5, |bits| bits ^ 1 << 31), 1, "the sign of a copied infinity");
    assert_eq!(wrong(&case, 4, |_| 0), 1, "a copied NaN stays a NaN");
    let other = judged(&case, &changed(&case, 4, |_| NAN));
    assert_eq!(other.tallies[0].wrong, 0);
    assert_eq!(other.notes, ["the payload of a copied NaN changed"]);
    assert!(judged(&case, &right(&case)).notes.is_empty());
}

#[test]
fn position_zero_is_exact_up_to_the_sign_of_a_zero() {
    let case = rotate(&f32s(&[1.0, -0.0, 3.0, 0.0]), 0, json!({}));
    assert_eq!(wrong(&case, 0, |bits| bits + 1), 1, "a zero bound always judges");
    assert_eq!(wrong(&case, 1, |_| 0), 0);
    assert_eq!(wrong(&case, 3, |_| 1 << 31), 0);
    assert_eq!(wrong(&case, 3, |_| 1), 1);
}

#[test]
fn beside_a_nan_at_position_zero_the_copy_or_anything_nonfinite_is_right() {
    let case = rotate(&[0x3f800000, 0x40000000, NAN, INFINITY], 0, json!({}));
    for bits in [NAN, INFINITY, INFINITY | 1 << 31, 0x3f800000] {
        assert_eq!(wrong(&case, 0, |_| bits), 0, "{bits:x}");
    }
    assert_eq!(wrong(&case, 0, |_| 0x3f800001), 1);
    assert_eq!(wrong(&case, 2, |_| INFINITY), 0);
    assert_eq!(wrong(&case, 2, |_| 0x3f800000), 1);
    let zero = rotate(&[0, 0x40000000, NAN, 0x40000000], 0, json!({}));
    assert_eq!(wrong(&zero, 0, |_| 1 << 31), 0, "the copy of a zero has either sign");
}

#[test]
fn where_a_nan_takes_part_anything_nonfinite_is_right_and_nothing_else() {
    let case = rotate(&[0x3f800000, 0x40000000, NAN, INFINITY], 5, json!({}));
    for index in 0..4 {
        for bits in [NAN, NAN | 1 << 31, INFINITY, INFINITY | 1 << 31] {
            assert_eq!(wrong(&case, index, |_| bits), 0);
        }
        assert_eq!(wrong(&case, index, |_| 0x3f800000), 1);
    }
    // They have no size.
    assert_eq!(judged(&case, &right(&case)).histogram.iter().sum::<usize>(), 0);
}

#[test]
fn a_plane_that_is_only_scaled_may_scale_its_finite_half() {
    let yarn = json!({"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 64});
    let case = rotate(&[0x40000000, 0x40000000, NAN, 0x40000000], 0, yarn.clone());
    let scaled = right(&rotate(&f32s(&[2.0, 2.0, 0.0, 2.0]), 0, yarn.clone()))[0].1.data()[0];
    assert_eq!(wrong(&case, 0, |_| scaled), 0);
    assert_eq!(wrong(&case, 0, |_| scaled + 1), 0, "as exact as a kernel is");
    assert_eq!(wrong(&case, 0, |_| 0x40000000), 1, "unscaled");
    assert_eq!(wrong(&case, 0, |_| INFINITY), 0);
    assert_eq!(wrong(&case, 2, |_| 0x40000000), 1, "the other half is no number");
    let turned = rotate(&[0x40000000, 0x40000000, NAN, 0x40000000], 1, yarn);
    assert_eq!(wrong(&turned, 0, |_| scaled), 1, "only where nothing is turned");
}

#[test]
fn a_nan_is_no_number() {
    let case = rotate(&f32s(&[1.0, 2.0, 3.0, 4.0]), 7, json!({}));
    let found = judged(&case, &changed(&case, 1, |_| NAN));
    assert_eq!(found.tallies[0].worst.as_ref().unwrap().rule, Some("it is a number"));
    assert_eq!(wrong(&case, 1, |_| INFINITY), 1);
}

#[test]
fn beyond_the_bound_of_a_profile_nothing_is_judged() {
    let case = rotate(&f32s(&[1.0, 2.0, 3.0, 4.0]), (1 << 41) + 123457, json!({}));
    // The slow plane is still judged; the angle of the fast one is noise in f32, its norm is not.
    let mut turned = case.truth.expected.tensors().unwrap().0.clone();
    let data = turned[0].1.data().iter().enumerate();
    let data = data.map(|(i, &bits)| if i % 2 == 0 { bits ^ 0x8000_0000 } else { bits }).collect();
    turned[0].1 = Tensor::new(Dtype::F32, turned[0].1.shape().to_vec(), data).unwrap();
    let found = judged(&case, &turned);
    assert_eq!(found.tallies[0].wrong, 0);
    assert!(found.tallies[0].unjudged >= 2);
    let found = judged(&case, &changed(&case, 0, |_| 0));
    assert!(found.tallies[0].wrong > 0);
    let exactly = [*profile::find("numpy-f64").unwrap()];
    let found = judged_by(&case, &changed(&case, 0, |_| 0), &exactly).unwrap();
    assert_eq!((found.tallies[0].wrong, found.tallies[0].unjudged), (1, 0));
}

#[test]
fn overflow_counts_as_the_next_power_of_two() {
    let largest = 0x7f7fffff;
    let case = rotate(&[largest, largest, largest, largest], 7, json!({}));
    let exactly = [*profile::find("numpy-f64").unwrap()];
    let output = right(&case);
    let infinite = output[0].1.data().iter().position(|&bits| bits & !(1 << 31) == INFINITY);
    let index = infinite.expect("an element overflows");
    assert_eq!(judged_by(&case, &output, &exactly).unwrap().tallies[0].wrong, 0);
    let off = changed(&case, index, |bits| bits ^ 1 << 31);
    assert_eq!(judged_by(&case, &off, &exactly).unwrap().tallies[0].wrong, 1);
    assert_eq!(ulps(Format::F32, INFINITY, INFINITY, f64::INFINITY), 0.5);
    assert_eq!(ulps(Format::F32, largest, INFINITY, 0.0), 0.5);
    assert_eq!(ulps(Format::F32, INFINITY, largest, 0.0), 1.0);
    assert!(ulps(Format::F32, NAN, largest, 0.0).is_nan());
    assert!(ulps(Format::F64, 1, 0x7fefffffffffffff, 0.0) > 9e15);
}

#[test]
fn other_operations_follow_their_own_rules() {
    let table = json!({"dtype": "f32", "shape": [2, 1], "bits": ["3f800000", "80000000"]});
    let copies =
        case("learned", "f32", json!({"dim": 1}), json!({"positions": [0, 1], "table": table}));
    assert_eq!(wrong(&copies, 0, |bits| bits + 1), 1);
    assert_eq!(wrong(&copies, 1, |_| 0), 1, "a copied zero keeps its sign");

    let alibi = json!({"num_heads": 1, "slopes": "code", "form": "distance"});
    let input = json!({"query_positions": [1], "key_positions": [1]});
    let zero = case("alibi_bias", "f32", alibi, input);
    assert_eq!(wrong(&zero, 0, |_| 1 << 31), 0, "an exact zero has either sign");
    assert_eq!(wrong(&zero, 0, |_| 1), 1);

    let t5 = json!({"num_buckets": 32, "max_distance": 128, "bidirectional": true});
    let input = json!({"query_positions": [0], "key_positions": [0, 9]});
    let bucket = case("t5_bucket", "i32", t5, input);
    assert_eq!(wrong(&bucket, 1, |bits| bits), 0);
    assert_eq!(wrong(&bucket, 1, |bits| bits + 1), 1);
}

#[test]
fn padded_slots_are_not_judged() {
    let mask = json!({"dtype": "i32", "shape": [1, 3], "bits": ["000000000000000100000001"]});
    let ids = case("position_ids", "i64", json!({}), json!({"attention_mask": mask}));
    let found = judged(&ids, &changed(&ids, 0, |_| 99));
    assert_eq!((found.tallies[0].wrong, found.tallies[0].unjudged), (0, 1));
    assert_eq!(wrong(&ids, 1, |_| 99), 1);
}

#[test]
fn an_output_of_another_form_is_a_misfit() {
    let case = rotate(&f32s(&[1.0, 2.0]), 1, json!({}));
    let misfit =
        |output: &[(String, Tensor)]| judged_by(&case, output, &[]).unwrap_err().to_string();
    let tensor = |dtype, shape: &[usize]| {
        Tensor::new(dtype, shape.to_vec(), vec![0; shape.iter().product()]).unwrap()
    };
    assert_eq!(misfit(&[]), "output q is missing");
    let surplus = [right(&case), vec![("k".into(), tensor(Dtype::F32, &[1]))]].concat();
    assert_eq!(misfit(&surplus), "output k is none of this operation");
    let flat = [("q".to_string(), tensor(Dtype::F32, &[1, 1, 2]))];
    assert_eq!(misfit(&flat), "output q has shape [1, 1, 2], [1, 1, 1, 2] is right");
    let wide = [("q".to_string(), tensor(Dtype::F64, &[1, 1, 1, 2]))];
    assert_eq!(misfit(&wide), "output q has dtype f64, f32 was asked for");
}

#[test]
fn emulated_right_kernels_are_never_wrong() {
    for dtype in Dtype::FLOATS {
        let profiles = right_profiles(dtype);
        for profile in &profiles {
            let input = json!({"positions": [0, 1, 77, 4095, 65536, -12345]});
            let config = json!({"head_dim": 64, "layout": "half", "rope_theta": 500000.0});
            let case = case("table", dtype.name(), config, input);
            let answer = profile::emulate(profile, case.ask.question().unwrap());
            let output: Vec<_> =
                answer.into_iter().map(|n| (n.name.to_string(), n.tensor)).collect();
            let found = judged_by(&case, &output, std::slice::from_ref(profile)).unwrap();
            assert_eq!(found.tallies[0].wrong, 0, "{} {dtype}", profile.name);
        }
    }
}

#[test]
fn configs_of_a_case_are_what_kernels_get() {
    let golden = std::fs::read_to_string("vectors/alibi_slopes/f32.json").unwrap();
    let golden = ropewalk::vector::Golden::read(&golden).unwrap();
    for case in ropewalk::audit::cases("alibi_slopes/f32.json", &golden) {
        assert!(matches!(case.ask.config.get("slopes"), Some(Json::String(_))), "{}", case.ask.id);
    }
}
