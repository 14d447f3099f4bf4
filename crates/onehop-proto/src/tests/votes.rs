//! What a seller does with a vote beyond what anybody can check (spec §6.5, steps 15 to 17), and
//! what it keeps.

use onehop_wire::{AbortReason, Agreed, Message, Signed, TxId};

use super::office::Office;
use super::pair::{Fate, Pair};
use super::peers::{faults, forget, say};
use crate::{Event, Fault, NotPaid};

/// The vote on an open question, not sent.
fn vote(pair: &Pair, tx: &TxId) -> Signed<Agreed> {
    let asked = pair.buyer.wallet.asked[tx].clone();
    let context = pair.buyer.wallet.context(pair.now(), pair.peer).unwrap();
    let step = pair.buyer.wallet.state().agree(&context, &asked).unwrap();
    step.say.iter().find_map(|message| message.vote().cloned()).unwrap()
}

fn is_aborted(pair: &Pair, tx: TxId, reason: AbortReason) -> bool {
    let why = NotPaid::Aborted(reason);
    pair.seller.events.contains(&Event::NotPaid { tx, why }) && pair.seller.state(&tx) == "ABORTED"
}

/// [P-7]
#[test]
fn a_vote_with_another_claim_date_than_the_purse_gives_is_aborted() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    let mut body = vote(&pair, &tx).body;
    body.redeem_by = body.redeem_by.plus(1);
    let agreed = pair.buyer.wallet.signer().sign(pair.office.id(), body).into_signed();
    say(&mut pair, true, &Message::Agreed(agreed));
    assert!(is_aborted(&pair, tx, AbortReason::InvalidVote));
}

/// A pair of which the buyer can pay 900 only with the release of 800 before.
fn with_release() -> Pair {
    let mut pair = Pair::with(Office::new(1), 1_000);
    pair.open();
    let first = pair.ask(800, "order 1");
    pair.run_well();
    pair.confirm(&first);
    pair.buyer.out.clear();
    pair.disconnect();
    pair.seller = pair.seller.restarted(true, 41);
    pair.connect();
    pair.run_well();
    assert_eq!(pair.buyer.state(&first), "ABORTED");
    pair
}

/// [M-15]
#[test]
fn what_a_vote_was_judged_by_is_kept_and_filed() {
    let mut pair = with_release();
    let tx = pair.pay(900, "order 2");
    assert_eq!(pair.seller.state(&tx), "DONE");
    pair.seller = pair.seller.restarted(true, 42);
    let buyer = pair.buyer.wallet.state();
    let vote = buyer.buyer[&tx].state.vote().unwrap();
    let claims = pair.seller.wallet.claims();
    let claim = &claims.bundles[0].claims[0];
    assert_eq!(Some(&claim.payer), buyer.certificate());
    assert_eq!(claim.checkpoint, buyer.purse().unwrap().checkpoint);
    assert_eq!((&claim.agreed, &claim.attachments), (&vote.agreed, &vote.attachments));
    assert_eq!(claim.attachments.len(), 1);
    assert_eq!(pair.seller.wallet.state().seller[&tx].request, buyer.buyer[&tx].request);
    let trust = pair.seller.wallet.trust();
    let payee = pair.seller.wallet.state().certificate().unwrap().clone();
    let payee = trust.certificate(payee).unwrap();
    onehop_evidence::verify_claim(trust, claim, &payee).unwrap();
}

/// [P-11]
#[test]
fn attachments_go_before_the_vote_and_the_question_and_are_kept_within_bounds() {
    let mut pair = with_release();
    let tx = pair.ask(900, "order 2");
    pair.run_well();
    pair.confirm(&tx);
    let names = |pair: &Pair| pair.buyer.out.iter().map(|(.., name)| *name).collect::<Vec<_>>();
    assert_eq!(names(&pair), ["ATTACHMENT", "AGREED"]);
    pair.disconnect();
    pair.connect();
    pair.run(&mut |name| if name.starts_with("HELLO") { Fate::Arrives } else { Fate::Lost });
    let said = &pair.buyer.said[pair.buyer.said.len() - 2..];
    assert_eq!(said, ["ATTACHMENT", "STATUS"]);

    // Ten are kept, and only until a vote is judged.
    pair.connect();
    pair.run(&mut |name| if name.starts_with("HELLO") { Fate::Arrives } else { Fate::Lost });
    pair.open();
    let vote = pair.buyer.wallet.state().buyer[&tx].state.vote().unwrap().clone();
    assert_eq!(pair.seller.state(&tx), "DONE", "with its attachment it is paid");
    let mut attachment = vote.attachments[0].clone();
    forget(&mut pair.seller);
    for number in 0..12 {
        if let onehop_wire::Attachment::Release(release) = &mut attachment {
            release.agreed.body.amount = number;
        }
        say(&mut pair, true, &Message::Attachment(attachment.clone()));
    }
    assert_eq!(faults(&pair.seller), [Fault::Flood, Fault::Flood]);
    say(&mut pair, true, &Message::Agreed(vote.agreed));
    say(&mut pair, true, &Message::Attachment(attachment));
    assert_eq!(faults(&pair.seller).len(), 2, "there is room again");
}

/// [P-12]
#[test]
fn a_commit_does_not_name_an_expired_purse() {
    let mut pair = Pair::new();
    pair.open();
    let purse = pair.seller.wallet.state.purse.as_mut().unwrap();
    purse.checkpoint.body.expires.0 = super::office::TODAY.0 - 1;
    let tx = pair.pay(735, "order 1");
    let claim = pair.seller.wallet.state().seller[&tx].state.claim().unwrap();
    assert_eq!(claim.commit.body.payee_checkpoint, None);
}
