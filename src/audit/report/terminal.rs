//! The report for people at a terminal: the answer first, then why.

use super::{CaseReport, Report, Section, Status, Verdict};
use crate::number::Dtype;
use crate::vector::note;
use std::collections::BTreeMap;
use std::fmt::Write;

/// How it is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
    /// Cases shown whole.
    pub show: usize,
}

impl Default for Style {
    fn default() -> Self {
        Style { width: 100, colour: false, show: 5 }
    }
}

/// The report as text.
pub fn terminal(report: &Report, style: Style) -> String {
    let mut page = Page { text: String::new(), style };
    page.head(report);
    page.diagnoses(report);
    page.sections(&report.sections);
    page.failures(report);
    page.unanswered(report);
    page.complaints(report);
    page.sight(report);
    page.text
}

struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// A paragraph, folded at the width, continuation lines indented by as much as the first.
    fn fold(&mut self, indent: usize, text: &str) {
        let width = self.style.width.max(indent + 20);
        let mut line = " ".repeat(indent);
        let mut empty = true;
        for word in text.split_whitespace() {
            if !empty && line.chars().count() + 1 + word.chars().count() > width {
                self.line(&line.clone());
                line = " ".repeat(indent);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.line(&line);
    }

    fn coloured(&self, code: &str, text: &str) -> String {
        match self.style.colour {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_string(),
        }
    }

    fn head(&mut self, report: &Report) {
        let kernel = &report.kernel;
        let mut who = match kernel.name.is_empty() {
            true => report.door.clone(),
            false => format!("{} {}", kernel.name, kernel.version).trim_end().to_string(),
        };
        if !kernel.language.is_empty() {
            let _ = write!(who, " ({})", kernel.language);
        }
        let (code, word) = match report.verdict {
            Verdict::Conforms => ("1;32", "CONFORMS"),
            Verdict::Diverges => ("1;31", "DIVERGES"),
            Verdict::Unjudged => ("1;33", "UNJUDGED"),
            Verdict::AdapterFault => ("1;35", "ADAPTER FAULT"),
        };
        let word = self.coloured(code, word);
        self.line(&format!("{who}: {word}"));
        self.fold(2, &summary(report));
    }

    fn diagnoses(&mut self, report: &Report) {
        if report.diagnoses.is_empty() {
            return;
        }
        self.line("");
        self.line("What is wrong:");
        for diagnosis in &report.diagnoses {
            let share = 100.0 * diagnosis.explains;
            let names = self.coloured("1", &diagnosis.faults.join(" and "));
            self.line(&format!("  {names}, which explains {share:.1} % of the answers"));
            self.fold(4, &diagnosis.summary);
            self.fold(4, &format!("To mend: {}", diagnosis.fix));
            if !diagnosis.links.is_empty() {
                self.fold(4, &format!("Seen in {}", diagnosis.links.join(" ")));
            }
        }
    }

    fn sections(&mut self, sections: &[Section]) {
        if sections.is_empty() {
            return;
        }
        self.line("");
        self.line(
            "operation              dtype  right  wrong  broken  elements  off by at most  within a bound of",
        );
        for s in sections {
            let worst = s.worst_ulp.as_ref().map_or("exact".into(), |(ulps, _)| ulp(*ulps));
            let profile = match (&s.profiles[..], s.elements_wrong) {
                ([], _) => "(exact)".to_string(),
                ([one], 0) => format!("{one}, {:.0} % used", 100.0 * s.closest),
                (several, 0) => several.join(", "),
                ([one, ..], _) => format!("none; nearest {one}"),
            };
            self.line(&format!(
                "{:<21}  {:<5}  {:>5}  {:>5}  {:>6}  {:>8}  {:>14}  {profile}",
                s.operation.name(),
                s.dtype.name(),
                s.passed,
                s.diverged,
                s.broken,
                s.elements,
                worst,
            ));
        }
    }

    fn failures(&mut self, report: &Report) {
        let failed: Vec<&CaseReport> = report.divergences().collect();
        if failed.is_empty() {
            return;
        }
        self.line("");
        if failed.iter().any(|case| case.basic) {
            self.fold(0, "Basic cases fail: the set-up is wrong, or the kernel is in everything.");
        }
        let mut flags: BTreeMap<&str, usize> = BTreeMap::new();
        for flag in failed.iter().flat_map(|case| &case.flags) {
            *flags.entry(flag).or_default() += 1;
        }
        let mut often: Vec<(&str, usize)> = flags.into_iter().collect();
        often.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let list: Vec<String> =
            often.iter().take(12).map(|(flag, n)| format!("{flag} {n}")).collect();
        self.fold(0, &format!("Wrong by flag: {}", list.join(", ")));
        for case in failed.iter().take(self.style.show) {
            self.line("");
            let id = self.coloured("1", &case.id);
            self.line(&format!("  {id}"));
            self.fold(4, &case.comment);
            self.fold(4, &evidence(case));
            for remark in case.flags.iter().filter_map(|flag| note(flag)) {
                self.fold(4, &format!("{}: {}", remark.flag, remark.meaning));
            }
        }
        if failed.len() > self.style.show {
            self.line(&format!("  … and {} more", failed.len() - self.style.show));
        }
    }

    fn unanswered(&mut self, report: &Report) {
        let mut kinds: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
        for case in report.cases.iter().filter(|case| case.status.is_breakage()) {
            let detail = case.status.detail().unwrap_or_default();
            kinds.entry((case.status.name(), detail)).or_default().push(&case.id);
        }
        if kinds.is_empty() {
            return;
        }
        self.line("");
        self.line("Not answered:");
        for ((kind, detail), ids) in kinds.iter().take(self.style.show) {
            let more = match ids.len() {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            self.fold(2, &format!("{kind}: {detail} ({}{more})", ids[0]));
        }
        let log = report.log.trim_end();
        if !log.is_empty() {
            self.line("  the end of its log:");
            let lines: Vec<&str> = log.lines().collect();
            for line in &lines[lines.len().saturating_sub(8)..] {
                self.line(&format!("    {line}"));
            }
        }
    }

    fn complaints(&mut self, report: &Report) {
        if report.complaints.is_empty() {
            return;
        }
        self.line("");
        for complaint in report.complaints.iter().take(10) {
            self.fold(0, complaint);
        }
        if report.complaints.len() > 10 {
            self.line(&format!("… and {} more", report.complaints.len() - 10));
        }
    }

    fn sight(&mut self, report: &Report) {
        let (seen, unseen) = (report.seen.len(), report.unseen.len());
        if seen + unseen == 0 {
            return;
        }
        self.line("");
        self.fold(0, &format!("This run would have seen {seen} of {} faults.", seen + unseen));
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for fault in &report.unseen {
            reasons.entry(&fault.because).or_default().push(fault.name);
        }
        for (reason, names) in reasons {
            self.fold(2, &format!("Not these, because {reason}: {}", names.join(", ")));
        }
    }
}

/// One sentence of numbers.
fn summary(report: &Report) -> String {
    let of = |test: &dyn Fn(&CaseReport) -> bool| report.cases.iter().filter(|c| test(c)).count();
    let unclaimed = of(&|c| matches!(c.status, Status::Unclaimed(_)));
    let elements: usize = report.cases.iter().map(|case| case.judged).sum();
    let open: usize = report.cases.iter().map(|case| case.unjudged).sum();
    let mut parts = vec![
        format!("{} cases asked", report.cases.len() - unclaimed),
        format!("{} right", report.count("passed")),
        format!("{} wrong", of(&|c| c.status.is_divergence() && !c.known)),
    ];
    let mut add = |n: usize, what: &str| {
        if n > 0 {
            parts.push(format!("{n} {what}"));
        }
    };
    add(of(&|c| c.known && c.status != Status::Passed), "known failures");
    add(of(&|c| c.status.is_breakage()), "not answered");
    add(report.count("unsupported") + report.count("skipped"), "skipped by the kernel");
    add(report.count("unjudged"), "beyond what its precision can be judged by");
    add(unclaimed, "outside of its claim");
    format!("{}; {elements} elements judged, {open} not.", parts.join(", "))
}

/// Where, how far, and what would be right.
pub fn evidence(case: &CaseReport) -> String {
    if let Some(detail) = case.status.detail() {
        return detail;
    }
    let Some(wrong) = &case.worst else { return String::new() };
    let index: String = wrong.index.iter().map(|i| format!("[{i}]")).collect();
    let count = format!("{} of {} elements are wrong", case.wrong, case.judged);
    let (got, want) = (value(case.dtype, wrong.got), value(case.dtype, wrong.want));
    let how = match wrong.rule {
        Some(rule) => rule.to_string(),
        None => format!("off by {} ulp, {} allowed", ulp(wrong.ulps), ulp(wrong.allowed)),
    };
    format!("{count}; {}{index} is {got}, expected {want}: {how}", wrong.name)
}

/// A bit pattern as a person reads it.
pub fn value(dtype: Dtype, bits: u64) -> String {
    match dtype.format() {
        Some(format) => {
            let x = format.to_f64(bits);
            let digits = match dtype {
                Dtype::F64 => 17,
                Dtype::F32 => 9,
                _ => 5,
            };
            let plain = x == 0.0 || (1e-4..1e7).contains(&x.abs()) || !x.is_finite();
            match plain {
                true => {
                    let places = match x.abs() {
                        a if a >= 1.0 => digits - 1 - (a.log10() as usize).min(digits - 1),
                        _ => digits,
                    };
                    let text = format!("{x:.places$}");
                    match text.contains('.') {
                        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
                        false => text,
                    }
                }
                false => format!("{x:.*e}", digits - 1),
            }
        }
        None if dtype == Dtype::I32 => (bits as u32 as i32).to_string(),
        None => (bits as i64).to_string(),
    }
}

/// An error in ulp with three digits.
pub fn ulp(x: f64) -> String {
    match x {
        x if x.is_nan() => "no number".into(),
        x if x.is_infinite() => "infinite".into(),
        x if x >= 1e5 => format!("{x:.2e}"),
        x if x >= 100.0 => format!("{x:.0}"),
        0.0 => "0".into(),
        x => format!("{x:.3}"),
    }
}
