//! Whether the terminal is written to in colours.

/// Whether colours may be used, on a terminal or not.
pub fn colour(terminal: bool) -> bool {
    // https://no-color.org: any value but the empty one.
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    terminal && !plain && !dumb
}
