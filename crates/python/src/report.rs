//! A report of the auditor in Python's hands.

use crate::failure::value;
use pyo3::prelude::*;
use ropewalk::audit::{self, Style, markdown, ndjson, terminal};

/// What an audit found.
#[pyclass(frozen, module = "ropewalk._native")]
pub struct Report(pub audit::Report);

#[pymethods]
impl Report {
    /// `conforms`, `diverges`, `unjudged` or `adapter_fault`.
    #[getter]
    fn verdict(&self) -> &'static str {
        self.0.verdict.name()
    }

    /// Of every case the format of its worst element: a chain has outputs of several.
    fn dtypes(&self) -> Vec<Option<&'static str>> {
        let worst = self.0.cases.iter().map(|case| case.worst.as_ref());
        worst.map(|wrong| wrong.map(|wrong| wrong.dtype.name())).collect()
    }

    /// The report for people.
    fn terminal(&self, width: usize, colour: bool, show: usize, verbose: bool) -> String {
        terminal(&self.0, Style { width: width.clamp(60, 160), colour, show, verbose })
    }

    /// The page.
    fn html(&self) -> String {
        ropewalk_cli::html_page(&self.0)
    }

    /// For a pull request.
    fn markdown(&self) -> String {
        markdown(&self.0)
    }

    /// Everything, a JSON object a line.
    fn ndjson(&self) -> String {
        ndjson(&self.0)
    }

    /// For the test view of a CI system.
    fn junit(&self) -> PyResult<String> {
        ropewalk_cli::junit_xml(&self.0).map_err(value)
    }

    /// The end of what the kernel said of its own failures.
    #[getter]
    fn log(&self) -> &str {
        &self.0.log
    }
}
