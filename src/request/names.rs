//! What somebody meant who typed another name.

/// Least likeness of two names of which one may be a slip for the other.
const ALIKE: f64 = 0.7;

/// What other projects call what has a name of its own here: keys of configs, and words in them.
const ELSEWHERE: [(&str, &str); 24] = [
    ("base", "rope_theta"),
    ("theta", "rope_theta"),
    ("rope_base", "rope_theta"),
    ("freq_base", "rope_theta"),
    ("rotary_emb_base", "rope_theta"),
    ("rotary_base", "rope_theta"),
    ("rotary_pct", "partial_rotary_factor"),
    ("rope_pct", "partial_rotary_factor"),
    ("rotary_emb_fraction", "partial_rotary_factor"),
    ("n_rot", "rotary_dim"),
    ("rope_dim", "rotary_dim"),
    ("rotary_emb_dim", "rotary_dim"),
    ("qk_rope_head_dim", "rotary_dim"),
    ("scaling_factor", "factor"),
    ("rope_scaling_factor", "factor"),
    ("max_seq_len", "max_position_embeddings"),
    ("original_max_position", "original_max_position_embeddings"),
    ("old_context_len", "original_max_position_embeddings"),
    ("type", "rope_type"),
    ("style", "layout"),
    ("mrope_sections", "mrope_section"),
    ("su", "longrope"),
    ("linear_scaling", "linear"),
    ("ntk-aware", "ntk"),
];

/// The names that come nearest to what was typed, the nearest first; none if none is near. Case,
/// hyphens and underscores make no difference.
///
/// ```
/// use ropewalk::request::nearest;
/// let names = ["llama-3.1-8b", "llama-3.1-70b", "mistral-7b"];
/// assert_eq!(nearest("Llama-3.1-8B", names), ["llama-3.1-8b", "llama-3.1-70b"]);
/// assert!(nearest("whisper", names).is_empty());
/// ```
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let plain = |name: &str| name.to_lowercase().replace('_', "-");
    let typed = plain(typed);
    let alike = |name: &str| strsim::normalized_damerau_levenshtein(&typed, &plain(name));
    let mut near: Vec<(f64, &str)> = names.into_iter().map(|name| (alike(name), name)).collect();
    // The beginning of a name, or a name with something behind it, is no slip but as good a hint.
    let squeezed = |name: &str| plain(name).replace(['-', '.', ' '], "");
    let begins = |name: &str| {
        let (name, typed) = (squeezed(name), squeezed(&typed));
        let (short, long) =
            if name.len() < typed.len() { (&name, &typed) } else { (&typed, &name) };
        short.len() >= 3 && long.starts_with(short.as_str())
    };
    near.retain(|(likeness, name)| *likeness >= ALIKE || begins(name));
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().map(|(_, name)| name).collect()
}

/// What is asked behind an error about a name: the end of a sentence, or nothing.
///
/// ```
/// use ropewalk::request::did_you_mean;
/// assert_eq!(did_you_mean("rope_thet", ["rope_theta"]), "; did you mean rope_theta?");
/// assert_eq!(did_you_mean("base", ["rope_theta"]), "; what is called base elsewhere is rope_theta here");
/// assert_eq!(did_you_mean("colour", ["rope_theta"]), "");
/// ```
pub fn did_you_mean<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let elsewhere = ELSEWHERE.iter().find(|(other, own)| *other == typed && names.contains(own));
    match (elsewhere, nearest(typed, names.iter().copied()).first()) {
        (Some((_, own)), _) => format!("; what is called {typed} elsewhere is {own} here"),
        (None, Some(name)) => format!("; did you mean {name}?"),
        (None, None) => String::new(),
    }
}
