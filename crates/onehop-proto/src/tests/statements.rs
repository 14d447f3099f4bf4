//! A STATUS and the statements beside it (spec §5.10).

use onehop_wire::{Agreed, CommitRequest, Hash, Message, Signature, Signed, Status, TxId};

use super::pair::{Fate, Pair};
use super::peers::{faults, forget, say};

/// The parts of a STATUS, before the asker signs the first.
struct Parts {
    body: Status,
    request: Signed<CommitRequest>,
    agreed: Option<Signed<Agreed>>,
    forged: bool,
}

fn committed(pair: &mut Pair) -> (TxId, Parts) {
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    pair.confirm(&tx);
    pair.step(&mut |_| Fate::Arrives);
    pair.seller.out.clear();
    let payment = &pair.buyer.wallet.state().buyer[&tx];
    let agreed = payment.state.vote().unwrap().agreed.clone();
    let body = Status {
        tx,
        asker: payment.request.body.payer,
        request: payment.request.hash(pair.office.id()),
        agreed: Some(agreed.hash(pair.office.id())),
    };
    (tx, Parts { body, request: payment.request.clone(), agreed: Some(agreed), forged: false })
}

/// [P-13]
#[test]
fn a_status_is_dropped_unless_everything_beside_it_belongs_to_it_and_verifies() {
    type Bend = fn(&mut Parts, &Pair);
    let bends: [(&str, bool, Bend); 10] = [
        ("nothing", true, |_, _| {}),
        ("no vote", true, |parts, _| (parts.agreed, parts.body.agreed) = (None, None)),
        ("signature of the status", false, |parts, _| parts.forged = true),
        ("signature of the request", false, |parts, _| {
            parts.request.signature = Signature([7; 64]);
        }),
        ("signature of the vote", false, |parts, _| {
            parts.agreed.as_mut().unwrap().signature = Signature([7; 64]);
        }),
        ("hash of the request", false, |parts, _| parts.body.request = Hash([9; 32])),
        ("hash of the vote", false, |parts, _| parts.body.agreed = Some(Hash([9; 32]))),
        ("vote named and not there", false, |parts, _| parts.agreed = None),
        ("tx", false, |parts, _| parts.body.tx = TxId([9; 32])),
        ("vote for another request", false, |parts, pair| {
            let mut body = parts.agreed.take().unwrap().body;
            body.request = Hash([9; 32]);
            let other = pair.buyer.wallet.signer().sign(pair.office.id(), body).into_signed();
            parts.body.agreed = Some(other.hash(pair.office.id()));
            parts.agreed = Some(other);
        }),
    ];
    for (name, good, bend) in bends {
        let mut pair = Pair::new();
        pair.open();
        let (_, mut parts) = committed(&mut pair);
        bend(&mut parts, &pair);
        let Parts { body, request, agreed, forged } = parts;
        let mut status = pair.buyer.wallet.signer().sign(pair.office.id(), body).into_signed();
        if forged {
            status.signature = Signature([7; 64]);
        }
        forget(&mut pair.seller);
        let before = pair.seller.wallet.state().clone();
        // The buyer's own answer to a COMMIT is of no interest here.
        let message = Message::Status { status, request, agreed };
        let (now, peer) = (pair.now(), pair.peer);
        pair.buyer.wallet.say(now, peer, &message);
        pair.buyer.drain();
        pair.step(&mut |_| Fate::Arrives);
        assert_eq!(pair.seller.said, if good { &["COMMIT"][..] } else { &[] }, "{name}");
        assert_eq!(faults(&pair.seller).is_empty(), good, "{name}");
        assert!(*pair.seller.wallet.state() == before, "{name}");
    }
}

/// [P-16] [P-17]
#[test]
fn a_stranger_to_a_payment_learns_nothing_of_it() {
    let mut pair = Pair::new();
    pair.open();
    let (_, parts) = committed(&mut pair);
    pair.disconnect();
    let stranger = super::pair::Device::start(pair.office.enrolled(14, "mallory", 500), 25);
    pair.buyer = stranger;
    pair.open();
    forget(&mut pair.seller);
    let mut body = parts.body;
    body.asker = pair.buyer.wallet.state().wallet().unwrap();
    let status = pair.buyer.wallet.signer().sign(pair.office.id(), body).into_signed();
    let (request, agreed) = (parts.request, parts.agreed.unwrap());
    say(&mut pair, true, &Message::Agreed(agreed.clone()));
    say(&mut pair, true, &Message::Status { status, request, agreed: Some(agreed) });
    assert!(pair.seller.said.is_empty());
}
