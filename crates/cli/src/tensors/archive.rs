//! `.npz` files: archives of arrays, which are read one by one and never further than they say.

use super::npy;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Bytes read at once: memory grows with what is there, not with what is said.
const BLOCK: u64 = 1 << 20;

/// An archive whose members are arrays.
pub(super) struct Archive<'a>(ZipArchive<Cursor<&'a [u8]>>);

impl<'a> Archive<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Archive<'a>, String> {
        ZipArchive::new(Cursor::new(bytes)).map(Archive).map_err(|e| e.to_string())
    }

    /// The arrays' names, in the order of the archive.
    pub(super) fn names(&mut self) -> Result<Vec<String>, String> {
        let count = self.0.len();
        let name = |index: usize| {
            let member = self.0.by_index_raw(index).map_err(|e| e.to_string())?;
            let file = member.name().map_err(|e| e.to_string())?.to_string();
            let array = file.strip_suffix(".npy").map(str::to_string);
            array.ok_or_else(|| format!("{file} is no array"))
        };
        (0..count).map(name).collect()
    }

    /// A member's bytes, as many as its header says and at most `most`.
    pub(super) fn member(&mut self, index: usize, most: u64) -> Result<Vec<u8>, String> {
        let mut member = self.0.by_index(index).map_err(|e| e.to_string())?;
        let file = member.name().map_err(|e| e.to_string())?.to_string();
        let wrong = |why: String| format!("{file}: {why}");
        let (mut content, mut size) = (Vec::new(), None);
        loop {
            let room = size.unwrap_or(u64::MAX).saturating_sub(content.len() as u64);
            content.try_reserve(BLOCK.min(room) as usize).map_err(|e| wrong(e.to_string()))?;
            // One byte more than is meant shows what is too long.
            let block = (&mut member).take(BLOCK.min(room.saturating_add(1)));
            let read = { block }.read_to_end(&mut content).map_err(|e| wrong(e.to_string()))?;
            if size.is_none() {
                size = npy::size(&content).map_err(wrong)?;
            }
            match size {
                Some(size) if size > most => {
                    return Err(wrong(format!("it has {size} bytes, allowed are {most}")));
                }
                Some(size) if content.len() as u64 > size => {
                    return Err(wrong("its data are longer than its shape says".into()));
                }
                None if content.len() as u64 > most => {
                    return Err(wrong(format!("its header alone is longer than {most} bytes")));
                }
                _ if read == 0 => return Ok(content),
                _ => {}
            }
        }
    }
}
