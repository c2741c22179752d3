//! The tables of `docs/config.md`, against the tables of the program.
//!
//! `ROPEWALK_BLESS=1 cargo test config_page` writes them anew.

use ropewalk::encoding::spectrum::SCHEMES;
use ropewalk::encoding::{model, rope_keys};
use std::fmt::Write;

const PAGE: &str = "docs/config.md";

/// Keys that most schemes share have a table of their own.
const SHARED: [&str; 12] = [
    "head_dim",
    "layout",
    "rope_theta",
    "rope_type",
    "partial_rotary_factor",
    "rotary_dim",
    "rotary_offset",
    "max_position_embeddings",
    "mrope_section",
    "mrope_interleaved",
    "pair_axes",
    "clockwise",
];

fn row(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn keys() -> String {
    let mut text = row(&["rope_type", "key", "default", "allowed", "meaning"]);
    text += "|---|---|---|---|---|\n";
    let default = rope_keys(SCHEMES[0]);
    let line = |rope_type: &str, key: &ropewalk::encoding::Key| {
        let (absent, kind) = (key.absent.words(), key.kind.words());
        row(&[rope_type, &format!("`{}`", key.name), &absent, &kind, key.meaning])
    };
    for key in &default {
        text += &line("(most)", key);
    }
    for scheme in SCHEMES {
        let own = rope_keys(*scheme);
        let lacks = SHARED.iter().filter(|name| !own.iter().any(|key| key.name == **name));
        let lacks: Vec<String> = lacks.map(|name| format!("`{name}`")).collect();
        let differs = |key: &&ropewalk::encoding::Key| {
            let shared = default.iter().find(|other| other.name == key.name);
            shared.is_none_or(|other| format!("{other:?}") != format!("{key:?}"))
        };
        let name = format!("`{}`", scheme.rope_type());
        own.iter().filter(differs).for_each(|key| text += &line(&name, key));
        if !lacks.is_empty() {
            text += &row(&[&name, "takes no", "", "", &lacks.join(", ")]);
        }
    }
    text
}

fn schemes() -> String {
    let mut text = row(&["rope_type", "what it is", "needs seq_len"]);
    text += "|---|---|---|\n";
    for scheme in SCHEMES {
        let needs = if scheme.needs_seq_len() { "yes" } else { "" };
        text += &row(&[&format!("`{}`", scheme.rope_type()), scheme.summary(), needs]);
    }
    text
}

fn aliases() -> String {
    let code = |names: &[&str]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let mut text = row(&["keys of a config.json", "what becomes of them"]);
    text += "|---|---|\n";
    for alias in model::ALIASES {
        text += &row(&[&code(alias.names), alias.meaning]);
    }
    let _ = writeln!(text);
    text += &row(&["`rope_type` or `type`", "flat `rope_type`"]);
    text += "|---|---|\n";
    for (theirs, ours) in model::TYPES {
        text += &row(&[&code(&[theirs]), &code(&[ours])]);
    }
    text
}

/// The page with the text between two comments replaced.
fn replaced(page: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: generated -->\n"), "<!-- end -->");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
    let (_, after) = rest.split_once(end).unwrap();
    format!("{before}{begin}{table}{end}{after}")
}

#[test]
fn the_tables_are_those_of_the_program() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let mut fresh = replaced(&page, "schemes", &schemes());
    fresh = replaced(&fresh, "keys", &keys());
    fresh = replaced(&fresh, "aliases", &aliases());
    if std::env::var_os("ROPEWALK_BLESS").is_some() {
        std::fs::write(PAGE, &fresh).unwrap();
    } else {
        assert!(page == fresh, "{PAGE} is behind: run with ROPEWALK_BLESS=1");
    }
}
