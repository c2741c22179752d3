//! From measured frequencies to a config: the base, then the scaling rule and its parameters.

use super::angles::Turning;
use super::words::runs;
use crate::encoding::{Double, Pair, Plane, Rope, RopeConfig};
use crate::request::{Json, Object};

/// What was measured of a kernel's planes that turn.
#[derive(Clone, Debug)]
pub(in crate::audit) struct Measured {
    pub(in crate::audit) pairs: Vec<Pair>,
    pub(in crate::audit) axes: Vec<usize>,
    pub(in crate::audit) turning: Vec<Turning>,
    pub(in crate::audit) magnitude: f64,
    /// How far off the magnitude may be.
    pub(in crate::audit) slack: f64,
    pub(in crate::audit) seq_len: Option<i64>,
    /// Whether the coordinates of the planes are known, or only their frequencies.
    pub(in crate::audit) located: bool,
}

/// A number as a config has it.
pub(super) fn json(x: f64) -> Json {
    match x == libm::trunc(x) && x.abs() < 1e15 {
        true => Json::from(x as i64),
        false => Json::Real(x),
    }
}

/// The roundest numbers within a relative distance of x, roundest first.
pub(super) fn round_numbers(x: f64, relative: f64) -> Vec<f64> {
    let mut list: Vec<f64> = Vec::new();
    if !(x.is_finite() && x > 0.0) {
        return list;
    }
    let near = |y: f64| (y - x).abs() <= relative * x;
    let power = libm::exp2(libm::round(libm::log2(x)));
    if near(power) {
        list.push(power);
    }
    for digits in 1..=9 {
        // Read as a literal is, so that 0.1 is the 0.1 of a config.
        let text = format!("{x:.*e}", digits - 1);
        if let Ok(y) = text.parse::<f64>()
            && near(y)
        {
            list.push(y);
            break;
        }
    }
    if near(libm::round(x)) && libm::round(x) > 0.0 {
        list.push(libm::round(x));
    }
    list.push(x);
    list.dedup();
    list
}

/// Whether a number has at most four significant digits, as the bases of released models have.
fn is_round(x: f64) -> bool {
    format!("{x:.3e}").parse() == Ok(x)
}

impl Measured {
    /// Whether a config computes what was measured.
    pub(super) fn fits(&self, config: &Object) -> bool {
        let rope = || {
            let read = RopeConfig::new(config).ok()?;
            let length = self.seq_len.or(Some(2)).filter(|_| read.scheme().needs_seq_len());
            read.rope(length).ok()
        };
        let Some(rope) = rope() else { return false };
        let magnitude = rope.magnitude.evaluate(&Double).unwrap_or(f64::NAN);
        if (magnitude - self.magnitude).abs() > self.slack {
            return false;
        }
        let turning: Vec<_> = rope
            .planes
            .iter()
            .filter_map(|plane| {
                let theta = plane.frequency.evaluate(&Double)?;
                (theta != 0.0).then_some((plane, theta))
            })
            .collect();
        turning.len() == self.turning.len()
            && turning.iter().enumerate().all(|(i, (plane, theta))| {
                let place = plane.pair == self.pairs[i] && plane.axis == self.axes[i];
                let off = (theta - self.turning[i].theta).abs();
                (place || !self.located) && off <= 4.0 * self.turning[i].error
            })
    }

    /// Where frequencies are others than a rope declares, in words; nothing where planes differ.
    pub(super) fn other_frequencies(&self, rope: &Rope) -> Vec<String> {
        let theta = |plane: &Plane| plane.frequency.evaluate(&Double).unwrap_or(f64::NAN);
        let turning: Vec<(usize, &Plane)> =
            rope.planes.iter().enumerate().filter(|(_, plane)| theta(plane) != 0.0).collect();
        let at = |index: usize| match self.located {
            true => self.pairs.iter().position(|pair| *pair == turning[index].1.pair),
            false => (index < self.turning.len()).then_some(index),
        };
        let (mut other, mut same, mut still) = (Vec::new(), 0, Vec::new());
        let (mut least, mut most) = (f64::INFINITY, 0.0f64);
        for (index, (number, plane)) in turning.iter().enumerate() {
            let Some(found) = at(index).map(|found| self.turning[found]) else {
                still.push(*number);
                continue;
            };
            let ratio = found.theta / theta(plane);
            match (found.theta - theta(plane)).abs() > 4.0 * found.error {
                false => same += 1,
                true => {
                    other.push(*number);
                    (least, most) = (least.min(ratio), most.max(ratio));
                }
            }
        }
        let mut list = Vec::new();
        if !other.is_empty() {
            let times = match most - least <= 1e-4 * most {
                true => format!("{most:.6}"),
                false => format!("{least:.6} to {most:.6}"),
            };
            let rest = if same > 0 { format!("; {same} are as declared") } else { String::new() };
            list.push(format!(
                "pairs {} turn by {times} times what is declared{rest}",
                runs(&other)
            ));
        }
        if !still.is_empty() && still.len() < turning.len() {
            list.push(format!("pairs {} are not turned as pairs", runs(&still)));
        }
        list
    }

    /// Relative uncertainty of a frequency.
    fn relative(&self, index: usize) -> f64 {
        let one = self.turning[index];
        4.0 * one.error / one.theta.abs().max(f64::MIN_POSITIVE)
    }

    /// Bases that the ratios of frequencies suggest, with `pairs` of them in the whole slice.
    fn bases(&self, pairs: usize) -> Vec<f64> {
        let count = self.turning.len();
        let mut list = Vec::new();
        // One plane alone has no ratio.
        for k in [count - 1, count / 2, count / 4, count / 8, 1] {
            if k == 0 || k >= count {
                continue;
            }
            let ratio = self.turning[0].theta / self.turning[k].theta;
            if ratio.is_nan() || ratio <= 0.0 {
                continue;
            }
            let power = pairs as f64 / k as f64;
            let relative = power * (self.relative(0) + self.relative(k));
            list.extend(round_numbers(libm::pow(ratio, power), relative));
        }
        list
    }

    /// The config that computes what was measured: the declared one if it does, else the plainest.
    /// `shape` has the keys of head, layout and slice.
    pub(in crate::audit) fn config(&self, declared: &Object, shape: &Object) -> Option<Object> {
        let with = |from: &Object, pairs: &[(&str, Json)]| {
            let mut config = from.clone();
            pairs.iter().for_each(|(key, value)| config.set(key, value.clone()));
            config
        };
        let number = |key: &str| declared.get(key).and_then(Json::number);
        let mut own = declared.clone();
        for (key, value) in shape.iter() {
            own.set(key, value.clone());
        }
        if self.turning.is_empty() {
            return None;
        }
        let width = match shape.get("rotary_dim").and_then(Json::number) {
            Some(width) => width as usize,
            None => 2 * self.turning.len(),
        };
        let pairs = width / 2;
        let mut bases: Vec<f64> = number("rope_theta").into_iter().collect();
        bases.extend(self.bases(pairs));
        let mut tried: Vec<Object> = vec![declared.clone(), own.clone()];
        // The declared rule with another base, then the plain rule.
        let others = bases.iter().filter(|b| is_round(**b));
        tried.extend(others.map(|&b| with(&own, &[("rope_theta", json(b))])));
        let plain: Vec<Object> = bases
            .iter()
            .map(|&b| with(shape, &[("rope_theta", json(b)), ("rope_type", Json::from("default"))]))
            .collect();
        // A base that nobody would write is a rule's that changes the base, if there is one.
        let (written, odd): (Vec<Object>, Vec<Object>) =
            plain.iter().cloned().partition(|config| {
                config.get("rope_theta").and_then(Json::number).is_some_and(is_round)
            });
        tried.extend(written);
        // One declared number that is read otherwise: without it, inverted, or squared.
        for key in ["factor", "attention_factor", "low_freq_factor", "high_freq_factor"] {
            if let Some(x) = number(key) {
                tried.push(with(&own, &[(key, json(1.0 / x))]));
                tried.push(with(&own, &[(key, json(x * x))]));
                tried.push(with(&own, &[(key, json(x * self.magnitude))]));
            }
        }
        for key in
            ["attention_factor", "beta_fast", "beta_slow", "truncate", "mscale", "mscale_all_dim"]
        {
            let mut without = own.clone();
            if without.remove(key).is_some() {
                tried.push(without);
            }
        }
        let factor = round_numbers(self.magnitude, self.slack / self.magnitude.max(1e-9));
        if declared.get("rope_type") == Some(&Json::from("yarn")) {
            tried.extend(factor.iter().map(|&a| with(&own, &[("attention_factor", json(a))])));
        }
        for (base, plain) in bases.iter().zip(&plain) {
            tried.extend(self.scaled(*base, plain, declared, pairs));
        }
        let others = bases.iter().filter(|b| !is_round(**b));
        tried.extend(others.map(|&b| with(&own, &[("rope_theta", json(b))])));
        tried.extend(odd);
        let found = tried.into_iter().find(|config| self.fits(config))?;
        RopeConfig::new(&found).ok().map(|config| config.normalised().clone())
    }

    /// Configs with a scaling rule over a base.
    fn scaled(&self, base: f64, plain: &Object, declared: &Object, pairs: usize) -> Vec<Object> {
        let omega = |i: usize| libm::pow(base, -(i as f64) / pairs as f64);
        let ratios: Vec<f64> =
            self.turning.iter().enumerate().map(|(i, t)| omega(i) / t.theta).collect();
        let last = ratios.len() - 1;
        let with = |rule: &str, pairs: &[(&str, f64)]| {
            let mut config = plain.clone();
            config.set("rope_type", Json::from(rule));
            pairs.iter().for_each(|(key, x)| config.set(key, json(*x)));
            config
        };
        let number = |key: &str| declared.get(key).and_then(Json::number);
        let mut list = Vec::new();
        // A factor of one is no scaling.
        let factors = |place: usize| {
            let mut list = round_numbers(ratios[place], self.relative(place));
            list.retain(|s| (s - 1.0).abs() > self.relative(place));
            list
        };
        let first = factors(0);
        list.extend(first.iter().map(|&s| with("linear", &[("factor", s)])));
        // The last pair of an NTK base is divided by exactly the factor.
        if self.turning.len() == pairs && pairs > 1 {
            list.extend(factors(last).iter().map(|&s| with("ntk", &[("factor", s)])));
        }
        if self.turning.len() < pairs {
            let width = self.turning.len() as f64 / pairs as f64;
            let mut config = with("proportional", &[("partial_rotary_factor", width)]);
            config.remove("rotary_dim");
            config.remove("rotary_offset");
            list.push(config.clone());
            list.extend(first.iter().map(|&s| {
                let mut config = config.clone();
                config.set("factor", json(s));
                config
            }));
        }
        // Between kept and divided frequencies something is blended.
        let factor = ratios[last];
        if factor.is_nan() || factor <= 1.01 {
            return list;
        }
        let blended: Vec<(usize, f64)> = (0..ratios.len())
            .map(|i| (i, (1.0 / ratios[i] - 1.0 / factor) / (1.0 - 1.0 / factor)))
            .filter(|(_, share)| (0.002..0.998).contains(share))
            .collect();
        let mut factors = round_numbers(factor, self.relative(last));
        factors.extend(number("factor"));
        let lengths = |own: Option<f64>| {
            let mut list: Vec<f64> =
                number("original_max_position_embeddings").into_iter().collect();
            list.extend(own.into_iter().flat_map(|l| round_numbers(l, 0.02)));
            list.extend([8192.0, 4096.0, 2048.0, 16384.0, 32768.0, 65536.0, 131072.0]);
            list
        };
        // share = (L₀·ω/2π − low)/(high − low): a line over the frequencies.
        let line = line(blended.iter().map(|&(i, share)| (omega(i), share)));
        let mut bands: Vec<(f64, f64, Option<f64>)> = Vec::new();
        for low in number("low_freq_factor").into_iter().chain([1.0]) {
            if let Some((slope, start)) = line.filter(|(slope, start)| *slope > 0.0 && *start < 0.0)
            {
                for high in round_numbers(low - low / start, 0.02) {
                    bands.push((low, high, Some(std::f64::consts::TAU * slope * (high - low))));
                }
            }
            for high in number("high_freq_factor").into_iter().chain([4.0]) {
                let own = blended.first().map(|&(i, share)| {
                    std::f64::consts::TAU * (share * (high - low) + low) / omega(i)
                });
                bands.push((low, high, own));
            }
        }
        for &s in &factors {
            for &(low, high, own) in &bands {
                for length in lengths(own) {
                    let original = ("original_max_position_embeddings", length);
                    list.push(with(
                        "llama3",
                        &[
                            ("factor", s),
                            ("low_freq_factor", low),
                            ("high_freq_factor", high),
                            original,
                        ],
                    ));
                    if high > 8.0 {
                        list.push(with(
                            "ntk_by_parts",
                            &[("factor", s), original, ("beta_fast", high), ("beta_slow", low)],
                        ));
                    }
                }
            }
            let betas = number("beta_fast").zip(number("beta_slow"));
            for (fast, slow) in betas.into_iter().chain([(32.0, 1.0)]) {
                for length in lengths(None) {
                    let base = with(
                        "yarn",
                        &[
                            ("factor", s),
                            ("original_max_position_embeddings", length),
                            ("beta_fast", fast),
                            ("beta_slow", slow),
                        ],
                    );
                    for truncate in [true, false] {
                        let mut config = base.clone();
                        config.set("truncate", Json::Bool(truncate));
                        list.push(config.clone());
                        let slack = self.slack / self.magnitude.max(1e-9);
                        for a in round_numbers(self.magnitude, slack) {
                            config.set("attention_factor", json(a));
                            list.push(config.clone());
                        }
                    }
                }
            }
        }
        list
    }
}

/// The line of least squares.
fn line(points: impl Iterator<Item = (f64, f64)> + Clone) -> Option<(f64, f64)> {
    let n = points.clone().count() as f64;
    if n < 2.0 {
        return None;
    }
    let (sx, sy) = points.clone().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (mx, my) = (sx / n, sy / n);
    let (mut xx, mut xy) = (0.0, 0.0);
    for (x, y) in points {
        xx += (x - mx) * (x - mx);
        xy += (x - mx) * (y - my);
    }
    (xx > 0.0).then(|| (xy / xx, my - xy / xx * mx))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a config would measure as.
    fn measured(text: &str) -> (Measured, Object) {
        let config: Object = serde_json::from_str(text).unwrap();
        let read = RopeConfig::new(&config).unwrap();
        let rope = read.rope(None).unwrap();
        let planes = || rope.planes.iter();
        let turning = planes()
            .map(|p| p.frequency.evaluate(&Double).unwrap())
            .filter(|theta| *theta != 0.0)
            .map(|theta| Turning { theta, error: theta * 1e-7, bends_at: None })
            .collect();
        let measured = Measured {
            pairs: rope.pairs(),
            axes: planes().map(|p| p.axis).collect(),
            turning,
            magnitude: rope.magnitude.evaluate(&Double).unwrap(),
            slack: 1e-6,
            seq_len: None,
            located: true,
        };
        let plain = r#"{"head_dim":128,"layout":"half","rope_theta":10000}"#;
        (measured, serde_json::from_str(plain).unwrap())
    }

    fn told(text: &str) -> Object {
        let (measured, declared) = measured(text);
        let shape = r#"{"head_dim":128,"layout":"half","rotary_dim":128,"rotary_offset":0}"#;
        measured.config(&declared, &serde_json::from_str(shape).unwrap()).unwrap()
    }

    #[test]
    fn rules_and_their_parameters_are_recovered() {
        for rule in [
            r#""rope_theta":500000,"rope_type":"default""#,
            r#""rope_theta":10000,"rope_type":"linear","factor":8"#,
            r#""rope_theta":10000,"rope_type":"ntk","factor":4"#,
            r#""rope_theta":500000,"rope_type":"llama3","factor":8,"low_freq_factor":1,
               "high_freq_factor":4,"original_max_position_embeddings":8192"#,
            r#""rope_theta":1000000,"rope_type":"yarn","factor":4,
               "original_max_position_embeddings":32768"#,
            r#""rope_theta":150000,"rope_type":"yarn","factor":32,"truncate":false,
               "original_max_position_embeddings":4096,"attention_factor":1.25"#,
        ] {
            let text = format!(r#"{{"head_dim":128,"layout":"half",{rule}}}"#);
            let want: Object = serde_json::from_str(&text).unwrap();
            let want = RopeConfig::new(&want).unwrap().normalised().clone();
            let numbers = |config: &Object| -> Vec<(String, String)> {
                let text = |v: &Json| v.number().map_or(v.to_string(), |x| x.to_string());
                config.iter().map(|(key, value)| (key.to_string(), text(value))).collect()
            };
            assert_eq!(numbers(&told(&text)), numbers(&want), "{rule}");
        }
    }

    #[test]
    fn round_numbers_come_first() {
        assert_eq!(round_numbers(499999.9, 1e-5)[0], 500000.0);
        assert_eq!(round_numbers(8191.99, 1e-4)[0], 8192.0);
        assert_eq!(round_numbers(0.5, 1e-6), [0.5]);
    }
}
