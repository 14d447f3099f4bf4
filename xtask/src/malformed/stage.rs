//! A real office, and the people of the vectors with papers that this office gave them.

use anyhow::{Context, ensure};
use money_office::{
    Command, MemLedger, NewOffice, Office, OperatorAnswer, OperatorCommand, Profile,
};
use onehop_crypto::{SigningKey, Trust};
use onehop_wire::office::{Enrol, Sync, Transfer};
use onehop_wire::{List, Nonce, Signed, UnixSeconds};

use crate::vectors::samples::enrol;
use crate::vectors::world::{BALANCE, NEW_YEAR, OFFICE_KEY_SEED, Person, ROOT_SEED, World, rupees};

const OPERATOR_SEED: [u8; 32] = [0x05; 32];
/// More than each charges.
const DEPOSIT: u64 = BALANCE + 10_000;

/// The day on which all of it happens.
pub(crate) const TODAY: UnixSeconds = UnixSeconds(NEW_YEAR);

/// The office's store with everybody enrolled and their purses filled.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) ledger: MemLedger,
    /// The store before anybody was enrolled.
    bare: MemLedger,
    /// ENROL of somebody whom the office does not know.
    pub(crate) newcomer: (SigningKey, Signed<Enrol>),
}

impl Stage {
    /// # Errors
    /// If the office refuses what this project's own wallets would ask it.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut world = World::new();
        let operator = SigningKey::from_seed(&OPERATOR_SEED);
        let new = NewOffice {
            name: "City Money Office".to_owned(),
            currency: rupees(),
            profile: Profile::by_name("rbi-2023")?,
            credit_line: None,
            purse_max: None,
            operator: operator.public(),
        };
        let root = SigningKey::from_seed(&ROOT_SEED);
        let mut office = Office::create(MemLedger::new(), new, &root, &OFFICE_KEY_SEED, TODAY)?;
        let bare = office.store().clone();
        world.office_key = office.info()?.office_key;
        world.trust = Trust::new(root.public());
        world.trust.add_key(world.office_key.clone())?;
        let mut people = [world.seller.clone(), world.buyer.clone(), world.third.clone()];
        for (number, person) in people.iter_mut().enumerate() {
            fill(&mut office, &world, &operator, number, person)?;
        }
        [world.seller, world.buyer, world.third] = people;
        let signer = SigningKey::from_seed(&[0x14; 32]);
        let mut body = enrol(&world.third, "Kiran");
        body.key = signer.public();
        let request = world.sign(&signer, body);
        Ok(Self { world, ledger: office.into_store(), bare, newcomer: (signer, request) })
    }

    /// The office that knows nobody.
    pub(crate) fn bare_office(&self) -> anyhow::Result<Office<MemLedger>> {
        Ok(Office::open(self.bare.clone())?)
    }

    /// The office as it starts from the ledger.
    pub(crate) fn office(&self) -> anyhow::Result<Office<MemLedger>> {
        Ok(Office::open(self.ledger.clone())?)
    }
}

/// Enrols `person`, hands in cash and charges the purse.
fn fill(
    office: &mut Office<MemLedger>,
    world: &World,
    operator: &SigningKey,
    number: usize,
    person: &mut Person,
) -> anyhow::Result<()> {
    let name = person.certificate.body.name.as_str();
    let mut body = enrol(person, name);
    body.class = person.certificate.body.class;
    let answer = office.enrol(TODAY, &world.sign(&person.signer, body))?;
    (person.certificate, person.checkpoint) = (answer.certificate, answer.checkpoint);
    let mut nonce = Nonce([0; 16]);
    nonce.0[0] = u8::try_from(number).context("too many people")?;
    let command = Command::Deposit { wallet: person.id(), amount: DEPOSIT };
    let order = world.sign(operator, OperatorCommand { nonce, at: TODAY, command });
    let done = office.operate(TODAY, &order)?;
    ensure!(matches!(done, OperatorAnswer::Wallet(_)), "the deposit is not booked");
    let head = person.checkpoint.hash(&world.office());
    let body = Sync {
        wallet: person.id(),
        checkpoint: head,
        seq: 0,
        head,
        cum_out: 0,
        entries: List::empty(),
        aborts: List::empty(),
        transfer: Transfer::Charge(BALANCE),
    };
    let answer = office.sync(TODAY, &world.sign(&person.signer, body))?;
    ensure!(answer.checkpoint.body.balance == BALANCE, "the purse is not filled");
    (person.certificate, person.checkpoint) = (answer.certificate, answer.checkpoint);
    Ok(())
}
