//! The report for programs: one JSON object per line; without its footer it is not whole.

use super::lines::{CaseLine, Footer, GroupLine, Header, Line, SectionLine};
use crate::audit::finding::Report;
use schemars::generate::SchemaSettings;

/// The report as NDJSON: a header, every section with its groups, every case, a footer.
///
/// [`report_schema`] describes every line. [`super::read_ndjson`] reads it back.
pub fn ndjson(report: &Report) -> String {
    let sections = report.sections.iter().flat_map(|section| {
        let groups = section.groups.iter().map(|group| Line::Group(GroupLine::new(section, group)));
        [Line::Section(SectionLine::new(section))].into_iter().chain(groups)
    });
    [Line::Header(Header::new(report))]
        .into_iter()
        .chain(sections)
        .chain(report.cases.iter().map(|case| Line::Case(CaseLine::new(case))))
        .chain([Line::Footer(Footer::new(report))])
        .map(|line| serde_json::to_string(&line).unwrap_or_default() + "\n")
        .collect()
}

/// The JSON Schema of a line of [`ndjson`], as it stands in `docs/audit-report.schema.json`.
pub fn report_schema() -> String {
    let schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Line<'static>>();
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
