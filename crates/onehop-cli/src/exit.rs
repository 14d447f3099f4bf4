//! What the program's exit code says, and which failure gets which.

use std::process::ExitCode;

use onehop_link::ble::error::BleError;
use onehop_link::link::LinkError;
use onehop_node::{CommandError, HomeError};
use onehop_proto::Refusal;
use onehop_store::{AppendError, LoadError, OpenError, ReadError, WriteError};
use onehop_vault::VaultError;

use crate::commands::files::ReadFileError;
use crate::office::OfficeError;

/// How the program ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// Done; of a payment: paid.
    Done,
    /// Something of this machine failed.
    Machine,
    /// The arguments or a file given are wrong.
    Usage,
    /// Refused; of a payment: not paid.
    Refused,
    /// The outcome of a payment is not known here.
    InDoubt,
    /// The office was not reached, is another one, or refused.
    Office,
    /// The wallet's store is damaged, in use, or of another version.
    Store,
}

/// The end of `--help`.
pub(crate) const TABLE: &str = "\
Exit codes:
  0  done; a payment: paid
  1  something of this machine failed
  2  the arguments, or a file given, are wrong
  3  refused (funds, a limit, a certificate, ...); a payment: not paid
  4  a payment is in doubt: do not pay again, run `onehop resume`
  5  the office was not reached, is another one, or refused
  6  the wallet's store is damaged, in use, or of another version";

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Machine => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::InDoubt => 4,
            Self::Office => 5,
            Self::Store => 6,
        }
    }

    /// The code of a failure: the outermost cause that has one of its own.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        // A failure given as context is found by the error itself, not in its chain.
        let given = error.downcast_ref::<Failure>().map(|failure| failure.exit);
        given.or_else(|| error.chain().find_map(of_cause)).unwrap_or(Self::Machine)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A failure whose exit code is not that of its cause.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Failure {
    exit: Exit,
    text: String,
}

impl Failure {
    /// What the person gave is wrong.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, text: text.into() }
    }

    /// The wallet's files are damaged or of another version.
    pub(crate) fn store(text: impl Into<String>) -> Self {
        Self { exit: Exit::Store, text: text.into() }
    }

    /// The wallet, the other side or the person said no.
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, text: text.into() }
    }
}

type Cause<'a> = &'a (dyn std::error::Error + 'static);

fn of_cause(cause: Cause<'_>) -> Option<Exit> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.exit);
    }
    if cause.is::<OfficeError>() {
        return Some(Exit::Office);
    }
    if let Some(refusal) = cause.downcast_ref::<Refusal>() {
        return Some(of_refusal(refusal));
    }
    if cause.is::<onehop_wire::AmountError>() {
        return Some(Exit::Usage);
    }
    // Its own words are those of the refusal, which is no link of the chain.
    if let Some(CommandError::Refused(refusal)) = cause.downcast_ref::<CommandError>() {
        return Some(of_refusal(refusal));
    }
    if let Some(error) = cause.downcast_ref::<ReadFileError>() {
        return error.is_of_the_file().then_some(Exit::Usage);
    }
    if let Some(error) = cause.downcast_ref::<VaultError>() {
        return Some(of_vault(error));
    }
    if let Some(error) = cause.downcast_ref::<HomeError>() {
        return of_home(error);
    }
    if let Some(LinkError::Ble(BleError::NoSuchAdapter { .. })) = cause.downcast_ref::<LinkError>()
    {
        return Some(Exit::Usage);
    }
    of_store(cause)
}

/// A wrong PIN is a refusal; a file with the key that is damaged is a damaged store.
fn of_vault(error: &VaultError) -> Exit {
    if matches!(error, VaultError::WrongPin { .. } | VaultError::Locked { .. }) {
        return Exit::Refused;
    }
    if matches!(error, VaultError::Damaged { .. } | VaultError::Version { .. }) {
        return Exit::Store;
    }
    let is_usage = matches!(error, VaultError::PinNeeded | VaultError::NoPin)
        || matches!(error, VaultError::Missing { .. } | VaultError::Exists { .. });
    if is_usage { Exit::Usage } else { Exit::Machine }
}

/// What has a source is judged by it.
fn of_home(error: &HomeError) -> Option<Exit> {
    if matches!(error, HomeError::Missing { .. } | HomeError::Exists { .. } | HomeError::Backup) {
        return Some(Exit::Usage);
    }
    matches!(error, HomeError::Locked { .. }).then_some(Exit::Store)
}

fn of_refusal(refusal: &Refusal) -> Exit {
    let usage = matches!(
        refusal,
        Refusal::Zero | Refusal::Currency { .. } | Refusal::Order(_) | Refusal::OrderTaken { .. }
    );
    let office = matches!(refusal, Refusal::OfficeAnswer { .. } | Refusal::OfficeSignature(_));
    match (usage, office) {
        (true, _) => Exit::Usage,
        (false, true) => Exit::Office,
        (false, false) => Exit::Refused,
    }
}

/// A store that does not exist is a wrong folder; a disk that refuses is this machine's failure.
fn of_store(cause: Cause<'_>) -> Option<Exit> {
    if let Some(error) = cause.downcast_ref::<OpenError>() {
        let usage = matches!(error, OpenError::Missing { .. } | OpenError::Exists { .. });
        let machine = matches!(error, OpenError::Io { .. });
        return Some(match (usage, machine) {
            (true, _) => Exit::Usage,
            (false, true) => Exit::Machine,
            (false, false) => Exit::Store,
        });
    }
    let damaged = |damaged: bool| if damaged { Exit::Store } else { Exit::Machine };
    if let Some(error) = cause.downcast_ref::<WriteError>() {
        return Some(damaged(matches!(error, WriteError::Damaged { .. })));
    }
    if let Some(error) = cause.downcast_ref::<ReadError>() {
        return Some(damaged(matches!(error, ReadError::Damaged { .. })));
    }
    if let Some(error) = cause.downcast_ref::<LoadError>() {
        // A disk that refuses to be read shows itself as the source.
        return std::error::Error::source(error).and_then(of_store).or(Some(Exit::Store));
    }
    if cause.is::<onehop_proto::RecoverError>() {
        return Some(Exit::Store);
    }
    cause.is::<AppendError>().then_some(())?;
    cause.source().and_then(of_store).or(Some(Exit::Machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_store_is_code_6_however_deep_it_lies_and_a_missing_one_is_code_2() {
        let path = std::path::PathBuf::from("w");
        let locked = anyhow::Error::from(OpenError::Locked { path: path.clone() });
        assert_eq!(Exit::of(&locked.context("failed to open the wallet")), Exit::Store);
        assert_eq!(Exit::of(&OpenError::Missing { path }.into()), Exit::Usage);
    }

    #[test]
    fn a_bad_amount_is_code_2_and_a_limit_is_code_3() {
        let inr = onehop_wire::Currency::by_code("INR").unwrap();
        let zero = onehop_wire::Money::parse("0", inr).unwrap_err();
        assert_eq!(Exit::of(&zero.into()), Exit::Usage);
        assert_eq!(Exit::of(&Refusal::NotEnrolled.into()), Exit::Refused);
    }

    #[test]
    fn an_adapter_that_is_not_there_is_code_2_and_one_that_is_off_is_code_1() {
        let there = vec!["hci0".to_owned()];
        let named = BleError::NoSuchAdapter { wanted: "hci1".to_owned(), there };
        assert_eq!(Exit::of(&LinkError::from(named).into()), Exit::Usage);
        let off = BleError::Off { adapter: "hci0".to_owned() };
        assert_eq!(Exit::of(&LinkError::from(off).into()), Exit::Machine);
    }

    #[test]
    fn the_table_in_the_help_has_every_code() {
        for exit in [Exit::Done, Exit::Machine, Exit::Usage, Exit::Refused, Exit::InDoubt] {
            assert!(TABLE.contains(&format!("\n  {}  ", exit.code())));
        }
        for exit in [Exit::Office, Exit::Store] {
            assert!(TABLE.contains(&format!("\n  {}  ", exit.code())));
        }
    }
}
