//! `ropewalk host`, which nobody types: the process in which `audit --lib` runs a library.

use super::CliError;
use ropewalk::audit::Ask;
use ropewalk::audit::library::{ServeError, serve};
use ropewalk::exact;
use ropewalk::number::Format;
use ropewalk::request::{Object, Operation, Reply, run_request};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Load a shared library and speak the protocol for it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The library
    #[arg(value_name = "FILE")]
    library: PathBuf,
    /// What the names of its functions begin with
    #[arg(long, value_name = "NAME", default_value = "ropewalk")]
    symbol: String,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let output = own_output().map_err(CliError::stream("standard output"))?;
    // A bare name would be looked for where the system keeps its libraries.
    let path = args.library.canonicalize().map_err(CliError::file(&args.library))?;
    serve(&path, &args.symbol, &spectrum, std::io::stdin().lock(), output).map_err(|error| {
        match error {
            ServeError::Load(why) => CliError::Usage(why),
            ServeError::Stream(error) => CliError::stream("standard streams")(error),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Standard output for the protocol alone: what the library prints goes to the log.
#[cfg(unix)]
fn own_output() -> std::io::Result<impl Write> {
    let kept = rustix::io::dup(std::io::stdout())?;
    rustix::stdio::dup2_stdout(std::io::stderr())?;
    Ok(std::fs::File::from(kept))
}

#[cfg(not(unix))]
fn own_output() -> std::io::Result<impl Write> {
    Ok(std::io::stdout())
}

/// inv_freq, correctly rounded to f64, and the factor of a question.
fn spectrum(ask: &Ask) -> Result<(Vec<f64>, f64), String> {
    let length = ask.input.get("seq_len").map(|n| ("seq_len".to_string(), n.clone()));
    let input: Object = length.into_iter().collect();
    let dtype = ropewalk::number::Dtype::F64;
    let request = run_request(Operation::InvFreq, dtype, &ask.id, &ask.config, &input);
    let Reply::Output { output, .. } =
        exact::reply(&serde_json::to_string(&request).unwrap_or_default())
    else {
        return Err("its spectrum cannot be computed".into());
    };
    let values = |name: &str| -> Vec<f64> {
        let tensor = output.iter().find(|(known, _)| *known == name);
        let bits = tensor.map_or(&[][..], |(_, tensor)| tensor.data());
        bits.iter().map(|&bits| Format::F64.to_f64(bits)).collect()
    };
    Ok((values("inv_freq"), values("attention_factor").first().copied().unwrap_or(1.0)))
}
