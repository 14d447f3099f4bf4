//! The words that people read.

use crate::Fault;
use crate::event::CertificateFault;

use super::acts;
use super::pair::Pair;

#[test]
fn each_fault_of_a_peer_has_its_own_words() {
    let of_certificates = [
        (CertificateFault::OtherOffice, "certificate is of an unknown office"),
        (CertificateFault::Expired, "certificate or checkpoint is expired"),
        (CertificateFault::Revoked, "certificate is revoked"),
        (CertificateFault::Currency, "certificate is for another currency"),
        (CertificateFault::Outdated, "checkpoint is older than one seen before"),
        (CertificateFault::Mismatch, "certificate and checkpoint do not belong together"),
        (CertificateFault::Myself, "certificate is this wallet's own"),
    ];
    let others = [
        (Fault::Malformed, "malformed packet"),
        (Fault::Unexpected, "unexpected packet"),
        (Fault::Handshake, "handshake does not verify"),
        (Fault::Version, "no common protocol version"),
        (Fault::Envelope, "packet does not open"),
        (Fault::Signature, "signature does not verify"),
        (Fault::WrongPayment, "message about another payment"),
        (Fault::Terms, "terms break a rule"),
        (Fault::InvalidVote, "vote does not hold"),
        (Fault::Contradiction, "statement contradicts an earlier one"),
        (Fault::Flood, "too many messages"),
    ];
    for (fault, words) in of_certificates {
        assert_eq!(fault.words(), words);
        assert_eq!(Fault::Certificate(fault).words(), words);
    }
    for (fault, words) in others {
        assert_eq!(fault.words(), words);
    }
}

#[test]
fn secrets_are_not_shown() {
    let pair = Pair::new();
    let shown = format!("{:?}", pair.buyer.wallet.state());
    assert!(shown.contains("secrets: Some(Secrets(..))"), "{shown}");
}

#[test]
fn the_stage_of_a_payment_is_its_role_and_its_state() {
    type Made = fn(&mut Pair) -> onehop_wire::TxId;
    let cases: [(Made, &str, &str); 9] = [
        (acts::invited, "none", "seller INVITED"),
        (acts::prepared, "buyer PREPARED", "seller INVITED"),
        (acts::seller_committed, "buyer PREPARED", "seller COMMITTED"),
        (acts::done, "buyer COMMITTED", "seller DONE"),
        (acts::refused, "buyer REFUSED", "seller ABORTED"),
        (acts::both_aborted, "buyer ABORTED", "seller ABORTED"),
        (acts::redeemed, "buyer COMMITTED", "seller REDEEMED"),
        (acts::lost, "buyer COMMITTED", "seller LOST"),
        (acts::voided, "buyer VOIDED", "seller ABORTED"),
    ];
    for (make, bought, sold) in cases {
        let mut pair = Pair::new();
        pair.open();
        let tx = make(&mut pair);
        let stages = [&pair.buyer, &pair.seller].map(|device| device.wallet.state().stage(&tx));
        assert_eq!(stages, [bought, sold]);
    }
}

#[test]
fn both_sides_show_the_same_receipt_and_only_of_what_was_paid() {
    let mut pair = Pair::new();
    pair.open();
    let tx = acts::done(&mut pair);
    let [bought, sold] =
        [&pair.buyer, &pair.seller].map(|device| device.wallet.state().receipt(&tx));
    assert_eq!(bought, sold);
    assert_eq!(bought.unwrap().claim.agreed.body.tx, tx);
    let unpaid: [fn(&mut Pair) -> onehop_wire::TxId; 3] =
        [acts::prepared, acts::both_aborted, acts::refused];
    for make in unpaid {
        let mut pair = Pair::new();
        pair.open();
        let tx = make(&mut pair);
        let receipts = [&pair.buyer, &pair.seller].map(|device| device.wallet.state().receipt(&tx));
        assert_eq!(receipts, [None, None]);
    }
    let unknown = onehop_wire::TxId([9; 32]);
    assert_eq!(pair.buyer.wallet.state().receipt(&unknown), None);
}
