//! The report as JUnit XML, for the test views of CI systems.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use ropewalk::audit::{
    CaseReport, Digest, Report, Status, Style, Verdict, clean, evidence, sentences, terminal,
};
use ropewalk::vector::note;
use std::io;

type Xml = Writer<Vec<u8>>;

/// The report as JUnit XML: a suite for every golden file, a test for every case, and a suite
/// `audit` whose one test is the verdict itself, so that a run that judged nothing is no pass.
///
/// A known failure is a skipped test. Times are left out: the same answers give the same bytes.
pub fn junit(report: &Report) -> io::Result<String> {
    let mut files: Vec<(&str, Vec<&CaseReport>)> = Vec::new();
    for case in &report.cases {
        let file = case.group.split(' ').next().unwrap_or_default();
        match files.iter_mut().find(|(name, _)| *name == file) {
            Some((_, cases)) => cases.push(case),
            None => files.push((file, vec![case])),
        }
    }
    let own = usize::from(verdict_failure(report).is_some());
    let broken = usize::from(report.verdict == Verdict::AdapterFault);
    let all = Counts::of(report.cases.iter());
    let all = Counts {
        tests: all.tests + 1,
        failures: all.failures + own - broken,
        errors: all.errors + broken,
        ..all
    };
    let mut xml: Xml = Writer::new_with_indent(Vec::new(), b' ', 1);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let name = format!("ropewalk audit of {}", report.kernel.name);
    let root = all.onto(xml.create_element("testsuites").with_attribute(("name", &*line(&name))));
    root.write_inner_content(|xml| {
        verdict(xml, report)?;
        for (file, cases) in &files {
            let counts = Counts::of(cases.iter().copied());
            let suite = xml.create_element("testsuite").with_attribute(("name", *file));
            let suite =
                counts.onto(suite).with_attribute(("skipped", &*counts.skipped.to_string()));
            suite.write_inner_content(|xml| {
                cases.iter().try_for_each(|case| self::case(xml, case))
            })?;
        }
        Ok(())
    })?;
    let mut text = String::from_utf8_lossy(&xml.into_inner()).into_owned();
    text.push('\n');
    Ok(text)
}

#[derive(Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of<'c>(cases: impl Iterator<Item = &'c CaseReport>) -> Counts {
        let mut counts = Counts::default();
        for case in cases {
            counts.tests += 1;
            match Outcome::of(case) {
                Outcome::Passed => {}
                Outcome::Failure => counts.failures += 1,
                Outcome::Error => counts.errors += 1,
                Outcome::Skipped => counts.skipped += 1,
            }
        }
        counts
    }

    fn onto<'w>(
        &self,
        element: quick_xml::writer::ElementWriter<'w, Vec<u8>>,
    ) -> quick_xml::writer::ElementWriter<'w, Vec<u8>> {
        element
            .with_attribute(("tests", &*self.tests.to_string()))
            .with_attribute(("failures", &*self.failures.to_string()))
            .with_attribute(("errors", &*self.errors.to_string()))
    }
}

enum Outcome {
    Passed,
    Failure,
    Error,
    Skipped,
}

impl Outcome {
    fn of(case: &CaseReport) -> Outcome {
        match &case.status {
            // An entry of the known-failures file that passes must be taken out of it.
            Status::Passed if case.known => Outcome::Failure,
            Status::Passed => Outcome::Passed,
            _ if case.known => Outcome::Skipped,
            status if status.is_divergence() => Outcome::Failure,
            status if status.is_breakage() => Outcome::Error,
            _ => Outcome::Skipped,
        }
    }
}

/// What the verdict fails with, if it does.
fn verdict_failure(report: &Report) -> Option<String> {
    (report.verdict != Verdict::Conforms).then(|| {
        let first = report.diagnoses.first().map(|diagnosis| {
            let named = match diagnosis.faults.is_empty() {
                true => String::new(),
                false => format!("{}: ", diagnosis.names()),
            };
            format!("{named}{}", sentences(&[&diagnosis.summary, &diagnosis.fix]))
        });
        let word = report.verdict.name().replace('_', " ");
        first.unwrap_or_else(|| format!("{word}: {}", Digest::new(report).summary))
    })
}

fn verdict(xml: &mut Xml, report: &Report) -> io::Result<()> {
    let failure = verdict_failure(report);
    let broken = report.verdict == Verdict::AdapterFault;
    let counts = Counts {
        tests: 1,
        failures: usize::from(failure.is_some() && !broken),
        errors: usize::from(broken),
        skipped: 0,
    };
    let suite = xml.create_element("testsuite").with_attribute(("name", "audit"));
    let suite = counts.onto(suite).with_attribute(("skipped", "0"));
    suite.write_inner_content(|xml| {
        let test = xml.create_element("testcase").with_attribute(("classname", "audit"));
        test.with_attribute(("name", "verdict")).write_inner_content(|xml| {
            if let Some(message) = &failure {
                let kind = if broken { "error" } else { "failure" };
                let page = terminal(report, Style::default());
                remark(xml, kind, report.verdict.name(), message, &page)?;
            }
            Ok(())
        })?;
        if !report.log.is_empty() {
            let log = clean(&report.log);
            xml.create_element("system-err").write_text_content(BytesText::new(&log))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn case(xml: &mut Xml, case: &CaseReport) -> io::Result<()> {
    let class = line(&case.group.replace(' ', "."));
    let test = xml.create_element("testcase").with_attribute(("classname", &*class));
    let test = test.with_attribute(("name", &*line(&case.id)));
    let message = match (&case.status, case.known) {
        (Status::Passed, true) => "listed as a known failure, and passes".to_string(),
        (Status::Unjudged, _) => "no bound judges any element of it".to_string(),
        (_, true) => format!("known failure: {}", evidence(case)),
        _ => evidence(case),
    };
    let kind = match Outcome::of(case) {
        Outcome::Passed => {
            test.write_empty()?;
            return Ok(());
        }
        Outcome::Failure => "failure",
        Outcome::Error => "error",
        Outcome::Skipped => {
            test.write_inner_content(|xml| {
                let message = line(&message);
                let skipped = xml.create_element("skipped");
                skipped.with_attribute(("message", &*message)).write_empty()?;
                Ok(())
            })?;
            return Ok(());
        }
    };
    let mut text = format!("{}\n{}\n{message}\n", case.id, case.comment);
    for flag in case.flags.iter().filter_map(|flag| note(flag)) {
        text.push_str(&format!("{}: {}\n", flag.flag, flag.meaning));
    }
    test.write_inner_content(|xml| remark(xml, kind, case.status.name(), &message, &text))?;
    Ok(())
}

/// A `failure` or an `error`.
fn remark(xml: &mut Xml, kind: &str, word: &str, message: &str, text: &str) -> io::Result<()> {
    let element = xml.create_element(kind).with_attribute(("message", &*line(message)));
    let element = element.with_attribute(("type", word));
    element.write_text_content(BytesText::new(&clean(text)))?;
    Ok(())
}

/// What was written on one line, for an attribute.
fn line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}
