//! Links of a page.

use maud::{Markup, html};
use ropewalk::audit::link;

/// Reports of real projects.
pub(super) fn links(reports: &[&str]) -> Markup {
    html! {
        @for (i, report) in reports.iter().enumerate() {
            @if i > 0 { ", " }
            @match link(report) {
                Some(url) => a href=(url) rel="noreferrer" { (report) },
                None => (report),
            }
        }
    }
}
