//! The tables of the page: sections and groups, failing cases, flags.

use super::links;
use maud::{Markup, html};
use ropewalk::audit::{
    CaseReport, Digest, Group, Kind, Report, Section, Verdict, distance, largest, ulp, value,
};

/// Failing cases that are shown whole.
const SHOWN: usize = 40;

fn verdict(verdict: Verdict) -> Markup {
    let (class, word) = match verdict {
        Verdict::Conforms => ("is-good", "right"),
        Verdict::Diverges => ("is-bad", "wrong"),
        Verdict::Lenient => ("is-warn", "lenient"),
        Verdict::AdapterFault => ("is-bad", "broken"),
        Verdict::Unjudged => ("is-warn", "not judged"),
    };
    html! { span class=(class) { (word) } }
}

/// Every section, its groups folded away.
pub fn sections(report: &Report) -> Markup {
    let mut sections: Vec<&Section> = report.sections.iter().collect();
    sections.sort_by_key(|section| section.verdict() == Verdict::Conforms);
    html! {
        @if !sections.is_empty() {
            h2 { "By operation and format" }
            div class="card scroll sections" {
                table {
                    thead { tr {
                        th { "" } th { "operation" } th { "format" } th class="n" { "right" }
                        th class="n" { "wrong" } th class="n" { "broken" } th class="n" { "elements" }
                        th class="n" { "not judged" } th class="n" { "largest error" } th { "bound" }
                    } }
                    tbody { @for section in &sections { (row(section)) } }
                }
            }
            @for section in &sections { (groups(section)) }
        }
    }
}

fn row(section: &Section) -> Markup {
    let worst = largest(section);
    let bound = match (&section.profiles[..], section.elements_wrong) {
        ([], _) => "exact".to_string(),
        ([one], 0) => format!("{one}, {:.0} % used", 100.0 * section.closest),
        (several, 0) => several.join(", "),
        ([nearest, ..], _) => format!("none; nearest is {nearest}"),
    };
    html! {
        tr {
            td { (verdict(section.verdict())) }
            td { code { (section.operation.name()) } }
            td { (section.dtype.name()) }
            td class="n" { (section.passed) }
            td class="n" { (section.diverged) }
            td class="n" { (section.broken) }
            td class="n" { (section.elements) }
            td class="n" { (section.elements_unjudged) }
            td class="n" { (worst) }
            td { (bound) }
        }
    }
}

/// Groups are shown where they differ: in verdict, or in the profile that explains them.
fn groups(section: &Section) -> Markup {
    let first = section.groups.first();
    let alike = |group: &Group| {
        first.is_some_and(|f| f.verdict() == group.verdict() && f.profile == group.profile)
    };
    let right = section.groups.iter().filter(|g| g.verdict() == Verdict::Conforms).count();
    let mut sorted: Vec<&Group> = section.groups.iter().collect();
    sorted.sort_by_key(|group| (group.passed, std::cmp::Reverse(group.diverged)));
    html! {
        @if !section.groups.iter().all(alike) {
            details class="small" {
                summary {
                    code { (section.operation.name()) } " " (section.dtype.name()) ", group by group: "
                    (right) " of " (section.groups.len()) " right"
                }
                div class="scroll" { table { tbody { @for group in sorted { tr {
                    td { (verdict(group.verdict())) }
                    td { (group.name) }
                    td class="n" { (group.diverged) " of " (group.asked()) " wrong" }
                    td class="n" { @if let Some(ulps) = group.worst_ulp { (ulp(ulps)) " ulp" } }
                    td { (group.profile.unwrap_or("")) }
                } } } } }
            }
        }
    }
}

/// The cases with wrong values: three to see, the others folded away.
pub fn failing(digest: &Digest) -> Markup {
    let n = digest.failing.len();
    let more = &digest.failing[n.min(3)..n.min(SHOWN)];
    html! {
        @if n > 0 {
            h2 { "Wrong values" }
            p class="soft" { (n) @if n == 1 { " case" } @else { " cases, the simplest first" } }
            @for case in digest.failing.iter().take(3) { (self::case(case, &digest.explain(&case.id))) }
            @if !more.is_empty() {
                details {
                    summary { (more.len()) " more" @if n > SHOWN { "; all of them are in the NDJSON report" } }
                    @for case in more { (self::case(case, &digest.explain(&case.id))) }
                }
            }
        }
        (kinds("Wrong otherwise", &digest.otherwise))
    }
}

fn case(case: &CaseReport, explain: &str) -> Markup {
    let digits = case.worst.as_ref().map_or(0, |wrong| wrong.dtype.digits());
    html! {
        div class="card case" {
            h3 { code { (case.id) } @if case.basic { " basic" } }
            p { (case.comment) }
            @if let Some(wrong) = &case.worst {
                div class="scroll" { table { tbody {
                    @if let Some(place) = &case.place {
                        tr { td class="soft" { "at" } td colspan="2" { (wrong.name) " " (place.to_string()) } }
                    }
                    tr { td class="soft" { "got" } td { code { (value(wrong.dtype, wrong.got)) } } td { code class="soft" { (format!("{:0digits$x}", wrong.got)) } } }
                    tr { td class="soft" { "want" } td { code { (value(wrong.dtype, wrong.want)) } } td { code class="soft" { (format!("{:0digits$x}", wrong.want)) } } }
                    tr {
                        td class="soft" { "error" }
                        td colspan="2" {
                            (distance(case))
                        }
                    }
                } } }
                p class="small soft" { (case.wrong) " of " (case.judged) " elements wrong. Why is that right? " code { (explain) } }
            }
            @for note in &case.notes { p class="small soft" { (note) } }
        }
    }
}

/// Cases of which the same is to be said.
pub fn kinds(title: &str, kinds: &[Kind]) -> Markup {
    html! {
        @if !kinds.is_empty() {
            h2 { (title) }
            div class="card scroll" { table { tbody { @for kind in kinds.iter().take(30) { tr {
                td class="n" { (kind.ids.len()) }
                td { (kind.sentence()) span class="soft" { " (" (kind.which()) ")" } }
            } } } } }
            @if kinds.len() > 30 { p class="soft" { "and " (kinds.len() - 30) " other kinds" } }
        }
    }
}

/// What the failing tests are for, each note once.
pub fn flags(digest: &Digest) -> Markup {
    html! {
        @if !digest.flags.is_empty() {
            h2 { "What the failing tests are for" }
            p class="soft small" { "A failing test is evidence for what its flag says, not proof." }
            div class="card scroll stack" { table { tbody { @for tally in &digest.flags { tr {
                td class="name" { code { (tally.flag) } }
                td class="n" { (tally.failed) " of " (tally.asked) " fail" }
                td {
                    @if let Some(remark) = tally.remark {
                        (remark.meaning)
                        @if !remark.links.is_empty() { span class="soft" { " Seen in " } (links(remark.links)) }
                    }
                }
            } } } } }
            @if !digest.right_flags.is_empty() {
                p class="chips small" { "All right: " @for flag in &digest.right_flags { code { (flag) } " " } }
            }
        }
    }
}
