//! The second half of money.json: one spend entry for each way in which a payee refuses it.

use onehop_evidence::{EntryFault, Payer, PayerFault, verify_entry};
use onehop_wire::office::OutcomeKind;
use onehop_wire::{
    Agreed, Attachment, Certificate, Checkpoint, Currency, Hash, Limits, Release, ReleaseGround,
    Signed, Statement as _,
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
        changed(world, "accepted: a first entry of the largest amount", &|body| {
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
struct Spender<'a> {
    world: &'a World,
    first: Signed<Agreed>,
    second: Signed<Agreed>,
    /// The chain after these two.
    after: Chain,
}

impl<'a> Spender<'a> {
    fn new(world: &'a World) -> Self {
        let buyer = &world.buyer;
        let mut after = world.chain(&buyer.checkpoint);
        let mut pay = |number: u8| {
            let request = world.request(&world.seller, buyer, 40_000, number);
            world.entry(buyer, &mut after, &request, &[])
        };
        let (first, second) = (pay(1), pay(2));
        Self { world, first, second, after }
    }

    /// The third entry with `attachments`, changed by `change` before it was signed.
    fn show(
        &self,
        name: &'static str,
        attachments: Vec<Attachment>,
        change: &dyn Fn(&mut Agreed),
    ) -> Shown {
        let World { buyer, third, .. } = self.world;
        let chain = Chain { cum_back: 40_000, ..self.after };
        let request = self.world.request(third, buyer, 40_000, 3);
        let mut body = self.world.entry_body(buyer, &chain, &request, &attachments);
        change(&mut body);
        let agreed = self.world.sign(&buyer.signer, body);
        Shown { name, payer: buyer.clone(), agreed, attachments }
    }

    fn release(&self, agreed: &Signed<Agreed>) -> Attachment {
        self.world.release(&self.world.seller, &self.world.buyer, agreed)
    }

    /// The release of the first entry on another ground.
    fn with_ground(&self, ground: ReleaseGround) -> Attachment {
        Attachment::Release(Box::new(Release { agreed: self.first.clone(), ground }))
    }

    /// An entry like `of` for another payment, changed by `change`.
    fn other(&self, of: &Signed<Agreed>, change: &dyn Fn(&mut Agreed)) -> Signed<Agreed> {
        let mut body = of.body.clone();
        body.tx.0[0] ^= 1;
        change(&mut body);
        self.world.sign(&self.world.buyer.signer, body)
    }
}

const KEPT: &dyn Fn(&mut Agreed) = &|_| {};

fn attached(world: &World) -> Vec<Shown> {
    let spender = Spender::new(world);
    let released = spender.release(&spender.first);
    let voided = |agreed| world.voided(agreed);
    let mut shown = vec![
        spender.show("accepted: a release by the seller", vec![released.clone()], KEPT),
        spender.show("accepted: a release by the office", vec![voided(&spender.first)], KEPT),
        spender.show(
            "accepted: two releases",
            vec![released.clone(), voided(&spender.second)],
            KEPT,
        ),
        spender.show("nothing is shown to have come back", Vec::new(), KEPT),
        spender.show("the same release twice", vec![released.clone(), released.clone()], KEPT),
        spender.show(
            "one entry released by seller and office",
            vec![released.clone(), voided(&spender.first)],
            KEPT,
        ),
        spender.show(
            "attachments in another order",
            vec![voided(&spender.second), released],
            &|body| {
                let mut names = body.attachments.to_vec();
                names.reverse();
                body.attachments = super::samples::list(names);
            },
        ),
    ];
    shown.extend(not_released(&spender));
    shown.extend(contradicting(&spender));
    shown
}

/// Releases that do not count.
fn not_released(spender: &Spender<'_>) -> Vec<Shown> {
    let Spender { world, first, second, .. } = spender;
    let World { seller, buyer, third, .. } = world;
    let aborted = |abort, by: &Person| {
        let seller = by.certificate.clone();
        vec![spender.with_ground(ReleaseGround::Aborted { abort, seller })]
    };
    let mut forged = world.abort(seller, buyer, first);
    forged.signature.0[0] ^= 1;
    let by_third = world.abort(third, buyer, first);
    let of_second = world.abort(seller, buyer, second);
    let paid = ReleaseGround::Voided(world.outcome(first, OutcomeKind::Paid));
    let paid = vec![spender.with_ground(paid)];
    vec![
        spender.show("a release that the seller did not sign", aborted(forged, seller), KEPT),
        spender.show("a release by somebody else", aborted(by_third, third), KEPT),
        spender.show("a release of another payment", aborted(of_second, seller), KEPT),
        spender.show("a release by an outcome that is not void", paid, KEPT),
    ]
}

/// Releases whose entries cannot stand beside each other or the entry that carries them.
fn contradicting(spender: &Spender<'_>) -> Vec<Shown> {
    let Spender { first, second, .. } = spender;
    let twin = spender.other(first, KEPT);
    let sibling = spender.other(second, &|body| body.prev = first.body.prev);
    let short = spender.other(second, &|body| body.cum_out = 79_999);
    let foreign = spender.other(first, &|body| body.checkpoint = Hash([7; 32]));
    let of = |entries: &[&Signed<Agreed>]| -> Vec<Attachment> {
        entries.iter().map(|entry| spender.release(entry)).collect()
    };
    vec![
        spender.show("a release of an entry that is not before it", of(&[second]), &|body| {
            body.seq = 2;
        }),
        spender.show("a release of an entry that this one replaces", of(&[second]), &|body| {
            body.prev = second.body.prev;
        }),
        spender.show("releases of two entries with one number", of(&[first, &twin]), KEPT),
        spender.show("releases of two entries after one head", of(&[first, &sibling]), KEPT),
        spender.show("a release that leaves no room for another", of(&[first, &short]), KEPT),
        spender.show("a release of an entry under another checkpoint", of(&[&foreign]), KEPT),
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
    let mut back = world.entry_body(buyer, &world.chain(&buyer.checkpoint), &request, &[]);
    back.refund_of = Some(paid.body.tx);
    let back = world.receipt(seller, buyer, &world.sign(&buyer.signer, back), &[]);
    let mut again = receipt.clone();
    if let Some(committed) = &mut again.committed {
        committed.body.commit = Hash([7; 32]);
    }
    vec![
        show("accepted: a receipt", vec![receipt.clone()], kept),
        show("received money without its receipt", Vec::new(), kept),
        show("a receipt without COMMITTED", vec![without_waiver], kept),
        show("a receipt whose COMMIT names no checkpoint", vec![only_settles], kept),
        show("a receipt of a refund", vec![back], kept),
        show("a receipt whose COMMIT is not signed", vec![forged], kept),
        show("a receipt of somebody else", vec![not_its_own], kept),
        show("a receipt whose COMMITTED is of another COMMIT", vec![again], kept),
        over_hops(world, &show("accepted", vec![receipt.clone()], kept)),
        show("a receipt and no hops", vec![receipt.clone()], &|body| body.hops = 0),
        show("a receipt and too many hops", vec![receipt], &|body| body.hops = 2),
    ]
}

/// The same entry of a payer whose certificate does not let received money move on.
fn over_hops(world: &World, shown: &Shown) -> Shown {
    let mut payer = shown.payer.clone();
    payer.certificate.body.limits.hops = 0;
    payer.certificate = world.by_office(payer.certificate.body);
    let (agreed, attachments) = (shown.agreed.clone(), shown.attachments.clone());
    Shown { name: "over the limit of hops", payer, agreed, attachments }
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
