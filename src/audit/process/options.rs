//! How patient the auditor is.

use std::time::Duration;

/// How patient the auditor is.
#[derive(Clone, Copy, Debug)]
pub struct ProcessOptions {
    /// For one answer, and for the reply to `start`.
    pub timeout: Duration,
    /// Bytes of a line; the longest answers of the vectors have some 10⁵, so that the default of
    /// 2²⁸ cuts off nothing but a flood.
    pub longest_line: usize,
    /// Breakages in a row after which nothing more is asked; a hang, which costs the whole timeout,
    /// counts three times.
    pub give_up: usize,
}

impl Default for ProcessOptions {
    fn default() -> Self {
        ProcessOptions { timeout: Duration::from_secs(30), longest_line: 1 << 28, give_up: 12 }
    }
}
