//! Fresh questions about fused kernels: stages, what they share, and where rows are stored.

use super::additive::{REACH, dtype, factor};
use super::kind::{Draft, Kind, Words};
use super::positions::Places;
use crate::generate::plan::{Input, parsed};
use crate::generate::values::{Random, bits, flat, mixed, values};
use crate::number::{Dtype, Format};
use crate::request::{Json, Operation};

/// Rows of a block of a cache.
const BLOCK: usize = 4;

pub(super) fn kind() -> Kind {
    let factors = vec![
        factor("format", &[("bf16", &["bf16"]), ("f32", &["f32"]), ("f16", &["f16"])]),
        factor("layout", &[("half", &["half"]), ("interleaved", &["interleaved"])]),
        factor(
            "norm",
            &[
                ("none", &["none"]),
                ("rms of a head", &["rms_head"]),
                ("rms of all heads", &["rms_heads"]),
                ("layer of a head", &["layer_head"]),
                ("layer of all heads", &["layer_heads"]),
            ],
        ),
        factor(
            "weight",
            &[("plain", &["plain"]), ("one plus", &["one_plus"]), ("none", &["none"])],
        ),
        factor("order", &[("norm first", &["before"]), ("rotation first", &["after"])]),
        factor(
            "scale",
            &[
                ("none", &["none"]),
                ("given", &["given"]),
                ("amax", &["amax"]),
                ("a power of two", &["amax_pow2"]),
            ],
        ),
        factor(
            "stored",
            &[
                ("f8e4m3fn", &["f8e4m3fn"]),
                ("f8e5m2", &["f8e5m2"]),
                ("f8e4m3fnuz", &["f8e4m3fnuz"]),
                ("f8e5m2fnuz", &["f8e5m2fnuz"]),
            ],
        ),
        factor(
            "per",
            &[
                ("tensor", &["tensor"]),
                ("head", &["head"]),
                ("token", &["token"]),
                ("group", &["group"]),
            ],
        ),
        factor("overflow", &[("saturate", &["saturate"]), ("ieee", &["ieee"])]),
        factor("cache", &[("none", &["none"]), ("NHD", &["NHD"]), ("HND", &["HND"])]),
        factor(
            "heads",
            &[
                ("1", &["1x1"]),
                ("grouped", &["4x2", "6x2", "8x1"]),
                ("equal", &["4x4", "3x3"]),
                ("many grouped", &["32x8", "40x8"]),
            ],
        ),
        factor(
            "width",
            &[
                ("small", &["8", "12"]),
                ("64", &["64"]),
                ("80 or 96", &["80", "96"]),
                ("128", &["128"]),
                ("256", &["256"]),
            ],
        ),
        factor("slice", &[("whole", &["whole"]), ("half", &["part"])]),
        factor("tokens", &[("1", &["1"]), ("few", &["3", "5"]), ("17 to 65", &["17", "33", "65"])]),
        factor("rows", &[("1", &["1"]), ("several", &["2", "3"])]),
        factor("reach", REACH),
        // Rows as quiet as √eps show what is added to the mean square, and where.
        factor("size", &[("ordinary", &["1"]), ("quiet", &["1024", "512"])]),
    ];
    Kind {
        operation: Operation::Chain,
        factors,
        main: &["norm", "order", "weight"],
        cost: |words| {
            let [q, k] = heads(words);
            let rows = words.size("rows").max(1) * words.size("tokens").max(1);
            (4 * (q + 2 * k) * rows * words.size("width").max(4)) as u64
        },
        build,
    }
}

/// Heads of queries and of keys; one each where the word is open.
fn heads(words: &Words) -> [usize; 2] {
    let (q, k) = words.get("heads").split_once('x').unwrap_or(("1", "1"));
    [q, k].map(|word| word.parse().unwrap_or(1))
}

fn build(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let dtype = dtype(words)?;
    let chain = Drawn {
        words,
        dtype,
        heads: heads(words),
        width: words.size("width"),
        tokens: words.size("tokens"),
        rows: words.size("rows"),
    };
    let mut flags = vec!["fused-heads", "fused-order"];
    let mut input = chain.tensors(random)?;
    if words.get("norm") != "none" {
        input = chain.norms(input, random);
        flags.extend(["fused-norm", "fused-eps"]);
    }
    if words.get("scale") != "none" {
        flags.extend(["fused-format", "fused-overflow"]);
        flags.push(if words.get("scale") == "given" { "fused-scale" } else { "fused-amax" });
    }
    if words.get("scale") == "given" {
        input = chain.scales(input, random);
    }
    if words.get("cache") != "none" {
        input = chain.cache(input, random)?;
        flags.extend(["fused-store", "fused-padding"]);
    }
    let config = parsed(&format!(r#"{{"stages":[{}]}}"#, chain.stages().join(",")));
    Ok(Draft { dtype, config, input: input.0, flags })
}

/// What the words of a question say.
struct Drawn<'a> {
    words: &'a Words<'a>,
    dtype: Dtype,
    heads: [usize; 2],
    width: usize,
    tokens: usize,
    rows: usize,
}

impl Drawn<'_> {
    fn parts(&self) -> Vec<(&'static str, usize)> {
        let [q, k] = self.heads;
        let stored = self.words.get("cache") != "none";
        [("q", q), ("k", k)].into_iter().chain(stored.then_some(("v", k))).collect()
    }

    /// Coordinates that share a scale per group.
    fn group(&self) -> usize {
        self.width / 4
    }

    fn stages(&self) -> Vec<String> {
        let word = |name: &str| self.words.get(name);
        let slice = match word("slice") {
            "part" => format!(r#","rotary_dim":{}"#, self.width / 2),
            _ => String::new(),
        };
        let mut list = vec![format!(
            r#"{{"rotate":{{"head_dim":{},"layout":"{}","rope_theta":10000{slice}}}}}"#,
            self.width,
            word("layout")
        )];
        if let Some((kind, over)) = word("norm").split_once('_') {
            let at = usize::from(word("order") == "after");
            let weight = word("weight");
            list.insert(
                at,
                format!(
                    r#"{{"norm":{{"kind":"{kind}","eps":1e-6,"weight":"{weight}","over":"{over}"}}}}"#
                ),
            );
        }
        if word("scale") != "none" {
            let size = match word("per") {
                "group" => format!(r#","group_size":{}"#, self.group()),
                _ => String::new(),
            };
            list.push(format!(
                r#"{{"quantize":{{"format":"{}","scale":"{}","per":"{}","overflow":"{}"{size}}}}}"#,
                word("stored"),
                word("scale"),
                word("per"),
                word("overflow")
            ));
        }
        if word("cache") != "none" {
            list.push(format!(
                r#"{{"store":{{"block_size":{BLOCK},"layout":"{}"}}}}"#,
                word("cache")
            ));
        }
        list
    }

    /// Numbers of q and k divided by a power of two.
    fn quietened(&self, name: &str, drawn: Json) -> Result<Json, String> {
        let size = self.words.size("size").max(1);
        if size == 1 || name == "v" {
            return Ok(drawn);
        }
        let input = Input::new().with(name, drawn).0;
        let tensor = crate::request::Input::new(input).tensor(name).map_err(|r| r.to_string())?;
        let format = self.dtype.format().ok_or("no format")?;
        let numbers = tensor.data().iter().map(|&bits| format.to_f64(bits) / size as f64);
        Ok(values(self.dtype, tensor.shape(), &numbers.collect::<Vec<_>>()))
    }

    /// q, k, v and the positions of their tokens.
    fn tensors(&self, random: &mut Random) -> Result<Input, String> {
        let mut input = Input::new();
        for (name, heads) in self.parts() {
            let shape = [self.rows, heads, self.tokens, self.width];
            let drawn = mixed(self.dtype, &shape, &format!("{name} {}", random.bits()));
            input = input.with(name, self.quietened(name, drawn)?);
        }
        let places = Places {
            reach: self.words.get("reach"),
            rows: self.rows,
            alike: false,
            tokens: self.tokens,
        };
        let lists = places.rows(random);
        let rows: Vec<&[i64]> = lists.iter().map(Vec::as_slice).collect();
        Ok(input.positions(&rows))
    }

    fn norms(&self, mut input: Input, random: &mut Random) -> Input {
        let over_heads = self.words.get("norm").ends_with("heads");
        for (name, heads) in self.parts().into_iter().take(2) {
            let shape = if over_heads { vec![heads, self.width] } else { vec![self.width] };
            let mut own =
                |what: &str| mixed(self.dtype, &shape, &format!("{name} {what} {}", random.bits()));
            if self.words.get("weight") != "none" {
                input = input.with(&format!("{name}_weight"), own("weight"));
            }
            if self.words.get("norm").starts_with("layer") {
                input = input.with(&format!("{name}_bias"), own("bias"));
            }
        }
        input
    }

    fn scales(&self, mut input: Input, random: &mut Random) -> Input {
        for (name, heads) in self.parts() {
            let shape = match self.words.get("per") {
                "tensor" => vec![],
                "head" => vec![heads],
                "token" => vec![self.rows, heads, self.tokens],
                _ => vec![self.rows, heads, self.tokens, self.width / self.group()],
            };
            let count: usize = shape.iter().product();
            // From 2^−8 to 2, so that some values overflow and some vanish.
            let mut one = || {
                let (mantissa, exponent) = (random.bits() % 256, random.bits() % 8);
                (256 + mantissa) as f64 / 256.0 / (1u64 << (exponent + 1)) as f64
            };
            let scales: Vec<f64> = (0..count).map(|_| one()).collect();
            input = input.with(&format!("{name}_scale"), values(Dtype::F32, &shape, &scales));
        }
        input
    }

    fn cache(&self, mut input: Input, random: &mut Random) -> Result<Input, String> {
        let stored = match self.words.get("scale") {
            "none" => self.dtype,
            _ => Dtype::from_name(self.words.get("stored")).ok_or("no format is stored")?,
        };
        let tokens = self.rows * self.tokens;
        let blocks = tokens.div_ceil(BLOCK) + 2;
        let heads = self.heads[1];
        let shape = match self.words.get("cache") {
            "NHD" => [blocks, BLOCK, heads, self.width],
            _ => [blocks, heads, BLOCK, self.width],
        };
        let format = stored.format().unwrap_or(Format::BF16);
        for name in ["key_cache", "value_cache"] {
            let first = random.bits() % 64;
            let count = shape.iter().product::<usize>() as u64;
            let old = (0..count).map(|i| (first + i * 5) % format.quiet_nan()).collect();
            input = input.with(name, bits(stored, &shape, old));
        }
        // Every row of the cache once, in an order of its own; every fifth token is padding.
        let mut free: Vec<i64> = (0..(blocks * BLOCK) as i64).collect();
        let mut slots = Vec::new();
        for token in 0..tokens {
            let at = (random.bits() % free.len() as u64) as usize;
            let slot = free.swap_remove(at);
            slots.push(if token % 5 == 4 || tokens == 2 && token == 1 { -1 } else { slot });
        }
        Ok(input.with("slots", flat(&slots)))
    }
}
