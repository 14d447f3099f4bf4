//! What can happen to a device, and what its wallet makes of it.

use std::sync::Arc;

use onehop_proto::model::Introduced;
use onehop_proto::{Event, LogRecord, Output, State, Terms, Wallet};
use onehop_wire::office::{OfficeAnswer, OfficeRequest, Transfer, Verdict};
use onehop_wire::{Attachment, Message, TxId, decode, encode};

use crate::bundle::{Cargo, name_of};
use crate::clock::{DEADLINE_MS, PROBE_MS, Phase};
use crate::device::Device;

/// One input.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The person asks the device `buyer` for money.
    Ask {
        buyer: usize,
        terms: Terms,
    },
    Confirm(TxId),
    Refuse(TxId),
    Cancel(TxId),
    /// `name` stands for the cargo.
    Hear {
        from: usize,
        cargo: Arc<Cargo>,
        name: u64,
    },
    /// A session with `with` begins.
    Meet {
        with: usize,
        other: Box<Introduced>,
    },
    /// The session with this device ends.
    Down(usize),
    /// Time to ask again about payments in doubt.
    Probe,
    /// Votes and questions are out of date.
    Deadline,
    /// Close the purse.
    Close(Transfer),
    /// Make a RESOLVE.
    Resolve(TxId),
    /// Store a snapshot and erase what is finished.
    Compact,
    /// The power went after the first `done` of what there was to do, and came back; `kept` of the
    /// records not forced were on the disk.
    PowerCut {
        kept: usize,
    },
    /// The disk is what it once was.
    PutBack(Arc<Kept>),
}

/// A disk as it was at some time.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) state: State,
    pub(crate) name: u64,
}

impl Kept {
    pub(crate) fn new(state: &State) -> Self {
        Self { state: state.clone(), name: name_of(&encode(state)) }
    }
}

/// What came of an input.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) acts: Vec<Act>,
    pub(crate) wallet: Wallet,
    pub(crate) request: Option<OfficeRequest>,
    /// The wallet halts: its log cannot be recovered.
    pub(crate) halted: bool,
    /// The session that was to begin was refused.
    pub(crate) refused: bool,
}

impl Done {
    /// Nothing came of anything yet.
    pub(crate) const fn of(wallet: Wallet) -> Self {
        Self { acts: Vec::new(), wallet, request: None, halted: false, refused: false }
    }
}

/// Something that the wallet had its driver do, in order.
#[derive(Debug)]
pub(crate) enum Act {
    Wrote { records: Vec<LogRecord>, forced: bool },
    Said { to: usize, messages: Vec<Message> },
    HungUp,
    Told(Event),
    Compacted(Box<State>),
}

/// Runs `input` on a fork of the device's wallet. Refused commands do nothing.
pub(crate) fn run(device: &Device, input: &Input, phase: Phase, seed: [u8; 32]) -> Done {
    let now = phase.now(0);
    let mut done = Done::of(device.wallet.fork(seed));
    let wallet = &mut done.wallet;
    match input {
        Input::Ask { buyer, terms } => drop(wallet.request(now, Device::peer(*buyer), terms)),
        Input::Confirm(tx) => drop(wallet.confirm(now, tx)),
        Input::Refuse(tx) => drop(wallet.refuse(now, tx)),
        Input::Cancel(tx) => drop(wallet.cancel(now, tx)),
        Input::Hear { from, cargo, .. } => hear(wallet, phase, *from, cargo),
        Input::Meet { with, other } => {
            done.refused = wallet.meet(now, Device::peer(*with), (**other).clone()).is_err();
        }
        Input::Down(other) => wallet.handle_down(Device::peer(*other)),
        Input::Probe => wallet.handle_timeout(phase.now(PROBE_MS)),
        Input::Deadline => wallet.handle_timeout(phase.now(DEADLINE_MS)),
        Input::Close(transfer) => {
            done.request =
                wallet.close(now, *transfer).ok().map(|sync| OfficeRequest::Sync(Box::new(sync)));
        }
        Input::Resolve(tx) => {
            let request = wallet.resolve(tx).ok();
            done.request = request.map(|request| OfficeRequest::Resolve(Box::new(request)));
        }
        Input::Compact => {
            if let Some(compaction) = wallet.compaction(now, true)
                && let Ok(state) = decode(&compaction.snapshot, usize::MAX)
            {
                done.acts.push(Act::Compacted(Box::new(state)));
                wallet.compacted(compaction);
            }
        }
        Input::PowerCut { kept } => match device.recovered(*kept, seed) {
            Some(recovered) => *wallet = recovered,
            None => done.halted = true,
        },
        Input::PutBack(kept) => {
            let bytes = encode(&kept.state);
            let config = onehop_proto::Config::default();
            match Wallet::recover(config, seed, Some((1, &bytes)), []) {
                Ok(recovered) => *wallet = recovered,
                Err(_) => done.halted = true,
            }
        }
    }
    drain(&mut done);
    done
}

fn hear(wallet: &mut Wallet, phase: Phase, from: usize, cargo: &Cargo) {
    let now = phase.now(0);
    match cargo {
        Cargo::Said(messages) => {
            for message in messages {
                wallet.hear(now, Device::peer(from), message.clone());
            }
        }
        Cargo::Answer(pair) => match &pair.1 {
            OfficeAnswer::Sync(answer) => drop(wallet.renewed((**answer).clone())),
            OfficeAnswer::Claim(answer) => {
                for verdict in &answer.verdicts {
                    learn(wallet, verdict);
                }
            }
            OfficeAnswer::Resolve(verdict) => learn(wallet, verdict),
            OfficeAnswer::Enrol(_) | OfficeAnswer::Refused(_) | OfficeAnswer::Relay(_) => {}
        },
    }
}

fn learn(wallet: &mut Wallet, verdict: &Verdict) {
    drop(wallet.verdict(verdict));
}

/// Does what the wallet wants as its contract says: everything in order, words only after the
/// batch before them is durable. What the wallet puts out before it is told so comes ahead of the
/// batch, as it would over the air.
pub(crate) fn drain(done: &mut Done) {
    let mut ahead = Vec::new();
    while let Some(output) = done.wallet.poll_output() {
        if let Output::Persist(batch) = output {
            if batch.forced {
                while let Some(early) = done.wallet.poll_output() {
                    act(done, &mut ahead, early);
                }
                done.wallet.persisted(batch.last());
            }
            let (records, forced) = (batch.records, batch.forced);
            done.acts.push(Act::Wrote { records, forced });
        } else {
            act(done, &mut ahead, output);
        }
    }
}

fn act(done: &mut Done, ahead: &mut Vec<Message>, output: Output) {
    let at = |peer: onehop_proto::PeerId| usize::try_from(peer.0).unwrap_or(usize::MAX);
    match output {
        Output::Persist(batch) => {
            done.acts.push(Act::Wrote { records: batch.records, forced: batch.forced });
        }
        Output::Transmit { peer, bytes, .. } => {
            let Ok(message) = decode::<Message>(&bytes, bytes.len()) else { return };
            let is_attachment = matches!(message, Message::Attachment(_));
            ahead.push(message);
            if !is_attachment {
                let messages = std::mem::take(ahead);
                done.acts.push(Act::Said { to: at(peer), messages });
            }
        }
        Output::Disconnect(_) => done.acts.push(Act::HungUp),
        Output::Notify(event) => done.acts.push(Act::Told(event)),
    }
}

/// The attachments of what was said.
pub(crate) fn attachments(messages: &[Message]) -> Vec<Attachment> {
    let of = |message: &Message| match message {
        Message::Attachment(attachment) => Some(attachment.clone()),
        _ => None,
    };
    messages.iter().filter_map(of).collect()
}

impl Input {
    /// Stands for the input among those of one device.
    pub(crate) fn name(&self) -> u64 {
        use crate::bundle::name_of_all as all;
        let tx = |kind: u64, tx: &TxId| all(&[kind, name_of(&tx.0)]);
        match self {
            Self::Ask { buyer, terms } => {
                let order = name_of(terms.order_id.as_str().as_bytes());
                all(&[1, *buyer as u64, order])
            }
            Self::Confirm(of) => tx(2, of),
            Self::Refuse(of) => tx(3, of),
            Self::Cancel(of) => tx(4, of),
            Self::Hear { from, name, .. } => all(&[5, *from as u64, *name]),
            Self::Meet { with, other } => {
                let bytes = encode(&(&other.certificate, &other.checkpoint, other.nonce));
                all(&[6, *with as u64, name_of(&bytes)])
            }
            Self::Down(other) => all(&[7, *other as u64]),
            Self::Probe => all(&[8]),
            Self::Deadline => all(&[9]),
            Self::Close(transfer) => all(&[10, name_of(&encode(transfer))]),
            Self::Resolve(of) => tx(11, of),
            Self::Compact => all(&[12]),
            Self::PowerCut { kept } => all(&[13, *kept as u64]),
            Self::PutBack(kept) => all(&[14, kept.name]),
        }
    }
}
