//! A folder's key as programs meet it: made, tried, locked, wrapped anew, damaged.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use onehop_vault::{Boot, Clocks, Cost, Pin, Rules, Vault, VaultError};

fn pin(text: &str) -> Pin {
    Pin::new(text).unwrap()
}

fn cheap(dir: &tempfile::TempDir) -> Vault {
    Vault::at(dir.path()).with_cost(Cost::CHEAPEST)
}

/// True if both keys open what the other sealed.
fn same(vault: &Vault, one: Option<&Pin>, other: Option<&Pin>) -> bool {
    let sealed = vault.unlock(one).unwrap().seal(b"", b"x");
    vault.unlock(other).unwrap().open(b"", &sealed).is_some()
}

// [S-16]
#[test]
fn a_key_under_a_pin_opens_with_it_and_lies_nowhere_open() {
    let dir = tempfile::tempdir().unwrap();
    let vault = cheap(&dir);
    assert_eq!(vault.status().unwrap(), None);
    assert!(matches!(vault.unlock(None), Err(VaultError::Missing { .. })));
    let sealed = vault.create(Some(&pin("good words")), Rules::default()).unwrap().seal(b"", b"x");
    assert!(matches!(vault.create(None, Rules::default()), Err(VaultError::Exists { .. })));
    assert!(matches!(vault.unlock(None), Err(VaultError::PinNeeded)));
    let key = vault.unlock(Some(&pin("good words"))).unwrap();
    assert_eq!(key.open(b"", &sealed), Some(b"x".to_vec()));
    let status = vault.status().unwrap().unwrap();
    assert_eq!((status.has_pin, status.cost), (true, Some(Cost::CHEAPEST)));
}

// [S-16]
#[test]
fn a_key_without_a_pin_is_said_to_have_none_and_gets_one_later() {
    let dir = tempfile::tempdir().unwrap();
    let vault = cheap(&dir);
    let sealed = vault.create(None, Rules::default()).unwrap().seal(b"", b"x");
    assert!(!vault.status().unwrap().unwrap().has_pin);
    assert!(matches!(vault.check(&pin("good words")), Err(VaultError::NoPin)));
    vault.change(None, &pin("good words"), Rules::default()).unwrap();
    assert!(matches!(vault.unlock(None), Err(VaultError::PinNeeded)));
    let key = vault.unlock(Some(&pin("good words"))).unwrap();
    assert_eq!(key.open(b"", &sealed), Some(b"x".to_vec()));
}

#[test]
fn a_changed_pin_is_the_only_one_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    let vault = cheap(&dir);
    let (old, new) = (pin("old words"), pin("new words"));
    vault.create(Some(&old), Rules::default()).unwrap();
    let wrong = vault.change(Some(&new), &new, Rules::default());
    assert!(matches!(wrong, Err(VaultError::WrongPin { left: 2 })), "{wrong:?}");
    vault.change(Some(&old), &new, Rules { tries: 9, lock_seconds: 5 }).unwrap();
    assert!(matches!(vault.unlock(Some(&old)), Err(VaultError::WrongPin { left: 8 })));
    assert!(same(&vault, Some(&new), Some(&new)));
    vault.check(&new).unwrap();
}

static SECONDS: AtomicU64 = AtomicU64::new(1_000);

fn clock() -> Clocks {
    let seconds = SECONDS.load(Ordering::Relaxed);
    // The clock on the wall runs wild.
    Clocks { wall: seconds * 7_919 % 100_000, boot: Some(Boot { id: [1; 16], seconds }) }
}

// [S-17]
#[test]
fn three_wrong_pins_lock_for_half_an_hour_and_the_right_one_waits_too() {
    let dir = tempfile::tempdir().unwrap();
    let vault = || cheap(&dir).with_clock(clock);
    let (right, wrong) = (pin("right"), pin("wrong"));
    vault().create(Some(&right), Rules::default()).unwrap();
    for left in [2, 1] {
        let error = vault().unlock(Some(&wrong)).unwrap_err();
        assert!(matches!(error, VaultError::WrongPin { left: found } if found == left), "{error}");
    }
    // The right one begins the count again.
    vault().unlock(Some(&right)).unwrap();
    for _ in 0..2 {
        vault().unlock(Some(&wrong)).unwrap_err();
    }
    let locked = vault().unlock(Some(&wrong)).unwrap_err();
    assert!(matches!(locked, VaultError::Locked { seconds: 1_800, .. }), "{locked}");
    for after in [0, 1_000, 799] {
        SECONDS.fetch_add(after, Ordering::Relaxed);
        let locked = vault().unlock(Some(&right)).unwrap_err();
        assert!(matches!(locked, VaultError::Locked { .. }), "{locked}");
    }
    SECONDS.fetch_add(1, Ordering::Relaxed);
    vault().unlock(Some(&right)).unwrap();
}

// [S-17]
#[test]
fn a_try_that_was_never_answered_is_counted_and_a_damaged_count_is_a_lock() {
    let dir = tempfile::tempdir().unwrap();
    let vault = cheap(&dir);
    vault.create(Some(&pin("right")), Rules { tries: 1, lock_seconds: 60 }).unwrap();
    vault.unlock(Some(&pin("right"))).unwrap();
    let counted = fs::read(dir.path().join("tries")).unwrap();
    let locked = vault.unlock(Some(&pin("wrong"))).unwrap_err();
    assert!(matches!(locked, VaultError::Locked { seconds: 60, .. }), "{locked}");
    fs::write(dir.path().join("tries"), &counted[..counted.len() - 1]).unwrap();
    let locked = vault.unlock(Some(&pin("right"))).unwrap_err();
    assert!(matches!(locked, VaultError::Locked { seconds: 60, .. }), "{locked}");
}

#[test]
fn a_cheaper_wrapping_becomes_dearer_at_the_next_unlocking_and_never_cheaper() {
    let dir = tempfile::tempdir().unwrap();
    let dear = Cost { memory_kib: 16, passes: 2, lanes: 1 };
    let cost = || cheap(&dir).status().unwrap().unwrap().cost.unwrap();
    cheap(&dir).create(Some(&pin("right")), Rules::default()).unwrap();
    assert_eq!(cost(), Cost::CHEAPEST);
    cheap(&dir).with_cost(dear).unlock(Some(&pin("right"))).unwrap();
    assert_eq!(cost(), dear);
    assert!(same(&cheap(&dir), Some(&pin("right")), Some(&pin("right"))));
    assert_eq!(cost(), dear);
}

// [S-16]
#[test]
fn a_damaged_key_and_one_of_another_format_are_named_and_use_up_no_try() {
    let dir = tempfile::tempdir().unwrap();
    let vault = cheap(&dir);
    vault.create(Some(&pin("right")), Rules::default()).unwrap();
    let path = dir.path().join("key");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        let error = vault.unlock(Some(&pin("right"))).unwrap_err();
        assert!(matches!(error, VaultError::Damaged { .. }), "{at}: {error}");
    }
    assert!(!dir.path().join("tries").exists());
    fs::write(&path, whole).unwrap();
    vault.unlock(Some(&pin("right"))).unwrap();
}

#[test]
fn what_is_no_pin_is_refused_in_one_sentence() {
    for (text, words) in [
        ("123", "at least 4 characters"),
        ("", "at least 4 characters"),
        ("12\n34", "no control characters"),
        (&"x".repeat(1_025), "at most 1024 bytes"),
    ] {
        let error = Pin::new(text).unwrap_err();
        assert!(error.to_string().contains(words), "{text:?}: {error}");
    }
    assert!(pin("12345678901").is_weak() && pin("short").is_weak());
    assert!(!pin("a few good words").is_weak());
    assert_eq!(format!("{:?}", pin("secret words")), "Pin(..)");
}
