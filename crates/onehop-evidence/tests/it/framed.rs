//! Case files that are refused, and people who try to have others blamed.

use onehop_crypto::SigningKey;
use onehop_evidence::{JudgeFault, Judgement, Part, Party, judge};
use onehop_wire::office::OutcomeKind;
use onehop_wire::{Attachment, CaseFile, Exhibit, Hash, List, Signed, UnixSeconds, decode, encode};
use proptest::prelude::*;

use crate::blame::{Bench, changed};
use crate::vectors;
use crate::world::{Person, World};

#[test]
fn one_part_that_does_not_verify_refuses_the_whole_file_by_name() {
    // [B-9]
    let bench = Bench::new();
    let root = bench.world.root.public();
    let mut honest = bench.honest();
    honest.push(bench.honest_sync());
    let fault = |file: &CaseFile| judge(&root, file).unwrap_err();
    for at in 0..honest.len() {
        let bytes = encode(&honest[at]);
        let mut forged = bytes.clone();
        *forged.last_mut().unwrap() ^= 1;
        let mut exhibits = honest.clone();
        exhibits[at] = decode(&forged, 1 << 22).unwrap();
        let found = fault(&bench.file(exhibits));
        assert_eq!(found.part(), Part::Exhibit(at), "{found}");
        assert!(found.to_string().starts_with(&format!("exhibit {at} ({}) ", honest[at].name())));
    }
    let file = bench.file(Vec::new());
    let second = |mutate: fn(&mut CaseFile)| {
        let mut file = file.clone();
        mutate(&mut file);
        fault(&file)
    };
    let found = second(|file| {
        let mut all = file.certificates.to_vec();
        all[1].signature.0[0] ^= 1;
        file.certificates = List::new(all).unwrap();
    });
    assert_eq!(found.to_string(), "certificate 1 (CERTIFICATE) is not of this office");
    let found = second(|file| file.office_keys = List::empty());
    assert_eq!(found.part(), Part::Certificate(0));
    let found = second(|file| {
        let mut all = file.office_keys.to_vec();
        all[0].signature.0[0] ^= 1;
        file.office_keys = List::new(all).unwrap();
    });
    assert_eq!(found.part(), Part::OfficeKey(0));
}

#[test]
fn a_certificate_outside_the_dates_of_its_office_key_is_refused() {
    // [B-9] [B-2]
    let bench = Bench::new();
    let mut old = bench.world.buyer.certificate.body.clone();
    old.not_before = UnixSeconds(1);
    let mut file = bench.file(Vec::new());
    file.certificates = List::new(vec![bench.world.by_office(old)]).unwrap();
    let fault = judge(&bench.world.root.public(), &file).unwrap_err();
    assert_eq!(fault.part(), Part::Certificate(0));
}

#[test]
fn a_successor_of_the_root_counts_only_after_the_root_that_announced_it() {
    // [B-9] [B-10]
    let bench = Bench::new();
    let (old, new) = (&bench.world.root, SigningKey::from_seed(&[3; 32]));
    let last = SigningKey::from_seed(&[4; 32]);
    let announce = |by: &SigningKey, number, root: &SigningKey| {
        let (root, from) = (root.public(), UnixSeconds(1));
        bench.world.sign(by, onehop_wire::office::NewRoot { number, root, from })
    };
    let key = bench.world.sign(&last, bench.world.office_key.body.clone());
    let (first, second) = (announce(old, 1, &new), announce(&new, 2, &last));
    let mut file = bench.file(bench.honest());
    file.office_keys = List::new(vec![key]).unwrap();
    let judged = |file: &CaseFile, roots: &[&Signed<onehop_wire::office::NewRoot>]| {
        let roots = roots.iter().map(|it| (*it).clone()).collect();
        let file = CaseFile { new_roots: List::new(roots).unwrap(), ..file.clone() };
        judge(&old.public(), &file).map_err(|fault| fault.part())
    };
    assert_eq!(judged(&file, &[&first, &second]), Ok(Judgement::default()));
    assert_eq!(judged(&file, &[&second, &first]), Err(Part::NewRoot(0)));
    assert_eq!(judged(&file, &[&first]), Err(Part::OfficeKey(0)));
    assert_eq!(judged(&file, &[]), Err(Part::OfficeKey(0)));
}

#[test]
fn an_exhibit_of_a_stranger_or_an_attachment_nobody_names_refuses_the_file() {
    // [B-9] [B-11]
    let bench = Bench::new();
    let root = bench.world.root.public();
    for (at, exhibit) in bench.honest().into_iter().enumerate() {
        let by_office = matches!(exhibit, Exhibit::Outcome(_) | Exhibit::Pending(_));
        let name = exhibit.name();
        let mut file = bench.file(vec![exhibit]);
        file.certificates = List::new(vec![bench.world.third.certificate.clone()]).unwrap();
        let part = Part::Exhibit(0);
        let expected = match name {
            _ if by_office => Ok(Judgement::default()),
            "ATTACHMENT" => Err(JudgeFault::Unnamed { part }),
            _ => Err(JudgeFault::Stranger { part, name }),
        };
        assert_eq!(judge(&root, &file), expected, "exhibit {at}");
    }
}

#[test]
fn statements_of_another_office_are_refused() {
    // [B-9] [B-10]
    let bench = Bench::new();
    let other = SigningKey::from_seed(&[5; 32]);
    let file = bench.file(bench.honest());
    let fault = judge(&other.public(), &file).unwrap_err();
    assert_eq!(fault.part(), Part::OfficeKey(0));
    // The same wallet's signature within another office is none here.
    let elsewhere = *onehop_crypto::Trust::new(other.public()).office();
    let signed = bench.world.buyer.signer.sign(&elsewhere, bench.paid.body.clone());
    let fault =
        judge(&bench.world.root.public(), &bench.file(vec![Exhibit::Agreed(signed.into_signed())]));
    assert_eq!(fault.unwrap_err().part(), Part::Exhibit(0));
}

#[test]
fn a_seller_who_hides_its_abort_is_convicted_by_the_release_and_the_buyer_is_not() {
    // [B-7]
    let bench = Bench::new();
    let World { seller, buyer, .. } = &bench.world;
    // It aborted, then filed a claim with a COMMIT. The buyer spent the money that came back.
    let commit = bench.world.commit(seller, buyer, &bench.back, true);
    let (later, release) = bench.releasing(&bench.back);
    let Exhibit::Attachment(Attachment::Release(inner)) = &release else { unreachable!() };
    let onehop_wire::ReleaseGround::Aborted { abort, .. } = &inner.ground else { unreachable!() };
    let hidden = [Exhibit::Agreed(bench.back.clone()), Exhibit::Commit(commit)];
    let mut shown = hidden.to_vec();
    shown.extend([later, release.clone()]);
    assert_eq!(bench.judge(shown.clone()), Judgement::default(), "it hides");
    shown.push(Exhibit::Abort(abort.clone()));
    let guilty: Vec<Party> =
        bench.judge(shown).findings.into_iter().map(|finding| finding.guilty).collect();
    assert_eq!(guilty, [bench.payee()]);
}

#[test]
fn a_payee_who_mixes_payments_or_forges_a_half_convicts_nobody_but_itself() {
    // [B-7] [B-9]
    let bench = Bench::new();
    let World { seller, buyer, .. } = &bench.world;
    // The waiver of one payment beside the release of another.
    let (later, release) = bench.releasing(&bench.back);
    let waiver = Exhibit::Committed(bench.committed.clone());
    let mixed = vec![waiver, later, release, Exhibit::Agreed(bench.back.clone())];
    assert_eq!(bench.judge(mixed), Judgement::default());
    // A COMMITTED of the aborted payment, which the buyer never signed.
    let commit = bench.world.commit(seller, buyer, &bench.back, true);
    let forged = bench.world.committed(seller, &commit);
    let file = bench.file(vec![Exhibit::Committed(forged)]);
    let fault = judge(&bench.world.root.public(), &file).unwrap_err();
    let (part, name) = (Part::Exhibit(0), "COMMITTED");
    assert_eq!(fault, JudgeFault::Signature { part, name });
    // Entries under the buyer's checkpoint that the seller signed: they are the seller's.
    let twin = changed(&bench, &seller.signer, &bench.paid, |body| body.amount += 1);
    let copied = changed(&bench, &seller.signer, &bench.paid, |_| {});
    let twin = Exhibit::Agreed(twin);
    assert_eq!(bench.found(&Exhibit::Agreed(bench.paid.clone()), &twin), None);
    let found = bench.found(&Exhibit::Agreed(copied), &twin).unwrap().1;
    assert_eq!(found.wallet(), Some(&seller.id()));
}

#[test]
fn an_office_that_signs_falsely_convicts_no_wallet() {
    // [B-7]
    let bench = Bench::new();
    let kinds = [OutcomeKind::Disputed(Hash([7; 32])), OutcomeKind::Void];
    for kind in kinds {
        let mut exhibits = bench.honest();
        exhibits.retain(|it| !matches!(it, Exhibit::Outcome(_)));
        exhibits.push(Exhibit::Outcome(bench.world.outcome(&bench.paid, kind)));
        assert_eq!(bench.judge(exhibits.clone()), Judgement::default());
        exhibits.push(Exhibit::Outcome(bench.world.outcome(&bench.paid, OutcomeKind::Paid)));
        let guilty = bench.judge(exhibits).findings;
        assert!(guilty.iter().all(|it| it.guilty == Party::Office) && guilty.len() == 1);
    }
    // A certificate of its own making beside the buyer's name names the key it is for.
    let imposter = Person { signer: SigningKey::from_seed(&[8; 32]), ..bench.world.buyer.clone() };
    let mut certificate = imposter.certificate.body.clone();
    certificate.key = imposter.signer.public();
    let mut file = bench.file(vec![
        Exhibit::Agreed(changed(&bench, &imposter.signer, &bench.paid, |_| {})),
        Exhibit::Agreed(changed(&bench, &imposter.signer, &bench.paid, |it| it.amount += 1)),
    ]);
    let mut all = file.certificates.to_vec();
    all.push(bench.world.by_office(certificate));
    file.certificates = List::new(all).unwrap();
    let found = judge(&bench.world.root.public(), &file).unwrap().findings;
    let wallets: Vec<_> = found.iter().filter_map(|it| it.guilty.wallet()).collect();
    assert_eq!(wallets, [&imposter.id()]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_choice_of_honest_statements_and_no_changed_byte_convicts_anybody(
        chosen in prop::collection::vec(any::<bool>(), 20),
        at: prop::sample::Index,
        bit in 0_u8..8,
    ) {
        // [B-8] [B-9]
        let bench = Bench::new();
        let honest = bench.honest();
        let keep = |(pair, keep): (Exhibit, &bool)| keep.then_some(pair);
        let mut exhibits: Vec<_> = honest.into_iter().zip(&chosen).filter_map(keep).collect();
        // The attachment, last of all, goes with the entry that names it.
        if !chosen[18] && chosen[19] {
            exhibits.pop();
        }
        let file = bench.file(exhibits);
        let root = bench.world.root.public();
        prop_assert_eq!(judge(&root, &file), Ok(Judgement::default()));
        let mut bytes = encode(&file);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let edited = decode::<CaseFile>(&bytes, 1 << 22);
        let judged = edited.ok().and_then(|edited| judge(&root, &edited).ok());
        prop_assert_eq!(judged.unwrap_or_default(), Judgement::default());
    }
}

#[test]
fn every_vector_of_a_judgement_has_its_findings_or_its_refusal() {
    // [B-7] [B-9] [W-12]
    for case in vectors::cases("judgements") {
        let root = onehop_wire::PublicKey(vectors::bytes(&case, "root").try_into().unwrap());
        let file: CaseFile = decode(&vectors::bytes(&case, "file"), 1 << 22).unwrap();
        let name = vectors::text(&case, "name");
        let findings = match judge(&root, &file) {
            Ok(judgement) => judgement.findings,
            Err(fault) => {
                assert_eq!(case["refused"], fault.part().to_string(), "{name}");
                continue;
            }
        };
        let expected = case["findings"].as_array().unwrap_or_else(|| panic!("{name} is judged"));
        assert_eq!(findings.len(), expected.len(), "{name}");
        for (found, expected) in findings.iter().zip(expected) {
            let wallet = found.guilty.wallet().map(ToString::to_string);
            assert_eq!(expected["row"], found.row.number().to_string(), "{name}");
            assert_eq!(expected["guilty"].as_str(), wallet.as_deref(), "{name}");
            for (part, place) in [(found.first, "first"), (found.second, "second")] {
                let ends = format!(" {}", vectors::text(expected, place));
                assert!(part.to_string().ends_with(&ends), "{name}: {part}");
            }
        }
    }
}
