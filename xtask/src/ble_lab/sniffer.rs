//! What somebody learns who hears everything: which strings come again in another session, and
//! whether a name or a wallet's id is among them.

use std::collections::HashMap;

use super::capture::{Heard, What};

/// A string of this many bytes that comes again tells two sessions of one person.
const STRING: usize = 8;
/// Of the attribute protocol: frames with a value of the application, and how much lies before it.
const VALUES: &[(u8, usize)] = &[
    (0x0B, 1),
    (0x0D, 1),
    (0x12, 3),
    (0x16, 5),
    (0x18, 1),
    (0x1B, 3),
    (0x1D, 3),
    (0x23, 5),
    (0x52, 3),
];

/// A question for a value, its answer, and a write without an answer: to our characteristic only.
const READ_REQUEST: u8 = 0x0A;
const READ: u8 = 0x0B;
const WRITE: u8 = 0x52;
/// The number of a stream.
const STREAM: usize = 2;

/// What may come again: the service and its characteristic.
const UUIDS: [u128; 2] =
    [0x7aa7_0960_4360_4f59_b6e3_c3ce_d797_f146, 0xdca8_589e_bf47_4d1f_9c45_15be_4b3c_1149];

/// What is looked for beside repetitions: what it is, and its bytes.
pub(super) type Secret = (String, Vec<u8>);

/// What a sniffer found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Leaks {
    /// Strings in more than one session, each once.
    pub(super) repeated: Vec<String>,
    /// Names and ids, each once.
    pub(super) secrets: Vec<String>,
    /// How many sessions had a value at all.
    pub(super) sessions: usize,
}

/// Looks through all that was heard.
pub(super) fn look(heard: &[Heard], secrets: &[Secret]) -> Leaks {
    let mut leaks = Leaks::default();
    for (what, bytes) in secrets {
        let is_in = |it: &&Heard| it.bytes.windows(bytes.len()).any(|window| window == bytes);
        if let Some(found) = heard.iter().find(is_in) {
            leaks.secrets.push(format!("{what}, in {:?} {}", found.what, hex(&found.bytes)));
        }
    }
    let (mut first, mut told) = (HashMap::new(), Vec::new());
    let mut sessions: Vec<usize> = Vec::new();
    for it in of_ours(heard).into_iter().map(|at| &heard[at]) {
        let value = value(it);
        if let Some(session) = it.session.filter(|_| !value.is_empty()) {
            sessions.push(session);
        }
        for window in value.windows(STRING).filter(|window| !is_constant(window)) {
            // All adverts together are one session: they are the same for as long as they run.
            let session = it.session.unwrap_or_default();
            let before = *first.entry(window.to_vec()).or_insert(session);
            let is_repeated = before != session || it.what == What::Advert;
            if is_repeated && !told.contains(&window.to_vec()) {
                told.push(window.to_vec());
                let text = format!("{} in {:?} of session {session}", hex(window), it.what);
                leaks.repeated.push(format!("{text}, first in {before}: {}", hex(&it.bytes)));
            }
        }
    }
    sessions.sort_unstable();
    sessions.dedup();
    leaks.sessions = sessions.len();
    leaks
}

/// Where all lies but the answers to reads of what is not our characteristic: the systems ask each
/// other for the name of the device, which is theirs to set.
fn of_ours(heard: &[Heard]) -> Vec<usize> {
    let handle = |it: &Heard| Some(u16::from_le_bytes([*it.bytes.get(1)?, *it.bytes.get(2)?]));
    let is = |it: &Heard, operation: u8| it.bytes.first() == Some(&operation);
    let written = heard.iter().filter(|it| it.what == What::Attribute && is(it, WRITE));
    let ours: Vec<_> = written.map(|it| (it.session, handle(it))).collect();
    let mut asked = HashMap::new();
    let mut kept = Vec::new();
    for (at, it) in heard.iter().enumerate() {
        if it.what == What::Attribute && is(it, READ_REQUEST) {
            asked.insert((it.session, it.from_central), handle(it));
        }
        let question = asked.get(&(it.session, !it.from_central)).copied().flatten();
        let is_answer = it.what == What::Attribute && is(it, READ);
        if !is_answer || ours.contains(&(it.session, question)) {
            kept.push(at);
        }
    }
    kept
}

/// The part of a frame that is not the attribute protocol's own.
fn value(heard: &Heard) -> &[u8] {
    match heard.what {
        // Nothing but the service may be in an advert, so all of it counts.
        What::Advert => &heard.bytes,
        What::Other => &[],
        What::Attribute => {
            let operation = heard.bytes.first();
            let known = VALUES.iter().find(|(code, _)| Some(code) == operation);
            let value = known.and_then(|(_, start)| heard.bytes.get(*start..)).unwrap_or_default();
            // What is read begins with a version and a number that is drawn for it.
            if operation == Some(&READ) { value } else { piece(value) }
        }
    }
}

/// What a frame carries, behind the number of its stream and behind its own head: that counts
/// messages and bytes from zero in each session, and is the same for everybody.
fn piece(value: &[u8]) -> &[u8] {
    let Some((flags, mut rest)) = value.get(STREAM..).and_then(<[u8]>::split_first) else {
        return &[];
    };
    // OPEN and RESET.
    if flags >> 6 != 0 {
        return rest;
    }
    // ACK with its message and offset, PIECE with its own.
    for field in [0x08, 0x10, 0x01, 0x04] {
        if flags & field != 0 {
            let length = 1 + rest.iter().take_while(|byte| **byte > 0x7F).count();
            rest = rest.get(length..).unwrap_or_default();
        }
    }
    rest
}

/// Whether a string is a part of what the protocol itself says every time.
fn is_constant(window: &[u8]) -> bool {
    // In adverts, the list of one service, and before or behind it the flags.
    UUIDS.iter().any(|uuid| {
        let list = [&[0x11, 0x07][..], &uuid.to_le_bytes()].concat();
        let flags = [0x06, 0x04, 0x02].map(|flag| [0x02, 0x01, flag]);
        let adverts = flags.iter().map(|flags| [&flags[..], &list, flags].concat());
        let mut forms = adverts.chain([uuid.to_be_bytes().to_vec()]);
        forms.any(|form| form.windows(STRING).any(|part| part == window))
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The checker against leaks that are planted: how many of two it finds. The first is a string of
/// eight bytes that two sessions say, the second a name that one says.
pub(super) fn planted(heard: &[Heard], secrets: &[Secret]) -> usize {
    let clean = look(heard, secrets);
    let is_long = |it: &Heard| it.session.is_some() && value(it).len() > STRING;
    let has_value = |it: &&usize| is_long(&heard[**it]);
    let all = of_ours(heard);
    let Some(one) = all.iter().find(has_value) else { return 0 };
    let in_other = |it: &&usize| has_value(it) && heard[**it].session != heard[*one].session;
    let Some(other) = all.iter().find(in_other) else { return 0 };
    let mut repeated = heard.to_vec();
    for at in [*one, *other] {
        repeated[at].bytes.extend(b"\x93\x1c\x5e\xa7\x08\xf2\x6b\xd4");
    }
    let mut named = heard.to_vec();
    named[*one].bytes.extend(secrets.first().map(|(_, bytes)| &bytes[..]).unwrap_or_default());
    let repeated = look(&repeated, secrets).repeated.len() > clean.repeated.len();
    let named = look(&named, secrets).secrets.len() > clean.secrets.len();
    usize::from(repeated) + usize::from(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(session: usize, value: &[u8]) -> Heard {
        // Stream, and a frame that is a piece of message 0.
        let bytes = [&[0x52, 3, 0, 0x12, 0x34, 0x01, 0][..], value].concat();
        Heard { session: Some(session), from_central: true, what: What::Attribute, bytes }
    }

    #[test]
    fn a_string_of_eight_bytes_in_two_sessions_is_a_leak_and_in_one_it_is_not() {
        let within = [write(1, b"12345678"), write(1, b"0123456789"), write(2, b"1234567")];
        assert_eq!(look(&within, &[]).repeated, [""; 0]);
        let across = [write(1, b"_12345678"), write(2, b"12345678_")];
        assert_eq!(look(&across, &[]).repeated.len(), 1);
        assert_eq!(look(&across, &[]).sessions, 2);
    }

    #[test]
    fn the_head_of_a_frame_is_no_leak_and_what_comes_behind_it_is() {
        let frame = |session: usize, piece: &[u8]| {
            // A piece that is the last one, with the acknowledgement of message 300.
            let bytes = [&[0x52, 3, 0, 0x12, 0x34, 0x0B, 0xAC, 0x02, 0x05][..], piece].concat();
            Heard { session: Some(session), from_central: true, what: What::Attribute, bytes }
        };
        let same = [frame(1, b"1234567a"), frame(2, b"1234567b")];
        assert_eq!(look(&same, &[]).repeated, [""; 0]);
        assert_eq!(look(&[frame(1, b"12345678"), frame(2, b"12345678")], &[]).repeated.len(), 1);
    }

    #[test]
    fn a_name_is_a_leak_wherever_it_is() {
        let secrets = [("a name".to_owned(), b"Asha".to_vec())];
        let bytes = b"\x09\x02Asha".to_vec();
        let said = [Heard { session: Some(1), from_central: false, what: What::Attribute, bytes }];
        assert_eq!(look(&said, &secrets).secrets.len(), 1);
    }

    #[test]
    fn the_service_may_come_again_and_anything_beside_it_in_an_advert_may_not() {
        let service = [&[2, 1, 6, 0x11, 7][..], &UUIDS[0].to_le_bytes()].concat();
        let advert = |bytes: Vec<u8>| Heard {
            session: None,
            from_central: false,
            what: What::Advert,
            bytes,
        };
        let said = [advert(service.clone()), advert(service.clone())];
        assert_eq!(look(&said, &[]).repeated, [""; 0]);
        let named = [service, vec![9, 9], b"Ashas Pc".to_vec()].concat();
        assert_ne!(look(&[advert(named)], &[]).repeated, [""; 0]);
    }

    #[test]
    fn the_name_of_the_device_is_the_systems_and_what_our_characteristic_answers_is_ours() {
        let session = |number: usize, handle: u8| {
            let from = |from_central: bool, bytes: Vec<u8>| Heard {
                session: Some(number),
                from_central,
                what: What::Attribute,
                bytes,
            };
            [
                write(number, b"ours"),
                from(true, vec![READ_REQUEST, handle, 0]),
                from(false, [&[READ][..], b"BlueZ 5.82"].concat()),
            ]
        };
        let other = [session(1, 9), session(2, 9)].concat();
        assert_eq!(look(&other, &[]).repeated, [""; 0]);
        let ours = [session(1, 3), session(2, 3)].concat();
        assert_ne!(look(&ours, &[]).repeated, [""; 0]);
    }

    #[test]
    fn planted_leaks_are_found() {
        let secrets = [("a name".to_owned(), b"Asha".to_vec())];
        let heard = [write(1, b"abcdefghi"), write(2, b"jklmnopqr")];
        assert_eq!(planted(&heard, &secrets), 2);
        assert_eq!(planted(&heard[..1], &secrets), 0);
        // An answer that is the systems' own is no place for one.
        let answer = |bytes: &[u8]| Heard {
            session: Some(1),
            from_central: false,
            what: What::Attribute,
            bytes: bytes.to_vec(),
        };
        let question = Heard { from_central: true, ..answer(&[READ_REQUEST, 9, 0]) };
        let theirs = vec![question, answer(&[&[READ][..], b"BlueZ 5.82"].concat())];
        assert_eq!(planted(&[theirs, heard.to_vec()].concat(), &secrets), 2);
    }
}
