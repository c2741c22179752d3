//! Reading a report back: whole, or not at all.

use super::lines::REPORT_SCHEMA;
use serde_json::Value;

/// The lines of a report that is whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Who was audited.
    pub header: Value,
    /// By operation and output format.
    pub sections: Vec<Value>,
    /// By golden file and group.
    pub groups: Vec<Value>,
    /// In the order of asking.
    pub cases: Vec<Value>,
    /// The verdict, the counts, the causes.
    pub footer: Value,
}

/// Why a file is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A line that is no JSON object with a `line`.
    #[error("line {0} is no line of a report: {1}")]
    Line(usize, String),
    /// Another format, or another version of it.
    #[error("schema is {0}, {REPORT_SCHEMA} is read")]
    Schema(String),
    /// The first line is no header, or one stands elsewhere.
    #[error("line {0} must be a header, and only line 1 is one")]
    Header(usize),
    /// The run was cut short: a report without its footer says nothing.
    #[error("the footer is missing: the run was cut short, and what stands here is no report")]
    NoFooter,
    /// Something stands behind the footer.
    #[error("line {0} stands behind the footer")]
    Trailing(usize),
    /// The footer counts other cases than there are.
    #[error("the footer counts {counted} cases, {found} are there")]
    Count {
        /// By the footer.
        counted: u64,
        /// In the file.
        found: usize,
    },
}

/// Reads a report in NDJSON.
///
/// ```
/// use ropewalk::audit::{Unreadable, read_ndjson};
/// let cut = r#"{"line":"header","schema":"ropewalk-audit-1"}"#;
/// assert_eq!(read_ndjson(cut), Err(Unreadable::NoFooter));
/// ```
///
/// # Errors
/// [`Unreadable`] if anything is missing, surplus or of another version.
pub fn read_ndjson(text: &str) -> Result<Recorded, Unreadable> {
    let (mut header, mut footer) = (None, None);
    let (mut sections, mut groups, mut cases) = (vec![], vec![], vec![]);
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let value: Value = serde_json::from_str(line)
            .map_err(|error| Unreadable::Line(number, error.to_string()))?;
        if footer.is_some() {
            return Err(Unreadable::Trailing(number));
        }
        let kind = value["line"].as_str().unwrap_or_default().to_string();
        if (kind == "header") != (number == 1) {
            return Err(Unreadable::Header(number));
        }
        match kind.as_str() {
            "header" if value["schema"] != REPORT_SCHEMA => {
                return Err(Unreadable::Schema(value["schema"].to_string()));
            }
            "header" => header = Some(value),
            "section" => sections.push(value),
            "group" => groups.push(value),
            "case" => cases.push(value),
            "footer" => footer = Some(value),
            other => return Err(Unreadable::Line(number, format!("{other:?} is unknown"))),
        }
    }
    let header = header.ok_or(Unreadable::Header(1))?;
    let footer = footer.ok_or(Unreadable::NoFooter)?;
    let counted = footer["counts"]["cases"].as_u64().unwrap_or_default();
    match counted == cases.len() as u64 {
        true => Ok(Recorded { header, sections, groups, cases, footer }),
        false => Err(Unreadable::Count { counted, found: cases.len() }),
    }
}
