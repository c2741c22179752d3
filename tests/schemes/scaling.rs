//! Rules that scale the frequencies.

use super::{flat, list_rounds_to, rounds_to, spectrum};
use serde_json::{Value, json};

fn frequencies(config: Value) -> Vec<f64> {
    spectrum(config, None).0
}

fn default(head_dim: u32, theta: f64) -> Vec<f64> {
    frequencies(flat(head_dim, theta, "default", json!({})))
}

#[test]
fn linear_divides() {
    let plain = default(128, 1e4);
    let scaled = frequencies(flat(128, 1e4, "linear", json!({"factor": 8})));
    assert!(plain.iter().zip(&scaled).all(|(a, b)| a / 8.0 == *b));
}

#[test]
fn static_ntk_keeps_the_first_and_divides_the_last() {
    for (factor, base) in [(8.0, "82684.62264056221"), (4.0, "40889.94243248622")] {
        let list = frequencies(flat(128, 1e4, "ntk", json!({"factor": factor})));
        let plain = default(128, 1e4);
        assert_eq!(list[0], 1.0);
        assert_eq!(list[63], plain[63] / factor);
        // base′ = θ₁^(−r/2).
        rounds_to(list[1].powi(-64) / 1e4, &format!("{:.9}", base.parse::<f64>().unwrap() / 1e4));
    }
}

#[test]
fn dynamic_ntk_follows_the_length() {
    let config = |factor: f64, original: u32| {
        let more = json!({"factor": factor, "original_max_position_embeddings": original});
        flat(128, 1e4, "dynamic", more)
    };
    let (list, magnitude, _) = spectrum(config(10.0, 2048), Some(16384));
    rounds_to(list[1], "0.80931007489");
    rounds_to(list[63], "1.62645350e-6");
    assert_eq!(magnitude, 1.0);
    for (factor, base) in
        [(1.0, 20221.261689737912), (2.0, 30527.7367488067), (4.0, 51293.78726815244)]
    {
        let (list, ..) = spectrum(config(factor, 4096), Some(8192));
        assert!((list[1].powi(-64) / base - 1.0).abs() < 1e-13);
    }
    // Up to the original length nothing changes; from the next position on it does.
    let at = |length| spectrum(config(4.0, 4096), Some(length)).0;
    assert_eq!(at(1), default(128, 1e4));
    assert_eq!(at(4096), default(128, 1e4));
    assert!(at(4097)[1] < at(4096)[1]);
    // The fixed reading is the dynamic one at s·L₀.
    assert_eq!(at(16384), frequencies(flat(128, 1e4, "ntk_fixed", json!({"factor": 4}))));
}

fn yarn(head_dim: u32, theta: f64, factor: f64, original: u32, more: Value) -> Value {
    let mut config = flat(head_dim, theta, "yarn", more);
    config["factor"] = json!(factor);
    config["original_max_position_embeddings"] = json!(original);
    config
}

#[test]
fn yarn_of_deepseek_v3() {
    let mscales = json!({"mscale": 1, "mscale_all_dim": 1});
    let (list, magnitude, softmax) = spectrum(yarn(64, 1e4, 40.0, 4096, mscales), None);
    list_rounds_to(
        &list,
        0,
        "1.0000000e+00 7.4989421e-01 5.6234133e-01 4.2169650e-01 3.1622777e-01 2.3713737e-01 \
         1.7782794e-01 1.3335214e-01 1.0000000e-01 7.4989421e-02 5.6234133e-02 3.9006927e-02 \
         2.6879360e-02 1.8378146e-02 1.2447956e-02 8.3345090e-03 5.5000000e-03 3.5619975e-03 \
         2.2493653e-03 1.3705136e-03 7.9056942e-04 4.1499040e-04 1.7782794e-04 3.3338036e-05 \
         2.5000000e-05 1.8747355e-05 1.4058533e-05 1.0542413e-05 7.9056942e-06 5.9284343e-06 \
         4.4456985e-06 3.3338036e-06",
    );
    assert_eq!(magnitude, 1.0);
    rounds_to(softmax, "1.873854207093");
}

#[test]
fn yarn_of_gpt_oss_has_no_whole_ends() {
    let config = yarn(64, 150000.0, 32.0, 4096, json!({"truncate": false}));
    let (list, magnitude, softmax) = spectrum(config, None);
    list_rounds_to(
        &list,
        0,
        "1.0000000e+00 6.8904431e-01 4.7478206e-01 3.2714587e-01 2.2541800e-01 1.5532299e-01 \
         1.0702442e-01 7.3744568e-02 5.0813275e-02 3.1705696e-02 1.9335001e-02 1.1592049e-02 \
         6.7949595e-03 3.8603593e-03 2.0937924e-03 1.0526021e-03 4.5648392e-04 1.2931870e-04 \
         3.8308812e-05 2.6396469e-05 1.8188337e-05 1.2532570e-05 8.6354959e-06 5.9502393e-06 \
         4.0999785e-06 2.8250668e-06 1.9465962e-06 1.3412910e-06 9.2420895e-07 6.3682091e-07 \
         4.3879783e-07 3.0235114e-07",
    );
    rounds_to(magnitude, "1.3465735903");
    assert_eq!(softmax, 1.0);
}

/// The vector of Transformers' own test, five digits.
#[test]
fn yarn_of_the_transformers_test() {
    let list = frequencies(yarn(128, 1e4, 10.0, 2048, json!({})));
    let plain = default(128, 1e4);
    assert_eq!(list[..=16], plain[..=16]);
    list_rounds_to(
        &list,
        17,
        "8.3479e-02 6.9590e-02 5.7925e-02 4.8136e-02 3.9931e-02 3.3061e-02 2.7315e-02 2.2515e-02 \
         1.8512e-02 1.5177e-02 1.2403e-02 1.0101e-02 8.1924e-03 6.6143e-03 5.3120e-03 4.2400e-03 \
         3.3599e-03 2.6396e-03 2.0520e-03 1.5746e-03 1.1882e-03 8.7713e-04 6.2810e-04 4.3007e-04 \
         2.7384e-04",
    );
    assert!((41..64).all(|i| (list[i] / plain[i] * 10.0 - 1.0).abs() < 1e-15));
    rounds_to(list[63], "1.1548e-05");
}

/// Where the ramp begins and ends, read off the frequencies: kept up to low, divided from high.
#[test]
fn yarn_correction_dimensions() {
    for (r, theta, original, fast, slow, low, high) in [
        (128, 1e4, 2048, 32, 1, 16, 41),
        (128, 1e4, 4096, 32, 1, 20, 46),
        (64, 1e4, 4096, 32, 1, 10, 23),
        (128, 1e6, 32768, 32, 1, 23, 40),
        (64, 5e4, 4096, 1, 1, 19, 20),
    ] {
        let betas = json!({"beta_fast": fast, "beta_slow": slow});
        let list = frequencies(yarn(r, theta, 4.0, original, betas));
        let plain = default(r, theta);
        let kept = (0..).take_while(|&i| list[i] == plain[i]).last().unwrap();
        let divided = (0..list.len()).find(|&i| list[i] == plain[i] / 4.0).unwrap();
        assert_eq!((kept, divided), (low, high), "{r} {theta} {original}");
    }
}

#[test]
fn yarn_magnitudes() {
    for (factor, mscale, squared) in [
        (2.0, "1.069314718056", "1.143433966251"),
        (4.0, "1.138629436112", "1.296476992781"),
        (8.0, "1.207944154168", "1.459129079589"),
        (16.0, "1.277258872224", "1.631390226675"),
        (32.0, "1.346573590280", "1.813260434039"),
        (40.0, "1.368887945411", "1.873854207093"),
        (64.0, "1.415888308336", "2.004739701682"),
    ] {
        let (_, magnitude, _) = spectrum(yarn(64, 1e4, factor, 4096, json!({})), None);
        rounds_to(magnitude, mscale);
        let all = json!({"mscale": 1, "mscale_all_dim": 1});
        let (_, one, softmax) = spectrum(yarn(64, 1e4, factor, 4096, all), None);
        assert_eq!(one, 1.0);
        rounds_to(softmax, squared);
    }
    let of = |more| spectrum(yarn(64, 1e4, 40.0, 4096, more), None);
    rounds_to(of(json!({"mscale": 0.707, "mscale_all_dim": 0.707})).2, "1.5896261651");
    // One of the two alone changes nothing; zero is as good as absent; an explicit value wins.
    rounds_to(of(json!({"mscale": 0.707})).1, "1.368887945411");
    rounds_to(of(json!({"mscale": 1, "mscale_all_dim": 0})).1, "1.368887945411");
    assert_eq!(of(json!({"attention_factor": 1.25})).1, 1.25);
    let short = spectrum(yarn(64, 1e4, 0.5, 4096, json!({"mscale_all_dim": 1})), None);
    assert_eq!((short.1, short.2), (1.0, 1.0));
}

#[test]
fn ntk_by_parts_is_linear_in_turns() {
    // γ of the paper at three pairs, where the index ramp of the libraries has .8077, .6154, .2308.
    let more = json!({"factor": 2, "original_max_position_embeddings": 4096});
    let list = frequencies(flat(128, 1e4, "ntk_by_parts", more));
    let plain = default(128, 1e4);
    for (i, gamma) in [(25, "0.5436"), (30, "0.2482"), (40, "0.0342")] {
        rounds_to(list[i] / plain[i] * 2.0 - 1.0, gamma);
    }
    let yarn = frequencies(yarn(128, 1e4, 2.0, 4096, json!({})));
    for (i, gamma) in [(25, "0.8077"), (30, "0.6154"), (40, "0.2308")] {
        rounds_to(yarn[i] / plain[i] * 2.0 - 1.0, gamma);
    }
}

fn llama3(head_dim: u32, theta: f64, factor: f64, bands: (f64, f64), original: u32) -> Value {
    let more = json!({"factor": factor, "low_freq_factor": bands.0, "high_freq_factor": bands.1,
                      "original_max_position_embeddings": original});
    flat(head_dim, theta, "llama3", more)
}

#[test]
fn llama_3_1_and_3_2() {
    let eight = frequencies(llama3(128, 5e5, 8.0, (1.0, 4.0), 8192));
    let more = frequencies(llama3(128, 5e5, 32.0, (1.0, 4.0), 8192));
    list_rounds_to(
        &eight,
        28,
        "3.211445995e-03 2.166570764e-03 1.371893568e-03 8.567514129e-04 5.248461610e-04 \
         3.126937504e-04 1.785078128e-04 9.556212354e-05",
    );
    list_rounds_to(
        &more,
        28,
        "3.211445995e-03 2.118406997e-03 1.290547928e-03 7.625412034e-04 4.295567966e-04 \
         2.227635015e-04 9.708287803e-05 2.389053088e-05",
    );
    let plain = default(128, 5e5);
    assert_eq!(eight[..29], plain[..29]);
    assert!((35..64).all(|i| eight[i] == plain[i] / 8.0));
    let wave = |i: usize| std::f64::consts::TAU / plain[i];
    for (i, printed) in [(28, "1956.497"), (29, "2401.738"), (34, "6695.109"), (35, "8218.718")] {
        rounds_to(wave(i), printed);
    }
    let half = frequencies(llama3(64, 5e5, 32.0, (1.0, 4.0), 8192));
    let plain = default(64, 5e5);
    assert!((0..15).all(|i| half[i] == plain[i]) && half[15] < plain[15]);
    assert!((18..32).all(|i| half[i] == plain[i] / 32.0) && half[17] > plain[17] / 32.0);
}

/// The vector of Transformers' own test, five digits.
#[test]
fn llama_3_of_the_transformers_test() {
    let list = frequencies(llama3(128, 1e4, 10.0, (1.0, 4.0), 2048));
    let plain = default(128, 1e4);
    assert_eq!(list[..=30], plain[..=30]);
    list_rounds_to(
        &list,
        31,
        "1.0730e-02 7.7785e-03 5.6009e-03 3.9991e-03 2.8248e-03 1.9675e-03 1.3449e-03 8.9549e-04 \
         5.7363e-04 3.4539e-04 2.7384e-04",
    );
    assert!((41..64).all(|i| (list[i] / plain[i] * 10.0 - 1.0).abs() < 1e-15));
}

#[test]
fn equal_bands_of_llama_4_scout_make_two() {
    let list = frequencies(llama3(128, 5e5, 16.0, (1.0, 1.0), 8192));
    let plain = default(128, 5e5);
    assert!((0..64).all(|i| list[i] == if i < 35 { plain[i] } else { plain[i] / 16.0 }));
}

#[test]
fn longrope_of_phi_3() {
    let list = |name: &str, length| {
        let model = ropewalk::encoding::models().iter().find(|model| model.name == name).unwrap();
        let config = serde_json::to_value(&model.config).unwrap();
        spectrum(config, Some(length))
    };
    let at = |list: &[f64], places: &[(usize, &str)]| {
        places.iter().for_each(|(i, printed)| rounds_to(list[*i], printed));
    };
    let (long, magnitude, _) = list("phi-3.5-mini", 4097);
    at(&long, &[(0, "9.259258891e-01"), (1, "7.436073645e-01")]);
    at(&long, &[(24, "1.986491699e-04"), (47, "1.868488166e-06")]);
    rounds_to(magnitude, "1.1902380714238083");
    let (short, same, _) = list("phi-3.5-mini", 4096);
    at(&short, &[(0, "1.000000000e+00"), (1, "8.092198046e-01")]);
    at(&short, &[(24, "5.025126507e-03"), (47, "4.265943305e-05")]);
    assert_eq!(magnitude, same);
    at(&list("phi-3-mini-128k", 131072).0, &[(0, "0.934579393"), (47, "1.8707962e-06")]);
    at(&list("phi-3-mini-128k", 1).0, &[(0, "0.909090909"), (47, "3.97222183e-05")]);
}

#[test]
fn longrope_magnitudes() {
    let ones = vec![1.0; 4];
    for (ratio, printed) in [
        (32, "1.1902380714238083"),
        (8, "1.1180339887"),
        (16, "1.1547005384"),
        (64, "1.2247448714"),
    ] {
        let lists = json!({"short_factor": ones, "long_factor": ones,
                           "original_max_position_embeddings": 4096,
                           "max_position_embeddings": 4096 * ratio});
        rounds_to(spectrum(flat(8, 1e4, "longrope", lists), Some(1)).1, printed);
    }
}

#[test]
fn proportional_of_gemma_4() {
    let more = json!({"partial_rotary_factor": 0.25});
    let list = frequencies(flat(512, 1e6, "proportional", more));
    for (i, printed) in [(21, "3.219678444e-01"), (42, "1.036632928e-01"), (63, "3.337624694e-02")]
    {
        rounds_to(list[i], printed);
    }
    assert!(list[64..].iter().all(|x| *x == 0.0) && list.len() == 256);
}

#[test]
fn xpos_growth() {
    let config = json!({"head_dim": 4, "layout": "interleaved", "rope_theta": 10000,
                        "rope_type": "xpos"});
    let reply = crate::ask::ask("inv_freq", "f64", config, json!({}));
    let growth = crate::ask::doubles(&reply, "growth");
    rounds_to(growth[0], "0.997556188309");
    rounds_to(growth[1], "0.999137417644");
    rounds_to(growth[0].powi(512), "0.2857142857");
    rounds_to(growth[1].powi(512), "0.6428571429");
}
