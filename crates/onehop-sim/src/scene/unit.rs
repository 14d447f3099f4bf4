//! One wallet of a bench: its log, its words, and what a power cut leaves of both.

use std::collections::{BTreeSet, VecDeque};

use onehop_proto::{Batch, Config, Event, LogRecord, Output, PeerId, Wallet};
use onehop_wire::{CommitRequest, Hash, Signed, TxId, domain, encode};

use super::{Played, REQUESTS, Trouble};
use crate::check::{Facts, I11, RECOVERY};

/// A packet on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) peer: PeerId,
    pub(crate) bytes: Vec<u8>,
    pub(crate) name: &'static str,
}

/// A wallet with a log in memory.
#[derive(Debug)]
pub(crate) struct Unit {
    index: usize,
    pub(crate) wallet: Wallet,
    snapshot: Option<(u64, Vec<u8>)>,
    log: Vec<(u64, Vec<u8>, LogRecord)>,
    /// The last record that is durable.
    forced: u64,
    /// Words that bind whose record is durable, and those whose record is not.
    durable: BTreeSet<&'static str>,
    pending: BTreeSet<&'static str>,
    pub(crate) out: VecDeque<Parcel>,
    pub(crate) events: Vec<Event>,
    /// Hashes of all packets that ever left.
    pub(crate) sent: BTreeSet<Hash>,
    requests: Vec<Signed<CommitRequest>>,
    /// Records and packets that it still lives to write and send; none: it lives for ever.
    pub(crate) power: Option<usize>,
    pub(crate) is_dead: bool,
}

/// The word that binds because of this record.
fn word_of(record: &LogRecord) -> Option<&'static str> {
    match record {
        LogRecord::Prepared { .. } => Some("AGREED"),
        LogRecord::SellerCommitted { .. } => Some("COMMIT"),
        LogRecord::SellerAborted { .. } => Some("ABORT"),
        LogRecord::BuyerCommitted { .. } => Some("COMMITTED"),
        LogRecord::BuyerAborted { .. } => Some("RELEASED"),
        LogRecord::Closed(_) => Some("SYNC"),
        LogRecord::Born { .. }
        | LogRecord::EnrolSigned(_)
        | LogRecord::Enrolled(_)
        | LogRecord::OfficeKeySeen(_)
        | LogRecord::Invited { .. }
        | LogRecord::Done { .. }
        | LogRecord::Redeemed(_)
        | LogRecord::Lost(_)
        | LogRecord::Refused { .. }
        | LogRecord::BuyerSettled(_)
        | LogRecord::Evidence { .. }
        | LogRecord::Renewed(_)
        | LogRecord::Seen { .. }
        | LogRecord::NewRootSeen(_)
        | LogRecord::Revoked { .. }
        | LogRecord::Forked { .. }
        | LogRecord::HeadHeard(_)
        | LogRecord::Told { .. }
        | LogRecord::Frozen
        | LogRecord::NumbersFrom(_) => None,
    }
}

impl Unit {
    /// Starts a wallet whose log holds `records`, all durable.
    pub(crate) fn start(index: usize, records: Vec<LogRecord>, seed: [u8; 32]) -> Played<Self> {
        let log: Vec<_> =
            (1..).zip(records).map(|(lsn, record)| (lsn, encode(&record), record)).collect();
        let forced = log.last().map_or(0, |(lsn, ..)| *lsn);
        let bytes = log.iter().map(|(lsn, bytes, _)| (*lsn, bytes.clone()));
        let wallet = Wallet::recover(Config::default(), seed, None, bytes)
            .map_err(|error| Trouble::Stuck(format!("no wallet: {error}")))?;
        Ok(Self { log, forced, ..Self::empty(index, wallet) })
    }

    fn empty(index: usize, wallet: Wallet) -> Self {
        Self {
            index,
            wallet,
            snapshot: None,
            log: Vec::new(),
            forced: 0,
            durable: BTreeSet::new(),
            pending: BTreeSet::new(),
            out: VecDeque::new(),
            events: Vec::new(),
            sent: BTreeSet::new(),
            requests: Vec::new(),
            power: None,
            is_dead: false,
        }
    }

    /// Starts a wallet from a snapshot that no record precedes, as a restored one does.
    pub(crate) fn restored(index: usize, state: Vec<u8>, seed: [u8; 32]) -> Played<Self> {
        let mut unit = Self::empty(
            index,
            super::or_stuck(
                Wallet::recover(Config::default(), seed, Some((0, &state)), []),
                "no wallet",
            )?,
        );
        unit.snapshot = Some((0, state));
        // What the snapshot lets it say again is on disk.
        unit.durable.extend(["AGREED", "COMMIT", "ABORT", "COMMITTED", "RELEASED"]);
        Ok(unit)
    }

    /// Its log, whole.
    pub(crate) fn records(&self) -> Vec<LogRecord> {
        self.log.iter().map(|(.., record)| record.clone()).collect()
    }

    /// Carries out every output, as the wallet's contract says.
    pub(crate) fn drain(&mut self, facts: &mut Facts) {
        while !self.is_dead {
            let Some(output) = self.wallet.poll_output() else { return };
            self.carry_out(facts, output);
        }
    }

    fn carry_out(&mut self, facts: &mut Facts, output: Output) {
        if matches!(output, Output::Persist(_) | Output::Transmit { .. }) {
            if self.power == Some(0) {
                self.is_dead = true;
                self.out.clear();
                return;
            }
            self.power = self.power.map(|left| left - 1);
        }
        match output {
            Output::Persist(batch) => self.persist(facts, &batch),
            Output::Transmit { peer, bytes, name } => {
                self.may_leave(facts, name);
                self.sent.insert(domain::sha256(&bytes));
                self.out.push_back(Parcel { peer, bytes, name });
            }
            Output::Disconnect(_) => {}
            Output::Notify(event) => self.events.push(event),
        }
    }

    fn persist(&mut self, facts: &mut Facts, batch: &Batch) {
        let words: Vec<_> = batch.records.iter().filter_map(word_of).collect();
        for (lsn, record) in (batch.first..).zip(&batch.records) {
            if let LogRecord::Invited { request, .. } = record {
                self.asks(facts, request);
            }
            facts.signed(self.index, lsn, record, batch.forced);
            self.log.push((lsn, encode(record), record.clone()));
        }
        if !batch.forced {
            self.pending.extend(words);
            return;
        }
        let early = self.wallet.poll_output();
        if let Some(early) = early {
            let what = format!("unit {} goes on before its force returned", self.index);
            facts.violate(I11, what);
            self.carry_out(facts, early);
        }
        self.wallet.persisted(batch.last());
        self.forced = batch.last();
        self.durable.append(&mut self.pending);
        self.durable.extend(words);
    }

    /// A word that binds leaves only once its record is durable.
    pub(crate) fn may_leave(&self, facts: &mut Facts, name: &'static str) {
        let binds =
            matches!(name, "AGREED" | "COMMIT" | "ABORT" | "COMMITTED" | "RELEASED" | "SYNC");
        if binds && (self.pending.contains(name) || !self.durable.contains(name)) {
            facts.violate(I11, format!("unit {} says {name}, which is not on disk", self.index));
        }
    }

    /// No two requests have one number or one payment id.
    fn asks(&mut self, facts: &mut Facts, request: &Signed<CommitRequest>) {
        let clash = self.requests.iter().find(|other| {
            let (this, other) = (&request.body, &other.body);
            this.tx_id() == other.tx_id()
                || (this.epoch, this.number) == (other.epoch, other.number)
        });
        if clash.is_some() {
            facts.violate(REQUESTS, format!("request {} is made twice", request.body.number));
        }
        self.requests.push(request.clone());
    }

    /// Loses power and starts again; what was not forced is there or not.
    pub(crate) fn restart(
        &mut self,
        facts: &mut Facts,
        keeps_lazy: bool,
        seed: [u8; 32],
    ) -> Played<()> {
        self.log.retain(|(lsn, ..)| keeps_lazy || *lsn <= self.forced);
        for (lsn, _, record) in &self.log {
            facts.record(self.index, *lsn, record);
        }
        if keeps_lazy {
            self.durable.append(&mut self.pending);
        }
        self.pending.clear();
        let snapshot = self.snapshot.as_ref().map(|(lsn, bytes)| (*lsn, bytes.as_slice()));
        let records = self.log.iter().map(|(lsn, bytes, _)| (*lsn, bytes.clone()));
        match Wallet::recover(Config::default(), seed, snapshot, records) {
            Ok(wallet) => self.wallet = wallet,
            Err(error) => {
                facts.violate(RECOVERY, error.to_string());
                return Err(Trouble::of(facts));
            }
        }
        (self.power, self.is_dead) = (None, false);
        self.out.clear();
        self.drain(facts);
        Ok(())
    }

    /// Replaces the log by a snapshot.
    pub(crate) fn compact(&mut self, now: onehop_wire::Now) {
        let Some(compaction) = self.wallet.compaction(now, true) else { return };
        self.log.retain(|(lsn, ..)| *lsn > compaction.upto);
        self.snapshot = Some((compaction.upto, compaction.snapshot.clone()));
        self.forced = self.forced.max(compaction.upto);
        self.wallet.compacted(compaction);
    }

    /// The seed of its signing key, as its log has it.
    pub(crate) fn signing_seed(&self) -> Played<[u8; 32]> {
        let born = self.log.iter().find_map(|(_, _, record)| {
            if let LogRecord::Born { signing_seed, .. } = record {
                Some(*signing_seed)
            } else {
                None
            }
        });
        super::or_stuck(born, "no key in the log")
    }

    /// The state of a payment by its name in the specification.
    pub(crate) fn state(&self, tx: &TxId) -> String {
        self.wallet.state().payment(tx).map_or_else(|| "NONE".to_owned(), |view| view.state)
    }

    /// True if the seller took a vote for this payment.
    pub(crate) fn has_taken(&self, tx: &TxId) -> bool {
        matches!(self.state(tx).as_str(), "COMMITTED" | "DONE" | "REDEEMED" | "LOST")
    }
}
