//! `table`: cos and sin themselves, correctly rounded.

use super::schemes::general_cases;
use super::{general, plain};
use crate::encoding::Layout;
use crate::generate::lists::{BASES, bands};
use crate::generate::plan::{FilePlan, Input, config, parsed};
use crate::generate::values::{flat, number};
use crate::number::Dtype;
use crate::request::{Json, Operation};

/// Positions up to 2²⁰ at which cos or sin of one of the four planes of head_dim 8, base 10000,
/// lies nearest to the middle of two numbers, or nearly so: found by an exhaustive search over
/// positions, planes and both functions (`long_search_for_hard_positions` in `tests/generate.rs`, which
/// a normal run spot-checks).
pub(crate) const HARD: [(Dtype, [i64; 6]); 4] = [
    (Dtype::F64, [590502, 555547, 716433, 958884, 358116, 992295]),
    (Dtype::F32, [118527, 700546, 834999, 414889, 180212, 55616]),
    (Dtype::Bf16, [937323, 130338, 726096, 517966, 724093, 425722]),
    (Dtype::F16, [600097, 10101, 101010, 1010100, 694398, 1009621]),
];

fn at(positions: &[i64]) -> Input {
    Input::new().with("positions", flat(positions))
}

/// The layout does not matter to a table.
pub(super) fn files() -> Vec<FilePlan> {
    Dtype::FLOATS.into_iter().map(file).collect()
}

fn file(dtype: Dtype) -> FilePlan {
    let mut file = FilePlan::new(format!("table/{dtype}.json"), Operation::Table);
    file.group("basic", plain(4, Layout::Half, 10000.0), dtype)
        .test("origin", "cos 0 = 1 and sin 0 = 0", &["basic"], at(&[0]))
        .test("first", "angles of 1 and 0.01 radians", &["basic"], at(&[1]));
    let group = file.group("positions", plain(8, Layout::Half, 10000.0), dtype);
    for (band, members) in bands() {
        group.test(
            band.name,
            format!("positions {members:?}"),
            &["table-precision", band.flag],
            at(&members),
        );
        if band.last > 0 {
            let negative: Vec<i64> = members.iter().map(|p| -p).collect();
            group.test(
                format!("minus-{}", band.name),
                format!("positions {negative:?}: equal cos, opposite sin"),
                &["negative-position", band.flag],
                at(&negative),
            );
        }
    }
    for &base in BASES.iter().filter(|&&base| base != 10000.0) {
        let name = format!("base-{}", base.to_string().replace('.', "-"));
        file.group(name, plain(16, Layout::Half, base), dtype).test(
            "ladder",
            format!("base {base} at 1, 512, 4097, 131071"),
            &["base", "exponent", "table-precision"],
            at(&[1, 512, 4097, 131071]),
        );
    }
    for dim in [2, 6, 20, 34, 80, 96, 128, 256] {
        file.group(format!("width-{dim}"), plain(dim, Layout::Half, 10000.0), dtype).test(
            "ladder",
            format!("a head of {dim} at position 4095"),
            &["exponent", "width", "table-precision"],
            at(&[4095]),
        );
    }
    let partial = config([
        ("head_dim", 128usize.into()),
        ("layout", "half".into()),
        ("rope_theta", number(10000.0)),
        ("rotary_dim", 32usize.into()),
    ]);
    file.group("partial-128-32", partial, dtype).test(
        "ladder",
        "the exponent is over rotary_dim 32, not head_dim 128",
        &["exponent", "partial"],
        at(&[1, 700]),
    );
    hard(&mut file, dtype);
    schemes(&mut file, dtype);
    rules(&mut file, dtype);
    file
}

/// A table under every scaling rule that has one.
fn rules(file: &mut FilePlan, dtype: Dtype) {
    let cases = || general_cases().filter(|case| case.name != "xpos");
    for case in cases() {
        let positions = general::along(case, &[0, 6, 3, 257, 2049, 4097, 65537, (1 << 31) + 1, -3]);
        let flags: &[&'static str] = &[
            "sign",
            "identity",
            "base",
            "exponent",
            "spectrum",
            "long-position",
            "position-bf16",
            "position-f16",
            "position-integer",
            "negative-position",
            "scattered-ids",
            "table-precision",
            "rounding",
        ];
        file.group(format!("rule-{}", case.name), case.object(Layout::Half), dtype).test(
            "ladder",
            format!("{}: near, far, negative and beyond 32 bits", case.what),
            &[flags, case.flags].concat(),
            general::sized(Input::new().with("positions", positions), case),
        );
        if let Some((config, flags)) = general::slice(case, Layout::Half) {
            file.group(format!("slice-{}", case.name), config, dtype).test(
                "ladder",
                format!("{}: six pairs", case.what),
                &[&flags[..], case.flags, &general::FREQUENCIES, &["history"]].concat(),
                general::sized(
                    Input::new().with("positions", general::along(case, &[1, 700])),
                    case,
                ),
            );
        }
    }
    for case in cases() {
        general::again(file, case, Layout::Half, dtype, &|_| {
            Input::new().with("positions", general::along(case, &[1500, 30011]))
        });
    }
}

fn hard(file: &mut FilePlan, dtype: Dtype) {
    let positions: Vec<i64> =
        HARD.iter().filter(|(of, _)| *of == dtype).flat_map(|(_, list)| *list).collect();
    let group = file.group("hard-to-round", plain(8, Layout::Half, 10000.0), dtype);
    for p in positions {
        group.test(
            p.to_string(),
            format!("at position {p} a cos or sin lies next to the middle of two numbers"),
            &["near-tie"],
            at(&[p]),
        );
    }
}

fn schemes(file: &mut FilePlan, dtype: Dtype) {
    let yarn = parsed(
        r#"{"head_dim":8,"layout":"half","rope_type":"yarn","rope_theta":10000,"factor":4,
            "original_max_position_embeddings":64}"#,
    );
    file.group("yarn", yarn, dtype).test(
        "magnitude",
        "attention_factor multiplies cos and sin, at position 0 too",
        &["magnitude", "yarn"],
        at(&[0, 1, 63, 64, 65, 128]),
    );
    let axes =
        parsed(r#"{"head_dim":12,"layout":"half","rope_theta":10000,"mrope_section":[2,2,2]}"#);
    file.group("axes", axes, dtype).test(
        "coprime",
        "three axes at 7, 101 and 1009",
        &["axes"],
        Input::new()
            .with("positions", Json::Array([[7, 0], [101, 1], [1009, 2]].map(|p| flat(&p)).into())),
    );
}
