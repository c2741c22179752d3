//! The report for a pull request: short, everything long is folded away.

use super::digest::{Digest, Kind};
use super::terminal::share;
use super::words::{clean, distance, largest, link, value, whereabouts};
use crate::audit::finding::{CaseReport, Report, Section, Verdict};
use std::fmt::Write;

/// Cases shown whole.
const SHOWN: usize = 5;

/// The report as Markdown for a pull request.
///
/// Links go through redirect.github.com, so that a comment does not leave a trace in the threads
/// that it names.
pub fn markdown(report: &Report) -> String {
    let digest = Digest::new(report);
    let mut page = String::new();
    head(&mut page, report, &digest);
    causes(&mut page, report, &digest);
    sections(&mut page, report, &digest);
    failing(&mut page, &digest);
    kinds(&mut page, "Not answered", &digest.unanswered);
    if !report.log.trim().is_empty() {
        details(&mut page, "The end of its log", &fenced(&report.log));
    }
    if !report.cases.is_empty() {
        for complaint in &digest.complaints {
            let _ = writeln!(page, "- {}", plain(complaint));
        }
    }
    if report.verdict == Verdict::Unjudged {
        kinds(&mut page, "Not judged", &digest.declined);
    }
    drawn(&mut page, report, &digest);
    sight(&mut page, report, &digest);
    page
}

fn head(page: &mut String, report: &Report, digest: &Digest) {
    let (sign, word) = match report.verdict {
        Verdict::Conforms => ("✅", "conforms"),
        Verdict::Diverges => ("❌", "diverges"),
        Verdict::Lenient => ("⚠️", "lenient"),
        Verdict::Unjudged => ("⚠️", "unjudged"),
        Verdict::AdapterFault => ("💥", "adapter fault"),
    };
    let (who, summary) = (plain(&digest.who), plain(&digest.summary));
    let _ = writeln!(page, "### {sign} {who}: {word}\n\n{summary}");
    for advice in digest.advice.iter().chain(&digest.remarks) {
        let _ = writeln!(page, "{}", plain(advice));
    }
    page.push('\n');
}

fn causes(page: &mut String, report: &Report, digest: &Digest) {
    for diagnosis in &report.diagnoses {
        let named = match diagnosis.faults.is_empty() {
            true => "; it".to_string(),
            false => format!("; **{}**", code(&diagnosis.names())),
        };
        let _ = writeln!(
            page,
            "{}{named} explains {} of the answers in failing cases.\n\n**To mend:** {}\n",
            plain(&diagnosis.summary),
            share(diagnosis.explains),
            plain(&diagnosis.fix)
        );
        if !diagnosis.links.is_empty() {
            let links: Vec<String> = diagnosis.links.iter().take(3).map(|l| linked(l)).collect();
            let _ = writeln!(page, "Seen in {}\n", links.join(", "));
        }
    }
    if let Some(text) = digest.unknown {
        let _ = writeln!(page, "{}\n", plain(text));
    }
    for clue in &report.clues {
        let _ = writeln!(page, "- {}", plain(clue));
    }
    if !report.clues.is_empty() {
        page.push('\n');
    }
}

fn sections(page: &mut String, report: &Report, digest: &Digest) {
    if report.sections.is_empty() {
        return;
    }
    let head =
        "| | operation | format | cases | largest error | bound |\n|---|---|---|--:|--:|---|\n";
    if !digest.bad.is_empty() {
        let rows: String = digest.bad.iter().map(|section| row(section)).collect();
        let _ = writeln!(page, "{head}{rows}");
    }
    let fine: Vec<&Section> =
        report.sections.iter().filter(|s| s.verdict() == Verdict::Conforms).collect();
    if !fine.is_empty() {
        let rows: String = fine.iter().map(|section| row(section)).collect();
        let cases: usize = fine.iter().map(|section| section.passed).sum();
        details(
            page,
            &format!("Right: {cases} cases in {} sections", fine.len()),
            &format!("{head}{rows}"),
        );
    }
}

fn row(section: &Section) -> String {
    let worst = largest(section).replace('|', "\\|");
    let (sign, cases) = match section.verdict() {
        Verdict::Conforms => ("✅", format!("{} right", section.passed)),
        Verdict::Diverges | Verdict::Lenient => {
            ("❌", format!("{} of {} wrong", section.diverged, section.asked()))
        }
        Verdict::AdapterFault => {
            ("💥", format!("{} of {} broken", section.broken, section.asked()))
        }
        Verdict::Unjudged => ("⚠️", "nothing judged".into()),
    };
    let bound = match (&section.profiles[..], section.elements_wrong) {
        ([], _) => "exact".to_string(),
        (several, 0) => several.join(", "),
        ([nearest, ..], _) => format!("none; nearest {nearest}"),
    };
    let (operation, dtype) = (section.operation.name(), section.dtype.name());
    format!("| {sign} | `{operation}` | {dtype} | {cases} | {worst} | {bound} |\n")
}

fn failing(page: &mut String, digest: &Digest) {
    if digest.failing.is_empty() && digest.otherwise.is_empty() {
        return;
    }
    let n = digest.failing.len();
    if let Some(first) = digest.failing.first() {
        let _ = writeln!(page, "The simplest wrong value:\n\n{}", item(first));
    }
    if n > 1 {
        let more = &digest.failing[1..n.min(SHOWN)];
        let body: String = more.iter().map(|case| item(case)).collect();
        details(page, &format!("{} more of {n} cases with wrong values", more.len()), &body);
    }
    kinds(page, "Wrong otherwise", &digest.otherwise);
    let mut flags = String::new();
    for tally in digest.flags.iter().take(6) {
        let (flag, failed, asked) = (tally.flag, tally.failed, tally.asked);
        let meaning = tally.remark.map_or("", |remark| remark.meaning);
        let _ = writeln!(flags, "- `{flag}`, {failed} of {asked} fail: {meaning}");
    }
    details(page, "What the failing tests are for", &flags);
}

fn item(case: &CaseReport) -> String {
    let mut text = format!("- {}: {}\n", code(&case.id), plain(&case.comment));
    if let Some(wrong) = &case.worst {
        let (got, want) = (value(wrong.dtype, wrong.got), value(wrong.dtype, wrong.want));
        let (wrong, judged) = (case.wrong, case.judged);
        let _ = writeln!(
            text,
            "  {}: got {}, want {}; {}; {wrong} of {judged} elements wrong",
            plain(&whereabouts(case)),
            code(&got),
            code(&want),
            plain(&distance(case))
        );
    }
    text
}

fn kinds(page: &mut String, title: &str, kinds: &[Kind]) {
    if kinds.is_empty() {
        return;
    }
    let mut body = String::new();
    for kind in kinds.iter().take(10) {
        let (n, which) = (kind.ids.len(), plain(&kind.which()));
        let _ = writeln!(body, "- {n} × {} ({which})", plain(&kind.sentence()));
    }
    if kinds.len() > 10 {
        let _ = writeln!(body, "- and {} other kinds", kinds.len() - 10);
    }
    details(page, title, &body);
}

fn drawn(page: &mut String, report: &Report, digest: &Digest) {
    let Some(drawn) = &report.drawn else { return };
    let mut body = String::new();
    for (reason, what) in &digest.unasked {
        let _ = writeln!(body, "- not, because {}: {}", plain(reason), plain(&what.join(", ")));
    }
    let title = format!(
        "{} questions were drawn (seed {}), in which {} combinations of settings meet",
        drawn.questions, drawn.seed, drawn.combinations
    );
    details(page, &title, &body);
}

fn sight(page: &mut String, report: &Report, digest: &Digest) {
    let (seen, all) = (report.seen.len(), report.seen.len() + report.unseen.len());
    if all == 0 {
        return;
    }
    let mut body = String::new();
    for (reason, names) in &digest.unseen {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(body, "- not, because {}: {}", plain(reason), names.join(", "));
    }
    details(page, &format!("This run would have seen {seen} of {all} known faults"), &body);
}

/// A folded part. The blank lines make its inside Markdown again.
fn details(page: &mut String, title: &str, body: &str) {
    let title = plain(title);
    let _ = writeln!(
        page,
        "<details><summary>{title}</summary>\n\n{}\n\n</details>\n",
        body.trim_end()
    );
}

fn linked(report: &str) -> String {
    match link(report) {
        Some(url) => {
            let url = url.replacen("https://github.com", "https://redirect.github.com", 1);
            format!("[{report}]({url})")
        }
        None => plain(report),
    }
}

/// Text that a kernel may have written, without any meaning in Markdown or HTML, on one line;
/// mentions and references included.
fn plain(text: &str) -> String {
    let mut safe = String::new();
    for c in clean(text).chars() {
        match c {
            '\n' | '\r' => safe.push(' '),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // A mention or a reference needs its sign at once before the name.
            '@' | '#' => {
                safe.push(c);
                safe.push('\u{2060}');
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

fn code(text: &str) -> String {
    format!("`{}`", clean(text).replace(['`', '\n'], "'").replace('|', "¦"))
}

/// A block of code whose fence is longer than any in the text.
fn fenced(text: &str) -> String {
    let text = clean(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let tail = lines[lines.len().saturating_sub(20)..].join("\n");
    format!("{fence}text\n{tail}\n{fence}")
}
