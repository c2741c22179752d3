//! The generated part of `docs/faults.md`, and the whole matrix, which is not committed.

use super::matrix::{Cell, Fate, Matrix};
use ropewalk::fault;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Letter, number of classes, and what they are about.
pub const CLASSES: [(&str, usize, &str); 16] = [
    ("A", 8, "layout and pairing"),
    ("B", 4, "sign and direction"),
    ("C", 7, "frequency and base"),
    ("D", 12, "scaling"),
    ("E", 15, "positions"),
    ("F", 10, "precision"),
    ("G", 9, "widths, strides, races"),
    ("H", 7, "several axes"),
    ("I", 4, "backward"),
    ("J", 7, "ALiBi"),
    ("K", 4, "T5 buckets"),
    ("L", 4, "sinusoidal"),
    ("M", 5, "norms of fused kernels"),
    ("N", 7, "casts to eight bits"),
    ("O", 5, "caches of fused kernels"),
    ("P", 12, "attention"),
];

/// Classes that questions and answers cannot show: class, what it is, why, and who can see it.
pub const UNSEEN: [(&str, &str, &str, &str); 10] = [
    (
        "E8",
        "addresses in 32 bits",
        "it begins at 2^31 elements; a request of that size is 17 GB of text",
        "the shared-library door, with strides that reach 2^31 without filling memory",
    ),
    (
        "E11",
        "the cache's offset is the number of kept rows after an eviction",
        "a request carries its positions; a kernel that invents others is `e1-offset-lost`",
        "a test of the cache that owns the positions",
    ),
    (
        "E12",
        "context shifts that are repeated, quantised, or done on a view",
        "no state is kept from one request to the next, and tensors of a request are whole",
        "`inverse` followed by `rotate` in the subject; views by the shared-library door",
    ),
    (
        "E13",
        "a test of the softmax's output, which hides constant errors",
        "it is a fault of a test, not of a kernel; these vectors compare tensors",
        "nobody: compare q, k and scores",
    ),
    (
        "G7",
        "a variant that is chosen by size is broken",
        "it is any other fault, at some sizes only; the vectors stay small",
        "an audit with large tensors: the fault is named, and the sizes at which it shows",
    ),
    (
        "G8",
        "a compiler makes right code wrong",
        "it is any other fault, in the compiled kernel only",
        "two audits, eager and compiled",
    ),
    (
        "I2",
        "rot(g)·sin instead of rot(g·sin)",
        "they are equal unless the two halves of the sin table differ, and `apply` has one entry for each plane",
        "a test with a table of full width",
    ),
    (
        "K1",
        "a bias in cross-attention",
        "a request does not say which attention its bias is for; that there is none for cross-attention is the model's",
        "a test of the model",
    ),
    (
        "K4",
        "the bias is used in the first layer only",
        "a request has no layers",
        "a test of the model",
    ),
    (
        "N7",
        "a cast to eight bits cuts, or rounds ties away from zero",
        "a cut is off by more than its bound and never by twice of it, which is what a mutant must be; both \
         neighbours of a tie are equally near",
        "an audit, which judges by the bound itself: `n7-cut-instead-of-rounded` is a diagnosis; ties away by nobody",
    ),
];

/// Rules that have one golden file.
pub const NEWER: [&str; 2] = ["moonvit", "ltx"];

/// Why faults that are tried under rope_type default are not under other rules: faults, by how
/// their names begin; rules; reason.
pub const NOT_UNDER_EVERY_RULE: [(&[&str], &[&str], &str); 10] = [
    (&[""], &["none"], "nothing turns"),
    (&[""], &NEWER, "newer than the suites: forward and inverse, in `rotate/axes.json`"),
    (
        &["e1-", "e14-", "e15-", "e2-", "e5-", "e7-"],
        &["dinov3", "pixel"],
        "positions are centres of patches: no integers to misread",
    ),
    (
        &["c2-", "d11-", "g1-", "g9-", "i4-copied"],
        &["axial", "dinov3", "pixel", "pixtral", "proportional"],
        "the rule has no slice",
    ),
    (
        &["c2-", "d11-", "g2-", "g3-", "g9-", "i4-copied"],
        &["mrope-yarn"],
        "asked over the whole head; slices are asked under mrope and under yarn",
    ),
    (
        &["d11-"],
        &["longrope", "mrope"],
        "a list has one entry for each pair, so that a wrong width is no config",
    ),
    (&["b4-inverse-base", "c1-", "c3-", "c7-"], &["pixel"], "the rule has no base"),
    (
        &["g1-rotates-past", "g3-tail"],
        &[
            "axial",
            "dinov3",
            "dynamic",
            "linear",
            "llama3",
            "longrope",
            "mrope",
            "mrope-yarn",
            "ntk",
            "ntk_by_parts",
            "ntk_fixed",
            "pixel",
            "pixtral",
            "proportional",
            "xpos",
            "yarn",
        ],
        "how a rule goes on beyond its slice is defined for plain powers only; where few pairs turn, the tail does not",
    ),
    (
        &["e14-wraps"],
        &[
            "axial",
            "dynamic",
            "linear",
            "llama3",
            "longrope",
            "mrope",
            "mrope-yarn",
            "ntk",
            "ntk_by_parts",
            "ntk_fixed",
            "pixtral",
            "proportional",
            "xpos",
            "yarn",
        ],
        "scores at 2^31 are asked under default: in f32 their fast planes judge nothing; and growth is lost there",
    ),
    (
        &["b4-inverse-base", "c7-cached"],
        &[
            "dinov3",
            "llama3",
            "longrope",
            "mrope",
            "mrope-yarn",
            "ntk",
            "ntk_by_parts",
            "pixtral",
            "proportional",
            "xpos",
        ],
        "the rule is asked at base 10000, or is the first of its shape; a base that is ignored altogether is tried",
    ),
];

const BEGIN: &str = "<!-- generated: begin -->\n";
const END: &str = "<!-- generated: end -->\n";

/// What the rows and columns of the whole matrix are.
const LEGEND: &str = "# The kill matrix

Which of the known faults the golden vectors kill. A row is a fault, a column a scaling rule (or an
operation without one). The number counts the layouts and formats in which the vectors kill it, eight at
most for an operation with both layouts, four without. `=`: equal to a right kernel in all of them. `m`:
differs, but by less than precision allows; after a number: in some of them. Empty: the fault does not
apply.

";

/// Compares the page, or writes it, and the whole matrix into `target/tmp/kill-matrix.md`.
pub fn compare(matrix: &Matrix) {
    let path = "docs/faults.md";
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let fresh = format!("{before}{BEGIN}{}{END}{after}", faults(matrix));
    if std::env::var_os("ROPEWALK_BLESS").is_some() {
        std::fs::write(path, &fresh).unwrap();
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
        let whole = format!("{LEGEND}{}", whole_matrix(matrix));
        std::fs::write(folder.join("kill-matrix.md"), whole).unwrap();
    } else {
        assert!(page == fresh, "{path} is out of date: run with ROPEWALK_BLESS=1");
    }
}

/// Number of cells of a kind.
fn count(matrix: &Matrix, fault: &str, kind: fn(&Fate) -> bool) -> usize {
    matrix.iter().filter(|(cell, fate)| cell.fault == fault && kind(fate)).count()
}

fn is_killed(fate: &Fate) -> bool {
    fate.killed.is_some()
}

fn is_equivalent(fate: &Fate) -> bool {
    fate.killed.is_none() && !fate.differs
}

fn is_masked(fate: &Fate) -> bool {
    fate.killed.is_none() && fate.differs
}

fn faults(matrix: &Matrix) -> String {
    let mut text = String::new();
    for (letter, _, about) in CLASSES {
        let _ = writeln!(text, "\n### {letter}: {about}\n");
        text += "| fault | what is wrong | seen as | reports | killed | equal | masked |\n";
        text += "|---|---|---|---|---|---|---|\n";
        for fault in fault::all().iter().filter(|fault| fault.class.starts_with(letter)) {
            let link = |link: &&str| {
                let (repository, number) = link.split_once('#').unwrap();
                format!("[{link}](https://github.com/{repository}/issues/{number})")
            };
            let links: Vec<String> = fault.links.iter().map(link).collect();
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} | {} | {} |",
                fault.name,
                fault.summary.replace('|', "\\|"),
                fault.signature.replace('|', "\\|"),
                links.join(" "),
                count(matrix, fault.name, is_killed),
                count(matrix, fault.name, is_equivalent),
                count(matrix, fault.name, is_masked),
            );
        }
    }
    text += "\n### Classes that no question can show\n\n";
    text += "| class | what it is | why it cannot be seen | what can see it |\n|---|---|---|---|\n";
    for (class, what, why, who) in UNSEEN {
        let _ = writeln!(text, "| {class} | {what} | {why} | {who} |");
    }
    text
}

/// The operations that share a block, by the first word of a scheme.
fn block(scheme: &str) -> &str {
    match scheme.split_once(' ') {
        Some((operation, _)) => operation,
        None => "without a rope",
    }
}

fn whole_matrix(matrix: &Matrix) -> String {
    let mut text = String::new();
    let blocks: BTreeSet<&str> = matrix.keys().map(|cell| block(&cell.scheme)).collect();
    for name in blocks {
        let inside = |cell: &&Cell| block(&cell.scheme) == name;
        let schemes: BTreeSet<&str> =
            matrix.keys().filter(inside).map(|cell| cell.scheme.as_str()).collect();
        let short = |scheme: &str| scheme.split(' ').next_back().unwrap_or_default().to_string();
        let _ = writeln!(text, "\n## {name}\n\n```text");
        for (index, scheme) in schemes.iter().enumerate() {
            let _ = writeln!(text, "{:38}{}  {}", "", "  │".repeat(index), short(scheme));
        }
        let mut rows: BTreeMap<&str, BTreeMap<&str, Vec<&Fate>>> = BTreeMap::new();
        for (cell, fate) in matrix.iter().filter(|(cell, _)| inside(cell)) {
            rows.entry(cell.fault).or_default().entry(&cell.scheme).or_default().push(fate);
        }
        for (fault, row) in &rows {
            let cells = schemes.iter().map(|scheme| format!("{:>3}", symbol(row.get(scheme))));
            let _ = writeln!(text, "{fault:38}{}", cells.collect::<String>().trim_end());
        }
        text += "```\n";
    }
    text += "\n## Not tried under every rule\n\nWhat is tried under rope_type default is tried under every rule, but for these:\n\n";
    text += "| faults | rules | because |\n|---|---|---|\n";
    for (faults, rules, reason) in NOT_UNDER_EVERY_RULE {
        let faults: Vec<String> = faults
            .iter()
            .map(|name| if name.is_empty() { "all".into() } else { format!("`{name}…`") })
            .collect();
        let _ = writeln!(text, "| {} | {} | {reason} |", faults.join(" "), rules.join(", "));
    }
    text += "\n## Masked by precision\n\n";
    text += "| fault | where | largest error over twice the loosest bound |\n|---|---|---|\n";
    let mut masked: BTreeMap<(&str, &str), Vec<(String, f64)>> = BTreeMap::new();
    for (cell, fate) in matrix.iter().filter(|(_, fate)| is_masked(fate)) {
        let place = match cell.layout.as_str() {
            "" => cell.dtype.to_string(),
            layout => format!("{layout} {}", cell.dtype),
        };
        masked.entry((cell.fault, &cell.scheme)).or_default().push((place, fate.ratio));
    }
    for ((fault, scheme), places) in masked {
        let largest = places.iter().map(|(_, ratio)| *ratio).fold(0.0, f64::max);
        let places: Vec<String> = places.into_iter().map(|(place, _)| place).collect();
        let _ = writeln!(text, "| `{fault}` | {scheme}: {} | {largest:.2} |", places.join(", "));
    }
    text
}

/// How many cells of a scheme are killed; what the others are, if none is.
fn symbol(fates: Option<&Vec<&Fate>>) -> String {
    let Some(fates) = fates else { return String::new() };
    let killed = fates.iter().filter(|fate| is_killed(fate)).count();
    if killed > 0 {
        let masked = fates.iter().any(|fate| is_masked(fate));
        return format!("{killed}{}", if masked { "m" } else { "" });
    }
    match fates.iter().any(|fate| is_masked(fate)) {
        true => "m".to_string(),
        false => "=".to_string(),
    }
}
