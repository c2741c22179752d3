//! How far a long run has come.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error if that is a terminal, nothing elsewhere.
pub fn progress(total: u64, what: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {{human_pos}}/{{human_len}} {what}, {{eta}} left");
    let style = ProgressStyle::with_template(&template);
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Where nobody knows how long it takes: what is being done, and for how long.
pub fn spinner() -> ProgressStyle {
    let style = ProgressStyle::with_template("{spinner} {msg}, {elapsed}");
    style.unwrap_or_else(|_| ProgressStyle::default_spinner())
}
