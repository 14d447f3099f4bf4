//! One wallet of the town, and what can be written down of what it says.

use anyhow::{Context as _, Result};
use onehop_crypto::SigningKey;
use onehop_proto::{Event, LogRecord, Output, PeerId, Wallet};
use onehop_wire::evidence::ReceiptFile;
use onehop_wire::{
    Agreed, CommitRequest, List, Message, Now, OfficeId, Signed, Status, TxId, WalletId, decode,
    encode,
};

use super::town::recovered;
use super::verdict::Kind;

/// A wallet, its log, and with whom it is connected.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) id: WalletId,
    pub(crate) key: SigningKey,
    pub(crate) wallet: Wallet,
    records: Vec<Vec<u8>>,
    pub(crate) peer: PeerId,
    pub(crate) other: Option<usize>,
    /// What the person is asked.
    pub(crate) asked: Option<TxId>,
}

/// Something that a wallet said.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A packet for the other side.
    Sent(Vec<u8>),
    /// What is inside sealed packets, or in a file.
    Said(Kind, Vec<u8>),
}

impl Device {
    /// A wallet that was just born.
    pub(crate) fn new(born: &[u8], seed: [u8; 32]) -> Result<Self> {
        let records = vec![born.to_vec()];
        let LogRecord::Born { signing_seed, .. } = decode(born, 1 << 16)? else {
            anyhow::bail!("a log begins with another record");
        };
        let key = SigningKey::from_seed(&signing_seed);
        let wallet = recovered(&records, seed)?;
        let (id, peer) = (key.wallet(), PeerId(0));
        Ok(Self { id, key, wallet, records, peer, other: None, asked: None })
    }

    /// The same wallet once more.
    pub(crate) fn copied(&self, seed: [u8; 32]) -> Result<Self> {
        let wallet = recovered(&self.records, seed).context("a copied log is not readable")?;
        let key = SigningKey::from_seed(&self.key.seed());
        let (records, peer) = (self.records.clone(), PeerId(0));
        Ok(Self { id: self.id, key, wallet, records, peer, other: None, asked: None })
    }

    /// Does all that the wallet wants; its disk never fails, and its person meets everybody.
    pub(crate) fn drain(&mut self, now: Now, office: &OfficeId) -> Vec<Heard> {
        let mut heard = Vec::new();
        while let Some(output) = self.wallet.poll_output() {
            match output {
                Output::Persist(batch) => {
                    for record in &batch.records {
                        heard.extend(self.words(record, office));
                        self.records.push(encode(record));
                    }
                    if batch.forced {
                        self.wallet.persisted(batch.last());
                    }
                }
                Output::Transmit { bytes, .. } => heard.push(Heard::Sent(bytes)),
                Output::Notify(Event::SellerFound { peer, .. }) => {
                    self.wallet.introduce(now, peer).ok();
                }
                Output::Notify(Event::Asked { tx, .. }) => self.asked = Some(tx),
                Output::Notify(_) | Output::Disconnect(_) => {}
            }
        }
        heard
    }

    /// The messages that a record lets out of the device, as they lie inside sealed packets.
    fn words(&self, record: &LogRecord, office: &OfficeId) -> Vec<Heard> {
        let said = |message: &Message| Heard::Said(Kind::Message, encode(message));
        let one = |message: Message| vec![said(&message)];
        match record {
            LogRecord::Invited { request, order, .. } => {
                let (request, order) = (request.clone(), order.clone());
                let status = self.status(&request, None, office);
                vec![said(&Message::CommitRequest { request, order }), said(&status)]
            }
            LogRecord::Prepared { agreed, attachments, request, .. } => {
                let mut list: Vec<Heard> =
                    attachments.iter().map(|it| said(&Message::Attachment(it.clone()))).collect();
                list.push(said(&Message::Agreed(agreed.clone())));
                list.push(said(&self.status(request, Some(agreed.clone()), office)));
                list.push(said(&Message::Unknown(agreed.body.tx)));
                list
            }
            LogRecord::SellerCommitted { claim, .. } => {
                let mut list = one(Message::Commit(claim.commit.clone()));
                let certificate = self.wallet.state().certificate().cloned();
                list.extend(certificate.map(|payee| {
                    let file =
                        ReceiptFile { office_keys: List::empty(), payee, claim: (**claim).clone() };
                    Heard::Said(Kind::ReceiptFile, encode(&file))
                }));
                list
            }
            LogRecord::Refused { refused, .. } => one(Message::Refused(refused.clone())),
            LogRecord::SellerAborted { abort, .. } => one(Message::Abort(abort.clone())),
            LogRecord::BuyerCommitted { committed, .. } => {
                one(Message::Committed(committed.clone()))
            }
            LogRecord::BuyerAborted { released, .. } => one(Message::Released(released.clone())),
            LogRecord::Born { .. }
            | LogRecord::EnrolSigned(_)
            | LogRecord::Enrolled(_)
            | LogRecord::OfficeKeySeen(_)
            | LogRecord::Done { .. }
            | LogRecord::Redeemed(_)
            | LogRecord::Lost(_)
            | LogRecord::BuyerSettled(_)
            | LogRecord::Evidence { .. }
            | LogRecord::Closed(_)
            | LogRecord::Renewed(_)
            | LogRecord::Seen { .. }
            | LogRecord::NewRootSeen(_)
            | LogRecord::Revoked { .. }
            | LogRecord::Forked { .. }
            | LogRecord::HeadHeard(_)
            | LogRecord::Told { .. }
            | LogRecord::Frozen
            | LogRecord::NumbersFrom(_) => Vec::new(),
        }
    }

    /// The STATUS of a payment. No record has it: a wallet signs it when it asks.
    fn status(
        &self,
        request: &Signed<CommitRequest>,
        agreed: Option<Signed<Agreed>>,
        office: &OfficeId,
    ) -> Message {
        let body = Status {
            tx: request.body.tx_id(),
            asker: self.id,
            request: request.hash(office),
            agreed: agreed.as_ref().map(|agreed| agreed.hash(office)),
        };
        let status = self.key.sign(office, body).into_signed();
        Message::Status { status, request: request.clone(), agreed }
    }
}
