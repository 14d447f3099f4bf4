//! Signing inputs, hashes and ids.

use onehop_wire::domain::{domain, hash_of, order_hash, sha256, tx_id, wallet_id};
use onehop_wire::{Nonce, OfficeId, PublicKey};

use crate::kinds::decode_body;
use crate::vectors::{bytes, cases, text};

#[test]
fn every_vector_of_a_statement_has_its_signing_input_and_hash() {
    // [W-12]
    for case in cases("statements") {
        let name = text(&case, "name");
        let office = OfficeId::from_hex(text(&case, "office")).unwrap();
        let body = bytes(&case, "body");
        let (again, input, hash) = decode_body(text(&case, "type"), &body, &office).unwrap();
        assert_eq!(again, body, "{name}");
        assert_eq!(hex::encode(&input), text(&case, "signing_input"), "{name}");
        assert_eq!(hash.to_string(), text(&case, "hash"), "{name}");
    }
}

#[test]
fn a_signing_input_is_domain_office_and_body_and_a_hash_is_its_sha_256() {
    // [W-10]
    for case in cases("statements") {
        let input = bytes(&case, "signing_input");
        let kind = text(&case, "type");
        let mut padded = format!("onehop/1/{kind}").into_bytes();
        padded.resize(32, 0);
        assert_eq!(input[..32], padded);
        assert_eq!(input[32..64], bytes(&case, "office"));
        assert_eq!(input[64..], bytes(&case, "body"));
        assert_eq!(sha256(&input).to_string(), text(&case, "hash"));
    }
}

#[test]
fn a_domain_is_padded_with_zeros_to_32_bytes() {
    let expected = "6f6e65686f702f312f6167726565640000000000000000000000000000000000";
    assert_eq!(hex::encode(domain("agreed")), expected);
}

#[test]
fn ids_are_hashes_under_domains_of_their_own() {
    let key = PublicKey([7; 32]);
    assert_eq!(wallet_id(&key).0, hash_of("wallet-id", &[&[7; 32]]).0);
    assert_eq!(order_hash("2 tea"), hash_of("order", &[b"2 tea"]));
    let (payee, payer) = (wallet_id(&PublicKey([1; 32])), wallet_id(&PublicKey([2; 32])));
    let (buyers, sellers) = (Nonce([3; 16]), Nonce([4; 16]));
    let order = order_hash("2 tea");
    let parts: [&[u8]; 5] = [&payee.0, &payer.0, &buyers.0, &sellers.0, &order.0];
    assert_eq!(tx_id(&payee, &payer, &buyers, &sellers, &order).0, hash_of("tx-id", &parts).0);
}
