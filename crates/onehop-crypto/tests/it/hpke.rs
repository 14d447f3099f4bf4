//! The suite against RFC 9180, appendix A.2.1.

use onehop_crypto::{EnvelopeError, Opener, Sealer, SessionSecret};
use onehop_wire::SessionKey;
use serde_json::Value;

use crate::fixed_rng::FixedRng;
use crate::vectors::{bytes, cases, text};

fn key(case: &Value, field: &str) -> SessionKey {
    SessionKey::from_hex(text(case, field)).unwrap()
}

fn seals(case: &Value) -> impl Iterator<Item = (usize, &Value)> {
    let seals = case["seals"].as_array().unwrap().iter();
    seals.map(|seal| (text_of(seal, "number").parse().unwrap(), seal))
}

fn text_of<'a>(seal: &'a Value, field: &str) -> &'a str {
    seal[field].as_str().unwrap()
}

fn hex_of(seal: &Value, field: &str) -> Vec<u8> {
    hex::decode(text_of(seal, field)).unwrap()
}

#[test]
fn the_sender_makes_the_ciphertexts_of_the_rfc() {
    // [W-12]
    for case in cases("hpke") {
        let mut rng = FixedRng::new(&[&bytes(&case, "ephemeral_ikm")]);
        let recipient = key(&case, "recipient_public");
        let (enc, mut sealer) = Sealer::setup(&mut rng, &recipient, &bytes(&case, "info")).unwrap();
        assert!(rng.is_used_up());
        assert_eq!(enc, key(&case, "enc"));
        let mut next = 0;
        for (number, seal) in seals(&case) {
            while next < number {
                sealer.seal(b"", b"").unwrap();
                next += 1;
            }
            let sealed = sealer.seal(&hex_of(seal, "aad"), &hex_of(seal, "plaintext")).unwrap();
            assert_eq!(hex::encode(sealed), text_of(seal, "ciphertext"), "number {number}");
            next += 1;
        }
    }
}

#[test]
fn the_receiver_opens_the_ciphertexts_of_the_rfc() {
    // [W-12]
    for case in cases("hpke") {
        let secret = SessionSecret::from_bytes(key(&case, "recipient_secret").0);
        assert_eq!(secret.public(), key(&case, "recipient_public"));
        let mut opener = Opener::setup(&secret, &key(&case, "enc"), &bytes(&case, "info")).unwrap();
        // Those between are not printed; our own sender makes them.
        let mut rng = FixedRng::new(&[&bytes(&case, "ephemeral_ikm")]);
        let public = secret.public();
        let (_, mut sealer) = Sealer::setup(&mut rng, &public, &bytes(&case, "info")).unwrap();
        let mut next = 0;
        for (number, seal) in seals(&case) {
            while next < number {
                opener.open(b"", &sealer.seal(b"", b"").unwrap()).unwrap();
                next += 1;
            }
            let (aad, ciphertext) = (hex_of(seal, "aad"), hex_of(seal, "ciphertext"));
            assert_eq!(opener.open(b"else", &ciphertext), Err(EnvelopeError::Open));
            let plaintext = opener.open(&aad, &ciphertext).unwrap();
            assert_eq!(hex::encode(plaintext), text_of(seal, "plaintext"), "number {number}");
            assert_eq!(opener.open(&aad, &ciphertext), Err(EnvelopeError::Open), "a repeat");
            sealer.seal(b"", b"").unwrap();
            next += 1;
        }
    }
}

#[test]
fn a_key_whose_shared_secret_is_zero_is_refused() {
    // [H-3]
    let mut one = [0; 32];
    one[0] = 1;
    for weak in [[0; 32], one] {
        let mut rng = FixedRng::new(&[&[7; 32]]);
        let sealer = Sealer::setup(&mut rng, &SessionKey(weak), b"");
        assert_eq!(sealer.err(), Some(EnvelopeError::Key));
        let opener = Opener::setup(&SessionSecret::from_bytes([7; 32]), &SessionKey(weak), b"");
        assert_eq!(opener.err(), Some(EnvelopeError::Key));
    }
}
