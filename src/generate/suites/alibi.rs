//! `alibi_slopes` and `alibi_bias`: both conventions, three forms, ties.

use crate::generate::lists::bands;
use crate::generate::plan::{FilePlan, Input, config};
use crate::generate::values::flat;
use crate::number::Dtype;
use crate::request::{Object, Operation};

/// Head counts: powers of two, between them, and of released models (Baichuan 40, Falcon 71).
const HEADS: [usize; 9] = [1, 2, 3, 6, 8, 12, 16, 40, 71];

fn slopes(num_heads: usize, convention: &str) -> Object {
    config([("num_heads", num_heads.into()), ("slopes", convention.into())])
}

fn bias(num_heads: usize, convention: &str, form: &str) -> Object {
    let mut object = slopes(num_heads, convention);
    object.set("form", form.into());
    object
}

fn at(queries: &[i64], keys: &[i64]) -> Input {
    Input::new().with("query_positions", flat(queries)).with("key_positions", flat(keys))
}

pub(super) fn files() -> Vec<FilePlan> {
    Dtype::FLOATS.into_iter().flat_map(|dtype| [slope_file(dtype), bias_file(dtype)]).collect()
}

fn slope_file(dtype: Dtype) -> FilePlan {
    let mut file = FilePlan::new(format!("alibi_slopes/{dtype}.json"), Operation::AlibiSlopes);
    file.group("basic", slopes(8, "code"), dtype).test(
        "eight-heads",
        "1/2, 1/4, … 1/256",
        &["basic"],
        Input::new(),
    );
    for convention in ["code", "paper"] {
        let what = match convention {
            "code" => "as the released code: the lower power of two, then every second of the next",
            _ => "as the paper: one geometric series",
        };
        for heads in HEADS {
            file.group(format!("{convention}-{heads}"), slopes(heads, convention), dtype).test(
                "slopes",
                format!("{heads} heads {what}"),
                &["alibi-slopes", "rounding"],
                Input::new(),
            );
        }
    }
    for (heads, most) in [(4, 0), (4, 3), (8, 16), (12, 16), (71, 5)] {
        for convention in ["code", "paper"] {
            let name = format!("{convention}-{heads}-max-{most}");
            file.group(name, with(slopes(heads, convention), "alibi_bias_max", most), dtype).test(
                "slopes",
                format!("{heads} heads, the last slope of a power of two is 2^−{most}"),
                &["alibi-slopes"],
                Input::new(),
            );
        }
    }
    for convention in ["code", "paper"] {
        file.group(format!("again-{convention}-12"), slopes(12, convention), dtype).test(
            "slopes",
            format!("12 heads {convention} again, after the other convention"),
            &["history"],
            Input::new(),
        );
    }
    file
}

fn with(mut config: Object, key: &str, value: usize) -> Object {
    config.set(key, value.into());
    config
}

fn bias_file(dtype: Dtype) -> FilePlan {
    let mut file = FilePlan::new(format!("alibi_bias/{dtype}.json"), Operation::AlibiBias);
    file.group("basic", bias(2, "code", "distance"), dtype).test(
        "three-keys",
        "a query at 2 and keys at 0, 1, 2: slopes 1/16 and 1/256 times −2, −1, 0",
        &["basic"],
        at(&[2], &[0, 1, 2]),
    );
    for form in ["distance", "key", "symmetric"] {
        for convention in ["code", "paper"] {
            for heads in [3, 8, 12] {
                let name = format!("{convention}-{form}-{heads}");
                file.group(name, bias(heads, convention, form), dtype).test(
                    "before-and-after",
                    format!("form {form}: keys before, at and after the queries"),
                    &["alibi-form", "alibi-slopes", "rounding"],
                    at(&[4, 300], &[0, 4, 5, 293]),
                );
            }
        }
    }
    for heads in HEADS {
        file.group(format!("heads-{heads}"), bias(heads, "code", "distance"), dtype).test(
            "decode",
            format!("{heads} heads, one query at 19 against keys 0, 18 and 19"),
            &["alibi-decode", "alibi-slopes"],
            at(&[19], &[0, 18, 19]),
        );
    }
    file.group("decode", bias(2, "code", "distance"), dtype)
        .test(
            "prompt",
            "six queries and six keys",
            &["alibi-decode", "alibi-form"],
            at(&[0, 1, 2, 3, 4, 5], &[0, 1, 2, 3, 4, 5]),
        )
        .test(
            "last-row",
            "the last query alone: the last row of the whole",
            &["alibi-decode"],
            at(&[5], &[0, 1, 2, 3, 4, 5]),
        )
        .test(
            "twenty-keys",
            "one query and 20 keys: a row of zeros means that the bias was lost",
            &["alibi-decode"],
            at(&[19], &(0..20).collect::<Vec<_>>()),
        );
    variants(&mut file, dtype);
    for (convention, name) in [("paper", "again-paper"), ("code", "again-code")] {
        file.group(name, bias(12, convention, "distance"), dtype).test(
            "bias",
            format!("12 heads {convention} again, after the other convention"),
            &["history"],
            at(&[19], &[0, 18, 19]),
        );
    }
    ties(&mut file, dtype);
    for form in ["distance", "key", "symmetric"] {
        let group = file.group(format!("positions-{form}"), bias(3, "code", form), dtype);
        for (band, members) in bands() {
            group.test(
                band.name,
                format!("keys at {members:?}, queries at 0 and 7"),
                &["alibi-form", band.flag],
                at(&[0, 7], &members),
            );
        }
    }
    let group = file.group("negative-positions", bias(3, "code", "distance"), dtype);
    for (band, members) in bands().into_iter().filter(|(band, _)| band.last > 0) {
        let negative: Vec<i64> = members.iter().map(|p| -p).collect();
        group.test(
            format!("minus-{}", band.name),
            format!("queries at {negative:?}"),
            &["negative-position", band.flag],
            at(&negative, &[0, 3]),
        );
    }
    file
}

/// What MPT and Falcon add: the last key has bias 0, another exponent, a division by √head_dim.
fn variants(file: &mut FilePlan, dtype: Dtype) {
    for convention in ["code", "paper"] {
        for heads in [3, 8, 12] {
            let name = format!("{convention}-mpt-{heads}");
            file.group(name, bias(heads, convention, "mpt"), dtype)
                .test(
                    "before-and-after",
                    "form mpt: slope times key minus the largest key, the same for every query",
                    &["alibi-form", "alibi-slopes"],
                    at(&[4, 300], &[0, 4, 5, 293]),
                )
                .test(
                    "largest-in-the-middle",
                    "the largest key need not be the last",
                    &["alibi-form"],
                    at(&[2], &[7, 300, 0]),
                );
        }
    }
    for form in ["distance", "key", "symmetric", "mpt"] {
        file.group(
            format!("{form}-max-16"),
            with(bias(12, "code", form), "alibi_bias_max", 16),
            dtype,
        )
        .test(
            "before-and-after",
            format!("form {form} with alibi_bias_max 16"),
            &["alibi-form", "alibi-slopes"],
            at(&[4, 300], &[0, 4, 5, 293]),
        );
        for head_dim in [64, 80] {
            let name = format!("{form}-head-{head_dim}");
            file.group(name, with(bias(12, "code", form), "head_dim", head_dim), dtype).test(
                "before-and-after",
                format!("form {form} over √{head_dim}, as Falcon's scores are divided"),
                &["alibi-form", "alibi-scale"],
                at(&[4, 300], &[0, 4, 5, 293]),
            );
        }
    }
    // Heads 8 to 11 of 12 have slope 2^(−k − 1/2): over √2 they are exact, and can tie.
    let group = file.group("key-head-2", with(bias(12, "code", "key"), "head_dim", 2), dtype);
    group.test(
        "ties",
        "slopes 2^(−k − 1/2) over √2 are powers of two: odd keys beyond the format's integers tie",
        &["alibi-scale", "tie"],
        at(&[0], &[1, 257, 259, 2049, 2051]),
    );
}

/// With one head the slope is 2⁻⁸, so the product is as long as the distance: every odd distance of
/// precision + 1 bits is a tie.
fn ties(file: &mut FilePlan, dtype: Dtype) {
    let Some(format) = dtype.format() else { return };
    let first = 1i64 << format.precision;
    let keys: Vec<i64> = [1, 2, 3, 5, 7, 255].map(|odd| first + odd).to_vec();
    file.group("ties", bias(1, "code", "distance"), dtype).test(
        "odd-distances",
        format!("distances from 2^{} on: odd ones are ties and go to even", format.precision),
        &["tie"],
        at(&[0], &keys),
    );
}
