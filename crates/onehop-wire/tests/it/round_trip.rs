//! Whatever a statement's fields are, its bytes give them back.

use onehop_wire::{
    Agreed, Certificate, Checkpoint, Class, CommitRequest, Currency, Hash, Limits, List, Message,
    Money, Nonce, PublicKey, SessionKey, Signature, Signed, Text, TxId, UnixSeconds, WalletId,
    decode, encode,
};
use proptest::prelude::*;

const CODES: [&str; 4] = ["INR", "EUR", "JPY", "BHD"];

fn currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(&CODES[..]).prop_map(|code| Currency::by_code(code).unwrap())
}

fn signed<T: std::fmt::Debug>(body: impl Strategy<Value = T>) -> impl Strategy<Value = Signed<T>> {
    (body, any::<[[u8; 32]; 2]>()).prop_map(|(body, [r, s])| {
        let mut signature = Signature([0; 64]);
        signature.0[..32].copy_from_slice(&r);
        signature.0[32..].copy_from_slice(&s);
        Signed { body, signature }
    })
}

fn agreed() -> impl Strategy<Value = Agreed> {
    let hashes = any::<[[u8; 32]; 5]>();
    let numbers = any::<[u64; 6]>();
    let named = prop::collection::vec(any::<[u8; 32]>(), 0..=10);
    (hashes, numbers, any::<u8>(), currency(), named).prop_map(
        |([checkpoint, prev, payee, tx, request], numbers, hops, currency, named)| {
            let [seq, amount, cum_out, cum_back, cum_in, redeem_by] = numbers;
            Agreed {
                checkpoint: Hash(checkpoint),
                seq,
                prev: Hash(prev),
                amount,
                cum_out,
                cum_back,
                cum_in,
                currency,
                payee: WalletId(payee),
                tx: TxId(tx),
                request: Hash(request),
                redeem_by: UnixSeconds(redeem_by),
                refund_of: (hops % 2 == 0).then_some(TxId(prev)),
                hops,
                attachments: List::new(named.into_iter().map(Hash).collect()).unwrap(),
            }
        },
    )
}

fn request() -> impl Strategy<Value = CommitRequest> {
    let ids = any::<([u8; 32], [u8; 32], [u8; 32], [u8; 16], [u8; 16])>();
    (ids, any::<[u64; 3]>(), any::<[u32; 2]>(), currency(), "[a-zA-Z0-9 é-]{0,16}").prop_map(
        |((payer, payee, order, buyers, sellers), [number, amount, date], small, currency, id)| {
            let [epoch, vote_ms] = small;
            CommitRequest {
                payer: WalletId(payer),
                payee: WalletId(payee),
                buyer_nonce: Nonce(buyers),
                seller_nonce: Nonce(sellers),
                epoch,
                number,
                amount,
                currency,
                order_id: Text::new(id).unwrap(),
                order_hash: Hash(order),
                vote_ms,
                redeem_by: UnixSeconds(date),
                refund_of: (epoch % 2 == 0).then_some(TxId(order)),
            }
        },
    )
}

fn certificate() -> impl Strategy<Value = Certificate> {
    let limits = any::<(Option<u64>, Option<u64>, Option<u64>, Option<u32>, u8)>();
    let keys = any::<([u8; 32], [u8; 32])>();
    (keys, limits, "[^\\p{Cc}\\p{Cf}\u{2028}\u{2029}]{0,10}", any::<[u64; 2]>(), any::<[u32; 3]>())
        .prop_map(|((key, mail), limits, name, [from, to], [window, epoch, signed_by])| {
            let (per_payment, per_payee, per_checkpoint, payments, hops) = limits;
            Certificate {
                key: PublicKey(key),
                mail_key: SessionKey(mail),
                name: Text::new(name).unwrap(),
                class: Class::Merchant,
                limits: Limits { per_payment, per_payee, per_checkpoint, payments, hops },
                currency: Currency::by_code("INR").unwrap(),
                claim_window: window,
                not_before: UnixSeconds(from),
                not_after: UnixSeconds(to),
                epoch,
                signed_by,
            }
        })
}

fn checkpoint() -> impl Strategy<Value = Checkpoint> {
    (any::<[[u8; 32]; 2]>(), any::<[u64; 5]>(), any::<[u32; 4]>(), currency()).prop_map(
        |([wallet, head], [balance, base_seq, base_cum_out, issued, expires], small, currency)| {
            let [epoch, number, revocations, signed_by] = small;
            Checkpoint {
                wallet: WalletId(wallet),
                epoch,
                number,
                balance,
                currency,
                base_seq,
                base_head: Hash(head),
                base_cum_out,
                issued: UnixSeconds(issued),
                expires: UnixSeconds(expires),
                revocations,
                signed_by,
            }
        },
    )
}

proptest! {
    #[test]
    fn a_vote_is_read_back(agreed in signed(agreed())) {
        let message = Message::Agreed(agreed);
        prop_assert_eq!(decode(&encode(&message), 1_024), Ok(message));
    }

    #[test]
    fn a_request_is_read_back(request in signed(request()), order in "[ -~]{0,200}") {
        let message = Message::CommitRequest { request, order: Text::new(order).unwrap() };
        prop_assert_eq!(decode(&encode(&message), 1_024), Ok(message));
    }

    #[test]
    fn what_the_office_signs_is_read_back(
        certificate in signed(certificate()),
        checkpoint in signed(checkpoint()),
    ) {
        prop_assert_eq!(decode(&encode(&certificate), 1_024), Ok(certificate));
        prop_assert_eq!(decode(&encode(&checkpoint), 1_024), Ok(checkpoint));
    }

    #[test]
    fn every_amount_is_read_back_from_how_it_is_shown(minor in 1_u64.., currency in currency()) {
        // [M-7]
        let shown = Money::new(minor, currency).number();
        prop_assert_eq!(Money::parse(&shown, currency), Ok(Money::new(minor, currency)));
    }
}
