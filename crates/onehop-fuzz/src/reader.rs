//! Bytes taken as decisions, one after the other.

/// What is left of an input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte; none at the end.
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next byte; 0 at the end.
    pub(crate) fn or_zero(&mut self) -> u8 {
        self.byte().unwrap_or(0)
    }

    /// Two bytes, least first; zeros at the end.
    pub(crate) fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.or_zero(), self.or_zero()])
    }

    /// At most `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }
}

/// Changes `bytes` as up to eight edits of the input say: where, how, and with what.
pub(crate) fn edit(reader: &mut Reader<'_>, bytes: &mut Vec<u8>) {
    let edits = reader.or_zero() % 8;
    for _ in 0..edits {
        let (at, with) = (usize::from(reader.short()), reader.or_zero());
        match with % 8 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), with),
            2 if at < bytes.len() => {
                bytes.remove(at);
            }
            _ => {
                let with = with | 1;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= with;
                }
            }
        }
    }
}

/// One input in 32: an audit checks every signature once more, and costs more than all else.
pub(crate) fn is_audited(data: &[u8]) -> bool {
    data.iter().fold(0, |mixed: u8, byte| mixed.rotate_left(1) ^ byte) % 32 == 0
}
