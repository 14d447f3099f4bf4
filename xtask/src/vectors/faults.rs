//! The second half of money.json: one spend entry for each way in which a payee refuses it.

use onehop_evidence::{EntryFault, Payer, PayerFault, verify_entry};
use onehop_wire::{
    Agreed, Attachment, Certificate, Checkpoint, Currency, Hash, Limits, ReleaseGround, Signed,
    Statement as _,
};
use serde_json::json;

use super::readable::{Case, bytes, hex};
use super::world::{Chain, Person, World};

/// One entry with everything it is judged by.
struct Shown {
    name: &'static str,
    payer: Person,
    agreed: Signed<Agreed>,
    attachments: Vec<Attachment>,
}

pub(crate) fn cases(world: &World) -> anyhow::Result<Vec<Case>> {
    let mut shown = plain(world);
    shown.extend(attached(world));
    shown.extend(received(world));
    shown.extend(limited(world));
    let cases: Vec<_> = shown.iter().map(|shown| case(world, shown)).collect();
    for (shown, case) in shown.iter().zip(&cases) {
        let is_good = shown.name.starts_with("accepted");
        let found = case.field("fault").cloned().unwrap_or_default();
        anyhow::ensure!(is_good == found.is_null(), "{}: {found}", shown.name);
    }
    Ok(cases)
}

fn case(world: &World, shown: &Shown) -> Case {
    let Shown { name, payer, agreed, attachments } = shown;
    let fault = judge(world, shown).err();
    let attachments: Vec<_> = attachments.iter().map(bytes).collect();
    Case::new(*name)
        .with("office", hex(world.office().0))
        .with("root", hex(world.root.public().0))
        .with("office_keys", json!([bytes(&world.office_key)]))
        .with("certificate", bytes(&payer.certificate))
        .with("checkpoint", bytes(&payer.checkpoint))
        .with("entry", bytes(agreed))
        .with("attachments", attachments)
        .with("fault", fault)
}

/// The fault's own words, those of its cause after them.
fn judge(world: &World, shown: &Shown) -> Result<(), String> {
    let words = |error: &dyn std::error::Error| match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    let payer = payer(world, &shown.payer).map_err(|fault| words(&fault))?;
    let judged: Result<_, EntryFault> =
        verify_entry(&world.trust, &payer, shown.agreed.clone(), &shown.attachments);
    judged.map(drop).map_err(|fault| words(&fault))
}

fn payer(world: &World, person: &Person) -> Result<Payer, PayerFault> {
    let certificate = world.trust.certificate(person.certificate.clone())?;
    let checkpoint = world.trust.checkpoint(person.checkpoint.clone())?;
    Payer::new(certificate, checkpoint)
}

/// The buyer's first entry with `change` made to it before it was signed.
fn changed(world: &World, name: &'static str, change: &dyn Fn(&mut Agreed)) -> Shown {
    let World { seller, buyer, .. } = world;
    let request = world.request(seller, buyer, 735, 1);
    let mut body = world.entry_body(buyer, &world.chain(&buyer.checkpoint), &request, &[]);
    change(&mut body);
    let agreed = world.sign(&buyer.signer, body);
    Shown { name, payer: buyer.clone(), agreed, attachments: Vec::new() }
}

fn plain(world: &World) -> Vec<Shown> {
    let yen = Currency::by_code("JPY").ok();
    let own = world.buyer.id();
    let mut unsigned = changed(world, "signed by somebody else", &|_| {});
    unsigned.agreed = world.sign(&world.third.signer, unsigned.agreed.body);
    vec![
        changed(world, "accepted: the first entry", &|_| {}),
        changed(world, "accepted: an entry of the whole balance", &|body| {
            (body.amount, body.cum_out) = (50_000, 50_000);
        }),
        unsigned,
        changed(world, "of another checkpoint", &|body| body.checkpoint = Hash([7; 32])),
        changed(world, "in another currency", &|body| {
            body.currency = yen.unwrap_or(body.currency);
        }),
        changed(world, "to the payer itself", &|body| body.payee = own),
        changed(world, "number 0", &|body| body.seq = 0),
        changed(world, "of nothing", &|body| (body.amount, body.cum_out) = (0, 0)),
        changed(world, "the total is below the amount", &|body| body.cum_out = 1),
        changed(world, "the first entry with an earlier sum", &|body| body.cum_out = 736),
        changed(world, "the first entry after another", &|body| body.prev = Hash([7; 32])),
        changed(world, "the second entry after the checkpoint", &|body| {
            (body.seq, body.cum_out) = (2, 1_000);
        }),
        changed(world, "too little spent by the entries before", &|body| {
            (body.seq, body.prev, body.cum_out) = (4, Hash([7; 32]), 737);
        }),
        changed(world, "more came back than went out", &|body| body.cum_back = 736),
        changed(world, "another date to claim", &|body| {
            body.redeem_by = body.redeem_by.plus(1);
        }),
        changed(world, "hops without a receipt", &|body| body.hops = 1),
        changed(world, "an attachment is named and missing", &|body| {
            body.attachments = super::samples::list(vec![Hash([7; 32])]);
        }),
        changed(world, "more than the balance", &|body| {
            (body.seq, body.prev, body.cum_out) = (3, Hash([7; 32]), 100_001);
        }),
        changed(world, "the greatest total there is", &|body| {
            (body.seq, body.prev, body.cum_out) = (3, Hash([7; 32]), u64::MAX);
        }),
    ]
}

/// The buyer spends 40,000, 40,000 and 40,000, and shows that some of it came back.
fn attached(world: &World) -> Vec<Shown> {
    let World { seller, buyer, third, .. } = world;
    let mut chain = world.chain(&buyer.checkpoint);
    let mut pay = |payee: &Person, number: u8| {
        let request = world.request(payee, buyer, 40_000, number);
        world.entry(buyer, &mut chain, &request, &[])
    };
    let (first, second) = (pay(seller, 1), pay(seller, 2));
    let after = chain;
    let show = |name, attachments: Vec<Attachment>, change: &dyn Fn(&mut Agreed)| {
        let chain = Chain { cum_back: 40_000, ..after };
        let request = world.request(third, buyer, 40_000, 3);
        let mut body = world.entry_body(buyer, &chain, &request, &attachments);
        change(&mut body);
        let agreed = world.sign(&buyer.signer, body);
        Shown { name, payer: buyer.clone(), agreed, attachments }
    };
    let kept = &|_: &mut Agreed| {};
    let released = world.release(seller, buyer, &first);
    let with_ground = |change: &dyn Fn(&mut ReleaseGround)| {
        let mut release = released.clone();
        if let Attachment::Release(release) = &mut release {
            change(&mut release.ground);
        }
        release
    };
    let forged = with_ground(&|ground| match ground {
        ReleaseGround::Aborted { abort, .. } => abort.signature.0[0] ^= 1,
        ReleaseGround::Voided(outcome) => outcome.signature.0[0] ^= 1,
    });
    let elsewhere = with_ground(&|ground| {
        *ground = ReleaseGround::Aborted {
            abort: world.abort(third, buyer, &first),
            seller: third.certificate.clone(),
        };
    });
    // Signed for the other entry of the same payee.
    let mismatched = with_ground(&|ground| {
        *ground = ReleaseGround::Aborted {
            abort: world.abort(seller, buyer, &second),
            seller: seller.certificate.clone(),
        };
    });
    let paid = with_ground(&|ground| {
        let kind = onehop_wire::office::OutcomeKind::Paid;
        *ground = ReleaseGround::Voided(world.outcome(&first, kind));
    });
    let mut twin = first.body.clone();
    twin.tx.0[0] ^= 1;
    let twin = world.sign(&buyer.signer, twin);
    vec![
        show("accepted: a release by the seller", vec![released.clone()], kept),
        show("accepted: a release by the office", vec![world.voided(&first)], kept),
        show("accepted: two releases", vec![released.clone(), world.voided(&second)], kept),
        show("nothing is shown to have come back", Vec::new(), kept),
        show("the same release twice", vec![released.clone(), released.clone()], kept),
        show(
            "one entry released by seller and office",
            vec![released.clone(), world.voided(&first)],
            kept,
        ),
        show("a release that the seller did not sign", vec![forged], kept),
        show("a release by somebody else", vec![elsewhere], kept),
        show("a release of another payment", vec![mismatched], kept),
        show("a release by an outcome that is not void", vec![paid], kept),
        show(
            "a release of an entry with the same number",
            vec![world.release(seller, buyer, &first)],
            &|body| body.seq = 1,
        ),
        show(
            "a release of an entry that another one replaced",
            vec![world.release(seller, buyer, &second), world.release(seller, buyer, &twin)],
            &|body| body.prev = first.body.prev,
        ),
        show("attachments in another order", vec![world.voided(&second), released], &|body| {
            let mut names = body.attachments.to_vec();
            names.reverse();
            body.attachments = super::samples::list(names);
        }),
    ]
}

/// The seller spends on what the buyer paid it.
fn received(world: &World) -> Vec<Shown> {
    let World { seller, buyer, third, .. } = world;
    let mut chain = world.chain(&buyer.checkpoint);
    let request = world.request(seller, buyer, 20_000, 1);
    let paid = world.entry(buyer, &mut chain, &request, &[]);
    let receipt = world.receipt(seller, buyer, &paid, &[]);
    let show = |name, receipts: Vec<onehop_wire::Claim>, change: &dyn Fn(&mut Agreed)| {
        let attachments: Vec<_> =
            receipts.into_iter().map(|claim| Attachment::Receipt(Box::new(claim))).collect();
        let request = world.request(third, seller, 30_000, 3);
        let chain = Chain {
            seq: 2,
            head: Hash([7; 32]),
            cum_out: 80_000,
            cum_in: 20_000,
            ..world.chain(&seller.checkpoint)
        };
        let mut body = world.entry_body(seller, &chain, &request, &attachments);
        change(&mut body);
        let agreed = world.sign(&seller.signer, body);
        Shown { name, payer: seller.clone(), agreed, attachments }
    };
    let kept = &|_: &mut Agreed| {};
    let without_waiver = onehop_wire::Claim { committed: None, ..receipt.clone() };
    let only_settles = onehop_wire::Claim {
        commit: world.commit(seller, buyer, &paid, false),
        committed: Some(world.committed(buyer, &world.commit(seller, buyer, &paid, false))),
        ..receipt.clone()
    };
    let mut forged = receipt.clone();
    forged.commit.signature.0[0] ^= 1;
    let not_its_own = world.receipt(third, buyer, &paid, &[]);
    let mut again = receipt.clone();
    if let Some(committed) = &mut again.committed {
        committed.body.commit = Hash([7; 32]);
    }
    vec![
        show("accepted: a receipt", vec![receipt.clone()], kept),
        show("received money without its receipt", Vec::new(), kept),
        show("a receipt without COMMITTED", vec![without_waiver], kept),
        show("a receipt whose COMMIT names no checkpoint", vec![only_settles], kept),
        show("a receipt whose COMMIT is not signed", vec![forged], kept),
        show("a receipt of somebody else", vec![not_its_own], kept),
        show("a receipt whose COMMITTED is of another COMMIT", vec![again], kept),
        show("a receipt and no hops", vec![receipt.clone()], &|body| body.hops = 0),
        show("a receipt and too many hops", vec![receipt], &|body| body.hops = 2),
    ]
}

/// Payers who do not belong together, and payers whose certificates allow less.
fn limited(world: &World) -> Vec<Shown> {
    let buyer = &world.buyer;
    let with = |certificate: &dyn Fn(&mut Certificate), checkpoint: &dyn Fn(&mut Checkpoint)| {
        let mut person = buyer.clone();
        certificate(&mut person.certificate.body);
        checkpoint(&mut person.checkpoint.body);
        person.certificate = world.by_office(person.certificate.body);
        person.checkpoint = world.by_office(person.checkpoint.body);
        person
    };
    let limits = |limits: Limits| with(&|body| body.limits = limits.clone(), &|_| {});
    let as_is = |_: &mut Certificate| {};
    let third = world.third.id();
    let yen = Currency::by_code("JPY").ok();
    let open = Limits { hops: 1, ..Limits::default() };
    let payers = [
        ("a checkpoint of another wallet", with(&as_is, &|body| body.wallet = third)),
        ("a checkpoint of another epoch", with(&as_is, &|body| body.epoch = 2)),
        (
            "a checkpoint in another currency",
            with(&as_is, &|body| body.currency = yen.unwrap_or(body.currency)),
        ),
        (
            "a checkpoint that outlives its certificate",
            with(&|body| body.not_after = body.not_before, &|_| {}),
        ),
        (
            "a checkpoint older than its certificate",
            with(&|body| body.not_before = body.not_before.plus(1), &|_| {}),
        ),
        (
            "over the limit of one payment",
            limits(Limits { per_payment: Some(734), ..open.clone() }),
        ),
        (
            "over the limit of one checkpoint",
            limits(Limits { per_checkpoint: Some(734), ..open.clone() }),
        ),
        ("over the number of payments", limits(Limits { payments: Some(0), ..open.clone() })),
        (
            "accepted: exactly at every limit",
            limits(Limits {
                per_payment: Some(735),
                per_checkpoint: Some(735),
                payments: Some(1),
                ..open
            }),
        ),
    ];
    payers
        .into_iter()
        .map(|(name, payer)| {
            let mut shown = changed(world, name, &|_| {});
            let mut body = shown.agreed.body;
            body.checkpoint = payer.checkpoint.body.hash(&world.office());
            body.prev = body.checkpoint;
            shown.agreed = world.sign(&buyer.signer, body);
            Shown { payer, ..shown }
        })
        .collect()
}
