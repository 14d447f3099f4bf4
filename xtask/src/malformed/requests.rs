//! Requests to a real office: ENROL, SYNC, claims and RESOLVE.

use money_office::{MemLedger, Office};
use onehop_crypto::SigningKey;
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::{
    ClaimBundle, EntryState, OfficeAnswer, OfficeRequest, Resolve, ResolveRequest, Sync, SyncEntry,
    Transfer, Verdict,
};
use onehop_wire::{Abort, Agreed, CommitRequest, List, Nonce, Signed, decode};

use super::attachments::paid;
use super::mutants::Genuine;
use super::resign::resign;
use super::stage::{Stage, TODAY};
use super::tally::{Case, Free, Reaction, Receiver};
use crate::vectors::samples::list;
use crate::vectors::world::World;

const ENROL: &[Free] = &[
    Free { path: "mail_key", is_signed: true, why: "ENROL: another mail key" },
    Free { path: "name", is_signed: true, why: "ENROL: another name" },
    Free { path: "class", is_signed: true, why: "ENROL: another class" },
];
const SYNC: &[Free] = &[
    Free { path: "transfer", is_signed: true, why: "SYNC: another transfer" },
    Free { path: "transfer.Charge", is_signed: true, why: "SYNC: another transfer" },
    Free { path: "state.Aborted.body.reason", is_signed: true, why: "ABORT: another reason" },
    Free { path: "Committed.body.payee_checkpoint", is_signed: true, why: PURSE },
    Free { path: "Committed.body.payee_checkpoint.some", is_signed: true, why: PURSE },
    Free { path: "cum_in", is_signed: true, why: "AGREED: sums that are not compared yet" },
    Free { path: "cum_back", is_signed: true, why: "AGREED: sums that are not compared yet" },
];
const PURSE: &str = "COMMIT: the payee says under which purse it may spend the money";
const OPEN: &str = "CLAIM: without its COMMITTED it is a claim all the same (section 2.5)";
const QUESTION: &str = "RESOLVE: without the ABORT it is a question all the same";
const CLAIM: &[Free] = &[
    Free { path: "committed", is_signed: false, why: OPEN },
    Free { path: "Claim", is_signed: false, why: OPEN },
    Free { path: "Claim.claims", is_signed: false, why: OPEN },
    Free { path: "Claim.claims.0", is_signed: false, why: OPEN },
    Free { path: "commit.body.payee_checkpoint", is_signed: true, why: PURSE },
    Free { path: "commit.body.payee_checkpoint.some", is_signed: true, why: PURSE },
];
const RESOLVE: &[Free] = &[
    Free { path: "nonce", is_signed: true, why: "RESOLVE: another question" },
    Free { path: "abort", is_signed: false, why: QUESTION },
    Free { path: "Resolve", is_signed: false, why: QUESTION },
    Free { path: "abort.some.body.reason", is_signed: true, why: "ABORT: another reason" },
    Free {
        path: "abort.some.body.subject",
        is_signed: true,
        why: "ABORT: of the request instead of the AGREED",
    },
];

/// The buyer's second entry, which the seller aborted.
pub(crate) struct Aborted {
    pub(crate) request: Signed<CommitRequest>,
    pub(crate) agreed: Signed<Agreed>,
    pub(crate) abort: Signed<Abort>,
}

/// The buyer's entries 1, paid, and 2, aborted.
pub(crate) fn history(world: &World) -> (onehop_wire::Claim, Aborted) {
    let World { seller, buyer, .. } = world;
    let claim = paid(world);
    let mut chain = world.chain(&buyer.checkpoint);
    let request = world.request(seller, buyer, 735, 1);
    world.entry(buyer, &mut chain, &request, &[]);
    let request = world.request(seller, buyer, 20_000, 2);
    let agreed = world.entry(buyer, &mut chain, &request, &[]);
    let abort = world.abort(seller, buyer, &agreed);
    (claim, Aborted { request, agreed, abort })
}

/// The buyer's SYNC with both entries.
pub(crate) fn sync(world: &World) -> Signed<Sync> {
    let (claim, aborted) = history(world);
    let last = &aborted.agreed;
    let entries = vec![
        SyncEntry { agreed: claim.agreed, state: EntryState::Committed(claim.commit) },
        SyncEntry { agreed: last.clone(), state: EntryState::Aborted(aborted.abort) },
    ];
    let body = Sync {
        wallet: world.buyer.id(),
        checkpoint: world.buyer.checkpoint.hash(&world.office()),
        seq: last.body.seq,
        head: last.hash(&world.office()),
        cum_out: last.body.cum_out,
        entries: list(entries),
        aborts: List::empty(),
        transfer: Transfer::Charge(100),
    };
    world.sign(&world.buyer.signer, body)
}

/// The buyer's question about its second entry.
pub(crate) fn question(world: &World, with_abort: bool) -> ResolveRequest {
    let (_, Aborted { request, agreed, abort }) = history(world);
    let body = Resolve {
        tx: agreed.body.tx,
        payer: world.buyer.id(),
        agreed: agreed.hash(&world.office()),
        nonce: Nonce([0x0e; 16]),
    };
    let resolve = world.sign(&world.buyer.signer, body);
    ResolveRequest { resolve, request, agreed, abort: with_abort.then_some(abort) }
}

/// A case for each request that the office answers.
pub(crate) fn cases(stage: &Stage) -> anyhow::Result<Vec<Case<'_>>> {
    let world = &stage.world;
    let (claim, _) = history(world);
    let open = onehop_wire::Claim { committed: None, ..claim.clone() };
    let bundle = |claim| OfficeRequest::Claim(ClaimBundle { claims: list(vec![claim]) });
    let resolve = |abort| OfficeRequest::Resolve(Box::new(question(world, abort)));
    let table = [
        ("ENROL", OfficeRequest::Enrol(stage.newcomer.1.clone()), ENROL),
        ("SYNC", OfficeRequest::Sync(Box::new(sync(world))), SYNC),
        ("claim with COMMITTED", bundle(claim), CLAIM),
        ("claim without COMMITTED", bundle(open), CLAIM),
        ("RESOLVE", resolve(false), RESOLVE),
        ("RESOLVE with an ABORT", resolve(true), RESOLVE),
    ];
    let mut cases = Vec::new();
    for (name, request, free) in table {
        let office = world.office();
        cases.push(Case {
            name: str::to_owned(name),
            genuine: Genuine::new(&request)?,
            receiver: Box::new(Desk { stage, office: stage.office()? }),
            resign: Some(Box::new(move |bytes| {
                resign::<OfficeRequest>(&office, bytes, &|body, _| party(stage, body))
            })),
            free,
            is_idle: false,
        });
    }
    Ok(cases)
}

/// Payer and payee, both dishonest.
fn party(stage: &Stage, body: &str) -> Option<SigningKey> {
    let World { seller, buyer, .. } = &stage.world;
    match body {
        "Enrol" => Some(stage.newcomer.0.clone()),
        "Agreed" | "Committed" | "Sync" | "Resolve" => Some(buyer.signer.clone()),
        "Commit" | "Abort" | "CommitRequest" => Some(seller.signer.clone()),
        _ => None,
    }
}

/// The office, which begins again from the stage's ledger once its own has changed.
struct Desk<'a> {
    stage: &'a Stage,
    office: Office<MemLedger>,
}

impl Receiver for Desk<'_> {
    fn take(&mut self, bytes: &[u8]) -> Reaction {
        // As the service and the program do before they ask the office.
        let Ok(request) = decode::<OfficeRequest>(bytes, OFFICE_BODY_MAX) else {
            return Reaction::Nothing;
        };
        let answer = self.office.answer(TODAY, &request);
        let is_changed = *self.office.store() != self.stage.ledger;
        if is_changed {
            self.reset();
        }
        match answer {
            Ok(OfficeAnswer::Refused(_)) if !is_changed => Reaction::Nothing,
            Ok(OfficeAnswer::Claim(answer)) if !is_changed => {
                let refused = |verdict: &Verdict| matches!(verdict, Verdict::Refused(_));
                // Nothing is said of nothing.
                if answer.verdicts.iter().all(refused) {
                    Reaction::Nothing
                } else {
                    Reaction::Accepted
                }
            }
            Ok(OfficeAnswer::Refused(_)) => {
                Reaction::Changed("refused, and yet the ledger is another".to_owned())
            }
            Ok(_) => Reaction::Accepted,
            Err(error) => Reaction::Changed(error.to_string()),
        }
    }

    fn reset(&mut self) {
        if let Ok(office) = self.stage.office() {
            self.office = office;
        }
    }
}
