//! How far a long run has come.

use indicatif::{ProgressBar, ProgressStyle};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// A bar on standard error if that is a terminal, nothing elsewhere.
pub fn progress(total: u64, what: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {{human_pos}}/{{human_len}} {what}, {{eta}} left");
    let style = ProgressStyle::with_template(&template);
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A wait whose end nobody knows: on a terminal what is being done, elsewhere a line every ten
/// seconds.
pub struct Waiting {
    spinner: ProgressBar,
    last: Cell<Instant>,
}

impl Waiting {
    /// From now on.
    pub fn new() -> Waiting {
        let spinner = ProgressBar::new_spinner();
        spinner.enable_steady_tick(Duration::from_millis(200));
        Waiting { spinner, last: Cell::new(Instant::now()) }
    }

    /// What is being done.
    pub fn says(&self, what: &str) {
        self.spinner.set_message(what.to_string());
        if self.spinner.is_hidden() && self.last.get().elapsed() > Duration::from_secs(10) {
            eprintln!("ropewalk: still at it: {what}");
            self.last.set(Instant::now());
        }
    }

    /// It is over.
    pub fn ends(&self) {
        self.spinner.finish_and_clear();
    }
}

/// Where nobody knows how long it takes: what is being done, and for how long.
pub fn spinner() -> ProgressStyle {
    let style = ProgressStyle::with_template("{spinner} {msg}, {elapsed}");
    style.unwrap_or_else(|_| ProgressStyle::default_spinner())
}
