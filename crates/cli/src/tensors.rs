//! Named tensors in `.safetensors` and `.npz` files.
//!
//! numpy has no bf16: in an `.npz` such a tensor is `uint16`, its bit patterns.

mod archive;
mod bytes;
mod npy;
mod raw;

use bytes::{bytes, tensor};

pub use raw::{is_tensor, parsed, raw};

use self::archive::Archive;
use super::CliError;
use super::write::write_atomically;
use ropewalk::number::{Dtype, Tensor};
use safetensors::tensor::{Dtype as Stored, SafeTensors, TensorView};
use std::io::{Cursor, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Names and tensors, in an order that is the same every time.
pub type Named = Vec<(String, Tensor)>;

/// Bytes of an archive's arrays together; more than any prompt or answer has.
const MOST: u64 = 1 << 30;

#[derive(Clone, Copy)]
enum Kind {
    Safetensors,
    Npz,
}

fn kind(path: &Path) -> Result<Kind, CliError> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("safetensors") => Ok(Kind::Safetensors),
        Some("npz") => Ok(Kind::Npz),
        _ => Err(CliError::Usage(format!(
            "{}: the name must end in .safetensors or .npz",
            path.display()
        ))),
    }
}

/// Reads all tensors of a file.
pub fn read(path: &Path) -> Result<Named, CliError> {
    let kind = kind(path)?;
    let bytes = std::fs::read(path).map_err(CliError::file(path))?;
    let named = match kind {
        Kind::Safetensors => read_safetensors(&bytes),
        Kind::Npz => read_npz(&bytes),
    };
    named.map_err(|why| CliError::Usage(format!("{}: {why}", path.display())))
}

/// Writes tensors to a file. The same tensors give the same bytes.
pub fn write(path: &Path, named: &[(String, Tensor)]) -> Result<(), CliError> {
    let bytes = match kind(path)? {
        Kind::Safetensors => write_safetensors(named),
        Kind::Npz => write_npz(named),
    };
    let bytes = bytes.map_err(|why| CliError::Usage(format!("{}: {why}", path.display())))?;
    write_atomically(path, &bytes)
}

fn dtype(name: &str, stored: Stored) -> Result<Dtype, String> {
    Ok(match stored {
        Stored::F64 => Dtype::F64,
        Stored::F32 => Dtype::F32,
        Stored::BF16 => Dtype::Bf16,
        Stored::F16 => Dtype::F16,
        Stored::F8_E4M3 => Dtype::F8E4M3Fn,
        Stored::F8_E5M2 => Dtype::F8E5M2,
        Stored::I64 => Dtype::I64,
        Stored::I32 => Dtype::I32,
        other => {
            return Err(format!(
                "{name} is {other:?}, allowed are F64, F32, BF16, F16, F8_E4M3, F8_E5M2, I64, I32"
            ));
        }
    })
}

/// Every tensor of a file.
pub fn read_safetensors(bytes: &[u8]) -> Result<Named, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let mut named = Named::new();
    for (name, view) in file.tensors() {
        let dtype = dtype(&name, view.dtype())?;
        let read = tensor(dtype, view.shape().to_vec(), view.data());
        named.push((name.clone(), read.map_err(|why| format!("{name}: {why}"))?));
    }
    named.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(named)
}

fn write_safetensors(named: &[(String, Tensor)]) -> Result<Vec<u8>, String> {
    let bytes: Vec<Vec<u8>> = named.iter().map(|(_, tensor)| self::bytes(tensor)).collect();
    let mut views = Vec::new();
    for ((name, tensor), bytes) in named.iter().zip(&bytes) {
        let dtype = match tensor.dtype() {
            Dtype::F64 => Stored::F64,
            Dtype::F32 => Stored::F32,
            Dtype::Bf16 => Stored::BF16,
            Dtype::F16 => Stored::F16,
            Dtype::F8E4M3Fn => Stored::F8_E4M3,
            Dtype::F8E5M2 => Stored::F8_E5M2,
            Dtype::I64 => Stored::I64,
            Dtype::I32 => Stored::I32,
            Dtype::F8E4M3Fnuz | Dtype::F8E5M2Fnuz => {
                let dtype = tensor.dtype();
                return Err(format!("{name} is {dtype}, which safetensors does not have"));
            }
        };
        let view = TensorView::new(dtype, tensor.shape().to_vec(), bytes);
        views.push((name.as_str(), view.map_err(|e| e.to_string())?));
    }
    safetensors::serialize(views, None).map_err(|e| e.to_string())
}

/// Every array of an archive.
pub fn read_npz(bytes: &[u8]) -> Result<Named, String> {
    let mut archive = Archive::new(bytes)?;
    let mut room = MOST;
    let mut named = Named::new();
    for (index, name) in archive.names()?.into_iter().enumerate() {
        let content = archive.member(index, room)?;
        room -= content.len() as u64;
        named.push((name.clone(), npy::read(&content).map_err(|e| format!("{name}: {e}"))?));
    }
    named.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(named)
}

fn write_npz(named: &[(String, Tensor)]) -> Result<Vec<u8>, String> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // No compression, and midnight of 1 January 1980.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    for (name, tensor) in named {
        archive.start_file(format!("{name}.npy"), options).map_err(|e| e.to_string())?;
        archive.write_all(&npy::header(tensor)).map_err(|e| e.to_string())?;
        archive.write_all(&bytes(tensor)).map_err(|e| e.to_string())?;
    }
    Ok(archive.finish().map_err(|e| e.to_string())?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Named {
        let tensor = |dtype, shape: &[usize], data: &[u64]| {
            Tensor::new(dtype, shape.to_vec(), data.to_vec()).unwrap()
        };
        vec![
            ("a.bf16".into(), tensor(Dtype::Bf16, &[1, 2], &[0x3f80, 0xc049])),
            ("a.f16".into(), tensor(Dtype::F16, &[2], &[0x7c00, 1])),
            ("a.f32".into(), tensor(Dtype::F32, &[], &[0x7fc0_0001])),
            ("a.f64".into(), tensor(Dtype::F64, &[0, 3], &[])),
            ("a.i32".into(), tensor(Dtype::I32, &[1], &[0xffff_ffff])),
            ("a.i64".into(), tensor(Dtype::I64, &[2, 1], &[u64::MAX, 1 << 62])),
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.safetensors", "a.npz"] {
            let path = folder.path().join(name);
            write(&path, &samples()).unwrap();
            assert_eq!(read(&path).unwrap(), samples(), "{name}");
            let first = std::fs::read(&path).unwrap();
            write(&path, &samples()).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), first, "{name}");
        }
    }

    #[test]
    fn files_that_are_none_are_named() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.safetensors", "a.npz"] {
            let path = folder.path().join(name);
            for content in [&b""[..], b"\xff\xff\xff\xff\xff\xff\xff\xff{}", b"PK\x05\x06"] {
                std::fs::write(&path, content).unwrap();
                let error = read(&path).unwrap_err().to_string();
                assert!(error.contains(name), "{error}");
            }
        }
        assert!(read(Path::new("a.txt")).unwrap_err().to_string().contains(".npz"));
    }
}
