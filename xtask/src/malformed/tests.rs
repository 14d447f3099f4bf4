//! The count counts: receivers that check too little are reported, and so is each way of failing.

use onehop_wire::{Commit, Signed, decode, limits::OFFICE_BODY_MAX};

use super::mutants::{Genuine, How, Pool};
use super::tally::{Case, Free, Reaction, Receiver, Tally, tally};
use super::{figures, finding, session, tallies};
use crate::vectors::samples::Samples;
use crate::vectors::world::World;

/// A receiver that is a function.
struct By<F>(F);

impl<F: FnMut(&[u8]) -> Reaction> Receiver for By<F> {
    fn take(&mut self, bytes: &[u8]) -> Reaction {
        (self.0)(bytes)
    }

    fn reset(&mut self) {}
}

fn count(receiver: impl FnMut(&[u8]) -> Reaction, free: &'static [Free]) -> Tally {
    let samples = Samples::new(&World::new());
    let mut case = Case {
        name: "COMMIT".to_owned(),
        genuine: Genuine::new(&samples.commit).unwrap(),
        receiver: Box::new(By(receiver)),
        resign: None,
        free,
        is_idle: false,
    };
    let mut pool = Pool::default();
    pool.add(&Genuine::new(&samples.abort).unwrap());
    tally(&mut case, &pool)
}

fn genuine() -> Signed<Commit> {
    Samples::new(&World::new()).commit
}

#[test]
fn a_receiver_that_takes_only_the_genuine_bytes_passes_and_every_mutant_is_counted() {
    let bytes = onehop_wire::encode(&genuine());
    let only = |given: &[u8]| {
        if given == bytes { Reaction::Accepted } else { Reaction::Nothing }
    };
    let tally = count(only, &[]);
    assert_eq!((tally.accepted, tally.panics, tally.changed, tally.genuine_refused), (0, 0, 0, 0));
    let length = bytes.len() as u64;
    assert_eq!(tally.of(How::Flip), 8 * length);
    assert_eq!(tally.of(How::Cut), length);
    assert_eq!(tally.of(How::Extend), 256);
    // The ABORT's three ids, its hash in two depths of the subject, and its signature.
    assert!(tally.of(How::Swap) >= 3, "{tally:?}");
    assert!(finding(&("COMMIT".to_owned(), tally)).is_none());
}

#[test]
fn a_receiver_that_does_not_check_the_signature_is_reported() {
    let decodes = |given: &[u8]| match decode::<Signed<Commit>>(given, OFFICE_BODY_MAX) {
        Ok(_) => Reaction::Accepted,
        Err(_) => Reaction::Nothing,
    };
    let tally = count(decodes, &[]);
    assert!(tally.accepted > 1_000, "{tally:?}");
    let rows = [("COMMIT".to_owned(), tally)];
    assert!(finding(&rows[0]).is_some());
    let failed = figures(&rows).into_iter().filter(|figure| !figure.holds());
    let names: Vec<String> = failed.map(|figure| figure.name).collect();
    assert_eq!(names, ["malformed.accepted", "malformed.bad.commit"]);
}

#[test]
fn a_decoder_that_ignores_what_follows_the_end_is_reported_for_every_byte() {
    let bytes = onehop_wire::encode(&genuine());
    let begins = |given: &[u8]| {
        if given.starts_with(&bytes) { Reaction::Accepted } else { Reaction::Nothing }
    };
    assert_eq!(count(begins, &[]).accepted, 256);
}

#[test]
fn panics_states_that_change_and_genuine_messages_that_are_refused_are_counted() {
    let bytes = onehop_wire::encode(&genuine());
    let worst = |given: &[u8]| {
        assert!(given.len() >= bytes.len(), "a wallet of paper");
        Reaction::Changed("worse".to_owned())
    };
    std::panic::set_hook(Box::new(|_| {}));
    let tally = count(worst, &[]);
    drop(std::panic::take_hook());
    assert_eq!(tally.panics, bytes.len() as u64);
    assert_eq!(tally.changed, tally.mutants() - tally.panics);
    assert_eq!(tally.genuine_refused, 2);
    assert!(!tally.examples.is_empty());
}

#[test]
fn only_the_part_that_may_differ_is_excused() {
    const FREE: &[Free] =
        &[Free { path: "payee_checkpoint", is_signed: false, why: "it may differ" }];
    let all = |_: &[u8]| Reaction::Accepted;
    let (strict, lenient) = (count(all, &[]), count(all, FREE));
    let excused: u64 = lenient.different.values().sum();
    assert!(excused > 0 && excused < 300, "{excused}");
    assert_eq!(strict.accepted, lenient.accepted + excused);
}

#[test]
fn the_signature_of_a_statement_is_where_the_fields_say() {
    let commit = genuine();
    let Genuine { bytes, fields } = Genuine::new(&commit).unwrap();
    let of = |path: &str| {
        let field = fields.iter().find(|field| field.path == path).unwrap();
        &bytes[field.from..field.to]
    };
    assert_eq!(of("signature"), commit.signature.0);
    assert_eq!(of("body.tx"), commit.body.tx.0);
    assert_eq!(of("body.payee_checkpoint.some"), commit.body.payee_checkpoint.unwrap().0);
    let message = onehop_wire::Message::Commit(commit);
    let whole = Genuine::new(&message).unwrap().fields.pop().unwrap();
    assert_eq!((whole.path.as_str(), whole.kind.as_str()), ("Commit", "Signed<Commit>"));
}

#[test]
fn a_wallet_takes_no_mutant_of_unknown_and_is_asked_by_its_name() {
    let rows = tallies("UNKNOWN").unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| finding(row).is_none()), "{rows:?}");
    assert!(rows[1].0.ends_with(session::SEALED));
    assert!(tallies("UNKNOWABLE").unwrap().is_empty());
}

#[cfg(feature = "mutants")]
#[test]
fn a_wallet_that_does_not_check_signatures_is_reported() {
    use onehop_wire::mutant::{Mutant, armed};

    let rows = armed(Mutant::SignatureUnchecked, || tallies("COMMITTED")).unwrap();
    assert!(rows[0].1.accepted > 0, "{rows:?}");
    assert!(finding(&rows[0]).is_some());
}
