//! The reports of an audit, of kernels with known faults.

use ropewalk::audit::{
    Ask, Audited, Breakage, Case, Description, Diagnosis, Fitted, FittedPlane, Kernel, Options,
    Outcome, Report, Status, Style, Unreadable, Unseen, Verdict, audit, cases, markdown, ndjson,
    read_ndjson, report_schema, terminal,
};
use ropewalk::fault::{self, Answer, Asked, History};
use ropewalk::number::Dtype;
use ropewalk::vector::{Golden, note};
use ropewalk::{audit::Capability, profile, request::Operation};

/// A kernel of the profile hf-f32, with a fault or without, or one that breaks on some requests.
struct Machine {
    fault: Option<&'static str>,
    breaks: fn(&str) -> Option<Outcome>,
}

impl Kernel for Machine {
    fn describe(&mut self) -> Result<Description, Breakage> {
        let capability = Capability {
            operations: vec![Operation::Rotate],
            dtypes: vec![Dtype::F32],
            ..Capability::default()
        };
        Ok(Description {
            version: "1.0".into(),
            language: "Rust".into(),
            capabilities: vec![capability],
            ..Description::named("machine")
        })
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        if let Some(outcome) = (self.breaks)(&ask.id) {
            return outcome;
        }
        let hf = profile::find("hf-f32").unwrap();
        let own = |output: Vec<(&str, _)>| {
            Outcome::Output(output.into_iter().map(|(name, t)| (name.to_string(), t)).collect())
        };
        let (asked, history) = (Asked::new(&ask.to_json()), History::default());
        let fault = self.fault.and_then(fault::find);
        match fault.and_then(|fault| fault.mutate(&asked, &history)).map(|m| m.emulate(hf)) {
            Some(Answer::Output(output)) => own(output),
            Some(Answer::Refused(reject)) => Outcome::Rejected(reject.to_string()),
            None => match asked.question() {
                Ok(question) => {
                    let named = profile::emulate(hf, question);
                    own(named.into_iter().map(|n| (n.name, n.tensor)).collect())
                }
                Err(reject) => Outcome::Rejected(reject.to_string()),
            },
        }
    }

    fn log(&self) -> String {
        "warming up\nCUDA error: \u{1b}[31man illegal memory access <at> rope.cu:117\u{0}\n".into()
    }
}

fn answers(_: &str) -> Option<Outcome> {
    None
}

/// The cases of the first file of rotations, few enough to read.
fn questions() -> Vec<Case> {
    let text = std::fs::read_to_string("vectors/rotate/half-f32.json").unwrap();
    let golden = Golden::read(&text).unwrap();
    let mut all = cases("rotate/half-f32.json", &golden);
    all.retain(|case| case.basic || case.flags.iter().any(|f| f == "base" || f == "layout"));
    all
}

fn audited(fault: Option<&'static str>, breaks: fn(&str) -> Option<Outcome>) -> Report {
    let options = Options { door: "rust".into(), twice: false, ..Options::default() };
    let Audited { report, .. } = audit(&mut Machine { fault, breaks }, &questions(), &options);
    report
}

/// The base is ignored, and the auditor found out.
fn diagnosed() -> Report {
    let mut report = audited(Some("c1-base-ignored"), answers);
    let fault = fault::find("c1-base-ignored").unwrap();
    report.diagnoses = vec![Diagnosis {
        faults: vec![fault.name],
        alternatives: vec![],
        explains: 0.99999,
        summary: fault.summary.to_string(),
        fix: fault.fix.to_string(),
        links: fault.links.to_vec(),
    }];
    report.clues = vec!["plane 0 is right in every case".into()];
    let plane = |plane: usize| FittedPlane {
        plane,
        declared: Some(500000f64.powf(-(plane as f64) / 4.0)),
        fitted: Some(10000f64.powf(-(plane as f64) / 4.0)),
    };
    let config = Some(r#"{"rope_theta":10000}"#.to_string());
    report.fitted = Some(Fitted { config, planes: (0..4).map(plane).collect() });
    report.seen = vec!["c1-base-ignored"];
    let because = "no position lies beyond 2^24".to_string();
    report.unseen = vec![Unseen { name: "f3-angle-in-f32", because }];
    report
}

fn first_lines(text: &str, n: usize) -> String {
    text.lines().take(n).collect::<Vec<_>>().join("\n")
}

/// From a heading to the next.
fn part<'t>(text: &'t str, heading: &str) -> &'t str {
    let start = text.find(heading).unwrap_or_else(|| panic!("{heading} in {text}"));
    let rest = &text[start..];
    rest.find("\n\n").map_or(rest, |end| &rest[..end])
}

#[test]
fn the_answer_and_the_cause_come_first() {
    let style = Style { width: 80, show: 1, ..Style::default() };
    insta::assert_snapshot!(first_lines(&terminal(&diagnosed(), style), 24));
}

#[test]
fn a_right_kernel_has_a_short_page() {
    let report = audited(None, answers);
    assert_eq!(report.verdict, Verdict::Conforms);
    let page = terminal(&report, Style { width: 80, ..Style::default() });
    assert!(page.lines().count() <= 14, "{page}");
    insta::assert_snapshot!(page);
}

#[test]
fn what_breaks_comes_before_what_is_wrong() {
    let breaks = |id: &str| {
        let crash = Outcome::Broken(Breakage::Crash("SIGABRT".into()));
        id.contains("base").then_some(crash)
    };
    let report = audited(Some("b1-sign-flipped"), breaks);
    let page = terminal(&report, Style { width: 80, ..Style::default() });
    let (broken, wrong) = (page.find("Not answered").unwrap(), page.find("\nWhere").unwrap());
    assert!(broken < wrong, "{page}");
    insta::assert_snapshot!(part(&page, "Not answered"));
    // What a kernel wrote moves no cursor.
    assert!(!page.contains('\u{1b}') && !page.contains('\u{0}'));
}

#[test]
fn a_kernel_that_skips_is_told_that_this_is_no_pass() {
    let report = audited(None, |_| Some(Outcome::Skipped("no GPU".into())));
    assert_eq!(report.verdict, Verdict::Unjudged);
    insta::assert_snapshot!(terminal(&report, Style { width: 80, ..Style::default() }));
}

#[test]
fn an_unknown_cause_is_called_unknown() {
    let mut report = audited(Some("c1-base-ignored"), answers);
    report.diagnoses.clear();
    report.clues = vec!["the error grows with the plane".into()];
    for page in [terminal(&report, Style::default()), markdown(&report)] {
        let words = ["Unknown", "unknown"];
        assert!(words.iter().any(|word| page.contains(word)), "{page}");
        assert!(page.contains("the error grows with the plane"));
    }
}

#[test]
fn the_worst_element_has_a_place_with_a_name() {
    let report = audited(Some("c1-base-ignored"), answers);
    let case = report.divergences().find(|case| case.worst.is_some()).unwrap();
    let (place, wrong) = (case.place.as_ref().unwrap(), case.worst.as_ref().unwrap());
    let axes: Vec<&str> = place.axes.iter().map(|(axis, _)| *axis).collect();
    assert_eq!(axes, ["batch", "head", "token", "coordinate"]);
    assert_eq!(place.axes[3].1, wrong.index[3]);
    // Plane 0 turns by the position itself, whatever the base.
    assert!(place.plane.unwrap().0 > 0);
    let page = terminal(&report, Style { width: 160, ..Style::default() });
    assert!(page.contains(&place.to_string()), "{place} in {page}");
}

#[test]
fn errors_are_laid_out_by_position_and_plane() {
    let report = audited(Some("c1-base-ignored"), answers);
    let section = &report.sections[0];
    let planes = section.errors.by_plane();
    assert_eq!(planes[&0].beyond, 0);
    assert!(planes.iter().skip(1).all(|(_, cell)| cell.beyond > 0), "{planes:?}");
    let elements: usize = section.errors.cells.values().map(|cell| cell.elements).sum();
    assert_eq!(elements, section.elements);
    let beyond: usize = section.errors.cells.values().map(|cell| cell.beyond).sum();
    assert_eq!(beyond, section.elements_wrong);
    // What is wrong is wrong by more than its bound, what is right by no more.
    for cell in section.errors.cells.values() {
        let (Some(relative), Some(bound)) = (cell.relative, cell.bound) else { continue };
        assert!(cell.beyond > 0 || relative <= bound * 1.001, "{cell:?}");
    }
    // Groups are where they belong, and add up.
    let diverged: usize = section.groups.iter().map(|group| group.diverged).sum();
    assert_eq!(diverged, section.diverged);
    let right = |g: &&ropewalk::audit::Group| g.verdict() == Verdict::Conforms;
    assert!(section.groups.iter().filter(right).count() > 0);
}

#[test]
fn each_note_is_said_once_and_no_line_is_too_wide() {
    for report in
        [diagnosed(), audited(Some("a1-pairing-swapped"), answers), audited(None, answers)]
    {
        for (width, verbose) in [(60, false), (100, true), (160, true)] {
            let page = terminal(&report, Style { width, verbose, show: 9, colour: false });
            for line in page.lines() {
                // An address or a name cannot be folded.
                let words = line.split_whitespace().map(|word| word.chars().count());
                let fits = line.chars().count() <= width || words.max() > Some(width - 20);
                assert!(fits, "{width}: {line}");
            }
            let meaning = note("base").unwrap().meaning;
            assert!(page.replace("\n    ", " ").matches(meaning).count() <= 1, "{page}");
        }
        let colours = terminal(&report, Style { colour: true, ..Style::default() });
        assert!(colours.contains("\u{1b}[1"));
        assert!(!terminal(&report, Style::default()).contains('\u{1b}'));
    }
}

#[test]
fn markdown_is_short_and_leaves_no_trace_elsewhere() {
    let page = markdown(&diagnosed());
    insta::assert_snapshot!(first_lines(&page, 20));
    assert!(!page.contains("https://github.com/"), "{page}");
    assert_eq!(page.matches("<details>").count(), page.matches("</details>").count());
    let mut report = audited(None, answers);
    report.kernel.name = "<img src=x> @someone #1 `x` | y".into();
    let page = markdown(&report);
    assert!(!page.contains("<img") && !page.contains("@someone") && !page.contains("#1 "));
}

#[test]
fn ndjson_is_whole_or_no_report() {
    let report = diagnosed();
    let text = ndjson(&report);
    let recorded = read_ndjson(&text).unwrap();
    assert_eq!(recorded.footer["verdict"], "diverges");
    assert_eq!(recorded.cases.len(), report.cases.len());
    assert_eq!(recorded.footer["diagnoses"][0]["faults"][0], "c1-base-ignored");
    let lines: Vec<&str> = text.lines().collect();
    let n = lines.len();
    let join = |lines: &[&str]| lines.join("\n");
    assert_eq!(read_ndjson(&join(&lines[..n - 1])), Err(Unreadable::NoFooter));
    assert_eq!(read_ndjson(&join(&lines[1..])), Err(Unreadable::Header(1)));
    assert_eq!(read_ndjson(""), Err(Unreadable::Header(1)));
    let behind = format!("{text}{}\n", lines[1]);
    assert_eq!(read_ndjson(&behind), Err(Unreadable::Trailing(n + 1)));
    let mut fewer = lines.clone();
    fewer.remove(n - 2);
    let count =
        Unreadable::Count { counted: report.cases.len() as u64, found: report.cases.len() - 1 };
    assert_eq!(read_ndjson(&join(&fewer)), Err(count));
    let half = &text[..text.len() - 10];
    assert!(matches!(read_ndjson(half), Err(Unreadable::Line(..))));
    let other = text.replacen("ropewalk-audit-1", "ropewalk-audit-2", 1);
    assert!(matches!(read_ndjson(&other), Err(Unreadable::Schema(_))));
    assert!(matches!(
        read_ndjson(&text.replacen("\"section\"", "\"other\"", 1)),
        Err(Unreadable::Line(2, _))
    ));
}

#[test]
fn every_line_of_ndjson_follows_its_schema() {
    let path = "docs/audit-report.schema.json";
    if std::env::var_os("ROPEWALK_BLESS").is_some() {
        std::fs::write(path, report_schema()).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text == report_schema(), "{path} is not what ROPEWALK_BLESS=1 makes of it");
    let schema = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let breaks = |id: &str| {
        let crash = Outcome::Broken(Breakage::Crash("SIGABRT".into()));
        id.contains("basic").then_some(crash)
    };
    let reports = [
        diagnosed(),
        audited(None, answers),
        audited(None, breaks),
        audited(None, |_| Some(Outcome::Output(vec![]))),
    ];
    for line in reports.iter().flat_map(|r| ndjson(r).lines().map(String::from).collect::<Vec<_>>())
    {
        let value = serde_json::from_str(&line).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{line}: {errors:?}");
    }
    // The schema refuses what it does not know.
    let mut value: serde_json::Value =
        serde_json::from_str(ndjson(&reports[0]).lines().next_back().unwrap()).unwrap();
    value["surplus"] = serde_json::json!(1);
    assert!(!validator.is_valid(&value));
}

/// Every excerpt of the page is a run of lines of a report, `…` aside.
#[test]
fn the_page_about_auditing_shows_real_reports() {
    let page = std::fs::read_to_string("docs/auditing.md").unwrap();
    let style = Style { width: 80, show: 1, ..Style::default() };
    let report = diagnosed();
    let starts = ["DIVERGES", "CONFORMS", "### "];
    let real =
        [terminal(&report, style), terminal(&audited(None, answers), style), markdown(&report)];
    for (start, real) in starts.iter().zip(&real) {
        let block = page.split("\n```").skip(1).filter_map(|part| part.split_once('\n'));
        // A dump's report is none of an audit's.
        let own = |block: &str| block.starts_with(start) && !block.contains(".npy");
        let (_, block) = block.into_iter().find(|(_, block)| own(block)).unwrap();
        let mut rest = real.as_str();
        for line in block.lines().filter(|line| *line != "…") {
            let at = rest.find(line).unwrap_or_else(|| panic!("{line:?} is not in\n{rest}"));
            rest = &rest[at + line.len()..];
        }
        assert!(block.lines().count() > 3, "{block}");
    }
}

#[test]
fn other_ways_to_be_wrong_have_their_own_words() {
    let report = audited(None, |id| match id.contains("layout") {
        true => Some(Outcome::Rejected("invalid_value: head_dim".into())),
        false => Some(Outcome::Output(vec![])),
    });
    let page = terminal(&report, Style::default());
    assert!(page.contains("Wrong otherwise") && page.contains("output q is missing"), "{page}");
    assert!(report.cases.iter().any(|case| matches!(case.status, Status::Misfit(_))));
    assert!(page.contains("(none by a value)"), "{page}");
}

mod pages {
    use super::*;
    use quick_xml::events::Event;
    use quick_xml::{Reader, XmlVersion};
    use ropewalk_cli::{html_page, junit_xml};
    use std::collections::BTreeMap;
    use std::process::Command;

    /// Names of elements and how often each occurs, of a document that is well-formed.
    fn elements(text: &str) -> BTreeMap<String, usize> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_end_names = true;
        let (mut names, mut depth) = (BTreeMap::new(), 0);
        loop {
            let event = reader.read_event().unwrap_or_else(|e| panic!("{e} in {text}"));
            let name = match &event {
                Event::Start(start) | Event::Empty(start) => {
                    // Every attribute can be read, and none stands twice.
                    for attribute in start.attributes() {
                        attribute.unwrap().normalized_value(XmlVersion::Explicit1_0).unwrap();
                    }
                    start.name().as_ref().to_string()
                }
                Event::End(_) => {
                    depth -= 1;
                    continue;
                }
                Event::Eof => break,
                _ => continue,
            };
            depth += i32::from(matches!(event, Event::Start(_)));
            *names.entry(name).or_default() += 1;
        }
        assert_eq!(depth, 0);
        names
    }

    fn attribute(text: &str, element: &str, name: &str) -> Vec<String> {
        let start = format!("<{element} ");
        let of = |part: &str| {
            let tag = part.split('>').next().unwrap();
            let value = tag.split(&format!(" {name}=\"")).nth(1).unwrap();
            value.split('"').next().unwrap().to_string()
        };
        text.split(&start).skip(1).map(|part| of(&format!(" {part}"))).collect()
    }

    #[test]
    fn junit_counts_what_it_holds() {
        let mut report = diagnosed();
        report.log = "\u{1b}[31m]]> \u{0}".into();
        let wrong = report.divergences().count();
        let text = junit_xml(&report).unwrap();
        let names = elements(&text);
        assert_eq!(names["testcase"], report.cases.len() + 1);
        assert_eq!(names["failure"], wrong + 1);
        assert_eq!(attribute(&text, "testsuites", "failures"), [(wrong + 1).to_string()]);
        let suites: usize = attribute(&text, "testsuite", "tests")
            .iter()
            .map(|n| n.parse::<usize>().unwrap())
            .sum();
        assert_eq!(suites, names["testcase"]);
        let first = &attribute(&text, "failure", "message")[0];
        assert!(first.starts_with("c1-base-ignored: "), "{first}");
        let known = ["testsuites", "testsuite", "testcase", "failure", "skipped", "system-err"];
        assert!(names.keys().all(|name| known.contains(&name.as_str())), "{names:?}");
        // A right kernel has no failure, a silent one does not pass.
        assert!(!elements(&junit_xml(&audited(None, answers)).unwrap()).contains_key("failure"));
        let silent = audited(None, |_| Some(Outcome::Skipped("no".into())));
        let names = elements(&junit_xml(&silent).unwrap());
        assert_eq!((names["failure"], names["skipped"]), (1, silent.cases.len()));
        let breaks = |_: &str| Some(Outcome::Broken(Breakage::EarlyExit));
        assert!(elements(&junit_xml(&audited(None, breaks)).unwrap())["error"] > 1);
    }

    #[test]
    fn the_page_is_well_formed_and_needs_nothing_else() {
        let mut hostile = diagnosed();
        hostile.kernel.name = "<script>alert(1)</script>\"'&".into();
        hostile.log = "\u{1b}</pre><img src=\"http://example.org\">".into();
        let crashed = audited(None, |_| Some(Outcome::Broken(Breakage::EarlyExit)));
        for report in [diagnosed(), hostile, crashed, audited(None, answers)] {
            let page = html_page(&report);
            let names = elements(&page);
            let outside =
                ["script", "img", "link", "iframe", "object", "embed", "image", "use", "base"];
            assert!(outside.iter().all(|name| !names.contains_key(*name)), "{names:?}");
            assert!(!page.contains("url(") && !page.contains("@import"));
            let addresses = attribute(&page, "a", "href");
            assert!(addresses.iter().all(|address| address.starts_with("https://github.com/")));
        }
        let names = elements(&html_page(&diagnosed()));
        assert_eq!(names["svg"], 4);
        assert!(names["circle"] > 8 && names["rect"] > 30);
    }

    /// In a real browser.
    #[test]
    #[ignore = "needs chromium"]
    fn browser_shows_the_page() {
        let browser = ["chromium", "chromium-browser", "google-chrome"]
            .into_iter()
            .find(|b| Command::new(b).arg("--version").output().is_ok_and(|o| o.status.success()))
            .expect("chromium");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        let mut report = diagnosed();
        report.kernel.name = "a <b>bold</b> kernel".into();
        std::fs::write(&path, html_page(&report)).unwrap();
        let options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
                       --disable-background-networking --disable-component-update --disable-sync \
                       --timeout=5000 --dump-dom";
        let output = Command::new(browser)
            .args(options.split_whitespace())
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .arg(format!("file://{}", path.display()))
            .output()
            .unwrap();
        let dom = String::from_utf8(output.stdout).unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(dom.contains("a &lt;b&gt;bold&lt;/b&gt; kernel"), "{log}{dom}");
        assert_eq!(dom.matches("<svg ").count(), 4, "{log}");
        // The policy of the page was not offended: a browser would say so.
        assert!(!log.contains("Content Security Policy"), "{log}");
    }
}
