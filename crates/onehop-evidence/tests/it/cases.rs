//! Case files made of what people hold: claims, receipts, fork proofs.

use onehop_evidence::{CaseError, CaseMaker, Judgement, Row, judge, read_case};
use onehop_wire::evidence::{ForkProof, ReceiptFile, Second};
use onehop_wire::office::OutcomeKind;
use onehop_wire::{Attachment, CaseFile, Exhibit, List, encode};

use crate::blame::{Bench, changed};

fn names(file: &CaseFile) -> Vec<&'static str> {
    file.exhibits.iter().map(Exhibit::name).collect()
}

/// The receipt of a payment by the buyer that shows what came back and what it had received.
fn receipt(bench: &Bench) -> ReceiptFile {
    let world = &bench.world;
    let (buyer, seller, third) = (&world.buyer, &world.seller, &world.third);
    let mut chain = world.chain(&third.checkpoint);
    let earlier = world.request(buyer, third, 90, 7);
    let received = world.entry(third, &mut chain, &earlier, &[]);
    let received = world.receipt(buyer, third, &received, &[]);
    let attachments = [
        world.release(seller, buyer, &bench.back),
        world.voided(&bench.paid),
        Attachment::Receipt(Box::new(received)),
    ];
    let mut chain = bench.chain;
    let request = world.request(third, buyer, 10, 3);
    let agreed = world.entry(buyer, &mut chain, &request, &attachments);
    ReceiptFile {
        office_keys: List::new(vec![world.office_key.clone()]).unwrap(),
        payee: third.certificate.clone(),
        claim: world.receipt(third, buyer, &agreed, &attachments),
    }
}

#[test]
fn a_receipt_becomes_a_case_of_all_statements_within_it_and_convicts_nobody() {
    // [B-8]
    let bench = Bench::new();
    let file = read_case(&encode(&receipt(&bench)), &[]).unwrap();
    let expected = [
        "AGREED",
        "AGREED",
        "ABORT",
        "ATTACHMENT",
        "AGREED",
        "OUTCOME",
        "ATTACHMENT",
        "AGREED",
        "COMMIT",
        "COMMITTED",
        "ATTACHMENT",
        "COMMIT",
        "COMMITTED",
    ];
    assert_eq!(names(&file), expected);
    assert_eq!((file.certificates.len(), file.office_keys.len()), (3, 1));
    assert_eq!(judge(&bench.world.root.public(), &file), Ok(Judgement::default()));
}

#[test]
fn a_fork_proof_becomes_a_case_that_convicts_its_payer() {
    // [B-7]
    let bench = Bench::new();
    let buyer = &bench.world.buyer;
    let twin = changed(&bench, &buyer.signer, &bench.paid, |body| body.amount += 1);
    let late = changed(&bench, &buyer.signer, &bench.paid, |body| body.seq = 9);
    let Exhibit::Sync(sync) = bench.honest_sync() else { unreachable!() };
    for (first, second) in
        [(&bench.paid, Second::Entry(Box::new(twin))), (&late, Second::Close(sync))]
    {
        let proof = ForkProof {
            office_keys: List::new(vec![bench.world.office_key.clone()]).unwrap(),
            payer: buyer.certificate.clone(),
            first: first.clone(),
            second,
        };
        let file = read_case(&encode(&proof), &[]).unwrap();
        assert_eq!(read_case(&encode(&file), &[]), Ok(file.clone()));
        let found = judge(&bench.world.root.public(), &file).unwrap().findings;
        assert!(matches!(found[0].row, Row::Fork(_)) && found.len() == 1, "{found:?}");
        assert_eq!(found[0].guilty.wallet(), Some(&buyer.id()));
    }
}

#[test]
fn what_is_given_twice_is_in_the_case_once_and_keys_that_nothing_names_are_not() {
    let bench = Bench::new();
    let world = &bench.world;
    let signer = onehop_crypto::SigningKey::from_seed(&[9; 32]);
    let second = world.sign(&world.root, crate::world::office_key_body(2, &signer));
    let mut maker = CaseMaker::new([], [world.office_key.clone(), second.clone()]);
    assert!(maker.is_empty());
    for _ in 0..2 {
        maker.receipt(&receipt(&bench));
    }
    let file = maker.clone().finish().unwrap();
    assert_eq!((file.exhibits.len(), file.office_keys.len()), (13, 1));
    let mut paid = world.outcome(&bench.paid, OutcomeKind::Paid).body;
    paid.signed_by = 2;
    maker.exhibit(Exhibit::Outcome(world.sign(&signer, paid)));
    assert_eq!(maker.clone().finish().unwrap().office_keys.len(), 2);
    for number in 0..64 {
        let request = world.request(&world.seller, &world.buyer, 1, number);
        maker.exhibit(Exhibit::CommitRequest(request));
    }
    assert!(maker.finish().is_err());
}

#[test]
fn bytes_of_no_such_file_are_refused() {
    let bench = Bench::new();
    for bytes in [Vec::new(), vec![0; 5], encode(&bench.paid), vec![0; 5_000_000]] {
        assert!(matches!(read_case(&bytes, &[]), Err(CaseError::Content(_))));
    }
    assert_eq!(read_case(&[0; 4], &[]), Ok(CaseFile::default()));
}
