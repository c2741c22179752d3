//! How much is tried: by default some of every long list, with `ROPEWALK_DEEP` all of it. Continuous
//! integration sets it. What cannot be done in part is called `deep_` and shows as ignored.

/// Whether everything is tried.
pub fn deep() -> bool {
    std::env::var_os("ROPEWALK_DEEP").is_some()
}

/// All of a list, or one of so many, never none: the same ones every time, on no lattice.
pub fn some<T>(list: impl IntoIterator<Item = T>, of: usize) -> Vec<T> {
    let list: Vec<T> = list.into_iter().collect();
    if deep() || list.is_empty() {
        return list;
    }
    let of = of.max(1);
    let kept =
        |index: usize| (index / of).wrapping_mul(0x9e37_79b9) % of.min(list.len()) == index % of;
    let keep: Vec<bool> = (0..list.len()).map(kept).collect();
    list.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(one, _)| one).collect()
}

#[test]
fn some_are_taken_of_every_stretch() {
    for (count, of) in [(1, 5), (4, 5), (100, 7), (3, 1)] {
        let taken = some(0..count, of);
        assert!(!taken.is_empty(), "{count} {of}");
        if !deep() && of > 1 {
            assert!(taken.len() <= count / of + 1, "{count} {of}: {taken:?}");
        }
    }
}
