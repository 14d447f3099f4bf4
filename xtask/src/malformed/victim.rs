//! A real wallet in session with somebody who has the keys of another, but not its program.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use onehop_crypto::{BuyerHello, SellerHello, Session};
use onehop_proto::{Config, Event, Output, PeerId, Terms, Wallet};
use onehop_wire::limits::PACKET_MAX;
use onehop_wire::{CommitRequest, Lookup, Message, Money, Now, Packet, Signed, decode, encode};

use super::stage::TODAY;
use crate::vectors::born::born;
use crate::vectors::fixed_rng::FixedRng;
use crate::vectors::world::{Person, World, rupees, text};

/// The one channel that there is.
pub(crate) const PEER: PeerId = PeerId(1);
/// The time of everything.
pub(crate) const NOW: Now = Now { mono_ms: 1_000, unix: TODAY };
/// What the peer calls randomness.
const PEER_SECRET: [u8; 32] = [0x41; 32];
const PEER_NONCE: [u8; 16] = [0x42; 16];
const PEER_IKM: [u8; 32] = [0x43; 32];

/// What a wallet did, less what it tells of faults and what it had sent before.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Heard {
    /// Names of records, messages and events, in order.
    pub(crate) effects: Vec<String>,
    /// All packets, repeated ones too.
    pub(crate) packets: Vec<Vec<u8>>,
}

impl Heard {
    pub(crate) fn records(&self) -> Vec<&str> {
        self.effects.iter().filter_map(|effect| effect.strip_prefix("record ")).collect()
    }
}

/// The wallet.
#[derive(Debug)]
pub(crate) struct Victim {
    pub(crate) wallet: Wallet,
    sent: BTreeSet<Vec<u8>>,
}

impl Victim {
    /// `person`'s wallet, new at its office and with its purse filled.
    pub(crate) fn new(world: &World, person: &Person) -> anyhow::Result<Self> {
        let records = born(world, person);
        let stored = (1_u64..).zip(records.iter().map(encode));
        let wallet = Wallet::recover(Config::default(), [0x44; 32], None, stored)?;
        let mut victim = Self { wallet, sent: BTreeSet::new() };
        victim.drain();
        Ok(victim)
    }

    /// Carries out what the wallet wants; its disk is perfect.
    pub(crate) fn drain(&mut self) -> Heard {
        let mut heard = Heard::default();
        while let Some(output) = self.wallet.poll_output() {
            match output {
                Output::Persist(batch) => {
                    let names = batch.records.iter().map(|record| name_of(record, "record"));
                    heard.effects.extend(names);
                    if batch.forced {
                        self.wallet.persisted(batch.last());
                    }
                }
                Output::Transmit { bytes, name, .. } => {
                    let is_new = self.sent.insert(bytes.clone());
                    if is_new && name != "REJECT" {
                        heard.effects.push(format!("message {name}"));
                    }
                    heard.packets.push(bytes);
                }
                Output::Disconnect(_)
                | Output::Notify(Event::PeerFault { .. } | Event::SessionClosed { .. }) => {}
                Output::Notify(event) => heard.effects.push(name_of(&event, "event")),
            }
        }
        heard
    }

    pub(crate) fn packet(&mut self, bytes: &[u8]) -> Heard {
        self.wallet.handle_packet(NOW, PEER, bytes);
        self.drain()
    }

    pub(crate) fn is_in_session(&self) -> bool {
        self.wallet.session(PEER).is_some()
    }

    pub(crate) fn state(&self) -> Vec<u8> {
        encode(self.wallet.state())
    }
}

fn name_of(value: &impl core::fmt::Debug, kind: &str) -> String {
    let text = format!("{value:?}");
    let name = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    format!("{kind} {name}")
}

/// The wallet and its session with the peer.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) victim: Victim,
    pub(crate) session: Session,
    /// The victim is the seller of the session.
    pub(crate) is_selling: bool,
}

impl Live {
    /// The victim sells; `peer` came as a buyer.
    pub(crate) fn selling(world: &World, seller: &Person, peer: &Person) -> anyhow::Result<Self> {
        let mut victim = Victim::new(world, seller)?;
        let lookup = victim.wallet.open_shop()?;
        victim.wallet.handle_up_as_seller(NOW, PEER);
        victim.drain();
        let (buyer, hello_1) = buyer_hello(&lookup);
        let heard = victim.packet(&hello_1);
        let hello_2 = heard.packets.first().context("no HELLO 2")?;
        let (session, hello_3) = buyer_answer(world, peer, buyer, hello_2)?;
        victim.packet(&hello_3);
        anyhow::ensure!(victim.is_in_session(), "HELLO 3 is refused");
        Ok(Self { victim, session, is_selling: true })
    }

    /// The victim buys; `peer` is the seller.
    pub(crate) fn buying(world: &World, buyer: &Person, peer: &Person) -> anyhow::Result<Self> {
        let lookup = peer_lookup();
        let (mut victim, hello_1) = greeting(world, buyer)?;
        let (hello, hello_2) = seller_answer(world, peer, &lookup, &hello_1)?;
        victim.packet(&hello_2);
        victim.wallet.introduce(NOW, PEER)?;
        let heard = victim.drain();
        let hello_3 = heard.packets.first().context("no HELLO 3")?;
        let Packet::Hello3(body) = decode(hello_3, PACKET_MAX)? else { bail!("no HELLO 3") };
        let (session, _, _) = hello.finish(&mut world.trust.clone(), &body, hello_3)?;
        Ok(Self { victim, session, is_selling: false })
    }

    /// Seals any bytes as the next message and hands them over.
    pub(crate) fn send(&mut self, message: &[u8]) -> anyhow::Result<Heard> {
        let packet = encode(&Packet::Sealed(self.session.seal(message)?));
        Ok(self.victim.packet(&packet))
    }

    /// Opens what the victim sent.
    pub(crate) fn open(&mut self, heard: &Heard) -> Vec<Message> {
        let mut messages = Vec::new();
        for packet in &heard.packets {
            if let Ok(Packet::Sealed(sealed)) = decode(packet, PACKET_MAX)
                && let Ok(plaintext) = self.session.open(&sealed)
            {
                messages.extend(decode::<Message>(&plaintext, PACKET_MAX));
            }
        }
        messages
    }

    /// The victim asks for `amount`; gives its request.
    pub(crate) fn ask(&mut self, amount: u64, order: u32) -> anyhow::Result<Signed<CommitRequest>> {
        let terms = Terms {
            amount: Money::new(amount, rupees()),
            order_id: text(&format!("A-{order}")),
            order: "2 tea".to_owned(),
            refund_of: None,
        };
        self.victim.wallet.request(NOW, PEER, &terms)?;
        let heard = self.victim.drain();
        match self.open(&heard).into_iter().next() {
            Some(Message::CommitRequest { request, .. }) => Ok(request),
            Some(_) | None => bail!("no COMMIT-REQUEST"),
        }
    }
}

/// The LOOKUP that the peer sends when it sells.
pub(crate) fn peer_lookup() -> Vec<u8> {
    encode(&Lookup { version: 1, tag: [1, 2, 3, 4, 5, 6, 7, 8] })
}

/// The victim as a buyer that answered [`peer_lookup`], and its HELLO 1.
pub(crate) fn greeting(world: &World, buyer: &Person) -> anyhow::Result<(Victim, Vec<u8>)> {
    let mut victim = Victim::new(world, buyer)?;
    victim.wallet.open_buyer_mode(NOW, 100_000)?;
    victim.wallet.handle_up_as_buyer(NOW, PEER, &peer_lookup());
    let heard = victim.drain();
    let hello_1 = heard.packets.first().cloned().context("no HELLO 1")?;
    Ok((victim, hello_1))
}

/// The peer's first step as a buyer.
pub(crate) fn buyer_hello(lookup: &[u8]) -> (BuyerHello, Vec<u8>) {
    BuyerHello::start(&mut FixedRng::new(&[&PEER_SECRET, &PEER_NONCE]), lookup, false)
}

/// The peer's second step as a buyer.
pub(crate) fn buyer_answer(
    world: &World,
    peer: &Person,
    buyer: BuyerHello,
    hello_2: &[u8],
) -> anyhow::Result<(Session, Vec<u8>)> {
    let Packet::Hello2(body) = decode(hello_2, PACKET_MAX)? else { bail!("no HELLO 2") };
    let offer = buyer.read(&mut world.trust.clone(), &body, hello_2)?;
    let mut rng = FixedRng::new(&[&PEER_IKM]);
    let Person { signer, certificate, checkpoint, .. } = peer;
    let (session, _, hello_3) =
        offer.answer(&mut rng, &world.trust, signer, certificate, checkpoint)?;
    Ok((session, hello_3))
}

/// The peer's first step as a seller, to the packet `hello_1`.
pub(crate) fn seller_answer(
    world: &World,
    peer: &Person,
    lookup: &[u8],
    hello_1: &[u8],
) -> anyhow::Result<(SellerHello, Vec<u8>)> {
    let Packet::Hello1(body) = decode(hello_1, PACKET_MAX)? else { bail!("no HELLO 1") };
    let mut rng = FixedRng::new(&[&PEER_IKM, &PEER_SECRET]);
    let Person { signer, certificate, .. } = peer;
    let answer =
        SellerHello::answer(&mut rng, &world.trust, signer, certificate, lookup, (&body, hello_1));
    Ok(answer?)
}
