//! Which signatures are taken.

use onehop_crypto::keys::is_strong;
use onehop_crypto::{BadSignature, SigningKey, verify};
use onehop_wire::hello::{BuyerProof, SellerProof};
use onehop_wire::office::{
    Enrol, NewRoot, Outcome, Pending, Resolve, RevocationDelta, Revocations, Sync,
};
use onehop_wire::{
    Abort, Agreed, Certificate, Checkpoint, Commit, CommitRequest, Committed, Hash, OfficeId,
    OfficeKey, PublicKey, Refused, Released, Signature, Signed, Statement, Status, WalletId,
    decode,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::vectors::{bytes, cases, text};
use crate::world::World;

const BODY_MAX: usize = 1 << 20;

fn check<T: Statement + DeserializeOwned + Clone>(case: &Value) {
    check_body(case, decode::<T>(&bytes(case, "body"), BODY_MAX).unwrap());
}

fn check_body<T: Statement + Clone>(case: &Value, body: T) {
    let name = text(case, "name");
    let office = OfficeId::from_hex(text(case, "office")).unwrap();
    let public = PublicKey::from_hex(text(case, "public")).unwrap();
    let signature = Signature(bytes(case, "signature").try_into().unwrap());
    let signed = Signed { body: body.clone(), signature };
    let verified = verify(&office, &public, signed);
    if !case["valid"].as_bool().unwrap() {
        let bad = BadSignature { statement: T::TYPE };
        assert_eq!(verified.err(), Some(bad), "{name}");
        return;
    }
    assert_eq!(verified.unwrap().hash().to_string(), text(case, "hash"), "{name}");
    let seed = <[u8; 32]>::try_from(bytes(case, "seed")).unwrap();
    let signer = SigningKey::from_seed(&seed);
    assert_eq!(signer.public(), public, "{name}");
    assert_eq!(signer.sign(&office, body).signed().signature, signature, "{name}");
}

#[test]
fn every_vector_of_a_signature_is_made_and_judged_as_it_says() {
    // [W-10] [W-11] [W-12]
    for case in cases("statements") {
        match text(&case, "type") {
            "office-key" => check::<OfficeKey>(&case),
            "new-root" => check::<NewRoot>(&case),
            "certificate" => check::<Certificate>(&case),
            "checkpoint" => check::<Checkpoint>(&case),
            "outcome" => check::<Outcome>(&case),
            "pending" => check::<Pending>(&case),
            "revocations" => check::<Revocations>(&case),
            "revocation-delta" => check::<RevocationDelta>(&case),
            "enrol" => check::<Enrol>(&case),
            "sync" => check::<Sync>(&case),
            "resolve" => check::<Resolve>(&case),
            "commit-request" => check::<CommitRequest>(&case),
            "agreed" => check::<Agreed>(&case),
            "refused" => check::<Refused>(&case),
            "commit" => check::<Commit>(&case),
            "abort" => check::<Abort>(&case),
            "committed" => check::<Committed>(&case),
            "released" => check::<Released>(&case),
            "status" => check::<Status>(&case),
            "hello-2" => {
                let body = bytes(&case, "body");
                let (version, wallet, earlier) = decode::<(u8, WalletId, Hash)>(&body, 65).unwrap();
                check_body(&case, SellerProof { version, wallet, earlier });
            }
            "hello-3" => {
                type Fields = (u8, WalletId, WalletId, Hash);
                let (version, wallet, seller, earlier) =
                    decode::<Fields>(&bytes(&case, "body"), 97).unwrap();
                check_body(&case, BuyerProof { version, wallet, seller, earlier });
            }
            other => panic!("no such statement: {other}"),
        }
    }
}

#[test]
fn a_signature_with_any_bit_changed_is_refused() {
    // [W-11]
    let world = World::new();
    let office = world.office();
    let signed = world.buyer.checkpoint.clone();
    let key = world.office_signer.public();
    assert!(verify(&office, &key, signed.clone()).is_ok());
    for bit in 0..512 {
        let mut changed = signed.clone();
        changed.signature.0[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&office, &key, changed).is_err(), "bit {bit}");
    }
}

#[test]
fn no_key_of_small_order_is_strong() {
    // [W-11]
    // The eight points of small order, least byte first, as libsodium lists them.
    let weak = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];
    for weak in weak {
        assert!(!is_strong(&PublicKey::from_hex(weak).unwrap()), "{weak}");
    }
    assert!(is_strong(&World::new().seller.signer.public()));
}

#[test]
fn secrets_are_never_printed() {
    let world = World::new();
    let text = format!("{:?} {:?}", world.buyer.signer, world.buyer.mail);
    assert_eq!(text, "SigningKey(..) SessionSecret(..)");
}
