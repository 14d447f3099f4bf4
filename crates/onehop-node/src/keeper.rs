//! A wallet and its log, kept together: every output of the one goes to the other.

use onehop_evidence::CaseMaker;
use onehop_proto::{Batch, Direction, Event, Output, PaymentView, Wallet};
use onehop_store::{Durability, Journal, Lsn, SledJournal};
use onehop_wire::evidence::ReceiptFile;
use onehop_wire::{Now, TxId, UnixSeconds, decode, encode};

use crate::clock::Clock;
use crate::error::NodeError;
use crate::names::record_name;
use crate::watch::{Act, Unwatched, Watch};

/// Rows of the archive that are read at a time.
const PAGE_ROWS: usize = 64;
/// Longest row of the archive, in bytes.
const ROW_MAX: usize = 1 << 20;

/// A wallet with its log, driven without a link: for commands of the person and the office client.
///
/// [`start`](crate::start) takes it over and drives it with a link. Once a call failed the keeper
/// refuses everything: drop it and open the folder again.
#[derive(Debug)]
pub struct Keeper<J: Journal = SledJournal> {
    wallet: Wallet,
    journal: J,
    clock: Clock,
    has_failed: bool,
    /// The next channel's number; none is used twice.
    next_peer: u64,
}

/// What the archive says of one payment.
type Archived = (Option<PaymentView>, Option<ReceiptFile>);

impl<J: Journal> Keeper<J> {
    /// Takes a recovered wallet and the loaded log it came from, and does what recovery left to do.
    ///
    /// # Errors
    /// [`NodeError::Append`] if that could not be made durable.
    pub fn from_parts(wallet: Wallet, journal: J) -> Result<Self, NodeError> {
        let clock = Clock::start();
        let mut keeper = Self { wallet, journal, clock, has_failed: false, next_peer: 0 };
        keeper.settle(&mut Unwatched)?;
        Ok(keeper)
    }

    /// The wallet.
    #[must_use]
    pub const fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// What the clocks say.
    #[must_use]
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// Runs one command on the wallet, then does every output; gives the events.
    ///
    /// There is no link: packets are dropped, as on a bad one.
    ///
    /// # Errors
    /// [`NodeError`]; the command may be on disk or not, and the keeper has halted.
    pub fn run<T>(
        &mut self,
        command: impl FnOnce(&mut Wallet, Now) -> T,
    ) -> Result<(T, Vec<Event>), NodeError> {
        self.run_watched(&mut Unwatched, command)
    }

    /// As [`Keeper::run`], while `watch` looks on.
    ///
    /// # Errors
    /// As [`Keeper::run`].
    pub fn run_watched<T>(
        &mut self,
        watch: &mut dyn Watch,
        command: impl FnOnce(&mut Wallet, Now) -> T,
    ) -> Result<(T, Vec<Event>), NodeError> {
        self.check_alive()?;
        let now = self.now();
        let answer = command(&mut self.wallet, now);
        let events = self.settle(watch)?;
        Ok((answer, events))
    }

    /// Replaces what the log holds by a snapshot, if that is worth it or is to be done `at_once`.
    ///
    /// # Errors
    /// [`NodeError::Compact`]; the keeper has halted.
    pub fn compact(&mut self, at_once: bool) -> Result<(), NodeError> {
        self.check_alive()?;
        let Some(compaction) = self.wallet.compaction(self.now(), at_once) else {
            return Ok(());
        };
        let upto = Lsn(compaction.upto);
        let stored = self.journal.snapshot(upto, &compaction.snapshot, &compaction.archived);
        self.note(stored).map_err(NodeError::Compact)?;
        self.wallet.compacted(compaction);
        Ok(())
    }

    /// At most `limit` payments, live and archived, newest first as far as this wallet's clock
    /// tells.
    ///
    /// # Errors
    /// [`NodeError::Archive`] or [`NodeError::ArchiveRow`].
    pub fn history(&self, limit: usize) -> Result<Vec<PaymentView>, NodeError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut views: Vec<PaymentView> = self.wallet.state().payments().collect();
        // The archive is in order of the dates to claim by, and nothing is claimed before it is
        // made: once enough payments are newer than a row's date, the rows below it are older.
        let mut from: Option<Vec<u8>> = None;
        loop {
            let page = self.journal.archived(from.as_deref(), true, PAGE_ROWS);
            let page = page.map_err(NodeError::Archive)?;
            for (_, row) in &page {
                views.extend(read_row(row)?.0);
            }
            let floor = views.last().map(|view| view.redeem_by);
            let newer = views.iter().filter(|view| Some(made(view)) > floor).count();
            match page.into_iter().next_back() {
                Some((key, _)) if newer < limit => from = Some(key),
                Some(_) | None => break,
            }
        }
        // A wallet that pays counts its payments; one that is paid has only the dates.
        let order = |view: &PaymentView| {
            let seq = view.seq.filter(|_| view.direction == Direction::Out);
            (made(view), seq)
        };
        views.sort_by_key(|view| std::cmp::Reverse(order(view)));
        views.truncate(limit);
        Ok(views)
    }

    /// One payment, live or archived.
    ///
    /// # Errors
    /// As [`Keeper::history`].
    pub fn payment(&self, tx: &TxId) -> Result<Option<PaymentView>, NodeError> {
        match self.wallet.state().payment(tx) {
            Some(view) => Ok(Some(view)),
            None => Ok(self.archived(tx)?.and_then(|(view, _)| view)),
        }
    }

    /// The evidence of a payment that happened, live or archived.
    ///
    /// # Errors
    /// As [`Keeper::history`].
    pub fn receipt(&self, tx: &TxId) -> Result<Option<ReceiptFile>, NodeError> {
        match self.wallet.state().receipt(tx) {
            Some(receipt) => Ok(Some(receipt)),
            None => Ok(self.archived(tx)?.and_then(|(_, receipt)| receipt)),
        }
    }

    /// What this wallet holds about a payment, for a judge; of an archived one its receipt.
    ///
    /// # Errors
    /// As [`Keeper::history`].
    pub fn case(&self, tx: &TxId) -> Result<Option<CaseMaker>, NodeError> {
        if let Some(case) = self.wallet.state().case(tx) {
            return Ok(Some(case));
        }
        let receipt = self.archived(tx)?.and_then(|(_, receipt)| receipt);
        Ok(receipt.map(|receipt| {
            let mut case = CaseMaker::default();
            case.receipt(&receipt);
            case
        }))
    }

    /// How many durability barriers were sent to the disk since the folder was opened.
    #[must_use]
    pub fn forces(&self) -> u64 {
        self.journal.forces()
    }

    /// The log.
    #[must_use]
    pub const fn journal(&self) -> &J {
        &self.journal
    }

    /// Gives the parts back, as for a simulated crash.
    #[must_use]
    pub fn into_parts(self) -> (Wallet, J) {
        (self.wallet, self.journal)
    }

    pub(crate) const fn wallet_mut(&mut self) -> &mut Wallet {
        &mut self.wallet
    }

    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) const fn next_peer(&mut self) -> u64 {
        self.next_peer += 1;
        self.next_peer
    }

    /// Appends a batch; a forced one is durable, and the wallet knows, when this returns.
    pub(crate) fn persist(&mut self, batch: &Batch) -> Result<(), NodeError> {
        self.check_alive()?;
        let records: Vec<Vec<u8>> = batch.records.iter().map(encode).collect();
        let durability = if batch.forced { Durability::Forced } else { Durability::Lazy };
        let appended = self.journal.append(Lsn(batch.first), &records, durability);
        let (first, last) = (batch.first, batch.last());
        self.note(appended).map_err(|source| NodeError::Append { first, last, source })?;
        if batch.forced {
            self.wallet.persisted(last);
        }
        Ok(())
    }

    fn settle(&mut self, watch: &mut dyn Watch) -> Result<Vec<Event>, NodeError> {
        let mut events = Vec::new();
        while let Some(output) = self.wallet.poll_output() {
            match output {
                Output::Persist(batch) => {
                    let act = persist_act(&batch);
                    // There is nothing to cut.
                    watch.before(&act);
                    self.persist(&batch)?;
                    watch.after(&act);
                }
                Output::Notify(event) => events.push(event),
                Output::Transmit { .. } | Output::Disconnect(_) => {}
            }
        }
        Ok(events)
    }

    fn archived(&self, tx: &TxId) -> Result<Option<Archived>, NodeError> {
        let mut from = Vec::new();
        loop {
            let page = self.journal.archived(Some(&from), false, PAGE_ROWS);
            let page = page.map_err(NodeError::Archive)?;
            let is_last = page.len() < PAGE_ROWS;
            for (key, row) in page {
                if key.ends_with(tx.as_bytes()) {
                    return read_row(&row).map(Some);
                }
                from = key;
            }
            if is_last {
                return Ok(None);
            }
            // The least key above the last one.
            from.push(0);
        }
    }

    const fn check_alive(&self) -> Result<(), NodeError> {
        if self.has_failed { Err(NodeError::Halted) } else { Ok(()) }
    }

    const fn note<T, E>(&mut self, result: Result<T, E>) -> Result<T, E> {
        self.has_failed |= result.is_err();
        result
    }
}

pub(crate) fn persist_act(batch: &Batch) -> Act {
    let records = batch.records.iter().map(record_name).collect();
    Act::Persist { first: batch.first, records, forced: batch.forced }
}

/// When a payment was made. A clock that was ahead then does not put it above its date to claim.
fn made(view: &PaymentView) -> UnixSeconds {
    view.at.min(view.redeem_by)
}

fn read_row(row: &[u8]) -> Result<Archived, NodeError> {
    decode(row, ROW_MAX).map_err(NodeError::ArchiveRow)
}
