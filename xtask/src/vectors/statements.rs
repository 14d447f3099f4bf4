//! statements.json: every statement's signing input, hash and signature, and what a verifier
//! must refuse.

use onehop_crypto::{SigningKey, verify};
use onehop_wire::{OfficeId, PublicKey, Released, Signed, Statement};
use serde::Serialize;
use serde_json::Value;

use super::handshake;
use super::readable::{Case, bytes, hex, readable};
use super::samples::Samples;
use super::world::World;

/// The order of Ed25519's group, least byte first (RFC 8032, section 5.1).
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];
/// The neutral point, of order 1.
const NEUTRAL: [u8; 32] = {
    let mut point = [0; 32];
    point[0] = 1;
    point
};
/// The neutral point with y = p + 1, which no encoder writes.
const NEUTRAL_NOT_CANONICAL: [u8; 32] = {
    let mut point = [0xff; 32];
    point[0] = 0xee;
    point[31] = 0x7f;
    point
};

pub(crate) fn cases(world: &World) -> anyhow::Result<Vec<Case>> {
    let of = Samples::new(world);
    let run = handshake::run(world, false)?;
    let (seller_proof, buyer_proof) = handshake::proofs(world, &run);
    let World { root, office_signer, seller, buyer, .. } = world;
    let (seller, buyer) = (&seller.signer, &buyer.signer);
    let mut cases = Cases { office: world.office(), cases: Vec::new() };
    cases.good(root, &world.office_key);
    cases.good(root, &of.new_root);
    cases.good(office_signer, &world.buyer.certificate);
    cases.good(office_signer, &world.buyer.checkpoint);
    cases.good(office_signer, &world.outcome(&of.agreed, onehop_wire::office::OutcomeKind::Paid));
    cases.good(office_signer, &of.pending);
    cases.good(office_signer, &of.revocations);
    cases.good(office_signer, &of.delta);
    cases.good(buyer, &of.enrol);
    cases.good(buyer, &of.sync);
    cases.good(buyer, &of.resolve);
    cases.good(seller, &world.sign(seller, seller_proof));
    cases.good(buyer, &world.sign(buyer, buyer_proof));
    cases.good(seller, &of.request);
    cases.good(seller, &of.commit);
    cases.good(seller, &of.abort);
    cases.good(seller, &of.abort_of_request);
    cases.good(buyer, &of.agreed);
    cases.good(seller, &of.onward);
    cases.good(buyer, &of.refused);
    cases.good(buyer, &of.over_limit);
    cases.good(buyer, &of.committed);
    cases.good(buyer, &of.released);
    cases.good(buyer, &of.status);
    cases.good(buyer, &of.status_of_request);
    cases.refused(world, &of)?;
    Ok(cases.cases)
}

struct Cases {
    office: OfficeId,
    cases: Vec<Case>,
}

impl Cases {
    fn good<T: Statement + Clone>(&mut self, signer: &SigningKey, signed: &Signed<T>) {
        let count = self.cases.iter().filter(|case| case.is_named(T::TYPE)).count();
        let name = if count == 0 { T::TYPE.to_owned() } else { format!("{}, again", T::TYPE) };
        let seed = hex(*signer.seed());
        self.push(&name, self.office, seed, signer.public(), signed);
    }

    fn push<T: Statement + Clone>(
        &mut self,
        name: &str,
        office: OfficeId,
        seed: Value,
        public: PublicKey,
        signed: &Signed<T>,
    ) {
        let valid = verify(&office, &public, signed.clone()).is_ok();
        let case = Case::new(name)
            .with("type", T::TYPE)
            .with("office", hex(office.0))
            .with("seed", seed)
            .with("public", hex(public.0))
            .with("body", bytes(&signed.body))
            .with("value", readable(&signed.body))
            .with("signing_input", hex(signed.body.signing_input(&office)))
            .with("hash", hex(signed.hash(&office).0))
            .with("signature", hex(signed.signature.0))
            .with("valid", valid);
        self.cases.push(case);
    }

    fn refused(&mut self, world: &World, of: &Samples) -> anyhow::Result<()> {
        let office = self.office;
        let first = self.cases.len();
        let key = world.buyer.signer.public();
        let mut bad = |name: &str, public: PublicKey, change: &dyn Fn(&mut [u8; 64])| {
            let mut signed = of.committed.clone();
            change(&mut signed.signature.0);
            self.push(name, office, Value::Null, public, &signed);
        };
        bad("one bit of R is changed", key, &|signature| signature[0] ^= 1);
        bad("one bit of S is changed", key, &|signature| signature[32] ^= 1);
        bad("S plus the group order", key, &|signature| {
            add(&mut signature[32..], &GROUP_ORDER);
        });
        bad("another wallet's key", world.seller.signer.public(), &|_| {});
        bad("a key of order 1, which would sign anything", PublicKey(NEUTRAL), &|signature| {
            *signature = [0; 64];
            signature[0] = 1;
        });
        bad(
            "a key of order 1 in a form that no encoder writes",
            PublicKey(NEUTRAL_NOT_CANONICAL),
            &|signature| {
                *signature = [0; 64];
                signature[0] = 1;
            },
        );
        bad("an R of order 1", key, &|signature| signature[..32].copy_from_slice(&NEUTRAL));
        bad("an R in a form that no encoder writes", key, &|signature| {
            signature[..32].copy_from_slice(&NEUTRAL_NOT_CANONICAL);
        });
        bad("a signature of zeros", key, &|signature| *signature = [0; 64]);
        let mut other = of.committed.clone();
        other.body.agreed.0[0] ^= 1;
        self.push("another body", office, Value::Null, key, &other);
        let elsewhere = OfficeId([0xee; 32]);
        self.push("another office", elsewhere, Value::Null, key, &of.committed);
        let posing = world.sign(&world.buyer.signer, AsCommitted(&of.released.body));
        let cross = Signed { body: of.released.body.clone(), signature: posing.signature };
        self.push("the signature of another type", office, Value::Null, key, &cross);
        for case in &self.cases[first..] {
            anyhow::ensure!(case.is_refused(), "a bad signature is accepted: {case:?}");
        }
        Ok(())
    }
}

/// The bytes of a RELEASED under the domain of COMMITTED.
#[derive(Serialize)]
struct AsCommitted<'a>(&'a Released);

impl Statement for AsCommitted<'_> {
    const TYPE: &'static str = "committed";
}

impl Case {
    fn is_named(&self, name: &str) -> bool {
        self.field("type").and_then(Value::as_str) == Some(name)
    }

    fn is_refused(&self) -> bool {
        self.field("valid") == Some(&Value::Bool(false))
    }
}

/// Adds two numbers of 32 bytes, least byte first.
fn add(to: &mut [u8], number: &[u8; 32]) {
    let mut carry = 0_u16;
    for (to, from) in to.iter_mut().zip(number) {
        let sum = u16::from(*to) + u16::from(*from) + carry;
        [*to, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
}
