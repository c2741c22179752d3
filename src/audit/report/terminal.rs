//! The report for people at a terminal: the answer, then what is wrong, then where.

use super::bars::{self, Bar};
use super::digest::{Digest, Kind};
use super::words::{clean, count, distance, link, off, value, whereabouts};
use crate::audit::finding::{CaseReport, Diagnosis, Drawn, Report, Section, Verdict};

/// How it is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
    /// Cases shown whole.
    pub show: usize,
    /// Everything, the sections that are fine included.
    pub verbose: bool,
}

impl Default for Style {
    fn default() -> Self {
        Style { width: 100, colour: false, show: 3, verbose: false }
    }
}

/// The report as text.
pub fn terminal(report: &Report, style: Style) -> String {
    let mut page = Page { text: String::new(), style };
    let digest = Digest::new(report);
    page.head(report, &digest);
    page.causes(report, &digest);
    // What breaks hides what is wrong, if it breaks more often.
    let wrong = report.divergences().count();
    let broken = digest.unanswered.iter().map(|kind| kind.ids.len()).sum::<usize>();
    if broken > wrong {
        page.unanswered(report, &digest);
    }
    page.bad(report, &digest);
    page.failing(&digest);
    page.pictures(report, &digest);
    if broken <= wrong {
        page.unanswered(report, &digest);
    }
    page.complaints(report, &digest);
    page.declined(report, &digest);
    page.fine(report, &digest);
    page.drawn(report, &digest);
    page.sight(report, &digest);
    page.text
}

const RED: &str = "31";
const GREEN: &str = "32";
const BOLD: &str = "1";

struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, text: &str) {
        self.line("");
        match text.chars().count() <= self.style.width {
            true => {
                let text = self.coloured(BOLD, text);
                self.line(&text);
            }
            false => self.fold(0, text),
        }
    }

    /// A paragraph, folded at the width.
    fn fold(&mut self, indent: usize, text: &str) {
        self.hang(&" ".repeat(indent), indent, text);
    }

    /// A paragraph behind some first words, continuation lines indented.
    fn hang(&mut self, first: &str, indent: usize, text: &str) {
        let width = self.style.width.max(indent + 20);
        let mut line = first.to_string();
        let mut empty = true;
        for word in clean(text).split_whitespace() {
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

    fn head(&mut self, report: &Report, digest: &Digest) {
        let (code, word) = match report.verdict {
            Verdict::Conforms => ("1;32", "CONFORMS"),
            Verdict::Diverges => ("1;31", "DIVERGES"),
            Verdict::Lenient => ("1;33", "LENIENT"),
            Verdict::Unjudged => ("1;33", "UNJUDGED"),
            Verdict::AdapterFault => ("1;35", "ADAPTER FAULT"),
        };
        let word = self.coloured(code, word);
        self.line(&format!("{word}  {}", digest.who));
        self.fold(2, &digest.summary);
        for advice in digest.advice.iter().chain(&digest.remarks) {
            self.fold(2, advice);
        }
    }

    /// The diagnoses; where there is none, the clues.
    fn causes(&mut self, report: &Report, digest: &Digest) {
        if report.diagnoses.is_empty() && digest.unknown.is_none() {
            return;
        }
        self.heading("What is wrong");
        for diagnosis in &report.diagnoses {
            self.diagnosis(diagnosis);
        }
        if let Some(text) = digest.unknown {
            self.fold(2, text);
        }
        for clue in &report.clues {
            self.hang("  - ", 4, clue);
        }
        if let Some(config) = report.fitted.as_ref().and_then(|fitted| fitted.config.as_ref()) {
            self.fold(2, "The answers are those of this config:");
            self.fold(4, config);
        }
    }

    fn diagnosis(&mut self, diagnosis: &Diagnosis) {
        let (title, rest) = diagnosis.title();
        let title = self.coloured("1;31", &title);
        self.fold(2, &title);
        if !rest.is_empty() {
            self.fold(4, &rest);
        }
        let share = share(diagnosis.explains);
        let named = match diagnosis.faults.is_empty() {
            true => String::new(),
            false => format!("{} ", diagnosis.names()),
        };
        self.fold(4, &format!("{named}explains {share} of the answers in failing cases"));
        self.hang("    To mend: ", 13, &diagnosis.fix);
        let links: Vec<String> =
            diagnosis.links.iter().map(|l| link(l).unwrap_or(l.to_string())).collect();
        for (i, link) in links.iter().take(3).enumerate() {
            self.hang(if i == 0 { "    Seen in: " } else { "             " }, 13, link);
        }
    }

    /// The sections that are not fine, with the groups that are to blame.
    fn bad(&mut self, report: &Report, digest: &Digest) {
        if digest.bad.is_empty() {
            return;
        }
        self.heading("Where");
        for section in &digest.bad {
            let name = format!("{} {}", section.operation.name(), section.dtype.name());
            let word = match section.verdict() {
                Verdict::Diverges => {
                    let n = format!("{} of {} wrong", section.diverged, section.asked());
                    self.coloured(RED, &format!("{n:<18}"))
                }
                Verdict::AdapterFault => {
                    let n = format!("{} of {} broken", section.broken, section.asked());
                    self.coloured("35", &format!("{n:<18}"))
                }
                _ => self.coloured("33", &format!("{:<18}", "nothing judged")),
            };
            let size = size(section);
            let first = format!("  {name:<22}  {word}");
            // What has a colour has no length, so this is no paragraph.
            match 44 + size.chars().count() <= self.style.width {
                true => self.line(&format!("{first}  {size}")),
                false => {
                    self.line(&first);
                    self.fold(4, &size);
                }
            }
            self.groups(section);
        }
        let known = report.cases.iter().filter(|case| case.known).count();
        if known > 0 {
            self.fold(2, &format!("{} left out as known to fail.", count(known, "case")));
        }
    }

    fn groups(&mut self, section: &Section) {
        let failing = section.groups.iter().filter(|g| g.diverged > 0);
        // Every drawn question is a group of its own: their number says more than their names.
        let (drawn, mut failing): (Vec<_>, Vec<_>) = failing.partition(|g| is_drawn(&g.name));
        if section.groups.len() == 1 || failing.is_empty() && drawn.is_empty() {
            return;
        }
        failing.sort_by_key(|group| (group.passed, std::cmp::Reverse(group.diverged)));
        let shown = if self.style.verbose { failing.len() } else { 4 };
        let mut words: Vec<String> = failing
            .iter()
            .take(shown)
            .map(|g| format!("{} {}/{}", short_name(&g.name), g.diverged, g.asked()))
            .collect();
        if failing.len() > shown {
            words.push(format!("{} more", failing.len() - shown));
        }
        if !drawn.is_empty() {
            let all = section.groups.iter().filter(|g| is_drawn(&g.name)).count();
            words.push(format!("{} of {all} drawn questions", drawn.len()));
        }
        let right = section.groups.iter().filter(|g| g.verdict() == Verdict::Conforms).count();
        let rest = match right {
            0 => "; none is right".to_string(),
            n => format!("; {} right", count(n, "group")),
        };
        self.hang("    ", 6, &format!("in {}{rest}", words.join(", ")));
    }

    fn failing(&mut self, digest: &Digest) {
        if digest.failing.is_empty() && digest.otherwise.is_empty() {
            return;
        }
        let heading = match digest.failing.len() {
            1 => "Wrong values".to_string(),
            n => {
                format!("Wrong values, {} of {n} cases, the simplest first", self.style.show.min(n))
            }
        };
        if self.style.show > 0 && !digest.failing.is_empty() {
            self.heading(&heading);
            for case in digest.failing.iter().take(self.style.show) {
                self.case(case);
            }
            let explain = digest.explain(&digest.failing[0].id);
            self.fold(2, &format!("Why is that right? {explain}"));
        }
        self.kinds("Wrong otherwise", &digest.otherwise);
        self.flags(digest);
    }

    fn case(&mut self, case: &CaseReport) {
        let id = self.coloured(BOLD, &case.id);
        self.line(&format!("  {id}{}", if case.basic { " (basic)" } else { "" }));
        self.fold(4, &case.comment);
        if let Some(wrong) = &case.worst {
            let digits = wrong.dtype.digits();
            let (got, want) = (value(wrong.dtype, wrong.got), value(wrong.dtype, wrong.want));
            let wide = got.chars().count().max(want.chars().count());
            self.hang("    at    ", 10, &whereabouts(case));
            self.line(&format!("    got   {got:>wide$}  {:0digits$x}", wrong.got));
            self.line(&format!("    want  {want:>wide$}  {:0digits$x}", wrong.want));
            let share = format!("; {} of {} elements wrong", case.wrong, case.judged);
            self.hang("    ", 10, &format!("{}{share}", distance(case)));
        }
    }

    /// What a kernel wrote may be long.
    fn short(&self, text: &str) -> String {
        match text.char_indices().nth(300) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_string(),
        }
    }

    /// Each note once, however many cases carry its flag.
    fn flags(&mut self, digest: &Digest) {
        self.heading("What the failing tests are for");
        let shown = if self.style.verbose { digest.flags.len() } else { 3 };
        for tally in digest.flags.iter().take(shown) {
            let how = match tally.failed == tally.asked {
                true if tally.failed == 1 => "the only one fails".to_string(),
                true => format!("all {} fail", tally.asked),
                false => format!("{} of {} fail", tally.failed, tally.asked),
            };
            let flag = self.coloured(BOLD, tally.flag);
            self.line(&format!("  {flag}, {how}"));
            if let Some(remark) = tally.remark {
                self.fold(4, &format!("If so: {}.", remark.meaning));
            }
        }
        let more: Vec<String> = digest.flags.iter().skip(shown).map(|t| t.flag.into()).collect();
        if !more.is_empty() {
            self.hang("  ", 4, &format!("also in: {}", more.join(", ")));
        }
        let right = match (digest.right_flags.len(), self.style.verbose) {
            (n, false) if n > 16 => {
                format!("{} and {} more", digest.right_flags[..16].join(", "), n - 16)
            }
            _ => digest.right_flags.join(", "),
        };
        if !right.is_empty() {
            self.hang("  ", 4, &format!("all right: {right}"));
        }
    }

    /// Error against position and by size: of the worst section, or of all with `--verbose`.
    fn pictures(&mut self, report: &Report, digest: &Digest) {
        let wrong = digest.bad.iter().copied().filter(|s| s.diverged > 0);
        let sections: Vec<&Section> = match self.style.verbose {
            true => wrong.chain(report.sections.iter().filter(|s| s.diverged == 0)).collect(),
            false => wrong.take(1).collect(),
        };
        for section in sections {
            let name = format!("{} {}", section.operation.name(), section.dtype.name());
            let (unit, bars) = bars::by_position(section);
            if bars.len() > 1 {
                let what = match unit {
                    "ulp" => "largest error in ulp",
                    _ => "largest error as a share of |z|; ┊ is the bound",
                };
                self.heading(&format!("{name}: {what}, by |position|"));
                self.bars(&bars);
            }
            if section.histogram.iter().sum::<usize>() > 0 {
                self.heading(&format!("{name}: elements by error in ulp"));
                self.bars(&bars::histogram(section));
            }
        }
    }

    fn bars(&mut self, bars: &[Bar]) {
        let left = bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or(0);
        let right = bars.iter().map(|bar| bar.value.chars().count()).max().unwrap_or(0);
        let columns = self.style.width.saturating_sub(left + right + 6).clamp(10, 60);
        for bar in bars {
            let drawn = bars::drawn(bar, columns);
            let drawn = self.coloured(if bar.wrong { RED } else { GREEN }, &drawn);
            self.line(&format!("  {:>left$}  {drawn}  {:>right$}", bar.label, bar.value));
        }
    }

    fn kinds(&mut self, heading: &str, kinds: &[Kind]) {
        if !kinds.is_empty() {
            self.heading(heading);
            self.list(&kinds.iter().collect::<Vec<_>>());
        }
    }

    fn list(&mut self, kinds: &[&Kind]) {
        let shown = if self.style.verbose { kinds.len() } else { 5 };
        for kind in kinds.iter().take(shown) {
            let n = format!("  {:>5}  ", kind.ids.len());
            let detail = self.short(&kind.sentence());
            self.hang(&n, 9, &format!("{detail} ({})", kind.which()));
        }
        let rest: usize = kinds.iter().skip(shown).map(|kind| kind.ids.len()).sum();
        if rest > 0 {
            self.line(&format!("  {rest:>5}  others"));
        }
    }

    fn unanswered(&mut self, report: &Report, digest: &Digest) {
        self.kinds("Not answered", &digest.unanswered);
        self.log(report);
    }

    fn log(&mut self, report: &Report) {
        let log = clean(&report.log);
        if log.trim().is_empty() {
            return;
        }
        self.heading("The end of its log");
        let lines: Vec<&str> = log.trim_end().lines().collect();
        for line in &lines[lines.len().saturating_sub(12)..] {
            let cut: String = line.chars().take(self.style.width.saturating_sub(4)).collect();
            self.line(&format!("    {cut}"));
        }
    }

    fn complaints(&mut self, report: &Report, digest: &Digest) {
        // Where nothing was asked they stand at the top already.
        if digest.complaints.is_empty() || report.cases.is_empty() {
            return;
        }
        self.heading("Against the run itself");
        for complaint in digest.complaints.iter().take(10) {
            self.hang("  - ", 4, complaint);
        }
        if digest.complaints.len() > 10 {
            self.line(&format!("  and {} more", digest.complaints.len() - 10));
        }
    }

    /// Reasons of what was not asked or declined: where they decide the verdict, or on demand.
    fn declined(&mut self, report: &Report, digest: &Digest) {
        if report.verdict == Verdict::Unjudged || self.style.verbose {
            self.kinds("Not judged", &digest.declined);
        }
    }

    fn fine(&mut self, report: &Report, digest: &Digest) {
        if digest.fine.is_empty() {
            return;
        }
        self.heading("Right");
        // A kernel that diverges has other cares.
        if report.verdict == Verdict::Diverges && !self.style.verbose {
            let words: Vec<String> = digest
                .fine
                .iter()
                .map(|fine| {
                    format!("{} {} ({})", fine.operation.name(), fine.formats(), fine.passed)
                })
                .collect();
            self.fold(2, &words.join(", "));
            return;
        }
        let wide = digest.fine.iter().map(|f| f.formats().len()).max().unwrap_or(0);
        for fine in &digest.fine {
            let (name, formats) = (fine.operation.name(), fine.formats());
            let first = format!("  {name:<20}  {formats:<wide$}  {:>5}  ", fine.passed);
            self.hang(&first, 6, &fine.within());
        }
        if self.style.verbose {
            for section in report.sections.iter().filter(|s| s.profiles.len() > 1) {
                let (name, dtype) = (section.operation.name(), section.dtype.name());
                self.line(&format!("  {name} {dtype}, group by group"));
                for group in &section.groups {
                    let profile = group.profile.unwrap_or("exact");
                    self.hang("    ", 6, &format!("{}: {profile}", short_name(&group.name)));
                }
            }
        }
    }

    fn sight(&mut self, report: &Report, digest: &Digest) {
        let (seen, unseen) = (report.seen.len(), report.unseen.len());
        if seen + unseen == 0 {
            return;
        }
        self.line("");
        let all = seen + unseen;
        let hint =
            if unseen > 0 && !self.style.verbose { " --verbose names the others." } else { "" };
        self.fold(0, &format!("This run would have seen {seen} of {all} known faults.{hint}"));
        if self.style.verbose {
            for (reason, names) in &digest.unseen {
                self.hang("  ", 4, &format!("not, because {reason}: {}", names.join(", ")));
            }
        }
    }

    /// What was drawn, and which settings have not met.
    fn drawn(&mut self, report: &Report, digest: &Digest) {
        let Some(drawn) = &report.drawn else { return };
        self.line("");
        let more = match drawn.more {
            0 => String::new(),
            n => format!(" {n} more from the seeds that follow."),
        };
        self.fold(
            0,
            &format!(
                "{} questions were drawn (--seed {}); {} combinations of settings meet in them.{more}",
                drawn.questions, drawn.seed, drawn.combinations
            ),
        );
        if report.verdict == Verdict::Diverges && !self.style.verbose {
            return;
        }
        for (reason, what) in &digest.unasked {
            let what = match (what.len(), self.style.verbose) {
                (n, false) if n > 3 => format!("{} and {} more", what[..3].join(", "), n - 3),
                _ => what.join(", "),
            };
            self.hang("  ", 4, &format!("not, because {reason}: {what}"));
        }
    }
}

/// How far a section is off, and what comes nearest.
fn size(section: &Section) -> String {
    if section.elements_wrong == 0 || section.worst_ulp.is_none() {
        return String::new();
    }
    let whole = section.errors.whole();
    let beyond = whole.share.is_some_and(|share| share > 1.0) || whole.ulp.is_infinite();
    let off = if beyond {
        off(whole.share, whole.relative, None, section.dtype)
    } else {
        "by a rule of special values or of copies".into()
    };
    match section.profiles.first() {
        Some(nearest) => format!("{off}, nearest is {nearest}"),
        None => off,
    }
}

/// A group without the part of its name that its section says already.
fn short_name(group: &str) -> &str {
    group.split_once('/').map_or(group, |(_, rest)| rest)
}

/// A share in percent that is never rounded up to all.
pub(super) fn share(x: f64) -> String {
    match 100.0 * x {
        p if p >= 100.0 => "100 %".into(),
        p if p > 99.9 => "over 99.9 %".into(),
        p => format!("{p:.1} %"),
    }
}

/// Whether a group is a question that was drawn.
fn is_drawn(name: &str) -> bool {
    short_name(name).split(' ').any(Drawn::has)
}
