//! numpy's array format, the part that arrays of numbers need: versions 1 to 3, either order.
//!
//! Source: numpy.lib.format.

use super::tensor;
use ropewalk::number::{Dtype, Tensor};

const MAGIC: &[u8] = b"\x93NUMPY";

/// The header of version 1.0 for a tensor in row-major order.
pub(super) fn header(tensor: &Tensor) -> Vec<u8> {
    let descr = match tensor.dtype() {
        Dtype::F64 => "<f8",
        Dtype::F32 => "<f4",
        Dtype::Bf16 => "<u2",
        // numpy has no such type: the bits, as ml_dtypes saves them.
        Dtype::F8E4M3Fn | Dtype::F8E5M2 | Dtype::F8E4M3Fnuz | Dtype::F8E5M2Fnuz => "|u1",
        Dtype::F16 => "<f2",
        Dtype::I64 => "<i8",
        Dtype::I32 => "<i4",
    };
    let shape: String = tensor.shape().iter().map(|n| format!("{n}, ")).collect();
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    // Magic, version and length are 10 bytes; the line feed ends a multiple of 64.
    while (text.len() + 11) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = [MAGIC, &[1, 0]].concat();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes
}

/// What a header says, and where the numbers begin.
pub(super) struct Header {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// Whether they are little-endian and row-major, as they are in memory.
    pub(super) plain: bool,
    big: bool,
    columns_first: bool,
    pub(super) start: usize,
}

/// Reads the header of an array.
pub(super) fn head(bytes: &[u8]) -> Result<Header, String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("it does not begin with \\x93NUMPY")?;
    let (length, rest) = match rest {
        [1, _, a, b, rest @ ..] => (u16::from_le_bytes([*a, *b]) as usize, rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        _ => return Err("its version is unknown".into()),
    };
    let (text, data) = rest.split_at_checked(length).ok_or("its header is cut off")?;
    let text = std::str::from_utf8(text).map_err(|_| "its header is no text")?;
    let descr = value(text, "descr")?.trim_matches(['\'', '"']);
    let (big, kind) = match descr.split_at_checked(1) {
        Some(("<" | "=" | "|", kind)) => (false, kind),
        Some((">", kind)) => (true, kind),
        _ => (false, descr),
    };
    let dtype = match kind {
        "f8" => Dtype::F64,
        "f4" => Dtype::F32,
        "u2" => Dtype::Bf16,
        "f2" => Dtype::F16,
        "i8" => Dtype::I64,
        "i4" => Dtype::I32,
        _ => {
            return Err(format!(
                "its dtype is {descr}, allowed are float64, float32, float16, int64, int32, and \
                 uint16 for the bits of bf16"
            ));
        }
    };
    let shape = value(text, "shape")?.trim_matches(['(', ')']);
    let shape: Vec<usize> = shape
        .split(',')
        .map(str::trim)
        .filter(|n| !n.is_empty())
        .map(|n| n.parse().map_err(|_| format!("its shape has {n:?}")))
        .collect::<Result<_, _>>()?;
    let size = dtype.digits() / 2;
    if data.len() % size != 0 {
        return Err(format!("its data are {} bytes, no multiple of {size}", data.len()));
    }
    let columns_first = match value(text, "fortran_order")? {
        "False" => false,
        "True" => true,
        other => return Err(format!("its fortran_order is {other}")),
    };
    let (plain, start) = (!big && !columns_first, bytes.len() - data.len());
    Ok(Header { dtype, shape, plain, big, columns_first, start })
}

/// Bytes of a whole array by its header; none while too little of it is there.
pub(super) fn size(bytes: &[u8]) -> Result<Option<u64>, String> {
    let length = match bytes {
        [_, _, _, _, _, _, 1, _, a, b, ..] => 10 + u64::from(u16::from_le_bytes([*a, *b])),
        [_, _, _, _, _, _, 2 | 3, _, a, b, c, d, ..] => {
            12 + u64::from(u32::from_le_bytes([*a, *b, *c, *d]))
        }
        _ => return Ok(None),
    };
    let Some(header) = usize::try_from(length).ok().and_then(|length| bytes.get(..length)) else {
        return Ok(None);
    };
    let Header { dtype, shape, .. } = head(header)?;
    let size =
        shape.iter().try_fold(dtype.digits() as u64 / 2, |size, &n| size.checked_mul(n as u64));
    let whole = size.and_then(|size| size.checked_add(length));
    whole.map(Some).ok_or_else(|| format!("its shape is {shape:?}"))
}

/// Reads an array.
pub(super) fn read(bytes: &[u8]) -> Result<Tensor, String> {
    let Header { dtype, shape, big, columns_first, start, .. } = head(bytes)?;
    let mut data = bytes[start..].to_vec();
    if big {
        data.chunks_mut(dtype.digits() / 2).for_each(<[u8]>::reverse);
    }
    if !columns_first {
        return tensor(dtype, shape, &data);
    }
    // Column-major is row-major with the dimensions in the other order.
    let turned: Vec<usize> = shape.iter().rev().copied().collect();
    transpose(&tensor(dtype, turned, &data)?)
}

/// The value of a key in the literal, as it is written.
fn value<'t>(text: &'t str, key: &str) -> Result<&'t str, String> {
    let missing = || format!("its header has no {key}");
    let at = ["'", "\""].iter().find_map(|quote| text.find(&format!("{quote}{key}{quote}")));
    let rest = &text[at.ok_or_else(missing)? + key.len() + 2..];
    let rest = rest.trim_start().strip_prefix(':').ok_or_else(missing)?.trim_start();
    let end = match rest.starts_with('(') {
        true => rest.find(')').map(|end| end + 1),
        false => rest.find([',', '}']),
    };
    Ok(rest[..end.ok_or_else(missing)?].trim())
}

/// The tensor with its dimensions in the other order.
fn transpose(tensor: &Tensor) -> Result<Tensor, String> {
    let from = tensor.shape();
    let shape: Vec<usize> = from.iter().rev().copied().collect();
    let mut data = Vec::with_capacity(tensor.data().len());
    let mut index = vec![0; shape.len()];
    for _ in 0..tensor.data().len() {
        let place = index.iter().rev().zip(from).fold(0, |place, (i, n)| place * n + i);
        data.push(tensor.data()[place]);
        for (i, n) in index.iter_mut().zip(&shape).rev() {
            *i += 1;
            if *i < *n {
                break;
            }
            *i = 0;
        }
    }
    Tensor::new(tensor.dtype(), shape, data).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = [MAGIC, &[1, 0]].concat();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn columns_first_and_the_other_end_first() {
        let header = "{'descr': '>u2', 'fortran_order': True, 'shape': (2, 3), }";
        let read = read(&file(header, &[0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6])).unwrap();
        assert_eq!((read.dtype(), read.shape()), (Dtype::Bf16, &[2, 3][..]));
        assert_eq!(read.data(), [1, 3, 5, 2, 4, 6]);
    }

    #[test]
    fn what_is_no_array_is_refused() {
        for (header, data, reason) in [
            ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", 8, "<c8"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 8, "3"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4, "-1"),
            ("{'descr': '<f4', 'fortran_order': False}", 4, "shape"),
            ("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", 4, "fortran_order"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 3, "3 bytes"),
            ("", 0, "descr"),
        ] {
            let error = read(&file(header, &vec![0; data])).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert!(read(b"").is_err() && read(b"\x93NUMPY\x01\x00\xff\xff").is_err());
    }
}
