//! How every scene begins: an office with its books, and wallets that enrolled and charged there.
//!
//! All of it by the calls that ship, so that each scene starts from a state that can be reached.

use money_office::{Command, LedgerStore, MemLedger, NewOffice, Office, OperatorCommand, Profile};
use onehop_crypto::SigningKey;
use onehop_proto::{Birth, Config, Output, Wallet};
use onehop_wire::office::{Class, Transfer};
use onehop_wire::{Currency, Nonce, Now, Text, UnixSeconds, encode};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

/// The calendar when a scene begins.
pub(crate) const START: UnixSeconds = UnixSeconds(1_800_000_000);

/// Why a scene could not be set up. Only a change of the code that ships can bring it about.
#[derive(Debug, thiserror::Error)]
#[error("scene cannot begin: {what}")]
pub struct SetupError {
    what: String,
}

impl SetupError {
    pub(crate) fn new(what: impl core::fmt::Debug) -> Self {
        Self { what: format!("{what:?}") }
    }
}

/// A scene's wallets, enrolled and charged, and the office's rows.
pub(crate) struct Start {
    pub(crate) wallets: Vec<Wallet>,
    pub(crate) ledger: MemLedger,
    /// Cash handed in, in minor units.
    pub(crate) issued: u64,
}

/// The only currency.
pub(crate) fn currency() -> Result<Currency, SetupError> {
    Currency::by_code("INR").map_err(SetupError::new)
}

/// Sets up an office and one wallet for each name, with so much in its purse.
pub(crate) fn begin(purses: &[(&str, u64)]) -> Result<Start, SetupError> {
    let operator = SigningKey::from_seed(&[201; 32]);
    let root = SigningKey::from_seed(&[202; 32]);
    let new = NewOffice {
        name: "corner office".to_owned(),
        currency: currency()?,
        profile: Profile::by_name("rbi-2023").map_err(SetupError::new)?,
        credit_line: Some(0),
        purse_max: None,
        operator: operator.public(),
    };
    let mut office =
        Office::create(MemLedger::new(), new, &root, &[203; 32], START).map_err(SetupError::new)?;
    let mut wallets = Vec::new();
    for (index, (name, purse)) in (1u8..).zip(purses) {
        let wallet = enrol(&mut office, &operator, index, name, *purse)?;
        wallets.push(wallet);
    }
    let issued = purses.iter().map(|(_, purse)| purse).sum();
    Ok(Start { wallets, ledger: office.into_store(), issued })
}

fn enrol<S: LedgerStore>(
    office: &mut Office<S>,
    operator: &SigningKey,
    index: u8,
    name: &str,
    purse: u64,
) -> Result<Wallet, SetupError> {
    let now = Now { mono_ms: 0, unix: START };
    let mut rng = ChaCha20Rng::from_seed([index; 32]);
    let info = office.info().map_err(SetupError::new)?;
    let born = Birth::new(&mut rng, info).map_err(SetupError::new)?.into_record();
    let mut wallet = Wallet::recover(Config::default(), [index; 32], None, [(1, encode(&born))])
        .map_err(SetupError::new)?;
    let name = Text::new(name).map_err(SetupError::new)?;
    let enrol = wallet.enrol(name, Class::Person).map_err(SetupError::new)?;
    let id = onehop_wire::domain::wallet_id(&enrol.body.key);
    let answer = office.enrol(START, &enrol).map_err(SetupError::new)?;
    wallet.enrolled(answer).map_err(SetupError::new)?;
    if purse > 0 {
        let command = Command::Deposit { wallet: id, amount: purse };
        let body = OperatorCommand { nonce: Nonce([index; 16]), at: START, command };
        let order = operator.sign(office.id(), body).into_signed();
        office.operate(START, &order).map_err(SetupError::new)?;
        let sync = wallet.close(now, Transfer::Charge(purse)).map_err(SetupError::new)?;
        let answer = office.sync(START, &sync).map_err(SetupError::new)?;
        wallet.renewed(answer).map_err(SetupError::new)?;
    }
    // Restarts know from this on that there may have been requests.
    wallet.open_shop().map_err(SetupError::new)?;
    write_all(&mut wallet);
    let state = encode(wallet.state());
    let mut wallet = Wallet::recover(Config::default(), [index; 32], Some((1, &state)), [])
        .map_err(SetupError::new)?;
    write_all(&mut wallet);
    wallet.open_shop().map_err(SetupError::new)?;
    Ok(wallet)
}

/// Lets everything that the wallet wants written be durable.
fn write_all(wallet: &mut Wallet) {
    while let Some(output) = wallet.poll_output() {
        if let Output::Persist(batch) = output {
            wallet.persisted(batch.last());
        }
    }
}
