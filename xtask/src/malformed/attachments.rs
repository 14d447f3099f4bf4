//! Attachments, to a seller's wallet that then gets an AGREED which names them.

use onehop_crypto::SigningKey;
use onehop_wire::limits::PACKET_MAX;
use onehop_wire::{Attachment, Claim, Message, decode, encode};

use super::mutants::Genuine;
use super::resign::resign;
use super::session::classify;
use super::stage::Stage;
use super::tally::{Case, Free, Reaction, Receiver};
use super::victim::Live;
use crate::vectors::world::{Chain, Person, World};

/// Payments refused by a wallet before it is set up again: its state grows by each.
const PAYMENTS_MAX: u32 = 32;

const REASON: &str = "ABORT: of the same payment, with another reason or subject";
const GROUND: &str = "release: the same entry, let go by office and seller";
const FREE: &[Free] = &[
    Free { path: "abort.body.reason", is_signed: true, why: REASON },
    Free { path: "abort.body.subject", is_signed: true, why: REASON },
    Free { path: "abort", is_signed: false, why: REASON },
    Free { path: "Attachment", is_signed: false, why: GROUND },
    Free { path: "Attachment.Release", is_signed: false, why: GROUND },
    Free { path: "Attachment.Release.ground", is_signed: false, why: GROUND },
];

/// What the buyer paid the seller, as the seller may spend it on.
pub(crate) fn receipt(world: &World) -> Attachment {
    Attachment::Receipt(Box::new(paid(world)))
}

/// The buyer's first entry, COMMITTED.
pub(crate) fn paid(world: &World) -> Claim {
    let World { seller, buyer, .. } = world;
    let request = world.request(seller, buyer, 735, 1);
    let agreed = world.entry(buyer, &mut world.chain(&buyer.checkpoint), &request, &[]);
    world.receipt(seller, buyer, &agreed, &[])
}

/// The buyer's first entry, let go by the seller or by the office; and its chain after that.
pub(crate) fn release(world: &World, is_by_office: bool) -> (Chain, Attachment) {
    let World { seller, buyer, .. } = world;
    let mut chain = world.chain(&buyer.checkpoint);
    let request = world.request(seller, buyer, 20_000, 2);
    let agreed = world.entry(buyer, &mut chain, &request, &[]);
    chain.cum_back = 20_000;
    let attachment =
        if is_by_office { world.voided(&agreed) } else { world.release(seller, buyer, &agreed) };
    (chain, attachment)
}

/// A case for each attachment of the vectors.
pub(crate) fn cases(stage: &Stage) -> anyhow::Result<Vec<Case<'_>>> {
    let world = &stage.world;
    let World { seller, buyer, third, .. } = world;
    let spent = Chain { cum_in: 735, ..world.chain(&seller.checkpoint) };
    let (after, released) = release(world, false);
    let (after_void, voided) = release(world, true);
    let table = [
        ("ATTACHMENT of a receipt", third, seller, spent, receipt(world)),
        ("ATTACHMENT of a release by the seller", seller, buyer, after, released),
        ("ATTACHMENT of a release by the office", seller, buyer, after_void, voided),
    ];
    let mut cases = Vec::new();
    for (name, payee, payer, chain, attachment) in table {
        let office = world.office();
        let receiver =
            Payee { world, payee, payer, chain, genuine: attachment.clone(), live: None };
        cases.push(Case {
            name: str::to_owned(name),
            genuine: Genuine::new(&Message::Attachment(attachment))?,
            receiver: Box::new(receiver),
            resign: Some(Box::new(move |bytes| {
                resign::<Message>(&office, bytes, &|body, _| party(world, body))
            })),
            free: FREE,
            is_idle: false,
        });
    }
    Ok(cases)
}

/// Payer and payee of what is attached, both dishonest; the office is honest.
fn party(world: &World, body: &str) -> Option<SigningKey> {
    match body {
        "Agreed" | "Committed" => Some(world.buyer.signer.clone()),
        "Commit" | "Abort" => Some(world.seller.signer.clone()),
        _ => None,
    }
}

/// A seller's wallet; each attachment comes with an entry that names it.
struct Payee<'a> {
    world: &'a World,
    payee: &'a Person,
    payer: &'a Person,
    chain: Chain,
    genuine: Attachment,
    live: Option<(Live, u32)>,
}

impl Payee<'_> {
    fn give(&mut self, bytes: &[u8]) -> anyhow::Result<Reaction> {
        let (mut live, count) = match self.live.take() {
            Some(live) => live,
            None => (Live::selling(self.world, self.payee, self.payer)?, 0),
        };
        let before = live.victim.state();
        let heard = live.send(bytes)?;
        let is_changed = live.victim.state() != before;
        let alone = classify(&[], &heard, is_changed);
        if alone != Reaction::Nothing || !live.victim.is_in_session() {
            return Ok(alone);
        }
        // An entry that names what was sent is judged by what that is worth.
        let named = match decode::<Message>(bytes, PACKET_MAX) {
            Ok(Message::Attachment(attachment)) => attachment,
            Ok(_) | Err(_) => self.genuine.clone(),
        };
        let request = live.ask(500, count)?;
        let agreed = self.world.entry(self.payer, &mut self.chain.clone(), &request, &[named]);
        let heard = live.send(&encode(&Message::Agreed(agreed)))?;
        live.open(&heard);
        let reaction = match heard.records()[..] {
            ["SellerCommitted"] => Reaction::Accepted,
            ["SellerAborted"] => Reaction::Recorded("ABORTED by the payee's check"),
            ["Evidence", "SellerAborted"] => Reaction::Recorded("EVIDENCE"),
            _ => Reaction::Changed(heard.effects.join(", ")),
        };
        let is_usable = reaction == Reaction::Recorded("ABORTED by the payee's check");
        if is_usable && live.victim.is_in_session() && count < PAYMENTS_MAX {
            self.live = Some((live, count + 1));
        }
        Ok(reaction)
    }
}

impl Receiver for Payee<'_> {
    fn take(&mut self, bytes: &[u8]) -> Reaction {
        self.give(bytes).unwrap_or_else(|error| Reaction::Changed(format!("{error:#}")))
    }

    fn reset(&mut self) {
        self.live = None;
    }
}
