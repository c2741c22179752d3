//! `inv_freq`: the frequencies, the two factors and the planes as data (trap T3).

use super::schemes::general_cases;
use super::{general, plain, schemes, sliced};
use crate::encoding::Layout;
use crate::generate::lists::BASES;
use crate::generate::plan::{FilePlan, Input, config};
use crate::generate::values::number;
use crate::number::Dtype;
use crate::request::Operation;

pub(super) fn files() -> Vec<FilePlan> {
    Dtype::FLOATS.into_iter().map(file).collect()
}

fn file(dtype: Dtype) -> FilePlan {
    let mut file = FilePlan::new(format!("inv_freq/{dtype}.json"), Operation::InvFreq);
    file.group("basic", plain(4, Layout::Half, 10000.0), dtype).test(
        "default",
        "two pairs: 1 and 1/100, exactly",
        &["basic"],
        Input::new(),
    );
    for layout in Layout::ALL {
        for &base in BASES {
            let name = format!("{}-base-{}", layout.name(), base.to_string().replace('.', "-"));
            file.group(name, plain(16, layout, base), dtype).test(
                "default",
                format!("base {base}: the first frequency is 1, the last {base}^(−14/16)"),
                &["spectrum", "base", "exponent", "layout", "rounding", "long-position", "history"],
                Input::new(),
            );
        }
        for (head, rotary, offset) in [(20, 6, 0), (8, 4, 4), (8, 2, 3)] {
            let name = format!("{}-slice-{head}-{rotary}-from-{offset}", layout.name());
            file.group(name, sliced(head, layout, rotary, offset), dtype).test(
                "default",
                format!("{rotary} of {head} channels from channel {offset}: exponent and planes"),
                &["spectrum", "exponent", "partial", "slice"],
                Input::new(),
            );
        }
    }
    for dim in [2, 6, 34, 80] {
        file.group(format!("width-{dim}"), plain(dim, Layout::Half, 10000.0), dtype).test(
            "default",
            format!("a head of {dim}"),
            &["spectrum", "exponent", "width"],
            Input::new(),
        );
    }
    for (head, factor, name) in [(80usize, 0.4, "phi-2"), (80, 0.6, "eighty-three-fifths")] {
        let object = config([
            ("head_dim", head.into()),
            ("layout", "half".into()),
            ("rope_theta", number(10000.0)),
            ("partial_rotary_factor", number(factor)),
        ]);
        file.group(name, object, dtype).test(
            "default",
            format!("trunc(RN64({head} × {factor})) channels"),
            &["spectrum", "partial", "exponent"],
            Input::new(),
        );
    }
    // Wide heads are long lists: only in the formats that frequencies are kept in.
    let narrow = dtype.digits() == 4;
    for case in schemes::all().filter(|case| case.rotate || !narrow) {
        let group = file.group(case.name, case.object(Layout::Half), dtype);
        for (name, length) in case.asked() {
            let input = match length {
                Some(n) => Input::new().with("seq_len", n),
                None => Input::new(),
            };
            let flags =
                ["spectrum", "base", "exponent", "layout", "rounding", "long-position", "history"];
            group.test(name, case.what, &[case.flags, &flags].concat(), input);
        }
    }
    for case in general_cases() {
        let interleaved = case.object(Layout::Interleaved);
        let flags = ["layout", "spectrum", "base", "exponent", "rounding", "long-position"];
        file.group(format!("interleaved-{}", case.name), interleaved, dtype).test(
            "planes",
            format!("{}: interleaved planes", case.what),
            &[case.flags, &flags, &["history"]].concat(),
            general::sized(Input::new(), case),
        );
        if let Some((config, flags)) = general::slice(case, Layout::Half) {
            file.group(format!("slice-{}", case.name), config, dtype).test(
                "six-pairs",
                format!("{}: six pairs", case.what),
                &[&flags[..], case.flags, &general::FREQUENCIES, &["history"]].concat(),
                general::sized(Input::new(), case),
            );
        }
    }
    for case in general_cases() {
        general::again(&mut file, case, Layout::Half, dtype, &|_| Input::new());
    }
    file
}
