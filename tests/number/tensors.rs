//! Tensors as the contract writes them, and each way of not writing one.

use proptest::prelude::*;
use ropewalk::number::{Dtype, Tensor};

fn read(text: &str) -> Result<Tensor, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

fn write(tensor: &Tensor) -> String {
    serde_json::to_string(tensor).unwrap()
}

fn rows_error(dtype: &str, shape: &[usize], rows: &[&str]) -> String {
    Tensor::from_rows(dtype, shape.to_vec(), rows).unwrap_err().to_string()
}

#[test]
fn every_dtype_has_its_width() {
    for (text, data) in [
        (r#"{"dtype":"f64","shape":[1],"bits":["3ff0000000000000"]}"#, 0x3ff0000000000000),
        (r#"{"dtype":"f32","shape":[1],"bits":["3f800000"]}"#, 0x3f800000),
        (r#"{"dtype":"bf16","shape":[1],"bits":["3f80"]}"#, 0x3f80),
        (r#"{"dtype":"f16","shape":[1],"bits":["3c00"]}"#, 0x3c00),
        (r#"{"dtype":"i64","shape":[1],"bits":["ffffffffffffffff"]}"#, u64::MAX),
        (r#"{"dtype":"i32","shape":[1],"bits":["ffffffff"]}"#, 0xffffffff),
    ] {
        let tensor = read(text).unwrap();
        assert_eq!(tensor.data(), [data]);
        assert_eq!(write(&tensor), text);
    }
}

#[test]
fn shapes_without_elements_or_without_dimensions() {
    for (shape, rows, count) in [
        (vec![], vec!["3c00"], 1),
        (vec![0], vec![""], 0),
        (vec![0, 5], vec![], 0),
        (vec![5, 0], vec!["", "", "", "", ""], 0),
        (vec![2, 0, 3], vec![], 0),
        (vec![0, 0], vec![], 0),
        (vec![1, 2, 0], vec!["", ""], 0),
        (vec![1], vec!["3c00"], 1),
        (vec![3, 1], vec!["0000", "0001", "0002"], 3),
        (vec![2, 1, 2], vec!["00000001", "00020003"], 4),
    ] {
        let tensor = Tensor::from_rows("f16", shape.clone(), &rows).unwrap();
        assert_eq!(tensor.data().len(), count, "{shape:?}");
        assert_eq!(tensor.shape(), shape);
        assert_eq!(tensor.dtype(), Dtype::F16);
        assert_eq!(tensor.columns(), shape.last().copied().unwrap_or(1));
        assert_eq!(tensor.rows(), rows);
        assert_eq!(read(&write(&tensor)).unwrap(), tensor);
        assert_eq!(Tensor::new(Dtype::F16, shape, tensor.data().to_vec()), Ok(tensor));
    }
}

#[test]
fn rows_are_row_major_and_big_endian() {
    let tensor = Tensor::new(Dtype::F16, vec![2, 3], (1..=6).collect()).unwrap();
    assert_eq!(tensor.rows(), ["000100020003", "000400050006"]);
    let tensor = Tensor::new(Dtype::I64, vec![], vec![0x0123456789abcdef]).unwrap();
    assert_eq!(tensor.rows(), ["0123456789abcdef"]);
}

#[test]
fn each_malformed_row_has_its_message() {
    assert_eq!(
        rows_error("F32", &[1], &["00000000"]),
        r#"dtype "F32" is none of f64, f32, bf16, f16, f8e4m3fn, f8e5m2, f8e4m3fnuz, f8e5m2fnuz, i64, i32"#
    );
    assert_eq!(
        rows_error("f32", &[2, 1], &["00000000"]),
        "bits has 1 rows, but shape [2, 1] needs 2"
    );
    assert_eq!(rows_error("f32", &[], &[]), "bits has 0 rows, but shape [] needs 1");
    assert_eq!(rows_error("f32", &[0, 5], &[""]), "bits has 1 rows, but shape [0, 5] needs 0");
    assert_eq!(rows_error("f32", &[5, 0], &[""]), "bits has 1 rows, but shape [5, 0] needs 5");
    assert_eq!(
        rows_error("f16", &[2, 2], &["00000000", "0000000"]),
        "bits[1] has 7 digits, but 2 elements of f16 need 8"
    );
    assert_eq!(
        rows_error("f64", &[2], &["000000000000000000000000000000000"]),
        "bits[0] has 33 digits, but 2 elements of f64 need 32"
    );
    assert_eq!(
        rows_error("f32", &[1, 0], &["00000000"]),
        "bits[0] has 8 digits, but 0 elements of f32 need 0"
    );
    let place = |place: usize| {
        format!("bits[1] has a character at place {place} that is no lower-case hexadecimal digit")
    };
    // Upper case, a neighbour of each range in ASCII, a space, a prefix, two bytes of one letter.
    for (row, at) in [
        ("3F80", 1),
        ("3f8g", 3),
        ("/000", 0),
        (":000", 0),
        ("00`0", 2),
        ("00 0", 2),
        ("0x00", 1),
        ("0é0", 1),
    ] {
        assert_eq!(rows_error("f16", &[2, 1], &["0000", row]), place(at), "{row}");
    }
}

#[test]
fn sizes_that_nobody_has_are_refused_without_being_tried() {
    let big = 1 << 16;
    let message = format!("shape [{big}, {big}] has more than 2^30 elements");
    assert_eq!(rows_error("f32", &[big, big], &[]), message);
    assert_eq!(Tensor::new(Dtype::F32, vec![big, big], vec![]).unwrap_err().to_string(), message);
    // A product beyond the machine's word, hidden behind a zero or not.
    for shape in [vec![usize::MAX, 2], vec![0, usize::MAX, 2], vec![usize::MAX, 2, 0]] {
        let message = format!("shape {shape:?} has more than 2^30 elements");
        assert_eq!(rows_error("f32", &shape, &[]), message);
        assert_eq!(Tensor::new(Dtype::F32, shape, vec![]).unwrap_err().to_string(), message);
    }
    assert_eq!(
        rows_error("f32", &[(1 << 30) + 1], &[""]),
        "shape [1073741825] has more than 2^30 elements"
    );
    // The largest shape may be claimed; the rows are counted before anything is reserved.
    assert_eq!(
        rows_error("f64", &[1 << 30], &["00"]),
        "bits[0] has 2 digits, but 1073741824 elements of f64 need 17179869184"
    );
}

#[test]
fn data_must_fit_the_shape_and_the_dtype() {
    let error = |dtype, shape, data| Tensor::new(dtype, shape, data).unwrap_err().to_string();
    assert_eq!(
        error(Dtype::F32, vec![2, 3], vec![0; 5]),
        "shape [2, 3] has 6 elements, but 5 were given"
    );
    assert_eq!(error(Dtype::F32, vec![], vec![]), "shape [] has 1 elements, but 0 were given");
    assert_eq!(error(Dtype::F32, vec![0], vec![0]), "shape [0] has 0 elements, but 1 were given");
    assert_eq!(
        error(Dtype::F16, vec![2], vec![0xffff, 0x1_0000]),
        "data[1] is 0x10000, wider than the 16 bits of f16"
    );
    assert_eq!(
        error(Dtype::I32, vec![1], vec![-1i64 as u64]),
        "data[0] is 0xffffffffffffffff, wider than the 32 bits of i32"
    );
    for dtype in Dtype::ALL {
        let ones = u64::MAX >> (64 - 4 * dtype.digits());
        assert_eq!(Tensor::new(dtype, vec![1], vec![ones]).unwrap().data(), [ones]);
    }
}

#[test]
fn the_object_has_three_keys_of_the_right_types() {
    for (text, start) in [
        (r#"{"dtype":"f32","shape":[]}"#, "missing field `bits`"),
        (r#"{"dtype":"f32","bits":[]}"#, "missing field `shape`"),
        (r#"{"shape":[],"bits":[]}"#, "missing field `dtype`"),
        (r#"{"dtype":"f32","shape":[],"bits":["00000000"],"x":1}"#, "unknown field `x`"),
        (r#"{"dtype":"f32","dtype":"f32","shape":[],"bits":[]}"#, "duplicate field `dtype`"),
        (r#"{"dtype":"f32","shape":[-1],"bits":[]}"#, "invalid value: integer `-1`"),
        (r#"{"dtype":"f32","shape":[1.0],"bits":[]}"#, "invalid type: floating point `1.0`"),
        (r#"{"dtype":"f32","shape":[],"bits":[0]}"#, "invalid type: integer `0`"),
        (r#"{"dtype":"f32","shape":[],"bits":"00000000"}"#, "invalid type: string"),
        (r#"{"dtype":"f8","shape":[],"bits":["00"]}"#, r#"dtype "f8" is none of"#),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(start), "{text}: {error}");
    }
}

fn any_tensor() -> impl Strategy<Value = Tensor> {
    let shape = prop::collection::vec(0usize..4, 0..4);
    (prop::sample::select(Dtype::ALL.to_vec()), shape, any::<u64>()).prop_map(
        |(dtype, shape, seed)| {
            let mut next = super::random(seed);
            let count: usize = shape.iter().product();
            let data = (0..count).map(|_| next() >> (64 - 4 * dtype.digits())).collect();
            Tensor::new(dtype, shape, data).unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_and_rows_bring_every_tensor_back(tensor in any_tensor()) {
        let text = write(&tensor);
        prop_assert_eq!(read(&text).unwrap(), tensor.clone());
        let rows = tensor.rows();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let again = Tensor::from_rows(tensor.dtype().name(), tensor.shape().to_vec(), &rows);
        prop_assert_eq!(again, Ok(tensor));
    }

    #[test]
    fn a_row_is_read_or_refused_but_never_misread(row in "[0-9a-gA-F]{0,9}") {
        let good = row.len() == 8 && row.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let read = Tensor::from_rows("f16", vec![2], &[&row]);
        prop_assert_eq!(read.is_ok(), good);
        if let Ok(tensor) = read {
            prop_assert_eq!(tensor.rows(), [row]);
        }
    }
}
