//! One tensor of a file as the bytes that stand there, for tensors that are large.

use super::super::CliError;
use super::archive::Archive;
use super::{bytes, dtype, npy};
use ropewalk::number::{Dtype, Tensor};
use safetensors::tensor::SafeTensors;
use std::path::Path;

const KINDS: [&str; 3] = ["npy", "npz", "safetensors"];

fn extension(path: &Path) -> &str {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default()
}

/// Little-endian numbers, row-major.
pub struct Raw {
    /// Their format.
    pub dtype: Dtype,
    /// Lengths of the axes, outermost first.
    pub shape: Vec<usize>,
    bytes: Vec<u8>,
    start: usize,
}

impl Raw {
    /// Reads FILE, a .npy, or FILE:NAME, a tensor of a .safetensors or .npz; the name may be left
    /// out where there is one tensor only.
    pub fn read(given: &str) -> Result<Raw, CliError> {
        let (file, name) = match given.rsplit_once(':') {
            Some((file, name)) if !Path::new(given).exists() => (file, Some(name)),
            _ => (given, None),
        };
        let path = Path::new(file);
        let usage = |why: String| CliError::Usage(format!("{file}: {why}"));
        let kind = extension(path);
        if ["pt", "pth", "bin", "ckpt"].contains(&kind) {
            let save = "safetensors.torch.save_file({\"q\": q}, \"dump.safetensors\")";
            return Err(usage(format!("PyTorch's own files hold code, and are not read; save by {save}")));
        }
        if !KINDS.contains(&kind) {
            return Err(usage("the name must end in .npy, .npz or .safetensors".into()));
        }
        let content = std::fs::read(path).map_err(CliError::file(path))?;
        match kind {
            "npy" if name.is_some() => Err(usage("a .npy has one array without a name".into())),
            "npy" => Raw::npy(content).map_err(usage),
            "npz" => {
                let mut archive = Archive::new(&content).map_err(usage)?;
                let names = archive.names().map_err(usage)?;
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let index = chosen(&names, name).map_err(usage)?;
                // Nothing but zeros is packed a thousandfold.
                let most = (content.len() as u64).saturating_mul(256).max(1 << 28);
                Raw::npy(archive.member(index, most).map_err(usage)?).map_err(usage)
            }
            _ => Raw::safetensors(content, name).map_err(usage),
        }
    }

    fn npy(bytes: Vec<u8>) -> Result<Raw, String> {
        let head = npy::head(&bytes)?;
        if !head.plain {
            return Ok(Raw::from(&npy::read(&bytes)?));
        }
        let raw = Raw { dtype: head.dtype, shape: head.shape, start: head.start, bytes };
        raw.fits().then_some(raw).ok_or_else(|| "its data are not as long as its shape says".into())
    }

    fn safetensors(bytes: Vec<u8>, name: Option<&str>) -> Result<Raw, String> {
        let (length, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|error| error.to_string())?;
        let tensors = metadata.tensors();
        let mut names: Vec<&str> = tensors.keys().map(String::as_str).collect();
        names.sort_unstable();
        let name = names[chosen(&names, name)?];
        let Some(info) = tensors.get(name) else { return Err(format!("it has no {name}")) };
        // The length of the header stands before it, in eight bytes.
        let start = 8 + length + info.data_offsets.0;
        let raw = Raw { dtype: dtype(name, info.dtype)?, shape: info.shape.clone(), start, bytes };
        raw.fits().then_some(raw).ok_or_else(|| "its data are not as long as its shape says".into())
    }

    fn size(&self) -> usize {
        self.dtype.digits() / 2
    }

    /// Number of elements.
    fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |n, &length| n.checked_mul(length))
    }

    fn fits(&self) -> bool {
        let end = self.count().and_then(|n| n.checked_mul(self.size())?.checked_add(self.start));
        end.is_some_and(|end| end <= self.bytes.len())
    }

    /// The bytes of the elements.
    pub fn content(&self) -> &[u8] {
        let count = self.count().unwrap_or_default();
        &self.bytes[self.start..][..count * self.size()]
    }

    /// The elements, if they are integers.
    pub fn integers(&self) -> Option<Vec<i64>> {
        let mut bits = Vec::new();
        self.append(0, self.count()?, &mut bits);
        match self.dtype {
            Dtype::I64 => Some(bits.into_iter().map(|bits| bits as i64).collect()),
            Dtype::I32 => Some(bits.into_iter().map(|bits| i64::from(bits as u32 as i32)).collect()),
            _ => None,
        }
    }

    /// Whether this names a file of tensors, not one of text.
    pub fn names(given: &str) -> bool {
        let file = given.rsplit_once(':').map_or(given, |(file, _)| file);
        [given, file].iter().any(|file| KINDS.contains(&extension(Path::new(file))))
    }

    /// Appends the bits of some elements.
    pub fn append(&self, first: usize, count: usize, out: &mut Vec<u64>) {
        let size = self.size();
        let bytes = &self.bytes[self.start + first * size..][..count * size];
        match size {
            2 => out.extend(bytes.as_chunks().0.iter().map(|b| u64::from(u16::from_le_bytes(*b)))),
            4 => out.extend(bytes.as_chunks().0.iter().map(|b| u64::from(u32::from_le_bytes(*b)))),
            _ => out.extend(bytes.as_chunks().0.iter().map(|b| u64::from_le_bytes(*b))),
        }
    }
}

impl From<&Tensor> for Raw {
    fn from(tensor: &Tensor) -> Raw {
        let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
        Raw { dtype, shape, bytes: bytes(tensor), start: 0 }
    }
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
