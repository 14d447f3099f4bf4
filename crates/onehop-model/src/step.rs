//! One step of one device: the input, what its wallet did, and whether that was right.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use onehop_proto::event::Fault;
use onehop_proto::{BuyerState, Event, LogRecord, SellerState, State};
use onehop_wire::office::OfficeRequest;
use onehop_wire::{Message, OfficeId, encode};

use crate::bundle::{Cargo, Flight};
use crate::clock::Phase;
use crate::device::{Device, Held};
use crate::facts::{Fact, What};
use crate::flaws::Flaws;
use crate::input::{self, Act, Done, Input};

/// What a step of a device came to.
#[derive(Debug)]
pub(crate) struct Stepped {
    pub(crate) device: Held,
    pub(crate) flights: Vec<Flight>,
    pub(crate) facts: Vec<Arc<Fact>>,
    pub(crate) flaws: Flaws,
    pub(crate) request: Option<Arc<OfficeRequest>>,
    pub(crate) refused: bool,
    /// After how many acts a power cut would matter: words have left and records are to be written.
    pub(crate) cuts: Vec<usize>,
}

/// Runs `input` on `device`; with `cut`, the power goes after so many acts and comes back.
pub(crate) fn step(
    device: &Device,
    input: &Input,
    phase: Phase,
    seed: [u8; 32],
    cut: Option<usize>,
) -> Stepped {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let done = input::run(device, input, phase, seed);
        let mut stepped = follow(device, input, done, phase, cut);
        if let Input::Hear { cargo, from, .. } = input
            && let (Cargo::Said(messages), None) = (&**cargo, cut)
        {
            let again = input::run(&stepped.device, input, phase, seed);
            stepped.flaws.add_if(!repeats(&stepped.flights, &again), Flaws::REPLAY);
            let forged = forge(messages).map(|messages| Input::Hear {
                from: *from,
                cargo: Arc::new(Cargo::Said(messages)),
                name: 0,
            });
            let fooled = forged.is_some_and(|input| {
                let done = input::run(device, &input, phase, seed);
                done.acts.iter().any(|act| matches!(act, Act::Wrote { .. }))
            });
            stepped.flaws.add_if(fooled, Flaws::FORGERY);
        }
        if let Input::PowerCut { kept } = input {
            let again = device.recovered(*kept, seed).map(|wallet| encode(wallet.state()));
            let same = again == Some(encode(stepped.device.wallet.state()));
            stepped.flaws.add_if(!same, Flaws::RECOVERY);
        }
        stepped
    }));
    ran.unwrap_or_else(|_| broken(device, Flaws::PANIC))
}

fn broken(device: &Device, flaws: Flaws) -> Stepped {
    let wallet = device.wallet.fork([0; 32]);
    let device = Device::new(device.index, device.forced.clone(), device.lazy.clone(), wallet);
    Stepped {
        device: Arc::new(device),
        flights: Vec::new(),
        facts: Vec::new(),
        flaws,
        request: None,
        refused: false,
        cuts: Vec::new(),
    }
}

/// What is durable while a wallet's acts are carried out.
struct Disk {
    index: usize,
    office: Option<OfficeId>,
    forced: State,
    lazy: Vec<LogRecord>,
    flaws: Flaws,
    facts: Vec<Arc<Fact>>,
    flights: Vec<Flight>,
}

fn follow(device: &Device, input: &Input, done: Done, phase: Phase, cut: Option<usize>) -> Stepped {
    let Done { acts, wallet, request, halted, refused } = done;
    let mut disk = Disk::before(device, input);
    disk.flaws.add_if(halted, Flaws::RECOVERY);
    let cuts = (1..acts.len()).filter(|at| {
        let (before, after) = acts.split_at(*at);
        before.iter().any(|act| matches!(act, Act::Said { .. }))
            && after.iter().any(|act| matches!(act, Act::Wrote { .. }))
    });
    let cuts = cuts.collect();
    for act in acts.into_iter().take(cut.unwrap_or(usize::MAX)) {
        disk.carry_out(act, phase);
    }
    let request = request.filter(|_| cut.is_none());
    if let Some(request) = &request {
        disk.leave(request);
    }
    let wallet = match cut {
        None => wallet,
        Some(_) => {
            let lost = Device::new(disk.index, disk.forced.clone(), Vec::new(), wallet);
            lost.recovered(0, [9; 32]).unwrap_or_else(|| device.wallet.fork([9; 32]))
        }
    };
    if cut.is_some() {
        disk.lazy.clear();
        return disk.after_cut(wallet, phase, cuts);
    }
    let Disk { forced, lazy, flaws, facts, flights, .. } = disk;
    let device = Device::new(device.index, forced, lazy, wallet);
    let mut flaws = flaws;
    flaws.add_if(!device.view.is_logged, Flaws::RECOVERY);
    let (device, request) = (Arc::new(device), request.map(Arc::new));
    Stepped { device, flights, facts, flaws, request, refused, cuts }
}

impl Disk {
    /// What is on the disk when the wallet begins to act.
    fn before(device: &Device, input: &Input) -> Self {
        let mut disk = Self {
            index: device.index,
            office: device.forced.office().copied(),
            forced: device.forced.clone(),
            lazy: device.lazy.clone(),
            flaws: Flaws::default(),
            facts: Vec::new(),
            flights: Vec::new(),
        };
        match input {
            // What a power cut left is there to stay.
            Input::PowerCut { kept } => {
                disk.lazy.truncate(*kept);
                disk.write(Vec::new(), true);
            }
            Input::PutBack(kept) => {
                disk.forced = kept.state.clone();
                disk.lazy.clear();
            }
            _ => {}
        }
        disk
    }

    fn carry_out(&mut self, act: Act, phase: Phase) {
        match act {
            Act::Wrote { records, forced } => self.write(records, forced),
            Act::Said { to, messages } => {
                self.say(&messages);
                self.flights.push(Flight::new(self.index, to, Cargo::Said(messages)));
            }
            Act::Told(Event::PeerFault { fault: Fault::InvalidVote, .. }) => {
                // A vote that comes when the purse has expired is late, and nobody's fault.
                self.flaws.add_if(phase == Phase::Early, Flaws::BLAME);
            }
            Act::Compacted(state) => {
                self.forced = *state;
                self.lazy.clear();
            }
            Act::HungUp | Act::Told(_) => {}
        }
    }

    fn write(&mut self, records: Vec<LogRecord>, forced: bool) {
        for record in &records {
            if let LogRecord::Evidence { tx, .. } = record {
                let state = self.forced.bought().get(tx).map(|payment| &payment.state);
                // A COMMIT that comes after VOID convicts nobody.
                let late = matches!(state, Some(BuyerState::Voided { .. }));
                self.flaws.add_if(!late, Flaws::BLAME);
            }
        }
        self.lazy.extend(records);
        if !forced {
            return;
        }
        for record in std::mem::take(&mut self.lazy) {
            if let LogRecord::SellerCommitted { tx, .. } = &record {
                self.know(What::Credited { tx: *tx });
                let held = self.forced.sold().get(tx);
                let twice = held.is_some_and(|payment| payment.state.claim().is_some());
                self.flaws.add_if(twice, Flaws::CREDIT);
            }
            let fits = self.forced.apply(&record).is_ok();
            self.flaws.add_if(!fits, Flaws::RECOVERY);
        }
    }

    fn know(&mut self, what: What) {
        self.facts.push(Arc::new(Fact::new(self.index, what)));
    }

    /// Words leave: what they bind must be durable.
    fn say(&mut self, messages: &[Message]) {
        let Some(office) = self.office else { return };
        let attachments = input::attachments(messages);
        for message in messages {
            if let Some(agreed) = message.vote().filter(|vote| self.is_mine(vote.body.checkpoint)) {
                let hash = agreed.hash(&office);
                self.know(What::Entry {
                    hash,
                    agreed: Box::new(agreed.body.clone()),
                    attachments: Arc::new(attachments.clone()),
                });
            }
            let what = match message {
                Message::CommitRequest { request, .. } => What::Request {
                    tx: request.body.tx_id(),
                    epoch: request.body.epoch,
                    number: request.body.number,
                    hash: request.hash(&office),
                },
                Message::Commit(commit) => What::Commit {
                    tx: commit.body.tx,
                    entry: commit.body.agreed,
                    hash: commit.hash(&office),
                },
                Message::Abort(abort) => {
                    What::Abort { tx: abort.body.tx, hash: abort.hash(&office) }
                }
                Message::Committed(committed) => What::Committed { tx: committed.body.tx },
                _ => continue,
            };
            self.know(what);
        }
        let durable = messages.iter().all(|message| is_durable(&self.forced, message));
        self.flaws.add_if(!durable, Flaws::BARRIER);
    }

    fn is_mine(&self, checkpoint: onehop_wire::Hash) -> bool {
        self.forced.bought().values().any(|payment| {
            payment.state.vote().is_some_and(|vote| vote.agreed.body.checkpoint == checkpoint)
        }) || self.forced.purse().is_some_and(|purse| purse.hash == checkpoint)
    }

    /// A request to the office leaves.
    fn leave(&mut self, request: &OfficeRequest) {
        let Some(office) = self.office else { return };
        match request {
            OfficeRequest::Sync(sync) => {
                let closed = self.forced.purse().and_then(|purse| purse.closed.as_deref());
                self.flaws.add_if(closed != Some(&**sync), Flaws::BARRIER);
                for abort in &sync.body.aborts {
                    self.know(What::Abort { tx: abort.body.tx, hash: abort.hash(&office) });
                }
                for entry in &sync.body.entries {
                    self.entry_leaves(&entry.agreed, &office);
                }
                let hash = sync.hash(&office);
                self.know(What::Close { hash, sync: Arc::new(sync.body.clone()) });
            }
            OfficeRequest::Resolve(request) => {
                self.entry_leaves(&request.agreed, &office);
                let tx = request.resolve.body.tx;
                let state = self.forced.bought().get(&tx).map(|payment| &payment.state);
                let waived = matches!(state, Some(BuyerState::Committed { .. }));
                self.flaws.add_if(waived, Flaws::RESOLVE);
            }
            OfficeRequest::Enrol(_) | OfficeRequest::Claim(_) | OfficeRequest::Relay(_) => {}
        }
    }

    fn entry_leaves(
        &mut self,
        agreed: &onehop_wire::Signed<onehop_wire::Agreed>,
        office: &OfficeId,
    ) {
        let vote = self.forced.bought().get(&agreed.body.tx).and_then(|it| it.state.vote());
        let attachments = vote.map(|vote| vote.attachments.to_vec()).unwrap_or_default();
        self.know(What::Entry {
            hash: agreed.hash(office),
            agreed: Box::new(agreed.body.clone()),
            attachments: Arc::new(attachments),
        });
    }

    /// The device after the power went in the midst of its acts and came back.
    fn after_cut(
        mut self,
        wallet: onehop_proto::Wallet,
        phase: Phase,
        cuts: Vec<usize>,
    ) -> Stepped {
        let mut done = Done::of(wallet);
        input::drain(&mut done);
        for act in std::mem::take(&mut done.acts) {
            self.carry_out(act, phase);
        }
        let device = Device::new(self.index, self.forced, self.lazy, done.wallet);
        Stepped {
            device: Arc::new(device),
            flights: self.flights,
            facts: self.facts,
            flaws: self.flaws,
            request: None,
            refused: false,
            cuts,
        }
    }
}

/// What a message binds its sender to is in the durable state.
fn is_durable(forced: &State, message: &Message) -> bool {
    let bought = |tx| forced.bought().get(tx).map(|payment| &payment.state);
    let sold = |tx| forced.sold().get(tx).map(|payment| &payment.state);
    match message {
        Message::Agreed(agreed) | Message::Status { agreed: Some(agreed), .. } => {
            let Some(state) = bought(&agreed.body.tx) else { return false };
            state.vote().is_some_and(|vote| vote.agreed == *agreed)
        }
        Message::Commit(commit) => {
            let claim = sold(&commit.body.tx).and_then(SellerState::claim);
            claim.is_some_and(|claim| claim.commit == *commit)
        }
        Message::Abort(abort) => match sold(&abort.body.tx) {
            Some(SellerState::Aborted(held)) => held == abort,
            _ => false,
        },
        Message::Committed(committed) => match bought(&committed.body.tx) {
            Some(BuyerState::Committed { committed: held, .. }) => held == committed,
            _ => false,
        },
        Message::Released(released) => match bought(&released.body.tx) {
            Some(BuyerState::Aborted { released: held, .. }) => held == released,
            _ => false,
        },
        Message::CommitRequest { .. }
        | Message::Attachment(_)
        | Message::Refused(_)
        | Message::Status { agreed: None, .. }
        | Message::Unknown(_)
        | Message::News(_) => true,
    }
}

/// The second time writes nothing and says nothing that the first time did not, unless the first
/// time said nothing.
fn repeats(first: &[Flight], again: &Done) -> bool {
    again.acts.iter().all(|act| match act {
        Act::Wrote { .. } => false,
        Act::Said { to, messages } => {
            let flight = Flight::new(0, *to, Cargo::Said(messages.clone()));
            let same_kind = first.iter().filter(|one| one.title() == flight.title());
            let known: Vec<_> = same_kind.map(|one| &one.cargo).collect();
            known.is_empty() || known.iter().any(|cargo| same(cargo, &flight.cargo))
        }
        Act::HungUp | Act::Told(_) | Act::Compacted(_) => true,
    })
}

fn same(one: &Cargo, other: &Cargo) -> bool {
    match (one, other) {
        (Cargo::Said(one), Cargo::Said(other)) => one == other,
        _ => false,
    }
}

/// The same with one bit of the last signature turned.
fn forge(messages: &[Message]) -> Option<Vec<Message>> {
    let mut forged = messages.to_vec();
    let signature = match forged.last_mut()? {
        Message::CommitRequest { request, .. } => &mut request.signature,
        Message::Agreed(agreed) => &mut agreed.signature,
        Message::Refused(refused) => &mut refused.signature,
        Message::Commit(commit) => &mut commit.signature,
        Message::Abort(abort) => &mut abort.signature,
        Message::Committed(committed) => &mut committed.signature,
        Message::Released(released) => &mut released.signature,
        Message::Status { status, .. } => &mut status.signature,
        Message::Attachment(_) | Message::Unknown(_) | Message::News(_) => return None,
    };
    signature.0[7] ^= 1;
    Some(forged)
}
