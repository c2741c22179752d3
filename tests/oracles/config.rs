//! Random configs of every rotary scheme.

use super::case::Random;

/// The schemes, by weight: those with branches and logarithms stand twice.
pub const SCHEMES: [&str; 24] = [
    "default",
    "default",
    "linear",
    "ntk",
    "dynamic",
    "ntk_fixed",
    "ntk_by_parts",
    "ntk_by_parts",
    "yarn",
    "yarn",
    "yarn",
    "longrope",
    "longrope",
    "llama3",
    "llama3",
    "proportional",
    "xpos",
    "axial",
    "pixtral",
    "moonvit",
    "dinov3",
    "pixel",
    "ltx",
    "none",
];

/// A config and what a request needs to know of it.
#[derive(Clone, Debug)]
pub struct Config {
    pub json: String,
    pub head_dim: usize,
    pub axes: usize,
    pub seq_len: Option<i64>,
    /// Whether positions may be fractions.
    pub fractions: bool,
    /// Whether vectors grow with the position.
    pub grows: bool,
}

/// How a base is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Base {
    Any,
    BelowOne,
    /// So large that all frequencies but the first are tiny.
    Huge,
}

pub fn base(random: &mut Random, kind: Base) -> f64 {
    match kind {
        Base::BelowOne => {
            let any = random.real(1e-6, 1.0);
            random.pick(&[0.5, 0.25, 1e-3, any])
        }
        Base::Huge => 10f64.powf(random.real(150.0, 308.0)),
        Base::Any => match random.below(16) {
            0 => 1.0,
            1 => 2.0,
            2 => 65536.0,
            3 => 1.000_000_1,
            4 => 0.5,
            5 => random.real(0.01, 1.0),
            6 | 7 => 10f64.powf(random.real(0.1, 9.0)),
            8 => 100.0,
            9 => 500_000.0,
            10 => 1_000_000.0,
            11 => 150_000.0,
            _ => 10_000.0,
        },
    }
}

/// A config of a scheme.
pub fn config(random: &mut Random, scheme: &str, kind: Base) -> Config {
    let quarters = ["pixtral", "moonvit", "dinov3", "pixel"].contains(&scheme);
    let own_axes = quarters || ["axial", "ltx"].contains(&scheme);
    let slices = scheme != "proportional";
    let mut keys: Vec<(String, String)> = Vec::new();
    let mut set = |key: &str, value: String| keys.push((key.to_string(), value));
    let mut head_dim =
        random.pick(&[4usize, 6, 8, 10, 16, 20, 32, 34, 40, 64, 66, 72, 80, 92, 96, 128]);
    // What the slice is made of: planes, or a plane for each of two axes.
    let unit = if quarters { 4 } else { 2 };
    head_dim = head_dim.next_multiple_of(unit);
    let mut dim = head_dim;
    if slices && random.chance(3) {
        let least = if quarters { 1 } else { 2 };
        dim = unit * random.within(least, (head_dim / unit) as i64) as usize;
        let offset = random.below((head_dim - dim) as u64 + 1);
        set("rotary_dim", dim.to_string());
        set("rotary_offset", offset.to_string());
    }
    set("head_dim", head_dim.to_string());
    set("layout", random.pick(&["\"half\"", "\"interleaved\""]).into());
    let mut base = base(random, kind);
    if scheme == "yarn" && base == 1.0 {
        base = 10_000.0;
    }
    if scheme != "pixel" {
        set("rope_theta", format!("{base:e}"));
    }
    set("rope_type", format!("\"{scheme}\""));
    let original = random.pick(&[64.0, 2048.0, 4096.0, 8192.0, 1000.0, 37.5]);
    let factor = match random.below(8) {
        0 => 1.0,
        1 => random.real(0.3, 1.0),
        2 | 3 => random.real(1.0, 40.0),
        _ => random.pick(&[2.0, 3.0, 4.0, 8.0, 16.0, 32.0, 40.0, 10.0]),
    };
    let mut axes = 1;
    let mut seq_len = None;
    match scheme {
        "linear" | "ntk" | "ntk_fixed" => set("factor", factor.to_string()),
        "proportional" => {
            set("partial_rotary_factor", random.pick(&["0.25", "0.5", "0.3", "0.7", "1"]).into());
            if random.chance(2) {
                set("factor", factor.to_string());
            }
        }
        "dynamic" => {
            set("factor", factor.to_string());
            let key = random.pick(&["max_position_embeddings", "original_max_position_embeddings"]);
            set(key, original.to_string());
            seq_len = Some(random.within(1, 20_000));
        }
        "ntk_by_parts" => {
            set("factor", factor.to_string());
            set("original_max_position_embeddings", original.to_string());
            if random.chance(2) {
                let slow = random.real(0.1, 20.0);
                set("beta_slow", slow.to_string());
                set("beta_fast", (slow + random.real(0.1, 50.0)).to_string());
            }
            if random.chance(2) {
                set("attention_factor", random.real(0.5, 2.0).to_string());
            }
        }
        "yarn" => {
            set("factor", factor.to_string());
            set("original_max_position_embeddings", original.to_string());
            if random.chance(2) {
                set("truncate", "false".into());
            }
            if random.chance(2) {
                let slow = random.real(0.1, 20.0);
                set("beta_slow", slow.to_string());
                let any = random.real(0.0, 60.0);
                let spread = random.pick(&[0.0, 0.5, 30.0, any]);
                set("beta_fast", (slow + spread).to_string());
            }
            match random.below(6) {
                0 => set("attention_factor", random.real(0.5, 2.0).to_string()),
                1 => set("mscale", "1.0".into()),
                2 => {
                    set("mscale", "0.707".into());
                    set("mscale_all_dim", random.pick(&["0.707", "1.0", "0"]).into());
                }
                3 => set("mscale_all_dim", "1.0".into()),
                _ => {}
            }
        }
        "longrope" => {
            for key in ["short_factor", "long_factor"] {
                let list: Vec<String> = (0..dim / 2)
                    .map(|_| {
                        let any = random.real(0.5, 64.0);
                        random.pick(&[1.0, 1.25, 2.0, any]).to_string()
                    })
                    .collect();
                set(key, format!("[{}]", list.join(",")));
            }
            set("original_max_position_embeddings", original.to_string());
            match random.below(3) {
                0 => set("factor", factor.to_string()),
                1 => set("max_position_embeddings", (original * factor).to_string()),
                _ => {
                    set("attention_factor", random.real(0.5, 2.0).to_string());
                }
            }
            seq_len = Some(random.pick(&[1, 64, 65, 2048, 2049, 37, 38, 100_000]));
        }
        "llama3" => {
            set("factor", factor.to_string());
            let (any, wide) = (random.real(0.1, 30.0), random.real(0.0, 60.0));
            let low = random.pick(&[1.0, 0.5, any]);
            let spread = random.pick(&[0.0, 3.0, wide]);
            set("low_freq_factor", low.to_string());
            set("high_freq_factor", (low + spread).to_string());
            set("original_max_position_embeddings", original.to_string());
        }
        "xpos" => {
            set("scale_base", random.pick(&["512", "1", "7", "100"]).into());
            set("origin", random.within(-50, 50).to_string());
        }
        "axial" => {
            // Widths of the blocks: even, at least 2.
            axes = random.within(1, 4.min(dim as i64 / 2)) as usize;
            let mut dims = vec![2; axes];
            for _ in axes..dim / 2 {
                let block = random.below(axes as u64) as usize;
                dims[block] += 2;
            }
            let mut order: Vec<usize> = (0..axes).collect();
            if random.chance(2) {
                order.reverse();
            }
            set("axes_dims", format!("{dims:?}"));
            set("axes_order", format!("{order:?}"));
            set("half_within_axis", random.chance(2).to_string());
            if random.chance(3) && !dims.contains(&2) {
                let factors: Vec<f64> = (0..axes).map(|_| random.pick(&[1.0, 2.0, 0.75])).collect();
                set("axes_factor", format!("{factors:?}"));
            }
        }
        "pixel" => {
            set("max_freq", random.pick(&["10", "2", "7.5"]).into());
            set("log_bands", random.chance(2).to_string());
        }
        _ => {}
    }
    if quarters {
        axes = 2;
    }
    match scheme {
        "dinov3" if dim.is_multiple_of(6) && random.chance(2) => {
            axes = 3;
            set("num_axes", "3".into());
        }
        "ltx" => {
            let heads = random.within(2, 4) as usize;
            axes = random.within(1, 4.min(heads as i64 * dim as i64 / 2)) as usize;
            set("num_axes", axes.to_string());
            set("num_heads", heads.to_string());
            set("head", random.below(heads as u64).to_string());
        }
        _ => {}
    }
    if random.chance(6) {
        set("clockwise", "true".into());
    }
    if !own_axes && scheme != "proportional" && random.chance(8) {
        axes = random.within(2, 4) as usize;
        let mut listed: Vec<usize> =
            (0..dim / 2).map(|_| random.below(axes as u64) as usize).collect();
        listed[0] = axes - 1;
        set("pair_axes", format!("{listed:?}"));
    } else if !own_axes && scheme != "proportional" && random.chance(6) {
        axes = random.within(3, 4) as usize;
        let mut sections = vec![0; axes];
        for _ in 0..dim / 2 {
            sections[random.below(axes as u64) as usize] += 1;
        }
        set("mrope_section", format!("{sections:?}"));
        set("mrope_interleaved", random.chance(2).to_string());
    }
    let pairs: Vec<String> = keys.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
    Config {
        json: format!("{{{}}}", pairs.join(",")),
        head_dim,
        axes,
        seq_len,
        fractions: ["axial", "dinov3", "pixel", "ltx"].contains(&scheme),
        grows: scheme == "xpos",
    }
}
