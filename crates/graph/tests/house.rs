//! No circle of files and no arrow against the layers in this house; both are seen where planted.

use ropewalk_graph::{Arrow, Crate, LAYERS, against, arrows, circles, read, workspace};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

/// The arrows of this house, read once.
fn house() -> &'static BTreeSet<Arrow> {
    static ARROWS: LazyLock<BTreeSet<Arrow>> = LazyLock::new(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        arrows(&read(&root, &workspace(&root).unwrap()).unwrap())
    });
    &ARROWS
}

#[test]
fn no_circle_of_files() {
    let arrows = house();
    assert!(arrows.len() > 1000, "{} arrows: the reader is blind", arrows.len());
    let found = circles(arrows);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_arrow_against_the_layers() {
    let against = against(house(), LAYERS);
    assert!(against.is_empty(), "{against:#?}");
}

/// A crate of a few files: `lib.rs`, and whatever else.
fn planted(files: &[(&str, &str)]) -> (Vec<BTreeSet<String>>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join("src").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let root = folder.path().join("src/lib.rs");
    let arrows = arrows(&read(folder.path(), &[Crate { name: "planted".into(), root }]).unwrap());
    let against = against(&arrows, LAYERS);
    (circles(&arrows), against.iter().map(|a| format!("{} -> {}", a.from, a.to)).collect())
}

fn set(files: &[&str]) -> BTreeSet<String> {
    files.iter().map(|file| file.to_string()).collect()
}

#[test]
fn a_parent_that_drives_its_children_and_holds_their_types_is_a_circle() {
    let child = ("number/round.rs", "pub fn round(w: super::Word) -> super::Word { w }");
    let driver = "mod round; pub struct Word; pub fn drive() { round::round(Word); }";
    let (found, _) = planted(&[("lib.rs", "mod number;"), ("number.rs", driver), child]);
    assert_eq!(found, [set(&["src/number.rs", "src/number/round.rs"])]);
    // With the type in a file of its own there is none, though the child names it as before.
    let mended =
        "mod round; mod word; pub use word::Word; pub fn drive() { round::round(Word::new()); }";
    let word = ("number/word.rs", "pub struct Word; impl Word { pub fn new() -> Word { Word } }");
    let (found, _) = planted(&[("lib.rs", "mod number;"), ("number.rs", mended), child, word]);
    assert_eq!(found, [] as [BTreeSet<String>; 0]);
}

/// Names are seen through re-exports, globs, other names, paths inside functions and macros.
#[test]
fn no_way_of_naming_hides_a_circle() {
    let lib = ("lib.rs", "mod a; mod b; mod facade; pub use a::Left;");
    let facade = ("facade.rs", "pub use crate::b::*; pub use crate::a::Left as Other;");
    let a = ("a.rs", "pub struct Left; pub fn f() { use crate::facade::Right as R; let _ = R; }");
    let ways = [
        "use crate::Left; pub struct Right; impl From<Left> for Right { }",
        "pub struct Right; pub fn g() -> crate::facade::Other { todo!() }",
        "pub struct Right; pub fn g() { println!(\"{}\", crate::a::f()); }",
        "pub struct Right; pub mod inner { fn g() { super::super::a::f(); } }",
        "use planted::facade; pub struct Right; fn g() -> Vec<facade::Other> { vec![] }",
    ];
    for way in ways {
        let (found, _) = planted(&[lib, facade, a, ("b.rs", way)]);
        assert_eq!(found, [set(&["src/a.rs", "src/b.rs"])], "{way}");
    }
    let tests = "pub struct Right; #[cfg(test)] mod tests { use crate::a::f; }";
    assert!(planted(&[lib, facade, a, ("b.rs", tests)]).0.is_empty());
}

#[test]
fn an_arrow_up_is_seen() {
    let lib = ("lib.rs", "pub mod number; pub mod audit;");
    let up = ("number.rs", "pub struct Word; pub fn f() -> Option<crate::audit::Verdict> { None }");
    let audit = ("audit.rs", "pub enum Verdict { Right } pub fn g(_: crate::number::Word) {}");
    let (_, against) = planted(&[lib, up, audit]);
    assert_eq!(against, ["src/number.rs -> src/audit.rs"]);
}
