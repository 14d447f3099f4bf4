//! bluetooth.json: values of the Bluetooth bearer, and values to refuse.

use onehop_link::ble::value::{Offer, Stream, Value, frame_mtu, greeted, greeting};
use serde_json::Value as Json;

use super::readable::{Case, hex};

pub(crate) fn cases() -> anyhow::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (name, bits, lookup) in [
        ("an offer", 0x0203, [&[1][..], &[0xa5; 8]].concat()),
        ("an offer of the last stream with nothing announced", 0x7fff, Vec::new()),
    ] {
        let offer = Offer { stream: stream(bits)?, lookup };
        let bytes = offer.encode();
        anyhow::ensure!(Offer::decode(&bytes) == Ok(offer.clone()), "{name} is not read back");
        cases.push(
            Case::new(name)
                .with("kind", "offer")
                .with("bytes", hex(&bytes))
                .with("stream", bits.to_string())
                .with("lookup", hex(&offer.lookup)),
        );
    }
    for (name, bytes) in [
        ("nothing", vec![]),
        ("an offer of another version", vec![2, 2, 3, 9]),
        ("an offer of stream 0", vec![1, 0, 0, 9]),
        ("an offer of a polled stream", vec![1, 0x82, 3, 9]),
        ("an offer of a look-up that is too long", [&[1, 2, 3][..], &[0; 257]].concat()),
    ] {
        anyhow::ensure!(Offer::decode(&bytes).is_err(), "{name} is taken");
        cases.push(refused(name, "offer", &bytes));
    }
    for (name, bits, polled, rest) in [
        ("a frame", 0x0102, false, vec![0xc4]),
        ("a frame of a stream that is polled", 0x0102, true, vec![0xc4]),
        ("the end of a stream", 0x7fff, false, vec![]),
    ] {
        let value = Value { stream: stream(bits)?, polled, rest: &rest };
        let bytes = value.encode();
        anyhow::ensure!(Value::decode(&bytes) == Some(value), "{name} is not read back");
        cases.push(
            Case::new(name)
                .with("kind", "value")
                .with("bytes", hex(&bytes))
                .with("stream", bits.to_string())
                .with("polled", polled)
                .with("rest", hex(&rest)),
        );
    }
    for (name, bytes) in [("half a stream", vec![1]), ("a value of stream 0", vec![0x80, 0, 9])] {
        anyhow::ensure!(Value::decode(&bytes).is_none(), "{name} is taken");
        cases.push(refused(name, "value", &bytes));
    }
    for att_mtu in [23, 185, 247, 505, 517] {
        let bytes = greeting(att_mtu);
        anyhow::ensure!(greeted(&bytes) == Some(att_mtu), "a greeting is not read back");
        cases.push(
            Case::new(format!("a greeting of an ATT MTU of {att_mtu}"))
                .with("kind", "greeting")
                .with("bytes", hex(bytes))
                .with("att_mtu", att_mtu.to_string())
                .with("frame_mtu", frame_mtu(att_mtu).to_string()),
        );
    }
    for (name, bytes) in [
        ("a greeting below the smallest ATT MTU", vec![0, 22]),
        ("a greeting above the largest", vec![2, 6]),
        ("a greeting of three bytes", vec![0, 23, 0]),
    ] {
        anyhow::ensure!(greeted(&bytes).is_none(), "{name} is taken");
        cases.push(refused(name, "greeting", &bytes));
    }
    Ok(cases)
}

fn stream(bits: u16) -> anyhow::Result<Stream> {
    Stream::of_bits(bits).ok_or_else(|| anyhow::anyhow!("{bits} is no stream"))
}

fn refused(name: &str, kind: &str, bytes: &[u8]) -> Case {
    let error = Json::String("invalid".to_owned());
    Case::new(name).with("kind", kind).with("bytes", hex(bytes)).with("error", error)
}
