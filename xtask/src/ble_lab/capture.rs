//! A capture of the air, as frames of the attribute protocol and adverts.

use std::collections::HashMap;

use anyhow::{Result, ensure};

/// The format that Wireshark calls btsnoop, with H4 packets.
const HEAD: &[u8] = b"btsnoop\0\0\0\0\x01\0\0\x03\xEA";
const RECORD_HEAD: usize = 24;
const ATT: u16 = 4;
const DYNAMIC: u16 = 0x40;

/// Something that a sniffer beside the machines hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// The number of the connection, counted from one; none for adverts.
    pub(super) session: Option<usize>,
    pub(super) from_central: bool,
    pub(super) what: What,
    pub(super) bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Advert,
    /// A frame of the attribute protocol.
    Attribute,
    /// Anything else inside of a connection.
    Other,
}

/// Frames of a connection, put together from fragments.
#[derive(Default)]
struct Line {
    session: usize,
    /// What the central sends, and the peripheral.
    halves: [Vec<u8>; 2],
}

/// Reads a capture.
///
/// # Errors
/// If it is none, or cut short.
pub(super) fn read(file: &[u8]) -> Result<Vec<Heard>> {
    ensure!(file.starts_with(HEAD), "this is no capture");
    let (mut heard, mut lines, mut sessions) = (Vec::new(), HashMap::new(), 0);
    let mut rest = &file[HEAD.len()..];
    while !rest.is_empty() {
        ensure!(rest.len() >= RECORD_HEAD, "the capture is cut short");
        let number =
            |at: usize| u32::from_be_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
        let (size, flags) = (number(4) as usize, number(8));
        ensure!(rest.len() >= RECORD_HEAD + size, "the capture is cut short");
        let packet = &rest[RECORD_HEAD..RECORD_HEAD + size];
        match packet {
            [4, 0x3E, _, 1, _, low, high, ..] => {
                sessions += 1;
                let line = Line { session: sessions, ..Line::default() };
                lines.insert(u16::from_le_bytes([*low, *high]), line);
            }
            [4, 0x3E, _, 2, report @ ..] if report.len() > 10 => {
                let bytes = report[10..report.len() - 1].to_vec();
                heard.push(Heard { session: None, from_central: false, what: What::Advert, bytes });
            }
            [2, low, high, _, _, data @ ..] => {
                let handle = u16::from_le_bytes([*low, *high]);
                if let Some(line) = lines.get_mut(&(handle & 0xFFF)) {
                    let is_first = handle >> 12 & 3 == 2;
                    heard.extend(feed(line, flags & 1 == 0, is_first, data));
                }
            }
            _ => {}
        }
        rest = &rest[RECORD_HEAD + size..];
    }
    Ok(heard)
}

fn feed(line: &mut Line, from_central: bool, is_first: bool, data: &[u8]) -> Option<Heard> {
    let half = &mut line.halves[usize::from(!from_central)];
    if is_first {
        half.clear();
    }
    half.extend(data);
    let [low, high, channel_low, channel_high, frame @ ..] = &half[..] else { return None };
    let size = usize::from(u16::from_le_bytes([*low, *high]));
    if frame.len() < size {
        return None;
    }
    let channel = u16::from_le_bytes([*channel_low, *channel_high]);
    // On the channels of EATT, a length comes first.
    let (what, start) = match channel {
        ATT => (What::Attribute, 0),
        DYNAMIC.. => (What::Attribute, 2),
        _ => (What::Other, 0),
    };
    let bytes = frame.get(start..size).unwrap_or_default().to_vec();
    Some(Heard { session: Some(line.session), from_central, what, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(flags: u32, packet: &[u8]) -> Vec<u8> {
        let size = u32::try_from(packet.len()).unwrap();
        let head = [size, size, flags, 0, 0, 0].map(u32::to_be_bytes).concat();
        [&head, packet].concat()
    }

    fn said(session: Option<usize>, from_central: bool, what: What, bytes: &[u8]) -> Heard {
        Heard { session, from_central, what, bytes: bytes.to_vec() }
    }

    #[test]
    fn a_frame_in_two_fragments_is_one_frame_of_its_session() {
        let mut file = HEAD.to_vec();
        file.extend(record(3, &[4, 0x3E, 15, 2, 1, 0, 0, 1, 2, 3, 4, 5, 6, 2, 0xAA, 0xBB, 0xCE]));
        file.extend(record(3, &[4, 0x3E, 19, 1, 0, 7, 0, 0, 0, 1, 2, 3, 4, 5, 6]));
        file.extend(record(0, &[2, 7, 0x20, 6, 0, 4, 0, 4, 0, 0x52, 3]));
        file.extend(record(1, &[2, 7, 0x20, 5, 0, 1, 0, 4, 0, 0x13]));
        file.extend(record(0, &[2, 7, 0x10, 2, 0, 0, 9]));
        let heard = read(&file).unwrap();
        let expected = [
            said(None, false, What::Advert, &[0xAA, 0xBB]),
            said(Some(1), false, What::Attribute, &[0x13]),
            said(Some(1), true, What::Attribute, &[0x52, 3, 0, 9]),
        ];
        assert_eq!(heard, expected);
        let cut = read(&file[..file.len() - 1]).unwrap_err();
        assert_eq!(cut.to_string(), "the capture is cut short");
    }
}
