//! The extension module `ropewalk._native`: bytes, numbers and JSON in and out; what is pleasant to
//! use stands in Python, in `python/ropewalk`.

mod answers;
mod config;
mod failure;
mod given;
mod judged;
mod kernel;
mod report;
mod suite;
mod tensors;
mod work;

use pyo3::prelude::*;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// The program: its arguments, its name first, and the command that starts it again.
#[pyfunction]
fn program(py: Python<'_>, arguments: Vec<OsString>, own: Vec<OsString>) -> u8 {
    py.detach(|| {
        let code = ropewalk_cli::run(arguments, Some(own));
        // Nobody flushes it for us when Python ends; who reads may have gone.
        let _ = std::io::stdout().flush();
        (0..=u8::MAX).find(|&n| ExitCode::from(n) == code).unwrap_or(2)
    })
}

/// Names of the released models.
#[pyfunction]
fn models() -> Vec<String> {
    ropewalk::encoding::models().iter().map(|model| model.name.clone()).collect()
}

#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<report::Report>()?;
    module.add_class::<suite::Suite>()?;
    module.add_function(wrap_pyfunction!(program, module)?)?;
    module.add_function(wrap_pyfunction!(models, module)?)?;
    module.add_function(wrap_pyfunction!(config::resolve, module)?)?;
    module.add_function(wrap_pyfunction!(config::planes, module)?)?;
    module.add_function(wrap_pyfunction!(answers::rotate, module)?)?;
    module.add_function(wrap_pyfunction!(answers::table, module)?)?;
    module.add_function(wrap_pyfunction!(answers::inv_freq, module)?)?;
    module.add_function(wrap_pyfunction!(answers::widen_f8, module)?)?;
    module.add_function(wrap_pyfunction!(judged::judge_rotated, module)?)?;
    module.add_function(wrap_pyfunction!(judged::judge_outputs, module)?)?;
    module.add_function(wrap_pyfunction!(given::answer_given, module)?)?;
    module.add_function(wrap_pyfunction!(given::judge_given, module)?)?;
    module.add_function(wrap_pyfunction!(suite::identify, module)?)?;
    module.add_function(wrap_pyfunction!(tensors::dlpack, module)?)?;
    module.add_function(wrap_pyfunction!(tensors::pack, module)?)?;
    module.add_function(wrap_pyfunction!(tensors::number, module)?)?;
    Ok(())
}
