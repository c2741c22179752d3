//! The report as one HTML page that needs nothing but itself.

mod links;
mod pictures;
mod tables;

use links::links;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use ropewalk::audit::{Diagnosis, Digest, Report, Verdict, clean};
use ropewalk::vector::SUITE;

/// No request leaves the page, whatever a kernel wrote into its name or its log.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The page. It is well-formed XML too, so that a check of it needs no browser.
pub fn page(report: &Report) -> String {
    let digest = Digest::new(report);
    let word = report.verdict.name().replace('_', " ");
    let markup = html! {
        (DOCTYPE)
        html lang="en" xmlns="http://www.w3.org/1999/xhtml" {
            head {
                // With a slash, which HTML allows and XML needs.
                (PreEscaped("<meta charset=\"utf-8\"/>"))
                (PreEscaped("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"))
                (PreEscaped(format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>")))
                title { (digest.who) " " (word) }
                style { (PreEscaped(include_str!("html/style.css"))) }
            }
            body {
                main {
                    (head(report, &digest, &word))
                    (causes(report, &digest))
                    (pictures::pictures(report, &digest))
                    (tables::failing(&digest))
                    (tables::kinds("Not answered", &digest.unanswered))
                    (log(report))
                    (list("Against the run itself", &digest.complaints))
                    (tables::sections(report))
                    (tables::flags(&digest))
                    (tables::kinds("Not asked, or declined", &digest.declined))
                    (drawn(report, &digest))
                    (sight(report, &digest))
                    (foot(report))
                }
            }
        }
    };
    clean(&markup.into_string())
}

fn head(report: &Report, digest: &Digest, word: &str) -> Markup {
    html! {
        header {
            span class=(format!("verdict {}", report.verdict.name())) { (word) }
            h1 { (digest.who) }
        }
        p { (digest.summary) }
        @for advice in digest.advice.iter().chain(&digest.remarks) { p { (advice) } }
    }
}

fn causes(report: &Report, digest: &Digest) -> Markup {
    html! {
        @if !report.diagnoses.is_empty() || digest.unknown.is_some() { h2 { "What is wrong" } }
        @for diagnosis in &report.diagnoses { (cause(diagnosis)) }
        @if let Some(text) = digest.unknown { p { (text) } }
        @if !report.clues.is_empty() { ul { @for clue in &report.clues { li { (prose(clue)) } } } }
        @if let Some(config) = report.fitted.as_ref().and_then(|fitted| fitted.config.as_ref()) {
            p { "The answers are those of this config:" }
            pre { (config) }
        }
    }
}

fn cause(diagnosis: &Diagnosis) -> Markup {
    let share = format!("{:.1} %", (1000.0 * diagnosis.explains).floor() / 10.0);
    html! {
        div class="card cause" {
            p { (prose(&diagnosis.summary)) }
            @if !diagnosis.faults.is_empty() {
                div class="name" { code { (diagnosis.names()) } }
            }
            p { span class="mend" { "To mend: " } (prose(&diagnosis.fix)) }
            p class="small soft" {
                "Explains " (share) " of the answers in failing cases."
                @if !diagnosis.links.is_empty() { " Seen in " (links(&diagnosis.links)) "." }
            }
        }
    }
}

/// A sentence in which code stands between backquotes.
fn prose(text: &str) -> Markup {
    let whole = text.matches('`').count().is_multiple_of(2);
    html! {
        @if whole {
            @for (i, part) in text.split('`').enumerate() {
                @if i % 2 == 1 { code { (part) } } @else { (part) }
            }
        } @else { (text) }
    }
}

fn log(report: &Report) -> Markup {
    let lines: Vec<&str> = report.log.trim_end().lines().collect();
    let tail = lines[lines.len().saturating_sub(60)..].join("\n");
    html! {
        @if !tail.is_empty() {
            h2 { "The end of its log" }
            pre { (tail) }
        }
    }
}

fn list(title: &str, lines: &[String]) -> Markup {
    html! {
        @if !lines.is_empty() {
            h2 { (title) }
            ul { @for line in lines { li { (line) } } }
        }
    }
}

/// What was drawn, and which settings have not met.
fn drawn(report: &Report, digest: &Digest) -> Markup {
    html! {
        @if let Some(drawn) = &report.drawn {
            h2 { "Settings that met" }
            p {
                (drawn.questions) " questions were drawn (--seed " (drawn.seed) "); "
                (drawn.combinations) " combinations of settings meet in them."
            }
            @if !digest.unasked.is_empty() {
                details {
                    summary { "What did not meet" }
                    @for (reason, what) in &digest.unasked {
                        p class="small" { "Because " (reason) ":" }
                        p class="chips small" { @for one in what { code { (one) } " " } }
                    }
                }
            }
        }
    }
}

/// The faults that the run would have seen, and those that it would not.
fn sight(report: &Report, digest: &Digest) -> Markup {
    let (seen, all) = (report.seen.len(), report.seen.len() + report.unseen.len());
    html! {
        @if all > 0 {
            h2 { "What this run could see" }
            details {
                summary { "It would have seen " (seen) " of " (all) " known faults" }
                @for (reason, names) in &digest.unseen {
                    p class="small" { "Not these, because " (reason) ":" }
                    p class="chips small" { @for name in names { code { (name) } " " } }
                }
                @if seen > 0 {
                    p class="small" { "Those that it would have seen:" }
                    p class="chips small" { @for name in &report.seen { code { (name) } " " } }
                }
            }
        }
    }
}

fn foot(report: &Report) -> Markup {
    let means = match report.verdict {
        Verdict::Conforms => "a right explanation bounds every judged answer",
        Verdict::Diverges => "some answer is wrong",
        Verdict::Lenient => "every value is right, and what must be refused is answered",
        Verdict::Unjudged => "nothing was judged, or a claim was never exercised",
        Verdict::AdapterFault => "the kernel did not answer as the protocol has it",
    };
    html! {
        footer {
            p { "Verdict " strong { (report.verdict.name()) } ": " (means) "." }
            p { "Kernel reached by " code { (report.door) } }
            @if !report.kernel.homepage.is_empty() { p { "Kernel's page: " (report.kernel.homepage) } }
            p { "Ropewalk " (env!("CARGO_PKG_VERSION")) ", vectors " (SUITE) "." }
        }
    }
}
