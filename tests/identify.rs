//! What is identified: never a right kernel as a wrong one, and no config that is told from nothing.

mod attention;

use crate::tier::some;
use ropewalk::audit::{
    Ask, Breakage, Capability, Description, Identified, IdentifyError, Inquiry, Kernel, Outcome,
    Truth, identify,
};
use ropewalk::encoding::{Question, models};
use ropewalk::exact;
use ropewalk::number::Dtype;
use ropewalk::profile::{self, Profile};
use ropewalk::request::{Json, Object, Operation};
use ropewalk::vector::{Expected, Tensors};

/// A kernel that is a function of the question.
struct Of<F>(Vec<Operation>, F);

impl<F: FnMut(&Ask) -> Outcome> Kernel for Of<F> {
    fn describe(&mut self) -> Result<Description, Breakage> {
        let capability = Capability::new(&self.0, &Dtype::FLOATS);
        Ok(Description { capabilities: vec![capability], ..Description::named("a test") })
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        (self.1)(ask)
    }
}

fn proven(question: &Question) -> Option<Truth> {
    let answer = exact::answer(question).ok()?;
    let named = |t: &exact::Named| (t.name.to_string(), t.expected.clone());
    let residual = |t: &exact::Named| Some((t.name.to_string(), t.residual.clone()?));
    Some(Truth {
        expected: Expected::Tensors(Tensors(answer.tensors.iter().map(named).collect())),
        residual: Some(Tensors(answer.tensors.iter().filter_map(residual).collect())),
    })
}

fn exactly(question: &Question) -> Outcome {
    match proven(question).and_then(|truth| truth.expected.tensors().cloned()) {
        Some(tensors) => Outcome::Output(tensors.0),
        None => Outcome::Errored("undecided".into()),
    }
}

fn emulated(profile: &Profile, question: &Question) -> Outcome {
    let named = profile::emulate(profile, question).into_iter();
    Outcome::Output(named.map(|n| (n.name.to_string(), n.tensor)).collect())
}

fn found(
    kernel: &mut dyn Kernel,
    config: &Object,
    dtype: Dtype,
) -> Result<Identified, IdentifyError> {
    let inquiry = Inquiry { dtype: Some(dtype), truth: &proven, ..Inquiry::default() };
    identify(kernel, Some(config), &inquiry)
}

/// Complaints about a kernel that is right.
fn accused(kernel: &mut dyn Kernel, config: &Object, dtype: Dtype) -> Option<String> {
    match found(kernel, config, dtype) {
        Ok(found) if found.conforms && found.differences.is_empty() => {
            // What is printed is what is declared.
            assert_eq!(found.config.as_ref(), Some(&found.declared));
            None
        }
        Ok(found) => Some(format!("{:?} {:?}", found.differences, found.unknown)),
        Err(why) => Some(why.to_string()),
    }
}

fn object(text: &str) -> Object {
    serde_json::from_str(text).unwrap()
}

/// Configs of every rule, small.
const RULES: &[&str] = &[
    r#""rope_type":"default","rope_theta":10000"#,
    r#""rope_type":"default","rope_theta":1000000,"rotary_dim":2"#,
    r#""rope_theta":10000,"rope_type":"none""#,
    r#""rope_type":"linear","rope_theta":10000,"factor":4"#,
    r#""rope_type":"ntk","rope_theta":10000,"factor":4"#,
    r#""rope_type":"dynamic","rope_theta":10000,"factor":4,"original_max_position_embeddings":2048"#,
    r#""rope_type":"llama3","rope_theta":500000,"factor":8,"low_freq_factor":1,
       "high_freq_factor":4,"original_max_position_embeddings":8192"#,
    r#""rope_type":"yarn","rope_theta":1000000,"factor":4,"original_max_position_embeddings":32768"#,
    r#""rope_type":"ntk_by_parts","rope_theta":10000,"factor":4,"original_max_position_embeddings":4096"#,
    r#""rope_type":"longrope","rope_theta":10000,"factor":4,"original_max_position_embeddings":4096,
       "short_factor":[1,1.1,1.2,1.3,1.4,1.5,1.6,1.7],"long_factor":[1,2,3,4,5,6,7,8]"#,
    r#""rope_type":"proportional","rope_theta":1000000,"partial_rotary_factor":0.5"#,
    r#""rope_type":"xpos","rope_theta":10000"#,
    r#""rope_type":"pixel","max_freq":10"#,
    r#""rope_type":"dinov3","rope_theta":100"#,
    r#""rope_type":"pixtral","rope_theta":10000"#,
    r#""rope_type":"axial","rope_theta":100,"axes_dims":[4,12]"#,
    r#""rope_type":"default","rope_theta":1000000,"mrope_section":[2,3,3]"#,
    r#""rope_type":"default","rope_theta":10000,"rotary_dim":8,"rotary_offset":6"#,
];

fn rule(text: &str) -> Object {
    object(&format!(r#"{{"head_dim":16,"layout":"half",{text}}}"#))
}

#[test]
fn the_reference_is_never_accused() {
    let long = std::env::var_os("ROPEWALK_LONG").is_some();
    let mut configs: Vec<(String, Object)> =
        RULES.iter().map(|text| (text.to_string(), rule(text))).collect();
    let rotary = models().iter().filter(|model| model.encoding == "rotary");
    let mut released = Vec::new();
    for model in rotary {
        match model.layer_types.is_empty() {
            true => released.push((model.name.clone(), model.config_of(None))),
            false => released.extend(
                model
                    .layer_types
                    .iter()
                    .map(|layer| (format!("{} {layer}", model.name), model.config_of(Some(layer)))),
            ),
        }
    }
    configs.extend(released.into_iter().step_by(if long { 1 } else { 12 }));
    let asked = configs.iter().flat_map(|config| Dtype::FLOATS.map(|dtype| (config, dtype)));
    let slips: Vec<String> = some(asked, 6)
        .into_iter()
        .filter_map(|((name, config), dtype)| {
            let ask = |ask: &Ask| ask.question().map_or(Outcome::Skipped(String::new()), exactly);
            let accused = accused(&mut Of(vec![Operation::Rotate], ask), config, dtype)?;
            Some(format!("{name} in {dtype}: {accused}"))
        })
        .collect();
    assert!(slips.is_empty(), "{} accused:\n{}", slips.len(), slips.join("\n"));
}

#[test]
fn right_machines_are_never_accused() {
    let names = ["llama-3.1-8b", "qwen3-8b", "gpt-oss-20b", "phi-3-mini-128k"];
    let known = models().iter().filter(|model| names.contains(&model.name.as_str()));
    let mut configs: Vec<Object> = known.map(|model| model.config_of(None)).collect();
    configs.extend([3, 6, 7].map(|i| rule(RULES[i])));
    let machines = |dtype: Dtype| ropewalk::audit::right_profiles(dtype).into_iter().step_by(2);
    let machines: Vec<_> =
        Dtype::FLOATS.into_iter().flat_map(|d| machines(d).map(move |m| (d, m))).collect();
    let asked = configs.iter().flat_map(|config| machines.iter().map(move |m| (config, m)));
    let mut slips = Vec::new();
    for (config, &(dtype, profile)) in some(asked, 8) {
        let ask = |ask: &Ask| emulated(&profile, ask.question().unwrap());
        let accused = accused(&mut Of(vec![Operation::Rotate], ask), config, dtype);
        slips.extend(accused.map(|why| format!("{} in {dtype}: {why}", profile.name)));
    }
    assert!(slips.is_empty(), "{} accused:\n{}", slips.len(), slips.join("\n"));
}

/// Tables and frequencies alone, by the reference.
#[test]
fn tables_are_never_accused() {
    for text in RULES {
        for operation in [Operation::Table, Operation::InvFreq] {
            let ask = |ask: &Ask| ask.question().map_or(Outcome::Skipped(String::new()), exactly);
            let mut kernel = Of(vec![operation], ask);
            match found(&mut kernel, &rule(text), Dtype::F32) {
                Ok(found) => assert!(found.conforms, "{text}: {:?}", found.differences),
                // Growth has no table.
                Err(why) => assert!(text.contains("xpos"), "{text}: {why}"),
            }
        }
    }
}

/// A kernel that answers to a question that `change` makes of it.
fn changed(mut change: impl FnMut(&mut Object)) -> impl FnMut(&Ask) -> Outcome {
    move |ask: &Ask| {
        let mut request = ask.request().clone();
        change(&mut request.config);
        match Question::new(&request) {
            Ok(question) => emulated(profile::find("hf-f32").unwrap(), &question),
            Err(reject) => Outcome::Errored(reject.to_string()),
        }
    }
}

#[test]
fn what_bf16_shows_is_told_and_nothing_else() {
    let config = rule(RULES[0]);
    // A last digit of seven is less than what a right f32 machine is off by; one of five is not.
    for (base, told) in [(20000.0, true), (10001.0, true), (10000.001, false)] {
        let kernel = changed(|config| config.set("rope_theta", Json::Real(base)));
        let found = found(&mut Of(vec![Operation::Rotate], kernel), &config, Dtype::Bf16).unwrap();
        assert_eq!(!found.conforms, told, "{base}: {:?}", found.differences);
        if told {
            let line = format!("rope_theta: 10000 is declared, {base} is computed");
            assert_eq!(found.differences, [line]);
        }
    }
    // Slow planes of a large base are listed where no position that may be asked moves them.
    let slow = object(
        r#"{"head_dim":128,"layout":"half","rope_theta":10000000,"max_position_embeddings":8192}"#,
    );
    let right = changed(|_| ());
    let found = found(&mut Of(vec![Operation::Rotate], right), &slow, Dtype::Bf16).unwrap();
    assert!(found.conforms && found.untold.contains(&63) && !found.untold.contains(&20));
}

/// A table that is no rule: per pair, never somebody's escape hatch.
#[test]
fn no_config_is_made_up() {
    let kernel = |ask: &Ask| {
        let mut request = ask.request().clone();
        let divisors: Vec<Json> = (0..8).map(|i| Json::Real(1.0 + 0.03 * (i * i) as f64)).collect();
        for key in ["short_factor", "long_factor"] {
            request.config.set(key, Json::Array(divisors.clone()));
        }
        request.config.set("rope_type", Json::from("longrope"));
        request.config.set("original_max_position_embeddings", Json::from(4096i64));
        request.config.set("attention_factor", Json::from(1i64));
        request.config.set("factor", Json::from(1i64));
        let mut input = request.input.object().clone();
        input.set("seq_len", Json::from(8i64));
        request.input = ropewalk::request::Input::new(input);
        emulated(profile::find("hf-f32").unwrap(), &Question::new(&request).unwrap())
    };
    let config = rule(RULES[0]);
    let found = found(&mut Of(vec![Operation::Rotate], kernel), &config, Dtype::F32).unwrap();
    assert!(!found.conforms && found.config.is_none());
    assert!(found.differences[0].starts_with("pairs 1–7 turn by"), "{:?}", found.differences);
}

/// Kernels that are right one token at a time, or once.
#[test]
fn state_and_shapes_are_asked_for() {
    use std::collections::HashMap;
    let config = rule(RULES[0]);
    let hf = profile::find("hf-f32").unwrap();
    // A decoding step is captured once and replayed.
    let mut graphs: HashMap<usize, Json> = HashMap::new();
    let captured = |ask: &Ask| {
        let mut request = ask.request().clone();
        let q = ask.tensor("q").unwrap();
        if q.shape()[2] == 1 {
            let positions = request.input.get("positions").unwrap().clone();
            let first = graphs.entry(q.data().len()).or_insert(positions).clone();
            let mut input = request.input.object().clone();
            input.set("positions", first);
            request.input = ropewalk::request::Input::new(input);
        }
        emulated(hf, &Question::new(&request).unwrap())
    };
    let replayed = found(&mut Of(vec![Operation::Rotate], captured), &config, Dtype::F32).unwrap();
    assert!(!replayed.conforms);
    assert!(replayed.differences.iter().any(|line| line.contains("next decoding step")));
    // Keys from the heads of queries; the same where there are as many.
    let grouped = |ask: &Ask| {
        let Outcome::Output(mut output) = emulated(hf, ask.question().unwrap()) else { panic!() };
        let (q, k) = (ask.tensor("q").unwrap(), ask.tensor("k"));
        if let Ok(k) = k
            && k.shape()[1] != q.shape()[1]
        {
            output[1].1 = k;
        }
        Outcome::Output(output)
    };
    let keys = found(&mut Of(vec![Operation::Rotate], grouped), &config, Dtype::F32).unwrap();
    assert!(!keys.conforms);
    // An answer that is another one when it is asked again.
    let mut asked = 0;
    let fickle = |ask: &Ask| {
        asked += 1;
        let mut request = ask.request().clone();
        if asked > 8 && asked % 3 == 0 {
            request.config.set("rope_theta", Json::from(20000i64));
        }
        emulated(hf, &Question::new(&request).unwrap())
    };
    assert!(
        !found(&mut Of(vec![Operation::Rotate], fickle), &config, Dtype::F32).unwrap().conforms
    );
}

/// Exactly one pair turns.
#[test]
fn one_pair_alone_is_no_trouble() {
    for rule_text in [RULES[0], RULES[3], r#""rope_theta":500000,"rotary_dim":2"#] {
        let config = object(&format!(r#"{{"head_dim":2,"layout":"half",{rule_text}}}"#));
        let fast = |config: &mut Object| {
            config.set("rope_type", Json::from("linear"));
            config.set("factor", Json::Real(0.5));
        };
        let kernel = Of(vec![Operation::Rotate], changed(fast));
        let mut kernel = kernel;
        assert!(!found(&mut kernel, &config, Dtype::F32).unwrap().conforms, "{rule_text}");
    }
}

/// A kernel in native f32 whose powers and cosines are the platform's: f32 tables, and f64 products
/// unless everything is cast.
fn in_singles(ask: &Ask, cast: bool) -> Outcome {
    use ropewalk::encoding::Body;
    use ropewalk::number::Tensor;
    use ropewalk::request::Direction;
    let Body::Rotate(r) = &ask.question().unwrap().body else { panic!("a rotation") };
    let theta = ask.number("rope_theta").unwrap() as f32;
    let dim = r.rope.head_dim;
    let sign = if r.direction == Direction::Forward { 1.0 } else { -1.0 };
    let rotated = |tensor: &Tensor| {
        let &[_, heads, seq, _] = tensor.shape() else { panic!("four axes") };
        let mut data = tensor.data().to_vec();
        for (row, out) in data.chunks_mut(dim).enumerate() {
            let token = row / (heads * seq) * seq + row % seq;
            let p = r.positions.data()[token].numerator as f32;
            for i in 0..dim / 2 {
                let angle = p * (1.0 / theta.powf(2.0 * i as f32 / dim as f32));
                let (cos, sin) = (angle.cos(), sign * angle.sin());
                let [x, y] = [out[i], out[i + dim / 2]].map(f64::from_bits);
                let turned = match cast {
                    true => {
                        let (x, y) = (x as f32, y as f32);
                        [(x * cos - y * sin) as f64, (y * cos + x * sin) as f64]
                    }
                    false => {
                        let (cos, sin) = (cos as f64, sin as f64);
                        [x * cos - y * sin, y * cos + x * sin]
                    }
                };
                [out[i], out[i + dim / 2]] = turned.map(f64::to_bits);
            }
        }
        Tensor::new(tensor.dtype(), tensor.shape().to_vec(), data).unwrap()
    };
    let k = r.k.iter().map(|k| ("k".to_string(), rotated(k)));
    Outcome::Output(std::iter::once(("q".to_string(), rotated(&r.q))).chain(k).collect())
}

fn names(found: &Identified) -> Vec<&'static str> {
    found.diagnoses.iter().flat_map(|d| d.faults.clone()).collect()
}

#[test]
fn singles_inside_of_doubles_have_a_name() {
    let config = rule(RULES[0]);
    for (cast, name) in [(false, "f8-f32-for-f64"), (true, "f8-cast-to-f32")] {
        let mut kernel = Of(vec![Operation::Rotate], |ask: &Ask| in_singles(ask, cast));
        let found = found(&mut kernel, &config, Dtype::F64).unwrap();
        assert!(!found.conforms, "f32 is no f64");
        assert_eq!(names(&found), [name], "{:?} {:?}", found.unknown, found.remarks);
    }
    // What is off by as much in another way is none of them.
    let kernel = |ask: &Ask| {
        let mut request = ask.request().clone();
        request.config.set("rope_theta", Json::Real(10000.003));
        exactly(&Question::new(&request).unwrap())
    };
    let other = found(&mut Of(vec![Operation::Rotate], kernel), &config, Dtype::F64).unwrap();
    assert!(!other.conforms && names(&other).is_empty(), "{:?}", names(&other));
}

#[test]
fn swapped_bytes_have_a_name() {
    let hf = profile::find("meta-f32-complex").unwrap();
    let kernel = |ask: &Ask| {
        let Outcome::Output(output) = emulated(hf, ask.question().unwrap()) else { panic!() };
        let swap = |(name, tensor): (String, ropewalk::number::Tensor)| {
            let data =
                tensor.data().iter().map(|&bits| (bits as u32).swap_bytes() as u64).collect();
            let shape = tensor.shape().to_vec();
            (name, ropewalk::number::Tensor::new(tensor.dtype(), shape, data).unwrap())
        };
        Outcome::Output(output.into_iter().map(swap).collect())
    };
    let found = found(&mut Of(vec![Operation::Rotate], kernel), &rule(RULES[0]), Dtype::F32);
    assert_eq!(names(&found.unwrap()), ["f10-bytes-swapped"]);
}

/// Place and mechanism come from what identification itself has asked.
#[test]
fn what_is_inferred_has_its_place() {
    let config = rule(RULES[0]);
    let hf = profile::find("hf-f32").unwrap();
    let told = |kernel: &mut dyn FnMut(&Ask) -> Outcome| -> Vec<String> {
        let mut kernel = Of(vec![Operation::Rotate], kernel);
        let found = found(&mut kernel, &config, Dtype::F32).unwrap();
        assert!(!found.conforms);
        found.diagnoses.iter().map(|diagnosis| diagnosis.title().0).collect()
    };
    let zeros = told(&mut |ask: &Ask| {
        let backward = ask.request().input.get("direction") == Some(&Json::from("backward"));
        match emulated(hf, ask.question().unwrap()) {
            Outcome::Output(mut output) if backward => {
                for (_, tensor) in &mut output {
                    let zeros = vec![0; tensor.data().len()];
                    let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
                    *tensor = ropewalk::number::Tensor::new(dtype, shape, zeros).unwrap();
                }
                Outcome::Output(output)
            }
            other => other,
        }
    });
    assert!(zeros.iter().any(|t| t.starts_with("Rows, only backward: zeros")), "{zeros:?}");
    let narrow = told(&mut |ask: &Ask| {
        let mut request = ask.request().clone();
        let mut input = request.input.object().clone();
        fn wrap(json: &Json) -> Json {
            match json {
                Json::Array(list) => Json::Array(list.iter().map(wrap).collect()),
                other => match other.number() {
                    Some(p) if p.fract() == 0.0 => Json::from(p as i64 & 0xffff),
                    _ => other.clone(),
                },
            }
        }
        let positions = wrap(input.get("positions").unwrap());
        input.set("positions", positions);
        request.input = ropewalk::request::Input::new(input);
        emulated(hf, &Question::new(&request).unwrap())
    });
    // A table of 65536 rows whose positions wrap is the same thing, and known.
    assert!(narrow.iter().any(|t| t.contains("65536 rows")), "{narrow:?}");
}
