//! A wallet's folder: making, opening, refusing, compacting.

use std::error::Error;

use onehop_node::{HomeError, Keeper};
use onehop_proto::Config;
use onehop_store::{OpenError, OpenMode, SledFile};
use onehop_wire::office::Transfer;

use crate::device::key;
use crate::office::Office;

/// The message and all its sources, as a person reads them.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

#[test]
fn a_wallet_is_made_once_and_opened_as_it_was_left() {
    let (office, dir) = (Office::new(), tempfile::tempdir().unwrap());
    let path = dir.path().join("wallet");
    let missing = Keeper::open(&path, key(), Config::default()).unwrap_err();
    assert!(matches!(missing, HomeError::Missing { .. }), "{missing:?}");
    assert!(!path.exists());

    let mut keeper = Keeper::create(&path, key(), office.birth(1), Config::default()).unwrap();
    office.enrol(&mut keeper, "asha", 500);
    let locked = Keeper::open(&path, key(), Config::default()).unwrap_err();
    assert!(matches!(locked, HomeError::Locked { .. }), "{locked:?}");
    let state = keeper.wallet().state().clone();
    drop(keeper);

    let exists = Keeper::create(&path, key(), office.birth(2), Config::default()).unwrap_err();
    assert!(matches!(exists, HomeError::Exists { .. }), "{exists:?}");
    let keeper = Keeper::open(&path, key(), Config::default()).unwrap();
    assert_eq!(keeper.wallet().state(), &state);
    assert_eq!(keeper.wallet().balance().available, 500);
}

#[test]
fn a_folder_in_which_no_wallet_was_finished_is_none_and_may_become_one() {
    let (office, dir) = (Office::new(), tempfile::tempdir().unwrap());
    drop(SledFile::open(&dir.path().join("log"), "wallet", 3, OpenMode::Create).unwrap());
    let missing = Keeper::open(dir.path(), key(), Config::default()).unwrap_err();
    assert!(matches!(missing, HomeError::Missing { .. }), "{missing:?}");
    Keeper::create(dir.path(), key(), office.birth(1), Config::default()).unwrap();
    Keeper::open(dir.path(), key(), Config::default()).unwrap();
}

#[test]
fn another_version_and_damage_are_refused_by_name() {
    let (office, dir) = (Office::new(), tempfile::tempdir().unwrap());
    for format in [1, 2, 4] {
        let other = dir.path().join(format!("format {format}"));
        drop(SledFile::open(&other.join("log"), "wallet", format, OpenMode::Create).unwrap());
        let error = Keeper::open(&other, key(), Config::default()).unwrap_err();
        let HomeError::Open { source: OpenError::Version { found, expected: 3, .. }, .. } = &error
        else {
            panic!("{}", chain(&error))
        };
        assert_eq!(*found, format);
        assert!(chain(&error).contains(&format!("format {format}")), "{}", chain(&error));
    }

    let path = dir.path().join("harmed");
    drop(Keeper::create(&path, key(), office.birth(1), Config::default()).unwrap());
    let marker = path.join("log").join("STORE");
    let mut bytes = std::fs::read(&marker).unwrap();
    bytes[9] ^= 1;
    std::fs::write(&marker, bytes).unwrap();
    let error = Keeper::open(&path, key(), Config::default()).unwrap_err();
    assert!(chain(&error).contains("STORE"), "{}", chain(&error));
}

#[test]
fn a_compacted_wallet_opens_from_its_snapshot() {
    let (office, dir) = (Office::new(), tempfile::tempdir().unwrap());
    let mut keeper = Keeper::create(dir.path(), key(), office.birth(1), Config::default()).unwrap();
    office.enrol(&mut keeper, "asha", 500);
    keeper.compact(true).unwrap();
    let forces = keeper.forces();
    keeper.compact(true).unwrap();
    assert_eq!(keeper.forces(), forces);
    let sync = keeper.run(|wallet, now| wallet.close(now, Transfer::None)).unwrap().0.unwrap();
    let answer = office.renew(&keeper, &sync, 800);
    keeper.run(|wallet, _| wallet.renewed(answer)).unwrap().0.unwrap();
    drop(keeper);
    let keeper = Keeper::open(dir.path(), key(), Config::default()).unwrap();
    assert_eq!(keeper.wallet().balance().available, 800);
}
