//! framing.json: messages cut into frames, what answers them, and frames that are dropped.

use onehop_link::framing::{Channel, ChannelId, FRAME_MAX, MTU_MIN};
use serde_json::{Value, json};

use super::readable::{Case, hex};

const CHANNEL: ChannelId = ChannelId([0xc0, 1, 2, 3, 4, 5, 6, 7]);
/// More than any conversation below takes.
const FRAMES_MAX: usize = 1_000;

pub(crate) fn cases() -> anyhow::Result<Vec<Case>> {
    let long: Vec<u8> = (0_u8..=255).cycle().take(600).collect();
    let mut cases = Vec::new();
    for mtu in [MTU_MIN, 185, FRAME_MAX] {
        let messages = [(true, vec![0xab]), (false, long.clone()), (true, Vec::new())];
        cases.push(conversation(mtu, &messages)?);
    }
    cases.extend(dropped()?);
    Ok(cases)
}

/// What two sides that lose nothing say until both are silent.
fn conversation(mtu: usize, messages: &[(bool, Vec<u8>)]) -> anyhow::Result<Case> {
    let mut connecting = Channel::connect(CHANNEL, mtu);
    let mut accepting = Channel::accept(CHANNEL, mtu);
    let (mut frames, mut received, mut now) = (Vec::new(), 0, 0);
    for (by_connecting, message) in messages {
        let from = if *by_connecting { &mut connecting } else { &mut accepting };
        from.send(message.clone())?;
    }
    while received < messages.len() || !connecting.is_idle() || !accepting.is_idle() {
        anyhow::ensure!(frames.len() < FRAMES_MAX, "the channel does not come to rest");
        let before = frames.len();
        for by_connecting in [true, false] {
            let (from, to) = if by_connecting {
                (&mut connecting, &mut accepting)
            } else {
                (&mut accepting, &mut connecting)
            };
            while let Some(frame) = from.poll_frame(now) {
                anyhow::ensure!(frame.len() <= mtu, "a frame is longer than the MTU");
                frames.push(side_and(by_connecting, "frame", &frame));
                to.handle_frame(now, &frame)?;
                while let Some(message) = to.poll_message() {
                    anyhow::ensure!(messages.contains(&(by_connecting, message)), "altered");
                    received += 1;
                }
            }
        }
        if frames.len() == before {
            now += 100;
        }
    }
    let messages: Vec<_> =
        messages.iter().map(|(by, message)| side_and(*by, "message", message)).collect();
    Ok(Case::new(format!("{} messages at an MTU of {mtu}", messages.len()))
        .with("mtu", mtu.to_string())
        .with("channel", hex(CHANNEL.0))
        .with("messages", messages)
        .with("frames", frames))
}

fn side_and(by_connecting: bool, field: &str, bytes: &[u8]) -> Value {
    let from = if by_connecting { "connecting" } else { "accepting" };
    json!({ "from": from, field: hex(bytes) })
}

/// Frames that the accepting side drops after a proper OPEN.
fn dropped() -> anyhow::Result<Vec<Case>> {
    let bad: [(&str, Vec<u8>); 12] = [
        ("an empty frame", Vec::new()),
        ("a kind that is not used", vec![0x80, 0]),
        ("a segment with neither piece nor acknowledgement", vec![0]),
        ("a segment with the reserved flag", vec![0x21, 0, 1]),
        ("LAST without PIECE", vec![0x0a, 0]),
        ("ACK_OFFSET without ACK", vec![0x11, 0, 1]),
        ("a piece of no bytes", vec![0x01, 0]),
        ("a message number not in its shortest form", vec![0x01, 0x80, 0, 1]),
        ("an offset of 0 that is written out", vec![0x05, 0, 0, 1]),
        ("a piece beyond the longest body", vec![0x05, 0, 0x84, 0x80, 0x01, 1]),
        ("an unknown reason to end", vec![0xc9]),
        ("an OPEN of another version", [&[0x42][..], &CHANNEL.0].concat()),
    ];
    let mut cases = Vec::new();
    for (name, frame) in bad {
        let mut connecting = Channel::connect(CHANNEL, 185);
        let mut accepting = Channel::accept(CHANNEL, 185);
        let open = connecting.poll_frame(0).unwrap_or_default();
        accepting.handle_frame(0, &open)?;
        let Err(fault) = accepting.handle_frame(0, &frame) else {
            anyhow::bail!("{name}: the frame is taken");
        };
        let frames = vec![side_and(true, "frame", &open), side_and(true, "frame", &frame)];
        cases.push(
            Case::new(name)
                .with("mtu", "185")
                .with("channel", hex(CHANNEL.0))
                .with("messages", Value::Array(Vec::new()))
                .with("frames", frames)
                .with("error", fault.to_string()),
        );
    }
    Ok(cases)
}
