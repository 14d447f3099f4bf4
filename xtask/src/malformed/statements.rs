//! Statements by themselves, to whoever verifies their signature, and receipts as files.

use std::marker::PhantomData;

use onehop_crypto::{SigningKey, Trust, verify};
use onehop_evidence::verify_claim;
use onehop_wire::evidence::ReceiptFile;
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::OutcomeKind;
use onehop_wire::{OfficeId, PublicKey, Signed, Statement, decode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::mutants::Genuine;
use super::resign::resign;
use super::stage::Stage;
use super::tally::{Case, Free, Reaction, Receiver};
use crate::vectors::samples::Samples;
use crate::vectors::world::World;

const OPEN: &str = "receipt file: without its COMMITTED it is a claim, and is shown as one";
const RECEIPT: &[Free] = &[
    Free { path: "committed", is_signed: false, why: OPEN },
    Free { path: "claim", is_signed: false, why: OPEN },
];

/// A case for each statement that the vectors have, and for the receipt.
pub(crate) fn cases(stage: &Stage) -> anyhow::Result<Vec<Case<'_>>> {
    let world = &stage.world;
    let of = Samples::new(world);
    let World { root, office_signer, seller, buyer, .. } = world;
    let (seller, buyer) = (&seller.signer, &buyer.signer);
    let mut list = List { world, cases: Vec::new() };
    list.add("statement office-key", root, &world.office_key)?;
    list.add("statement new-root", root, &of.new_root)?;
    list.add("statement certificate", office_signer, &world.buyer.certificate)?;
    list.add("statement checkpoint", office_signer, &world.buyer.checkpoint)?;
    let outcome = world.outcome(&of.agreed, OutcomeKind::Paid);
    list.add("statement outcome", office_signer, &outcome)?;
    list.add("statement pending", office_signer, &of.pending)?;
    list.add("statement revocations", office_signer, &of.revocations)?;
    list.add("statement revocation-delta", office_signer, &of.delta)?;
    list.add("statement enrol", buyer, &of.enrol)?;
    list.add("statement sync", buyer, &of.sync)?;
    list.add("statement resolve", buyer, &of.resolve)?;
    list.add("statement commit-request", seller, &of.request)?;
    list.add("statement commit", seller, &of.commit)?;
    list.add("statement abort", seller, &of.abort)?;
    list.add("statement agreed", buyer, &of.agreed)?;
    list.add("statement refused", buyer, &of.refused)?;
    list.add("statement committed", buyer, &of.committed)?;
    list.add("statement released", buyer, &of.released)?;
    list.add("statement status", buyer, &of.status)?;
    let office = world.office();
    let (by_buyer, by_seller) = (buyer.clone(), seller.clone());
    list.cases.push(Case {
        name: "receipt as a file".to_owned(),
        genuine: Genuine::new(&of.receipt_file(world))?,
        receiver: Box::new(Reader { world }),
        resign: Some(Box::new(move |bytes| {
            let whose = |body: &str, _: &str| match body {
                "Agreed" | "Committed" => Some(by_buyer.clone()),
                "Commit" => Some(by_seller.clone()),
                _ => None,
            };
            resign::<ReceiptFile>(&office, bytes, &whose)
        })),
        free: RECEIPT,
        is_idle: false,
    });
    Ok(list.cases)
}

struct List<'a> {
    world: &'a World,
    cases: Vec<Case<'a>>,
}

impl<'a> List<'a> {
    fn add<T>(
        &mut self,
        name: &'static str,
        signer: &SigningKey,
        signed: &Signed<T>,
    ) -> anyhow::Result<()>
    where
        T: Statement + DeserializeOwned + 'a,
    {
        let verifier: Verifier<T> =
            Verifier { office: self.world.office(), key: signer.public(), statement: PhantomData };
        self.cases.push(Case {
            name: str::to_owned(name),
            genuine: Genuine::new(signed)?,
            receiver: Box::new(verifier),
            // A statement that its signer signs is a good one, whatever it says.
            resign: None,
            free: &[],
            is_idle: false,
        });
        Ok(())
    }
}

/// Whoever knows the key that should have signed a `T`.
struct Verifier<T> {
    office: OfficeId,
    key: PublicKey,
    statement: PhantomData<T>,
}

impl<T: Statement + Serialize + DeserializeOwned> Receiver for Verifier<T> {
    fn take(&mut self, bytes: &[u8]) -> Reaction {
        let signed = decode::<Signed<T>>(bytes, OFFICE_BODY_MAX).ok();
        match signed.map(|signed| verify(&self.office, &self.key, signed)) {
            Some(Ok(_)) => Reaction::Accepted,
            Some(Err(_)) | None => Reaction::Nothing,
        }
    }

    fn reset(&mut self) {}
}

/// Whoever has the office's root key, and reads a receipt as `onehop receipt verify` does.
struct Reader<'a> {
    world: &'a World,
}

impl Reader<'_> {
    fn holds(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let receipt: ReceiptFile = decode(bytes, OFFICE_BODY_MAX)?;
        let mut trust = Trust::new(self.world.root.public());
        for key in &receipt.office_keys {
            trust.add_key(key.clone())?;
        }
        let payee = trust.certificate(receipt.payee)?;
        verify_claim(&trust, &receipt.claim, &payee)?;
        Ok(())
    }
}

impl Receiver for Reader<'_> {
    fn take(&mut self, bytes: &[u8]) -> Reaction {
        if self.holds(bytes).is_ok() { Reaction::Accepted } else { Reaction::Nothing }
    }

    fn reset(&mut self) {}
}
