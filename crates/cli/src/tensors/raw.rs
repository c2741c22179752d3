//! One tensor of a file as the bytes that stand there, for tensors that are large.

use super::super::CliError;
use super::archive::Archive;
use super::{dtype, npy};
use ropewalk::dump::Raw;
use safetensors::tensor::SafeTensors;
use std::path::Path;

const KINDS: [&str; 3] = ["npy", "npz", "safetensors"];

fn extension(path: &Path) -> &str {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default()
}

/// Whether this names a file of tensors, not one of text.
pub fn is_tensor(given: &str) -> bool {
    let file = given.rsplit_once(':').map_or(given, |(file, _)| file);
    [given, file].iter().any(|file| KINDS.contains(&extension(Path::new(file))))
}

/// Reads FILE, a .npy, or FILE:NAME, a tensor of a .safetensors or .npz; the name may be left
/// out where there is one tensor only.
pub fn raw(given: &str) -> Result<Raw<'static>, CliError> {
    let (file, name) = match given.rsplit_once(':') {
        Some((file, name)) if !Path::new(given).exists() => (file, Some(name)),
        _ => (given, None),
    };
    let path = Path::new(file);
    let usage = |why: String| CliError::Usage(format!("{file}: {why}"));
    let kind = extension(path);
    if ["pt", "pth", "bin", "ckpt"].contains(&kind) {
        let save = "safetensors.torch.save_file({\"q\": q}, \"dump.safetensors\")";
        return Err(usage(format!(
            "PyTorch's own files hold code, and are not read; save by {save}"
        )));
    }
    if !KINDS.contains(&kind) {
        return Err(usage("the name must end in .npy, .npz or .safetensors".into()));
    }
    let content = std::fs::read(path).map_err(CliError::file(path))?;
    parsed(kind, content, name).map_err(usage)
}

/// A tensor of a file of this kind.
pub fn parsed(kind: &str, content: Vec<u8>, name: Option<&str>) -> Result<Raw<'static>, String> {
    match kind {
        "npy" if name.is_some() => Err("a .npy has one array without a name".into()),
        "npy" => plain(content),
        "npz" => {
            let mut archive = Archive::new(&content)?;
            let names = archive.names()?;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let index = chosen(&names, name)?;
            // Nothing but zeros is packed a thousandfold.
            let most = (content.len() as u64).saturating_mul(256).max(1 << 28);
            plain(archive.member(index, most)?)
        }
        _ => stored(content, name),
    }
}

fn plain(bytes: Vec<u8>) -> Result<Raw<'static>, String> {
    let head = npy::head(&bytes)?;
    if !head.plain {
        return Ok(Raw::from(&npy::read(&bytes)?));
    }
    Raw::new(head.dtype, head.shape, bytes, head.start)
}

fn stored(bytes: Vec<u8>, name: Option<&str>) -> Result<Raw<'static>, String> {
    let (length, metadata) =
        SafeTensors::read_metadata(&bytes).map_err(|error| error.to_string())?;
    let tensors = metadata.tensors();
    let mut names: Vec<&str> = tensors.keys().map(String::as_str).collect();
    names.sort_unstable();
    let name = names[chosen(&names, name)?];
    let Some(info) = tensors.get(name) else { return Err(format!("it has no {name}")) };
    // The length of the header stands before it, in eight bytes.
    let start = 8 + length + info.data_offsets.0;
    Raw::new(dtype(name, info.dtype)?, info.shape.clone(), bytes, start)
}

/// The index of a name, or of the only one.
fn chosen(names: &[&str], name: Option<&str>) -> Result<usize, String> {
    let list = || names.join(", ");
    match (name, names) {
        (Some(name), _) => names
            .iter()
            .position(|known| *known == name)
            .ok_or_else(|| format!("it has no tensor {name:?}, only {}", list())),
        (None, [_]) => Ok(0),
        (None, []) => Err("it has no tensors".into()),
        (None, _) => Err(format!("it has several tensors; write FILE:NAME with one of {}", list())),
    }
}
