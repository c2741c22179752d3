//! The question about attention: what is scored, what is masked, what is summed.

use super::rotary::{rows, with_axes};
use super::shape::{expect_output, floating, shape_error};
use super::tensors::{Floats, Heads};
use crate::encoding::alibi::Alibi;
use crate::encoding::config::{RopeConfig, is_known_key};
use crate::encoding::key::{Checked, invalid};
use crate::encoding::model::flatten_additive;
use crate::encoding::rope::Rope;
use crate::encoding::spectrum::Scheme;
use crate::encoding::t5::Buckets;
use crate::encoding::tables::ATTENTION_KEYS;
use crate::request::{Input, Json, Object, Operation, Position, Positions, Reject, Request, Slug};

/// `attention`: softmax of masked, biased scores, times the values.
///
/// In this order: s = scale · ⟨q, k⟩ of the rotated vectors, times the rope's `softmax_factor`; the
/// soft cap; the biases of ALiBi and T5; the mask; softmax over the keys that are left and the sink;
/// Σ wⱼ vⱼ. A rope's `attention_factor` is part of the rotation, as in `rotate` and `score`: it
/// multiplies what is rotated, and so the score twice.
#[derive(Clone, Debug)]
pub struct Attention {
    /// The normalised config, with those of rope, ALiBi and T5 inside.
    pub config: Object,
    /// What multiplies ⟨q, k⟩; none for 1/√D.
    pub scale: Option<f64>,
    /// Whether keys after the query are masked.
    pub causal: bool,
    /// [left, right]: how far before and after the query a key may be; none for no limit.
    pub window: [Option<i64>; 2],
    /// c of c·tanh(s/c).
    pub softcap: Option<f64>,
    /// What is done to queries; [`Rope::for_keys`] is done to keys.
    pub rope: Option<Rope>,
    /// The total length, for ropes that depend on it.
    pub seq_len: Option<i64>,
    /// Slopes and form of a bias.
    pub alibi: Option<Alibi>,
    /// Buckets of a learned bias, and its table [num_buckets, heads].
    pub t5: Option<(Buckets, Floats)>,
    /// [batch, query heads, queries, D].
    pub q: Heads,
    /// [batch, key heads, keys, D]; query head h reads key head ⌊h · H_k / H_q⌋.
    pub k: Heads,
    /// [batch, key heads, keys, Dv].
    pub v: Heads,
    /// `[axis][batch][queries]`; masks and biases go by the first axis.
    pub query_positions: Positions,
    /// `[axis][batch][keys]`.
    pub key_positions: Positions,
    /// What `causal` goes by instead, `[batch][queries]` and `[batch][keys]`. No request says so: a
    /// kernel with a fault does.
    pub masks_by: Option<[Vec<Position>; 2]>,
    /// What the window goes by instead, likewise.
    pub windows_by: Option<[Vec<Position>; 2]>,
    /// What biases go by instead, likewise.
    pub biases_by: Option<[Vec<Position>; 2]>,
    /// How many keys of a row of the batch exist, the first ones; all if not given.
    pub key_lengths: Option<Vec<usize>>,
    /// One more logit of each head, without a value.
    pub sinks: Option<Floats>,
    /// Whether the logarithm of the sum of exponentials is asked for.
    pub lse: bool,
}

const INPUTS: [&str; 10] = [
    "q",
    "k",
    "v",
    "query_positions",
    "key_positions",
    "key_lengths",
    "sinks",
    "table",
    "seq_len",
    "lse",
];

/// The config under a key, if it is given. A rejection of what is inside names the key.
fn inner<T>(
    config: &Object,
    key: &str,
    read: impl FnOnce(&Object) -> Result<T, Reject>,
) -> Result<Option<T>, Reject> {
    let Some(Json::Object(inner)) = config.get(key) else { return Ok(None) };
    let named = |reject: Reject| reject.slug.because(format!("{key}: {}", reject.text));
    read(inner).map(Some).map_err(named)
}

fn key_lengths(input: &Input, batch: usize, keys: usize) -> Result<Option<Vec<usize>>, Reject> {
    const NAME: &str = "key_lengths";
    let rule = format!("an integer from 0 to {keys}, the number of keys");
    let Some(json) = input.get(NAME) else { return Ok(None) };
    let Json::Array(items) = json else {
        return Err(invalid(NAME, json, format!("a list, each {rule}")));
    };
    if items.len() != batch {
        return Err(Slug::ShapeMismatch.because(format!(
            "{NAME} has {} entries, one for each of {batch} rows of the batch is needed",
            items.len()
        )));
    }
    let length = |(place, item): (usize, &Json)| match item {
        Json::Integer(n) if (0..=keys as i128).contains(n) => Ok(*n as usize),
        other => Err(invalid(&format!("{NAME}[{place}]"), other, &rule)),
    };
    items.iter().enumerate().map(length).collect::<Result<_, _>>().map(Some)
}

fn window(checked: &Checked) -> [Option<i64>; 2] {
    let Some(Json::Array(sides)) = checked.object().get("window") else { return [None; 2] };
    [0, 1].map(|side| match sides.get(side) {
        Some(Json::Integer(n)) => i64::try_from(*n).ok(),
        _ => None,
    })
}

impl Attention {
    pub(super) fn new(request: &Request, schemes: &[&dyn Scheme]) -> Result<Attention, Reject> {
        let input = &request.input;
        let mut checked = Checked::new(&request.config, ATTENTION_KEYS, is_known_key, "attention")?;
        let rope = inner(&request.config, "rope", |c| RopeConfig::with_schemes(c, schemes))?;
        let alibi = inner(&request.config, "alibi", |c| {
            Alibi::new(&flatten_additive(c, Operation::AlibiBias)?, true)
        })?;
        let buckets = inner(&request.config, "t5", |c| {
            Buckets::new(&flatten_additive(c, Operation::T5Bias)?)
        })?;
        let normalised = [
            ("rope", rope.as_ref().map(RopeConfig::normalised)),
            ("alibi", alibi.as_ref().map(|alibi| &alibi.config)),
            ("t5", buckets.as_ref().map(|buckets| &buckets.config)),
        ];
        for (key, config) in normalised {
            if let Some(config) = config {
                checked.set(key, Json::Object(config.clone()));
            }
        }
        input.expect_names("attention", &INPUTS)?;
        let seq_len = input.seq_len()?;
        let lse = input.flag("lse")?;

        let q = floating("q", input.tensor("q")?)?;
        let dim = match (q.shape(), &rope) {
            (&[.., dim], None) if dim > 0 => dim,
            (_, Some(rope)) => rope.head_dim(),
            (shape, None) => return Err(shape_error("q", shape, "[batch, heads, seq, D ≥ 1]")),
        };
        let q = rows("q", q.tensor().clone(), dim)?;
        let k = rows("k", input.tensor("k")?, dim)?;
        let (batch, heads, queries, keys) = (q.batch(), q.heads(), q.seq(), k.seq());
        if k.batch() != batch {
            return Err(shape_error("k", k.shape(), format!("batch {batch} of q")));
        }
        if k.heads() == 0 && heads > 0 || heads % k.heads().max(1) != 0 {
            let rule = format!("a number of heads that divides {heads}, the query heads,");
            return Err(shape_error("k", k.shape(), rule));
        }
        let v = floating("v", input.tensor("v")?)?;
        let shape = v.shape().to_vec();
        let like_k = |v: &Heads| (v.batch(), v.heads(), v.seq()) == (batch, k.heads(), keys);
        let v = Heads::from_floats(v).filter(like_k).ok_or_else(|| {
            let rule = format!("[{batch}, {}, {keys}, Dv], like k,", k.heads());
            shape_error("v", &shape, rule)
        })?;

        let rotated = rope.as_ref().map(|rope| rope.rope(seq_len)).transpose()?;
        if let (None, Some(length)) = (&rope, seq_len) {
            return Err(Slug::UnusedInput
                .because(format!("seq_len (value {length}) has no meaning without rope")));
        }
        let integers = rope.as_ref().is_none_or(|rope| !rope.rational_positions())
            || alibi.is_some()
            || buckets.is_some();
        let positions = |name: &str, count: usize| {
            let given = input.positions(name)?;
            if integers {
                given.expect_integers(name)?;
            }
            match &rope {
                Some(rope) => with_axes(name, given, rope, &[batch, count]),
                None => {
                    given.expect_shape(name, &[batch, count])?;
                    Positions::new(vec![1, batch, count], given.data().to_vec())
                        .ok_or_else(|| shape_error(name, given.shape(), "[batch, seq]"))
                }
            }
        };
        let query_positions = positions("query_positions", queries)?;
        let key_positions = positions("key_positions", keys)?;
        let key_lengths = key_lengths(input, batch, keys)?;
        let per_head = |floats: Floats, rule: String| match floats.shape() {
            [n] if *n == heads => Ok(floats),
            shape => Err(shape_error("sinks", shape, rule)),
        };
        let sinks = match input.optional_tensor("sinks")? {
            Some(sinks) => Some(per_head(floating("sinks", sinks)?, format!("[heads = {heads}]"))?),
            None => None,
        };
        if let Some(alibi) = alibi.as_ref().filter(|alibi| alibi.num_heads != heads) {
            let rule = format!("as many heads as alibi's num_heads, {},", alibi.num_heads);
            return Err(shape_error("q", q.shape(), rule));
        }
        let t5 = match buckets {
            Some(buckets) => {
                let table = floating("table", input.tensor("table")?)?;
                if table.shape() != [buckets.num_buckets, heads] {
                    let rule = format!("[num_buckets = {}, heads = {heads}]", buckets.num_buckets);
                    return Err(shape_error("table", table.shape(), rule));
                }
                Some((buckets, table))
            }
            None if input.has("table") => {
                return Err(Slug::UnusedInput
                    .because("input \"table\" has no meaning without t5, whose bias it holds"));
            }
            None => None,
        };
        // What is answered, and what has to be looked at for it.
        expect_output(&[batch, heads, queries, v.dim()])?;
        expect_output(&[batch, heads, queries, keys])?;
        Ok(Attention {
            scale: checked.number("scale"),
            causal: checked.flag("causal"),
            window: window(&checked),
            softcap: checked.number("softcap"),
            config: checked.object().clone(),
            rope: rotated,
            seq_len,
            alibi,
            t5,
            q,
            k,
            v,
            query_positions,
            key_positions,
            masks_by: None,
            windows_by: None,
            biases_by: None,
            key_lengths,
            sinks,
            lse,
        })
    }

    /// How many keys of a row of the batch exist.
    pub fn keys(&self, batch: usize) -> usize {
        let length = self.key_lengths.as_ref().and_then(|lengths| lengths.get(batch));
        length.copied().unwrap_or(self.k.seq()).min(self.k.seq())
    }

    /// The key head that a query head reads.
    pub fn key_head(&self, head: usize) -> usize {
        head * self.k.heads() / self.q.heads().max(1)
    }

    /// The position of a query on the first axis, by which masks and biases go.
    pub fn query_position(&self, batch: usize, query: usize) -> Position {
        self.query_positions.data()[batch * self.q.seq() + query]
    }

    /// The position of a key on the first axis, by which masks and biases go.
    pub fn key_position(&self, batch: usize, key: usize) -> Position {
        self.key_positions.data()[batch * self.k.seq() + key]
    }

    /// A query and a key as biases see them.
    pub fn biased_at(&self, batch: usize, query: usize, key: usize) -> [Position; 2] {
        self.places(&self.biases_by, batch, query, key)
    }

    fn places(
        &self,
        others: &Option<[Vec<Position>; 2]>,
        batch: usize,
        query: usize,
        key: usize,
    ) -> [Position; 2] {
        match others {
            None => [self.query_position(batch, query), self.key_position(batch, key)],
            Some([queries, keys]) => {
                [queries[batch * self.q.seq() + query], keys[batch * self.k.seq() + key]]
            }
        }
    }

    /// Whether a key is left for a query: it exists, and neither `causal` nor `window` masks it.
    pub fn sees(&self, batch: usize, query: usize, key: usize) -> bool {
        let causal = || {
            let [at, of] = self.places(&self.masks_by, batch, query, key);
            of <= at
        };
        let [at, of] = self.places(&self.windows_by, batch, query, key);
        // Within ±2⁶³ with denominators up to 2⁶²; a window is at most 2⁶² wide.
        let within = |side: Option<i64>, from: Position, to: Position| match side {
            None => true,
            // to − from ≤ side. Integers are the common case and cannot overflow.
            Some(side) if from.denominator == 1 && to.denominator == 1 => {
                to.numerator as i128 - from.numerator as i128 <= i128::from(side)
            }
            Some(side) => within_fraction(from, to, side),
        };
        let [left, right] = self.window;
        key < self.keys(batch)
            && (!self.causal || causal())
            && within(left, of, at)
            && within(right, at, of)
    }

    /// The keys that are left for a query.
    pub fn left(&self, batch: usize, query: usize) -> Vec<usize> {
        (0..self.keys(batch)).filter(|&key| self.sees(batch, query, key)).collect()
    }

    /// The largest position of the keys that exist in a row of the batch, 0 if there is none: what
    /// ALiBi's form `mpt` counts back from.
    pub fn last(&self, batch: usize) -> Position {
        let position = |key: usize| match &self.biases_by {
            None => self.key_position(batch, key),
            Some([_, keys]) => keys[batch * self.k.seq() + key],
        };
        (0..self.keys(batch)).map(position).max().unwrap_or(Position::integer(0))
    }

    /// The entry of T5's table [num_buckets, heads] that is added.
    pub fn bias_entry(
        &self,
        buckets: &Buckets,
        batch: usize,
        head: usize,
        at: [usize; 2],
    ) -> usize {
        let [query, key] = at;
        let [query, key] = self.biased_at(batch, query, key);
        buckets.bucket(query, key) * self.q.heads() + head
    }
}

/// to − from ≤ side, for fractions.
fn within_fraction(from: Position, to: Position, side: i64) -> bool {
    let fraction =
        |p: Position| crate::encoding::Fraction::new(p.numerator as i128, p.denominator as i128);
    let side = crate::encoding::Fraction::new(i128::from(side), 1);
    let difference = fraction(to).zip(fraction(from)).and_then(|(a, b)| a.checked_add(-b));
    let order = difference.zip(side).and_then(|(difference, side)| difference.compare(side));
    // Only side · denominator outgrows machine integers, and it is far beyond the difference then.
    order.is_none_or(|order| order.is_le())
}
