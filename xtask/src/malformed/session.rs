//! Messages inside a session, to a wallet in the state in which it takes them: as a dishonest peer
//! would seal them, and as a third party would alter them on their way.

use anyhow::{Context, bail};
use onehop_crypto::SigningKey;
use onehop_wire::{
    Abort, AbortReason, AbortSubject, Agreed, CommitRequest, LimitName, Message, Packet, Refused,
    RefusedReason, RejectCode, Released, Signed, Status, encode,
};

use super::mutants::Genuine;
use super::resign::resign;
use super::stage::Stage;
use super::tally::{Case, Free, Reaction, Receiver};
use super::victim::{Heard, Live, NOW, PEER};
use crate::vectors::world::{Person, World, text};

/// A wallet that waits for a message, the message, and what has to come right before it.
pub(crate) type Scene = (Live, Message, Vec<Message>);
type Build = fn(&World) -> anyhow::Result<Scene>;

/// How the names of packets end that a third party altered.
pub(crate) const SEALED: &str = ", sealed";

const SUMS: &[Free] = &[
    Free { path: "cum_back", is_signed: true, why: "AGREED: sums that the office judges" },
    Free { path: "cum_in", is_signed: true, why: "AGREED: sums that the office judges" },
];
const ENTRY: &str = "AGREED: another entry for the same request, whole";
const CHAIN: &str = "AGREED: a place in the chain that its payee cannot see (section 8.1)";
const WITH_RELEASE: &[Free] = &[
    SUMS[0],
    SUMS[1],
    Free { path: "seq", is_signed: true, why: CHAIN },
    Free { path: "prev", is_signed: true, why: CHAIN },
    Free { path: "cum_out", is_signed: true, why: CHAIN },
    Free { path: "Agreed", is_signed: false, why: ENTRY },
    Free { path: "Agreed.body", is_signed: true, why: ENTRY },
    Free { path: "Agreed.body.attachments", is_signed: true, why: ENTRY },
];
const OTHER_REQUEST: &str = "COMMIT-REQUEST: another request of the same seller";
const REQUEST: &[Free] = &[
    Free { path: "seller_nonce", is_signed: true, why: OTHER_REQUEST },
    Free { path: "number", is_signed: true, why: OTHER_REQUEST },
    Free { path: "amount", is_signed: true, why: OTHER_REQUEST },
    Free { path: "order_id", is_signed: true, why: OTHER_REQUEST },
    Free { path: "vote_ms", is_signed: true, why: OTHER_REQUEST },
];
const REASON: &str = "REFUSED: another reason";
const REFUSED: &[Free] = &[
    Free { path: "reason", is_signed: true, why: REASON },
    Free { path: "reason.name", is_signed: true, why: REASON },
    Free { path: "reason.limit", is_signed: true, why: REASON },
    Free { path: "Refused", is_signed: false, why: REASON },
    Free { path: "Refused.body", is_signed: true, why: REASON },
];
const PURSE: &str = "COMMIT: the payee says under which purse it may spend the money";
const COMMIT: &[Free] = &[
    Free { path: "payee_checkpoint", is_signed: true, why: PURSE },
    Free { path: "payee_checkpoint.some", is_signed: true, why: PURSE },
];
const ABORTED: &str = "ABORT: of the same payment, with another reason or subject";
const ABORT: &[Free] = &[
    Free { path: "reason", is_signed: true, why: ABORTED },
    Free { path: "subject", is_signed: true, why: ABORTED },
    Free { path: "Abort", is_signed: false, why: ABORTED },
    Free { path: "Abort.body", is_signed: true, why: ABORTED },
];
const NONE: &[Free] = &[];

/// What a buyer signs, and a seller.
const BUYER_SAYS: &[&str] = &["Agreed", "Refused", "Committed", "Released", "Status"];
const SELLER_SAYS: &[&str] = &["CommitRequest", "Commit", "Abort", "Status"];

/// Each message, who signs it if dishonest, and how the wallet gets ready for it.
const SCENES: &[(&str, &[Free], Build)] = &[
    ("COMMIT-REQUEST", REQUEST, request),
    ("AGREED", SUMS, agreed),
    ("AGREED that spends a receipt", SUMS, onward),
    ("AGREED with a release", WITH_RELEASE, after_release),
    ("REFUSED", REFUSED, refused),
    ("REFUSED that names a limit", REFUSED, over_limit),
    ("COMMIT", COMMIT, commit),
    ("ABORT of an AGREED", ABORT, abort),
    ("ABORT of a request", ABORT, abort_of_request),
    ("COMMITTED", NONE, committed),
    ("RELEASED", NONE, released),
    ("STATUS with an AGREED", NONE, status),
    ("STATUS without AGREED", NONE, status_of_request),
    ("STATUS of a seller", NONE, status_by_seller),
    ("UNKNOWN", NONE, unknown),
];

/// The cases of all messages, sealed by the peer and altered on the wire.
pub(crate) fn cases(stage: &Stage) -> anyhow::Result<Vec<Case<'_>>> {
    let mut cases = Vec::new();
    let world = &stage.world;
    for (name, free, build) in SCENES {
        let (live, message, _) = build(world).with_context(|| format!("no scene for {name}"))?;
        let (peer, is_buyer) = (signer_of(world, &live), live.is_selling);
        let office = world.office();
        let sealed = Session::new(world, *build, true)?;
        let is_idle = sealed.expected.is_empty();
        cases.push(Case {
            name: (*name).to_owned(),
            genuine: Genuine::new(&message)?,
            receiver: Box::new(sealed),
            resign: Some(Box::new(move |bytes| {
                // The peer signs what a peer of its role says; the rest is of others.
                let says: &[&str] = if is_buyer { BUYER_SAYS } else { SELLER_SAYS };
                let whose = |body: &str, _: &str| says.contains(&body).then(|| peer.clone());
                resign::<Message>(&office, bytes, &whose)
            })),
            free,
            is_idle,
        });
        let altered = Session::new(world, *build, false)?;
        cases.push(Case {
            name: format!("{name}{SEALED}"),
            genuine: Genuine::new(&packet(world, *build)?.1)?,
            receiver: Box::new(altered),
            resign: None,
            free: NONE,
            is_idle,
        });
    }
    Ok(cases)
}

/// The peer's key.
fn signer_of(world: &World, live: &Live) -> SigningKey {
    let name = live.victim.wallet.session(PEER).map(|(name, _)| name).unwrap_or_default();
    let people = [&world.seller, &world.buyer, &world.third];
    let peer = people.into_iter().find(|person| person.certificate.body.name.as_str() == name);
    peer.map_or_else(|| world.third.signer.clone(), |person| person.signer.clone())
}

fn packet(world: &World, build: Build) -> anyhow::Result<(Live, Packet)> {
    let (mut live, message, before) = build(world)?;
    for message in &before {
        live.send(&encode(message))?;
    }
    let sealed = live.session.seal(&encode(&message))?;
    Ok((live, Packet::Sealed(sealed)))
}

/// A wallet in session that is set up again whenever something came of a message.
struct Session<'a> {
    world: &'a World,
    build: Build,
    /// The peer seals what it is given; else that goes as it is.
    is_sealing: bool,
    expected: Vec<String>,
    before: Vec<Message>,
    live: Option<Live>,
}

impl<'a> Session<'a> {
    fn new(world: &'a World, build: Build, is_sealing: bool) -> anyhow::Result<Self> {
        let (mut live, message, before) = build(world)?;
        for message in &before {
            live.send(&encode(message))?;
        }
        let expected = live.send(&encode(&message))?.effects;
        Ok(Self { world, build, is_sealing, expected, before, live: None })
    }

    fn ready(&self) -> anyhow::Result<Live> {
        if self.is_sealing {
            Ok((self.build)(self.world)?.0)
        } else {
            // The message is sealed already, so that the packet is the genuine one.
            Ok(packet(self.world, self.build)?.0)
        }
    }

    fn give(&mut self, bytes: &[u8]) -> anyhow::Result<Reaction> {
        let mut live = match self.live.take() {
            Some(live) => live,
            None => self.ready()?,
        };
        if self.is_sealing {
            for message in &self.before {
                live.send(&encode(message))?;
            }
        }
        let before = live.victim.state();
        let heard = if self.is_sealing { live.send(bytes)? } else { live.victim.packet(bytes) };
        let is_changed = live.victim.state() != before;
        let reaction = classify(&self.expected, &heard, is_changed);
        if reaction == Reaction::Nothing && live.victim.is_in_session() {
            self.live = Some(live);
        }
        Ok(reaction)
    }
}

impl Receiver for Session<'_> {
    fn take(&mut self, bytes: &[u8]) -> Reaction {
        self.give(bytes).unwrap_or_else(|error| Reaction::Changed(format!("{error:#}")))
    }

    fn reset(&mut self) {
        self.live = None;
    }
}

/// What a wallet's doings come to, beside those that the genuine message brings about.
pub(crate) fn classify(expected: &[String], heard: &Heard, is_changed: bool) -> Reaction {
    if heard.effects.is_empty() {
        let unseen = || Reaction::Changed("a state without a record".to_owned());
        return if is_changed { unseen() } else { Reaction::Nothing };
    }
    if heard.effects == expected {
        return Reaction::Accepted;
    }
    match heard.records()[..] {
        ["Evidence"] | ["Evidence", "SellerAborted"] => Reaction::Recorded("EVIDENCE"),
        ["SellerAborted"] => Reaction::Recorded("ABORTED by the payee's check"),
        ["Refused"] => Reaction::Recorded("REFUSED by the buyer's check"),
        [] => Reaction::Accepted,
        _ => Reaction::Changed(heard.effects.join(", ")),
    }
}

// How a wallet gets ready.

/// The seller's wallet has asked the buyer.
fn invited(world: &World) -> anyhow::Result<(Live, Signed<CommitRequest>)> {
    let mut live = Live::selling(world, &world.seller, &world.buyer)?;
    let request = live.ask(735, 1)?;
    Ok((live, request))
}

fn vote(world: &World, request: &Signed<CommitRequest>) -> Signed<Agreed> {
    let mut chain = world.chain(&world.buyer.checkpoint);
    world.entry(&world.buyer, &mut chain, request, &[])
}

fn agreed(world: &World) -> anyhow::Result<Scene> {
    let (live, request) = invited(world)?;
    let agreed = vote(world, &request);
    Ok((live, Message::Agreed(agreed), Vec::new()))
}

fn onward(world: &World) -> anyhow::Result<Scene> {
    let mut live = Live::selling(world, &world.third, &world.seller)?;
    let request = live.ask(500, 1)?;
    let receipt = super::attachments::receipt(world);
    let mut chain = world.chain(&world.seller.checkpoint);
    chain.cum_in = 735;
    let agreed = world.entry(&world.seller, &mut chain, &request, std::slice::from_ref(&receipt));
    Ok((live, Message::Agreed(agreed), vec![Message::Attachment(receipt)]))
}

fn after_release(world: &World) -> anyhow::Result<Scene> {
    let (live, request) = invited(world)?;
    let (mut chain, release) = super::attachments::release(world, false);
    let agreed = world.entry(&world.buyer, &mut chain, &request, std::slice::from_ref(&release));
    Ok((live, Message::Agreed(agreed), vec![Message::Attachment(release)]))
}

fn refusal(world: &World, reason: RefusedReason) -> anyhow::Result<Scene> {
    let (live, request) = invited(world)?;
    let body = Refused {
        tx: request.body.tx_id(),
        payer: request.body.payer,
        payee: request.body.payee,
        request: request.hash(&world.office()),
        reason,
    };
    Ok((live, Message::Refused(world.sign(&world.buyer.signer, body)), Vec::new()))
}

fn refused(world: &World) -> anyhow::Result<Scene> {
    refusal(world, RefusedReason::Declined)
}

fn over_limit(world: &World) -> anyhow::Result<Scene> {
    refusal(world, RefusedReason::OverLimit { name: LimitName::PerPayment, limit: 50_000 })
}

fn committed(world: &World) -> anyhow::Result<Scene> {
    let (mut live, request) = invited(world)?;
    let agreed = vote(world, &request);
    let heard = live.send(&encode(&Message::Agreed(agreed)))?;
    let Some(Message::Commit(commit)) = live.open(&heard).into_iter().next() else {
        bail!("no COMMIT")
    };
    Ok((live, Message::Committed(world.committed(&world.buyer, &commit)), Vec::new()))
}

fn released(world: &World) -> anyhow::Result<Scene> {
    let (mut live, request) = invited(world)?;
    let tx = request.body.tx_id();
    live.victim.wallet.cancel(NOW, &tx)?;
    let heard = live.victim.drain();
    let Some(Message::Abort(abort)) = live.open(&heard).into_iter().next() else {
        bail!("no ABORT")
    };
    let Abort { payer, payee, .. } = abort.body;
    let body = Released { tx, payer, payee, abort: abort.hash(&world.office()) };
    Ok((live, Message::Released(world.sign(&world.buyer.signer, body)), Vec::new()))
}

fn asked_by(
    world: &World,
    asker: &Person,
    request: Signed<CommitRequest>,
    agreed: Option<Signed<Agreed>>,
) -> Message {
    let body = Status {
        tx: request.body.tx_id(),
        asker: asker.id(),
        request: request.hash(&world.office()),
        agreed: agreed.as_ref().map(|agreed| agreed.hash(&world.office())),
    };
    Message::Status { status: world.sign(&asker.signer, body), request, agreed }
}

fn status(world: &World) -> anyhow::Result<Scene> {
    let (live, request) = invited(world)?;
    let agreed = vote(world, &request);
    Ok((live, asked_by(world, &world.buyer, request, Some(agreed)), Vec::new()))
}

fn status_of_request(world: &World) -> anyhow::Result<Scene> {
    // The record is lost: the seller has to give the payment up for good.
    let (_, request) = invited(world)?;
    let live = Live::selling(world, &world.seller, &world.buyer)?;
    Ok((live, asked_by(world, &world.buyer, request, None), Vec::new()))
}

/// The buyer's wallet, and a request that it would be asked in this session.
fn to_be_asked(world: &World) -> anyhow::Result<(Live, Message, Signed<CommitRequest>)> {
    let live = Live::buying(world, &world.buyer, &world.seller)?;
    let mut body = world.request(&world.seller, &world.buyer, 735, 1).body;
    body.buyer_nonce = live.session.nonce();
    let request = world.sign(&world.seller.signer, body);
    let message = Message::CommitRequest { request: request.clone(), order: text("2 tea") };
    Ok((live, message, request))
}

fn request(world: &World) -> anyhow::Result<Scene> {
    let (live, message, _) = to_be_asked(world)?;
    Ok((live, message, Vec::new()))
}

/// The buyer's wallet has voted yes.
fn prepared(world: &World) -> anyhow::Result<(Live, Signed<CommitRequest>, Signed<Agreed>)> {
    let (mut live, message, request) = to_be_asked(world)?;
    live.send(&encode(&message))?;
    live.victim.wallet.confirm(NOW, &request.body.tx_id())?;
    let heard = live.victim.drain();
    match live.open(&heard).into_iter().next() {
        Some(Message::Agreed(agreed)) => Ok((live, request, agreed)),
        Some(_) | None => bail!("no AGREED"),
    }
}

fn commit(world: &World) -> anyhow::Result<Scene> {
    let (live, _, agreed) = prepared(world)?;
    let commit = world.commit(&world.seller, &world.buyer, &agreed, true);
    Ok((live, Message::Commit(commit), Vec::new()))
}

fn abort(world: &World) -> anyhow::Result<Scene> {
    let (live, _, agreed) = prepared(world)?;
    Ok((live, Message::Abort(world.abort(&world.seller, &world.buyer, &agreed)), Vec::new()))
}

fn abort_of_request(world: &World) -> anyhow::Result<Scene> {
    let (live, request, agreed) = prepared(world)?;
    let mut body = world.abort(&world.seller, &world.buyer, &agreed).body;
    body.subject = AbortSubject::Request(request.hash(&world.office()));
    body.reason = AbortReason::Expired;
    Ok((live, Message::Abort(world.sign(&world.seller.signer, body)), Vec::new()))
}

fn status_by_seller(world: &World) -> anyhow::Result<Scene> {
    let (live, request, _) = prepared(world)?;
    Ok((live, asked_by(world, &world.seller, request, None), Vec::new()))
}

fn unknown(world: &World) -> anyhow::Result<Scene> {
    let (live, request, _) = prepared(world)?;
    Ok((live, Message::Unknown(request.body.tx_id()), Vec::new()))
}

const ENDED: &[Free] = &[Free {
    path: "",
    is_signed: false,
    why: "Reject: not authenticated; any code ends the session and decides nothing",
}];

/// Reject, each code, to a seller's wallet that waits for a vote.
pub(crate) fn rejects(stage: &Stage) -> anyhow::Result<Vec<Case<'_>>> {
    let codes: [(&str, RejectCode); 5] = [
        ("Reject Version", RejectCode::Version),
        ("Reject Handshake", RejectCode::Handshake),
        ("Reject Certificate", RejectCode::Certificate),
        ("Reject Busy", RejectCode::Busy),
        ("Reject Ended", RejectCode::Ended),
    ];
    let case = |(name, code)| {
        Ok(Case {
            name: String::from(name),
            genuine: Genuine::new(&Packet::Reject(code))?,
            receiver: Box::new(Ending { world: &stage.world }) as Box<dyn Receiver>,
            resign: None,
            free: ENDED,
            is_idle: false,
        })
    };
    codes.into_iter().map(case).collect()
}

/// A wallet whose session may end, and nothing else.
struct Ending<'a> {
    world: &'a World,
}

impl Receiver for Ending<'_> {
    fn take(&mut self, bytes: &[u8]) -> Reaction {
        let Ok((mut live, _)) = invited(self.world) else {
            return Reaction::Changed("no session".to_owned());
        };
        let before = live.victim.state();
        let heard = live.victim.packet(bytes);
        let is_changed = live.victim.state() != before;
        let reaction = classify(&[], &heard, is_changed);
        if reaction == Reaction::Nothing && !live.victim.is_in_session() {
            return Reaction::Accepted;
        }
        reaction
    }

    fn reset(&mut self) {}
}
