//! What the office gives wallets to pass on: revocation deltas and successors of its root.

use onehop_wire::office::Transfer;

use super::world::{World, key};
use crate::evidence::Evidence;
use crate::operator::Command;

/// [N-11]
#[test]
fn each_list_has_a_delta_and_a_sync_brings_those_since_the_list_of_the_closed_purse() {
    let mut world = World::new();
    let mut wallet = world.enrol(1, "asha");
    let lost: Vec<_> = (11..14).map(|seed| world.enrol(seed, &format!("lost {seed}"))).collect();
    world.order(Command::Revoke { wallet: lost[0].id() }).unwrap();
    world.order(Command::ReportLost { wallet: lost[1].id() }).unwrap();
    // Again: it is on the list already.
    world.order(Command::Revoke { wallet: lost[0].id() }).unwrap();
    let answer = world.sync(&mut wallet, Transfer::None);
    let added = |answer: &onehop_wire::office::SyncAnswer| {
        let deltas = answer.deltas.iter();
        deltas.map(|it| (it.body.number, it.body.added.to_vec())).collect::<Vec<_>>()
    };
    let first = [(1, vec![lost[0].id()]), (2, vec![lost[1].id()])];
    assert_eq!(added(&answer), first);
    assert_eq!(answer.revocations.body.number, 2);
    world.order(Command::Revoke { wallet: lost[2].id() }).unwrap();
    let sync = wallet.sync(Transfer::None);
    let answer = world.office.sync(world.now, &sync).unwrap();
    assert_eq!(added(&answer), [(3, vec![lost[2].id()])]);
    let trust = onehop_crypto::Trust::from_info(&world.office.info().unwrap(), None).unwrap();
    for delta in &answer.deltas {
        trust.delta(delta.clone()).unwrap();
    }
    // Byte for byte the same, also by an office that was opened anew.
    let mut again = crate::Office::open(world.office.into_store()).unwrap();
    assert_eq!(again.sync(world.now, &sync).unwrap(), answer);
    assert!(again.audit().unwrap().balances());
}

/// [N-9] [B-1]
#[test]
fn a_root_announces_its_successor_which_then_certifies_keys() {
    let mut world = World::new();
    let mut wallet = world.enrol(1, "asha");
    let (root, next, stranger) = (key(201), key(210), key(9));
    assert!(world.office.renew_key(&next, &[8; 32], world.now).is_err());
    assert!(world.office.add_root(&stranger, stranger.public(), world.now).is_err());
    assert_eq!(world.office.info().unwrap().new_roots.len(), 0);
    assert_eq!(world.office.add_root(&root, next.public(), world.now).unwrap(), 1);
    assert_eq!(world.office.add_root(&root, next.public(), world.now).unwrap(), 1);
    assert_eq!(world.office.renew_key(&next, &[8; 32], world.now).unwrap(), 2);
    let answer = world.sync(&mut wallet, Transfer::None);
    let info = world.office.info().unwrap();
    assert_eq!(answer.new_roots, info.new_roots);
    assert_eq!(info.new_roots[0].body.root, next.public());
    let mut trust = onehop_crypto::Trust::from_info(&info, Some(world.office.id())).unwrap();
    trust.add_key(answer.office_keys[0].clone()).unwrap();
    trust.certificate(answer.certificate.clone()).unwrap();
    let late = world.enrol_request(2, "ravi");
    assert_eq!(world.office.enrol(world.now, &late).unwrap().new_roots, info.new_roots);
    // The evidence has it before the key that it certifies, and the audit follows.
    let again = crate::Office::open(world.office.into_store()).unwrap();
    assert_eq!(again.info().unwrap(), info);
    assert!(again.audit().unwrap().balances());
    assert_eq!(Evidence::NewRoot(info.new_roots[0].clone()).name(), "NewRoot");
}
