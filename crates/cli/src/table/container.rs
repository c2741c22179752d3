//! The three file formats. All have headers whose length is known beforehand, so the numbers go
//! straight to their places while they are made, and the file gets its name when it is complete.
//!
//! * `.npy`: one array; the metadata stand beside it, in `NAME.npy.json`.
//! * `.npz`: a zip archive without compression (zip64, so that there is no limit at 4 GiB), the
//!   metadata as `config.json`. Checksums are filled in at the end.
//! * `.safetensors`: the metadata in `__metadata__`, under `ropewalk`.
//!
//! numpy has no bf16: there such an array has dtype `<u2`, and
//! `(a.astype("<u4") << 16).view("<f4")` are its numbers.

use super::super::{
    CliError,
    write::{persist, temporary, write_atomically},
};
use super::arrays::{Array, Arrays};
use ropewalk::number::Dtype;
use ropewalk::request::{Json, Object};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file in the making.
pub(super) struct Container {
    path: PathBuf,
    file: tempfile::NamedTempFile,
    /// Where the next bytes of each stream go.
    streams: Vec<u64>,
    members: Vec<Member>,
    kind: Kind,
    metadata: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Npy,
    Npz,
    Safetensors,
}

/// A member of a zip archive.
struct Member {
    name: String,
    /// Of its local header.
    offset: u64,
    size: u64,
    checksum: crc32fast::Hasher,
}

fn kind(path: &Path) -> Result<Kind, CliError> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("npy") => Ok(Kind::Npy),
        Some("npz") => Ok(Kind::Npz),
        Some("safetensors") => Ok(Kind::Safetensors),
        _ => Err(CliError::Usage(format!(
            "{}: the name must end in .npy, .npz or .safetensors",
            path.display()
        ))),
    }
}

/// The header of an array in numpy's format, version 1.0: a Python literal, padded to 64 bytes.
fn npy_header(arrays: &Arrays, array: &Array) -> Vec<u8> {
    let mut shape = array.shape.clone();
    let descr = match (arrays.dtype, arrays.is_complex()) {
        (Dtype::F64, true) => "<c16",
        (Dtype::F64, false) => "<f8",
        (Dtype::F32, true) => "<c8",
        (Dtype::F32, false) => "<f4",
        (Dtype::F16, _) => "<f2",
        _ => "<u2",
    };
    if arrays.is_complex() {
        shape.pop();
    }
    let shape: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    while (text.len() + 11) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes
}

fn safetensors_header(arrays: &Arrays, metadata: &str) -> Vec<u8> {
    let mut header = Object::default();
    let mut about = Object::default();
    about.set("ropewalk", Json::from(metadata));
    header.set("__metadata__", Json::Object(about));
    let mut start = 0;
    for array in arrays.list(false) {
        let end = start + arrays.stream_bytes();
        let integers =
            |list: &[u64]| Json::Array(list.iter().map(|&n| Json::Integer(n as i128)).collect());
        let mut entry = Object::default();
        entry.set("dtype", Json::from(arrays.dtype.name().to_uppercase().as_str()));
        entry.set("shape", integers(&array.shape));
        entry.set("data_offsets", integers(&[start, end]));
        header.set(array.name, Json::Object(entry));
        start = end;
    }
    let mut text = serde_json::to_string(&Json::Object(header)).unwrap_or_default();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.bytes());
    bytes
}

/// The header before a member; the two records share their middle part.
fn zip_record(member: &Member, central: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let version = 45u16.to_le_bytes();
    bytes.extend(if central { *b"PK\x01\x02" } else { *b"PK\x03\x04" });
    if central {
        bytes.extend(version);
    }
    bytes.extend(version);
    // No flags, no compression, midnight of 1 January 1980: the same bytes every time.
    bytes.extend([0, 0, 0, 0, 0, 0, 0x21, 0]);
    bytes.extend(member.checksum.clone().finalize().to_le_bytes());
    bytes.extend([0xff; 8]);
    bytes.extend((member.name.len() as u16).to_le_bytes());
    let extra: u16 = if central { 24 } else { 16 };
    bytes.extend((extra + 4).to_le_bytes());
    if central {
        bytes.extend([0; 10]);
        bytes.extend([0xff; 4]);
    }
    bytes.extend(member.name.bytes());
    bytes.extend([1, 0]);
    bytes.extend(extra.to_le_bytes());
    bytes.extend(member.size.to_le_bytes());
    bytes.extend(member.size.to_le_bytes());
    if central {
        bytes.extend(member.offset.to_le_bytes());
    }
    bytes
}

impl Container {
    /// Makes a temporary file beside `path` and writes the headers.
    pub(super) fn create(
        path: &Path,
        arrays: &Arrays,
        metadata: &str,
    ) -> Result<Container, CliError> {
        let kind = kind(path)?;
        let file = temporary(path)?;
        let (path, metadata) = (path.to_path_buf(), metadata.to_string());
        let mut made =
            Container { path, file, streams: Vec::new(), members: Vec::new(), kind, metadata };
        let mut end = 0;
        match kind {
            Kind::Safetensors => {
                let header = safetensors_header(arrays, &made.metadata);
                made.put(0, &header)?;
                end = header.len() as u64;
                made.streams = (0..arrays.streams() as u64)
                    .map(|stream| end + stream * arrays.stream_bytes())
                    .collect();
            }
            Kind::Npy | Kind::Npz => {
                for array in arrays.list(kind == Kind::Npy) {
                    end = made.array(arrays, &array, end)?;
                }
            }
        }
        if kind == Kind::Npz {
            let content = made.metadata.clone().into_bytes();
            let start = made.member("config.json", content.len() as u64, end)?;
            made.put(start, &content)?;
            if let Some(member) = made.members.last_mut() {
                member.checksum.update(&content);
            }
        }
        Ok(made)
    }

    /// An array at an offset; returns where it ends.
    fn array(&mut self, arrays: &Arrays, array: &Array, offset: u64) -> Result<u64, CliError> {
        let header = npy_header(arrays, array);
        let size = header.len() as u64 + array.streams * arrays.stream_bytes();
        let mut start = offset;
        if self.kind == Kind::Npz {
            start = self.member(&format!("{}.npy", array.name), size, offset)?;
            if let Some(member) = self.members.last_mut() {
                member.checksum.update(&header);
            }
        }
        self.put(start, &header)?;
        for stream in 0..array.streams {
            self.streams.push(start + header.len() as u64 + stream * arrays.stream_bytes());
        }
        Ok(start + size)
    }

    /// Leaves room for a member's header; returns where its content begins.
    fn member(&mut self, name: &str, size: u64, offset: u64) -> Result<u64, CliError> {
        let checksum = crc32fast::Hasher::new();
        let member = Member { name: name.to_string(), offset, size, checksum };
        let record = zip_record(&member, false);
        self.put(offset, &record)?;
        self.members.push(member);
        Ok(offset + record.len() as u64)
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) -> Result<(), CliError> {
        let file = self.file.as_file_mut();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.write_all(bytes))
            .map_err(CliError::file(&self.path))
    }

    /// Appends to a stream.
    pub(super) fn write(&mut self, stream: usize, bytes: &[u8]) -> Result<(), CliError> {
        // In an archive every stream is a member of its own, in the same order.
        if self.kind == Kind::Npz {
            self.members[stream].checksum.update(bytes);
        }
        self.put(self.streams[stream], bytes)?;
        self.streams[stream] += bytes.len() as u64;
        Ok(())
    }

    /// Completes the file and gives it its name.
    pub(super) fn finish(mut self) -> Result<(), CliError> {
        if self.kind == Kind::Npz {
            self.close_archive()?;
        }
        if self.kind == Kind::Npy {
            let mut beside = self.path.clone().into_os_string();
            beside.push(".json");
            write_atomically(Path::new(&beside), format!("{}\n", self.metadata).as_bytes())?;
        }
        persist(self.file, &self.path)
    }

    /// The checksums, and the directory at the end.
    fn close_archive(&mut self) -> Result<(), CliError> {
        let (mut directory, mut start) = (Vec::new(), 0);
        for member in std::mem::take(&mut self.members) {
            let record = zip_record(&member, false);
            self.put(member.offset, &record)?;
            start = member.offset + record.len() as u64 + member.size;
            directory.extend(zip_record(&member, true));
            self.members.push(member);
        }
        let (count, size) = (self.members.len() as u64, directory.len() as u64);
        directory.extend(b"PK\x06\x06");
        directory.extend(44u64.to_le_bytes());
        directory.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for number in [count, count, size, start] {
            directory.extend(number.to_le_bytes());
        }
        directory.extend(b"PK\x06\x07\x00\x00\x00\x00");
        directory.extend((start + size).to_le_bytes());
        directory.extend(b"\x01\x00\x00\x00PK\x05\x06\x00\x00\x00\x00");
        directory.extend((count as u16).to_le_bytes());
        directory.extend((count as u16).to_le_bytes());
        directory.extend([0xff; 8]);
        directory.extend([0, 0]);
        self.put(start, &directory)
    }
}
