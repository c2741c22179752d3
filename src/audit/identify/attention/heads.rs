//! Which key head a query head reads, by keys and values that differ from head to head.

use super::asked::{Rows, Weights};
use super::reading::Reading;

pub(super) fn read(weights: &mut Weights) -> Result<Vec<Reading>, String> {
    let (dim, groups) = (weights.dim, weights.key_heads);
    if groups < 2 || groups > dim {
        return Err("there is one key head".into());
    }
    let one_hot = |place: usize| {
        let mut vector = vec![0.0; dim];
        vector[place] = 1.0;
        vector
    };
    // Values: each key head's are its own basis vector, so an output names its head.
    let none = |_: usize, _: usize| vec![0.0; dim];
    let own = |head: usize, _: usize| one_hot(head);
    let at = [0, 0];
    let rows = Rows { v: Some(&own), ..Rows::new(&at[..1], &at, &none, &none) };
    let out = weights.ask(rows)?;
    let largest =
        |row: &Vec<f64>| (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap_or(0);
    let values: Vec<usize> = out.iter().map(|head| largest(&head[0])).collect();
    // Keys: each key head has one key that is alike the query, at its own place.
    let size = 4.0 / libm::sqrt(weights.factor().abs().max(1e-6));
    let size = libm::exp2(libm::round(libm::log2(size)));
    let query = |_: usize, _: usize| one_hot(0).iter().map(|x| size * x).collect::<Vec<f64>>();
    let key = |head: usize, key: usize| {
        let own = if head == key { size } else { 0.0 };
        one_hot(0).iter().map(|x| own * x).collect::<Vec<f64>>()
    };
    let places = vec![0; groups];
    let rows = Rows::new(&places[..1], &places, &query, &key);
    let out = weights.ask(rows)?;
    let keys: Vec<usize> = out.iter().map(|head| largest(&head[0])).collect();
    let right: Vec<usize> =
        (0..weights.heads).map(|head| weights.attention.key_head(head)).collect();
    let words = |list: &[usize]| {
        let shown: Vec<String> = list.iter().take(16).map(usize::to_string).collect();
        shown.join(" ")
    };
    let name =
        |list: &[usize]| match list.iter().enumerate().all(|(head, own)| *own == head % groups) {
            true if list != right => ": tiled instead of repeated",
            _ => "",
        };
    let reading = |what: &str, list: &[usize]| Reading {
        what: what.into(),
        declared: words(&right),
        computed: format!("{}{}", words(list), name(list)),
        differs: list != right,
    };
    Ok(vec![reading("key heads of the scores", &keys), reading("key heads of the values", &values)])
}
