//! I5, as a judge sees it: case files of everything that devices signed name nobody honest
//! (spec §8.2, B-8).

use std::collections::{BTreeMap, BTreeSet};

use onehop_evidence::{CaseMaker, judge};
use onehop_proto::LogRecord;
use onehop_wire::bounded::TooLong;
use onehop_wire::limits::EXHIBITS_MAX;
use onehop_wire::office::Sync;
use onehop_wire::{Attachment, CaseFile, Certificate, Exhibit, Signed, TxId, WalletId, mutant};

use super::{Facts, JUDGED};

/// What devices have on disk that somebody signed.
#[derive(Debug, Default)]
pub(crate) struct Docket {
    payments: BTreeMap<TxId, Vec<Exhibit>>,
    closes: Vec<Signed<Sync>>,
    certificates: BTreeMap<WalletId, Signed<Certificate>>,
    /// The wallets of devices: what others sign is for no promise of ours.
    owners: BTreeSet<WalletId>,
}

impl Docket {
    fn add(&mut self, tx: TxId, exhibit: Exhibit) {
        let known = self.payments.entry(tx).or_default();
        if !known.contains(&exhibit) {
            known.push(exhibit);
        }
    }

    fn knows(&mut self, certificate: &Signed<Certificate>) {
        self.certificates.insert(certificate.body.wallet(), certificate.clone());
    }

    fn attached(&mut self, tx: TxId, attachments: &[Attachment]) {
        for attachment in attachments {
            self.add(tx, Exhibit::Attachment(attachment.clone()));
        }
    }

    /// Notes what a durable record says.
    pub(crate) fn note(&mut self, record: &LogRecord) {
        match record {
            LogRecord::Invited { request, payer, .. } => {
                self.knows(payer);
                self.add(request.body.tx_id(), Exhibit::CommitRequest(request.clone()));
            }
            LogRecord::Prepared { agreed, attachments, request, payee, .. } => {
                self.knows(payee);
                let tx = agreed.body.tx;
                self.add(tx, Exhibit::CommitRequest(request.clone()));
                self.add(tx, Exhibit::Agreed(agreed.clone()));
                self.attached(tx, attachments);
            }
            LogRecord::Refused { refused, request, payee, .. } => {
                self.knows(payee);
                self.add(refused.body.tx, Exhibit::CommitRequest(request.clone()));
                self.add(refused.body.tx, Exhibit::Refused(refused.clone()));
            }
            LogRecord::BuyerCommitted { commit, committed } => {
                self.add(commit.body.tx, Exhibit::Commit(commit.clone()));
                self.add(commit.body.tx, Exhibit::Committed(committed.clone()));
            }
            LogRecord::BuyerAborted { abort, released } => {
                self.add(abort.body.tx, Exhibit::Abort(abort.clone()));
                self.add(abort.body.tx, Exhibit::Released(released.clone()));
            }
            LogRecord::SellerCommitted { tx, claim, .. } => {
                self.knows(&claim.payer);
                self.add(*tx, Exhibit::Agreed(claim.agreed.clone()));
                self.attached(*tx, &claim.attachments);
                self.add(*tx, Exhibit::Commit(claim.commit.clone()));
            }
            LogRecord::SellerAborted { abort, .. } => {
                self.add(abort.body.tx, Exhibit::Abort(abort.clone()));
            }
            LogRecord::Done { committed } => {
                self.add(committed.body.tx, Exhibit::Committed(committed.clone()));
            }
            LogRecord::BuyerSettled(outcome)
            | LogRecord::Redeemed(outcome)
            | LogRecord::Lost(outcome) => {
                self.add(outcome.body.tx, Exhibit::Outcome(outcome.clone()));
            }
            LogRecord::Closed(sync) if !self.closes.contains(sync) => {
                self.closes.push((**sync).clone());
            }
            LogRecord::Enrolled(answer) => self.owned(&answer.certificate),
            LogRecord::Renewed(answer) => self.owned(&answer.certificate),
            LogRecord::Closed(_)
            | LogRecord::Born { .. }
            | LogRecord::EnrolSigned(_)
            | LogRecord::OfficeKeySeen(_)
            | LogRecord::Evidence { .. }
            | LogRecord::Seen { .. }
            | LogRecord::NewRootSeen(_)
            | LogRecord::Revoked { .. }
            | LogRecord::Forked { .. }
            | LogRecord::HeadHeard(_)
            | LogRecord::Told { .. }
            | LogRecord::Frozen
            | LogRecord::NumbersFrom(_) => {}
        }
    }

    fn owned(&mut self, certificate: &Signed<Certificate>) {
        self.owners.insert(certificate.body.wallet());
        self.knows(certificate);
    }

    /// What is known of a payment and of the checkpoint out of which it was paid.
    fn of(&self, exhibits: &[Exhibit]) -> Vec<Exhibit> {
        let mut all = exhibits.to_vec();
        for exhibit in exhibits {
            let Exhibit::Agreed(agreed) = exhibit else { continue };
            let at = agreed.body.checkpoint;
            let closes = self.closes.iter().filter(|sync| sync.body.checkpoint == at);
            all.extend(closes.map(|sync| Exhibit::Sync(Box::new(sync.clone()))));
        }
        all
    }

    /// Case files of all payments, several in one.
    fn files(&self, facts: &Facts) -> Vec<Result<CaseFile, TooLong>> {
        let keys = || facts.trust.iter().flat_map(|trust| trust.keys().cloned());
        let empty = || {
            let roots = facts.trust.iter().flat_map(|trust| trust.new_roots().iter().cloned());
            let mut case = CaseMaker::new(roots, keys());
            self.certificates.values().for_each(|it| case.certificate(it));
            case
        };
        let (mut files, mut case, mut count) = (Vec::new(), empty(), 0);
        for exhibits in self.payments.values() {
            let more = self.of(exhibits);
            if count + more.len() > EXHIBITS_MAX {
                files.push(std::mem::replace(&mut case, empty()).finish());
                count = 0;
            }
            count += more.len();
            more.into_iter().for_each(|exhibit| case.exhibit(exhibit));
        }
        files.push(case.finish());
        files
    }
}

/// Lays everything before the judge. One wallet may have run twice: nobody else is named.
pub(crate) fn check(facts: &mut Facts) {
    mutant::disarmed(|| {
        let Some(root) = facts.trust.as_ref().map(onehop_crypto::Trust::root) else { return };
        for file in facts.docket.files(facts) {
            let judged = file.map_err(|error| error.to_string());
            let judged =
                judged.and_then(|file| judge(&root, &file).map_err(|fault| fault.to_string()));
            match judged {
                Ok(judgement) => {
                    let named = judgement.findings.iter().filter(|it| is_honest(facts, it));
                    let named: Vec<String> = named.map(ToString::to_string).collect();
                    named.into_iter().for_each(|what| facts.violate(JUDGED, what));
                }
                Err(fault) => facts.violate(JUDGED, fault),
            }
        }
    });
}

fn is_honest(facts: &Facts, finding: &onehop_evidence::Finding) -> bool {
    let by_wallet =
        |wallet: &WalletId| facts.docket.owners.contains(wallet) && facts.suspect != Some(*wallet);
    finding.guilty.wallet().is_none_or(by_wallet)
}

#[cfg(test)]
#[path = "../../../../xtask/src/vectors/world.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod people;

#[cfg(test)]
mod tests {
    use onehop_proto::LogRecord;
    use onehop_wire::office::EnrolAnswer;

    use super::people::{Person, World};
    use super::{Facts, JUDGED, check};

    fn enrolled(world: &World, person: &Person) -> LogRecord {
        LogRecord::Enrolled(Box::new(EnrolAnswer {
            new_roots: onehop_wire::List::empty(),
            office_key: world.office_key.clone(),
            certificate: person.certificate.clone(),
            checkpoint: person.checkpoint.clone(),
        }))
    }

    /// [B-8]
    #[test]
    fn a_device_that_contradicts_itself_is_brought_before_the_judge() {
        let world = World::new();
        let (seller, buyer) = (&world.seller, &world.buyer);
        let mut chain = world.chain(&buyer.checkpoint);
        let request = world.request(seller, buyer, 735, 1);
        let agreed = world.entry(buyer, &mut chain, &request, &[]);
        let commit = world.commit(seller, buyer, &agreed, true);
        let committed = world.committed(buyer, &commit);
        let abort = world.abort(seller, buyer, &agreed);
        let paid = LogRecord::BuyerCommitted { commit, committed };
        let waived = LogRecord::SellerAborted { abort, request };
        let named = |records: &[&LogRecord], suspect| {
            let trust = Some(world.trust.clone());
            let mut facts = Facts { trust, suspect, ..Facts::default() };
            records.iter().for_each(|record| facts.docket.note(record));
            check(&mut facts);
            facts.violations.iter().map(|violation| violation.invariant).collect::<Vec<_>>()
        };
        let (of_seller, of_buyer) = (enrolled(&world, seller), enrolled(&world, buyer));
        assert_eq!(named(&[&of_seller, &of_buyer, &paid], None), [""; 0]);
        let both = [&of_seller, &of_buyer, &paid, &waived];
        assert_eq!(named(&both, None), [JUDGED]);
        assert_eq!(named(&both, Some(seller.id())), [""; 0]);
        assert_eq!(named(&both, Some(buyer.id())), [JUDGED]);
        // Without the seller's certificate the file does not verify.
        assert_eq!(named(&[&of_buyer, &paid], None), [JUDGED]);
    }
}
