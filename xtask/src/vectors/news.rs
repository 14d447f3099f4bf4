//! news.json: items of NEWS, and those that an honest wallet drops.

use onehop_crypto::{SigningKey, Trust};
use onehop_evidence::{verify_fork, verify_head};
use onehop_wire::evidence::{ForkProof, Second};
use onehop_wire::{Head, List, NewsItem, encode};

use super::readable::{Case, hex};
use super::samples::{Samples, list};
use super::world::World;

pub(crate) fn cases(world: &World) -> anyhow::Result<Vec<Case>> {
    let samples = Samples::new(world);
    let trust = Trust::from_info(&world.info(), None)?;
    let good = samples.news(world).items.into_inner();
    let names = ["a new root", "an office key", "a delta", "a fork proof", "a head"];
    let mut cases: Vec<Case> = Vec::new();
    for (name, item) in names.into_iter().zip(&good) {
        cases.push(case(world, &trust, name, item));
    }
    for (name, item) in lies(world, &samples, &good) {
        let case = case(world, &trust, name, &item);
        anyhow::ensure!(fault(&trust, &item).is_some(), "{name}: is taken for true");
        cases.push(case);
    }
    Ok(cases)
}

fn case(world: &World, trust: &Trust, name: &str, item: &NewsItem) -> Case {
    Case::new(name)
        .with("office", hex(encode(&world.info())))
        .with("item", hex(encode(item)))
        .with("fault", fault(trust, item))
}

/// Why an item is dropped, whatever the wallet holds.
fn fault(trust: &Trust, item: &NewsItem) -> Option<String> {
    match item {
        NewsItem::Root(root) => trust.clone().add_root(root.clone()).err().map(|it| it.to_string()),
        NewsItem::Key(key) => trust.clone().add_key(key.clone()).err().map(|it| it.to_string()),
        NewsItem::Delta(delta) => trust.delta(delta.clone()).err().map(|it| it.to_string()),
        NewsItem::Fork(proof) => verify_fork(trust, proof).err().map(|it| it.to_string()),
        NewsItem::Head(head) => verify_head(trust, head).err().map(|it| it.to_string()),
    }
}

/// What a liar could tell.
fn lies(world: &World, samples: &Samples, good: &[NewsItem]) -> Vec<(&'static str, NewsItem)> {
    let stranger = SigningKey::from_seed(&[0x09; 32]);
    let root = world.sign(&stranger, samples.new_root.body.clone());
    let mut delta = samples.delta.clone();
    delta.body.added = list(vec![world.buyer.id()]);
    let mut unknown = samples.delta.body.clone();
    unknown.signed_by = 9;
    let mut lies = vec![
        ("a new root that a stranger announces", NewsItem::Root(root)),
        ("a delta with another wallet in it", NewsItem::Delta(delta)),
        ("a delta by an unknown key", NewsItem::Delta(world.sign(&stranger, unknown))),
    ];
    let honest = ForkProof {
        office_keys: List::empty(),
        payer: world.buyer.certificate.clone(),
        first: samples.agreed.clone(),
        second: Second::Entry(Box::new(samples.aborted.clone())),
    };
    lies.push(("a fork proof of two honest entries", NewsItem::Fork(Box::new(honest))));
    for item in good {
        if let NewsItem::Fork(proof) = item {
            let mut proof = proof.clone();
            proof.first.body.amount += 1;
            lies.push(("a fork proof with an altered entry", NewsItem::Fork(proof)));
        }
        if let NewsItem::Head(head) = item {
            let mut altered = head.clone();
            altered.agreed.body.seq += 1;
            lies.push(("a head with an altered entry", NewsItem::Head(altered)));
            let checkpoint = world.seller.checkpoint.clone();
            let another = Head { checkpoint, ..(**head).clone() };
            lies.push(("a head with another's checkpoint", NewsItem::Head(Box::new(another))));
        }
    }
    lies
}
