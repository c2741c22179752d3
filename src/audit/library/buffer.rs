//! Memory that shows what was done to it.

/// Bytes on either side of a buffer, at least; a larger buffer has as much again.
const GUARD: usize = 4096;
/// And at most.
const MOST_GUARD: usize = 1 << 20;
/// Buffers begin at a multiple of this, as allocators give them.
const ALIGNMENT: usize = 64;

/// A buffer between two strips of known bytes.
pub(super) struct Guarded {
    memory: Vec<u8>,
    start: usize,
    length: usize,
    /// The whole of it when it was handed out.
    before: Vec<u8>,
}

/// A byte that no rotation is likely to write, another one at every place.
fn guard(place: usize) -> u8 {
    (place.wrapping_mul(37) ^ 0xa5) as u8
}

/// Where something was written that should not have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// So many bytes before the first one.
    Before(usize),
    /// So many bytes after the last one, counted from 0.
    After(usize),
    /// At this byte of the buffer itself.
    Inside(usize),
}

impl Guarded {
    /// `length` bytes, `skew` bytes off the alignment, full of the guard's pattern.
    pub(super) fn new(length: usize, skew: usize) -> Guarded {
        let strip = length.clamp(GUARD, MOST_GUARD);
        let mut memory = vec![0; 2 * strip + length + ALIGNMENT + skew];
        let address = memory.as_mut_ptr() as usize + strip;
        let start = strip + address.next_multiple_of(ALIGNMENT) - address + skew;
        // Counted from the buffer, so that whoever reads beside it reads the same every time.
        let fill = |(place, byte): (usize, &mut u8)| *byte = guard(place.wrapping_sub(start));
        memory.iter_mut().enumerate().for_each(fill);
        Guarded { memory, start, length, before: vec![] }
    }

    /// The buffer.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.length]
    }

    /// The buffer, to be filled.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.length]
    }

    /// Remembers what it holds and gives the address. It may be written through: all of the
    /// memory belongs to this value, the strips too.
    pub(super) fn hand_out(&mut self) -> *mut u8 {
        self.before.clone_from(&self.memory);
        self.memory.as_mut_ptr().wrapping_add(self.start)
    }

    /// The first byte outside of the buffer that has changed since it was handed out.
    pub(super) fn overrun(&self) -> Option<Damage> {
        let end = self.start + self.length;
        if self.memory[..self.start] == self.before[..self.start]
            && self.memory[end..] == self.before[end..]
        {
            return None;
        }
        // From the edges outwards: the nearest damage says most.
        let after = (end..self.memory.len()).find(|&i| self.memory[i] != self.before[i]);
        let before = (0..self.start).rev().find(|&i| self.memory[i] != self.before[i]);
        after.map(|i| Damage::After(i - end)).or(before.map(|i| Damage::Before(self.start - i)))
    }

    /// The first byte of the buffer that has changed.
    pub(super) fn changed(&self) -> Option<Damage> {
        let end = self.start + self.length;
        if self.memory[self.start..end] == self.before[self.start..end] {
            return None;
        }
        let place = (self.start..end).find(|&i| self.memory[i] != self.before[i]);
        place.map(|i| Damage::Inside(i - self.start))
    }

    /// The first byte of the buffer that has changed and is not `allowed`.
    pub(super) fn changed_beside(&self, allowed: impl Fn(usize) -> bool) -> Option<Damage> {
        (0..self.length)
            .find(|&i| self.memory[self.start + i] != self.before[self.start + i] && !allowed(i))
            .map(Damage::Inside)
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Damage::Before(n) => write!(f, "{n} bytes before the beginning of"),
            Damage::After(n) => write!(f, "{n} bytes past the end of"),
            Damage::Inside(n) => write!(f, "at byte {n} of"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_seen_where_it_is() {
        let mut buffer = Guarded::new(8, 4);
        buffer.bytes_mut().fill(0);
        assert_eq!(buffer.hand_out() as usize % ALIGNMENT, 4);
        assert_eq!((buffer.overrun(), buffer.changed()), (None, None));
        let (start, end) = (buffer.start, buffer.start + 8);
        buffer.memory[start + 3] = 1;
        assert_eq!(buffer.changed(), Some(Damage::Inside(3)));
        assert_eq!(buffer.changed_beside(|i| i == 3), None);
        assert_eq!(buffer.overrun(), None);
        buffer.memory[start - 2] ^= 1;
        assert_eq!(buffer.overrun(), Some(Damage::Before(2)));
        buffer.memory[end + 100] ^= 1;
        assert_eq!(buffer.overrun().unwrap().to_string(), "100 bytes past the end of");
    }
}
